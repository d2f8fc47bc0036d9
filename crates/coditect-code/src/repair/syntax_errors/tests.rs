#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_ports::{Clock, PortError, Stop};
use coditect_types::TestResult;
use proptest::prelude::*;

use super::complaint::{Complaint, Pass};
use super::page::Page;
use super::*;
use crate::repair::layers::red_test;
use crate::repair::{Judge, Means, Scope, SeekLimits, Sought, Trial, seek};
use crate::syntax::splice;

fn complaint(said: &str, line: usize) -> Complaint {
    let source = [Source { path: "m.py".to_owned(), text: String::new() }];
    Complaint::of_message(&format!("{said} (m.py, line {line})"), &source, None).unwrap()
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    for (eol, said) in [("\n", "SyntaxError: expected ':'"), ("\r\n", "SyntaxError: expected ':'")] {
        let old = format!("\u{feff}def add(a, b){eol}    return a + b{eol}");
        let new = format!("\u{feff}def add(a, b):{eol}    return a + b{eol}");
        assert_eq!(rank(&old, said, 1, &new), 0);
    }
    let old = "\u{feff}f(a):\n    return a\n";
    assert_eq!(rank(old, "SyntaxError: invalid syntax", 1, "\u{feff}def f(a):\n    return a\n"), 0);
}

/// Where the right answer stands among the answers to a message, from 0.
#[track_caller]
fn rank(old: &str, said: &str, line: usize, new: &str) -> usize {
    let found = answers(old, &complaint(said, line)).unwrap();
    let texts: Vec<String> = found.iter().filter_map(|fix| splice(old, &fix.splices)).collect();
    texts
        .iter()
        .position(|text| text == new)
        .unwrap_or_else(|| panic!("{said}: {new:?} not in {:#?}", &texts[..texts.len().min(30)]))
}

#[test]
fn slips_are_answered() {
    let invalid = "SyntaxError: invalid syntax";
    for (old, said, line, new) in [
        ("def f(a)\n    return a\n", "SyntaxError: expected ':'", 1, "def f(a):\n    return a\n"),
        ("x = f(a, g(1)\ny = 2\n", "SyntaxError: '(' was never closed", 1, "x = f(a, g(1))\ny = 2\n"),
        (
            "x = [\n    1,\n    2,\n\ny = 2\n",
            "SyntaxError: '[' was never closed",
            1,
            "x = [\n    1,\n    2,\n]\n\ny = 2\n",
        ),
        ("x = f(1))\n", "SyntaxError: unmatched ')'", 1, "x = f(1)\n"),
        ("x = f 1)\n", "SyntaxError: unmatched ')'", 1, "x = f(1)\n"),
        (
            "x = [1)\n",
            "SyntaxError: closing parenthesis ')' does not match opening parenthesis '['",
            1,
            "x = [1]\n",
        ),
        ("f('a, b)\n", "SyntaxError: unterminated string literal (detected at line 1)", 1, "f('a, b')\n"),
        ("f(a', b)\n", "SyntaxError: unterminated string literal (detected at line 1)", 1, "f('a', b)\n"),
        (
            "x = 'don't'\n",
            "SyntaxError: unterminated string literal (detected at line 1)",
            1,
            "x = \"don't\"\n",
        ),
        (
            "def f():\n    \"\"\"Doc.\n    return 1\n",
            "SyntaxError: unterminated triple-quoted string literal (detected at line 3)",
            2,
            "def f():\n    \"\"\"Doc.\"\"\"\n    return 1\n",
        ),
        ("def f(a):\n    retrun a\n", invalid, 2, "def f(a):\n    return a\n"),
        ("def f(a):\n    returna\n", invalid, 2, "def f(a):\n    return a\n"),
        ("f(a):\n    return a\n", invalid, 1, "def f(a):\n    return a\n"),
        ("for x y:\n    pass\n", invalid, 1, "for x in y:\n    pass\n"),
        ("for x ni y:\n    pass\n", invalid, 1, "for x in y:\n    pass\n"),
        ("if a && b:\n    pass\n", invalid, 1, "if a and b:\n    pass\n"),
        ("if !a:\n    pass\n", invalid, 1, "if not a:\n    pass\n"),
        ("i++\n", invalid, 1, "i += 1\n"),
        ("x = a ? b : c\n", invalid, 1, "x = b if a else c\n"),
        ("print 'a'\n", "SyntaxError: Missing parentheses in call to 'print'.", 1, "print('a')\n"),
        ("raise E, 'a'\n", invalid, 1, "raise E('a')\n"),
        ("x = \u{201c}a\u{201d}\n", "SyntaxError: invalid character '\u{201c}' (U+201C)", 1, "x = \"a\"\n"),
        ("x =\u{a0}1\n", "SyntaxError: invalid non-printable character U+00A0", 1, "x = 1\n"),
        ("x = [1, 2 3]\n", "SyntaxError: invalid syntax. Perhaps you forgot a comma?", 1, "x = [1, 2, 3]\n"),
        ("return return 1\n", invalid, 1, "return 1\n"),
        ("x = 1 +\n    2\n", invalid, 1, "x = 1 + 2\n"),
        ("def f(a) {\n    return a\n}\n", "SyntaxError: expected ':'", 1, "def f(a):\n    return a\n"),
        (
            "if a = 1:\n    pass\n",
            "SyntaxError: invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
            1,
            "if a == 1:\n    pass\n",
        ),
    ] {
        let rank = rank(old, said, line, new);
        assert!(rank < 12, "{new:?} is only number {rank}");
    }
}

#[test]
fn layout_is_answered() {
    for (old, said, line, new) in [
        (
            "def f():\nreturn 1\n",
            "IndentationError: expected an indented block after function definition on line 1",
            2,
            "def f():\n    return 1\n",
        ),
        (
            "def f():\n    x = 1\n      y = 2\n    return x\n",
            "IndentationError: unexpected indent",
            3,
            "def f():\n    x = 1\n    y = 2\n    return x\n",
        ),
        (
            "def f(a):\n    if a:\n        x = 1\n      y = 2\n    return x\n",
            "IndentationError: unindent does not match any outer indentation level",
            4,
            "def f(a):\n    if a:\n        x = 1\n        y = 2\n    return x\n",
        ),
        (
            "def f(a):\n    x = 1\nreturn x\n",
            "SyntaxError: 'return' outside function",
            3,
            "def f(a):\n    x = 1\n    return x\n",
        ),
        (
            "def f(a):\n    if a:\n\treturn 1\n    return 2\n",
            "TabError: inconsistent use of tabs and spaces in indentation",
            3,
            "def f(a):\n    if a:\n        return 1\n    return 2\n",
        ),
        (
            "for a in b:\n    if a:\n        c()\n      else:\n        d()\n",
            "IndentationError: unindent does not match any outer indentation level",
            4,
            "for a in b:\n    if a:\n        c()\n    else:\n        d()\n",
        ),
    ] {
        let rank = rank(old, said, line, new);
        assert!(rank < 8, "{new:?} is only number {rank}");
    }
}

#[test]
fn conflicts_are_taken_apart() {
    let old = "a = 1\n<<<<<<< HEAD\nb = 2\n||||||| base\nb = 0\n=======\nb = 3\n>>>>>>> topic\nc = 4\n";
    let said = "SyntaxError: invalid syntax";
    assert_eq!(rank(old, said, 2, "a = 1\nb = 2\nc = 4\n"), 0);
    assert!(rank(old, said, 2, "a = 1\nb = 3\nc = 4\n") < 4);
    assert!(rank(old, said, 2, "a = 1\nb = 2\nb = 3\nc = 4\n") < 4);
}

#[test]
fn line_breaks_stay_as_they_are() {
    let found = answers("def f()\r\n    return 1\r\n", &complaint("SyntaxError: expected ':'", 1)).unwrap();
    let first = splice("def f()\r\n    return 1\r\n", &found[0].splices).unwrap();
    assert_eq!(first, "def f():\r\n    return 1\r\n");
}

#[test]
fn what_is_no_text_is_not_searched() {
    let junk: String = (0..2_000_u32).map(|n| char::from_u32(n % 31).unwrap_or('\0')).collect();
    let said = "SyntaxError: source code string cannot contain null bytes";
    assert_eq!(
        answers(&junk, &Complaint { path: "m.py".to_owned(), row: 0, header: None, said: said.to_owned() }),
        None
    );
}

#[test]
fn messages_are_understood() {
    let sources = ["a/m.py", "b/m.py"].map(|path| Source { path: path.to_owned(), text: String::new() });
    let of = |message: &str, hint| Complaint::of_message(message, &sources, hint).map(|c| (c.path, c.row));
    let short = "IndentationError: unexpected indent (m.py, line 3)";
    assert_eq!(of(short, None), Some(("a/m.py".to_owned(), 2)));
    assert_eq!(of(short, Some("b/m.py")), Some(("b/m.py".to_owned(), 2)));
    let long = "Traceback:\n  File \"/x/t.py\", line 1\n  File \"/x/b/m.py\", line 7\n    x = (\nE   SyntaxError: '(' was never closed";
    assert_eq!(of(long, None), Some(("b/m.py".to_owned(), 6)));
    assert_eq!(
        of("AssertionError: SyntaxError: no (m.py, line 3) 'is not the start'", None).map(|c| c.1),
        Some(2)
    );
    assert_eq!(of("AssertionError: 1 != 2 (m.py, line 3)", None), None);
    assert_eq!(of("SyntaxError: invalid syntax (other.py, line 3)", None), None);
    assert_eq!(complaint("SyntaxError: unmatched ')'", 1).pass(), Pass::Tokens);
    assert_eq!(complaint("SyntaxError: 'return' outside function", 1).pass(), Pass::Scopes);
    let header = "IndentationError: expected an indented block after 'if' statement on line 2";
    assert_eq!(complaint(header, 3).header, Some(1));
}

mod braces;

/// A parser that knows the slips of one text, and tests that want pieces of it.
struct Parser {
    /// What must not be in the text, and what is said of it.
    slips: &'static [(&'static str, &'static str)],
    /// What must be in the text, test by test.
    wants: &'static [&'static str],
    text: &'static str,
}

impl Judge for Parser {
    fn judge(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Result<Trial, PortError> {
        let text = overlay.get("m.py").map_or(self.text, String::as_str);
        let mut trial = Trial { complete: true, ..Trial::default() };
        let at = |slip: &str| text.find(slip).map(|at| text[..at].matches('\n').count() + 1);
        if let Some((line, said)) = self.slips.iter().filter_map(|(slip, said)| Some((at(slip)?, said))).min()
        {
            trial.red.push(("t.py::<import>".to_owned(), format!("{said} (m.py, line {line})")));
            return Ok(trial);
        }
        for (n, want) in self.wants.iter().enumerate() {
            let id = format!("t.py::test_{n}");
            if text.contains(want) {
                trial.passed.push(id)
            } else {
                trial.red.push((id, "AssertionError: no".to_owned()))
            }
        }
        let import = "t.py::<import>".to_owned();
        let asked = match scope {
            Scope::Tests { ids, .. } => ids.contains(&import),
            Scope::Whole => true,
        };
        match trial.red.is_empty() {
            _ if !asked => {}
            true => trial.passed.push(import),
            false => trial.red.push((import, "`t.py::test_0` is red".to_owned())),
        }
        Ok(trial)
    }
}

#[derive(Debug, Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
    fn monotonic_us(&self) -> u64 {
        self.0.fetch_add(100, Ordering::Relaxed)
    }
}

fn sought(judge: &Parser) -> Sought {
    let sources = [Source { path: "m.py".to_owned(), text: judge.text.to_owned() }];
    let message = judge.judge(&BTreeMap::new(), Scope::Whole).unwrap().red[0].1.clone();
    let red: [TestResult; 1] = [red_test("t.py::<import>", &message)];
    let problem = Problem {
        sources: &sources,
        others: &[],
        suspects: &[],
        red: &red,
        request: "",
        refused: &[],
        seed: 1,
    };
    let (limits, clock, stop) =
        (SeekLimits { candidates: 20_000, ..SeekLimits::default() }, Ticks::default(), Stop::new());
    seek(&problem, &Means { judge, limits: &limits, clock: &clock, stop: &stop }, &mut |_| {})
}

const TWO: &str = "def f(a)\n    b = a + 1\n    return b\n\n\ndef g(a):\n    retrun a\n";
const SLIPS: &[(&str, &str)] =
    &[("def f(a)\n", "SyntaxError: expected ':'"), ("retrun", "SyntaxError: invalid syntax")];

#[test]
fn errors_are_mended_one_after_the_other() {
    let found = sought(&Parser { slips: SLIPS, wants: &["def f(a):\n", "    return a\n"], text: TWO });
    let best = found.best.unwrap();
    assert_eq!(best.sources[0].text, TWO.replace("f(a)\n", "f(a):\n").replace("retrun", "return"));
    assert_eq!(best.candidate.kind, EditKind::Syntax);
    assert_eq!(best.candidate.edits.len(), 2);
    assert!(
        best.explanation.starts_with("a file did not parse: `:` was added in `m.py` line 1"),
        "{}",
        best.explanation
    );
    assert!(found.tried < 1_500, "{}", found.tried);
}

#[test]
fn what_is_still_wrong_is_searched_on_the_mended_text() {
    let wants: &[&str] = &["def f(a):\n    b = a - 1\n    return b\n", "    return a\n"];
    let found = sought(&Parser { slips: SLIPS, wants, text: TWO });
    let best = found.best.unwrap_or_else(|| panic!("{}", found.account));
    assert!(best.sources[0].text.contains("b = a - 1"));
    assert_eq!(best.candidate.edits.len(), 3);
    assert!(found.account.contains("did not parse"), "{}", found.account);
}

#[test]
fn a_file_that_cannot_be_mended_is_told() {
    let judge = Parser { slips: &[("", "SyntaxError: invalid syntax")], wants: &[], text: "x = f f f\n" };
    let found = sought(&judge);
    assert!(found.best.is_none());
    let says = "`m.py` does not parse (line 1: invalid syntax)";
    assert!(found.account.starts_with(says), "{}", found.account);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_text_can_be_cut_up_and_answered(text in "[a-c(){}\\[\\]:=,.'\"#\\\\ \t\ndefirtun\u{201c}é]{0,120}", row in 0_usize..6) {
        let page = Page::read(&text, &lexicon::PYTHON);
        for line in &page.lines {
            prop_assert!(line.range.start <= line.code_end && line.code_end <= line.range.end);
        }
        prop_assert!(page.tokens.windows(2).all(|two| two[0].range.end <= two[1].range.start));
        let complaint = Complaint { path: "m.py".to_owned(), row, header: None, said: "SyntaxError: invalid syntax".to_owned() };
        for fix in answers(&text, &complaint).unwrap_or_default() {
            let new = splice(&text, &fix.splices);
            prop_assert!(new.is_some_and(|new| new != text), "{fix:?}");
        }
    }
}

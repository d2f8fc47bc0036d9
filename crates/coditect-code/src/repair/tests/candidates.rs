//! What is promised of every single candidate, on programs of many shapes.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::python::Project;
use super::*;
use crate::syntax::Syntax;

/// All scores.
const ALL: std::ops::Range<f64> = 0.0..f64::INFINITY;

/// Lines of a function's body at one depth; `{}` stands for deeper lines.
const PIECES: &[&str] = &[
    "total = 0",
    "total += items[i] * 2",
    "for i in range(len(items)):{}",
    "if total > limit and not items:{}",
    "while i < limit:{}",
    "i -= 1",
    "names = [n.lower() for n in items if n]",
    "seen.add(items[0])",
    "return sorted(items, key=lambda x: (x[1], -x[0]))",
    "return None if total is None else f\"{total:.2f} of {limit + 1}\"",
    "try:{}\nexcept (KeyError, ValueError) as error:{}\nfinally:{}",
    "with open(name, \"r\") as file:{}",
    "if i in seen:{}\nelif i == 1:{}\nelse:{}",
    "a, b = b, a % b",
    "self.count = self.count + 1",
    "yield items[1:-1]",
    "raise ValueError('no \\'such\\' thing')",
    "text = \"\"\"one\n  two\n\"\"\"",
    "x = {\"a\": 1, 'b': [1, 2, 3]}[name].get(i, -1)",
    "assert (total // 2) ** 2 != ~i & 0xff",
    "pass  # a note: if x:",
];

fn program(seed: &[u8], eol: &str, tab: &str) -> String {
    fn block(out: &mut Vec<String>, seed: &mut std::slice::Iter<'_, u8>, depth: usize, tab: &str) {
        let count = seed.next().map_or(1, |n| 1 + usize::from(*n) % 3);
        for _ in 0..count {
            let piece = match seed.next() {
                Some(n) if depth < 4 => PIECES[usize::from(*n) % PIECES.len()],
                _ => "pass",
            };
            for line in piece.split('\n') {
                let text = line.trim_end_matches("{}");
                // Lines inside a text of several lines stay as they are.
                let inside = piece.contains("\"\"\"") && !line.contains("text");
                out.push(if inside { line.to_owned() } else { format!("{}{text}", tab.repeat(depth)) });
                if line.ends_with("{}") {
                    block(out, seed, depth + 1, tab);
                }
            }
        }
    }
    let mut out = vec!["LIMIT = 10".to_owned(), String::new(), "class Box:".to_owned()];
    let mut seed = seed.iter();
    for signature in ["def f(self, items, limit=[], *rest):", "def g(self, name: str, i=0, **more):"] {
        out.push(format!("{tab}{signature}"));
        block(&mut out, &mut seed, 2, tab);
    }
    out.push("def top(a, b):".to_owned());
    block(&mut out, &mut seed, 1, tab);
    out.join(eol) + eol
}

fn candidates_of(sources: &[Source], others: &[Source]) -> Vec<Candidate> {
    let problem = Problem { sources, others, ..Problem::default() };
    let project = Project::read(&problem).unwrap();
    project.candidates(&project.units(), &ALL)
}

fn source(text: &str) -> Source {
    Source { path: "m.py".to_owned(), text: text.to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_candidate_applies_and_keeps_line_breaks(
        seed in proptest::collection::vec(any::<u8>(), 4..24),
        crlf in any::<bool>(),
        tab in prop_oneof![Just("    "), Just("\t"), Just("  ")],
        bom in any::<bool>(),
    ) {
        let eol = if crlf { "\r\n" } else { "\n" };
        let text = format!("{}{}", if bom { "\u{feff}" } else { "" }, program(&seed, eol, tab));
        let mut syntax = Syntax::python().unwrap();
        prop_assert!(!syntax.parse(&text).unwrap().root_node().has_error(), "{text}");
        let sources = [source(&text)];
        let made = candidates_of(&sources, &[]);
        prop_assert!(made.len() > 20);
        let mut broken = 0;
        let step = (made.len() / 400).max(1);
        for candidate in made.iter().step_by(step) {
            let overlay = candidate.apply(&sources);
            prop_assert!(overlay.is_some(), "{candidate:?}");
            let overlay = overlay.unwrap();
            let new = &overlay["m.py"];
            prop_assert_ne!(new, &text, "{}", candidate.describe());
            prop_assert!(candidate.score > 0.0 && candidate.score.is_finite());
            prop_assert!(!candidate.describe().contains('\n'));
            prop_assert_eq!(new.starts_with('\u{feff}'), bom);
            if crlf {
                prop_assert!(!new.replace("\r\n", "").contains(['\r', '\n']), "{candidate:?}");
            } else {
                prop_assert!(!new.contains('\r'));
            }
            broken += usize::from(syntax.parse(new).unwrap().root_node().has_error());
        }
        // The search leaves out what does not parse; that is to be the exception.
        let looked_at = made.len().div_ceil(step);
        prop_assert!(broken * 20 <= looked_at, "{broken} of {looked_at} do not parse");
    }
}

#[test]
fn the_usual_slips_are_among_the_candidates() {
    for (old, new) in [
        ("def f(n):\n    return n < 1\n", "def f(n):\n    return n <= 1\n"),
        ("def f(a, b):\n    return f(a % b, b)\n", "def f(a, b):\n    return f(b, a % b)\n"),
        ("def f(l):\n    return [x for x in l]\n", "def f(l):\n    return [x for x in sorted(l)]\n"),
        (
            "def f(l):\n    for i in range(len(l)):\n        print(i)\n",
            "def f(l):\n    for i in range(len(l) - 1):\n        print(i)\n",
        ),
        ("def f(l):\n    l.sort\n    return l[0]\n", "def f(l):\n    return l[0]\n"),
        ("def f(s):\n    s.strip()\n    return s\n", "def f(s):\n    s = s.strip()\n    return s\n"),
        (
            "def f(l):\n    t = 0\n    for x in l:\n        t += x\n        return t\n",
            "def f(l):\n    t = 0\n    for x in l:\n        t += x\n    return t\n",
        ),
        (
            "def f(a, l):\n    if a > 0:\n        return l[a]\n    return 0\n",
            "def f(a, l):\n    if a > 0 and a < len(l):\n        return l[a]\n    return 0\n",
        ),
        (
            "def f(x, l=[]):\n    l.append(x)\n    return l\n",
            "def f(x, l=None):\n    if l is None:\n        l = []\n    l.append(x)\n    return l\n",
        ),
        ("def f(a, b):\n    return a - b // 2\n", "def f(a, b):\n    return (a - b) // 2\n"),
        (
            "def f(a):\n    try:\n        return int(a)\n    except KeyError:\n        return 0\n",
            "def f(a):\n    try:\n        return int(a)\n    except ValueError:\n        return 0\n",
        ),
        (
            "class C:\n    def __init__(self, n):\n        self.n = n\n    def f(self, n):\n        return n + self.n\n",
            "class C:\n    def __init__(self, n):\n        self.n = n\n    def f(self, n):\n        return self.n + self.n\n",
        ),
        ("def f(t):\n    yield f(t)\n", "def f(t):\n    yield from f(t)\n"),
        ("def f(n):\n    n + 1\n", "def f(n):\n    return n + 1\n"),
        ("def f(d, k):\n    return d.get(k)\n", "def f(d, k):\n    return d.get(k, 0)\n"),
        (
            "def f(l):\n    if l:\n        return 1\n    if len(l) == 2:\n        return 2\n",
            "def f(l):\n    if l:\n        return 1\n    elif len(l) == 2:\n        return 2\n",
        ),
    ] {
        let sources = [source(old)];
        let found = candidates_of(&sources, &[])
            .iter()
            .any(|candidate| candidate.apply(&sources).is_some_and(|overlay| overlay["m.py"] == new));
        assert!(found, "{old}-->\n{new}");
    }
}

#[test]
fn slips_of_beginners_are_among_the_candidates() {
    for (old, new) in [
        (
            "def f(s):\n    if s.isupper:\n        return 1\n",
            "def f(s):\n    if s.isupper():\n        return 1\n",
        ),
        ("def f(s):\n    x = s.strip\n    return x\n", "def f(s):\n    x = s.strip()\n    return x\n"),
        ("def f(c):\n    return c == 'a' or 'e' or 'i'\n", "def f(c):\n    return c in ('a', 'e', 'i')\n"),
        (
            "def f(c):\n    if c != 1 and 2:\n        return c\n",
            "def f(c):\n    if c not in (1, 2):\n        return c\n",
        ),
        (
            "def f(y):\n    return y % 4 == 0 or y % 100 != 0 and y % 400 == 0\n",
            "def f(y):\n    return y % 4 == 0 and y % 100 != 0 or y % 400 == 0\n",
        ),
        ("def f(n):\n    while n:\n        n // 10\n", "def f(n):\n    while n:\n        n //= 10\n"),
        ("def f(a):\n    r = r.append(a)\n    return r\n", "def f(a):\n    r.append(a)\n    return r\n"),
        (
            "def f(n):\n    if n > 3:\n        print('a')\n    else:\n        print('b')\n",
            "def f(n):\n    if n > 3:\n        return 'a'\n    else:\n        return 'b'\n",
        ),
    ] {
        let sources = [source(old)];
        let found = candidates_of(&sources, &[])
            .iter()
            .any(|candidate| candidate.apply(&sources).is_some_and(|overlay| overlay["m.py"] == new));
        assert!(found, "{old}-->\n{new}");
    }
}

#[test]
fn what_the_project_says_elsewhere_is_among_the_candidates() {
    let other = "class Node:\n    def f(self, x):\n        if isinstance(x, Node):\n            return 1\n\n    def g(self, s, i):\n        m = self.re.match(s, i)\n        if not m:\n            raise ValueError(s)\n        i = m.end()\n        return i, m.groups()\n\n";
    for (old, new) in [
        // A condition about one thing is asked of another.
        (
            "    def h(self, sub):\n        sub.up = self\n",
            "    def h(self, sub):\n        if isinstance(sub, Node):\n            sub.up = self\n",
        ),
        (
            "    def h(self, sub):\n        raise ValueError(sub)\n",
            "    def h(self, sub):\n        if not isinstance(sub, Node):\n            raise ValueError(sub)\n",
        ),
        // A statement between the same lines.
        (
            "    def h(self, s, i):\n        m = self.re.match(s, i)\n        if not m:\n            raise ValueError(s)\n        return i, m.groups()\n",
            "    def h(self, s, i):\n        m = self.re.match(s, i)\n        if not m:\n            raise ValueError(s)\n        i = m.end()\n        return i, m.groups()\n",
        ),
        // A function that the region calls anyway.
        (
            "    def h(self, s, add):\n        if s:\n            add(self)\n        s\n",
            "    def h(self, s, add):\n        if s:\n            add(self)\n        add(s)\n",
        ),
    ] {
        let sources = [source(&format!("{other}{old}"))];
        let found = candidates_of(&sources, &[]).iter().any(|candidate| {
            candidate.apply(&sources).is_some_and(|overlay| overlay["m.py"] == format!("{other}{new}"))
        });
        assert!(found, "{old}-->\n{new}");
    }
}

#[test]
fn waves_make_the_same_candidates_as_all_at_once() {
    let text = program(&[2, 3, 8, 5, 12, 6, 1, 18, 9, 20, 7, 15, 11, 4], "\n", "    ");
    let sources = [source(&text)];
    let problem = Problem { sources: &sources, ..Problem::default() };
    let project = Project::read(&problem).unwrap();
    let units = project.units();
    let texts = |scores: &std::ops::Range<f64>| -> std::collections::BTreeSet<String> {
        let made = project.candidates(&units, scores);
        assert!(made.iter().all(|candidate| scores.contains(&candidate.score)));
        made.iter().filter_map(|candidate| Some(candidate.apply(&sources)?["m.py"].clone())).collect()
    };
    let mut in_waves = std::collections::BTreeSet::new();
    let edges = [f64::INFINITY, 0.5, 0.2, 0.1, 0.03, 1e-300];
    for scores in edges.windows(2).map(|two| two[1]..two[0]) {
        in_waves.extend(texts(&scores));
    }
    assert_eq!(in_waves, texts(&ALL));
}

#[test]
fn an_anomaly_comes_before_what_is_as_suspicious() {
    let text =
        "def f(a, b):\n    if a > b:\n        return a - b\n    raise ValueError(a)\n    return a + b\n";
    let sources = [source(text)];
    let mut made = candidates_of(&sources, &[]);
    made.sort_by(|a, b| b.score.total_cmp(&a.score));
    assert!(made[..5].iter().any(|candidate| candidate.places[0].line == 4), "{:?}", &made[..5]);
}

#[test]
fn no_literal_of_a_test_becomes_a_case() {
    let sources = [source("def f(n, s):\n    if n > 3:\n        return n\n    return s\n")];
    let tests = Source {
        path: "test_m.py".to_owned(),
        text: "from m import f\n\ndef test():\n    assert f(7341, 'needle') == 991\n".to_owned(),
    };
    for candidate in candidates_of(&sources, &[tests]) {
        for edit in &candidate.edits {
            for literal in ["7341", "needle", "991"] {
                assert!(!edit.new.contains(literal), "{}", candidate.describe());
            }
        }
        assert!(candidate.edits.iter().all(|edit| edit.path == Arc::from("m.py")));
    }
}

#[test]
fn a_file_of_hundreds_of_kilobytes_is_no_trouble() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for n in 0..6_000 {
        write!(text, "def f{n}(a, b):\n    if a < b:\n        return a\n    return b + {n}\n\n").unwrap();
    }
    let sources = [source(&text)];
    let suspects = [Suspect { file: "m.py".to_owned(), line: 5 * 3_000 + 2, score: 1.0 }];
    let problem = Problem { sources: &sources, suspects: &suspects, ..Problem::default() };
    let project = Project::read(&problem).unwrap();
    let units = project.units();
    let made = project.candidates(&units[..1], &ALL);
    assert!(made.len() > 100 && made.len() < 5_000, "{}", made.len());
    assert!(made.iter().all(|candidate| &*candidate.places[0].function == "f3000"));
}

#[test]
fn suspicious_lines_and_named_functions_come_first() {
    let text = "def one(a, b):\n    return a < b\n\n\ndef two(a, b):\n    return a < b\n";
    let sources = [source(text)];
    let suspect = |line: u32, score: f64| Suspect { file: "m.py".to_owned(), line, score };
    let first = |suspects: &[Suspect], request: &str| {
        let problem = Problem { sources: &sources, suspects, request, ..Problem::default() };
        let project = Project::read(&problem).unwrap();
        let made = project.candidates(&project.units(), &ALL);
        made.iter().max_by(|a, b| a.score.total_cmp(&b.score)).unwrap().places[0].function.to_string()
    };
    assert_eq!(first(&[suspect(2, 0.4), suspect(6, 0.9)], ""), "two");
    assert_eq!(first(&[suspect(2, 0.9), suspect(6, 0.4)], ""), "one");
    assert_eq!(first(&[], "fix function two"), "two");
}

#[test]
fn what_beginners_write_has_a_candidate() {
    let cases = [
        ("def f(x):\n    return x - 32 * 5 / 9\n", "    return (x - 32) * 5 / 9\n"),
        ("def f(a, b):\n    return a + b\n", "    return int(a) + int(b)\n"),
        ("def f(n, m):\n    return [[0] * n] * m\n", "    return [[0] * n for _ in range(m)]\n"),
        ("def f(a):\n    return dict.fromkeys(a, [])\n", "    return {key: [] for key in a}\n"),
        (
            "class Box:\n    items = []\n\n    def __init__(self, n):\n        self.n = n\n",
            "class Box:\n\n    def __init__(self, n):\n        self.items = []\n        self.n = n\n",
        ),
        (
            "def f(n):\n    if n > 1:\n        r = 'a'\n    elif n > 2:\n        r = 'b'\n    elif n > 3:\n        r = 'c'\n    return r\n",
            "    if n > 3:\n        r = 'c'\n    elif n > 2:\n        r = 'b'\n    elif n > 1:\n        r = 'a'\n    return r\n",
        ),
    ];
    for (before, wanted) in cases {
        let sources = [source(before)];
        let made = candidates_of(&sources, &[]);
        let texts: Vec<String> =
            made.iter().filter_map(|c| c.apply(&sources)?.get("m.py").cloned()).collect();
        assert!(texts.iter().any(|text| text.ends_with(wanted)), "{before}");
    }
}

#[test]
fn two_halves_of_an_operator_change_places() {
    for (old, new, wrong) in [("=+", "+=", "+=+"), ("=-", "-=", "-=-")] {
        let text = format!("def add(self, n):\n    self.n {old} n\n    return self.n\n");
        let sources = [Source { path: "m.py".to_owned(), text }];
        let problem = Problem {
            sources: &sources,
            others: &[],
            suspects: &[],
            red: &[],
            request: "",
            refused: &[],
            seed: 1,
        };
        let texts: Vec<String> = crate::repair::candidates(&problem)
            .iter()
            .filter_map(|candidate| candidate.apply(&sources)?.remove("m.py"))
            .collect();
        let has = |what: &str| texts.iter().position(|text| text.contains(&format!("self.n {what} n\n")));
        assert!(has(new).is_some(), "{new}");
        assert_eq!(has(wrong), None, "{wrong}");
    }
}

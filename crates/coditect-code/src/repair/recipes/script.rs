//! What Node, and the compiler of TypeScript, say.

use std::collections::BTreeSet;
use std::ops::Range;

use super::names::{after, is_name, leading, near, near_in, words_of};
use super::sheet::Sheet;
use crate::repair::notes::Note;
use crate::repair::python::facts::words_in;
use crate::repair::{Problem, Source};
use crate::syntax::{Splice, line_end, line_start};

mod imports;

const QUOTES: (char, char) = ('\'', '\'');
/// Names that are there without an import, and methods that everybody uses.
const KNOWN: &str = "console Math JSON Object Array String Number Boolean Map Set WeakMap WeakSet Promise Symbol Date \
    RegExp Error TypeError RangeError SyntaxError parseInt parseFloat isNaN isFinite undefined process Buffer setTimeout \
    clearTimeout setInterval clearInterval setImmediate queueMicrotask structuredClone globalThis URL URLSearchParams \
    TextEncoder TextDecoder BigInt Proxy Reflect Intl encodeURIComponent decodeURIComponent length push pop shift unshift \
    slice splice concat join reverse indexOf lastIndexOf includes find findIndex filter map reduce reduceRight forEach some \
    every sort flat flatMap keys values entries fill from isArray charAt charCodeAt codePointAt substring substr split trim \
    trimStart trimEnd toLowerCase toUpperCase startsWith endsWith replace replaceAll match matchAll repeat padStart padEnd \
    toString toFixed hasOwnProperty assign freeze create fromEntries stringify parse floor ceil round trunc max min abs \
    pow sqrt sign random log error warn then catch finally resolve reject all race get set has delete add clear size test \
    exec apply call bind getTime getFullYear getMonth getDate toISOString at localeCompare";
/// Keywords that a misspelt one may have been taken for a name.
const KEYWORDS: &[&str] = &[
    "return",
    "while",
    "function",
    "await",
    "throw",
    "typeof",
    "delete",
    "super",
    "this",
    "null",
    "undefined",
    "true",
    "false",
    "require",
];

pub(super) fn answer(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>]) {
    let said = first_line(note.said);
    if let Some(name) = said.strip_suffix(" is not defined").map(last_word) {
        undefined(problem, note, &mut sheets[note.source], name);
    } else if let Some(what) =
        said.strip_suffix(" is not a function").or_else(|| said.strip_suffix(" is not a constructor"))
    {
        not_callable(problem, note, sheets, what);
    } else if said.contains("does not provide an export named") || said.contains("has no exported member") {
        imports::no_export(problem, note, sheets, said);
    } else if said.contains("Cannot find module") {
        imports::no_module(problem, note, sheets, said);
    } else if said.contains("Assignment to constant variable") || said.contains("because it is a constant") {
        constant(&mut sheets[note.source], note);
    } else if said.contains("await is only valid") || said.contains("'await' expression") {
        asynchronous(&mut sheets[note.source], note);
    } else if said.contains("cannot be invoked without 'new'") {
        if let Some(name) = said.split("constructor ").nth(1).map(leading) {
            let sheet = &mut sheets[note.source];
            for range in sheet.words_on(note.line, note.column, name).into_iter().take(1) {
                sheet.put(range.start..range.start, "new ", 2.8);
            }
        }
    } else if said.contains("has already been declared") {
        declared_twice(&mut sheets[note.source], note, said);
    } else if said.contains("Did you forget to use 'await'?") {
        let sheet = &mut sheets[note.source];
        if let Some(at) = sheet.at(note.line, note.column) {
            sheet.put(at..at, "await ", 1.8);
        }
    }
    meant(note, &mut sheets[note.source], said);
    if (said.contains("TS2304") || said.contains("TS2552"))
        && let Some(name) = after(said, "Cannot find name ", QUOTES)
    {
        undefined(problem, note, &mut sheets[note.source], name);
    }
    if (said.contains("TS2339") || said.contains("TS2551"))
        && let Some(name) = after(said, "Property ", QUOTES)
    {
        attribute(problem, note, &mut sheets[note.source], name);
    }
}

/// Whether a message says what is wrong with words that are understood, wherever that may be.
pub(super) fn names_itself(message: &str) -> bool {
    let said = first_line(message);
    [" is not defined", " is not a function", "does not provide an export", "Cannot find module"]
        .iter()
        .any(|words| said.contains(words))
}

fn first_line(message: &str) -> &str {
    message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// `ReferenceError: x` is `x`.
fn last_word(text: &str) -> &str {
    text.rsplit([' ', ':']).next().unwrap_or(text)
}

/// `Cannot find name 'x'. Did you mean 'y'?`, in all its forms.
fn meant(note: &Note<'_>, sheet: &mut Sheet<'_>, said: &str) {
    let Some(at) = said.find("Did you mean") else { return };
    let Some(new) = after(&said[at..], "Did you mean", QUOTES) else { return };
    let plain = new.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.'));
    let old = said[..at].split('\'').skip(1).step_by(2).find(|old| is_name(old));
    let (Some(old), true) = (old, plain) else { return };
    for range in sheet.words_on(note.line, note.column, old).into_iter().take(1) {
        sheet.put(range, new, 3.2);
    }
}

fn undefined(problem: &Problem<'_>, note: &Note<'_>, sheet: &mut Sheet<'_>, name: &str) {
    if !is_name(name) {
        return;
    }
    imports::missing(problem, sheet, name);
    let places: Vec<Range<usize>> = match note.line {
        0 => words_in(&sheet.source.text, name).take(6).collect(),
        line => sheet.words_on(line, note.column, name).into_iter().take(2).collect(),
    };
    let mut close = near(name, KEYWORDS.iter().copied());
    close.extend(near_in(name, &sheet.source.text, problem.sources));
    close.extend(near(name, KNOWN.split_whitespace()));
    let member = sheet.source.text.contains(&format!("this.{name}"));
    for range in places {
        for (other, alike) in &close {
            sheet.put(range.clone(), other.clone(), 1.6 * alike);
        }
        let object = sheet.source.text[..range.start].ends_with('.');
        if !object {
            sheet.put(range.start..range.start, "this.", if member { 2.2 } else { 0.7 });
            declare(sheet, &range);
        }
    }
}

/// `x = 1` without `let`, in strict code.
fn declare(sheet: &mut Sheet<'_>, range: &Range<usize>) {
    let text = sheet.source.text.as_str();
    let line = line_start(text, range.start)..line_end(text, range.start);
    let before = text[line.start..range.start].trim();
    let rest = text[range.end..line.end].trim_start();
    let assigns = rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>");
    if assigns && (before.is_empty() || before.ends_with("for (")) {
        sheet.put(range.start..range.start, "let ", 2.4);
        sheet.put(range.start..range.start, "const ", 1.8);
    }
    if before.ends_with("for (") && (rest.starts_with("of ") || rest.starts_with("in ")) {
        sheet.put(range.start..range.start, "const ", 2.4);
    }
}

/// `a.foo is not a function`
fn not_callable(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>], what: &str) {
    let what = what.split(": ").last().unwrap_or(what);
    // `(intermediate value).foo`, `"abc".foo`, `a.b(...).foo`.
    let name = what.rsplit(['.', ' ', ')']).next().unwrap_or_default();
    if !is_name(name) {
        return;
    }
    attribute(problem, note, &mut sheets[note.source], name);
    imports::not_exported(problem, sheets, name);
}

/// A member that is spelt in another way.
fn attribute(problem: &Problem<'_>, note: &Note<'_>, sheet: &mut Sheet<'_>, name: &str) {
    let mut close = near_in(name, &sheet.source.text, problem.sources);
    close.extend(near(name, KNOWN.split_whitespace()));
    let places: Vec<Range<usize>> = match note.line {
        0 => words_in(&sheet.source.text, name).take(6).collect(),
        line => sheet.words_on(line, note.column, name).into_iter().take(2).collect(),
    };
    for (other, alike) in &close {
        for range in &places {
            sheet.put(range.clone(), other.clone(), 1.6 * alike);
        }
        let all: Vec<Splice> =
            words_in(&sheet.source.text, name).map(|range| Splice { range, new: other.clone() }).collect();
        if all.len() > 1 {
            sheet.put_all(all, 1.2 * alike);
        }
    }
    // A definition that its users know by the right name.
    let defined: Vec<(String, f64)> = near(name, definitions(&sheet.source.text).iter().map(String::as_str));
    for (other, alike) in defined {
        let first = words_in(&sheet.source.text, &other).next();
        if let Some(range) = first {
            sheet.put(range, name, alike);
        }
    }
}

/// Names that a file declares: functions, classes, constants, methods.
pub(super) fn definitions(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let mut code = line.trim_start();
        for word in ["export ", "default ", "async ", "static "] {
            code = code.strip_prefix(word).unwrap_or(code);
        }
        let declared = ["function* ", "function ", "class ", "const ", "let ", "var "]
            .iter()
            .find_map(|word| code.strip_prefix(word))
            .map(leading);
        let method = || {
            let name = leading(code);
            let head = code[name.len()..].starts_with('(') && code.ends_with('{');
            (head && !matches!(name, "if" | "for" | "while" | "switch" | "catch")).then_some(name)
        };
        let member =
            || code.strip_prefix("exports.").or_else(|| code.strip_prefix("module.exports.")).map(leading);
        found
            .extend(declared.or_else(member).or_else(method).filter(|name| is_name(name)).map(str::to_owned));
    }
    found
}

fn constant(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some(line) = sheet.line(note.line) else { return };
    let text = sheet.source.text.as_str();
    let names = words_of(&text[line.clone()]);
    let mut found = Vec::new();
    for (at, sign) in text[..line.end].match_indices("const ") {
        let name = leading(text[at + sign.len()..].trim_start());
        if names.contains_key(name) || (name.len() == 1 && text[line.clone()].contains(name)) {
            found.push((at, name.len()));
        }
    }
    for (rank, (at, _)) in found.into_iter().rev().take(6).enumerate() {
        sheet.put(at..at + "const".len(), "let", 2.8 / (1.0 + 0.1 * rank as f64));
    }
}

/// `await` in a function that is not `async`.
fn asynchronous(sheet: &mut Sheet<'_>, note: &Note<'_>) {
    let Some(upto) = sheet.line(note.line).map(|line| line.end) else { return };
    let text = sheet.source.text.as_str();
    let mut places: Vec<usize> = Vec::new();
    let mut at = 0;
    for piece in text[..upto].split_inclusive('\n') {
        let code = piece.trim_start();
        let start = at + (piece.len() - code.len());
        if let Some(offset) = code.find("function") {
            places.push(start + offset);
        } else if let Some(arrow) = code.find("=>") {
            let before = &code[..arrow];
            let open =
                before.rfind('(').or_else(|| before.trim_end().rfind([' ', '(', '=']).map(|at| at + 1));
            places.extend(open.map(|open| start + open));
        } else if code.trim_end().ends_with('{')
            && code.contains('(')
            && is_name(leading(code))
            && definitions(piece).len() == 1
        {
            places.push(start);
        }
        at += piece.len();
    }
    for (rank, place) in places.into_iter().rev().take(4).enumerate() {
        if !text[..place].ends_with("async ") {
            sheet.put(place..place, "async ", 2.6 / (1.0 + 0.3 * rank as f64));
        }
    }
}

/// `Identifier 'x' has already been declared`
fn declared_twice(sheet: &mut Sheet<'_>, note: &Note<'_>, said: &str) {
    let Some(name) = after(said, "Identifier ", QUOTES) else { return };
    let Some(range) = sheet.words_on(note.line, note.column, name).into_iter().next() else { return };
    let before = &sheet.source.text[..range.start];
    for word in ["const ", "let ", "var "] {
        if before.ends_with(word) {
            sheet.put(range.start - word.len()..range.start, "", 2.4);
        }
    }
    sheet.remove_line(range.start, 1.0);
}

/// Whether a file imports by `import` and not by `require`.
fn is_module(source: &Source) -> bool {
    let path = source.path.as_str();
    if path.ends_with(".cjs") {
        return false;
    }
    let starts = |word: &str| source.text.lines().any(|line| line.starts_with(word));
    !path.ends_with("js") || path.ends_with(".mjs") || starts("import ") || starts("export ")
}

//! Checks of one file.

use super::File;
use super::lexer::code_only;

/// Lines of a source file; at 500 one asks what second thing moved in, at this many it has to move out.
const MOST_LINES: usize = 700;
/// Bytes of a file in the tree.
const MOST_BYTES: u64 = 2 << 20;
/// Larger files that are kept all the same, each for a reason.
const LARGE: [&str; 2] = [
    // CPython, pre-initialised and compressed, so that nothing has to be installed or fetched.
    "crates/coditect-sandbox/python/python.wasm.zst",
    // The standard library and pytest's packages beside it.
    "crates/coditect-sandbox/python/pylib.zst",
];

/// What a person types on purpose where a machine's path is the subject: a test that tries to read one.
const PATH_ALLOWED: &str = "tidy: machine-path:";

/// All complaints about one file.
pub(super) fn check(file: &File) -> Vec<String> {
    let mut found = size(file);
    if let Some(text) = &file.text {
        found.extend(machine_paths(&file.path, text));
        if file.path.ends_with(".rs") && !is_generated(&file.path) {
            found.extend(rust(&file.path, text));
        }
    }
    found
}

/// What `cargo xtask generate` writes has the habits of whoever wrote that.
fn is_generated(path: &str) -> bool {
    path.starts_with("crates/coditect-api/src/generated/")
}

fn size(file: &File) -> Vec<String> {
    let path = &file.path;
    let mut found = Vec::new();
    if file.size > MOST_BYTES && !LARGE.contains(&path.as_str()) {
        found.push(format!(
            "{path}: {} KiB; the tree keeps nothing above {} KiB",
            file.size >> 10,
            MOST_BYTES >> 10
        ));
    }
    let written = [".rs", ".py", ".sh"].iter().any(|end| path.ends_with(end)) && !is_generated(path);
    let lines = file.text.as_ref().map_or(0, |text| text.lines().count());
    // The runner is one file since it is handed to interpreters as one text.
    if written && lines > MOST_LINES && path != "crates/coditect-sandbox/python/runner.py" {
        found.push(format!(
            "{path}: {lines} lines; split it along the domain before it has more than {MOST_LINES}"
        ));
    }
    found
}

/// Paths that exist on the machine of whoever wrote them and on no other.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = "";
    for (number, line) in (1..).zip(text.lines()) {
        let allowed = line.contains(PATH_ALLOWED) || before.contains(PATH_ALLOWED);
        if let Some(machine) = machine_path(line).filter(|_| !allowed) {
            found.push(format!("{path}:{number}: `{machine}` is a path of one machine"));
        }
        before = line;
    }
    found
}

fn machine_path(line: &str) -> Option<&'static str> {
    // Joined here, since this file is checked too.
    const ROOT: &str = concat!("/ro", "ot/");
    const WORK: &str = concat!("/wo", "rk/");
    const HOME: &str = concat!("/ho", "me/");
    let starts = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}/$*".contains(c));
    let at_start = |needle: &str| line.match_indices(needle).any(|(at, _)| starts(at));
    if at_start(ROOT) {
        return Some(ROOT);
    }
    if at_start(WORK) {
        return Some(WORK);
    }
    let of_someone = |at: usize| {
        let name = line[at + HOME.len()..].split('/').next().unwrap_or_default();
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        is_name
            && !["you", "user", "me"].contains(&name)
            && line[at + HOME.len() + name.len()..].starts_with('/')
    };
    line.match_indices(HOME).any(|(at, _)| starts(at) && of_someone(at)).then_some(HOME)
}

fn rust(path: &str, text: &str) -> Vec<String> {
    let code = code_only(text);
    let is_test = path.ends_with("tests.rs") || path.contains("/tests/");
    let mut found = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let mut complain = |what: &str| found.push(format!("{path}:{number}: {what}"));
        if !path.starts_with("crates/coditect-sandbox/") && has_word(line, "unsafe") {
            complain("`unsafe` stands only in coditect-sandbox");
        }
        for left in [concat!("to", "do!"), concat!("unimpl", "emented!"), concat!("db", "g!")] {
            if has_word(line, left) {
                complain(&format!("`{left}` is left over"));
            }
        }
        if line.contains("#[ignore") {
            complain("a test that is ignored tests nothing; make it hold or take it out");
        }
        if path.starts_with("crates/coditect-core/src/") && !is_test {
            for word in
                ["HashMap", "HashSet", "Instant", "SystemTime", "std::fs", "std::net", "tokio", "async"]
            {
                if has_word(line, word) {
                    complain(&format!(
                        "`{word}` is not for the core, which must give the same answer every time"
                    ));
                }
            }
        }
        if let Some(name) = doer(line) {
            complain(&format!("`{name}` says that it does something, not what; name it after what it is"));
        }
    }
    found.extend(without_reason(path, &code));
    found
}

/// True if `word` stands in `line` and is not part of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let after = &line[at + word.len()..];
        !line[..at].ends_with(is_name) && (word.ends_with('!') || !after.starts_with(is_name))
    })
}

/// The name of a type declared in `line` that hides what it is.
fn doer(line: &str) -> Option<&str> {
    let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.find(|word| matches!(*word, "struct" | "enum" | "trait" | "type" | "union"))?;
    let name = words.next()?;
    let hides = ["Manager", "Helper", "Helpers", "Util", "Utils"].iter().any(|word| {
        name.match_indices(word)
            .any(|(at, _)| !name[at + word.len()..].starts_with(|c: char| c.is_lowercase()))
    });
    hides.then_some(name)
}

/// Lints that are switched off without saying why. Reads across lines, since an attribute may be long.
fn without_reason(path: &str, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for opening in ["[allow(", "[expect("] {
        for (at, _) in code.match_indices(opening).filter(|(at, _)| code[..*at].ends_with(['#', '!'])) {
            let attribute = &code[at..code[at..].find(']').map_or(code.len(), |end| at + end)];
            if !has_word(attribute, "reason") {
                let number = code[..at].matches('\n').count() + 1;
                found.push(format!("{path}:{number}: a lint is switched off without `reason = \"...\"`"));
            }
        }
    }
    found
}

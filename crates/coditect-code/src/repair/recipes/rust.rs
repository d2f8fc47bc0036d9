//! What rustc says without suggesting a change: names that are nearly right, modules that have another name.

use super::names::{after, is_name, near, near_in};
use super::sheet::Sheet;
use crate::repair::Problem;
use crate::repair::notes::Note;

/// Errors about a name that is not known.
const UNKNOWN: &[&str] =
    &["E0425", "E0433", "E0412", "E0432", "E0531", "E0405", "E0599", "E0609", "E0560", "E0026"];

pub(super) fn answer(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>]) {
    let said = note.said;
    let code = after(said, "error", ('[', ']')).unwrap_or_default();
    if code == "E0583" {
        return module(problem, note, sheets);
    }
    if !UNKNOWN.contains(&code) && !said.starts_with("error: cannot find") {
        return;
    }
    let named = said.split('`').nth(1).unwrap_or_default();
    let name = named.rsplit("::").next().unwrap_or_default().trim_end_matches('!');
    if !is_name(name) {
        return;
    }
    if matches!(code, "E0433" | "E0425" | "E0412" | "E0405") {
        import(problem, note, sheets, name);
    }
    let sheet = &mut sheets[note.source];
    for (other, alike) in near_in(name, &sheet.source.text, problem.sources) {
        for range in sheet.words_on(note.line, note.column, name).into_iter().take(2) {
            sheet.put(range, other.clone(), 1.4 * alike);
        }
    }
}

/// `use` of what another file of the crate defines.
fn import(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>], name: &str) {
    for (n, source) in problem.sources.iter().enumerate().filter(|(n, _)| *n != note.source) {
        let defines =
            ["fn ", "struct ", "enum ", "trait ", "const ", "static ", "type "].iter().any(|kind| {
                source.text.lines().any(|line| {
                    let line =
                        line.trim_start().strip_prefix("pub ").map(|rest| rest.trim_start_matches("async "));
                    line.and_then(|rest| rest.strip_prefix(kind))
                        .is_some_and(|rest| super::names::leading(rest) == name)
                })
            });
        let Some(path) = module_path(&problem.sources[n].path).filter(|_| defines) else { continue };
        let sheet = &mut sheets[note.source];
        let at = first_item(&sheet.source.text);
        sheet.put_line(at, &format!("use {path}::{name};"), 2.0);
    }
}

/// `src/a/b.rs` is `crate::a::b`. None: it is no module of a library or program.
fn module_path(path: &str) -> Option<String> {
    let below = path.rsplit_once("src/").map(|(_, below)| below)?.strip_suffix(".rs")?;
    let below = below.strip_suffix("/mod").unwrap_or(below);
    if matches!(below, "lib" | "main" | "mod") {
        return Some("crate".to_owned());
    }
    Some(format!("crate::{}", below.replace('/', "::")))
}

/// The first line of a file that is no comment and no attribute of the whole file.
fn first_item(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim_start_matches('\u{feff}').trim();
        if !(code.is_empty() || code.starts_with("//!") || code.starts_with("#![") || code.starts_with("// "))
        {
            return at;
        }
        at += line.len();
    }
    0
}

/// `mod x;` without its file: a file beside it has nearly that name.
fn module(problem: &Problem<'_>, note: &Note<'_>, sheets: &mut [Sheet<'_>]) {
    let Some(name) = note.said.split('`').nth(1) else { return };
    let stem = |path: &str| {
        let path = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs"))?;
        Some(path.rsplit('/').next().unwrap_or(path).to_owned())
    };
    let stems: Vec<String> = problem.sources.iter().filter_map(|source| stem(&source.path)).collect();
    for (other, alike) in near(name, stems.iter().map(String::as_str)) {
        let sheet = &mut sheets[note.source];
        for range in sheet.words_on(note.line, note.column, name) {
            sheet.put(range, other.clone(), 2.0 * alike);
        }
    }
    let sheet = &mut sheets[note.source];
    if let Some(at) = sheet.at(note.line, 0) {
        sheet.remove_line(at, 0.8);
    }
}

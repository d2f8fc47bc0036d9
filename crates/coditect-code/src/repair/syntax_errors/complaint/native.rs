//! What compilers and run times of languages with braces say of a file that does not parse.

use super::Complaint;
use crate::languages::Language;
use crate::repair::Source;
use crate::repair::notes::{self, Note};
use crate::repair::syntax_errors::errors_left;

/// Files that are parsed to find out whether what is said of them is about their syntax.
const MOST_PARSED: usize = 4;

/// The first thing that a message says about a file's syntax.
pub(super) fn complaint(message: &str, sources: &[Source]) -> Option<Complaint> {
    let notes = notes::read(message, sources);
    let of = |note: &Note<'_>| Complaint {
        path: sources[note.source].path.clone(),
        row: (note.line as usize).saturating_sub(1),
        header: None,
        said: note.said.to_owned(),
    };
    let language = |note: &Note<'_>| {
        Language::of_path(&sources[note.source].path).filter(|language| *language != Language::Python)
    };
    let told =
        notes.iter().find(|note| language(note).is_some_and(|language| is_of_syntax(language, note.said)));
    told.map(of)
}

/// The same where the words do not tell, but the file has errors in its tree.
pub(super) fn by_tree(message: &str, sources: &[Source]) -> Option<Complaint> {
    let notes = notes::read(message, sources);
    let mut looked_at = Vec::new();
    for note in &notes {
        if looked_at.contains(&note.source) || looked_at.len() >= MOST_PARSED {
            continue;
        }
        looked_at.push(note.source);
        let source = &sources[note.source];
        if errors_left(&source.path, &source.text).is_some_and(|count| count > 0) {
            let row = (note.line as usize).saturating_sub(1);
            return Some(Complaint {
                path: source.path.clone(),
                row,
                header: None,
                said: note.said.to_owned(),
            });
        }
    }
    None
}

/// Whether words are about syntax and not about names and types.
fn is_of_syntax(language: Language, said: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match language {
        Language::Python => false,
        Language::Rust => is_of_rust(said),
        Language::Go => has(&[
            "syntax error",
            "newline in ",
            "not terminated",
            "expected declaration, found",
            "expected statement, found",
            "expected operand, found",
            "expected '",
            "invalid character",
            "illegal character",
            "illegal rune",
            "more than one character in rune",
        ]),
        Language::Java => {
            said.ends_with(" expected")
                || has(&[
                    "unclosed ",
                    "illegal start of",
                    "illegal character",
                    "reached end of file",
                    "not a statement",
                    "orphaned ",
                    "without '",
                    "invalid method declaration",
                    "malformed ",
                    "empty character literal",
                    "unbalanced ",
                ])
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => is_of_script(said),
    }
}

/// Codes of what the lexer refuses; what the parser refuses has none.
const RUST_CODES: &[&str] = &["E0748", "E0758", "E0762", "E0763", "E0765", "E0766"];

fn is_of_rust(said: &str) -> bool {
    if let Some(rest) = said.strip_prefix("error[") {
        return RUST_CODES.contains(&rest.split(']').next().unwrap_or_default());
    }
    let Some(rest) = said.strip_prefix("error: ") else { return false };
    [
        "expected ",
        "missing `",
        "unknown start of token",
        "unexpected ",
        "invalid ",
        "unmatched ",
        "unterminated ",
    ]
    .iter()
    .any(|words| rest.starts_with(words))
        || [
            "delimiter",
            "diff marker",
            "cannot be used as an identifier",
            "is not followed by",
            "comparison operators",
        ]
        .iter()
        .any(|words| rest.contains(words))
}

/// Errors of JavaScript that are called syntax errors and are about names.
const NAMES: &[&str] = &["does not provide an export", "has already been declared", "await is only valid"];

fn is_of_script(said: &str) -> bool {
    if NAMES.iter().any(|words| said.contains(words)) {
        return false;
    }
    // The compiler of TypeScript numbers what its parser says from 1000 to 1499.
    let code =
        said.strip_prefix("TS").and_then(|rest| rest.split(':').next()).and_then(|code| code.parse().ok());
    code.is_some_and(|code: u32| (1000..1300).contains(&code) || (17000..17020).contains(&code))
        || said.contains("SyntaxError: ")
        || [
            "Unexpected ",
            "Expected \"",
            "Unterminated ",
            "Missing ",
            "Expression expected",
            "Invalid left-hand",
        ]
        .iter()
        .any(|words| said.starts_with(words))
}

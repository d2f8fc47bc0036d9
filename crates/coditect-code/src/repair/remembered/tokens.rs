//! Tokens of any of the languages, as far as a change needs them to be known again: comments and blanks are left out.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word of the language.
    Word,
    /// A name that somebody chose.
    Name,
    Number,
    Text,
    Sign,
    /// The end of a line that has tokens.
    Line,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) range: Range<usize>,
}

/// Signs of several characters, the longest first.
const SIGNS: &[&str] = &[
    "===", "!==", "**=", "//=", ">>=", "<<=", "...", "==", "!=", "<=", ">=", "->", "=>", "+=", "-=", "*=",
    "/=", "%=", "&=", "|=", "^=", "**", "//", "&&", "||", "<<", ">>", "::", ":=", "++", "--", "??", "?.",
];

/// Words of the languages themselves.
const WORDS: &[&str] = &[
    "False",
    "None",
    "Self",
    "Some",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "bool",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "def",
    "default",
    "del",
    "do",
    "elif",
    "else",
    "except",
    "false",
    "final",
    "finally",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "global",
    "if",
    "impl",
    "import",
    "in",
    "int",
    "is",
    "lambda",
    "let",
    "loop",
    "match",
    "mut",
    "new",
    "nil",
    "none",
    "not",
    "null",
    "or",
    "pass",
    "pub",
    "raise",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "undefined",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];
/// Words of Python's library that mean the same everywhere, and seldom are anything else.
const PYTHON: &[&str] = &[
    "abs",
    "all",
    "any",
    "dict",
    "enumerate",
    "float",
    "isinstance",
    "len",
    "list",
    "max",
    "min",
    "range",
    "reversed",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "type",
    "zip",
];

/// The tokens of a file, or of some lines of one. `path`: its ending says what begins a comment.
pub(super) fn lex<'t>(path: &str, text: &'t str) -> Vec<Token<'t>> {
    let is_python = path.ends_with(".py");
    let comment = if is_python { "#" } else { "//" };
    let bytes = text.as_bytes();
    let mut tokens: Vec<Token<'t>> = Vec::new();
    let mut at = 0;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    while at < bytes.len() {
        let rest = &text[at..];
        let byte = bytes[at];
        let (kind, length) = if byte == b'\n' {
            let length = 1;
            if tokens.last().is_none_or(|last| last.kind == Kind::Line) {
                at += length;
                continue;
            }
            (Kind::Line, length)
        } else if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        } else if rest.starts_with(comment) {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if matches!(byte, b'"' | b'\'' | b'`') {
            (Kind::Text, quoted(rest))
        } else if byte.is_ascii_digit() {
            let length = bytes[at..].iter().take_while(|byte| is_word(**byte) || **byte == b'.').count();
            (Kind::Number, length)
        } else if is_word(byte) {
            let length = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
            let word = &rest[..length];
            let is_firm = WORDS.contains(&word) || (is_python && PYTHON.contains(&word));
            (if is_firm { Kind::Word } else { Kind::Name }, length)
        } else {
            (Kind::Sign, SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or(1, |sign| sign.len()))
        };
        let range = at..at + length;
        tokens.push(Token { kind, text: &text[range.clone()], range });
        at += length;
    }
    tokens
}

/// The length of a text in quotes, these included; to the end of its line where it has no other end.
fn quoted(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let quote = bytes[0];
    let triple = bytes.len() > 2 && bytes[1] == quote && bytes[2] == quote && quote != b'`';
    if triple {
        let end = rest[3..].find(&rest[..3]).map(|end| end + 6);
        return end.unwrap_or(rest.len());
    }
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'\n' if quote != b'`' => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    // A backslash at the very end, or a letter of several bytes.
    let mut end = at.min(rest.len());
    while !rest.is_char_boundary(end) {
        end += 1;
    }
    end
}

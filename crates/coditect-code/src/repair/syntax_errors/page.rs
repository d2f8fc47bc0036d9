//! A broken file as lines and tokens. No parser is needed for them, so they are right where the tree is not: a
//! text that is not closed ends with its line, a bracket that is not closed is just a bracket.

use std::ops::Range;

use super::lexicon::Lexicon;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    Number,
    /// A text in quotes; `closed` tells whether its end was found.
    Text {
        closed: bool,
    },
    /// An operator or other mark.
    Mark,
    /// Something that no program of the language has outside texts and comments.
    Strange,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Bytes of the file. A text of several lines belongs to its first one.
    pub(super) range: Range<usize>,
}

/// A physical line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Bytes, without the line break.
    pub(super) range: Range<usize>,
    /// Bytes of white space at its start.
    pub(super) indent: usize,
    /// End of its last token; its start where it has none.
    pub(super) code_end: usize,
    /// Its tokens, as indices into [`Page::tokens`].
    pub(super) tokens: Range<usize>,
    /// It begins within a text of several lines.
    pub(super) within_text: bool,
}

/// A file, cut up.
#[derive(Clone, Debug)]
pub(super) struct Page<'t> {
    pub(super) text: &'t str,
    pub(super) lines: Vec<Line>,
    pub(super) tokens: Vec<Token>,
    /// Its language has braces.
    pub(super) of_braces: bool,
}

impl<'t> Page<'t> {
    /// Cuts `text` up.
    pub(super) fn read(text: &'t str, lexicon: &Lexicon) -> Self {
        let of_braces = !lexicon.indents;
        let mut page = Self { text, lines: Vec::new(), tokens: Vec::new(), of_braces };
        let mut at = 0;
        let mut text_until = 0;
        for piece in text.split_inclusive('\n') {
            // A byte order mark belongs to the file, not to its first line: the word behind it is that line's first.
            let mark =
                if at == 0 && piece.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
            let range = at + mark..at + piece.trim_end_matches(['\r', '\n']).len();
            let within_text = range.start < text_until;
            let first = page.tokens.len();
            let mut from = range.start.max(text_until.min(range.end));
            let blank = text[from..range.end].len() - text[from..range.end].trim_start_matches(BLANK).len();
            let indent = if within_text { 0 } else { blank };
            from += blank;
            while from < range.end {
                if let Some(end) = comment_end(text, from, lexicon) {
                    text_until = text_until.max(end);
                    from = skip_blank(text, end.min(range.end), range.end);
                    continue;
                }
                let Some(token) = token_at(text, from, range.end, lexicon) else { break };
                text_until = text_until.max(token.range.end);
                from = token.range.end;
                page.tokens.push(token);
                from = skip_blank(text, from, range.end);
            }
            let tokens = first..page.tokens.len();
            let code_end =
                page.tokens[tokens.clone()].last().map_or(range.start + indent, |last| last.range.end);
            let code_end = code_end.min(range.end);
            page.lines.push(Line { range, indent, code_end, tokens, within_text });
            at += piece.len();
        }
        page
    }

    /// The tokens that begin on a line.
    pub(super) fn tokens_of(&self, row: usize) -> &[Token] {
        self.lines.get(row).map_or(&[], |line| &self.tokens[line.tokens.clone()])
    }

    pub(super) fn of(&self, token: &Token) -> &'t str {
        self.text.get(token.range.clone()).unwrap_or_default()
    }

    /// The white space that a line starts with.
    pub(super) fn indent(&self, row: usize) -> &'t str {
        self.lines.get(row).map_or("", |line| &self.text[line.range.start..line.range.start + line.indent])
    }

    /// The first word of a line, `""` where it begins with something else.
    pub(super) fn first_word(&self, row: usize) -> &'t str {
        match self.tokens_of(row).first() {
            Some(token) if token.kind == Kind::Word => self.of(token),
            _ => "",
        }
    }

    /// The last mark or word of a line's code.
    pub(super) fn last(&self, row: usize) -> &'t str {
        self.tokens_of(row).last().map_or("", |token| self.of(token))
    }

    /// True where the line holds code that begins on it.
    pub(super) fn has_code(&self, row: usize) -> bool {
        self.lines.get(row).is_some_and(|line| !line.tokens.is_empty() && !line.within_text)
    }

    /// The nearest line with code above `row`.
    pub(super) fn above(&self, row: usize) -> Option<usize> {
        (0..row.min(self.lines.len())).rev().find(|row| self.has_code(*row))
    }

    /// The nearest line with code below `row`.
    pub(super) fn below(&self, row: usize) -> Option<usize> {
        (row + 1..self.lines.len()).find(|row| self.has_code(*row))
    }

    /// Brackets of a line that have no partner on it: those that open, and those that close.
    pub(super) fn unpaired(&self, row: usize) -> (Vec<&Token>, Vec<&Token>) {
        let (mut open, mut closing): (Vec<&Token>, Vec<&Token>) = (Vec::new(), Vec::new());
        for token in self.tokens_of(row) {
            match self.of(token) {
                "(" | "[" | "{" => open.push(token),
                close @ (")" | "]" | "}") => match open.last() {
                    Some(last) if partner(self.of(last)) == close => drop(open.pop()),
                    _ => closing.push(token),
                },
                _ => {}
            }
        }
        (open, closing)
    }

    /// The line break of the file.
    pub(super) fn eol(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }
}

/// White space within a line.
const BLANK: [char; 3] = [' ', '\t', '\u{c}'];

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The bracket that closes or opens for this one; `""` where it is none.
pub(super) fn partner(bracket: &str) -> &'static str {
    match bracket {
        "(" => ")",
        "[" => "]",
        "{" => "}",
        ")" => "(",
        "]" => "[",
        "}" => "{",
        _ => "",
    }
}

fn skip_blank(text: &str, from: usize, end: usize) -> usize {
    let rest = &text[from.min(end)..end];
    end - rest.trim_start_matches(BLANK).len()
}

/// Where the comment ends that begins at `at` and goes over line breaks.
fn comment_end(text: &str, at: usize, lexicon: &Lexicon) -> Option<usize> {
    let (open, close) = lexicon.comment_block?;
    let body = text[at..].strip_prefix(open)?;
    Some(body.find(close).map_or(text.len(), |found| at + open.len() + found + close.len()))
}

/// The token at `at`, which is not white space. None: a comment begins, which ends the line's code.
fn token_at(text: &str, at: usize, end: usize, lexicon: &Lexicon) -> Option<Token> {
    let rest = &text[at..end];
    if lexicon.comments.iter().any(|sign| rest.starts_with(sign)) {
        return None;
    }
    let first = rest.chars().next()?;
    let ended = |len: usize, kind| Some(Token { kind, range: at..at + len });
    let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    let prefixed = word < rest.len() && word <= 2 && lexicon.is_prefix(&rest[..word]);
    if word > 0 && !(prefixed && rest[word..].starts_with(['"', '\''])) {
        let number = first.is_ascii_digit();
        let len = if number { number_len(rest) } else { word };
        return ended(len, if number { Kind::Number } else { Kind::Word });
    }
    let quote_at = if prefixed { word } else { 0 };
    if let Some((len, closed)) = quoted(text, at + quote_at, end, lexicon) {
        return ended(quote_at + len, Kind::Text { closed });
    }
    if let Some(mark) = lexicon.marks.iter().find(|mark| rest.starts_with(**mark)) {
        return ended(mark.len(), Kind::Mark);
    }
    let kind = if first.is_ascii_punctuation() && !lexicon.strange.contains(&first) {
        Kind::Mark
    } else {
        Kind::Strange
    };
    ended(first.len_utf8(), kind)
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn number_len(rest: &str) -> usize {
    let mut before = ' ';
    let end = rest.char_indices().find(|(_, c)| {
        let sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !rest.starts_with("0x");
        before = *c;
        !(is_word(*c) || *c == '.' || sign)
    });
    end.map_or(rest.len(), |(at, _)| at)
}

/// `'a'` and `'\\n'`, not `'a`.
fn is_char(rest: &str) -> bool {
    let mut letters = rest.chars().skip(1);
    matches!((letters.next(), letters.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}

/// Length of the text in quotes at `at`, and whether it is closed. None: no quote stands there.
fn quoted(text: &str, at: usize, line_end: usize, lexicon: &Lexicon) -> Option<(usize, bool)> {
    let rest = &text[at..];
    let quote = lexicon.quotes.iter().find(|quote| rest.starts_with(**quote))?;
    if lexicon.lifetimes && *quote == "'" && !is_char(rest) {
        return None;
    }
    let end = if Lexicon::is_long(quote) { text.len() } else { line_end };
    let body = &text[at + quote.len()..end];
    let mut escaped = false;
    for (offset, c) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if body[offset..].starts_with(quote) {
            return Some((quote.len() + offset + quote.len(), true));
        }
    }
    Some((end - at, false))
}

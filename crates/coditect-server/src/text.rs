//! Text from outside, made harmless for a page.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// What every value of a page goes through: markup becomes text, and what could turn the direction of writing, or is no
/// character that a person could see, becomes `U+FFFD`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harmless;

impl Escaper for Harmless {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(|c| replaced(c).is_some()) {
            let (before, from) = rest.split_at(at);
            to.write_str(before)?;
            let mut chars = from.chars();
            if let Some(written) = chars.next().and_then(replaced) {
                to.write_str(written)?;
            }
            rest = chars.as_str();
        }
        to.write_str(rest)
    }
}

/// What stands for a character that does not stand for itself.
fn replaced(c: char) -> Option<&'static str> {
    match c {
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '&' => Some("&amp;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\n' | '\t' => None,
        c if steers(c) => Some("\u{fffd}"),
        _ => None,
    }
}

/// Controls, marks that turn the direction of writing, and what has no width: a text with it reads otherwise than it is.
/// Joiners (`U+200C`, `U+200D`) stay: Persian and families of emoji are written with them.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{061c}' | '\u{e0000}'..='\u{e007f}')
}

/// The same for text that a script puts into a page: no markup is made of it there.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c != '\n' && c != '\t' && steers(c) { '\u{fffd}' } else { c }).collect()
}

/// The first line, at most `width` characters, with `…` where something was cut.
pub(crate) fn brief(text: &str, width: usize) -> String {
    let text = text.trim();
    let line = text.lines().next().unwrap_or("");
    let is_cut = line.chars().nth(width).is_some() || text.lines().nth(1).is_some();
    let mut out: String = line.chars().take(width.saturating_sub(usize::from(is_cut))).collect();
    if is_cut {
        out.push('…');
    }
    out
}

/// Text as a part of an address.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// At most so many bytes of a text, whole characters.
pub(crate) fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        Harmless.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_and_steering_marks_become_text() {
        assert_eq!(escaped("a\tb\nc é 漢"), "a\tb\nc é 漢");
        assert_eq!(
            escaped("<script>alert('x')</script> & \"q\""),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;q&quot;"
        );
        assert_eq!(
            escaped("\u{202e}txt\u{0}\u{1b}[2J\u{200b}\r"),
            "\u{fffd}txt\u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}"
        );
        assert_eq!(plain("<b>\u{2066}\n"), "<b>\u{fffd}\n");
    }

    #[test]
    fn texts_are_cut_at_whole_characters() {
        assert_eq!((cut("aé".into(), 2), cut("aé".into(), 3)), ("a".to_owned(), "aé".to_owned()));
        assert_eq!(
            (brief("fix it\nnow", 20), brief("0123456789", 5)),
            ("fix it…".to_owned(), "0123…".to_owned())
        );
    }
}

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

/// At most so many bytes of a text, whole characters.
pub(crate) fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.shrink_to_fit();
    }
    text
}

/// A span of time: `820 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// A moment, UTC, as `2026-11-23 06:31:07`, and with `T` and `Z` for programs.
pub(crate) fn moment(at_ms: u64) -> String {
    let (days, second) = (at_ms / 86_400_000, at_ms / 1000 % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// The date of a day since 1970 (Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, of_year - (153 * mp + 2) / 5 + 1)
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 test`, `3 tests`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(n as u64)) }
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
    fn moments_spans_and_counts_read_well() {
        assert_eq!(moment(1_795_415_467_000), "2026-11-23 06:31:07");
        assert_eq!(
            (moment(0), moment(951_827_696_000)),
            ("1970-01-01 00:00:00".into(), "2000-02-29 12:34:56".into())
        );
        assert_eq!(
            (span(999), span(4_251), span(7_500_000)),
            ("999 ms".into(), "4.2 s".into(), "2 h 5 min".into())
        );
        assert_eq!((count(1, "test"), count(1_234, "test")), ("1 test".to_owned(), "1,234 tests".to_owned()));
        assert_eq!(
            (brief("fix it\nnow", 20), brief("0123456789", 5)),
            ("fix it…".to_owned(), "0123…".to_owned())
        );
    }
}

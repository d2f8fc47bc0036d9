//! Slips in texts: case, separators, letters, and texts that stand nearby.

use super::desk::Desk;
use super::facts::Site;
use super::level;
use super::table::Shape;
use super::words::distance;
use crate::repair::EditKind;

/// Texts that are tried for one literal.
const MOST_TEXTS: usize = 16;

/// Edits of a text.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let words = desk.text(site.node);
    let Some((quote, inner)) = plain(words) else { return };
    let mut choices: Vec<(String, f64)> = Vec::new();
    let mut add = |text: String, fit: f64| choices.push((format!("{quote}{text}{quote}"), fit));
    let letters: Vec<char> = inner.chars().collect();
    let cased = if letters.len() == 1 { 0.4 } else { 0.6 };
    if inner.chars().any(char::is_alphabetic) && !inner.contains('\\') {
        let mut title: String = inner.to_lowercase();
        if let Some(first) = title.get(..1).map(str::to_uppercase) {
            title.replace_range(..1, &first);
        }
        add(title, 0.7 * cased);
        add(inner.to_lowercase(), cased);
        add(inner.to_uppercase(), cased);
        // A name's first letter is written either way.
        let mut first = letters.clone();
        if let Some(c) = first.first_mut() {
            *c = if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
        }
        add(first.into_iter().collect(), 0.6 * cased);
    }
    for (text, fit) in [
        (inner.trim().to_owned(), 0.5),
        (format!("{inner} "), 0.2),
        (format!(" {inner}"), 0.15),
        (format!("{inner}\\n"), 0.1),
    ] {
        add(text, fit);
    }
    if letters.len() == 1 {
        for separator in [" ", ",", "-", "_", ".", ":", ";", "/", "\\n", "\\t", "0", "1"] {
            add(separator.to_owned(), if separator == " " { 0.35 } else { 0.15 });
        }
    }
    if inner.is_empty() {
        for (text, fit) in [(" ", 0.6), ("\\n", 0.35), (", ", 0.3), (",", 0.3), ("-", 0.1), ("0", 0.2)] {
            add(text.to_owned(), fit);
        }
    } else {
        add(String::new(), 0.4);
    }
    if letters.len() <= 16 && letters.len() > 1 && !inner.contains('\\') {
        for n in 0..letters.len() {
            let less: String = letters.iter().enumerate().filter(|(i, _)| *i != n).map(|(_, c)| *c).collect();
            add(less, if n + 1 == letters.len() || n == 0 { 0.25 } else { 0.06 });
        }
    }
    choices.extend(known_texts(desk, words, &letters));
    for (text, fit) in choices {
        desk.put(site, site.node, &text, level::ATOM, EditKind::TextLiteral, fit);
    }
}

/// Texts of the same region, and texts of the tests that could be what this one is a slip of.
fn known_texts(desk: &Desk<'_, '_>, words: &str, letters: &[char]) -> Vec<(String, f64)> {
    let near = desk.region.expressions.iter().filter(|other| desk.shape(other.node) == Shape::Text);
    let mut found: Vec<(String, f64)> = Vec::new();
    for text in near.map(|other| desk.text(other.node)) {
        if text != words && found.len() < MOST_TEXTS && !found.iter().any(|(known, _)| known == text) {
            found.push((text.to_owned(), 0.4));
        }
    }
    let mut tested: Vec<(String, f64)> = Vec::new();
    for text in &desk.facts.lore.texts {
        let Some((_, inner)) = plain(text) else { continue };
        let other: Vec<char> = inner.chars().collect();
        let apart = distance(letters, &other);
        let longest = letters.len().max(other.len()).max(1);
        // A far text of a test is that test's answer, not this line's slip.
        if apart > 0 && longest > 2 && apart * 3 <= longest + 2 {
            let quote = words.get(..1).unwrap_or("\"");
            tested.push((format!("{quote}{inner}{quote}"), 0.6 / apart as f64));
        }
    }
    tested.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    tested.truncate(MOST_TEXTS);
    found.extend(tested);
    found
}

/// Quote and content of a text without prefix that stands on one line.
fn plain(text: &str) -> Option<(&str, &str)> {
    let quote = text.get(..1).filter(|quote| matches!(*quote, "'" | "\""))?;
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    (text.ends_with(quote) && !inner.contains(quote) && !text.contains('\n')).then_some((quote, inner))
}

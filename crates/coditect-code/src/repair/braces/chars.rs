//! Slips in single characters.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::facts::Site;
use super::level;
use super::table::Shape;
use crate::repair::EditKind;

/// Characters that stand for others by mistake, likeliest first.
const SEPARATORS: &[&str] = &[" ", ",", "-", "_", ".", ":", ";", "/", "\\n", "\\t", "0", "1", "\\\\", "\\0"];

/// Edits of a character.
pub(super) fn propose(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let words = desk.text(site.node);
    let (prefix, rest) = if let Some(rest) = words.strip_prefix('b') { ("b", rest) } else { ("", words) };
    let Some(inner) = rest.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) else { return };
    let mut choices: Vec<(String, f64)> = Vec::new();
    let mut one = inner.chars();
    if let (Some(c), None) = (one.next(), one.next())
        && c.is_ascii_alphanumeric()
    {
        let code = u32::from(c);
        let swapped = if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        choices.push((swapped.to_string(), 0.8));
        for next in [code + 1, code.saturating_sub(1)] {
            if let Some(next) = char::from_u32(next).filter(char::is_ascii_alphanumeric) {
                choices.push((next.to_string(), 0.5));
            }
        }
    }
    let near: BTreeSet<&str> = desk
        .region
        .expressions
        .iter()
        .filter(|other| desk.shape(other.node) == Shape::Char)
        .map(|other| desk.text(other.node).trim_start_matches('b').trim_matches('\''))
        .collect();
    choices.extend(near.into_iter().map(|other| (other.to_owned(), 0.5)));
    choices.extend(SEPARATORS.iter().map(|other| ((*other).to_owned(), 0.15)));
    for (text, fit) in choices {
        if text != inner && !text.is_empty() {
            desk.put(site, site.node, &format!("{prefix}'{text}'"), level::ATOM, EditKind::TextLiteral, fit);
        }
    }
}

//! Slices, indices and ranges: bounds that are missing, too many, or the wrong way round.

use tree_sitter::Node;

use super::calls::{MOST_NEW_ARGUMENTS, swaps};
use super::desk::Desk;
use super::facts::Site;
use super::level;
use crate::repair::EditKind;
use crate::syntax::parts;

/// Other bounds of a `range`.
pub(super) fn of_range(desk: &mut Desk<'_, '_>, site: Site<'_>, list: Node<'_>, plain: &[Node<'_>]) {
    let text = |n: usize| plain.get(n).map_or("", |node| desk.text(*node));
    let new: Vec<(String, f64)> = match plain.len() {
        1 => vec![
            (format!("(1, {})", text(0)), 1.0),
            (format!("(1, {} + 1)", text(0)), 0.9),
            (format!("(2, {})", text(0)), 0.4),
            (format!("({} - 1, -1, -1)", text(0)), 0.7),
            (format!("({}, 0, -1)", text(0)), 0.5),
            (format!("({}, -1, -1)", text(0)), 0.4),
            (format!("(0, {}, 2)", text(0)), 0.4),
            (format!("(1, {}, 2)", text(0)), 0.3),
        ],
        2 => vec![
            (format!("({}, {}, 2)", text(0), text(1)), 0.5),
            (format!("({}, {}, -1)", text(0), text(1)), 0.5),
            (format!("({}, {}, -1)", text(1), text(0)), 0.5),
            (format!("({} - 1, {} - 1, -1)", text(1), text(0)), 0.5),
        ],
        3 => vec![(format!("({}, {}, -{})", text(0), text(1), text(2)), 0.5)],
        _ => Vec::new(),
    };
    for (text, fit) in new {
        desk.raw(site, list.byte_range(), text, EditKind::Slice, fit);
    }
}

/// Another index, or a slice in its place.
pub(super) fn of_subscript(desk: &mut Desk<'_, '_>, site: Site<'_>) {
    let node = site.node;
    let Some(value) = node.child_by_field_name("value") else { return };
    let indices: Vec<Node<'_>> = parts(node).into_iter().filter(|part| *part != value).collect();
    let level = level::of(desk.facts.text, value);
    desk.put(site, node, desk.text(value), level, EditKind::Unwrapped, 0.4);
    swaps(desk, site, &indices, 1.0);
    if let (Some(inner), [index]) = (value.child_by_field_name("subscript"), indices.as_slice()) {
        desk.swap(site, inner, *index, EditKind::Swap, 0.8);
    }
    let [index] = indices.as_slice() else { return };
    if index.kind() == "slice" {
        slice(desk, site, *index);
        return;
    }
    let text = desk.text(*index);
    let bare = text.trim_start_matches('-');
    for (new, fit) in [
        ("0".to_owned(), 0.6),
        ("-1".to_owned(), 0.6),
        (format!("{text}:"), 0.5),
        (format!(":{text}"), 0.5),
        (format!("-{bare}"), 0.4),
        (format!("-{bare} - 1"), 0.2),
        (format!("{text} % len({})", desk.text(value)), 0.25),
    ] {
        desk.raw(site, index.byte_range(), new, EditKind::Slice, fit);
    }
}

fn slice(desk: &mut Desk<'_, '_>, site: Site<'_>, node: Node<'_>) {
    let text = desk.text(node);
    // Bounds by the colons between them; a nested slice or lambda would have colons of its own.
    let bounds: Vec<&str> = text.split(':').map(str::trim).collect();
    if !(2..=3).contains(&bounds.len()) || text.contains(['[', '{']) {
        return;
    }
    let (low, high) = (bounds[0], bounds[1]);
    let step = bounds.get(2).copied().unwrap_or_default();
    let tail = if step.is_empty() { String::new() } else { format!(":{step}") };
    let more = |bound: &str, by: &str| if bound.is_empty() { String::new() } else { format!("{bound} {by}") };
    let mut choices = vec![
        (format!("{high}:{low}{tail}"), 0.7),
        (format!(":{high}{tail}"), 0.7),
        (format!("{low}:{tail}"), 0.7),
        (format!("{low}:{high}:-1"), 0.5),
        (format!("{low}:{high}:2"), 0.3),
        (format!("{low}:{high}"), 0.6),
        (format!("{}:{}{tail}", more(low, "+ 1"), more(high, "+ 1")), 0.3),
        (format!("{}:{}{tail}", more(low, "- 1"), more(high, "- 1")), 0.3),
    ];
    if low.is_empty() {
        choices.extend([(format!("1:{high}{tail}"), 0.6), (format!("2:{high}{tail}"), 0.2)]);
        choices.push((format!("-{high}:{tail}"), 0.4));
    }
    if high.is_empty() {
        choices.extend([(format!("{low}:-1{tail}"), 0.5), (format!("-{low}:{tail}"), 0.4)]);
    }
    if let Some(back) = step.strip_prefix('-') {
        choices.push((format!("{low}:{high}:{back}"), 0.6));
    }
    for name in desk
        .values_at(site.node)
        .into_iter()
        .take(MOST_NEW_ARGUMENTS)
        .map(|n| n.text.clone())
        .collect::<Vec<_>>()
    {
        if low.is_empty() {
            choices.push((format!("{name}:{high}{tail}"), 0.25));
        }
        if high.is_empty() {
            choices.push((format!("{low}:{name}{tail}"), 0.25));
        }
    }
    for (new, fit) in choices {
        if !matches!(new.as_str(), "-:" | ":" | "1:1") || text != ":" {
            desk.raw(site, node.byte_range(), new, EditKind::Slice, fit);
        }
    }
}

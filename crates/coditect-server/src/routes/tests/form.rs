//! Pages are in form, and can be used without eyes or a mouse: as far as a machine can tell.

use std::collections::BTreeSet;

/// Elements without an end.
const VOID: [&str; 4] = ["br", "input", "link", "meta"];

/// The value of an attribute in a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

/// Panics where a page is not in form.
#[track_caller]
pub(super) fn check(page: &str) {
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{page}");
    let (mut open, mut ids, mut named) = (Vec::new(), BTreeSet::new(), Vec::new());
    let (mut headings, mut mains) = (0, 0);
    // All text is escaped, so that each `<` begins a tag.
    let mut parts = page.split('<').skip(2).peekable();
    while let Some(part) = parts.next() {
        let (tag, text) = part.split_once('>').unwrap_or_else(|| panic!("a tag without an end: {part}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "near {part}");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        if let Some(id) = attribute(tag, "id") {
            assert!(ids.insert(id), "there are two `{id}`");
        }
        named.extend(attribute(tag, "aria-labelledby"));
        let has_words = !text.trim().is_empty() || attribute(tag, "aria-label").is_some();
        match name {
            "h1" => headings += 1,
            "main" => mains += 1,
            // What heads a row may be a link, or a name as code.
            "th" if parts.peek().is_some_and(|next| next.starts_with("a ") || next.starts_with("code>")) => {}
            "button" | "a" | "label" | "summary" | "th" => {
                assert!(has_words, "nothing says what this is: {tag}")
            }
            "input" | "select" if attribute(tag, "type") != Some("hidden") => {
                assert!(open.contains(&"label"), "no label: {tag}");
            }
            "svg" => assert!(attribute(tag, "aria-label").is_some() && attribute(tag, "role") == Some("img")),
            _ => {}
        }
        if attribute(tag, "tabindex") == Some("0") && name == "div" {
            assert!(
                attribute(tag, "role") == Some("region")
                    && (attribute(tag, "aria-label").is_some()
                        || attribute(tag, "aria-labelledby").is_some()),
                "{tag}"
            );
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!((open, headings, mains), (Vec::new(), 1, 1), "{page}");
    for name in named {
        assert!(ids.contains(name), "nothing is called `{name}`");
    }
}

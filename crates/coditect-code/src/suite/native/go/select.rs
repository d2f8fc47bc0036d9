//! Naming tests to a test program, which takes a regular expression for each level of names.

use std::collections::BTreeMap;

use super::Unit;

/// The pattern that runs the tests with these ids, and as few others as a pattern can.
pub(super) fn pattern(unit: &Unit, ids: &[String]) -> String {
    let names = unit.named(ids);
    let mut by_top: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in &names {
        let (top, below) = name.split_once('/').unwrap_or((name, ""));
        by_top.entry(top).or_default().push(below);
    }
    if let (1, Some((top, below))) = (by_top.len(), by_top.iter().next())
        && !below.contains(&"")
    {
        return format!("{}/{}", any(&[top]), levels(below));
    }
    any(&by_top.into_keys().collect::<Vec<_>>())
}

/// Tests within one test. Names of more than one level are named one by one only where they are alone.
fn levels(names: &[&str]) -> String {
    if let [one] = names {
        return one.split('/').map(|level| any(&[level])).collect::<Vec<_>>().join("/");
    }
    let mut first: Vec<&str> = names.iter().map(|name| name.split('/').next().unwrap_or(name)).collect();
    first.sort_unstable();
    first.dedup();
    any(&first)
}

fn any(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("^({})$", quoted.join("|"))
}

fn quoted(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The pattern of the package that a test belongs to.
pub(super) fn folder(id: &str) -> Option<String> {
    let name = id.split("::").next()?;
    let folder = match name.rsplit_once('/') {
        _ if !name.ends_with(".go") => name,
        Some((folder, _)) => folder,
        None => "",
    };
    Some(if matches!(folder, "" | ".") { ".".to_owned() } else { format!("./{folder}") })
}

/// The part of a pattern that chooses among the tests of a package: up to the first `/` outside brackets.
pub(super) fn first_level(pattern: &str) -> &str {
    let (mut round, mut square) = (0_i32, 0_i32);
    for (at, c) in pattern.char_indices() {
        match c {
            '[' => square += 1,
            ']' => square = (square - 1).max(0),
            '(' if square == 0 => round += 1,
            ')' if square == 0 => round -= 1,
            '/' if square == 0 && round == 0 => return &pattern[..at],
            _ => {}
        }
    }
    pattern
}

//! Which files `node --test` runs: what its arguments match, or what is named as tests are.

use crate::python::Listing;

/// The files of a package whose tests Node would run with these arguments, in order. `typed`: TypeScript among them.
pub(super) fn of(files: &Listing, arguments: &[&str], typed: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for file in files.files() {
        let asked = if arguments.is_empty() {
            is_named_as_test(file, typed)
        } else {
            arguments.iter().any(|argument| is_meant(argument, file, typed))
        };
        if asked {
            found.push(file.clone());
        }
    }
    found
}

fn is_meant(argument: &str, file: &str, typed: bool) -> bool {
    let argument = argument.trim_start_matches("./").trim_end_matches('/');
    if argument == file || (argument.contains(['*', '?', '{']) && matches(argument, file)) {
        return true;
    }
    // A directory: all that is named as tests are, or everything where it is itself.
    let within = argument.is_empty() || argument == ".";
    let rest =
        if within { Some(file) } else { file.strip_prefix(argument).and_then(|r| r.strip_prefix('/')) };
    rest.is_some_and(|rest| {
        let whole = argument == "test" || argument.ends_with("/test");
        is_named_as_test(rest, typed) || (whole && is_script(rest, typed))
    })
}

/// Node's own rule: `test.js`, `test-x.js`, `x.test.js`, `x-test.js`, `x_test.js`, and all below a directory `test`.
fn is_named_as_test(file: &str, typed: bool) -> bool {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let named = stem == "test"
        || stem.starts_with("test-")
        || [".test", "-test", "_test"].iter().any(|end| stem.ends_with(end));
    is_script(file, typed) && (named || folder.split('/').any(|part| part == "test"))
}

fn is_script(file: &str, typed: bool) -> bool {
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let declares = file.ends_with(".d.ts") || file.ends_with(".d.mts") || file.ends_with(".d.cts");
    matches!(extension, "js" | "mjs" | "cjs")
        || (typed && matches!(extension, "ts" | "mts" | "cts" | "tsx") && !declares)
}

/// Whether a pattern of a shell (`*`, `**`, `?`, `{a,b}`) matches a path.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    // Braces first, each choice on its own; a pattern has few of them.
    if let Some((before, rest)) = pattern.split_once('{')
        && let Some((choices, after)) = rest.split_once('}')
    {
        return choices.split(',').any(|choice| matches(&format!("{before}{choice}{after}"), path));
    }
    let parts: Vec<&str> = pattern.split('/').collect();
    let names: Vec<&str> = path.split('/').collect();
    parts_match(&parts, &names)
}

fn parts_match(parts: &[&str], names: &[&str]) -> bool {
    match (parts.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=names.len()).any(|skipped| parts_match(rest, &names[skipped..])),
        (Some((part, rest)), Some((name, others))) => {
            name_matches(part.as_bytes(), name.as_bytes()) && parts_match(rest, others)
        }
        _ => false,
    }
}

/// One component: `*` is any text, `?` any letter. The last star is the only one that need be tried again.
fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, n));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

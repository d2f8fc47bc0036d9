//! Makes one-place bugs in the files of a package, and says whether two files are the same program. `cargo xtask seeds`
//! drives it; people rarely run it.
//!
//! `seed_bugs bugs LANGUAGE TOP SEED MOST PATH...` prints bugs in the files below these paths (from TOP), one JSON object a
//! line, in an order that the seed decides: kinds come as often as people make them, each place once.
//!
//! `seed_bugs same OLD NEW LINE` prints `{"file": bool, "function": bool}`: whether the files have the same tokens but for
//! comments, and whether the functions around that line (of OLD) do.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "an example talks to a person")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "an example ends where its input is wrong")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use coditect_code::languages::{Language, function_bodies, is_comment, is_test_path};
use serde_json::json;
use tree_sitter::{Node, Tree};

use self::mutate::Bug;

#[path = "grammar_recall/mutate.rs"]
mod mutate;

/// Files above this were generated.
const LARGEST: u64 = 1 << 20;
/// Folders that are not the package's own code.
const FOREIGN: &[&str] = &["node_modules", "target", "vendor", "dist", "examples", "benches", "docs"];

/// How often people make a kind of mistake that tests catch, against the others: judged after mined one-line bugs
/// (wrong names, literals and calls lead; operators and conditions follow).
fn share(kind: &str) -> u64 {
    match kind {
        "wrong variable" => 12,
        "comparison" | "constant +-1" | "wrong method" => 10,
        "negated" | "off by one" | "guard missing" => 8,
        "arithmetic" | "condition dropped" | "statement missing" | "call missing" => 7,
        "and/or" | "arguments swapped" | "wrong index" => 6,
        "return value" | "argument missing" | "boolean flip" | "condition missing" => 5,
        "assign op" | "text" | "else missing" | "arms swapped" | "range" => 4,
        _ => 3,
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bugs", language, top, seed, most, paths @ ..] if !paths.is_empty() => {
            let language = Language::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(language));
            let language = *language.expect("a language that is known");
            print_bugs(language, Path::new(top), seed.parse().unwrap(), most.parse().unwrap(), paths);
        }
        ["same", old, new, line] => {
            let (file, function) = same(old, new, line.parse().unwrap());
            println!("{}", json!({ "file": file, "function": function }));
        }
        _ => {
            eprintln!("usage: seed_bugs bugs LANGUAGE TOP SEED MOST PATH... | seed_bugs same OLD NEW LINE");
            std::process::exit(2);
        }
    }
}

/// A file below the top.
struct File {
    path: String,
    text: String,
}

fn print_bugs(language: Language, top: &Path, seed: u64, most: usize, paths: &[&str]) {
    let mut files = Vec::new();
    for path in paths {
        collect(top, path, language, &mut files);
    }
    let mut by_kind: BTreeMap<&'static str, Vec<(usize, Bug)>> = BTreeMap::new();
    for (n, file) in files.iter().enumerate() {
        let of = Language::of_path(&file.path).unwrap_or(language);
        let tree = of.syntax().and_then(|mut syntax| syntax.parse(&file.text));
        let Some(tree) = tree.filter(|tree| !tree.root_node().has_error()) else { continue };
        for bug in mutate::bugs(&file.text, &tree, of) {
            by_kind.entry(bug.kind).or_default().push((n, bug));
        }
    }
    let mut state = seed;
    let mut places = BTreeSet::new();
    let mut left = most;
    while left > 0 {
        by_kind.retain(|_, bugs| !bugs.is_empty());
        let all: u64 = by_kind.keys().map(|kind| share(kind)).sum();
        if all == 0 {
            return;
        }
        let mut at = random(&mut state) % all;
        let drawn = by_kind.iter_mut().find(|(kind, _)| {
            let found = at < share(kind);
            at = at.saturating_sub(share(kind));
            found
        });
        let Some((_, bugs)) = drawn else { return };
        let number = usize::try_from(random(&mut state)).unwrap_or(0) % bugs.len();
        let (n, bug) = bugs.swap_remove(number);
        if places.insert((n, bug.range.start)) && print_bug(&files[n], &bug, language) {
            left -= 1;
        }
    }
}

/// False: it does not parse, so that tests would not be what finds it.
fn print_bug(file: &File, bug: &Bug, language: Language) -> bool {
    let old = &file.text[bug.range.clone()];
    let text = format!("{}{}{}", &file.text[..bug.range.start], bug.new, &file.text[bug.range.end..]);
    let of = Language::of_path(&file.path).unwrap_or(language);
    let tree = of.syntax().and_then(|mut syntax| syntax.parse(&text));
    if tree.is_none_or(|tree| tree.root_node().has_error()) {
        return false;
    }
    let line = file.text[..bug.range.start].matches('\n').count() + 1;
    let seen = json!({
        "path": file.path, "kind": bug.kind, "line": line, "start": bug.range.start, "end": bug.range.end,
        "old": old, "new": bug.new, "function": [bug.function.start, bug.function.end],
    });
    println!("{seen}");
    true
}

fn collect(top: &Path, path: &str, language: Language, out: &mut Vec<File>) {
    let full = top.join(path);
    if full.is_dir() {
        let entries = std::fs::read_dir(&full).expect("a directory that can be read");
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        for name in names.iter().filter(|name| !name.starts_with('.') && !FOREIGN.contains(&name.as_str())) {
            let below = if path == "." { name.clone() } else { format!("{path}/{name}") };
            collect(top, &below, language, out);
        }
        return;
    }
    let of = Language::of_path(path);
    let fits = of == Some(language) || (language, of) == (Language::TypeScript, Some(Language::Tsx));
    let written = !path.contains(".min.") && !path.ends_with(".d.ts") && !is_test_path(path);
    let small = full.metadata().is_ok_and(|about| about.is_file() && about.len() <= LARGEST);
    if let (true, true, true, Ok(text)) = (fits, written, small, std::fs::read_to_string(&full)) {
        out.push(File { path: path.to_owned(), text });
    }
}

/// A number that depends on the seed and the turn only (splitmix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn same(old: &str, new: &str, line: usize) -> (bool, bool) {
    let language = Language::of_path(old).expect("a source file");
    let read = |path: &str| std::fs::read_to_string(path).expect("a file that can be read");
    let parse = |text: &str| language.syntax().and_then(|mut syntax| syntax.parse(text)).expect("a tree");
    let (old, new) = (read(old), read(new));
    let (old_tree, new_tree) = (parse(&old), parse(&new));
    let file = tokens(&old, old_tree.root_node()) == tokens(&new, new_tree.root_node());
    let start: usize = old.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let around = start..start + old[start..].find('\n').unwrap_or(old.len() - start);
    let function = file || {
        // Functions before the place are the same, so that they count alike.
        let olds = functions(&old, &old_tree, language);
        let news = functions(&new, &new_tree, language);
        let at = olds
            .iter()
            .position(|(whole, _)| whole.start <= around.end && around.start < whole.end)
            .map(|first| {
                let inner = olds[first..]
                    .iter()
                    .rposition(|(whole, _)| whole.start <= around.end && around.start < whole.end);
                first + inner.unwrap_or(0)
            });
        olds.len() == news.len() && at.is_some_and(|at| olds[at].1 == news[at].1)
    };
    (file, function)
}

fn functions(text: &str, tree: &Tree, language: Language) -> Vec<(std::ops::Range<usize>, Vec<String>)> {
    let root = tree.root_node();
    let bodies = function_bodies(text, tree, language).into_iter().filter_map(|body| {
        let node = root.descendant_for_byte_range(body.whole.start, body.whole.end)?;
        Some((body.whole, tokens(text, node)))
    });
    bodies.collect()
}

/// The words of a tree, without comments and what is only form.
fn tokens(text: &str, node: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    add_tokens(text, node, &mut found);
    let closes = |word: &String| matches!(word.as_str(), ")" | "]" | "}");
    let mut before = String::new();
    let mut kept: Vec<String> = Vec::with_capacity(found.len());
    for word in found {
        // A comma before a closing bracket is form, but for a tuple of one.
        if closes(&word) && before == "," && kept.iter().rev().nth(1).is_some_and(|word| word != "(") {
            kept.pop();
        }
        before.clone_from(&word);
        kept.push(word);
    }
    kept
}

fn add_tokens(text: &str, node: Node<'_>, found: &mut Vec<String>) {
    if is_comment(node) {
        return;
    }
    // Space within a text counts, and its parts may be nodes.
    if node.child_count() == 0 || node.kind().contains("string") {
        let word = text[node.byte_range()].trim();
        if !word.is_empty() {
            found.push(word.to_owned());
        }
        return;
    }
    // Indented blocks have no brackets that would tell where they end.
    let bare = node.kind() == "block" && node.child(0).is_some_and(|child| child.kind() != "{");
    found.extend(bare.then(|| "<".to_owned()));
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        add_tokens(text, child, found);
    }
    found.extend(bare.then(|| ">".to_owned()));
}

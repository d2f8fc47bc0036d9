//! How often the grammar of edits holds the way back from a bug, and how early.
//!
//! `cargo run -p coditect-code --example grammar_recall -- LANGUAGE DIRECTORY... [--bugs N] [--seed N] [--misses] [--kind K]`
//!
//! A small mutator of its own makes one-place bugs in the functions of real source files; then the grammar is asked
//! with the lines of that function as suspects. Counted is the exact way back (but for white space), by its place
//! among all candidates of the file. Kinds of bugs have equal shares, however rare they are in the wild.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "an example talks to a person")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "an example ends where its input is wrong")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coditect_code::languages::{Language, is_test_path};
use coditect_code::repair::{Candidate, Problem, Source, candidates};
use coditect_types::Suspect;

use self::mutate::Bug;

#[path = "grammar_recall/mutate.rs"]
mod mutate;

/// Files above this are left out: the figure is about functions.
const LARGEST: u64 = 120_000;

struct Arguments {
    language: Language,
    directories: Vec<PathBuf>,
    bugs: usize,
    seed: u64,
    misses: bool,
    kind: Option<String>,
}

fn arguments() -> Arguments {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let language = Language::ALL.iter().find(|language| language.name().eq_ignore_ascii_case(&name));
    let Some(language) = language else {
        eprintln!("usage: grammar_recall LANGUAGE DIRECTORY... [--bugs N] [--seed N] [--misses] [--kind K]");
        std::process::exit(2);
    };
    let mut found = Arguments {
        language: *language,
        directories: Vec::new(),
        bugs: 300,
        seed: 1,
        misses: false,
        kind: None,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bugs" => found.bugs = words.next().unwrap().parse().expect("a number of bugs"),
            "--seed" => found.seed = words.next().unwrap().parse().expect("a seed"),
            "--misses" => found.misses = true,
            "--kind" => found.kind = words.next(),
            _ => found.directories.push(PathBuf::from(word)),
        }
    }
    found
}

fn collect(directory: &Path, language: Language, out: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect())
        .unwrap_or_default();
    entries.sort();
    for path in entries {
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.contains("node_modules") {
                collect(&path, language, out);
            }
        } else if Language::of_path(&name) == Some(language)
            && !is_test_path(&name)
            && !name.contains(".min.")
            && !name.ends_with(".d.ts")
        {
            let small = path.metadata().is_ok_and(|meta| meta.len() <= LARGEST);
            if let (true, Ok(text)) = (small, std::fs::read_to_string(&path)) {
                out.push(Source { path: name, text });
            }
        }
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

/// Bugs in equal shares of their kinds.
fn sample(sources: &[Source], language: Language, arguments: &Arguments) -> Vec<(usize, Bug)> {
    let mut syntax = language.syntax().expect("the grammar fits");
    let mut by_kind: BTreeMap<&'static str, Vec<(usize, Bug)>> = BTreeMap::new();
    for (n, source) in sources.iter().enumerate() {
        let Some(tree) = syntax.parse(&source.text).filter(|tree| !tree.root_node().has_error()) else {
            continue;
        };
        for bug in mutate::bugs(&source.text, &tree, language) {
            if arguments.kind.as_deref().is_none_or(|kind| kind == bug.kind) {
                by_kind.entry(bug.kind).or_default().push((n, bug));
            }
        }
    }
    let mut state = arguments.seed;
    let share = arguments.bugs.div_ceil(by_kind.len().max(1));
    let mut chosen = Vec::new();
    for bugs in by_kind.values_mut() {
        let mut left = share;
        while left > 0 && !bugs.is_empty() {
            let at = usize::try_from(random(&mut state)).unwrap_or(0) % bugs.len();
            let (n, bug) = bugs.swap_remove(at);
            let source = &sources[n];
            let mutated = apply(&source.text, &bug);
            // A bug that does not parse is no bug that tests find.
            if syntax.parse(&mutated).is_some_and(|tree| !tree.root_node().has_error()) {
                chosen.push((n, bug));
                left -= 1;
            }
        }
    }
    chosen
}

fn apply(text: &str, bug: &Bug) -> String {
    format!("{}{}{}", &text[..bug.range.start], bug.new, &text[bug.range.end..])
}

fn same(one: &str, two: &str) -> bool {
    one.split_whitespace().eq(two.split_whitespace()) || {
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        bare(one) == bare(two)
    }
}

/// True where a candidate makes the original again.
fn restores(candidate: &Candidate, original: &str, mutated: &str, bug: &Bug) -> bool {
    let (Some(first), Some(last)) = (candidate.edits.first(), candidate.edits.last()) else { return false };
    let lines = |text: &str, at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
    let start = first.range.start.min(bug.range.start);
    let start = lines(mutated, start);
    let end = last.range.end.max(bug.range.start + bug.new.len());
    let end = mutated[end..].find('\n').map_or(mutated.len(), |at| end + at);
    let end_of_original = original.len() - (mutated.len() - end);
    let mut new = String::new();
    let mut at = start;
    for edit in &candidate.edits {
        let Some(between) = mutated.get(at..edit.range.start) else { return false };
        new.push_str(between);
        new.push_str(&edit.new);
        at = edit.range.end;
    }
    new.push_str(mutated.get(at..end).unwrap_or_default());
    original.get(start..end_of_original).is_some_and(|old| same(old, &new))
}

/// The place of the way back among the candidates, and how many there are.
fn place(source: &Source, bug: &Bug) -> (Option<usize>, usize) {
    let mutated = apply(&source.text, bug);
    let shrunk = bug.function.end + bug.new.len() - bug.range.len();
    let row = |at: usize| {
        u32::try_from(mutated[..at.min(mutated.len())].matches('\n').count() + 1).unwrap_or(u32::MAX)
    };
    let suspects: Vec<Suspect> = (row(bug.function.start)..=row(shrunk))
        .map(|line| Suspect { file: source.path.clone(), line, score: 1.0 })
        .collect();
    let sources = [Source { path: source.path.clone(), text: mutated.clone() }];
    let problem = Problem { sources: &sources, suspects: &suspects, ..Problem::default() };
    let made = candidates(&problem);
    let found = made.iter().position(|candidate| restores(candidate, &source.text, &mutated, bug));
    (found, made.len())
}

#[derive(Default)]
struct Tally {
    bugs: usize,
    within: [usize; 4],
}

fn main() {
    let arguments = arguments();
    let mut sources = Vec::new();
    for directory in &arguments.directories {
        collect(directory, arguments.language, &mut sources);
    }
    let bugs = sample(&sources, arguments.language, &arguments);
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut made = Vec::new();
    for (n, bug) in &bugs {
        let source = &sources[*n];
        let (found, count) = place(source, bug);
        made.push(count);
        for kind in [bug.kind, "~ all"] {
            let tally = tallies.entry(kind).or_default();
            tally.bugs += 1;
            for (slot, most) in tally.within.iter_mut().zip([50, 200, 1000, usize::MAX]) {
                *slot += usize::from(found.is_some_and(|at| at < most));
            }
        }
        if arguments.misses && found.is_none_or(|at| at >= 200) {
            let line = source.text[..bug.range.start].matches('\n').count() + 1;
            let place = found.map_or("-".to_owned(), |at| at.to_string());
            println!("{:18} {place:>6} of {count:6}  {}:{line}", bug.kind, source.path);
            println!("    was: {}", source.text[bug.range.clone()].trim().replace('\n', " "));
            println!("    now: {}", bug.new.trim().replace('\n', " "));
        }
    }
    made.sort_unstable();
    println!(
        "{}: {} files, {} bugs, median {} candidates",
        arguments.language.name(),
        sources.len(),
        bugs.len(),
        made.get(made.len() / 2).unwrap_or(&0)
    );
    println!("{:20} {:>5} {:>6} {:>6} {:>6} {:>6}", "kind", "bugs", "<50", "<200", "<1000", "all");
    for (kind, tally) in &tallies {
        let share = |n: usize| format!("{:.0}%", 100.0 * n as f64 / tally.bugs.max(1) as f64);
        let [a, b, c, d] = tally.within.map(share);
        println!("{kind:20} {:>5} {a:>6} {b:>6} {c:>6} {d:>6}", tally.bugs);
    }
}

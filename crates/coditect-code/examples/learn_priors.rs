//! Learns how likely each kind of edit is to be the repair, from what maintainers of published packages changed.
//!
//! `learn_priors read LANGUAGE DIRECTORY > fixes.jsonl`: `DIRECTORY/<package>/<version>/` holds sources of releases. Of each
//! release and the one before it, functions that differ in a line or two are compared; where one candidate of the grammar,
//! asked with the function's lines as suspects, makes the new function of the old one (but for white space), a line says of
//! which kind it is, its place among all, and what the candidates of each kind weigh.
//!
//! `learn_priors fit fixes.jsonl [--trust N]`: prints the weights. The choice of a fix among the candidates of a function is
//! taken as Luce's model: likely in proportion to weight times fit; the weights are the maximum a posteriori, found by the
//! minorise-maximise steps of Hunter, "MM Algorithms for Generalized Bradley-Terry Models", 2004, with the weights that are
//! in use as the prior's means, each worth N fixes (5). Also printed is what this gains on packages that were left out.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit, reason = "an example talks to a person")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "an example ends where its input is wrong")]
#![allow(clippy::cast_precision_loss, reason = "counts of a few thousand")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use coditect_code::languages::{Body, Language, function_bodies, is_test_path};
use coditect_code::repair::{EditKind, Problem, Source, candidates};
use coditect_types::Suspect;
use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

/// Files above this are left out.
const LARGEST: u64 = 200_000;
/// Lines that a fix removes or adds, at most.
const MOST_LINES: usize = 2;
/// Steps of the fit.
const STEPS: usize = 200;
/// Parts of the packages that are left out in turn.
const FOLDS: usize = 5;

/// A change that one candidate makes.
#[derive(Debug, Deserialize, Serialize)]
struct Fix {
    package: String,
    version: String,
    path: String,
    function: String,
    what: String,
    kind: String,
    /// Its place among the candidates of the function, from 1.
    rank: usize,
    of: usize,
    /// Fit of the candidate.
    fit: f64,
    /// Sum of the fits of all candidates of a kind.
    fits: BTreeMap<String, f64>,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["read", language, directory] => {
            let language = Language::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(language));
            read(*language.expect("a language that is known"), Path::new(directory));
        }
        ["fit", file] => fit(file, 5.0),
        ["fit", file, "--trust", trust] => fit(file, trust.parse().expect("a number")),
        _ => {
            eprintln!("usage: learn_priors read LANGUAGE DIRECTORY | learn_priors fit FILE [--trust N]");
            std::process::exit(2);
        }
    }
}

// --- Reading ---------------------------------------------------------------------------------------------------------

fn read(language: Language, directory: &Path) {
    let (mut small, mut told) = (0_usize, 0_usize);
    for package in folders(directory) {
        let mut releases = folders(&package);
        releases.sort_by_key(|path| numbers(&name(path)));
        for pair in releases.windows(2) {
            let mut files = Vec::new();
            collect(&pair[1], &pair[1], language, &mut files);
            for (path, new) in files {
                let Ok(old) = fs::read_to_string(pair[0].join(&path)) else { continue };
                if old == new {
                    continue;
                }
                for (before, after) in changed(language, &old, &new) {
                    small += 1;
                    let source = Source { path: path.clone(), text: old.clone() };
                    if let Some(found) = explain(&source, &before, &after) {
                        told += 1;
                        let fix = Fix { package: name(&package), version: name(&pair[1]), ..found };
                        println!("{}", serde_json::to_string(&fix).unwrap());
                    }
                }
            }
        }
    }
    eprintln!("{told} of {small} functions with a small change are told by one candidate");
}

fn folders(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The numbers of a version, so that 1.10 comes after 1.9.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

fn collect(top: &Path, directory: &Path, language: Language, out: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let below = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(top, &path, language, out);
        } else if Language::of_path(&below) == Some(language)
            && !is_test_path(&below)
            && path.metadata().is_ok_and(|meta| meta.len() <= LARGEST)
            && let Ok(text) = fs::read_to_string(&path)
        {
            out.push((below, text));
        }
    }
}

/// Functions of both texts that differ a little, with the new function's text.
fn changed(language: Language, old: &str, new: &str) -> Vec<(Body, String)> {
    let mut syntax = language.syntax().expect("the grammar fits");
    let mut bodies = |text: &str| -> Vec<Body> {
        let tree = syntax.parse(text).filter(|tree| !tree.root_node().has_error());
        tree.map(|tree| function_bodies(text, &tree, language)).unwrap_or_default()
    };
    let (before, after) = (bodies(old), bodies(new));
    let mut by_name: BTreeMap<&str, Vec<&Body>> = BTreeMap::new();
    for body in &after {
        by_name.entry(&body.name).or_default().push(body);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for body in &before {
        let nth = seen.entry(&body.name).or_insert(0);
        let alike = before.iter().filter(|other| other.name == body.name).count();
        let others = by_name.get(body.name.as_str()).map_or(&[][..], Vec::as_slice);
        if others.len() == alike {
            let (was, is) = (&old[body.whole.clone()], &new[others[*nth].whole.clone()]);
            if squeezed(was) != squeezed(is) && is_small(was, is) {
                found.push((body.clone(), is.to_owned()));
            }
        }
        *nth += 1;
    }
    found
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn is_small(was: &str, is: &str) -> bool {
    let diff = TextDiff::from_lines(was, is);
    let count = |tag: ChangeTag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    count(ChangeTag::Delete) <= MOST_LINES && count(ChangeTag::Insert) <= MOST_LINES
}

/// The candidate that makes the new function of the old one.
fn explain(source: &Source, body: &Body, new: &str) -> Option<Fix> {
    let line = |at: usize| u32::try_from(source.text[..at].matches('\n').count() + 1).unwrap_or(u32::MAX);
    let lines = line(body.whole.start)..=line(body.whole.end);
    let suspects: Vec<Suspect> =
        lines.map(|line| Suspect { file: source.path.clone(), line, score: 1.0 }).collect();
    let sources = [source.clone()];
    let problem = Problem { sources: &sources, suspects: &suspects, ..Problem::default() };
    let within = |edit: &coditect_code::repair::Edit| {
        body.whole.start <= edit.range.start && edit.range.end <= body.whole.end
    };
    let all: Vec<_> =
        candidates(&problem).into_iter().filter(|candidate| candidate.edits.iter().all(within)).collect();
    let wanted = squeezed(new);
    let tail = source.text.len() - body.whole.end;
    let rank = all.iter().position(|candidate| {
        candidate.apply(&sources).is_some_and(|files| {
            let text = &files[&source.path];
            text.get(body.whole.start..text.len() - tail).is_some_and(|text| squeezed(text) == wanted)
        })
    })?;
    let mut fits = BTreeMap::new();
    for candidate in &all {
        *fits.entry(format!("{:?}", candidate.kind)).or_insert(0.0) +=
            candidate.score / candidate.kind.prior();
    }
    let found = &all[rank];
    Some(Fix {
        package: String::new(),
        version: String::new(),
        path: source.path.clone(),
        function: body.name.clone(),
        what: found.describe(),
        kind: format!("{:?}", found.kind),
        rank: rank + 1,
        of: all.len(),
        fit: found.score / found.kind.prior(),
        fits,
    })
}

// --- Fitting ---------------------------------------------------------------------------------------------------------

type Weights = BTreeMap<String, f64>;

fn fit(file: &str, trust: f64) {
    let text = fs::read_to_string(file).expect("a file of fixes");
    let fixes: Vec<Fix> = text.lines().map(|line| serde_json::from_str(line).expect("a fix")).collect();
    let used: Weights = EditKind::ALL.iter().map(|kind| (format!("{kind:?}"), kind.prior())).collect();
    let mut packages: Vec<&str> = fixes.iter().map(|fix| fix.package.as_str()).collect();
    packages.sort_unstable();
    packages.dedup();
    let fold = |fix: &Fix| packages.iter().position(|name| *name == fix.package).unwrap_or(0) % FOLDS;
    let (mut old, mut new) = (0.0, 0.0);
    for left_out in 0..FOLDS {
        let (test, train): (Vec<&Fix>, Vec<&Fix>) = fixes.iter().partition(|fix| fold(fix) == left_out);
        let weights = learnt(&train, &used, trust);
        old += test.iter().map(|fix| log_chance(fix, &used)).sum::<f64>();
        new += test.iter().map(|fix| log_chance(fix, &weights)).sum::<f64>();
    }
    let count = fixes.len() as f64;
    println!("{} fixes of {} packages", fixes.len(), packages.len());
    println!(
        "left out, mean log2 of the chance of the fix: {:.2} with the weights in use, {:.2} with learnt ones",
        old / count / std::f64::consts::LN_2,
        new / count / std::f64::consts::LN_2
    );
    let all: Vec<&Fix> = fixes.iter().collect();
    let weights = learnt(&all, &used, trust);
    println!("{:<18} {:>6} {:>8} {:>8}", "kind", "fixes", "in use", "learnt");
    for (kind, weight) in &weights {
        let seen = fixes.iter().filter(|fix| fix.kind == *kind).count();
        println!("{kind:<18} {seen:>6} {:>8.3} {weight:>8.3}", used[kind]);
    }
}

fn log_chance(fix: &Fix, weights: &Weights) -> f64 {
    let all: f64 = fix.fits.iter().map(|(kind, fits)| weights[kind] * fits).sum();
    (weights[&fix.kind] * fix.fit / all).ln()
}

fn learnt(fixes: &[&Fix], used: &Weights, trust: f64) -> Weights {
    let mut weights = used.clone();
    for _ in 0..STEPS {
        let mut expected: Weights = used.keys().map(|kind| (kind.clone(), 0.0)).collect();
        for fix in fixes {
            let all: f64 = fix.fits.iter().map(|(kind, fits)| weights[kind] * fits).sum();
            for (kind, fits) in &fix.fits {
                *expected.get_mut(kind).unwrap() += fits / all;
            }
        }
        let next = |kind: &String| {
            let seen = fixes.iter().filter(|fix| fix.kind == *kind).count() as f64;
            (seen + trust) / (expected[kind] + trust / used[kind])
        };
        weights = used.keys().map(|kind| (kind.clone(), next(kind))).collect();
    }
    weights
}

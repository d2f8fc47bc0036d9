//! The grammar of edits for languages with braces: Rust, JavaScript, TypeScript, Go and Java. Each module below makes
//! one family of candidates for all of them; what differs between them stands in one table per language.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a family of edits speaks of a few of some fifty shapes of nodes, and the others are nothing to it"
)]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use tree_sitter::Tree;

use crate::languages::{Language, is_test_path};
use crate::repair::pool::{Pool, Weights, mentions};
use crate::repair::{Candidate, Problem};

use self::desk::Desk;
use self::facts::{Facts, Site};
use self::lore::Lore;
use self::table::Grammar;

mod borrowed;
mod branches;
mod calls;
mod chars;
mod conditions;
mod desk;
mod facts;
mod insertions;
mod level;
mod lore;
mod names;
mod operators;
mod receivers;
mod returns;
mod statements;
mod table;
mod tables;
#[cfg(test)]
mod tests;
mod texts;
mod types;
mod values;
mod walk;
mod words;
mod wraps;

/// One file that may be edited, with its tree.
struct File {
    source: usize,
    path: Arc<str>,
    language: Language,
    tree: Tree,
    weights: Weights,
}

/// A region whose candidates can be made, and how suspicious it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    file: usize,
    region: usize,
    /// The most suspicious place in it.
    pub(super) weight: f64,
}

/// A project's files, ready to have candidates made of them.
pub(super) struct Project<'p> {
    problem: &'p Problem<'p>,
    files: Vec<File>,
    /// By language.
    grammars: BTreeMap<Language, (Grammar, Lore)>,
}

impl<'p> Project<'p> {
    /// Reads the files that may be edited and that suspicion touches. None: no file is in such a language.
    pub(super) fn read(problem: &'p Problem<'p>) -> Option<Self> {
        let mut files = Vec::new();
        let mut grammars: BTreeMap<Language, (Grammar, Lore)> = BTreeMap::new();
        for (n, source) in problem.sources.iter().enumerate() {
            let Some(language) = Language::of_path(&source.path) else { continue };
            if language == Language::Python || is_test_path(&source.path) {
                continue;
            }
            let Some(weights) = Weights::new(problem, source) else { continue };
            let Some(tree) = language.syntax().and_then(|mut syntax| syntax.parse(&source.text)) else {
                continue;
            };
            if let std::collections::btree_map::Entry::Vacant(slot) = grammars.entry(language) {
                let Some(grammar) = Grammar::of(language) else { continue };
                let lore = Lore::gather(&grammar, problem.sources, problem.others);
                slot.insert((grammar, lore));
            }
            files.push(File { source: n, path: Arc::from(source.path.as_str()), language, tree, weights });
        }
        (!files.is_empty()).then_some(Self { problem, files, grammars })
    }

    /// Regions that suspicion touches, the most suspicious first.
    pub(super) fn units(&self) -> Vec<Unit> {
        let mut units = Vec::new();
        for (n, file) in self.files.iter().enumerate() {
            let (Some(source), Some((grammar, _))) =
                (self.problem.sources.get(file.source), self.grammars.get(&file.language))
            else {
                continue;
            };
            let found = walk::walk(&source.text, &file.tree, grammar, &file.weights);
            for (region, found) in found.regions.iter().enumerate() {
                let weight = found.weight() * self.hint(&found.function);
                if weight > 0.0 {
                    units.push(Unit { file: n, region, weight });
                }
            }
        }
        units.sort_by(|a, b| {
            b.weight.total_cmp(&a.weight).then_with(|| (a.file, a.region).cmp(&(b.file, b.region)))
        });
        units
    }

    /// How much the request points at a function.
    fn hint(&self, function: &str) -> f64 {
        if mentions(self.problem.request, function) { 1.3 } else { 1.0 }
    }

    /// The candidates of some regions that have these scores. Regions of one file are best asked for together.
    pub(super) fn candidates(&self, units: &[Unit], scores: &Range<f64>) -> Vec<Candidate> {
        let mut made = Vec::new();
        for (n, file) in self.files.iter().enumerate() {
            let wanted: Vec<usize> =
                units.iter().filter(|unit| unit.file == n).map(|unit| unit.region).collect();
            let source = self.problem.sources.get(file.source).filter(|_| !wanted.is_empty());
            let (Some(source), Some((grammar, lore))) = (source, self.grammars.get(&file.language)) else {
                continue;
            };
            let facts =
                Facts::gather(&file.path, &source.text, &file.tree, grammar, &file.weights, lore, &wanted);
            let mut pool = Pool::new(facts.path.clone(), facts.text).of_scores(scores.clone());
            for region in &wanted {
                let Some(region) = facts.regions.get(*region) else { continue };
                pool.function = region.function.clone();
                pool.hint = self.hint(&region.function);
                propose(&mut Desk {
                    facts: &facts,
                    grammar,
                    region,
                    pool: &mut pool,
                    conditions: BTreeMap::new(),
                });
            }
            made.extend(pool.into_made());
        }
        made
    }
}

/// Candidates of one region after which no further place is looked at. Places come most suspicious first.
const MOST_OF_REGION: usize = 100_000;

fn propose(desk: &mut Desk<'_, '_>) {
    let region = desk.region;
    let before = desk.pool.len();
    receivers::propose(desk);
    for site in sorted(&region.expressions) {
        if desk.pool.is_past(site.weight) {
            break;
        }
        operators::propose(desk, site);
        values::propose(desk, site);
        names::propose(desk, site);
        calls::propose(desk, site);
        wraps::propose(desk, site);
        branches::of_expression(desk, site);
        conditions::propose(desk, site);
        if desk.pool.len() - before > MOST_OF_REGION / 2 {
            break;
        }
    }
    for site in sorted(&region.targets) {
        names::of_target(desk, site);
    }
    for site in sorted(&region.statements) {
        if desk.pool.is_past(site.weight) {
            break;
        }
        statements::propose(desk, site);
        insertions::propose(desk, site);
        if desk.pool.len() - before > MOST_OF_REGION {
            break;
        }
    }
}

/// The most suspicious first; where that is the same, as they stand.
fn sorted<'t>(sites: &[Site<'t>]) -> Vec<Site<'t>> {
    let mut sites = sites.to_vec();
    sites.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    sites
}

//! The grammar of edits for Python. Each module below makes one family of candidates; the tables say what is
//! confused with what. Nothing outside this folder knows Python's syntax.

pub(crate) use self::tables::MODULES;

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use tree_sitter::Tree;

use crate::repair::pool::{Pool, Weights, mentions};
use crate::repair::{Candidate, Problem};
use crate::syntax::Syntax;

use self::anomalies::Anomaly;
use self::desk::Desk;
use self::facts::{Facts, Site};
use self::lore::Lore;

pub(super) mod anomalies;
mod borrowed;
mod calls;
mod conditions;
pub(super) mod desk;
mod expressions;
pub(super) mod facts;
mod insertions;
mod level;
mod lore;
mod moves;
mod names;
mod operators;
pub(super) mod recipes;
mod shared;
mod slices;
mod slips;
mod statements;
mod tables;
mod types;
mod values;
mod walk;
mod wraps;

/// One file that may be edited, with its tree.
struct File {
    source: usize,
    path: Arc<str>,
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
    /// As much, but for what its code itself says: no candidate's place counts more.
    pub(super) most: f64,
}

/// A project's Python, ready to have candidates made of it.
pub(super) struct Project<'p> {
    problem: &'p Problem<'p>,
    files: Vec<File>,
    lore: Lore,
}

impl std::fmt::Debug for Project<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Project").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl<'p> Project<'p> {
    /// Parses the files that failing tests touch. None where the grammar cannot be loaded.
    pub(super) fn read(problem: &'p Problem<'p>) -> Option<Self> {
        let mut syntax = Syntax::python()?;
        let lore = Lore::gather(&mut syntax, problem.sources, problem.others);
        let mut files = Vec::new();
        for (n, source) in problem.sources.iter().enumerate() {
            if !source.path.ends_with(".py") {
                continue;
            }
            let Some(weights) = Weights::new(problem, source) else { continue };
            if let Some(tree) = syntax.parse(&source.text) {
                files.push(File { source: n, path: Arc::from(source.path.as_str()), tree, weights });
            }
        }
        Some(Self { problem, files, lore })
    }

    /// Every region, the most suspicious first.
    pub(super) fn units(&self) -> Vec<Unit> {
        let mut units = Vec::new();
        for (n, file) in self.files.iter().enumerate() {
            let Some(source) = self.problem.sources.get(file.source) else { continue };
            let regions = walk::regions(&source.text, file.tree.root_node(), &file.weights);
            for (region, found) in regions.iter().enumerate() {
                let weight = found.weight() * self.hint(&found.function);
                if weight > 0.0 {
                    let odd = !anomalies::of(&source.text, found).is_empty();
                    let most = if odd { anomalies::LIKELIEST * weight } else { weight };
                    units.push(Unit { file: n, region, weight, most });
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
            let Some(source) = self.problem.sources.get(file.source).filter(|_| !wanted.is_empty()) else {
                continue;
            };
            let facts =
                Facts::gather(&file.path, &source.text, &file.tree, &file.weights, &self.lore, &wanted);
            let mut pool = Pool::new(facts.path.clone(), facts.text).of_scores(scores.clone());
            for region in &wanted {
                let Some(region) = facts.regions.get(*region) else { continue };
                pool.function = region.function.clone();
                pool.hint = self.hint(&region.function);
                let called = Rc::from(wraps::called_with_one(facts.text, region));
                let conditions = BTreeMap::new();
                propose(&mut Desk { facts: &facts, region, pool: &mut pool, conditions, called });
            }
            made.extend(pool.into_made());
        }
        made
    }
}

/// Candidates of one region after which no further place is looked at. Places come most suspicious first.
const MOST_OF_REGION: usize = 150_000;

fn propose(desk: &mut Desk<'_, '_>) {
    let region = desk.region;
    let before = desk.pool.len();
    let anomalies = anomalies::of(desk.facts.text, region);
    shared::of_function(desk);
    slips::of_function(desk);
    for site in sorted(&region.expressions, &anomalies) {
        if desk.pool.is_past(site.weight) {
            break;
        }
        operators::propose(desk, site);
        shared::of_expression(desk, site);
        slips::of_expression(desk, site);
        values::propose(desk, site);
        names::propose(desk, site);
        calls::propose(desk, site);
        conditions::propose(desk, site);
        expressions::propose(desk, site);
        if desk.pool.len() - before > MOST_OF_REGION / 2 {
            break;
        }
    }
    for site in sorted(&region.targets, &anomalies) {
        names::of_target(desk, site);
    }
    for site in sorted(&region.exceptions, &anomalies) {
        names::of_exception(desk, site);
    }
    for site in sorted(&region.statements, &anomalies) {
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

/// The most suspicious first, anomalies before others; where that is the same, as they stand.
fn sorted<'t>(sites: &[Site<'t>], anomalies: &[Anomaly]) -> Vec<Site<'t>> {
    let mut sites = sites.to_vec();
    for site in &mut sites {
        let range = site.node.byte_range();
        let at = anomalies.iter().find(|odd| {
            let within = odd.range.start <= range.start && range.end <= odd.range.end;
            odd.range == range || (odd.inside && within)
        });
        site.weight *= at.map_or(1.0, |odd| odd.likelier);
    }
    sites.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    sites
}

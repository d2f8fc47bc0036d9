//! A change that a model wrote and that passes: does it do anything but for the very inputs of the tests?
//!
//! Signs of that stand in honest code too, and so does what shows with the tests' inputs alone; a change that has both was made for the
//! tests (see [`review::signs`], [`behaviour::elsewhere`]). Where nothing can be called, nothing is said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::PoisonError;

use coditect_code::languages::Language;
use coditect_code::repair::Means;
use coditect_code::repair::behaviour::{self, Elsewhere, Inquiry};
use coditect_code::review::{self, Asked, Changed, Finding, Signs};
use coditect_ports::{PortError, Work};
use coditect_types::outcome::{Proposal, Spent};
use coditect_types::{Failure, TestReport};

use super::by_tools::text_below;
use super::seats::Seat;
use super::sources::Sources;
use super::{Case, Coder, limits};
use crate::notices::Notices;

/// The largest part of other inputs for which a change that compares with a number from nowhere does something.
const MOST_SHARE: f64 = 0.5;

/// A file before and after a change, by its path below the project's root.
type Texts = BTreeMap<String, (String, String)>;

impl Coder {
    /// What is wrong with a change that does something for the inputs of tests alone.
    pub(super) fn only_for_tests(
        &self,
        case: &Case<'_>,
        proposal: &Proposal,
        sources: &Sources,
        (work, seat): (&Work, &Seat<'_>),
        spent: &mut Spent,
    ) -> Result<Option<Finding>, Failure> {
        let is_python = |path: &&str| Language::of_path(path) == Some(Language::Python);
        let paths: Vec<&str> =
            proposal.files.iter().map(|file| file.path.as_str()).filter(is_python).collect();
        if paths.is_empty() || case.baseline.red().next().is_none() {
            return Ok(None);
        }
        let tree =
            |commit: &str| self.tools.workspace.worktree(&work.mission, commit, &seat.purpose("reply"));
        let text = |top: &Path, path: &str| text_below(top, path).unwrap_or_default();
        let top = tree(&proposal.commit)?;
        let after: Vec<String> = paths.iter().map(|path| text(&top, path)).collect();
        let view = tree(&case.snapshot.commit)?;
        let texts: Texts = paths
            .iter()
            .zip(after)
            .map(|(path, after)| (case.below_root(path).to_owned(), (text(&view, path), after)))
            .collect();
        let changes: Vec<Changed<'_>> =
            texts.iter().map(|(path, (before, after))| Changed { path, before, after }).collect();
        let red = red_texts(case.baseline, sources);
        let signs = review::signs(&changes, &Asked { request: case.request, tests: &[], red: &red });
        let elsewhere = match self.elsewhere(case, &texts, (&view, sources), work, spent) {
            Ok(elsewhere) => elsewhere,
            Err(error) if work.stop.is_raised() => return Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "a change could not be looked into");
                return Ok(None);
            }
        };
        tracing::debug!(?signs, ?elsewhere, "what a change does for the tests and for others");
        Ok(elsewhere.into_iter().find_map(|of_function| judged(of_function, &signs, &texts)))
    }

    /// What the change does for each function that tests call, for their inputs and for others.
    fn elsewhere(
        &self,
        case: &Case<'_>,
        texts: &Texts,
        (view, sources): (&Path, &Sources),
        work: &Work,
        spent: &mut Spent,
    ) -> Result<Vec<Elsewhere>, PortError> {
        // Outside of WASM, what is tried lies in a place that a mission has but one of.
        let _turn = self.probing.lock().unwrap_or_else(PoisonError::into_inner);
        let bench = self
            .bench(case, view, sources, 1, work)
            .map_err(|failure| PortError::new(failure.kind, failure.cause))?;
        Notices::new(work, &*self.tools.clock)
            .doing("calling what was changed with other inputs than the tests'");
        let overlay: BTreeMap<String, String> =
            texts.iter().map(|(path, (_, after))| (path.clone(), after.clone())).collect();
        let changed: BTreeSet<(String, String)> = texts
            .iter()
            .flat_map(|(path, (before, after))| {
                let names = review::changed_functions(path, before, after);
                names.into_iter().map(|name| (path.clone(), name))
            })
            .collect();
        let red: Vec<String> = case.baseline.red().map(|test| test.id.clone()).collect();
        let inquiry = Inquiry { variants: &[&overlay], changed: &changed, red: &red, seed: case.seed };
        let limits = limits(case, None, 1);
        let means = Means { judge: &bench, limits: &limits, clock: &*self.tools.clock, stop: &work.stop };
        let found = super::probe::compare(&bench, &inquiry, &means)?;
        spent.sandbox_runs += bench.runs();
        Ok(found.map(|found| behaviour::elsewhere(&found, 0)).unwrap_or_default())
    }
}

/// Holds what a change does against the signs in its text.
fn judged(does: Elsewhere, signs: &Signs, texts: &Texts) -> Option<Finding> {
    let Elsewhere { is_of_tests_alone, share, is_spread, results, is_text, equals_all, seen, other } = does;
    if equals_all {
        return made_equal(texts).map(|(path, line)| Finding::EqualsAll { path, line });
    }
    // One of two results that is not chosen by a value of the tests: by a rule, then.
    let is_ruled = results <= 2 && signs.input.is_none() && !signs.is_matched;
    let are_classes = is_spread && (is_text || signs.is_bounded || is_ruled);
    let alone = signs.input.as_ref().or(signs.answers.as_ref()).or(signs.number.as_ref());
    let sign = alone
        .filter(|_| is_of_tests_alone && !are_classes)
        .or(signs.number.as_ref().filter(|_| share <= MOST_SHARE));
    let (path, line) = sign?.clone();
    Some(Finding::OnlyTests { path, line, seen, other })
}

/// The red tests as path and text.
pub(crate) fn red_texts<'s>(baseline: &'s TestReport, sources: &'s Sources) -> Vec<(&'s str, &'s str)> {
    review::red_texts(baseline.red().map(|test| test.id.as_str()), &sources.tests, &sources.product)
}

/// Where a value is made that is equal to whatever it is compared with, as far as that is to be seen.
fn made_equal(texts: &Texts) -> Option<(String, usize)> {
    let place = |(path, (_, after)): (&String, &(String, String))| {
        let at = after.lines().position(|line| line.contains("__eq__"))?;
        Some((path.clone(), at + 1))
    };
    texts.iter().find_map(place).or_else(|| Some((texts.keys().next()?.clone(), 1)))
}

//! From what a search found to a proposal: proved by the whole suite, committed, told with its evidence.

use std::collections::{BTreeMap, BTreeSet};

use coditect_code::repair::{Found, Sought, Source};
use coditect_ports::workspace::{Change, FileEdit};
use coditect_ports::{PortError, Work};
use coditect_types::outcome::{ChangedPlace, DIFF_BYTES, Evidence, OtherChange, Proposal, Spent};
use coditect_types::{ErrorKind, Failure, Ground, Outcome, TestReport, TestStatus};

use super::judge::Bench;
use super::parts::suite_ms;
use super::sources::Script;
use super::{Case, Coder};
use crate::notices::Notices;

/// Runners-up whose diffs are told where not all were asked for.
const MOST_RUNNERS_UP: usize = 5;

/// What a proposal is made with.
pub(super) struct Proposing<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) bench: &'a Bench<'a>,
    pub(super) script: &'a Script,
    pub(super) work: &'a Work,
    pub(super) notices: &'a Notices<'a>,
    /// When the time of the search is over, µs of the monotonic clock.
    pub(super) ends_us: u64,
}

impl Coder {
    /// Proves the winner by the whole suite once more, on the person's own limits, and commits it. Where nothing turns
    /// all red tests green, the best part of a repair.
    pub(super) fn propose(
        &self,
        with: &Proposing<'_>,
        sought: Sought,
        ground: Option<Ground>,
    ) -> Result<Outcome, Failure> {
        let Proposing { case, bench, notices, .. } = with;
        let mut account = sought.account;
        let mut passing: Vec<Found> = sought.best.into_iter().chain(sought.runners_up).collect();
        let partly = sought.partly;
        let mut fewer = 0;
        while !passing.is_empty() {
            let mut found = passing.remove(0);
            bench.tidy(&mut found.sources)?;
            notices.doing("proving the change by the whole suite");
            if !self.is_left_to_the_tester(with)
                && let Some(why) = refuted(with, &found, &[])?
            {
                fewer += 1;
                account = format!(
                    "{account} {} passed the search and was refuted: {why}.",
                    found.candidate.describe()
                );
                continue;
            }
            // Those that the proof refuted are among the others that the search saw.
            let (mut evidence, refuted) = self.evidence(with, &found, &passing)?;
            let others = found.others.saturating_sub(fewer + refuted);
            evidence.others_passing = others as u64;
            let found = found.beside(others);
            let change = self.commit(with, &found)?;
            let others = passing.iter().take(MOST_RUNNERS_UP);
            let runners_up =
                others.filter_map(|other| Some(cut(self.commit(with, other).ok()?.diff))).collect();
            return Ok(proposed(case, found, change, runners_up, evidence));
        }
        if let Some(partly) = partly {
            notices.doing("proving the part of a repair by the whole suite");
            match refuted(with, &partly.found, &partly.left)? {
                None => {
                    let change = self.commit(with, &partly.found)?;
                    let (mut evidence, _) = self.evidence(with, &partly.found, &[])?;
                    evidence.left_red = partly.left;
                    return Ok(proposed(case, partly.found, change, Vec::new(), evidence));
                }
                Some(why) => {
                    let what = partly.found.candidate.describe();
                    account = format!("{account} {what} turns some of them green and was refuted: {why}.");
                }
            }
        }
        for (id, (passed, ran)) in bench.flaky() {
            account =
                format!("{account} `{id}` is flaky and was not counted: it passed {passed} of {ran} runs.");
        }
        Ok(case.nothing(account, sought.at_limit, ground))
    }

    /// Where one run of the whole suite is dear, and there is no time for two: the tester's is the one that counts.
    fn is_left_to_the_tester(&self, with: &Proposing<'_>) -> bool {
        let takes_us = suite_ms(with.case.baseline).saturating_mul(1_000);
        with.bench.spares_the_suite()
            && self.tools.clock.monotonic_us().saturating_add(takes_us) > with.ends_us
    }

    /// What speaks for a change, with the others where all are asked for, and how many of these were refuted.
    fn evidence(
        &self,
        with: &Proposing<'_>,
        found: &Found,
        passing: &[Found],
    ) -> Result<(Evidence, usize), Failure> {
        let (case, mut refuted_ones) = (with.case, 0);
        let mut evidence = Evidence {
            kind: found.candidate.says(),
            places: places(case, found),
            flaky: with.bench.flaky(),
            ..Evidence::default()
        };
        if !case.focus.all {
            return Ok((evidence, 0));
        }
        with.notices.doing(format!("proving {} other changes that pass", passing.len()));
        for other in passing {
            if with.work.stop.is_raised() {
                return Err(crate::interrupted().into());
            }
            // Who is in a hurry gets the others as the search knows them.
            let proved = !with.work.stop.is_wanted();
            if proved && refuted(with, other, &[])?.is_some() {
                refuted_ones += 1;
                continue;
            }
            evidence.others.push(OtherChange {
                diff: cut(self.commit(with, other)?.diff),
                explanation: other.explanation.clone(),
                kind: other.candidate.says(),
                places: places(case, other),
                confidence: other.confidence,
                proved,
            });
        }
        evidence.flaky = with.bench.flaky();
        Ok((evidence, refuted_ones))
    }

    fn commit(&self, with: &Proposing<'_>, found: &Found) -> Result<Change, PortError> {
        let Proposing { case, script, work, .. } = with;
        let edit = |source: &Source| {
            let content = script.bytes(&source.path, &source.text).ok_or_else(|| {
                let cause = format!("`{}` has no way to write the change in its encoding", source.path);
                PortError::new(ErrorKind::Invalid, cause)
            })?;
            Ok(FileEdit { path: case.below_top(&source.path), content: Some(content) })
        };
        let edits = found.sources.iter().map(edit).collect::<Result<Vec<_>, PortError>>()?;
        self.tools.workspace.commit(&work.mission, &case.snapshot.commit, &edits, &found.explanation)
    }
}

/// Why the whole suite speaks against a change, if it does. A test that passes and fails on the same tree does not.
fn refuted(with: &Proposing<'_>, found: &Found, left: &[String]) -> Result<Option<String>, PortError> {
    let Proposing { case, bench, .. } = with;
    let overlay = overlay_of(found);
    let proof = bench.whole(&overlay)?.report;
    let red = case.against(&proof, left, &bench.flaky());
    if !red.is_empty() {
        // What the search spent on that is no reason to lose what it found.
        bench.doubt_within(case.budget.search_ms);
        bench.are_flaky(&overlay, &red)?;
    }
    Ok(case.refuted(&proof, left, &bench.flaky()))
}

fn proposed(
    case: &Case<'_>,
    found: Found,
    change: Change,
    runners_up: Vec<String>,
    evidence: Evidence,
) -> Outcome {
    let proposal = Proposal {
        rung: case.rung,
        runners_up,
        commit: change.commit,
        tree: change.tree,
        diff: cut(change.diff),
        files: change.files,
        explanation: found.explanation,
        confidence: found.confidence,
        evidence,
    };
    Outcome::ChangeProposed { proposal, spent: Spent::default() }
}

fn overlay_of(found: &Found) -> BTreeMap<String, String> {
    found.sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect()
}

fn places(case: &Case<'_>, found: &Found) -> Vec<ChangedPlace> {
    let place = |place: &coditect_code::repair::Place| ChangedPlace {
        path: case.below_top(&place.path),
        line: place.line,
        function: place.function.to_string(),
    };
    found.candidate.places.iter().map(place).collect()
}

impl Case<'_> {
    /// The red tests that speak against a change. `left`: tests that it does not claim to turn green. `flaky`: tests that
    /// turned out to pass and fail on the same tree.
    pub(super) fn against(
        &self,
        proof: &TestReport,
        left: &[String],
        flaky: &BTreeMap<String, (u32, u32)>,
    ) -> Vec<String> {
        let known: BTreeSet<&str> = self.baseline.flaky().map(|test| test.id.as_str()).collect();
        let before: BTreeSet<&str> = self.baseline.red().map(|test| test.id.as_str()).collect();
        let may_be_red = |id: &str| {
            known.contains(id)
                || flaky.contains_key(id)
                || (before.contains(id)
                    && (!self.focus.wants_test(id) || left.iter().any(|other| other == id)))
        };
        proof.red().filter(|test| !may_be_red(&test.id)).map(|test| test.id.clone()).collect()
    }

    /// Why a run of the whole suite speaks against a change, if it does.
    pub(super) fn refuted(
        &self,
        proof: &TestReport,
        left: &[String],
        flaky: &BTreeMap<String, (u32, u32)>,
    ) -> Option<String> {
        if let Some(red) = self.against(proof, left, flaky).first() {
            return Some(format!("`{red}` is red"));
        }
        let ends: BTreeMap<&str, TestStatus> =
            proof.tests.iter().map(|test| (test.id.as_str(), test.status)).collect();
        let gone = self
            .baseline
            .tests
            .iter()
            .filter(|test| test.status != TestStatus::NotRun)
            .find(|test| ends.get(test.id.as_str()).is_none_or(|end| *end == TestStatus::NotRun));
        if let Some(gone) = gone {
            return Some(format!("`{}` did not run", gone.id));
        }
        let known = |problem: &&String| left.is_empty() || !self.baseline.problems.contains(problem);
        proof.problems.iter().find(known).map(|problem| format!("the suite says: {problem}"))
    }
}

pub(crate) fn cut(mut diff: String) -> String {
    if diff.len() > DIFF_BYTES {
        let mut end = DIFF_BYTES;
        while !diff.is_char_boundary(end) {
            end -= 1;
        }
        diff.truncate(end);
    }
    diff
}

//! Worlds whose work falls into pieces: which answers are right for which strand, and which changes do not go together.
//! What comes of a strand depends on nothing but the strand and the turn, as in the real world.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::action::StrandChange;
use coditect_types::outcome::{ChangedFile, Evidence, LeftOut, Proposal, Spent};
use coditect_types::{Outcome, Reach, Rung, Strand, TestReport, TestResult, TestStatus};

use crate::chance::Chance;

/// The pieces of a world; with less than two the work is one piece.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    /// How many there are, each with a file of its own.
    pub count: u32,
    /// Which answer is right, by the number of the strand; 0: none is.
    pub right_at: Vec<u64>,
    /// The changes of these two strands do not go together: a green test is red with both.
    pub clash: Option<(u32, u32)>,
    /// This strand's changes reach for the file of another one.
    pub grabs: Option<u32>,
    /// Models always answer, and what they use depends on what they are asked alone.
    pub steady: bool,
    /// The tests that merged commits turn green.
    merged: BTreeMap<String, BTreeSet<String>>,
}

impl Pieces {
    /// Pieces of this chance.
    #[must_use]
    pub fn of(chance: &mut Chance) -> Self {
        let count = 2 + chance.below(5) as u32;
        let mut one = |percent| chance.percent(percent).then(|| 1 + chance.below(u64::from(count)) as u32);
        let (first, second, grabs) = (one(40), one(100), one(10));
        let clash = first.zip(second).filter(|(first, second)| first != second);
        let right_at = (0..count).map(|_| chance.below(5)).collect();
        Self { count, right_at, clash, grabs, ..Self::default() }
    }

    /// What each red test needs.
    pub(crate) fn reach(&self, red: u32) -> Vec<Reach> {
        if self.count < 2 {
            return Vec::new();
        }
        let needs = |n: u32| Reach {
            tests: vec![format!("test_a.py::red_{n}")],
            test_files: vec!["test_a.py".into()],
            files: vec![format!("f{}.py", n % self.count)],
            raised: Vec::new(),
        };
        (0..red).map(needs).collect()
    }

    /// What comes of an answer for a strand.
    pub(crate) fn answered(&self, rung: Rung, strand: &Strand, reply: &str) -> Outcome {
        let turn: u64 = reply.strip_prefix("answer ").and_then(|n| n.parse().ok()).unwrap_or(0);
        let (id, spent) =
            (strand.id.0, Spent { candidates: 1, sandbox_runs: 2, wall_ms: 20, ..Spent::default() });
        let right_at = self.right_at.get(id as usize - 1).copied().unwrap_or(0);
        if right_at == 0 || turn < right_at {
            return Outcome::ReplyRefused {
                rung,
                account: "A test is red.".into(),
                feedback: "Try again.".into(),
                diff: format!("diff {id}.{turn}"),
                halved: None,
                spent,
            };
        }
        let of_others =
            ["f0.py", "f1.py"].into_iter().find(|file| !strand.files.iter().any(|own| own == file));
        let grabbed = of_others.filter(|_| self.grabs == Some(id));
        let paths = strand.files.iter().map(String::as_str).chain(grabbed);
        let files = paths.map(|path| ChangedFile { path: path.into(), added: 1, removed: 1 }).collect();
        Outcome::ChangeProposed {
            proposal: proposal(rung, &format!("s-{id}-{turn}"), files, Vec::new()),
            spent,
        }
    }

    /// The changes as one, without the later one of two that do not go together, once the suite has said that.
    pub(crate) fn merge(
        &mut self,
        baseline: &TestReport,
        changes: &[StrandChange],
        contradicted: bool,
    ) -> Outcome {
        let has = |id: u32| changes.iter().any(|change| change.strand.id.0 == id);
        let culprit = self.clash.filter(|(one, other)| contradicted && has(*one) && has(*other));
        let culprit = culprit.map(|(one, other)| one.max(other));
        let standing: Vec<&StrandChange> =
            changes.iter().filter(|change| Some(change.strand.id.0) != culprit).collect();
        let ids: Vec<String> = standing.iter().map(|change| change.proposal.commit.clone()).collect();
        let name = format!("m-{}", ids.join("+").replace("commit-s-", ""));
        let turned: BTreeSet<String> =
            standing.iter().flat_map(|change| change.strand.tests.clone()).collect();
        let steady = |test: &&TestResult| test.passes_of_runs.is_none();
        let left = baseline.red().filter(steady).map(|test| test.id.clone());
        let left = left.filter(|id| !turned.contains(id)).collect();
        self.merged.insert(format!("commit-{name}"), turned);
        let files = standing.iter().flat_map(|change| change.proposal.files.clone()).collect();
        let rung = standing.iter().map(|change| change.proposal.rung).max().unwrap_or(Rung::SmallModel);
        let why = "beside the strands before it, `test_a.py::green_0` is red".to_owned();
        let out = changes.iter().filter(|change| Some(change.strand.id.0) == culprit);
        Outcome::ChangesMerged {
            proposal: (!standing.is_empty()).then(|| proposal(rung, &name, files, left)),
            left_out: out.map(|change| LeftOut { strand: change.strand.id, why: why.clone() }).collect(),
            spent: Spent { sandbox_runs: u64::from(contradicted), ..Spent::default() },
        }
    }

    /// What the suite says of a merged commit. None: it is none.
    pub(crate) fn verify(&self, commit: &str, baseline: &TestReport) -> Option<TestReport> {
        let turned = self.merged.get(commit)?;
        let mut report = baseline.clone();
        for test in &mut report.tests {
            if turned.contains(&test.id) {
                test.status = TestStatus::Passed;
            }
        }
        if !self.goes_together(commit) {
            let green = report.tests.iter_mut().find(|test| test.id.contains("::green_"));
            green.into_iter().for_each(|test| test.status = TestStatus::Failed);
        }
        let is_red = report.red().next().is_some();
        report.exit_code = Some(i32::from(is_red));
        Some(report)
    }

    pub(crate) fn is_merged(&self, commit: &str) -> bool {
        self.merged.contains_key(commit)
    }

    /// Whether no two changes of a merged commit contradict each other.
    pub(crate) fn goes_together(&self, commit: &str) -> bool {
        let parts = commit.strip_prefix("commit-m-").unwrap_or_default().split('+');
        let strands: BTreeSet<u32> = parts.filter_map(|part| part.split('-').next()?.parse().ok()).collect();
        !self.clash.is_some_and(|(one, other)| strands.contains(&one) && strands.contains(&other))
    }
}

fn proposal(rung: Rung, name: &str, files: Vec<ChangedFile>, left_red: Vec<String>) -> Proposal {
    Proposal {
        rung,
        commit: format!("commit-{name}"),
        tree: format!("tree-{name}"),
        diff: format!("diff {name}"),
        files,
        explanation: format!("`{name}` was written"),
        confidence: 0.5,
        runners_up: Vec::new(),
        evidence: Evidence { left_red, ..Evidence::default() },
    }
}

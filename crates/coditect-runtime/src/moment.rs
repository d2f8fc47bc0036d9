//! A mission as it stood at one of its records: a fold over them that stops early.

use coditect_core::State;
use coditect_types::{Ledger, MissionId, Record, Suspect, TestStatus};
use serde::Serialize;

use crate::cell::Cell;
use crate::view::{MissionView, Viewer};

/// Lines under suspicion that are told, likeliest first.
const SUSPECTS: usize = 5;

/// A fold that goes on record by record.
#[derive(Debug)]
pub struct Fold {
    viewer: Viewer,
    cell: Cell,
    at_ms: u64,
}

/// The files of a moment: a commit in the mission's own store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Files {
    /// The commit (hex).
    pub commit: String,
    /// Its tree (hex).
    pub tree: String,
    /// They hold the change that is stood for; else they are the snapshot's.
    pub changed: bool,
}

/// What a mission believes: each of it came from an outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Beliefs {
    /// The files that work stands on; None: no snapshot was taken yet.
    pub files: Option<Files>,
    /// Whether the suite has run.
    pub measured: bool,
    /// Tests that were green when it ran last, on these files or on the snapshot.
    pub green: u64,
    /// Those that were red, sorted.
    pub red: Vec<String>,
    /// Lines under suspicion, likeliest first.
    pub suspects: Vec<Suspect>,
    /// What is wrong and what the change that is stood for does about it.
    pub change: Option<String>,
    /// Changes that were tried and refused.
    pub refused: u64,
    /// What rungs that found nothing said, in their order.
    pub accounts: Vec<String>,
    /// What was found out that a model which is asked next must know.
    pub findings: Vec<String>,
}

impl Fold {
    /// Of a mission of which nothing was read.
    #[must_use]
    pub fn new(mission: MissionId) -> Self {
        Self { viewer: Viewer::default(), cell: Cell::new(mission), at_ms: 0 }
    }

    /// Takes the next record.
    pub fn take(&mut self, record: &Record) {
        self.viewer.take(record);
        self.cell.hear(record);
        self.at_ms = record.at_ms;
    }

    /// The mission.
    #[must_use]
    pub fn mission(&self) -> &MissionId {
        self.cell.mission()
    }

    /// The number of its newest record.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.cell.seq()
    }

    /// When that was decided, ms since 1970.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// What it cost so far.
    #[must_use]
    pub fn spent(&self) -> &Ledger {
        &self.cell.state().ledger
    }

    /// As a person wants to see it, with what it cost so far. None: nothing was submitted.
    #[must_use]
    pub fn view(&self) -> Option<MissionView> {
        let mut view = self.viewer.view()?;
        if view.status.is_none() {
            view.ledger = self.spent().clone();
        }
        Some(view)
    }

    /// What is believed.
    #[must_use]
    pub fn beliefs(&self) -> Beliefs {
        beliefs(self.cell.state())
    }
}

fn beliefs(state: &State) -> Beliefs {
    let world = &state.world;
    let files = match (&world.proposal, &world.snapshot) {
        (Some(proposal), _) => {
            Some(Files { commit: proposal.commit.clone(), tree: proposal.tree.clone(), changed: true })
        }
        (None, Some(snapshot)) => {
            Some(Files { commit: snapshot.commit.clone(), tree: snapshot.tree.clone(), changed: false })
        }
        (None, None) => None,
    };
    // A receipt speaks for the tree that it is of, and for no other.
    let of_files = |tree: &str| files.as_ref().is_some_and(|files| files.tree == tree);
    let receipt = world.receipt.as_deref().filter(|receipt| of_files(&receipt.tree));
    let receipt = receipt.or(world.baseline_receipt.as_deref());
    let ended = || receipt.into_iter().flat_map(|receipt| &receipt.after);
    Beliefs {
        measured: receipt.is_some(),
        green: ended().filter(|(_, status)| **status == TestStatus::Passed).count() as u64,
        red: ended().filter(|(_, status)| status.is_red()).map(|(test, _)| test.clone()).collect(),
        suspects: world.suspects.iter().take(SUSPECTS).cloned().collect(),
        change: world.proposal.as_ref().map(|proposal| proposal.explanation.clone()),
        refused: world.refused.len() as u64,
        accounts: world.accounts.to_vec(),
        findings: world.findings.iter().map(|finding| finding.says.clone()).collect(),
        files,
    }
}

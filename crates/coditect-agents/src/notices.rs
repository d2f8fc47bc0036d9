//! Telling what goes on, at a pace that a watcher can follow.

use coditect_code::suite;
use coditect_ports::{Clock, Notice, Work};

/// Notices of one kind at most every this many µs: ten a second.
const PACE_US: u64 = 100_000;

/// Tells the bus, and skips what comes too soon.
#[derive(Debug)]
pub(crate) struct Notices<'a> {
    work: &'a Work,
    clock: &'a dyn Clock,
    last_us: Option<u64>,
}

impl<'a> Notices<'a> {
    pub(crate) fn new(work: &'a Work, clock: &'a dyn Clock) -> Self {
        Self { work, clock, last_us: None }
    }

    /// Says what is done now.
    pub(crate) fn doing(&self, what: impl Into<String>) {
        self.work.bus.announce(Notice::Doing {
            mission: self.work.mission.clone(),
            task: self.work.task,
            attempt: self.work.attempt,
            what: what.into(),
        });
    }

    /// Tells how far a run of the tests is; the last one is always told.
    pub(crate) fn tests(&mut self, progress: suite::Progress) {
        if progress.green + progress.red < progress.of && !self.is_due() {
            return;
        }
        self.work.bus.announce(Notice::Tests {
            mission: self.work.mission.clone(),
            task: self.work.task,
            green: progress.green,
            red: progress.red,
            of: Some(progress.of),
        });
    }

    /// Tells how far the search is.
    pub(crate) fn search(&mut self, tried: u64, passing: usize, nearest: usize, red: usize) {
        if !self.is_due() {
            return;
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.work.bus.announce(Notice::Search {
            mission: self.work.mission.clone(),
            task: self.work.task,
            tried,
            of: None,
            passing: count(passing),
            best_green: count(nearest),
            red: count(red),
        });
    }

    fn is_due(&mut self) -> bool {
        let now = self.clock.monotonic_us();
        let due = self.last_us.is_none_or(|last| now.saturating_sub(last) >= PACE_US);
        if due {
            self.last_us = Some(now);
        }
        due
    }
}

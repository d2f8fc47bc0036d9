//! Runs in the sandboxes, noted while an attempt is performed, for what its outcome says that it spent.
//!
//! An outcome that says nothing of what it cost says nothing of its runs either: that of gathering what a model must know, for which a
//! smallest call may be looked for, is the one that has some. They are in the figures of a worker alone.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use coditect_ports::sandbox::{Job, Probe, Ran, end_of};
use coditect_ports::{Clock, PortError, Sandbox};
use coditect_types::{Outcome, Run, Runs, Tier};

use crate::Tools;

impl Tools {
    /// Performs an attempt with sandboxes that note what runs in them, and has its outcome tell of that.
    pub(crate) fn noting(&self, perform: impl FnOnce(Self) -> Outcome) -> Outcome {
        let notes = Arc::new(Notes::new(Arc::clone(&self.clock)));
        let sandboxes = self.sandboxes.iter().map(|sandbox| notes.of(sandbox)).collect();
        let outcome = perform(Self { sandboxes, ..self.clone() });
        notes.told(outcome)
    }
}

/// The runs of one attempt.
#[derive(Debug)]
struct Notes {
    clock: Arc<dyn Clock>,
    /// When the attempt began, by that clock.
    began_us: u64,
    runs: Mutex<Runs>,
}

impl Notes {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let began_us = clock.monotonic_us();
        Self { clock, began_us, runs: Mutex::default() }
    }

    /// The same sandbox, whose runs are noted here.
    fn of(self: &Arc<Self>, sandbox: &Arc<dyn Sandbox>) -> Arc<dyn Sandbox> {
        Arc::new(Noted { sandbox: Arc::clone(sandbox), notes: Arc::clone(self) })
    }

    fn now_us(&self) -> u64 {
        self.clock.monotonic_us().saturating_sub(self.began_us)
    }

    fn note(&self, run: Run) {
        // Nothing of a run is done while it is held: threads of a search hardly meet here.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).note(run);
    }

    /// The outcome with what was noted, where it says what it cost.
    fn told(&self, mut outcome: Outcome) -> Outcome {
        if let Some(spent) = outcome.spent_mut() {
            let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            spent.runs = std::mem::take(&mut *runs).in_order();
        }
        outcome
    }
}

/// A sandbox whose runs are noted.
#[derive(Debug)]
struct Noted {
    sandbox: Arc<dyn Sandbox>,
    notes: Arc<Notes>,
}

impl Sandbox for Noted {
    fn tier(&self) -> Tier {
        self.sandbox.tier()
    }

    fn probe(&self) -> Probe {
        self.sandbox.probe()
    }

    fn run(
        &self,
        job: &Job<'_>,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        let after_us = self.notes.now_us();
        let ran = self.sandbox.run(job, on_report);
        let took_us = self.notes.now_us().saturating_sub(after_us);
        self.notes.note(Run { tier: self.tier(), end: end_of(&ran), after_us, took_us });
        ran
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};

    use coditect_ports::{Exit, Program, Stop, Writes};
    use coditect_types::outcome::Spent;
    use coditect_types::run::RunCount;
    use coditect_types::{Enforced, ErrorKind, Failure, Limits, RunEnd};

    use super::*;

    /// A clock that is 10 µs farther each time that it is looked at.
    #[derive(Debug, Default)]
    struct Ticking(AtomicU64);

    impl Clock for Ticking {
        fn now_ms(&self) -> u64 {
            unreachable!("clocks of people jump")
        }

        fn monotonic_us(&self) -> u64 {
            self.0.fetch_add(10, Ordering::Relaxed)
        }
    }

    /// A sandbox whose runs end as they are told to, the last one first.
    #[derive(Debug)]
    struct Ending(Mutex<Vec<Result<Exit, ErrorKind>>>);

    impl Sandbox for Ending {
        fn tier(&self) -> Tier {
            Tier::Os
        }

        fn probe(&self) -> Probe {
            unreachable!("nobody asks")
        }

        fn run(&self, _: &Job<'_>, _: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<Ran, PortError> {
            let exit = self.0.lock().unwrap().pop().unwrap();
            let exit = exit.map_err(|kind| PortError::new(kind, "it was to be so"))?;
            let (stdout, stderr, enforced) = (Vec::new(), Vec::new(), Enforced::default());
            Ok(Ran { exit, stdout, stderr, dropped: 0, wall_us: 1, peak_memory: None, enforced })
        }
    }

    #[test]
    fn an_outcome_tells_how_each_run_of_its_attempt_ended() {
        let ends = [
            (Ok(Exit::Code(1)), RunEnd::Exited),
            (Ok(Exit::TimedOut), RunEnd::TimedOut),
            (Err(ErrorKind::Denied), RunEnd::Refused),
            (Ok(Exit::Code(0)), RunEnd::Exited),
            (Err(ErrorKind::Unavailable), RunEnd::Lost),
        ];
        let sandbox: Arc<dyn Sandbox> =
            Arc::new(Ending(Mutex::new(ends.iter().rev().map(|(exit, _)| exit.clone()).collect())));
        let notes = Arc::new(Notes::new(Arc::new(Ticking::default())));
        let noted = notes.of(&sandbox);
        let (program, limits, stop) =
            (Program::Command { argv: vec![], env: vec![] }, Limits::default(), Stop::new());
        let job = Job {
            program: &program,
            view: Path::new("/"),
            directory: "",
            writes: Writes::Refused,
            stdin: b"",
            limits: &limits,
            waived: &[],
            stop: &stop,
        };
        for (exit, _) in &ends {
            assert_eq!(noted.run(&job, &mut |_| ControlFlow::Continue(())).is_ok(), exit.is_ok());
        }
        assert_eq!(notes.told(Outcome::NothingDone), Outcome::NothingDone, "that has no place for it");
        let failure = Failure::new(ErrorKind::Interrupted, "stopped");
        let spent = Spent { sandbox_runs: 4, ..Spent::default() };
        let Outcome::Failed { spent, .. } = notes.told(Outcome::Failed { failure, spent }) else {
            unreachable!("it stays what it is")
        };
        let single = |(n, (_, end)): (u64, &(_, RunEnd))| Run {
            tier: Tier::Os,
            end: *end,
            after_us: 10 + 20 * n,
            took_us: 10,
        };
        assert_eq!(spent.runs.told, (0..).zip(&ends).map(single).collect::<Vec<_>>());
        let count = |end, runs: u64| RunCount { tier: Tier::Os, end, runs, took_us: 10 * runs };
        let counts = [(RunEnd::Exited, 2), (RunEnd::TimedOut, 1), (RunEnd::Refused, 1), (RunEnd::Lost, 1)];
        assert_eq!(spent.runs.ends, counts.map(|(end, runs)| count(end, runs)));
        assert_eq!(spent.sandbox_runs, 4, "what the agent counts stays");
    }
}

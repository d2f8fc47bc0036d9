//! Runs in the sandboxes of a worker, counted by tier and by how they end.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use coditect_ports::sandbox::{Job, Probe, Ran, end_of};
use coditect_ports::{PortError, Sandbox};
use coditect_types::figure::{Amount, Family, Figure, Point};
use coditect_types::words::every;
use coditect_types::{RunEnd, Tier};

const RUNS: Family = Family::counter(
    "coditect_worker_sandbox_runs_total",
    "{run}",
    "Runs in a sandbox, by tier and by how they ended; refused: a protection could not be had.",
);

/// How many runs there were.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<BTreeMap<(Tier, RunEnd), u64>>);

impl Runs {
    /// The same sandbox, whose runs are counted.
    pub(crate) fn counted(self: &Arc<Self>, sandbox: Arc<dyn Sandbox>) -> Arc<dyn Sandbox> {
        Arc::new(CountedSandbox { sandbox, runs: Arc::clone(self) })
    }

    /// What it comes to.
    pub(crate) fn figure(&self) -> Figure {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let point = |(tier, end): (Tier, RunEnd)| Point {
            labels: vec![("tier", tier.word().to_owned()), ("end", end.word().to_owned())],
            amount: Amount::Count(counts.get(&(tier, end)).copied().unwrap_or(0)),
        };
        let all = every::<Tier>().flat_map(|tier| every::<RunEnd>().map(move |end| (tier, end)));
        Figure { family: RUNS, points: all.map(point).collect() }
    }

    fn count(&self, tier: Tier, end: RunEnd) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((tier, end)).or_default() += 1;
    }
}

#[derive(Debug)]
struct CountedSandbox {
    sandbox: Arc<dyn Sandbox>,
    runs: Arc<Runs>,
}

impl Sandbox for CountedSandbox {
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
        let ran = self.sandbox.run(job, on_report);
        self.runs.count(self.tier(), end_of(&ran));
        ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_run_is_in_the_reference() {
        let reference = include_str!("../../../../docs/reference/dashboard.md");
        let row = reference.lines().find(|line| line.starts_with(&format!("| `{}` | counter | ", RUNS.name)));
        let row = row.unwrap_or_default();
        assert!(row.contains("`tier` `end`"), "{row}");
        for end in every::<RunEnd>().map(RunEnd::word) {
            assert!(row.contains(&format!("`{end}`")), "{end} is not in {row}");
        }
        let runs = Runs::default();
        runs.count(Tier::Os, RunEnd::TimedOut);
        let figure = runs.figure();
        let counted: Vec<_> = figure.points.iter().filter(|point| point.amount != Amount::Count(0)).collect();
        assert_eq!(
            figure.points.len(),
            every::<Tier>().count() * every::<RunEnd>().count(),
            "each has a row from the beginning"
        );
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].labels[1], ("end", "timed_out".to_owned()));
    }
}

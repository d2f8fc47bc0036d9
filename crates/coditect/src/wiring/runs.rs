//! Runs in the sandboxes of a worker, counted by tier and by how they end.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use coditect_ports::sandbox::{Exit, Job, Probe, Ran};
use coditect_ports::{PortError, Sandbox};
use coditect_types::figure::{Amount, Family, Figure, Point};
use coditect_types::{ErrorKind, Tier};

const RUNS: Family = Family::counter(
    "coditect_worker_sandbox_runs_total",
    "{run}",
    "Runs in a sandbox, by tier and by how they ended; refused: a protection could not be had.",
);
const TIERS: [Tier; 3] = [Tier::Wasm, Tier::Os, Tier::Container];
const ENDS: [&str; 9] =
    ["exited", "signal", "timed_out", "out_of_memory", "enough", "stopped", "crashed", "refused", "lost"];

/// How many runs there were.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl Runs {
    /// The same sandbox, whose runs are counted.
    pub(crate) fn counted(self: &Arc<Self>, sandbox: Arc<dyn Sandbox>) -> Arc<dyn Sandbox> {
        Arc::new(CountedSandbox { sandbox, runs: Arc::clone(self) })
    }

    /// What it comes to.
    pub(crate) fn figure(&self) -> Figure {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let point = |(tier, end): (&'static str, &'static str)| Point {
            labels: vec![("tier", tier.to_owned()), ("end", end.to_owned())],
            amount: Amount::Count(counts.get(&(tier, end)).copied().unwrap_or(0)),
        };
        let all = TIERS.iter().flat_map(|tier| ENDS.iter().map(move |end| (name(*tier), *end)));
        Figure { family: RUNS, points: all.map(point).collect() }
    }

    fn count(&self, tier: Tier, end: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((name(tier), end)).or_default() += 1;
    }
}

fn name(tier: Tier) -> &'static str {
    match tier {
        Tier::Wasm => "wasm",
        Tier::Os => "os",
        Tier::Container => "container",
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
        let end = match &ran {
            Ok(ran) => match ran.exit {
                Exit::Code(_) => "exited",
                Exit::Signal(_) => "signal",
                Exit::TimedOut => "timed_out",
                Exit::OutOfMemory => "out_of_memory",
                Exit::Enough => "enough",
                Exit::Stopped => "stopped",
                Exit::Crashed(_) => "crashed",
            },
            Err(error) if error.kind == ErrorKind::Denied => "refused",
            Err(_) => "lost",
        };
        self.runs.count(self.tier(), end);
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
        for end in ENDS {
            assert!(row.contains(&format!("`{end}`")), "{end} is not in {row}");
        }
        let runs = Runs::default();
        runs.count(Tier::Os, "timed_out");
        let figure = runs.figure();
        let counted: Vec<_> = figure.points.iter().filter(|point| point.amount != Amount::Count(0)).collect();
        assert_eq!(figure.points.len(), TIERS.len() * ENDS.len(), "each has a row from the beginning");
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].labels[1], ("end", "timed_out".to_owned()));
    }
}

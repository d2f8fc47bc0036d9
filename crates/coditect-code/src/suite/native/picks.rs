//! Many candidates of a woven build in one process.
//!
//! Starting a virtual machine takes longer than most tests. Where a framework's runner can load a program again and
//! again, one process tries the candidates of a batch one after the other. It ends early where a candidate leaves
//! something behind (a thread, a changed file): the rest is for another process, in a clean worktree. A candidate that
//! hangs takes the process with it, and nothing else.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use coditect_ports::{Exit, PortError, Ran, Stop};
use coditect_types::{Enforced, TestStatus};
use serde::Deserialize;

use super::{Built, Native, is_of};
use crate::suite::protocol::Line;
use crate::suite::tally::Tally;
use crate::suite::watch::Watch;
use crate::suite::{Coverage, SuiteReport, SuiteRun, millis};

/// A step of a candidate (to load it, a test) may take this long at least: it is loaded anew each time.
const LEAST_SHARE: Duration = Duration::from_secs(2);

/// What came of some candidates.
#[derive(Debug, Default)]
pub struct Picked {
    /// The tests of each that was tried, up to its first red one.
    pub reports: BTreeMap<u32, SuiteReport>,
    /// Processes that it took.
    pub runs: u32,
}

/// A candidate begins.
#[derive(Debug, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
enum Begin {
    Job { pick: u32 },
}

/// The candidate under way.
struct Current {
    pick: u32,
    tally: Tally,
    since: Instant,
}

impl Native<'_> {
    /// Tries candidates by their numbers in one process, each with the tests that `how` selects; one that turns these
    /// green also with those in `near`. Candidates that are not in the answer were not reached. None: this framework
    /// cannot, or the tests are not all of one unit.
    pub(in crate::suite) fn run_picks(
        &self,
        built: &Built,
        picks: &[u32],
        near: &[String],
        how: &SuiteRun<'_>,
        stop: &Stop,
    ) -> Result<Option<Picked>, PortError> {
        let Some(ids) = how.select.filter(|ids| !ids.is_empty()) else { return Ok(None) };
        let unit = built.units.iter().find(|unit| ids.iter().all(|id| is_of(unit, id)));
        let Some((unit, step)) =
            unit.and_then(|unit| Some((unit, self.driver.picks(unit, picks, ids, near)?)))
        else {
            return Ok(None);
        };
        let watch = Watch::new(how.share.unwrap_or(LEAST_SHARE).max(LEAST_SHARE));
        let mut done: Vec<(u32, Tally, Duration)> = Vec::new();
        let mut current: Option<Current> = None;
        let ran = watch.over(stop, || {
            self.run(step, false, self.driver.reports(), how.limits, &[], watch.stop(), &mut |line| {
                if let Ok(Begin::Job { pick }) = serde_json::from_str(line) {
                    current = Some(Current { pick, tally: fresh(), since: Instant::now() });
                    watch.begin();
                } else if let Some(now) = &mut current {
                    now.tally.hash_line(line);
                    let mut over = false;
                    self.driver.hear(unit, line, &mut |said| {
                        over |= matches!(said, Line::Done { .. });
                        now.tally.take(said);
                    });
                    // Every step has its share: what is loaded between tests can hang too.
                    watch.begin();
                    if over && let Some(now) = current.take() {
                        watch.end();
                        done.push((now.pick, now.tally, now.since.elapsed()));
                    }
                }
                if watch.is_hung() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        if let Some(mut now) = current {
            broke(&mut now.tally, ids, &ran, watch.is_hung());
            done.push((now.pick, now.tally, now.since.elapsed()));
        }
        let report = |tally: Tally, wall: Duration| {
            let ran = Ran {
                exit: Exit::Code(i32::from(tally.red > 0)),
                stdout: Vec::new(),
                stderr: Vec::new(),
                dropped: 0,
                wall_us: millis(wall).saturating_mul(1_000),
                peak_memory: None,
                enforced: Enforced::default(),
            };
            self.suite.report(how, tally, Vec::new(), ran, 1, wall)
        };
        let reports = done.into_iter().map(|(pick, tally, wall)| (pick, report(tally, wall))).collect();
        Ok(Some(Picked { reports, runs: 1 }))
    }
}

fn fresh() -> Tally {
    let mut tally = Tally::new(true, Coverage::None);
    tally.open_end();
    tally
}

/// The process ended within a candidate.
fn broke(tally: &mut Tally, ids: &[String], ran: &Ran, hung: bool) {
    let (status, error_type, message) = if hung || ran.exit == Exit::TimedOut {
        (TestStatus::TimedOut, "TimeoutError", "killed: it did not end in time".to_owned())
    } else {
        (TestStatus::Errored, "SystemExit", super::how(&ran.exit))
    };
    if !tally.settle(status, error_type, message.clone(), ran.wall_us)
        && let Some(first) = tally.remaining().first().or(ids.first())
    {
        tally.keep(first.clone(), status, error_type, message, ran.wall_us);
        tally.red += 1;
    }
}

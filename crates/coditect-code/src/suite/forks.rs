//! Many candidates in one tree of processes, for Python in a sandbox that can fork, see
//! `crates/coditect-sandbox/python/many.py`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use coditect_ports::{Exit, PortError, Program, Stop};
use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Tier};
use serde::Serialize;

use super::native::many::{Candidate, Heard};
use super::protocol::{Line, Request};
use super::watch::Watch;
use super::{Fate, Many, Suite, SuiteRun};

/// What the runner may take to import a changed project, beside the tests: it breaks off a candidate itself, and this is
/// for a runner that no longer does.
const IMPORTS: Duration = Duration::from_secs(60);

/// What the runner is asked for.
#[derive(Debug, Serialize)]
struct Order<'a> {
    #[serde(flatten)]
    tests: Request<'a>,
    candidates: Vec<Candidate<'a>>,
    near: &'a [String],
    share_ms: u64,
}

impl Suite<'_> {
    /// Whether a process of this suite's runner can fork itself for candidates, so that none of them needs a build.
    #[must_use]
    pub fn forks(&self) -> bool {
        let framework =
            matches!(self.project.framework, Framework::Pytest | Framework::Unittest | Framework::Doctest);
        framework && self.sandbox.tier() != Tier::Wasm
    }

    pub(super) fn run_forks(
        &self,
        many: &Many<'_>,
        stop: &Stop,
    ) -> Result<(Vec<Option<Fate>>, u32), PortError> {
        if many.candidates.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let how = SuiteRun { select: Some(many.select), ..SuiteRun::whole(many.limits) };
        let each = many.candidates.iter().enumerate();
        let order = Order {
            tests: Request { op: "many", ..self.tests_request(&how, how.select, &[]) },
            candidates: each.map(|(n, files)| Candidate { n, files }).collect(),
            near: many.near,
            share_ms: super::millis(many.tests_share),
        };
        let request = serde_json::to_string(&order).map_err(|error| {
            PortError::new(ErrorKind::Bug, format!("write the runner's request: {error}"))
        })?;
        let interpreter = self.project.interpreter.as_ref().map(PathBuf::from);
        let program = Program::Python { request, interpreter };
        let watch = Watch::new(many.share + IMPORTS);
        let root = self.view.join(&self.project.root);
        let job = self.job(&program, many.limits, &root, &how, watch.stop());
        let mut heard = Heard::new(many.candidates.len());
        let reads = |line: &str, told: &mut dyn FnMut(Line)| {
            if let Ok(line) = serde_json::from_str(line) {
                told(line);
            }
        };
        let mut note = String::new();
        let ran = watch.over(stop, || {
            self.sandbox.run(&job, &mut |line| {
                reads(line, &mut |line| {
                    if let Line::Note { text } = line {
                        note = text;
                    }
                });
                heard.hear(line, many.select, &watch, &reads);
                if watch.is_hung() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        if stop.is_raised() {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while candidates were tried"));
        }
        tracing::debug!(
            candidates = many.candidates.len(),
            wall_us = ran.wall_us,
            note,
            "candidates were forked"
        );
        if ran.exit != Exit::Code(0) {
            tracing::debug!(exit = ?ran.exit, said = super::last_lines(&ran.stderr), "a tree of candidates broke off");
        }
        // Time that the whole tree used up says nothing of the one that came last.
        heard.ended(watch.is_hung());
        Ok((heard.fates, 1))
    }
}

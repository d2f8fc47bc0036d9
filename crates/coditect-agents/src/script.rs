//! A script of ours that the runner of Python tests executes in the project's own sandbox: it gets one input and writes one answer.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use coditect_ports::{Job, PortError, Program, Sandbox, Stop, Writes};
use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Limits, Project, Tier};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Texts in place of what files have, by path.
pub(crate) type Overlay = BTreeMap<String, String>;

/// The runner's name of a framework that it runs.
pub(crate) fn framework(framework: Framework) -> Option<&'static str> {
    let known =
        [(Framework::Unittest, "unittest"), (Framework::Pytest, "pytest"), (Framework::Doctest, "doctest")];
    known.iter().find(|(known, _)| *known == framework).map(|(_, name)| *name)
}

/// What is run, and under which limits.
pub(crate) struct Script<'a> {
    /// The script.
    pub(crate) code: &'static str,
    /// What it is for, as the end of "the script that ...".
    pub(crate) does: &'static str,
    /// What it reads.
    pub(crate) input: &'a Value,
    /// The framework, as the runner names it.
    pub(crate) framework: &'a str,
    pub(crate) project: &'a Project,
    pub(crate) limits: &'a Limits,
    pub(crate) waived: &'a [String],
    pub(crate) stop: &'a Stop,
    /// Bytes of the answer.
    pub(crate) most: u64,
}

/// Where the project is for a guest of this sandbox, of a tree at `view`: guests of the WASM tier start at the top of what they see.
pub(crate) fn inside<T>(
    sandbox: &dyn Sandbox,
    (view, project): (&Path, &Project),
    run: impl FnOnce(&Path, &str) -> T,
) -> T {
    match sandbox.tier() {
        Tier::Wasm => run(&view.join(&project.root), ""),
        Tier::Os | Tier::Container => run(view, &project.root),
    }
}

impl Script<'_> {
    /// One run, with these texts in place of what the files have. None: it did not come to its end.
    pub(crate) fn run<T: DeserializeOwned>(
        &self,
        sandbox: &dyn Sandbox,
        (view, directory): (&Path, &str),
        replace: &Overlay,
    ) -> Result<Option<T>, PortError> {
        let request = json!({
            "op": "exec", "framework": self.framework, "paths": self.project.import_paths, "replace": replace,
            "code": self.code, "input": self.input, "max_output": self.most,
        });
        let program = Program::Python {
            request: request.to_string(),
            interpreter: self.project.interpreter.as_ref().map(Into::into),
        };
        let job = Job {
            program: &program,
            view,
            directory,
            writes: Writes::Refused,
            stdin: &[],
            limits: self.limits,
            waived: self.waived,
            stop: self.stop,
        };
        let mut answer = None;
        let ran = sandbox.run(&job, &mut |line| {
            answer = answer.take().or_else(|| self.answered(line));
            ControlFlow::Continue(())
        })?;
        if self.stop.is_raised() {
            return Err(PortError::new(ErrorKind::Interrupted, "stopped while a script was running"));
        }
        tracing::debug!(exit = ?ran.exit, us = ran.wall_us, answered = answer.is_some(), does = self.does, "script");
        Ok(answer.and_then(|answer| serde_json::from_value(answer).ok()))
    }

    /// What it wrote, in the runner's last line.
    fn answered(&self, line: &str) -> Option<Value> {
        let line: Value = serde_json::from_str(line).ok()?;
        let answer: Value = serde_json::from_str(line.get("answer")?.as_str()?).ok()?;
        if let Some(error) = answer.get("error").and_then(|error| error.get("message")) {
            tracing::debug!(%error, does = self.does, "the script broke off");
        }
        serde_json::from_str(answer.get("stdout")?.as_str()?).ok()
    }
}

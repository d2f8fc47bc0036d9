//! What the local names are worth where red tests fail: in the test itself, and in the innermost frame of the product. The tests
//! are run once more for it, in the project's own sandbox, by a script of ours (`values/tell.py`).

use std::ops::ControlFlow;
use std::path::Path;

use coditect_code::suite::IMPORT;
use coditect_ports::{Job, Program, Work, Writes};
use coditect_types::context::Failing;
use coditect_types::project::Framework;
use coditect_types::{Failure, Limits, Project, TestReport, TestStatus, Tier};
use serde_json::{Value, json};

use crate::Tools;

const SCRIPT: &str = include_str!("values/tell.py");
/// Red tests that are run for it, and how long that may take, ms.
const MOST: usize = 12;
const WALL_MS: u64 = 10_000;
/// Bytes of the answer.
const ANSWER_BYTES: u64 = 256 << 10;

/// What a run of the red tests needs.
pub(super) struct Asked<'a> {
    pub(super) project: &'a Project,
    pub(super) baseline: &'a TestReport,
    pub(super) limits: &'a Limits,
    pub(super) waived: &'a [String],
}

/// The values where the red tests fail. Nothing where the language has no such script, or where it did not come to its end: it is
/// told beside what the tests say, and nothing rests on it.
pub(super) fn values(
    tools: &Tools,
    of: &Asked<'_>,
    view: &Path,
    work: &Work,
) -> Result<Vec<Failing>, Failure> {
    let framework = match of.project.framework {
        Framework::Unittest => "unittest",
        Framework::Pytest => "pytest",
        Framework::Doctest
        | Framework::CargoTest
        | Framework::NodeTest
        | Framework::Jest
        | Framework::Vitest
        | Framework::Mocha
        | Framework::GoTest
        | Framework::Junit
        | Framework::Command => return Ok(Vec::new()),
    };
    let ends = |status| matches!(status, TestStatus::Failed | TestStatus::Errored);
    let red: Vec<&str> = of
        .baseline
        .red()
        .filter(|test| ends(test.status) && !test.id.ends_with(IMPORT))
        .map(|test| test.id.as_str())
        .take(MOST)
        .collect();
    if red.is_empty() {
        return Ok(Vec::new());
    }
    let input = json!({
        "framework": framework, "paths": of.project.import_paths, "targets": of.project.targets, "select": red,
    });
    let request = json!({
        "op": "exec", "framework": framework, "paths": of.project.import_paths, "replace": {}, "code": SCRIPT,
        "input": input, "max_output": ANSWER_BYTES,
    });
    let program = Program::Python {
        request: request.to_string(),
        interpreter: of.project.interpreter.as_ref().map(Into::into),
    };
    let sandbox = tools.sandbox(of.project.tier)?;
    let root = view.join(&of.project.root);
    // Guests of the WASM tier start at the top of what they see.
    let (view, directory) = match sandbox.tier() {
        Tier::Wasm => (root.as_path(), ""),
        Tier::Os | Tier::Container => (view, of.project.root.as_str()),
    };
    let limits = Limits { wall_ms: WALL_MS.min(of.limits.wall_ms), ..of.limits.clone() };
    let job = Job {
        program: &program,
        view,
        directory,
        writes: Writes::Refused,
        stdin: &[],
        limits: &limits,
        waived: of.waived,
        stop: &work.stop,
    };
    let mut told = None;
    let ran = sandbox.run(&job, &mut |line| {
        told = told.take().or_else(|| answered(line));
        ControlFlow::Continue(())
    });
    match ran {
        _ if work.stop.is_raised() => Err(crate::interrupted().into()),
        Ok(ran) => {
            tracing::debug!(exit = ?ran.exit, us = ran.wall_us, told = told.is_some(), "values were asked for");
            Ok(told.unwrap_or_default())
        }
        Err(error) => {
            tracing::debug!(%error, "values could not be asked for");
            Ok(Vec::new())
        }
    }
}

/// What the script wrote, in the runner's last line.
fn answered(line: &str) -> Option<Vec<Failing>> {
    let line: Value = serde_json::from_str(line).ok()?;
    let answer: Value = serde_json::from_str(line.get("answer")?.as_str()?).ok()?;
    if let Some(error) = answer.get("error").and_then(|error| error.get("message")) {
        tracing::debug!(%error, "the script that tells values broke off");
    }
    let told: Vec<Failing> = serde_json::from_str(answer.get("stdout")?.as_str()?).ok()?;
    Some(told.into_iter().map(Failing::bounded).take(MOST).collect())
}

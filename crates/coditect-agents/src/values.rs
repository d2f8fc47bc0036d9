//! What the local names are worth where red tests fail: in the test itself, and in the innermost frame of the product; and the smallest
//! call with which a function of the product breaks as it does there. The tests are run once more for it, in the project's own sandbox,
//! by a script of ours (`values/tell.py`, `values/minimise.py`).

use std::path::Path;

use coditect_code::suite::IMPORT;
use coditect_ports::Work;
use coditect_types::context::Failing;
use coditect_types::project::Framework;
use coditect_types::{Failure, Limits, Project, TestReport, TestStatus};
use serde_json::json;

use crate::Tools;
use crate::script::{Overlay, Script, framework, inside};

const SCRIPT: &str = concat!(
    include_str!("script/calls.py"),
    "\n\n",
    include_str!("values/tell.py"),
    "\n\n",
    include_str!("values/minimise.py")
);
/// Red tests that are run for it, and how long that may take, ms.
const MOST: usize = 12;
const WALL_MS: u64 = 10_000;
/// Bytes of the answer.
const ANSWER_BYTES: u64 = 256 << 10;

/// What a run of the red tests needs.
pub(crate) struct Asked<'a> {
    pub(crate) project: &'a Project,
    /// What its suite said.
    pub(crate) report: &'a TestReport,
    pub(crate) limits: &'a Limits,
    pub(crate) waived: &'a [String],
}

/// Whether there is a script for the language. Examples in documents have no frames of their own.
pub(crate) fn can_tell(project: &Project) -> bool {
    framework(project.framework).is_some() && project.framework != Framework::Doctest
}

/// The values where the red tests fail. Nothing where the language has no such script, or where it did not come to its end: it is
/// told beside what the tests say, and nothing rests on it.
pub(crate) fn values(
    tools: &Tools,
    of: &Asked<'_>,
    view: &Path,
    work: &Work,
) -> Result<Vec<Failing>, Failure> {
    let ends = |status| matches!(status, TestStatus::Failed | TestStatus::Errored);
    let red: Vec<&str> = of
        .report
        .red()
        .filter(|test| ends(test.status) && !test.id.ends_with(IMPORT))
        .map(|test| test.id.as_str())
        .take(MOST)
        .collect();
    let is_asked = can_tell(of.project) && !red.is_empty();
    let Some(framework) = framework(of.project.framework).filter(|_| is_asked) else {
        return Ok(Vec::new());
    };
    let input = json!({
        "framework": framework, "paths": of.project.import_paths, "targets": of.project.targets, "select": red,
    });
    let sandbox = tools.sandbox(of.project.tier)?;
    let script = Script {
        code: SCRIPT,
        does: "tells values",
        input: &input,
        framework,
        project: of.project,
        limits: &Limits { wall_ms: WALL_MS.min(of.limits.wall_ms), ..of.limits.clone() },
        waived: of.waived,
        stop: &work.stop,
        most: ANSWER_BYTES,
    };
    let told = inside(sandbox, (view, of.project), |view, directory| {
        script.run::<Vec<Failing>>(sandbox, (view, directory), &Overlay::new())
    });
    if work.stop.is_raised() {
        return Err(crate::interrupted().into());
    }
    let told = told.unwrap_or_else(|error| {
        tracing::debug!(%error, "values could not be asked for");
        None
    });
    let told = told.unwrap_or_default().into_iter().filter(|failing| red.contains(&failing.test.as_str()));
    Ok(told.map(Failing::bounded).take(MOST).collect())
}

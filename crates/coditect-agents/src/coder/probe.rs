//! Tells changes apart that every test accepts: what functions give on inputs like those of the tests.
//!
//! Everything is run by a script (`probe/gather.py`, `probe/run.py`) in the project's own sandbox: once to gather calls of the tests and make
//! inputs of them, then once for the unchanged project and for each change. Inputs go from guest to guest as they are and
//! are never opened here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use coditect_code::repair::Means;
use coditect_code::repair::behaviour::{Answers, Behaviour, Input, Inquiry, Outcome};
use coditect_code::suite::IMPORT;
use coditect_ports::PortError;
use coditect_types::{Limits, Tier};
use serde::Deserialize;
use serde_json::{Value, json};

use super::judge::{Bench, Stage};
use super::parts::files_of;
use crate::script::{Overlay, Script, framework, inside};

const SCRIPT: &str = concat!(
    include_str!("../script/calls.py"),
    "\n\n",
    include_str!("probe/gather.py"),
    "\n\n",
    include_str!("probe/run.py")
);
/// Wall clock of gathering beside the tests, and of the calls of one change, ms.
const GATHER_MS: u64 = 4_000;
const RUN_MS: u64 = 4_000;
/// Wall clock of all changes together, µs. The likeliest come first.
const ALL_US: u64 = 6_000_000;
/// Tests that take longer together are not all run: those that were red are.
const WHOLE: Duration = Duration::from_millis(1_500);
/// Bytes of one answer.
const ANSWER_BYTES: u64 = 8 << 20;

/// What was gathered.
#[derive(Debug, Deserialize)]
struct Gathered {
    functions: Vec<Value>,
    inputs: Vec<Asked>,
    test_files: Vec<String>,
}

/// One input; `data` is the guests' business.
#[derive(Debug, Deserialize)]
struct Asked {
    f: usize,
    data: String,
    seen: bool,
    wild: bool,
    text: String,
}

/// The answers of one project.
#[derive(Debug, Deserialize)]
struct Said {
    answers: Vec<Option<Answer>>,
    examples: Vec<(String, i32)>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    how: String,
    key: String,
    says: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    props: BTreeMap<String, bool>,
}

/// Has the changes of an inquiry run. None: the project is in no language that the script knows, its tests call nothing
/// that can be called again, or the sandbox broke.
pub(super) fn compare(
    bench: &Bench<'_>,
    inquiry: &Inquiry<'_>,
    means: &Means<'_>,
) -> Result<Option<Behaviour>, PortError> {
    let Some(framework) = framework(bench.project.framework) else { return Ok(None) };
    let Some(first) = inquiry.variants.first() else { return Ok(None) };
    let changed: Vec<(&String, &String)> = inquiry.changed.iter().map(|(file, name)| (file, name)).collect();
    let (targets, select) = tests(bench, inquiry.red);
    let input = json!({
        "mode": "gather", "seed": inquiry.seed, "changed": changed,
        "suite": {
            "framework": framework, "paths": bench.project.import_paths, "targets": targets, "select": select,
        },
    });
    let wall_ms = GATHER_MS + u64::try_from(WHOLE.as_millis() * 4).unwrap_or(0);
    let Some(gathered) = ask::<Gathered>(bench, first, &input, framework, wall_ms)? else { return Ok(None) };
    if gathered.inputs.is_empty() {
        return Ok(None);
    }
    let inputs: Vec<Value> = gathered.inputs.iter().map(|i| json!({"f": i.f, "data": i.data})).collect();
    let input = json!({
        "mode": "run", "functions": gathered.functions, "inputs": inputs, "test_files": gathered.test_files,
    });
    let unchanged = Overlay::new();
    let mut projects: Vec<&Overlay> = vec![&unchanged];
    projects.extend(inquiry.variants.iter().copied());
    let mut said = run_all(bench, &projects, &input, framework, means)?;
    let original = said.remove(0).unwrap_or_default();
    let inputs = gathered.inputs.into_iter().map(|asked| Input {
        text: asked.text,
        function: asked.f,
        seen: asked.seen,
        wild: asked.wild,
    });
    Ok(Some(Behaviour { inputs: inputs.collect(), original, variants: said }))
}

/// The targets and tests whose calls are kept: all of them where that is quick, else the red ones and those near them. Outside
/// of WASM every start imports the files of all tests, and before Python 3.12 each call is some times slower while it is
/// watched.
fn tests(bench: &Bench<'_>, red: &[String]) -> (Vec<String>, Option<Vec<String>>) {
    if bench.all_tests() <= WHOLE && bench.sandbox.tier() == Tier::Wasm {
        (bench.project.targets.clone(), None)
    } else if red.iter().any(|id| id.ends_with(IMPORT)) {
        let mut files: Vec<String> = files_of(red).map(str::to_owned).collect();
        files.dedup();
        (files, None)
    } else {
        let select: Vec<String> = red.iter().chain(&bench.near).cloned().collect();
        // Only their own files are imported, where that is known to be enough.
        let narrowed = bench.narrowed(&select).map(|project| project.targets);
        (narrowed.unwrap_or_else(|| bench.project.targets.clone()), Some(select))
    }
}

/// The answers of every project, on the threads of the search.
fn run_all(
    bench: &Bench<'_>,
    projects: &[&Overlay],
    input: &Value,
    framework: &str,
    means: &Means<'_>,
) -> Result<Vec<Option<Answers>>, PortError> {
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Result<Option<Answers>, PortError>>> =
        Mutex::new(projects.iter().map(|_| Ok(None)).collect());
    let ends_us = means.clock.monotonic_us().saturating_add(ALL_US);
    let work = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(overlay) = projects.get(n) else { return };
            if means.stop.is_raised() || means.clock.monotonic_us() >= ends_us {
                return;
            }
            let said = ask::<Said>(bench, overlay, input, framework, RUN_MS);
            let said = said.map(|said| said.map(Answers::from));
            answers.lock().unwrap_or_else(PoisonError::into_inner)[n] = said;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..means.limits.threads.clamp(1, projects.len()) {
            scope.spawn(work);
        }
    });
    answers.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
}

/// One run of the script. None: it did not come to its end.
fn ask<T: for<'de> Deserialize<'de>>(
    bench: &Bench<'_>,
    overlay: &Overlay,
    input: &Value,
    framework: &str,
    wall_ms: u64,
) -> Result<Option<T>, PortError> {
    let limits = Limits { wall_ms: wall_ms.min(bench.limits.wall_ms), ..bench.limits.clone() };
    bench.count_run();
    let script = Script {
        code: SCRIPT,
        does: "compares changes",
        input,
        framework,
        project: bench.project,
        limits: &limits,
        waived: bench.waived,
        stop: bench.stop,
        most: ANSWER_BYTES,
    };
    match &bench.stage {
        Stage::Overlay(view) => {
            let text = |(path, text): (&String, &String)| (path.clone(), bench.for_runner(path, text));
            let replace: Overlay = overlay.iter().map(text).collect();
            inside(bench.sandbox, (view, bench.project), |view, directory| {
                script.run(bench.sandbox, (view, directory), &replace)
            })
        }
        Stage::Disk(trees) => {
            let files = bench.on_disk(overlay);
            let nothing = Overlay::new();
            trees.with(&files, |tree| script.run(bench.sandbox, (tree.path(), &bench.project.root), &nothing))
        }
    }
}

impl From<Said> for Answers {
    fn from(said: Said) -> Self {
        let outcome = |answer: Answer| Outcome {
            broke: answer.how != "value",
            key: answer.key,
            says: answer.says,
            kind: answer.r#type,
            properties: answer.props,
        };
        Self {
            outcomes: said.answers.into_iter().map(|answer| answer.map(outcome)).collect(),
            examples: said.examples.into_iter().map(|(text, holds)| (text, holds_or_not(holds))).collect(),
        }
    }
}

fn holds_or_not(holds: i32) -> Option<bool> {
    match holds {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

//! Measures reflex repair on folders of tasks (see the README of the task sets), for development.
//!
//! `repair_bench TASKS OUT [SECONDS] [ID ...]`: repairs each task of `TASKS/<id>/`, writes the worked-on copies to
//! `OUT/<id>/`, prints a line a task and the totals. Code of the tasks runs in child processes of this program with
//! a limit of time and no other protection: use it on task sets that you trust. The product's judge is the sandbox.

#![allow(clippy::print_stdout, reason = "it is a program that prints a table")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use coditect_code::repair::{Judge, Means, Problem, Scope, SeekLimits, Source, Trial, localise, seek};
use coditect_ports::{Clock, PortError, Stop};
use coditect_types::testing::Frame;
use coditect_types::{ErrorKind, TestResult, TestStatus};
use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn Error>>;

const WORKER: &str = include_str!("repair_bench/worker.py");

#[derive(Debug)]
struct Watch(Instant);

impl Clock for Watch {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A Python process with its own copy of the project.
struct Worker {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    root: PathBuf,
}

impl Worker {
    fn start(task: &Path, n: usize) -> Fallible<Self> {
        let name = task.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let root = std::env::temp_dir().join(format!("repair-bench-{}-{name}-{n}", std::process::id()));
        copy(task, &root)?;
        let mut child = Command::new("python3")
            .args(["-u", "-c", WORKER])
            .arg(&root)
            .env("PYTHONHASHSEED", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let requests = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, requests, answers, root })
    }

    fn ask(&mut self, request: &Value) -> Fallible<Value> {
        writeln!(self.requests, "{request}")?;
        self.requests.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.root));
    }
}

/// How many candidates of a task get more time after they turned more red tests green than any before and then
/// did not end: what is right may be slow.
const SECOND_CHANCES: usize = 12;
/// CPU time that they get, seconds.
const PATIENCE_S: f64 = 6.0;

struct Pool {
    idle: Mutex<Vec<Worker>>,
    cpu_s: f64,
    /// Most tests that a trial passed before it hung, and second chances that are left.
    slow: Mutex<(usize, usize)>,
}

impl Pool {
    fn trial(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Fallible<Trial> {
        let mut worker = self.idle.lock().map_err(|_| "poisoned")?.pop().ok_or("no idle worker")?;
        let answer = self.ask(&mut worker, overlay, scope);
        self.idle.lock().map_err(|_| "poisoned")?.push(worker);
        answer
    }

    fn ask(
        &self,
        worker: &mut Worker,
        overlay: &BTreeMap<String, String>,
        scope: Scope<'_>,
    ) -> Fallible<Trial> {
        let (ids, stop) = match scope {
            Scope::Tests { ids, stop_at_red } => (Some(ids), stop_at_red),
            Scope::Whole => (None, false),
        };
        let request = |cpu: f64| json!({"files": overlay, "ids": ids, "stop": stop, "cpu": cpu, "wall": 4.0 + 4.0 * cpu});
        let trial = read_trial(&worker.ask(&request(if ids.is_some() { self.cpu_s } else { PATIENCE_S }))?);
        let again = trial.timed_out && trial.red.is_empty() && ids.is_some() && {
            let mut slow = self.slow.lock().map_err(|_| "poisoned")?;
            let further = trial.passed.len() > slow.0 || (trial.passed.len() == slow.0 && slow.0 > 0);
            let chance = further && slow.1 > 0;
            *slow = (slow.0.max(trial.passed.len()), slow.1 - usize::from(chance));
            chance
        };
        if again { Ok(read_trial(&worker.ask(&request(PATIENCE_S))?)) } else { Ok(trial) }
    }
}

fn read_trial(answer: &Value) -> Trial {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Trial {
        passed: answer["passed"].as_array().into_iter().flatten().map(text).collect(),
        red: answer["red"].as_array().into_iter().flatten().map(|r| (text(&r[0]), text(&r[1]))).collect(),
        complete: answer["complete"].as_bool().unwrap_or(false),
        timed_out: answer["timed_out"].as_bool().unwrap_or(false),
    }
}

impl Judge for Pool {
    fn judge(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Result<Trial, PortError> {
        self.trial(overlay, scope).map_err(|error| PortError::new(ErrorKind::Unavailable, error.to_string()))
    }
}

fn copy(from: &Path, to: &Path) -> Fallible<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn read(root: &Path, below: &str, found: &mut Vec<Source>) -> Fallible<()> {
    let mut entries: Vec<_> = fs::read_dir(root.join(below))?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if entry.file_type()?.is_dir() {
            read(root, &path, found)?;
        } else if name.ends_with(".py") {
            found.push(Source { path, text: fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}

fn is_test(source: &Source) -> bool {
    let name = source.path.rsplit('/').next().unwrap_or_default();
    name.starts_with("test_") || name.ends_with("_test.py")
}

/// What the tests say of the task as it is, and the lines that each ran.
struct Baseline {
    red: Vec<TestResult>,
    passed: BTreeSet<String>,
    suspects: Vec<coditect_types::Suspect>,
    /// CPU time of the green tests together.
    green_us: u64,
}

fn measure(worker: &mut Worker) -> Fallible<Baseline> {
    let empty = json!({});
    let listed = worker
        .ask(&json!({"files": empty, "ids": [], "stop": false, "list": true, "cpu": 2.0, "wall": 20.0}))?;
    let ids: Vec<String> = listed["ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let (mut red, mut passed, mut all_lines) = (Vec::new(), BTreeSet::new(), Vec::new());
    for id in ids {
        let answer = worker.ask(
            &json!({"files": empty, "ids": [id], "stop": false, "trace": true, "cpu": 0.4, "wall": 20.0}),
        )?;
        let lines: BTreeMap<String, Vec<u32>> =
            serde_json::from_value(answer["lines"][&id].clone()).unwrap_or_default();
        let said = &answer["red"][0];
        let is_red = said.is_array() || !answer["complete"].as_bool().unwrap_or(false);
        all_lines.push((is_red, lines));
        if !is_red {
            passed.insert(id);
            continue;
        }
        let timed_out = answer["timed_out"].as_bool().unwrap_or(false);
        let frames = said[3].as_array().into_iter().flatten().map(|frame| Frame {
            file: frame[0].as_str().unwrap_or_default().to_owned(),
            line: u32::try_from(frame[1].as_u64().unwrap_or(0)).unwrap_or(0),
            function: frame[2].as_str().unwrap_or_default().to_owned(),
        });
        red.push(TestResult {
            id,
            status: if timed_out { TestStatus::TimedOut } else { TestStatus::Failed },
            us: 0,
            message: said[1].as_str().unwrap_or_default().to_owned(),
            error_type: said[2].as_str().unwrap_or_default().to_owned(),
            frames: frames.collect(),
            passes_of_runs: None,
        });
    }
    let passing: Vec<&String> = passed.iter().collect();
    let answer =
        worker.ask(&json!({"files": empty, "ids": passing, "stop": false, "cpu": 5.0, "wall": 20.0}))?;
    let green_us = answer["us"].as_u64().unwrap_or(0);
    let per_test: Vec<_> = all_lines.iter().map(|(red, lines)| (*red, lines)).collect();
    let is_all = all_lines.is_empty();
    let traces: Vec<_> =
        red.iter().map(|test: &TestResult| localise::Trace { frames: &test.frames, is_all }).collect();
    let suspects = localise::rank(&per_test, &traces);
    Ok(Baseline { red, passed, suspects, green_us })
}

struct Outcome {
    solved: bool,
    seconds: f64,
    tried: u64,
}

fn work_on(task: &Path, out: &Path, seconds: u64) -> Fallible<Outcome> {
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut workers = (0..threads).map(|n| Worker::start(task, n)).collect::<Fallible<Vec<Worker>>>()?;
    let baseline = measure(&mut workers[0])?;
    let mut all = Vec::new();
    read(task, "", &mut all)?;
    let (others, sources): (Vec<Source>, Vec<Source>) = all.into_iter().partition(is_test);
    let about: Value = serde_json::from_str(&fs::read_to_string(task.join("TASK.json"))?)?;
    let pool = Pool {
        idle: Mutex::new(workers),
        slow: Mutex::new((0, SECOND_CHANCES)),
        cpu_s: 0.15 + 5e-6 * f64::from(u32::try_from(baseline.green_us)?),
    };
    let limits = SeekLimits {
        wall_ms: seconds * 1_000,
        threads,
        keep_passing: baseline.passed,
        ..SeekLimits::default()
    };
    let problem = Problem {
        sources: &sources,
        others: &others,
        suspects: &baseline.suspects,
        red: &baseline.red,
        request: about["request"].as_str().unwrap_or_default(),
        refused: &[],
        seed: 1,
    };
    let (clock, stop) = (Watch(Instant::now()), Stop::new());
    let means = Means { judge: &pool, limits: &limits, clock: &clock, stop: &stop };
    let sought = seek(&problem, &means, &mut |_| {});
    let target = out.join(task.file_name().unwrap_or_default());
    copy(task, &target)?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{:28} {:6.1} s {:6} tried {:6} dropped {:6} trials  {}",
        task.file_name().unwrap_or_default().to_string_lossy(),
        seconds,
        sought.tried,
        sought.deduplicated,
        sought.trials,
        sought
            .best
            .as_ref()
            .map_or(sought.account.clone(), |best| format!("{:.2} {}", best.confidence, best.explanation)),
    );
    if let Some(trouble) = &sought.trouble {
        println!("  trouble: {trouble}");
    }
    for other in &sought.runners_up {
        println!(
            "    also {:.2} {:?} {}",
            other.confidence,
            other.candidate.kind,
            other.candidate.describe()
        );
    }
    for source in sought.best.iter().flat_map(|best| &best.sources) {
        fs::write(target.join(&source.path), &source.text)?;
    }
    Ok(Outcome { solved: sought.best.is_some(), seconds, tried: sought.tried })
}

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: repair_bench TASKS OUT [SECONDS] [ID ...]";
    let tasks = PathBuf::from(arguments.next().ok_or(usage)?);
    let out = PathBuf::from(arguments.next().ok_or(usage)?);
    let seconds: u64 = arguments.next().map_or(Ok(60), |text| text.parse())?;
    let only: BTreeSet<String> = arguments.collect();
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&tasks)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    folders.sort();
    let mut outcomes = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if only.is_empty() || only.contains(&name) {
            outcomes.push(work_on(&folder, &out, seconds)?);
        }
    }
    let solved = outcomes.iter().filter(|outcome| outcome.solved).count();
    let mut times: Vec<f64> = outcomes.iter().map(|outcome| outcome.seconds).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        times.get((share * times.len() as f64) as usize).or(times.last()).copied().unwrap_or(0.0)
    };
    let tried: u64 = outcomes.iter().map(|outcome| outcome.tried).sum();
    println!(
        "{solved} of {} pass their visible tests; {tried} candidates, {:.0} a second; median {:.1} s, p95 {:.1} s",
        outcomes.len(),
        tried as f64 / times.iter().sum::<f64>().max(0.001),
        at(0.5),
        at(0.95)
    );
    Ok(())
}

//! Breaks working programs of six languages so that they do not parse any more, has them mended, and counts how many come
//! back. For development.
//!
//! `broken_files [--seed N] [--each N] [--jobs N] [--seconds N] [--only LANGUAGE] [--show]`: makes as many broken files of each
//! language (Python and JavaScript as many as `--each` says, the others half of it), each by one or two slips drawn from
//! what people do and from plain noise, without a look at what the repair knows; with LF or CRLF, spaces or tabs, and now
//! and then a file of 200 KB. Prints a line for each that does not come back and the shares in the end: the mended file
//! parses, its tests pass, its text is the original's. The programs were written for this and are run without a sandbox;
//! a language whose tools are not installed is skipped. TypeScript's compiler is found as Node finds modules (`NODE_PATH`).

#![allow(clippy::print_stdout, reason = "it is a program that prints a table")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coditect_code::repair::{Judge, Means, Problem, Scope, SeekLimits, Source, Trial, seek};
use coditect_ports::{Clock, PortError, Stop};
use coditect_types::{ErrorKind, TestResult, TestStatus};

use self::slips::{Broken, Draw};
use self::tools::Tool;

#[path = "broken_files/slips.rs"]
mod slips;
#[path = "broken_files/tools.rs"]
mod tools;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The id of the one test that there is.
const TEST: &str = "test";
/// Candidates of one task.
const MOST_CANDIDATES: u64 = 2_000;

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

/// Judges by the language's own tools in a folder of its own.
struct Bench {
    tool: &'static Tool,
    folder: PathBuf,
    /// The file as it is, which a trial without an overlay is about.
    text: String,
}

impl Judge for Bench {
    fn judge(&self, overlay: &BTreeMap<String, String>, _: Scope<'_>) -> Result<Trial, PortError> {
        let text = overlay.get(self.tool.file).unwrap_or(&self.text);
        let said = self
            .tool
            .run(&self.folder, text)
            .map_err(|error| PortError::new(ErrorKind::Unavailable, error.to_string()))?;
        let mut trial = Trial { passed: Vec::new(), red: Vec::new(), complete: true, timed_out: false };
        match said {
            None => trial.passed.push(TEST.to_owned()),
            Some(said) => trial.red.push((TEST.to_owned(), said)),
        }
        Ok(trial)
    }
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tasks: u64,
    parsed: u64,
    passed: u64,
    same: u64,
    tried: u64,
}

struct Wish {
    seed: u64,
    each: u64,
    jobs: usize,
    seconds: u64,
    only: Option<String>,
    show: bool,
}

fn wish() -> Fallible<Wish> {
    let mut wish = Wish { seed: 1, each: 40, jobs: 2, seconds: 60, only: None, show: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--show" {
            wish.show = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--seed" => wish.seed = value.parse()?,
            "--each" => wish.each = value.parse()?,
            "--jobs" => wish.jobs = value.parse()?,
            "--seconds" => wish.seconds = value.parse()?,
            "--only" => wish.only = Some(value),
            _ => {
                return Err(
                    format!("unknown option `{name}`; the head of this file says which there are").into()
                );
            }
        }
    }
    Ok(wish)
}

/// Mends one broken file, and says what came of it.
fn work_on(
    tool: &'static Tool,
    program: usize,
    broken: &Broken,
    said: String,
    wish: &Wish,
) -> Fallible<Counts> {
    let folder = tempfile::tempdir()?;
    tool.lay_out(folder.path(), program)?;
    let bench = Bench { tool, folder: folder.path().to_owned(), text: broken.new.clone() };
    let sources = [Source { path: tool.file.to_owned(), text: broken.new.clone() }];
    let red = [TestResult {
        id: TEST.to_owned(),
        status: TestStatus::Failed,
        us: 0,
        message: said.clone(),
        error_type: String::new(),
        frames: Vec::new(),
        passes_of_runs: None,
    }];
    let problem = Problem {
        sources: &sources,
        others: &[],
        suspects: &[],
        red: &red,
        request: "make the failing test pass",
        refused: &[],
        seed: 1,
    };
    let limits = SeekLimits {
        wall_ms: wish.seconds * 1_000,
        candidates: MOST_CANDIDATES,
        threads: 1,
        ..SeekLimits::default()
    };
    let (clock, stop) = (Watch(Instant::now()), Stop::new());
    let means = Means { judge: &bench, limits: &limits, clock: &clock, stop: &stop };
    let sought = seek(&problem, &means, &mut |_| {});
    let mut counts = Counts { tasks: 1, tried: sought.tried, ..Counts::default() };
    let mended =
        sought.best.as_ref().and_then(|best| best.sources.first()).map(|source| source.text.as_str());
    if let Some(text) = mended {
        counts.passed = u64::from(tool.run(&bench.folder, text)?.is_none());
        counts.parsed = u64::from(counts.passed == 1 || tool.parses(&bench.folder, text)?);
        counts.same = u64::from(text == broken.old);
    }
    if counts.same == 0 {
        let said = said.lines().find(|line| line.contains("rror")).unwrap_or_default();
        let state = if counts.passed == 1 { "other" } else { "miss" };
        println!("{state:5} {:10} {} | {said} | {}", tool.name, broken.what, sought.account);
        if wish.show {
            println!("{}", slips::difference(&broken.old, &broken.new));
            println!(
                "  became\n{}",
                mended.map_or(String::new(), |text| slips::difference(&broken.old, text))
            );
        }
    }
    Ok(counts)
}

/// A broken file of this number that the language refuses, and what it says.
fn make(tool: &'static Tool, number: u64, seed: u64) -> Fallible<(usize, Broken, String)> {
    let mut draw = Draw::new(seed, tool.name, number);
    let folder = tempfile::tempdir()?;
    for _ in 0..60 {
        let program = draw.below(tool.programs.len());
        tool.lay_out(folder.path(), program)?;
        let broken = slips::break_it(tool, program, number, &mut draw);
        if broken.new == broken.old {
            continue;
        }
        if let Some(said) = tool.run(folder.path(), &broken.new)?
            && !tool.parses(folder.path(), &broken.new)?
        {
            return Ok((program, broken, said));
        }
    }
    Err(format!("no slip of 60 breaks {} number {number}", tool.name).into())
}

/// All files of a language.
fn all_of(tool: &'static Tool, wish: &Wish) -> Fallible<Counts> {
    let folder = tempfile::tempdir()?;
    for program in 0..tool.programs.len() {
        tool.lay_out(folder.path(), program)?;
        if let Some(said) = tool.run(folder.path(), tool.programs[program].0)? {
            return Err(format!("the program {program} of {} is broken already: {said}", tool.name).into());
        }
    }
    let most = if tool.is_first { wish.each } else { wish.each / 2 };
    let (next, sums, trouble) = (AtomicU64::new(0), Mutex::new(Counts::default()), Mutex::new(None));
    let one = |number: u64| -> Fallible<()> {
        let (program, broken, said) = make(tool, number, wish.seed)?;
        let found = work_on(tool, program, &broken, said, wish)?;
        let mut sums = sums.lock().map_err(|_| "poisoned")?;
        sums.tasks += found.tasks;
        sums.parsed += found.parsed;
        sums.passed += found.passed;
        sums.same += found.same;
        sums.tried += found.tried;
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..wish.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= most {
                        return;
                    }
                    if let Err(error) = one(number)
                        && let Ok(mut trouble) = trouble.lock()
                    {
                        *trouble = Some(error);
                        return;
                    }
                }
            });
        }
    });
    if let Some(error) = trouble.into_inner().map_err(|_| "poisoned")? {
        return Err(error);
    }
    Ok(sums.into_inner().map_err(|_| "poisoned")?)
}

fn main() -> Fallible<()> {
    let wish = wish()?;
    let mut table = Vec::new();
    for tool in tools::ALL {
        if wish.only.as_ref().is_some_and(|only| only != tool.name) {
            continue;
        }
        if !tool.is_there() {
            println!("skipped: no tools for {} on PATH", tool.name);
            continue;
        }
        table.push((tool.name, all_of(tool, &wish)?));
    }
    for (name, counts) in table {
        println!(
            "{name:10} {:3} files: {:3} parse, {:3} pass their tests, {:3} are the original text; {} candidates",
            counts.tasks, counts.parsed, counts.passed, counts.same, counts.tried
        );
    }
    Ok(())
}

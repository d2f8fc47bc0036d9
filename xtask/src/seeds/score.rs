//! How good the solutions are: which tasks were solved, and what became of the place that was changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::natively::{End, Room, copy};
use super::packages::{self, Package};
use super::plant::{Answer, put};
use super::{HELP, ask_mutator, beside, directory, fetch, mutator};
use crate::Done;
use crate::args::Args;

/// What `coditect bench tasks` says of a task, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    status: String,
    #[serde(default)]
    lines_changed: Option<u64>,
    #[serde(default)]
    seconds: f64,
    #[serde(default)]
    candidates: u64,
}

/// What became of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Marks {
    /// Its mission ended verified.
    pub(super) solved: bool,
    /// The files of the product have the same tokens as the original, or the original suite passes.
    pub(super) correct: bool,
    /// The function around the place is the original again, but for form and comments.
    pub(super) restored: bool,
    pub(super) lines: u64,
    pub(super) seconds: f64,
    pub(super) candidates: u64,
}

pub(super) fn main(mut args: Args) -> Done {
    let tasks = directory(&mut args, "--tasks")?;
    let solutions = directory(&mut args, "--solutions")?;
    let language = args.value("--language")?;
    let (quick, json) = (args.flag("--quick"), args.flag("--json"));
    args.finish(HELP)?;
    let rows = rows(&solutions)?;
    let known = packages::all()?;
    let scorer = Scorer { mutator: mutator()?, tasks, solutions, known, quick };
    let mut marks: BTreeMap<String, Vec<Marks>> = BTreeMap::new();
    for answer in scorer.answers()? {
        if language.as_ref().is_some_and(|language| *language != answer.language) {
            continue;
        }
        // What was not worked on is not solved.
        let mark = match rows.get(&answer.id) {
            Some(row) => scorer.mark(&answer, row)?,
            None => Marks::default(),
        };
        if !json {
            let word = match (mark.solved, mark.restored, mark.correct) {
                (false, ..) => "unsolved",
                (_, true, _) => "restored",
                (_, _, true) => "passes",
                _ => "wrong",
            };
            let bug = &answer.bug;
            println!("{word:<9} {:<26} {:<18} {}:{}", answer.id, bug.kind, bug.path, bug.line);
        }
        marks.entry(answer.language).or_default().push(mark);
    }
    if marks.is_empty() {
        return Err("there are no answers beside the tasks; `cargo xtask seeds plant` makes them".to_owned());
    }
    if json {
        println!("{}", as_json(&marks))
    } else {
        print(&marks)
    }
    Ok(())
}

/// The newest row of each task.
fn rows(solutions: &Path) -> Result<BTreeMap<String, Row>, String> {
    let path = solutions.join(".results.jsonl");
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; `coditect bench tasks` writes it", path.display()))?;
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok());
    Ok(rows.map(|row| (row.id.clone(), row)).collect())
}

struct Scorer {
    mutator: PathBuf,
    tasks: PathBuf,
    solutions: PathBuf,
    known: Vec<Package>,
    quick: bool,
}

impl Scorer {
    fn answers(&self) -> Result<Vec<Answer>, String> {
        let folder = beside(&self.tasks, "answers");
        let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut answers = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let answer: Answer =
                serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            answers.push(answer);
        }
        answers.sort_by(|a, b| (&a.language, &a.id).cmp(&(&b.language, &b.id)));
        Ok(answers)
    }

    fn mark(&self, answer: &Answer, row: &Row) -> Result<Marks, String> {
        let mut marks = Marks {
            solved: row.status == "solved",
            lines: row.lines_changed.unwrap_or(0),
            seconds: row.seconds,
            candidates: row.candidates,
            ..Marks::default()
        };
        if !marks.solved {
            return Ok(marks);
        }
        let pristine = beside(&self.tasks, "packages").join(&answer.package);
        let solution = self.solutions.join(&answer.id);
        let changed = changed(&self.tasks.join(&answer.id), &solution, answer)?;
        let elsewhere = changed.iter().any(|path| *path != answer.bug.path);
        let (old, new) = (pristine.join(&answer.bug.path), solution.join(&answer.bug.path));
        let line = answer.bug.line.to_string();
        let said =
            ask_mutator(&self.mutator, &["same", &old.to_string_lossy(), &new.to_string_lossy(), &line])?;
        let same: Value = serde_json::from_str(&said).map_err(|error| format!("{said}: {error}"))?;
        marks.restored = !elsewhere && same["function"] == true;
        marks.correct = !elsewhere && same["file"] == true;
        if !marks.correct && !self.quick {
            marks.correct = self.passes(answer, &pristine, &solution, &changed)?;
        }
        Ok(marks)
    }

    /// Whether the package's own suite, as it was published, passes with the solution's files.
    fn passes(
        &self,
        answer: &Answer,
        pristine: &Path,
        solution: &Path,
        changed: &[String],
    ) -> Result<bool, String> {
        let package = self.known.iter().find(|package| package.name == answer.name);
        let package = package.ok_or_else(|| format!("`{}` is not in the list any more", answer.name))?;
        let scratch = beside(&self.tasks, "scratch").join(&answer.package);
        let python = match package.language.as_str() {
            "python" => fetch::python(&beside(&self.tasks, "python"))?,
            _ => PathBuf::from("python3"),
        };
        let room = Room { top: scratch.join("room"), scratch, python };
        copy(pristine, &room.top)?;
        put(&room.top, &answer.bug)?;
        for path in changed {
            let (from, to) = (solution.join(path), room.top.join(path));
            // Not `fs::copy`, which keeps the time of change on some systems, by which cargo would take it for old.
            let bytes = fs::read(&from).map_err(|error| format!("{}: {error}", from.display()))?;
            fs::write(&to, bytes).map_err(|error| format!("{}: {error}", to.display()))?;
        }
        let end = room.suite(package, &answer.bug.path, Duration::from_secs(answer.limit_s.max(60) * 2))?;
        Ok(end == End::Green)
    }
}

/// Files of the product that a solution has changed.
fn changed(task: &Path, solution: &Path, answer: &Answer) -> Result<Vec<String>, String> {
    let mut command = std::process::Command::new("diff");
    command.args(["--recursive", "--brief", "--no-dereference", "--exclude=.git", "--exclude=node_modules"]);
    command.args(["--exclude=target", "--exclude=__pycache__"]).arg(task).arg(solution);
    let out = command.output().map_err(|error| format!("`diff`: {error}"))?;
    if !matches!(out.status.code(), Some(0 | 1)) {
        return Err(format!("{}: {}", answer.id, String::from_utf8_lossy(&out.stderr)));
    }
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let prefix = format!("Files {}/", task.display());
    let names = said.lines().filter_map(|line| line.strip_prefix(&prefix)?.split(" and ").next());
    Ok(names.map(str::to_owned).collect())
}

/// The interval that holds the true share with 95 % (Wilson's).
pub(super) fn wilson(hits: usize, of: usize) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let z = 1.959_964_f64;
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let middle = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

/// The middle one, the lower of two.
pub(super) fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> Option<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len().saturating_sub(1) / 2).copied()
}

fn print(marks: &BTreeMap<String, Vec<Marks>>) {
    println!(
        "\n{:<12} {:>6} {:>7} {:>13} {:>8} {:>13} {:>9} {:>6} {:>9}",
        "language", "tasks", "solved", "95 %", "correct", "95 %", "restored", "lines", "seconds"
    );
    for (language, marks) in marks {
        let of = marks.len();
        let count = |is: fn(&Marks) -> bool| marks.iter().filter(|mark| is(mark)).count();
        let range = |hits| {
            let (low, high) = wilson(hits, of);
            format!("{:.0}..{:.0} %", low * 100.0, high * 100.0)
        };
        let (solved, correct) = (count(|mark| mark.solved), count(|mark| mark.correct));
        let lines = median(marks.iter().filter(|mark| mark.solved).map(|mark| mark.lines).collect());
        let seconds = median(marks.iter().map(|mark| mark.seconds).collect()).unwrap_or(0.0);
        println!(
            "{language:<12} {of:>6} {solved:>7} {:>13} {correct:>8} {:>13} {:>9} {:>6} {seconds:>9.1}",
            range(solved),
            range(correct),
            count(|mark| mark.restored),
            lines.map_or("-".to_owned(), |lines| lines.to_string()),
        );
    }
}

fn as_json(marks: &BTreeMap<String, Vec<Marks>>) -> Value {
    let one = |marks: &Vec<Marks>| {
        let of = marks.len();
        let count = |is: fn(&Marks) -> bool| marks.iter().filter(|mark| is(mark)).count();
        let (solved, correct) = (count(|mark| mark.solved), count(|mark| mark.correct));
        json!({
            "tasks": of,
            "solved": solved,
            "solved_interval": wilson(solved, of),
            "correct": correct,
            "correct_interval": wilson(correct, of),
            "restored": count(|mark| mark.restored),
            "lines_changed": median(marks.iter().filter(|mark| mark.solved).map(|mark| mark.lines).collect()),
            "seconds": median(marks.iter().map(|mark| mark.seconds).collect()),
            "candidates": marks.iter().map(|mark| mark.candidates).sum::<u64>(),
        })
    };
    marks.iter().map(|(language, marks)| (language.clone(), one(marks))).collect()
}

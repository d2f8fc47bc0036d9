//! One run of the program: started, perhaps killed, and what it said.

use std::fmt;
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use super::inherited;
use super::person::Person;

/// No mission on an example takes longer, on any machine that we know.
const LONGEST: Duration = Duration::from_secs(600);

/// Where a mission is run.
#[derive(Debug)]
pub(super) struct Mission {
    pub(super) binary: PathBuf,
    /// The seed's own directory.
    pub(super) directory: PathBuf,
    /// Where compiled code is kept.
    pub(super) cache: PathBuf,
}

/// What came of one run.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    /// It was still running at the moment, and was killed.
    pub(super) was_killed: bool,
    /// The events that it printed; a line that was torn by the kill is not among them.
    pub(super) events: Vec<Value>,
    /// The last lines of its standard error.
    pub(super) complaint: String,
    pub(super) wall: Duration,
}

/// The end of a mission, as far as it must be the same each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct End {
    pub(super) status: String,
    /// Tree of the commit that was handed over.
    pub(super) tree: Option<String>,
    /// How each test ended on it.
    pub(super) tests: Value,
    /// Branches that were handed over.
    pub(super) branches: usize,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tree = self.tree.as_deref().map_or("none", |tree| tree.get(..12).unwrap_or(tree));
        let tests = self.tests.as_object().map_or(0, serde_json::Map::len);
        write!(f, "{} (tree {tree}, {tests} tests, {} branches)", self.status, self.branches)
    }
}

impl Mission {
    /// A new mission, killed after `kill_after` if it still runs then.
    pub(super) fn run(&self, repository: &Path, kill_after: Option<Duration>) -> Result<Ran, String> {
        let mut command = self.command()?;
        command.args(["run", "--json", "make the failing tests pass", "-C"]).arg(repository);
        self.watch(command, kill_after)
    }

    /// The last mission, to its end.
    pub(super) fn resume(&self) -> Result<Ran, String> {
        let mut command = self.command()?;
        command.args(["resume", "last", "--json"]);
        self.watch(command, None)
    }

    /// The program with an environment of its own, in a process group of its own.
    fn command(&self) -> Result<Command, String> {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("PATH", inherited("PATH")).env("XDG_CACHE_HOME", &self.cache);
        for (name, below) in [("HOME", "home"), ("CODITECT_HOME", "missions"), ("TMPDIR", "tmp")] {
            let path = self.directory.join(below);
            std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            command.env(name, path);
        }
        command.current_dir(&self.directory).stdin(Stdio::null()).process_group(0);
        Ok(command)
    }

    fn watch(&self, mut command: Command, kill_after: Option<Duration>) -> Result<Ran, String> {
        let oops = |error: std::io::Error| format!("running `coditect`: {error}");
        let out = self.directory.join("stdout");
        let complaints = self.directory.join("stderr");
        // Files, not pipes: a process that is left over could hold a pipe open for ever.
        command.stdout(File::create(&out).map_err(oops)?).stderr(File::create(&complaints).map_err(oops)?);
        let begun = Instant::now();
        let mut child = command.spawn().map_err(oops)?;
        let group = Pid::from_raw(i32::try_from(child.id()).map_err(|error| error.to_string())?);
        let (tell, told) = sync_channel(1);
        let waiter = std::thread::spawn(move || tell.send(child.wait()).is_ok());
        let status = match told.recv_timeout(kill_after.unwrap_or(LONGEST)) {
            Err(RecvTimeoutError::Timeout) => {
                kill(group)?;
                told.recv().map_err(|error| error.to_string())?
            }
            early => early.map_err(|error| error.to_string())?,
        };
        let wall = begun.elapsed();
        let status = status.map_err(oops)?;
        if !waiter.join().unwrap_or(false) {
            return Err("the thread that waits for the program broke".to_owned());
        }
        let was_killed = status.signal() == Some(Signal::SIGKILL as i32);
        if was_killed && kill_after.is_none() {
            return Err(format!("it did not end within {} s", LONGEST.as_secs()));
        }
        let text = std::fs::read(&out).map_err(oops)?;
        let said = std::fs::read(&complaints).map_err(oops)?;
        Ok(Ran { was_killed, events: events(&text), complaint: last_lines(&said), wall })
    }
}

/// A group that has ended on its own in the meantime is none to kill: the program was quicker than its kill point.
pub(super) fn kill(group: Pid) -> Result<(), String> {
    match killpg(group, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(format!("killing the program: {error}")),
    }
}

/// The events in whole lines. An error is told as a line too; it is no event, and stands on standard error as well.
fn events(text: &[u8]) -> Vec<Value> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = text[..whole].split(|byte| *byte == b'\n');
    let is_event = |line: &Value| line["type"].as_str().is_some_and(|kind| kind != "error");
    lines.filter_map(|line| serde_json::from_slice(line).ok()).filter(is_event).collect()
}

fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" / ")
}

impl Ran {
    /// It told the mission's end.
    pub(super) fn has_ended(&self) -> bool {
        self.completed().is_some()
    }

    fn completed(&self) -> Option<&Value> {
        self.events.iter().rfind(|event| event["type"] == "mission.completed")
    }

    /// The end that it told, with the tree that the person really has.
    pub(super) fn end(&self, person: &Person) -> Result<End, String> {
        let Some(event) = self.completed() else {
            let last = self.events.last().and_then(|event| event["type"].as_str()).unwrap_or("none");
            return Err(format!("no `mission.completed`; last event: {last}; stderr: {}", self.complaint));
        };
        let tree = event["commit"].as_str().map(|commit| person.tree_of(commit)).transpose()?;
        if let (Some(commit), Some(branch)) = (event["commit"].as_str(), event["branch"].as_str()) {
            let there = person.commit_of(branch)?;
            if there != commit {
                return Err(format!("`{branch}` is at {there}, not at {commit}"));
            }
        }
        Ok(End {
            status: event["status"].as_str().unwrap_or_default().to_owned(),
            tree,
            tests: event["receipt"]["after"].clone(),
            branches: person.handed_over()?,
        })
    }
}

//! The one place that starts git.
//!
//! Git is told everything on its command line and by its environment, and reads no configuration but that of
//! the git directory it is pointed at, which is always one that we wrote (see [`super::shadow`] and
//! [`super::lens`]). So nothing that a repository's `.git/config` names can run.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

/// The oldest git that knows all that we ask of it (`init --object-format`, `-c` for every setting used).
const OLDEST: (u32, u32) = (2, 30);

/// A git command takes seconds, or minutes where it writes gigabytes to a slow disk; one that opened a fifo would
/// take for ever.
const LIMIT: Duration = Duration::from_secs(900);

/// Settings that hold for every command. A setting given with `-c` beats one from a file.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.quotePath=false",
    "core.pager=cat",
    "core.filesRefLockTimeout=2000",
    "core.packedRefsTimeout=2000",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "diff.external=",
    "commit.gpgsign=false",
    "log.showSignature=false",
    "safe.directory=*",
];

/// What git says of objects that are not there or not whole.
const DAMAGE: &[&str] =
    &["corrupt", "bad object", "missing", "unable to read", "not a valid object", "bad signature"];

/// A git binary that was found and is new enough.
#[derive(Clone, Debug)]
pub struct Git {
    program: PathBuf,
    version: (u32, u32),
}

impl Git {
    /// Looks for `git` in the directories of `path` (the value of `PATH`).
    ///
    /// # Errors
    /// `NotFound` where there is none, `Invalid` where it is older than 2.30.
    pub fn find(path: Option<&OsStr>) -> Result<Self, PortError> {
        let found = std::env::split_paths(path.unwrap_or_default())
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join("git"))
            .find(|file| {
                file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
            });
        let Some(program) = found else {
            return Err(PortError::new(ErrorKind::NotFound, "no `git` on PATH")
                .with_hint("install git 2.30 or newer, or add its directory to PATH"));
        };
        Self::at(&program)
    }

    /// Takes the git at `program` (absolute) and asks its version.
    ///
    /// # Errors
    /// As [`Git::find`]; `Unavailable` where it cannot be started.
    pub fn at(program: &Path) -> Result<Self, PortError> {
        let git = Self { program: program.to_owned(), version: (0, 0) };
        let said = git.call(Path::new("/")).arg("version").run()?;
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        match parse_version(&said) {
            Some(version) if version >= OLDEST => Ok(Self { version, ..git }),
            Some(_) => Err(PortError::new(
                ErrorKind::Invalid,
                format!("`{}` is too old: it says `{said}`", program.display()),
            )
            .with_hint("install git 2.30 or newer")),
            None => Err(PortError::new(
                ErrorKind::Invalid,
                format!("`{}` does not answer like git: it says `{said}`", program.display()),
            )),
        }
    }

    /// The binary.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Major and minor version.
    #[must_use]
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// A command that starts in `directory`.
    pub(super) fn call(&self, directory: &Path) -> Call {
        let mut command = Command::new(&self.program);
        command
            .current_dir(directory)
            .env_clear()
            .env("PATH", self.program.parent().unwrap_or(Path::new("/usr/bin")))
            // Nothing can be put below /dev/null, so there is no `~/.gitconfig` and no `~/.config/git`, also
            // for a git that is too old for GIT_CONFIG_GLOBAL.
            .env("HOME", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        Call {
            command,
            name: String::new(),
            place: directory.to_owned(),
            seen_as: None,
            input: Input::Nothing,
            output: None,
        }
    }
}

/// `git version 2.47.3 (Apple Git-1)` -> (2, 47).
fn parse_version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("git version ")?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What a command reads.
#[derive(Debug)]
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
}

/// One command, being put together.
#[derive(Debug)]
pub(super) struct Call {
    command: Command,
    name: String,
    place: PathBuf,
    seen_as: Option<(PathBuf, PathBuf)>,
    input: Input,
    output: Option<File>,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Answer {
    /// Exit code; None when a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    name: String,
    place: PathBuf,
    seen_as: Option<(PathBuf, PathBuf)>,
}

impl Call {
    /// Has errors speak of `theirs` where git speaks of `ours`, a stand-in that a person has never heard of.
    pub(super) fn seen_as(mut self, ours: &Path, theirs: &Path) -> Self {
        if self.place == ours {
            theirs.clone_into(&mut self.place);
        }
        self.seen_as = Some((ours.to_owned(), theirs.to_owned()));
        self
    }

    pub(super) fn git_dir(mut self, dir: &Path) -> Self {
        self.command.env("GIT_DIR", dir);
        self
    }

    pub(super) fn work_tree(mut self, dir: &Path) -> Self {
        self.command.env("GIT_WORK_TREE", dir);
        self
    }

    pub(super) fn index(mut self, file: &Path) -> Self {
        self.command.env("GIT_INDEX_FILE", file);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// One more setting; to be given before the first argument.
    pub(super) fn setting(mut self, setting: &str) -> Self {
        debug_assert!(self.name.is_empty(), "a setting after the command's name is an argument");
        self.command.arg("-c").arg(setting);
        self
    }

    /// The same with a path as its value.
    pub(super) fn setting_path(mut self, name: &str, path: &Path) -> Self {
        debug_assert!(self.name.is_empty(), "a setting after the command's name is an argument");
        self.command.arg("-c").arg(joined(name, path));
        self
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        if self.name.is_empty() {
            self.name = arg.as_ref().to_string_lossy().into_owned();
        }
        self.command.arg(arg);
        self
    }

    pub(super) fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(super) fn stdin(mut self, bytes: Vec<u8>) -> Self {
        self.input = Input::Bytes(bytes);
        self
    }

    pub(super) fn stdin_file(mut self, file: File) -> Self {
        self.input = Input::File(file);
        self
    }

    pub(super) fn stdout_file(mut self, file: File) -> Self {
        self.output = Some(file);
        self
    }

    /// Runs it to its end; anything but exit code 0 is an error.
    pub(super) fn run(self) -> Result<Vec<u8>, PortError> {
        let answer = self.answer()?;
        if answer.code == Some(0) { Ok(answer.stdout) } else { Err(answer.refusal()) }
    }

    /// Runs a question: exit code 1 means "no".
    pub(super) fn ask(self) -> Result<Option<Vec<u8>>, PortError> {
        let answer = self.answer()?;
        match answer.code {
            Some(0) => Ok(Some(answer.stdout)),
            Some(1) => Ok(None),
            _ => Err(answer.refusal()),
        }
    }

    /// Runs it to its end, whatever that is.
    pub(super) fn answer(mut self) -> Result<Answer, PortError> {
        let (stdin, bytes) = match self.input {
            Input::Nothing => (Stdio::null(), None),
            Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
            Input::File(file) => (Stdio::from(file), None),
        };
        let stdout = self.output.map_or_else(Stdio::piped, Stdio::from);
        let child = self.command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|error| {
            let program = Path::new(self.command.get_program()).display();
            PortError::from_io(&format!("start `{program}` in `{}`", self.place.display()), &error)
        })?;
        let Said { code, stdout, stderr } = converse(child, bytes).map_err(|error| match error {
            Talk::Io(error) => PortError::from_io(&format!("git {}", self.name), &error),
            Talk::Late => PortError::new(
                ErrorKind::Unavailable,
                format!(
                    "git {} in `{}` did not end within {} s and was stopped",
                    self.name,
                    self.place.display(),
                    LIMIT.as_secs()
                ),
            ),
        })?;
        let Self { name, place, seen_as, .. } = self;
        Ok(Answer { code, stdout, stderr, name, place, seen_as })
    }
}

/// What a command left.
struct Said {
    code: Option<i32>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// What can go wrong while a command runs.
enum Talk {
    Io(std::io::Error),
    Late,
}

/// Feeds a child, drains it and waits for it, within the limit.
fn converse(mut child: Child, input: Option<Vec<u8>>) -> Result<Said, Talk> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (done, ended) = sync_channel(2);
    let deadline = Instant::now() + LIMIT;
    std::thread::scope(|scope| {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A child that ends without reading all of it says why on stderr: the broken pipe adds nothing.
            scope.spawn(move || stdin.write_all(&input).ok());
        }
        let also_done = done.clone();
        let out = scope.spawn(move || drain(stdout, &also_done));
        let err = scope.spawn(move || drain(stderr, &done));
        let mut late = false;
        for _ in 0..2 {
            let left = deadline.saturating_duration_since(Instant::now());
            if !late && matches!(ended.recv_timeout(left), Err(RecvTimeoutError::Timeout)) {
                late = true;
                child.kill().map_err(Talk::Io)?;
            }
        }
        let status = child.wait().map_err(Talk::Io)?;
        let broken = || Talk::Io(std::io::Error::other("a reading thread ended early"));
        let stdout = out.join().map_err(|_| broken())?.map_err(Talk::Io)?;
        let stderr = err.join().map_err(|_| broken())?.map_err(Talk::Io)?;
        if late { Err(Talk::Late) } else { Ok(Said { code: status.code(), stdout, stderr }) }
    })
}

/// Reads a pipe to its end and says so.
fn drain(pipe: Option<impl Read>, done: &SyncSender<()>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
    // The other end waits for two of these at most, and the channel holds two: this cannot block.
    done.send(()).ok();
    read.map(|_| bytes)
}

impl Answer {
    /// What git said on stderr, for a person: at most 600 bytes, without the words that repeat on each line.
    pub(super) fn complaint(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.stderr).into_owned();
        if let Some((ours, theirs)) = &self.seen_as {
            text = text.replace(&*ours.to_string_lossy(), &theirs.to_string_lossy());
        }
        let lines = text.lines().map(|line| {
            let line = line.trim();
            line.strip_prefix("fatal: ").or(line.strip_prefix("error: ")).unwrap_or(line)
        });
        let mut said = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        if said.len() > 600 {
            let cut = (0..=600).rev().find(|&at| said.is_char_boundary(at)).unwrap_or(0);
            said.truncate(cut);
            said.push_str(" ...");
        }
        said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// The error that this answer stands for.
    pub(super) fn refusal(&self) -> PortError {
        let said = self.complaint();
        let (name, place) = (&self.name, self.place.display());
        let Some(code) = self.code else {
            return PortError::new(ErrorKind::Interrupted, format!("git {name} in `{place}` was killed"));
        };
        let error = |kind| PortError::new(kind, format!("git {name} in `{place}` (exit {code}): {said}"));
        let says = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
        if says(&["No space left on device", "Disk quota exceeded", "Out of diskspace"]) {
            error(ErrorKind::Exhausted).with_hint("free some disk space, then run the same command again")
        } else if says(&["ermission denied", "Read-only file system", "insufficient permission"]) {
            error(ErrorKind::Denied).with_hint("check who owns that path and whether it may be written")
        } else if says(&[".lock': File exists"]) {
            error(ErrorKind::Unavailable)
                .with_hint("another git is at work there; if none is, remove the lock file")
        } else if says(DAMAGE) {
            error(ErrorKind::Invalid).with_hint("run `git fsck` in the repository to see what is damaged")
        } else {
            error(ErrorKind::Unavailable)
        }
    }
}

/// An argument made of two parts, of which the second is bytes.
pub(super) fn joined(prefix: &str, path: &Path) -> OsString {
    let mut arg = OsString::from(prefix);
    arg.push(path);
    arg
}

#[cfg(test)]
mod tests;

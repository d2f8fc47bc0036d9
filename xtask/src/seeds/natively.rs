//! Runs a package's own commands, with a limit of time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::packages::Package;

/// Bytes that are shown of what a command said.
const SAID: usize = 4 << 10;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Green,
    Red,
    OverTime,
}

/// Where a package's commands run.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// The package's files.
    pub(super) top: PathBuf,
    /// What is built, and what commands say, stays here.
    pub(super) scratch: PathBuf,
    /// An interpreter with what Python packages need.
    pub(super) python: PathBuf,
}

impl Room {
    /// Runs shell in the room. An error means that it could not be started.
    pub(super) fn run(&self, shell: &str, file: &str, limit: Duration) -> Result<End, String> {
        if shell.is_empty() {
            return Ok(End::Green);
        }
        let build = self.scratch.join("build");
        fs::create_dir_all(&build).map_err(|error| format!("{}: {error}", build.display()))?;
        let said =
            File::create(self.said()).map_err(|error| format!("{}: {error}", self.said().display()))?;
        let said_too = said.try_clone().map_err(|error| error.to_string())?;
        let seconds = limit.as_secs().max(1).to_string();
        // `timeout` ends the whole group of processes, which a suite that hangs needs.
        let status = Command::new("timeout")
            .args(["--kill-after=5", &seconds, "sh", "-c", shell])
            .current_dir(&self.top)
            .env("FILE", file)
            .env("BUILD", &build)
            .env("PYTHON", &self.python)
            .env("CARGO_TARGET_DIR", build.join("target"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("CI", "true")
            .env_remove("CARGO_MANIFEST_DIR")
            .stdin(Stdio::null())
            .stdout(said)
            .stderr(said_too)
            .status()
            .map_err(|error| format!("`timeout`: {error}"))?;
        Ok(match status.code() {
            Some(0) => End::Green,
            Some(124 | 137) => End::OverTime,
            _ => End::Red,
        })
    }

    /// The end of what the last command printed.
    pub(super) fn last_said(&self) -> String {
        let bytes = fs::read(self.said()).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(SAID)..]).trim().to_owned()
    }

    fn said(&self) -> PathBuf {
        self.scratch.join("said.txt")
    }

    /// Builds and tests: whether the package is as its authors want it.
    pub(super) fn suite(&self, package: &Package, file: &str, limit: Duration) -> Result<End, String> {
        match self.run(&package.build, file, limit)? {
            End::Green => self.run(&package.check, file, limit),
            other @ (End::Red | End::OverTime) => Ok(other),
        }
    }

    /// The same for a package as it was published: it must be green, and how long that takes is told.
    pub(super) fn prove(&self, package: &Package, limit: Duration) -> Result<Duration, String> {
        let first = package.product.first().map_or("", String::as_str);
        let file = if self.top.join(first).is_file() { first } else { "" };
        // What is built only once is no part of the time.
        let mut took = Duration::ZERO;
        for _ in 0..2 {
            let started = Instant::now();
            let built = if file.is_empty() && package.build.contains("$FILE") { "" } else { &package.build };
            let end = match self.run(built, file, limit)? {
                End::Green => self.run(&package.check, file, limit)?,
                other @ (End::Red | End::OverTime) => other,
            };
            if end != End::Green {
                let said = self.last_said();
                return Err(format!(
                    "the suite of `{}` is not green as it was published:\n{said}",
                    package.name
                ));
            }
            took = started.elapsed();
        }
        Ok(took)
    }
}

/// Copies a directory; files that nobody writes to may be shared.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if to.exists() {
        fs::remove_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    let mut command = Command::new("cp");
    command.arg("-a").arg("--reflink=auto").arg(from).arg(to);
    crate::process::output(command).map(drop)
}

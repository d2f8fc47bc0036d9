//! Running other programs of the toolchain.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The repository's top.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// `cargo` with these arguments, at the top, with nothing on its standard input.
pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    // Left by the `cargo run` that started us; they would tell our children that they are part of its build.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(name);
    }
    command
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| {
        let arg = arg.to_string_lossy();
        if arg.contains([' ', '(', '&']) { format!("'{arg}'") } else { arg.into_owned() }
    });
    std::iter::once(name).chain(args).collect::<Vec<_>>().join(" ")
}

/// Runs it with our own output; an error unless it ends with 0.
pub(crate) fn run(mut command: Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("`{}`: {error}", shown(&command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", shown(&command))) }
}

/// Runs it, hands its standard error through line by line, and gives the lines that `keep` wants.
pub(crate) fn run_keeping(mut command: Command, keep: fn(&str) -> bool) -> Result<Vec<String>, String> {
    let oops = |command: &Command, error: &dyn std::fmt::Display| format!("`{}`: {error}", shown(command));
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(|error| oops(&command, &error))?;
    let mut kept = Vec::new();
    if let Some(pipe) = child.stderr.take() {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(|error| oops(&command, &error))? > 0 {
            // Our own terminal that is gone is no reason to leave a build half read.
            std::io::stderr().write_all(&line).unwrap_or_default();
            let text = plain(&String::from_utf8_lossy(&line));
            if keep(&text) {
                kept.push(text.trim().to_owned());
            }
            line.clear();
        }
    }
    let status = child.wait().map_err(|error| oops(&command, &error))?;
    if status.success() { Ok(kept) } else { Err(format!("`{}` ended with {status}", shown(&command))) }
}

/// Runs it and gives its standard output; an error with its standard error unless it ends with 0.
pub(crate) fn output(mut command: Command) -> Result<String, String> {
    let out = command.output().map_err(|error| format!("`{}`: {error}", shown(&command)))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(format!("`{}` ended with {}\n{}", shown(&command), out.status, String::from_utf8_lossy(&out.stderr)))
}

/// How our programs are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// Quick to compile.
    Debug,
    /// Quick to run.
    Release,
}

impl Build {
    /// The build that a `--release` flag, given or not, asks for.
    pub(crate) fn of(release: bool) -> Self {
        if release { Self::Release } else { Self::Debug }
    }

    /// What to tell cargo.
    pub(crate) fn flag(self) -> Option<&'static str> {
        match self {
            Self::Debug => None,
            Self::Release => Some("--release"),
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

/// Where `cargo build` leaves the program that people run.
pub(crate) fn built_binary(build: Build) -> Result<PathBuf, String> {
    let metadata = output(cargo(["metadata", "--offline", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).map_err(|error| format!("`cargo metadata`: {error}"))?;
    let target = metadata["target_directory"].as_str().ok_or("`cargo metadata` names no target directory")?;
    Ok(PathBuf::from(target).join(build.directory()).join("coditect"))
}

/// Builds all tests, and gives the program that they drive. A build of the program alone has other features in the libraries that both
/// use, and would compile all of them once more.
pub(crate) fn tested_binary() -> Result<PathBuf, String> {
    run(cargo(["test", "--workspace", "--no-run", "--locked", "--quiet"]))?;
    built_binary(Build::Debug)
}

/// True if `cargo NAME --version` answers.
pub(crate) fn has_cargo_tool(name: &str) -> bool {
    let mut command = cargo([name, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A text without terminal colours.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // Colours are `ESC [ ... m`.
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["nextest", "run", "-E", "not (a)"]);
        assert_eq!(shown(&command), "cargo nextest run -E 'not (a)'");
    }

    #[test]
    fn colours_are_dropped() {
        assert_eq!(
            plain("\u{1b}[32;1m     Summary\u{1b}[0m [ 1.2s] 3 tests"),
            "     Summary [ 1.2s] 3 tests"
        );
    }

    #[test]
    fn wanted_lines_are_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one >&2; echo Summary two >&2"]);
        assert_eq!(run_keeping(command, |line| line.contains("Summary")), Ok(vec!["Summary two".to_owned()]));
    }
}

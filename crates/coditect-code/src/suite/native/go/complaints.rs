//! What `go` says where a project cannot be built.

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use coditect_types::testing::Frame;

use super::frame;

/// Places kept.
const MOST_FRAMES: usize = 5_000;

/// What a build complained about.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    /// The lines about the project's own text.
    pub(super) message: String,
    pub(super) frames: Vec<Frame>,
    /// What is not on this machine.
    pub(super) lacks: Vec<Lack>,
}

/// Something that the project needs and the machine does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// A package or module, as `go` names it.
    Module(String),
    /// A newer Go: the line that says so.
    Newer(String),
}

impl Lack {
    /// The end of a run that has nothing to run.
    pub(super) fn error(&self) -> PortError {
        match self {
            Self::Module(name) => {
                let cause = format!("the project needs `{name}`, which is not on this machine");
                PortError::new(ErrorKind::NotFound, cause).with_hint(
                    "fetch what it needs in the project's directory with `go mod download` (or `go mod vendor`) and run \
                     again: a build in the sandbox has no network",
                )
            }
            Self::Newer(line) => {
                PortError::new(ErrorKind::NotFound, format!("this Go cannot build it: {line}"))
                    .with_hint("put a newer `go` on PATH, or lower the version in `go.mod`")
            }
        }
    }

    /// A remark beside the tests of other packages.
    pub(super) fn note(&self) -> String {
        match self {
            Self::Module(name) => {
                format!(
                    "packages that import `{name}` are not tested: it is not on this machine (`go mod download`)"
                )
            }
            Self::Newer(line) => format!("packages are not tested that need a newer Go: {line}"),
        }
    }
}

/// Reads the text of a build. `below` makes a path one below the project's root.
pub(super) fn read(text: &str, most: usize, below: &dyn Fn(&str) -> Option<String>) -> Complaints {
    let mut read = Complaints::default();
    let mut about_project = false;
    for line in text.lines() {
        if let Some(lack) = lack(line) {
            about_project = false;
            if !read.lacks.contains(&lack) && read.lacks.len() < MOST_FRAMES {
                read.lacks.push(lack);
            }
            continue;
        }
        if let Some((path, number)) = place(line) {
            let file = below(path);
            about_project = file.is_some();
            if let (Some(file), true) = (file, read.frames.len() < MOST_FRAMES) {
                read.frames.push(frame(file, number, ""));
            }
        } else if !line.starts_with(['\t', ' ']) {
            // The name of a package, which says nothing by itself.
            about_project = !line.starts_with('#') && !line.starts_with("note: ") && !line.trim().is_empty();
        }
        if about_project && read.message.len() + line.len() < most {
            read.message.push_str(line);
            read.message.push('\n');
        }
    }
    read
}

/// `path.go:3:5: ...`, also without a column.
fn place(line: &str) -> Option<(&str, u32)> {
    if line.starts_with(['\t', ' ']) {
        return None;
    }
    let end = line.find(".go:")? + ".go".len();
    let (path, rest) = (&line[..end], &line[end + 1..]);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest[..digits].parse().ok()?;
    (rest[digits..].starts_with(':') && !path.contains(": ")).then_some((path, number))
}

/// What a line says that is missing.
fn lack(line: &str) -> Option<Lack> {
    const NEWER: &[&str] = &[
        "invalid go version",
        "note: module requires Go",
        "requires go >= ",
        "unknown directive: toolchain",
    ];
    if NEWER.iter().any(|sign| line.contains(sign)) {
        return Some(Lack::Newer(line.trim().to_owned()));
    }
    let word = |rest: &str| {
        let rest = rest.trim_start_matches(['"', ' ']);
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | ';' | ':' | ','))
            .unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    for sign in ["no required module provides package ", "cannot find module providing package "] {
        if let Some(at) = line.find(sign) {
            return Some(Lack::Module(word(&line[at + sign.len()..])));
        }
    }
    if let Some(at) = line.find("missing go.sum entry for module providing package ") {
        return Some(Lack::Module(word(
            &line[at + "missing go.sum entry for module providing package ".len()..],
        )));
    }
    for sign in [": module lookup disabled by GOPROXY", ": missing go.sum entry", ": cannot find module "] {
        if let Some(at) = line.find(sign) {
            let module = line[..at].rsplit(char::is_whitespace).next().unwrap_or_default();
            return Some(Lack::Module(module.to_owned()));
        }
    }
    // Packages of others have a host in their path; a name without one is a slip of the project's own.
    for sign in ["cannot find package \"", "package "] {
        let Some(at) = line.find(sign) else { continue };
        let name = word(&line[at + sign.len()..]);
        let rest = &line[at + sign.len()..];
        let absent = sign.starts_with("cannot")
            || rest.contains(" is not in GOROOT")
            || rest.contains(" is not in std");
        if absent && name.split('/').next().is_some_and(|host| host.contains('.')) {
            return Some(Lack::Module(name));
        }
    }
    None
}

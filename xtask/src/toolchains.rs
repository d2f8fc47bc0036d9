//! The toolchains of the languages that missions are tried on, brought by Debian's packages where nobody minds.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{output, shown};

/// A program or file that tells that a toolchain is there, and the Debian package that brings it.
const WANTED: [(&str, &str); 6] = [
    ("go", "golang-go"),
    ("javac", "default-jdk-headless"),
    ("node", "nodejs"),
    ("/usr/share/java/junit4.jar", "junit4"),
    ("/usr/share/java/hamcrest.jar", "libhamcrest-java"),
    ("/usr/share/java/junit-jupiter-api.jar", "junit5"),
];

/// What there is to say of the toolchains.
pub(crate) enum State {
    /// All are there.
    There,
    /// These packages were installed.
    Brought(Vec<&'static str>),
    /// These are not there, and were not brought; tests that need them say so and pass.
    Missing(Vec<&'static str>, String),
}

/// Looks for the toolchains and installs what is missing: only on a build machine (`CI` is set) and as root, since a
/// person's own machine is theirs.
pub(crate) fn bring() -> State {
    let missing = missing();
    if missing.is_empty() {
        return State::There;
    }
    if std::env::var_os("CI").is_none() || !is_root() || !on_path("apt-get") {
        let why = format!("as root: `apt-get install --no-install-recommends {}`", missing.join(" "));
        return State::Missing(missing, why);
    }
    let first = install(&missing);
    // A machine that never fetched the lists of packages knows none.
    let done = first.or_else(|_| output(apt(&["update", "--quiet"])).and_then(|_| install(&missing)));
    match done {
        Ok(()) => State::Brought(missing),
        Err(why) => {
            let last = why.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
            State::Missing(missing, format!("apt-get: {last}"))
        }
    }
}

fn missing() -> Vec<&'static str> {
    let there = |sign: &str| if sign.starts_with('/') { Path::new(sign).exists() } else { on_path(sign) };
    WANTED.iter().filter(|(sign, _)| !there(sign)).map(|(_, package)| *package).collect()
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    let mut id = Command::new("id");
    id.arg("-u").stdin(Stdio::null());
    output(id).is_ok_and(|text| text.trim() == "0")
}

fn install(packages: &[&str]) -> Result<(), String> {
    let mut command = apt(&["install", "--quiet", "--yes", "--no-install-recommends"]);
    command.args(packages);
    println!("    {}", shown(&command));
    output(command).map(drop)
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

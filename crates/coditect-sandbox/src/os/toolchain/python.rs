//! Finding a Python interpreter, and the directories that it needs.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::{bind, is_system};
use crate::os::Settings;
use crate::os::plan::{Access, Entry, PROJECT, Raw};

/// Most links on the way to one interpreter.
const MOST_LINKS: usize = 40;

/// An interpreter as it is seen inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::os) struct Interpreter {
    /// Its path inside.
    pub(in crate::os) program: PathBuf,
    /// What must be visible beside the system's own directories.
    pub(in crate::os) entries: Vec<Entry>,
    /// Directories for `PATH`, first one first.
    pub(in crate::os) folders: Vec<PathBuf>,
}

/// Finds the interpreter called `name` (absolute, relative to the view, or on the person's `PATH`).
pub(in crate::os) fn resolve(
    settings: &Settings,
    view: &Path,
    name: &Path,
) -> Result<Interpreter, PortError> {
    let outside = if name.components().count() > 1 {
        view.join(name)
    } else {
        on_path(settings, view, name).ok_or_else(|| missing(name))?
    };
    let mut found = Search { settings, view, entries: Vec::new() };
    let end = found.follow(&outside)?;
    if !is_machine_code(&end) {
        return Err(refused(&outside, "is not a program of this machine"));
    }
    let mut folders = Vec::new();
    let program = found.inside(&outside);
    folders.extend(program.parent().map(Path::to_owned));
    let environment = outside.parent().and_then(Path::parent).filter(|top| top.join("pyvenv.cfg").is_file());
    if let Some(top) = environment {
        found.see_environment(top)?;
    }
    // A virtual environment may hold a copy of the interpreter instead of a link: then its end is within it.
    if environment.is_none_or(|top| !end.starts_with(top)) && !end.starts_with(view) {
        found.see_installation(&end)?;
    }
    folders.extend(found.inside(&end).parent().map(Path::to_owned));
    Ok(Interpreter { program, entries: found.entries, folders })
}

struct Search<'a> {
    settings: &'a Settings,
    view: &'a Path,
    entries: Vec<Entry>,
}

impl Search<'_> {
    /// The path as it is inside.
    fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.view).map_or_else(|_| path.to_owned(), |rest| Path::new(PROJECT).join(rest))
    }

    /// The end of all links, noting those that must exist inside too.
    fn follow(&mut self, path: &Path) -> Result<PathBuf, PortError> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let Some((link, to, rest)) = first_link(&path) else {
                return if path.is_file() { Ok(path) } else { Err(missing(&path)) };
            };
            if !is_system(&link) && !link.starts_with(self.view) {
                self.entries.push(Entry::Link { target: Raw::new(&link), to: Raw::new(&to) });
            }
            path = normal(&link.parent().unwrap_or(Path::new("/")).join(to).join(rest));
        }
        Err(refused(&path, "is a link without end"))
    }

    /// A virtual environment: it, and the installation that its `pyvenv.cfg` names.
    fn see_environment(&mut self, top: &Path) -> Result<(), PortError> {
        if !top.starts_with(self.view) {
            self.see(top, "pyvenv.cfg")?;
        }
        let text = fs::read_to_string(top.join("pyvenv.cfg")).unwrap_or_default();
        let home = text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "home").then(|| PathBuf::from(value.trim()))
        });
        let Some(home) = home.filter(|home| home.is_absolute()) else { return Ok(()) };
        // The base is named by its `bin`: any interpreter in there leads to the installation.
        for name in ["python3", "python"] {
            if home.join(name).exists() {
                let end = self.follow(&home.join(name))?;
                return self.see_installation(&end);
            }
        }
        Ok(())
    }

    /// The installation that an interpreter (without links) belongs to.
    fn see_installation(&mut self, end: &Path) -> Result<(), PortError> {
        if is_system(end) {
            return Ok(());
        }
        let top = end.parent().filter(|folder| folder.ends_with("bin")).and_then(Path::parent);
        let Some(top) = top.filter(|top| has_library(top)) else {
            return Err(refused(end, "does not belong to a Python installation"));
        };
        self.see(top, "lib")
    }

    /// Binds a directory, unless that would show what is a person's own: a repository can put links and a
    /// `pyvenv.cfg` of its choice before us.
    fn see(&mut self, top: &Path, proof: &str) -> Result<(), PortError> {
        let top = fs::canonicalize(top).map_err(|error| PortError::from_io("looking for Python", &error))?;
        let holds_home = self.settings.home.as_ref().is_some_and(|home| home.starts_with(&top));
        if holds_home || top.components().count() < 3 || !top.join(proof).exists() {
            return Err(refused(&top, "holds more than a Python installation"));
        }
        let entry = bind(&top, Access::Read);
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
        Ok(())
    }
}

/// The first component that is a link: its path, where it points, and what comes after it.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf, PathBuf)> {
    let mut so_far = PathBuf::new();
    let mut components = path.components();
    while let Some(component) = components.next() {
        so_far.push(component);
        if let Ok(to) = fs::read_link(&so_far) {
            return Some((so_far, to, components.as_path().to_owned()));
        }
    }
    None
}

/// The path without `.` and `..`. Right only where what comes before has no links, as in [`Search::follow`],
/// which resolves the first link first; a link before a `..` is resolved by then.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => out.push(component),
        }
    }
    out
}

/// The interpreter that the person's shell would start. A shim (a script that chooses a version) is not run:
/// what it would choose is read from the files that it reads.
fn on_path(settings: &Settings, view: &Path, name: &Path) -> Option<PathBuf> {
    settings.search_path.iter().find_map(|folder| {
        let file = folder.join(name);
        if is_machine_code(&file) {
            return Some(file);
        }
        let top = folder.parent().filter(|_| folder.ends_with("shims") && file.is_file())?;
        let versions = [view.join(".python-version"), top.join("version")];
        versions
            .iter()
            .filter_map(|chosen| fs::read_to_string(chosen).ok())
            .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter(|version| !version.contains('/') && version != "..")
            .map(|version| top.join("versions").join(version).join("bin").join(name))
            .find(|file| is_machine_code(file))
    })
}

/// Whether a file begins as a program for this kernel does, and not as a script.
fn is_machine_code(file: &Path) -> bool {
    let mut start = [0_u8; 4];
    let regular = fs::metadata(file).is_ok_and(|kind| kind.is_file());
    regular
        && fs::File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == *b"\x7fELF"
}

/// Whether `top` has a standard library of Python.
fn has_library(top: &Path) -> bool {
    let has = |name: &str| {
        fs::read_dir(top.join(name)).into_iter().flatten().flatten().any(|entry| {
            entry.file_name().to_string_lossy().starts_with("python") && entry.path().join("os.py").is_file()
        })
    };
    has("lib") || has("lib64")
}

fn missing(path: &Path) -> PortError {
    let place = if path.is_absolute() { "" } else { " on PATH" };
    PortError::new(ErrorKind::NotFound, format!("there is no `{}`{place}", path.display()))
        .with_hint("install Python 3, or name one in `--test-command`")
}

fn refused(path: &Path, why: &str) -> PortError {
    PortError::new(ErrorKind::Invalid, format!("the interpreter `{}` {why}", path.display()))
        .with_hint("name an interpreter of a usual installation in `--test-command`")
}

#[cfg(test)]
mod tests;

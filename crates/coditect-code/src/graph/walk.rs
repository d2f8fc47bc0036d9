//! The source files of a directory, and reading those that changed, on every core.
//!
//! Looks as git does: what ignore rules name is passed over, and links are not followed. So are folders of what others
//! wrote or a tool made, and files that no person reads; these are named.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use coditect_types::graph::{FileFacts, Stamp};

use crate::languages::Language;

/// Folders of others' code and of what tools make.
const OTHERS: &[&str] = &[
    "node_modules",
    "vendor",
    "third_party",
    "bower_components",
    "site-packages",
    "target",
    "dist",
    "build",
    "out",
    "__pycache__",
    "venv",
    "env",
    "generated",
    "__generated__",
];
/// Some of these are ordinary names as well: they count only where this file stands beside them, or within.
const ONLY_BESIDE: &[(&str, &[&str])] = &[
    ("target", &["Cargo.toml", "pom.xml", "build.sbt"]),
    (
        "build",
        &["build.gradle", "build.gradle.kts", "package.json", "setup.py", "pyproject.toml", "CMakeLists.txt"],
    ),
    ("dist", &["package.json", "setup.py", "pyproject.toml"]),
    ("out", &["package.json", "build.xml", "build.gradle"]),
    ("env", &["env/pyvenv.cfg"]),
    ("vendor", &["go.mod", "composer.json", "Gemfile", "package.json", "Cargo.toml", "vendor/modules.txt"]),
];
/// Bytes of a file that is read.
const MOST_BYTES: u64 = 2 << 20;
/// Files of a project.
const MOST_FILES: usize = 400_000;
/// Bytes of a line at the mean, above which a file was made by a tool.
const LINE_BYTES: usize = 500;
const MADE_FROM: usize = 50_000;
/// Words in the first lines of files that say that nobody wrote them.
const MADE: &[&str] = &["@generated", "DO NOT EDIT", "Do not edit", "do not edit by hand"];
const HEAD: usize = 400;

/// A source file that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its path below the top, `/` between parts.
    pub path: String,
    /// What tells whether it changed.
    pub stamp: Stamp,
}

/// A file or folder that is not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its path below the top.
    pub path: String,
    /// Why, in a phrase.
    pub why: String,
}

/// What stands in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Source files, by their path.
    pub files: Vec<Standing>,
    /// What was passed over and is worth telling.
    pub passed: Vec<Passed>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub enum Read {
    /// Its content is what it was.
    Same,
    /// What it says now, and the hash of its content.
    Facts {
        /// The first half of its BLAKE3 hash.
        hash: [u8; 16],
        /// What it says.
        facts: Box<FileFacts>,
    },
    /// It is not looked into, and why.
    Passed(String),
}

/// The source files below a directory.
///
/// # Errors
/// Where the directory cannot be read, or holds too many files.
pub fn walk(top: &Path) -> Result<Walk, PortError> {
    walk_most(top, MOST_FILES)
}

/// The same with another limit. Files that are passed over for their size count too: they are looked at and told.
pub(super) fn walk_most(top: &Path, most: usize) -> Result<Walk, PortError> {
    fs::read_dir(top).map_err(|error| PortError::from_io(&format!("`{}`", top.display()), &error))?;
    let found = Mutex::new(Walk::default());
    let seen = AtomicUsize::new(0);
    let passed = std::sync::Arc::new(Mutex::new(Vec::new()));
    let (root, noted) = (top.to_owned(), std::sync::Arc::clone(&passed));
    let mut builder = ignore::WalkBuilder::new(top);
    builder.follow_links(false).require_git(false).threads(threads()).filter_entry(move |entry| {
        let is_others = entry.depth() > 0
            && entry.file_type().is_some_and(|kind| kind.is_dir())
            && is_others(entry.path());
        if is_others {
            let path = below(&root, entry.path()).unwrap_or_default();
            let why = "others' or generated code".to_owned();
            noted.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Passed { path, why });
        }
        !is_others
    });
    builder.build_parallel().run(|| {
        Box::new(|entry| {
            if let Ok(entry) = entry
                && let Some(looked) = look(top, &entry)
            {
                let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match looked {
                    Ok(standing) => found.files.push(standing),
                    Err(passed) => found.passed.push(passed),
                }
                if seen.fetch_add(1, Ordering::Relaxed) >= most {
                    return ignore::WalkState::Quit;
                }
            }
            ignore::WalkState::Continue
        })
    });
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if seen.into_inner() > most {
        let cause = format!("`{}` holds more than {most} source files", top.display());
        return Err(
            PortError::new(ErrorKind::Exhausted, cause).with_hint("name a part of it with `--workspace DIR`")
        );
    }
    found.passed.append(&mut passed.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    found.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.passed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The path below `top`. None: it is not UTF-8, and no symbol of it could be told.
fn below(top: &Path, path: &Path) -> Option<String> {
    path.strip_prefix(top).ok()?.to_str().map(|path| path.replace('\\', "/"))
}

fn is_others(dir: &Path) -> bool {
    let Some(name) = dir.file_name().and_then(|name| name.to_str()).filter(|name| OTHERS.contains(name))
    else {
        return false;
    };
    let beside = ONLY_BESIDE.iter().find(|(folder, _)| *folder == name);
    let above = dir.parent().unwrap_or(dir);
    beside.is_none_or(|(_, files)| files.iter().any(|file| above.join(file).exists()))
}

fn look(top: &Path, entry: &ignore::DirEntry) -> Option<Result<Standing, Passed>> {
    if !entry.file_type()?.is_file() {
        return None;
    }
    let path = below(top, entry.path())?;
    Language::of_path(&path)?;
    let meta = entry.metadata().ok()?;
    if meta.len() > MOST_BYTES {
        let why = format!("{} KiB; files above {} KiB are not read", meta.len() >> 10, MOST_BYTES >> 10);
        return Some(Err(Passed { path, why }));
    }
    Some(Ok(Standing { path, stamp: stamp_of(&meta) }))
}

fn stamp_of(meta: &fs::Metadata) -> Stamp {
    let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
    Stamp {
        size: meta.len(),
        written_ns: ns(meta.mtime(), meta.mtime_nsec()),
        changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Reads files, each with the hash of its content as far as that is known, in their order.
#[must_use]
pub fn read(top: &Path, files: &[(&str, Option<[u8; 16]>)]) -> Vec<Read> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((path, known)) = files.get(at) else { return done };
            done.push((at, read_one(&top.join(path), path, *known)));
        }
    };
    let mut done = if files.len() < 4 {
        work()
    } else {
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads()).map(|_| scope.spawn(work)).collect();
            // A thread that panics has lost what it read; its files count as unreadable.
            handles.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).collect()
        })
    };
    let mut all: Vec<Read> = files.iter().map(|_| Read::Passed("it could not be read".to_owned())).collect();
    done.drain(..).for_each(|(at, read)| all[at] = read);
    all
}

fn read_one(path: &PathBuf, name: &str, known: Option<[u8; 16]>) -> Read {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Read::Passed(format!("it cannot be read ({error})"));
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Read::Passed(format!("files above {} KiB are not read", MOST_BYTES >> 10));
    }
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
    if known == Some(hash) {
        return Read::Same;
    }
    let Ok(text) = std::str::from_utf8(&bytes) else { return Read::Passed("it is not UTF-8".to_owned()) };
    if is_made(text) {
        return Read::Passed("a tool made it".to_owned());
    }
    match super::facts(name, text) {
        Some(facts) => Read::Facts { hash, facts: Box::new(facts) },
        None => Read::Passed("it cannot be parsed".to_owned()),
    }
}

/// True for what a tool wrote: it says so itself, or has lines that nobody writes.
fn is_made(text: &str) -> bool {
    let end = (0..=HEAD.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    // Only where a comment says it: a file may speak of such files.
    let says = text[..end].lines().any(|line| {
        let line = line.trim_start();
        let is_comment = ["//", "#", "/*", "*"].iter().any(|mark| line.starts_with(mark));
        is_comment && MADE.iter().any(|word| line.contains(word))
    });
    says || (text.len() > MADE_FROM
        && text.len() / (text.bytes().filter(|b| *b == b'\n').count() + 1) > LINE_BYTES)
}

//! Go projects: a module, a workspace of modules, or sources below GOPATH, tested by `go test`.
//!
//! How the packages that they import can be had (module cache, `vendor`, GOPATH) is found out by the first build.

use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Failure, Project};

use super::{Look, native};
use crate::python::Listing;

/// Flags of `go test` that change what is built or run and take a value.
const WITH_VALUE: &[&str] = &[
    "run",
    "tags",
    "mod",
    "modfile",
    "vet",
    "ldflags",
    "asmflags",
    "gccgoflags",
    "buildmode",
    "compiler",
    "pkgdir",
];
/// The same without a value.
const ALONE: &[&str] = &["short", "race", "msan", "asan", "trimpath", "linkshared"];
/// Flags that change only how or how often tests run, what is printed, or what is measured beside: they are dropped.
const DROPPED_WITH_VALUE: &[&str] = &[
    "count",
    "timeout",
    "parallel",
    "p",
    "cpu",
    "shuffle",
    "covermode",
    "coverprofile",
    "coverpkg",
    "bench",
    "benchtime",
    "blockprofile",
    "cpuprofile",
    "memprofile",
    "mutexprofile",
    "trace",
    "outputdir",
    "fuzztime",
];
const DROPPED: &[&str] =
    &["v", "x", "json", "cover", "failfast", "fullpath", "benchmem", "a", "work", "buildvcs"];
/// Modules that are named where it is not clear which one is meant.
const MOST_NAMED: usize = 5;

pub(super) fn found(look: &Look<'_>, root: &str) -> Result<Project, Failure> {
    let mut patterns = Vec::new();
    let at = |name: &str| if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
    if look.files.has(&at("go.work")) {
        let uses = used(&look.files.text(&at("go.work")).unwrap_or_default());
        patterns.extend(
            uses.into_iter()
                .filter(|module| look.files.has(&at(&format!("{module}go.mod"))))
                .map(|module| format!("./{module}...")),
        );
    }
    let command = if patterns.is_empty() {
        vec!["go".to_owned(), "test".to_owned(), "./...".to_owned()]
    } else {
        ["go", "test"].map(str::to_owned).into_iter().chain(patterns.iter().cloned()).collect()
    };
    let mut project = project(look, root, command, patterns)?;
    let others = modules_below(look.files, root);
    if !others.is_empty() && !look.files.has(&at("go.work")) {
        let named: Vec<&str> = others.iter().take(MOST_NAMED).map(String::as_str).collect();
        let named = named.join("`, `");
        project.notes.push(format!("modules of their own are not tested: `{named}` (name one with `-C`)"));
    }
    Ok(project)
}

pub(super) fn commanded(look: &Look<'_>, given: &[String]) -> Option<Result<Project, Failure>> {
    let mut words = given.iter().map(String::as_str).peekable();
    let mut targets = Vec::new();
    if words.peek() == Some(&"env") {
        words.next();
    }
    while let Some(word) = words.next_if(|word| word.contains('=') && !word.starts_with('-')) {
        targets.push(word.to_owned());
    }
    words.next().filter(|word| word.rsplit('/').next() == Some("go"))?;
    words.next().filter(|word| *word == "test")?;
    let mut root = look.survey.subdir.to_owned();
    let mut patterns = 0;
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            // Files one by one are no package with a directory of its own.
            if word.ends_with(".go") || word.starts_with('/') || word.contains('@') || word == ".." {
                return None;
            }
            targets.push(word.to_owned());
            patterns += 1;
            continue;
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        if ALONE.contains(&name) {
            targets.push(format!("-{flag}"));
        } else if DROPPED.contains(&name) {
        } else if WITH_VALUE.contains(&name) || DROPPED_WITH_VALUE.contains(&name) || name == "C" {
            let value = value.or_else(|| words.next())?;
            if name == "C" {
                root = joined(&root, value)?;
            } else if WITH_VALUE.contains(&name) {
                targets.push(format!("-{name}={value}"));
            }
        } else {
            // `-skip`, `-fuzz`, `-exec`, `-args`: what then runs is not understood.
            return None;
        }
    }
    if patterns == 0 {
        targets.push(".".to_owned());
    }
    Some(project(look, &root, given.to_vec(), targets))
}

/// True for a project without a module that has tests of Go: sources that are meant to lie below GOPATH.
pub(super) fn is_bare(files: &Listing) -> bool {
    files.files().iter().any(|file| file.ends_with("_test.go"))
}

/// Refuses a directory that holds several modules and is none itself.
pub(super) fn refuse_several(files: &Listing) -> Result<(), Failure> {
    let modules = modules_below(files, "");
    if modules.len() < 2 {
        return Ok(());
    }
    let named: Vec<&str> = modules.iter().take(MOST_NAMED).map(String::as_str).collect();
    let cause = format!("there are {} Go modules here: `{}`", modules.len(), named.join("`, `"));
    Err(Failure::new(ErrorKind::Invalid, cause)
        .with_hint("name the directory of one of them with `-C`, or bring them together in a `go.work`"))
}

/// Directories below a root that have a `go.mod` of their own.
fn modules_below(files: &Listing, root: &str) -> Vec<String> {
    let prefix = if root.is_empty() { String::new() } else { format!("{root}/") };
    let mut found: Vec<String> = files
        .files()
        .iter()
        .filter_map(|file| file.strip_prefix(&prefix)?.strip_suffix("/go.mod"))
        .filter(|folder| !folder.split('/').any(is_left_out))
        .map(str::to_owned)
        .collect();
    found.sort();
    found
}

/// Directories that `./...` leaves out.
fn is_left_out(part: &str) -> bool {
    matches!(part, "vendor" | "testdata") || part.starts_with(['.', '_'])
}

/// The modules that a `go.work` names, each with a `/` at its end (`""`: the directory of the file itself).
fn used(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let module = match line.strip_prefix("use") {
            Some(rest) if rest.trim() == "(" => {
                in_block = true;
                continue;
            }
            Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim(),
            _ if in_block && line == ")" => {
                in_block = false;
                continue;
            }
            _ if in_block && !line.is_empty() => line,
            _ => continue,
        };
        let module = module.trim_matches('"').trim_start_matches("./").trim_matches('/');
        let is_plain = !module.split('/').any(|part| part == "..") && !module.starts_with('/');
        if is_plain {
            found.push(if matches!(module, "" | ".") { String::new() } else { format!("{module}/") });
        }
    }
    found
}

/// A directory below another one; None where it leads out.
fn joined(root: &str, below: &str) -> Option<String> {
    let mut parts: Vec<&str> = root.split('/').filter(|part| !part.is_empty()).collect();
    for part in below.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!below.starts_with('/')).then(|| parts.join("/"))
}

fn project(
    look: &Look<'_>,
    root: &str,
    command: Vec<String>,
    targets: Vec<String>,
) -> Result<Project, Failure> {
    native(look, ("go", "Go"), Framework::GoTest, root, (command, targets))
}

//! Folders of tasks: which there are, and what each asks for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use coditect_types::ErrorKind;
use serde::Deserialize;

use super::tree;
use crate::report::Report;

/// The file that says what a folder asks for.
pub(super) const ABOUT: &str = "TASK.json";
/// Bytes of it at most.
const MOST_BYTES: u64 = 1 << 20;
/// Bytes of a request at most, as for any mission.
const MOST_REQUEST: usize = 64 * 1024;
/// The longest time that one run of the tests may be given, s.
const MOST_TIMEOUT_S: f64 = 86_400.0;

/// A task that can be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// Its name, also that of its solution.
    pub(super) id: String,
    /// The name of its folder.
    pub(super) folder: String,
    /// Its folder.
    pub(super) path: PathBuf,
    /// What is wanted.
    pub(super) request: String,
    /// How its tests are run; None: to be found out.
    pub(super) test_command: Option<Vec<String>>,
    /// Time for one run of its tests, ms; None: as for any mission.
    pub(super) timeout_ms: Option<u64>,
    /// A name for what the folder holds.
    pub(super) content: String,
}

/// A folder that is no task, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// The name of the folder.
    pub(super) folder: String,
    /// The cause.
    pub(super) cause: String,
}

/// What stands in `TASK.json`. Other fields are left alone.
#[derive(Debug, Deserialize)]
struct About {
    id: String,
    request: String,
    #[serde(default)]
    test_command: Option<Vec<String>>,
    #[serde(default)]
    timeout_s: Option<f64>,
}

/// The tasks below `dir` in the order of their folders' names. Files beside them, and folders that begin with a dot,
/// are passed over.
pub(super) fn read(dir: &Path) -> Result<Vec<Result<Task, Bad>>, Report> {
    let doing = || format!("reading the tasks in `{}`", dir.display());
    let unreadable = |error: std::io::Error| {
        Report::new(ErrorKind::Invalid, doing(), error.to_string()).hint("name a directory that you may read")
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') {
            folders.push((name, path));
        }
    }
    if folders.is_empty() || dir.join(ABOUT).exists() {
        let cause = if folders.is_empty() { "it holds no folder" } else { "it is the folder of one task" };
        let hint = format!("name the directory that holds the tasks, each a folder with a file `{ABOUT}`");
        return Err(Report::new(ErrorKind::Invalid, doing(), cause).hint(hint));
    }
    folders.sort();
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let task = |(folder, path): (String, PathBuf)| {
        let bad = |cause| Bad { folder: folder.clone(), cause };
        let task = open(&folder, &path).map_err(bad)?;
        if let Some(first) = owners.get(&task.id) {
            return Err(bad(format!("the folder `{first}` has the id `{}` already", task.id)));
        }
        owners.insert(task.id.clone(), folder.clone());
        Ok(task)
    };
    Ok(folders.into_iter().map(task).collect())
}

/// Reads one folder, or says why it is no task.
fn open(folder: &str, path: &Path) -> Result<Task, String> {
    let about = about(&path.join(ABOUT))?;
    if !is_plain(&about.id) {
        return Err(format!(
            "the id {:?} in `{ABOUT}` is no plain name: one is up to 128 of `A-Za-z0-9._+-` and begins with a \
             letter or digit",
            about.id.chars().take(40).collect::<String>()
        ));
    }
    if about.request.trim().is_empty() || about.request.len() > MOST_REQUEST {
        return Err(format!("the `request` in `{ABOUT}` is empty or longer than 64 KiB"));
    }
    if about.test_command.as_ref().is_some_and(Vec::is_empty) {
        return Err(format!("the `test_command` in `{ABOUT}` has no word"));
    }
    let timeout_ms = match about.timeout_s {
        None => None,
        Some(s) if s > 0.0 && s <= MOST_TIMEOUT_S => {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked a line above"
            )]
            let ms = (s * 1000.0).ceil() as u64;
            Some(ms)
        }
        Some(s) => return Err(format!("the `timeout_s` in `{ABOUT}` is {s}, and no time up to a day")),
    };
    let content = tree::content(path).map_err(|error| format!("the folder cannot be read: {error}"))?;
    Ok(Task {
        id: about.id,
        folder: folder.to_owned(),
        path: path.to_owned(),
        request: about.request,
        test_command: about.test_command,
        timeout_ms,
        content,
    })
}

fn about(file: &Path) -> Result<About, String> {
    let mut bytes = Vec::new();
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("it has no file `{ABOUT}`"));
        }
        Err(error) => return Err(format!("`{ABOUT}` cannot be read: {error}")),
    };
    opened
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("`{ABOUT}` cannot be read: {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("`{ABOUT}` is longer than 1 MiB"));
    }
    serde_json::from_slice(&bytes).map_err(|error| format!("`{ABOUT}` is not what it should be: {error}"))
}

/// A name that is one component of a path on every system, and no flag.
fn is_plain(id: &str) -> bool {
    id.len() <= 128
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c))
}

#[cfg(test)]
mod tests;

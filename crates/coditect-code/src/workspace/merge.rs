//! Merging a change with what stands on the disk, file by file.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use coditect_ports::PortError;

use super::paths::{above, below, make_dir, remove, trouble};
use super::place::Write;
use super::shadow::{Difference, ModeAndBlob, Shadow};

/// What a file should become.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    pub(super) path: Vec<u8>,
    /// Bytes on the disk before; None: no file.
    pub(super) before: Option<Vec<u8>>,
    /// Bytes on the disk afterwards.
    pub(super) after: Option<Vec<u8>>,
    /// It is to be executable.
    pub(super) executable: bool,
}

/// What came of a merge.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Every file of the change.
    pub(super) results: Vec<Merged>,
    /// Those of them that are not yet as they should be.
    pub(super) writes: Vec<Write>,
    /// Files that do not fit.
    pub(super) conflicts: Vec<Vec<u8>>,
}

/// Merges the change from `start` to `end` into the files below `top`. Writes nothing there.
pub(super) fn merge(shadow: &Shadow<'_>, top: &Path, start: &str, end: &str) -> Result<Outcome, PortError> {
    let mut outcome = Outcome::default();
    for difference in shadow.differences(start, end)? {
        let Some(now) = on_disk(top, &difference.path)? else {
            outcome.conflicts.push(difference.path);
            continue;
        };
        let old = content(shadow, difference.old.as_ref())?;
        let new = content(shadow, difference.new.as_ref())?;
        let after = if now.bytes == old || now.bytes == new {
            new
        } else {
            match (&now.bytes, old, new) {
                (Some(now), Some(old), Some(new)) => match three_way(shadow, now, &old, &new)? {
                    Some(bytes) => Some(bytes),
                    None => {
                        outcome.conflicts.push(difference.path);
                        continue;
                    }
                },
                _ => {
                    outcome.conflicts.push(difference.path);
                    continue;
                }
            }
        };
        let executable = mode_after(&difference, now.executable);
        if after != now.bytes || (after.is_some() && executable != now.executable) {
            outcome.writes.push(Write {
                path: difference.path.clone(),
                before: now.bytes.clone(),
                after: after.clone(),
                mode: with_execution(now.mode, executable),
            });
        }
        outcome.results.push(Merged { path: difference.path, before: now.bytes, after, executable });
    }
    Ok(outcome)
}

/// A change of mode is taken over; otherwise the file keeps the one it has.
fn mode_after(difference: &Difference, now: bool) -> bool {
    let executable = |side: &Option<ModeAndBlob>| side.as_ref().map(|(mode, _)| mode == "100755");
    match (executable(&difference.old), executable(&difference.new)) {
        (Some(old), Some(new)) if old == new => now,
        (_, new) => new.unwrap_or(now),
    }
}

/// Whoever may read may execute, or nobody may.
fn with_execution(mode: Option<u32>, executable: bool) -> Option<u32> {
    match (mode, executable) {
        (None, false) => None,
        (None, true) => Some(0o755),
        (Some(mode), true) => Some(mode | ((mode & 0o444) >> 2)),
        (Some(mode), false) => Some(mode & !0o111),
    }
}

fn content(shadow: &Shadow<'_>, side: Option<&ModeAndBlob>) -> Result<Option<Vec<u8>>, PortError> {
    side.map(|(_, oid)| shadow.blob(oid)).transpose()
}

/// What is on the disk at a path.
struct OnDisk {
    bytes: Option<Vec<u8>>,
    mode: Option<u32>,
    executable: bool,
}

/// None where there is something that no change may touch: a link, a directory, or a way through a link.
fn on_disk(top: &Path, path: &[u8]) -> Result<Option<OnDisk>, PortError> {
    for dir in above(path) {
        match fs::symlink_metadata(below(top, dir)) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Ok(None),
            Err(_) => break,
        }
    }
    let file = below(top, path);
    match fs::symlink_metadata(&file) {
        Ok(meta) if meta.is_file() => {
            let bytes = fs::read(&file).map_err(|error| trouble("read", &file, &error))?;
            let mode = meta.permissions().mode() & 0o7777;
            Ok(Some(OnDisk { bytes: Some(bytes), mode: Some(mode), executable: mode & 0o100 != 0 }))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Some(OnDisk { bytes: None, mode: None, executable: false }))
        }
        Err(error) => Err(trouble("look at", &file, &error)),
    }
}

/// Git's own line merge; None on conflict or where the content is binary.
pub(super) fn three_way(
    shadow: &Shadow<'_>,
    now: &[u8],
    old: &[u8],
    new: &[u8],
) -> Result<Option<Vec<u8>>, PortError> {
    let dir = shadow.path("merge");
    make_dir(&dir)?;
    for (name, bytes) in [("now", now), ("old", old), ("new", new)] {
        let file = dir.join(name);
        fs::write(&file, bytes).map_err(|error| trouble("write", &file, &error))?;
    }
    let call = shadow.git().call(&dir).git_dir(&shadow.repo());
    let answer = call.args(["merge-file", "-p", "-q", "now", "old", "new"]).answer()?;
    remove(&dir)?;
    Ok((answer.code == Some(0)).then_some(answer.stdout))
}

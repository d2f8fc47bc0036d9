//! What is recorded of tasks that have ended: a file of rows beside the solutions.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::folder::Task;
use super::row::Row;
use crate::report::{Doing, Report};

/// The file's name.
const NAME: &str = ".results.jsonl";

/// The rows of a directory of solutions. One process at a time has it.
#[derive(Debug)]
pub(super) struct Results {
    file: File,
    dir: PathBuf,
    /// The newest row of each task.
    known: BTreeMap<String, Row>,
}

impl Results {
    /// Opens the rows in `dir`, and makes both if need be. Refuses a directory that holds anything else, since
    /// solutions replace what has their name.
    pub(super) fn open(dir: &Path) -> Result<Self, Report> {
        let doing = "opening the directory of solutions";
        let failed = |error: io::Error| {
            let error = PortError::from_io(&format!("`{}`", dir.display()), &error);
            Report::from(error.with_hint("name a directory that you may write with `--out`"))
        };
        fs::create_dir_all(dir).map_err(failed).doing(doing)?;
        let path = dir.join(NAME);
        let is_empty = fs::read_dir(dir).map_err(failed).doing(doing)?.next().is_none();
        if !is_empty && !path.exists() {
            let cause = format!("`{}` holds other files, and no `{NAME}`", dir.display());
            return Err(Report::new(ErrorKind::Invalid, doing, cause)
                .hint("name a new or empty directory with `--out`, or that of an earlier run"));
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path).map_err(failed).doing(doing)?;
        if file.try_lock().is_err() {
            let cause = format!("another process works on `{}`", dir.display());
            return Err(Report::new(ErrorKind::Conflict, doing, cause)
                .hint("wait for it, or name another directory with `--out`"));
        }
        let mut results = Self { file, dir: dir.to_owned(), known: BTreeMap::new() };
        results.load().map_err(failed).doing(doing)?;
        Ok(results)
    }

    /// Reads the rows. What is no row (a last line that a kill cut off) is passed over: that task is done again.
    fn load(&mut self) -> io::Result<()> {
        let mut whole = true;
        for line in BufReader::new(&self.file).split(b'\n') {
            let line = line?;
            if let Ok(row) = serde_json::from_slice::<Row>(&line) {
                self.known.insert(row.id.clone(), row);
            }
        }
        if self.file.seek(SeekFrom::End(0))? > 0 {
            let mut last = [0];
            self.file.seek(SeekFrom::End(-1))?;
            io::Read::read_exact(&mut self.file, &mut last)?;
            whole = last == *b"\n";
        }
        if whole { Ok(()) } else { self.file.write_all(b"\n") }
    }

    /// The recorded row of a task that has not changed since, and whose solution is still there.
    pub(super) fn of(&self, task: &Task) -> Option<Row> {
        let row = self.known.get(&task.id).filter(|row| row.content == task.content)?;
        // What could not be begun is tried again, and so is what broke.
        let ended = row.mission_status.is_some() && self.solution(&task.id).is_dir();
        ended.then(|| Row { resumed: true, ..row.clone() })
    }

    /// Where a task's solution goes.
    pub(super) fn solution(&self, id: &str) -> PathBuf {
        self.dir.join(id)
    }

    /// Keeps a row; it is on disk when this returns.
    pub(super) fn keep(&mut self, row: &Row) -> Result<(), Report> {
        let failed = |error: io::Error| PortError::from_io(&format!("`{NAME}`"), &error);
        let mut line =
            serde_json::to_vec(row).map_err(|error| failed(error.into())).doing("keeping a row")?;
        line.push(b'\n');
        let kept = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        kept.map_err(failed).doing("keeping a row")
    }
}

#[cfg(test)]
mod tests;

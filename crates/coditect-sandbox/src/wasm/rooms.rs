//! Small directories of guests: made once, and kept for as long as no guest leaves a trace in them.
//!
//! Making and removing a directory costs a file system some hundred microseconds, and most runs write nothing.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

/// Directories that are kept while nobody uses them.
const IDLE: usize = 16;

/// Directories of one kind.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    prefix: &'static str,
    /// The name of an empty file in each, if there is one.
    file: Option<&'static str>,
    idle: Arc<Mutex<Vec<Room>>>,
}

#[derive(Debug)]
struct Room {
    directory: TempDir,
    at_first: Traces,
}

/// What changes when somebody writes.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    directory: Stamp,
    file: Option<Stamp>,
    entries: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    /// Seconds and nanoseconds of the last change, which no program can set.
    changed: (i64, i64),
    mode: u32,
    size: u64,
}

/// A directory while a guest has it.
#[derive(Debug)]
pub(super) struct Lent {
    room: Option<Room>,
    rooms: Rooms,
}

impl Rooms {
    pub(super) fn new(prefix: &'static str, file: Option<&'static str>) -> Self {
        Self { prefix, file, idle: Arc::default() }
    }

    /// An empty directory, for one guest alone.
    pub(super) fn lend(&self) -> io::Result<Lent> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let room = match kept.filter(|room| self.untouched(room)) {
            Some(room) => room,
            None => self.room()?,
        };
        Ok(Lent { room: Some(room), rooms: self.clone() })
    }

    fn room(&self) -> io::Result<Room> {
        let directory = tempfile::Builder::new().prefix(self.prefix).tempdir()?;
        if let Some(name) = self.file {
            std::fs::File::create(directory.path().join(name))?;
        }
        let at_first = self.traces(directory.path())?;
        Ok(Room { directory, at_first })
    }

    fn untouched(&self, room: &Room) -> bool {
        self.traces(room.directory.path()).is_ok_and(|now| now == room.at_first)
    }

    fn traces(&self, directory: &Path) -> io::Result<Traces> {
        let file = self.file.map(|name| std::fs::symlink_metadata(directory.join(name))).transpose()?;
        Ok(Traces {
            // A change within the same tick of the clock may leave this as it was, hence the count of entries.
            directory: Stamp::of(&std::fs::symlink_metadata(directory)?),
            file: file.as_ref().map(Stamp::of),
            entries: std::fs::read_dir(directory)?.take(2).count(),
        })
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.mode(),
            size: metadata.size(),
        }
    }
}

impl Lent {
    pub(super) fn path(&self) -> &Path {
        // Only `drop` takes it out.
        self.room.as_ref().map_or(Path::new(""), |room| room.directory.path())
    }
}

impl Lent {
    /// Removes what was put in it, but for the file that belongs there.
    pub(super) fn clear(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(self.path())? {
            let entry = entry?;
            if self.rooms.file.is_some_and(|name| entry.file_name() == name) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether nothing was done in it since it was lent.
    pub(super) fn untouched(&self) -> bool {
        self.room.as_ref().is_some_and(|room| self.rooms.untouched(room))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(room) = self.room.take() else { return };
        if !self.rooms.untouched(&room) {
            return;
        }
        let mut idle = self.rooms.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_kept_while_nothing_was_done_in_it() {
        let rooms = Rooms::new("coditect-test-", Some("null"));
        let first = rooms.lend().unwrap().path().to_owned();
        assert_eq!(std::fs::read(first.join("null")).unwrap(), b"");
        let again = rooms.lend().unwrap();
        assert_eq!(again.path(), first);
        assert_ne!(rooms.lend().unwrap().path(), first);
        drop(again);
        drop(rooms);
        assert!(!first.exists());
    }

    #[test]
    fn a_directory_can_be_cleared() {
        let rooms = Rooms::new("coditect-test-", Some("null"));
        let lent = rooms.lend().unwrap();
        std::fs::create_dir_all(lent.path().join("a/b")).unwrap();
        std::fs::write(lent.path().join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("/", lent.path().join("root")).unwrap();
        lent.clear().unwrap();
        assert_eq!(std::fs::read_dir(lent.path()).unwrap().count(), 1);
        assert!(lent.path().join("null").exists() && !lent.untouched());
    }

    #[test]
    fn whatever_is_done_in_it_ends_it() {
        type Deed = fn(&Path) -> io::Result<()>;
        let deeds: [Deed; 5] = [
            |room| std::fs::write(room.join("new"), ""),
            |room| std::fs::write(room.join("null"), "x"),
            |room| std::fs::remove_file(room.join("null")),
            |room| std::fs::create_dir(room.join("new")),
            |room| std::os::unix::fs::symlink("/", room.join("new")),
        ];
        for (number, deed) in deeds.into_iter().enumerate() {
            let rooms = Rooms::new("coditect-test-", Some("null"));
            let lent = rooms.lend().unwrap();
            let path = lent.path().to_owned();
            deed(&path).unwrap();
            drop(lent);
            assert!(!path.exists(), "deed {number}");
            assert_eq!(std::fs::read_dir(rooms.lend().unwrap().path()).unwrap().count(), 1);
        }
    }
}

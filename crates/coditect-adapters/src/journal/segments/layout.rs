//! Where things are in the journal's directory.
//!
//! ```text
//! journal/
//!   lanes/0000/lock               held by the process that writes to this lane
//!   lanes/0000/00000001.seg       frames
//!   lanes/0000/00000001.idx       where each stream's frames are; can always be made again
//!   lanes/0000/00000001-8192.torn what was cut off a segment's end, from this offset on
//!   leases/m-….lock               held by the process that may write to this stream
//!   saved/m-….snap                the stream's snapshot
//!   forgetting/m-…                the stream is being removed
//!   forgotten                     one byte for each removal, so that other processes look again
//! ```

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use coditect_types::MissionId;

use super::format::SegmentKey;

/// Paths below the journal's directory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    top: PathBuf,
}

impl Layout {
    pub(super) fn new(top: &Path) -> Self {
        Self { top: top.to_owned() }
    }

    /// Makes the directories. They are their owner's alone: requests and diffs are in the records.
    pub(super) fn create(&self) -> io::Result<()> {
        let new = !self.top.exists();
        for dir in [self.lanes(), self.leases(), self.saved(), self.forgetting()] {
            make_dir(&dir)?;
        }
        match self.top.parent().filter(|_| new) {
            Some(home) if !home.as_os_str().is_empty() => sync_dir(home)?,
            Some(_) | None => {}
        }
        sync_dir(&self.top)
    }

    pub(super) fn lanes(&self) -> PathBuf {
        self.top.join("lanes")
    }

    fn leases(&self) -> PathBuf {
        self.top.join("leases")
    }

    fn saved(&self) -> PathBuf {
        self.top.join("saved")
    }

    pub(super) fn forgetting(&self) -> PathBuf {
        self.top.join("forgetting")
    }

    pub(super) fn lane(&self, lane: u32) -> PathBuf {
        self.lanes().join(format!("{lane:04}"))
    }

    pub(super) fn lane_lock(&self, lane: u32) -> PathBuf {
        self.lane(lane).join("lock")
    }

    pub(super) fn segment(&self, key: SegmentKey) -> PathBuf {
        self.lane(key.lane).join(format!("{:08}.seg", key.number))
    }

    pub(super) fn sidecar(&self, key: SegmentKey) -> PathBuf {
        self.lane(key.lane).join(format!("{:08}.idx", key.number))
    }

    pub(super) fn torn(&self, key: SegmentKey, offset: u64) -> PathBuf {
        self.lane(key.lane).join(format!("{:08}-{offset}.torn", key.number))
    }

    pub(super) fn lease(&self, stream: &MissionId) -> PathBuf {
        self.leases().join(format!("{stream}.lock"))
    }

    pub(super) fn snapshot(&self, stream: &MissionId) -> PathBuf {
        self.saved().join(format!("{stream}.snap"))
    }

    pub(super) fn snapshot_draft(&self, stream: &MissionId) -> PathBuf {
        self.saved().join(format!("{stream}.draft"))
    }

    pub(super) fn forgotten(&self) -> PathBuf {
        self.top.join("forgotten")
    }

    /// How many streams were removed, ever.
    pub(super) fn forgotten_count(&self) -> io::Result<u64> {
        match std::fs::metadata(self.forgotten()) {
            Ok(file) => Ok(file.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    pub(super) fn tombstone(&self, stream: &MissionId) -> PathBuf {
        self.forgetting().join(stream.as_str())
    }

    /// The lanes there are, in order.
    pub(super) fn lane_numbers(&self) -> io::Result<Vec<u32>> {
        numbers(&self.lanes(), |name| name.parse().ok())
    }

    /// The segments of a lane, in order.
    pub(super) fn segment_numbers(&self, lane: u32) -> io::Result<Vec<u32>> {
        numbers(&self.lane(lane), |name| name.strip_suffix(".seg")?.parse().ok())
    }

    /// The streams that are being removed.
    pub(super) fn tombstones(&self) -> io::Result<Vec<MissionId>> {
        numbers(&self.forgetting(), |name| MissionId::parse(name).ok())
    }

    /// The cut-off ends that a lane keeps.
    pub(super) fn torn_files(&self, lane: u32) -> io::Result<Vec<PathBuf>> {
        let dir = self.lane(lane);
        numbers(&dir, |name| name.ends_with(".torn").then(|| dir.join(name)))
    }
}

/// What `parse` makes of the names in a directory, sorted. A directory that does not exist has none.
fn numbers<T: Ord>(dir: &Path, parse: impl Fn(&str) -> Option<T>) -> io::Result<Vec<T>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        found.extend(entry?.file_name().to_str().and_then(&parse));
    }
    found.sort();
    Ok(found)
}

/// Makes a directory and those above it, for the owner alone.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

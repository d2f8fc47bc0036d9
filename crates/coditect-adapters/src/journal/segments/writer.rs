//! The one writer of a lane: its newest segment.
//!
//! On ext4 an fdatasync after a write that makes the file longer waits for the file system's journal (4 ms where
//! this was measured), and one into bytes that are there already does not (0.1 ms). So small commits write zeros
//! ahead of themselves once in a while, and large ones reserve space ahead. Zeros after the last frame are part
//! of the format.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use nix::fcntl::{FallocateFlags, fallocate};

use super::format::{DATA_START, SegmentHead, SegmentKey};
use super::layout::{Layout, sync_dir};

/// Commits smaller than this write zeros ahead.
const SMALL: usize = 128 << 10;
/// Zeros that a small commit writes ahead when it reaches the end of the file.
const ZEROS: usize = 1 << 20;
/// Space that a large commit reserves ahead.
const RESERVE: u64 = 16 << 20;

/// How bytes are made durable; replaced where a test wants a disk that fails.
pub(super) type Sync = fn(&File) -> io::Result<()>;

/// Why a commit was not done.
#[derive(Debug)]
pub(super) struct NotDone {
    pub(super) error: io::Error,
    /// It may have been kept after all: the bytes could not be taken back.
    pub(super) unknown: bool,
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) key: SegmentKey,
    pub(super) salt: u64,
    /// Where the next frame goes. Everything below it is durable.
    pub(super) end: u64,
    file: File,
    /// The length of the file, zeros and reserved space included.
    len: u64,
    /// An fsync failed here: what the disk holds near the end is not known, so nothing more is added.
    failed: bool,
}

#[derive(Debug)]
pub(super) struct Writer {
    layout: Layout,
    lane: u32,
    next_number: u32,
    segment_bytes: u64,
    sync: Sync,
    pub(super) active: Option<Active>,
}

impl Writer {
    /// A writer that goes on after `last`, the lane's newest segment.
    pub(super) fn new(
        layout: Layout,
        lane: u32,
        last: Option<Active>,
        newest: u32,
        segment_bytes: u64,
        sync: Sync,
    ) -> Self {
        Self { layout, lane, next_number: newest + 1, segment_bytes, sync, active: last }
    }

    /// Whether `len` more bytes need a new segment.
    pub(super) fn must_roll(&self, len: usize) -> bool {
        self.active.as_ref().is_none_or(|active| {
            active.failed
                || (active.end > DATA_START && active.end + len as u64 > self.segment_bytes.max(DATA_START))
        })
    }

    /// Begins a new segment.
    pub(super) fn roll(&mut self) -> io::Result<&Active> {
        let key = SegmentKey { lane: self.lane, number: self.next_number };
        let salt = RandomState::new().hash_one((std::process::id(), key));
        let path = self.layout.segment(key);
        let draft = path.with_extension("seg-draft");
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let mut page = SegmentHead { key, salt }.page();
        page.resize(DATA_START as usize + ZEROS, 0);
        if let Err(full) = file.write_all_at(&page, 0) {
            // There may be room without the zeros.
            tracing::debug!(error = %full, "no room to write ahead");
            file.set_len(0)?;
            page.truncate(DATA_START as usize);
            file.write_all_at(&page, 0)?;
        }
        file.sync_all()?;
        // Under its own name only when it is whole: readers never see half a head.
        std::fs::rename(&draft, &path)?;
        sync_dir(&self.layout.lane(self.lane))?;
        self.next_number += 1;
        let len = page.len() as u64;
        Ok(self.active.insert(Active { key, salt, end: DATA_START, file, len, failed: false }))
    }

    /// Makes frames durable at the end of the active segment. They were made for that very place.
    pub(super) fn commit(&mut self, frames: &mut Vec<u8>) -> Result<(), NotDone> {
        let sync = self.sync;
        let Some(active) = self.active.as_mut() else {
            return Err(NotDone { error: io::Error::other("no segment is open"), unknown: false });
        };
        let len = frames.len();
        if let Err(error) = active.write(frames) {
            return Err(active.take_back(error, sync));
        }
        if let Err(error) = sync(&active.file) {
            active.failed = true;
            return Err(active.take_back(error, sync));
        }
        active.end += len as u64;
        Ok(())
    }

    /// Gives the space after the last frame back.
    pub(super) fn trim(&mut self) -> io::Result<()> {
        match self.active.as_mut() {
            Some(active) if active.len > active.end => active.set_len(active.end),
            Some(_) | None => Ok(()),
        }
    }
}

impl Active {
    /// An existing segment, to go on writing at `end`.
    pub(super) fn reopen(layout: &Layout, key: SegmentKey, salt: u64, end: u64) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(layout.segment(key))?;
        let len = file.metadata()?.len();
        Ok(Self { key, salt, end, file, len, failed: false })
    }

    fn write(&mut self, frames: &mut Vec<u8>) -> io::Result<()> {
        let len = frames.len();
        let end = self.end + len as u64;
        if end > self.len && len < SMALL {
            frames.resize(len + ZEROS, 0);
            let ahead = self.file.write_all_at(frames, self.end);
            frames.truncate(len);
            if ahead.is_ok() {
                self.len = end + ZEROS as u64;
                return Ok(());
            }
        } else if end > self.len {
            let (from, room) = (self.len as i64, (end - self.len + RESERVE) as i64);
            // Where the file system cannot reserve, or the disk is nearly full, the write itself will tell.
            if fallocate(&self.file, FallocateFlags::empty(), from, room).is_ok() {
                self.len += room as u64;
            }
        }
        self.file.write_all_at(frames, self.end)?;
        self.len = self.len.max(end);
        Ok(())
    }

    /// Removes what a commit that failed may have written, durably, so that it cannot come back.
    fn take_back(&mut self, error: io::Error, sync: Sync) -> NotDone {
        let undone = self.set_len(self.end).and_then(|()| sync(&self.file));
        if undone.is_err() {
            self.failed = true;
        }
        NotDone { error, unknown: undone.is_err() }
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.len = len;
        Ok(())
    }

    /// Cuts everything from the end on, and makes what stays durable once more: whoever wrote the last commit may
    /// have died before its fsync, and a page that failed to be written is not tried again by a later fsync.
    pub(super) fn settle(&mut self, unsure_from: u64) -> io::Result<()> {
        self.set_len(self.end)?;
        let from = unsure_from.clamp(DATA_START, self.end);
        let mut bytes = vec![0; (self.end - from) as usize];
        self.file.read_exact_at(&mut bytes, from)?;
        self.file.write_all_at(&bytes, from)?;
        self.file.sync_all()
    }

    /// Adds frames at the end, when a lane is recovered.
    pub(super) fn add(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_all_at(frames, self.end)?;
        self.file.sync_all()?;
        self.end += frames.len() as u64;
        self.len = self.len.max(self.end);
        Ok(())
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self, from: u64, until: u64) -> io::Result<Vec<u8>> {
        let until = until.min(self.file.metadata()?.len()).max(from);
        let mut bytes = vec![0; (until - from) as usize];
        self.file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    }
}

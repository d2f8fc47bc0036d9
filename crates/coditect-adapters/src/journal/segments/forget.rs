//! Removing a stream for good: afterwards the bytes of its records are in no file.
//!
//! Frames are erased where they stand. One byte of the head says so, which no crash can tear; then the body is
//! zeroed and its blocks are given back. Nothing moves, so nothing else is at risk. A tombstone file makes it one
//! step: from the moment it is durable the stream is gone, and whoever opens the journal after a crash finishes
//! the work. A finished segment without any record left is removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use coditect_ports::{AppendError, PortError};
use coditect_types::{ErrorKind, MissionId};
use nix::fcntl::{FallocateFlags, fallocate};

use super::checkpoint::checkpoint;
use super::format::{DATA_START, ERASED, FRAME_HEAD_MAX, FrameHead, STATE_AT, SegmentKey};
use super::index::Index;
use super::layout::{Layout, sync_dir};
use super::lease::lock_stream;
use super::load::{refresh, rescan};
use super::lock::{LockFile, Locking, name_of};
use super::window::Window;
use super::{Shared, lock_lane, read, saved};

/// Removes a stream, its snapshot, and what was cut off of it.
pub(super) fn forget(shared: &Shared, stream: &MissionId) -> Result<(), PortError> {
    if shared.lane.is_none() {
        return Err(PortError::new(ErrorKind::Denied, "the journal was opened for reading only"));
    }
    shared.leases.release(stream);
    let lock = lock_stream(shared, stream).map_err(|error| match error {
        AppendError::Held(error) | AppendError::NotKept(error) | AppendError::Unknown(error) => error,
        AppendError::Conflict { .. } => PortError::new(ErrorKind::Conflict, error.to_string()),
    })?;
    let mut index = shared.index();
    refresh(&shared.layout, &mut index, shared.own_lane())?;
    let frames = frames_of(&shared.layout, &mut index, stream)?;
    let lanes: BTreeSet<u32> = frames.keys().map(|key| key.lane).collect();
    let locks = lock_lanes(shared, stream, &lanes)?;
    erase(&shared.layout, &mut index, stream, &frames)
        .map_err(|error| PortError::from_io(&format!("removing `{stream}` from the journal"), &error))?;
    drop((locks, lock));
    Ok(())
}

/// Finishes what a process that died was removing. What cannot be finished now stays hidden and is tried again.
pub(super) fn finish(shared: &Shared) {
    let leaving = shared.layout.tombstones().unwrap_or_default();
    for stream in leaving {
        if let Err(error) = forget(shared, &stream) {
            tracing::debug!(%stream, %error, "still to be removed");
        }
    }
}

/// Where the stream's frames are, damaged ones included.
fn frames_of(
    layout: &Layout,
    index: &mut Index,
    stream: &MissionId,
) -> Result<BTreeMap<SegmentKey, Vec<u64>>, PortError> {
    let parts = index.streams.get(stream).map(|known| known.parts.clone()).unwrap_or_default();
    for part in &parts {
        if read::frames_of(layout, part).is_none() {
            rescan(layout, index, part.segment)?;
        }
    }
    let mut frames: BTreeMap<SegmentKey, Vec<u64>> = BTreeMap::new();
    let Some(known) = index.streams.get(stream) else {
        return Ok(frames);
    };
    for part in &known.parts {
        let list = read::frames_of(layout, part).unwrap_or_default();
        let offsets = list.iter().map(|frame| u64::from(frame.offset));
        frames.entry(part.segment).or_default().extend(offsets);
    }
    for (segment, damage) in &known.damage {
        frames.entry(*segment).or_default().push(damage.offset);
    }
    Ok(frames)
}

/// Holds the other lanes that have records of the stream, so that no process writes an index that names them.
fn lock_lanes(
    shared: &Shared,
    stream: &MissionId,
    lanes: &BTreeSet<u32>,
) -> Result<Vec<LockFile>, PortError> {
    let mut locks = Vec::new();
    for lane in lanes.iter().filter(|lane| Some(**lane) != shared.own_lane()) {
        match lock_lane(&shared.layout, *lane)? {
            Locking::Taken(lock) => locks.push(lock),
            Locking::HeldBy(holder) => {
                let holder = name_of(holder);
                let text =
                    format!("records of `{stream}` are in lane {lane} of the journal, held by {holder}");
                return Err(PortError::new(ErrorKind::Conflict, text)
                    .with_hint("try again when that process has ended"));
            }
        }
    }
    Ok(locks)
}

fn erase(
    layout: &Layout,
    index: &mut Index,
    stream: &MissionId,
    frames: &BTreeMap<SegmentKey, Vec<u64>>,
) -> io::Result<()> {
    let tombstone = layout.tombstone(stream);
    File::create(&tombstone)?.sync_all()?;
    sync_dir(&layout.forgetting())?;
    saved::remove(layout, stream)?;
    remove_torn(layout, stream)?;
    for (key, offsets) in frames {
        let salt = index.segments.get(key).map_or(0, |segment| segment.salt);
        erase_frames(&layout.segment(*key), salt, stream, offsets)?;
    }
    index.streams.remove(stream);
    for key in frames.keys() {
        tidy(layout, index, stream, *key)?;
    }
    for lane in frames.keys().map(|key| key.lane).collect::<BTreeSet<u32>>() {
        sync_dir(&layout.lane(lane))?;
    }
    // Before the tombstone goes, so that no process takes what it knew for what is there.
    OpenOptions::new().append(true).create(true).mode(0o600).open(layout.forgotten())?.write_all(b".")?;
    std::fs::remove_file(&tombstone)?;
    sync_dir(&layout.forgetting())
}

/// Erases frames: first all the marks, then the bytes.
fn erase_frames(path: &Path, salt: u64, stream: &MissionId, offsets: &[u64]) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut window = Window::with_chunk(&file, 0);
    let mut bodies = Vec::new();
    for offset in offsets {
        let head = FrameHead::parse(window.get(*offset, FRAME_HEAD_MAX)?, salt, *offset);
        if let Some(head) = head.filter(|head| head.stream == *stream) {
            file.write_all_at(&[ERASED], offset + STATE_AT)?;
            bodies.push((offset + head.len() as u64, u64::from(head.body_len)));
        }
    }
    file.sync_data()?;
    for (start, len) in bodies.into_iter().filter(|(_, len)| *len > 0) {
        let punch = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        if fallocate(&file, punch, start as i64, len as i64).is_err() {
            file.write_all_at(&vec![0; len as usize], start)?;
        }
    }
    file.sync_all()
}

/// Brings a segment's sidecar up to date, or removes the segment where nothing is left in it.
fn tidy(layout: &Layout, index: &mut Index, stream: &MissionId, key: SegmentKey) -> io::Result<()> {
    let Some(segment) = index.segments.get_mut(&key) else {
        return Ok(());
    };
    segment.damage.retain(|damage| damage.records.as_ref().is_none_or(|(owner, _, _)| owner != stream));
    let empty = segment.sealed && segment.damage.is_empty() && index.parts_in(key).next().is_none();
    let sidecar = layout.sidecar(key);
    if empty {
        std::fs::remove_file(layout.segment(key))?;
        index.drop_segment(key);
        return if sidecar.exists() { std::fs::remove_file(sidecar) } else { Ok(()) };
    }
    if sidecar.exists() && checkpoint(layout, index, key).is_err() {
        // No room for a new one, perhaps: the segment itself is read instead from now on.
        std::fs::remove_file(sidecar)?;
        rescan(layout, index, key).map_err(|error| io::Error::other(error.cause))?;
        if let Some(segment) = index.segments.get_mut(&key) {
            segment.covered = DATA_START;
        }
    }
    Ok(())
}

/// Removes cut-off ends that name the stream.
fn remove_torn(layout: &Layout, stream: &MissionId) -> io::Result<()> {
    let name = stream.as_str().as_bytes();
    for lane in layout.lane_numbers()? {
        for path in layout.torn_files(lane)? {
            let bytes = std::fs::read(&path)?;
            if bytes.windows(name.len()).any(|part| part == name) {
                std::fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}

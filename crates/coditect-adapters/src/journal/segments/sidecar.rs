//! Sidecar files: where each stream's frames are in a segment, so that opening a big journal does not read it.
//!
//! A sidecar is a shortcut. It is under checksums, bound to its segment by the salt, and left out of account
//! where anything about it is odd: then the segment itself is read. It covers the segment up to an offset; what
//! was added later is read from there on.
//!
//! Format 1: `CODITIX\n`, version (4 bytes), crc32 of bytes 16 to the table's end (4), salt (8), covered (8),
//! length of the table (4), streams (4), the table, the lists. A table entry: length of the name (1), name, first
//! number (8), last number (8), frames (4), offset of its list (4), crc32 of its list (4). A list: per frame first
//! number (8), records (4), offset (4), length (4).

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use coditect_types::MissionId;

use super::format::{BODY_MAX, FRAME_HEAD_MAX, SegmentKey, u32_at, u64_at};
use super::index::{List, ListAt, Part};
use super::scan::FrameRef;

const MAGIC: [u8; 8] = *b"CODITIX\n";
const VERSION: u32 = 1;
const FIXED: usize = 40;
const PER_FRAME: usize = 20;

/// Frames of one stream that go into a sidecar file.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) stream: MissionId,
    pub(super) frames: Arc<Vec<FrameRef>>,
}

/// What a sidecar file says.
#[derive(Debug)]
pub(super) struct Sidecar {
    pub(super) covered: u64,
    pub(super) parts: Vec<(MissionId, Part)>,
}

/// Writes the file in one step. Gives where each list is, in the order of `listed`.
pub(super) fn write(path: &Path, salt: u64, covered: u64, listed: &[Listed]) -> io::Result<Vec<ListAt>> {
    let table_len: usize = listed.iter().map(|entry| 29 + entry.stream.as_str().len()).sum();
    let mut bytes = Vec::with_capacity(FIXED + table_len);
    let mut lists = Vec::new();
    let mut places = Vec::with_capacity(listed.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&salt.to_le_bytes());
    bytes.extend_from_slice(&covered.to_le_bytes());
    bytes.extend_from_slice(&(table_len as u32).to_le_bytes());
    bytes.extend_from_slice(&(listed.len() as u32).to_le_bytes());
    for Listed { stream, frames } in listed {
        let start = lists.len();
        for frame in frames.iter() {
            write_frame(frame, &mut lists);
        }
        let place = ListAt {
            at: (FIXED + table_len + start) as u32,
            frames: frames.len() as u32,
            check: crc32fast::hash(&lists[start..]),
        };
        bytes.push(stream.as_str().len() as u8);
        bytes.extend_from_slice(stream.as_str().as_bytes());
        bytes.extend_from_slice(&frames.first().map_or(0, |frame| frame.first).to_le_bytes());
        bytes.extend_from_slice(&frames.last().map_or(0, FrameRef::last).to_le_bytes());
        bytes.extend_from_slice(&place.frames.to_le_bytes());
        bytes.extend_from_slice(&place.at.to_le_bytes());
        bytes.extend_from_slice(&place.check.to_le_bytes());
        places.push(place);
    }
    let check = crc32fast::hash(&bytes[16..]);
    bytes[12..16].copy_from_slice(&check.to_le_bytes());
    let draft = path.with_extension("idx-draft");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&bytes)?;
    file.write_all(&lists)?;
    // No fsync: a sidecar that did not reach the disk fails its checks and is made again.
    std::fs::rename(&draft, path)?;
    Ok(places)
}

fn write_frame(frame: &FrameRef, out: &mut Vec<u8>) {
    out.extend_from_slice(&frame.first.to_le_bytes());
    out.extend_from_slice(&frame.count.to_le_bytes());
    out.extend_from_slice(&frame.offset.to_le_bytes());
    out.extend_from_slice(&frame.len.to_le_bytes());
}

/// Reads the table of a sidecar file. None: there is no file, or none that can be used.
pub(super) fn read(path: &Path, segment: SegmentKey, salt: u64) -> Option<Sidecar> {
    let file = File::open(path).ok()?;
    let mut fixed = [0; FIXED];
    file.read_exact_at(&mut fixed, 0).ok()?;
    let table_len = u32_at(&fixed, 32)? as usize;
    let fits = file.metadata().ok()?.len() >= (FIXED + table_len) as u64;
    let ours = fixed.starts_with(&MAGIC) && u32_at(&fixed, 8)? == VERSION && u64_at(&fixed, 16)? == salt;
    if !fits || !ours {
        return None;
    }
    let mut table = vec![0; table_len];
    file.read_exact_at(&mut table, FIXED as u64).ok()?;
    let mut check = crc32fast::Hasher::new();
    check.update(&fixed[16..]);
    check.update(&table);
    if check.finalize() != u32_at(&fixed, 12)? {
        return None;
    }
    let mut parts = Vec::new();
    let mut rest = table.as_slice();
    for _ in 0..u32_at(&fixed, 36)? {
        let len = usize::from(*rest.first()?);
        let name = std::str::from_utf8(rest.get(1..1 + len)?).ok()?;
        let entry = rest.get(1 + len..29 + len)?;
        let place = ListAt { frames: u32_at(entry, 16)?, at: u32_at(entry, 20)?, check: u32_at(entry, 24)? };
        let part =
            Part { segment, first: u64_at(entry, 0)?, last: u64_at(entry, 8)?, list: List::Sidecar(place) };
        parts.push((MissionId::parse(name).ok()?, part));
        rest = &rest[29 + len..];
    }
    Some(Sidecar { covered: u64_at(&fixed, 24)?, parts })
}

/// Reads one list. None: it is damaged, or the file was replaced since its table was read.
pub(super) fn read_list(path: &Path, place: ListAt) -> Option<Vec<FrameRef>> {
    let file = File::open(path).ok()?;
    let len = (place.frames as usize).checked_mul(PER_FRAME)?;
    if file.metadata().ok()?.len() < u64::from(place.at) + len as u64 {
        return None;
    }
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, u64::from(place.at)).ok()?;
    if crc32fast::hash(&bytes) != place.check {
        return None;
    }
    bytes.chunks_exact(PER_FRAME).map(frame_of).collect()
}

fn frame_of(bytes: &[u8]) -> Option<FrameRef> {
    let frame = FrameRef {
        first: u64_at(bytes, 0)?,
        count: u32_at(bytes, 8)?,
        offset: u32_at(bytes, 12)?,
        len: u32_at(bytes, 16)?,
    };
    let sane = frame.count > 0 && frame.len as usize <= FRAME_HEAD_MAX + BODY_MAX;
    sane.then_some(frame)
}

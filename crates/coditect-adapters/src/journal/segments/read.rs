//! From the index to records.

use std::fs::File;
use std::sync::Arc;

use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId};

use super::format::{FrameHead, SegmentKey, Standing, records_of};
use super::index::{Index, List, Part};
use super::layout::Layout;
use super::scan::FrameRef;
use super::sidecar;
use super::window::Window;

/// Frames to read from one segment, in order.
#[derive(Debug)]
pub(super) struct Wanted {
    segment: SegmentKey,
    salt: u64,
    frames: Vec<FrameRef>,
}

/// Why records could not be read.
#[derive(Debug)]
pub(super) enum Fault {
    /// What the index says is not what is there. The index may be stale, or the file damaged.
    Mismatch {
        segment: SegmentKey,
        offset: u64,
    },
    /// A sidecar's list cannot be read: the segment itself is to be read.
    List(SegmentKey),
    Error(PortError),
}

/// The frames that hold up to `limit` records from number `from` on, as far as they follow one another.
pub(super) fn select(
    layout: &Layout,
    index: &Index,
    stream: &MissionId,
    from: u64,
    limit: usize,
) -> Result<Vec<Wanted>, Fault> {
    let Some(known) = index.streams.get(stream) else {
        return Ok(Vec::new());
    };
    let end = from.saturating_add(limit as u64);
    let mut next = from;
    let mut wanted: Vec<Wanted> = Vec::new();
    for part in &known.parts {
        if part.last < next || next >= end {
            continue;
        }
        if part.first > next {
            break;
        }
        let salt = index.segments.get(&part.segment).map_or(0, |segment| segment.salt);
        let mut frames = Vec::new();
        let list = list_of(layout, part)?;
        let start = list.partition_point(|frame| frame.last() < next);
        for frame in &list[start..] {
            if next >= end || frame.first > next {
                break;
            }
            next = frame.last() + 1;
            frames.push(*frame);
        }
        wanted.push(Wanted { segment: part.segment, salt, frames });
    }
    if wanted.is_empty() && limit > 0 && known.last() >= from {
        return Err(Fault::Error(missing(layout, index, stream, from)));
    }
    Ok(wanted)
}

fn list_of(layout: &Layout, part: &Part) -> Result<Arc<Vec<FrameRef>>, Fault> {
    match &part.list {
        List::Memory(frames) => Ok(Arc::clone(frames)),
        List::Sidecar(place) => sidecar::read_list(&layout.sidecar(part.segment), *place)
            .map(Arc::new)
            .ok_or(Fault::List(part.segment)),
    }
}

/// The list of a part, for whoever writes it anew.
pub(super) fn frames_of(layout: &Layout, part: &Part) -> Option<Arc<Vec<FrameRef>>> {
    list_of(layout, part).ok()
}

/// The error of a number that was kept and is not there.
fn missing(layout: &Layout, index: &Index, stream: &MissionId, number: u64) -> PortError {
    let place = index.streams.get(stream).and_then(|known| {
        known.damage.iter().find_map(|(segment, damage)| match &damage.records {
            Some((_, first, last)) if (*first..=*last).contains(&number) => Some((*segment, damage.offset)),
            Some(_) | None => None,
        })
    });
    let text = match place {
        Some((segment, offset)) => damaged_text(layout, stream, number, segment, offset),
        None => format!("record {number} of `{stream}` is missing from the journal"),
    };
    PortError::new(ErrorKind::Unavailable, text)
        .with_hint("restore the file from a copy; records before this one can still be read")
}

fn damaged_text(
    layout: &Layout,
    stream: &MissionId,
    number: u64,
    segment: SegmentKey,
    offset: u64,
) -> String {
    let path = layout.segment(segment);
    format!("record {number} of `{stream}` is damaged: `{}` at byte {offset}", path.display())
}

/// The error of a frame that does not hold what it should, when the index is known to be fresh.
pub(super) fn damaged(
    layout: &Layout,
    stream: &MissionId,
    number: u64,
    segment: SegmentKey,
    offset: u64,
) -> PortError {
    PortError::new(ErrorKind::Unavailable, damaged_text(layout, stream, number, segment, offset))
        .with_hint("restore the file from a copy; records before this one can still be read")
}

/// Reads up to `limit` records from number `from` on into `records`. On a fault, what was read before it stays.
pub(super) fn records(
    layout: &Layout,
    wanted: &[Wanted],
    stream: &MissionId,
    from: u64,
    limit: usize,
    records: &mut Vec<(u64, Vec<u8>)>,
) -> Result<(), Fault> {
    for part in wanted {
        let path = layout.segment(part.segment);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Fault::Mismatch { segment: part.segment, offset: 0 });
            }
            Err(error) => return Err(Fault::Error(super::load::at("reading", &path, &error))),
        };
        let mut window = Window::with_chunk(&file, chunk_for(&part.frames));
        for frame in &part.frames {
            let offset = u64::from(frame.offset);
            let bytes = window
                .get(offset, frame.len as usize)
                .map_err(|error| Fault::Error(super::load::at("reading", &path, &error)))?;
            let found = decode(bytes, part.salt, frame, stream)
                .ok_or(Fault::Mismatch { segment: part.segment, offset })?;
            for (number, record) in (frame.first..).zip(found) {
                let next = from + records.len() as u64;
                if number == next && records.len() < limit {
                    records.push((number, record.to_vec()));
                }
            }
        }
    }
    Ok(())
}

/// The records of a frame, where it is whole and the one that was meant.
fn decode<'b>(bytes: &'b [u8], salt: u64, frame: &FrameRef, stream: &MissionId) -> Option<Vec<&'b [u8]>> {
    let head = FrameHead::parse(bytes, salt, u64::from(frame.offset))?;
    let meant = head.stream == *stream
        && head.first == frame.first
        && head.count == frame.count
        && head.frame_len() == frame.len as usize;
    let body = bytes.get(head.len()..)?;
    (meant && head.standing(body) == Standing::Kept).then(|| records_of(body, head.count)).flatten()
}

/// How far to read ahead: not at all where other streams' frames lie thick in between.
fn chunk_for(frames: &[FrameRef]) -> usize {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
        return 0;
    };
    let span = u64::from(last.offset) + u64::from(last.len) - u64::from(first.offset.min(last.offset));
    let ours: u64 = frames.iter().map(|frame| u64::from(frame.len)).sum();
    if ours * 8 >= span { span.min(1 << 20) as usize } else { 0 }
}

//! What a person is told about a journal, and what is done to a lane after a crash.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use coditect_ports::PortError;
use coditect_types::MissionId;

use super::format::{FrameHead, SegmentKey};
use super::index::Index;
use super::layout::{Layout, sync_dir};
use super::load::{at, load_lane};
use super::scan::{Depth, FrameRef, Torn};
use super::writer::Active;

/// Cut-off ends that a lane keeps; older ones are removed.
const TORN_KEPT: usize = 8;

/// Something about the journal's files that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The last writes of a process that died were cut off. Nobody had been told that they were kept.
    TornEnd {
        /// The segment.
        file: PathBuf,
        /// Where it was cut.
        offset: u64,
        /// Bytes that were cut off.
        bytes: u64,
        /// Where those bytes are kept.
        kept_aside: PathBuf,
    },
    /// Bytes that had been acknowledged can no longer be read. Nothing was changed.
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where the bad bytes begin.
        offset: u64,
        /// How many there are.
        bytes: u64,
        /// The records that were there: stream, first and last number; None where that is not known.
        records: Option<(MissionId, u64, u64)>,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TornEnd { file, offset, bytes, kept_aside } => write!(
                f,
                "the journal's last write was not finished when its process died: {bytes} bytes at {offset} of \
                 `{}` were cut off and kept in `{}`",
                file.display(),
                kept_aside.display()
            ),
            Self::Damaged { file, offset, bytes, records } => {
                write!(f, "{bytes} bytes at {offset} of `{}` are damaged", file.display())?;
                match records {
                    Some((stream, first, last)) => write!(f, ": records {first} to {last} of `{stream}`"),
                    None => write!(f, "; which records were there cannot be told"),
                }
            }
        }
    }
}

/// The damage that an index knows of.
pub(super) fn damage_in(layout: &Layout, index: &Index) -> Vec<Finding> {
    let segments = index.segments.iter();
    let all = segments.flat_map(|(key, segment)| segment.damage.iter().map(move |damage| (*key, damage)));
    all.map(|(key, damage)| Finding::Damaged {
        file: layout.segment(key),
        offset: damage.offset,
        bytes: damage.len,
        records: damage.records.clone(),
    })
    .collect()
}

/// Reads a lane whose lock the caller holds, cuts its torn ends, and makes the rest durable.
pub(super) fn recover(layout: &Layout, index: &mut Index, lane: u32) -> Result<Vec<Finding>, PortError> {
    let torn = load_lane(layout, index, lane, Depth::Full)?;
    let mut findings = Vec::new();
    for (key, end) in torn {
        let failed = |error: io::Error| at("recovering", &layout.segment(key), &error);
        findings.push(cut(layout, index, key, &end).map_err(failed)?);
    }
    if let Some((key, segment)) = index.lane(lane).last()
        && segment.scanned > segment.covered
        && segment.damage.iter().all(|damage| damage.offset > 0)
    {
        let failed = |error: io::Error| at("recovering", &layout.segment(key), &error);
        let mut active = Active::reopen(layout, key, segment.salt, segment.scanned).map_err(failed)?;
        active.settle(segment.synced).map_err(failed)?;
    }
    Ok(findings)
}

/// Cuts a torn end off and keeps its bytes aside. Whole frames behind the first bad bytes are written again,
/// where they follow on what their stream has: pages of one commit reach the disk in any order.
fn cut(layout: &Layout, index: &mut Index, key: SegmentKey, torn: &Torn) -> io::Result<Finding> {
    let (salt, end) = index.segments.get(&key).map_or((0, 0), |segment| (segment.salt, segment.scanned));
    let mut active = Active::reopen(layout, key, salt, end)?;
    let bytes = active.bytes(end, torn.until)?;
    let kept_aside = layout.torn(key, end);
    keep_aside(layout, key, &kept_aside, &bytes)?;
    let (frames, refs) = salvage(index, salt, end, &bytes, &torn.later);
    active.settle(end)?;
    active.add(&frames)?;
    for (stream, frame) in refs {
        index.add(&stream, key, frame);
    }
    if let Some(segment) = index.segments.get_mut(&key) {
        segment.scanned = active.end;
    }
    let file = layout.segment(key);
    Ok(Finding::TornEnd { file, offset: end, bytes: bytes.len() as u64, kept_aside })
}

fn salvage(
    index: &Index,
    salt: u64,
    end: u64,
    bytes: &[u8],
    later: &[(MissionId, FrameRef)],
) -> (Vec<u8>, Vec<(MissionId, FrameRef)>) {
    let mut out = Vec::new();
    let mut refs = Vec::new();
    let mut last: HashMap<MissionId, u64> = HashMap::new();
    for (stream, frame) in later {
        let known = *last.entry(stream.clone()).or_insert_with(|| index.last(stream));
        let start = (u64::from(frame.offset) - end) as usize;
        let old = bytes.get(start..start + frame.len as usize);
        let head = old.and_then(|old| FrameHead::parse(old, salt, u64::from(frame.offset)));
        let (Some(old), Some(mut head)) = (old, head) else {
            continue;
        };
        if frame.first != known + 1 {
            continue;
        }
        let place = end + out.len() as u64;
        head.synced = end as u32;
        head.write(salt, place, &mut out);
        out.extend_from_slice(&old[head.len()..]);
        refs.push((stream.clone(), FrameRef::of(&head, place)));
        last.insert(stream.clone(), frame.last());
    }
    (out, refs)
}

fn keep_aside(layout: &Layout, key: SegmentKey, path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let mut kept = Vec::new();
    for path in layout.torn_files(key.lane)? {
        kept.push((std::fs::metadata(&path)?.modified()?, path));
    }
    kept.sort();
    for (_, old) in kept.iter().take(kept.len().saturating_sub(TORN_KEPT)) {
        std::fs::remove_file(old)?;
    }
    sync_dir(&layout.lane(key.lane))
}

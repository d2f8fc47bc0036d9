//! Bringing the index up to date with the files.

use std::fs::File;
use std::io;
use std::path::Path;

use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId};

use super::format::{DATA_START, Page, SegmentHead, SegmentKey, VERSION};
use super::index::{Index, Part, Segment};
use super::layout::Layout;
use super::scan::{Damage, Depth, Scan, Torn, scan};
use super::sidecar;
use super::window::Window;

/// Looks for what other processes have written. `own` is the lane whose writer keeps the index itself.
pub(super) fn refresh(layout: &Layout, index: &mut Index, own: Option<u32>) -> Result<(), PortError> {
    let forgotten = layout.forgotten_count().map_err(|error| at("reading", &layout.forgotten(), &error))?;
    if forgotten != index.forgotten {
        // Another process removed a stream: frames that were there are not any more.
        drop_foreign(index, own);
        index.forgotten = forgotten;
    }
    for lane in layout.lane_numbers().map_err(|error| at("reading", &layout.lanes(), &error))? {
        if Some(lane) != own {
            load_lane(layout, index, lane, Depth::Glance)?;
        }
    }
    Ok(())
}

/// Looks for what is new in one lane. Gives the torn ends that it saw.
pub(super) fn load_lane(
    layout: &Layout,
    index: &mut Index,
    lane: u32,
    depth: Depth,
) -> Result<Vec<(SegmentKey, Torn)>, PortError> {
    let dir = layout.lane(lane);
    let numbers = layout.segment_numbers(lane).map_err(|error| at("reading", &dir, &error))?;
    let there = |key: SegmentKey| key.lane != lane || numbers.binary_search(&key.number).is_ok();
    if !index.lane(lane).all(|(key, _)| there(key)) {
        index.drop_where(|key| !there(key));
    }
    let newest = numbers.last().copied();
    let mut torn = Vec::new();
    for number in numbers {
        let key = SegmentKey { lane, number };
        if index.segments.get(&key).is_some_and(|segment| segment.sealed) {
            continue;
        }
        if let Some(end) = load_segment(layout, index, key, depth)? {
            torn.push((key, end));
        }
        if let Some(segment) = index.segments.get_mut(&key) {
            // The names were listed before the bytes were read, and a writer rolls to a new file only when it
            // is done with the old one: so all of it has been seen.
            segment.sealed = Some(number) != newest;
        }
    }
    Ok(torn)
}

/// Reads on in one segment from where the index ends.
fn load_segment(
    layout: &Layout,
    index: &mut Index,
    key: SegmentKey,
    depth: Depth,
) -> Result<Option<Torn>, PortError> {
    let path = layout.segment(key);
    let failed = |error: &io::Error| at("reading", &path, error);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            index.drop_segment(key);
            return Ok(None);
        }
        Err(error) => return Err(failed(&error)),
    };
    let len = file.metadata().map_err(|error| failed(&error))?.len();
    // A file that became shorter was taken back by its writer (a disk that was full): what is known is stale.
    if index.segments.get(&key).is_some_and(|segment| segment.scanned > len) {
        index.drop_segment(key);
    }
    let mut known_lost = Vec::new();
    if !index.segments.contains_key(&key) {
        let page = Window::new(&file).get(0, DATA_START as usize).map_err(|error| failed(&error))?.to_vec();
        match SegmentHead::parse(&page) {
            Page::Segment(head) if head.key == key => {
                known_lost = begin(layout, index, key, head.salt, len);
            }
            Page::OtherVersion(version) => return Err(other_version(&path, version)),
            Page::Segment(_) | Page::Unreadable => {
                unreadable(index, key, len);
                return Ok(None);
            }
        }
    }
    let Some(segment) = index.segments.get(&key) else {
        return Ok(None);
    };
    let mut found =
        steady_scan(&file, segment.salt, segment.scanned, depth).map_err(|error| failed(&error))?;
    index.apply(key, &mut found);
    report_lost(index, key, len, known_lost);
    Ok(found.torn)
}

/// Scans again where there seems to be damage: a segment that someone writes to may look odd for a moment, when
/// its earlier part was read before a commit and its later part after it.
fn steady_scan(file: &File, salt: u64, from: u64, depth: Depth) -> io::Result<Scan> {
    let mut found = scan(file, salt, from, depth)?;
    for _ in 0..3 {
        if found.damage.is_empty() {
            break;
        }
        let again = scan(file, salt, from, depth)?;
        let same = again.damage == found.damage;
        found = again;
        if same {
            break;
        }
    }
    Ok(found)
}

/// Reads a segment from its beginning, when its sidecar is of no use, as far as it was known.
pub(super) fn rescan(layout: &Layout, index: &mut Index, key: SegmentKey) -> Result<(), PortError> {
    let path = layout.segment(key);
    let Some((salt, until, sealed)) = index.segments.get(&key).map(|s| (s.salt, s.scanned, s.sealed)) else {
        return Ok(());
    };
    let found = File::open(&path).and_then(|file| steady_scan(&file, salt, DATA_START, Depth::Glance));
    let mut found = found.map_err(|error| at("reading", &path, &error))?;
    // What the committer has under way is not durable yet.
    for frames in found.frames.values_mut() {
        frames.retain(|frame| u64::from(frame.offset) < until);
    }
    found.damage.retain(|damage| damage.offset < until);
    index.drop_segment(key);
    index.segments.insert(key, Segment::new(salt));
    index.apply(key, &mut found);
    if let Some(segment) = index.segments.get_mut(&key) {
        segment.scanned = until;
        segment.sealed = sealed;
    }
    Ok(())
}

/// Forgets what is known of other processes' lanes, and looks again.
pub(super) fn rebuild(layout: &Layout, index: &mut Index, own: Option<u32>) -> Result<(), PortError> {
    drop_foreign(index, own);
    refresh(layout, index, own)
}

fn drop_foreign(index: &mut Index, own: Option<u32>) {
    index.drop_where(|key| Some(key.lane) != own);
}

/// Registers a segment, with what its sidecar file knows. Where the file ends before what the sidecar covers,
/// gives what the sidecar lists instead: some of it is lost.
fn begin(layout: &Layout, index: &mut Index, key: SegmentKey, salt: u64, len: u64) -> Vec<(MissionId, Part)> {
    let segment = index.segments.entry(key).or_insert_with(|| Segment::new(salt));
    let Some(known) = sidecar::read(&layout.sidecar(key), key, salt) else {
        return Vec::new();
    };
    if known.covered > len {
        segment.damage.push(Damage { offset: len, len: known.covered - len, records: None });
        return known.parts;
    }
    segment.scanned = known.covered;
    segment.covered = known.covered;
    segment.synced = known.covered;
    for (stream, part) in known.parts {
        index.add_listed(&stream, part);
    }
    Vec::new()
}

/// Says of each stream what a sidecar listed and the segment no longer has.
fn report_lost(index: &mut Index, key: SegmentKey, len: u64, listed: Vec<(MissionId, Part)>) {
    for (stream, part) in listed {
        let known = index.streams.entry(stream.clone()).or_default();
        let last = known.last().max(part.first.saturating_sub(1));
        if last < part.last {
            let records = Some((stream, last + 1, part.last));
            known.damage.push((key, Damage { offset: len, len: 0, records }));
        }
    }
}

/// Both heads of the file are gone, and with them the salt: nothing in it can be told from foreign bytes.
fn unreadable(index: &mut Index, key: SegmentKey, len: u64) {
    let damage = vec![Damage { offset: 0, len, records: None }];
    index.segments.insert(key, Segment { scanned: len, sealed: true, damage, ..Segment::new(0) });
}

fn other_version(path: &Path, version: u32) -> PortError {
    PortError::new(
        ErrorKind::Invalid,
        format!("`{}` is of journal format {version}; this program reads format {VERSION}", path.display()),
    )
    .with_hint("use the version of coditect that wrote it, or a newer one")
}

/// An IO error at a path.
pub(super) fn at(doing: &str, path: &Path, error: &io::Error) -> PortError {
    PortError::from_io(&format!("{doing} `{}`", path.display()), error)
}

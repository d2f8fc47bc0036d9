//! What is known of the streams without reading them: which frames hold which numbers, and where those are.

use std::collections::BTreeMap;
use std::sync::Arc;

use coditect_types::MissionId;

use super::format::{DATA_START, SegmentKey};
use super::scan::{Damage, FrameRef, Scan};

/// A segment as far as it is known.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) salt: u64,
    /// Everything below this offset is in the index.
    pub(super) scanned: u64,
    /// Everything below this offset is in the sidecar file.
    pub(super) covered: u64,
    /// Everything below this offset was durable, by the frames' own word.
    pub(super) synced: u64,
    /// A later segment exists, so nothing is added to this one.
    pub(super) sealed: bool,
    pub(super) damage: Vec<Damage>,
}

/// Where a list of frames is in a sidecar file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListAt {
    pub(super) at: u32,
    pub(super) frames: u32,
    pub(super) check: u32,
}

#[derive(Clone, Debug)]
pub(super) enum List {
    Memory(Arc<Vec<FrameRef>>),
    Sidecar(ListAt),
}

/// Frames of one stream in one segment, with numbers that follow one another.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) segment: SegmentKey,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) list: List,
}

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Sorted by their first number.
    pub(super) parts: Vec<Part>,
    pub(super) damage: Vec<(SegmentKey, Damage)>,
}

impl Stream {
    pub(super) fn last(&self) -> u64 {
        let kept = self.parts.iter().map(|part| part.last).max().unwrap_or(0);
        let lost = self.damage.iter().filter_map(|(_, d)| d.records.as_ref()).map(|(_, _, last)| *last).max();
        kept.max(lost.unwrap_or(0))
    }

    /// The segment that holds the stream's end.
    pub(super) fn end_segment(&self) -> Option<SegmentKey> {
        self.parts.iter().max_by_key(|part| part.last).map(|part| part.segment)
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.damage.is_empty()
    }

    fn insert(&mut self, part: Part) {
        let place = self.parts.partition_point(|other| other.first <= part.first);
        self.parts.insert(place, part);
    }

    fn push(&mut self, segment: SegmentKey, frame: FrameRef) {
        let follows =
            |part: &&mut Part| part.segment == segment && part.last.checked_add(1) == Some(frame.first);
        if let Some(part) = self.parts.last_mut().filter(follows)
            && let List::Memory(frames) = &mut part.list
        {
            part.last = frame.last();
            Arc::make_mut(frames).push(frame);
            return;
        }
        let (first, last) = (frame.first, frame.last());
        self.insert(Part { segment, first, last, list: List::Memory(Arc::new(vec![frame])) });
    }
}

#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) streams: BTreeMap<MissionId, Stream>,
    pub(super) segments: BTreeMap<SegmentKey, Segment>,
    /// How many streams had been removed when other processes' lanes were looked at.
    pub(super) forgotten: u64,
}

impl Segment {
    /// A segment of which nothing is known yet.
    pub(super) fn new(salt: u64) -> Self {
        let start = DATA_START;
        Self { salt, scanned: start, covered: start, synced: start, sealed: false, damage: Vec::new() }
    }
}

impl Index {
    /// Adds a frame that was kept.
    pub(super) fn add(&mut self, stream: &MissionId, segment: SegmentKey, frame: FrameRef) {
        self.stream(stream).push(segment, frame);
        if let Some(known) = self.segments.get_mut(&segment) {
            known.scanned = known.scanned.max(u64::from(frame.offset) + u64::from(frame.len));
        }
    }

    /// Adds frames that a sidecar file lists.
    pub(super) fn add_listed(&mut self, stream: &MissionId, part: Part) {
        self.stream(stream).insert(part);
    }

    /// Adds what a scan of a segment found, up to its torn end.
    pub(super) fn apply(&mut self, key: SegmentKey, found: &mut Scan) {
        for (stream, frames) in found.frames.drain() {
            let known = self.stream(&stream);
            for frame in frames {
                known.push(key, frame);
            }
        }
        for damage in found.damage.drain(..) {
            if let Some((stream, _, _)) = &damage.records {
                self.stream(stream).damage.push((key, damage.clone()));
            }
            if let Some(segment) = self.segments.get_mut(&key) {
                segment.damage.push(damage);
            }
        }
        if let Some(segment) = self.segments.get_mut(&key) {
            segment.scanned = found.end;
            segment.synced = segment.synced.max(found.synced);
        }
    }

    fn stream(&mut self, stream: &MissionId) -> &mut Stream {
        self.streams.entry(stream.clone()).or_default()
    }

    /// The stream's last number; 0 where there is none.
    pub(super) fn last(&self, stream: &MissionId) -> u64 {
        self.streams.get(stream).map_or(0, Stream::last)
    }

    /// Forgets what is known of a segment.
    pub(super) fn drop_segment(&mut self, key: SegmentKey) {
        if self.segments.contains_key(&key) {
            self.drop_where(|other| other == key);
        }
    }

    /// Forgets what is known of the segments that `gone` says.
    pub(super) fn drop_where(&mut self, gone: impl Fn(SegmentKey) -> bool) {
        self.segments.retain(|key, _| !gone(*key));
        for stream in self.streams.values_mut() {
            stream.parts.retain(|part| !gone(part.segment));
            stream.damage.retain(|(segment, _)| !gone(*segment));
        }
        self.streams.retain(|_, stream| !stream.is_empty());
    }

    /// The segments of a lane, in order.
    pub(super) fn lane(&self, lane: u32) -> impl Iterator<Item = (SegmentKey, &Segment)> {
        let keys = SegmentKey { lane, number: 0 }..=SegmentKey { lane, number: u32::MAX };
        self.segments.range(keys).map(|(key, segment)| (*key, segment))
    }

    /// Every part in a segment, by stream.
    pub(super) fn parts_in(&self, key: SegmentKey) -> impl Iterator<Item = (&MissionId, &Part)> {
        self.streams.iter().flat_map(move |(stream, known)| {
            known.parts.iter().filter(move |part| part.segment == key).map(move |part| (stream, part))
        })
    }
}

//! Reading a segment from a place on, whatever state it is in.
//!
//! Two kinds of bad bytes are told apart by what the frames around them say was durable:
//!
//! - **Damage**: some frame says that everything beyond the bad bytes was durable when it was written. What was
//!   lost there had been acknowledged. It is reported, and everything else stays readable.
//! - **A torn end**: nothing says so. A process died, or the power went, during the last commit, and nobody was
//!   told that it was kept.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use coditect_types::MissionId;

use super::format::{FRAME_FIXED, FRAME_HEAD_MAX, FRAME_MAGIC, FrameHead, Standing};
use super::window::Window;

/// Where one append is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameRef {
    /// Number of its first record.
    pub(super) first: u64,
    /// Records.
    pub(super) count: u32,
    /// Offset in the segment.
    pub(super) offset: u32,
    /// Bytes of the frame.
    pub(super) len: u32,
}

impl FrameRef {
    pub(super) fn of(head: &FrameHead, offset: u64) -> Self {
        // Segments are rolled far below 4 GiB.
        Self { first: head.first, count: head.count, offset: offset as u32, len: head.frame_len() as u32 }
    }

    /// Number of its last record.
    pub(super) fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }
}

/// Bytes that were kept once and can no longer be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Stream, first and last number, where the frame's head can be read.
    pub(super) records: Option<(MissionId, u64, u64)>,
}

/// The end of a segment that was never acknowledged. It begins at [`Scan::end`].
#[derive(Debug)]
pub(super) struct Torn {
    pub(super) until: u64,
    /// Whole frames in it, after the first bad bytes.
    pub(super) later: Vec<(MissionId, FrameRef)>,
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Zeros are the end: for following a segment that someone writes to.
    Glance,
    /// Zeros may be pages that never reached the disk: look behind them.
    Full,
}

/// What is in a segment from some place on.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) frames: HashMap<MissionId, Vec<FrameRef>>,
    pub(super) damage: Vec<Damage>,
    /// Where the next frame goes.
    pub(super) end: u64,
    /// Everything below this was durable, by the frames' own word.
    pub(super) synced: u64,
    pub(super) torn: Option<Torn>,
}

enum Item {
    Frame(MissionId, FrameRef),
    Gap(Damage),
}

/// What stands at an offset.
enum Found {
    Frame(FrameHead),
    Erased(FrameHead),
    /// The head is whole, the body is not.
    Spoiled(FrameHead),
    /// Bad bytes until here, where a head stands.
    Bad(u64),
    /// Bad bytes until here, and nothing after them.
    BadEnd(u64),
    End,
}

/// Reads from `from` on, which must be where a frame begins or the end.
pub(super) fn scan(file: &File, salt: u64, from: u64, depth: Depth) -> io::Result<Scan> {
    let mut window = Window::new(file);
    let mut items = Vec::new();
    let mut frames: HashMap<MissionId, Vec<FrameRef>> = HashMap::new();
    let mut at = from;
    let mut synced = 0;
    let mut bad_end = None;
    loop {
        match look(&mut window, salt, at, depth)? {
            Found::Frame(head) => {
                synced = synced.max(u64::from(head.synced));
                let next = at + head.frame_len() as u64;
                let frame = FrameRef::of(&head, at);
                if items.is_empty() {
                    keep(&mut frames, head.stream, frame);
                } else {
                    items.push(Item::Frame(head.stream, frame));
                }
                at = next;
            }
            Found::Erased(head) => {
                synced = synced.max(u64::from(head.synced));
                at += head.frame_len() as u64;
            }
            Found::Spoiled(head) => {
                synced = synced.max(u64::from(head.synced));
                let len = head.frame_len() as u64;
                let (first, last) = (head.first, head.last());
                items.push(Item::Gap(Damage { offset: at, len, records: Some((head.stream, first, last)) }));
                at += len;
            }
            Found::Bad(next) => {
                items.push(Item::Gap(Damage { offset: at, len: next - at, records: None }));
                at = next;
            }
            Found::BadEnd(until) => {
                bad_end = Some(until);
                break;
            }
            Found::End => break,
        }
    }
    let mut found = Scan { frames, damage: Vec::new(), end: at, synced, torn: None };
    settle(&mut found, items, bad_end);
    Ok(found)
}

fn keep(frames: &mut HashMap<MissionId, Vec<FrameRef>>, stream: MissionId, frame: FrameRef) {
    frames.entry(stream).or_default().push(frame);
}

/// Decides what the gaps are, now that it is known how far the segment was durable.
fn settle(found: &mut Scan, items: Vec<Item>, bad_end: Option<u64>) {
    let mut later = Vec::new();
    let mut cut = None;
    for item in items {
        match item {
            Item::Gap(gap) if gap.offset >= found.synced => cut = cut.or(Some(gap.offset)),
            Item::Gap(gap) => found.damage.push(gap),
            Item::Frame(stream, frame) if cut.is_some() => later.push((stream, frame)),
            Item::Frame(stream, frame) => keep(&mut found.frames, stream, frame),
        }
    }
    let until = bad_end.unwrap_or(found.end);
    if let Some(cut) = cut {
        found.end = cut;
    }
    if until > found.end {
        found.torn = Some(Torn { until, later });
    }
}

fn look(window: &mut Window<'_>, salt: u64, at: u64, depth: Depth) -> io::Result<Found> {
    let bytes = window.get(at, FRAME_HEAD_MAX)?;
    if bytes.iter().all(|byte| *byte == 0) {
        return if bytes.is_empty() || depth == Depth::Glance || data_end(window, at)? == at {
            Ok(Found::End)
        } else {
            bad(window, salt, at)
        };
    }
    let Some(head) = FrameHead::parse(bytes, salt, at) else {
        return bad(window, salt, at);
    };
    let body = window.get(at + head.len() as u64, head.body_len as usize)?;
    if body.len() < head.body_len as usize {
        return Ok(Found::BadEnd(at + (head.len() + body.len()) as u64));
    }
    Ok(match head.standing(body) {
        Standing::Kept => Found::Frame(head),
        Standing::Erased => Found::Erased(head),
        Standing::Spoiled => Found::Spoiled(head),
    })
}

fn bad(window: &mut Window<'_>, salt: u64, at: u64) -> io::Result<Found> {
    match next_head(window, salt, at + 1)? {
        Some(next) => Ok(Found::Bad(next)),
        None => Ok(Found::BadEnd(data_end(window, at)?.max(at + 1))),
    }
}

/// The next place from `at` on where a frame's head stands.
fn next_head(window: &mut Window<'_>, salt: u64, mut at: u64) -> io::Result<Option<u64>> {
    const STEP: usize = 1 << 16;
    loop {
        let bytes = window.get(at, STEP)?;
        if bytes.len() < FRAME_FIXED {
            return Ok(None);
        }
        let candidates: Vec<u64> = bytes
            .windows(FRAME_MAGIC.len())
            .enumerate()
            .filter(|(_, three)| *three == FRAME_MAGIC)
            .map(|(i, _)| at + i as u64)
            .collect();
        let step = (bytes.len() - (FRAME_MAGIC.len() - 1)) as u64;
        for candidate in candidates {
            if FrameHead::parse(window.get(candidate, FRAME_HEAD_MAX)?, salt, candidate).is_some() {
                return Ok(Some(candidate));
            }
        }
        at += step;
    }
}

/// Behind the last byte from `at` on that is not zero; `at` if there is none.
fn data_end(window: &mut Window<'_>, at: u64) -> io::Result<u64> {
    const STEP: usize = 1 << 16;
    let (mut end, mut place) = (at, at);
    loop {
        let bytes = window.get(place, STEP)?;
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            end = place + last as u64 + 1;
        }
        if bytes.len() < STEP {
            return Ok(end);
        }
        place += STEP as u64;
    }
}

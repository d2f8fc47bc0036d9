//! The bytes of a segment file, format 1. All numbers are little-endian.
//!
//! A segment begins with a page of 4,096 bytes that holds its head twice (at 0 and at 2,048), so that one bad
//! sector does not cost the whole file. Frames follow without gaps; zeros follow the last frame.
//!
//! | segment head | | frame head | |
//! |---|---|---|---|
//! | 0..8 | `CODITJL\n` | 0..3 | `cdf` |
//! | 8..12 | format version | 3 | `K` kept, `E` erased; not under a checksum, so one byte can flip it |
//! | 12..16 | lane | 4..8 | check of the head: crc32 of salt, offset, bytes 8.. and name |
//! | 16..20 | number in the lane | 8..12 | check of the body: crc32 |
//! | 20..24 | zero | 12..16 | length of the body |
//! | 24..32 | salt | 16..24 | number of the first record |
//! | 32..36 | crc32 of 0..32 | 24..28 | records in the body |
//! | | | 28..32 | everything below this offset was durable when the frame was written |
//! | | | 32 | length of the stream's name |
//! | | | 33.. | the stream's name, then the body: per record its length (4 bytes) and its bytes |
//!
//! A frame that is marked as erased and whose body is still whole counts as kept: the mark alone removes nothing,
//! so that one bad byte cannot. While a stream is being removed a tombstone hides it.
//!
//! The salt and the offset under the check make a frame valid in one place only: records are untrusted bytes and
//! may hold a copy of a journal, which must never be taken for frames when a reader looks for the next one.

use coditect_types::MissionId;
use crc32fast::Hasher;

pub(super) const VERSION: u32 = 1;
/// Where frames begin.
pub(super) const DATA_START: u64 = 4096;
/// Where the second copy of the segment's head is.
const COPY_AT: usize = 2048;
const SEGMENT_MAGIC: [u8; 8] = *b"CODITJL\n";
const SEGMENT_HEAD: usize = 36;

pub(super) const FRAME_MAGIC: [u8; 3] = *b"cdf";
pub(super) const KEPT: u8 = b'K';
pub(super) const ERASED: u8 = b'E';
/// Bytes of a frame's head before the stream's name.
pub(super) const FRAME_FIXED: usize = 33;
/// Most bytes in a frame's head.
pub(super) const FRAME_HEAD_MAX: usize = FRAME_FIXED + 255;
/// Where the state byte is in a frame.
pub(super) const STATE_AT: u64 = 3;
/// Most bytes in the body of one frame: one append.
pub(super) const BODY_MAX: usize = 32 << 20;

/// Which segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SegmentKey {
    pub(super) lane: u32,
    pub(super) number: u32,
}

/// The head of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    pub(super) key: SegmentKey,
    pub(super) salt: u64,
}

/// What the first page of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Segment(SegmentHead),
    /// Another version of CODITECT wrote it.
    OtherVersion(u32),
    Unreadable,
}

impl SegmentHead {
    /// The first page of the file.
    pub(super) fn page(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(SEGMENT_HEAD);
        head.extend_from_slice(&SEGMENT_MAGIC);
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&self.key.lane.to_le_bytes());
        head.extend_from_slice(&self.key.number.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&self.salt.to_le_bytes());
        let check = crc32fast::hash(&head);
        head.extend_from_slice(&check.to_le_bytes());
        let mut page = head.clone();
        page.resize(COPY_AT, 0);
        page.extend_from_slice(&head);
        page.resize(DATA_START as usize, 0);
        page
    }

    /// Reads the first page, by its second copy where the first is damaged.
    pub(super) fn parse(page: &[u8]) -> Page {
        let first = Self::parse_copy(page);
        if first != Page::Unreadable {
            return first;
        }
        page.get(COPY_AT..).map_or(Page::Unreadable, Self::parse_copy)
    }

    fn parse_copy(bytes: &[u8]) -> Page {
        let parse = || {
            let head = bytes.get(..SEGMENT_HEAD)?;
            let whole = head.starts_with(&SEGMENT_MAGIC) && u32_at(head, 32)? == crc32fast::hash(&head[..32]);
            if !whole {
                return None;
            }
            let version = u32_at(head, 8)?;
            if version != VERSION {
                return Some(Page::OtherVersion(version));
            }
            let key = SegmentKey { lane: u32_at(head, 12)?, number: u32_at(head, 16)? };
            Some(Page::Segment(Self { key, salt: u64_at(head, 24)? }))
        };
        parse().unwrap_or(Page::Unreadable)
    }
}

/// What a frame's body says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Kept,
    Erased,
    /// The body is not what was written.
    Spoiled,
}

/// The head of a frame: all records of one append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) erased: bool,
    pub(super) stream: MissionId,
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) body_len: u32,
    pub(super) body_check: u32,
    pub(super) synced: u32,
}

impl FrameHead {
    /// Bytes of the head.
    pub(super) fn len(&self) -> usize {
        FRAME_FIXED + self.stream.as_str().len()
    }

    /// Bytes of the whole frame.
    pub(super) fn frame_len(&self) -> usize {
        self.len() + self.body_len as usize
    }

    /// Whether the frame counts, by its whole body.
    pub(super) fn standing(&self, body: &[u8]) -> Standing {
        let whole = crc32fast::hash(body) == self.body_check;
        match (self.erased, whole) {
            (false, true) => Standing::Kept,
            (false, false) => Standing::Spoiled,
            (true, true) if body.iter().any(|byte| *byte != 0) => Standing::Kept,
            (true, _) => Standing::Erased,
        }
    }

    /// The number of the last record.
    pub(super) fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }

    /// Writes the head of a frame that is to stand at `offset`.
    pub(super) fn write(&self, salt: u64, offset: u64, out: &mut Vec<u8>) {
        let start = out.len();
        let name = self.stream.as_str().as_bytes();
        out.extend_from_slice(&FRAME_MAGIC);
        out.push(if self.erased { ERASED } else { KEPT });
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.body_check.to_le_bytes());
        out.extend_from_slice(&self.body_len.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&self.synced.to_le_bytes());
        // An id is at most 42 bytes (`MissionId::parse`), so nothing is cut here.
        out.push(name.len() as u8);
        out.extend_from_slice(name);
        let check = head_check(salt, offset, &out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&check.to_le_bytes());
    }

    /// Reads the head of a frame that stands at `offset`. None: there is no whole one.
    pub(super) fn parse(bytes: &[u8], salt: u64, offset: u64) -> Option<Self> {
        let fixed = bytes.get(..FRAME_FIXED)?;
        if fixed[..3] != FRAME_MAGIC {
            return None;
        }
        let erased = match fixed[3] {
            KEPT => false,
            ERASED => true,
            _ => return None,
        };
        let len = FRAME_FIXED + usize::from(fixed[32]);
        let head = bytes.get(..len)?;
        if u32_at(head, 4)? != head_check(salt, offset, &head[8..]) {
            return None;
        }
        let stream = MissionId::parse(std::str::from_utf8(&head[FRAME_FIXED..]).ok()?).ok()?;
        let frame = Self {
            erased,
            stream,
            first: u64_at(head, 16)?,
            count: u32_at(head, 24)?,
            body_len: u32_at(head, 12)?,
            body_check: u32_at(head, 8)?,
            synced: u32_at(head, 28)?,
        };
        let sane = frame.count > 0
            && frame.first > 0
            && frame.first.checked_add(u64::from(frame.count)).is_some()
            && frame.body_len as usize <= BODY_MAX;
        sane.then_some(frame)
    }
}

fn head_check(salt: u64, offset: u64, rest: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

/// The body of a frame: each record with its length before it. None: it would be larger than [`BODY_MAX`].
pub(super) fn body_of(records: &[Vec<u8>]) -> Option<Vec<u8>> {
    let len = records.iter().map(|record| record.len() + 4).sum::<usize>();
    if len > BODY_MAX {
        return None;
    }
    let mut body = Vec::with_capacity(len);
    for record in records {
        body.extend_from_slice(&(record.len() as u32).to_le_bytes());
        body.extend_from_slice(record);
    }
    Some(body)
}

/// The records of a body. None: the lengths in it do not add up to `count` records.
pub(super) fn records_of(mut body: &[u8], count: u32) -> Option<Vec<&[u8]>> {
    // Every record takes 4 bytes at least, so a false count cannot ask for much memory.
    if (count as usize).checked_mul(4)? > body.len() {
        return None;
    }
    let mut records = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let len = u32_at(body, 0)? as usize;
        records.push(body.get(4..4 + len)?);
        body = &body[4 + len..];
    }
    body.is_empty().then_some(records)
}

/// Four bytes as a number, where there are that many.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Eight bytes as a number, where there are that many.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

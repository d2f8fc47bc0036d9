//! What a message holds: the records of one append, or a part of them where they are too large for one message.
//!
//! ```text
//! "cJ" version check:u32le id:[u8; 16] before count part parts chunk
//! ```
//!
//! `before`, `count`, `part` and `parts` are LEB128 numbers: the stream's last number before the append, how many
//! records it has, and which part this is of how many. The chunks of all parts, one behind the other, are the
//! records: the length of each (LEB128), then its bytes. `check` is the CRC-32 of all that comes behind it.
//!
//! An append of several parts counts once its last part is there. Parts without a last one are what a writer left
//! that died or was overtaken; they are passed over, since the next append says the same `before`.
//!
//! `id` names the append. Whoever got no answer reads the message behind the one that it expected, and knows by
//! the id whether it is its own.

use std::ops::Deref;

use bytes::Bytes;

/// The version that this build writes, and the newest that it reads.
pub(super) const VERSION: u8 = 1;
/// What all records of one append may take, bytes: as much as in segment files.
pub(super) const BODY_MAX: usize = 32 << 20;
/// What a frame takes beside its chunk at most, bytes.
pub(super) const FRAME_MAX: usize = 7 + 16 + 10 + 5 + 5 + 5;

const MAGIC: &[u8; 2] = b"cJ";
/// Where `check` ends and what it covers begins.
const CHECKED: usize = 7;

/// The name of an append.
pub(super) type Id = [u8; 16];

/// What a message says beside its chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The append.
    pub(super) id: Id,
    /// The stream's last number before it.
    pub(super) before: u64,
    /// How many records it has.
    pub(super) count: u32,
    /// Which part this is, from 0.
    pub(super) part: u32,
    /// Of how many.
    pub(super) parts: u32,
}

impl Frame {
    /// The stream's last number once this message is there.
    pub(super) fn last(&self) -> u64 {
        if self.part + 1 == self.parts { self.before + u64::from(self.count) } else { self.before }
    }
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// A newer version wrote it.
    Newer(u8),
    /// It is none of ours, or damaged.
    Foreign,
}

/// The records of an append, with room for a frame before them: what fits into one message is not copied again.
#[derive(Clone, Debug)]
pub(super) struct Body(Vec<u8>);

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[FRAME_MAX..]
    }
}

impl Body {
    /// All of it as one message.
    pub(super) fn into_message(mut self, frame: &Frame) -> Bytes {
        let head = head(frame);
        let begin = FRAME_MAX - head.len();
        self.0[begin..FRAME_MAX].copy_from_slice(&head);
        seal(&mut self.0[begin..]);
        Bytes::from(self.0).slice(begin..)
    }
}

/// The records of an append as they are divided into chunks. None: too much.
pub(super) fn body_of(records: &[Vec<u8>]) -> Option<Body> {
    let bytes: usize = records.iter().map(|record| record.len() + 5).sum();
    if bytes > BODY_MAX || u32::try_from(records.len()).is_err() {
        return None;
    }
    let mut body = Vec::with_capacity(FRAME_MAX + bytes);
    body.resize(FRAME_MAX, 0);
    for record in records {
        put(&mut body, record.len() as u64);
        body.extend_from_slice(record);
    }
    Some(Body(body))
}

/// The records in a body. None: it is damaged.
pub(super) fn records_of(mut body: &[u8], count: u32) -> Option<Vec<&[u8]>> {
    // A count that lies must not have us reserve memory: each record takes a byte at least.
    let mut records = Vec::with_capacity((count as usize).min(body.len()));
    for _ in 0..count {
        let length = usize::try_from(take(&mut body)?).ok()?;
        let (record, rest) = body.split_at_checked(length)?;
        records.push(record);
        body = rest;
    }
    body.is_empty().then_some(records)
}

/// A message.
pub(super) fn encode(frame: &Frame, chunk: &[u8]) -> Vec<u8> {
    let mut message = head(frame);
    message.reserve_exact(chunk.len());
    message.extend_from_slice(chunk);
    seal(&mut message);
    message
}

/// What is before a chunk, without the check.
fn head(frame: &Frame) -> Vec<u8> {
    let mut message = Vec::with_capacity(FRAME_MAX);
    message.extend_from_slice(MAGIC);
    message.push(VERSION);
    message.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&frame.id);
    put(&mut message, frame.before);
    for number in [frame.count, frame.part, frame.parts] {
        put(&mut message, number.into());
    }
    message
}

/// Puts the check of a message where it belongs.
fn seal(message: &mut [u8]) {
    let check = crc32fast::hash(&message[CHECKED..]);
    message[CHECKED - 4..CHECKED].copy_from_slice(&check.to_le_bytes());
}

/// What a message says, and its chunk.
pub(super) fn decode(message: &[u8]) -> Result<(Frame, &[u8]), Bad> {
    match message {
        [b'c', b'J', VERSION, ..] => read(message).ok_or(Bad::Foreign),
        [b'c', b'J', version, ..] if *version > VERSION => Err(Bad::Newer(*version)),
        _ => Err(Bad::Foreign),
    }
}

fn read(message: &[u8]) -> Option<(Frame, &[u8])> {
    let (head, mut rest) = message.split_at_checked(CHECKED)?;
    let check = u32::from_le_bytes(head.get(CHECKED - 4..)?.try_into().ok()?);
    if crc32fast::hash(rest) != check {
        return None;
    }
    let (id, behind) = rest.split_first_chunk::<16>()?;
    rest = behind;
    let before = take(&mut rest)?;
    let mut small = || u32::try_from(take(&mut rest)?).ok();
    let (count, part, parts) = (small()?, small()?, small()?);
    let frame = Frame { id: *id, before, count, part, parts };
    let is_sound = part < parts && count > 0 && before.checked_add(count.into()).is_some();
    is_sound.then_some((frame, rest))
}

pub(super) fn put(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

pub(super) fn take(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

//! OTLP's messages in the binary encoding of Protocol Buffers, written piece by piece: what there is much of is written as it stands,
//! without a copy in between. The numbers of the fields are those of opentelemetry-proto 1.x.

use coditect_types::span::Value as Known;
use serde_json::{Map, Value};

use super::Target;

/// A field that holds a length and so many bytes.
const BYTES: u8 = 2;
/// What a length of a message takes that is not known before the message is written: three bytes of seven bits each. The encoding lets a
/// number be longer than it need be.
const LENGTH: usize = 3;
const MOST: usize = (1 << 21) - 1;
/// The same for all of a request.
const LONG_LENGTH: usize = 5;

/// A number.
pub(super) fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// How many bytes a number takes.
fn size(n: usize) -> usize {
    match n {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        _ => (usize::BITS - n.leading_zeros()).div_ceil(7) as usize,
    }
}

/// What stands before a value. All fields of OTLP that are written here have numbers below 16.
fn key(out: &mut Vec<u8>, field: u8, form: u8) {
    varint(out, u64::from(field) << 3 | u64::from(form));
}

/// A number in a field.
pub(super) fn number(out: &mut Vec<u8>, field: u8, n: u64) {
    key(out, field, 0);
    varint(out, n);
}

/// Eight bytes in a field.
pub(super) fn fixed(out: &mut Vec<u8>, field: u8, n: u64) {
    key(out, field, 1);
    out.extend_from_slice(&n.to_le_bytes());
}

/// The same of a measure.
pub(super) fn double(out: &mut Vec<u8>, field: u8, n: f64) {
    fixed(out, field, n.to_bits());
}

/// Bytes, or a text, in a field.
pub(super) fn bytes(out: &mut Vec<u8>, field: u8, of: &[u8]) {
    key(out, field, BYTES);
    varint(out, of.len() as u64);
    out.extend_from_slice(of);
}

/// A message in a field.
pub(super) fn message(out: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    key(out, field, BYTES);
    let at = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    write(out);
    let length = out.len() - at - LENGTH;
    if length <= MOST {
        padded(&mut out[at..at + LENGTH], length);
        return;
    }
    let mut longer = Vec::with_capacity(LONG_LENGTH);
    varint(&mut longer, length as u64);
    out.splice(at..at + LENGTH, longer);
}

/// A length in all of the bytes that were kept for it.
fn padded(place: &mut [u8], mut length: usize) {
    let last = place.len() - 1;
    for (at, byte) in place.iter_mut().enumerate() {
        *byte = (length & 0x7f) as u8 | if at < last { 0x80 } else { 0 };
        length >>= 7;
    }
}

/// Times in nanoseconds, from ms.
pub(super) fn nanos(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

/// What is known of something, in the order in which it was said.
pub(super) fn known<'a>(out: &mut Vec<u8>, field: u8, all: impl IntoIterator<Item = (&'a str, &'a Known)>) {
    for (name, value) in all {
        match value {
            Known::Text(of) => text(out, field, name, of),
            Known::Texts(all) => texts(out, field, name, all.iter().map(AsRef::as_ref)),
            Known::Task(task) => numbered(out, field, name, (b't', task.0)),
            Known::Attempt(attempt) => numbered(out, field, name, (b'a', attempt.0)),
            Known::Count(n) => pair(out, field, name, |out| number(out, 3, *n)),
            Known::Measure(measure) => pair(out, field, name, |out| double(out, 4, *measure)),
        }
    }
}

/// The same of values of any kind.
pub(super) fn values(out: &mut Vec<u8>, field: u8, all: &Map<String, Value>) {
    for (name, value) in all {
        match value {
            Value::String(of) => text(out, field, name, of),
            Value::Bool(of) => pair(out, field, name, |out| number(out, 2, u64::from(*of))),
            Value::Number(n) => match (n.as_u64().or(n.as_i64().map(i64::cast_unsigned)), n.as_f64()) {
                (Some(n), _) => pair(out, field, name, |out| number(out, 3, n)),
                (None, n) => pair(out, field, name, |out| double(out, 4, n.unwrap_or(f64::NAN))),
            },
            Value::Array(all) => match all.iter().map(Value::as_str).collect::<Option<Vec<&str>>>() {
                Some(all) => texts(out, field, name, all.into_iter()),
                None => text(out, field, name, &value.to_string()),
            },
            Value::Null | Value::Object(_) => text(out, field, name, &value.to_string()),
        }
    }
}

/// An attribute that is a text. There are many of these: both lengths are known before.
pub(super) fn text(out: &mut Vec<u8>, field: u8, name: &str, of: &str) {
    let value = 1 + size(of.len()) + of.len();
    begin(out, field, name, value);
    bytes(out, 1, of.as_bytes());
}

/// An attribute that is several texts.
fn texts<'a>(out: &mut Vec<u8>, field: u8, name: &str, all: impl Iterator<Item = &'a str>) {
    pair(out, field, name, |out| {
        message(out, 5, |out| all.for_each(|of| message(out, 1, |out| bytes(out, 1, of.as_bytes()))));
    });
}

/// An id, as it is written everywhere: a letter and a number.
fn numbered(out: &mut Vec<u8>, field: u8, name: &str, (letter, mut n): (u8, u32)) {
    let mut id = [0; 11];
    let mut at = id.len();
    loop {
        at -= 1;
        id[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    at -= 1;
    id[at] = letter;
    let of = &id[at..];
    begin(out, field, name, 2 + of.len());
    bytes(out, 1, of);
}

/// An attribute that is a number of some kind, or several values.
fn pair(out: &mut Vec<u8>, field: u8, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
    let mut value = Vec::with_capacity(10);
    write(&mut value);
    begin(out, field, name, value.len());
    out.extend_from_slice(&value);
}

/// An attribute up to its value, which takes so many bytes.
fn begin(out: &mut Vec<u8>, field: u8, name: &str, value: usize) {
    key(out, field, BYTES);
    let all = 1 + size(name.len()) + name.len() + 1 + size(value) + value;
    varint(out, all as u64);
    bytes(out, 1, name.as_bytes());
    key(out, 2, BYTES);
    varint(out, value as u64);
}

/// What stands before the things of a request: whose they are, and what made them. Requests of all kinds are alike in this.
#[derive(Clone, Debug)]
pub(super) struct Head {
    bytes: Vec<u8>,
    /// Where the lengths of what is of one resource, and of one scope, are to stand.
    lengths: [usize; 2],
}

impl Head {
    pub(super) fn new(target: &Target) -> Self {
        let mut out = Vec::new();
        let room = |out: &mut Vec<u8>, field: u8| {
            key(out, field, BYTES);
            let at = out.len();
            out.extend_from_slice(&[0; LONG_LENGTH]);
            at
        };
        let by_resource = room(&mut out, 1);
        message(&mut out, 1, |out| values(out, 1, &target.resource));
        let by_scope = room(&mut out, 2);
        message(&mut out, 1, |out| {
            bytes(out, 1, b"coditect");
            bytes(out, 2, env!("CARGO_PKG_VERSION").as_bytes());
        });
        Self { bytes: out, lengths: [by_resource, by_scope] }
    }

    /// How long it is, bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The beginning of a body, to which things are added by [`thing`].
    pub(super) fn begin(&self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.bytes);
    }

    /// The body is whole.
    pub(super) fn end(&self, body: &mut [u8]) {
        for at in self.lengths {
            let length = body.len() - at - LONG_LENGTH;
            padded(&mut body[at..at + LONG_LENGTH], length);
        }
    }
}

/// A span, a metric or a line of the log: the field of it is the same in each kind of request.
pub(super) fn thing(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    message(out, 2, write);
}

/// How many things a collector did not want, by its answer; None: the answer is none, or says nothing of that.
pub(super) fn rejected(answer: &[u8]) -> Option<u64> {
    let part = field(answer, 1)?;
    let mut rest = part;
    while !rest.is_empty() {
        let (tag, value, more) = next(rest)?;
        if tag == 1 << 3 {
            // It has a sign, and fewer than none is nothing that can be meant.
            return value.number().filter(|n| i64::try_from(*n).is_ok());
        }
        rest = more;
    }
    None
}

/// The last message in a field, as the encoding has it.
fn field(of: &[u8], wanted: u64) -> Option<&[u8]> {
    let (mut rest, mut found) = (of, None);
    while !rest.is_empty() {
        let (tag, value, more) = next(rest)?;
        if let (true, Read::Bytes(bytes)) = (tag == wanted << 3 | u64::from(BYTES), value) {
            found = Some(bytes);
        }
        rest = more;
    }
    found
}

/// A value that was read.
enum Read<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

impl Read<'_> {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Bytes(_) | Self::Fixed => None,
        }
    }
}

/// A field with what stands before it, and what comes behind. None: it is cut off, or none.
fn next(of: &[u8]) -> Option<(u64, Read<'_>, &[u8])> {
    let (tag, rest) = read_varint(of)?;
    let fixed = |n: usize| Some((tag, Read::Fixed, rest.get(n..)?));
    match tag & 7 {
        0 => read_varint(rest).map(|(n, rest)| (tag, Read::Number(n), rest)),
        1 => fixed(8),
        5 => fixed(4),
        2 => {
            let (length, rest) = read_varint(rest)?;
            let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((tag, Read::Bytes(bytes), rest))
        }
        _ => None,
    }
}

/// A number of Protocol Buffers, and what is behind it. None: there is none.
#[must_use]
pub fn read_varint(of: &[u8]) -> Option<(u64, &[u8])> {
    let mut n = 0_u64;
    for (at, byte) in of.iter().enumerate().take(10) {
        n |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((n, &of[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_many_bytes_as_is_said() {
        for n in [0, 1, 127, 128, 16_383, 16_384, (1 << 21) - 1, 1 << 21, 1 << 28, usize::MAX] {
            let mut out = Vec::new();
            varint(&mut out, n as u64);
            assert_eq!(out.len(), size(n), "{n}");
            assert_eq!(read_varint(&out), Some((n as u64, &[][..])));
        }
    }

    #[test]
    fn a_message_may_be_longer_than_there_was_room_for() {
        for length in [0, 200, MOST, MOST + 1, 3 << 20] {
            let mut out = Vec::new();
            message(&mut out, 5, |out| out.resize(out.len() + length, 7));
            number(&mut out, 1, 9);
            let inner = field(&out, 5).map(<[u8]>::len);
            assert_eq!(inner, Some(length));
        }
    }

    #[test]
    fn answers_are_read_and_what_is_none_says_nothing() {
        let mut out = Vec::new();
        message(&mut out, 1, |out| {
            bytes(out, 2, b"too old");
            number(out, 1, 300);
        });
        assert_eq!(rejected(&out), Some(300));
        let mut negative = Vec::new();
        message(&mut negative, 1, |out| number(out, 1, u64::MAX));
        for bad in
            [&negative[..], b"", b"{}", b"{\"partialSuccess\":{}}", &[0xff; 30], &[0x0a, 0x7f], &out[..5]]
        {
            assert_eq!(rejected(bad), None, "{bad:?}");
        }
    }
}

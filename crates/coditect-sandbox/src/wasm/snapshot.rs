//! The interpreter's memory, taken out of the component that carries it.
//!
//! A pre-initialised component holds the memory of the started interpreter as data segments of the one core module that
//! defines a memory. An engine writes data segments into each new memory. We keep that memory mapped instead (see
//! [`super::memory`]), so here the segments are cut out of the component: what is left compiles to an interpreter that
//! expects its memory to be filled when it starts.

use std::ops::Range;

use wasmparser::{BinaryReader, Chunk, Data, DataKind, DataSectionReader, Operator, Parser, Payload};

/// Size of a page of WebAssembly memory, bytes.
const PAGE: u64 = 64 << 10;

/// A component without the contents of its memory, and these contents.
pub(super) struct Split {
    /// The component; valid by itself, with a memory full of zeros.
    pub(super) component: Vec<u8>,
    /// The memory's contents in the format that [`Contents::parse`] reads.
    pub(super) contents: Vec<u8>,
}

/// What a memory contains at first.
pub(super) struct Contents<'a> {
    /// Initial size of the memory, bytes.
    pub(super) size: usize,
    segments: wasmparser::SectionLimited<'a, Data<'a>>,
}

/// Where the section to cut is.
struct Place {
    /// Where the section of the component begins that is the core module: a byte for its kind, then its length.
    section: usize,
    /// The core module.
    module: Range<usize>,
    /// The data section, its head included.
    data: Range<usize>,
    /// The data section without its head.
    body: Range<usize>,
    /// Pages of the module's memory.
    pages: u64,
}

/// Cuts the data section out of the one core module that has one.
pub(super) fn split(component: &[u8]) -> Result<Split, String> {
    let place = find(component)?.ok_or("no module of the component has a data section")?;
    let mut rest = Vec::with_capacity(component.len() - place.data.len());
    rest.extend_from_slice(&component[..=place.section]);
    leb128(&mut rest, place.module.len() - place.data.len());
    rest.extend_from_slice(&component[place.module.start..place.data.start]);
    rest.extend_from_slice(&component[place.data.end..]);
    if find(&rest)?.is_some() {
        return Err("more than one module has a data section".to_owned());
    }
    let size = place.pages.checked_mul(PAGE).ok_or("the memory has no sensible size")?;
    let mut contents = size.to_le_bytes().to_vec();
    contents.extend_from_slice(&component[place.body]);
    Contents::parse(&contents)?.each(|_, _| {})?;
    Ok(Split { component: rest, contents })
}

fn find(component: &[u8]) -> Result<Option<Place>, String> {
    let (mut parser, mut outer, mut at) = (Parser::new(0), None, 0);
    let (mut section, mut module, mut pages) = (0, 0..0, None);
    loop {
        let begin = at;
        let payload = match parser.parse(&component[at..], true).map_err(text)? {
            Chunk::Parsed { payload, consumed } => {
                at += consumed;
                payload
            }
            Chunk::NeedMoreData(_) => return Err("the component is cut off".to_owned()),
        };
        if let Payload::ModuleSection { parser: inner, unchecked_range } = payload {
            (section, module, pages) = (begin, unchecked_range, None);
            outer = Some(std::mem::replace(&mut parser, inner));
        } else if let Payload::ComponentSection { unchecked_range, .. } = payload {
            // Components inside are adapters: no memories.
            at = unchecked_range.end;
        } else if let Payload::MemorySection(memories) = payload {
            let memories: Vec<_> = memories.into_iter().collect::<Result<_, _>>().map_err(text)?;
            pages = memories.first().map(|memory| memory.initial);
        } else if let Payload::DataSection(data) = payload {
            let pages = pages.ok_or("the data section belongs to a module without a memory of its own")?;
            if module.end > component.len() {
                return Err("the component is cut off".to_owned());
            }
            return Ok(Some(Place { section, module, data: begin..at, body: data.range(), pages }));
        } else if let Payload::End(_) = payload {
            match outer.take() {
                Some(component) => parser = component,
                None => return Ok(None),
            }
        }
    }
}

impl<'a> Contents<'a> {
    /// Reads what [`split`] wrote.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let (size, section) = bytes.split_first_chunk::<8>().ok_or("the memory's size is missing")?;
        let size = usize::try_from(u64::from_le_bytes(*size)).map_err(|_| "the memory is too large")?;
        let segments = DataSectionReader::new(BinaryReader::new(section, 0)).map_err(text)?;
        Ok(Self { size, segments })
    }

    /// Calls `take` with the place and the bytes of each segment, all within the memory.
    pub(super) fn each(self, mut take: impl FnMut(usize, &[u8])) -> Result<(), String> {
        let size = self.size;
        for segment in self.segments {
            let segment = segment.map_err(text)?;
            let DataKind::Active { memory_index: 0, offset_expr } = segment.kind else {
                return Err("a data segment is not for the one memory".to_owned());
            };
            let Operator::I32Const { value } = offset_expr.get_operators_reader().read().map_err(text)?
            else {
                return Err("the place of a data segment is not a constant".to_owned());
            };
            // A wasm32 address: the sign bit is an address bit.
            let place =
                usize::try_from(value.cast_unsigned()).map_err(|_| "a data segment is out of reach")?;
            if place.checked_add(segment.data.len()).is_none_or(|end| end > size) {
                return Err("a data segment reaches out of the memory".to_owned());
            }
            take(place, segment.data);
        }
        Ok(())
    }
}

fn leb128(to: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

fn text(error: wasmparser::BinaryReaderError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        leb128(&mut bytes, body.len());
        bytes.extend_from_slice(body);
        bytes
    }

    /// A component of a core module with a memory of two pages and these data segments, and an empty core module.
    fn component(segments: &[&[u8]]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(section(5, &[1, 0, 2]));
        if !segments.is_empty() {
            let count = u8::try_from(segments.len()).unwrap();
            module.extend(section(11, &[&[count], segments.concat().as_slice()].concat()));
        }
        module.extend(section(0, b"\x04names of things"));
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        component.extend(section(1, &module));
        component.extend(section(1, b"\0asm\x01\0\0\0"));
        component
    }

    /// `five` at 5.
    const FIRST: &[u8] = b"\x00\x41\x05\x0b\x04five";
    /// `z` at 131,071, the last byte of two pages.
    const LAST: &[u8] = b"\x00\x41\xff\xff\x07\x0b\x01z";

    #[test]
    fn what_is_left_is_valid_and_the_contents_are_found() {
        let bytes = component(&[FIRST, LAST]);
        let split = split(&bytes).unwrap();
        assert_eq!(split.component, component(&[]));
        let contents = Contents::parse(&split.contents).unwrap();
        assert_eq!(contents.size, 2 << 16);
        let mut found = Vec::new();
        contents.each(|place, bytes| found.push((place, bytes.to_vec()))).unwrap();
        assert_eq!(found, [(5, b"five".to_vec()), (131_071, b"z".to_vec())]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let past_the_end = b"\x00\x41\xff\xff\x07\x0b\x02zz".as_slice();
        let passive = b"\x01\x04rest".as_slice();
        let global = b"\x00\x23\x00\x0b\x01g".as_slice();
        for (segments, why) in [
            (&[FIRST, past_the_end][..], "reaches out"),
            (&[passive], "not for the one memory"),
            (&[global], "not a constant"),
            (&[], "no module"),
        ] {
            let error = split(&component(segments)).err().unwrap();
            assert!(error.contains(why), "{error}");
        }
        let whole = component(&[FIRST]);
        for end in 0..whole.len() - 10 {
            assert!(split(&whole[..end]).is_err(), "{end}");
        }
    }
}

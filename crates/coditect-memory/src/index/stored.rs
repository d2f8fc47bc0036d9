//! An index as bytes, and back. What can be counted again from the texts' terms is not kept.

use crate::lexical::Lexical;
use crate::semantic::{SIZE, Semantic, Stored};

use super::Index;
use super::given::Given;

/// The version of these bytes.
const VERSION: u32 = 2;

/// Writes numbers, the lowest byte first.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn count(&mut self, n: usize) {
        self.0.extend((n as u64).to_le_bytes());
    }

    fn list<T: Copy, const N: usize>(&mut self, all: &[T], bytes: impl Fn(T) -> [u8; N]) {
        self.count(all.len());
        self.0.reserve(all.len() * N);
        for one in all {
            self.0.extend(bytes(*one));
        }
    }
}

/// Reads the same; None where they are too few.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, n: usize) -> Option<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.take(8)?.try_into().ok()?)).ok()
    }

    fn list<T, const N: usize>(&mut self, of: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let count = self.count()?;
        let bytes = self.take(count.checked_mul(N)?)?;
        let (chunks, _) = bytes.as_chunks::<N>();
        Some(chunks.iter().map(|chunk| of(*chunk)).collect())
    }

    fn floats(&mut self) -> Option<[f32; SIZE]> {
        self.list(f32::from_le_bytes)?.try_into().ok()
    }
}

impl Index {
    /// It as bytes, which [`Index::from_bytes`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.0.extend(VERSION.to_le_bytes());
        writer.count(self.spellings.len());
        for spelling in &self.spellings {
            writer.list(spelling.as_bytes(), |byte| [byte]);
        }
        writer.list(&self.terms, u32::to_le_bytes);
        writer.list(&self.counts, |count| [count]);
        writer.list(&self.ends, |end| (end as u64).to_le_bytes());
        writer.list(&self.gone, |gone| [u8::from(gone)]);
        let Stored { is_learnt, mean, terms, vectors, signatures } = self.semantic.stored();
        writer.0.push(u8::from(is_learnt));
        writer.list(&mean, f32::to_le_bytes);
        writer.count(terms.len());
        for term in terms {
            writer.list(term.as_deref().map_or(&[], |vector| vector.as_slice()), f32::to_le_bytes);
        }
        writer.count(vectors.len());
        for (bytes, scale) in vectors {
            writer.0.extend(bytes.map(i8::cast_unsigned));
            writer.0.extend(scale.to_le_bytes());
        }
        writer.list(signatures.as_flattened(), u64::to_le_bytes);
        writer.0.push(u8::from(self.given.is_some()));
        if let Some(given) = &self.given {
            writer.count(given.size());
            writer.list(&given.bytes, i8::to_le_bytes);
            writer.list(&given.scales, f32::to_le_bytes);
        }
        writer.0
    }

    /// The index that these bytes are. None: they are none, or of another version.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take(4)? != VERSION.to_le_bytes() {
            return None;
        }
        let mut index = Self::default();
        for _ in 0..reader.count()? {
            let spelling = String::from_utf8(reader.list(|[byte]: [u8; 1]| byte)?).ok()?;
            index.lexical.intern(&spelling);
            index.spellings.push(spelling.into());
        }
        index.terms = reader.list(u32::from_le_bytes)?;
        index.counts = reader.list(|[count]: [u8; 1]| count)?;
        let ends = reader.list(u64::from_le_bytes)?;
        index.ends = ends.into_iter().filter_map(|end| usize::try_from(end).ok()).collect();
        index.gone = reader.list(|[gone]: [u8; 1]| gone != 0)?;
        index.semantic = semantic(&mut reader)?;
        if reader.take(1)? != [0] {
            let size = reader.count()?;
            let bytes = reader.list(i8::from_le_bytes)?;
            index.given = Some(Given::of_stored(size, bytes, reader.list(f32::from_le_bytes)?)?);
        }
        let in_order = index.ends.is_sorted() && index.ends.last().copied().unwrap_or(0) == index.terms.len();
        let texts = index.ends.len();
        let fits = index.counts.len() == index.terms.len()
            && index.gone.len() == texts
            && index.semantic.len() == texts
            && index.given.as_ref().is_none_or(|given| given.scales.len() == texts)
            && index.terms.iter().all(|term| (*term as usize) < index.spellings.len());
        if !in_order || !fits || !reader.0.is_empty() {
            return None;
        }
        index.lexical = counted(&index);
        Some(index)
    }
}

/// The words' side of an index whose terms are read.
fn counted(index: &Index) -> Lexical {
    let mut lexical = index.lexical.clone();
    for text in 0..index.ends.len() {
        let number = lexical.insert(&index.bag(text));
        if index.gone[text] {
            lexical.remove(number);
        }
    }
    lexical
}

fn semantic(reader: &mut Reader<'_>) -> Option<Semantic> {
    let is_learnt = reader.take(1)? != [0];
    let mean = reader.floats()?;
    let mut terms = Vec::new();
    for _ in 0..reader.count()? {
        let vector: Vec<f32> = reader.list(f32::from_le_bytes)?;
        terms.push(match vector.len() {
            0 => None,
            _ => Some(Box::new(<[f32; SIZE]>::try_from(vector).ok()?)),
        });
    }
    let count = reader.count()?;
    let bytes = reader.take(count.checked_mul(SIZE + 4)?)?;
    let (chunks, _) = bytes.as_chunks::<{ SIZE + 4 }>();
    let vectors = chunks.iter().filter_map(|chunk| {
        let (bytes, scale) = chunk.split_first_chunk::<SIZE>()?;
        Some((bytes.map(u8::cast_signed), f32::from_le_bytes(scale.try_into().ok()?)))
    });
    let vectors = vectors.collect();
    let words = reader.list(u64::from_le_bytes)?;
    let (signatures, _) = words.as_chunks();
    Semantic::of_stored(Stored { is_learnt, mean, terms, vectors, signatures: signatures.to_vec() })
}

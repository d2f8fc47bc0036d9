//! What texts are about: vectors that are learnt from the company that terms keep in these very texts.
//!
//! The vectors of terms are the leading directions of the matrix of texts and terms (latent semantic indexing: Deerwester et
//! al., 1990), found by a random start and a step of subspace iteration (Halko, Martinsson and Tropp, "Finding Structure with
//! Randomness", 2011). The random start of a term is that of its letters' triples, so that before anything is learnt, texts
//! with words that are written alike are alike.
//!
//! A text's vector is kept in bytes, and its signature in bits: the signs of the vector's differences from the mean in random
//! directions (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", 2002). A search counts the bits that
//! differ for every text, and multiplies the vectors of the nearest.

use fearless_simd::{Level, dispatch};

use crate::lexical::Scored;
use crate::numbers::Numbers;

/// Numbers of a vector.
pub const SIZE: usize = 128;
/// Words of a signature, 64 bits each.
const WORDS: usize = 2;
const BITS: usize = WORDS * 64;
/// Texts whose vectors are multiplied, of those whose signatures are nearest.
const LOOKED_AT: usize = 2_000;

/// A vector.
pub type Vector = [f32; SIZE];
type Signature = [u64; WORDS];

/// A vector in bytes, and what makes its length 1.
#[derive(Clone, Copy, Debug)]
struct Kept {
    bytes: [i8; SIZE],
    scale: f32,
}

/// What is known of terms, and of texts.
#[derive(Clone, Debug)]
pub struct Semantic {
    level: Level,
    /// Of each term: its vector. Those that were never learnt have none.
    terms: Vec<Option<Box<Vector>>>,
    is_learnt: bool,
    mean: Vector,
    directions: Vec<Vector>,
    vectors: Vec<Kept>,
    signatures: Vec<Signature>,
}

impl Default for Semantic {
    fn default() -> Self {
        let direction = |n: usize| {
            let mut numbers = Numbers::of(0x00C0_D17E_C700 + n as u64);
            let mut vector = [0.0; SIZE];
            vector.fill_with(|| near_normal(&mut numbers));
            vector
        };
        Self {
            level: Level::new(),
            terms: Vec::new(),
            is_learnt: false,
            mean: [0.0; SIZE],
            directions: (0..BITS).map(direction).collect(),
            vectors: Vec::new(),
            signatures: Vec::new(),
        }
    }
}

/// A sum of four numbers, which is near enough to a normal one.
fn near_normal(numbers: &mut Numbers) -> f32 {
    let bits = numbers.bits();
    (0..4).map(|n| f32::from((bits >> (16 * n)) as u16) / 65_536.0 - 0.5).sum()
}

/// The vector of a term of which nothing is known but its letters.
fn spelt(term: &str, number: u32, into: &mut Vector) {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let mut add = |seed: u64, weight: f32| {
        let mut numbers = Numbers::of(seed);
        for at in (0..SIZE).step_by(64) {
            let bits = numbers.bits();
            for (n, number) in into[at..at + 64].iter_mut().enumerate() {
                *number += if bits >> n & 1 == 1 { weight } else { -weight };
            }
        }
    };
    if term.is_empty() {
        add(u64::from(number), 1.0);
        return;
    }
    add(hash(term.as_bytes()), 1.0);
    let framed: Vec<u8> = [b"<", term.as_bytes(), b">"].concat();
    let triples = framed.len().saturating_sub(2).max(1) as f32;
    for triple in framed.windows(3) {
        add(hash(triple), 1.0 / triples.sqrt());
    }
}

fn normalise(vector: &mut Vector) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
}

#[inline(always)]
fn add(to: &mut Vector, from: &Vector, weight: f32) {
    for n in 0..SIZE {
        to[n] += weight * from[n];
    }
}

/// Eight sums side by side: the order of additions is the program's, and no compiler changes it.
#[inline(always)]
fn dot(a: &Vector, b: &Vector) -> f32 {
    let mut sums = [0.0_f32; 8];
    for n in (0..SIZE).step_by(8) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += a[n + lane] * b[n + lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// What is kept of it on a disk.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) is_learnt: bool,
    pub(crate) mean: Vector,
    pub(crate) terms: Vec<Option<Box<Vector>>>,
    /// Of each text: its vector in bytes, and what makes its length 1.
    pub(crate) vectors: Vec<([i8; SIZE], f32)>,
    pub(crate) signatures: Vec<[u64; WORDS]>,
}

/// A text as it is learnt from: terms with their weights.
pub type Weighted = Vec<(u32, f32)>;

impl Semantic {
    /// What is to be kept of it.
    pub(crate) fn stored(&self) -> Stored {
        Stored {
            is_learnt: self.is_learnt,
            mean: self.mean,
            terms: self.terms.clone(),
            vectors: self.vectors.iter().map(|kept| (kept.bytes, kept.scale)).collect(),
            signatures: self.signatures.clone(),
        }
    }

    /// It from what was kept. None: that does not belong together.
    pub(crate) fn of_stored(stored: Stored) -> Option<Self> {
        let Stored { is_learnt, mean, terms, vectors, signatures } = stored;
        let vectors: Vec<Kept> = vectors.into_iter().map(|(bytes, scale)| Kept { bytes, scale }).collect();
        let fits = vectors.len() == signatures.len();
        fits.then(|| Self { is_learnt, mean, terms, vectors, signatures, ..Self::default() })
    }

    /// How many texts there are, those that are gone among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// The vector of a text. `spelling`: the letters of a term, for one of which nothing is known.
    #[must_use]
    pub fn vector(&self, text: &Weighted, spelling: &dyn Fn(u32) -> String) -> Vector {
        let mut sum = [0.0; SIZE];
        for (term, weight) in text {
            match self.terms.get(*term as usize) {
                Some(Some(vector)) => add(&mut sum, vector, *weight),
                // What was learnt and what is only spelt have nothing in common.
                Some(None) | None if self.is_learnt => {}
                Some(None) | None => {
                    let mut vector = [0.0; SIZE];
                    spelt(&spelling(*term), *term, &mut vector);
                    add(&mut sum, &vector, *weight);
                }
            }
        }
        normalise(&mut sum);
        sum
    }

    /// Keeps the vector of the next text.
    pub fn insert(&mut self, vector: &Vector) {
        self.vectors.push(kept(vector));
        let signature = self.signature(vector);
        self.signatures.push(signature);
    }

    fn signature(&self, vector: &Vector) -> Signature {
        let mut centred = *vector;
        add(&mut centred, &self.mean, -1.0);
        dispatch!(self.level, _simd => signs(&centred, &self.directions))
    }

    /// Learns the vectors of terms from texts, and forgets those of all texts: they are to be inserted anew.
    pub fn learn(&mut self, texts: &[Weighted], terms: usize, spelling: &dyn Fn(u32) -> String) {
        let mut rows: Vec<Weighted> = texts.to_vec();
        for row in &mut rows {
            let length =
                row.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            row.iter_mut().for_each(|(_, weight)| *weight /= length);
        }
        let mut of_terms = vec![[0.0; SIZE]; terms];
        for (term, vector) in of_terms.iter_mut().enumerate() {
            let term = u32::try_from(term).unwrap_or(u32::MAX);
            spelt(&spelling(term), term, vector);
        }
        let level = self.level;
        dispatch!(level, _simd => {
            turn(&rows, &mut of_terms, true);
            turn(&rows, &mut of_terms, false);
            orthonormalise(&mut of_terms);
        });
        let mut seen = vec![false; terms];
        rows.iter().flatten().for_each(|(term, _)| seen[*term as usize] = true);
        let known = of_terms.into_iter().zip(seen);
        self.terms = known.map(|(vector, seen)| seen.then(|| Box::new(vector))).collect();
        self.is_learnt = true;
        self.vectors.clear();
        self.signatures.clear();
        let mut mean = [0.0; SIZE];
        for row in &rows {
            add(&mut mean, &self.vector(row, spelling), 1.0 / rows.len() as f32);
        }
        self.mean = mean;
    }

    /// How alike a vector and a text are: the cosine, -1 to 1.
    #[must_use]
    pub fn alike(&self, vector: &Vector, text: u32) -> f32 {
        let Some(of_text) = self.vectors.get(text as usize) else { return 0.0 };
        dispatch!(self.level, _simd => cosine(&kept(vector), of_text))
    }

    /// The texts that are most alike, the best first, by their signatures. `is_gone`: those that do not count.
    #[must_use]
    pub fn search(
        &self,
        vector: &Vector,
        most: usize,
        is_gone: &(dyn Fn(u32) -> bool + Sync),
    ) -> Vec<Scored> {
        let asked = self.signature(vector);
        let looked_at = LOOKED_AT.max(most);
        let near = dispatch!(self.level, _simd => nearest(&asked, &self.signatures, looked_at));
        let asked = kept(vector);
        let mut all = dispatch!(self.level, _simd => scored(&asked, &self.vectors, &near));
        all.retain(|scored| !is_gone(scored.text));
        let most = most.min(all.len());
        if most > 0 && most < all.len() {
            all.select_nth_unstable(most - 1);
        }
        all.truncate(most);
        all.sort_unstable();
        all
    }

    /// The same by a look at every text: what a search is measured against.
    #[must_use]
    pub fn exact(&self, vector: &Vector, most: usize, is_gone: &(dyn Fn(u32) -> bool + Sync)) -> Vec<Scored> {
        let asked = kept(vector);
        let every: Vec<u32> = (0_u32..).take(self.vectors.len()).collect();
        let mut all = dispatch!(self.level, _simd => scored(&asked, &self.vectors, &every));
        all.retain(|scored| !is_gone(scored.text));
        all.sort_unstable();
        all.truncate(most);
        all
    }
}

/// A vector in bytes, as long as they can hold.
fn kept(vector: &Vector) -> Kept {
    let largest = vector.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let scale = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut bytes = [0; SIZE];
    let mut squares = 0_i32;
    for (byte, x) in bytes.iter_mut().zip(vector) {
        // Within -127 to 127 by its scale.
        *byte = (x * scale).round() as i8;
        squares += i32::from(*byte) * i32::from(*byte);
    }
    let scale = if squares > 0 { 1.0 / (squares as f32).sqrt() } else { 0.0 };
    Kept { bytes, scale }
}

#[inline(always)]
fn cosine(a: &Kept, b: &Kept) -> f32 {
    let mut product = 0_i32;
    for n in 0..SIZE {
        product += i32::from(a.bytes[n]) * i32::from(b.bytes[n]);
    }
    product as f32 * a.scale * b.scale
}

/// On which side of each direction a vector lies.
#[inline(always)]
fn signs(vector: &Vector, directions: &[Vector]) -> Signature {
    let mut signature = [0; WORDS];
    for (n, direction) in directions.iter().enumerate() {
        signature[n / 64] |= u64::from(dot(vector, direction) > 0.0) << (n % 64);
    }
    signature
}

/// The texts whose signatures differ in the fewest bits, at most so many. Loops and no iterators that are handed closures: these
/// would be compiled without the wide instructions.
#[inline(always)]
fn nearest(asked: &Signature, all: &[Signature], most: usize) -> Vec<u32> {
    let mut distances = vec![0_u8; all.len()];
    for (distance, of_text) in distances.iter_mut().zip(all) {
        let mut differ = 0;
        for n in 0..WORDS {
            differ += (asked[n] ^ of_text[n]).count_ones();
        }
        *distance = differ as u8;
    }
    let mut at = [0_usize; 256];
    for distance in &distances {
        at[usize::from(*distance)] += 1;
    }
    let (mut furthest, mut within) = (0_u8, 0);
    for count in at.iter().take(BITS + 1) {
        within += count;
        if within >= most {
            break;
        }
        furthest = furthest.saturating_add(1);
    }
    // Of those that are as far as the last, the first ones.
    let mut room = most.saturating_sub(within - at[usize::from(furthest)]);
    let mut near = Vec::with_capacity(most);
    for (text, distance) in distances.iter().enumerate() {
        if *distance > furthest || (*distance == furthest && room == 0) {
            continue;
        }
        room -= usize::from(*distance == furthest);
        near.push(text as u32);
    }
    near
}

/// How alike each of these texts is.
#[inline(always)]
fn scored(asked: &Kept, vectors: &[Kept], texts: &[u32]) -> Vec<Scored> {
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        all.push(Scored { score: cosine(asked, &vectors[*text as usize]), text: *text });
    }
    all
}

/// From vectors of terms to vectors of texts, and back. `evens`: the texts count alike, however long their vectors became.
#[inline(always)]
fn turn(rows: &[Weighted], of_terms: &mut [Vector], evens: bool) {
    let mut next = vec![[0.0; SIZE]; of_terms.len()];
    for row in rows {
        let mut text = [0.0; SIZE];
        for (term, weight) in row {
            add(&mut text, &of_terms[*term as usize], *weight);
        }
        if evens {
            normalise(&mut text);
        }
        for (term, weight) in row {
            add(&mut next[*term as usize], &text, *weight);
        }
    }
    of_terms.copy_from_slice(&next);
}

/// Makes the columns orthonormal (modified Gram-Schmidt), so that the strongest direction does not drown the others.
#[inline(always)]
fn orthonormalise(rows: &mut [Vector]) {
    for column in 0..SIZE {
        let length = rows.iter().map(|row| row[column] * row[column]).sum::<f32>().sqrt();
        let scale = if length > f32::EPSILON { 1.0 / length } else { 0.0 };
        let mut shares = [0.0_f32; SIZE];
        for row in rows.iter_mut() {
            row[column] *= scale;
            let own = row[column];
            for (share, other) in shares[column + 1..].iter_mut().zip(&row[column + 1..]) {
                *share += own * other;
            }
        }
        for row in rows.iter_mut() {
            let own = row[column];
            for (share, other) in shares[column + 1..].iter().zip(&mut row[column + 1..]) {
                *other -= share * own;
            }
        }
    }
}

//! Vectors of texts that were given, in bytes.

/// Of each text its numbers, as long as bytes can hold them; all zero where it has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// How many numbers a vector has. 0: none was given yet.
    size: usize,
    /// The vectors, one behind the other.
    pub(super) bytes: Vec<i8>,
    /// What makes the length of each 1. 0: it has none.
    pub(super) scales: Vec<f32>,
}

/// A vector in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<i8>,
    scale: f32,
}

impl Packed {
    pub(super) fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        if largest <= 0.0 || !largest.is_finite() {
            return Self::default();
        }
        // Within -127 to 127 by the scale.
        let bytes: Vec<i8> = vector.iter().map(|x| (x * 127.0 / largest).round() as i8).collect();
        let squares: f32 = bytes.iter().map(|byte| f32::from(*byte).powi(2)).sum();
        Self { bytes, scale: if squares > 0.0 { squares.sqrt().recip() } else { 0.0 } }
    }
}

impl Given {
    /// Vectors as they were kept. None: they do not belong together.
    pub(super) fn of_stored(size: usize, bytes: Vec<i8>, scales: Vec<f32>) -> Option<Self> {
        (scales.len().checked_mul(size)? == bytes.len()).then_some(Self { size, bytes, scales })
    }

    /// How many numbers a vector has.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Keeps the vector of the next text. One of another length than the others is none.
    pub(super) fn push(&mut self, vector: Option<&[f32]>) {
        if let (0, Some(vector)) = (self.size, vector) {
            self.size = vector.len();
            self.bytes.resize(self.scales.len() * self.size, 0);
        }
        let packed = vector.filter(|vector| vector.len() == self.size).map(Packed::of).unwrap_or_default();
        self.bytes.extend(&packed.bytes);
        self.scales.push(packed.scale);
        self.bytes.resize(self.scales.len() * self.size, 0);
    }

    fn of(&self, text: usize) -> Option<(&[i8], f32)> {
        let bytes = self.bytes.get(text * self.size..(text + 1) * self.size)?;
        Some((bytes, *self.scales.get(text)?)).filter(|(_, scale)| *scale > 0.0)
    }

    /// A text as terms with weights: the numbers of its vector, by place.
    pub(super) fn weighted(&self, text: usize) -> Vec<(u32, f32)> {
        let Some((bytes, scale)) = self.of(text) else { return Vec::new() };
        (0..).zip(bytes).map(|(place, byte)| (place, f32::from(*byte) * scale)).collect()
    }

    /// How alike a vector and a text are: the cosine, -1 to 1; 0 where one of them has none.
    pub(super) fn alike(&self, asked: &Packed, text: u32) -> f32 {
        match self.of(text as usize) {
            Some((bytes, scale)) if bytes.len() == asked.bytes.len() => {
                let products = bytes.iter().zip(&asked.bytes).map(|(a, b)| i32::from(*a) * i32::from(*b));
                // 16,384 products of at most 16,129 each are within an i32.
                products.sum::<i32>() as f32 * scale * asked.scale
            }
            _ => 0.0,
        }
    }
}

/// A vector as terms with weights, its length 1.
pub(super) fn weighted(vector: &[f32]) -> Vec<(u32, f32)> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let scale = if length > 0.0 { length.recip() } else { 0.0 };
    (0..).zip(vector).map(|(place, x)| (place, x * scale)).collect()
}

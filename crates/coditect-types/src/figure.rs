//! Figures: what is counted and measured, for whoever watches from outside. The doors write them in the form that a reader wants.

/// How a figure may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only grows, as long as the process lives.
    Counter,
    /// How many things were how large.
    Histogram,
}

/// A family of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name, by Prometheus' conventions unless another standard has one.
    pub name: &'static str,
    /// How it may change.
    pub kind: Kind,
    /// Its unit in UCUM, such as `s`, `By`, `{token}`; `1` where it has none.
    pub unit: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
}

/// What a figure comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// So many.
    Count(u64),
    /// So many of which `per` make one of the unit, such as 1,000 ms that make a second.
    Part {
        /// How many.
        n: u64,
        /// How many make one; a power of ten.
        per: u64,
    },
    /// How many things were how large.
    Spread(Spread),
}

/// A figure under its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Names and values; the values are of a bounded set.
    pub labels: Vec<(&'static str, String)>,
    /// What it comes to.
    pub amount: Amount,
}

/// A family with what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub family: Family,
    /// A point for each set of labels.
    pub points: Vec<Point>,
}

impl Family {
    /// One that goes up and down.
    #[must_use]
    pub const fn gauge(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, unit, help }
    }

    /// One that only grows.
    #[must_use]
    pub const fn counter(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, unit, help }
    }

    /// One of sizes.
    #[must_use]
    pub const fn histogram(name: &'static str, unit: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, unit, help }
    }
}

impl Point {
    /// A count without a label.
    #[must_use]
    pub fn plain(n: u64) -> Self {
        Self { labels: Vec::new(), amount: Amount::Count(n) }
    }

    /// A count under one label.
    #[must_use]
    pub fn labelled(label: &'static str, value: impl Into<String>, n: u64) -> Self {
        Self { labels: vec![(label, value.into())], amount: Amount::Count(n) }
    }
}

/// Upper ends of the buckets of times, ms: from a step of the machine to an hour.
const TIMES_MS: [u64; 18] = [
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_200_000,
    1_800_000, 3_600_000,
];

/// How many things were how large: a histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Upper ends of the buckets.
    ends: &'static [u64],
    /// By bucket, each with the things that are in no smaller one; the last is of those that are in none.
    counts: Vec<u64>,
    sum: u64,
    /// How many of what is counted make one of the family's unit.
    per: u64,
}

/// Of times: told in ms, in the unit of seconds.
impl Default for Spread {
    fn default() -> Self {
        Self::new(&TIMES_MS, 1_000)
    }
}

impl Spread {
    /// Of nothing yet, in buckets that end at `ends`, in a size of which `per` (a power of ten) make one of the unit.
    #[must_use]
    pub fn new(ends: &'static [u64], per: u64) -> Self {
        Self { ends, counts: vec![0; ends.len() + 1], sum: 0, per: per.max(1) }
    }

    /// Counts one more, of this size.
    pub fn see(&mut self, size: u64) {
        let bucket = self.ends.iter().position(|end| size <= *end).unwrap_or(self.ends.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(size);
    }

    /// Adds another of the same buckets.
    pub fn add(&mut self, more: &Self) {
        debug_assert_eq!(self.ends, more.ends, "sizes in other buckets are other sizes");
        self.counts.iter_mut().zip(&more.counts).for_each(|(sum, n)| *sum += n);
        self.sum = self.sum.saturating_add(more.sum);
    }

    /// Upper ends of the buckets.
    #[must_use]
    pub fn ends(&self) -> &'static [u64] {
        self.ends
    }

    /// How many are in each bucket and in no smaller one; the last is of those above all ends.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// All sizes together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many of the sizes make one of the family's unit.
    #[must_use]
    pub fn per(&self) -> u64 {
        self.per
    }
}

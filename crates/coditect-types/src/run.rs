//! Runs in the sandboxes in the course of an attempt, as it tells of them: all of them counted, a few of them one by one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::Tier;

/// Runs of an attempt that are told one by one at most: a search may need thousands of them.
pub const MOST_TOLD: usize = 32;

/// The first so many of an attempt are among those, whatever came of them.
const FIRST: usize = 8;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// By itself.
    Exited,
    /// By a signal that the sandbox did not send.
    Signal,
    /// Killed at the wall clock limit.
    TimedOut,
    /// Killed at the memory limit.
    OutOfMemory,
    /// Ended early, since what was looked for was seen.
    Enough,
    /// Ended early, since nobody wanted it any more.
    Stopped,
    /// It broke in a way that is its own fault.
    Crashed,
    /// Nothing was run: a protection could not be had.
    Refused,
    /// Nobody knows.
    Lost,
}

impl RunEnd {
    /// The word for it, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Signal => "signal",
            Self::TimedOut => "timed_out",
            Self::OutOfMemory => "out_of_memory",
            Self::Enough => "enough",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }

    /// Whether it did not come as far as it would have, though nobody asked for that.
    #[must_use]
    pub fn is_killed(self) -> bool {
        match self {
            Self::Signal
            | Self::TimedOut
            | Self::OutOfMemory
            | Self::Crashed
            | Self::Refused
            | Self::Lost => true,
            Self::Exited | Self::Enough | Self::Stopped => false,
        }
    }
}

/// Runs that are alike in where they were and how they ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunCount {
    /// Where.
    pub tier: Tier,
    /// How.
    pub end: RunEnd,
    /// How many.
    pub runs: u64,
    /// What they took together, µs: more than the attempt, where several were at the same time.
    pub took_us: u64,
}

/// A single run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Where.
    pub tier: Tier,
    /// How it ended.
    pub end: RunEnd,
    /// When it began, µs since whoever performs the attempt began with it, by their monotonic clock.
    pub after_us: u64,
    /// What it took, µs.
    pub took_us: u64,
}

impl Run {
    /// What is told rather: one that was killed, then one that took longer.
    fn weight(&self) -> (bool, u64) {
        (self.end.is_killed(), self.took_us)
    }
}

/// The runs of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Runs {
    /// All of them, by tier and end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<RunCount>,
    /// Some of them (at most 32), in the order in which they began: the first, those that were killed, the slowest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Run>,
}

impl Runs {
    /// Whether nothing was run, or nobody told of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Takes note of a run that has ended. What that takes does not grow with the runs: a search in warm guests has one for each
    /// candidate, and some take less than a millisecond.
    pub fn note(&mut self, run: Run) {
        match self.ends.iter_mut().find(|count| (count.tier, count.end) == (run.tier, run.end)) {
            Some(count) => {
                count.runs += 1;
                count.took_us = count.took_us.saturating_add(run.took_us);
            }
            None => {
                let Run { tier, end, took_us, .. } = run;
                self.ends.push(RunCount { tier, end, runs: 1, took_us });
            }
        }
        if self.told.len() < MOST_TOLD {
            self.told.push(run);
            return;
        }
        let least = self.told.iter_mut().skip(FIRST).min_by_key(|told| told.weight());
        if let Some(least) = least.filter(|least| least.weight() < run.weight()) {
            *least = run;
        }
    }

    /// The same in the order in which they are kept: nothing is noted any more.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.ends.sort_unstable_by_key(|count| (count.tier, count.end));
        self.told.sort_by_key(|run| run.after_us);
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use super::*;
    use crate::outcome::Spent;
    use crate::words::{every, words};

    fn run(end: RunEnd, after_us: u64, took_us: u64) -> Run {
        Run { tier: Tier::Wasm, end, after_us, took_us }
    }

    #[test]
    fn ends_have_the_words_of_their_json() {
        assert!(words::<RunEnd>().iter().eq(every::<RunEnd>().map(RunEnd::word).collect::<Vec<_>>()));
        assert!(words::<Tier>().iter().eq(every::<Tier>().map(Tier::word).collect::<Vec<_>>()));
    }

    #[test]
    fn the_first_the_killed_and_the_slowest_are_told() {
        let mut runs = Runs::default();
        for n in 0..10_000_u64 {
            // A run in a hundred is slow, and three are killed, which take no time at all.
            let took_us = if n % 100 == 50 { 10_000 + n } else { 1 + n % 7 };
            let end = if [77, 5_001, 9_999].contains(&n) { RunEnd::OutOfMemory } else { RunEnd::Exited };
            runs.note(run(end, n, took_us));
        }
        let runs = runs.in_order();
        assert_eq!(runs.told.len(), MOST_TOLD);
        assert!(runs.told.windows(2).all(|two| two[0].after_us < two[1].after_us), "in order, each once");
        assert!(runs.told.iter().take(FIRST).map(|run| run.after_us).eq(0..FIRST as u64));
        let killed: Vec<u64> =
            runs.told.iter().filter(|run| run.end.is_killed()).map(|run| run.after_us).collect();
        assert_eq!(killed, [77, 5_001, 9_999]);
        let slow = runs.told.iter().filter(|run| run.took_us >= 10_000).map(|run| run.after_us);
        let slowest = (0..100).map(|n| 100 * n + 50).skip(100 - (MOST_TOLD - FIRST - 3));
        assert!(slow.eq(slowest), "{:?}", runs.told);
    }

    #[test]
    fn where_all_are_killed_the_slowest_of_them_are_told() {
        let mut runs = Runs::default();
        (0..1_000).for_each(|n| runs.note(run(RunEnd::TimedOut, n, n)));
        let told: Vec<u64> = runs.in_order().told.iter().map(|run| run.after_us).collect();
        assert!(told.into_iter().eq((0..8).chain(976..1_000)));
    }

    #[test]
    fn what_an_older_build_wrote_is_read_and_what_is_empty_is_not_written() {
        let old = r#"{"candidates":3,"sandbox_runs":4,"wall_ms":5}"#;
        let spent: Spent = serde_json::from_str(old).unwrap();
        assert!(spent.runs.is_empty() && spent.sandbox_runs == 4);
        assert_eq!(serde_json::to_string(&spent).unwrap(), old);
        let mut runs = Runs::default();
        runs.note(run(RunEnd::TimedOut, 3, 5));
        let spent = Spent { runs, ..spent };
        let text = serde_json::to_string(&spent).unwrap();
        assert!(
            text.contains(r#""ends":[{"tier":"wasm","end":"timed_out","runs":1,"took_us":5}]"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Spent>(&text).unwrap(), spent);
    }
}

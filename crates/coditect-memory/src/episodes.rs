//! The memory of missions: episodes that are read when something is asked, and found by their situation.

use std::fmt;
use std::sync::OnceLock;

use coditect_ports::memory::{Recalled, Situation};
use coditect_ports::{Memory, PortError};

use crate::episode::{Episode, Symptom, symptoms};
use crate::index::{Index, Part};

/// From so many episodes on it is worth to learn what their words mean.
const LEARNS_FROM: usize = 50;
/// Episodes that are looked at for one answer, for each that is asked for.
const DEEPER: usize = 5;

/// Reads the episodes, the oldest first.
pub type Load = Box<dyn Fn() -> Result<Vec<Episode>, PortError> + Send + Sync>;

/// Episodes and the way to them. They are read once, when something is asked for the first time.
pub struct Episodes {
    load: Load,
    known: OnceLock<(Vec<Episode>, Index)>,
}

impl fmt::Debug for Episodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Episodes")
            .field("known", &self.known.get().map(|(episodes, _)| episodes.len()))
            .finish()
    }
}

/// An episode that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'e> {
    /// It.
    pub episode: &'e Episode,
    /// How well it fits, see [`crate::index::Hit::score`].
    pub score: f32,
}

impl Episodes {
    /// A memory of what `load` gives.
    #[must_use]
    pub fn new(load: Load) -> Self {
        Self { load, known: OnceLock::new() }
    }

    /// All episodes, the oldest first.
    pub fn all(&self) -> Result<&[Episode], PortError> {
        Ok(&self.known()?.0)
    }

    /// The episodes that fit a query best, the best first.
    pub fn search(&self, query: &str, most: usize) -> Result<Vec<Found<'_>>, PortError> {
        let (episodes, index) = self.known()?;
        let hits = index.search(query, most).into_iter();
        let found = hits
            .filter_map(|hit| Some(Found { episode: episodes.get(hit.text as usize)?, score: hit.score }));
        Ok(found.collect())
    }

    fn known(&self) -> Result<&(Vec<Episode>, Index), PortError> {
        if let Some(known) = self.known.get() {
            return Ok(known);
        }
        let episodes = (self.load)()?;
        let mut index = Index::default();
        for episode in &episodes {
            let (said, change) = (told(&episode.symptoms), changed(episode));
            index.insert(&[
                Part { text: &episode.request, weight: 2 },
                Part { text: &said, weight: 1 },
                Part { text: &change, weight: 1 },
            ]);
        }
        if episodes.len() >= LEARNS_FROM {
            index.learn();
        }
        // Whoever was faster read the same.
        Ok(self.known.get_or_init(|| (episodes, index)))
    }
}

/// What red tests say, as words.
fn told(symptoms: &[Symptom]) -> String {
    let lines: Vec<String> =
        symptoms.iter().map(|of| format!("{} {} {}", of.test, of.error, of.said)).collect();
    lines.join("\n")
}

/// What was changed, as words: the lines around it tell what the code is about.
fn changed(episode: &Episode) -> String {
    let Some(accepted) = &episode.accepted else { return String::new() };
    format!("{}\n{}", accepted.explanation, accepted.diff)
}

impl Memory for Episodes {
    fn recall(&self, situation: &Situation<'_>, most: usize) -> Result<Vec<Recalled>, PortError> {
        let query = format!("{}\n{}", situation.request, told(&symptoms(situation.red.iter())));
        let found = self.search(&query, most * DEEPER)?;
        let best = found.first().map_or(1.0, |first| first.score.max(f32::MIN_POSITIVE));
        let fits = found.into_iter().filter(|found| found.episode.language == situation.language);
        let recalled = fits.filter_map(|Found { episode, score }| {
            let likeness = f64::from((score / best).clamp(0.05, 1.0));
            Some(Recalled { episode: episode.id.clone(), edits: episode.edits()?, likeness })
        });
        Ok(recalled.take(most).collect())
    }
}

#[cfg(test)]
mod tests {
    use coditect_types::{MissionId, MissionStatus, Rung};

    use super::*;
    use crate::episode::Accepted;

    fn episode(n: u64, error: &str, before: &str, after: &str) -> Episode {
        let diff = format!("--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-{before}\n+{after}\n");
        Episode {
            id: MissionId::from_parts(n * 1_000, n),
            workspace: "/repo".into(),
            ended_ms: n,
            status: MissionStatus::Verified,
            request: "make the failing tests pass".into(),
            language: if n == 3 { "go".into() } else { "python".into() },
            symptoms: vec![Symptom {
                test: format!("test_{n}.py::test_mean"),
                error: error.into(),
                said: String::new(),
            }],
            refused: Vec::new(),
            accepted: Some(Accepted {
                rung: Rung::Reflex,
                explanation: "a value was off by one".into(),
                diff,
            }),
            wall_ms: 5,
        }
    }

    #[test]
    fn the_most_alike_situation_of_the_same_language_comes_first() {
        let all = || {
            Ok(vec![
                episode(1, "IndexError", "x[n]", "x[n - 1]"),
                episode(2, "ZeroDivisionError", "a / b", "a / b if b else 0"),
                episode(3, "ZeroDivisionError", "a / b", "a / c"),
            ])
        };
        let memory = Episodes::new(Box::new(all));
        let red = coditect_types::TestResult {
            id: "t.py::test_average".into(),
            status: coditect_types::TestStatus::Errored,
            us: 1,
            message: "division by zero".into(),
            error_type: "ZeroDivisionError".into(),
            frames: Vec::new(),
            passes_of_runs: None,
        };
        let situation = Situation { request: "fix it", language: "python", red: &[red] };
        let recalled = memory.recall(&situation, 5).unwrap_or_default();
        let edits: Vec<&str> = recalled.iter().map(|of| of.edits[0].after.as_str()).collect();
        assert_eq!(edits, ["a / b if b else 0\n", "x[n - 1]\n"]);
        assert!(recalled[0].likeness > recalled[1].likeness);
    }

    #[test]
    fn a_memory_that_cannot_be_read_says_so() {
        let broken = || Err(PortError::new(coditect_types::ErrorKind::Unavailable, "the disk is away"));
        let memory = Episodes::new(Box::new(broken));
        assert!(memory.search("x", 1).is_err());
    }
}

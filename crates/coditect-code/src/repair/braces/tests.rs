use coditect_types::Suspect;

use super::Project;
use crate::languages::Language;
use crate::repair::{Candidate, Problem, Source};

/// All scores.
const ALL: std::ops::Range<f64> = 0.0..f64::INFINITY;

mod properties;
mod slips;

/// The file name that each language's programs of these tests have.
fn file_of(language: Language) -> String {
    format!("src/m.{}", language.extensions()[0])
}

fn candidates_of(sources: &[Source], suspects: &[Suspect]) -> Vec<Candidate> {
    let problem = Problem { sources, suspects, ..Problem::default() };
    let Some(project) = Project::read(&problem) else { return Vec::new() };
    let mut made = project.candidates(&project.units(), &ALL);
    made.sort_by(|a, b| b.score.total_cmp(&a.score));
    made
}

/// The place of the first candidate that makes `new` of `old`.
fn place_of(language: Language, old: &str, new: &str) -> Option<usize> {
    let sources = [Source { path: file_of(language), text: old.to_owned() }];
    candidates_of(&sources, &[]).iter().position(|candidate| {
        candidate.apply(&sources).is_some_and(|overlay| overlay[&sources[0].path] == new)
    })
}

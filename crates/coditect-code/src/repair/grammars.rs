//! The grammars of edits of all languages, behind one door: a project may be written in several.

use std::ops::Range;

use crate::repair::{Candidate, Problem, braces, python};

/// A region whose candidates can be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    Python(python::Unit),
    Braces(braces::Unit),
}

impl Unit {
    /// How suspicious its most suspicious place is.
    pub(super) fn weight(&self) -> f64 {
        match self {
            Self::Python(unit) => unit.weight,
            Self::Braces(unit) => unit.weight,
        }
    }

    /// How suspicious a place in it can be at most, by all that is known.
    pub(super) fn most(&self) -> f64 {
        match self {
            Self::Python(unit) => unit.most,
            Self::Braces(unit) => unit.weight,
        }
    }
}

/// A project's files, ready to have candidates made of them.
pub(super) struct Grammars<'p> {
    python: Option<python::Project<'p>>,
    braces: Option<braces::Project<'p>>,
}

impl<'p> Grammars<'p> {
    /// Reads the files that may be edited.
    pub(super) fn read(problem: &'p Problem<'p>) -> Self {
        Self { python: python::Project::read(problem), braces: braces::Project::read(problem) }
    }

    /// Regions, the most suspicious first.
    pub(super) fn units(&self) -> Vec<Unit> {
        let python = self.python.iter().flat_map(python::Project::units).map(Unit::Python);
        let braces = self.braces.iter().flat_map(braces::Project::units).map(Unit::Braces);
        let mut units: Vec<Unit> = python.chain(braces).collect();
        units.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
        units
    }

    /// The candidates of some regions that have these scores.
    pub(super) fn candidates(&self, units: &[Unit], scores: &Range<f64>) -> Vec<Candidate> {
        let (mut in_python, mut in_braces) = (Vec::new(), Vec::new());
        for unit in units {
            match unit {
                Unit::Python(unit) => in_python.push(*unit),
                Unit::Braces(unit) => in_braces.push(*unit),
            }
        }
        let mut made = Vec::new();
        if let (Some(python), false) = (&self.python, in_python.is_empty()) {
            made.extend(python.candidates(&in_python, scores));
        }
        if let (Some(braces), false) = (&self.braces, in_braces.is_empty()) {
            made.extend(braces.candidates(&in_braces, scores));
        }
        made
    }
}

//! Changes that a compiler suggests: all that it is sure of together, and each by itself.

use crate::repair::pool::shorten;
use crate::repair::{Candidate, Edit, EditKind, Place, Problem, notes};
use crate::suggestions::{self, Suggestion, byte_at};

/// What a suggestion counts that the compiler is sure of, one that it is not, and all sure ones together.
const FITS: [f64; 3] = [3.2, 2.2, 3.6];

pub(super) fn answer(problem: &Problem<'_>, message: &str) -> Vec<Candidate> {
    let suggested = suggestions::read(message);
    let mut made = Vec::new();
    let mut together: Vec<Edit> = Vec::new();
    for suggestion in &suggested {
        let Some(edits) = edits(problem, suggestion) else { continue };
        if suggestion.sure && !edits.iter().any(|edit| together.iter().any(|known| overlap(known, edit))) {
            together.extend(edits.iter().cloned());
        }
        let fit = FITS[usize::from(!suggestion.sure)] - 0.01 * made.len() as f64;
        made.extend(candidate(problem, edits, fit));
    }
    if suggested.iter().filter(|suggestion| suggestion.sure).count() > 1 {
        made.extend(candidate(problem, together, FITS[2]));
    }
    made
}

fn overlap(one: &Edit, two: &Edit) -> bool {
    one.path == two.path && one.range.start <= two.range.end && two.range.start <= one.range.end
}

/// The edits of a suggestion; None where it names a file or place that is not there.
fn edits(problem: &Problem<'_>, suggestion: &Suggestion) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    for part in &suggestion.parts {
        let source = &problem.sources[notes::find(&part.file, problem.sources)?];
        let range = byte_at(&source.text, part.from)?..byte_at(&source.text, part.to)?;
        let old = source.text.get(range.clone())?;
        if old == part.new {
            continue;
        }
        let crlf = source.text.contains("\r\n");
        let mut new = if crlf { part.new.replace('\n', "\r\n") } else { part.new.clone() };
        // An import comes with an empty line behind it, which is one too many among other imports.
        let eol = if crlf { "\r\n" } else { "\n" };
        let twice = eol.repeat(2);
        let next = source.text[range.end..].trim_start_matches(' ');
        if new.starts_with("use ")
            && new.ends_with(&twice)
            && (next.starts_with("use ") || next.starts_with(eol))
        {
            new.truncate(new.len() - eol.len());
        }
        edits.push(Edit { path: source.path.as_str().into(), range, new });
    }
    edits.sort_by(|a, b| (&a.path, a.range.start).cmp(&(&b.path, b.range.start)));
    (!edits.is_empty()).then_some(edits)
}

fn candidate(problem: &Problem<'_>, mut edits: Vec<Edit>, fit: f64) -> Option<Candidate> {
    edits.sort_by(|a, b| (&a.path, a.range.start).cmp(&(&b.path, b.range.start)));
    let place = |edit: &Edit| {
        let source = problem.sources.iter().find(|source| source.path == *edit.path)?;
        let line = source.text[..edit.range.start].matches('\n').count() + 1;
        Some(Place {
            path: edit.path.clone(),
            line: u32::try_from(line).ok()?,
            function: "".into(),
            before: shorten(source.text.get(edit.range.clone())?),
            after: shorten(&edit.new),
        })
    };
    let places = edits.iter().map(place).collect::<Option<Vec<Place>>>()?;
    (!edits.is_empty()).then_some(Candidate { edits, kind: EditKind::Recipe, score: fit, places })
}

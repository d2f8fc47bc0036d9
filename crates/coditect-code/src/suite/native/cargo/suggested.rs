//! What rustc suggests, out of its diagnostics.

use super::{Diagnostic, Span};
use crate::suggestions::{Part, Suggestion};

/// The suggestions of a diagnostic. Those with placeholders for what only a person knows are left out.
pub(super) fn of(diagnostic: &Diagnostic) -> Vec<Suggestion> {
    let mut found = Vec::new();
    let children = diagnostic.children.iter().map(|child| child.spans.as_slice());
    for spans in std::iter::once(diagnostic.spans.as_slice()).chain(children) {
        let parts: Vec<(Part, bool)> = spans.iter().filter_map(part).collect();
        // Places that differ are parts of one change; several texts for the same place are a choice.
        let overlaps = |n: usize| {
            let (part, _) = &parts[n];
            parts.iter().enumerate().any(|(m, (other, _))| {
                let same = (other.from, other.to) == (part.from, part.to);
                m != n && other.file == part.file && (same || other.from < part.to && part.from < other.to)
            })
        };
        if (0..parts.len()).any(overlaps) {
            found.extend(parts.into_iter().map(|(part, sure)| Suggestion { sure, parts: vec![part] }));
        } else if !parts.is_empty() {
            let sure = parts.iter().all(|(_, sure)| *sure);
            found.push(Suggestion { sure, parts: parts.into_iter().map(|(part, _)| part).collect() });
        }
    }
    found
}

fn part(span: &Span) -> Option<(Part, bool)> {
    let new = span.suggested_replacement.clone()?;
    let sure = match span.suggestion_applicability.as_deref() {
        Some("MachineApplicable") => true,
        Some("HasPlaceholders") => return None,
        _ => false,
    };
    let (from, to) = ((span.line_start, span.column_start), (span.line_end, span.column_end));
    Some((Part { file: span.file_name.clone(), from, to, new }, sure))
}

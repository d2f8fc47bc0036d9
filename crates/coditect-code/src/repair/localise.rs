//! Fault localisation: from the lines that each test ran to a list of suspicious lines.
//!
//! The score is Ochiai's (Abreu, Zoeteweij and van Gemund, "On the Accuracy of Spectrum-based Fault
//! Localization", 2007): `ef / sqrt((ef + nf) * (ef + ep))`, with `ef` and `nf` the red tests that ran and did not
//! run the line, and `ep` the green ones that ran it. Lines in the traceback of a red test are raised towards 1:
//! a crash names its place, though not always its cause.

use std::collections::BTreeMap;

use coditect_types::Suspect;
use coditect_types::testing::Frame;

#[cfg(test)]
mod tests;

/// How far the innermost frame of a red test's traceback raises its line towards 1.
const INNERMOST: f64 = 0.35;
/// How far the frames around it do.
const OUTER: f64 = 0.12;

/// The traceback of a red test.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// Innermost frame last.
    pub frames: &'a [Frame],
    /// Nothing else is known of where the test was.
    pub is_all: bool,
}

/// Suspicious lines, likeliest first; ties by file and line, so the same input gives the same list.
///
/// `per_test`: for each test whether it was red, and the lines (from 1) that it ran, by file. `traces`: the
/// tracebacks of the red tests. Lines that no red test ran and no traceback names are left
/// out; so are frames of files that no test's lines mention, unless none are known of the test itself, as where its file
/// could not be imported.
#[must_use]
pub fn rank(per_test: &[(bool, &BTreeMap<String, Vec<u32>>)], traces: &[Trace<'_>]) -> Vec<Suspect> {
    let red = per_test.iter().filter(|(red, _)| *red).count() as f64;
    let mut ran: BTreeMap<(&str, u32), (u32, u32)> = BTreeMap::new();
    for (red, lines) in per_test {
        for (file, lines) in *lines {
            let mut own = lines.clone();
            own.sort_unstable();
            own.dedup();
            for line in own {
                let (by_red, by_green) = ran.entry((file, line)).or_insert((0, 0));
                if *red { *by_red += 1 } else { *by_green += 1 }
            }
        }
    }
    let mut scores: BTreeMap<(&str, u32), f64> = ran
        .iter()
        .filter(|(_, (by_red, _))| *by_red > 0)
        .map(|(place, (by_red, by_green))| {
            let (ef, ep) = (f64::from(*by_red), f64::from(*by_green));
            (*place, ef / (red * (ef + ep)).sqrt())
        })
        .collect();
    for trace in traces {
        for (depth, frame) in trace.frames.iter().rev().enumerate() {
            let known = trace.is_all || ran.keys().any(|(file, _)| *file == frame.file);
            if known && frame.line > 0 {
                let score = scores.entry((frame.file.as_str(), frame.line)).or_insert(0.0);
                let share = if depth == 0 { INNERMOST } else { OUTER } / traces.len() as f64;
                *score += (1.0 - *score) * share;
            }
        }
    }
    let mut suspects: Vec<Suspect> = scores
        .into_iter()
        .map(|((file, line), score)| Suspect { file: file.to_owned(), line, score: score.clamp(0.0, 1.0) })
        .collect();
    suspects
        .sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| (&a.file, a.line).cmp(&(&b.file, b.line))));
    suspects
}

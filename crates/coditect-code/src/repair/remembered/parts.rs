//! A change of several places that was right elsewhere may be right here but for one of them.

use coditect_ports::PortError;

use crate::halves::{self, Seen};
use crate::repair::layers::{Overlay, compose};
use crate::repair::pick::{self, Survivor};
use crate::repair::search::batch::accepts;
use crate::repair::{Candidate, EditKind, Means, Problem, Scope};

/// Changes of which parts are tried, and parts of each.
const MOST: usize = 3;
const MOST_PARTS: usize = 24;

/// What tests say of a change.
pub(super) enum Fate {
    /// All accept it.
    Passes,
    /// It turns the red ones green and these red.
    Breaks(Vec<String>),
    /// It does not turn the red ones green, or not all that was green ran.
    DoesNot,
}

impl Fate {
    /// The same, where it is not refused for what it looks like.
    pub(super) fn unless(self, refused: bool) -> Self {
        match self {
            Self::Passes if refused => Self::DoesNot,
            Self::Passes | Self::Breaks(_) | Self::DoesNot => self,
        }
    }
}

/// Tries a change: first what is red, then all tests.
pub(super) fn fate(means: &Means<'_>, overlay: &Overlay, red: &[String]) -> Result<Fate, PortError> {
    let trial = means.judge.judge(overlay, Scope::Tests { ids: red, stop_at_red: true })?;
    if !trial.red.is_empty() || !trial.complete || trial.timed_out {
        return Ok(Fate::DoesNot);
    }
    let whole = means.judge.judge(overlay, Scope::Whole)?;
    if accepts(means, &whole, red) {
        return Ok(Fate::Passes);
    }
    let kept = |id: &&String| means.limits.keep_passing.contains(*id);
    let broken: Vec<String> = whole.red.iter().map(|(id, _)| id).filter(kept).cloned().collect();
    let does = whole.complete && !whole.timed_out && !broken.is_empty();
    Ok(if does { Fate::Breaks(broken) } else { Fate::DoesNot })
}

/// The part of one of these changes that all tests accept, and what it leaves out, as the end of an explanation. `until`: the
/// red tests, and when it must be over, us.
pub(super) fn part_that_passes(
    problem: &Problem<'_>,
    means: &Means<'_>,
    breaking: &[(Survivor, Vec<String>)],
    (red, deadline_us): (&[String], u64),
) -> Result<Option<(Survivor, String)>, PortError> {
    for (change, broken) in breaking.iter().filter(|(change, _)| change.candidate.edits.len() > 1).take(MOST)
    {
        let edits = &change.candidate.edits;
        let with = |part: &[usize]| -> Option<Overlay> {
            let edits = part.iter().filter_map(|place| edits.get(*place)).cloned().collect();
            Candidate { edits, kind: EditKind::Remembered, score: 1.0, places: Vec::new() }
                .apply(problem.sources)
        };
        let mut tried = 0;
        let mut look = |part: &[usize]| -> Result<Option<Seen>, PortError> {
            tried += 1;
            let over = means.stop.is_wanted() || means.clock.monotonic_us() >= deadline_us;
            if over || tried > MOST_PARTS {
                return Ok(None);
            }
            let Some(overlay) = with(part) else { return Ok(Some(Seen::default())) };
            let whole = means.judge.judge(&overlay, Scope::Whole)?;
            let is_red = |id: &&String| whole.red.iter().any(|(red, _)| red == *id);
            let breaks: Vec<String> = broken.iter().filter(is_red).cloned().collect();
            let does = red.iter().all(|id| whole.passed.contains(id));
            Ok(Some(Seen { does, breaks, passes: accepts(means, &whole, red) }))
        };
        let found = halves::halve(edits.len(), broken, &mut look)?;
        let Some(overlay) = found.part.as_deref().and_then(with) else { continue };
        let Some(candidate) = compose(problem, &overlay, EditKind::Remembered, change.candidate.score) else {
            continue;
        };
        let part = Survivor { candidate, overlay };
        if pick::is_refused(problem, &part) {
            continue;
        }
        let kept = found.part.as_ref().map_or(0, Vec::len);
        let tests: Vec<String> = broken.iter().take(2).map(|id| format!("`{id}`")).collect();
        let out = format!(
            "; {} of its {} places are left out: with all of them, {} broke",
            edits.len() - kept,
            edits.len(),
            tests.join(", ")
        );
        return Ok(Some((part, out)));
    }
    Ok(None)
}

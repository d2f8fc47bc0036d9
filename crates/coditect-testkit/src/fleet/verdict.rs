//! The rules of a fleet: what each mission's journal keeps by itself ([`crate::rules`]), and what no other machine may spoil.

use coditect_types::{Event, MissionStatus, Outcome, Record};

use super::{Fleet, Story};
use crate::rules;
use crate::sim::Broken;

pub(super) fn check(fleet: &Fleet) -> Result<(), Broken> {
    for (mission, story) in &fleet.stories {
        let records = fleet.records(mission)?;
        let broken = |what: String| Broken { seed: fleet.seed, what: format!("{mission}: {what}") };
        rules::check(fleet.seed, &records, &story.truth).map_err(|found| broken(found.what))?;
        is_what_agents_made(&records, story).map_err(broken)?;
        is_handed_over_once(&records, story).map_err(broken)?;
    }
    Ok(())
}

/// Every outcome that counted is one that an agent of ours came to in that very attempt, or says that there is none.
fn is_what_agents_made(records: &[Record], story: &Story) -> Result<(), String> {
    for record in records {
        let Event::AttemptEnded { attempt, outcome, .. } = &record.event else { continue };
        let made = story.made.get(attempt).is_some_and(|made| made.contains(outcome));
        // What an agent failed for is its own; for the rest, the mission, the queue and the worker have words.
        let is_none =
            matches!(outcome, Outcome::Failed { failure, .. } if !failure.cause.starts_with("invented"));
        if !made && !is_none {
            return Err(format!("nobody came to what counts as the outcome of {attempt}: {outcome:?}"));
        }
    }
    Ok(())
}

/// However often it was begun, one change was handed over, and it is the one that the mission says.
fn is_handed_over_once(records: &[Record], story: &Story) -> Result<(), String> {
    let mut handed = story.handed.clone();
    handed.sort();
    handed.dedup();
    if handed.len() > 1 {
        return Err(format!("{} were handed over", handed.join(" and ")));
    }
    let said = records.iter().find_map(|record| match &record.event {
        Event::MissionCompleted { commit: Some(commit), .. } => Some(commit),
        _ => None,
    });
    match said {
        // Ended while it was handed over, or by somebody who did not know that it was.
        None if !handed.is_empty() && !may_be_left(story) => {
            Err(format!("{handed:?} was handed over, and the mission ended as {:?}", story.end))
        }
        Some(said) if handed.first() != Some(said) => {
            Err(format!("{said} is said to be handed over, and {handed:?} was"))
        }
        _ => Ok(()),
    }
}

/// Ends that may come while a change is handed over: by a person, or by the clock.
fn may_be_left(story: &Story) -> bool {
    matches!(story.end, Some(MissionStatus::Cancelled | MissionStatus::OverLimit))
}

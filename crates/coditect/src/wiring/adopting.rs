//! Missions that another machine began: their records are on the server, and their files come from there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use coditect_adapters::fleet::Fleet;
use coditect_types::{Event, MissionId, Outcome, Record, Snapshot};

use super::{fleet_at, workspace};
use crate::environment::{Place, Site};
use crate::report::{Doing, Report};

/// Sees to it that what a mission has made so far is here; `dir` is where its project is. Gives what could not be had, a line each.
pub(crate) fn adopt(
    site: &Site,
    mission: &MissionId,
    dir: &Path,
    records: &[Record],
) -> Result<Vec<String>, Report> {
    let doing = format!("bringing {mission} here");
    let (Place::Server(nats), Some(snapshot)) = (&site.journal, snapshot_of(records)) else {
        return Ok(Vec::new());
    };
    let workspace = workspace(site)?;
    let mut is_whole = workspace.has(mission, &snapshot.commit).doing(&doing)?;
    let mut commits = Vec::new();
    for commit in made(records) {
        let is_here = is_whole && workspace.has(mission, &commit).doing(&doing)?;
        if !is_here {
            commits.push(commit);
        }
    }
    is_whole &= commits.is_empty();
    if is_whole {
        return Ok(Vec::new());
    }
    let fleet = Fleet::open(&fleet_at(nats), Arc::clone(&workspace)).doing(&doing)?;
    let missing = fleet.adopt(mission, (dir, snapshot), &commits).doing(&doing)?;
    let told =
        |commit: &String| format!("{commit} of {mission} is not on the server; what needs it begins anew");
    Ok(missing.iter().map(told).collect())
}

/// Whether a mission began here, or was brought here.
pub(crate) fn has_store(site: &Site, mission: &MissionId) -> bool {
    site.home.join("missions").join(mission.as_str()).is_dir()
}

fn outcomes(records: &[Record]) -> impl Iterator<Item = &Outcome> {
    records.iter().filter_map(|record| {
        if let Event::AttemptEnded { outcome, .. } = &record.event { Some(outcome) } else { None }
    })
}

/// What the mission began with.
fn snapshot_of(records: &[Record]) -> Option<&Snapshot> {
    outcomes(records).find_map(|outcome| {
        if let Outcome::SnapshotTaken { snapshot } = outcome { Some(snapshot) } else { None }
    })
}

/// The commits that were made for it.
fn made(records: &[Record]) -> BTreeSet<String> {
    outcomes(records).flat_map(Outcome::brings).map(|(commit, _)| commit.to_owned()).collect()
}

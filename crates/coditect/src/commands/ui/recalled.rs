//! What missions that ended are remembered by, for the dashboard: each user's own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use coditect_adapters::DiskShelves;
use coditect_memory::episodes::Found;
use coditect_memory::{Episode, Episodes};
use coditect_ports::Shelves;
use coditect_server::{Recalled, Recollection, Told};
use coditect_types::{EpisodeId, ErrorKind, UserName, Visitor};

use crate::commands::memory::{LEAST_SCORE, entries, status};
use crate::environment::Site;
use crate::report::{Doing, Report};
use crate::wiring::remembering;

const DOING: &str = "asking memory";
/// Memories that are held open; one more, and the others are opened anew when they are asked.
const MOST: usize = 64;

type Opened = (Arc<Episodes>, Arc<DiskShelves>);

/// The memories that were asked so far, by whose they are.
#[derive(Default)]
pub(super) struct Memories(Mutex<BTreeMap<Option<UserName>, Opened>>);

impl fmt::Debug for Memories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memories")
    }
}

impl Memories {
    /// The memory of a visitor, with what missions that ended brought. None: nothing was ever kept.
    fn of(&self, site: &Site, by: &Visitor) -> Result<Option<Opened>, Report> {
        let site = Site { owner: by.user.clone(), ..site.clone() };
        if !remembering::has_any(&site) {
            return Ok(None);
        }
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&site.owner).cloned();
        let opened = match known {
            Some(opened) => opened,
            None => {
                let (memory, shelves) = remembering::memory(&site)?;
                let opened = (Arc::new(memory), shelves);
                let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() >= MOST {
                    all.clear();
                }
                all.insert(site.owner, opened.clone());
                opened
            }
        };
        opened.0.absorb().doing("reading the journals")?;
        Ok(Some(opened))
    }
}

pub(super) fn recall(
    memories: &Memories,
    site: &Site,
    by: &Visitor,
    (words, most): (&str, usize),
) -> Result<Recollection, Report> {
    let Some((memory, shelves)) = memories.of(site, by)? else { return Ok(Recollection::default()) };
    let sizes = shelves.sizes().doing(DOING)?;
    let found = if words.trim().is_empty() {
        let mut standings = shelves.standings().doing(DOING)?;
        standings.sort_by_key(|standing| std::cmp::Reverse(standing.ended_ms));
        let newest: Vec<u64> = standings.iter().take(most).map(|standing| standing.number).collect();
        let mut rows = shelves.fetch(&newest).doing(DOING)?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.standing.ended_ms));
        rows.iter().filter_map(|row| Some(recalled(&Episode::from_kept(&row.kept)?, None))).collect()
    } else {
        let mut found = memory.search(words, most).doing(DOING)?;
        found.retain(|found| found.score > LEAST_SCORE);
        found.iter().map(|Found { episode, score, .. }| recalled(episode, Some(*score))).collect()
    };
    let mut findings = shelves.findings();
    findings.extend(memory.lacks_vectors().map(|error| format!("found by words alone: {}", error.cause)));
    Ok(Recollection { episodes: sizes.iter().map(|(_, size)| size.episodes).sum(), found, findings })
}

fn recalled(episode: &Episode, score: Option<f32>) -> Recalled {
    Recalled {
        id: episode.id.to_string(),
        request: episode.request.clone(),
        status: status(episode).to_owned(),
        explanation: episode.accepted.as_ref().map_or_else(String::new, |of| of.explanation.clone()),
        language: episode.language.clone(),
        workspace: episode.workspace.clone(),
        ended_at_ms: episode.ended_ms,
        score,
    }
}

pub(super) fn episode(
    memories: &Memories,
    site: &Site,
    by: &Visitor,
    id: &EpisodeId,
) -> Result<Told, Report> {
    let missing = || {
        Report::new(ErrorKind::NotFound, "", format!("memory has no episode `{id}`"))
            .hint("a mission that has not ended is none yet")
    };
    let (_, shelves) = memories.of(site, by)?.ok_or_else(missing)?;
    let number = shelves.number(id).doing(DOING)?.ok_or_else(missing)?;
    let row = shelves.fetch(&[number]).doing(DOING)?.pop().ok_or_else(missing)?;
    let episode = Episode::from_kept(&row.kept).ok_or_else(missing)?;
    let known = entries(&episode, &row).into_iter().map(|(label, text)| (label.to_owned(), text));
    Ok(Told {
        id: episode.id.to_string(),
        mission: episode.id.mission(),
        entries: known.collect(),
        diff: episode.accepted.as_ref().map_or_else(String::new, |of| of.diff.clone()),
    })
}

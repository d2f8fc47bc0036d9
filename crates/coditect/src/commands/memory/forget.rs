//! `coditect memory forget`: episodes go for good, and so do the missions that they are of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use coditect_adapters::DiskShelves;
use coditect_ports::shelves::Row;
use coditect_ports::{Journal, Shelves};
use coditect_types::{EpisodeId, ErrorKind, MissionId};
use serde_json::json;

use super::{find, open};
use crate::args::ForgetArgs;
use crate::commands::Context;
use crate::commands::clean::age_ms;
use crate::graphs;
use crate::missions;
use crate::out::{brief, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, remembering};

const DOING: &str = "forgetting";
/// Episodes that are named one by one.
const NAMED: usize = 20;
/// Records of a journal that are read at a time.
const PAGE: usize = 1_024;

pub(super) fn perform(cx: &mut Context, args: &ForgetArgs) -> Done {
    let ForgetArgs { episodes, workspace, older_than, matching, all, .. } = args;
    let is_nothing = matching.as_ref().is_some_and(|text| text.trim().is_empty());
    if is_nothing
        || (episodes.is_empty() && workspace.is_none() && older_than.is_none() && matching.is_none() && !all)
    {
        return Err(Report::new(ErrorKind::Invalid, DOING, "it is not said what")
            .hint("name episodes, or say `--workspace DIR`, `--older-than AGE`, `--matching TEXT` or `--all`")
            .into());
    }
    let opened = open(cx)?;
    let shelves = &*opened.shelves;
    let archive = cx.archive()?;
    let said = match text_of(args) {
        Some(text) => said_in(archive.journal(), &text)?,
        None => BTreeSet::new(),
    };
    let wanted = wanted(shelves, args, &said)?;
    let mut missions: Vec<MissionId> = Vec::new();
    for (number, _) in &wanted {
        let names = shelves.names(*number).doing(DOING)?;
        missions.extend(names.iter().filter_map(EpisodeId::mission));
    }
    let dropped = dropped(cx, args, (shelves, &said), archive.journal())?;
    missions.extend(dropped.iter().map(|entry| entry.mission.clone()));
    if let Some(running) = missions.iter().find(|mission| archive.holder(mission).is_some()) {
        let cause = format!("{running} is running; cancel it first");
        return Err(Report::new(ErrorKind::Conflict, DOING, cause).into());
    }
    drop(archive);
    let site = cx.site()?;
    if !args.dry_run && remembering::is_there(&site) {
        // Nothing of a mission goes where the rest of it would stay.
        shelves.can_forget().doing(DOING)?;
        // Also what an earlier try left: it may have been stopped on the way.
        graphs::remove_all(&site)?;
        shelves.erase().doing(DOING)?;
    }
    if !args.dry_run && !missions.is_empty() {
        // The journals first: what is left of a mission would bring its episode back.
        let left = remembering::remove_missions(&site, &missions)?;
        if let Some((mission, why)) = left.first() {
            return Err(
                Report::new(ErrorKind::Unavailable, format!("removing {mission}"), why.clone()).into()
            );
        }
    }
    if !args.dry_run && !wanted.is_empty() {
        let numbers: Vec<u64> = wanted.iter().map(|(number, _)| *number).collect();
        shelves.remove(&numbers, true).doing(DOING)?;
        // A graph that someone asked meanwhile has taken in what was still there.
        graphs::remove_all(&site)?;
    }
    tell(cx, args, &wanted, &dropped)
}

/// An episode that is to be forgotten: its number, its name and request. None: it cannot be read any more.
type Wanted = (u64, Option<(EpisodeId, String)>);

/// The episodes that everything that was said fits.
fn wanted(
    shelves: &DiskShelves,
    args: &ForgetArgs,
    said: &BTreeSet<MissionId>,
) -> Result<Vec<Wanted>, Report> {
    if args.all {
        let standings = shelves.standings().doing(DOING)?;
        return Ok(standings.into_iter().map(|standing| (standing.number, None)).collect());
    }
    let named: Vec<u64> = args
        .episodes
        .iter()
        .map(|name| find(shelves, name).map(|row| row.standing.number))
        .collect::<Result<_, _>>()?;
    let before_ms = before_ms(args)?;
    let (dir, text) = (directory_of(args), text_of(args));
    let mut of_said = BTreeSet::new();
    for mission in said {
        of_said.extend(shelves.number(&EpisodeId::from(mission)).doing(DOING)?);
    }
    let mut wanted = Vec::new();
    shelves
        .each(0, &mut |row| {
            let fits = (named.is_empty() || named.contains(&row.standing.number))
                && before_ms.is_none_or(|before| row.kept.ended_ms < before)
                && dir.as_ref().is_none_or(|dir| Path::new(&row.kept.workspace).starts_with(dir))
                && text
                    .as_ref()
                    .is_none_or(|text| holds(&row, text) || of_said.contains(&row.standing.number));
            if fits {
                wanted.push((row.standing.number, Some((row.kept.id, row.kept.request))));
            }
            true
        })
        .doing(DOING)?;
    if wanted.is_empty() && !named.is_empty() {
        let cause = "the episodes that were named do not fit the rest of what was said";
        return Err(Report::new(ErrorKind::Invalid, DOING, cause).hint("name them alone"));
    }
    Ok(wanted)
}

/// The directory that was named. One that is gone can be named as it was.
fn directory_of(args: &ForgetArgs) -> Option<PathBuf> {
    let dir = args.workspace.as_ref()?;
    Some(dir.canonicalize().or_else(|_| std::path::absolute(dir)).unwrap_or_else(|_| dir.clone()))
}

fn text_of(args: &ForgetArgs) -> Option<String> {
    args.matching.as_ref().map(|text| text.to_lowercase())
}

/// Missions that memory dropped for room have their journals still: those that fit. One that has not ended is no episode, and keeps its
/// texts: a person should know.
fn dropped(
    cx: &Context,
    args: &ForgetArgs,
    (shelves, said): (&DiskShelves, &BTreeSet<MissionId>),
    journal: &dyn Journal,
) -> Result<Vec<missions::Entry>, Report> {
    if !args.episodes.is_empty() {
        return Ok(Vec::new());
    }
    let (before_ms, dir) = (before_ms(args)?, directory_of(args));
    let (entries, _) = missions::list(journal, usize::MAX)?;
    let (mut dropped, mut open) = (Vec::new(), Vec::new());
    // Those of others are on shelves of theirs, and none of this person's to forget.
    for entry in entries.into_iter().filter(|entry| entry.owner == cx.global.owner) {
        let ended_ms = entry.end.map(|(_, at_ms)| at_ms);
        let fits = dir.as_ref().is_none_or(|dir| Path::new(&entry.workspace).starts_with(dir))
            && before_ms.is_none_or(|before| ended_ms.is_none_or(|at_ms| at_ms < before))
            && (args.matching.is_none() || said.contains(&entry.mission));
        if !fits {
            continue;
        }
        if ended_ms.is_none() {
            open.push(entry);
        } else if shelves.number(&EpisodeId::from(&entry.mission)).doing(DOING)?.is_none() {
            dropped.push(entry);
        }
    }
    for missions::Entry { mission, .. } in open.iter().take(NAMED) {
        cx.note(&format!(
            "{mission} has not ended and keeps its texts; `coditect clean --force {mission}` removes it"
        ));
    }
    Ok(dropped)
}

fn before_ms(args: &ForgetArgs) -> Result<Option<u64>, Report> {
    let age = args.older_than.as_deref().map(age_ms).transpose()?;
    Ok(age.map(|age| wiring::now_ms().saturating_sub(age)))
}

/// Whether the text is anywhere in an episode.
fn holds(row: &Row, text: &str) -> bool {
    is_in_json(&row.kept.body, text)
        || row.kept.request.to_lowercase().contains(text)
        || row.kept.workspace.to_lowercase().contains(text)
}

/// The missions whose journals hold the text anywhere: an episode has but a part of what was said.
fn said_in(journal: &dyn Journal, text: &str) -> Result<BTreeSet<MissionId>, Report> {
    let mut missions = BTreeSet::new();
    for info in journal.streams().doing(DOING)? {
        let mut next = 1;
        loop {
            let page = journal.read(&info.stream, next, PAGE).doing("reading the journal")?;
            if page.iter().any(|(_, bytes)| is_in_json(bytes, text)) {
                missions.insert(info.stream);
                break;
            }
            match page.last() {
                Some((seq, _)) if page.len() == PAGE => next = seq + 1,
                Some(_) | None => break,
            }
        }
    }
    Ok(missions)
}

/// In JSON some letters are written otherwise than they are.
fn is_in_json(json: &[u8], text: &str) -> bool {
    let json = String::from_utf8_lossy(json).to_lowercase();
    let written = serde_json::to_string(text).unwrap_or_default();
    json.contains(text) || json.contains(written.trim_matches('"'))
}

fn tell(cx: &mut Context, args: &ForgetArgs, wanted: &[Wanted], dropped: &[missions::Entry]) -> Done {
    if cx.out.json {
        let of_dropped = dropped.iter().map(|entry| entry.mission.as_str());
        let kept = wanted.iter().filter_map(|(_, told)| Some(told.as_ref()?.0.as_str()));
        let ids: Vec<&str> = kept.chain(of_dropped).collect();
        cx.out.object(&json!({
            "forgotten": wanted.len(), "missions_dropped_before": dropped.len(), "ids": ids, "dry_run": args.dry_run,
        }))?;
        return Ok(0);
    }
    let verb = if args.dry_run { "would forget" } else { "forgot" };
    let also = match dropped.len() {
        0 => String::new(),
        many => format!(" and {} of which memory had nothing any more", phrase::count_of(many, "mission")),
    };
    cx.out.line(&format!("{verb} {}{also}", phrase::count_of(wanted.len(), "episode")))?;
    if args.dry_run {
        let of_dropped = dropped.iter().map(|entry| (entry.mission.as_str(), &entry.request));
        let kept = wanted.iter().filter_map(|(_, told)| told.as_ref());
        let named = kept.map(|(id, request)| (id.as_str(), request)).chain(of_dropped);
        for (id, request) in named.clone().take(NAMED) {
            let id = painted(paint::NAME, id);
            cx.out.line(&format!("  {id}  {}", brief(request, super::WIDTH)))?;
        }
        if let Some(more) = named.count().checked_sub(NAMED).filter(|more| *more > 0) {
            cx.out.line(&format!("  and {more} more"))?;
        }
    }
    Ok(0)
}

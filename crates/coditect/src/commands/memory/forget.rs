//! `coditect memory forget`: episodes go for good, and so do the missions that they are of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use coditect_adapters::DiskShelves;
use coditect_ports::shelves::Row;
use coditect_ports::{Journal, Shelves};
use coditect_types::{EpisodeId, ErrorKind, MissionId};
use serde_json::json;

use super::{called, open, tell_findings};
use crate::args::ForgetArgs;
use crate::commands::Context;
use crate::commands::clean::age_ms;
use crate::commands::graph::tell_of_copy;
use crate::environment::Site;
use crate::graphs;
use crate::missions;
use crate::models;
use crate::out::{brief, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, remembering};

const DOING: &str = "forgetting";
/// Episodes that are named one by one.
const NAMED: usize = 20;
/// Characters that name an episode which is to be forgotten.
const LEAST_NAMED: usize = 6;
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
    let gone = gone(cx, args, shelves, archive.journal())?;
    if let Some(running) = gone.missions.iter().find(|mission| archive.holder(mission).is_some()) {
        let cause = format!("{running} is running; cancel it first");
        return Err(Report::new(ErrorKind::Conflict, DOING, cause).into());
    }
    drop(archive);
    let is_nothing = gone.episodes.is_empty() && gone.missions.is_empty();
    if !args.dry_run && !is_nothing {
        forget(cx, shelves, &gone)?;
    }
    tell(cx, args, &gone)
}

/// What goes.
struct Gone {
    episodes: Vec<Wanted>,
    /// Episodes that could not be looked through.
    unread: usize,
    /// Missions of these episodes, and those below.
    missions: Vec<MissionId>,
    /// Of these memory had nothing any more.
    dropped: Vec<missions::Entry>,
    /// These were forked from one of the others, and have a part of its records.
    forks: Vec<MissionId>,
}

/// Finds all of it.
fn gone(
    cx: &Context,
    args: &ForgetArgs,
    shelves: &DiskShelves,
    journal: &dyn Journal,
) -> Result<Gone, Report> {
    let said = match text_of(args) {
        Some(text) => said_in(journal, &text)?,
        None => BTreeSet::new(),
    };
    let (mut episodes, unread) = wanted(shelves, args, &said)?;
    tell_findings(cx, shelves);
    let (entries, _) = missions::list(journal, usize::MAX)?;
    // Those of others are on shelves of theirs, and none of this person's to forget. An episode that was carried here from them is.
    let own: Vec<missions::Entry> =
        entries.into_iter().filter(|entry| entry.owner == cx.global.owner).collect();
    let dropped = dropped(cx, args, (shelves, &said), &own)?;
    let mut known: BTreeSet<MissionId> = dropped.iter().map(|entry| entry.mission.clone()).collect();
    for Wanted { number, .. } in &episodes {
        // Also those whose journals are gone: what was forked from them is not.
        let names = shelves.names(*number).doing(DOING)?;
        known.extend(names.iter().filter_map(EpisodeId::mission));
    }
    let forks = forks(cx, (shelves, &own), (&mut episodes, &mut known))?;
    let is_known = |entry: &&missions::Entry| known.contains(&entry.mission);
    let missions = own.iter().filter(is_known).map(|entry| entry.mission.clone()).collect();
    Ok(Gone { episodes, unread, missions, dropped, forks })
}

/// Missions that were forked from some that go, and from one of those: they are known then, and their episodes go, too.
fn forks(
    cx: &Context,
    (shelves, own): (&DiskShelves, &[missions::Entry]),
    (episodes, known): (&mut Vec<Wanted>, &mut BTreeSet<MissionId>),
) -> Result<Vec<MissionId>, Report> {
    let (mut forks, mut open) = (Vec::new(), BTreeSet::new());
    loop {
        let next = own.iter().find(|entry| {
            !known.contains(&entry.mission)
                && !open.contains(&entry.mission)
                && entry.forked_from.as_ref().is_some_and(|from| known.contains(from))
        });
        let Some(fork) = next else { return Ok(forks) };
        let mission = &fork.mission;
        if fork.end.is_none() {
            cx.note(&format!(
                "{mission} was forked from what goes, has not ended and keeps its texts; `coditect clean --force {mission}` removes it"
            ));
            open.insert(mission.clone());
            continue;
        }
        known.insert(mission.clone());
        forks.push(mission.clone());
        let id = EpisodeId::from(mission);
        let Some(number) = shelves.number(&id).doing(DOING)? else { continue };
        let names = shelves.names(number).doing(DOING)?;
        // One that is only the same as another one's has no episode of its own.
        if names.first() == Some(&id) && !episodes.iter().any(|wanted| wanted.number == number) {
            known.extend(names.iter().filter_map(EpisodeId::mission));
            episodes.push(Wanted { number, id, request: None });
        }
    }
}

/// Removes all of it.
fn forget(cx: &Context, shelves: &DiskShelves, gone: &Gone) -> Result<(), Report> {
    let site = cx.site()?;
    let _held = shelves.hold_forgetting(true).doing(DOING)?;
    // Nothing of a mission goes where the rest of it would stay.
    shelves.can_forget().doing(DOING)?;
    for path in shelves.set_aside() {
        cx.note(&format!(
            "`{}`, which was damaged, goes too: what is forgotten may be in it",
            path.display()
        ));
    }
    let missions = gone.missions.iter().map(EpisodeId::from);
    let names: BTreeSet<EpisodeId> =
        missions.chain(gone.episodes.iter().map(|wanted| wanted.id.clone())).collect();
    let names: Vec<EpisodeId> = names.into_iter().collect();
    shelves.doom(&names).doing(DOING)?;
    remove(&site, shelves, &names)?;
    tell_of_copy(cx)
}

/// Removes what is noted for it: the missions, and the episodes of these names.
fn remove(site: &Site, shelves: &DiskShelves, names: &[EpisodeId]) -> Result<(), Report> {
    graphs::remove_all(site)?;
    // Whole prompts are in what models answered; which mission asked is not.
    models::forget_replies(site).doing(DOING)?;
    let missions: Vec<MissionId> = names.iter().filter_map(EpisodeId::mission).collect();
    // Of those that were carried here others may have missions.
    let archive = wiring::archive(site)?;
    let own = |mission: &MissionId| -> Result<bool, Report> {
        let entry = missions::entry(archive.journal(), mission, 1)?;
        Ok(entry.is_some_and(|entry| entry.owner == site.owner))
    };
    let mut gone = Vec::new();
    for mission in missions {
        if own(&mission)? {
            gone.push(mission);
        }
    }
    drop(archive);
    // The journals first: what is left of a mission would bring its episode back.
    let left = remembering::remove_missions(site, &gone)?;
    if let Some((mission, why)) = left.first() {
        return Err(Report::new(ErrorKind::Unavailable, format!("removing {mission}"), why.clone()));
    }
    let mut numbers = BTreeSet::new();
    for id in names {
        let Some(number) = shelves.number(id).doing(DOING)? else { continue };
        // One that is only the same as another one's has no episode of its own.
        if shelves.names(number).doing(DOING)?.first() == Some(id) {
            numbers.insert(number);
        }
    }
    if !numbers.is_empty() {
        shelves.remove(&numbers.into_iter().collect::<Vec<_>>(), true).doing(DOING)?;
    }
    shelves.removed(names).doing(DOING)?;
    // A graph that someone asked meanwhile has taken in what was still there, and so has a prompt.
    models::forget_replies(site).doing(DOING)?;
    graphs::remove_all(site)
}

/// Does the rest of what a process that was killed had begun to forget, where nobody else is at it.
pub(super) fn finish(site: &Site, shelves: &DiskShelves) -> Result<(), Report> {
    let names = shelves.doomed().doing(DOING)?;
    if names.is_empty() {
        return Ok(());
    }
    let Some(_held) = shelves.hold_forgetting(false).doing(DOING)? else { return Ok(()) };
    shelves.can_forget().doing(DOING)?;
    remove(site, shelves, &names)
}

/// An episode that is to be forgotten.
struct Wanted {
    number: u64,
    id: EpisodeId,
    /// None: it was not read, or cannot be any more.
    request: Option<String>,
}

/// The episodes that everything that was said fits, and how many could not be looked through.
fn wanted(
    shelves: &DiskShelves,
    args: &ForgetArgs,
    said: &BTreeSet<MissionId>,
) -> Result<(Vec<Wanted>, usize), Report> {
    let unread = |called: Vec<(u64, EpisodeId)>| {
        called.into_iter().map(|(number, id)| Wanted { number, id, request: None }).collect()
    };
    if args.all {
        return Ok((unread(shelves.called("").doing(DOING)?), 0));
    }
    let mut named = Vec::new();
    for name in &args.episodes {
        named.push(named_by(shelves, name)?);
    }
    let is_by_name = args.workspace.is_none() && args.older_than.is_none() && args.matching.is_none();
    if is_by_name {
        // What is named goes whether or not it can be read.
        return Ok((unread(named), 0));
    }
    let before_ms = before_ms(args)?;
    let (dir, text) = (directory_of(args), text_of(args));
    let mut of_said = BTreeSet::new();
    for mission in said {
        of_said.extend(shelves.number(&EpisodeId::from(mission)).doing(DOING)?);
    }
    let (mut wanted, mut read) = (Vec::new(), 0);
    shelves
        .each(0, &mut |row| {
            read += 1;
            let number = row.standing.number;
            let fits = (named.is_empty() || named.iter().any(|(one, _)| *one == number))
                && before_ms.is_none_or(|before| row.kept.ended_ms < before)
                && dir.as_ref().is_none_or(|dir| Path::new(&row.kept.workspace).starts_with(dir))
                && text.as_ref().is_none_or(|text| holds(&row, text) || of_said.contains(&number));
            if fits {
                wanted.push(Wanted { number, id: row.kept.id, request: Some(row.kept.request) });
            }
            true
        })
        .doing(DOING)?;
    if wanted.is_empty() && !named.is_empty() {
        let cause = "the episodes that were named do not fit the rest of what was said";
        return Err(Report::new(ErrorKind::Invalid, DOING, cause).hint("name them alone"));
    }
    let all = shelves.standings().doing(DOING)?.len();
    Ok((wanted, all.saturating_sub(read)))
}

/// The episode that is named, also where it cannot be read any more. A few letters are too easily typed for what cannot be undone.
fn named_by(shelves: &DiskShelves, name: &str) -> Result<(u64, EpisodeId), Report> {
    let (number, id) = called(shelves, name)?;
    if name != "last" && name.len() < LEAST_NAMED && name != id.as_str() {
        let cause = format!("`{name}` is too short to say what is to be forgotten; `{id}` begins so");
        return Err(Report::new(ErrorKind::Invalid, DOING, cause)
            .hint(format!("type {LEAST_NAMED} characters at least")));
    }
    Ok((number, id))
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
    own: &[missions::Entry],
) -> Result<Vec<missions::Entry>, Report> {
    if !args.episodes.is_empty() {
        return Ok(Vec::new());
    }
    let (before_ms, dir) = (before_ms(args)?, directory_of(args));
    let (mut dropped, mut open) = (Vec::new(), Vec::new());
    for entry in own {
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
            dropped.push(entry.clone());
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

fn tell(cx: &mut Context, args: &ForgetArgs, gone: &Gone) -> Done {
    let Gone { episodes, unread, missions, dropped, forks } = gone;
    let code = if *unread > 0 { 1 } else { 0 };
    if cx.out.json {
        let ids: BTreeSet<&str> = (episodes.iter().map(|wanted| wanted.id.as_str()))
            .chain(dropped.iter().map(|entry| entry.mission.as_str()))
            .collect();
        cx.out.object(&json!({
            "forgotten": episodes.len(), "missions_dropped_before": dropped.len(), "ids": ids, "missions": missions,
            "forks": forks, "unread": unread, "dry_run": args.dry_run,
        }))?;
        return Ok(code);
    }
    let verb = if args.dry_run { "would forget" } else { "forgot" };
    let mut line = format!("{verb} {}", phrase::count_of(episodes.len(), "episode"));
    if !missions.is_empty() {
        line.push_str(&format!(" and {}", phrase::count_of(missions.len(), "mission")));
    }
    if !forks.is_empty() {
        line.push_str(&format!("; {} of them for the records that they share with another", forks.len()));
    }
    cx.out.line(&line)?;
    if args.dry_run {
        let kept = episodes.iter().map(|wanted| (wanted.id.as_str(), wanted.request.as_deref()));
        let of_dropped = dropped.iter().map(|entry| (entry.mission.as_str(), Some(entry.request.as_str())));
        let named = kept.chain(of_dropped);
        for (id, request) in named.clone().take(NAMED) {
            let id = painted(paint::NAME, id);
            cx.out.line(&format!("  {id}  {}", brief(request.unwrap_or_default(), super::WIDTH)))?;
        }
        if let Some(more) = named.count().checked_sub(NAMED).filter(|more| *more > 0) {
            cx.out.line(&format!("  and {more} more"))?;
        }
    }
    if *unread > 0 {
        cx.note(&format!(
            "{} could not be looked through, and stays: `coditect memory forget EPISODE` takes it by its name, `--all` takes all",
            phrase::count_of(*unread, "episode")
        ));
    }
    Ok(code)
}

//! Finding missions: the list of all, and the one that a person names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use coditect_memory::Episode;
use coditect_memory::episodes::Lacking;
use coditect_ports::journal::StreamInfo;
use coditect_ports::{Journal, PortError};
use coditect_runtime::world::WorldModel;
use coditect_runtime::{MissionView, ShellError, history, view};
use coditect_types::limits::History;
use coditect_types::{EpisodeId, ErrorKind, Event, MissionId, MissionStatus, Record, UserName};

use crate::report::{Doing, Report};
use crate::wiring::Archive;

/// Ids that are named when several fit.
const NAMED: usize = 5;

/// A mission in the list: what its first and last records say.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its id.
    pub(crate) mission: MissionId,
    /// The request.
    pub(crate) request: String,
    /// The person's directory.
    pub(crate) workspace: String,
    /// The user whose it is; None: the person's whose machine it is.
    pub(crate) owner: Option<UserName>,
    /// The mission that it was forked from.
    pub(crate) forked_from: Option<MissionId>,
    /// When it was submitted, ms since 1970.
    pub(crate) submitted_at_ms: u64,
    /// The number of its newest record.
    pub(crate) last_seq: u64,
    /// How and when it ended, ms since 1970; None: it has not.
    pub(crate) end: Option<(MissionStatus, u64)>,
}

impl From<ShellError> for Report {
    fn from(error: ShellError) -> Self {
        let mut report = Self::new(error.kind(), "", error.to_string());
        report.hint = error.hint().map(str::to_owned);
        report
    }
}

/// The newest `limit` missions, newest first, and how many there are in all. Reads two records of each.
pub(crate) fn list(journal: &dyn Journal, limit: usize) -> Result<(Vec<Entry>, usize), Report> {
    let streams = journal.streams().doing("listing missions")?;
    let all = streams.len();
    let mut entries = Vec::new();
    // Ids begin with the second of submission, so the newest are the last.
    for stream in streams.into_iter().rev().take(limit) {
        entries.extend(entry(journal, &stream.stream, stream.last_seq)?);
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.submitted_at_ms));
    Ok((entries, all))
}

/// What the list says of one mission; None where its first record cannot be understood.
pub(crate) fn entry(
    journal: &dyn Journal,
    mission: &MissionId,
    last_seq: u64,
) -> Result<Option<Entry>, Report> {
    let info = StreamInfo { stream: mission.clone(), last_seq };
    let found = coditect_runtime::entry(journal, &info).doing("reading the journal")?;
    Ok(found.map(|entry| Entry {
        mission: entry.mission,
        request: entry.request,
        workspace: entry.workspace,
        owner: entry.owner,
        forked_from: entry.forked_from,
        submitted_at_ms: entry.submitted_at_ms,
        last_seq: entry.last_seq,
        end: entry.end.map(|end| (end.status, end.at_ms)),
    }))
}

/// The mission that `name` means: an id, the beginning of one (with or without `m-`), or `last`.
pub(crate) fn find(archive: &Archive, name: &str) -> Result<MissionId, Report> {
    let journal = archive.journal();
    let report = |kind, cause: String| Report::new(kind, "finding the mission", cause);
    if name == "last" {
        return newest(archive)?.ok_or_else(|| {
            report(ErrorKind::NotFound, "there is no mission yet".to_owned())
                .hint("begin one with `coditect run \"make the failing tests pass\"`")
        });
    }
    let streams = journal.streams().doing("finding the mission")?;
    let fits = |id: &MissionId| {
        !name.is_empty() && (id.as_str().starts_with(name) || id.as_str()[2..].starts_with(name))
    };
    if let Some(exact) = streams.iter().find(|info| info.stream.as_str() == name) {
        return Ok(exact.stream.clone());
    }
    let found: Vec<MissionId> = streams.into_iter().map(|info| info.stream).filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let hint = match name.contains(['/', '.']) {
                true => "a file by `coditect export` can be looked at, and that is all",
                false => "`coditect list` shows them; `last` means the newest",
            };
            Err(report(ErrorKind::NotFound, format!("no mission is called `{name}`")).hint(hint))
        }
        many => {
            let named: Vec<_> = many.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
            let more = if many.len() > NAMED { ", ..." } else { "" };
            let count = many.len();
            Err(report(
                ErrorKind::Invalid,
                format!("`{name}` fits {count} missions: {}{more}", named.join(", ")),
            )
            .hint("type one character more"))
        }
    }
}

/// The mission that was submitted last, of those that are one's own. Ids sort by the second, so only those of the last second in which
/// there is one are read.
fn newest(archive: &Archive) -> Result<Option<MissionId>, Report> {
    const SECOND: usize = "m-000000".len();
    let journal = archive.journal();
    let streams = journal.streams().doing("finding the newest mission")?;
    let second = |mission: &MissionId| mission.as_str().get(..SECOND).map(str::to_owned);
    let mut best: Option<(u64, MissionId)> = None;
    for info in streams.iter().rev() {
        if best.as_ref().is_some_and(|(_, found)| second(found) != second(&info.stream)) {
            break;
        }
        let entry = entry(journal, &info.stream, info.last_seq)?;
        if entry.as_ref().is_some_and(|entry| !archive.is_own(entry.owner.as_ref())) {
            continue;
        }
        let at_ms = entry.map_or(0, |entry| entry.submitted_at_ms);
        if best.as_ref().is_none_or(|(newest, _)| at_ms > *newest) {
            best = Some((at_ms, info.stream.clone()));
        }
    }
    Ok(best.map(|(_, mission)| mission))
}

/// Missions that are looked through for those of a directory, and those of them that are read, the newest.
const LOOKED_THROUGH: usize = 500;
const READ: usize = 20;
/// What earlier attempts weigh at most, so that a mission still learns from its own.
const MOST_ATTEMPTS: u32 = 100;

/// By the name of a model and the aim of a mission: missions that it answered in, and those that it was proved right in.
type Models = BTreeMap<String, BTreeMap<String, (u32, u32)>>;

/// What earlier missions of an owner on a directory have shown, beside what memory has. What cannot be read is left out: a mission
/// does without.
pub(crate) fn known_of(journal: &dyn Journal, workspace: &str, owner: Option<&UserName>) -> History {
    let Ok((mut entries, _)) = list(journal, LOOKED_THROUGH) else { return History::default() };
    entries.retain(|entry| entry.workspace == workspace && entry.owner.as_ref() == owner);
    entries.truncate(READ);
    let (mut world, mut models) = (WorldModel::default(), Models::new());
    for (n, entry) in entries.iter().rev().enumerate() {
        let Ok(records) = history(journal, &entry.mission) else { continue };
        if let (0, Some(Event::MissionSubmitted { policy, .. })) = (n, records.first().map(|of| &of.event)) {
            // The oldest that is read was told what those before it had shown.
            models.clone_from(&policy.history.models);
        }
        records.iter().for_each(|record| world.apply(record));
    }
    let attempts = world.agents().values().fold((0_u32, 0_u32), |(ended, failed), agent| {
        (ended.saturating_add(agent.ended), failed.saturating_add(agent.failed))
    });
    let scaled = |n: u32| match attempts.0 {
        all if all > MOST_ATTEMPTS => {
            u32::try_from(u64::from(n) * u64::from(MOST_ATTEMPTS) / u64::from(all)).unwrap_or(MOST_ATTEMPTS)
        }
        _ => n,
    };
    let unsteady = world.tests().flaky().filter_map(|test| Some((test.id.to_string(), test.unsteady?)));
    for (name, by) in world.models() {
        for (aim, facts) in by {
            let sum = models.entry(name.clone()).or_default().entry((*aim).to_owned()).or_default();
            *sum = (sum.0.saturating_add(facts.tried), sum.1.saturating_add(facts.proved));
        }
    }
    History {
        episodes: 0,
        attempts: (scaled(attempts.0), scaled(attempts.1)),
        unsteady: unsteady.collect(),
        models,
    }
}

/// What the newest missions of an owner that ended are remembered by, those that are lacking, the oldest first. Journals that cannot be read are
/// left out. `others`: missions of other owners, as far as they are known.
pub(crate) fn episodes(
    journal: &dyn Journal,
    most: usize,
    (owner, others): (Option<&UserName>, &Mutex<BTreeSet<MissionId>>),
    lacking: Lacking<'_>,
) -> Result<Vec<Episode>, PortError> {
    let streams = journal.streams()?;
    let newest = streams.into_iter().rev().take(most);
    let last: BTreeMap<EpisodeId, (MissionId, u64)> =
        newest.map(|info| (EpisodeId::from(&info.stream), (info.stream, info.last_seq))).collect();
    let mut found = Vec::new();
    for name in lacking(last.keys().cloned().collect())? {
        let Some((mission, last_seq)) = last.get(&name) else { continue };
        if others.lock().unwrap_or_else(PoisonError::into_inner).contains(mission) {
            continue;
        }
        let Some(entry) = entry(journal, mission, *last_seq).ok().flatten() else { continue };
        if entry.owner.as_ref() != owner {
            // Whose a mission is never changes, and they are never kept here: they are not to be read each time.
            others.lock().unwrap_or_else(PoisonError::into_inner).insert(mission.clone());
            continue;
        }
        if entry.end.is_some()
            && let Ok(records) = history(journal, mission)
        {
            found.extend(Episode::of(&records));
        }
    }
    found.sort_by_key(|episode| episode.ended_ms);
    Ok(found)
}

/// A mission's records and their view.
pub(crate) fn load(journal: &dyn Journal, mission: &MissionId) -> Result<(Vec<Record>, MissionView), Report> {
    let records = history(journal, mission).doing("reading the journal")?;
    let Some(view) = view(&records) else {
        let cause = format!("the journal of `{mission}` does not begin with a submission");
        return Err(Report::new(ErrorKind::Bug, "reading the journal", cause)
            .hint("see what is in it with `coditect log` and report it"));
    };
    Ok((records, view))
}

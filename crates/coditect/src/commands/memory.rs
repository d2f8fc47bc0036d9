//! `coditect memory`: what missions that have ended are remembered by.

mod carry;
mod forget;
pub(crate) mod learn;
pub(crate) mod sql;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use coditect_adapters::DiskShelves;
use coditect_adapters::shelves::Far;
use coditect_memory::episode::{LEARNT, Symptom};
use coditect_memory::episodes::Found;
use coditect_memory::{Episode, Episodes};
use coditect_ports::shelves::{Row, ShelfSize};
use coditect_ports::{PortError, Shelves};
use coditect_runtime::mover::{self, Moved};
use coditect_types::memory::{Reused, Shelf};
use coditect_types::{EpisodeId, ErrorKind};
use serde_json::{Value, json};

use super::Context;
use crate::args::{MemoryArgs, MemoryAsk};
use crate::out::{brief, harmless, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, remembering};

const DOING: &str = "asking memory";
/// Characters of a request or a symptom in a list.
const WIDTH: usize = 100;
/// A hit of less than this has nothing of the words.
pub(super) const LEAST_SCORE: f32 = 0.005;
/// Ids that are named when several fit.
const NAMED: usize = 5;
/// Days of the ages that are counted, and how each is called.
const AGES: [(u64, &str); 4] = [(1, "day"), (7, "week"), (30, "month"), (365, "year")];

pub(crate) fn perform(cx: &mut Context, args: &MemoryArgs) -> Done {
    match &args.ask {
        MemoryAsk::Stats => stats(cx),
        MemoryAsk::Search { query, limit } => search(cx, query, usize::from(*limit)),
        MemoryAsk::Show { episode } => show(cx, episode),
        MemoryAsk::Forget(args) => forget::perform(cx, args),
        MemoryAsk::Export { file, force } => carry::export(cx, file.as_deref(), *force),
        MemoryAsk::Import { file } => carry::import(cx, file),
        MemoryAsk::Rebuild => rebuild(cx),
        MemoryAsk::Move => move_now(cx),
    }
}

/// Memory as it is now.
struct Opened {
    memory: Episodes,
    shelves: Arc<DiskShelves>,
    /// Where nothing was ever kept: empty shelves for a moment, so that nothing is made where a person looks only.
    _nowhere: Option<tempfile::TempDir>,
}

/// Memory with what missions that ended brought.
fn open(cx: &Context) -> Result<Opened, Report> {
    let site = cx.site()?;
    if remembering::is_there(&site) {
        let (memory, shelves) = remembering::memory(&site)?;
        if let Err(report) = forget::finish(&site, &shelves) {
            let doing = report.doing;
            cx.note(&format!("what was begun to be forgotten is not yet: {doing}: {}", report.cause));
        }
        memory.absorb().doing("reading the journals")?;
        tell_findings(cx, &shelves);
        return Ok(Opened { memory, shelves, _nowhere: None });
    }
    let nowhere =
        tempfile::tempdir().map_err(|error| PortError::from_io("making a directory", &error)).doing(DOING)?;
    let shelves = Arc::new(DiskShelves::open(nowhere.path()).doing(DOING)?);
    let memory = Episodes::new(Arc::clone(&shelves) as Arc<dyn Shelves>, Box::new(|_| Ok(Vec::new())));
    Ok(Opened { memory, shelves, _nowhere: Some(nowhere) })
}

/// What was found to be damaged so far.
fn tell_findings(cx: &Context, shelves: &DiskShelves) {
    for finding in shelves.findings() {
        cx.note(&finding);
    }
}

/// That texts are found by their words alone, where their vectors are wanted.
fn tell_lacking(cx: &Context, memory: &Episodes) {
    if let Some(error) = memory.lacks_vectors() {
        let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        cx.note(&format!("found by words alone: {}{hint}", error.cause));
    }
}

/// What is counted of all episodes.
#[derive(Default)]
struct Counts {
    languages: BTreeMap<String, usize>,
    rungs: BTreeMap<String, usize>,
    /// Of each shelf: how many are younger than a day, a week, a month, a year, and older.
    ages: BTreeMap<Shelf, [usize; AGES.len() + 1]>,
    patterns: usize,
    same: usize,
    uses: (u64, u64),
}

impl Counts {
    fn add(&mut self, row: &Row, now_ms: u64) {
        let language = if row.kept.language.is_empty() { "unknown" } else { &row.kept.language };
        *self.languages.entry(language.to_owned()).or_default() += 1;
        if !row.kept.rung.is_empty() {
            *self.rungs.entry(row.kept.rung.replace('_', " ")).or_default() += 1;
        }
        let days = now_ms.saturating_sub(row.standing.ended_ms) / 86_400_000;
        let at = AGES.iter().position(|(most, _)| days < *most).unwrap_or(AGES.len());
        self.ages.entry(row.standing.shelf).or_default()[at] += 1;
        self.patterns +=
            usize::from(Episode::from_kept(&row.kept).is_some_and(|episode| episode.edits().is_some()));
        self.same += row.seen.saturating_sub(1) as usize;
        self.uses.0 += u64::from(row.standing.uses.0);
        self.uses.1 += u64::from(row.standing.uses.1);
    }
}

fn shelf(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Warm => "warm",
        Shelf::Cold => "cold",
    }
}

fn stats(cx: &mut Context) -> Done {
    let began = Instant::now();
    let Opened { memory, shelves, _nowhere } = open(cx)?;
    let sizes = shelves.sizes().doing(DOING)?;
    let (mut counts, now_ms) = (Counts::default(), wiring::now_ms());
    // What cannot be read now is said.
    let away = shelves
        .each_in_reach(0, &mut |row| {
            counts.add(&row, now_ms);
            true
        })
        .doing(DOING)?;
    let far = shelves.far().doing(DOING)?;
    let opened = Instant::now();
    memory.search("make the failing tests pass", 1).doing(DOING)?;
    let (open_ms, all_ms) = (opened.elapsed().as_secs_f64() * 1e3, began.elapsed().as_secs_f64() * 1e3);
    let episodes: u64 = sizes.iter().map(|(_, size)| size.episodes).sum();
    let proved: u64 = sizes.iter().map(|(_, size)| size.proved).sum();
    let vectors = match cx.site()?.embedder {
        Some(embedder) => {
            let count = shelves.count_vectors(embedder.name()).doing(DOING)?;
            Some((embedder.name().to_owned(), count))
        }
        None => None,
    };
    let hit_rate = (counts.uses.0 > 0).then(|| counts.uses.1 as f64 / counts.uses.0 as f64);
    if cx.out.json {
        cx.out.object(&json!({
            "episodes": episodes, "proved": proved, "patterns": counts.patterns, "same": counts.same,
            "languages": counts.languages, "by_rung": counts.rungs, "tiers": tiers(&counts, &sizes),
            "reused": counts.uses.0, "held": counts.uses.1, "hit_rate": hit_rate,
            "search_ms": open_ms, "open_ms": all_ms,
            "bucket": far.map(|far| json!({
                "place": far.place, "bytes": far.bytes, "copied_bytes": far.here_bytes, "to_delete": far.to_delete,
                "away": away.len(),
            })),
            "vectors": vectors.map(|(of, episodes)| json!({ "of": of, "episodes": episodes })),
        }))?;
        return Ok(0);
    }
    cx.out.line(&format!(
        "{}: {proved} with a change that was proved, {} of these small enough to be tried again",
        phrase::count_of(usize::try_from(episodes).unwrap_or(usize::MAX), "episode"),
        counts.patterns
    ))?;
    tell_findings(cx, &shelves);
    for path in shelves.set_aside() {
        cx.note(&format!(
            "`{}` was damaged and is set aside; what could be read of it is kept",
            path.display()
        ));
    }
    tell(cx, &counts, &sizes)?;
    if let Some(far) = far {
        tell_far(cx, &far, away.len())?;
    }
    if let Some((of, count)) = vectors {
        cx.out.line(&harmless(&format!("vectors: of {count} episodes, by {of}")))?;
    }
    tell_lacking(cx, &memory);
    cx.out.line(&format!(
        "the first search took {}",
        phrase::span(opened.elapsed().as_millis().try_into().unwrap_or(0))
    ))?;
    Ok(0)
}

fn tell(cx: &mut Context, counts: &Counts, sizes: &[(Shelf, ShelfSize)]) -> Done {
    let list = |counts: &BTreeMap<String, usize>| {
        counts.iter().map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
    };
    if !counts.languages.is_empty() {
        cx.out.line(&harmless(&format!("languages: {}", list(&counts.languages))))?;
        cx.out.line(&harmless(&format!("found by: {}", list(&counts.rungs))))?;
    }
    for (of, size) in sizes {
        let mut line = format!("{}: {}, {} KiB", shelf(*of), size.episodes, size.bytes.div_ceil(1024));
        let ages = counts.ages.get(of).copied().unwrap_or_default();
        for ((_, name), n) in AGES.iter().zip(ages) {
            if n > 0 {
                line.push_str(&format!(", {n} younger than a {name}"));
            }
        }
        if ages[AGES.len()] > 0 {
            line.push_str(&format!(", {} older than that", ages[AGES.len()]));
        }
        cx.out.line(&line)?;
    }
    if counts.uses.0 > 0 {
        cx.out.line(&format!(
            "tried again: {}, right {}",
            phrase::count_of(usize::try_from(counts.uses.0).unwrap_or(usize::MAX), "time"),
            phrase::count_of(usize::try_from(counts.uses.1).unwrap_or(usize::MAX), "time")
        ))?;
    }
    if counts.same > 0 {
        cx.out.line(&format!("the same again: {}", phrase::count_of(counts.same, "mission")))?;
    }
    Ok(0)
}

/// What each shelf has.
fn tiers(counts: &Counts, sizes: &[(Shelf, ShelfSize)]) -> BTreeMap<&'static str, Value> {
    let one = |(of, size): &(Shelf, ShelfSize)| {
        let ages = counts.ages.get(of).copied().unwrap_or_default();
        let value = json!({
            "episodes": size.episodes, "bytes": size.bytes,
            "oldest_ms": size.ended_ms.map(|(first, _)| first), "newest_ms": size.ended_ms.map(|(_, last)| last),
            "younger_than_days": AGES.iter().zip(ages).map(|((days, _), n)| (days.to_string(), n.into()))
                .collect::<serde_json::Map<String, Value>>(),
            "older": ages[AGES.len()],
        });
        (shelf(*of), value)
    };
    sizes.iter().map(one).collect()
}

/// What is in a bucket.
fn tell_far(cx: &mut Context, far: &Far, away: usize) -> Done {
    let kib = |bytes: u64| bytes.div_ceil(1024);
    let mut line = format!(
        "bucket: {}, {} KiB, {} KiB of them here, too",
        far.place,
        kib(far.bytes),
        kib(far.here_bytes)
    );
    if away > 0 {
        line.push_str(&format!("; {} cannot be read now", phrase::count_of(away, "episode")));
    }
    if far.to_delete > 0 {
        line.push_str(&format!(
            "; {} let go and not deleted there yet",
            phrase::count_of(far.to_delete, "object")
        ));
    }
    cx.out.line(&harmless(&line))?;
    Ok(0)
}

pub(super) fn status(episode: &Episode) -> &'static str {
    episode.status.map_or(LEARNT, phrase::status)
}

fn object(episode: &Episode) -> Value {
    json!({
        "id": episode.id, "mission": episode.id.mission(), "workspace": episode.workspace, "status": status(episode),
        "ended_at_ms": episode.ended_ms, "request": episode.request, "language": episode.language,
        "symptoms": episode.symptoms.iter().map(|of| json!({ "test": of.test, "error": of.error, "said": of.said }))
            .collect::<Vec<_>>(),
        "refused": episode.refused,
        "accepted": episode.accepted.as_ref().map(|of| json!({
            "rung": of.rung, "explanation": of.explanation, "diff": of.diff,
        })),
        "diagnoses": episode.diagnoses, "reused": episode.reused, "tokens": episode.tokens, "tree": episode.tree,
        "wall_ms": episode.wall_ms,
    })
}

/// The same, with what became of it.
fn object_of(episode: &Episode, row: &Row) -> Value {
    let mut object = object(episode);
    object["shelf"] = json!(shelf(row.standing.shelf));
    object["seen"] = json!(row.seen);
    object["uses"] = json!(row.standing.uses.0);
    object["held"] = json!(row.standing.uses.1);
    object
}

fn search(cx: &mut Context, query: &str, limit: usize) -> Done {
    if query.trim().is_empty() {
        return Err(Report::new(ErrorKind::Invalid, DOING, "there is nothing to look for")
            .hint("say what it was about, such as `coditect memory search \"off by one in a slice\"`")
            .into());
    }
    let Opened { memory, shelves, _nowhere } = open(cx)?;
    let mut found = memory.search(query, limit).doing(DOING)?;
    found.retain(|found| found.score > LEAST_SCORE);
    tell_findings(cx, &shelves);
    tell_lacking(cx, &memory);
    if cx.out.json {
        let hits: Vec<Value> = found
            .iter()
            .map(|Found { episode, row, score }| {
                let mut object = object_of(episode, row);
                object["score"] = json!(score);
                object
            })
            .collect();
        cx.out.object(&json!({ "found": hits }))?;
        return Ok(0);
    }
    if found.is_empty() {
        let sizes = shelves.sizes().doing(DOING)?;
        let is_empty = sizes.iter().all(|(_, size)| size.episodes == 0);
        cx.out.line(if is_empty {
            "memory has nothing yet; missions that have ended are what it has"
        } else {
            "nothing in memory fits these words"
        })?;
    }
    for Found { episode, score, .. } in found {
        let status = match episode.status {
            Some(status) => painted(phrase::status_style(status), phrase::status(status)),
            None => LEARNT.to_owned(),
        };
        cx.out.line(&format!(
            "{} {score:.2}  {status}  {}",
            painted(paint::NAME, episode.id.as_str()),
            brief(&episode.request, WIDTH)
        ))?;
        if let Some(accepted) = &episode.accepted {
            cx.out.line(&format!("  {}", brief(&accepted.explanation, WIDTH)))?;
        }
    }
    Ok(0)
}

/// The episode that `name` means: an id, the beginning of one, or `last`. Nothing of it is read.
fn called(shelves: &DiskShelves, name: &str) -> Result<(u64, EpisodeId), Report> {
    let report = |kind, cause: String| Report::new(kind, "finding the episode", cause);
    if name == "last" {
        let standings = shelves.standings().doing(DOING)?;
        let last = standings.iter().max_by_key(|standing| standing.ended_ms).map(|standing| standing.number);
        let names = last.map(|number| shelves.names(number)).transpose().doing(DOING)?.unwrap_or_default();
        return last.zip(names.into_iter().next()).ok_or_else(|| {
            report(ErrorKind::NotFound, "memory has no episode yet".to_owned())
                .hint("missions that have ended are what it has")
        });
    }
    if let Ok(id) = EpisodeId::parse(name)
        && let Some(number) = shelves.number(&id).doing(DOING)?
    {
        return Ok((number, id));
    }
    let fits = if name.is_empty() { Vec::new() } else { shelves.called(name).doing(DOING)? };
    match fits.as_slice() {
        [] => Err(report(ErrorKind::NotFound, format!("no episode is called `{name}`"))
            .hint("`coditect memory search TEXT` finds them; a mission that has not ended is none yet")),
        [(number, id)] => Ok((*number, id.clone())),
        many => {
            let named: Vec<String> = many.iter().take(NAMED).map(|(_, id)| format!("`{id}`")).collect();
            let more = if many.len() > NAMED { ", ..." } else { "" };
            let cause = format!("`{name}` fits {} episodes: {}{more}", many.len(), named.join(", "));
            Err(report(ErrorKind::Invalid, cause).hint("type one character more"))
        }
    }
}

/// The same, read.
fn find(shelves: &DiskShelves, name: &str) -> Result<Row, Report> {
    let (number, id) = called(shelves, name)?;
    let mut row = shelves.fetch(&[number]).doing(DOING)?.pop();
    if row.is_none() {
        // Where it is away, that is the reason.
        let after = number.saturating_sub(1);
        shelves
            .each(after, &mut |next| {
                row = (next.standing.number == number).then_some(next);
                false
            })
            .doing(DOING)?;
    }
    row.ok_or_else(|| {
        Report::new(ErrorKind::Conflict, "finding the episode", format!("`{id}` cannot be read any more"))
            .hint("`coditect memory rebuild` makes memory anew from the journals")
    })
}

fn unreadable(row: &Row) -> Report {
    let cause = format!("`{}` was kept in a way that this version does not read", row.kept.id);
    Report::new(ErrorKind::Conflict, DOING, cause)
        .hint("`coditect memory rebuild` makes it anew from its journal")
}

fn show(cx: &mut Context, name: &str) -> Done {
    let Opened { shelves, _nowhere, .. } = open(cx)?;
    let row = find(&shelves, name).inspect_err(|_| tell_findings(cx, &shelves))?;
    let episode = Episode::from_kept(&row.kept).ok_or_else(|| unreadable(&row))?;
    if cx.out.json {
        cx.out.object(&object_of(&episode, &row))?;
        return Ok(0);
    }
    for (label, text) in entries(&episode, &row) {
        // Lines of a text are not taken for entries.
        let text = harmless(&text).lines().collect::<Vec<_>>().join("\n          ");
        cx.out.line(&format!("{} {text}", painted(paint::LABEL, &format!("{label:<9}"))))?;
    }
    if let Some(accepted) = &episode.accepted {
        for line in accepted.diff.lines() {
            cx.out.line(&format!("  {}", harmless(line)))?;
        }
    }
    Ok(0)
}

/// What is known of an episode, with what each is about; the change itself apart.
pub(super) fn entries(episode: &Episode, row: &Row) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("episode", format!("{} ({})", episode.id, shelf(row.standing.shelf))),
        ("request", episode.request.trim().to_owned()),
        ("directory", episode.workspace.clone()),
        ("status", status(episode).to_owned()),
    ];
    let red = |of: &Symptom| ("red", format!("{} {} {}", of.test, of.error, brief(&of.said, WIDTH)));
    all.extend(episode.symptoms.iter().map(red));
    all.extend(episode.refused.iter().map(|refused| ("refused", refused.clone())));
    all.extend(episode.diagnoses.iter().map(|diagnosis| ("found out", brief(diagnosis, WIDTH))));
    for Reused { episode, held } in &episode.reused {
        let what = if *held { "right" } else { "not right here" };
        all.push(("tried", format!("what {episode} did: {what}")));
    }
    let (uses, held) = row.standing.uses;
    if row.seen > 1 || uses > 0 {
        let since = format!("done {} times; tried again {uses} times, right {held} times", row.seen);
        all.push(("since", since));
    }
    if let Some(accepted) = &episode.accepted {
        let by = accepted.rung.map_or("a commit", phrase::rung);
        all.push(("accepted", format!("{} ({by})", accepted.explanation)));
    }
    all
}

fn rebuild(cx: &mut Context) -> Done {
    let site = cx.site()?;
    if !remembering::is_there(&site) {
        return Err(Report::new(ErrorKind::NotFound, "making memory anew", "there is no mission yet")
            .hint("begin one with `coditect run \"make the failing tests pass\"`")
            .into());
    }
    let (memory, shelves) = remembering::memory(&site)?;
    let put = memory.rebuild().doing("making memory anew")?;
    tell_findings(cx, &shelves);
    if cx.out.json {
        cx.out.object(&json!({ "episodes": put.new, "same": put.same }))?;
    } else {
        let episodes = phrase::count_of(put.new, "episode");
        cx.out.line(&format!("{episodes}, and {} that were the same as one of these", put.same))?;
    }
    Ok(0)
}

fn move_now(cx: &mut Context) -> Done {
    let site = cx.site()?;
    let Opened { shelves, _nowhere, .. } = open(cx)?;
    shelves.tend().doing("moving episodes")?;
    let Moved { away, back, dropped } =
        mover::round(&*shelves, &site.memory, wiring::now_ms()).doing("moving episodes")?;
    tell_findings(cx, &shelves);
    if cx.out.json {
        cx.out.object(&json!({ "put_away": away, "at_hand_again": back, "dropped": dropped }))?;
    } else {
        cx.out.line(&format!("{away} put away, {back} at hand again, {dropped} dropped"))?;
    }
    Ok(0)
}

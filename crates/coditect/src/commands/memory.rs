//! `coditect memory`: what missions that have ended are remembered by.

use std::collections::BTreeMap;

use coditect_memory::{Episode, episodes::Found};
use coditect_types::ErrorKind;
use serde_json::{Value, json};

use super::Context;
use crate::args::{MemoryArgs, MemoryAsk};
use crate::missions;
use crate::out::{brief, harmless, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring;

const DOING: &str = "asking memory";
/// Characters of a request or a symptom in a list.
const WIDTH: usize = 100;

pub(crate) fn perform(cx: &mut Context, args: &MemoryArgs) -> Done {
    match &args.ask {
        MemoryAsk::Stats => stats(cx),
        MemoryAsk::Search { query, limit } => search(cx, query, usize::from(*limit)),
        MemoryAsk::Show { episode } => show(cx, episode),
    }
}

fn stats(cx: &mut Context) -> Done {
    let memory = wiring::memory(&cx.site()?);
    let began = std::time::Instant::now();
    let episodes = memory.all().doing(DOING)?;
    let took = began.elapsed();
    let mut languages: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rungs: BTreeMap<&'static str, usize> = BTreeMap::new();
    for episode in episodes {
        let language = if episode.language.is_empty() { "unknown" } else { &episode.language };
        *languages.entry(language).or_default() += 1;
        if let Some(accepted) = &episode.accepted {
            *rungs.entry(phrase::rung(accepted.rung)).or_default() += 1;
        }
    }
    let patterns = episodes.iter().filter(|episode| episode.edits().is_some()).count();
    let proved = episodes.iter().filter(|episode| episode.accepted.is_some()).count();
    if cx.out.json {
        cx.out.object(&json!({
            "episodes": episodes.len(), "proved": proved, "patterns": patterns, "languages": languages,
            "by_rung": rungs, "oldest_ms": episodes.first().map(|episode| episode.ended_ms),
            "open_ms": took.as_secs_f64() * 1e3,
        }))?;
        return Ok(0);
    }
    cx.out.line(&format!(
        "{}: {proved} with a change that was proved, {patterns} of these small enough to be tried again",
        phrase::count_of(episodes.len(), "episode")
    ))?;
    let counts = |counts: &mut dyn Iterator<Item = (&str, usize)>| {
        counts.map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
    };
    if !episodes.is_empty() {
        cx.out.line(&harmless(&format!("languages: {}", counts(&mut languages.into_iter()))))?;
        cx.out.line(&format!("found by: {}", counts(&mut rungs.into_iter())))?;
    }
    cx.out.line(&format!(
        "read from the journals in {}",
        phrase::span(u64::try_from(took.as_millis()).unwrap_or(0))
    ))?;
    Ok(0)
}

fn object(episode: &Episode) -> Value {
    json!({
        "mission": episode.id, "workspace": episode.workspace, "status": phrase::status(episode.status),
        "ended_at_ms": episode.ended_ms, "request": episode.request, "language": episode.language,
        "symptoms": episode.symptoms.iter().map(|of| json!({ "test": of.test, "error": of.error, "said": of.said }))
            .collect::<Vec<_>>(),
        "refused": episode.refused,
        "accepted": episode.accepted.as_ref().map(|of| json!({
            "rung": of.rung, "explanation": of.explanation, "diff": of.diff,
        })),
        "wall_ms": episode.wall_ms,
    })
}

fn search(cx: &mut Context, query: &str, limit: usize) -> Done {
    if query.trim().is_empty() {
        return Err(Report::new(ErrorKind::Invalid, DOING, "there is nothing to look for")
            .hint("say what it was about, such as `coditect memory search \"off by one in a slice\"`")
            .into());
    }
    let memory = wiring::memory(&cx.site()?);
    let found = memory.search(query, limit).doing(DOING)?;
    if cx.out.json {
        let hits: Vec<Value> = found
            .iter()
            .map(|Found { episode, score }| {
                let mut object = object(episode);
                object["score"] = json!(score);
                object
            })
            .collect();
        cx.out.object(&json!({ "found": hits }))?;
        return Ok(0);
    }
    if found.is_empty() {
        cx.out.line("memory has nothing yet: missions that have ended are what it has")?;
    }
    for Found { episode, score } in found {
        let status = painted(phrase::status_style(episode.status), phrase::status(episode.status));
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

fn show(cx: &mut Context, name: &str) -> Done {
    let archive = cx.archive()?;
    let mission = missions::find(archive.journal(), name)?;
    let (records, _) = missions::load(archive.journal(), &mission)?;
    let Some(episode) = Episode::of(&records) else {
        let cause = format!("{mission} has not ended, and is no episode yet");
        return Err(Report::new(ErrorKind::NotFound, DOING, cause)
            .hint(format!("`coditect show {mission}` says where it stands"))
            .into());
    };
    if cx.out.json {
        cx.out.object(&object(&episode))?;
        return Ok(0);
    }
    let mut entry = |label: &str, text: &str| {
        cx.out.line(&format!("{} {}", painted(paint::LABEL, &format!("{label:<9}")), harmless(text)))
    };
    entry("mission", episode.id.as_str())?;
    entry("request", episode.request.trim())?;
    entry("directory", &episode.workspace)?;
    entry("status", phrase::status(episode.status))?;
    for of in &episode.symptoms {
        entry("red", &format!("{} {} {}", of.test, of.error, brief(&of.said, WIDTH)))?;
    }
    for refused in &episode.refused {
        entry("refused", refused)?;
    }
    if let Some(accepted) = &episode.accepted {
        entry("accepted", &format!("{} ({})", accepted.explanation, phrase::rung(accepted.rung)))?;
        for line in accepted.diff.lines() {
            cx.out.line(&format!("  {}", harmless(line)))?;
        }
    }
    Ok(0)
}

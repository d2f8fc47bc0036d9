//! `coditect memory forget`: episodes go for good, and so do the missions that they are of.

use std::path::PathBuf;

use coditect_adapters::DiskShelves;
use coditect_ports::Shelves;
use coditect_ports::shelves::Row;
use coditect_types::{ErrorKind, MissionId};
use serde_json::json;

use super::{find, nothing, open};
use crate::args::ForgetArgs;
use crate::commands::Context;
use crate::commands::clean::age_ms;
use crate::graphs;
use crate::out::{brief, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, remembering};

const DOING: &str = "forgetting";
/// Episodes that are named one by one.
const NAMED: usize = 20;

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
    let Some((_, shelves)) = open(cx)? else { return nothing(cx) };
    let wanted = wanted(&shelves, args)?;
    let archive = cx.archive()?;
    let mut missions: Vec<MissionId> = Vec::new();
    for row in &wanted {
        let names = shelves.names(row.standing.number).doing(DOING)?;
        missions.extend(names.iter().filter_map(coditect_types::EpisodeId::mission));
    }
    if let Some(running) = missions.iter().find(|mission| archive.holder(mission).is_some()) {
        let cause = format!("{running} is running; cancel it first");
        return Err(Report::new(ErrorKind::Conflict, DOING, cause).into());
    }
    drop(archive);
    if !args.dry_run && !wanted.is_empty() {
        // The journals first: what is left of a mission would bring its episode back.
        let left = remembering::remove_missions(&cx.site()?, &missions)?;
        if let Some((mission, why)) = left.first() {
            return Err(
                Report::new(ErrorKind::Unavailable, format!("removing {mission}"), why.clone()).into()
            );
        }
        let numbers: Vec<u64> = wanted.iter().map(|row| row.standing.number).collect();
        shelves.remove(&numbers, true).doing(DOING)?;
        graphs::remove_all(&cx.site()?)?;
    }
    tell(cx, args, &wanted)
}

/// The episodes that everything that was said fits.
fn wanted(shelves: &DiskShelves, args: &ForgetArgs) -> Result<Vec<Row>, Report> {
    let named: Vec<u64> = args
        .episodes
        .iter()
        .map(|name| find(shelves, name).map(|row| row.standing.number))
        .collect::<Result<_, _>>()?;
    let before_ms = match &args.older_than {
        Some(age) => Some(wiring::now_ms().saturating_sub(age_ms(age)?)),
        None => None,
    };
    // A directory that is gone can be named as it was.
    let workspace: Option<PathBuf> = args
        .workspace
        .as_ref()
        .map(|dir| dir.canonicalize().or_else(|_| std::path::absolute(dir)).unwrap_or_else(|_| dir.clone()));
    let text = args.matching.as_ref().map(|text| text.to_lowercase());
    let mut wanted = Vec::new();
    shelves
        .each(0, &mut |row| {
            let fits = (named.is_empty() || named.contains(&row.standing.number))
                && before_ms.is_none_or(|before| row.kept.ended_ms < before)
                && workspace
                    .as_ref()
                    .is_none_or(|dir| std::path::Path::new(&row.kept.workspace).starts_with(dir))
                && text.as_ref().is_none_or(|text| holds(&row, text));
            if fits {
                wanted.push(row);
            }
            true
        })
        .doing(DOING)?;
    Ok(wanted)
}

/// Whether the text is anywhere in an episode. In JSON some letters are written otherwise than they are.
fn holds(row: &Row, text: &str) -> bool {
    let body = String::from_utf8_lossy(&row.kept.body).to_lowercase();
    let written = serde_json::to_string(text).unwrap_or_default();
    body.contains(text)
        || body.contains(written.trim_matches('"'))
        || row.kept.request.to_lowercase().contains(text)
        || row.kept.workspace.to_lowercase().contains(text)
}

fn tell(cx: &mut Context, args: &ForgetArgs, wanted: &[Row]) -> Done {
    if cx.out.json {
        let ids: Vec<&str> = wanted.iter().map(|row| row.kept.id.as_str()).collect();
        cx.out.object(&json!({ "forgotten": ids, "dry_run": args.dry_run }))?;
        return Ok(0);
    }
    let verb = if args.dry_run { "would forget" } else { "forgot" };
    cx.out.line(&format!("{verb} {}", phrase::count_of(wanted.len(), "episode")))?;
    if args.dry_run {
        for row in wanted.iter().take(NAMED) {
            let id = painted(paint::NAME, row.kept.id.as_str());
            cx.out.line(&format!("  {id}  {}", brief(&row.kept.request, super::WIDTH)))?;
        }
        if let Some(more) = wanted.len().checked_sub(NAMED).filter(|more| *more > 0) {
            cx.out.line(&format!("  and {more} more"))?;
        }
    }
    Ok(0)
}

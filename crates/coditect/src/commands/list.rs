//! `coditect list`: missions, newest first.

use serde_json::json;

use super::Context;
use crate::args::ListArgs;
use crate::missions::{self, Entry};
use crate::out::{brief, paint, painted};
use crate::phrase;
use crate::report::Done;
use crate::wiring::{self, Archive};

/// Characters of a request in the table.
const WIDTH: usize = 48;

pub(crate) fn perform(cx: &mut Context, args: &ListArgs) -> Done {
    let archive = cx.archive()?;
    let (mut entries, mut all) = match &cx.global.owner {
        None => missions::list(archive.journal(), args.limit)?,
        Some(_) => missions::list(archive.journal(), usize::MAX)?,
    };
    if let Some(owner) = &cx.global.owner {
        entries.retain(|entry| entry.owner.as_ref() == Some(owner));
        all = entries.len();
        entries.truncate(args.limit);
    }
    if cx.out.json {
        let missions: Vec<_> = entries.iter().map(|entry| object(&archive, entry)).collect();
        cx.out.object(&json!({ "missions": missions, "all": all }))?;
        return Ok(0);
    }
    if entries.is_empty() && !archive.findings().is_empty() {
        cx.out.line("no mission that can be read; see `coditect doctor`")?;
        return Ok(0);
    }
    if entries.is_empty() {
        cx.out.line("no mission yet; begin one with `coditect run \"make the failing tests pass\"`")?;
        return Ok(0);
    }
    let now_ms = wiring::now_ms();
    let header =
        format!("{:<15} {:<13} {:<12} {:<WIDTH$} {}", "MISSION", "STATUS", "BEGUN", "REQUEST", "DIRECTORY");
    cx.out.line(&painted(paint::LABEL, &header))?;
    for entry in &entries {
        let (word, style) = match entry.end {
            Some((status, _)) => (phrase::status(status), phrase::status_style(status)),
            None => (state(&archive, entry), paint::NAME),
        };
        cx.out.line(&format!(
            "{:<15} {} {:<12} {:<WIDTH$} {}",
            entry.mission.as_str(),
            painted(style, &format!("{word:<13}")),
            phrase::ago(now_ms, entry.submitted_at_ms),
            brief(&entry.request, WIDTH),
            brief(&entry.workspace, 200),
        ))?;
    }
    if all > entries.len() {
        cx.out.line(&format!("{} older; see them with `coditect list -n {all}`", all - entries.len()))?;
    }
    Ok(0)
}

/// What a mission without an end is doing.
fn state(archive: &Archive, entry: &Entry) -> &'static str {
    if archive.is_running(&entry.mission) { "running" } else { "stopped" }
}

fn object(archive: &Archive, entry: &Entry) -> serde_json::Value {
    json!({
        "mission": entry.mission,
        "status": entry.end.map_or_else(|| state(archive, entry), |(status, _)| phrase::status(status)),
        "request": entry.request,
        "workspace": entry.workspace,
        "owner": entry.owner,
        "submitted_at_ms": entry.submitted_at_ms,
        "ended_at_ms": entry.end.map(|(_, at_ms)| at_ms),
    })
}

//! `coditect top`: missions and who is at work in them, drawn anew again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use coditect_runtime::view::TaskProgress;
use coditect_runtime::{Fold, MissionView};
use coditect_types::model::dollars;
use coditect_types::{MissionId, MissionStatus};
use serde_json::{Value, json};

use super::catch_up;
use crate::args::TopArgs;
use crate::commands::Context;
use crate::missions::{self, Entry};
use crate::out::{brief, paint, painted};
use crate::phrase;
use crate::report::{Done, Fault, INTERRUPTED, Report};
use crate::signals::Signals;
use crate::wiring::{self, Archive};

/// How often it is drawn.
const EVERY: Duration = Duration::from_secs(1);
/// Characters of a request.
const WIDTH: usize = 36;
/// Puts the cursor at the top and takes away what was below.
const ANEW: &str = "\u{1b}[H\u{1b}[J";

/// A mission in the picture.
struct Row {
    entry: Entry,
    is_running: bool,
    view: Option<MissionView>,
    at_ms: u64,
}

pub(crate) fn perform(cx: &mut Context, args: &TopArgs) -> Done {
    let archive = cx.archive()?;
    let mut folds = BTreeMap::new();
    if args.once {
        let rows = rows(&archive, args.limit, &mut folds)?;
        draw(cx, &rows)?;
        return Ok(0);
    }
    let runtime = wiring::tokio_runtime()?;
    let done = runtime.block_on(go_on(cx, &archive, args.limit, &mut folds));
    runtime.shutdown_background();
    done
}

async fn go_on(
    cx: &mut Context,
    archive: &Archive,
    limit: usize,
    folds: &mut BTreeMap<MissionId, Fold>,
) -> Done {
    let mut signals = Signals::listen()?;
    let mut look = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = signals.next() => return Ok(INTERRUPTED),
            _ = look.tick() => {}
        }
        let rows = rows(archive, limit, folds)?;
        if cx.out.is_terminal() && cx.out.is_coloured() && !cx.out.json {
            cx.out.text(ANEW)?;
        }
        draw(cx, &rows)?;
    }
}

/// The newest missions, those that have not ended first. Only those are read, and of them only what is new.
fn rows(archive: &Archive, limit: usize, folds: &mut BTreeMap<MissionId, Fold>) -> Result<Vec<Row>, Report> {
    let (entries, _) = missions::list(archive.journal(), limit)?;
    let mut rows = Vec::new();
    for entry in entries {
        let is_running = entry.end.is_none() && archive.is_running(&entry.mission);
        let (mut view, mut at_ms) = (None, 0);
        if entry.end.is_none() {
            let fold = folds.entry(entry.mission.clone()).or_insert_with(|| Fold::new(entry.mission.clone()));
            // What cannot be read is shown as far as it can.
            catch_up(archive.journal(), &entry.mission, fold, |_| Ok(())).map(drop).ok();
            (view, at_ms) = (fold.view(), fold.at_ms());
        } else {
            folds.remove(&entry.mission);
        }
        rows.push(Row { entry, is_running, view, at_ms });
    }
    rows.sort_by_key(|row| (row.entry.end.is_some(), !row.is_running));
    Ok(rows)
}

/// What is said of a mission in a word.
fn standing(row: &Row) -> &'static str {
    match row.entry.end {
        Some((status, _)) => phrase::status(status),
        None if asks(row) > 0 => "asks you",
        None if row.is_running => "running",
        None => "stopped",
    }
}

fn asks(row: &Row) -> usize {
    let Some(view) = &row.view else { return 0 };
    view.approvals.iter().filter(|asked| asked.is_open(view)).count()
}

fn draw(cx: &mut Context, rows: &[Row]) -> Result<(), Fault> {
    let count = |is: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is(row)).count();
    let (running, asking) = (count(&|row| row.is_running), count(&|row| asks(row) > 0));
    let ended = count(&|row| row.entry.end.is_some());
    let verified = count(&|row| matches!(row.entry.end, Some((MissionStatus::Verified, _))));
    if cx.out.json {
        let missions: Vec<Value> = rows.iter().map(object).collect();
        cx.out.object(&json!({
            "at_ms": wiring::now_ms(),
            "running": running,
            "ask": asking,
            "ended": ended,
            "verified": verified,
            "missions": missions,
        }))?;
        return Ok(());
    }
    cx.out.line(&format!(
        "{running} running, {asking} asking you, {ended} ended ({verified} verified) of the newest {}   {} UTC",
        rows.len(),
        phrase::moment(wiring::now_ms()),
    ))?;
    let head = format!(
        "{:<15} {:<15} {:>11} {:<34} {:>9} {:<WIDTH$}",
        "MISSION", "STATUS", "TIME", "AT WORK", "COST", "REQUEST"
    );
    cx.out.line(&painted(paint::LABEL, &head))?;
    for row in rows {
        cx.out.line(line(row).trim_end())?;
    }
    Ok(())
}

fn line(row: &Row) -> String {
    let style = match row.entry.end {
        Some((status, _)) => phrase::status_style(status),
        None if asks(row) > 0 => paint::WARN,
        None if row.is_running => paint::NAME,
        None => paint::DIM,
    };
    let time = match (&row.view, row.entry.end) {
        (_, Some((_, at_ms))) => phrase::span(at_ms.saturating_sub(row.entry.submitted_at_ms)),
        (Some(view), None) if row.is_running => {
            phrase::span(view.wall_ms + wiring::now_ms().saturating_sub(row.at_ms))
        }
        (Some(view), None) => phrase::span(view.wall_ms),
        (None, None) => String::new(),
    };
    let work = row.view.as_ref().map_or_else(String::new, |view| brief(&at_work(view), 34));
    let cost = row.view.as_ref().map_or_else(String::new, |view| dollars(view.ledger.micro_usd));
    format!(
        "{:<15} {} {time:>11} {work:<34} {cost:>9} {}",
        row.entry.mission.as_str(),
        painted(style, &format!("{:<15}", standing(row))),
        brief(&row.entry.request, WIDTH),
    )
}

/// Who is at work at what.
fn at_work(view: &MissionView) -> String {
    let running = view.tasks.iter().filter(|task| task.state == TaskProgress::Running);
    let each: Vec<String> =
        running.map(|task| format!("{} {}", task.role.name(), task.intent.replace('_', " "))).collect();
    match each.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, more @ ..] => format!("{} agents: {first}, ...", more.len() + 1),
    }
}

fn object(row: &Row) -> Value {
    let view = row.view.as_ref();
    let running = |view: &MissionView| {
        let at_work = view.tasks.iter().filter(|task| task.state == TaskProgress::Running);
        at_work
            .map(|task| json!({ "task": task.id, "role": task.role, "intent": task.intent }))
            .collect::<Vec<_>>()
    };
    json!({
        "mission": row.entry.mission,
        "status": standing(row).replace(' ', "_"),
        "request": row.entry.request,
        "workspace": row.entry.workspace,
        "submitted_at_ms": row.entry.submitted_at_ms,
        "ended_at_ms": row.entry.end.map(|(_, at_ms)| at_ms),
        "at_work": view.map(running).unwrap_or_default(),
        "ask": asks(row),
        "ledger": view.map(|view| &view.ledger),
    })
}

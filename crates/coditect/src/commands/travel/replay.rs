//! `coditect replay`: a mission as it stood.

use std::io::{BufRead, IsTerminal};

use coditect_runtime::Fold;
use coditect_runtime::said::kind;
use coditect_types::{ErrorKind, MissionId, Record};
use serde_json::json;

use super::fold_at;
use crate::args::ReplayArgs;
use crate::commands::Context;
use crate::log::Teller;
use crate::missions;
use crate::out::{paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Fault, Report};
use crate::travel::{changed, facts, line};
use crate::wiring;

const DOING: &str = "going back";

pub(crate) fn perform(cx: &mut Context, args: &ReplayArgs) -> Done {
    let (archive, mission) = cx.opened(&args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    if args.step {
        return step(cx, &records, args.at.unwrap_or(1));
    }
    let Some(at) = args.at else { return walk(cx, &records) };
    let fold = fold_at(&records, at, DOING)?;
    if let Some(dir) = &args.files {
        if archive.is_exported() {
            let cause = "a mission that was exported has no files with it";
            return Err(Report::new(ErrorKind::Invalid, DOING, cause).into());
        }
        copy_files(cx, &mission, &fold, dir)?;
    }
    if cx.out.json {
        let moment = moment(&fold, records.get(index(at)), view.last_seq);
        cx.out.object(&moment)?;
        return Ok(0);
    }
    tell(cx, &records, &fold)?;
    Ok(0)
}

/// The place of a record among all of them, which begin with 1 and have no gaps.
fn index(seq: u64) -> usize {
    usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX)
}

/// A moment for a program.
fn moment(fold: &Fold, record: Option<&Record>, newest_seq: u64) -> serde_json::Value {
    json!({
        "mission": fold.mission(),
        "seq": fold.seq(),
        "at_ms": fold.at_ms(),
        "newest_seq": newest_seq,
        "record": record,
        "beliefs": fold.beliefs(),
        "state": fold.view(),
    })
}

fn copy_files(cx: &Context, mission: &MissionId, fold: &Fold, dir: &std::path::Path) -> Result<(), Report> {
    let doing = "writing the files of that moment";
    let Some(files) = fold.beliefs().files else {
        let cause = "no snapshot was taken by then";
        return Err(Report::new(ErrorKind::NotFound, doing, cause)
            .hint("name a later moment; `coditect log` shows when it was taken"));
    };
    let workspace = wiring::workspace(&cx.site()?)?;
    workspace.copy_out(mission, &files.commit, dir).doing(doing)?;
    cx.note(&format!("the files of that moment are in `{}`; ignored files were never kept", dir.display()));
    Ok(())
}

/// Every record, with what it changed.
fn walk(cx: &mut Context, records: &[Record]) -> Done {
    let Some(first) = records.first() else { return Ok(0) };
    let (mut fold, mut teller) = (Fold::new(first.mission.clone()), Teller::default());
    let newest_seq = records.last().map_or(0, |record| record.seq);
    let mut known = Vec::new();
    for record in records {
        fold.take(record);
        if cx.out.json {
            let view = fold.view();
            cx.out.object(&json!({
                "seq": record.seq,
                "at_ms": record.at_ms,
                "newest_seq": newest_seq,
                "type": kind(&record.event),
                "status": view.as_ref().and_then(|view| view.status),
                "ledger": view.as_ref().map(|view| &view.ledger),
                "beliefs": fold.beliefs(),
            }))?;
            continue;
        }
        cx.out.line(&teller.full_line_of(record, first.at_ms))?;
        let now = facts(&fold);
        for one in changed(&known, &now).iter().filter(|one| !one.is_progress) {
            let text = one.after.as_deref().unwrap_or("nothing any more");
            cx.out.line(&format!("{:15}{}", "", painted(paint::DIM, &line(one.label, text))))?;
        }
        known = now;
    }
    Ok(0)
}

/// One moment, for a person.
fn tell(cx: &mut Context, records: &[Record], fold: &Fold) -> Result<(), Fault> {
    let (first, last) = (records.first(), records.last());
    let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
    let after = phrase::span(fold.at_ms().saturating_sub(first.at_ms));
    let head = format!("{} behind record {} of {}, after {after}", fold.mission(), fold.seq(), last.seq);
    cx.out.line(&painted(paint::NAME, &head))?;
    let mut teller = Teller::default();
    for record in records.iter().take_while(|record| record.seq <= fold.seq()) {
        if record.seq == fold.seq() {
            cx.out.line(&teller.full_line_of(record, first.at_ms))?;
        } else {
            teller.hear(record);
        }
    }
    cx.out.line("")?;
    for fact in facts(fold) {
        cx.out.line(&line(fact.label, &fact.text))?;
    }
    Ok(())
}

/// Goes from moment to moment as the person says.
fn step(cx: &mut Context, records: &[Record], at: u64) -> Done {
    let last = records.last().map_or(0, |record| record.seq);
    let mut at = at;
    let mut lines = std::io::stdin().lock().lines();
    let asks = std::io::stdin().is_terminal();
    loop {
        let fold = fold_at(records, at, DOING)?;
        tell(cx, records, &fold)?;
        if asks {
            cx.out.line("")?;
            cx.out.text(&painted(paint::DIM, "Enter: on, b: back, a number: there, q: leave > "))?;
        }
        let Some(Ok(said)) = lines.next() else { return Ok(0) };
        at = match said.trim() {
            "" | "n" if at >= last => return Ok(0),
            "" | "n" => at + 1,
            "b" | "p" => at.saturating_sub(1).max(1),
            "q" => return Ok(0),
            other => match other.parse::<u64>() {
                Ok(there) if (1..=last).contains(&there) => there,
                Ok(_) | Err(_) => {
                    cx.note(&format!("`{other}` is no moment: say a number from 1 to {last}, b or q"));
                    at
                }
            },
        };
        cx.out.line("")?;
    }
}

//! `coditect log`: a mission's journal, event by event.

use std::time::Duration;

use coditect_runtime::history::history_from;
use coditect_types::{Event, Record};

use super::Context;
use crate::args::LogArgs;
use crate::log::Teller;
use crate::missions;
use crate::report::{Doing, Done, Fault};
use crate::signals::Signals;
use crate::wiring::{self, Archive};

/// How often a journal that another process writes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) fn perform(cx: &mut Context, args: &LogArgs) -> Done {
    let (archive, mission) = cx.opened(&args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    let first_ms = view.submitted_at_ms;
    let mut teller = Teller::default();
    for record in &records {
        print(cx, &mut teller, record, first_ms)?;
    }
    if !args.follow || view.status.is_some() {
        return Ok(0);
    }
    let runtime = wiring::tokio_runtime()?;
    runtime.block_on(follow(cx, &archive, (teller, first_ms), view.last_seq + 1, &mission))
}

async fn follow(
    cx: &mut Context,
    archive: &Archive,
    (mut teller, first_ms): (Teller, u64),
    mut next: u64,
    mission: &coditect_types::MissionId,
) -> Done {
    let mut signals = Signals::listen()?;
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = signals.next() => return Ok(crate::report::INTERRUPTED),
            _ = look.tick() => {}
        }
        for record in history_from(archive.journal(), mission, next).doing("reading the journal")? {
            print(cx, &mut teller, &record, first_ms)?;
            next = record.seq + 1;
            if matches!(record.event, Event::MissionCompleted { .. }) {
                return Ok(0);
            }
        }
    }
}

fn print(cx: &mut Context, teller: &mut Teller, record: &Record, first_ms: u64) -> Result<(), Fault> {
    if cx.out.json {
        cx.out.object(record)?;
    } else {
        cx.out.line(&teller.full_line_of(record, first_ms))?;
    }
    Ok(())
}

//! `coditect watch`: follows a mission to its end, as `coditect run` shows it.

use std::time::{Duration, Instant};

use coditect_runtime::Fold;
use coditect_types::{ErrorKind, Event, MissionId};

use super::{LOOK_EVERY, catch_up};
use crate::args::{Shown, WatchArgs};
use crate::commands::Context;
use crate::missions;
use crate::progress::Progress;
use crate::report::{Done, Fault, INTERRUPTED, Report, end_code};
use crate::signals::Signals;
use crate::watch::{Offers, pick, tell_end};
use crate::wiring::{self, Archive};

/// How often a server is asked for what is new.
const SERVED_EVERY: Duration = Duration::from_secs(1);
/// After so long without anything new a server is asked whether a process has the mission.
const ALONE: Duration = Duration::from_secs(120);

pub(crate) fn perform(cx: &mut Context, args: &WatchArgs) -> Done {
    let archive = cx.archive()?;
    let mission = missions::find(&archive, &args.of.mission)?;
    stay(cx, &archive, &mission, args.shown)
}

/// Stays with a mission to its end, whoever runs it.
pub(crate) fn stay(cx: &mut Context, archive: &Archive, mission: &MissionId, shown: Shown) -> Done {
    let runtime = wiring::tokio_runtime()?;
    let mut progress = pick(cx, shown);
    let done = runtime.block_on(follow(cx, archive, mission, &mut progress));
    progress.finish();
    runtime.shutdown_background();
    done
}

async fn follow(cx: &mut Context, archive: &Archive, mission: &MissionId, progress: &mut Progress) -> Done {
    // A look at a server may take long, and nothing is lost where that is broken off: there a key ends the process as it always does.
    let mut signals = match archive.served() {
        None => Some(Signals::listen()?),
        Some(_) => None,
    };
    // Each look is a request, of which a user may have so many a second.
    let every = if archive.served().is_some() { SERVED_EVERY } else { LOOK_EVERY };
    let mut look = tokio::time::interval(every);
    let mut grew = Instant::now();
    let mut fold = Fold::new(mission.clone());
    let mut was_held = true;
    loop {
        tokio::select! {
            () = interrupted(&mut signals) => return Ok(INTERRUPTED),
            _ = look.tick() => {}
        }
        let is_held = match archive.served() {
            None => archive.is_shared() || archive.holder(mission).is_some(),
            // It goes on with missions whose process is gone, and is given the time for that.
            Some(_) => grew.elapsed() < ALONE || archive.holder(mission).is_some(),
        };
        let mut end = None;
        let grown = catch_up(archive.journal(), mission, &mut fold, |record| {
            if let Event::MissionCompleted { status, trouble, .. } = &record.event {
                end = Some((*status, end_code(*status, *trouble)));
            }
            progress.record(&mut cx.out, record)
        })?;
        let grown = grown?;
        if grown {
            grew = Instant::now();
        }
        if let Some((status, code)) = end {
            progress.finish();
            if !cx.out.json {
                tell_end(cx, mission, status, Offers::Untold)?;
            }
            return Ok(code);
        }
        // Whoever had it may have written its end before letting go: that is seen at the next look.
        if !grown && !is_held && !was_held {
            progress.finish();
            return Err(nobody(mission));
        }
        was_held = is_held;
    }
}

async fn interrupted(signals: &mut Option<Signals>) {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

fn nobody(mission: &MissionId) -> Fault {
    let report =
        Report::new(ErrorKind::Conflict, format!("watching {mission}"), "no process has it under way");
    report.hint(format!("go on with it by `coditect resume {mission}`")).into()
}

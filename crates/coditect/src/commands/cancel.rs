//! `coditect cancel`: ends a mission, here if no process runs it, else by asking the one that does.

use std::time::Duration;

use coditect_ports::AppendError;
use coditect_runtime::Cell;
use coditect_types::{Command, ErrorKind, Input, MissionId, MissionStatus};
use serde_json::json;

use super::{Context, remote};
use crate::args::{CANCELLED, CancelArgs};
use crate::environment::Site;
use crate::missions;
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::signals::Signals;
use crate::wiring::{self, Archive};

/// Times that the end is put behind what a process of another machine wrote meanwhile.
const TRIES: u32 = 20;
/// How long the process that runs a mission is given to end it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often its journal is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn perform(cx: &mut Context, args: &CancelArgs) -> Done {
    let site = cx.site()?;
    let archive = cx.archive()?;
    let mission = missions::find(&archive, &args.of.mission)?;
    if let Some(server) = archive.served() {
        // It says by whom.
        let why = if args.reason == CANCELLED { "" } else { &args.reason };
        let said = server.cancel(&mission, why).doing(&format!("cancelling {mission}"))?;
        return remote::tell(cx, &mission, &said);
    }
    let ended = wiring::tokio_runtime()?.block_on(end(&site, &archive, &mission, &args.reason))?;
    if cx.out.json {
        cx.out.object(&json!({ "mission": mission, "status": ended.map_or("asked", phrase::status) }))?;
    } else {
        cx.out.line(&said(&mission, ended))?;
    }
    Ok(0)
}

/// Ends a mission, whoever runs it. None: whoever does was asked, and has not done it yet.
pub(crate) async fn end(
    site: &Site,
    archive: &Archive,
    mission: &MissionId,
    reason: &str,
) -> Result<Option<MissionStatus>, Report> {
    let doing = format!("cancelling {mission}");
    let command = Command::CancelMission { reason: reason.to_owned() };
    for tried in 1.. {
        let (records, view) = missions::load(archive.journal(), mission)?;
        if let Some(status) = view.status {
            let cause = format!("it has ended already, as {}", phrase::status(status));
            return Err(Report::new(ErrorKind::Conflict, doing, cause));
        }
        archive.must_be_whole(mission, &doing)?;
        let cell = Cell::replay(mission.clone(), &records);
        if end_here(site, &cell, &command).await? {
            return Ok(Some(MissionStatus::Cancelled));
        }
        // Who runs it on another machine reads no letter of this one's: what it wrote just now is read, and the end put behind that.
        if !archive.is_shared() || archive.holder(mission).is_some() {
            break;
        }
        if tried >= TRIES {
            let cause = "a process of another machine writes to it all the time";
            return Err(Report::new(ErrorKind::Conflict, doing, cause).hint("cancel it there, or try again"));
        }
    }
    wiring::mailbox(site)
        .send(mission, &command)
        .doing(&format!("asking the process that runs {mission}"))?;
    wait(archive, mission).await
}

/// Ends the mission in its journal, through the core like any other step. False: another process runs it.
async fn end_here(site: &Site, cell: &Cell, command: &Command) -> Result<bool, Report> {
    let doing = format!("cancelling {}", cell.mission());
    let keeper = wiring::keeper(site)?;
    let step = cell.step(wiring::now_ms(), &Input::Command(command.clone())).map_err(|refusal| {
        let report = Report::new(refusal.kind, doing.clone(), refusal.cause);
        refusal.hint.map_or_else(|| report.clone(), |hint| report.clone().hint(hint))
    })?;
    let kept = keeper.append(cell.mission(), cell.seq(), step.encode()).await;
    keeper.release(cell.mission());
    match kept {
        Ok(_) => Ok(true),
        Err(AppendError::Held(_) | AppendError::Conflict { .. }) => Ok(false),
        Err(AppendError::NotKept(error) | AppendError::Unknown(error)) => Err(error).doing(&doing),
    }
}

/// Waits for the mission's end in the journal. None: it has not come yet.
async fn wait(archive: &Archive, mission: &MissionId) -> Result<Option<MissionStatus>, Report> {
    let mut signals = Signals::listen()?;
    let ended = async {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            look.tick().await;
            if let Some(status) = missions::load(archive.journal(), mission)?.1.status {
                return Ok(Some(status));
            }
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(PATIENCE, ended) => ended.unwrap_or(Ok(None)),
        () = signals.next() => Ok(None),
    }
}

/// What came of it, for a person.
pub(crate) fn said(mission: &MissionId, end: Option<MissionStatus>) -> String {
    match end {
        Some(MissionStatus::Cancelled) => format!("cancelled {mission}"),
        // It was faster than the request to stop.
        Some(status) => format!("{mission} has ended as {}", phrase::status(status)),
        None => {
            format!("asked the process that runs {mission} to end it; see `coditect show {mission}`")
        }
    }
}

//! `coditect apply`: brings a mission's change into the person's branch or directory; refuses on conflict.

use std::path::Path;

use coditect_types::{ErrorKind, MissionStatus};
use serde_json::json;

use super::Context;
use crate::args::OneMission;
use crate::missions;
use crate::out::harmless;
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring;

pub(crate) fn perform(cx: &mut Context, args: &OneMission) -> Done {
    let site = cx.site()?;
    let archive = cx.archive()?;
    let mission = missions::find(&archive, &args.mission)?;
    let (_, view) = missions::load(archive.journal(), &mission)?;
    let refuse = |cause: String, hint: String| {
        Report::new(ErrorKind::Conflict, format!("applying {mission}"), cause).hint(hint)
    };
    let Some(status) = view.status else {
        return Err(refuse("it has not ended".to_owned(), format!("see `coditect show {mission}`")).into());
    };
    let handed = view.branch.is_some() || view.patch.is_some();
    let (Some(snapshot), true) = (&view.snapshot, handed) else {
        let cause = format!("it ended as {} and handed nothing over", phrase::status(status));
        return Err(refuse(cause, format!("see `coditect why {mission}`")).into());
    };
    match status {
        MissionStatus::Verified => {}
        MissionStatus::PartlyVerified => {
            cx.note("the change turns some of the red tests green; others are still red");
        }
        MissionStatus::NeedsPerson if view.receipt.is_some() => cx.note(
            "the change is proved on what you had when its mission began, and not on what you committed meanwhile",
        ),
        MissionStatus::NeedsPerson
        | MissionStatus::Unverified
        | MissionStatus::Failed
        | MissionStatus::OverLimit
        | MissionStatus::Cancelled => {
            cx.note(&format!("the change is {}: nothing proves it", phrase::status(status)));
        }
    }
    let workspace = wiring::workspace(&site)?;
    let applied = workspace
        .apply(&mission, Path::new(&view.workspace), snapshot)
        .doing(&format!("applying {mission}"))?;
    if cx.out.json {
        let object = json!({ "mission": mission, "how": applied.how, "files": applied.files });
        cx.out.object(&object)?;
        return Ok(0);
    }
    cx.out.line(&format!(
        "applied {mission} to {} ({})",
        harmless(&view.workspace),
        harmless(&applied.how)
    ))?;
    for file in &applied.files {
        cx.out.line(&format!("  {}", harmless(file)))?;
    }
    Ok(0)
}

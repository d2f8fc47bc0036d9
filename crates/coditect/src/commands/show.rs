//! `coditect show`: where a mission stands and what it left.

use coditect_runtime::view::TaskProgress;
use coditect_runtime::{MissionView, TaskView};
use serde_json::json;

use super::Context;
use crate::args::OneMission;
use crate::ending;
use crate::missions;
use crate::out::{brief, harmless, paint, painted};
use crate::phrase;
use crate::report::Done;

pub(crate) fn perform(cx: &mut Context, args: &OneMission) -> Done {
    let (archive, mission) = cx.opened(&args.mission)?;
    let (_, view) = missions::load(archive.journal(), &mission)?;
    let holder = archive.holder(&mission);
    let elsewhere = if holder.is_none() { archive.elsewhere(&mission) } else { None };
    if cx.out.json {
        let mut object = serde_json::to_value(&view).unwrap_or_default();
        if let Some(fields) = object.as_object_mut() {
            fields.insert("running".to_owned(), json!(holder.is_some() || elsewhere.is_some()));
            let pid = elsewhere.as_ref().map(|holder| holder.process.pid).or(holder.flatten());
            fields.insert("held_by_pid".to_owned(), json!(pid));
            let host = elsewhere.as_ref().map(|holder| &holder.process.host);
            fields.insert("held_on".to_owned(), json!(host));
        }
        cx.out.object(&object)?;
        return Ok(0);
    }
    head(cx, &view)?;
    for task in &view.tasks {
        cx.out.line(&line(task))?;
    }
    for stage in &view.stages {
        let end = stage.end.map_or(String::new(), |end| format!(": {}", phrase::task_end(end)));
        cx.out.line(&harmless(&format!("{}{end}", phrase::stage(&stage.stage))))?;
    }
    for strand in &view.strands {
        cx.out.line(&harmless(&phrase::strand(strand)))?;
    }
    cx.out.line("")?;
    match view.status {
        Some(status) => {
            let cwd = std::env::current_dir().ok();
            cx.out.line(&ending::report(&view, status, cwd.as_deref()))?;
        }
        None if view.approvals.iter().any(|asked| asked.is_open(&view)) => {
            cx.out.line(&format!("{} See `coditect approvals {mission}`", view.summary))?;
            if holder.is_none() && elsewhere.is_none() {
                cx.out.line(&format!("stopped; go on with `coditect resume {mission}`"))?;
            }
        }
        None if archive.is_exported() => {
            cx.out.line(&format!("{} It had not ended when it was exported.", view.summary))?
        }
        None if holder.is_some() => {
            cx.out.line(&format!("running; follow it with `coditect log {mission} -F`"))?
        }
        None if elsewhere.is_some() => {
            let at = elsewhere.map_or(String::new(), |holder| {
                format!("process {} on {}", holder.process.pid, holder.process.host)
            });
            cx.out.line(&harmless(&format!("running in {at}; follow it with `coditect log {mission} -F`")))?
        }
        None => cx.out.line(&format!("stopped; go on with `coditect resume {mission}`"))?,
    }
    Ok(0)
}

fn head(cx: &mut Context, view: &MissionView) -> std::io::Result<()> {
    let mut entry = |label: &str, text: &str| {
        cx.out.line(&format!("{} {}", painted(paint::LABEL, &format!("{label:<9}")), harmless(text)))
    };
    entry("mission", view.mission.as_str())?;
    entry("request", view.request.trim())?;
    entry("directory", &view.workspace)?;
    if let Some(fork) = &view.forked_from {
        let when = phrase::moment(fork.at_ms);
        entry("fork of", &format!("{} behind record {}, {when} UTC", fork.mission, fork.seq))?;
    }
    entry("begun", &format!("{} UTC", phrase::moment(view.submitted_at_ms)))?;
    if let Some(snapshot) = &view.snapshot {
        entry("snapshot", &phrase::snapshot(snapshot))?;
    }
    if let Some(project) = &view.project {
        entry("tests", &format!("`{}`", crate::words::join(&project.command)))?;
    }
    cx.out.line("")
}

fn line(task: &TaskView) -> String {
    let (word, style) = match task.state {
        TaskProgress::Waiting => ("waiting", paint::DIM),
        TaskProgress::Running => ("running", paint::NAME),
        TaskProgress::Done => ("done", paint::GOOD),
        TaskProgress::Failed => ("failed", paint::BAD),
        TaskProgress::Dropped => ("dropped", paint::DIM),
    };
    let strand = task.strand.map_or_else(String::new, |strand| format!("{strand} "));
    let what = format!("{strand}{}", task.intent.replace('_', " "));
    let attempts = if task.attempts > 1 { format!(" ({} attempts)", task.attempts) } else { String::new() };
    let why = if task.why.is_empty() { String::new() } else { format!("  {}", brief(&task.why, 100)) };
    format!(
        "{:<4} {:<9} {:<22} {} {:>9}{attempts}{why}",
        task.id.to_string(),
        task.role.name(),
        what,
        painted(style, &format!("{word:<8}")),
        phrase::span(task.wall_ms),
    )
}

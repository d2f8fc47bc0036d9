//! `coditect why`: a mission's story in plain sentences.

use coditect_types::{ErrorKind, TaskId};
use serde_json::json;

use super::Context;
use crate::args::WhyArgs;
use crate::missions;
use crate::out::{diff, harmless, paint, painted};
use crate::report::{Done, Report};
use crate::story::{self, Sentence, Tells};

pub(crate) fn perform(cx: &mut Context, args: &WhyArgs) -> Done {
    let (archive, mission) = cx.opened(&args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    let only = args.task.as_deref().map(|name| parse(name, view.tasks.len())).transpose()?;
    let story = story::tell(&records, only);
    if cx.out.json {
        cx.out.object(&json!({ "mission": mission, "task": only, "story": story }))?;
        return Ok(0);
    }
    let mut last: Option<(Option<TaskId>, Tells)> = None;
    for sentence in &story {
        if last.is_some_and(|(task, _)| task != sentence.task) {
            cx.out.line("")?;
        }
        let label = if last == Some((sentence.task, sentence.tells)) { "" } else { sentence.tells.label() };
        cx.out.line(&line(sentence, label))?;
        last = Some((sentence.task, sentence.tells));
    }
    if let Some(proposal) = &view.proposal
        && only.is_none()
    {
        cx.out.line("")?;
        cx.out.line("the change that was stood for last:")?;
        cx.out.text(&diff(&proposal.diff, "  "))?;
    }
    Ok(0)
}

fn line(sentence: &Sentence, label: &str) -> String {
    let task = sentence.task.map_or(String::new(), |task| task.to_string());
    let label = painted(paint::LABEL, &format!("{label:<9}"));
    let text = harmless(&sentence.text);
    format!("{} {label} {text}", painted(paint::DIM, &format!("{task:<3}")))
}

/// `t3` or `3`.
fn parse(name: &str, tasks: usize) -> Result<TaskId, Report> {
    let number = name.strip_prefix('t').unwrap_or(name).parse::<u32>().ok();
    number.filter(|n| *n >= 1 && *n as usize <= tasks).map(TaskId).ok_or_else(|| {
        let has =
            if tasks == 1 { "its task is `t1`".to_owned() } else { format!("it has `t1` to `t{tasks}`") };
        let report =
            Report::new(ErrorKind::NotFound, "finding the task", format!("the mission has no task `{name}`"));
        if tasks == 0 { report.hint("it has no task at all; leave the task out") } else { report.hint(has) }
    })
}

//! `coditect resume`: goes on with a mission after any stop.

use coditect_types::{Event, MissionStatus, Policy, Record};

use super::Context;
use super::travel::trace::Pending;
use crate::args::{ResumeArgs, SettingFlags};
use crate::missions;
use crate::models::Choice;
use crate::report::{Done, end_code};
use crate::settings;
use crate::watch::{self, Begin};

pub(crate) fn perform(mut cx: Context, args: &ResumeArgs) -> Done {
    let mut site = cx.site()?;
    let archive = cx.archive()?;
    let mission = missions::find(&archive, &args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    if let Some(status) = view.status {
        return ended(&mut cx, &records, status, args.shown.quiet);
    }
    archive.must_be_whole(&mission, &format!("resuming {mission}"))?;
    drop(archive);
    site.owner.clone_from(&view.policy.owner);
    let names: Vec<String> = view.policy.models.iter().map(|model| model.name.clone()).collect();
    if !names.is_empty() {
        // What the mission may ask was decided when it began; how it is reached is the settings' to say.
        let dir = std::path::Path::new(&view.workspace);
        let settings = settings::load(&SettingFlags::default(), &cx.env, dir)?.settings;
        let choice = Choice { settings: &settings, tapes: &args.tapes, cache: &site.cache, env: &cx.env };
        site.models = choice.of(&names, &mut Policy::default())?;
    }
    let trace = Pending::open(&args.trace, Some(&mission))?;
    watch::conduct(cx, site, Begin::Again { mission, policy: view.policy }, (args.shown, trace))
}

/// There is nothing to go on with: the same end is told again.
fn ended(cx: &mut Context, records: &[Record], status: MissionStatus, quiet: bool) -> Done {
    if cx.out.json {
        for record in records {
            let end = matches!(record.event, Event::MissionCompleted { .. });
            if end || !quiet {
                cx.out.object(record)?;
            }
            if end {
                break;
            }
        }
    } else if let Some(first) = records.first() {
        watch::tell_end(cx, &first.mission, status)?;
    }
    let trouble = records.iter().find_map(|record| {
        if let Event::MissionCompleted { trouble, .. } = &record.event { *trouble } else { None }
    });
    Ok(end_code(status, trouble))
}

//! `coditect resume`: goes on with a mission after any stop.

use coditect_runtime::holders::Process;
use coditect_types::{ErrorKind, Event, MissionStatus, Policy, Record};

use super::Context;
use super::travel::trace::Pending;
use crate::args::{ResumeArgs, SettingFlags};
use crate::missions;
use crate::models::Choice;
use crate::report::{Done, Report, end_code};
use crate::settings;
use crate::watch::{self, Begin, Offers};
use crate::wiring;

pub(crate) fn perform(mut cx: Context, args: &ResumeArgs) -> Done {
    let mut site = cx.site()?;
    let archive = cx.archive()?;
    let mission = missions::find(&archive, &args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    if let Some(status) = view.status {
        return ended(&mut cx, &records, status, args.shown.quiet);
    }
    let doing = format!("resuming {mission}");
    archive.must_be_whole(&mission, &doing)?;
    // Of a process of this machine the journal speaks when it is asked for the mission.
    if archive.holder(&mission).is_none()
        && let Some(holder) = archive.elsewhere(&mission)
    {
        let Process { host, pid, .. } = holder.process;
        let cause = format!("process {pid} on `{}` has it under way", host.escape_default());
        return Err(Report::new(ErrorKind::Conflict, doing, cause)
            .hint("wait until it is done, or end that process; one that is gone is forgotten after 20 s")
            .into());
    }
    if let Some(Err(error)) = archive.holders() {
        cx.note(&format!("it cannot be told whether another machine has it under way: {error}"));
    }
    drop(archive);
    site.owner.clone_from(&view.policy.owner);
    let names: Vec<String> = view.policy.models.iter().map(|model| model.name.clone()).collect();
    if !names.is_empty() {
        // What the mission may ask was decided when it began; how it is reached is the settings' to say.
        let dir = std::path::Path::new(&view.workspace);
        let settings = settings::load(&SettingFlags::default(), &cx.env, dir)?.settings;
        let choice = Choice::at(&site, &cx.env, (&settings, &args.tapes));
        site.models = choice.of(&names, &mut Policy::default())?;
    }
    // Another machine may have begun it.
    let dir = std::path::PathBuf::from(&view.workspace);
    wiring::adopt(&site, &mission, &dir, &records)?.iter().for_each(|line| cx.note(line));
    let trace = Pending::open(&args.trace, Some(&mission))?;
    watch::conduct(
        cx,
        site,
        Begin::Again { mission, policy: view.policy },
        (args.shown, trace, Offers::Untold),
    )
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
        watch::tell_end(cx, &first.mission, status, Offers::Untold)?;
    }
    let trouble = records.iter().find_map(|record| {
        if let Event::MissionCompleted { trouble, .. } = &record.event { *trouble } else { None }
    });
    Ok(end_code(status, trouble))
}

//! `coditect fork`: a new mission that begins where another one stood.

use std::sync::Arc;

use coditect_ports::{AppendError, Model};
use coditect_runtime::fork::{begins_behind, shared};
use coditect_runtime::{ShellError, cell, moment};
use coditect_types::{ErrorKind, MissionId, Policy, Record};

use super::fold_at;
use crate::args::{ForkArgs, SettingFlags};
use crate::commands::Context;
use crate::environment::Site;
use crate::missions;
use crate::models::Choice;
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::settings;
use crate::watch::{self, Begin};
use crate::wiring;

const DOING: &str = "forking";

pub(crate) fn perform(mut cx: Context, args: &ForkArgs) -> Done {
    let mut site = cx.site()?;
    let archive = cx.archive()?;
    let from = missions::find(archive.journal(), &args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &from)?;
    archive.must_be_whole(&from, &format!("forking {from}"))?;
    drop(archive);
    let until = begins_behind(&records, args.at).map_err(ShellError::Refused).doing(DOING)?;
    let beliefs = fold_at(&records, until, DOING)?.beliefs();
    let (policy, models) = policy(&cx, &site, view.policy, std::path::Path::new(&view.workspace), args)?;
    site.models = models;
    let mission = args.id.clone().unwrap_or_else(wiring::new_mission_id);
    if beliefs.files.is_some() {
        wiring::workspace(&site)?.fork(&from, &mission).doing(DOING)?;
    }
    let copied = shared(&records, until, &mission, (wiring::now_ms(), policy.clone()));
    keep(&site, &mission, &copied)?;
    say(&mut cx, &records, (&from, until), &beliefs);
    watch::conduct(cx, site, Begin::Again { mission, policy }, args.shown)
}

/// How it is run: as the other mission, but for what the flags say.
fn policy(
    cx: &Context,
    site: &Site,
    of: Policy,
    dir: &std::path::Path,
    args: &ForkArgs,
) -> Result<(Policy, Vec<Arc<dyn Model>>), Report> {
    let flags = args.settings.flags();
    let mut policy = settings::over(of, &flags)?;
    let known = SettingFlags { ladder: flags.ladder.clone(), ..SettingFlags::default() };
    let settings = settings::load(&known, &cx.env, dir)?.settings;
    let choice = Choice { settings: &settings, tapes: &args.tapes, cache: &site.cache, env: &cx.env };
    let is_chosen = flags.ladder.no_model || !flags.ladder.model.is_empty() || args.tapes.replay.is_some();
    if is_chosen {
        policy.models.clear();
        let models = choice.of(&settings.models, &mut policy)?;
        return Ok((policy, models));
    }
    // What the mission may ask stays; how that is reached is the settings' to say.
    let names: Vec<String> = policy.models.iter().map(|model| model.name.clone()).collect();
    let models = if names.is_empty() { Vec::new() } else { choice.of(&names, &mut Policy::default())? };
    Ok((policy, models))
}

/// Puts the shared records into the journal, all or none.
fn keep(site: &Site, mission: &MissionId, records: &[Record]) -> Result<(), Report> {
    let journal = wiring::keeper(site)?;
    let bytes = records.iter().map(cell::encode).collect();
    let kept = wiring::tokio_runtime()?.block_on(journal.append(mission, 0, bytes));
    journal.release(mission);
    kept.map(drop).map_err(|error| match error {
        AppendError::Conflict { .. } => {
            Report::new(ErrorKind::Conflict, DOING, format!("there is a mission `{mission}` already"))
        }
        AppendError::Held(error) | AppendError::Unknown(error) | AppendError::NotKept(error) => {
            let mut report = Report::from(error);
            DOING.clone_into(&mut report.doing);
            report
        }
    })
}

/// What the fork stands on, and what of that moment cannot be had again.
fn say(cx: &mut Context, records: &[Record], (from, until): (&MissionId, u64), beliefs: &moment::Beliefs) {
    let at_ms = records.iter().find(|record| record.seq == until).map_or(0, |record| record.at_ms);
    cx.note(&format!("forked from {from} behind its record {until}, {} UTC", phrase::moment(at_ms)));
    let files = match &beliefs.files {
        Some(_) => "the files are those of that moment",
        None => "no snapshot was taken by then: the files are those of now",
    };
    cx.note(&format!(
        "{files}; ignored files, what is installed, services outside and the clock are as they are now"
    ));
}

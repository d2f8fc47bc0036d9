//! `coditect fork`: a new mission that begins where another one stood.

use std::sync::Arc;

use coditect_ports::{AppendError, Model, PortError};
use coditect_runtime::fork::{begins_behind, shared};
use coditect_runtime::{ShellError, cell, moment};
use coditect_types::{ErrorKind, MissionId, Policy, Record};

use super::fold_at;
use super::trace::Pending;
use crate::args::{ForkArgs, PaceFlags, SettingFlags};
use crate::commands::Context;
use crate::environment::Site;
use crate::missions;
use crate::models::Choice;
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::settings;
use crate::watch::{self, Begin, Offers};
use crate::wiring;

const DOING: &str = "forking";
/// Bytes of records that a fork may share: what a journal takes in one append, which is 32 MiB, without what goes around them.
const MOST_BYTES: usize = 30 << 20;

pub(crate) fn perform(mut cx: Context, args: &ForkArgs) -> Done {
    let mut site = cx.site()?;
    let archive = cx.archive()?;
    let from = missions::find(&archive, &args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &from)?;
    if !args.within.is_empty() {
        wiring::must_be_within(&site, std::path::Path::new(&view.workspace), &args.within)?;
    }
    archive.must_be_whole(&from, &format!("forking {from}"))?;
    let is_shared = archive.is_shared();
    drop(archive);
    let until = begins_behind(&records, args.at).map_err(ShellError::Refused).doing(DOING)?;
    let beliefs = fold_at(&records, until, DOING)?.beliefs();
    let (mut policy, models) = policy(&cx, &site, view.policy, std::path::Path::new(&view.workspace), args)?;
    // Who forks a mission owns the fork; the person whose machine it is leaves it to whose it was.
    if let Some(owner) = &site.owner {
        policy.owner = Some(owner.clone());
    }
    site.owner.clone_from(&policy.owner);
    site.models = models;
    let mission = args.id.clone().unwrap_or_else(wiring::new_mission_id);
    let copied = shared(&records, until, &mission, (wiring::now_ms(), policy.clone()));
    let bytes: Vec<Vec<u8>> = copied.iter().map(cell::encode).collect();
    must_fit(&bytes)?;
    // All that can be refused is, before anything is made.
    let trace = Pending::open(&args.trace, Some(&mission))?;
    let workspace = wiring::workspace(&site)?;
    if beliefs.files.is_some() {
        workspace.fork(&from, &mission).map_err(|error| away(error, is_shared)).doing(DOING)?;
    }
    if let Err(report) = keep(&site, &mission, bytes) {
        // Nobody would find its files again.
        if let Err(error) = workspace.clean(&mission) {
            cx.note(&format!("the files of the fork stay behind: {error}"));
        }
        return Err(report.into());
    }
    say(&mut cx, &records, (&from, until), &beliefs);
    watch::conduct(cx, site, Begin::Again { mission, policy }, (args.shown, trace, Offers::Untold))
}

/// Refuses what no journal takes at once: a fork begins with all of what it shares, or not at all.
fn must_fit(records: &[Vec<u8>]) -> Result<(), Report> {
    let bytes: usize = records.iter().map(Vec::len).sum();
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let cause =
        format!("what it would share is {} MiB of records, and {} can be", bytes >> 20, MOST_BYTES >> 20);
    Err(Report::new(ErrorKind::Exhausted, DOING, cause).hint("fork at an earlier moment"))
}

/// A mission on a server may have been at work on another machine.
fn away(error: PortError, is_shared: bool) -> PortError {
    if is_shared && error.kind == ErrorKind::NotFound {
        let cause = "the files of the mission are not here: they are on the machine that ran it";
        return PortError::new(ErrorKind::NotFound, cause).with_hint("fork it there");
    }
    error
}

/// How it is run: as the other mission, but for what the flags say.
fn policy(
    cx: &Context,
    site: &Site,
    of: Policy,
    dir: &std::path::Path,
    args: &ForkArgs,
) -> Result<(Policy, Vec<Arc<dyn Model>>), Report> {
    let pace = &args.settings;
    let mut policy = settings::over(of, pace)?;
    let ladder = pace.ladder.clone();
    let known =
        SettingFlags { pace: PaceFlags { ladder, ..PaceFlags::default() }, ..SettingFlags::default() };
    let settings = settings::load(&known, &cx.env, dir)?.settings;
    let choice = Choice::at(site, &cx.env, (&settings, &args.tapes));
    let is_chosen = pace.ladder.no_model || !pace.ladder.model.is_empty() || args.tapes.replay.is_some();
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
fn keep(site: &Site, mission: &MissionId, bytes: Vec<Vec<u8>>) -> Result<(), Report> {
    let journal = wiring::keeper(site)?;
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

//! `coditect repair`: the search for a change as a tool of its own. The patch goes to standard output, all else to
//! standard error.
//!
//! It is an ordinary mission whose policy carries what the search is narrowed to and that hands a patch over instead of a
//! branch: so it has a journal, `why` and `apply` work for it, and its receipt is the tester's.

mod told;

use std::path::{Component, Path, PathBuf};

use coditect_types::{
    Aim, Delivery, ErrorKind, Event, Focus, Ground, MissionStatus, Outcome, Record, WorkspaceRef,
};

use super::{Context, run};
use crate::args::{RepairArgs, Shown};
use crate::environment::{Site, directory};
use crate::missions;
use crate::out::{self, Out, harmless};
use crate::report::{Doing, Done, Report, USAGE};
use crate::settings;
use crate::watch::{self, Begin};
use crate::wiring;

/// Missions that are looked through for ground that was covered.
const MOST_MISSIONS: usize = 50;
/// Of these, missions on the same directory.
const MOST_SEARCHES: usize = 8;

pub(crate) fn perform(mut cx: Context, args: &RepairArgs) -> Done {
    if !args.settings.pace.ladder.model.is_empty() {
        let cause = "the search alone asks no language model";
        return Err(Report::new(ErrorKind::Invalid, "beginning the search", cause)
            .hint("leave `--model` away, or use `coditect run`")
            .exit(USAGE)
            .into());
    }
    let dir = directory(&args.dir)?;
    let path = run::utf8(&dir)?;
    let mut site = cx.site()?;
    run::not_the_home(&site, &dir)?;
    let resolved = settings::load(&args.settings, &cx.env, &dir)?;
    for note in &resolved.notes {
        cx.note(note);
    }
    site.image.clone_from(&resolved.settings.image);
    site.fleet = resolved.settings.fleet;
    site.announce = resolved.settings.announce;
    let mut policy = resolved.settings.policy();
    if args.settings.pace.search_s.is_none() && args.settings.pace.budget_s.is_some() {
        // Who names the time for all of it means the search, which takes nearly all of it.
        policy.budget.search_ms = policy.budget.wall_ms;
    }
    policy.delivery = Delivery::Patch;
    policy.focus = focus(args, &dir)?;
    policy.focus.covered = covered(&site, &path);
    let request = request(&policy.focus);
    let begin = Begin::New { id: None, request, workspace: WorkspaceRef { path }, policy: policy.clone() };
    let shown = Shown { quiet: args.quiet || cx.out.json, progress: false };
    let json = cx.out.json;
    cx.out = Out::on_stderr(&cx.global);
    let (mission, status, exit_code) =
        watch::mission(&mut cx, site.clone(), begin, shown, watch::OnSignal::Conclude)?;
    let archive = wiring::archive(&site)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    let exit_code = if names_nothing(&records, &policy.focus) { USAGE } else { exit_code };
    let told = told::Told { view: &view, records: &records, status, exit_code };
    let applied = match args.apply && status == MissionStatus::Verified && view.patch.is_some() {
        true => Some(apply(&site, &view, &mission)?),
        false => None,
    };
    if !json && !args.quiet {
        told.chatter(&mut cx, applied.as_ref())?;
    } else if !json && status != MissionStatus::Verified {
        // Whoever wants the patch only is told why there is none, or not all of one.
        out::note(cx.global.color, &harmless(&view.summary.lines().collect::<Vec<_>>().join(" ")));
    }
    cx.out = Out::new(&cx.global);
    match json {
        true => cx.out.object(&told.object(applied.as_ref()))?,
        false => cx.out.bytes(&told.patches())?,
    }
    Ok(exit_code)
}

fn apply(
    site: &Site,
    view: &coditect_runtime::MissionView,
    mission: &coditect_types::MissionId,
) -> Result<coditect_ports::workspace::Applied, Report> {
    let doing = format!("applying {mission}");
    let Some(snapshot) = &view.snapshot else {
        return Err(Report::new(ErrorKind::Bug, doing, "the mission has a change and no snapshot"));
    };
    let hint = format!("the patch is kept: see `coditect show {mission}`, then `coditect apply {mission}`");
    let applied = wiring::workspace(site)?.apply(mission, Path::new(&view.workspace), snapshot);
    applied.doing(&doing).map_err(|report| report.hint(hint))
}

/// What the flags narrow the search to.
fn focus(args: &RepairArgs, dir: &Path) -> Result<Focus, Report> {
    let named = |what: &str, names: &[String]| -> Result<Vec<String>, Report> {
        match names.iter().any(|name| name.trim().is_empty()) {
            true => Err(usage(format!("`{what}` has an empty name"), "leave it out to search everywhere")),
            false => Ok(names.iter().map(|name| name.trim().to_owned()).collect()),
        }
    };
    Ok(Focus {
        files: args.files.iter().map(|file| below(dir, file)).collect::<Result<_, _>>()?,
        functions: named("--function", &args.functions)?,
        tests: named("--test", &args.tests)?,
        all: args.all,
        test_snapshots: args.update_snapshots,
        covered: None,
        aim: Aim::default(),
    })
}

/// A file as the project has it: below the directory, with `/` between names.
fn below(dir: &Path, file: &Path) -> Result<String, Report> {
    let outside = || {
        let cause = format!("`{}` is not below `{}`", file.display(), dir.display());
        usage(cause, "name files of the project, as seen from the directory of `-C`")
    };
    let full = dir.join(file);
    let mut plain = PathBuf::new();
    for part in full.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    let inside = plain.strip_prefix(dir).map_err(|_| outside())?;
    if !plain.exists() {
        let cause = format!("there is no file `{}`", file.display());
        return Err(usage(cause, "name files of the project, as seen from the directory of `-C`"));
    }
    inside.to_str().map(str::to_owned).ok_or_else(outside)
}

/// Whether the mission ended since a flag names what the project does not have, which only the mission could find out.
fn names_nothing(records: &[Record], focus: &Focus) -> bool {
    let end = records.iter().rev().find_map(|record| {
        let Event::MissionCompleted { status: MissionStatus::Failed, trouble, .. } = record.event else {
            return None;
        };
        trouble
    });
    match end {
        Some(ErrorKind::Invalid) => !focus.files.is_empty() || !focus.functions.is_empty(),
        Some(ErrorKind::NotFound) => !focus.tests.is_empty(),
        Some(
            ErrorKind::Denied
            | ErrorKind::NoSandbox
            | ErrorKind::Conflict
            | ErrorKind::Exhausted
            | ErrorKind::Unavailable
            | ErrorKind::Interrupted
            | ErrorKind::Bug,
        )
        | None => false,
    }
}

fn usage(cause: String, hint: &str) -> Report {
    Report::new(ErrorKind::Invalid, "reading the flags", cause).hint(hint)
}

/// The mission's request. What it names is a hint for the search as well.
fn request(focus: &Focus) -> String {
    let named: Vec<String> = focus
        .functions
        .iter()
        .chain(&focus.files)
        .map(|name| format!("`{}`", name.replace('`', "'")))
        .collect();
    match named.as_slice() {
        [] => "make the failing tests pass".to_owned(),
        some => format!("make the failing tests pass by a change in {}", some.join(", ")),
    }
}

/// How far the newest search on the same directory came that found nothing. Whether it was for the same problem, the
/// coder finds out.
fn covered(site: &Site, path: &str) -> Option<Ground> {
    // What cannot be read here is searched again, and told by whoever needs it.
    let archive = wiring::archive(site).ok()?;
    let (entries, _) = missions::list(archive.journal(), MOST_MISSIONS).ok()?;
    let same = entries.iter().filter(|entry| entry.workspace == path && entry.end.is_some());
    same.take(MOST_SEARCHES).find_map(|entry| {
        let (records, _) = missions::load(archive.journal(), &entry.mission).ok()?;
        records.into_iter().rev().find_map(|record| {
            let Event::AttemptEnded { outcome, .. } = record.event else { return None };
            let Outcome::NoChangeFound { ground, .. } = outcome else { return None };
            ground.filter(|ground| ground.judged > 0)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_below_the_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().canonicalize().expect("it is there");
        std::fs::create_dir(dir.join("src")).expect("made");
        std::fs::write(dir.join("src/a.py"), "").expect("written");
        let name = |file: &str| below(&dir, Path::new(file)).map_err(|report| report.cause);
        assert_eq!(name("src/a.py").as_deref(), Ok("src/a.py"));
        assert_eq!(name("./src/../src/a.py").as_deref(), Ok("src/a.py"));
        assert_eq!(name(".").as_deref(), Ok(""));
        assert_eq!(below(&dir, &dir.join("src")).ok().as_deref(), Some("src"));
        assert!(name("../x").is_err_and(|cause| cause.contains("is not below")));
        assert!(name("src/b.py").is_err_and(|cause| cause.contains("no file")));
    }

    #[test]
    fn a_narrow_request_is_still_one_for_red_tests() {
        let focus = Focus { functions: vec!["add_entry".to_owned()], ..Focus::default() };
        assert_eq!(request(&focus), "make the failing tests pass by a change in `add_entry`");
        assert_eq!(request(&Focus::default()), "make the failing tests pass");
    }
}

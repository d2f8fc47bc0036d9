//! Missions of a server that several people use: begun and steered there, looked at as if they were here.

use coditect_types::{ErrorKind, MissionId};
use serde_json::json;

use super::Context;
use super::follow::watch;
use crate::args::{LadderFlags, PaceFlags, RunArgs, SettingFlags, Verb};
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, Reach};

const DOING: &str = "reaching the server";

/// The server that is named, where one is.
fn named(cx: &Context) -> Option<String> {
    let set = || Some(cx.env.get("CODITECT_SERVER")?.to_string_lossy().into_owned());
    cx.global.server.clone().or_else(set)
}

/// How it is reached.
pub(crate) fn reach(cx: &Context) -> Result<Reach, Report> {
    let url = named(cx).ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "no server is named"))?;
    let token = cx.env.get("CODITECT_TOKEN").and_then(|token| token.to_str());
    let Some(token) = token.map(str::trim).filter(|token| !token.is_empty()) else {
        let cause = "no token is set, and it lets nobody in without one";
        return Err(Report::new(ErrorKind::Denied, DOING, cause)
            .hint("set CODITECT_TOKEN to what `coditect token add` printed there"));
    };
    let read = |path: &Option<std::path::PathBuf>| {
        let read = |path: &std::path::PathBuf| {
            std::fs::read(path)
                .map_err(|error| coditect_ports::PortError::from_io(&format!("`{}`", path.display()), &error))
        };
        path.as_ref().map(read).transpose().doing(DOING)
    };
    let (roots, identity) = (read(&cx.global.server_ca)?, read(&cx.global.server_cert)?);
    Ok(Reach { url, token: token.to_owned(), roots, identity })
}

/// Where a command can be done.
enum Does {
    /// With the missions of a server too.
    There,
    /// It is about missions, and needs the machine that has them.
    OnlyHere,
    /// It is about this machine.
    Here,
}

fn does(verb: &Verb) -> Does {
    match verb {
        Verb::Run(_)
        | Verb::List(_)
        | Verb::Show(_)
        | Verb::Log(_)
        | Verb::Watch(_)
        | Verb::Top(_)
        | Verb::Fleet(_)
        | Verb::Compare(_)
        | Verb::Trace(_)
        | Verb::Export(_)
        | Verb::Why(_)
        | Verb::Approvals(_)
        | Verb::Approve(_)
        | Verb::Deny(_)
        | Verb::Cancel(_)
        | Verb::Cost(_) => Does::There,
        Verb::Resume(_)
        | Verb::Replay(_)
        | Verb::Diff(_)
        | Verb::Fork(_)
        | Verb::Apply(_)
        | Verb::Clean(_)
        | Verb::World(_) => Does::OnlyHere,
        Verb::Repair(_)
        | Verb::Doctor
        | Verb::Init(_)
        | Verb::Config(_)
        | Verb::Models(_)
        | Verb::ServeModel(_)
        | Verb::Serve(_)
        | Verb::Token(_)
        | Verb::Audit(_)
        | Verb::Ui(_)
        | Verb::Memory(_)
        | Verb::Learn(_)
        | Verb::Sql(_)
        | Verb::Graph(_)
        | Verb::Completions { .. }
        | Verb::Bench(_) => Does::Here,
    }
}

/// Whether the missions of a server are meant. Refuses what cannot be done with them, before anything is done with those of this machine
/// in their place.
pub(crate) fn is_meant(cx: &Context, verb: &Verb) -> Result<bool, Report> {
    let has_none = matches!(
        verb,
        Verb::Top(_)
            | Verb::Fleet(_)
            | Verb::Cost(_)
            | Verb::World(_)
            | Verb::Ui(_)
            | Verb::Serve(_)
            | Verb::Token(_)
            | Verb::Audit(_)
            | Verb::Bench(_)
            | Verb::Repair(_)
    ) || matches!(verb, Verb::Approvals(args) if args.mission.is_none());
    if cx.global.owner.is_some() && has_none {
        let cause = "this command is about the missions of all, and not of one owner";
        return Err(Report::new(ErrorKind::Invalid, "reading `--owner`", cause).hint("leave `--owner` away"));
    }
    let Some(url) = named(cx) else { return Ok(false) };
    match does(verb) {
        Does::There if cx.global.owner.is_some() => {
            let cause = "of a server one has what one's token reaches";
            return Err(Report::new(ErrorKind::Invalid, DOING, cause).hint("leave `--owner` away"));
        }
        Does::There => return Ok(true),
        // A variable that is set for all commands does not keep one from what is about this machine.
        Does::Here if cx.global.server.is_none() => return Ok(false),
        Does::OnlyHere | Does::Here => {}
    }
    let cause = format!("this cannot be done with the missions of `{url}`");
    Err(Report::new(ErrorKind::Invalid, DOING, cause)
        .hint("do it on the server's machine, without `--server` and CODITECT_SERVER"))
}

/// What came of something that was asked of a server.
pub(super) fn tell(cx: &mut Context, mission: &MissionId, said: &str) -> Done {
    match cx.out.json {
        true => cx.out.object(&json!({ "mission": mission, "said": said }))?,
        false => cx.out.line(&crate::out::harmless(said))?,
    }
    Ok(0)
}

/// Begins a mission there, and stays with it to its end.
pub(super) fn run(mut cx: Context, args: &RunArgs, request: &str) -> Done {
    let doing = "beginning the mission";
    if !args.dir.is_absolute() {
        let cause = "the directory is one of the server's machine, and has to be named in full";
        return Err(Report::new(ErrorKind::Invalid, doing, cause)
            .hint("name it with `-C /srv/project`; `coditect serve --projects` says below which directories")
            .into());
    }
    let model = args.settings.pace.ladder.model.clone();
    let budget_s = args.settings.pace.budget_s.clone();
    let ladder = LadderFlags { model: model.clone(), ..LadderFlags::default() };
    let pace = PaceFlags { budget_s: budget_s.clone(), ladder, ..PaceFlags::default() };
    let known = SettingFlags { pace, ..SettingFlags::default() };
    let is_plain = args.settings == known
        && args.id.is_none()
        && args.trace.trace_out.is_none()
        && args.tapes.record.is_none()
        && args.tapes.replay.is_none();
    if !is_plain || model.len() > 1 {
        let cause = "of the flags, a server takes `-C`, one `--model` and `--budget-s`; the rest is its own settings' to say";
        return Err(Report::new(ErrorKind::Invalid, doing, cause).hint("leave the others away").into());
    }
    let budget_s = budget_s.map(|text| text.parse::<u64>()).transpose().map_err(|_| {
        Report::new(ErrorKind::Invalid, doing, "`--budget-s` is no number of seconds")
            .hint("write digits, such as `--budget-s 600`")
    })?;
    let archive = cx.archive()?;
    let Some(server) = archive.served() else {
        return Err(Report::new(ErrorKind::Bug, doing, "there is no server").into());
    };
    let dir = super::run::utf8(&args.dir)?;
    let body = json!({
        "request": request,
        "dir": dir,
        "model": model.first().cloned().unwrap_or_default(),
        "budget_s": budget_s,
        // So that it can be asked again where no answer comes.
        "id": wiring::new_mission_id(),
    });
    let mission = server.begin(&body).doing(doing)?;
    cx.note(&format!("{mission} runs on {} and goes on without this command", server.shown()));
    watch::stay(&mut cx, &archive, &mission, args.shown)
}

//! `coditect approvals`, `approve` and `deny`: the questions that missions ask, and a person's answers.

use std::time::Duration;

use coditect_runtime::view::{ApprovalView, MissionView};
use coditect_types::limits::Verdict;
use coditect_types::{ApprovalId, Command, ErrorKind, MissionId};
use serde_json::{Value, json};

use super::{Context, remote};
use crate::args::{AnswerArgs, ApprovalsArgs};
use crate::environment::{Environment, Site};
use crate::missions;
use crate::out::{brief, harmless, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::signals::Signals;
use crate::wiring::{self, Archive};

/// Missions that are looked through, the newest.
const NEWEST: usize = 1_000;
/// How long the process that runs a mission is given to take an answer, and how often its journal is looked at meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Characters of what was observed.
const WIDTH: usize = 400;

/// Lists what waits for an answer; of one mission, what was answered too.
pub(crate) fn list(cx: &mut Context, args: &ApprovalsArgs) -> Done {
    let archive = cx.archive()?;
    let views = match &args.mission {
        Some(name) => {
            let mission = missions::find(&archive, name)?;
            vec![missions::load(archive.journal(), &mission)?.1]
        }
        None => {
            let (entries, _) = missions::list(archive.journal(), NEWEST)?;
            let open = entries.iter().filter(|entry| entry.end.is_none());
            open.filter_map(|entry| Some(missions::load(archive.journal(), &entry.mission).ok()?.1)).collect()
        }
    };
    let all = args.mission.is_some();
    let questions: Vec<(&MissionView, &ApprovalView)> = views
        .iter()
        .flat_map(|view| view.approvals.iter().map(move |asked| (view, asked)))
        .filter(|(view, asked)| all || asked.is_open(view))
        .collect();
    if cx.out.json {
        let objects: Vec<Value> =
            questions.iter().map(|(view, asked)| object(&archive, view, asked)).collect();
        cx.out.object(&json!({ "approvals": objects }))?;
        return Ok(0);
    }
    if questions.is_empty() {
        cx.out.line("nothing waits for an answer")?;
    }
    let now_ms = wiring::now_ms();
    for (view, asked) in questions {
        tell(cx, &archive, (view, asked), now_ms)?;
    }
    Ok(0)
}

fn object(archive: &Archive, view: &MissionView, asked: &ApprovalView) -> Value {
    json!({
        "mission": view.mission, "workspace": view.workspace, "request": view.request,
        "running": archive.is_running(&view.mission), "open": asked.is_open(view), "question": asked,
    })
}

fn tell(
    cx: &mut Context,
    archive: &Archive,
    (view, asked): (&MissionView, &ApprovalView),
    now_ms: u64,
) -> Result<(), Report> {
    let (mission, number) = (&view.mission, asked.approval);
    let is_running = archive.is_running(mission);
    let state = match (&asked.verdict, asked.is_open(view)) {
        (Some(verdict), _) => {
            let by =
                asked.by.as_deref().map_or("nobody answered in time".to_owned(), |by| format!("by {by}"));
            let why = if asked.why.is_empty() { String::new() } else { format!(": {}", asked.why) };
            format!("{} {by}{why}", phrase::verdict(*verdict))
        }
        (None, false) => "what it was about ended without an answer".to_owned(),
        (None, true) if is_running => {
            format!("open for {} more", phrase::span(asked.until_ms.saturating_sub(now_ms)))
        }
        (None, true) => format!("open; the mission is stopped, and goes on with `coditect resume {mission}`"),
    };
    let mut lines = vec![
        format!("{} {}  {}", painted(paint::NAME, mission.as_str()), number, harmless(&state)),
        format!("  request   {}", brief(&view.request, 100)),
        format!("  expected  {}", brief(&asked.expected, WIDTH)),
        format!("  observed  {}", brief(&asked.observed, WIDTH)),
        format!("  {}, {} sure", phrase::violation(asked.kind), phrase::percent(asked.confidence)),
    ];
    if asked.is_open(view) {
        lines.push(format!("  take it all the same: coditect approve {mission} {number}"));
        lines.push(format!("  give the change up:   coditect deny {mission} {number}"));
    }
    for line in lines {
        cx.out
            .line(&line)
            .map_err(|error| Report::new(ErrorKind::Unavailable, "writing", error.to_string()))?;
    }
    Ok(())
}

/// A person's answer, and what came of it.
pub(crate) struct Answered {
    mission: MissionId,
    approval: ApprovalId,
    verdict: Verdict,
    /// The question with its answer, once the journal has one.
    given: Option<ApprovalView>,
    is_running: bool,
    /// Processes of other machines may run it.
    is_shared: bool,
}

/// Answers a question.
pub(crate) fn answer(cx: &mut Context, args: &AnswerArgs, verdict: Verdict) -> Done {
    let site = cx.site()?;
    let archive = cx.archive()?;
    let mission = missions::find(&archive, &args.of.mission)?;
    if let Some(server) = archive.served() {
        let doing = format!("answering {mission}");
        let (_, view) = missions::load(archive.journal(), &mission)?;
        let number = which(&view, args.number, &doing)?.0;
        let body = json!({ "verdict": verdict, "why": args.why });
        let said = server.answer(&mission, number, &body).doing(&doing)?;
        return remote::tell(cx, &mission, &said);
    }
    let words = (person(&cx.env), args.why.clone());
    let giving = give(&site, &archive, &mission, (args.number, verdict), words);
    let answered = wiring::tokio_runtime()?.block_on(giving)?;
    if cx.out.json {
        let given = answered.given.as_ref();
        let word = given.map_or("kept", |given| phrase::verdict(given.verdict.unwrap_or(verdict)));
        let approval = answered.approval;
        cx.out.object(&json!({ "mission": mission, "approval": approval, "answer": word }))?;
    } else {
        cx.out.line(&answered.said())?;
    }
    Ok(0)
}

/// Who the person is, by the name that the system has for them.
pub(crate) fn person(env: &Environment) -> String {
    let by = ["USER", "LOGNAME"].iter().find_map(|name| env.get(name)?.to_str().map(str::to_owned));
    by.filter(|name| !name.is_empty()).unwrap_or_else(|| "a person".to_owned())
}

/// Answers a question of a mission, the open one where no number is given, and waits for whoever runs it to take that.
pub(crate) async fn give(
    site: &Site,
    archive: &Archive,
    mission: &MissionId,
    (number, verdict): (Option<u32>, Verdict),
    (by, why): (String, String),
) -> Result<Answered, Report> {
    let doing = match verdict {
        Verdict::Approved => "approving",
        Verdict::Denied => "denying",
    };
    let (_, view) = missions::load(archive.journal(), mission)?;
    let approval = which(&view, number, doing)?;
    let command = Command::AnswerApproval { approval, verdict, by, why };
    // Whoever runs the mission goes on with it; where nobody does, the answer waits for who takes it up again.
    wiring::mailbox(site).send(mission, &command).doing(&format!("answering {mission}"))?;
    let is_running = archive.holder(mission).is_some();
    let given = match is_running {
        true => wait(archive, mission, approval).await?,
        false => None,
    };
    let is_shared = archive.is_shared();
    Ok(Answered { mission: mission.clone(), approval, verdict, given, is_running, is_shared })
}

impl Answered {
    /// What came of it, for a person.
    pub(crate) fn said(&self) -> String {
        let Self { mission, approval, verdict, given, is_running, is_shared } = self;
        match given {
            Some(given) if given.verdict == Some(*verdict) => {
                format!("{}: question {approval} of {mission}", phrase::verdict(*verdict))
            }
            // Somebody was faster, or its time was over.
            Some(given) => format!(
                "question {approval} of {mission} had an answer by then: {}",
                given.verdict.map_or("none", phrase::verdict)
            ),
            None if *is_running => {
                format!("kept for the process that runs {mission}; see `coditect approvals {mission}`")
            }
            None if *is_shared => format!(
                "kept on this machine, where no process runs {mission}: `coditect resume {mission}` here goes on with it; one that \
                 runs it on another machine is answered there"
            ),
            None => format!("kept: {mission} is stopped, and takes it with `coditect resume {mission}`"),
        }
    }
}

/// The question that is meant.
fn which(view: &MissionView, number: Option<u32>, doing: &str) -> Result<ApprovalId, Report> {
    let mission = &view.mission;
    let report = |kind, cause: String| Report::new(kind, format!("{doing} in {mission}"), cause);
    if let Some(status) = view.status {
        let cause = format!("it has ended already, as {}", phrase::status(status));
        return Err(report(ErrorKind::Conflict, cause));
    }
    let open: Vec<&ApprovalView> = view.approvals.iter().filter(|asked| asked.is_open(view)).collect();
    let hint = format!("`coditect approvals {mission}` shows its questions");
    match (number, open.as_slice()) {
        (Some(number), _) => match view.approvals.iter().find(|asked| asked.approval.0 == number) {
            Some(asked) if asked.is_open(view) => Ok(asked.approval),
            Some(_) => Err(report(
                ErrorKind::Conflict,
                format!("question {number} has an answer already, or needs none any more"),
            )
            .hint(hint)),
            None => Err(report(ErrorKind::NotFound, format!("it has no question {number}")).hint(hint)),
        },
        (None, [one]) => Ok(one.approval),
        (None, []) => {
            Err(report(ErrorKind::NotFound, "nothing in it waits for an answer".to_owned()).hint(hint))
        }
        (None, many) => Err(report(ErrorKind::Invalid, format!("it has {} open questions", many.len()))
            .hint("name one by its number")),
    }
}

/// Waits until the journal has an answer. None: it has not come yet.
async fn wait(
    archive: &Archive,
    mission: &MissionId,
    approval: ApprovalId,
) -> Result<Option<ApprovalView>, Report> {
    let mut signals = Signals::listen()?;
    let given = async {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            look.tick().await;
            let view = missions::load(archive.journal(), mission)?.1;
            let mut all = view.approvals.into_iter();
            let found = all.find(|asked| asked.approval == approval && asked.verdict.is_some());
            if found.is_some() || view.status.is_some() {
                return Ok(found);
            }
        }
    };
    tokio::select! {
        given = tokio::time::timeout(PATIENCE, given) => given.unwrap_or(Ok(None)),
        () = signals.next() => Ok(None),
    }
}

//! `coditect fleet`: who is at work, on this machine and in its fleet, and what waits.

use coditect_runtime::said::{breaker, count, count_of, grouped, span};
use coditect_runtime::{Fold, at_work};
use coditect_types::ErrorKind;
use coditect_types::fleet::{FleetView, OrderQueue, UnderWay, WorkerSeen, WorkerStanding};

use super::Context;
use super::follow::catch_up;
use crate::args::FleetArgs;
use crate::fleets::Looks;
use crate::missions;
use crate::out::{harmless, paint, painted};
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, Archive};

const DOING: &str = "looking at the fleet";
/// Missions that are looked through for those that have not ended, the newest.
const NEWEST: usize = 10_000;

pub(crate) fn perform(cx: &mut Context, args: &FleetArgs) -> Done {
    if args.key {
        return key(cx);
    }
    let view = if cx.is_remote { there(cx)? } else { here(cx, args.limit)? };
    if cx.out.json {
        cx.out.object(&view)?;
        return Ok(0);
    }
    tell(cx, &view)
}

/// What missions of this state directory sign with.
fn key(cx: &mut Context) -> Done {
    let key = wiring::key_of_missions(&cx.site()?)?;
    match cx.out.json {
        true => cx.out.object(&serde_json::json!({ "key": key }))?,
        false => cx.out.line(&key)?,
    }
    Ok(0)
}

/// What a server that several people use sees.
fn there(cx: &Context) -> Result<FleetView, Report> {
    let archive = cx.archive()?;
    let server = archive.served().ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "there is no server"))?;
    server.fleet().doing(DOING)
}

/// What is seen from this machine.
fn here(cx: &Context, limit: usize) -> Result<FleetView, Report> {
    let mut view = Looks::default().view(&cx.site()?);
    // Where the server does not answer, neither does its journal.
    if view.trouble.is_none() {
        let archive = cx.archive()?;
        (view.missions, view.more_missions) = under_way(&archive, limit)?;
        at_work::place(&mut view);
    }
    Ok(view)
}

/// The missions that have not ended, those that a process has first, and how many more there are.
fn under_way(archive: &Archive, limit: usize) -> Result<(Vec<UnderWay>, u64), Report> {
    let (entries, _) = missions::list(archive.journal(), NEWEST)?;
    let open = entries.into_iter().filter(|entry| entry.end.is_none());
    let mut open: Vec<_> = open.map(|entry| (archive.held(&entry.mission), entry.mission)).collect();
    open.sort_by_key(|(holder, _)| holder.is_none());
    let more = open.len().saturating_sub(limit) as u64;
    open.truncate(limit);
    let mut found = Vec::new();
    for (holder, mission) in open {
        let mut fold = Fold::new(mission.clone());
        // What cannot be read is shown as far as it can.
        catch_up(archive.journal(), &mission, &mut fold, |_| Ok(())).map(drop).ok();
        found.extend(fold.view().map(|view| at_work::under_way(&view, holder)));
    }
    Ok((found, more))
}

fn tell(cx: &mut Context, view: &FleetView) -> Done {
    if let Some(here) = &view.here {
        let does = if here.hands_out { "hand actions to workers" } else { "do all of their work here" };
        cx.out.line(&format!(
            "{} {}: {}; missions begun here {does}",
            painted(paint::LABEL, "machine"),
            harmless(&here.machine),
            count(here.cores, "core"),
        ))?;
    }
    match (&view.server, &view.trouble) {
        (None, _) => {
            cx.out.line("no fleet: no NATS server is named (`--nats URL`, or the setting `nats`)")?
        }
        (Some(server), Some(trouble)) => {
            cx.out.line(&harmless(&format!("nothing is known of the fleet at {server}: {trouble}")))?;
        }
        (Some(server), None) => {
            let label = painted(paint::LABEL, "fleet");
            let workers = count_of(view.workers.len(), "worker");
            cx.out.line(&format!("{label} at {}: {workers}", harmless(server)))?;
        }
    }
    for worker in &view.workers {
        cx.out.line(&worker_line(worker, view.at_ms))?;
        for job in &worker.jobs {
            let since = span(view.at_ms.saturating_sub(job.since_ms));
            let text = format!("  {} {}, {}, for {since}", job.mission, job.task, job.role);
            cx.out.line(&painted(paint::DIM, &harmless(&text)))?;
        }
    }
    if view.more_workers > 0 {
        cx.out.line("there are more than can be told one by one")?;
    }
    if let Some(queue) = &view.queue {
        cx.out.line(&harmless(&queue_line(queue, view.at_ms)))?;
    }
    for seen in &view.breakers {
        let text = format!(
            "{} `{}`: {}",
            seen.remote.kind.name(),
            seen.remote.name,
            breaker(seen.standing, view.at_ms)
        );
        cx.out.line(&painted(paint::WARN, &harmless(&text)))?;
    }
    for of in &view.missions {
        mission_lines(cx, of)?;
    }
    if view.more_missions > 0 {
        cx.out.line(&format!(
            "{} have not ended; `--limit` shows them",
            count(view.more_missions, "more mission")
        ))?;
    }
    Ok(0)
}

fn worker_line(worker: &WorkerSeen, now_ms: u64) -> String {
    let style = match worker.standing {
        WorkerStanding::Here => paint::NAME,
        WorkerStanding::Leaving => paint::WARN,
        WorkerStanding::Silent => paint::DIM,
    };
    let load = match worker.busy {
        Some(busy) => format!("{busy} of {}", count(worker.slots, "slot")),
        None => count(worker.slots, "slot"),
    };
    let heard = span(now_ms.saturating_sub(worker.heard_at_ms));
    let rest = format!("{load}, heard {heard} ago, {}, version {}", worker.roles.join(" "), worker.version);
    format!(
        "{} {} {}",
        painted(style, &harmless(&format!("{:<24}", worker.name))),
        painted(style, &format!("{:<8}", worker.standing.name())),
        harmless(&rest),
    )
}

fn queue_line(queue: &OrderQueue, now_ms: u64) -> String {
    let oldest = queue
        .waiting_since_ms
        .map_or_else(String::new, |at| format!(" (the oldest for {})", span(now_ms.saturating_sub(at))));
    let again = if queue.again > 0 { format!(" ({} again)", grouped(queue.again)) } else { String::new() };
    let roles: Vec<String> = queue.by_role.iter().map(|(role, n)| format!(", {n} {role}")).collect();
    let dead = match queue.dead {
        0 => String::new(),
        n => format!("; {}", count(n, "dead letter")),
    };
    format!(
        "queue: {} waiting{oldest}, {} under way{again}{}{dead}",
        queue.waiting,
        queue.under_way,
        roles.concat()
    )
}

fn mission_lines(cx: &mut Context, of: &UnderWay) -> std::io::Result<()> {
    let mut text = at_work::holder_said(of);
    for task in &of.tasks {
        let whom = task.worker.as_ref().map(|worker| format!(" by {worker}")).unwrap_or_default();
        text.push_str(&format!("; {} {}{whom}", task.role, task.intent.replace('_', " ")));
    }
    for model in of.models.iter().filter(|model| model.failed + model.lost > 0) {
        let not = model.failed + model.lost;
        text.push_str(&format!("; {} did not answer {}", model.model, count(not, "call")));
    }
    cx.out.line(&format!("{} {}", painted(paint::NAME, of.mission.as_str()), harmless(&text)))
}

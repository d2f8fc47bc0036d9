//! Who is at work, on this machine and in its fleet, and what waits.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use askama::Template;
use coditect_runtime::said::{breaker, count, count_of, grouped, span};
use coditect_runtime::{Entry, MissionView, at_work};
use coditect_types::breaker::{BreakerSeen, Standing};
use coditect_types::fleet::{FleetView, Held, Here, Lease, OrderQueue, UnderWay, WorkerSeen, WorkerStanding};
use coditect_types::{Deed, MissionId, Visitor};

use crate::text::brief;

/// Missions that are told one by one.
pub(crate) const MOST: usize = 100;
/// Those that are kept in mind; one more, and they are looked into anew.
const KEPT: usize = 400;
/// Characters of what a task is for.
const WIDTH: usize = 60;
/// Files of a lease that are told one by one.
const LEASED: usize = 5;

/// What goes on in missions, each looked into again only where it has grown.
#[derive(Debug, Default)]
pub(crate) struct Hands(Mutex<BTreeMap<MissionId, (u64, UnderWay)>>);

impl Hands {
    /// What goes on in a mission; `view` looks into it. One that cannot be read is at nothing that anybody knows of.
    pub(crate) fn of(
        &self,
        entry: &Entry,
        held: Option<Held>,
        view: impl FnOnce() -> Option<MissionView>,
    ) -> UnderWay {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = kept().get(&entry.mission).filter(|(seq, _)| *seq == entry.last_seq).cloned();
        if known.is_none() {
            known = view().map(|view| (view.last_seq, at_work::under_way(&view, None)));
            let mut all = kept();
            if all.len() >= KEPT {
                all.clear();
            }
            all.extend(known.clone().map(|known| (entry.mission.clone(), known)));
        }
        let nothing = || UnderWay {
            mission: entry.mission.clone(),
            held: None,
            agents: 0,
            tasks: Vec::new(),
            models: Vec::new(),
            leases: Vec::new(),
        };
        let of = known.map_or_else(nothing, |(_, of)| of);
        UnderWay { held, ..of }
    }
}

/// Leaves out what is not for a visitor: how much others have to do, and with which missions. `reaches`: whether a mission is one of those
/// that they reach.
pub(crate) fn for_visitor(
    fleet: FleetView,
    visitor: &Visitor,
    reaches: impl Fn(&MissionId) -> bool,
) -> FleetView {
    let is_all = visitor.may(Deed::Measure);
    let own = |worker: WorkerSeen| WorkerSeen {
        busy: worker.busy.filter(|_| is_all),
        jobs: worker.jobs.into_iter().filter(|job| reaches(&job.mission)).collect(),
        ..worker
    };
    let workers = fleet.workers.into_iter().map(own).collect();
    if is_all {
        return FleetView { workers, ..fleet };
    }
    FleetView {
        workers,
        here: None,
        queue: None,
        breakers: Vec::new(),
        // Where it is, and how it fails, is for whoever runs it.
        server: fleet.server.map(|_| "a NATS server".to_owned()),
        trouble: fleet.trouble.map(|_| "the fleet's server does not answer".to_owned()),
        ..fleet
    }
}

#[derive(Debug)]
struct JobRow {
    mission: MissionId,
    what: String,
}

#[derive(Debug)]
struct WorkerRow {
    name: String,
    standing: &'static str,
    mood: &'static str,
    load: String,
    roles: String,
    jobs: Vec<JobRow>,
    heard: String,
    version: String,
}

#[derive(Debug)]
struct MissionRow {
    mission: MissionId,
    process: String,
    agents: String,
    tasks: Vec<String>,
    leases: Vec<String>,
    models: Vec<String>,
}

#[derive(Debug)]
struct BreakerRow {
    name: String,
    kind: &'static str,
    mood: &'static str,
    standing: String,
}

#[derive(Template)]
#[template(path = "fleet.html")]
struct FleetPage<'a> {
    server: Option<&'a str>,
    trouble: Option<&'a str>,
    says: String,
    workers: Vec<WorkerRow>,
    queue: Vec<(&'static str, String)>,
    has_queue: bool,
    is_all: bool,
    here: Option<&'a Here>,
    missions: Vec<MissionRow>,
    more_missions: u64,
    breakers: Vec<BreakerRow>,
    is_user: bool,
}

/// The page.
pub(crate) fn make(fleet: &FleetView, visitor: &Visitor) -> Result<String, askama::Error> {
    FleetPage {
        server: fleet.server.as_deref(),
        trouble: fleet.trouble.as_deref(),
        says: says(fleet),
        workers: fleet.workers.iter().map(|worker| worker_row(worker, fleet.at_ms)).collect(),
        queue: fleet.queue.as_ref().map(|queue| queue_rows(queue, fleet.at_ms)).unwrap_or_default(),
        has_queue: fleet.queue.is_some(),
        is_all: visitor.may(Deed::Measure),
        here: fleet.here.as_ref(),
        missions: fleet.missions.iter().map(mission_row).collect(),
        more_missions: fleet.more_missions,
        breakers: fleet.breakers.iter().map(|seen| breaker_row(seen, fleet.at_ms)).collect(),
        is_user: visitor.user.is_some(),
    }
    .render()
}

/// How many are there, in a sentence.
fn says(fleet: &FleetView) -> String {
    let silent = fleet.workers.iter().filter(|worker| worker.standing == WorkerStanding::Silent).count();
    let there = fleet.workers.len() - silent;
    let slots = fleet.workers.iter().filter(|worker| worker.standing == WorkerStanding::Here);
    let slots: u64 = slots.map(|worker| worker.slots).fold(0, u64::saturating_add);
    let mut text = match there {
        0 => "No worker is there: what is handed out waits until one comes.".to_owned(),
        n => format!("{} with {}.", count_of(n, "worker"), count(slots, "slot")),
    };
    if silent > 0 {
        text.push_str(&format!(" {} silent: its work goes to others.", count_of(silent, "worker")));
    }
    if fleet.more_workers > 0 {
        text.push_str(" There are more than can be told one by one.");
    }
    text
}

fn ago(at_ms: u64, now_ms: u64) -> String {
    format!("{} ago", span(now_ms.saturating_sub(at_ms)))
}

fn worker_row(worker: &WorkerSeen, now_ms: u64) -> WorkerRow {
    let job = |job: &coditect_types::fleet::Job| JobRow {
        mission: job.mission.clone(),
        what: format!("{}, {}, for {}", job.task, job.role, span(now_ms.saturating_sub(job.since_ms))),
    };
    WorkerRow {
        name: worker.name.clone(),
        standing: worker.standing.name(),
        mood: match worker.standing {
            WorkerStanding::Here => "good",
            WorkerStanding::Leaving => "warn",
            WorkerStanding::Silent => "bad",
        },
        load: match worker.busy {
            Some(busy) => format!("{} of {}", grouped(busy), grouped(worker.slots)),
            None => count(worker.slots, "slot"),
        },
        roles: worker.roles.join(", "),
        jobs: worker.jobs.iter().map(job).collect(),
        heard: ago(worker.heard_at_ms, now_ms),
        version: worker.version.clone(),
    }
}

fn queue_rows(queue: &OrderQueue, now_ms: u64) -> Vec<(&'static str, String)> {
    let since = |at: Option<u64>| at.map(|at| format!(", the oldest handed out {}", ago(at, now_ms)));
    let again = match queue.again {
        0 => String::new(),
        n => format!(", {} of them handed out again", grouped(n)),
    };
    let by_role: Vec<String> =
        queue.by_role.iter().map(|(role, n)| format!("{} {role}", grouped(*n))).collect();
    let mut rows = vec![
        (
            "Waiting",
            format!("{}{}", grouped(queue.waiting), since(queue.waiting_since_ms).unwrap_or_default()),
        ),
        ("Under way", format!("{}{again}", grouped(queue.under_way))),
    ];
    if !by_role.is_empty() {
        rows.push(("By role", by_role.join(", ")));
    }
    rows.push(("Dead letters", grouped(queue.dead)));
    if let Some(at) = queue.since_ms {
        rows.push(("Oldest of all", format!("handed out {}", ago(at, now_ms))));
    }
    rows
}

fn breaker_row(seen: &BreakerSeen, now_ms: u64) -> BreakerRow {
    BreakerRow {
        name: seen.remote.name.clone(),
        kind: seen.remote.kind.name(),
        mood: match seen.standing {
            Standing::Closed { .. } => "warn",
            Standing::Open { .. } | Standing::HalfOpen { .. } => "bad",
        },
        standing: breaker(seen.standing, now_ms),
    }
}

fn lease_said(lease: &Lease) -> String {
    let (shown, more) = lease.files.split_at(lease.files.len().min(LEASED));
    let more = match more.len() {
        0 => String::new(),
        n => format!(" and {} more", grouped(n as u64)),
    };
    format!("{}: {}{more}", lease.strand, brief(&shown.join(", "), 2 * WIDTH))
}

fn mission_row(of: &UnderWay) -> MissionRow {
    let task = |task: &coditect_types::fleet::TaskAtWork| {
        let whom = task.worker.as_ref().map(|worker| format!(" by worker {worker}")).unwrap_or_default();
        format!("{} {}{whom}", task.role, brief(&task.intent.replace('_', " "), WIDTH))
    };
    let model = |model: &coditect_types::fleet::ModelAsked| {
        let mut text = format!("{}: {}", model.model, count(model.calls, "call"));
        if model.failed > 0 {
            text.push_str(&format!(", {} without an answer", grouped(model.failed)));
        }
        if model.lost > 0 {
            text.push_str(&format!(", {} whose end nobody saw", grouped(model.lost)));
        }
        text
    };
    MissionRow {
        mission: of.mission.clone(),
        process: at_work::holder_said(of),
        agents: match of.agents {
            0 => "one a core".to_owned(),
            n => grouped(u64::from(n)),
        },
        tasks: of.tasks.iter().map(task).collect(),
        leases: of.leases.iter().map(lease_said).collect(),
        models: of.models.iter().map(model).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use coditect_types::{UserName, UserRole};

    use super::*;
    use crate::trial::{fleet, id};

    fn user(role: UserRole) -> Visitor {
        let user = UserName::parse("ada").ok();
        Visitor { user, roles: BTreeSet::from([role]), of: BTreeSet::new(), token: None }
    }

    #[test]
    fn whoever_may_not_read_the_figures_of_all_sees_their_own() {
        let reaches = |mission: &MissionId| *mission == id("m-adas");
        let own = for_visitor(fleet(), &user(UserRole::Operator), reaches);
        assert_eq!((own.here.is_none(), own.queue.is_none()), (true, true));
        assert_eq!((own.workers.len(), own.workers[0].busy), (2, None));
        assert_eq!(own.workers[0].jobs.len(), 1, "that of another one is left out");
        assert!(!format!("{own:?}").contains("m-own") && !format!("{own:?}").contains("10.0.0.7"), "{own:?}");
        let page = make(&own, &user(UserRole::Operator)).unwrap();
        assert!(page.contains("for admins") && !page.contains("Waiting"), "{page}");
        let all = for_visitor(fleet(), &user(UserRole::Admin), |_| true);
        assert_eq!(all, fleet());
    }

    #[test]
    fn workers_say_what_they_like_and_it_is_text() {
        let page = make(&fleet(), &Visitor::person()).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
        for text in [
            "1 of 2",
            "silent",
            "handed out again",
            "the oldest handed out 4.0 s ago",
            "2 coder",
            "<dt>Dead letters</dt><dd>5</dd>",
            "left alone for 9.0 s",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(page.contains("href=\"/missions/m-adas\"") && page.contains("&lt;script&gt;"), "{page}");
    }

    #[test]
    fn without_a_fleet_it_is_said_that_there_is_none() {
        let here = Here { machine: "desk".to_owned(), cores: 4, hands_out: false };
        let fleet = FleetView { here: Some(here), ..FleetView::default() };
        let page = make(&fleet, &Visitor::person()).unwrap();
        assert!(
            page.contains("There is no fleet") && page.contains("desk") && page.contains("4 cores"),
            "{page}"
        );
    }
}

//! Metrics in Prometheus' text format, computed from the journals.
//!
//! Each is declared once, in [`FAMILIES`]. Labels have the values of our own enumerations and no others: nothing that a
//! request, a project or a model is called becomes one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{SystemTime, UNIX_EPOCH};

use coditect_ports::PortError;
use coditect_runtime::view::TaskProgress;
use coditect_types::{ErrorKind, Event, Ledger, MissionId, MissionStatus};

use self::counts::{Counts, Spread, Times};
use crate::catalogue::MOST;
use crate::house::House;
use crate::moments::{Folded, each};
use crate::names::{STANDINGS, TASK_STATES, name, standing};

mod counts;

/// A family of metrics.
#[derive(Debug)]
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
}

/// All families, in the order in which they are written.
const FAMILIES: [Family; 28] = [
    gauge("coditect_build_info", "1, with the version of this build as a label."),
    gauge("coditect_missions", "Missions by status; running or stopped where they have not ended."),
    gauge(
        "coditect_missions_left_out",
        "Missions that are not counted: older than the newest 10,000, or unreadable.",
    ),
    gauge("coditect_tasks", "Tasks of missions that have not ended, by state."),
    gauge("coditect_approvals_open", "Questions that wait for a person's answer."),
    counter("coditect_missions_submitted_total", "Missions that were begun."),
    counter("coditect_missions_forked_total", "Missions that were begun where another one stood."),
    counter("coditect_missions_resumed_total", "Times that a mission was taken up again after a stop."),
    counter("coditect_missions_ended_total", "Missions that came to their end, by how."),
    histogram("coditect_mission_duration_seconds", "How long missions that ended were at work."),
    histogram("coditect_assignment_seconds", "From a mission's submission to its first attempt."),
    histogram("coditect_attempt_duration_seconds", "How long attempts took, by the role of the agent."),
    counter("coditect_records_total", "Records that missions decided."),
    counter("coditect_expectations_total", "Expectations that attempts began with."),
    counter("coditect_approvals_asked_total", "Questions that were asked of a person."),
    counter("coditect_approvals_given_total", "Questions that were answered, by how; nobody: not in time."),
    counter("coditect_tasks_settled_total", "Tasks that came to their end, by how."),
    counter("coditect_attempts_started_total", "Attempts that agents were given."),
    counter("coditect_outcomes_ignored_total", "Outcomes that came too late or twice and changed nothing."),
    counter("coditect_violations_total", "Expectations that an observation contradicted, by kind."),
    counter("coditect_diagnoses_total", "Violations whose cause was looked for, by cause."),
    counter("coditect_candidates_total", "Candidate changes that were tried, by rung."),
    counter("coditect_sandbox_runs_total", "Runs in a sandbox."),
    counter("coditect_model_calls_total", "Calls of language models."),
    counter("coditect_model_tokens_total", "Tokens sent to language models (in) and written by them (out)."),
    counter("coditect_model_cost_usd_total", "Money for language models, US dollars."),
    gauge("coditect_ui_watchers", "Event streams that are open."),
    gauge("process_start_time_seconds", "When this process began to count, seconds since 1970."),
];

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: "gauge", help }
}

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: "counter", help }
}

const fn histogram(name: &'static str, help: &'static str) -> Family {
    Family { name, kind: "histogram", help }
}

/// What is known of one mission.
#[derive(Debug)]
struct Tally {
    /// Its records up to this number are those of the mission that it was forked from, and count there.
    shared: u64,
    seq: u64,
    status: Option<MissionStatus>,
    tasks: [u64; TASK_STATES.len()],
    open: u64,
    counts: Counts,
    times: Times,
    /// What the shared part of a fork had spent.
    before: Ledger,
    /// The fold of one that is under way; dropped where nobody is at it, and made again where it grows after that.
    fold: Option<Box<Folded>>,
}

impl Tally {
    fn new(mission: &MissionId) -> Self {
        let fold = Some(Box::new(Folded::new(mission.clone())));
        Self {
            shared: 0,
            before: Ledger::default(),
            seq: 0,
            status: None,
            tasks: [0; 5],
            open: 0,
            counts: Counts::default(),
            times: Times::default(),
            fold,
        }
    }

    /// Takes what is new of a mission.
    fn follow(&mut self, house: &dyn House, mission: &MissionId) -> Result<(), coditect_runtime::ShellError> {
        if self.fold.is_none() {
            *self = Self::new(mission);
        }
        let Some(mut fold) = self.fold.take() else { return Ok(()) };
        let Self { counts, times, before, shared, .. } = self;
        each(house.journal(), mission, (fold.seq() + 1, u64::MAX), |record| {
            fold.take(record);
            if let Event::MissionSubmitted { fork: Some(fork), .. } = &record.event {
                *shared = fork.at_seq;
            }
            if record.seq > *shared {
                counts.take(record, times);
            } else if record.seq == *shared {
                before.clone_from(fold.spent());
                times.shared(fold.view().map_or(0, |view| view.wall_ms));
            }
            times.hear(record);
        })?;
        self.seq = fold.seq();
        if let Some(view) = fold.view() {
            self.status = view.status;
            self.counts.spent = view.ledger.since(&self.before);
            self.open = view.approvals.iter().filter(|asked| asked.is_open(&view)).count() as u64;
            for (n, state) in self.tasks.iter_mut().zip(TASK_STATES) {
                *n = view.tasks.iter().filter(|task| task.state == state).count() as u64;
            }
        }
        if self.status.is_none() && house.is_running(mission) {
            self.fold = Some(fold);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Known {
    by_mission: BTreeMap<MissionId, Tally>,
    /// What missions came to that are not there any more: a counter never falls. They may come back, so each is kept by itself, and what
    /// is too old for that in one sum.
    gone: BTreeMap<MissionId, Counts>,
    gone_long: Counts,
    left_out: u64,
    /// When counting began, ms since 1970.
    began_ms: u64,
}

/// What the journals come to; each is read again only where it has grown.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    known: Mutex<Known>,
}

impl Metrics {
    /// Reads what is new.
    pub(crate) fn refresh(&self, house: &dyn House) -> Result<(), PortError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.refresh(house)
    }

    /// All metrics, as text.
    pub(crate) fn text(&self, house: &dyn House, watchers: usize) -> Result<String, PortError> {
        // Whoever waits here keeps others from reading.
        let mut known = match self.known.try_lock() {
            Ok(known) => known,
            Err(TryLockError::Poisoned(known)) => known.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let cause = "the journals are being read for the metrics";
                return Err(PortError::new(ErrorKind::Unavailable, cause).with_hint("ask again in a moment"));
            }
        };
        known.refresh(house)?;
        Ok(known.text(house, watchers))
    }
}

impl Default for Known {
    fn default() -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            by_mission: BTreeMap::new(),
            gone: BTreeMap::new(),
            gone_long: Counts::default(),
            left_out: 0,
            began_ms: u64::try_from(began.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Known {
    fn refresh(&mut self, house: &dyn House) -> Result<(), PortError> {
        let streams = house.journal().streams()?;
        let all = streams.len();
        let (mut next, mut unread) = (BTreeMap::new(), 0);
        for info in streams.into_iter().rev().take(MOST) {
            let known = self.by_mission.remove(&info.stream);
            let mut tally = known.unwrap_or_else(|| {
                self.gone.remove(&info.stream);
                Tally::new(&info.stream)
            });
            if tally.seq < info.last_seq
                && let Err(error) = tally.follow(house, &info.stream)
            {
                // What it came to before still counts: a counter never falls.
                tracing::warn!(mission = %info.stream, %error, "a mission is not counted as far as it has come");
                unread += 1;
            }
            next.insert(info.stream, tally);
        }
        let gone = std::mem::take(&mut self.by_mission).into_iter();
        self.gone.extend(gone.map(|(mission, tally)| (mission, tally.counts)));
        while self.gone.len() > MOST {
            // Ids begin with the time: the first is the oldest.
            self.gone.pop_first().into_iter().for_each(|(_, counts)| self.gone_long.add(&counts));
        }
        self.left_out = (all - next.len() + unread) as u64;
        self.by_mission = next;
        Ok(())
    }

    fn text(&self, house: &dyn House, watchers: usize) -> String {
        let mut sum = Counts::zeros();
        sum.add(&self.gone_long);
        self.gone.values().for_each(|counts| sum.add(counts));
        let mut missions: BTreeMap<String, u64> =
            STANDINGS.iter().map(|word| ((*word).to_owned(), 0)).collect();
        let (mut tasks, mut open) = ([0; TASK_STATES.len()], 0);
        for (mission, tally) in &self.by_mission {
            sum.add(&tally.counts);
            let is_running = tally.status.is_none() && house.is_running(mission);
            *missions.entry(standing(tally.status, is_running)).or_default() += 1;
            if tally.status.is_none() {
                open += tally.open;
                tasks.iter_mut().zip(tally.tasks).for_each(|(sum, n)| *sum += n);
            }
        }
        let mut out = String::new();
        for family in &FAMILIES {
            let rows = match family.name {
                "coditect_missions" => labelled("status", &missions),
                "coditect_tasks" => by_state(&tasks),
                "coditect_approvals_open" => one(open),
                "coditect_missions_left_out" => one(self.left_out),
                "coditect_ui_watchers" => one(watchers as u64),
                "process_start_time_seconds" => one(self.began_ms / 1_000),
                "coditect_build_info" => {
                    vec![(format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), "1".to_owned())]
                }
                name => counted(name, &sum),
            };
            write_family(&mut out, family, &rows);
        }
        out
    }
}

/// Label and value of each row.
type Rows = Vec<(String, String)>;

/// The rows of a counter.
fn counted(family: &str, sum: &Counts) -> Rows {
    let roles = || {
        let each = sum.attempt_ms.iter().map(|(role, spread)| spread.rows(&format!("role=\"{role}\"")));
        each.flatten().collect()
    };
    let rungs = || sum.spent.rungs.iter().map(|(rung, cost)| (name(rung), cost.candidates)).collect();
    match family {
        "coditect_missions_submitted_total" => one(sum.submitted),
        "coditect_missions_forked_total" => one(sum.forked),
        "coditect_missions_resumed_total" => one(sum.resumed),
        "coditect_missions_ended_total" => labelled("status", &sum.ended),
        "coditect_mission_duration_seconds" => Spread::rows(&sum.mission_ms, ""),
        "coditect_assignment_seconds" => Spread::rows(&sum.assignment_ms, ""),
        "coditect_attempt_duration_seconds" => roles(),
        "coditect_records_total" => one(sum.records),
        "coditect_expectations_total" => one(sum.expectations),
        "coditect_approvals_asked_total" => one(sum.asked),
        "coditect_approvals_given_total" => labelled("verdict", &sum.given),
        "coditect_tasks_settled_total" => labelled("end", &sum.settled),
        "coditect_attempts_started_total" => one(sum.attempts),
        "coditect_outcomes_ignored_total" => one(sum.ignored),
        "coditect_violations_total" => labelled("kind", &sum.violations),
        "coditect_diagnoses_total" => labelled("cause", &sum.diagnoses),
        "coditect_candidates_total" => labelled("rung", &rungs()),
        "coditect_sandbox_runs_total" => one(sum.spent.sandbox_runs),
        "coditect_model_calls_total" => one(sum.spent.model_calls),
        "coditect_model_tokens_total" => {
            let (tokens_in, tokens_out) = (sum.spent.tokens_in, sum.spent.tokens_out);
            labelled("direction", &BTreeMap::from([("in".into(), tokens_in), ("out".into(), tokens_out)]))
        }
        "coditect_model_cost_usd_total" => {
            vec![(
                String::new(),
                format!("{}.{:06}", sum.spent.micro_usd / 1_000_000, sum.spent.micro_usd % 1_000_000),
            )]
        }
        // A family without rows is one that somebody forgot here; the test of all families finds it.
        _ => Vec::new(),
    }
}

fn one(n: u64) -> Rows {
    vec![(String::new(), n.to_string())]
}

fn labelled(label: &str, all: &BTreeMap<String, u64>) -> Rows {
    all.iter().map(|(value, n)| (format!("{{{label}=\"{value}\"}}"), n.to_string())).collect()
}

fn by_state(tasks: &[u64; TASK_STATES.len()]) -> Rows {
    let all = TASK_STATES.iter().map(|state: &TaskProgress| name(state)).zip(tasks.iter().copied());
    labelled("state", &all.collect())
}

fn write_family(out: &mut String, family: &Family, rows: &Rows) {
    let Family { name, kind, help } = family;
    // Writing into a string cannot fail.
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
    for (label, value) in rows {
        writeln!(out, "{name}{label} {value}").ok();
    }
}

#[cfg(test)]
mod tests;

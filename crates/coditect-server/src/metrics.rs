//! Metrics, computed from the journals: as figures for whoever sends them on, and in Prometheus' text format.
//!
//! Each is declared once, in [`FAMILIES`]; those of the doors beside what counts them ([`crate::answered`]). Labels have the values of
//! our own enumerations and patterns of addresses, and no others: nothing that a request, a project or a model is called becomes one. Those
//! of models ([`models`]) are for collectors alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coditect_ports::PortError;
use coditect_runtime::at_work::leases;
use coditect_runtime::under_way::Table;
use coditect_runtime::view::TaskProgress;
use coditect_types::figure::{Amount, Family, Figure, Point, Spread};
use coditect_types::limits::Verdict;
use coditect_types::{ErrorKind, Event, Ledger, MissionId, MissionStatus, RunEnd, Tier};
use serde::Serialize;
use tokio::sync::Semaphore;

use self::counts::{Counts, Since, Tallied};
use crate::answered::Answered;
use crate::catalogue::MOST;
use crate::follow::WATCHERS;
use crate::house::House;
use crate::moments::{Folded, each};
use crate::names::{STANDINGS, TASK_STATES, name, standing};

mod counts;
mod models;
mod own;
mod text;

pub use own::{Own, OwnMission};
pub(crate) use text::text;

/// Whoever reads the journals for somebody else is waited for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// All families, in the order in which they are written.
const FAMILIES: [Family; 29] = [
    Family::gauge("coditect_build_info", "", "1, with the version of this build as a label."),
    Family::gauge(
        "coditect_missions",
        "{mission}",
        "Missions by status; running or stopped where they have not ended.",
    ),
    Family::gauge(
        "coditect_missions_left_out",
        "{mission}",
        "Missions that are not counted: older than the newest 10,000, or unreadable.",
    ),
    Family::gauge("coditect_tasks", "{task}", "Tasks of missions that have not ended, by state."),
    Family::gauge(
        "coditect_leased_files",
        "{file}",
        "Files that one strand alone may change, of missions that have not ended.",
    ),
    Family::gauge("coditect_approvals_open", "{question}", "Questions that wait for a person's answer."),
    Family::counter("coditect_missions_submitted_total", "{mission}", "Missions that were begun."),
    Family::counter(
        "coditect_missions_forked_total",
        "{mission}",
        "Missions that were begun where another one stood.",
    ),
    Family::counter(
        "coditect_missions_resumed_total",
        "{mission}",
        "Times that a mission was taken up again after a stop.",
    ),
    Family::counter("coditect_missions_ended_total", "{mission}", "Missions that came to their end, by how."),
    Family::histogram("coditect_mission_duration_seconds", "s", "How long missions that ended were at work."),
    Family::histogram(
        "coditect_assignment_seconds",
        "s",
        "From a mission's submission to its first attempt.",
    ),
    Family::histogram(
        "coditect_attempt_duration_seconds",
        "s",
        "How long attempts took, by the role of the agent.",
    ),
    Family::counter("coditect_records_total", "{record}", "Records that missions decided."),
    Family::counter("coditect_expectations_total", "{expectation}", "Expectations that attempts began with."),
    Family::counter("coditect_approvals_asked_total", "{question}", "Questions that were asked of a person."),
    Family::counter(
        "coditect_approvals_given_total",
        "{question}",
        "Questions that were answered, by how; nobody: not in time.",
    ),
    Family::counter("coditect_tasks_settled_total", "{task}", "Tasks that came to their end, by how."),
    Family::counter("coditect_attempts_started_total", "{attempt}", "Attempts that agents were given."),
    Family::counter(
        "coditect_outcomes_ignored_total",
        "{outcome}",
        "Outcomes that came too late or twice and changed nothing.",
    ),
    Family::counter(
        "coditect_violations_total",
        "{violation}",
        "Expectations that an observation contradicted, by kind.",
    ),
    Family::counter(
        "coditect_diagnoses_total",
        "{diagnosis}",
        "Violations whose cause was looked for, by cause.",
    ),
    Family::counter(
        "coditect_candidates_total",
        "{candidate}",
        "Candidate changes that were tried, by rung.",
    ),
    Family::counter(
        "coditect_sandbox_runs_total",
        "{run}",
        "Runs in a sandbox, by tier and by how they ended; unknown: their records do not tell.",
    ),
    Family::counter("coditect_model_calls_total", "{call}", "Calls of language models."),
    Family::counter(
        "coditect_model_tokens_total",
        "{token}",
        "Tokens sent to language models (in) and written by them (out).",
    ),
    Family::counter("coditect_model_cost_usd_total", "{USD}", "Money for language models, US dollars."),
    Family::gauge("coditect_ui_watchers", "{watcher}", "Event streams that are open."),
    Family::gauge("process_start_time_seconds", "s", "When this process began to count, seconds since 1970."),
];

/// What is known of one mission.
#[derive(Debug)]
struct Tally {
    /// Its records up to this number are those of the mission that it was forked from, and count there.
    shared: u64,
    seq: u64,
    status: Option<MissionStatus>,
    tasks: [u64; TASK_STATES.len()],
    open: u64,
    leased: u64,
    counts: Counts,
    since: Since,
    under_way: Table,
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
            leased: 0,
            counts: Counts::default(),
            since: Since::default(),
            under_way: Table::default(),
            fold,
        }
    }

    /// Takes what is new of a mission.
    fn follow(&mut self, house: &dyn House, mission: &MissionId) -> Result<(), coditect_runtime::ShellError> {
        if self.fold.is_none() {
            *self = Self::new(mission);
        }
        let Some(mut fold) = self.fold.take() else { return Ok(()) };
        let Self { counts, since, under_way, before, shared, .. } = self;
        each(house.journal(), mission, (fold.seq() + 1, u64::MAX), |record| {
            fold.take(record);
            if let Event::MissionSubmitted { fork: Some(fork), .. } = &record.event {
                *shared = fork.at_seq;
            }
            if record.seq > *shared {
                counts.take(record, since, under_way);
            } else if record.seq == *shared {
                before.clone_from(fold.spent());
                since.shared(fold.view().map_or(0, |view| view.wall_ms));
            }
            since.hear(record);
            under_way.hear(record);
        })?;
        self.seq = fold.seq();
        if let Some(view) = fold.view() {
            self.status = view.status;
            self.counts.spent = view.ledger.since(&self.before);
            self.open = view.approvals.iter().filter(|asked| asked.is_open(&view)).count() as u64;
            self.leased = leases(&view).map(|lease| lease.files.len() as u64).sum();
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
pub struct Metrics {
    known: Mutex<Known>,
    /// The places of watchers, once there is a server.
    places: OnceLock<Arc<Semaphore>>,
    /// What the doors were asked: of this process, and not of the journals.
    answered: Answered,
}

impl Metrics {
    /// Reads what is new.
    pub(crate) fn refresh(&self, house: &dyn House) -> Result<(), PortError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.refresh(house)
    }

    /// Where what the doors answer is counted.
    pub(crate) fn answered(&self) -> &Answered {
        &self.answered
    }

    /// Where watchers are counted from now on.
    pub(crate) fn watch(&self, places: Arc<Semaphore>) {
        // A server that has them already keeps them.
        self.places.set(places).ok();
    }

    /// All metrics, those of models included. It may take a while, where much is new.
    ///
    /// # Errors
    /// The journals cannot be read, or somebody else reads them just now.
    pub fn figures(&self, house: &dyn House) -> Result<Vec<Figure>, PortError> {
        let watchers =
            self.places.get().map_or(0, |places| WATCHERS.saturating_sub(places.available_permits()));
        let mut known = self.known()?;
        known.refresh(house)?;
        let sum = known.sum();
        let mut figures = known.figures(house, &sum, watchers);
        drop(known);
        figures.extend(self.answered.figures());
        figures.extend(models::figures(&sum.models));
        figures.extend(house.gauges());
        Ok(figures)
    }

    /// All metrics, as text.
    pub(crate) fn text(&self, house: &dyn House, watchers: usize) -> Result<String, PortError> {
        let mut known = self.known()?;
        known.refresh(house)?;
        let sum = known.sum();
        let mut figures = known.figures(house, &sum, watchers);
        drop(known);
        figures.extend(self.answered.figures());
        figures.extend(house.gauges());
        figures.extend(house.telemetry());
        Ok(text(&figures))
    }

    /// What is known, once nobody else reads for it. Whoever waits here keeps others from reading, so not for long.
    fn known(&self) -> Result<MutexGuard<'_, Known>, PortError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.known.try_lock() {
                Ok(known) => return Ok(known),
                Err(TryLockError::Poisoned(known)) => return Ok(known.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    let cause = "the journals are being read for the metrics";
                    return Err(
                        PortError::new(ErrorKind::Unavailable, cause).with_hint("ask again in a moment")
                    );
                }
            }
        }
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

    /// What all missions come to.
    fn sum(&self) -> Counts {
        let mut sum = Counts::zeros();
        sum.add(&self.gone_long);
        self.gone.values().for_each(|counts| sum.add(counts));
        self.by_mission.values().for_each(|tally| sum.add(&tally.counts));
        sum
    }

    fn figures(&self, house: &dyn House, sum: &Counts, watchers: usize) -> Vec<Figure> {
        let mut missions: BTreeMap<String, u64> =
            STANDINGS.iter().map(|word| ((*word).to_owned(), 0)).collect();
        let (mut tasks, mut open, mut leased) = ([0; TASK_STATES.len()], 0, 0);
        for (mission, tally) in &self.by_mission {
            let is_running = tally.status.is_none() && house.is_running(mission);
            *missions.entry(standing(tally.status, is_running)).or_default() += 1;
            if tally.status.is_none() {
                open += tally.open;
                leased += tally.leased;
                tasks.iter_mut().zip(tally.tasks).for_each(|(sum, n)| *sum += n);
            }
        }
        let of = |family: &Family| match family.name {
            "coditect_missions" => labelled("status", &missions),
            "coditect_tasks" => by_state(&tasks),
            "coditect_leased_files" => one(leased),
            "coditect_approvals_open" => one(open),
            "coditect_missions_left_out" => one(self.left_out),
            "coditect_ui_watchers" => one(watchers as u64),
            "process_start_time_seconds" => one(self.began_ms / 1_000),
            "coditect_build_info" => build(),
            name => counted(name, sum),
        };
        FAMILIES.iter().map(|family| Figure { family: *family, points: of(family) }).collect()
    }
}

/// What every process tells of itself: its build, and since when it counts.
#[must_use]
pub fn of_process(began_ms: u64) -> Vec<Figure> {
    let of = |family: &Family| match family.name {
        "coditect_build_info" => Some(build()),
        "process_start_time_seconds" => Some(one(began_ms / 1_000)),
        _ => None,
    };
    FAMILIES.iter().filter_map(|family| Some(Figure { family: *family, points: of(family)? })).collect()
}

/// This build.
fn build() -> Vec<Point> {
    vec![Point::labelled("version", env!("CARGO_PKG_VERSION"), 1)]
}

/// The points of a counter.
fn counted(family: &str, sum: &Counts) -> Vec<Point> {
    let roles = || {
        sum.attempt_ms.iter().map(|(role, spread)| spread_of(vec![("role", role.name().to_owned())], spread))
    };
    let verdict = |verdict: &Option<Verdict>| verdict.as_ref().map_or("nobody".to_owned(), name);
    let verdicts = || sum.given.iter().map(|(given, n)| (verdict(given), *n)).collect();
    let rungs = || sum.spent.rungs.iter().map(|(rung, cost)| (name(rung), cost.candidates)).collect();
    match family {
        "coditect_missions_submitted_total" => one(sum.submitted),
        "coditect_missions_forked_total" => one(sum.forked),
        "coditect_missions_resumed_total" => one(sum.resumed),
        "coditect_missions_ended_total" => labelled("status", &named(&sum.ended)),
        "coditect_mission_duration_seconds" => vec![spread_of(Vec::new(), &sum.mission_ms)],
        "coditect_assignment_seconds" => vec![spread_of(Vec::new(), &sum.assignment_ms)],
        "coditect_attempt_duration_seconds" => roles().collect(),
        "coditect_records_total" => one(sum.records),
        "coditect_expectations_total" => one(sum.expectations),
        "coditect_approvals_asked_total" => one(sum.asked),
        "coditect_approvals_given_total" => labelled("verdict", &verdicts()),
        "coditect_tasks_settled_total" => labelled("end", &named(&sum.settled)),
        "coditect_attempts_started_total" => one(sum.attempts),
        "coditect_outcomes_ignored_total" => one(sum.ignored),
        "coditect_violations_total" => labelled("kind", &named(&sum.violations)),
        "coditect_diagnoses_total" => labelled("cause", &named(&sum.diagnoses)),
        "coditect_candidates_total" => labelled("rung", &rungs()),
        "coditect_sandbox_runs_total" => sum.runs.iter().map(|(of, n)| in_sandbox(*of, *n)).collect(),
        "coditect_model_calls_total" => one(sum.spent.model_calls),
        "coditect_model_tokens_total" => {
            let (tokens_in, tokens_out) = (sum.spent.tokens_in, sum.spent.tokens_out);
            labelled("direction", &BTreeMap::from([("in".into(), tokens_in), ("out".into(), tokens_out)]))
        }
        "coditect_model_cost_usd_total" => {
            let amount = Amount::Part { n: sum.spent.micro_usd, per: 1_000_000 };
            vec![Point { labels: Vec::new(), amount }]
        }
        // A family without points is one that somebody forgot here; the test of all families finds it.
        _ => Vec::new(),
    }
}

fn one(n: u64) -> Vec<Point> {
    vec![Point::plain(n)]
}

/// Runs in a sandbox.
fn in_sandbox(of: Option<(Tier, RunEnd)>, n: u64) -> Point {
    let (tier, end) = of.map_or(("unknown", "unknown"), |(tier, end)| (tier.word(), end.word()));
    Point { labels: vec![("tier", tier.to_owned()), ("end", end.to_owned())], amount: Amount::Count(n) }
}

fn spread_of(labels: Vec<(&'static str, String)>, spread: &Spread) -> Point {
    Point { labels, amount: Amount::Spread(spread.clone()) }
}

fn labelled(label: &'static str, all: &BTreeMap<String, u64>) -> Vec<Point> {
    all.iter().map(|(value, n)| Point::labelled(label, value, *n)).collect()
}

/// Counts by what is counted, with its name in JSON.
fn named<K: Serialize>(all: &Tallied<K>) -> BTreeMap<String, u64> {
    all.iter().map(|(kind, n)| (name(kind), *n)).collect()
}

fn by_state(tasks: &[u64; TASK_STATES.len()]) -> Vec<Point> {
    let all = TASK_STATES.iter().map(|state: &TaskProgress| name(state)).zip(tasks.iter().copied());
    labelled("state", &all.collect())
}

#[cfg(test)]
mod tests;

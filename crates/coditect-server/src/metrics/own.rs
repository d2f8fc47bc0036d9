//! What one process does for missions, for whoever sends it to a collector: figures like those of the journals, but of what this
//! process decided, so that two that were at one mission are not counted twice.

use coditect_runtime::Spending;
use coditect_types::figure::{Figure, Kind};
use coditect_types::{Event, Family, Ledger, Record};

use super::counts::{Counts, Times};
use super::{FAMILIES, build, counted, models};

/// The counts of a process. What is known of its missions is kept by whoever tells of them, as [`OwnMission`].
#[derive(Debug)]
pub struct Own {
    counts: Counts,
}

/// A mission, as far as it was heard of.
#[derive(Debug)]
pub struct OwnMission(State);

#[derive(Debug)]
enum State {
    /// It has not ended.
    Open(Box<One>),
    /// It has, and this is what it spent here.
    Ended(Option<Box<Ledger>>),
}

/// A mission that has not ended.
#[derive(Debug, Default)]
struct One {
    spending: Spending,
    times: Times,
    wall: Wall,
    /// What was spent before the records that count; None: none of these came yet.
    before: Option<Ledger>,
    /// The last record that is that of the mission which it was forked from, by its number.
    shared: u64,
}

impl One {
    fn hear(&mut self, record: &Record) {
        if let Event::MissionSubmitted { fork: Some(fork), .. } = &record.event {
            self.shared = fork.at_seq;
        }
        self.spending.take(&record.event);
        self.wall.take(record);
        self.times.hear(record);
        if record.seq == self.shared {
            self.times.shared(self.wall.ms());
        }
    }
}

impl Default for OwnMission {
    fn default() -> Self {
        Self(State::Open(Box::default()))
    }
}

impl OwnMission {
    /// Takes the next record of the mission where another process decided it, or another mission shares it: it counts there.
    pub fn recall(&mut self, record: &Record) {
        if let State::Open(one) = &mut self.0 {
            one.hear(record);
        }
    }

    /// What it spent here so far.
    #[must_use]
    pub fn spent(&self) -> Ledger {
        let spent = match &self.0 {
            State::Open(one) => one.before.as_ref().map(|before| one.spending.ledger().since(before)),
            State::Ended(spent) => spent.as_deref().cloned(),
        };
        spent.unwrap_or_default()
    }
}

/// How long a mission was at work.
#[derive(Debug, Default)]
struct Wall {
    submitted_ms: Option<u64>,
    newest_ms: u64,
    away_ms: u64,
}

impl Wall {
    fn take(&mut self, record: &Record) {
        if matches!(record.event, Event::MissionResumed { .. } | Event::MissionForked { .. }) {
            self.away_ms += record.at_ms.saturating_sub(self.newest_ms);
        }
        self.submitted_ms.get_or_insert(record.at_ms);
        self.newest_ms = record.at_ms;
    }

    fn ms(&self) -> u64 {
        let since_ms =
            self.submitted_ms.map_or(0, |submitted_ms| self.newest_ms.saturating_sub(submitted_ms));
        since_ms.saturating_sub(self.away_ms)
    }
}

impl Default for Own {
    fn default() -> Self {
        Self { counts: Counts::zeros() }
    }
}

impl Own {
    /// Takes the next record of a mission, which this process decided.
    pub fn take(&mut self, mission: &mut OwnMission, record: &Record) {
        // Behind its end there is nothing but what came too late.
        let State::Open(one) = &mut mission.0 else { return self.counts.take(record, &Times::default()) };
        if one.before.is_none() {
            one.before = Some(one.spending.ledger().clone());
        }
        self.counts.take(record, &one.times);
        if let Event::MissionCompleted { ledger, .. } = &record.event {
            let spent = one.before.as_ref().map(|before| Box::new(ledger.since(before)));
            mission.0 = State::Ended(spent);
            return;
        }
        one.hear(record);
    }

    /// Adds what others of this process counted.
    pub fn add(&mut self, more: &Self) {
        self.counts.add(&more.counts);
    }

    /// Adds what was spent.
    pub fn add_spent(&mut self, spent: &Ledger) {
        self.counts.spent += spent;
    }

    /// What it comes to so far: what grows, and whose it is.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let of = |family: &Family| match family.kind {
            Kind::Gauge => build(),
            Kind::Counter | Kind::Histogram => counted(family.name, &self.counts),
        };
        let is_own = |family: &&Family| family.kind != Kind::Gauge || family.name == "coditect_build_info";
        let own = FAMILIES.iter().filter(is_own);
        let own = own.map(|family| Figure { family: *family, points: of(family) });
        own.chain(models::figures(&self.counts.models)).collect()
    }
}

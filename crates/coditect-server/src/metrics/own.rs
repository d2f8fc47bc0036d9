//! What one process does for missions, for whoever sends it to a collector: figures like those of the journals, but of what this
//! process decided, so that two that were at one mission are not counted twice.

use coditect_ports::UnderWay;
use coditect_runtime::Spending;
use coditect_types::figure::{Figure, Kind};
use coditect_types::{Event, Family, Ledger, Outcome, Record};

use super::counts::{Counts, Since};
use super::{FAMILIES, build, counted, models};

/// The counts of a process. What is known of its missions is kept by whoever tells of them, as [`OwnMission`].
#[derive(Debug)]
pub struct Own {
    counts: Counts,
}

/// A mission, as far as it was heard of. What is looked at with each record is small, and beside what its owner keeps of it: between two records
/// of one mission there are those of all others.
#[derive(Debug)]
pub struct OwnMission {
    since: Since,
    /// The last record that is that of the mission which it was forked from, by its number.
    shared: u64,
    /// What it spent here, once it has ended.
    ended: Option<Box<Ledger>>,
    /// Records count here by now.
    counts: bool,
    /// It has tasks that models are asked for.
    asks: bool,
    costs: Box<Costs>,
}

/// What a mission cost, and how long it was at work.
#[derive(Debug, Default)]
struct Costs {
    spending: Spending,
    /// What was spent before the records that count.
    before: Ledger,
    submitted_ms: Option<u64>,
    away_ms: u64,
}

impl Costs {
    /// How long it was at work by now, ms.
    fn wall_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.submitted_ms.unwrap_or(now_ms)).saturating_sub(self.away_ms)
    }
}

impl Default for OwnMission {
    fn default() -> Self {
        let (since, costs) = (Since::default(), Box::default());
        Self { since, shared: 0, ended: None, counts: false, asks: false, costs }
    }
}

impl OwnMission {
    /// Takes the next record of the mission where another process decided it, or another mission shares it: it counts there. `known`: what was
    /// under way before it.
    pub fn recall(&mut self, record: &Record, known: &dyn UnderWay) {
        if self.ended.is_none() {
            self.hear(record, known);
        }
    }

    /// What it spent here so far.
    #[must_use]
    pub fn spent(&self) -> Ledger {
        match &self.ended {
            Some(spent) => (**spent).clone(),
            None if self.counts => self.costs.spending.ledger().since(&self.costs.before),
            None => Ledger::default(),
        }
    }

    fn hear(&mut self, record: &Record, known: &dyn UnderWay) {
        self.since.hear(record);
        if self.may_cost(&record.event) {
            self.costs.spending.take(&record.event);
        }
        match &record.event {
            Event::MissionSubmitted { fork, .. } => {
                self.shared = fork.as_ref().map_or(0, |fork| fork.at_seq);
                self.costs.submitted_ms.get_or_insert(record.at_ms);
            }
            Event::MissionResumed { .. } | Event::MissionForked { .. } => {
                self.costs.away_ms += record.at_ms.saturating_sub(known.newest_ms());
            }
            Event::PlanMade { tasks, .. } => {
                self.asks |= tasks.iter().any(|task| Spending::is_moved_by(&task.intent));
            }
            Event::AttemptStarted { .. }
            | Event::AttemptEnded { .. }
            | Event::MissionCompleted { .. }
            | Event::MissionConcluding {}
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ViolationFound { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. }
            | Event::TaskSettled { .. } => {}
        }
        if record.seq == self.shared {
            self.since.shared(self.costs.wall_ms(record.at_ms));
        }
    }

    /// Whether the costs may change with this, or must be told of it.
    fn may_cost(&self, event: &Event) -> bool {
        match event {
            Event::AttemptStarted { .. } | Event::TaskSettled { .. } => self.asks,
            Event::AttemptEnded { outcome, .. } => self.asks || !matches!(outcome, Outcome::NothingDone),
            Event::MissionSubmitted { .. }
            | Event::MissionForked { .. }
            | Event::MissionResumed { .. }
            | Event::MissionCompleted { .. }
            | Event::PlanMade { .. } => true,
            Event::MissionConcluding {}
            | Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::OutcomeIgnored { .. }
            | Event::ViolationFound { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. } => false,
        }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self { counts: Counts::zeros() }
    }
}

impl Own {
    /// Takes the next record of a mission, which this process decided. `known`: what was under way before it, or before its step.
    pub fn take(&mut self, mission: &mut OwnMission, record: &Record, known: &dyn UnderWay) {
        self.counts.take(record, &mission.since, known);
        // Behind its end there is nothing but what came too late.
        if mission.ended.is_some() {
            return;
        }
        if !mission.counts {
            mission.counts = true;
            mission.costs.before = mission.costs.spending.ledger().clone();
        }
        if let Event::MissionCompleted { ledger, .. } = &record.event {
            mission.ended = Some(Box::new(ledger.since(&mission.costs.before)));
            // Nobody asks for it any more.
            *mission.costs = Costs::default();
            return;
        }
        mission.hear(record, known);
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

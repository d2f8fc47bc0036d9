//! What one process does for missions, for whoever sends it to a collector: figures like those of the journals, but of what this
//! process decided, so that two that were at one mission are not counted twice.

use std::collections::BTreeMap;

use coditect_runtime::Fold;
use coditect_types::figure::{Figure, Kind};
use coditect_types::{Event, Family, Ledger, MissionId, Record};

use super::counts::{Counts, Times};
use super::{FAMILIES, build, counted, models};

/// The counts of a process.
#[derive(Debug)]
pub struct Own {
    counts: Counts,
    /// None: it has ended, and what it had spent is counted.
    missions: BTreeMap<MissionId, Option<One>>,
    /// Records before this time were decided by another process: they count there.
    since_ms: u64,
}

/// A mission that has not ended, as far as it was read.
#[derive(Debug)]
struct One {
    fold: Fold,
    times: Times,
    /// What was spent before the records that count; None: none of these came yet.
    before: Option<Ledger>,
    /// Records up to this number are those of the mission that it was forked from, and count there.
    shared: u64,
}

impl One {
    fn spent(&self) -> Option<Ledger> {
        let before = self.before.as_ref()?;
        Some(self.fold.view()?.ledger.since(before))
    }
}

impl Own {
    /// Counts what is decided from `since_ms` on, Unix time.
    #[must_use]
    pub fn new(since_ms: u64) -> Self {
        Self { counts: Counts::zeros(), missions: BTreeMap::new(), since_ms }
    }

    /// Takes the next record of a mission.
    pub fn take(&mut self, record: &Record) {
        let new = || One {
            fold: Fold::new(record.mission.clone()),
            times: Times::default(),
            before: None,
            shared: 0,
        };
        let known = self.missions.entry(record.mission.clone()).or_insert_with(|| Some(new()));
        // Behind its end there is nothing but what came too late.
        let Some(one) = known else { return self.counts.take(record, &Times::default()) };
        if let Event::MissionSubmitted { fork: Some(fork), .. } = &record.event {
            one.shared = fork.at_seq;
        }
        // From the first one on that counts all do: a clock may be set back.
        if record.seq > one.shared && (one.before.is_some() || record.at_ms >= self.since_ms) {
            if one.before.is_none() {
                one.before = Some(one.fold.spent().clone());
                // What a fork shares was another mission's time; one that is gone on with has taken all of its own.
                if one.shared > 0 {
                    one.times.shared(one.fold.view().map_or(0, |view| view.wall_ms));
                }
            }
            self.counts.take(record, &one.times);
        }
        one.fold.take(record);
        one.times.hear(record);
        if matches!(record.event, Event::MissionCompleted { .. }) {
            one.spent().into_iter().for_each(|spent| self.counts.spent += &spent);
            *known = None;
        }
    }

    /// What it comes to so far: what grows, and whose it is.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let mut counts = self.counts.clone();
        self.missions.values().flatten().filter_map(One::spent).for_each(|spent| counts.spent += &spent);
        let of = |family: &Family| match family.kind {
            Kind::Gauge => build(),
            Kind::Counter | Kind::Histogram => counted(family.name, &counts),
        };
        let is_own = |family: &&Family| family.kind != Kind::Gauge || family.name == "coditect_build_info";
        let own = FAMILIES.iter().filter(is_own);
        let own = own.map(|family| Figure { family: *family, points: of(family) });
        own.chain(models::figures(&counts.models)).collect()
    }
}

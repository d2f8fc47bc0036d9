//! Telemetry fully on: traces, metrics and logs of all missions of a round, to a collector, by the very ways of `coditect run`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use coditect_ports::{Bus, Journal, Notice};
use coditect_runtime::history::history_from;
use coditect_types::{ErrorKind, Event, MissionId, Record};

use super::DOING;
use super::collector::Collector;
use crate::report::Report;
use crate::telemetry::{Tallies, Telemetry, Whose, logs, wanted_by};
use crate::wiring;

/// Who observes a round.
pub(super) struct Observer {
    telemetry: Mutex<Option<Telemetry>>,
    tallies: Arc<Tallies>,
    watching: Mutex<Option<JoinHandle<Telemetry>>>,
}

impl Observer {
    pub(super) fn start(collector: &Collector) -> Result<Self, Report> {
        let url = collector.url();
        let get = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| url.clone());
        logs::send_to(&get);
        let telemetry = Telemetry::start(&mut wanted_by(&get, Whose::Process))
            .ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "telemetry does not begin"))?;
        let tallies = telemetry.tallies();
        Ok(Self { telemetry: Mutex::new(Some(telemetry)), tallies, watching: Mutex::default() })
    }

    /// A bus on which it listens. What it misses there it reads in the journal, as `run` does.
    pub(super) fn bus(&self, journal: Arc<dyn Journal>) -> Arc<dyn Bus> {
        let bus = wiring::LocalBus::new();
        let mut notices = bus.subscribe();
        let telemetry = self.telemetry.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut telemetry) = telemetry {
            let watch = move || {
                let mut next = HashMap::<MissionId, u64>::new();
                while let Some(notice) = notices.next_blocking() {
                    let Notice::Recorded(record) = &*notice else { continue };
                    see(record, journal.as_ref(), &mut next, &mut telemetry);
                }
                // What was missed at the end of a mission leaves no gap to be seen.
                for info in journal.streams().unwrap_or_default() {
                    let next = next.get(&info.stream).copied().unwrap_or(1);
                    let missed = history_from(journal.as_ref(), &info.stream, next).unwrap_or_default();
                    missed.iter().for_each(|record| tell(record, &mut telemetry));
                }
                telemetry
            };
            let watching = std::thread::Builder::new().name("observer".to_owned()).spawn(watch);
            *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = watching.ok();
        }
        Arc::new(bus)
    }

    /// Waits until all was seen and sent.
    pub(super) fn see_out(&self) {
        let watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Ok(telemetry)) = watching.map(JoinHandle::join) {
            telemetry.finish_within(Duration::from_secs(60));
        }
    }

    /// Sent and dropped, by kind.
    pub(super) fn tallies(&self) -> [(u64, u64); 3] {
        self.tallies.counts()
    }
}

fn see(
    record: &Record,
    journal: &dyn Journal,
    next: &mut HashMap<MissionId, u64>,
    telemetry: &mut Telemetry,
) {
    let next = next.entry(record.mission.clone()).or_insert(1);
    if record.seq > *next {
        for missed in history_from(journal, &record.mission, *next).unwrap_or_default() {
            *next = missed.seq + 1;
            tell(&missed, telemetry);
        }
    }
    if record.seq == *next {
        *next += 1;
        tell(record, telemetry);
    }
}

fn tell(record: &Record, telemetry: &mut Telemetry) {
    telemetry.take(record);
    // Missions that do nothing warn of nothing: a line for each stands for what others say.
    if matches!(record.event, Event::MissionCompleted { .. }) {
        tracing::warn!(mission = %record.mission, "a mission of a bench has ended");
    }
}

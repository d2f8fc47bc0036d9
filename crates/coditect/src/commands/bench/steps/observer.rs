//! Telemetry fully on: traces, metrics and logs of all missions of a round, to a collector, by the very ways of `coditect run`.

use std::sync::Arc;
use std::time::Duration;

use coditect_ports::{Bus, Notice, UnderWay};
use coditect_types::{ErrorKind, Event, Record};

use super::DOING;
use super::collector::Collector;
use crate::report::Report;
use crate::telemetry::{Observed, Telemetry, Whose, logs, wanted_by};
use crate::wiring;

/// All is to be sent by then.
const SENT_WITHIN: Duration = Duration::from_secs(60);

/// Who observes a round.
#[derive(Debug)]
pub(super) struct Observer {
    telemetry: Arc<Telemetry>,
}

impl Observer {
    pub(super) fn start(collector: &Collector) -> Result<Self, Report> {
        let url = collector.url();
        let get = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| url.clone());
        logs::send_to(&get);
        let telemetry = Telemetry::start(&mut wanted_by(&get, Whose::Process))
            .ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "telemetry does not begin"))?;
        Ok(Self { telemetry: Arc::new(telemetry) })
    }

    /// A bus that tells it.
    pub(super) fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(Observed::new(Arc::clone(&self.telemetry), Arc::new(Warns(wiring::silent_bus()))))
    }

    /// Waits until all spans and figures were sent. Lines of the log go on as they come: the last of a round may be sent in the next one.
    pub(super) fn see_out(&self) {
        self.telemetry.finish_within(SENT_WITHIN);
    }

    /// Sent and dropped, by kind.
    pub(super) fn tallies(&self) -> [(u64, u64); 3] {
        self.telemetry.tallies().counts()
    }
}

/// Missions that do nothing warn of nothing: a line for each stands for what others say.
#[derive(Debug)]
struct Warns(Arc<dyn Bus>);

impl Bus for Warns {
    fn announce(&self, notice: Notice) {
        self.0.announce(notice);
    }

    fn announce_step(&self, records: &mut dyn Iterator<Item = Record>, before: &dyn UnderWay) {
        let mut warned = records.inspect(|record| {
            if matches!(record.event, Event::MissionCompleted { .. }) {
                tracing::warn!(mission = %record.mission, "a mission of a bench has ended");
            }
        });
        self.0.announce_step(&mut warned, before);
    }
}

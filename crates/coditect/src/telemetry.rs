//! What is sent to collectors, where the standard `OTEL_*` variables say so: spans and figures of a mission that this process runs, of
//! a worker, of the dashboard. Lines of the log go by [`logs`].
//!
//! These variables are often set for other programs, so they stop nothing: what is wrong with them is said once.

pub(crate) mod logs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::PortError;
use coditect_runtime::trace::Tracer;
use coditect_server::Own;
use coditect_types::{Event, Figure, MissionId, Record};

use crate::environment::Environment;
use crate::traces::piece;
use crate::wiring::{
    self, Exporter, Meter, OtlpSpan, ReadFigures, Sampler, Signal, Tally, Target, sent_figures,
};

/// What waits for a collector at the end gets this much time.
const SENT_WITHIN: Duration = Duration::from_secs(2);

/// Whose it is what is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// A process of its own.
    Process,
    /// A worker of this name.
    Worker(&'a str),
}

/// Where things are to be sent.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    traces: Option<Target>,
    metrics: Option<Target>,
    /// What is wrong with the variables, a line each.
    pub(crate) notes: Vec<String>,
}

/// What the environment says.
pub(crate) fn wanted(env: &Environment, whose: Whose<'_>) -> Wanted {
    wanted_by(&|name: &str| variable(env, name), whose)
}

fn variable(env: &Environment, name: &str) -> Option<String> {
    env.get(name).and_then(|value| value.to_str()).map(str::to_owned)
}

/// What variables say; `get` reads one.
pub(crate) fn wanted_by(get: &dyn Fn(&str) -> Option<String>, whose: Whose<'_>) -> Wanted {
    let mut wanted = Wanted::default();
    let mut wrong: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for signal in Signal::ALL {
        match (target(get, signal, whose), signal) {
            (Ok(target), Signal::Traces) => wanted.traces = target,
            (Ok(target), Signal::Metrics) => wanted.metrics = target,
            // These are sent by whoever listens to the log.
            (Ok(_), Signal::Logs) => {}
            (Err(error), _) => {
                let hint = error.hint.map_or(String::new(), |hint| format!("; {hint}"));
                wrong.entry(format!("{}{hint}", error.cause)).or_default().push(signal.name());
            }
        }
    }
    let note = |(cause, signals): (String, Vec<&str>)| format!("no {} are sent: {cause}", signals.join(", "));
    wanted.notes = wrong.into_iter().map(note).collect();
    wanted
}

/// Where one kind is to be sent, and as whose. None: it is not.
fn target(
    get: &dyn Fn(&str) -> Option<String>,
    signal: Signal,
    whose: Whose<'_>,
) -> Result<Option<Target>, PortError> {
    static INSTANCE: OnceLock<String> = OnceLock::new();
    let target = Target::from_variables(signal, get)?;
    Ok(target.map(|target| match whose {
        Whose::Process => {
            target.with_resource("service.instance.id", INSTANCE.get_or_init(wiring::new_instance))
        }
        Whose::Worker(name) => {
            target.with_resource("service.instance.id", name).with_resource("coditect.worker", name)
        }
    }))
}

/// What became of what was sent, for whoever counts.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<Vec<(Signal, Arc<Tally>)>>);

impl Tallies {
    fn add(&self, signal: Signal, tally: Arc<Tally>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((signal, tally));
    }

    fn all(&self) -> Vec<(Signal, Arc<Tally>)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.extend(logs::tally().map(|tally| (Signal::Logs, tally)));
        all
    }

    /// As figures.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        sent_figures(&self.all()).into()
    }

    /// Sent and dropped, by kind in the order of [`Signal::ALL`].
    pub(crate) fn counts(&self) -> [(u64, u64); 3] {
        let all = self.all();
        Signal::ALL.map(|signal| {
            let of = all.iter().filter(|(of, _)| *of == signal);
            of.fold((0, 0), |(sent, dropped), (_, tally)| (sent + tally.sent(), dropped + tally.dropped()))
        })
    }
}

/// What a process sends.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    spans: Option<(Arc<Exporter<OtlpSpan>>, String)>,
    sampler: Sampler,
    meter: Option<(Meter, String)>,
    tallies: Arc<Tallies>,
}

impl Sending {
    /// Begins to send spans, where that is wanted.
    pub(crate) fn start(wanted: &mut Wanted) -> Self {
        let mut sending = Self::default();
        if let Some(target) = wanted.traces.take() {
            let shown = target.shown();
            sending.sampler = target.sampler();
            match Exporter::start(target) {
                Ok(exporter) => {
                    sending.tallies.add(Signal::Traces, exporter.tally());
                    sending.spans = Some((Arc::new(exporter), shown));
                }
                Err(error) => wanted.notes.push(format!("no traces are sent: {}", error.cause)),
            }
        }
        sending
    }

    /// Sends what `read` gives every so often, where that is wanted. `since_ms`: from when on the sums count.
    pub(crate) fn measure(&mut self, wanted: &mut Wanted, since_ms: Option<u64>, mut read: ReadFigures) {
        let Some(target) = wanted.metrics.take() else { return };
        let (shown, tallies) = (target.shown(), Arc::clone(&self.tallies));
        let with_tallies = move || {
            let mut figures = read()?;
            figures.extend(tallies.figures());
            Some(figures)
        };
        match Meter::start(target, (since_ms, wiring::now_ms), Box::new(with_tallies)) {
            Ok(meter) => {
                self.tallies.add(Signal::Metrics, meter.tally());
                self.meter = Some((meter, shown));
            }
            Err(error) => wanted.notes.push(format!("no metrics are sent: {}", error.cause)),
        }
    }

    /// What takes spans, where somebody does.
    pub(crate) fn spans(&self) -> Option<Arc<Exporter<OtlpSpan>>> {
        self.spans.as_ref().map(|(exporter, _)| Arc::clone(exporter))
    }

    /// Which traces are told.
    pub(crate) fn sampler(&self) -> Sampler {
        self.sampler
    }

    /// What becomes of it.
    pub(crate) fn tallies(&self) -> Arc<Tallies> {
        Arc::clone(&self.tallies)
    }

    /// Sends what waits, and says how much was not sent, a line a kind. It takes some seconds at most.
    pub(crate) fn finish(&self) -> Vec<String> {
        self.finish_within(SENT_WITHIN)
    }

    fn finish_within(&self, within: Duration) -> Vec<String> {
        let until = Instant::now() + within;
        // Both at the same time: a collector that hangs is waited for once.
        if let Some((spans, _)) = &self.spans {
            spans.close();
        }
        if let Some((meter, _)) = &self.meter {
            meter.close();
        }
        let left = || until.saturating_duration_since(Instant::now());
        let spans = self.spans.as_ref().map(|(spans, at)| (Signal::Traces, spans.finish(left()), at));
        let meter = self.meter.as_ref().map(|(meter, at)| (Signal::Metrics, meter.finish(left()), at));
        let lost = |(signal, (sent, dropped), at): (Signal, (u64, u64), &String)| {
            let (all, things) = (sent + dropped, signal.things());
            (dropped > 0).then(|| format!("the collector at {at} did not take {dropped} of {all} {things}"))
        };
        spans.into_iter().chain(meter).filter_map(lost).collect()
    }
}

/// Sends what missions that this process runs are and come to.
#[derive(Debug)]
pub(crate) struct Telemetry {
    sending: Sending,
    /// Of missions that have not ended. None: its trace is not told.
    tracers: BTreeMap<MissionId, Option<Traced>>,
    /// Where figures are sent.
    own: Option<Arc<Mutex<Own>>>,
}

/// The trace of a mission.
#[derive(Debug, Default)]
struct Traced {
    tracer: Tracer,
    /// Spans that ended by this record belong to the mission that this one was forked from.
    shared: u64,
}

impl Telemetry {
    /// As the variables want it; None: they want nothing, or nothing that can be. With what is wrong with them.
    pub(crate) fn open(env: &Environment) -> (Option<Self>, Vec<String>) {
        let mut wanted = wanted(env, Whose::Process);
        let telemetry = Self::start(&mut wanted);
        (telemetry, wanted.notes)
    }

    /// As it is wanted.
    pub(crate) fn start(wanted: &mut Wanted) -> Option<Self> {
        let since_ms = wiring::now_ms();
        let mut sending = Sending::start(wanted);
        let own = wanted.metrics.is_some().then(|| Arc::new(Mutex::new(Own::new(since_ms))));
        if let Some(own) = &own {
            let own = Arc::clone(own);
            let read = move || Some(known(&own).figures());
            sending.measure(wanted, Some(since_ms), Box::new(read));
        }
        let is_on = sending.spans.is_some() || sending.meter.is_some();
        is_on.then_some(Self { sending, tracers: BTreeMap::new(), own })
    }

    /// Takes the next record of a mission. All of its spans are sent, also those of a process before this one: nobody knows which of
    /// them came through, and one that comes twice is the same span. Figures are those of this process.
    pub(crate) fn take(&mut self, record: &Record) {
        if let Some((exporter, _)) = &self.sending.spans {
            let begin = || self.sending.sampler.keeps_mission(&record.mission).then(Traced::default);
            // Most records are of missions that are known.
            if !self.tracers.contains_key(&record.mission) {
                self.tracers.insert(record.mission.clone(), begin());
            }
            if let Some(Some(traced)) = self.tracers.get_mut(&record.mission) {
                if let Event::MissionSubmitted { fork: Some(fork), .. } = &record.event {
                    traced.shared = fork.at_seq;
                }
                for span in traced.tracer.take(record) {
                    if record.seq > traced.shared {
                        exporter.offer(OtlpSpan::of_mission(&record.mission, piece(span)));
                    }
                }
            }
            if matches!(record.event, Event::MissionCompleted { .. }) {
                self.tracers.remove(&record.mission);
            }
        }
        if let Some(own) = &self.own {
            known(own).take(record);
        }
    }

    /// Sends what waits, and says how much was not sent, a line a kind. It takes some seconds at most.
    pub(crate) fn finish(self) -> Vec<String> {
        self.sending.finish()
    }

    /// The same for who has more time.
    pub(crate) fn finish_within(self, within: Duration) -> Vec<String> {
        self.sending.finish_within(within)
    }

    /// What becomes of what is sent.
    pub(crate) fn tallies(&self) -> Arc<Tallies> {
        self.sending.tallies()
    }
}

fn known(own: &Mutex<Own>) -> MutexGuard<'_, Own> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_variables_is_said_once() {
        let of = |more: &[(&str, &str)]| {
            let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")];
            all.extend(more);
            wanted(&Environment::of(&all), Whose::Process)
        };
        let right = of(&[]);
        assert!(right.notes.is_empty() && right.traces.is_some() && right.metrics.is_some());
        let wrong = of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
        assert_eq!(wrong.notes.len(), 1, "{:?}", wrong.notes);
        assert!(wrong.notes[0].starts_with("no traces, metrics, logs are sent: "), "{:?}", wrong.notes);
        let partly = of(&[("OTEL_METRICS_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc")]);
        assert!(partly.traces.is_some() && partly.metrics.is_none());
        assert!(partly.notes[0].starts_with("no logs are sent: "), "{:?}", partly.notes);
        let off = of(&[("OTEL_SDK_DISABLED", "true")]);
        assert!(off.traces.is_none() && off.metrics.is_none() && off.notes.is_empty());
    }

    #[test]
    fn nothing_is_begun_where_nothing_is_wanted() {
        let (telemetry, notes) = Telemetry::open(&Environment::of(&[]));
        assert!(telemetry.is_none() && notes.is_empty());
    }
}

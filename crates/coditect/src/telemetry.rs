//! What is sent to collectors, where the standard `OTEL_*` variables say so: spans and figures of a mission that this process runs, of
//! a worker, of the dashboard. Lines of the log go by [`logs`].
//!
//! These variables are often set for other programs, so they stop nothing: what is wrong with them is said once.

pub(crate) mod logs;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::{Bus, Notice, PortError, UnderWay};
use coditect_runtime::trace::{Closing, Of, Span, Tracer};
use coditect_runtime::under_way::Table;
use coditect_server::{Own, OwnMission};
use coditect_types::{Event, Figure, Ledger, MissionId, Record};

use crate::environment::Environment;
use crate::wiring::{
    self, Exporter, Meter, MissionTrace, OtlpSpan, ReadFigures, Sampler, Shards, Signal, Tally, Target,
    sent_figures,
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
    // One that is of all kinds is wrong for each of them.
    let mut unset = BTreeSet::new();
    for signal in Signal::ALL {
        let target = target(get, signal, whose);
        unset.extend(target.iter().flatten().flat_map(|target| target.notes().iter().cloned()));
        match (target, signal) {
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
    wanted.notes = wrong.into_iter().map(note).chain(unset).chain(wiring::unheeded_notes(get)).collect();
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

    /// Whether the spans of a mission are sent.
    fn tells(&self, mission: &MissionId) -> bool {
        self.spans.is_some() && self.sampler.keeps_mission(mission)
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

/// Sends what missions that this process runs are and come to. Their actors tell it themselves, by [`Observed`]: what is there at that
/// moment is neither copied nor carried to another thread.
#[derive(Debug)]
pub(crate) struct Telemetry {
    sending: Sending,
    known: Arc<Known>,
}

/// What was told.
#[derive(Debug)]
struct Known {
    /// Who holds these may lock one of them, and nobody the other way round.
    missions: Mutex<Missions>,
    /// Where figures are sent.
    counts: Option<Shards<Own>>,
}

#[derive(Debug, Default)]
struct Missions {
    /// Those that somebody here is at.
    open: HashMap<MissionId, Arc<Mutex<Told>>>,
    /// What others spent here.
    spent: Ledger,
}

impl Missions {
    /// Takes what a mission spent here. What is told of it after that all the same is counted, but for what it cost.
    fn take(&mut self, told: &Mutex<Told>) {
        let own = std::mem::take(&mut locked(told).own);
        self.spent += &own.spent();
    }
}

/// What was told of a mission. Between two of its steps there are those of all others: it is kept together, and small.
#[derive(Debug)]
struct Told {
    own: OwnMission,
    trace: MissionTrace,
    /// The last record that belongs to the mission which this one was forked from.
    shared: u64,
    /// None: it has ended, or spans are not sent.
    tracer: Option<Tracer>,
}

impl Told {
    fn new(mission: &MissionId, is_traced: bool) -> Self {
        let (own, trace) = (OwnMission::default(), MissionTrace::new(mission));
        Self { own, trace, shared: 0, tracer: is_traced.then(Tracer::default) }
    }

    fn share(&mut self, record: &Record) {
        if let Event::MissionSubmitted { fork: Some(fork), .. } = &record.event {
            self.shared = fork.at_seq;
        }
    }
}

impl Known {
    /// What this process counted of all missions.
    fn figures(&self) -> Vec<Figure> {
        let mut sum = Own::default();
        self.counts.iter().flat_map(Shards::all).for_each(|own| sum.add(&own));
        let missions = locked(&self.missions);
        sum.add_spent(&missions.spent);
        missions.open.values().for_each(|told| sum.add_spent(&locked(told).own.spent()));
        drop(missions);
        sum.figures()
    }

    /// Nobody is at a mission any more, or somebody is anew.
    fn over(&self, mission: &MissionId, told: &Arc<Mutex<Told>>) {
        let mut missions = locked(&self.missions);
        if missions.open.get(mission).is_some_and(|open| Arc::ptr_eq(open, told)) {
            missions.open.remove(mission);
        }
        missions.take(told);
    }
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
        let counts = wanted.metrics.is_some().then(|| Shards::new(Own::default));
        let known = Arc::new(Known { missions: Mutex::default(), counts });
        if known.counts.is_some() {
            let known = Arc::clone(&known);
            sending.measure(wanted, Some(since_ms), Box::new(move || Some(known.figures())));
        }
        let is_on = sending.spans.is_some() || sending.meter.is_some();
        is_on.then_some(Self { sending, known })
    }

    /// Begins to tell of a mission that has these records. All of its spans are sent, also those of a process before this one: nobody
    /// knows which of them came through, and one that comes twice is the same span. Figures are those of this process.
    fn begin(&self, mission: &MissionId, before: &[Record]) -> Arc<Mutex<Told>> {
        let mut told = Told::new(mission, self.sending.tells(mission));
        let mut known = Table::default();
        for record in before {
            told.own.recall(record, &known);
            told.share(record);
            known.hear(record);
        }
        if let Some(mut tracer) = told.tracer.take() {
            let is_over =
                before.last().is_some_and(|last| matches!(last.event, Event::MissionCompleted { .. }));
            tracer.read(&mut Table::default(), before, |last, over| {
                self.send(&told, (mission, last.seq), &over);
            });
            told.tracer = (!is_over).then_some(tracer);
        }
        let told = Arc::new(Mutex::new(told));
        let mut missions = locked(&self.known.missions);
        if let Some(earlier) = missions.open.insert(mission.clone(), Arc::clone(&told)) {
            missions.take(&earlier);
        }
        drop(missions);
        told
    }

    /// Takes the next record of a step of a mission, which this process decided.
    fn tell(&self, told: &mut Told, closing: &mut Closing, record: &Record, known: &dyn UnderWay) {
        if let Some(counts) = &self.known.counts {
            counts.own().take(&mut told.own, record, known);
        }
        told.share(record);
        if let Some(tracer) = &mut told.tracer {
            tracer.take(closing, record, known);
        }
    }

    /// Sends what ended in a step, by its last record, unless it is another mission's.
    fn send(&self, told: &Told, (mission, last_seq): (&MissionId, u64), over: &[Span]) {
        if let Some((exporter, _)) = self.sending.spans.as_ref().filter(|_| last_seq > told.shared) {
            over.iter().for_each(|span| exporter.offer_of(mission, &told.trace, span));
        }
    }

    /// Sends what waits, and says how much was not sent, a line a kind. It takes some seconds at most.
    pub(crate) fn finish(&self) -> Vec<String> {
        self.sending.finish()
    }

    /// The same for who has more time.
    pub(crate) fn finish_within(&self, within: Duration) -> Vec<String> {
        self.sending.finish_within(within)
    }

    /// What becomes of what is sent.
    pub(crate) fn tallies(&self) -> Arc<Tallies> {
        self.sending.tallies()
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bus that tells [`Telemetry`] of each record of a mission as it is announced, before it goes on to whoever else listens.
#[derive(Debug)]
pub(crate) struct Observed {
    telemetry: Arc<Telemetry>,
    onward: Arc<dyn Bus>,
    /// The mission that is announced here. None: no records are, but by buses that are made for one.
    one: Option<(MissionId, Arc<Mutex<Told>>)>,
}

impl Observed {
    /// On the way to `onward`.
    pub(crate) fn new(telemetry: Arc<Telemetry>, onward: Arc<dyn Bus>) -> Self {
        Self { telemetry, onward, one: None }
    }
}

impl Bus for Observed {
    fn announce(&self, notice: Notice) {
        self.onward.announce(notice);
    }

    fn announce_step(&self, records: &mut dyn Iterator<Item = Record>, before: &dyn UnderWay) {
        let Some((mission, told)) = &self.one else { return self.onward.announce_step(records, before) };
        // For all of the step at once: whoever listens farther on returns at once.
        let mut told = locked(told);
        let (mut closing, mut last_seq) = (Closing::default(), 0);
        let mut heard = records.inspect(|record| {
            last_seq = record.seq;
            self.telemetry.tell(&mut told, &mut closing, record, before);
        });
        self.onward.announce_step(&mut heard, before);
        // Nothing more is said of what ended in it.
        let over = closing.spans();
        if over.last().is_some_and(|span| span.of == Of::Mission) {
            told.tracer = None;
        }
        self.telemetry.send(&told, (mission, last_seq), &over);
    }

    fn of_mission(&self, mission: &MissionId, before: &[Record]) -> Option<Arc<dyn Bus>> {
        let told = self.telemetry.begin(mission, before);
        let onward = self.onward.of_mission(mission, before).unwrap_or_else(|| Arc::clone(&self.onward));
        let one = Some((mission.clone(), told));
        Some(Arc::new(Self { telemetry: Arc::clone(&self.telemetry), onward, one }))
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some((mission, told)) = &self.one {
            self.telemetry.known.over(mission, told);
        }
    }
}

#[cfg(test)]
mod tests {
    use coditect_runtime::Cell;
    use coditect_types::{Amount, Command, Input, Workers};

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
        let unset = of(&[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_PROPAGATORS", "b3"),
        ]);
        assert!(unset.traces.is_some() && unset.metrics.is_some(), "what is not known switches nothing off");
        assert_eq!(unset.notes.len(), 3, "each is said once: {:?}", unset.notes);
        let off = of(&[("OTEL_SDK_DISABLED", "true")]);
        assert!(off.traces.is_none() && off.metrics.is_none() && off.notes.is_empty());
    }

    #[test]
    fn what_this_process_decided_counts_here_and_nothing_else_does() {
        let nobody = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        let (telemetry, notes) = Telemetry::open(&Environment::of(&[nobody]));
        assert!(notes.is_empty(), "{notes:?}");
        let telemetry = Arc::new(telemetry.unwrap());
        let mission = MissionId::parse("m-abc").unwrap();
        let mut cell = Cell::new(mission.clone());
        let mut records = |input: &Input| -> Vec<Record> {
            let step = cell.step(wiring::now_ms(), input).unwrap();
            cell.kept(step).0.collect()
        };
        let begun = records(&Input::Command(Command::SubmitNoOps { mission: mission.clone(), steps: 2 }));
        let resumed = records(&Input::Resume(Workers::Own));
        let bus = Observed::new(Arc::clone(&telemetry), wiring::silent_bus());
        let counted = || {
            let all = telemetry.known.figures();
            let of = all.iter().find(|figure| figure.family.name == "coditect_records_total").unwrap();
            of.points[0].amount.clone()
        };
        // Who is at no mission announces none.
        bus.announce_step(&mut begun.iter().cloned(), &Table::default());
        assert_eq!(counted(), Amount::Count(0));
        // Another process had begun it.
        let own = bus.of_mission(&mission, &begun).unwrap();
        assert_eq!(counted(), Amount::Count(0));
        let mut known = Table::default();
        begun.iter().for_each(|record| known.hear(record));
        own.announce_step(&mut resumed.iter().cloned(), &known);
        assert_eq!(counted(), Amount::Count(resumed.len() as u64));
        // Nobody is at it for a while, then somebody is again.
        drop(own);
        assert!(locked(&telemetry.known.missions).open.is_empty());
        let all: Vec<Record> = begun.into_iter().chain(resumed.clone()).collect();
        let again = bus.of_mission(&mission, &all).unwrap();
        assert_eq!(counted(), Amount::Count(resumed.len() as u64));
        drop(again);
    }

    #[test]
    fn nothing_is_begun_where_nothing_is_wanted() {
        let (telemetry, notes) = Telemetry::open(&Environment::of(&[]));
        assert!(telemetry.is_none() && notes.is_empty());
    }
}

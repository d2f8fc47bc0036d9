//! Lines of the log: on standard error for people, or as JSON for programs (`CODITECT_LOG_FORMAT=json`), and warnings and worse to a
//! collector, where the standard `OTEL_*` variables say so.
//!
//! A line that is said about a mission has the ids of its trace and span. What goes to a collector has nothing of a project in it:
//! what stands between backticks, paths and secrets are left out ([`veiled`]).

use std::fmt;
use std::io::{self, Write as _};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coditect_memory::redact::redact;
use coditect_types::{AttemptId, MissionId};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime as Clock};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};

use super::{Whose, target, variable};
use crate::args::Global;
use crate::environment::Environment;
use crate::wiring::{Exporter, OTLP_THREAD, OtlpLine, Severity, Signal, SpanContext, Tally, Target};

/// What waits for a collector at the end gets this much time.
const SENT_WITHIN: Duration = Duration::from_secs(1);
/// Bytes of a text, and fields of a line, that a collector is sent.
const TEXT: usize = 1_024;
const FIELDS: usize = 24;

/// Where lines are sent, once there is one.
struct Collector {
    target: Target,
    worker: OnceLock<String>,
    exporter: OnceLock<Option<Exporter<OtlpLine>>>,
}

/// One for the process, as the log is.
static COLLECTOR: OnceLock<Collector> = OnceLock::new();

/// Where lines may go beside standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Further {
    /// Where the environment says.
    AsWanted,
    /// Where [`send_to`] says later, too.
    AlsoLater,
}

/// Begins to listen: what a person must act on, and more with `-v` or `$CODITECT_LOG`.
pub(crate) fn listen(global: &Global, env: &Environment, further: Further) {
    let level = match global.verbose {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let text = |name: &str| env.get(name).and_then(|value| value.to_str());
    let wanted = text("CODITECT_LOG").unwrap_or(level);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(level));
    let is_json = text("CODITECT_LOG_FORMAT").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    send_to(&|name: &str| variable(env, name));
    let is_sent = further == Further::AlsoLater || COLLECTOR.get().is_some();
    let plain = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        // Without this, a closed standard error would be a panic.
        .log_internal_errors(false);
    let lines = if is_json { JsonLines.boxed() } else { plain.boxed() };
    // Spans that say whose a line is, and nothing else: a layer that wanted all would have every line of the program made.
    let own = filter_fn(|of| of.is_span() && *of.level() == Level::ERROR);
    let subscriber = Registry::default()
        .with((is_json || is_sent).then(|| Owners.with_filter(own)))
        .with(lines.with_filter(filter))
        .with(is_sent.then(|| ToCollector.with_filter(LevelFilter::WARN)));
    // Fails only where a subscriber is set already, and then that one is used.
    tracing::subscriber::set_global_default(subscriber).ok();
}

/// Sends lines from now on, as the variables want it, if they do: `get` reads one.
pub(crate) fn send_to(get: &dyn Fn(&str) -> Option<String>) {
    // What is wrong with the variables is said by the commands that send something.
    if let Ok(Some(target)) = target(get, Signal::Logs, Whose::Process) {
        let (worker, exporter) = (OnceLock::new(), OnceLock::new());
        // Who has a collector already keeps it.
        COLLECTOR.set(Collector { target, worker, exporter }).ok();
    }
}

/// This process is a worker of that name.
pub(crate) fn of_worker(name: &str) {
    if let Some(collector) = COLLECTOR.get() {
        collector.worker.set(name.to_owned()).ok();
    }
}

/// What became of the lines that were sent. None: there were none.
pub(crate) fn tally() -> Option<Arc<Tally>> {
    COLLECTOR.get()?.exporter.get()?.as_ref().map(Exporter::tally)
}

/// Sends what waits. It takes some seconds at most, and no time where nothing was to be sent.
pub(crate) fn finish() {
    let exporter = COLLECTOR.get().and_then(|collector| collector.exporter.get()?.as_ref());
    if let Some(exporter) = exporter {
        exporter.finish(SENT_WITHIN);
    }
}

impl Collector {
    /// The thread is begun by the first line: most processes have none to send.
    fn offer(&self, line: OtlpLine) {
        let start = || {
            let target = self.target.clone();
            let target = match self.worker.get() {
                Some(worker) => target.with_resource("coditect.worker", worker),
                None => target,
            };
            Exporter::start(target).ok()
        };
        if let Some(exporter) = self.exporter.get_or_init(start) {
            exporter.offer(line);
        }
    }
}

/// What a line or a span says.
#[derive(Debug, Default)]
struct Said {
    message: String,
    fields: Map<String, Value>,
}

impl Said {
    fn put(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name().to_owned(), value);
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }

    /// Whose it is, where it says that.
    fn owner(&self) -> Option<Owner> {
        let mission = MissionId::parse(self.text("mission")?).ok()?;
        let attempt = self.text("attempt").and_then(|text| text.strip_prefix('a')?.parse().ok());
        Some(Owner { mission, attempt: attempt.map(AttemptId) })
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            _ => self.put(field, json!(value)),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }
}

/// Whose a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    mission: MissionId,
    attempt: Option<AttemptId>,
}

impl Owner {
    fn span(&self) -> SpanContext {
        match self.attempt {
            Some(attempt) => SpanContext::of_attempt(&self.mission, attempt),
            None => SpanContext::of_mission(&self.mission),
        }
    }
}

/// Keeps of a span whose it is.
struct Owners;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Owners {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut said = Said::default();
        attributes.record(&mut said);
        if let (Some(owner), Some(span)) = (said.owner(), context.span(id)) {
            span.extensions_mut().insert(owner);
        }
    }
}

/// What a line says, and whose it is: by itself, or by the innermost span around it that says so.
fn heard<S: Subscriber + for<'a> LookupSpan<'a>>(
    event: &Event<'_>,
    context: &Context<'_, S>,
) -> (Said, Option<Owner>) {
    let mut said = Said::default();
    event.record(&mut said);
    let around = || {
        let mut scope = context.event_scope(event)?;
        scope.find_map(|span| span.extensions().get::<Owner>().cloned())
    };
    let owner = said.owner().or_else(around);
    (said, owner)
}

/// Lines as JSON on standard error.
struct JsonLines;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (said, owner) = heard(event, &context);
        let mut at = String::new();
        // A clock that cannot be told leaves the line without a time.
        Clock.format_time(&mut Writer::new(&mut at)).ok();
        let line = json_line(&at, (event.metadata().level(), event.metadata().target()), said, owner);
        // Whoever closed standard error does not want it.
        io::stderr().write_all(format!("{line}\n").as_bytes()).ok();
    }
}

fn json_line(at: &str, (level, target): (&Level, &str), said: Said, owner: Option<Owner>) -> Value {
    let mut line = json!({
        "at": at, "level": level.as_str(), "target": target, "message": said.message, "fields": said.fields,
    });
    if let (Some(owner), Some(line)) = (owner, line.as_object_mut()) {
        let span = owner.span();
        line.insert("mission".to_owned(), json!(owner.mission));
        line.extend(owner.attempt.map(|attempt| ("attempt".to_owned(), json!(attempt.to_string()))));
        line.insert("trace_id".to_owned(), json!(span.trace_id()));
        line.insert("span_id".to_owned(), json!(span.span_id()));
    }
    line
}

/// Lines to a collector.
struct ToCollector;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ToCollector {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // What is said on the threads that send would have them send more, for as long as a collector is away.
        if std::thread::current().name() == Some(OTLP_THREAD) {
            return;
        }
        let Some(collector) = COLLECTOR.get() else { return };
        // What other crates say is in their words, of which nobody knows what they have in them.
        if !event.metadata().target().starts_with("coditect") {
            return;
        }
        let (said, owner) = heard(event, &context);
        let severity =
            if *event.metadata().level() == Level::ERROR { Severity::Error } else { Severity::Warn };
        collector.offer(line(severity, event.metadata().target(), said, owner));
    }
}

/// A line as a collector gets it.
fn line(severity: Severity, target: &str, said: Said, owner: Option<Owner>) -> OtlpLine {
    let mut args: Map<String, Value> = said
        .fields
        .into_iter()
        .take(FIELDS)
        .filter_map(|(name, value)| Some((name.clone(), harmless(&name, value)?)))
        .collect();
    args.insert("code.namespace".to_owned(), json!(target));
    if let Some(owner) = &owner {
        args.insert("coditect.mission.id".to_owned(), json!(owner.mission));
        args.extend(
            owner.attempt.map(|attempt| ("coditect.attempt.id".to_owned(), json!(attempt.to_string()))),
        );
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    let within = owner.map(|owner| owner.span());
    OtlpLine { at_us, severity, said: veiled(&said.message), args, within }
}

/// Fields whose texts are words of ours. In any other a name, a path or what a program said may stand, quoted or not.
const OF_OURS: [&str; 7] = ["attempt", "kind", "mission", "role", "signal", "tier", "worker"];

/// A field as a collector gets it; None: it is not sent.
fn harmless(name: &str, value: Value) -> Option<Value> {
    match value {
        Value::String(text) => OF_OURS.contains(&name).then(|| Value::String(veiled(&text))),
        Value::Bool(_) | Value::Number(_) => Some(value),
        // Fields are none of these.
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text without what may be a project's or a person's: what is quoted, paths and addresses, secrets, all but the first line; and not
/// too long. Names that are not ours stand between backticks in all that we say.
fn veiled(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let end = (0..=first.len().min(4 * TEXT)).rev().find(|end| first.is_char_boundary(*end)).unwrap_or(0);
    let text = redact(&first[..end]);
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some(at) = rest.find(['`', '"']) {
        let (before, from) = rest.split_at(at);
        without_paths(before, &mut out);
        out.push('…');
        let quote = &from[..1];
        // What is not closed hides all that is left.
        rest = from[1..].split_once(quote).map_or("", |(_, rest)| rest);
    }
    without_paths(rest, &mut out);
    if out.len() > TEXT {
        let end = (0..=TEXT).rev().find(|end| out.is_char_boundary(*end)).unwrap_or(0);
        out.truncate(end);
        out.push('…');
    }
    out
}

fn without_paths(text: &str, out: &mut String) {
    for (n, word) in text.split(' ').enumerate() {
        if n > 0 {
            out.push(' ');
        }
        out.push_str(if word.contains(['/', '\\']) { "…" } else { word });
    }
}

#[cfg(test)]
mod tests;

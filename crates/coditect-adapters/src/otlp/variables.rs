//! The standard variables, one at a time. One that cannot be what it is counts as if it were not set, as the standard wants it, and that
//! is said.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Signal;

/// The longest time that a variable may ask for, ms.
const LONGEST_MS: u64 = 24 * 3_600_000;

/// Reads the variables of one kind.
pub(super) struct Variables<'a> {
    signal: Signal,
    get: &'a dyn Fn(&str) -> Option<String>,
    notes: RefCell<BTreeSet<String>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(signal: Signal, get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { signal, get, notes: RefCell::default() }
    }

    pub(super) fn signal(&self) -> Signal {
        self.signal
    }

    /// What a variable says; None: nothing, or nothing but blanks.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The name of the variable of this kind alone.
    pub(super) fn own_name(&self, what: &str) -> String {
        format!("OTEL_EXPORTER_OTLP_{}_{what}", self.signal.name().to_uppercase())
    }

    /// What the variable of this kind says, else the one of all kinds, with the name of the one that said it.
    pub(super) fn either(&self, what: &str) -> Option<(String, String)> {
        let names = [self.own_name(what), format!("OTEL_EXPORTER_OTLP_{what}")];
        names.into_iter().find_map(|name| self.text(&name).map(|text| (name, text)))
    }

    /// Keeps what is wrong with a variable.
    pub(super) fn note(&self, what: String) {
        self.notes.borrow_mut().insert(what);
    }

    /// The number that a variable says, within bounds.
    pub(super) fn number(&self, name: &str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(name)?;
        self.bounded((name, &text), bounds)
    }

    /// A time that a variable says. For as long as it takes is too long: 0 is as if it were not set.
    pub(super) fn time(&self, name: &str, text: &str) -> Option<Duration> {
        let ms = self.bounded((name, text), 0..=LONGEST_MS)?;
        (ms > 0).then(|| Duration::from_millis(ms))
    }

    fn bounded(&self, (name, text): (&str, &str), bounds: RangeInclusive<u64>) -> Option<u64> {
        let Ok(number) = text.parse::<u64>() else {
            self.note(format!("{name} is no whole number, so it is as if it were not set"));
            return None;
        };
        let within = number.clamp(*bounds.start(), *bounds.end());
        if within != number {
            let (least, most) = (bounds.start(), bounds.end());
            self.note(format!("{name} can be {least} to {most}: it is taken for {within}"));
        }
        Some(within)
    }

    /// What was wrong, a line each.
    pub(super) fn notes(self) -> Vec<String> {
        self.notes.into_inner().into_iter().collect()
    }
}

/// A variable of the standard that nothing here goes by.
struct Unheeded {
    name: &'static str,
    /// What it may say all the same: what is done anyway.
    harmless: &'static [&'static str],
    why: &'static str,
}

const fn unheeded(name: &'static str, harmless: &'static [&'static str], why: &'static str) -> Unheeded {
    Unheeded { name, harmless, why }
}

const BOUNDS: &str = "what is sent has bounds of its own";
const BY_SCHEME: &str = "the scheme of the address says whether it is encrypted";
const NO_FILE: &str = "no file of configuration is read";
const ONLY_OTLP: &str = "only OTLP is sent";

/// Those of the standard's table of variables ("Environment Variable Specification") that nothing here goes by.
const UNHEEDED: [Unheeded; 26] = [
    unheeded("OTEL_ATTRIBUTE_COUNT_LIMIT", &[], BOUNDS),
    unheeded("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", &[], BOUNDS),
    unheeded("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", &[], BOUNDS),
    unheeded("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", &[], BOUNDS),
    unheeded("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", &[], BOUNDS),
    unheeded("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", &[], BOUNDS),
    unheeded("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", &[], BOUNDS),
    unheeded("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", &[], BOUNDS),
    unheeded("OTEL_SPAN_EVENT_COUNT_LIMIT", &[], BOUNDS),
    unheeded("OTEL_SPAN_LINK_COUNT_LIMIT", &[], BOUNDS),
    unheeded("OTEL_CONFIG_FILE", &[], NO_FILE),
    unheeded("OTEL_EXPERIMENTAL_CONFIG_FILE", &[], NO_FILE),
    unheeded("OTEL_ENTITIES", &[], "`OTEL_RESOURCE_ATTRIBUTES` says whose it is"),
    unheeded("OTEL_EXPORTER_OTLP_INSECURE", &[], BY_SCHEME),
    unheeded("OTEL_EXPORTER_OTLP_TRACES_INSECURE", &[], BY_SCHEME),
    unheeded("OTEL_EXPORTER_OTLP_METRICS_INSECURE", &[], BY_SCHEME),
    unheeded("OTEL_EXPORTER_OTLP_LOGS_INSECURE", &[], BY_SCHEME),
    unheeded(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        &["explicit_bucket_histogram"],
        "histograms have the buckets of `/metrics`",
    ),
    unheeded(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        &["cumulative"],
        "sums count from the beginning of the process (`cumulative`)",
    ),
    unheeded("OTEL_EXPORTER_PROMETHEUS_HOST", &[], ONLY_OTLP),
    unheeded("OTEL_EXPORTER_PROMETHEUS_PORT", &[], ONLY_OTLP),
    unheeded("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &[], ONLY_OTLP),
    unheeded("OTEL_EXPORTER_ZIPKIN_TIMEOUT", &[], ONLY_OTLP),
    unheeded("OTEL_LOG_LEVEL", &[], "`CODITECT_LOG` says what is logged"),
    unheeded("OTEL_METRICS_EXEMPLAR_FILTER", &["always_off"], "figures have no exemplars"),
    unheeded(
        "OTEL_PROPAGATORS",
        &["tracecontext", "tracecontext,baggage", "baggage,tracecontext"],
        "orders to workers carry W3C Trace Context",
    ),
];

/// The variables of the standard that are set and that nothing here goes by, a line each; `get` reads one. Where nothing is to be sent,
/// they are of no concern.
pub fn unheeded_notes(get: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let all = Variables::new(Signal::Traces, get);
    let endpoints = Signal::ALL.map(|signal| Variables::new(signal, get).own_name("ENDPOINT"));
    let has_endpoint = |name: &String| all.text(name).is_some();
    let is_off = all.text("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if is_off || !endpoints.iter().chain([&"OTEL_EXPORTER_OTLP_ENDPOINT".to_owned()]).any(has_endpoint) {
        return Vec::new();
    }
    let of_switches = Signal::ALL.into_iter().filter_map(|signal| {
        let name = format!("OTEL_{}_EXPORTER", signal.name().to_uppercase());
        let chosen = all.text(&name)?;
        let is_known = |one: &str| matches!(one.trim(), "otlp" | "none");
        (!chosen.split(',').all(is_known))
            .then(|| format!("{name} knows `otlp` and `none` here, and nothing else"))
    });
    let is_switch = |text: &String| ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let disabled = all.text("OTEL_SDK_DISABLED").filter(|text| !is_switch(text));
    let disabled =
        disabled.map(|_| "OTEL_SDK_DISABLED is neither `true` nor `false`: it counts as `false`".to_owned());
    let others = UNHEEDED.iter().filter_map(|one| {
        let said = all.text(one.name)?.to_lowercase().replace(' ', "");
        (!one.harmless.contains(&said.as_str())).then(|| format!("{} changes nothing: {}", one.name, one.why))
    });
    of_switches.chain(disabled).chain(others).collect()
}

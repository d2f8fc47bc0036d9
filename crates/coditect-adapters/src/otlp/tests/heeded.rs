//! Variables that say how much is sent at once and how, and what is said of those that nothing goes by.

use super::super::queue::Limits;
use super::*;

fn with(signal: Signal, more: &[(&str, &str)]) -> Target {
    of(signal, &[&[ENDPOINT][..], more].concat()).unwrap().unwrap()
}

#[test]
fn what_cannot_be_what_it_is_counts_as_not_set_and_is_said() {
    let usual = with(Signal::Traces, &[]);
    assert!(usual.notes().is_empty());
    for (signal, name, value) in [
        (Signal::Traces, "OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        (Signal::Traces, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1"),
        (Signal::Traces, "OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        (Signal::Traces, "OTEL_TRACES_SAMPLER", "jaeger_remote"),
        (Signal::Traces, "OTEL_BSP_SCHEDULE_DELAY", "1.5"),
        (Signal::Traces, "OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        (Signal::Traces, "OTEL_BSP_EXPORT_TIMEOUT", "1 s"),
        (Signal::Logs, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", ""),
        (Signal::Logs, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "0x10"),
        (Signal::Metrics, "OTEL_METRIC_EXPORT_INTERVAL", "often"),
        (Signal::Metrics, "OTEL_METRIC_EXPORT_TIMEOUT", "long"),
    ] {
        let target = with(signal, &[(name, value)]);
        let is_said = target.notes().len() == 1 && target.notes()[0].starts_with(name);
        assert_eq!(is_said, !value.is_empty(), "{name}={value}: {:?}", target.notes());
        assert_eq!(
            (target.timeout, target.within, target.limits, target.is_compressed, target.sampler()),
            (usual.timeout, usual.within, usual.limits, usual.is_compressed, usual.sampler()),
            "{name}={value}"
        );
    }
    // A variable of another kind is none of this one's concern.
    assert!(with(Signal::Logs, &[("OTEL_BSP_MAX_QUEUE_SIZE", "many")]).notes().is_empty());
}

#[test]
fn queues_are_as_large_as_is_said_within_bounds() {
    let said = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
        ("OTEL_BSP_SCHEDULE_DELAY", "250"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1500"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "9"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "700"),
    ];
    let traces = with(Signal::Traces, &said);
    let limits = Limits { waiting: 100, batch: 10, gathered_for: Duration::from_millis(250) };
    assert_eq!((traces.limits, traces.within), (limits, Some(Duration::from_millis(1_500))));
    let logs = with(Signal::Logs, &said);
    let limits = Limits { waiting: 9, batch: 9, ..Limits::default() };
    assert_eq!((logs.limits, logs.within), (limits, None), "no more goes at once than may wait");
    assert_eq!(with(Signal::Metrics, &said).within, Some(Duration::from_millis(700)));
    assert!(traces.notes().is_empty() && logs.notes().is_empty());
    // Nobody can have it take all of the memory, or nothing.
    for (name, value) in [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "18446744073709551615"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "60000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "99999999"),
    ] {
        let target = with(Signal::Traces, &[(name, value)]);
        let Limits { waiting, batch, gathered_for } = target.limits;
        assert!((1..=1 << 20).contains(&waiting) && (1..=waiting).contains(&batch), "{name}={value}");
        assert!(gathered_for <= Duration::from_secs(600), "{name}={value}");
        assert!(target.notes()[0].starts_with(name), "{name}={value}: {:?}", target.notes());
    }
}

#[test]
fn no_more_goes_with_one_request_than_is_said() {
    let (url, counts) = open_collector();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
    ];
    let exporter = Exporter::<Span>::start(target(&variables).unwrap().unwrap()).unwrap();
    (0..12).for_each(|n| exporter.offer(span(&format!("a{n}"))));
    assert_eq!(exporter.finish(Duration::from_secs(60)), (12, 0));
    until_it_has(&counts, 12);
    assert_eq!(counts[1].load(Ordering::SeqCst), 4);
}

#[test]
fn no_more_waits_than_is_said() {
    // It listens and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_MAX_QUEUE_SIZE", "4")];
    let exporter = Exporter::<Span>::start(target(&variables).unwrap().unwrap()).unwrap();
    (0..100).for_each(|n| exporter.offer(span(&format!("a{n}"))));
    // What waits, what is being written, and what is on its way.
    assert!(exporter.tally().dropped() >= 100 - 3 * 4, "{}", exporter.tally().dropped());
    exporter.finish(Duration::from_millis(10));
}

#[test]
fn a_batch_is_given_up_after_the_time_that_is_said_with_all_its_tries() {
    // It listens and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_EXPORT_TIMEOUT", "100"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
    ];
    let exporter = Exporter::<Span>::start(target(&variables).unwrap().unwrap()).unwrap();
    exporter.offer(span(ROOT));
    assert_eq!(exporter.finish(Duration::from_secs(60)), (0, 1));
    assert_eq!(exporter.tally().dropped(), 1, "it is over, and was not left behind");
}

#[test]
fn variables_that_nothing_goes_by_are_said_where_something_is_sent() {
    let notes = |all: &[(&str, &str)]| {
        let all: Vec<(String, String)> =
            all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        unheeded_notes(&move |name| all.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()))
    };
    let said = [
        ("OTEL_PROPAGATORS", "b3,tracecontext"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "64"),
        ("OTEL_TRACES_EXPORTER", "console,otlp"),
        ("OTEL_SDK_DISABLED", "yes"),
    ];
    let told = notes(&[&[ENDPOINT][..], &said].concat());
    assert_eq!(told.len(), said.len(), "{told:?}");
    for (name, _) in said {
        assert_eq!(told.iter().filter(|note| note.starts_with(name)).count(), 1, "{name}: {told:?}");
    }
    assert!(notes(&said).is_empty(), "nothing is to be sent");
    let off = ("OTEL_SDK_DISABLED", "true");
    assert!(notes(&[ENDPOINT, said[0], off]).is_empty(), "it is switched off");
    let as_it_is = [
        ENDPOINT,
        ("OTEL_PROPAGATORS", "tracecontext, baggage"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Cumulative"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_SERVICE_NAME", "mine"),
        ("OTEL_LOG_LEVEL", " "),
    ];
    assert!(notes(&as_it_is).is_empty(), "{:?}", notes(&as_it_is));
}

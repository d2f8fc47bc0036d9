//! Durable events, embedded or on a server, by the same measure.

use std::time::Duration;

use coditect_adapters::bench::events::{Load, UNBATCHED_PRODUCERS};
use serde_json::json;

use super::{Figure, Measured};
use crate::args::EventsArgs;
use crate::environment::{Place, Site};
use crate::report::{Doing, Report};
use crate::wiring;

pub(super) fn measure(site: &Site, args: &EventsArgs, quick: bool) -> Result<Measured, Report> {
    let nats = match &site.journal {
        Place::Files => None,
        Place::Server(nats) => Some(nats.clone()),
        Place::Unknown(report) => return Err(Report::clone(report)),
    };
    let load = Load {
        producers: args.producers.into(),
        batch: args.batch.into(),
        time: if quick { Duration::from_millis(500) } else { Duration::from_secs(5) },
    };
    let (_dir, site) = wiring::bench_site(site)?;
    let embedded = wiring::measure_events(&site, None, load).doing("measuring the embedded journal")?;
    let mut measured = Measured::default();
    let (main, beside) = match &nats {
        None => (embedded, None),
        Some(nats) => {
            let on_server = wiring::measure_events(&site, Some(nats), load);
            (on_server.doing("measuring the journal on NATS")?, Some(embedded))
        }
    };
    measured.params.insert("journal", json!(if nats.is_some() { "jetstream" } else { "embedded" }));
    measured.params.insert("sync", json!(main.syncs));
    if let Some(version) = &main.server {
        measured.params.insert("server_version", json!(version));
    }
    measured.params.insert("batch", json!(load.batch));
    measured.params.insert("producers", json!(load.producers));
    measured.params.insert("unbatched_producers", json!(UNBATCHED_PRODUCERS));
    measured.params.insert("event_bytes", json!(coditect_adapters::bench::EVENT_BYTES));
    measured.params.insert("events", json!(main.found.events));
    let one = |value| Figure::One { unit: "1/s", value };
    let spread = |found: coditect_adapters::bench::Spread| Figure::Spread {
        unit: "ms",
        p50: found.p50,
        p95: found.p95,
        p99: found.p99,
        n: found.n,
    };
    measured.results.insert("durable_events_per_s", one(main.found.durable_events_per_s));
    measured.results.insert("latency_ms", spread(main.found.latency_ms));
    measured.results.insert("offered_per_s", one(main.found.offered_per_s));
    measured.results.insert("unbatched_per_s", one(main.found.unbatched_per_s));
    if let Some(beside) = beside {
        measured.compared.insert("embedded_per_s", one(beside.found.durable_events_per_s));
        measured.compared.insert("embedded_latency_ms", spread(beside.found.latency_ms));
        measured.compared.insert("embedded_unbatched_per_s", one(beside.found.unbatched_per_s));
    }
    Ok(measured)
}

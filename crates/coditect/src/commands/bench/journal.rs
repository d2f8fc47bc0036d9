//! The embedded journal, on the disk where missions are kept.

use serde_json::json;

use super::{Figure, Measured};
use crate::environment::Site;
use crate::report::{Doing, Report};
use crate::wiring;

pub(super) fn measure(site: &Site, quick: bool) -> Result<Measured, Report> {
    let (_dir, site) = wiring::bench_site(site)?;
    let found = wiring::measure_journal(&site, quick).doing("measuring the journal")?;
    let mut measured = Measured::default();
    measured.params.insert("events", json!(found.events));
    measured.params.insert("producers", json!(found.producers));
    measured.params.insert("batch", json!(found.batch));
    measured.params.insert("event_bytes", json!(found.event_bytes));
    let one = |unit, value| Figure::One { unit, value };
    measured.results.insert("durable_events_per_s", one("1/s", found.durable_events_per_s));
    measured.results.insert("replay_events_per_s", one("1/s", found.replay_events_per_s));
    measured.results.insert("crowd_events_per_s", one("1/s", found.crowd_events_per_s));
    measured.results.insert("open_ms", one("ms", found.open_ms));
    for (name, spread) in [("append_ms", found.append_ms), ("crowd_append_ms", found.crowd_append_ms)] {
        let (p50, p95, p99, n) = (spread.p50, spread.p95, spread.p99, spread.n);
        measured.results.insert(name, Figure::Spread { unit: "ms", p50, p95, p99, n });
    }
    Ok(measured)
}

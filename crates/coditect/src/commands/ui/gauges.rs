//! Figures of what is beside missions: what is remembered, and what waits for workers.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::shelves::ShelfSize;
use coditect_runtime::breakers::told;
use coditect_types::breaker::{BreakerSeen, RemoteKind, Standing};
use coditect_types::figure::{Amount, Family, Figure, Point};
use coditect_types::fleet::FleetView;
use coditect_types::memory::Shelf;

use crate::environment::Site;
use crate::fleets::Looks;
use crate::wiring::{self, remembering};

const EPISODES: Family =
    Family::gauge("coditect_memory_episodes", "{episode}", "Episodes that are remembered, by tier.");
const BYTES: Family = Family::gauge("coditect_memory_bytes", "By", "Bytes of the episodes of a tier.");
const ORDERS: Family =
    Family::gauge("coditect_queue_orders", "{order}", "Orders of the fleet that are not done, by state.");
const OLDEST: Family = Family::gauge(
    "coditect_queue_oldest_seconds",
    "s",
    "How long the oldest order has waited that no worker has taken.",
);
const DEAD: Family = Family::gauge(
    "coditect_queue_dead_letters",
    "{order}",
    "Orders of the fleet that were given up within two weeks: no worker could read them, or nobody survived them.",
);

const BREAKERS: Family = Family::gauge(
    "coditect_breakers",
    "{breaker}",
    "Circuit breakers before what failed lately on this machine, by its kind and by state.",
);

/// How long what was measured is told again: a large memory takes a while to count, and a server some time to answer.
const FRESH: Duration = Duration::from_secs(15);

/// What was measured, and when.
#[derive(Debug, Default)]
pub(super) struct Gauges(Mutex<Option<(Instant, Vec<Figure>)>>);

impl Gauges {
    /// What the person of this machine remembers, and what waits for workers. Whoever asks while somebody measures waits for that.
    pub(super) fn figures(&self, site: &Site, looks: &Looks) -> Vec<Figure> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, figures)) = &*known
            && since.elapsed() < FRESH
        {
            return figures.clone();
        }
        let mut figures = Vec::from(of_memory(site));
        figures.extend(of_queue(&looks.view(site)));
        figures.push(of_breakers(&told(wiring::breakers(site).as_ref(), wiring::now_ms())));
        *known = Some((Instant::now(), figures.clone()));
        figures
    }
}

/// Nothing where nothing is remembered, or it cannot be read now.
fn of_memory(site: &Site) -> [Figure; 2] {
    let sizes = remembering::sizes(site).unwrap_or_else(|error| {
        tracing::debug!(%error, "memory is not measured");
        None
    });
    of_sizes(sizes.iter().flatten())
}

fn of_sizes<'a>(sizes: impl Iterator<Item = &'a (Shelf, ShelfSize)> + Clone) -> [Figure; 2] {
    let tier = |shelf: &Shelf| match shelf {
        Shelf::Warm => "warm",
        Shelf::Cold => "cold",
    };
    let points = |amount: fn(&ShelfSize) -> u64| {
        sizes.clone().map(|(shelf, size)| Point::labelled("tier", tier(shelf), amount(size))).collect()
    };
    [
        Figure { family: EPISODES, points: points(|size| size.episodes) },
        Figure { family: BYTES, points: points(|size| size.bytes) },
    ]
}

/// Nothing where there is no fleet, or its server does not answer.
fn of_queue(view: &FleetView) -> [Figure; 3] {
    let queue = view.queue.as_ref();
    let orders = queue.map_or_else(Vec::new, |queue| {
        let states = [("waiting", queue.waiting), ("under_way", queue.under_way)];
        states.map(|(state, n)| Point::labelled("state", state, n)).into()
    });
    // The server's clock and ours may differ: nothing waits for less than no time. Where one waits and nobody knows for how long, nothing
    // is told.
    let oldest = queue.and_then(|queue| match queue.waiting {
        0 => Some(0),
        _ => Some(view.at_ms.saturating_sub(queue.waiting_since_ms?)),
    });
    let oldest = oldest.map(|n| Point { labels: Vec::new(), amount: Amount::Part { n, per: 1_000 } });
    [
        Figure { family: ORDERS, points: orders },
        Figure { family: OLDEST, points: oldest.into_iter().collect() },
        Figure { family: DEAD, points: queue.map(|queue| Point::plain(queue.dead)).into_iter().collect() },
    ]
}

/// All that there can be: what is zero now is told, too. Closed ones are those that failed lately.
fn of_breakers(all: &[BreakerSeen]) -> Figure {
    let count = |kind: RemoteKind, state: &str| {
        let of = all.iter().filter(|seen| seen.remote.kind == kind && seen.standing.state() == state);
        of.count() as u64
    };
    let point = |kind: RemoteKind, state: &'static str| Point {
        labels: vec![("kind", kind.name().to_owned()), ("state", state.to_owned())],
        amount: Amount::Count(count(kind, state)),
    };
    let of = |kind: RemoteKind| Standing::STATES.map(|state| point(kind, state));
    Figure { family: BREAKERS, points: RemoteKind::ALL.into_iter().flat_map(of).collect() }
}

#[cfg(test)]
mod tests {
    use coditect_types::fleet::OrderQueue;

    use super::*;

    #[test]
    fn what_waits_has_an_age_and_nothing_has_none() {
        let queue = OrderQueue {
            waiting: 3,
            waiting_since_ms: Some(1_000),
            under_way: 2,
            dead: 4,
            ..OrderQueue::default()
        };
        let view = FleetView { at_ms: 8_500, queue: Some(queue), ..FleetView::default() };
        let [orders, oldest, dead] = of_queue(&view);
        assert_eq!(dead.points, [Point::plain(4)]);
        assert_eq!(
            orders.points,
            [Point::labelled("state", "waiting", 3), Point::labelled("state", "under_way", 2)]
        );
        assert_eq!(oldest.points[0].amount, Amount::Part { n: 7_500, per: 1_000 });
        let ahead = FleetView { at_ms: 500, ..view.clone() };
        assert_eq!(of_queue(&ahead)[1].points[0].amount, Amount::Part { n: 0, per: 1_000 });
        let unknown = OrderQueue { waiting: 3, ..OrderQueue::default() };
        let unknown = FleetView { queue: Some(unknown), ..view.clone() };
        assert!(of_queue(&unknown)[1].points.is_empty());
        let none = FleetView { queue: None, ..view };
        assert!(of_queue(&none).iter().all(|figure| figure.points.is_empty()));
    }

    #[test]
    fn breakers_are_counted_by_kind_and_state() {
        use coditect_types::breaker::Remote;
        let open = Standing::Open { until_ms: 1, open_ms: 1 };
        let of =
            |name: &str, standing| BreakerSeen { remote: Remote::new(RemoteKind::Model, name), standing };
        let figure = of_breakers(&[of("a", open), of("b", open), of("c", Standing::default())]);
        assert_eq!(figure.points.len(), 9);
        let amount = |state: &str| {
            let labels = vec![("kind", "model".to_owned()), ("state", state.to_owned())];
            figure.points.iter().find(|point| point.labels == labels).map(|point| point.amount.clone())
        };
        assert_eq!(amount("open"), Some(Amount::Count(2)));
        assert_eq!(amount("closed"), Some(Amount::Count(1)));
        assert_eq!(amount("half_open"), Some(Amount::Count(0)));
    }

    #[test]
    fn tiers_are_told_apart() {
        let size = |episodes, bytes| ShelfSize { episodes, bytes, ..ShelfSize::default() };
        let sizes = [(Shelf::Warm, size(5, 500)), (Shelf::Cold, size(70, 900))];
        let [episodes, bytes] = of_sizes(sizes.iter());
        assert_eq!(
            episodes.points,
            [Point::labelled("tier", "warm", 5), Point::labelled("tier", "cold", 70)]
        );
        assert_eq!(
            bytes.points,
            [Point::labelled("tier", "warm", 500), Point::labelled("tier", "cold", 900)]
        );
    }
}

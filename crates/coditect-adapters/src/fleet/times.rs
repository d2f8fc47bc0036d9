//! How long an order may take: its attempt's own time, counted from when the server got it. Clocks of two machines need not agree: what has
//! passed on the way is told by the server's clock alone, and what passes here by one that nobody sets.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coditect_ports::PortError;
use coditect_types::{Action, ErrorKind, Failure};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::Order;
use super::parcel::away;
use super::setup::House;
use crate::nats::api::Answer;

/// What an order has waited by both clocks counts as nothing up to here: nobody asks the server for that.
const FRESH: Duration = Duration::from_secs(2);
/// How long the server may take to tell its time.
const ANSWER: Duration = Duration::from_secs(2);

/// When the server says that it was asked.
#[derive(Debug, Deserialize)]
struct Told {
    ts: Timestamp,
}

/// What is known of an order's way here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// When the server got it, by the server's clock, ns since 1970.
    pub(super) published_ns: Option<i128>,
    /// How often it was handed out.
    pub(super) tries: i64,
    /// When it came here.
    pub(super) came: Instant,
}

/// When the time of an order is over here. None: it does not say how long it may take.
pub(super) async fn end(house: &House, order: &Order<Action>, way: Way) -> Option<Instant> {
    let allowance = Duration::from_millis(order.allowance_ms?);
    let left = allowance.saturating_sub(waited(house, way).await);
    // One that is to take for ever does.
    way.came.checked_add(left)
}

/// How long it was on its way. Where the server does not tell its time, it has only just come.
async fn waited(house: &House, way: Way) -> Duration {
    let Some(published) = way.published_ns else { return Duration::ZERO };
    if way.tries <= 1 && is_fresh(published, SystemTime::now()) {
        return Duration::ZERO;
    }
    match timeout(ANSWER, now(house)).await.unwrap_or_else(|_| Err(away(&"it does not tell its time"))) {
        Ok(now) => {
            u64::try_from(now.saturating_sub(published).max(0)).map_or(Duration::MAX, Duration::from_nanos)
        }
        Err(error) => {
            tracing::debug!(%error, "how long an order has waited is not known");
            Duration::ZERO
        }
    }
}

/// Whether an order has just come, by our own clock: one that is off has the server asked.
fn is_fresh(published_ns: i128, now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let apart = i128::try_from(now).unwrap_or(i128::MAX).saturating_sub(published_ns).unsigned_abs();
    apart <= FRESH.as_nanos()
}

/// The server's time, ns since 1970.
async fn now(house: &House) -> Result<i128, PortError> {
    let subject = format!("STREAM.INFO.{}", house.orders.cached_info().config.name);
    match house.context.request(subject, &()).await.map_err(|error| away(&error))? {
        Answer::Done(Told { ts }) => Ok(ts.as_nanosecond()),
        Answer::Refused { error } => Err(away(&error.description)),
    }
}

/// Whether an order's time is over.
pub(super) fn is_over(order: &Order<Action>) -> bool {
    order.ends.is_some_and(|ends| Instant::now() >= ends)
}

/// Why an order was not begun, or not finished, whose time is over.
pub(super) fn over(order: &Order<Action>, worker: &str, has_begun: bool) -> Failure {
    let may = order.allowance_ms.unwrap_or_default() / 1_000;
    let cause = match has_begun {
        true => {
            format!("it did not end within the {may} s that it may take, and worker `{worker}` stopped it")
        }
        false => format!("it waited in the queue for the {may} s that it may take, and was not begun"),
    };
    let failure = Failure::new(ErrorKind::Interrupted, cause);
    if has_begun {
        failure
    } else {
        failure.with_hint("start more workers, or see with `coditect fleet` what they do")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_fresh_while_both_clocks_say_about_the_same() {
        let second = 1_000_000_000_i128;
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(is_fresh(100 * second, at(100)) && is_fresh(100 * second, at(102)));
        assert!(is_fresh(100 * second, at(98)), "our clock is behind");
        assert!(!is_fresh(100 * second, at(103)) && !is_fresh(100 * second, at(90)));
        assert!(!is_fresh(i128::MIN, at(0)) && !is_fresh(i128::MAX, at(0)));
    }
}

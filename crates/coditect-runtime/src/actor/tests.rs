#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A clock that goes with tokio's, from 1,000,000 ms on.
#[derive(Debug)]
struct Paused(Instant);

impl Clock for Paused {
    fn now_ms(&self) -> u64 {
        1_000_000 + self.0.elapsed().as_millis() as u64
    }
    fn monotonic_us(&self) -> u64 {
        0
    }
}

/// Rings for whatever `wanted` says each time it is looked at, and gives the moment at which it rang.
async fn rings(alarm: &mut Alarm, clock: &Paused, wanted: &AtomicU64) -> u64 {
    poll_fn(|cx| alarm.poll(wanted.load(Ordering::SeqCst), clock, cx)).await;
    clock.now_ms()
}

#[tokio::test(start_paused = true)]
async fn an_alarm_rings_for_the_moment_that_is_wanted_when_it_comes() {
    let clock = Paused(Instant::now());
    let mut alarm = Alarm::default();
    let wanted = AtomicU64::new(1_000_500);
    // Looked at once, then moved away, again and again, as each step of a mission does.
    for later in 1..50 {
        let looked = tokio::time::timeout(Duration::ZERO, rings(&mut alarm, &clock, &wanted)).await;
        assert!(looked.is_err());
        wanted.store(1_000_500 + later, Ordering::SeqCst);
    }
    let rang = rings(&mut alarm, &clock, &wanted).await;
    assert!((1_000_549..1_000_560).contains(&rang), "{rang}");
    // What was set before is over: the next moment is its own, also an earlier one than was wanted meanwhile.
    wanted.store(1_009_000, Ordering::SeqCst);
    assert!(tokio::time::timeout(Duration::ZERO, rings(&mut alarm, &clock, &wanted)).await.is_err());
    wanted.store(1_002_000, Ordering::SeqCst);
    let rang = rings(&mut alarm, &clock, &wanted).await;
    assert!((1_002_000..1_002_010).contains(&rang), "{rang}");
}

#[tokio::test(start_paused = true)]
async fn a_moment_that_has_passed_rings_at_once_and_not_twice() {
    let clock = Paused(Instant::now());
    let mut alarm = Alarm::default();
    let wanted = AtomicU64::new(5);
    assert!(rings(&mut alarm, &clock, &wanted).await < 1_000_010);
    wanted.store(2_000_000, Ordering::SeqCst);
    assert!(rings(&mut alarm, &clock, &wanted).await >= 2_000_000);
}

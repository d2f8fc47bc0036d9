//! A circuit breaker: what failed several times in a row is left alone for a while, and then tried by one call before all
//! others (Nygard, "Release It!", 2007). Pure: whoever keeps where it stands hands in the time.

use coditect_types::breaker::{RemoteKind, Standing};

/// How long it stays open the first time, ms; it doubles with each trial that fails.
const OPEN_MS: u64 = 5_000;
/// The longest that it stays open, ms.
const MOST_MS: u64 = 300_000;
/// The longest that anybody may wait for a trial to end, ms: what stands in a file may be damaged.
const LONGEST_MS: u64 = 3_600_000;
/// What nobody asked for so long, ms, though it could have been asked, is as if nothing had been known of it.
const QUIET_MS: u64 = 600_000;

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// It may. What came of it must be told.
    Free,
    /// It may not.
    Refused {
        /// When it may be worth to ask again, ms.
        retry_after_ms: u64,
    },
}

/// Failures in a row that open it. Where work is done without, and would wait each time, the first one does.
fn failures_of(kind: RemoteKind) -> u32 {
    match kind {
        RemoteKind::Model => 5,
        RemoteKind::Embeddings | RemoteKind::Graph => 1,
    }
}

/// Where a breaker stands at this time, ms since 1970: what is long past does not count any more.
#[must_use]
pub fn now(standing: Standing, now_ms: u64) -> Standing {
    let is_over = match standing {
        Standing::Closed { failures, last_ms } => failures > 0 && now_ms > last_ms.saturating_add(QUIET_MS),
        Standing::Open { until_ms, .. } | Standing::HalfOpen { until_ms, .. } => {
            now_ms > until_ms.saturating_add(QUIET_MS)
        }
    };
    if is_over { Standing::default() } else { standing }
}

/// Asks for a call at this time, ms since 1970, of which nothing is heard any more after `trial_ms`. Gives where the breaker stands then.
#[must_use]
pub fn pass(standing: Standing, now_ms: u64, trial_ms: u64) -> (Standing, Pass) {
    let refused = |standing: Standing, retry_after_ms: u64| (standing, Pass::Refused { retry_after_ms });
    match now(standing, now_ms) {
        standing @ Standing::Closed { .. } => (standing, Pass::Free),
        // A clock that was set back keeps nothing open for longer than it was meant.
        Standing::Open { until_ms, open_ms } if now_ms < until_ms => {
            let open_ms = open_ms.min(MOST_MS);
            let until_ms = until_ms.min(now_ms.saturating_add(open_ms));
            refused(Standing::Open { until_ms, open_ms }, until_ms - now_ms)
        }
        Standing::HalfOpen { until_ms, open_ms } if now_ms < until_ms => {
            let until_ms = until_ms.min(now_ms.saturating_add(LONGEST_MS));
            // It may succeed at any time.
            refused(Standing::HalfOpen { until_ms, open_ms }, OPEN_MS.min(until_ms - now_ms))
        }
        Standing::Open { open_ms, .. } | Standing::HalfOpen { open_ms, .. } => {
            (Standing::HalfOpen { until_ms: now_ms.saturating_add(trial_ms), open_ms }, Pass::Free)
        }
    }
}

/// The same for somebody who has not asked yet, and who may be there because a person has mended what was broken: for them it is open for the
/// shortest time only, and where it was not mended after all, no longer for others than it was.
#[must_use]
pub fn pass_boldly(standing: Standing, now_ms: u64, trial_ms: u64) -> (Standing, Pass) {
    // One that is due is one like any other.
    let (next, given) = pass(standing, now_ms, trial_ms);
    if given == Pass::Free {
        return (next, given);
    }
    let seen = match standing {
        Standing::Open { until_ms, open_ms } => {
            let opened_ms = until_ms.saturating_sub(open_ms);
            Standing::Open { until_ms: until_ms.min(opened_ms.saturating_add(OPEN_MS)), open_ms }
        }
        Standing::Closed { .. } | Standing::HalfOpen { .. } => standing,
    };
    match pass(seen, now_ms, trial_ms) {
        // It doubles where the trial fails.
        (Standing::HalfOpen { until_ms, open_ms }, Pass::Free) => {
            (Standing::HalfOpen { until_ms, open_ms: open_ms / 2 }, Pass::Free)
        }
        (next, Pass::Free) => (next, Pass::Free),
        // What is shorter for one alone is not kept for all.
        (_, refused @ Pass::Refused { .. }) => (standing, refused),
    }
}

/// A call did what it was for.
#[must_use]
pub fn succeeded() -> Standing {
    Standing::default()
}

/// A call failed, by the other side's fault.
#[must_use]
pub fn failed(standing: Standing, kind: RemoteKind, now_ms: u64) -> Standing {
    let open = |open_ms: u64| Standing::Open { until_ms: now_ms.saturating_add(open_ms), open_ms };
    match now(standing, now_ms) {
        Standing::Closed { failures, .. } if failures.saturating_add(1) < failures_of(kind) => {
            Standing::Closed { failures: failures + 1, last_ms: now_ms }
        }
        Standing::Closed { .. } => open(OPEN_MS),
        Standing::HalfOpen { open_ms, .. } => open(open_ms.saturating_mul(2).clamp(OPEN_MS, MOST_MS)),
        // A call that began before it opened.
        standing @ Standing::Open { .. } => standing,
    }
}

/// A call ended for a reason that says nothing of the other side.
#[must_use]
pub fn released(standing: Standing, now_ms: u64) -> Standing {
    match standing {
        Standing::HalfOpen { open_ms, .. } => Standing::Open { until_ms: now_ms, open_ms },
        Standing::Closed { .. } | Standing::Open { .. } => standing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a call of these tests may take, ms.
    const TRIAL_MS: u64 = 60_000;
    const FAILURES: u32 = 5;

    /// One that is kept by the test.
    #[derive(Default)]
    struct Breaker(Standing);

    impl Breaker {
        fn pass(&mut self, now_ms: u64) -> Pass {
            let (standing, pass) = pass(self.0, now_ms, TRIAL_MS);
            self.0 = standing;
            pass
        }

        fn failed(&mut self, now_ms: u64) {
            self.0 = failed(self.0, RemoteKind::Model, now_ms);
        }

        fn broken() -> Self {
            let mut breaker = Self::default();
            (0..FAILURES).for_each(|_| breaker.failed(0));
            breaker
        }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_trial_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES - 1 {
            breaker.failed(0);
        }
        breaker.0 = succeeded();
        for _ in 0..FAILURES {
            assert_eq!(breaker.pass(10), Pass::Free);
            breaker.failed(10);
        }
        assert_eq!(breaker.pass(1_010), Pass::Refused { retry_after_ms: OPEN_MS - 1_000 });
        assert_eq!(breaker.pass(10 + OPEN_MS), Pass::Free);
        assert_eq!(breaker.pass(10 + OPEN_MS), Pass::Refused { retry_after_ms: OPEN_MS }, "one at a time");
        breaker.0 = succeeded();
        assert_eq!(breaker.pass(10 + OPEN_MS), Pass::Free);
    }

    #[test]
    fn a_trial_that_fails_doubles_the_wait_up_to_a_limit() {
        let mut breaker = Breaker::broken();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..10 {
            let Pass::Refused { retry_after_ms } = breaker.pass(now) else { panic!("it is open") };
            waits.push(retry_after_ms);
            now += retry_after_ms;
            assert_eq!(breaker.pass(now), Pass::Free);
            breaker.failed(now);
        }
        assert_eq!(waits[..3], [OPEN_MS, 2 * OPEN_MS, 4 * OPEN_MS]);
        assert_eq!(waits[9], MOST_MS);
    }

    #[test]
    fn a_trial_that_says_nothing_lets_the_next_one_try() {
        let mut breaker = Breaker::broken();
        assert_eq!(breaker.pass(OPEN_MS), Pass::Free);
        breaker.0 = released(breaker.0, OPEN_MS);
        assert_eq!(breaker.pass(OPEN_MS), Pass::Free);
    }

    /// The process that made it may have been killed.
    #[test]
    fn a_trial_of_which_nothing_is_heard_is_made_again_by_another_call() {
        let mut breaker = Breaker::broken();
        assert_eq!(breaker.pass(OPEN_MS), Pass::Free);
        assert_eq!(
            breaker.pass(OPEN_MS + TRIAL_MS - 1),
            Pass::Refused { retry_after_ms: 1 },
            "it is waited for as long as it may take"
        );
        assert_eq!(breaker.pass(OPEN_MS + TRIAL_MS), Pass::Free);
        breaker.0 = succeeded();
        assert_eq!(breaker.0, Standing::default());
    }

    #[test]
    fn whoever_asks_for_the_first_time_waits_for_the_shortest_time_only() {
        let open = Standing::Open { until_ms: 1_000 + MOST_MS, open_ms: MOST_MS };
        let at = |now_ms| pass_boldly(open, now_ms, TRIAL_MS);
        assert_eq!(at(1_000 + OPEN_MS - 1), (open, Pass::Refused { retry_after_ms: 1 }));
        let (trial, free) = at(1_000 + OPEN_MS);
        assert_eq!(free, Pass::Free);
        let again = failed(trial, RemoteKind::Model, 10_000);
        assert_eq!(
            again,
            Standing::Open { until_ms: 10_000 + MOST_MS, open_ms: MOST_MS },
            "no longer for others"
        );
        let trial = Standing::HalfOpen { until_ms: 9_000, open_ms: MOST_MS };
        assert_eq!(pass_boldly(trial, 1_000, TRIAL_MS).0, trial, "one at a time");
        assert_eq!(pass_boldly(Standing::default(), 1_000, TRIAL_MS), (Standing::default(), Pass::Free));
        // One that is due doubles the pause where it fails, whoever makes it.
        let due = Standing::Open { until_ms: 10_000, open_ms: OPEN_MS };
        let (trial, _) = pass_boldly(due, 10_000, TRIAL_MS);
        let open = Standing::Open { until_ms: 11_000 + 2 * OPEN_MS, open_ms: 2 * OPEN_MS };
        assert_eq!(failed(trial, RemoteKind::Model, 11_000), open);
    }

    #[test]
    fn what_is_long_past_does_not_count() {
        let mut breaker = Breaker::default();
        (0..FAILURES - 1).for_each(|_| breaker.failed(0));
        breaker.failed(QUIET_MS + 1);
        assert_eq!(
            breaker.0,
            Standing::Closed { failures: 1, last_ms: QUIET_MS + 1 },
            "that was another time"
        );
        let open = Breaker::broken().0;
        assert_eq!(now(open, OPEN_MS + QUIET_MS), open);
        assert_eq!(now(open, OPEN_MS + QUIET_MS + 1), Standing::default());
        let at_once = released(Standing::HalfOpen { until_ms: 9_000, open_ms: OPEN_MS }, 7);
        assert_eq!(now(at_once, 8 + QUIET_MS), Standing::default(), "nor what was let go");
    }

    #[test]
    fn what_work_is_done_without_is_left_alone_at_once() {
        let open = Standing::Open { until_ms: 7 + OPEN_MS, open_ms: OPEN_MS };
        assert_eq!(failed(Standing::default(), RemoteKind::Embeddings, 7), open);
        assert_eq!(failed(Standing::default(), RemoteKind::Graph, 7), open);
        assert_ne!(failed(Standing::default(), RemoteKind::Model, 7), open);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_it_open_no_longer_than_it_was_meant() {
        let mut breaker = Breaker(Standing::Open { until_ms: 1_000_000, open_ms: OPEN_MS });
        assert_eq!(breaker.pass(100), Pass::Refused { retry_after_ms: OPEN_MS });
        assert_eq!(breaker.pass(100 + OPEN_MS), Pass::Free);
        let mut breaker = Breaker(Standing::HalfOpen { until_ms: u64::MAX, open_ms: OPEN_MS });
        assert_eq!(breaker.pass(100), Pass::Refused { retry_after_ms: OPEN_MS });
        assert_eq!(breaker.pass(100 + LONGEST_MS), Pass::Free);
        let mut breaker = Breaker(Standing::Open { until_ms: u64::MAX, open_ms: u64::MAX });
        assert_eq!(breaker.pass(100), Pass::Refused { retry_after_ms: MOST_MS }, "whatever stands in a file");
    }
}

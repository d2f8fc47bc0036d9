//! A circuit breaker: what failed several times in a row is left alone for a while, and then tried by one call before all
//! others (Nygard, "Release It!", 2007). Pure: whoever holds it hands in the time.

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// How long it stays open the first time, ms; it doubles with each trial that fails.
const OPEN_MS: u64 = 5_000;
/// The longest that it stays open, ms.
const MOST_MS: u64 = 300_000;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Calls pass; so many failed in a row.
    Closed { failures: u32 },
    /// No call passes before this time, ms since 1970.
    Open { until_ms: u64, open_ms: u64 },
    /// One call is under way that decides.
    HalfOpen { open_ms: u64 },
}

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

/// The breaker of one remote thing.
#[derive(Clone, Debug)]
pub struct Breaker(Standing);

impl Default for Breaker {
    fn default() -> Self {
        Self(Standing::Closed { failures: 0 })
    }
}

impl Breaker {
    /// Asks for a call at this time, ms since 1970.
    pub fn pass(&mut self, now_ms: u64) -> Pass {
        match self.0 {
            Standing::Closed { .. } => Pass::Free,
            Standing::Open { until_ms, open_ms } if now_ms >= until_ms => {
                self.0 = Standing::HalfOpen { open_ms };
                Pass::Free
            }
            Standing::Open { until_ms, .. } => Pass::Refused { retry_after_ms: until_ms - now_ms },
            Standing::HalfOpen { open_ms } => Pass::Refused { retry_after_ms: open_ms },
        }
    }

    /// A call did what it was for.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call failed, by the other side's fault.
    pub fn failed(&mut self, now_ms: u64) {
        self.0 = match self.0 {
            Standing::Closed { failures } if failures + 1 < FAILURES => {
                Standing::Closed { failures: failures + 1 }
            }
            Standing::Closed { .. } => Standing::Open { until_ms: now_ms + OPEN_MS, open_ms: OPEN_MS },
            Standing::HalfOpen { open_ms } => {
                let open_ms = (open_ms * 2).min(MOST_MS);
                Standing::Open { until_ms: now_ms + open_ms, open_ms }
            }
            // A call that began before it opened.
            open @ Standing::Open { .. } => open,
        };
    }

    /// A call ended for a reason that says nothing of the other side.
    pub fn released(&mut self) {
        if let Standing::HalfOpen { open_ms } = self.0 {
            self.0 = Standing::Open { until_ms: 0, open_ms };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_trial_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES - 1 {
            breaker.failed(0);
        }
        breaker.succeeded();
        for _ in 0..FAILURES {
            assert_eq!(breaker.pass(10), Pass::Free);
            breaker.failed(10);
        }
        assert_eq!(breaker.pass(1_010), Pass::Refused { retry_after_ms: OPEN_MS - 1_000 });
        assert_eq!(breaker.pass(10 + OPEN_MS), Pass::Free);
        assert_eq!(breaker.pass(10 + OPEN_MS), Pass::Refused { retry_after_ms: OPEN_MS }, "one at a time");
        breaker.succeeded();
        assert_eq!(breaker.pass(10 + OPEN_MS), Pass::Free);
    }

    #[test]
    fn a_trial_that_fails_doubles_the_wait_up_to_a_limit() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.failed(0);
        }
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
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.failed(0);
        }
        assert_eq!(breaker.pass(OPEN_MS), Pass::Free);
        breaker.released();
        assert_eq!(breaker.pass(OPEN_MS), Pass::Free);
    }
}

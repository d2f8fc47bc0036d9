//! How sure something is: rates that are learnt, and Bayes' rule.

/// How often something holds, as a Beta distribution: what was believed before, and what was seen since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    holds: f64,
    fails: f64,
}

impl Rate {
    /// As if it had been seen to hold and to fail so often.
    #[must_use]
    pub const fn prior(holds: f64, fails: f64) -> Self {
        Self { holds, fails }
    }

    /// With so many more sights of it.
    #[must_use]
    pub fn seen(self, holds: u32, fails: u32) -> Self {
        Self { holds: self.holds + f64::from(holds), fails: self.fails + f64::from(fails) }
    }

    /// The probability that it holds the next time.
    #[must_use]
    pub fn mean(self) -> f64 {
        self.holds / (self.holds + self.fails)
    }
}

/// Bayes' rule for a contradicted expectation: how sure it is that something is wrong.
///
/// `holds`: the probability that all is well, believed before. `shows`: how often such an observation is made where
/// something is wrong. `noise`: how often it is made where nothing is. `times`: how often it was made, each time anew.
#[must_use]
pub fn wrong(holds: f64, shows: f64, noise: f64, times: u32) -> f64 {
    let times = i32::try_from(times).unwrap_or(i32::MAX);
    let (fault, luck) = ((1.0 - holds) * shows.powi(times), holds * noise.powi(times));
    if fault + luck > 0.0 { fault / (fault + luck) } else { 1.0 - holds }
}

/// Tests that are flaky at all, of all tests: 16 % at Google (Micco, "Flaky Tests at Google and How We Mitigate Them",
/// 2016). Most suites are younger and smaller, so an eighth of that.
const FLAKY: f64 = 0.02;
/// How often a run says something wrong of a steady test.
const HICCUP: f64 = 0.001;

/// How sure it is that a test is flaky that passed so many of its runs on one tree.
///
/// Of a flaky test, nothing is known of how often it passes, so each count is as likely as any other: 1 of `ran` + 1. Of
/// a steady one, the fewer of its ends are hiccups, whose number is binomial.
#[must_use]
pub fn flaky(passed: u32, ran: u32) -> f64 {
    let odd = passed.min(ran.saturating_sub(passed));
    let shows = 1.0 / (f64::from(ran) + 1.0);
    let noise = (0..odd).fold(1.0, |p, n| p * f64::from(ran - n) / f64::from(n + 1) * HICCUP);
    let steady = (1.0 - HICCUP).powi(i32::try_from(ran - odd).unwrap_or(i32::MAX));
    FLAKY * shows / (FLAKY * shows + (1.0 - FLAKY) * noise * steady)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_moves_what_is_believed() {
        let rate = Rate::prior(9.0, 1.0);
        assert!((rate.mean() - 0.9).abs() < 1e-9);
        assert!(rate.seen(0, 10).mean() < 0.5 && rate.seen(90, 0).mean() > 0.98);
    }

    #[test]
    fn the_more_often_it_is_seen_the_surer_it_is() {
        // Nearly never a false alarm: once is enough.
        assert!(wrong(0.999, 0.95, 1e-6, 1) > 0.99);
        // A noisy one says little, and again and again a lot.
        assert!(wrong(0.97, 0.95, 0.3, 1) < 0.1);
        assert!(wrong(0.97, 0.95, 0.3, 8) > 0.98);
        assert!((wrong(0.5, 0.0, 0.0, 1) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_test_that_ends_now_so_and_now_so_is_flaky() {
        assert!(flaky(5, 10) > 0.99 && flaky(2, 4) > 0.99);
        // One odd end of many may have been a hiccup.
        assert!(flaky(1, 2) > 0.6 && flaky(1, 2) < flaky(2, 4));
        assert!(flaky(10, 10) < 0.01 && flaky(0, 10) < 0.01 && flaky(0, 0) < 0.05);
    }
}

//! Remote things, asked through their breakers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use coditect_core::breaker::{self, Pass};
use coditect_ports::{Breakers, Clock, Embedder, PortError};
use coditect_types::ErrorKind;
use coditect_types::breaker::{BreakerSeen, Remote, RemoteKind, Standing};

/// How much longer than its limit a call may take, ms, before nothing is expected of it any more.
const GRACE_MS: u64 = 1_000;
/// A server that refuses a key or does not know a model would do so again: it is not asked for so long, ms.
const REFUSED_MS: u64 = 60_000;

/// The way to one remote thing.
#[derive(Debug)]
pub struct Guarded {
    breakers: Arc<dyn Breakers>,
    clock: Arc<dyn Clock>,
    of: Remote,
    /// Whether nothing was asked on this way yet, and that is a reason to be bold.
    is_bold: AtomicBool,
}

impl Guarded {
    /// The way to `of`. It is left alone for as long as its breaker says.
    #[must_use]
    pub fn new(breakers: Arc<dyn Breakers>, clock: Arc<dyn Clock>, of: Remote) -> Self {
        Self { breakers, clock, of, is_bold: AtomicBool::new(false) }
    }

    /// The same for work that nobody else can do: what others found broken is tried sooner the first time, since a person may have mended
    /// it and begun anew.
    #[must_use]
    pub fn bold(self) -> Self {
        Self { is_bold: AtomicBool::new(true), ..self }
    }

    /// Asks for a call that takes no longer than `wall_ms`.
    ///
    /// # Errors
    /// It is left alone.
    pub fn pass(&self, wall_ms: u64) -> Result<Call<'_>, LeftAlone> {
        let (now_ms, trial_ms) = (self.clock.now_ms(), wall_ms.saturating_add(GRACE_MS));
        let is_bold = self.is_bold.load(Ordering::Relaxed);
        let (mut given, mut is_trial) = (Pass::Free, false);
        self.breakers.change(&self.of, &mut |standing| {
            let pass = if is_bold { breaker::pass_boldly } else { breaker::pass };
            let next;
            (next, given) = pass(standing, now_ms, trial_ms);
            is_trial = matches!(next, Standing::HalfOpen { .. });
            next
        });
        match given {
            Pass::Free => {
                self.is_bold.store(false, Ordering::Relaxed);
                Ok(Call { way: self, is_trial, is_told: false })
            }
            Pass::Refused { retry_after_ms } => Err(LeftAlone { of: self.of.clone(), retry_after_ms }),
        }
    }
}

/// A call that was let pass. One of which nothing is told says nothing of the other side.
#[derive(Debug)]
#[must_use]
pub struct Call<'a> {
    way: &'a Guarded,
    /// Whether it decides for all.
    is_trial: bool,
    is_told: bool,
}

impl Call<'_> {
    /// Whether others wait for what comes of it.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.is_trial
    }

    /// It did what it was for.
    pub fn succeeded(mut self) {
        self.is_told = true;
        self.way.breakers.change(&self.way.of, &mut |_| breaker::succeeded());
    }

    /// It failed, by the other side's fault.
    pub fn failed(mut self) {
        self.is_told = true;
        let (kind, now_ms) = (self.way.of.kind, self.way.clock.now_ms());
        self.way.breakers.change(&self.way.of, &mut |standing| match standing {
            // A call that began before it opened decides nothing of the one that is tried now.
            Standing::HalfOpen { .. } if !self.is_trial => standing,
            Standing::Closed { .. } | Standing::Open { .. } | Standing::HalfOpen { .. } => {
                breaker::failed(standing, kind, now_ms)
            }
        });
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.is_trial && !self.is_told {
            let now_ms = self.way.clock.now_ms();
            self.way.breakers.change(&self.way.of, &mut |standing| breaker::released(standing, now_ms));
        }
    }
}

/// Nothing is asked now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    of: Remote,
    /// When it may be worth to ask again, ms.
    pub retry_after_ms: u64,
}

impl From<LeftAlone> for PortError {
    fn from(left_alone: LeftAlone) -> Self {
        let LeftAlone { of: Remote { kind, name }, retry_after_ms } = left_alone;
        let seconds = retry_after_ms.div_ceil(1_000);
        let failed = match kind {
            RemoteKind::Model => "failed several times in a row",
            RemoteKind::Embeddings | RemoteKind::Graph => "failed",
        };
        let cause = format!("`{name}` {failed} and is left alone for {seconds} s");
        Self::new(ErrorKind::Unavailable, cause)
            .with_hint("`coditect models` tells whether a model answers, `coditect fleet` what is left alone")
    }
}

/// The breakers that are worth a word: those that are not closed, and those that may open soon.
#[must_use]
pub fn told(breakers: &dyn Breakers, now_ms: u64) -> Vec<BreakerSeen> {
    let mut all = breakers.all();
    all.iter_mut().for_each(|seen| seen.standing = breaker::now(seen.standing, now_ms));
    all.retain(|seen| seen.standing != Standing::default());
    all
}

/// Breakers of this process alone.
#[derive(Debug, Default)]
pub struct OwnBreakers(Mutex<BTreeMap<Remote, Standing>>);

impl Breakers for OwnBreakers {
    fn change(&self, of: &Remote, change: &mut dyn FnMut(Standing) -> Standing) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = all.get(of).copied().unwrap_or_default();
        let next = change(standing);
        if next != standing {
            all.insert(of.clone(), next);
        }
    }

    fn all(&self) -> Vec<BreakerSeen> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(of, standing)| BreakerSeen { remote: of.clone(), standing: *standing }).collect()
    }
}

/// A model of vectors behind its breaker: memory goes on without vectors at once, and does not wait for the same server again and again.
#[derive(Debug)]
pub struct GuardedEmbedder {
    model: Arc<dyn Embedder>,
    way: Guarded,
    wall_ms: u64,
    /// How it failed the last time, in this process, and when.
    last: Mutex<Option<(u64, PortError)>>,
}

impl GuardedEmbedder {
    /// `wall_ms`: how long a call may take.
    #[must_use]
    pub fn new(model: Arc<dyn Embedder>, way: Guarded, wall_ms: u64) -> Self {
        Self { model, way, wall_ms, last: Mutex::default() }
    }
}

/// It may answer another time.
fn passes(error: &PortError) -> bool {
    // One that takes all of its time is waited for once.
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Interrupted)
}

impl Embedder for GuardedEmbedder {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
        let now_ms = self.way.clock.now_ms();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at_ms, error)) = &*last
            && !passes(error)
            && now_ms < at_ms.saturating_add(REFUSED_MS)
        {
            return Err(error.clone());
        }
        let call = match self.way.pass(self.wall_ms) {
            Ok(call) => call,
            // Why it is left alone says more than that it is.
            Err(left_alone) => {
                return Err(last.as_ref().map_or_else(|| left_alone.into(), |(_, error)| error.clone()));
            }
        };
        let answer = self.model.embed(texts);
        match &answer {
            Ok(_) => call.succeeded(),
            Err(error) if passes(error) => call.failed(),
            // The text's fault, or the key's.
            Err(_) => drop(call),
        }
        *last = match &answer {
            // A text is another one the next time.
            Err(error) if error.kind != ErrorKind::Invalid => Some((now_ms, error.clone())),
            Ok(_) | Err(_) => None,
        };
        answer
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use coditect_types::breaker::RemoteKind;

    use super::*;
    use crate::hand::Hand;

    #[derive(Debug, Default)]
    struct Away {
        is_here: AtomicBool,
        asked: AtomicU32,
    }

    impl Embedder for Away {
        fn name(&self) -> &str {
            "away"
        }

        fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match self.is_here.load(Ordering::Relaxed) {
                true => Ok(vec![vec![1.0]; texts.len()]),
                false => Err(PortError::new(ErrorKind::Unavailable, "nobody answers")),
            }
        }
    }

    #[test]
    fn it_keeps_the_promises_of_its_port() {
        let all: Arc<dyn Breakers> = Arc::new(OwnBreakers::default());
        coditect_testkit::conformance::breakers(&|| Arc::clone(&all));
    }

    #[test]
    fn a_model_of_vectors_that_is_away_is_left_alone_by_all_who_share_its_breaker() {
        let breakers = Arc::new(OwnBreakers::default());
        let away = Arc::new(Away::default());
        let guarded = || {
            let of = Remote::new(RemoteKind::Embeddings, "away");
            let way = Guarded::new(Arc::clone(&breakers) as Arc<dyn Breakers>, Arc::new(Hand::at(1_000)), of);
            GuardedEmbedder::new(Arc::clone(&away) as Arc<dyn Embedder>, way, 1_000)
        };
        let (one, other) = (guarded(), guarded());
        (0..10).for_each(|_| drop(one.embed(&["x".to_owned()])));
        let asked = away.asked.load(Ordering::Relaxed);
        assert_eq!(asked, 1, "work is done without it, and does not wait again");
        let cause = |of: &GuardedEmbedder| of.embed(&["x".to_owned()]).unwrap_err().cause;
        assert_eq!(cause(&one), "nobody answers", "whoever knows why says so");
        assert_eq!(cause(&other), "`away` failed and is left alone for 5 s");
        assert_eq!(away.asked.load(Ordering::Relaxed), asked);
        assert_eq!(breakers.all()[0].standing.state(), "open");
        // Whoever asks something else is none the wiser.
        let of = Remote::new(RemoteKind::Model, "away");
        let model = Guarded::new(Arc::clone(&breakers) as Arc<dyn Breakers>, Arc::new(Hand::at(1_000)), of);
        assert!(model.pass(1_000).is_ok());
    }

    #[test]
    fn a_trial_that_is_told_of_or_breaks_off_decides_and_no_other_call_does() {
        let (breakers, clock) = (Arc::new(OwnBreakers::default()), Arc::<Hand>::default());
        clock.set(1_000);
        let of = Remote::new(RemoteKind::Model, "one");
        let way = || {
            Guarded::new(
                Arc::clone(&breakers) as Arc<dyn Breakers>,
                Arc::clone(&clock) as Arc<dyn Clock>,
                of.clone(),
            )
        };
        let (one, other) = (way(), way());
        let early = other.pass(100).unwrap();
        (0..5).for_each(|_| one.pass(100).unwrap().failed());
        assert!(one.pass(100).is_err());
        clock.set(60_000);
        let trial = one.pass(100).unwrap();
        early.failed();
        assert_eq!(breakers.all()[0].standing.state(), "half_open", "an early call does not decide");
        // It breaks off, as where the thread panics: the next one may try.
        drop(trial);
        let trial = other.pass(100).unwrap();
        assert!(one.pass(100).is_err(), "one at a time");
        trial.succeeded();
        assert!(told(breakers.as_ref(), 60_000).is_empty() && one.pass(100).is_ok());
    }

    #[test]
    fn what_is_told_is_what_counts_now() {
        let breakers = OwnBreakers::default();
        let of = |name: &str| Remote::new(RemoteKind::Model, name);
        breakers.change(&of("broken"), &mut |_| Standing::Open { until_ms: 10_000, open_ms: 5_000 });
        breakers.change(&of("shaky"), &mut |_| Standing::Closed { failures: 1, last_ms: 9_000 });
        let names = |now_ms: u64| -> Vec<String> {
            told(&breakers, now_ms).into_iter().map(|seen| seen.remote.name).collect()
        };
        assert_eq!(names(11_000), ["broken", "shaky"]);
        assert_eq!(names(100_000_000), Vec::<String>::new(), "nobody asks it any more");
    }

    #[test]
    fn a_wrong_key_is_tried_once_in_a_while_and_closes_nothing_for_others() {
        #[derive(Debug, Default)]
        struct Denies(AtomicU32);
        impl Embedder for Denies {
            fn name(&self) -> &str {
                "denies"
            }
            fn embed(&self, _: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
                self.0.fetch_add(1, Ordering::Relaxed);
                Err(PortError::new(ErrorKind::Denied, "no such key"))
            }
        }
        let (breakers, clock) = (Arc::new(OwnBreakers::default()), Arc::<Hand>::default());
        let of = Remote::new(RemoteKind::Embeddings, "denies");
        let way = Guarded::new(
            Arc::clone(&breakers) as Arc<dyn Breakers>,
            Arc::clone(&clock) as Arc<dyn Clock>,
            of,
        );
        let denies = Arc::new(Denies::default());
        let model = GuardedEmbedder::new(Arc::clone(&denies) as Arc<dyn Embedder>, way, 1_000);
        (0..5).for_each(|_| assert_eq!(model.embed(&[]).unwrap_err().cause, "no such key"));
        assert_eq!(denies.0.load(Ordering::Relaxed), 1);
        assert!(breakers.all().is_empty());
        clock.set(REFUSED_MS);
        drop(model.embed(&[]));
        assert_eq!(denies.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_a_model_of_vectors_refuses_is_not_its_fault() {
        #[derive(Debug)]
        struct Refuses;
        impl Embedder for Refuses {
            fn name(&self) -> &str {
                "refuses"
            }
            fn embed(&self, _: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
                Err(PortError::new(ErrorKind::Invalid, "too long"))
            }
        }
        let breakers: Arc<dyn Breakers> = Arc::new(OwnBreakers::default());
        let way = Guarded::new(
            Arc::clone(&breakers),
            Arc::new(Hand::at(1_000)),
            Remote::new(RemoteKind::Embeddings, "refuses"),
        );
        let model = GuardedEmbedder::new(Arc::new(Refuses), way, 1_000);
        (0..20).for_each(|_| assert_eq!(model.embed(&[]).unwrap_err().cause, "too long"));
        assert!(breakers.all().is_empty());
    }
}

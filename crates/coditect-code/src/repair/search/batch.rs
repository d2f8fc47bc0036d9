//! Judging a batch of candidates on several threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use crate::repair::{Candidate, Means, Scope, Trial};

/// A candidate with the files that it changes.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) candidate: Candidate,
    pub(super) overlay: BTreeMap<String, String>,
}

/// What is known of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every test accepts it.
    Survived,
    /// A red test stayed red.
    Killed {
        /// The first such test.
        by: String,
        /// Red tests that turned green.
        green: usize,
        /// That test fails in another way than before.
        moved: bool,
    },
    /// It did not end.
    Hung,
    /// The red tests are green and another test broke.
    Broke,
}

/// A verdict with the number of trials that it took, and their time in µs.
pub(super) type Judged = Result<(Verdict, u64, u64), PortError>;

/// The red tests of a problem, as candidates are asked about them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reds<'a> {
    /// Their ids, the first one first.
    pub(super) order: &'a [String],
    /// How each of them fails on the unchanged project.
    pub(super) failures: &'a BTreeMap<String, String>,
    /// Each candidate is asked about all of them, also where the first stays red.
    pub(super) all: bool,
}

/// Until when a batch is judged.
pub(super) struct Until<'a> {
    /// When it must be over, µs.
    pub(super) deadline_us: u64,
    /// When it must be over where a candidate survives at this time, µs: where tests are slow, the rest of a batch would take
    /// minutes that say little.
    pub(super) after_survivor: &'a (dyn Fn(u64) -> u64 + Sync),
    /// Whether a survivor counts.
    pub(super) counts: &'a (dyn Fn(&Prepared) -> bool + Sync),
}

/// Judges every candidate of a batch, in any order; gives the verdicts in the order of the batch. None: not
/// judged, since the search was stopped or its time was over.
pub(super) fn judge_all(
    means: &Means<'_>,
    batch: &[Prepared],
    reds: Reds<'_>,
    until: &Until<'_>,
) -> Vec<Option<Judged>> {
    let is_known = |prepared: &Prepared| means.judge.knows(&prepared.overlay);
    let deadline = AtomicU64::new(until.deadline_us);
    on_threads(means, batch, (&deadline, is_known), |prepared| {
        let began = means.clock.monotonic_us();
        let (verdict, trials) = judge_one(means, prepared, reds)?;
        let now = means.clock.monotonic_us();
        if verdict == Verdict::Survived && (until.counts)(prepared) {
            deadline.fetch_min((until.after_survivor)(now), Ordering::Relaxed);
        }
        Ok((verdict, trials, now.saturating_sub(began)))
    })
}

/// Does `work` for every item of a batch, in any order; gives what came of it in the order of the batch. None: not
/// done, since the search was stopped or its time was over; what costs nothing is done even so.
pub(in crate::repair) fn on_threads<T: Sync, R: Send>(
    means: &Means<'_>,
    batch: &[T],
    (deadline_us, is_free): (&AtomicU64, impl Fn(&T) -> bool + Sync),
    one: impl Fn(&T) -> Result<R, PortError> + Sync,
) -> Vec<Option<Result<R, PortError>>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = batch.get(n) else { return mine };
            if means.stop.is_wanted() {
                return mine;
            }
            if means.clock.monotonic_us() >= deadline_us.load(Ordering::Relaxed) && !is_free(item) {
                continue;
            }
            let judged = one(item);
            let failed = judged.is_err();
            mine.push((n, judged));
            if failed {
                return mine;
            }
        }
    };
    let mut verdicts: Vec<Option<Result<R, PortError>>> = batch.iter().map(|_| None).collect();
    std::thread::scope(|scope| {
        let threads = means.limits.threads.clamp(1, batch.len().max(1));
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for handle in handles {
            match handle.join() {
                Ok(mine) => {
                    for (n, judged) in mine {
                        verdicts[n] = Some(judged);
                    }
                }
                Err(_) => {
                    let bug = PortError::new(ErrorKind::Bug, "a judge broke off a trial with a panic");
                    if let Some(first) = verdicts.first_mut() {
                        *first = Some(Err(bug));
                    }
                }
            }
        }
    });
    verdicts
}

fn judge_one(means: &Means<'_>, prepared: &Prepared, reds: Reds<'_>) -> Result<(Verdict, u64), PortError> {
    let Reds { order, failures, all } = reds;
    let judge = |scope| means.judge.judge(&prepared.overlay, scope);
    let trial = judge(Scope::Tests { ids: order, stop_at_red: !all })?;
    if let Some((by, message)) = trial.red.first() {
        let moved = failures.get(by).is_some_and(|old| gist(old) != gist(message));
        let killed = |green| Verdict::Killed { by: by.clone(), green, moved };
        if trial.passed.is_empty() || all {
            return Ok((killed(order.iter().filter(|id| trial.passed.contains(id)).count()), 1));
        }
        // It did something: how much, is worth a second look.
        let full = judge(Scope::Tests { ids: order, stop_at_red: false })?;
        let green = order.iter().filter(|id| full.passed.contains(id)).count();
        return Ok((killed(green.max(trial.passed.len())), 2));
    }
    if !trial.complete || trial.timed_out {
        return Ok((Verdict::Hung, 1));
    }
    let whole = judge(Scope::Whole)?;
    Ok((if accepts(means, &whole, order) { Verdict::Survived } else { Verdict::Broke }, 2))
}

/// True where a run of the whole suite is all that is asked for.
pub(in crate::repair) fn accepts(means: &Means<'_>, whole: &Trial, order: &[String]) -> bool {
    if !whole.complete || whole.timed_out {
        return false;
    }
    let limits = means.limits;
    let none_red = whole.red.iter().all(|(id, _)| limits.may_stay_red.contains(id));
    let kept = limits.keep_passing.iter().all(|id| whole.passed.contains(id));
    // A file that could not be collected is red under its own name, and its tests appear once it can be.
    let turned = |id: &String| {
        whole.passed.iter().any(|passed| passed == id || passed.starts_with(&format!("{id}::")))
    };
    none_red && kept && order.iter().all(turned)
}

/// What a failure says, without what differs from run to run (addresses, times).
fn gist(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for word in message.split_whitespace() {
        if !word.contains("0x") {
            out.push_str(word);
            out.push(' ');
        }
    }
    out
}

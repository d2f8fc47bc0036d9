//! The search: what is tried in which order, on how many threads, and when it is enough.
//!
//! Candidates are judged in batches, whose size depends on what was made before and on the judge; the next
//! batch is made meanwhile. Within a batch the threads take whichever comes next; what they found is folded in the order
//! of the candidates once the batch is through, and the order of tests changes only there. So the outcome does not depend on which thread was faster or on how many there are, as long as no
//! limit of time ends the search.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_ports::PortError;
use coditect_types::{ErrorKind, TestResult, TestStatus};

use crate::repair::pairs::Pairs;
use crate::repair::pick::{self, Survivor};
use crate::repair::recipes::chain::{self, Answered};
use crate::repair::{
    Candidate, EditKind, Means, Partly, Problem, Progress, SeekLimits, SeekTime, Sought, stairs,
    syntax_errors,
};

use self::batch::{Prepared, Reds, Until, Verdict, judge_all};
use self::ground::Ground;
use self::making::{Batch, Maker};

pub(super) mod batch;
mod ground;
mod making;
mod prepare;
mod waves;

pub use ground::problem_name;

/// Candidates that are kept to be combined.
const MOST_PARTIAL: usize = 48;
/// Candidates of the search's beginning that are kept as second halves of pairs.
const MOST_HALVES: usize = 2_000;
/// Below this share of the first score, single edits take turns with pairs.
const UNLIKELY: f64 = 0.02;
/// After a first survivor, candidates below this share of its score are not looked at any more.
const NEIGHBOURHOOD: f64 = 0.03;
/// Survivors after which more would not change the choice.
const MOST_SURVIVORS: usize = 40;

/// A candidate that is no repair, but brought some red tests to green or changed how they fail.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub(super) candidate: Candidate,
    /// Red tests that it turned green.
    pub(super) green: usize,
}

/// Looks for a change that turns the problem's red tests green and keeps the others.
pub fn seek(problem: &Problem<'_>, means: &Means<'_>, progress: &mut (dyn FnMut(Progress) + Send)) -> Sought {
    search(problem, means, Files::AsTheyAre, progress)
}

/// The same for files that all parse.
pub(super) fn search_parsed(
    problem: &Problem<'_>,
    means: &Means<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Sought {
    search(problem, means, Files::Parsed, progress)
}

/// Whether files may have to be mended before they can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Files {
    AsTheyAre,
    Parsed,
}

fn search(
    problem: &Problem<'_>,
    means: &Means<'_>,
    files: Files,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Sought {
    let mut hunt = Hunt::new(problem, *means);
    match hunt.measure() {
        Ok(true) => {}
        Ok(false) => return hunt.end("the red tests pass without a change: they may be flaky"),
        Err(trouble) => {
            hunt.trouble = Some(trouble);
            return hunt.end("the tests could not be run");
        }
    }
    if files == Files::AsTheyAre {
        if let Some(why) = syntax_errors::unmendable(problem, &hunt.failures) {
            return hunt.end(&why);
        }
        if let Some(sought) = syntax_errors::mend(problem, means, &hunt.failures, progress) {
            return Sought { trials: sought.trials + hunt.trials, ..sought };
        }
        if let Some(sought) = answered_first(problem, means, &hunt.failures, progress) {
            return Sought { trials: sought.trials + hunt.trials, ..sought };
        }
    }
    let mut maker = Maker::new(problem, *means);
    hunt.run(&mut maker, progress);
    hunt.is_blind = maker.is_blind();
    hunt.keep_the_best_part();
    hunt.end("")
}

/// When the search for others is over, once a first candidate survived: they are worth half the time that it took, and two
/// seconds at least.
fn runners_up_until(started_us: u64, survived_us: u64) -> u64 {
    survived_us + (survived_us.saturating_sub(started_us) / 2).max(2_000_000)
}

/// Whether a survivor is one that could be proposed.
fn counts(problem: &Problem<'_>, survivor: &Survivor) -> bool {
    !pick::is_refused(problem, survivor) && !pick::makes_dead_code(problem.sources, &survivor.overlay)
}

impl From<Prepared> for Survivor {
    fn from(prepared: Prepared) -> Self {
        let Prepared { candidate, overlay } = prepared;
        Self { candidate, overlay }
    }
}

/// Part of the time that answers to error messages may take, in hundredths, where nothing runs before them.
const ANSWERS: u64 = 25;

/// Where the project cannot be built or its tests imported: answers to the messages first, one on top of the other, and
/// the search on top of those that took hold. None: none did.
fn answered_first(
    problem: &Problem<'_>,
    means: &Means<'_>,
    failures: &BTreeMap<String, String>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Option<Sought> {
    let blocked = |id: &str| id == crate::suite::BUILD || id.ends_with(crate::suite::IMPORT);
    if !problem.red.iter().all(|test| blocked(&test.id)) {
        return None;
    }
    let started = means.clock.monotonic_us();
    let limits = SeekLimits { wall_ms: means.limits.wall_ms / 100 * ANSWERS, ..means.limits.clone() };
    let quick = Means { limits: &limits, ..*means };
    let red = chain::now_red(problem, failures);
    let Answered { mut sought, bases } = chain::follow(problem, &quick, &red, progress);
    if sought.best.is_some() || sought.trouble.is_some() {
        return Some(sought);
    }
    let bases: Vec<_> =
        bases.into_iter().filter(|base| base.trial.red.iter().any(|(id, _)| !blocked(id))).collect();
    if bases.is_empty() {
        return None;
    }
    let ends = started.saturating_add(means.limits.wall_ms.saturating_mul(1_000));
    let told = std::mem::take(&mut sought.account);
    syntax_errors::go_on(problem, means, bases, ends, &mut sought, progress);
    sought.account = format!("{told} On top of that {}", sought.account);
    Some(sought)
}

/// Candidates of the search's beginning that are asked about all red tests.
const ASKED_ABOUT_ALL: u64 = 256;
/// Red tests that this is done for, at most.
const MOST_ASKED_ABOUT: usize = 12;
/// Time of all red tests that this is done for, at most, us.
const ALL_US: u64 = 50_000;
/// Tests below this are as quick as can be told, us.
const QUICK_US: u64 = 2_000;

/// A red test that takes so many times as long as the quickest one, and longer than this, us, is left to the whole suite: a
/// candidate that the quick ones refuse need not wait for it.
const SLOW_TIMES: u64 = 20;
const SLOW_US: u64 = 300_000;

/// The red tests that each candidate is asked about. Those that do not end are among them, since they kill many.
pub fn quick(red: &[TestResult]) -> impl Iterator<Item = &TestResult> {
    let ends = |test: &&TestResult| test.status != TestStatus::TimedOut;
    let quickest = red.iter().filter(ends).map(|test| test.us).min().unwrap_or_default();
    let most_us = SLOW_US.max(quickest.saturating_mul(SLOW_TIMES));
    red.iter().filter(move |test| !ends(test) || test.us <= most_us)
}

/// Why a search goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Enough,
    Limit,
    Trouble,
}

struct Hunt<'a> {
    problem: &'a Problem<'a>,
    means: Means<'a>,
    dropped: u64,
    is_blind: bool,
    /// Ids of red tests, the one that kills most first.
    order: Vec<String>,
    kills: BTreeMap<String, u64>,
    /// How each red test fails on the unchanged project.
    failures: BTreeMap<String, String>,
    survivors: Vec<Survivor>,
    partial: Vec<Partial>,
    halves: Vec<Candidate>,
    started_us: u64,
    first_survivor: Option<(u64, u64, f64)>,
    tried: u64,
    trials: u64,
    nearest: usize,
    ground: Ground,
    time: SeekTime,
    partly: Option<Partly>,
    climbed: bool,
    ended: Option<End>,
    trouble: Option<PortError>,
}

impl<'a> Hunt<'a> {
    fn new(problem: &'a Problem<'a>, means: Means<'a>) -> Self {
        Self {
            problem,
            means,
            dropped: 0,
            is_blind: false,
            order: quick(problem.red).map(|test| test.id.clone()).collect(),
            kills: BTreeMap::new(),
            failures: BTreeMap::new(),
            survivors: Vec::new(),
            partial: Vec::new(),
            halves: Vec::new(),
            started_us: means.clock.monotonic_us(),
            first_survivor: None,
            tried: 0,
            trials: 0,
            nearest: 0,
            ground: Ground::default(),
            time: SeekTime::default(),
            partly: None,
            climbed: false,
            ended: None,
            trouble: None,
        }
    }

    /// Runs the red tests on the unchanged project. False: they all pass. Tests known to hang are left out, since each costs
    /// its whole limit; where all hang, only the first is run.
    fn measure(&mut self) -> Result<bool, PortError> {
        let hangs: BTreeSet<&str> = self
            .problem
            .red
            .iter()
            .filter(|test| test.status == TestStatus::TimedOut)
            .map(|test| test.id.as_str())
            .collect();
        let mut ids: Vec<String> =
            self.order.iter().filter(|id| !hangs.contains(id.as_str())).cloned().collect();
        if ids.is_empty() {
            ids.extend(self.order.first().cloned());
        }
        let scope = crate::repair::Scope::Tests { ids: &ids, stop_at_red: false };
        let trial = self.means.judge.judge(&BTreeMap::new(), scope)?;
        self.trials += 1;
        let still_red =
            !trial.complete || trial.timed_out || !trial.red.is_empty() || trial.passed.is_empty();
        // What was left out hung a moment ago, and what was asked may be red only beside it.
        let still_red = still_red || ids.len() < self.problem.red.len();
        self.failures = trial.red.into_iter().collect();
        // What hangs goes last: a test that fails at once kills a candidate sooner.
        let failures = &self.failures;
        let us = |id: &str| self.problem.red.iter().find(|test| test.id == id).map_or(0, |test| test.us);
        // The quick ones first: what takes twice as long must kill twice as many to be worth it.
        self.order.sort_by_key(|id| {
            (hangs.contains(id.as_str()), !failures.contains_key(id), us(id).max(QUICK_US).ilog2())
        });
        Ok(still_red)
    }

    fn run(&mut self, maker: &mut Maker<'a>, progress: &mut (dyn FnMut(Progress) + Send)) {
        let mut top = None;
        let mut ahead = None;
        // Likely single edits, the best first.
        while self.ended.is_none() {
            let floor = self.floor();
            let batch = self.take(|| ahead.take().unwrap_or_else(|| maker.singles(floor)));
            let Some(first) = batch.first() else { break };
            let score = first.candidate.score;
            let likely = score >= UNLIKELY * *top.get_or_insert(score);
            let floor = self.floor();
            ahead = maker.meanwhile(floor, || {
                self.judge(batch, progress);
                self.ended.is_none()
            });
            if !likely {
                break;
            }
            if self.is_time_to_climb() {
                self.climb(progress);
            }
        }
        self.climb(progress);
        // Then pairs and unlikely single edits in turn, until both are spent.
        let mut pairs = Pairs::new(&self.partial, &self.halves);
        let mut known = self.partial.len();
        let (mut more_singles, mut more_pairs) = (true, true);
        while self.ended.is_none() && (more_singles || more_pairs) {
            let floor = self.floor();
            let batch = self.take(|| maker.others(|| pairs.next(), floor));
            more_pairs = !batch.is_empty();
            self.judge(batch, progress);
            if self.ended.is_none() {
                let floor = self.floor();
                let batch = self.take(|| ahead.take().unwrap_or_else(|| maker.singles(floor)));
                more_singles = !batch.is_empty();
                self.judge(batch, progress);
            }
            // New half-successes are worth combining at once.
            if self.partial.len() > known + 8 || (!more_pairs && self.partial.len() > known) {
                known = self.partial.len();
                pairs = Pairs::new(&self.partial, &self.halves);
                more_pairs = true;
            }
        }
    }

    /// What a candidate must score to be worth a look. None: a first survivor is yet to be found.
    fn floor(&self) -> Option<f64> {
        self.first_survivor.map(|(_, _, score)| NEIGHBOURHOOD * score)
    }

    /// Waits for a batch, and takes note of what it is.
    fn take(&mut self, make: impl FnOnce() -> Batch) -> Vec<Prepared> {
        let began = self.means.clock.monotonic_us();
        let batch = make().above(self.floor());
        self.time.making_us += self.means.clock.monotonic_us().saturating_sub(began);
        if batch.is_last {
            self.ended.get_or_insert(End::Enough);
        }
        self.dropped += batch.dropped;
        self.ground.begin(batch.next.unwrap_or(self.ground.next), batch.numbers);
        let room = MOST_HALVES.saturating_sub(self.halves.len());
        self.halves.extend(batch.passed_over.into_iter().take(room));
        batch.members
    }

    fn deadline_us(&self) -> u64 {
        let whole = self.started_us.saturating_add(self.means.limits.wall_ms.saturating_mul(1_000));
        match self.first_survivor {
            Some((_, at, _)) => whole.min(runners_up_until(self.started_us, at)),
            None => whole,
        }
    }

    fn judge(&mut self, mut batch: Vec<Prepared>, progress: &mut (dyn FnMut(Progress) + Send)) {
        let left = self.means.limits.candidates.saturating_sub(self.tried);
        let at_limit = (batch.len() as u64) > left;
        batch.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.ground.cut(batch.len());
        if let (Some(first), true) = (batch.first(), self.ended.is_none()) {
            progress(self.progress(first));
        }
        let began = self.means.clock.monotonic_us();
        let deadline = self.deadline_us();
        if self.first_survivor.is_some() && began >= deadline {
            // What many are tried in at once knows of no deadline.
            self.ground.missed(0);
            self.ended.get_or_insert(End::Enough);
            return;
        }
        let members: Vec<_> = batch.iter().map(|member| (&member.candidate, &member.overlay)).collect();
        if !members.is_empty()
            && let Err(trouble) = self.means.judge.ready(&members)
        {
            // A build that was stopped is no trouble: the flag says so.
            if !self.means.stop.is_wanted() {
                self.trouble = Some(trouble);
            }
            self.ended = Some(End::Trouble);
            return;
        }
        let reds = Reds { order: &self.order, failures: &self.failures, all: self.asks_about_all() };
        let (problem, started_us) = (self.problem, self.started_us);
        let survived_us = AtomicU64::new(u64::MAX);
        let until = Until {
            deadline_us: deadline,
            after_survivor: &|at| {
                survived_us.fetch_min(at, Ordering::Relaxed);
                runners_up_until(started_us, at)
            },
            counts: &|prepared: &Prepared| counts(problem, &Survivor::from(prepared.clone())),
        };
        let verdicts = judge_all(&self.means, &batch, reds, &until);
        self.time.judging_us += self.means.clock.monotonic_us().saturating_sub(began);
        for (place, (prepared, verdict)) in batch.into_iter().zip(verdicts).enumerate() {
            match verdict {
                Some(Ok((verdict, trials, us))) => {
                    self.trials += trials;
                    self.time.trials_us += us;
                    self.ground.judged(place, &verdict);
                    self.fold(prepared, verdict);
                }
                Some(Err(trouble)) => {
                    self.trouble = Some(trouble);
                    self.ended = Some(End::Trouble);
                    return;
                }
                None => {
                    self.ground.missed(place);
                    let enough = self.first_survivor.is_some() && !self.means.stop.is_wanted();
                    self.ended.get_or_insert(if enough { End::Enough } else { End::Limit });
                }
            }
        }
        if let Some((_, at, _)) = &mut self.first_survivor {
            *at = (*at).min(survived_us.into_inner());
        }
        self.order_by_kills();
        if let Some((at, ..)) = self.first_survivor
            && (self.tried >= at + (at / 2).clamp(200, 3_000) || self.survivors.len() >= MOST_SURVIVORS)
        {
            self.ended.get_or_insert(End::Enough);
        }
        if at_limit || self.means.stop.is_wanted() {
            self.ended.get_or_insert(End::Limit);
        }
    }

    fn progress(&self, next: &Prepared) -> Progress {
        Progress {
            tried: self.tried,
            nearest: self.nearest,
            red: self.order.len(),
            survivors: self.survivors.len(),
            trying: next.candidate.describe(),
        }
    }

    /// The test that kills most in the same time goes first; the sort is stable, so ties stay as they were.
    fn order_by_kills(&mut self) {
        let kills = &self.kills;
        let rates: BTreeMap<&str, u64> = self
            .problem
            .red
            .iter()
            .map(|test| {
                let kills = kills.get(&test.id).copied().unwrap_or(0);
                (test.id.as_str(), kills * 1_000_000 / test.us.max(QUICK_US))
            })
            .collect();
        self.order.sort_by_key(|id| std::cmp::Reverse(rates.get(id.as_str()).copied().unwrap_or(0)));
    }

    fn fold(&mut self, prepared: Prepared, verdict: Verdict) {
        self.tried += 1;
        let Prepared { candidate, overlay } = prepared;
        match verdict {
            Verdict::Survived => {
                let survivor = Survivor { candidate, overlay };
                if !counts(self.problem, &survivor) {
                    return;
                }
                let now = self.means.clock.monotonic_us();
                let score = survivor.candidate.score;
                self.first_survivor.get_or_insert((self.tried, now, score));
                self.nearest = self.order.len();
                self.survivors.push(survivor);
                return;
            }
            Verdict::Killed { by, green, moved } => {
                *self.kills.entry(by).or_insert(0) += 1;
                self.nearest = self.nearest.max(green);
                if (green > 0 || moved) && candidate.kind != EditKind::Pair {
                    self.keep_partial(Partial { candidate: candidate.clone(), green });
                }
            }
            Verdict::Hung => {}
            // All red tests are green, and something else broke: half a repair.
            Verdict::Broke => {
                self.nearest = self.nearest.max(self.order.len());
                let green = self.order.len();
                self.keep_partial(Partial { candidate: candidate.clone(), green });
            }
        }
        if self.halves.len() < MOST_HALVES && candidate.kind != EditKind::Pair {
            self.halves.push(candidate);
        }
    }

    /// Whether candidates are asked about all red tests. Where one of them is red for a reason of its own, it kills all
    /// candidates for the others too if it comes first; so the likeliest ones are asked about each, where that costs little.
    fn asks_about_all(&self) -> bool {
        let quick = |red: &[TestResult]| {
            let hangs = red.iter().any(|test| test.status == TestStatus::TimedOut);
            !hangs && red.iter().map(|test| test.us).sum::<u64>() <= ALL_US
        };
        self.tried < ASKED_ABOUT_ALL && self.order.len() <= MOST_ASKED_ABOUT && quick(self.problem.red)
    }

    /// A third of what may be spent is.
    fn is_time_to_climb(&self) -> bool {
        let spent_ms = self.means.clock.monotonic_us().saturating_sub(self.started_us) / 1_000;
        let limits = self.means.limits;
        spent_ms > limits.wall_ms / 3 || self.tried > limits.candidates / 3
    }

    /// Where several tests are red and nothing turns them all green, what turns most of them green is worth telling, also
    /// where the search was ended before it could go on from there.
    fn keep_the_best_part(&mut self) {
        let none = self.survivors.is_empty() && self.partly.is_none() && self.trouble.is_none();
        if !none || self.problem.red.len() < 2 || self.means.stop.is_raised() {
            return;
        }
        match stairs::standing(self.problem, &self.means, &self.partial, self.deadline_us()) {
            Ok((partly, trials)) => {
                self.trials += trials;
                self.partly = partly;
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// Goes on from the best half-success, once, where several tests are red and nothing turns them all green.
    fn climb(&mut self, progress: &mut (dyn FnMut(Progress) + Send)) {
        let several = self.problem.red.len() > 1 && self.partial.iter().any(|half| half.green > 0);
        if self.climbed || self.ended.is_some() || !self.survivors.is_empty() || !several {
            return;
        }
        self.climbed = true;
        let left_us = self.deadline_us().saturating_sub(self.means.clock.monotonic_us());
        let left = (left_us, self.means.limits.candidates.saturating_sub(self.tried));
        let before = self.tried;
        let mut told = |within: Progress| progress(Progress { tried: before + within.tried, ..within });
        match stairs::climb(self.problem, &self.means, &self.partial, left, &mut told) {
            Ok(climbed) => {
                self.time.take(climbed.time);
                self.tried += climbed.tried;
                self.trials += climbed.trials;
                self.partly = climbed.partly;
                let now = self.means.clock.monotonic_us();
                for survivor in climbed.survivors {
                    if !pick::is_refused(self.problem, &survivor) {
                        let score = survivor.candidate.score;
                        self.first_survivor.get_or_insert((self.tried, now, score));
                        self.nearest = self.order.len();
                        self.survivors.push(survivor);
                    }
                }
                if let Some(partly) = &self.partly {
                    self.nearest = self.nearest.max(self.order.len().saturating_sub(partly.left.len()));
                }
            }
            Err(_) if self.means.stop.is_wanted() => self.ended = Some(End::Limit),
            Err(trouble) => {
                self.trouble = Some(trouble);
                self.ended = Some(End::Trouble);
            }
        }
    }

    fn keep_partial(&mut self, partial: Partial) {
        self.partial.push(partial);
        if self.partial.len() > 2 * MOST_PARTIAL {
            self.partial.sort_by(|a, b| {
                b.green.cmp(&a.green).then_with(|| b.candidate.score.total_cmp(&a.candidate.score))
            });
            self.partial.truncate(MOST_PARTIAL);
        }
    }

    fn end(mut self, why: &str) -> Sought {
        let tried = self.tried;
        let at_limit = matches!(self.ended, Some(End::Limit | End::Trouble)) || self.means.stop.is_wanted();
        let survivors = std::mem::take(&mut self.survivors);
        let count = survivors.len();
        let pick::Choice { mut found, special } = pick::choose(self.problem, &self.means, survivors);
        let best = if found.is_empty() { None } else { Some(found.remove(0)) };
        let account = if !why.is_empty() {
            why.to_owned()
        } else if special > 0 && best.is_none() {
            format!(
                "{tried} candidates were tried; what passes every test was made for the inputs of the tests"
            )
        } else if count > 0 {
            format!("{tried} candidates were tried; {count} pass every test")
        } else {
            let near = match self.nearest {
                0 => "none turned a red test green".to_owned(),
                all if all >= self.order.len() && self.order.len() < self.problem.red.len() => {
                    "some turned every quick red test green, and not all of the slow ones".to_owned()
                }
                all if all >= self.order.len() => {
                    "some turned every red test green but broke another".to_owned()
                }
                some => format!("the nearest turned {some} of {} red tests green", self.order.len()),
            };
            let end =
                if at_limit { "the search ended at its limit" } else { "there was nothing left to try" };
            format!("{tried} candidates were tried; {near}; {end}")
        };
        let mut trouble = self.trouble.take();
        if self.is_blind {
            trouble.get_or_insert(PortError::new(ErrorKind::Bug, "a grammar could not be loaded"));
        }
        Sought {
            partly: self.partly.take().filter(|_| best.is_none()),
            ground: Some(self.ground.told()),
            time: SeekTime {
                wall_us: self.means.clock.monotonic_us().saturating_sub(self.started_us),
                ..self.time
            },
            best,
            runners_up: found,
            tried,
            trials: self.trials,
            deduplicated: self.dropped,
            account,
            at_limit: at_limit || trouble.is_some(),
            trouble,
            reused: Vec::new(),
        }
    }
}

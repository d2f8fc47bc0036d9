//! Many candidates in one process of a runner, see [`Many`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use coditect_code::repair::{Candidate, Scope, Trial};
use coditect_code::suite::{BUILD, Built, Fate, IMPORT, Many, Patch};
use coditect_ports::{PortError, Writes};
use coditect_types::{ErrorKind, TestResult, TestStatus};

use super::judge::{self, Bench, Stage};

/// A candidate may take this many times as long as the unchanged project.
const TIMES: u32 = 8;
/// And always this long: the runner itself breaks off what computes without an end, so this is for what waits.
const AT_LEAST: Duration = Duration::from_secs(4);
/// Where a candidate is a process of its own, which is ended without harm to others, this much is enough.
const LOOPS: Duration = Duration::from_millis(600);
/// Candidates that are tried together, at most and at least, and how long that may take.
const MOST: usize = 192;
const LEAST: usize = 16;
const BATCH_TIME: Duration = Duration::from_secs(8);
/// For the first time, when nothing is known.
const AT_FIRST: Duration = Duration::from_secs(45);
/// The first batch for processes that fork themselves, the largest one, and how long one may take: they are ready after a
/// second or two, and one that imports the project for each candidate takes several times as long as one that need not.
const FIRST_FORKS: usize = 96;
const MOST_FORKS: usize = 256;
const FORKS_TIME: Duration = Duration::from_secs(12);
/// Red tests that are run for each candidate: the quickest, so that they take no longer than this.
const MOST_TIME: Duration = Duration::from_millis(500);
const MOST_TESTS: usize = 40;
/// Red tests that do not end, where there are no others: each costs a candidate its whole time.
const MOST_HANGING: usize = 2;
/// Candidates that are tried together then.
const LEAST_HANGING: usize = 48;
/// Candidates of a batch that nearly pass and are run by themselves.
const MOST_LOOKS: usize = 6;
/// Once so many of them said the same by themselves, no further one is.
const ENOUGH_LOOKS: usize = 3;
/// Tests that are learnt from one candidate, and all that are asked of those that turn the red ones green.
const MOST_LEARNT: usize = 3;
const MOST_NEAR: usize = 1_000;
/// The likeliest files, of which the red tests load one.
const MOST_BROKEN: usize = 20;
/// A file that is this breaks whoever loads it.
const BROKEN: &str = "throw new Error('coditect');\n";

/// The files of a candidate.
type Overlay = BTreeMap<String, String>;

/// What was found out about the candidates of the batch.
#[derive(Debug)]
pub(super) struct Batches {
    /// Nothing, where nothing is built.
    built: Option<Built>,
    /// Red tests that each candidate is tried with.
    ids: Vec<String>,
    /// Green tests that are run for those that turn the red ones green.
    near: Mutex<Vec<String>>,
    /// These tests do not end on the unchanged project.
    hangs: bool,
    /// Processes at once.
    threads: usize,
    /// The longest that one candidate may take, and the same where only its own tests count.
    share: Duration,
    tests_share: Duration,
    /// Candidates that are tried together.
    size: AtomicUsize,
    /// A process forks itself for them.
    forks: bool,
    known: Mutex<HashMap<Overlay, Known>>,
    /// Candidates of the batch that were given a second look.
    looks: AtomicUsize,
    /// Second looks in a row that said the same.
    agreed: AtomicUsize,
}

/// What it takes to prepare batches, once several candidates are to be tried.
#[derive(Debug)]
pub(super) struct Later<'a> {
    red: &'a [TestResult],
    threads: usize,
    begun: AtomicBool,
}

impl<'a> Later<'a> {
    pub(super) fn new(red: &'a [TestResult], threads: usize) -> Self {
        Self { red, threads, begun: AtomicBool::new(false) }
    }

    /// Whether nobody prepared them so far.
    pub(super) fn is_open(&self) -> bool {
        !self.begun.load(Ordering::Relaxed)
    }
}

/// What is known of a candidate.
#[derive(Clone, Debug)]
struct Known {
    trial: Trial,
    /// Green tests that it broke, where it turned the red ones green.
    broke: Vec<(String, String)>,
    /// It was run by itself.
    looked: bool,
}

/// What the batch says of a candidate.
#[derive(Debug)]
pub(super) enum Told {
    Nothing,
    /// Something, and it is worth a run by itself.
    Look,
    Trial(Trial),
}

impl Batches {
    /// How many candidates are best tried together.
    pub(super) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Where candidates differ much in what they take, the last batch says how many fit the next.
    fn took(&self, candidates: usize, time: Duration) {
        if self.forks && candidates >= self.threads * 2 {
            let fit = candidates as u128 * FORKS_TIME.as_micros() / time.as_micros().max(1);
            let fit = usize::try_from(fit).unwrap_or(MOST_FORKS);
            let least = self.threads * 2;
            let most = self.size().max(candidates * 2).min(MOST_FORKS).max(least);
            self.size.store(fit.clamp(least, most), Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Overlay, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a candidate was tried in the batch.
    pub(super) fn has(&self, overlay: &Overlay) -> bool {
        self.lock().contains_key(overlay)
    }

    /// What the red tests say of a candidate, as far as it was tried. One that nearly passes is looked at again, until
    /// this said the same a few times: a test may copy files or start processes, which then have none of the
    /// candidate's text.
    pub(super) fn known(&self, overlay: &Overlay) -> Told {
        let Some(known) = self.lock().get(overlay).cloned() else { return Told::Nothing };
        let red = !overlay.is_empty() && !known.looked && !known.trial.red.is_empty();
        let near = red && known.trial.passed.len() * 2 >= self.ids.len();
        if near
            && self.agreed.load(Ordering::Relaxed) < ENOUGH_LOOKS
            && self.looks.fetch_add(1, Ordering::Relaxed) < MOST_LOOKS
        {
            return Told::Look;
        }
        Told::Trial(known.trial)
    }

    /// What a look said. Gives what is known then.
    pub(super) fn looked(&self, overlay: &Overlay, trial: Trial) -> Trial {
        if trial.red.is_empty() {
            self.agreed.store(0, Ordering::Relaxed);
        } else {
            self.agreed.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(known) = self.lock().get_mut(overlay) {
            known.trial = trial.clone();
            known.looked = true;
        }
        trial
    }

    /// Tests that a candidate broke, which a run of the whole suite told, are asked sooner from now on.
    pub(super) fn learn(&self, whole: &Trial) {
        let mut near = self.near.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, _) in whole.red.iter().take(MOST_LEARNT) {
            if near.len() < MOST_NEAR && !near.contains(id) && !id.ends_with(IMPORT) && !self.ids.contains(id)
            {
                near.push(id.clone());
            }
        }
    }

    /// What is known of a run of the whole suite: a test near the red ones broke.
    /// `flaky`: tests that say nothing of it.
    pub(super) fn whole(&self, overlay: &Overlay, flaky: &BTreeMap<String, (u32, u32)>) -> Option<Trial> {
        let mut broke = self.lock().get(overlay)?.broke.clone();
        broke.retain(|(id, _)| !flaky.contains_key(id));
        (!broke.is_empty()).then(|| Trial { red: broke, complete: true, ..Trial::default() })
    }
}

/// How many candidates the first batch of forks has: where tests are slow, a survivor among the first should not wait for the
/// rest of it.
fn first_forks(took: Duration, threads: usize) -> usize {
    let fit = FORKS_TIME.as_micros() * threads as u128 / took.as_micros().max(1);
    usize::try_from(fit).unwrap_or(FIRST_FORKS).clamp(threads * 2, FIRST_FORKS.max(threads * 2))
}

impl Bench<'_> {
    /// Finds out whether this project's tests can try many candidates in one process: the unchanged project must say the
    /// same before and after its files are broken, and another thing with that.
    pub(super) fn prepare_batches(&self, red: &[TestResult], threads: usize) -> Result<(), PortError> {
        let Stage::Disk(trees) = &self.stage else { return Ok(()) };
        let (ids, hangs) = quickest(red);
        if ids.is_empty() {
            return Ok(());
        }
        let forks = self.forks();
        if forks && ids.iter().any(|id| id.ends_with(IMPORT)) {
            // Such tests have no names to select them by.
            return Ok(());
        }
        let built = trees.with(&BTreeMap::new(), |tree| {
            self.suite(self.project, tree.path(), tree.cache(), tree.writes()).build(self.limits, self.stop)
        })?;
        let fine = built.as_ref().map_or(forks, |built| built.broken().is_none());
        if !fine {
            return Ok(());
        }
        let suspects = self.product.iter().take(MOST_BROKEN);
        let broken: Overlay = suspects.map(|source| (source.path.clone(), BROKEN.to_owned())).collect();
        let mut batches = Batches {
            built,
            ids,
            near: Mutex::new(self.near.clone()),
            hangs,
            threads,
            share: AT_FIRST,
            tests_share: AT_FIRST,
            size: AtomicUsize::new(MOST),
            forks,
            known: Mutex::default(),
            looks: AtomicUsize::new(0),
            agreed: AtomicUsize::new(0),
        };
        let unchanged = Overlay::new();
        let fates = self.fates(&batches, &[&unchanged, &broken, &unchanged])?;
        if let [Some(before), Some(with), Some(after)] = fates.as_slice() {
            let said = |fate: &Fate| fate.red.iter().cloned().collect::<BTreeSet<_>>();
            let tests = |fate: &Fate| said(fate).into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>();
            let differs = before.hung != with.hung || said(before) != said(with);
            let bad = !before.red.is_empty() || before.hung;
            let bad = bad && (!forks || says_what_it_said(red, before));
            if bad && before.hung == after.hung && tests(before) == tests(after) && differs {
                let took = match after.hung {
                    true => with.took,
                    // What breaks the project is a matter of importing it again.
                    false if forks => after.took,
                    false => after.took.max(with.took),
                };
                batches.share = AT_LEAST + took * TIMES;
                batches.tests_share = if hangs { AT_LEAST } else { LOOPS } + took * TIMES;
                let size = match after.hung {
                    true => LEAST_HANGING,
                    false if forks => first_forks(took, threads),
                    false => size(took, threads),
                };
                batches.size = AtomicUsize::new(size);
                if self.covers(&batches) {
                    // The search begins with a look at the unchanged project, which this was.
                    let first = HashMap::from([(unchanged, known(after.clone()))]);
                    batches.known = Mutex::new(first);
                }
                self.batches.get_or_init(|| batches);
            }
        }
        Ok(())
    }

    /// Whether a process that is ready forks itself for candidates.
    pub(super) fn forks(&self) -> bool {
        self.suite(self.project, Path::new(""), None, Writes::Refused).forks()
    }

    /// Prepares them where that was put off until several candidates are to be tried.
    pub(super) fn prepare_now(&self) -> Result<(), PortError> {
        match self.later.get() {
            Some(later) if !later.begun.swap(true, Ordering::Relaxed) => {
                self.prepare_batches(later.red, later.threads)
            }
            _ => Ok(()),
        }
    }

    /// Tries a batch with the red tests.
    pub(super) fn try_batch(
        &self,
        batches: &Batches,
        batch: &[(&Candidate, &Overlay)],
    ) -> Result<(), PortError> {
        // Likely ones come first: each process gets its part of them.
        let parts: Vec<Vec<&Overlay>> = (0..batches.threads.max(1))
            .map(|n| batch.iter().skip(n).step_by(batches.threads.max(1)).map(|(_, files)| *files).collect())
            .collect();
        let began = Instant::now();
        let tried = thread::scope(|scope| {
            let each = parts.iter().map(|part| (part, scope.spawn(|| self.fates(batches, part))));
            let all: Vec<_> = each.collect();
            let join = |(part, handle): (_, thread::ScopedJoinHandle<'_, _>)| {
                let bug = |_| PortError::new(ErrorKind::Bug, "a batch of candidates broke off with a panic");
                handle.join().map_err(bug).and_then(|fates| fates).map(|fates| (part, fates))
            };
            all.into_iter().map(join).collect::<Result<Vec<(&Vec<&Overlay>, Vec<Option<Fate>>)>, _>>()
        })?;
        batches.took(batch.len(), began.elapsed());
        let mut known = HashMap::new();
        for (part, fates) in tried {
            let told = part.iter().zip(fates).filter_map(|(overlay, fate)| Some(((*overlay).clone(), fate?)));
            known.extend(told.map(|(overlay, fate)| (overlay, self::known(fate))));
        }
        if !self.covers(batches) {
            // Those that pass are run with the other red tests too.
            known.retain(|_, known| !known.trial.red.is_empty() || known.trial.timed_out);
        }
        batches.looks.store(0, Ordering::Relaxed);
        *batches.lock() = known;
        Ok(())
    }

    /// What a batch says of a candidate; one that nearly passes is run by itself.
    pub(super) fn of_batch(
        &self,
        batches: &Batches,
        overlay: &Overlay,
        scope: Scope<'_>,
    ) -> Result<Option<Trial>, PortError> {
        if matches!(scope, Scope::Whole) {
            return Ok(batches.whole(overlay, &self.flaky()));
        }
        match batches.known(overlay) {
            Told::Nothing => Ok(None),
            Told::Trial(trial) => Ok(Some(trial)),
            Told::Look => {
                let scope = Scope::Tests { ids: &batches.ids, stop_at_red: false };
                let trial = judge::trial(self.try_tests(overlay, &batches.ids, false)?, scope);
                Ok(Some(batches.looked(overlay, trial)).filter(|trial| !trial.red.is_empty()))
            }
        }
    }

    /// Whether all red tests are tried.
    fn covers(&self, batches: &Batches) -> bool {
        self.red <= batches.ids.len()
    }

    fn fates(&self, batches: &Batches, overlays: &[&Overlay]) -> Result<Vec<Option<Fate>>, PortError> {
        let Stage::Disk(trees) = &self.stage else { return Ok(vec![None; overlays.len()]) };
        let patches: Vec<Option<Vec<Patch>>> = overlays.iter().map(|overlay| self.patches(overlay)).collect();
        let candidates: Vec<Vec<Patch>> = patches.iter().flatten().cloned().collect();
        let near = batches.near.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let many = Many {
            candidates: &candidates,
            select: &batches.ids,
            near: &near,
            hangs: batches.hangs,
            limits: self.limits,
            share: batches.share,
            tests_share: batches.tests_share,
        };
        let (fates, runs) = trees.with(&BTreeMap::new(), |tree| {
            self.suite(self.project, tree.path(), tree.cache(), tree.writes()).run_many(
                batches.built.as_ref(),
                &many,
                self.stop,
            )
        })?;
        self.runs.fetch_add(u64::from(runs), Ordering::Relaxed);
        let mut fates = fates.into_iter();
        Ok(patches.iter().map(|patch| patch.as_ref().and_then(|_| fates.next().flatten())).collect())
    }

    /// A candidate's files as changes of those on the disk.
    fn patches(&self, overlay: &Overlay) -> Option<Vec<Patch>> {
        let patch = |(path, new): (&String, &String)| {
            let old = self.product.iter().find(|source| source.path == *path)?;
            let bytes = |text: &str| self.script.bytes(path, text);
            Patch::between(path, &bytes(&old.text)?, &bytes(new)?)
        };
        overlay.iter().map(patch).collect()
    }
}

/// Candidates of a batch, so that it is over in time for the search to look at its limits.
fn size(took: Duration, threads: usize) -> usize {
    let fit = BATCH_TIME.as_micros() / took.as_micros().max(1);
    usize::try_from(fit).unwrap_or(MOST).saturating_mul(threads.max(1)).clamp(LEAST, MOST)
}

/// Red tests that take little time, in the order of the tests; those that do not end only where there are no others, and
/// then this says so.
fn quickest(red: &[TestResult]) -> (Vec<String>, bool) {
    if red.iter().any(|test| test.id == BUILD) {
        return (Vec::new(), false);
    }
    let hangs = red.iter().all(|test| test.status == TestStatus::TimedOut);
    let most = if hangs { MOST_HANGING } else { MOST_TESTS };
    let mut order: Vec<&TestResult> =
        red.iter().filter(|test| hangs || test.status != TestStatus::TimedOut).collect();
    order.sort_by_key(|test| test.us);
    let mut time = Duration::ZERO;
    let mut chosen = BTreeSet::new();
    for test in order.into_iter().take(most) {
        time += Duration::from_micros(test.us);
        if !chosen.is_empty() && !hangs && time > MOST_TIME {
            break;
        }
        chosen.insert(&test.id);
    }
    (red.iter().map(|test| &test.id).filter(|id| chosen.contains(id)).cloned().collect(), hangs)
}

/// Whether tests are as red in a process that has imported the project twice as they were by themselves.
fn says_what_it_said(red: &[TestResult], fate: &Fate) -> bool {
    fate.red
        .iter()
        .all(|(id, said)| red.iter().any(|test| test.id == *id && said.starts_with(test.error_type.as_str())))
}

fn known(fate: Fate) -> Known {
    let broke = fate.broke.clone();
    Known { trial: trial(fate), broke, looked: false }
}

fn trial(fate: Fate) -> Trial {
    Trial {
        passed: fate.passed,
        complete: !fate.red.is_empty() || !fate.hung,
        timed_out: fate.hung,
        red: fate.red,
    }
}

#[cfg(test)]
mod tests;

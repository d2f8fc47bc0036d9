//! Many candidates in one process of a runner, see [`Many`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use coditect_code::repair::{Candidate, Trial};
use coditect_code::suite::{BUILD, Built, Fate, Many, Patch};
use coditect_ports::PortError;
use coditect_types::{ErrorKind, TestResult, TestStatus};

use super::judge::{Bench, Stage};

/// A candidate may take this many times as long as the unchanged project.
const TIMES: u32 = 8;
/// And always this long.
const AT_LEAST: Duration = Duration::from_millis(750);
/// Candidates that are tried together, at most and at least, and how long that may take.
const MOST: usize = 192;
const LEAST: usize = 16;
const BATCH_TIME: Duration = Duration::from_secs(8);
/// For the first time, when nothing is known.
const AT_FIRST: Duration = Duration::from_secs(45);
/// Red tests that are run for each candidate: the quickest, so that they take no longer than this.
const MOST_TIME: Duration = Duration::from_millis(500);
const MOST_TESTS: usize = 40;
/// Candidates of a batch that nearly pass and are run by themselves.
const MOST_LOOKS: usize = 6;
/// The likeliest files, of which the red tests load one.
const MOST_BROKEN: usize = 20;
/// A file that is this breaks whoever loads it.
const BROKEN: &str = "throw new Error('coditect');\n";

/// The files of a candidate.
type Overlay = BTreeMap<String, String>;

/// What was found out about the candidates of the batch.
#[derive(Debug)]
pub(super) struct Batches {
    built: Built,
    /// Red tests that each candidate is tried with.
    ids: Vec<String>,
    /// Processes at once.
    threads: usize,
    /// The longest that one candidate may take.
    share: Duration,
    /// Candidates that are tried together.
    size: usize,
    known: Mutex<HashMap<Overlay, Trial>>,
    /// Candidates of the batch that were given a second look.
    looks: AtomicUsize,
}

impl Batches {
    /// How many candidates are best tried together.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What the red tests say of a candidate, as far as it was tried. One that nearly passes is not known: a test may
    /// copy files or start processes, which then have none of the candidate's text.
    pub(super) fn known(&self, overlay: &Overlay) -> Option<Trial> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(overlay).cloned()?;
        let near = !overlay.is_empty() && !known.red.is_empty() && known.passed.len() * 2 >= self.ids.len();
        if near && self.looks.fetch_add(1, Ordering::Relaxed) < MOST_LOOKS {
            return None;
        }
        Some(known)
    }
}

impl Bench<'_> {
    /// Finds out whether this project's tests can try many candidates in one process: the unchanged project must say the
    /// same before and after its files are broken, and another thing with that.
    pub(super) fn prepare_batches(&mut self, red: &[TestResult], threads: usize) -> Result<(), PortError> {
        let Stage::Disk(trees) = &self.stage else { return Ok(()) };
        let ids = quickest(red);
        if ids.is_empty() {
            return Ok(());
        }
        let built = trees.with(&BTreeMap::new(), |tree| {
            self.suite(self.project, tree.path(), tree.cache(), tree.writes()).build(self.limits, self.stop)
        })?;
        let Some(built) = built.filter(|built| built.broken().is_none()) else { return Ok(()) };
        let suspects = self.product.iter().take(MOST_BROKEN);
        let broken: Overlay = suspects.map(|source| (source.path.clone(), BROKEN.to_owned())).collect();
        let mut batches = Batches {
            built,
            ids,
            threads,
            share: AT_FIRST,
            size: MOST,
            known: Mutex::default(),
            looks: AtomicUsize::new(0),
        };
        let unchanged = Overlay::new();
        let fates = self.fates(&batches, &[&unchanged, &broken, &unchanged])?;
        if let [Some(before), Some(with), Some(after)] = fates.as_slice() {
            let said = |fate: &Fate| fate.red.iter().cloned().collect::<BTreeSet<_>>();
            let tests = |fate: &Fate| said(fate).into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>();
            if !before.red.is_empty() && tests(before) == tests(after) && said(before) != said(with) {
                let took = after.took.max(with.took);
                batches.share = AT_LEAST + took * TIMES;
                batches.size = size(took, threads);
                if self.covers(&batches) {
                    // The search begins with a look at the unchanged project, which this was.
                    let first = HashMap::from([(unchanged, trial(after.clone()))]);
                    batches.known = Mutex::new(first);
                }
                self.batches = Some(batches);
            }
        }
        Ok(())
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
        let tried = thread::scope(|scope| {
            let each = parts.iter().map(|part| (part, scope.spawn(|| self.fates(batches, part))));
            let all: Vec<_> = each.collect();
            let join = |(part, handle): (_, thread::ScopedJoinHandle<'_, _>)| {
                let bug = |_| PortError::new(ErrorKind::Bug, "a batch of candidates broke off with a panic");
                handle.join().map_err(bug).and_then(|fates| fates).map(|fates| (part, fates))
            };
            all.into_iter().map(join).collect::<Result<Vec<(&Vec<&Overlay>, Vec<Option<Fate>>)>, _>>()
        })?;
        let mut known = HashMap::new();
        for (part, fates) in tried {
            let told = part.iter().zip(fates).filter_map(|(overlay, fate)| Some(((*overlay).clone(), fate?)));
            known.extend(told.map(|(overlay, fate)| (overlay, trial(fate))));
        }
        if !self.covers(batches) {
            // Those that pass are run with the other red tests too.
            known.retain(|_, trial| !trial.red.is_empty() || trial.timed_out);
        }
        batches.looks.store(0, Ordering::Relaxed);
        *batches.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// Whether all red tests are tried.
    fn covers(&self, batches: &Batches) -> bool {
        self.red <= batches.ids.len()
    }

    fn fates(&self, batches: &Batches, overlays: &[&Overlay]) -> Result<Vec<Option<Fate>>, PortError> {
        let Stage::Disk(trees) = &self.stage else { return Ok(vec![None; overlays.len()]) };
        let patches: Vec<Option<Vec<Patch>>> = overlays.iter().map(|overlay| self.patches(overlay)).collect();
        let candidates: Vec<Vec<Patch>> = patches.iter().flatten().cloned().collect();
        let many =
            Many { candidates: &candidates, select: &batches.ids, limits: self.limits, share: batches.share };
        let (fates, runs) = trees.with(&BTreeMap::new(), |tree| {
            self.suite(self.project, tree.path(), tree.cache(), tree.writes()).run_many(
                &batches.built,
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

/// Red tests that take little time, in the order of the tests.
fn quickest(red: &[TestResult]) -> Vec<String> {
    if red.iter().any(|test| test.id == BUILD || test.status == TestStatus::TimedOut) {
        return Vec::new();
    }
    let mut order: Vec<&TestResult> = red.iter().collect();
    order.sort_by_key(|test| test.us);
    let mut time = Duration::ZERO;
    let mut chosen = BTreeSet::new();
    for test in order.into_iter().take(MOST_TESTS) {
        time += Duration::from_micros(test.us);
        if !chosen.is_empty() && time > MOST_TIME {
            break;
        }
        chosen.insert(&test.id);
    }
    red.iter().map(|test| &test.id).filter(|id| chosen.contains(id)).cloned().collect()
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

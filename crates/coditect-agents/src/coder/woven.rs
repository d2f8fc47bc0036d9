//! A batch of candidates in one build, see [`schemata`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use coditect_code::repair::schemata::{self, PICK, Schema, Without};
use coditect_code::repair::{Candidate, Source};
use coditect_code::suite::{Arm, Built, Fitting, Suite, Variant};
use coditect_ports::{PortError, Stop};
use coditect_types::Limits;

use super::parts::Part;
use super::picks::Picks;

/// Builds of one batch: each leaves out what the one before could not compile.
const MOST_BUILDS: usize = 6;

/// The files of a candidate.
type Overlay = BTreeMap<String, String>;

/// What became of a candidate of the batch.
#[derive(Clone, Debug)]
pub(super) enum Member {
    /// It is in this build, under this number.
    Built(Arc<Built>, usize),
    /// It does not compile.
    Refused(String),
}

/// The worktree that batches are built in.
#[derive(Debug)]
pub(super) struct Woven {
    pub(super) tree: PathBuf,
    pub(super) cache: PathBuf,
    members: Mutex<HashMap<Overlay, Member>>,
    /// Files that the last batch put into the worktree, and what stood there.
    written: Mutex<BTreeMap<String, Option<Vec<u8>>>>,
    /// The tests that are built for a batch, where others need not be as long as these are red.
    only: Option<Part>,
    /// The batch with all tests, once a candidate needs them.
    whole: Mutex<Option<Arc<Built>>>,
    /// Its candidates, where one process can try many.
    pub(super) picks: Picks,
    threads: usize,
}

impl Woven {
    pub(super) fn new(tree: PathBuf, cache: PathBuf, threads: usize, only: Option<Part>) -> Self {
        let (members, written, whole) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { tree, cache, members, written, only, whole, picks: Picks::default(), threads }
    }

    /// Builds the project as it is, for what is asked before the first batch.
    pub(super) fn build_base(
        &self,
        suite: &Suite<'_>,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<u32, PortError> {
        let built = suite.build_for(self.only.as_ref().map(Part::ids), limits, stop)?.map(Built::of_compiled);
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.clear();
        if let Some(built) = built.filter(|built| built.broken().is_none()) {
            members.insert(Overlay::new(), Member::Built(Arc::new(built), usize::MAX));
        }
        Ok(1)
    }

    /// Whether a test is built for a batch.
    pub(super) fn has(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.has(id))
    }

    /// The batch with all tests, built by whoever is the first to need it. None: it cannot be had.
    pub(super) fn whole(
        &self,
        suite: &Suite<'_>,
        limits: &Limits,
        stop: &Stop,
    ) -> Result<Option<Arc<Built>>, PortError> {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if whole.is_none() {
            let built = suite.build(limits, stop)?.filter(|built| built.broken().is_none());
            *whole = built.map(|built| Arc::new(built.of_compiled()));
        }
        Ok(whole.clone())
    }

    /// Whether a batch is built with a part of the tests.
    pub(super) fn is_partial(&self) -> bool {
        self.only.is_some()
    }

    /// What is known of a candidate; None: it is in no build.
    pub(super) fn member(&self, overlay: &BTreeMap<String, String>) -> Option<Member> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.get(overlay).cloned()
    }

    /// Builds a batch of changes of `sources`; those of them that are not as the project has them are in `changed`. Gives
    /// the number of processes that it took.
    pub(super) fn build(
        &self,
        suite: &Suite<'_>,
        (sources, changed): (&[Source], &Overlay),
        batch: &[(&Candidate, &BTreeMap<String, String>)],
        limits: &Limits,
        stop: &Stop,
    ) -> Result<u32, PortError> {
        let candidates: Vec<&Candidate> = batch.iter().map(|(candidate, _)| *candidate).collect();
        let root = self.tree.join(&suite.project.root);
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut without = Without::default();
        let mut members = HashMap::new();
        let mut runs = 0;
        let mut base = None;
        for _ in 0..MOST_BUILDS {
            let schema = schemata::weave(sources, &candidates, &without);
            if schema.members.is_empty() && !suite.takes_many() {
                break;
            }
            let mut files = changed.clone();
            files.extend(schema.files.iter().map(|(path, text)| (path.clone(), text.clone())));
            self.put(&root, &files)?;
            let variants = beside(suite, batch, &schema.members, &members);
            let asked = (arms(&schema), variants.as_slice());
            let asked = (asked.0.as_slice(), asked.1);
            let Some((built, fitting)) =
                suite.build_woven(self.only.as_ref().map(Part::ids), asked, limits, stop)?
            else {
                break;
            };
            runs += 1;
            let Some((_, frames)) = built.broken() else {
                let built = Arc::new(built.of_compiled());
                settle(batch, (&schema.members, &variants), &fitting, &built, &mut members);
                base = Some((built, variants.iter().map(|(number, _)| *number).collect()));
                break;
            };
            let mut blamed: BTreeSet<usize> =
                frames.iter().filter_map(|frame| schema.owner(&frame.file, frame.line)).collect();
            for n in &blamed {
                members.insert(batch[*n].1.clone(), Member::Refused("it does not compile".to_owned()));
            }
            // Where the project itself does not compile, only a candidate of that very function can help.
            let bases = frames
                .iter()
                .filter_map(|frame| Some((frame.file.clone(), schema.base(&frame.file, frame.line)?)));
            let known = without.bodies.len();
            without.bodies.extend(bases);
            if blamed.is_empty() && without.bodies.len() == known {
                // The weaving itself is at fault: these files stay as they are.
                let in_file = |n: &usize| {
                    let files: BTreeSet<&str> = candidates[*n].edits.iter().map(|edit| &*edit.path).collect();
                    frames.is_empty() || frames.iter().any(|frame| files.contains(frame.file.as_str()))
                };
                blamed = schema.members.iter().copied().filter(in_file).collect();
                if blamed.is_empty() {
                    break;
                }
            }
            without.candidates.extend(blamed);
        }
        if let Some((base, told)) = base {
            runs += one_by_one(suite, (&base, &told), batch, &mut members, limits, stop)?;
        }
        let number = |member: &Member| match member {
            Member::Built(_, number) => u32::try_from(*number).ok(),
            Member::Refused(_) => None,
        };
        self.picks.begin(members.values().filter_map(number).collect(), self.threads);
        *self.members.lock().unwrap_or_else(PoisonError::into_inner) = members;
        Ok(runs)
    }

    /// Writes files over the worktree, in place of those of the batch before.
    fn put(&self, root: &Path, files: &BTreeMap<String, String>) -> Result<(), PortError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let io = |error: std::io::Error| PortError::from_io("write candidates into a worktree", &error);
        for (path, before) in std::mem::take(&mut *written) {
            let at = root.join(&path);
            match (&before, files.contains_key(&path)) {
                (_, true) => {
                    written.insert(path, before);
                }
                (Some(before), false) => super::trees::replace(&at, before).map_err(io)?,
                (None, false) => super::trees::remove(&at).map_err(io)?,
            }
        }
        for (path, text) in files {
            let at = root.join(path);
            let now = std::fs::read(&at).ok();
            if now.as_deref() == Some(text.as_bytes()) {
                continue;
            }
            if !written.contains_key(path) {
                written.insert(path.clone(), now);
            }
            if let Some(folder) = at.parent() {
                std::fs::create_dir_all(folder).map_err(io)?;
            }
            super::trees::replace(&at, text.as_bytes()).map_err(io)?;
        }
        Ok(())
    }
}

/// The files of `sources` that are not as `product` has them.
pub(super) fn changed(product: &[Source], sources: &[Source]) -> Overlay {
    let same =
        |source: &&Source| product.iter().any(|own| own.path == source.path && own.text == source.text);
    let file = |source: &Source| (source.path.clone(), source.text.clone());
    sources.iter().filter(|source| !same(source)).map(file).collect()
}

fn arms(schema: &Schema) -> Vec<Arm> {
    let arm = |(number, path, lines): (usize, &str, _)| {
        Some(Arm { number: u32::try_from(number).ok()?, path: path.to_owned(), lines })
    };
    schema.arms().filter_map(arm).collect()
}

/// What cannot be woven and is built beside, where the language can.
fn beside<'b>(
    suite: &Suite<'_>,
    batch: &[(&Candidate, &'b Overlay)],
    woven: &BTreeSet<usize>,
    members: &HashMap<Overlay, Member>,
) -> Vec<Variant<'b>> {
    if !suite.takes_many() {
        return Vec::new();
    }
    let open = |(n, overlay): &(usize, &'b Overlay)| !woven.contains(n) && !members.contains_key(*overlay);
    let all = batch.iter().map(|(_, overlay)| *overlay).enumerate().filter(open);
    all.filter_map(|(n, overlay)| Some((u32::try_from(n).ok()?, overlay))).collect()
}

/// Keeps what a build said of its candidates.
fn settle(
    batch: &[(&Candidate, &Overlay)],
    (woven, beside): (&BTreeSet<usize>, &[Variant<'_>]),
    fitting: &Fitting,
    built: &Arc<Built>,
    members: &mut HashMap<Overlay, Member>,
) {
    let told = |n: usize| u32::try_from(n).ok().and_then(|number| fitting.get(&number));
    for n in woven {
        // Copies that a method has no room for are told of too: they are in no build.
        let member = match told(*n) {
            Some(Err(why)) if why.is_empty() => continue,
            Some(Err(why)) => Member::Refused(why.clone()),
            Some(Ok(())) | None => Member::Built(Arc::clone(built), *n),
        };
        members.insert(batch[*n].1.clone(), member);
    }
    for (number, overlay) in beside {
        let member = match fitting.get(number) {
            Some(Ok(())) => Member::Built(Arc::clone(built), *number as usize),
            Some(Err(why)) => Member::Refused(why.clone()),
            None => continue,
        };
        members.insert((*overlay).clone(), member);
    }
}

/// Builds what was in no build beside the woven program, but for those that were `told` of. Gives the number of processes.
fn one_by_one(
    suite: &Suite<'_>,
    (base, told): (&Arc<Built>, &BTreeSet<u32>),
    batch: &[(&Candidate, &Overlay)],
    members: &mut HashMap<Overlay, Member>,
    limits: &Limits,
    stop: &Stop,
) -> Result<u32, PortError> {
    let mut variants = beside(suite, batch, &BTreeSet::new(), members);
    variants.retain(|(number, _)| !told.contains(number));
    if variants.is_empty() {
        return Ok(0);
    }
    let Some(fitting) = suite.build_variants(&variants, limits, stop)? else { return Ok(0) };
    settle(batch, (&BTreeSet::new(), &variants), &fitting, base, members);
    Ok(1)
}

/// What the test programs are told, to run one candidate.
pub(super) fn picked(number: usize) -> Vec<(String, String)> {
    vec![(PICK.to_owned(), number.to_string())]
}

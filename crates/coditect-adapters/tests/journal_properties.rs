//! Whatever happens to the files, what was acknowledged is read or its loss is said, and never something else.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use coditect_adapters::Segments;
use coditect_ports::Journal;
use coditect_testkit::conformance::wait_for;
use coditect_types::MissionId;
use proptest::prelude::*;

const SEGMENT: u64 = 12 << 10;
/// Enough for each run of the tests; 4,000 of each were run when the format was made.
const CASES: u32 = 64;

/// A step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// An append of records of these lengths.
    Append {
        stream: u64,
        lens: Vec<usize>,
    },
    /// The process ends, or dies and leaves everything as it is, and another opens the journal.
    Reopen,
    /// Another process goes on with the stream.
    Move {
        stream: u64,
    },
    Forget {
        stream: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let lens = prop::collection::vec(0..400_usize, 1..5);
    prop_oneof![
        20 => (0..4_u64, lens).prop_map(|(stream, lens)| Step::Append { stream, lens }),
        2 => Just(Step::Reopen),
        2 => (0..4_u64).prop_map(|stream| Step::Move { stream }),
        1 => (0..4_u64).prop_map(|stream| Step::Forget { stream }),
    ]
}

/// What happens to one segment file.
#[derive(Clone, Debug)]
enum Harm {
    /// Its end is lost, as in a crash.
    Cut,
    /// Bytes in it change.
    Spoil(Vec<u8>),
    /// Bytes in it become zeros.
    Zero(usize),
    /// Foreign bytes come after its end.
    Grow(Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Cut),
        prop::collection::vec(1..=255_u8, 1..40).prop_map(Harm::Spoil),
        (1..6000_usize).prop_map(Harm::Zero),
        prop::collection::vec(any::<u8>(), 1..300).prop_map(Harm::Grow),
    ]
}

fn id(n: u64) -> MissionId {
    MissionId::from_parts(0, n)
}

/// Acknowledged batches by stream.
type Model = BTreeMap<u64, Vec<Vec<Vec<u8>>>>;

fn last(model: &Model, stream: u64) -> u64 {
    model.get(&stream).map_or(0, |batches| batches.iter().map(Vec::len).sum::<usize>() as u64)
}

/// A directory in memory where there is one: nothing here depends on a disk, and fsync takes its time.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Two handles, as two processes have; steps go to the first, `Move` swaps them.
fn play(dir: &Path, steps: &[Step]) -> Model {
    let open = || Segments::open_with(dir, SEGMENT).unwrap();
    let (mut one, mut two) = (open(), open());
    let mut model = Model::new();
    for (n, step) in steps.iter().enumerate() {
        match step {
            Step::Append { stream, lens } => {
                let records: Vec<Vec<u8>> = lens.iter().map(|len| vec![n as u8 + 1; *len]).collect();
                let at = last(&model, *stream);
                two.release(&id(*stream));
                wait_for(one.append(&id(*stream), at, records.clone())).unwrap();
                model.entry(*stream).or_default().push(records);
            }
            Step::Reopen => {
                drop(one);
                one = open();
            }
            Step::Move { stream } => {
                one.release(&id(*stream));
                std::mem::swap(&mut one, &mut two);
            }
            Step::Forget { stream } => {
                two.release(&id(*stream));
                // Refused where the other handle's lane has some of it.
                if one.forget(&id(*stream)).is_ok() {
                    model.remove(stream);
                }
            }
        }
    }
    model
}

/// What can be read of a stream, and whether something stood in the way.
fn read(journal: &Segments, stream: u64) -> (Vec<Vec<u8>>, bool) {
    let mut all = Vec::new();
    loop {
        match journal.read(&id(stream), all.len() as u64 + 1, 3) {
            Ok(page) if page.is_empty() => return (all, false),
            Ok(page) => all.extend(page.into_iter().map(|(_, bytes)| bytes)),
            Err(_) => return (all, true),
        }
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for lane in std::fs::read_dir(dir.join("lanes")).unwrap() {
        for entry in std::fs::read_dir(lane.unwrap().path()).unwrap() {
            found.push(entry.unwrap().path());
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    found.sort();
    found
}

/// Does harm. Gives true where what is left looks like an end, as after a crash before what is missing.
fn inflict(path: &Path, harm: &Harm, place: f64) -> bool {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len();
    let at = (place * len as f64) as u64;
    let mut bytes = vec![0; 8000.min((len - at) as usize)];
    file.read_exact_at(&mut bytes, at).unwrap();
    let end_is_gone = matches!(harm, Harm::Cut) || matches!(harm, Harm::Zero(n) if at + *n as u64 >= len);
    match harm {
        Harm::Cut => file.set_len(at).unwrap(),
        Harm::Spoil(mask) => {
            bytes.truncate(mask.len());
            bytes.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
            file.write_all_at(&bytes, at).unwrap();
        }
        Harm::Zero(count) => {
            bytes.truncate(*count);
            bytes.fill(0);
            file.write_all_at(&bytes, at).unwrap();
        }
        Harm::Grow(more) => file.write_all_at(more, len).unwrap(),
    }
    end_is_gone
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_read(steps in prop::collection::vec(step(), 1..60)) {
        let dir = scratch();
        let model = play(dir.path(), &steps);
        for journal in [Segments::open_read_only(dir.path()).unwrap(), Segments::open(dir.path()).unwrap()] {
            prop_assert_eq!(journal.findings(), vec![]);
            for stream in 0..4 {
                let expected: Vec<Vec<u8>> = model.get(&stream).into_iter().flatten().flatten().cloned().collect();
                prop_assert_eq!(read(&journal, stream), (expected, false));
            }
        }
    }

    #[test]
    fn harm_is_said_and_never_invents(
        steps in prop::collection::vec(step(), 1..60),
        harm in harm(),
        which in any::<prop::sample::Index>(),
        place in 0.0..1.0_f64,
    ) {
        let dir = scratch();
        let model = play(dir.path(), &steps);
        let files = segments(dir.path());
        prop_assume!(!files.is_empty());
        let silent = inflict(&files[which.index(files.len())], &harm, place);
        let before = Segments::open_read_only(dir.path()).unwrap();
        let journal = Segments::open_with(dir.path(), SEGMENT).unwrap();
        let mut lost = false;
        for stream in 0..4 {
            let batches = model.get(&stream).cloned().unwrap_or_default();
            let all: Vec<Vec<u8>> = batches.iter().flatten().cloned().collect();
            for (handle, sure) in [(&before, false), (&journal, true)] {
                let (found, refused) = read(handle, stream);
                prop_assert!(all.starts_with(&found), "stream {}: a beginning of what was kept", stream);
                let mut ends = batches.iter().scan(0, |end, batch| { *end += batch.len(); Some(*end) });
                prop_assert!(found.is_empty() || ends.any(|end| end == found.len()), "whole batches only");
                lost |= sure && found.len() < all.len() && !refused;
            }
            // The stream goes on from where it is, wherever that is.
            let (found, refused) = read(&journal, stream);
            if !refused {
                let at = journal.streams().unwrap().iter().find(|i| i.stream == id(stream)).map_or(0, |i| i.last_seq);
                prop_assert_eq!(at, found.len() as u64);
                prop_assert_eq!(wait_for(journal.append(&id(stream), at, vec![b"on".to_vec()])), Ok(at + 1));
                prop_assert_eq!(read(&journal, stream).0.len() as u64, at + 1);
            }
        }
        // A file that was cut between two appends shows nothing.
        prop_assert!(!lost || silent || !journal.findings().is_empty(), "a loss is said");
    }
}

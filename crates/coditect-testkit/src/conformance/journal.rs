//! What every journal must do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken promise ends the suite, with its name")]

use std::path::Path;
use std::sync::{Arc, Barrier};

use coditect_ports::journal::{AppendError, Journal, Saved, StreamInfo};
use coditect_types::MissionId;

use super::wait_for;

type Records = Vec<Vec<u8>>;

/// Every promise of [`Journal`] that one handle can show. `make` gives an empty journal each time.
pub fn journal(make: impl Fn() -> Arc<dyn Journal>) {
    appends_are_numbered_without_gaps(&*make());
    a_wrong_number_conflicts_and_keeps_nothing(&*make());
    reads_give_what_was_asked_for(&*make());
    records_are_any_bytes(&*make());
    streams_are_listed_in_the_order_of_ids(&*make());
    one_of_many_rivals_wins(&make());
    many_streams_at_once_stay_apart(&make());
    a_released_stream_goes_on(&*make());
    the_newest_snapshot_is_kept(&*make());
    what_is_forgotten_is_gone(&*make());
}

/// What a journal on a disk must do beside that. `open` opens the journal in a directory, once more each time.
pub fn journal_on_disk(open: impl Fn(&Path) -> Arc<dyn Journal>) {
    opened_again_it_has_everything(&open);
    a_stream_has_one_writer(&open);
    two_handles_see_each_other(&open);
    a_held_stream_is_not_forgotten(&open);
}

/// What a journal on a server must do beside that, where nobody holds a stream: the number alone fences. `open` opens
/// the journal that the directory stands for, once more each time.
pub fn journal_on_server(open: impl Fn(&Path) -> Arc<dyn Journal>) {
    opened_again_it_has_everything(&open);
    two_handles_see_each_other(&open);
    whoever_is_second_conflicts(&open);
    writers_on_two_handles_lose_nothing(&open);
    what_another_handle_forgot_is_gone(&open);
}

/// Names a stream of the suite.
fn stream(n: u64) -> MissionId {
    MissionId::parse(&format!("m-conformance-{n:04}")).expect("a good id")
}

fn records(texts: &[&str]) -> Records {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn append(journal: &dyn Journal, stream: &MissionId, at: u64, texts: &[&str]) -> Result<u64, AppendError> {
    wait_for(journal.append(stream, at, records(texts)))
}

/// The whole stream, read in pages.
fn whole(journal: &dyn Journal, stream: &MissionId) -> Vec<(u64, Vec<u8>)> {
    let mut all: Vec<(u64, Vec<u8>)> = Vec::new();
    loop {
        let page = journal.read(stream, all.len() as u64 + 1, 7).expect("readable");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn numbered(texts: &[&str]) -> Vec<(u64, Vec<u8>)> {
    (1..).zip(records(texts)).collect()
}

fn appends_are_numbered_without_gaps(journal: &dyn Journal) {
    let s = stream(1);
    assert_eq!(append(journal, &s, 0, &["a"]), Ok(1), "the first record is number 1");
    assert_eq!(append(journal, &s, 1, &["b", "c"]), Ok(3), "a batch is numbered on");
    assert_eq!(append(journal, &s, 3, &[]), Ok(3), "an empty append keeps nothing");
    assert_eq!(whole(journal, &s), numbered(&["a", "b", "c"]), "records come back in order");
}

fn a_wrong_number_conflicts_and_keeps_nothing(journal: &dyn Journal) {
    let s = stream(1);
    let ahead = append(journal, &s, 5, &["x"]);
    assert_eq!(ahead, Err(AppendError::Conflict { expected: 5, actual: 0 }), "ahead of an empty stream");
    append(journal, &s, 0, &["a", "b"]).unwrap();
    for wrong in [0, 1, 3] {
        let refused = append(journal, &s, wrong, &["x"]);
        assert_eq!(refused, Err(AppendError::Conflict { expected: wrong, actual: 2 }), "expected {wrong}");
    }
    assert_eq!(whole(journal, &s), numbered(&["a", "b"]), "a conflict keeps nothing");
    assert_eq!(append(journal, &s, 2, &["c"]), Ok(3), "after a conflict the stream goes on");
}

fn reads_give_what_was_asked_for(journal: &dyn Journal) {
    let s = stream(1);
    append(journal, &s, 0, &["a", "b", "c"]).unwrap();
    append(journal, &s, 3, &["d", "e"]).unwrap();
    let read = |from, limit| {
        let page = journal.read(&s, from, limit).unwrap();
        page.into_iter().map(|(n, bytes)| (n, String::from_utf8(bytes).unwrap())).collect::<Vec<_>>()
    };
    let pairs = |list: &[(u64, &str)]| list.iter().map(|(n, t)| (*n, (*t).to_owned())).collect::<Vec<_>>();
    assert_eq!(read(1, 2), pairs(&[(1, "a"), (2, "b")]), "the limit holds");
    assert_eq!(read(2, 3), pairs(&[(2, "b"), (3, "c"), (4, "d")]), "from the middle, over two appends");
    assert_eq!(read(5, 100), pairs(&[(5, "e")]), "the last one");
    assert_eq!(read(6, 100), [], "behind the end");
    assert_eq!(read(1, 0), [], "a limit of none");
    assert_eq!(journal.read(&stream(2), 1, 10).unwrap(), [], "a stream that does not exist");
}

fn records_are_any_bytes(journal: &dyn Journal) {
    let s = stream(1);
    let all: Records = vec![
        vec![],
        vec![0; 1000],
        (0..=255).collect(),
        vec![0xff; 1 << 20],
        b"cdfKcdfKcdfK".to_vec(),
        vec![],
    ];
    assert_eq!(wait_for(journal.append(&s, 0, all.clone())), Ok(6));
    let back: Records = whole(journal, &s).into_iter().map(|(_, bytes)| bytes).collect();
    assert!(back == all, "bytes come back as they were");
}

fn streams_are_listed_in_the_order_of_ids(journal: &dyn Journal) {
    assert_eq!(journal.streams().unwrap(), [], "none at first");
    for n in [3, 1, 2] {
        append(journal, &stream(n), 0, &["a", "b"]).unwrap();
    }
    append(journal, &stream(2), 2, &["c"]).unwrap();
    let info = |n, last_seq| StreamInfo { stream: stream(n), last_seq };
    assert_eq!(journal.streams().unwrap(), [info(1, 2), info(2, 3), info(3, 2)]);
}

fn one_of_many_rivals_wins(journal: &Arc<dyn Journal>) {
    let (s, rivals, rounds) = (stream(1), 8, 20);
    let start = Arc::new(Barrier::new(rivals));
    for round in 0..rounds {
        let rival = |n: usize| {
            let (journal, s, start) = (Arc::clone(journal), s.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                append(&*journal, &s, round, &[&format!("{round} {n}")])
            })
        };
        let threads: Vec<_> = (0..rivals).map(rival).collect();
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ends.iter().filter(|end| **end == Ok(round + 1)).count(), 1, "one rival wins: {ends:?}");
        let lost = ends.iter().filter(|end| matches!(end, Err(AppendError::Conflict { .. }))).count();
        assert_eq!(lost, rivals - 1, "the others conflict: {ends:?}");
    }
    assert_eq!(whole(&**journal, &s).len() as u64, rounds, "the losers kept nothing");
}

fn many_streams_at_once_stay_apart(journal: &Arc<dyn Journal>) {
    let write = |n: u64| {
        let journal = Arc::clone(journal);
        std::thread::spawn(move || {
            let mut at = 0;
            for i in 0..25 {
                let texts: Vec<String> = (0..=i % 3).map(|j| format!("{n} {i} {j}")).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                at = append(&*journal, &stream(n), at, &texts).unwrap();
            }
        })
    };
    let threads: Vec<_> = (0..16).map(write).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    for n in 0..16 {
        let mut expected = Vec::new();
        for i in 0..25 {
            expected.extend((0..=i % 3).map(|j| format!("{n} {i} {j}").into_bytes()));
        }
        let expected: Vec<_> = (1..).zip(expected).collect();
        assert!(whole(&**journal, &stream(n)) == expected, "stream {n} has its own records in order");
    }
}

fn a_released_stream_goes_on(journal: &dyn Journal) {
    let s = stream(1);
    journal.release(&s);
    append(journal, &s, 0, &["a"]).unwrap();
    journal.release(&s);
    journal.release(&s);
    assert_eq!(append(journal, &s, 1, &["b"]), Ok(2));
    assert_eq!(append(journal, &s, 1, &["x"]), Err(AppendError::Conflict { expected: 1, actual: 2 }));
    assert_eq!(whole(journal, &s), numbered(&["a", "b"]));
}

fn the_newest_snapshot_is_kept(journal: &dyn Journal) {
    let s = stream(1);
    assert_eq!(journal.saved(&s).unwrap(), None, "none at first");
    let old = Saved { seq: 3, version: 1, bytes: vec![1; 100_000] };
    let new = Saved { seq: 9, version: 2, bytes: Vec::new() };
    journal.save(&s, &old).unwrap();
    assert_eq!(journal.saved(&s).unwrap(), Some(old));
    journal.save(&s, &new).unwrap();
    assert_eq!(journal.saved(&s).unwrap(), Some(new), "a newer one replaces it");
    assert_eq!(journal.saved(&stream(2)).unwrap(), None, "each stream has its own");
}

fn what_is_forgotten_is_gone(journal: &dyn Journal) {
    let (s, other) = (stream(1), stream(2));
    append(journal, &s, 0, &["a", "b"]).unwrap();
    append(journal, &other, 0, &["o"]).unwrap();
    append(journal, &s, 2, &["c"]).unwrap();
    journal.save(&s, &Saved { seq: 3, version: 1, bytes: vec![1] }).unwrap();
    journal.release(&s);
    journal.forget(&s).unwrap();
    journal.forget(&s).expect("forgetting twice does no harm");
    assert_eq!(whole(journal, &s), [], "no record is left");
    assert_eq!(journal.saved(&s).unwrap(), None, "no snapshot is left");
    assert_eq!(journal.streams().unwrap(), [StreamInfo { stream: other.clone(), last_seq: 1 }]);
    assert_eq!(append(journal, &s, 0, &["again"]), Ok(1), "its name can be used again");
    assert_eq!(whole(journal, &s), numbered(&["again"]));
    assert_eq!(append(journal, &other, 1, &["p"]), Ok(2), "others go on");
    assert_eq!(whole(journal, &other), numbered(&["o", "p"]));
}

fn opened_again_it_has_everything(open: &impl Fn(&Path) -> Arc<dyn Journal>) {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = Saved { seq: 2, version: 4, bytes: b"state".to_vec() };
    let mut texts: Vec<String> = Vec::new();
    for round in 0..5_u64 {
        let journal = open(dir.path());
        let listed = journal.streams().unwrap();
        assert_eq!(listed.iter().map(|info| info.last_seq).sum::<u64>(), round * 2, "round {round}");
        for text in [format!("{round} first"), format!("{round} second")] {
            append(&*journal, &stream(1), texts.len() as u64, &[&text]).unwrap();
            texts.push(text);
        }
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(whole(&*journal, &stream(1)), numbered(&all), "round {round}");
        journal.save(&stream(1), &snapshot).unwrap();
    }
    assert_eq!(open(dir.path()).saved(&stream(1)).unwrap(), Some(snapshot));
}

fn a_stream_has_one_writer(open: &impl Fn(&Path) -> Arc<dyn Journal>) {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()), open(dir.path()));
    append(&*one, &stream(1), 0, &["a"]).unwrap();
    let refused = append(&*two, &stream(1), 1, &["x"]);
    assert!(matches!(refused, Err(AppendError::Held(_))), "held by the other: {refused:?}");
    append(&*two, &stream(2), 0, &["other streams are free"]).unwrap();
    one.release(&stream(1));
    let stale = append(&*two, &stream(1), 0, &["x"]);
    assert_eq!(stale, Err(AppendError::Conflict { expected: 0, actual: 1 }), "checked against the truth");
    assert_eq!(append(&*two, &stream(1), 1, &["b"]), Ok(2));
    drop(two);
    assert_eq!(append(&*one, &stream(1), 2, &["c"]), Ok(3), "an ended writer holds nothing");
    assert_eq!(whole(&*one, &stream(1)), numbered(&["a", "b", "c"]), "parts by both writers, in order");
    drop(one);
    assert_eq!(whole(&*open(dir.path()), &stream(1)), numbered(&["a", "b", "c"]));
}

fn two_handles_see_each_other(open: &impl Fn(&Path) -> Arc<dyn Journal>) {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()), open(dir.path()));
    for n in 1..50 {
        append(&*one, &stream(1), n - 1, &[&format!("one {n}")]).unwrap();
        append(&*two, &stream(2), n - 1, &[&format!("two {n}")]).unwrap();
        for journal in [&one, &two] {
            let last: Vec<u64> = journal.streams().unwrap().iter().map(|info| info.last_seq).collect();
            assert_eq!(last, [n, n]);
            assert_eq!(whole(&**journal, &stream(1)).len() as u64, n);
            assert_eq!(whole(&**journal, &stream(2)).len() as u64, n);
        }
    }
}

fn a_held_stream_is_not_forgotten(open: &impl Fn(&Path) -> Arc<dyn Journal>) {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()), open(dir.path()));
    append(&*one, &stream(1), 0, &["a"]).unwrap();
    assert!(two.forget(&stream(1)).is_err(), "the other process goes on with it");
    assert_eq!(whole(&*two, &stream(1)), numbered(&["a"]), "nothing was removed");
    one.release(&stream(1));
    drop(one);
    two.forget(&stream(1)).unwrap();
    assert_eq!(whole(&*two, &stream(1)), []);
    assert_eq!(open(dir.path()).streams().unwrap(), []);
}

fn whoever_is_second_conflicts(open: &impl Fn(&Path) -> Arc<dyn Journal>) {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()), open(dir.path()));
    let s = stream(1);
    append(&*one, &s, 0, &["a"]).unwrap();
    let second = append(&*two, &s, 0, &["x"]);
    assert_eq!(second, Err(AppendError::Conflict { expected: 0, actual: 1 }), "it began the stream too late");
    assert_eq!(append(&*two, &s, 1, &["b", "c"]), Ok(3), "whoever knows the number goes on");
    let old = append(&*one, &s, 1, &["x"]);
    assert_eq!(old, Err(AppendError::Conflict { expected: 1, actual: 3 }), "the writer before steps down");
    assert_eq!(
        append(&*one, &s, 1, &[]),
        Err(AppendError::Conflict { expected: 1, actual: 3 }),
        "every time"
    );
    assert_eq!(append(&*one, &s, 3, &["d"]), Ok(4), "and may go on from the truth");
    assert_eq!(whole(&*two, &s), numbered(&["a", "b", "c", "d"]), "the losers kept nothing");
}

fn writers_on_two_handles_lose_nothing(open: &impl Fn(&Path) -> Arc<dyn Journal>) {
    let dir = tempfile::tempdir().unwrap();
    let s = stream(1);
    let write = |name: &'static str| {
        let (journal, s) = (open(dir.path()), s.clone());
        std::thread::spawn(move || {
            let (mut at, mut kept) = (0, Vec::new());
            for n in 0..40 {
                let text = format!("{name} {n}");
                // Whoever conflicts reads on and tries again, as an orchestrator that takes over does.
                loop {
                    match append(&*journal, &s, at, &[&text, &text]) {
                        Ok(last) => {
                            kept.push((last, text));
                            at = last;
                            break;
                        }
                        Err(AppendError::Conflict { actual, .. }) => at = actual,
                        Err(other) => panic!("{other:?}"),
                    }
                }
            }
            kept
        })
    };
    let threads: Vec<_> = ["one", "two", "three"].into_iter().map(write).collect();
    let mut kept: Vec<(u64, String)> =
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    kept.sort();
    let expected: Vec<_> = (1..).zip(kept.iter().flat_map(|(_, text)| records(&[text, text]))).collect();
    assert!(kept.iter().map(|(last, _)| *last).eq((1..=120).map(|n| n * 2)), "each number was given once");
    assert!(
        whole(&*open(dir.path()), &s) == expected,
        "what was acknowledged is there, where it was said to be"
    );
}

fn what_another_handle_forgot_is_gone(open: &impl Fn(&Path) -> Arc<dyn Journal>) {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()), open(dir.path()));
    let s = stream(1);
    let texts: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (at, text) in (0..).zip(&texts) {
        append(&*one, &s, at, &[text]).unwrap();
    }
    assert_eq!(whole(&*one, &s), numbered(&texts));
    two.forget(&s).unwrap();
    assert_eq!(append(&*one, &s, 30, &["x"]), Err(AppendError::Conflict { expected: 30, actual: 0 }));
    assert_eq!(whole(&*one, &s), []);
    for (at, text) in (0..).zip(&texts[..20]) {
        append(&*two, &s, at, &[text]).unwrap();
    }
    assert_eq!(
        one.read(&s, 15, 3).unwrap(),
        numbered(&texts)[14..17],
        "places of the old stream mislead nobody"
    );
    assert_eq!(whole(&*one, &s), numbered(&texts[..20]));
}

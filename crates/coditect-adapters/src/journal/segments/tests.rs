//! What only a look behind the port can show: the bytes, a disk that fails, pages that come out of order.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use coditect_ports::journal::{AppendError, Journal};
use coditect_testkit::conformance::wait_for;
use coditect_types::{ErrorKind, MissionId};

use super::format::{DATA_START, FrameHead, Page, SegmentHead, SegmentKey, body_of, records_of};
use super::{Finding, SEGMENT_BYTES, Segments};

fn stream(n: u64) -> MissionId {
    MissionId::from_parts(0, n)
}

fn append(journal: &Segments, n: u64, at: u64, texts: &[&str]) -> Result<u64, AppendError> {
    wait_for(journal.append(&stream(n), at, texts.iter().map(|text| text.as_bytes().to_vec()).collect()))
}

fn texts(journal: &Segments, n: u64) -> Vec<String> {
    let page = journal.read(&stream(n), 1, 1000).unwrap();
    page.into_iter().map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("lanes/0000/{number:08}.seg"))
}

/// The heads in a segment, with their offsets.
fn heads(path: &Path) -> Vec<(u64, FrameHead)> {
    let bytes = std::fs::read(path).unwrap();
    let Page::Segment(page) = SegmentHead::parse(&bytes) else { panic!("no head") };
    let (mut at, mut heads) = (DATA_START, Vec::new());
    while let Some(head) = bytes.get(at as usize..).and_then(|rest| FrameHead::parse(rest, page.salt, at)) {
        let next = at + head.frame_len() as u64;
        heads.push((at, head));
        at = next;
    }
    heads
}

/// Writes over bytes of a file.
fn spoil(path: &Path, at: u64, bytes: &[u8]) {
    File::options().write(true).open(path).unwrap().write_all_at(bytes, at).unwrap();
}

#[test]
fn heads_come_back_as_written_and_nowhere_else() {
    let head = FrameHead {
        erased: false,
        stream: stream(7),
        first: 12,
        count: 3,
        body_len: 99,
        body_check: 5,
        synced: 4096,
    };
    let mut bytes = Vec::new();
    head.write(77, 5000, &mut bytes);
    assert_eq!(FrameHead::parse(&bytes, 77, 5000), Some(head));
    assert_eq!(FrameHead::parse(&bytes, 77, 5001), None, "a copy elsewhere is not a frame");
    assert_eq!(FrameHead::parse(&bytes, 78, 5000), None, "nor in another segment");
    for at in (0..bytes.len()).filter(|at| *at != 3) {
        let mut bad = bytes.clone();
        bad[at] ^= 0x10;
        assert_eq!(FrameHead::parse(&bad, 77, 5000), None, "byte {at}");
    }
    for len in 0..bytes.len() {
        assert_eq!(FrameHead::parse(&bytes[..len], 77, 5000), None);
    }
}

#[test]
fn a_segment_head_is_kept_twice() {
    let head = SegmentHead { key: SegmentKey { lane: 3, number: 9 }, salt: 1 << 60 };
    let mut page = head.page();
    assert_eq!(SegmentHead::parse(&page), Page::Segment(head));
    page[..512].fill(0xee);
    assert_eq!(SegmentHead::parse(&page), Page::Segment(head));
    page[2048..2560].fill(0xee);
    assert_eq!(SegmentHead::parse(&page), Page::Unreadable);
}

#[test]
fn a_body_that_does_not_add_up_is_no_body() {
    let records = vec![b"one".to_vec(), Vec::new(), b"three".to_vec()];
    let body = body_of(&records).unwrap();
    assert_eq!(records_of(&body, 3).unwrap(), records);
    assert_eq!(records_of(&body, 2), None);
    assert_eq!(records_of(&body, u32::MAX), None);
    assert_eq!(records_of(&body[..body.len() - 1], 3), None);
}

#[test]
fn a_torn_end_is_cut_kept_aside_and_said_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    append(&journal, 1, 0, &["a"]).unwrap();
    append(&journal, 1, 1, &["b"]).unwrap();
    drop(journal);
    let path = segment(dir.path(), 1);
    let last = heads(&path)[1].0;
    let len = std::fs::metadata(&path).unwrap().len();
    File::options().write(true).open(&path).unwrap().set_len(len - 1).unwrap();
    let reader = Segments::open_read_only(dir.path()).unwrap();
    assert_eq!((texts(&reader, 1), reader.findings()), (vec!["a".to_owned()], vec![]), "readers do not mind");
    let journal = Segments::open(dir.path()).unwrap();
    let [Finding::TornEnd { file, offset, bytes, kept_aside }] = &journal.findings()[..] else {
        panic!("{:?}", journal.findings())
    };
    assert_eq!((file, *offset, *bytes), (&path, last, len - 1 - last));
    assert_eq!(std::fs::metadata(kept_aside).unwrap().len(), *bytes);
    assert!(journal.findings()[0].to_string().contains("cut off"));
    assert_eq!(append(&journal, 1, 1, &["c"]), Ok(2));
    drop(journal);
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!((texts(&journal, 1), journal.findings()), (vec!["a".to_owned(), "c".to_owned()], vec![]));
    journal.release(&stream(1));
    journal.forget(&stream(1)).unwrap();
    assert!(
        !dir.path()
            .join("lanes/0000")
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().ends_with(".torn") })
    );
}

#[test]
fn damage_in_the_middle_is_said_and_costs_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    append(&journal, 1, 0, &["a"]).unwrap();
    append(&journal, 2, 0, &["x"]).unwrap();
    append(&journal, 1, 1, &["b", "c"]).unwrap();
    append(&journal, 2, 1, &["y"]).unwrap();
    append(&journal, 1, 3, &["d"]).unwrap();
    drop(journal);
    let path = segment(dir.path(), 1);
    let (offset, head) = heads(&path)[2].clone();
    spoil(&path, offset + head.len() as u64 + 5, b"!");
    let before = std::fs::read(&path).unwrap();
    for journal in [Segments::open_read_only(dir.path()).unwrap(), Segments::open(dir.path()).unwrap()] {
        let records = Some((stream(1), 2, 3));
        let bytes = head.frame_len() as u64;
        let damaged = Finding::Damaged { file: path.clone(), offset, bytes, records };
        assert_eq!(journal.findings(), [damaged]);
        assert_eq!(texts(&journal, 1), ["a"], "what was before it");
        assert_eq!(texts(&journal, 2), ["x", "y"], "what was after it");
        let error = journal.read(&stream(1), 2, 10).unwrap_err();
        assert!(error.cause.contains("00000001.seg") && error.cause.contains(&offset.to_string()), "{error}");
        assert_eq!(journal.read(&stream(1), 4, 10).unwrap(), [(4, b"d".to_vec())]);
        assert_eq!(journal.streams().unwrap()[0].last_seq, 4);
    }
    assert!(std::fs::read(&path).unwrap() == before, "nothing was changed");
}

#[test]
fn a_damaged_head_hides_its_frame_only() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    // The record holds a copy of a frame, which must not be taken for one.
    append(&journal, 1, 0, &["a"]).unwrap();
    let copy = std::fs::read(segment(dir.path(), 1)).unwrap()[DATA_START as usize..][..60].to_vec();
    wait_for(journal.append(&stream(2), 0, vec![copy.clone(), copy])).unwrap();
    append(&journal, 3, 0, &["x"]).unwrap();
    append(&journal, 3, 1, &["y"]).unwrap();
    drop(journal);
    let path = segment(dir.path(), 1);
    let (offset, head) = heads(&path)[1].clone();
    spoil(&path, offset + 20, b"?");
    let journal = Segments::open(dir.path()).unwrap();
    let bytes = head.frame_len() as u64;
    assert_eq!(journal.findings(), [Finding::Damaged { file: path, offset, bytes, records: None }]);
    assert_eq!(texts(&journal, 1), ["a"]);
    assert_eq!(texts(&journal, 2), [""; 0]);
    assert_eq!(texts(&journal, 3), ["x", "y"]);
}

#[test]
fn pages_that_came_out_of_order_are_sorted_out() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    append(&journal, 1, 0, &["a"]).unwrap();
    append(&journal, 1, 1, &["b"]).unwrap();
    append(&journal, 2, 0, &["x"]).unwrap();
    append(&journal, 1, 2, &["c"]).unwrap();
    drop(journal);
    // As if the last three had been one commit whose first page never reached the disk: nothing says that they
    // were durable.
    let path = segment(dir.path(), 1);
    let Page::Segment(page) = SegmentHead::parse(&std::fs::read(&path).unwrap()) else { panic!("no head") };
    let frames = heads(&path);
    for (offset, head) in &frames {
        let mut bytes = Vec::new();
        FrameHead { synced: frames[1].0 as u32, ..head.clone() }.write(page.salt, *offset, &mut bytes);
        spoil(&path, *offset, &bytes);
    }
    let (offset, head) = &frames[1];
    spoil(&path, *offset, &vec![0; head.frame_len()]);
    let journal = Segments::open(dir.path()).unwrap();
    assert!(matches!(&journal.findings()[..], [Finding::TornEnd { .. }]), "{:?}", journal.findings());
    assert_eq!(texts(&journal, 1), ["a"], "`c` without `b` is not kept");
    assert_eq!(texts(&journal, 2), ["x"], "what follows on its own stream is");
    assert_eq!(append(&journal, 1, 1, &["B"]), Ok(2));
    drop(journal);
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!((texts(&journal, 1), journal.findings()), (vec!["a".to_owned(), "B".to_owned()], vec![]));
}

static FAILURES: AtomicU32 = AtomicU32::new(0);
static BROKEN: AtomicBool = AtomicBool::new(false);

#[test]
fn an_fsync_that_fails_once_takes_its_commit_back() {
    fn fails_once(file: &File) -> io::Result<()> {
        match FAILURES.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(io::Error::from_raw_os_error(5)),
            Err(_) => file.sync_data(),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open_on(dir.path(), SEGMENT_BYTES, fails_once).unwrap();
    append(&journal, 1, 0, &["a"]).unwrap();
    FAILURES.store(1, Ordering::SeqCst);
    let refused = append(&journal, 1, 1, &["b"]);
    assert!(matches!(refused, Err(AppendError::NotKept(_))), "{refused:?}");
    assert_eq!(append(&journal, 1, 1, &["c"]), Ok(2), "the next commit is kept");
    assert!(segment(dir.path(), 2).exists(), "in another segment");
    assert_eq!(texts(&journal, 1), ["a", "c"]);
    drop(journal);
    assert_eq!(texts(&Segments::open(dir.path()).unwrap(), 1), ["a", "c"]);
}

#[test]
fn an_fsync_that_keeps_failing_stops_the_journal() {
    fn fails(file: &File) -> io::Result<()> {
        if BROKEN.load(Ordering::SeqCst) { Err(io::Error::from_raw_os_error(5)) } else { file.sync_data() }
    }
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open_on(dir.path(), SEGMENT_BYTES, fails).unwrap();
    append(&journal, 1, 0, &["a"]).unwrap();
    BROKEN.store(true, Ordering::SeqCst);
    let unknown = append(&journal, 1, 1, &["b"]);
    assert!(matches!(unknown, Err(AppendError::Unknown(_))), "{unknown:?}");
    BROKEN.store(false, Ordering::SeqCst);
    let refused = append(&journal, 1, 1, &["c"]);
    assert!(matches!(refused, Err(AppendError::NotKept(_))), "nothing is built on it: {refused:?}");
    assert_eq!(texts(&journal, 1), ["a"], "what was acknowledged can be read");
    drop(journal);
    let journal = Segments::open(dir.path()).unwrap();
    let kept = texts(&journal, 1);
    assert!(kept == ["a"] || kept == ["a", "b"], "{kept:?}");
    assert_eq!(append(&journal, 1, kept.len() as u64, &["d"]), Ok(kept.len() as u64 + 1));
}

#[test]
fn what_was_forgotten_is_in_no_file_and_its_segments_go() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open_with(dir.path(), 16 << 10).unwrap();
    let secret = "SECRET-OF-ONE ".repeat(100);
    for at in 0..40 {
        append(&journal, 1, at, &[&secret]).unwrap();
        append(&journal, 2, at, &["stays"]).unwrap();
    }
    for at in 0..40 {
        append(&journal, 3, at, &["goes as well ".repeat(100).as_str()]).unwrap();
    }
    for n in 1..=3 {
        journal.release(&stream(n));
    }
    let size = || walk(dir.path()).len();
    let before = size();
    journal.forget(&stream(1)).unwrap();
    journal.forget(&stream(3)).unwrap();
    for path in walk(dir.path()) {
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(13).any(|part| part == b"SECRET-OF-ONE" || part == b"goes as well ");
        assert!(!found, "{}", path.display());
    }
    assert!(size() < before, "empty segments are removed");
    assert_eq!(texts(&journal, 2).len(), 40);
    drop(journal);
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!((texts(&journal, 1).len(), texts(&journal, 2).len(), journal.findings()), (0, 40, vec![]));
    assert_eq!(append(&journal, 1, 0, &["new"]), Ok(1));
}

#[test]
fn what_a_dead_process_was_removing_is_hidden_and_finished() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    append(&journal, 1, 0, &["a"]).unwrap();
    append(&journal, 2, 0, &["b"]).unwrap();
    drop(journal);
    std::fs::write(dir.path().join("forgetting").join(stream(1).as_str()), b"").unwrap();
    let reader = Segments::open_read_only(dir.path()).unwrap();
    assert_eq!((texts(&reader, 1).len(), reader.streams().unwrap().len()), (0, 1));
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!((texts(&journal, 1).len(), journal.streams().unwrap().len()), (0, 1));
    assert!(!std::fs::read(segment(dir.path(), 1)).unwrap().windows(2).any(|two| two == [1, b'a']));
    assert_eq!(append(&journal, 1, 0, &["new"]), Ok(1));
}

#[test]
fn a_mark_alone_erases_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    append(&journal, 1, 0, &["a"]).unwrap();
    append(&journal, 1, 1, &[""]).unwrap();
    append(&journal, 2, 0, &["x"]).unwrap();
    drop(journal);
    let path = segment(dir.path(), 1);
    spoil(&path, heads(&path)[0].0 + 3, b"E");
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!((texts(&journal, 1), journal.findings()), (vec!["a".to_owned(), String::new()], vec![]));
    journal.forget(&stream(1)).unwrap();
    drop(journal);
    let journal = Segments::open(dir.path()).unwrap();
    assert_eq!(
        (texts(&journal, 1).len(), texts(&journal, 2), journal.findings()),
        (0, vec!["x".into()], vec![])
    );
}

#[test]
fn sidecars_are_shortcuts_only() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open_with(dir.path(), 16 << 10).unwrap();
    for at in 0..300 {
        append(&journal, at % 3, at / 3, &[&format!("{at}: {}", "x".repeat(200))]).unwrap();
    }
    let all: Vec<Vec<String>> = (0..3).map(|n| texts(&journal, n)).collect();
    drop(journal);
    let sidecars: Vec<PathBuf> =
        walk(dir.path()).into_iter().filter(|path| path.extension().is_some_and(|e| e == "idx")).collect();
    assert!(sidecars.len() > 2);
    let check = |why: &str| {
        let journal = Segments::open_read_only(dir.path()).unwrap();
        let found: Vec<Vec<String>> = (0..3).map(|n| texts(&journal, n)).collect();
        assert!(found == all, "{why}");
        assert_eq!(journal.findings(), [], "{why}");
    };
    check("with sidecars");
    let len = std::fs::metadata(&sidecars[0]).unwrap().len();
    spoil(&sidecars[0], len - 3, b"?");
    check("a damaged list");
    spoil(&sidecars[1], 60, b"?");
    check("a damaged table");
    std::fs::write(&sidecars[2], b"CODITIX").unwrap();
    check("a sidecar cut short");
    for path in &sidecars {
        std::fs::remove_file(path).unwrap();
    }
    check("without sidecars");
}

#[test]
fn a_segment_that_lost_its_end_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open_with(dir.path(), 16 << 10).unwrap();
    for at in 0..100 {
        append(&journal, 1, at, &[&"x".repeat(1000)]).unwrap();
    }
    drop(journal);
    let path = segment(dir.path(), 2);
    let last = heads(&path).last().unwrap().0;
    File::options().write(true).open(&path).unwrap().set_len(last).unwrap();
    let journal = Segments::open_read_only(dir.path()).unwrap();
    assert!(matches!(&journal.findings()[..], [Finding::Damaged { .. }]), "{:?}", journal.findings());
    let before = texts(&journal, 1).len() as u64;
    assert!(before < 100);
    assert!(journal.read(&stream(1), before + 1, 10).is_err());
    assert_eq!(journal.streams().unwrap()[0].last_seq, 100);
}

#[test]
fn another_version_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    drop(append(&Segments::open(dir.path()).unwrap(), 1, 0, &["a"]));
    let path = segment(dir.path(), 1);
    let mut page = std::fs::read(&path).unwrap();
    for copy in [0, 2048] {
        page[copy + 8] = 2;
        let check = crc32fast::hash(&page[copy..copy + 32]);
        page[copy + 32..copy + 36].copy_from_slice(&check.to_le_bytes());
    }
    std::fs::write(&path, &page).unwrap();
    let error = Segments::open(dir.path()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.cause.contains("format 2"), "{error}");
    assert!(std::fs::read(&path).unwrap() == page);
}

#[test]
fn an_append_that_is_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    let refused = wait_for(journal.append(&stream(1), 0, vec![vec![0; 33 << 20]]));
    assert!(matches!(refused, Err(AppendError::NotKept(error)) if error.kind == ErrorKind::Invalid));
    assert_eq!(wait_for(journal.append(&stream(1), 0, vec![vec![7; 31 << 20]])), Ok(1));
    assert_eq!(journal.read(&stream(1), 1, 1).unwrap()[0].1.len(), 31 << 20);
}

#[test]
fn an_append_whose_caller_went_away_stands() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Segments::open(dir.path()).unwrap();
    for at in 0..50 {
        let name = stream(1);
        let mut going = journal.append(&name, at, vec![vec![at as u8]]);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(going.as_mut().poll(&mut context).is_pending() || journal.streams().is_ok());
        drop(going);
        journal.release(&stream(1));
        let late = append(&journal, 1, at, &["x"]);
        assert_eq!(late, Err(AppendError::Conflict { expected: at, actual: at + 1 }));
    }
    drop(journal);
    assert_eq!(Segments::open(dir.path()).unwrap().read(&stream(1), 1, 100).unwrap().len(), 50);
}

#[test]
fn a_reader_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let reader = Segments::open_read_only(&dir.path().join("none")).unwrap();
    assert_eq!(reader.streams().unwrap(), []);
    assert!(!dir.path().join("none").exists());
    let refused = append(&reader, 1, 0, &["a"]);
    assert!(matches!(refused, Err(AppendError::NotKept(error)) if error.kind == ErrorKind::Denied));
    assert_eq!(reader.forget(&stream(1)).unwrap_err().kind, ErrorKind::Denied);
}

/// Every file below a directory.
fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(walk(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

//! Journals of format 1 stay readable. The fixture was written once, by the first version; with `UPDATE_EXPECT=1`
//! a fixture that is missing is written by this one.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::{Path, PathBuf};

use coditect_adapters::Segments;
use coditect_ports::Journal;
use coditect_ports::journal::Saved;
use coditect_testkit::conformance::wait_for;
use coditect_types::MissionId;

fn stream(n: u64) -> MissionId {
    // Spelt out: what is on the disk does not change when ids are made in another way.
    MissionId::parse(&format!("m-s44we8{n:04}")).unwrap()
}

/// The `n`th append: to which stream, and what.
fn append(n: u64) -> (MissionId, Vec<Vec<u8>>) {
    let records =
        (0..=n % 4).map(|i| format!("append {n}, record {i}, {}", "é".repeat(n as usize)).into_bytes());
    (stream(n % 3), records.collect())
}

const APPENDS: u64 = 40;

fn saved() -> Saved {
    Saved { seq: 17, version: 1, bytes: b"a state".to_vec() }
}

fn expected(n: u64) -> Vec<(u64, Vec<u8>)> {
    let all =
        (0..APPENDS).map(append).filter(|(name, _)| *name == stream(n)).flat_map(|(_, records)| records);
    (1..).zip(all).collect()
}

fn write(dir: &Path) {
    let home = tempfile::tempdir().unwrap();
    let journal = Segments::open_with(home.path(), 8 << 10).unwrap();
    let mut last = [0; 3];
    for n in 0..APPENDS {
        let (name, records) = append(n);
        let at = &mut last[(n % 3) as usize];
        *at = wait_for(journal.append(&name, *at, records)).unwrap();
    }
    journal.save(&stream(0), &saved()).unwrap();
    drop(journal);
    copy(home.path(), dir);
}

/// Copies a journal; lock files are of no use in a copy.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if path.extension().is_some_and(|extension| extension != "lock") {
            std::fs::create_dir_all(to).unwrap();
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_journal_of_format_1_can_be_read_and_goes_on() {
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-v1");
    if !fixture.exists() && std::env::var_os("UPDATE_EXPECT").is_some() {
        write(&fixture);
    }
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture, dir.path());
    for journal in [Segments::open_read_only(&fixture).unwrap(), Segments::open(dir.path()).unwrap()] {
        assert_eq!(journal.findings(), []);
        assert_eq!(journal.streams().unwrap().len(), 3);
        for n in 0..3 {
            assert!(journal.read(&stream(n), 1, 1000).unwrap() == expected(n), "stream {n}");
        }
        assert_eq!(journal.saved(&stream(0)).unwrap(), Some(saved()));
    }
    let journal = Segments::open(dir.path()).unwrap();
    let last = expected(1).len() as u64;
    assert_eq!(wait_for(journal.append(&stream(1), last, vec![b"today".to_vec()])), Ok(last + 1));
}

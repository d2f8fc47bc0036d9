#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use coditect_types::MissionStatus;

use super::super::row::End;
use super::*;

fn task(content: &str) -> Task {
    Task {
        id: "a".to_owned(),
        folder: "a".to_owned(),
        path: PathBuf::new(),
        request: "fix it".to_owned(),
        test_command: None,
        timeout_ms: None,
        content: content.to_owned(),
    }
}

#[test]
fn rows_come_back_for_the_same_content_only() {
    let room = tempfile::tempdir().unwrap();
    let dir = room.path().join("out");
    let row = Row {
        mission_status: Some(MissionStatus::Verified),
        ..Row::bare(&task("1"), End::Solved, "it was off by one")
    };
    let mut results = Results::open(&dir).unwrap();
    assert!(Results::open(&dir).unwrap_err().cause.contains("another process"));
    results.keep(&row).unwrap();
    drop(results);
    // A kill in the middle of a line.
    let mut file = OpenOptions::new().append(true).open(dir.join(NAME)).unwrap();
    file.write_all(b"{\"id\": \"a\", \"sta").unwrap();
    let mut results = Results::open(&dir).unwrap();
    assert_eq!(results.of(&task("1")), None, "its solution is gone");
    fs::create_dir(dir.join("a")).unwrap();
    assert_eq!(results.of(&task("1")), Some(Row { resumed: true, ..row.clone() }));
    assert_eq!(results.of(&task("2")), None);
    let newer = Row { content: "2".to_owned(), ..row };
    results.keep(&newer).unwrap();
    drop(results);
    let results = Results::open(&dir).unwrap();
    assert_eq!(results.of(&task("2")), Some(Row { resumed: true, ..newer }), "the cut line stands alone");
    assert_eq!(results.of(&task("1")), None);
}

#[test]
fn what_is_somebody_elses_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "").unwrap();
    assert!(Results::open(dir.path()).unwrap_err().cause.contains("holds other files"));
}

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use super::*;

fn check(about: &str, expect: Result<&str, &str>) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("one")).unwrap();
    fs::write(dir.path().join("one/TASK.json"), about).unwrap();
    let read = read(dir.path()).unwrap();
    match (&read[0], expect) {
        (Ok(task), Ok(id)) => assert_eq!(task.id, id),
        (Err(bad), Err(part)) => assert!(bad.cause.contains(part), "{part} is not in {}", bad.cause),
        (is, expect) => panic!("{about}: {is:?} is not {expect:?}"),
    }
}

#[test]
fn what_a_folder_asks_for() {
    check(r#"{"id": "gcd", "request": "fix it", "language": "python"}"#, Ok("gcd"));
    check(r#"{"id": "gcd", "request": "fix it", "timeout_s": 0.5}"#, Ok("gcd"));
    check(r#"{"id": "../gcd", "request": "fix it"}"#, Err("no plain name"));
    check(r#"{"id": "", "request": "fix it"}"#, Err("no plain name"));
    check(r#"{"id": ".results.jsonl", "request": "fix it"}"#, Err("no plain name"));
    check(r#"{"id": "gcd", "request": " "}"#, Err("`request`"));
    check(r#"{"id": "gcd"}"#, Err("missing field `request`"));
    check(r#"{"id": "gcd", "request": "fix it", "test_command": []}"#, Err("no word"));
    check(r#"{"id": "gcd", "request": "fix it", "timeout_s": -1}"#, Err("`timeout_s`"));
    check("not JSON", Err("`TASK.json` is not what it should be"));
    check("", Err("`TASK.json` is not what it should be"));
}

#[test]
fn folders_without_a_task_and_ids_that_come_twice_are_told() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["a", "b", "c", ".hidden"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("README"), "").unwrap();
    for folder in ["a", "b"] {
        fs::write(dir.path().join(folder).join(ABOUT), r#"{"id": "same", "request": "fix"}"#).unwrap();
    }
    let read = read(dir.path()).unwrap();
    let told: Vec<_> = read
        .into_iter()
        .map(|one| one.map_or_else(|bad| format!("{}: {}", bad.folder, bad.cause), |task| task.id))
        .collect();
    assert_eq!(
        told,
        ["same", "b: the folder `a` has the id `same` already", "c: it has no file `TASK.json`"]
    );
}

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use super::*;

#[test]
fn seeds_are_spread_over_the_whole_time() {
    let mut tenths = [0; 10];
    for seed in 0..1000 {
        let share = share(seed);
        assert!((0.0..1.0).contains(&share));
        tenths[(share * 10.0) as usize] += 1;
    }
    assert!(tenths.iter().all(|count| (70..=130).contains(count)), "{tenths:?}");
}

#[test]
fn a_change_to_anything_of_the_persons_is_seen() {
    let top = tempfile::tempdir().unwrap();
    let person = Person::settle(top.path(), "ledger").unwrap();
    assert_eq!(person.changes(), Ok(Vec::new()));
    for path in
        ["README.md", "NOTES.md", "scratch.txt", ".git/index", ".git/config", ".git/refs/stash", ".git/HEAD"]
    {
        let path_there = person.repository.join(path);
        let kept = std::fs::read(&path_there).unwrap();
        std::fs::write(&path_there, [&kept[..], b"x"].concat()).unwrap();
        assert_eq!(person.changes(), Ok(vec![path.to_owned()]));
        std::fs::write(&path_there, kept).unwrap();
    }
    std::fs::write(person.repository.join("new.txt"), "x").unwrap();
    assert_eq!(person.changes(), Ok(vec!["new.txt".to_owned()]));
    assert_eq!(person.handed_over(), Ok(0));
}

/// A mission can end in the very moment of its kill point.
#[test]
fn a_program_that_has_ended_is_none_to_kill() {
    use std::os::unix::process::CommandExt;
    let mut ended = std::process::Command::new("true").process_group(0).spawn().unwrap();
    let group = nix::unistd::Pid::from_raw(i32::try_from(ended.id()).unwrap());
    assert!(ended.wait().unwrap().success());
    assert_eq!(mission::kill(group), Ok(()));
}

/// A stand-in for the program: `run` tells where it is, waits where it is told to, and ends its mission.
fn stand_in(top: &Path, body: &str) -> Mission {
    use std::os::unix::fs::PermissionsExt;
    let binary = top.join("coditect");
    std::fs::write(&binary, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    Mission { binary, directory: top.to_owned(), cache: top.join("cache") }
}

#[test]
fn a_run_to_its_end_is_read() {
    let top = tempfile::tempdir().unwrap();
    let person = Person::settle(top.path(), "ledger").unwrap();
    let body = r#"
        echo '{"type": "mission.submitted"}'
        echo '{"type": "mission.completed", "status": "verified", "receipt": {"after": {"a": "passed"}}}'
        printf '{"type": "to'"#;
    let ran = stand_in(top.path(), body).run(&person.repository, None).unwrap();
    assert!(!ran.was_killed);
    assert_eq!(ran.events.len(), 2);
    assert_eq!(ran.end(&person).unwrap().to_string(), "verified (tree none, 1 tests, 0 branches)");
}

#[test]
fn a_run_is_killed_with_its_group() {
    let top = tempfile::tempdir().unwrap();
    let person = Person::settle(top.path(), "ledger").unwrap();
    let body = "mkfifo pipe; echo '{\"type\": \"mission.submitted\"}'; cat pipe & cat pipe";
    let ran = stand_in(top.path(), body).run(&person.repository, Some(Duration::from_millis(300))).unwrap();
    assert!(ran.was_killed && !ran.has_ended());
    assert!(ran.end(&person).unwrap_err().contains("no `mission.completed`"));
}

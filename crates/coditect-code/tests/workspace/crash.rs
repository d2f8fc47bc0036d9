//! Killed at any moment, a call can be repeated and ends as if nothing had happened.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use coditect_code::workspace::GitWorkspace;
use coditect_ports::Workspace;
use coditect_types::MissionId;

use crate::support::{Person, differing, edit, files, git_in, the_git};

/// The whole way of a mission; what it ends with, as text.
fn whole_way(home: &Path, dir: &Path) -> String {
    let workspace = GitWorkspace::open(home, the_git()).unwrap();
    let mission = MissionId::parse("m-crash").unwrap();
    let snapshot = workspace.take_snapshot(&mission, dir).unwrap();
    let tree = workspace.worktree(&mission, &snapshot.commit, "a").unwrap();
    let text = fs::read_to_string(tree.join("calc.py")).unwrap().replacen("a - b", "a + b", 1);
    let change = workspace.commit(&mission, &snapshot.commit, &[edit("calc.py", &text)], "c").unwrap();
    let changed = workspace.worktree(&mission, &change.commit, "a").unwrap();
    assert!(files(&changed)["calc.py"].contains("a + b"));
    let handed = workspace.hand_over(&mission, dir, &snapshot, &change.commit, "m").unwrap();
    format!("{snapshot:?} {change:?} {handed:?}")
}

/// Not a test of its own: the process that the next one kills. Does nothing unless told where to work.
#[test]
fn the_one_who_is_killed() {
    if let Ok(place) = std::env::var("CODITECT_TEST_CRASH") {
        let root = Path::new(&place);
        whole_way(&root.join("state"), &root.join("project"));
        if root.join("apply").exists() {
            let workspace = GitWorkspace::open(&root.join("state"), the_git()).unwrap();
            let mission = MissionId::parse("m-crash").unwrap();
            let snapshot = workspace.take_snapshot(&mission, &root.join("project")).unwrap();
            workspace.apply(&mission, &root.join("project"), &snapshot).unwrap();
        }
    }
}

/// Starts the whole way in a process of its own and kills it with all its children after a while.
fn run_and_kill(root: &Path, after: Duration) {
    use std::os::unix::process::CommandExt;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::the_one_who_is_killed"])
        .env("CODITECT_TEST_CRASH", root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let group = format!("-{}", child.id());
    let (ended, end) = std::sync::mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            child.wait().unwrap();
            ended.send(()).unwrap();
        });
        if end.recv_timeout(after).is_err() {
            // A group that is gone by now is fine.
            Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().unwrap();
        }
    });
}

fn prepared(work: bool) -> Person {
    let person = Person::with_commit();
    if work {
        person.write("work.py", "work\n");
    }
    person
}

#[test]
fn kill_at_any_moment_and_repeat() {
    for work in [false, true] {
        let person = prepared(work);
        let reference = whole_way(&person.home, &person.dir);
        let commit = person.git(&["rev-parse", "coditect/m-crash"]);
        for round in 0..15_u64 {
            person.git(&["update-ref", "-d", "refs/heads/coditect/m-crash"]);
            fs::remove_dir_all(&person.home).unwrap();
            let before = person.fingerprint();
            run_and_kill(person.temp.path(), Duration::from_millis(3 + round * 12));
            assert_eq!(whole_way(&person.home, &person.dir), reference, "round {round}");
            assert_eq!(person.git(&["rev-parse", "coditect/m-crash"]), commit);
            for name in differing(&before, &person.fingerprint()) {
                let added = name.starts_with(".git/objects/") || name.starts_with(".git/refs/heads/coditect");
                assert!(added, "{name} has changed in round {round}");
            }
        }
        person.git(&["fsck", "--strict"]);
    }
}

#[test]
fn kill_while_applying_and_repeat() {
    let person = prepared(false);
    fs::write(person.temp.path().join("apply"), "").unwrap();
    let head = person.git(&["rev-parse", "HEAD"]);
    whole_way(&person.home, &person.dir);
    let fixed = person.git(&["rev-parse", "coditect/m-crash"]);
    for round in 0..15_u64 {
        run_and_kill(person.temp.path(), Duration::from_millis(10 + round * 10));
        let workspace = GitWorkspace::open(&person.home, the_git()).unwrap();
        let mission = MissionId::parse("m-crash").unwrap();
        let snapshot = workspace.take_snapshot(&mission, &person.dir).unwrap();
        // Git itself may have been killed while it held a lock on the branch: that is the person's to judge.
        let lock = person.at(".git/refs/heads/main.lock");
        if lock.exists() {
            fs::remove_file(lock).unwrap();
        }
        workspace.apply(&mission, &person.dir, &snapshot).unwrap();
        assert_eq!(person.git(&["rev-parse", "main"]), fixed, "round {round}");
        assert_eq!(person.git(&["status", "--porcelain"]), "", "round {round}");
        person.git(&["reset", "-q", "--hard", &head]);
    }
    assert_eq!(git_in(&person.dir, &["fsck", "--strict"]), "");
}

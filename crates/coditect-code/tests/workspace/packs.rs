//! Commits on their way to another machine and back.

use coditect_code::workspace::GitWorkspace;
use coditect_ports::Workspace;
use coditect_types::ErrorKind;

use crate::support::{Person, edit, files, fingerprint, git_in, the_git};

#[test]
fn a_snapshot_and_its_changes_go_to_another_machine_and_come_back() {
    let person = Person::with_commit();
    for n in 0..20 {
        person.write("history.txt", format!("{n}\n"));
        person.commit_all("more history");
    }
    person.write("calc.py", "# not committed\n");
    let snapshot = person.snapshot();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = GitWorkspace::open(elsewhere.path(), the_git()).unwrap();
    let mission = &person.mission;
    assert!(!other.has(mission, &snapshot.commit).unwrap());
    let pack = person.workspace.pack(mission, &snapshot.commit, None).unwrap();
    other.unpack(mission, &snapshot.commit, None, pack.clone()).unwrap();
    // The same again changes nothing.
    other.unpack(mission, &snapshot.commit, None, pack).unwrap();
    assert!(other.has(mission, &snapshot.commit).unwrap());
    let here = person.worktree(&snapshot.commit);
    let there = other.worktree(mission, &snapshot.commit, "look").unwrap();
    assert_eq!(files(&here), files(&there));
    // A change that is made there is the one that would have been made here, and comes back small.
    let change = other.commit(mission, &snapshot.commit, &[edit("calc.py", "x = 1\n")], "there").unwrap();
    let back = other.pack(mission, &change.commit, Some(&snapshot.commit)).unwrap();
    assert!(back.len() < 2_000, "{}", back.len());
    assert!(!person.workspace.has(mission, &change.commit).unwrap());
    person.workspace.unpack(mission, &change.commit, Some(&snapshot.commit), back).unwrap();
    assert_eq!(person.workspace.tree_of(mission, &change.commit).unwrap(), change.tree);
    // It becomes what more work starts from, on a third machine that knows nothing of the first snapshot.
    let third = tempfile::tempdir().unwrap();
    let third = GitWorkspace::open(third.path(), the_git()).unwrap();
    let whole = person.workspace.pack(mission, &change.commit, None).unwrap();
    third.unpack(mission, &change.commit, None, whole).unwrap();
    let next = third.commit(mission, &change.commit, &[edit("calc.py", "x = 2\n")], "more").unwrap();
    assert!(next.diff.contains("-x = 1") && next.diff.contains("+x = 2"), "{}", next.diff);
}

#[test]
fn what_is_no_pack_or_not_of_this_commit_is_refused() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = GitWorkspace::open(elsewhere.path(), the_git()).unwrap();
    let mission = &person.mission;
    let pack = person.workspace.pack(mission, &snapshot.commit, None).unwrap();
    let nothing = other.unpack(mission, &snapshot.commit, None, b"PACK but not really".to_vec());
    nothing.unwrap_err();
    let mut torn = pack.clone();
    torn.truncate(pack.len() / 2);
    other.unpack(mission, &snapshot.commit, None, torn).unwrap_err();
    let another = "0123456789012345678901234567890123456789";
    let error = other.unpack(mission, another, None, pack.clone()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error}");
    for bad in ["--upload-pack=x", "HEAD", ""] {
        assert_eq!(other.unpack(mission, bad, None, pack.clone()).unwrap_err().kind, ErrorKind::Invalid);
        assert_eq!(person.workspace.pack(mission, bad, None).unwrap_err().kind, ErrorKind::Invalid);
        assert_eq!(
            person.workspace.pack(mission, &snapshot.commit, Some(bad)).unwrap_err().kind,
            ErrorKind::Invalid
        );
    }
    // A change alone is nothing to begin with.
    let fresh = coditect_types::MissionId::parse("m-fresh").unwrap();
    let change = person.fix(&snapshot);
    let part = person.workspace.pack(mission, &change.commit, Some(&snapshot.commit)).unwrap();
    let error = other.unpack(&fresh, &change.commit, Some(&snapshot.commit), part).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    // After all of that the right one is still taken.
    other.unpack(mission, &snapshot.commit, None, pack).unwrap();
    assert!(other.has(mission, &snapshot.commit).unwrap());
}

#[test]
fn a_mission_that_began_elsewhere_is_gone_on_with_on_a_clone_of_its_project_alone() {
    let person = Person::with_commit();
    person.write("calc.py", "# not committed\n");
    let (mission, snapshot) = (&person.mission, person.snapshot());
    let change = person.fix(&snapshot);
    let pack = |commit: &str, upon: Option<&str>| person.workspace.pack(mission, commit, upon).unwrap();
    // Another machine, with a clone in which nothing is uncommitted.
    let there = tempfile::tempdir().unwrap();
    let clone = there.path().canonicalize().unwrap().join("clone");
    git_in(there.path(), &["clone", "-q", person.dir.to_str().unwrap(), clone.to_str().unwrap()]);
    let other = GitWorkspace::open(&there.path().join("state"), the_git()).unwrap();
    other.adopt(mission, &clone, &snapshot).unwrap();
    assert!(!other.has(mission, &snapshot.commit).unwrap(), "what was uncommitted comes as a pack");
    other.unpack(mission, &snapshot.commit, None, pack(&snapshot.commit, None)).unwrap();
    other
        .unpack(mission, &change.commit, Some(&snapshot.commit), pack(&change.commit, Some(&snapshot.commit)))
        .unwrap();
    other.adopt(mission, &clone, &snapshot).unwrap();
    assert!(other.has(mission, &change.commit).unwrap(), "a second time changes nothing");
    assert_eq!(other.take_snapshot(mission, &clone).unwrap(), snapshot, "it is not taken anew");
    let before = fingerprint(&clone.join("tests"));
    let handed = other.hand_over(mission, &clone, &snapshot, &change.commit, "mended").unwrap();
    let branch = handed.branch.unwrap();
    let shown = git_in(&clone, &["show", &format!("{branch}:calc.py")]);
    assert_eq!(
        shown,
        git_in(
            &person.workspace.mission_dir(mission).join("repo.git"),
            &["show", &format!("{}:calc.py", change.commit)]
        )
    );
    assert_eq!(
        (fingerprint(&clone.join("tests")), git_in(&clone, &["status", "--porcelain"])),
        (before, String::new())
    );
}

#[test]
fn what_is_not_surely_the_same_project_is_not_taken_for_it() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let there = tempfile::tempdir().unwrap();
    let other = GitWorkspace::open(&there.path().join("state"), the_git()).unwrap();
    let another = Person::unborn();
    another.write("calc.py", "x = 1\n");
    another.commit_all("another history");
    let refused = |dir: &std::path::Path, snapshot: &coditect_types::Snapshot| {
        let error = other.adopt(&person.mission, dir, snapshot).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
        assert!(!other.has(&person.mission, &snapshot.commit).unwrap());
        error.cause
    };
    assert!(refused(&another.dir, &snapshot).contains("another one than where it began"));
    let plain = Person::plain();
    plain.write("calc.py", "x = 1\n");
    assert!(refused(&plain.dir, &snapshot).contains("no git work tree"));
    // Of a directory without a history nobody can tell.
    assert!(refused(&plain.dir, &plain.snapshot()).contains("cannot be told"));
    other.adopt(&person.mission, &person.dir, &snapshot).unwrap();
}

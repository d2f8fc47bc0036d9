//! Commits on their way to another machine and back.

use coditect_code::workspace::GitWorkspace;
use coditect_ports::Workspace;
use coditect_types::ErrorKind;

use crate::support::{Person, edit, files, the_git};

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

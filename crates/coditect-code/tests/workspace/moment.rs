//! The files of a mission's moments after the fact: forks, differences, copies.

use std::os::unix::fs::MetadataExt;

use coditect_ports::Workspace;
use coditect_types::{ErrorKind, MissionId};

use crate::support::{Person, edit, files, fingerprint};

fn fork() -> MissionId {
    MissionId::parse("m-fork").unwrap()
}

#[test]
fn a_fork_has_what_was_made_so_far_and_goes_its_own_way() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    let (before, of_mission) = (person.fingerprint(), fingerprint(&person.mission_dir()));
    person.workspace.fork(&person.mission, &fork()).unwrap();
    assert_eq!(person.workspace.tree_of(&fork(), &change.commit).unwrap(), change.tree);
    let tree = person.workspace.worktree(&fork(), &change.commit, "look").unwrap();
    assert!(files(&tree)["calc.py"].contains("a + b"));

    // What is made in one of them is not in the other.
    let own = edit("calc.py", "fork = 1\n");
    let own = person.workspace.commit(&fork(), &snapshot.commit, &[own], "its own").unwrap();
    assert_eq!(person.workspace.tree_of(&person.mission, &own.commit).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(of_mission, fingerprint(&person.mission_dir()));
    let handed =
        person.workspace.hand_over(&fork(), &person.dir, &snapshot, &own.commit, "a change").unwrap();
    assert_eq!(handed.branch.as_deref(), Some("coditect/m-fork"));
    assert_eq!(person.git(&["show", "coditect/m-fork:calc.py"]), "fork = 1");
    let after = person.fingerprint();
    assert!(before.iter().all(|(path, was)| after.get(path) == Some(was)), "what was there is as it was");

    // And each outlives the other.
    person.workspace.clean(&person.mission).unwrap();
    assert_eq!(person.workspace.tree_of(&fork(), &change.commit).unwrap(), change.tree);
}

#[test]
fn objects_are_shared_and_nothing_else_is() {
    let person = Person::with_commit();
    person.write("calc.py", "# not committed\n");
    let snapshot = person.snapshot();
    person.fix(&snapshot);
    person.workspace.fork(&person.mission, &fork()).unwrap();
    // Another mission, or the same one, is never put in the place of one that is there.
    for into in [fork(), person.mission.clone()] {
        let error = person.workspace.fork(&person.mission, &into).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
    }
    assert_eq!(person.workspace.tree_of(&person.mission, &snapshot.commit).unwrap(), snapshot.tree);
    let (old, new) = (person.mission_dir(), person.home.join("missions/m-fork"));
    let inode = |path: &str| {
        let of = |dir: &std::path::Path| dir.join(path).metadata().unwrap().ino();
        (of(&old), of(&new))
    };
    let (prefix, rest) = snapshot.commit.split_at(2);
    let (there, here) = inode(&format!("repo.git/objects/{prefix}/{rest}"));
    assert_eq!(there, here, "an object is never written to");
    for own in ["repo.git/config", "repo.git/HEAD", "repo.git/objects/info/alternates", "snapshot.json"] {
        let (there, here) = inode(own);
        assert_ne!(there, here, "{own}");
    }
    for stays in ["trees", "handed.json"] {
        assert!(!new.join(stays).exists(), "{stays}");
    }
}

#[test]
fn what_was_cleaned_cannot_be_forked() {
    let person = Person::with_commit();
    person.snapshot();
    person.workspace.clean(&person.mission).unwrap();
    let error = person.workspace.fork(&person.mission, &fork()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
    assert!(error.hint.is_some());
}

#[test]
fn two_moments_differ_by_their_files() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let first = person.fix(&snapshot);
    let second = person.change(&snapshot, &[edit("new.py", "x = 1\n")]);
    let difference = person.workspace.difference(&person.mission, &first.commit, &second.commit).unwrap();
    let named: Vec<_> =
        difference.files.iter().map(|file| (file.path.as_str(), file.added, file.removed)).collect();
    assert_eq!(named, [("calc.py", 1, 1), ("new.py", 1, 0)]);
    assert!(difference.diff.contains("-    return a + b\n+    return a - b\n") && !difference.is_cut);
    let same = person.workspace.difference(&person.mission, &first.commit, &first.commit).unwrap();
    assert!(same.diff.is_empty() && same.files.is_empty());
    for bad in ["HEAD", "--output=/tmp/x", &"0".repeat(40)] {
        assert!(person.workspace.difference(&person.mission, bad, &first.commit).is_err(), "{bad}");
    }
}

#[test]
fn the_files_of_a_moment_are_copied_out() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    let out = person.temp.path().join("as it was");
    person.workspace.copy_out(&person.mission, &change.commit, &out).unwrap();
    let copied = files(&out);
    assert!(copied["calc.py"].contains("a + b") && copied.contains_key("tests/test_calc.py"));
    assert_eq!(out.join("run.sh").metadata().unwrap().mode() & 0o777, 0o755);
    assert!(!out.join(".git").exists());
    let error = person.workspace.copy_out(&person.mission, &snapshot.commit, &out).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "nothing is overwritten: {error:?}");
    assert!(files(&out)["calc.py"].contains("a + b"));
}

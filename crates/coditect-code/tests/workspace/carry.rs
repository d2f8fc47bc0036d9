//! A change on top of what the person committed meanwhile: only what fits, and nothing of theirs is written.

use std::fs;

use coditect_ports::Workspace;
use coditect_types::Snapshot;
use coditect_types::outcome::Carried;

use crate::support::{Person, differing, edit, removal};

fn carry(person: &Person, snapshot: &Snapshot, commit: &str) -> Option<Carried> {
    let before = person.fingerprint();
    let carried = person.workspace.carry(&person.mission, &person.dir, snapshot, commit).unwrap();
    assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new(), "it only looks");
    carried
}

fn text(person: &Person, carried: &Carried, path: &str) -> String {
    let tree = person.worktree(carried.commit.as_deref().unwrap());
    fs::read_to_string(tree.join(path)).unwrap()
}

#[test]
fn a_branch_that_stands_still_carries_nothing() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    assert_eq!(carry(&person, &snapshot, &change.commit), None);
    // What is not committed, and what another branch gets, is no newer commit.
    person.write("calc.py", "mine\n");
    person.git(&["checkout", "-q", "-b", "side"]);
    person.commit_all("elsewhere");
    assert_eq!(carry(&person, &snapshot, &change.commit), None);
    person.git(&["branch", "-q", "-D", "main"]);
    assert_eq!(carry(&person, &snapshot, &change.commit), None, "the branch is gone");
}

#[test]
fn what_fits_is_one_commit_on_top_of_the_newer_one() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    let newer = {
        person.write("later.py", "x = 1\n");
        person.commit_all("meanwhile")
    };
    let carried = carry(&person, &snapshot, &change.commit).unwrap();
    assert_eq!((&carried.head, carried.branch.as_deref()), (&newer, snapshot.branch.as_deref()));
    assert!(text(&person, &carried, "calc.py").contains("a + b"));
    assert_eq!(text(&person, &carried, "later.py"), "x = 1\n");
    assert_eq!(carry(&person, &snapshot, &change.commit), Some(carried.clone()), "the same each time");

    let handed = person
        .workspace
        .hand_over_onto(&person.mission, &person.dir, &snapshot, &change.commit, &carried, "Mend it\n")
        .unwrap();
    assert_eq!(person.git(&["rev-parse", "coditect/m-test"]), handed.commit.unwrap());
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^"]), newer);
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^{tree}"]), carried.tree.unwrap());
    // It stands without us, and is one step from where they are.
    let applied = person.workspace.apply(&person.mission, &person.dir, &snapshot).unwrap();
    assert_eq!(applied.how, "fast-forward");
    person.workspace.clean(&person.mission).unwrap();
    person.git(&["fsck", "--strict"]);
}

#[test]
fn uncommitted_work_that_was_committed_meanwhile_is_no_conflict() {
    let person = Person::with_commit();
    person.write("helper.py", "h = 1\n");
    let snapshot = person.snapshot();
    assert!(snapshot.uncommitted);
    let change = person.fix(&snapshot);
    person.commit_all("what I had");
    let carried = carry(&person, &snapshot, &change.commit).unwrap();
    assert_eq!(carried.conflicts, Vec::<String>::new());
    assert_eq!(text(&person, &carried, "helper.py"), "h = 1\n");
}

#[test]
fn what_does_not_fit_is_named() {
    let person = Person::with_commit();
    person.write("old.py", "one\n");
    person.write("gone.py", "two\n");
    person.commit_all("more");
    let snapshot = person.snapshot();
    let edits =
        [edit("new", "a file\n"), edit("old.py", "changed\n"), removal("gone.py"), edit("deep/er", "x\n")];
    let change = person.change(&snapshot, &edits);
    fs::remove_file(person.at("old.py")).unwrap();
    person.write("gone.py", "still here\n");
    fs::create_dir(person.at("new")).unwrap();
    person.write("new/below", "theirs\n");
    person.write("deep", "a file of theirs\n");
    person.commit_all("against all of it");
    let carried = carry(&person, &snapshot, &change.commit).unwrap();
    assert_eq!(carried.conflicts, ["deep/er", "gone.py", "new", "old.py"]);
    assert_eq!((carried.commit, carried.tree), (None, None));
}

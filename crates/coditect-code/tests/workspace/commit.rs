//! Commits of a change: repeatable, and refusing what is not a plain change of plain files.

use std::os::unix::fs::symlink;

use coditect_ports::Workspace;
use coditect_types::ErrorKind;
use coditect_types::outcome::ChangedFile;

use crate::support::{Person, edit, files, git_in, removal};

#[test]
fn a_change_and_its_diff() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let before = person.fingerprint();
    let change = person.change(
        &snapshot,
        &[
            edit("calc.py", "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"),
            edit("run.sh", "#!/bin/sh\ntrue\n"),
            edit("new dir/new.py", "x = 1"),
            removal("tests/test_calc.py"),
        ],
    );
    assert_eq!(before, person.fingerprint());
    let file = |path: &str, added, removed| ChangedFile { path: path.to_owned(), added, removed };
    assert_eq!(
        change.files,
        [
            file("calc.py", 1, 1),
            file("new dir/new.py", 1, 0),
            file("run.sh", 1, 0),
            file("tests/test_calc.py", 0, 1),
        ]
    );
    assert!(change.diff.starts_with("diff --git a/calc.py b/calc.py\nindex "), "{}", change.diff);
    assert!(change.diff.contains("-    return a - b\n+    return a + b\n"));
    assert!(change.diff.contains("\\ No newline at end of file"));
    assert!(!change.diff.contains("old mode"), "modes are kept: {}", change.diff);
    let repo = person.mission_dir().join("repo.git");
    assert!(git_in(&repo, &["ls-tree", &change.tree, "run.sh"]).starts_with("100755 "));
    assert_eq!(person.workspace.tree_of(&person.mission, &change.commit).unwrap(), change.tree);
    let tree = files(&person.worktree(&change.commit));
    assert_eq!(tree["new dir/new.py"], "x = 1");
    assert!(!tree.contains_key("tests/test_calc.py"));
}

#[test]
fn the_same_arguments_give_the_same_commit() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let edits = [edit("calc.py", "1\n")];
    let (first, second) = (person.change(&snapshot, &edits), person.change(&snapshot, &edits));
    assert_eq!(first, second);
    let repo = person.mission_dir().join("repo.git");
    let said = git_in(&repo, &["show", "-s", "--format=%an|%ae|%cn|%ce|%at|%s", &first.commit]);
    let parent = git_in(&repo, &["show", "-s", "--format=%ct", &snapshot.commit]);
    let date = parent.parse::<u64>().unwrap() + 1;
    assert_eq!(said, format!("CODITECT|coditect@localhost|CODITECT|coditect@localhost|{date}|a candidate"));
}

#[test]
fn commits_by_many_threads() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (person, snapshot) = (&person, &snapshot);
            scope.spawn(move || {
                let text = format!("number = {number}\n");
                let change = person.change(snapshot, &[edit("calc.py", &text)]);
                assert!(change.diff.contains(&format!("+{text}")));
            });
        }
    });
}

#[test]
fn an_empty_change_and_bytes_of_every_value() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let nothing = person.change(&snapshot, &[]);
    assert_eq!((nothing.tree, &nothing.diff[..]), (snapshot.tree.clone(), ""));
    assert_eq!(nothing.files, []);
    let mut blob = edit("bytes.bin", "");
    blob.content = Some((0..=255).collect());
    let change = person.change(&snapshot, &[blob]);
    assert!(change.diff.contains("Binary files /dev/null and b/bytes.bin differ"));
    let tree = person.worktree(&change.commit);
    assert_eq!(std::fs::read(tree.join("bytes.bin")).unwrap(), (0..=255).collect::<Vec<u8>>());
}

#[test]
fn a_message_is_data() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let commit = |message: &str| {
        person
            .workspace
            .commit(&person.mission, &snapshot.commit, &[edit("calc.py", "1\n")], message)
            .unwrap()
    };
    let repo = person.mission_dir().join("repo.git");
    let body = |commit: &str| git_in(&repo, &["show", "-s", "--format=%B", commit]);
    assert_eq!(
        body(&commit("--amend\n# no comment\n\nauthor x").commit),
        "--amend\n# no comment\n\nauthor x"
    );
    assert_eq!(body(&commit("nul \0 byte").commit), "nul   byte");
    assert!(!commit("").commit.is_empty());
}

#[test]
fn edits_that_lead_elsewhere_are_refused() {
    let person = Person::with_commit();
    symlink("/etc", person.at("etc")).unwrap();
    symlink("calc.py", person.at("link.py")).unwrap();
    let snapshot = person.snapshot();
    for path in [
        "/etc/x",
        "../x",
        "a/../../x",
        ".git/hooks/x",
        "a/.Git/x",
        "etc/passwd",
        "link.py",
        "calc.py/x",
        "tests",
    ] {
        let edits = [edit(path, "x")];
        let error = person.workspace.commit(&person.mission, &snapshot.commit, &edits, "m").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{path}");
    }
}

#[test]
fn changes_upon_changes() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let first = person.change(&snapshot, &[edit("calc.py", "1\n")]);
    let second =
        person.workspace.commit(&person.mission, &first.commit, &[edit("b.py", "2\n")], "second").unwrap();
    assert_eq!(second.files.len(), 1);
    let tree = files(&person.worktree(&second.commit));
    assert_eq!((&tree["calc.py"][..], &tree["b.py"][..]), ("1\n", "2\n"));
}

#[test]
fn changes_of_one_snapshot_are_put_together_in_their_order() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let made = [
        &[edit("calc.py", "1\n"), edit("new.py", "n\n")][..],
        &[edit("other.py", "2\n")],
        &[edit("calc.py", "3\n")],
        &[edit("new.py/in.py", "4\n")],
        &[edit("other.py", "2\n"), removal("tests/test_calc.py")],
    ];
    let commits: Vec<String> = made.iter().map(|edits| person.change(&snapshot, edits).commit).collect();
    let merge = |commits: &[String]| {
        person.workspace.merge(&person.mission, &snapshot.commit, commits, "all of them").unwrap()
    };
    let merged = merge(&commits);
    assert_eq!(merged.conflicts, [(2, "calc.py".to_owned()), (3, "new.py/in.py".to_owned())]);
    assert_eq!(merged, merge(&commits), "the same arguments give the same commit");
    let tree = person.worktree(&merged.change.commit);
    let text = |name: &str| std::fs::read_to_string(tree.join(name)).unwrap();
    assert_eq!(
        (text("calc.py"), text("new.py"), text("other.py")),
        ("1\n".into(), "n\n".into(), "2\n".into())
    );
    assert!(!tree.join("tests/test_calc.py").exists());
    // One alone is what it was, and the order decides who is left out.
    assert_eq!(
        merge(&commits[1..2]).change.tree,
        person.workspace.tree_of(&person.mission, &commits[1]).unwrap()
    );
    assert_eq!(merge(&[commits[2].clone(), commits[0].clone()]).conflicts, [(1, "calc.py".to_owned())]);
}

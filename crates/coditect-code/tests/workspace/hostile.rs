//! A repository that names programs wherever git would run one: none of them runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use coditect_ports::Workspace;

use crate::support::{Person, files, git_in};

/// A repository in which every program that can be named is one that leaves a mark.
fn booby_trapped() -> (Person, PathBuf) {
    let person = Person::with_commit();
    person.write("filtered.txt", "content\n");
    person.commit_all("second");
    let (trap, mark) = (person.temp.path().join("trap.sh"), person.temp.path().join("mark"));
    fs::write(&trap, format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", mark.display())).unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    let trap = format!("'{}'", trap.display());
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.editor",
        "core.pager",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "diff.external",
        "diff.trap.textconv",
        "diff.trap.command",
        "filter.trap.clean",
        "filter.trap.smudge",
        "filter.trap.process",
        "merge.trap.driver",
        "gpg.program",
        "alias.diff-tree",
        "alias.rev-parse",
        "credential.helper",
        "uploadpack.packObjectsHook",
        "interactive.diffFilter",
        "hook.trap.command",
        "sequence.editor",
        "remote.origin.uploadpack",
    ] {
        git_in(&person.dir, &["config", key, &trap]);
    }
    for (key, value) in [
        ("commit.gpgSign", "true"),
        ("log.showSignature", "true"),
        ("filter.trap.required", "true"),
        ("hook.trap.event", "reference-transaction"),
        ("remote.origin.url", "ext::sh -c trap"),
        ("remote.origin.promisor", "true"),
        ("core.worktree", "/tmp"),
        ("include.path", "more"),
    ] {
        git_in(&person.dir, &["config", key, value]);
    }
    fs::write(person.at(".git/more"), format!("[core]\n\tfsmonitor = {trap}\n")).unwrap();
    fs::write(person.at(".git/info/attributes"), "* filter=trap diff=trap merge=trap\n").unwrap();
    person.write(".gitattributes", "* filter=trap diff=trap merge=trap\n");
    fs::create_dir_all(person.at(".git/hooks")).unwrap();
    for hook in [
        "pre-commit",
        "post-commit",
        "post-checkout",
        "post-index-change",
        "reference-transaction",
        "pre-auto-gc",
        "fsmonitor-watchman",
        "post-merge",
        "post-rewrite",
        "pre-receive",
        "update",
        "post-receive",
    ] {
        let file = person.at(&format!(".git/hooks/{hook}"));
        fs::write(&file, format!("#!/bin/sh\nexec {trap} {hook}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    (person, mark)
}

#[test]
fn nothing_that_a_repository_names_runs() {
    let (person, mark) = booby_trapped();
    person.write("calc.py", "def add(a, b):\n    return a - b  # work\n");
    person.write("untracked.txt", "content\n");
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
    person.workspace.apply(&person.mission, &person.dir, &snapshot).unwrap();
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
    assert!(files(&person.dir)["calc.py"].contains("a + b  # work"));
    // The trap does spring for git itself, so the test can fail.
    let git_dir = person.at(".git");
    crate::support::try_git_in(
        &person.dir,
        &["--git-dir", git_dir.to_str().unwrap(), "--work-tree", ".", "status"],
    );
    assert!(mark.exists());
}

#[test]
fn a_fast_forward_runs_nothing_either() {
    let (person, mark) = booby_trapped();
    fs::remove_file(person.at(".gitattributes")).unwrap();
    let snapshot = person.snapshot();
    assert!(!snapshot.uncommitted);
    let change = person.fix(&snapshot);
    person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
    let applied = person.workspace.apply(&person.mission, &person.dir, &snapshot).unwrap();
    assert_eq!(applied.how, "fast-forward");
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
}

#[test]
fn files_under_a_filter_are_taken_as_they_are() {
    // As with LFS: the history has a pointer, the disk has the content.
    let person = Person::unborn();
    person.git(&["config", "filter.pointer.clean", "printf pointer"]);
    person.git(&["config", "filter.pointer.smudge", "printf 'the content'"]);
    person.write(".gitattributes", "*.bin filter=pointer\n");
    person.write("data.bin", "the content");
    person.write("calc.py", "def add(a, b):\n    return a - b\n");
    person.commit_all("first");
    assert_eq!(person.git(&["cat-file", "blob", "HEAD:data.bin"]), "pointer");
    let snapshot = person.snapshot();
    assert!(!snapshot.uncommitted, "their git calls it clean");
    assert_eq!(files(&person.worktree(&snapshot.commit))["data.bin"], "the content");
    let change = person.fix(&snapshot);
    person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
    assert_eq!(person.git(&["cat-file", "blob", "coditect/m-test:data.bin"]), "pointer");
    assert_eq!(person.git(&["diff", "--name-only", "HEAD", "coditect/m-test"]), "calc.py");

    let mission = coditect_types::MissionId::parse("m-raw").unwrap();
    let snapshot = person.workspace.take_snapshot(&mission, &person.dir).unwrap();
    let edits = [crate::support::edit("data.bin", "new content")];
    let change = person.workspace.commit(&mission, &snapshot.commit, &edits, "m").unwrap();
    person.workspace.hand_over(&mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
    let subjects = person.git(&["log", "--format=%s", "coditect/m-raw"]);
    assert_eq!(
        subjects.lines().collect::<Vec<_>>(),
        ["m", "coditect: snapshot of the files as they are on the disk", "first"]
    );
}

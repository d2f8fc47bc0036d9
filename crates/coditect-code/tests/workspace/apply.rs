//! Bringing the change into the person's files: all of it or nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use coditect_ports::workspace::Applied;
use coditect_ports::{PortError, Workspace};
use coditect_types::{ErrorKind, Snapshot};

use crate::support::{Person, differing, edit, files, git_in, is_root, removal, the_git, try_git_in};

const FIXED: &str = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n";

/// Takes a snapshot and hands a change over.
fn handed(person: &Person) -> Snapshot {
    let snapshot = person.snapshot();
    let edits = [
        edit("calc.py", FIXED),
        edit("pkg/new file.py", "new\n"),
        edit("run.sh", "#!/bin/sh\ntrue\n"),
        removal("tests/test_calc.py"),
    ];
    let change = person.change(&snapshot, &edits);
    person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "the fix").unwrap();
    snapshot
}

fn apply(person: &Person, snapshot: &Snapshot) -> Result<Applied, PortError> {
    person.workspace.apply(&person.mission, &person.dir, snapshot)
}

fn assert_fixed(person: &Person) {
    let files = files(&person.dir);
    assert!(files["calc.py"].contains("return a + b"));
    assert_eq!(files["pkg/new file.py"], "new\n");
    assert!(!person.at("tests").exists(), "an empty directory goes");
    assert_eq!(fs::metadata(person.at("run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
    assert!(!files.keys().any(|name| name.contains("m-test") && !name.starts_with(".git/")), "{files:?}");
}

#[test]
fn a_clean_branch_is_fast_forwarded() {
    let person = Person::with_commit();
    let snapshot = handed(&person);
    person.write("untracked.txt", "stays\n");
    let applied = apply(&person, &snapshot).unwrap();
    assert_eq!(applied.how, "fast-forward");
    assert_eq!(applied.files, ["calc.py", "pkg/new file.py", "run.sh", "tests/test_calc.py"]);
    assert_fixed(&person);
    assert_eq!(person.git(&["status", "--porcelain"]), "?? untracked.txt");
    assert_eq!(person.git(&["rev-parse", "main"]), person.git(&["rev-parse", "coditect/m-test"]));
    assert_eq!(person.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(
        person.git(&["log", "-1", "-g", "--format=%gs", "main"]),
        "coditect: apply m-test (fast-forward)"
    );
    assert_eq!(
        person.git(&["log", "-1", "-g", "--format=%gs", "HEAD"]),
        "coditect: apply m-test (fast-forward)"
    );
    assert!(!person.at(".git/index.lock").exists());
    person.git(&["fsck", "--strict"]);

    let before = person.fingerprint();
    let again = apply(&person, &snapshot).unwrap();
    assert_eq!((&again.how[..], again.files.len()), ("nothing to do: it is there already", 0));
    assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
}

#[test]
fn a_detached_head_moves_too() {
    let person = Person::with_commit();
    person.git(&["checkout", "-q", "--detach"]);
    let snapshot = handed(&person);
    let main = person.git(&["rev-parse", "main"]);
    assert_eq!(apply(&person, &snapshot).unwrap().how, "fast-forward");
    assert_fixed(&person);
    assert_eq!(person.git(&["rev-parse", "HEAD"]), person.git(&["rev-parse", "coditect/m-test"]));
    assert_eq!(person.git(&["rev-parse", "main"]), main);
    assert_ne!(try_git_in(&person.dir, &["symbolic-ref", "-q", "HEAD"]).0, Some(0));
    assert_eq!(person.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_linked_worktree_moves_its_own_branch() {
    let mut person = Person::with_commit();
    person.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    let main = person.dir.clone();
    person.dir = person.temp.path().canonicalize().unwrap().join("linked");
    let snapshot = handed(&person);
    assert_eq!(apply(&person, &snapshot).unwrap().how, "fast-forward");
    assert_fixed(&person);
    assert_eq!(person.git(&["status", "--porcelain"]), "");
    assert_eq!(person.git(&["rev-parse", "side"]), person.git(&["rev-parse", "coditect/m-test"]));
    assert_eq!(git_in(&main, &["status", "--porcelain"]), "");
    assert_eq!(git_in(&main, &["rev-parse", "main"]), snapshot.commit);
}

#[test]
fn a_moved_branch_gets_the_change_on_top() {
    let person = Person::with_commit();
    let snapshot = handed(&person);
    person.write("other.py", "moved on\n");
    person.write("calc.py", FIXED.replace("a + b", "a - b") + "\n\ndef more():\n    pass\n");
    let moved = person.commit_all("moved on");
    let applied = apply(&person, &snapshot).unwrap();
    assert_eq!(applied.how, "cherry-pick");
    assert_fixed(&person);
    assert!(files(&person.dir)["calc.py"].ends_with("def more():\n    pass\n"));
    assert_eq!(person.git(&["status", "--porcelain"]), "");
    assert_eq!(person.git(&["rev-parse", "HEAD^"]), moved);
    assert_eq!(person.git(&["show", "-s", "--format=%s %an"]), "the fix CODITECT");
    person.git(&["fsck", "--strict"]);
    assert_eq!(apply(&person, &snapshot).unwrap().how, "nothing to do: it is there already");
}

#[test]
fn a_merged_branch_is_there_already() {
    let person = Person::with_commit();
    let snapshot = handed(&person);
    person.write("other.py", "moved on\n");
    person.commit_all("moved on");
    person.git(&["merge", "-q", "coditect/m-test"]);
    let before = person.fingerprint();
    assert_eq!(apply(&person, &snapshot).unwrap().how, "nothing to do: it is there already");
    assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
}

#[test]
fn uncommitted_work_keeps_the_branch_where_it_is() {
    let person = Person::with_commit();
    person.write("work.py", "work\n");
    person.git(&["add", "work.py"]);
    let snapshot = handed(&person);
    let index = fs::read(person.at(".git/index")).unwrap();
    let applied = apply(&person, &snapshot).unwrap();
    assert_eq!(applied.how, "patch to the working tree");
    assert_fixed(&person);
    assert_eq!(person.git(&["rev-parse", "HEAD"]), snapshot.head.clone().unwrap());
    assert_eq!(fs::read(person.at(".git/index")).unwrap(), index);
    assert!(!person.at(".git/index.lock").exists());
    assert_eq!(apply(&person, &snapshot).unwrap().files, Vec::<String>::new());
}

#[test]
fn a_tree_that_became_dirty_is_merged_line_by_line() {
    let person = Person::with_commit();
    let snapshot = handed(&person);
    let text = fs::read_to_string(person.at("calc.py")).unwrap();
    person.write("calc.py", format!("{text}\n\ndef mine():\n    pass\n"));
    let applied = apply(&person, &snapshot).unwrap();
    assert_eq!(applied.how, "patch to the working tree");
    assert_fixed(&person);
    assert!(files(&person.dir)["calc.py"].ends_with("def mine():\n    pass\n"));
    assert_eq!(person.git(&["rev-parse", "HEAD"]), snapshot.head.unwrap());
}

#[test]
fn staged_work_elsewhere_keeps_the_branch_where_it_is() {
    let person = Person::with_commit();
    let snapshot = handed(&person);
    person.write("run.sh", "#!/bin/sh\n");
    person.write("staged.py", "s\n");
    person.git(&["add", "staged.py"]);
    assert_eq!(apply(&person, &snapshot).unwrap().how, "patch to the working tree");
    assert_fixed(&person);
}

#[test]
fn conflicts_refuse_everything() {
    type Mess = fn(&Person);
    let messes: [(&str, Mess); 6] = [
        ("`calc.py`", |p| p.write("calc.py", "def add(a, b):\n    return a * b\n")),
        ("`pkg/new file.py`", |p| p.write("pkg/new file.py", "mine\n")),
        ("`calc.py`", |p| fs::remove_file(p.at("calc.py")).unwrap()),
        ("`tests/test_calc.py`", |p| p.write("tests/test_calc.py", "changed\n")),
        ("`calc.py`", |p| {
            fs::rename(p.at("calc.py"), p.at("real.py")).unwrap();
            symlink("real.py", p.at("calc.py")).unwrap();
        }),
        ("`pkg/new file.py`", |p| {
            fs::create_dir(p.at("elsewhere")).unwrap();
            symlink("elsewhere", p.at("pkg")).unwrap();
        }),
    ];
    for (name, mess) in messes {
        let person = Person::with_commit();
        let snapshot = handed(&person);
        mess(&person);
        let before = person.fingerprint();
        let error = apply(&person, &snapshot).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(error.cause.contains(name), "{}", error.cause);
        assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
    }
}

#[test]
fn a_file_that_cannot_be_replaced_takes_everything_back() {
    let person = Person::with_commit();
    person.write("sub/inner.py", "1\n");
    person.commit_all("second");
    let snapshot = person.snapshot();
    let change = person
        .change(&snapshot, &[edit("calc.py", FIXED), edit("a/new/x.py", "1\n"), edit("sub/inner.py", "2\n")]);
    person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
    if is_root() {
        // Nothing is refused to this process.
        return;
    }
    person.chmod("sub", 0o555);
    let before = person.fingerprint();
    let error = apply(&person, &snapshot).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
    person.chmod("sub", 0o755);
    assert_eq!(apply(&person, &snapshot).unwrap().how, "fast-forward");
}

#[test]
fn another_git_at_work_is_waited_for_by_the_person() {
    let person = Person::with_commit();
    let snapshot = handed(&person);
    fs::write(person.at(".git/index.lock"), "").unwrap();
    let before = person.fingerprint();
    let error = apply(&person, &snapshot).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
}

#[test]
fn an_unfinished_merge_is_left_alone() {
    let person = Person::with_commit();
    let snapshot = handed(&person);
    person.git(&["checkout", "-q", "-b", "side"]);
    person.write("side.py", "1\n");
    person.commit_all("side");
    person.git(&["checkout", "-q", "main"]);
    person.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]);
    assert_eq!(apply(&person, &snapshot).unwrap().how, "patch to the working tree");
    assert!(person.at(".git/MERGE_HEAD").exists());
}

#[test]
fn line_ends_of_disk_and_history_are_both_kept() {
    let person = Person::unborn();
    person.write(".gitattributes", "*.py text eol=crlf\n");
    person.write("calc.py", "def add(a, b):\r\n    return a - b\r\n");
    person.commit_all("first");
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
    assert_eq!(apply(&person, &snapshot).unwrap().how, "fast-forward");
    assert_eq!(fs::read_to_string(person.at("calc.py")).unwrap(), "def add(a, b):\r\n    return a + b\r\n");
    assert_eq!(person.git(&["cat-file", "blob", "HEAD:calc.py"]), "def add(a, b):\n    return a + b");
    assert_eq!(person.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_plain_directory_is_patched() {
    let person = Person::plain();
    person.write("calc.py", FIXED.replace("a + b", "a - b"));
    person.write("run.sh", "#!/bin/sh\n");
    person.chmod("run.sh", 0o755);
    person.write("tests/test_calc.py", "import calc\n");
    let snapshot = handed(&person);
    let before = person.fingerprint();
    person.write("calc.py", "rewritten\n");
    let rewritten = person.fingerprint();
    assert_eq!(apply(&person, &snapshot).unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(differing(&rewritten, &person.fingerprint()), Vec::<String>::new());
    person.write("calc.py", FIXED.replace("a + b", "a - b"));
    assert_eq!(before, person.fingerprint());
    assert_eq!(apply(&person, &snapshot).unwrap().how, "patch to the working tree");
    assert_fixed(&person);
    assert_eq!(apply(&person, &snapshot).unwrap().how, "nothing to do: it is there already");
}

#[test]
fn a_reftable_and_a_sha256_repository() {
    for format in ["--ref-format=reftable", "--object-format=sha256"] {
        for detach in [false, true] {
            let person = Person::plain();
            if try_git_in(&person.dir, &["init", "-q", format]).0 != Some(0) {
                continue;
            }
            person.write("calc.py", FIXED.replace("a + b", "a - b"));
            person.commit_all("first");
            if detach {
                person.git(&["checkout", "-q", "--detach"]);
            }
            let snapshot = person.snapshot();
            let change = person.fix(&snapshot);
            person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
            assert_eq!(apply(&person, &snapshot).unwrap().how, "fast-forward");
            assert_eq!(person.git(&["rev-parse", "HEAD"]), person.git(&["rev-parse", "coditect/m-test"]));
            assert_eq!(person.git(&["status", "--porcelain"]), "");
            person.git(&["fsck"]);
        }
    }
}

#[test]
fn nothing_was_handed_over() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    assert_eq!(apply(&person, &snapshot).unwrap_err().kind, ErrorKind::NotFound);
    person.workspace.clean(&person.mission).unwrap();
    assert_eq!(apply(&person, &snapshot).unwrap_err().kind, ErrorKind::NotFound);
    person.workspace.clean(&person.mission).unwrap();
    assert!(the_git().program().is_file());
}

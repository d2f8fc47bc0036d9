//! The person gets one branch, or one patch file, and nothing else of theirs changes.

use std::fs;
use std::process::Command;

use coditect_ports::Workspace;
use coditect_types::{ErrorKind, Snapshot};

use crate::support::{Person, differing, edit, git_in, the_git, try_git_in};

const MESSAGE: &str = "Make the failing tests pass\n\n`add` subtracted.\n";

fn hand_over(person: &Person, snapshot: &Snapshot, commit: &str) -> coditect_ports::workspace::Handed {
    person.workspace.hand_over(&person.mission, &person.dir, snapshot, commit, MESSAGE).unwrap()
}

/// What may differ after a hand-over: new objects and the new branch.
fn assert_only_additions(names: &[String]) {
    for name in names {
        let fine = name.starts_with(".git/objects/")
            || matches!(&name[..], ".git/refs/heads/coditect" | ".git/refs/heads/coditect/m-test");
        assert!(fine, "{name} has changed: {names:?}");
    }
}

#[test]
fn a_branch_on_top_of_head() {
    let person = Person::with_commit();
    person.git(&["branch", "other"]);
    person.git(&["tag", "v1"]);
    person.git(&["pack-refs", "--all"]);
    person.write("calc.py", "stashed\n");
    person.git(&["stash"]);
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    let before = person.fingerprint();
    let handed = hand_over(&person, &snapshot, &change.commit);
    let after = person.fingerprint();
    assert_only_additions(&differing(&before, &after));

    assert_eq!(handed.branch.as_deref(), Some("coditect/m-test"));
    let commit = handed.commit.clone().unwrap();
    assert_eq!(person.git(&["rev-parse", "coditect/m-test"]), commit);
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^"]), person.git(&["rev-parse", "HEAD"]));
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^{tree}"]), change.tree);
    assert_eq!(person.git(&["show", "-s", "--format=%B", "coditect/m-test"]), MESSAGE.trim_end());
    assert_eq!(person.git(&["diff", "--stat", "HEAD", "coditect/m-test"]).lines().count(), 2);
    assert_eq!(person.git(&["log", "--oneline", "-g", "coditect/m-test"]), "", "no reflog");

    assert_eq!(hand_over(&person, &snapshot, &change.commit), handed, "a second call changes nothing");
    assert_eq!(person.fingerprint(), after);

    // It stands without us.
    person.workspace.clean(&person.mission).unwrap();
    person.git(&["fsck", "--strict"]);
    person.git(&["checkout", "-q", "coditect/m-test"]);
    assert!(fs::read_to_string(person.at("calc.py")).unwrap().contains("a + b"));
}

#[test]
fn uncommitted_work_is_a_commit_of_its_own() {
    let person = Person::with_commit();
    person.write("helper.py", "h = 1\n");
    person.write("calc.py", "def add(a, b):\n    return a - b  # work\n");
    person.git(&["add", "calc.py"]);
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    let before = person.fingerprint();
    hand_over(&person, &snapshot, &change.commit);
    assert_only_additions(&differing(&before, &person.fingerprint()));
    let subjects = person.git(&["log", "--format=%s", "coditect/m-test"]);
    assert_eq!(
        subjects.lines().collect::<Vec<_>>(),
        ["Make the failing tests pass", "coditect: snapshot of uncommitted work", "first"]
    );
    assert_eq!(person.git(&["diff", "--name-only", "coditect/m-test^", "coditect/m-test"]), "calc.py");
    person.git(&["fsck", "--strict"]);
}

#[test]
fn much_uncommitted_work_comes_as_a_pack() {
    let person = Person::with_commit();
    for number in 0..150 {
        person.write(&format!("work/{number}.py"), format!("x = {number}\n"));
    }
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    let before = person.fingerprint();
    hand_over(&person, &snapshot, &change.commit);
    let names = differing(&before, &person.fingerprint());
    assert_only_additions(&names);
    assert!(names.iter().any(|name| name.ends_with(".pack")), "{names:?}");
    person.workspace.clean(&person.mission).unwrap();
    person.git(&["fsck", "--strict"]);
}

#[test]
fn a_repository_without_commits_gets_a_branch_too() {
    let person = Person::unborn();
    person.write("calc.py", "a - b\n");
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    hand_over(&person, &snapshot, &change.commit);
    assert_eq!(person.git(&["log", "--format=%s", "coditect/m-test"]).lines().count(), 2);
}

#[test]
fn several_commits_are_handed_over_as_one() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let first = person.change(&snapshot, &[edit("a.py", "1\n")]);
    let second =
        person.workspace.commit(&person.mission, &first.commit, &[edit("b.py", "2\n")], "x").unwrap();
    hand_over(&person, &snapshot, &second.commit);
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^"]), snapshot.commit);
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^{tree}"]), second.tree);
}

#[test]
fn head_may_have_moved_meanwhile() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    person.write("calc.py", "moved on\n");
    person.commit_all("moved on");
    hand_over(&person, &snapshot, &change.commit);
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^"]), snapshot.commit);
}

#[test]
fn another_commit_under_the_branch_is_a_conflict() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    person.git(&["branch", "coditect/m-test"]);
    let before = person.fingerprint();
    let error = person
        .workspace
        .hand_over(&person.mission, &person.dir, &snapshot, &change.commit, MESSAGE)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
}

#[test]
fn a_branch_named_coditect_is_in_the_way() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    for pack in [false, true] {
        person.git(&["branch", "-f", "coditect"]);
        if pack {
            person.git(&["pack-refs", "--all"]);
        }
        let before = person.fingerprint();
        let handed = person
            .workspace
            .hand_over(&person.mission, &person.dir, &snapshot, &change.commit, MESSAGE)
            .unwrap();
        assert_eq!((&handed.branch, &handed.commit), (&None, &None));
        // The change is not lost, and its file says why it is no branch.
        let patch = handed.patch.unwrap();
        let text = fs::read_to_string(&patch).unwrap();
        assert!(
            text.starts_with("There is no branch `coditect/m-test`: the repository has a branch"),
            "{text}"
        );
        person.git(&["apply", "--check", patch.to_str().unwrap()]);
        assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
    }
    person.git(&["branch", "-m", "coditect", "elsewhere"]);
    hand_over(&person, &snapshot, &change.commit);
}

#[test]
fn a_lock_of_anothers_is_respected_and_one_of_ours_taken_back() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    fs::create_dir_all(person.at(".git/refs/heads/coditect")).unwrap();
    let lock = person.at(".git/refs/heads/coditect/m-test.lock");
    fs::write(&lock, "1111111111111111111111111111111111111111\n").unwrap();
    let error = person
        .workspace
        .hand_over(&person.mission, &person.dir, &snapshot, &change.commit, MESSAGE)
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
    assert!(lock.exists());
    fs::write(&lock, "").unwrap();
    hand_over(&person, &snapshot, &change.commit);
    assert!(!lock.exists());
}

#[test]
fn a_commit_that_is_not_the_missions_is_refused() {
    let person = Person::with_commit();
    person.git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    let snapshot = person.snapshot();
    let first = person.git(&["rev-parse", "HEAD~1"]);
    let error =
        person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &first, MESSAGE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    let nowhere = "1".repeat(40);
    let error =
        person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &nowhere, MESSAGE).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[test]
fn a_patch_for_a_plain_directory() {
    let person = Person::plain();
    person.write("calc.py", "def add(a, b):\n    return a - b\n");
    person.write("sp ace.txt", "old\n");
    person.write("gone.txt", "gone\n");
    let snapshot = person.snapshot();
    let mut bytes = edit("bytes.bin", "");
    bytes.content = Some((0..=255).collect());
    let edits = [
        edit("calc.py", "def add(a, b):\n    return a + b\n"),
        edit("sp ace.txt", "new"),
        crate::support::removal("gone.txt"),
        bytes,
    ];
    let change = person.change(&snapshot, &edits);
    let before = person.fingerprint();
    let handed = hand_over(&person, &snapshot, &change.commit);
    assert_eq!(before, person.fingerprint());
    let patch = handed.patch.clone().unwrap();
    assert_eq!(patch, person.mission_dir().join("m-test.patch"));
    assert_eq!(hand_over(&person, &snapshot, &change.commit), handed);

    person.workspace.clean(&person.mission).unwrap();
    let left: Vec<_> = fs::read_dir(person.mission_dir()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["m-test.patch"], "what was handed over stays");
    git_in(&person.dir, &["apply", patch.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(person.at("sp ace.txt")).unwrap(), "new");
    assert_eq!(fs::read(person.at("bytes.bin")).unwrap().len(), 256);
    assert!(!person.at("gone.txt").exists());
}

#[test]
fn a_patch_of_text_suits_patch_p1() {
    if Command::new("patch").arg("--version").output().is_err() {
        return;
    }
    let person = Person::plain();
    person.write("pkg/calc.py", "def add(a, b):\n    return a - b\n");
    let snapshot = person.snapshot();
    let change = person.change(&snapshot, &[edit("pkg/calc.py", "def add(a, b):\n    return a + b\n")]);
    let patch = hand_over(&person, &snapshot, &change.commit).patch.unwrap();
    let done =
        Command::new("patch").args(["-p1", "-i"]).arg(&patch).current_dir(&person.dir).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(fs::read_to_string(person.at("pkg/calc.py")).unwrap().contains("a + b"));
}

#[test]
fn line_ends_of_the_history_stay_what_they_are() {
    let person = Person::unborn();
    person.write(".gitattributes", "*.py text eol=crlf\n");
    person.write("calc.py", "def add(a, b):\r\n    return a - b\r\n");
    person.write("other.py", "x = 1\r\n");
    person.commit_all("first");
    assert_eq!(person.git(&["status", "--porcelain"]), "");
    let snapshot = person.snapshot();
    assert!(!snapshot.uncommitted, "git calls it clean");
    assert_ne!(Some(&snapshot.commit), snapshot.head.as_ref());
    let tree = person.worktree(&snapshot.commit);
    assert_eq!(fs::read(tree.join("calc.py")).unwrap(), fs::read(person.at("calc.py")).unwrap());
    let change = person.fix(&snapshot);
    hand_over(&person, &snapshot, &change.commit);
    assert_eq!(person.git(&["rev-parse", "coditect/m-test^"]), person.git(&["rev-parse", "HEAD"]));
    assert_eq!(
        person.git(&["diff", "--shortstat", "HEAD", "coditect/m-test"]),
        " 1 file changed, 1 insertion(+), 1 deletion(-)"
    );
    let blob = person.git(&["cat-file", "blob", "coditect/m-test:calc.py"]);
    assert_eq!(blob, "def add(a, b):\n    return a + b");
}

#[test]
fn two_missions_on_one_repository_at_once() {
    let person = Person::with_commit();
    std::thread::scope(|scope| {
        for number in 0..4 {
            let person = &person;
            scope.spawn(move || {
                let mission = coditect_types::MissionId::parse(&format!("m-{number}")).unwrap();
                let workspace =
                    coditect_code::workspace::GitWorkspace::open(&person.home, the_git()).unwrap();
                let snapshot = workspace.take_snapshot(&mission, &person.dir).unwrap();
                let edits = [edit("calc.py", &format!("{number}\n"))];
                let change = workspace.commit(&mission, &snapshot.commit, &edits, "m").unwrap();
                workspace.hand_over(&mission, &person.dir, &snapshot, &change.commit, MESSAGE).unwrap();
            });
        }
    });
    let branches = person.git(&["branch", "--list", "coditect/*", "--format=%(refname:short)"]);
    assert_eq!(branches.lines().count(), 4);
    let (code, said, _) = try_git_in(&person.dir, &["status", "--porcelain"]);
    assert_eq!((code, &said[..]), (Some(0), ""));
}

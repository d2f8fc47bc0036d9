//! Worktrees have the exact files of a commit, whatever was done in them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use coditect_ports::Workspace;
use coditect_types::ErrorKind;

use crate::support::{Person, edit, files, fingerprint, git_in};

#[test]
fn a_worktree_is_brought_back() {
    let person = Person::with_commit();
    symlink("calc.py", person.at("link")).unwrap();
    let snapshot = person.snapshot();
    let tree = person.worktree(&snapshot.commit);
    let exact = fingerprint(&tree);
    assert!(!tree.join(".git").exists());

    let outside = person.temp.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("test_calc.py"), "precious").unwrap();
    fs::write(tree.join("calc.py"), "changed\n").unwrap();
    fs::write(tree.join("untracked.py"), "x\n").unwrap();
    fs::write(tree.join("x.log"), "ignored, but not the commit's\n").unwrap();
    fs::create_dir_all(tree.join("deep/er/.git")).unwrap();
    fs::remove_dir_all(tree.join("tests")).unwrap();
    symlink(&outside, tree.join("tests")).unwrap();
    fs::remove_file(tree.join("link")).unwrap();
    fs::create_dir(tree.join("link")).unwrap();
    fs::set_permissions(tree.join("run.sh"), fs::Permissions::from_mode(0o644)).unwrap();
    let _socket = UnixListener::bind(tree.join("socket")).unwrap();
    fs::create_dir(tree.join("closed")).unwrap();
    fs::write(tree.join("closed/x"), "").unwrap();
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();

    assert_eq!(person.worktree(&snapshot.commit), tree);
    assert_eq!(fingerprint(&tree), exact);
    assert_eq!(fs::read_to_string(outside.join("test_calc.py")).unwrap(), "precious");
}

#[test]
fn a_file_changed_without_a_trace_in_size_and_time_is_brought_back() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let tree = person.worktree(&snapshot.commit);
    let exact = files(&tree);
    let file = tree.join("calc.py");
    let time = fs::metadata(&file).unwrap().modified().unwrap();
    let swapped = fs::read_to_string(&file).unwrap().replace('-', "+");
    fs::write(&file, swapped).unwrap();
    fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    person.worktree(&snapshot.commit);
    assert_eq!(files(&tree), exact);
}

#[test]
fn the_same_place_can_hold_another_commit() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let tree = person.worktree(&snapshot.commit);
    let before = files(&tree);
    let change = person
        .change(&snapshot, &[edit("tests", "a file now\n"), crate::support::removal("tests/test_calc.py")]);
    assert_eq!(person.worktree(&change.commit), tree);
    assert_eq!(files(&tree)["tests"], "a file now\n");
    person.worktree(&snapshot.commit);
    assert_eq!(files(&tree), before);
}

#[test]
fn a_torn_index_or_a_lost_directory_costs_only_time() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let tree = person.worktree(&snapshot.commit);
    let exact = files(&tree);
    let index = person.mission_dir().join("trees/look.index");
    fs::write(&index, "DIRC torn").unwrap();
    fs::write(person.mission_dir().join("trees/look.index.lock"), "").unwrap();
    person.worktree(&snapshot.commit);
    assert_eq!(files(&tree), exact);
    fs::remove_dir_all(&tree).unwrap();
    person.worktree(&snapshot.commit);
    assert_eq!(files(&tree), exact);
    fs::remove_file(&index).unwrap();
    fs::write(tree.join("stray"), "").unwrap();
    person.worktree(&snapshot.commit);
    assert_eq!(files(&tree), exact);
}

#[test]
fn many_purposes_at_once() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (person, snapshot, change) = (&person, &snapshot, &change);
            scope.spawn(move || {
                for commit in [&snapshot.commit, &change.commit, &snapshot.commit] {
                    let purpose = format!("p-{number}");
                    let tree = person.workspace.worktree(&person.mission, commit, &purpose).unwrap();
                    let fixed = files(&tree)["calc.py"].contains("a + b");
                    assert_eq!(fixed, *commit == change.commit);
                }
            });
        }
    });
}

#[test]
fn no_bytes_are_converted() {
    let person = Person::unborn();
    person.write(".gitattributes", "*.txt text eol=crlf\n*.id ident\n*.u16 working-tree-encoding=UTF-16\n");
    person.write("a.txt", "one\ntwo\n");
    person.write("b.id", "$Id$\n");
    let snapshot = person.snapshot();
    let tree = person.worktree(&snapshot.commit);
    assert_eq!(files(&tree)["a.txt"], "one\ntwo\n");
    assert_eq!(files(&tree)["b.id"], "$Id$\n");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let person = Person::with_commit();
    let snapshot = person.snapshot();
    for purpose in ["", "..", "a/b", "A", "a.index", "ü", &"x".repeat(101)] {
        let error = person.workspace.worktree(&person.mission, &snapshot.commit, purpose).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{purpose}");
    }
    for commit in ["HEAD", "--help", "main", ""] {
        let error = person.workspace.worktree(&person.mission, commit, "look").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{commit}");
    }
    let nowhere = person.workspace.worktree(&person.mission, &"0".repeat(40), "look").unwrap_err();
    assert_eq!(nowhere.kind, ErrorKind::NotFound);
}

#[test]
fn a_mission_without_a_snapshot_has_no_worktree() {
    let person = Person::with_commit();
    let head = person.git(&["rev-parse", "HEAD"]);
    let error = person.workspace.worktree(&person.mission, &head, "look").unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(git_in(&person.dir, &["status", "--short"]), "");
}

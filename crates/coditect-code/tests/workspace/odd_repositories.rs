//! Repositories of every make.

use std::fs;

use coditect_ports::Workspace;
use coditect_types::ErrorKind;

use crate::support::{Person, differing, edit, files, git_in, the_git, try_git_in};

/// Snapshot, change, hand-over in a directory that is already set up; the person's files stay as they are.
fn works(person: &Person) -> coditect_types::Snapshot {
    let seen = files(&person.dir);
    let before = person.fingerprint();
    let snapshot = person.snapshot();
    assert_eq!(differing(&before, &person.fingerprint()), Vec::<String>::new());
    let tree = files(&person.worktree(&snapshot.commit));
    for (name, text) in &tree {
        assert_eq!(seen.get(name), Some(text), "{name}");
    }
    let change = person.change(&snapshot, &[edit("new.py", "1\n")]);
    let handed =
        person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
    assert_eq!(person.git(&["rev-parse", "coditect/m-test"]), handed.commit.unwrap());
    assert_eq!(person.git(&["cat-file", "blob", "coditect/m-test:new.py"]), "1");
    snapshot
}

#[test]
fn a_linked_worktree() {
    let mut person = Person::with_commit();
    person.git(&["worktree", "add", "-q", "-b", "side", "../linked"]);
    let main = person.dir.clone();
    person.dir = person.temp.path().canonicalize().unwrap().join("linked");
    person.write("calc.py", "in the linked one\n");
    let before = crate::support::fingerprint(&main);
    let snapshot = works(&person);
    assert_eq!(snapshot.branch.as_deref(), Some("side"));
    let names = differing(&before, &crate::support::fingerprint(&main));
    assert!(
        names.iter().all(|n| n.starts_with(".git/objects/") || n.starts_with(".git/refs/heads/coditect"))
    );
}

#[test]
fn a_worktree_of_a_bare_repository() {
    let mut person = Person::with_commit();
    git_in(person.temp.path(), &["clone", "-q", "--bare", "project", "bare.git"]);
    git_in(&person.temp.path().join("bare.git"), &["worktree", "add", "-q", "-b", "side", "../linked"]);
    person.dir = person.temp.path().canonicalize().unwrap().join("linked");
    works(&person);
}

#[test]
fn a_bare_repository_is_refused() {
    let person = Person::with_commit();
    git_in(person.temp.path(), &["clone", "-q", "--bare", "project", "bare.git"]);
    for dir in ["bare.git", "bare.git/refs", "project/.git", "project/.git/hooks"] {
        let dir = person.temp.path().join(dir);
        let error = person.workspace.take_snapshot(&person.mission, &dir).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.cause.ends_with("is a bare repository: it has no files to work on"), "{}", error.cause);
    }
    person.git(&["config", "core.bare", "true"]);
    assert_eq!(person.try_snapshot().unwrap_err().kind, ErrorKind::Invalid);
}

#[test]
fn a_shallow_clone() {
    let mut person = Person::with_commit();
    for number in 0..3 {
        person.write("calc.py", format!("{number}\n"));
        person.commit_all("more");
    }
    let url = format!("file://{}", person.dir.display());
    git_in(person.temp.path(), &["clone", "-q", "--depth=1", &url, "shallow"]);
    person.dir = person.temp.path().canonicalize().unwrap().join("shallow");
    person.write("work.py", "1\n");
    works(&person);
    person.git(&["fsck"]);
}

#[test]
fn a_clone_that_borrows_its_objects() {
    let mut person = Person::with_commit();
    git_in(person.temp.path(), &["clone", "-q", "--shared", "project", "borrower"]);
    person.dir = person.temp.path().canonicalize().unwrap().join("borrower");
    fs::write(person.at(".git/objects/info/alternates"), "../../../project/.git/objects\n").unwrap();
    works(&person);
}

#[test]
fn sha256() {
    let person = Person::plain();
    person.git(&["init", "-q", "--object-format=sha256"]);
    person.write("calc.py", "a - b\n");
    person.commit_all("first");
    person.write("calc.py", "a - b  # changed\n");
    let snapshot = works(&person);
    assert_eq!(snapshot.commit.len(), 64);
    person.git(&["fsck"]);
}

#[test]
fn reftable() {
    let person = Person::plain();
    if try_git_in(&person.dir, &["init", "-q", "--ref-format=reftable"]).0 != Some(0) {
        return;
    }
    person.write("calc.py", "a - b\n");
    person.commit_all("first");
    let snapshot = works(&person);
    assert!(snapshot.branch.is_some());
    assert_eq!(snapshot.head, Some(person.git(&["rev-parse", "HEAD"])));
    person.git(&["fsck"]);
}

#[test]
fn formats_of_the_future_are_refused() {
    let person = Person::with_commit();
    person.git(&["config", "core.repositoryFormatVersion", "1"]);
    person.git(&["config", "extensions.newStorage", "lasers"]);
    let error = person.try_snapshot().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.cause.ends_with("uses the extension `newstorage = lasers`"), "{}", error.cause);
}

#[test]
fn submodules_and_repositories_inside() {
    let person = Person::with_commit();
    git_in(person.temp.path(), &["clone", "-q", "project", "library"]);
    person.git(&["submodule", "add", "-q", "../library", "lib"]);
    person.commit_all("with a submodule");
    git_in(&person.dir, &["clone", "-q", "../library", "nested"]);
    person.write("lib/calc.py", "changed inside\n");
    let snapshot = works(&person);
    assert!(!snapshot.uncommitted);
    assert_eq!(snapshot.left_out, ["lib: submodule", "nested: git repository of its own"]);
    let tree = files(&person.worktree(&snapshot.commit));
    assert!(!tree.keys().any(|name| name.starts_with("lib/") || name.starts_with("nested/")));
    assert!(person.git(&["ls-tree", "coditect/m-test", "lib"]).starts_with("160000 commit"));
    let inside = person.workspace.mission_dir(&person.mission);
    assert!(inside.join("trees/look/lib").is_dir());
    // And the submodule is a repository of its own, whose `.git` is a file.
    let mission = coditect_types::MissionId::parse("m-inside").unwrap();
    let inner = person.workspace.take_snapshot(&mission, &person.at("lib")).unwrap();
    assert!(inner.uncommitted);
    assert_eq!(inner.subdir, "");
}

#[test]
fn a_merge_in_progress_with_conflicts() {
    let person = Person::with_commit();
    person.git(&["checkout", "-q", "-b", "side"]);
    person.write("calc.py", "side\n");
    fs::remove_file(person.at("run.sh")).unwrap();
    person.commit_all("side");
    person.git(&["checkout", "-q", "main"]);
    person.write("calc.py", "main\n");
    person.write("run.sh", "#!/bin/sh\nmain\n");
    person.commit_all("main");
    assert_ne!(try_git_in(&person.dir, &["merge", "side"]).0, Some(0));
    fs::remove_file(person.at("run.sh")).unwrap();
    let snapshot = works(&person);
    assert!(snapshot.uncommitted);
    assert_eq!(snapshot.left_out, ["calc.py: in the middle of a merge; kept as it stands on the disk"]);
    let tree = files(&person.worktree(&snapshot.commit));
    assert!(tree["calc.py"].starts_with("<<<<<<< HEAD\n"));
    assert!(!tree.contains_key("run.sh"));
}

#[test]
fn entries_that_git_was_told_not_to_look_at() {
    let person = Person::with_commit();
    person.git(&["update-index", "--assume-unchanged", "calc.py"]);
    person.git(&["update-index", "--skip-worktree", "run.sh"]);
    person.git(&["add", "-N", "."]);
    assert!(!person.snapshot().uncommitted);
    person.workspace.clean(&person.mission).unwrap();
    person.write("calc.py", "hidden change\n");
    person.write("run.sh", "hidden too\n");
    person.write("intended.py", "to be added\n");
    person.git(&["add", "-N", "intended.py"]);
    let snapshot = works(&person);
    assert!(snapshot.uncommitted);
    let tree = files(&person.worktree(&snapshot.commit));
    assert_eq!(tree["calc.py"], "hidden change\n");
    assert_eq!(tree["run.sh"], "hidden too\n");
    assert_eq!(tree["intended.py"], "to be added\n");
}

#[test]
fn a_sparse_checkout() {
    let person = Person::with_commit();
    person.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "none"]);
    assert!(!person.at("tests").exists());
    let snapshot = person.snapshot();
    assert!(!snapshot.uncommitted, "what is not checked out is not removed");
    assert_eq!(snapshot.files, 4);
}

#[test]
fn a_split_index_and_no_index() {
    let person = Person::with_commit();
    person.git(&["update-index", "--split-index"]);
    person.write("calc.py", "split\n");
    person.git(&["add", "calc.py"]);
    assert!(works(&person).uncommitted);
    person.workspace.clean(&person.mission).unwrap();
    person.git(&["branch", "-D", "coditect/m-test"]);
    person.git(&["commit", "-qm", "split"]);
    fs::remove_file(person.at(".git/index")).unwrap();
    assert!(!works(&person).uncommitted);
}

#[test]
fn versions_of_the_index() {
    for version in ["2", "3", "4"] {
        let person = Person::with_commit();
        person.git(&["update-index", "--index-version", version]);
        person.git(&["update-index", "--untracked-cache"]);
        person.write("x.py", "1\n");
        assert!(works(&person).uncommitted);
    }
}

#[test]
fn damaged_repositories_are_told() {
    let refused = |person: &Person, kind: ErrorKind, words: &str| {
        let before = person.fingerprint();
        let error = person.try_snapshot().unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.cause.contains(words), "{}", error.cause);
        assert!(error.hint.is_some());
        assert_eq!(before, person.fingerprint());
    };
    let person = Person::with_commit();
    fs::write(person.at(".git/index"), "nonsense that is no index").unwrap();
    refused(&person, ErrorKind::Invalid, "index` cannot be read");
    let person = Person::with_commit();
    fs::write(person.at(".git/HEAD"), "nonsense\n").unwrap();
    refused(&person, ErrorKind::Invalid, "HEAD");
    let person = Person::with_commit();
    fs::remove_file(person.at(".git/HEAD")).unwrap();
    refused(&person, ErrorKind::Invalid, "has no `HEAD`");
    let person = Person::with_commit();
    fs::write(person.at(".git/refs/heads/main"), format!("{}\n", "1".repeat(40))).unwrap();
    refused(&person, ErrorKind::Invalid, "does not have that commit");
    let person = Person::with_commit();
    fs::write(person.at(".git/config"), "[core\nbroken").unwrap();
    refused(&person, ErrorKind::Invalid, "bad config");
    let person = Person::with_commit();
    fs::remove_dir_all(person.at(".git")).unwrap();
    fs::write(person.at(".git"), "gitdir: /nowhere\n").unwrap();
    refused(&person, ErrorKind::NotFound, "/nowhere");
    fs::write(person.at(".git"), "hello\n").unwrap();
    refused(&person, ErrorKind::Invalid, "does not start with `gitdir: `");
}

#[test]
fn a_store_that_cannot_be_read_is_named() {
    let person = Person::with_commit();
    fs::rename(person.at(".git/objects"), person.at(".git/away")).unwrap();
    fs::write(person.at(".git/objects"), "").unwrap();
    let error = person.try_snapshot().unwrap_err();
    assert!(error.cause.contains("/.git/objects`"), "{error:?}");
}

#[test]
fn an_empty_git_directory_is_no_repository() {
    let person = Person::plain();
    fs::create_dir(person.at(".git")).unwrap();
    person.write("a.py", "1\n");
    assert_eq!(person.snapshot().kind, coditect_types::workspace::WorkspaceKind::Plain);
}

#[test]
fn a_tree_object_that_is_lost() {
    let person = Person::with_commit();
    let tree = person.git(&["rev-parse", "HEAD^{tree}"]);
    let object = person.at(&format!(".git/objects/{}/{}", &tree[..2], &tree[2..]));
    fs::remove_file(object).unwrap();
    let outcome = person
        .try_snapshot()
        .and_then(|snapshot| person.workspace.worktree(&person.mission, &snapshot.commit, "look"));
    // Either git can do without it (the index has the same tree), or the error says what is wrong.
    if let Err(error) = outcome {
        assert!(matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound), "{error:?}");
    }
}

#[test]
fn a_freshly_cloned_repository_with_line_ends_is_clean() {
    for settings in [&["-c", "core.autocrlf=true"][..], &[]] {
        let mut person = Person::unborn();
        if settings.is_empty() {
            person.write(".gitattributes", "*.py text eol=crlf\n*.id ident\n");
            person.write("x.id", "$Id$\n");
        }
        person.write("calc.py", "def add(a, b):\n    return a - b\n");
        person.commit_all("first");
        let mut args = settings.to_vec();
        args.extend(["clone", "-q", "project", "clone"]);
        git_in(person.temp.path(), &args);
        person.dir = person.temp.path().canonicalize().unwrap().join("clone");
        if !settings.is_empty() {
            person.git(&["config", "core.autocrlf", "true"]);
        }
        assert!(fs::read_to_string(person.at("calc.py")).unwrap().contains("\r\n"));
        let snapshot = person.snapshot();
        assert!(!snapshot.uncommitted);
        assert!(files(&person.worktree(&snapshot.commit))["calc.py"].contains("a - b\r\n"));
        let change = person.fix(&snapshot);
        person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "m").unwrap();
        assert_eq!(person.git(&["rev-parse", "coditect/m-test^"]), person.git(&["rev-parse", "HEAD"]));
        assert_eq!(
            person.git(&["diff", "--shortstat", "HEAD", "coditect/m-test"]),
            " 1 file changed, 1 insertion(+), 1 deletion(-)"
        );
        person.write("calc.py", "def add(a, b):\r\n    return a - b  # work\r\n");
        person.workspace.clean(&person.mission).unwrap();
        let snapshot = person.snapshot();
        assert!(snapshot.uncommitted);
        assert!(files(&person.worktree(&snapshot.commit))["calc.py"].contains("# work\r\n"));
    }
}

#[test]
fn the_git_binary_is_the_one_on_path() {
    assert!(the_git().program().is_absolute());
}

//! What the person sees is what the mission gets, and nothing of theirs changes.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use coditect_code::workspace::{Git, GitWorkspace, Taste};
use coditect_ports::Workspace;
use coditect_types::ErrorKind;
use coditect_types::workspace::WorkspaceKind;

use crate::support::{Person, files, is_root, the_git};

/// Takes the snapshot and checks that it holds the files of the person's directory, without `but`.
fn sees_all(person: &Person, but: &[&str]) -> coditect_types::Snapshot {
    let before = person.fingerprint();
    let snapshot = person.snapshot();
    assert_eq!(before, person.fingerprint(), "the person's directory has changed");
    let mut theirs = files(&person.dir);
    theirs.retain(|name, _| {
        !name.starts_with(".git/")
            && !but.iter().any(|but| name == but || name.starts_with(&format!("{but}/")))
    });
    let ours = files(&person.worktree(&snapshot.commit));
    assert_eq!(ours, theirs);
    assert_eq!(snapshot.files, ours.len() as u64);
    assert_eq!(person.workspace.tree_of(&person.mission, &snapshot.commit).unwrap(), snapshot.tree);
    snapshot
}

#[test]
fn a_clean_repository_is_its_head() {
    let person = Person::with_commit();
    let snapshot = sees_all(&person, &[]);
    assert_eq!(snapshot.kind, WorkspaceKind::Git);
    assert_eq!(snapshot.commit, person.git(&["rev-parse", "HEAD"]));
    assert_eq!(snapshot.head.as_deref(), Some(&snapshot.commit[..]));
    assert_eq!(snapshot.branch.as_deref(), Some("main"));
    assert!(!snapshot.uncommitted);
    assert_eq!(snapshot.left_out, Vec::<String>::new());
}

#[test]
fn changed_staged_untracked_and_removed_files_are_as_on_the_disk() {
    let person = Person::with_commit();
    person.write("calc.py", "staged = 1\n");
    person.git(&["add", "calc.py"]);
    person.write("calc.py", "not staged = 2\n");
    person.write("new dir/new file.py", "new\n");
    person.write("build/out.o", "ignored\n");
    person.write("x.log", "ignored\n");
    person.write("tracked.log", "ignored, but tracked\n");
    person.git(&["add", "-f", "tracked.log"]);
    fs::remove_file(person.at("tests/test_calc.py")).unwrap();
    person.chmod("run.sh", 0o644);
    let snapshot = sees_all(&person, &["build", "x.log"]);
    assert!(snapshot.uncommitted);
    let head = person.git(&["rev-parse", "HEAD"]);
    assert_eq!(snapshot.head.as_deref(), Some(&head[..]));
    assert_ne!(snapshot.commit, head);
}

#[test]
fn the_same_call_gives_the_same_snapshot() {
    let person = Person::with_commit();
    person.write("new.py", "1\n");
    let first = person.snapshot();
    person.write("new.py", "2\n");
    assert_eq!(person.snapshot(), first, "a mission has one snapshot");
    person.workspace.clean(&person.mission).unwrap();
    assert!(!person.mission_dir().exists());
    person.write("new.py", "1\n");
    assert_eq!(person.snapshot(), first, "the same files give the same commit");
}

#[test]
fn a_repository_without_commits() {
    let person = Person::unborn();
    person.write("a.py", "1\n");
    person.git(&["add", "a.py"]);
    person.write("b.py", "2\n");
    let snapshot = sees_all(&person, &[]);
    assert_eq!((snapshot.head, snapshot.branch.as_deref()), (None, Some("main")));
    assert!(snapshot.uncommitted);
}

#[test]
fn a_detached_head_and_packed_refs() {
    let person = Person::with_commit();
    person.write("calc.py", "two\n");
    let second = person.commit_all("second");
    person.git(&["checkout", "-q", "HEAD~1"]);
    person.git(&["pack-refs", "--all"]);
    person.git(&["gc", "-q"]);
    let snapshot = sees_all(&person, &[]);
    assert_eq!(snapshot.branch, None);
    assert_ne!(snapshot.head, Some(second));
}

#[test]
fn a_subdirectory_means_the_whole_repository() {
    let person = Person::with_commit();
    let snapshot = person.workspace.take_snapshot(&person.mission, &person.at("tests")).unwrap();
    assert_eq!(snapshot.subdir, "tests");
    assert_eq!(snapshot.commit, person.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_project_that_its_enclosing_repository_ignores_is_a_plain_directory() {
    let person = Person::with_commit();
    person.write("build/project/main.py", "1\n");
    let snapshot = person.workspace.take_snapshot(&person.mission, &person.at("build/project")).unwrap();
    assert_eq!(snapshot.kind, WorkspaceKind::Plain);
    assert_eq!(files(&person.worktree(&snapshot.commit)).into_keys().collect::<Vec<_>>(), ["main.py"]);
}

#[test]
fn names_of_every_kind() {
    let person = Person::with_commit();
    for name in [
        &b"sp ace.py"[..],
        b"new\nline",
        b"tab\there",
        b"quote\"back\\slash",
        b"-rf",
        b"\xff\xfe.bin",
        b":(glob)*",
        "ü".as_bytes(),
    ] {
        person.write_bytes(name, "untracked\n");
    }
    let snapshot = sees_all(&person, &[]);
    assert!(snapshot.uncommitted);
    person.git(&["add", "-A"]);
    person.git(&["commit", "-qm", "odd names"]);
    person.write_bytes(b"\xff\xfe.bin", "changed\n");
    person.workspace.clean(&person.mission).unwrap();
    assert!(sees_all(&person, &[]).uncommitted);
}

#[test]
fn a_change_within_the_second_of_the_index_is_seen() {
    // Same size, same second: git calls such an entry racily clean and reads the file.
    for round in 0..20 {
        let person = Person::with_commit();
        person.write("calc.py", format!("{round:02}\n"));
        person.git(&["add", "calc.py"]);
        person.git(&["commit", "-qm", "round"]);
        person.write("calc.py", "xx\n");
        let snapshot = person.snapshot();
        assert!(snapshot.uncommitted);
        assert_eq!(files(&person.worktree(&snapshot.commit))["calc.py"], "xx\n");
    }
}

#[test]
fn links_stay_links_and_are_never_followed() {
    let person = Person::with_commit();
    fs::create_dir(person.temp.path().join("outside")).unwrap();
    fs::write(person.temp.path().join("outside/secret"), "secret").unwrap();
    symlink("calc.py", person.at("inside")).unwrap();
    symlink("/etc/hostname", person.at("absolute")).unwrap();
    symlink("../outside", person.at("up")).unwrap();
    symlink("nowhere", person.at("dangling")).unwrap();
    let snapshot = sees_all(&person, &[]);
    assert_eq!(
        snapshot.left_out,
        [
            "absolute: link out of the tree, kept as a link to `/etc/hostname`",
            "up: link out of the tree, kept as a link to `../outside`",
        ]
    );
    assert!(!format!("{:?}", files(&person.worktree(&snapshot.commit))).contains("secret\""));
}

#[test]
fn a_tracked_directory_that_became_a_link_or_a_file() {
    let person = Person::with_commit();
    fs::create_dir(person.temp.path().join("outside")).unwrap();
    fs::write(person.temp.path().join("outside/test_calc.py"), "secret").unwrap();
    fs::remove_dir_all(person.at("tests")).unwrap();
    symlink("../outside", person.at("tests")).unwrap();
    fs::remove_file(person.at("calc.py")).unwrap();
    person.write("calc.py/inner.py", "now a directory\n");
    let snapshot = sees_all(&person, &[]);
    assert_eq!(snapshot.files, 4);
}

#[test]
fn what_is_not_a_file_is_told_and_never_opened() {
    let person = Person::with_commit();
    let fifo = |name: &str| assert!(Command::new("mkfifo").arg(person.at(name)).status().unwrap().success());
    fifo("pipe");
    fs::remove_file(person.at("calc.py")).unwrap();
    fifo("calc.py");
    let socket = UnixListener::bind(person.at("s")).unwrap();
    let before = person.fingerprint();
    let snapshot = person.snapshot();
    assert_eq!(before, person.fingerprint());
    assert_eq!(snapshot.left_out, ["calc.py: fifo", "pipe: fifo", "s: socket"]);
    assert!(!files(&person.worktree(&snapshot.commit)).contains_key("calc.py"));
    drop(socket);
    fifo("tests/.gitignore");
    person.workspace.clean(&person.mission).unwrap();
    let error = person.try_snapshot().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.cause, "`tests/.gitignore` is not a file");
}

#[test]
fn caches_and_virtual_environments_are_left_out_unless_tracked() {
    let person = Person::with_commit();
    person.write("env/pyvenv.cfg", "home = /usr/bin\n");
    person.write("env/lib/x.py", "1\n");
    person.write("pkg/__pycache__/a.pyc", "1\n");
    person.write("node_modules/x/index.js", "1\n");
    person.write("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    person.write("target/x", "1\n");
    person.write(".tox/kept.py", "tracked\n");
    person.git(&["add", "-f", ".tox/kept.py"]);
    person.write(".tox/other.py", "not tracked\n");
    let snapshot = sees_all(&person, &["env", "pkg", "node_modules", "target", ".tox/other.py"]);
    assert_eq!(
        snapshot.left_out,
        [".tox: cache", "env: virtual environment", "node_modules: cache", "target: cache"]
    );
}

#[test]
fn a_plain_directory() {
    let person = Person::plain();
    person.write("calc.py", "1\n");
    person.write(".gitignore", "*.log\n");
    person.write("x.log", "ignored\n");
    person.write("__pycache__/calc.pyc", "1\n");
    let snapshot = sees_all(&person, &["x.log", "__pycache__"]);
    assert_eq!(snapshot.kind, WorkspaceKind::Plain);
    assert_eq!((snapshot.head, snapshot.branch, snapshot.uncommitted), (None, None, false));
}

#[test]
fn directories_that_cannot_be_worked_on() {
    let person = Person::plain();
    let refused = |dir: &str| person.workspace.take_snapshot(&person.mission, &person.at(dir)).unwrap_err();
    assert_eq!(refused("missing").kind, ErrorKind::NotFound);
    assert_eq!(refused("").cause, format!("`{}` holds no files", person.at("").display()));
    person.write("file", "");
    assert_eq!(refused("file").cause, format!("`{}` is not a directory", person.at("file").display()));
    assert!(!person.mission_dir().join("snapshot.json").exists());
}

#[test]
fn the_persons_own_ignore_rules_count() {
    let person = Person::with_commit();
    fs::write(person.at(".git/info/exclude"), "mine.txt\n!back.tmp\n").unwrap();
    let common = person.temp.path().join("ignore");
    fs::write(&common, "*.tmp\n").unwrap();
    for name in ["mine.txt", "a.tmp", "back.tmp", "seen.py"] {
        person.write(name, "x\n");
    }
    let workspace = GitWorkspace::open(&person.home, the_git())
        .unwrap()
        .with_taste(Taste { excludes: Some(common), ..Taste::default() });
    let snapshot = workspace.take_snapshot(&person.mission, &person.dir).unwrap();
    let names: Vec<String> = files(&person.worktree(&snapshot.commit)).into_keys().collect();
    assert_eq!(names, [".gitignore", "back.tmp", "calc.py", "run.sh", "seen.py", "tests/test_calc.py"]);
}

#[test]
fn the_persons_settings_are_read_as_git_reads_them() {
    let temp = tempfile::tempdir().unwrap();
    let home = temp.path();
    let read = || Taste::read(&the_git(), Some(home), None);
    assert_eq!(read(), Taste::default());
    fs::create_dir_all(home.join(".config/git")).unwrap();
    fs::write(home.join(".config/git/ignore"), "").unwrap();
    fs::write(home.join(".config/git/config"), "[core]\n\tautocrlf = true\n\teol = lf\n").unwrap();
    assert_eq!(read().excludes, Some(home.join(".config/git/ignore")));
    fs::write(home.join("mine"), "").unwrap();
    fs::write(home.join(".gitconfig"), "[core]\n\texcludesFile = ~/mine\n\tautocrlf = input\n").unwrap();
    assert_eq!(read().excludes, Some(home.join("mine")));
    assert_eq!(read().line_ends, ["core.autocrlf=input", "core.eol=lf"]);
}

#[test]
fn our_own_state_inside_the_repository_is_not_part_of_it() {
    let person = Person::with_commit();
    let home = person.at("state of coditect");
    let workspace = GitWorkspace::open(&home, the_git()).unwrap();
    for _ in 0..2 {
        let snapshot = workspace.take_snapshot(&person.mission, &person.dir).unwrap();
        assert!(!snapshot.uncommitted, "{snapshot:?}");
        workspace.worktree(&person.mission, &snapshot.commit, "x").unwrap();
        fs::remove_file(home.join("missions/m-test/snapshot.json")).unwrap();
    }
}

#[test]
fn files_that_cannot_be_read() {
    if is_root() {
        // Nothing is unreadable to this process.
        return;
    }
    let person = Person::with_commit();
    person.write("closed.txt", "x\n");
    person.chmod("closed.txt", 0o000);
    person.write("closed/x", "x\n");
    person.chmod("closed", 0o000);
    person.chmod("calc.py", 0o000);
    let snapshot = person.snapshot();
    assert!(!snapshot.uncommitted);
    let told: Vec<&str> = snapshot.left_out.iter().map(|line| line.split(" (").next().unwrap()).collect();
    assert_eq!(
        told,
        [
            "calc.py: file that cannot be read; kept as git has it",
            "closed: directory that cannot be read",
            "closed.txt: file that cannot be read",
        ]
    );
    person.chmod("closed", 0o700);
}

#[test]
fn a_repository_that_may_not_be_written() {
    let person = Person::with_commit();
    person.write("new.py", "1\n");
    let chmod = |mode: &str| {
        assert!(Command::new("chmod").args(["-R", mode]).arg(&person.dir).status().unwrap().success());
    };
    chmod("a-w");
    let snapshot = person.snapshot();
    let change = person.fix(&snapshot);
    let before = person.fingerprint();
    let handed =
        person.workspace.hand_over(&person.mission, &person.dir, &snapshot, &change.commit, "a message");
    if !is_root() {
        assert_eq!(handed.unwrap_err().kind, ErrorKind::Denied);
        assert_eq!(before, person.fingerprint());
    }
    chmod("u+w");
    assert!(snapshot.uncommitted);
}

#[test]
fn git_must_be_there_and_be_git() {
    assert_eq!(Git::find(None).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(Git::find(Some("/nowhere:relative".as_ref())).unwrap_err().cause, "no `git` on PATH");
    let error = Git::at("/bin/echo".as_ref()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(the_git().version() >= (2, 30));
}

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::process::Command;

use super::*;

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .current_dir(dir)
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"])
        .args(args)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn commit(dir: &Path, says: &str, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "-m", says]);
}

#[test]
fn commits_that_touch_code_and_tests_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (top, scratch) = (dir.path().join("repo"), dir.path().join("scratch"));
    fs::create_dir_all(&scratch).unwrap();
    fs::create_dir_all(&top).unwrap();
    git(&top, &["init", "-q"]);
    commit(
        &top,
        "Begin",
        &[("a b.py", "x = 1\n"), ("tests/test_a.py", "import a\n"), ("web.js", "let a = 1\n")],
    );
    commit(&top, "Only code", &[("a b.py", "x = 2\n")]);
    commit(
        &top,
        "Mend x\n\nIt was two.",
        &[("a b.py", "x = 3\n"), ("tests/test_a.py", "import a  # 3\n"), ("README.md", "x")],
    );
    commit(
        &top,
        "Two languages",
        &[("a b.py", "x = 4\n"), ("web.js", "let a = 2\n"), ("tests/test_a.py", "import a  # 4\n")],
    );
    commit(&top, "A new file", &[("new.py", "y = 4\n"), ("tests/test_a.py", "import a  # 5\n")]);
    let git = Git::find(std::env::var_os("PATH").as_deref()).unwrap();
    let (found_top, found, looked_at) = mined(&git, &scratch, &top.join("tests"), 100).unwrap();
    assert_eq!((found_top, looked_at), (top.canonicalize().unwrap(), 5));
    let says: Vec<&str> = found.iter().map(|mined| mined.subject.as_str()).collect();
    // What begins a file is no example of how one is mended.
    assert_eq!(says, ["Mend x"]);
    assert!(
        found[0].diff.contains("-x = 2\n+x = 3") && !found[0].diff.contains("import"),
        "{}",
        found[0].diff
    );
    assert_eq!(
        (found[0].language.as_str(), &found[0].tests[..]),
        ("python", &["tests/test_a.py".to_owned()][..])
    );
    assert!(found[0].at_ms > 1_600_000_000_000);
    assert_eq!(mined(&git, &scratch, &top, 2).unwrap().2, 2);
    assert!(mined(&git, &scratch, dir.path(), 2).is_err());
}

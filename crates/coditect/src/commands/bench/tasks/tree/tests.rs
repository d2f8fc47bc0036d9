#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use super::*;

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn a_copy_has_the_same_content_and_any_change_another() {
    let from = tree(&[("a.py", "1\n"), ("pkg/b.py", "2\n"), (".git/HEAD", "ref: refs/heads/main\n")]);
    symlink("a.py", from.path().join("link")).unwrap();
    let room = tempfile::tempdir().unwrap();
    let to = room.path().join("to");
    publish(from.path(), &to).unwrap();
    assert!(!to.join(".git").exists(), "the history is nobody's business");
    let before = content(from.path()).unwrap();
    assert_eq!(content(&to).unwrap(), before);
    assert_eq!(differences(from.path(), &to).unwrap(), Vec::<String>::new());
    fs::write(to.join("pkg/b.py"), "3\n").unwrap();
    fs::write(to.join("c.py"), "").unwrap();
    fs::remove_file(to.join("link")).unwrap();
    assert_ne!(content(&to).unwrap(), before);
    assert_eq!(differences(from.path(), &to).unwrap(), ["c.py", "link", "pkg/b.py"]);
    publish(from.path(), &to).unwrap();
    assert_eq!(content(&to).unwrap(), before, "what was there is replaced");
}

#[test]
fn names_and_contents_cannot_be_mistaken_for_each_other() {
    let contents =
        [tree(&[("ab", "c")]), tree(&[("a", "bc")]), tree(&[("a/b", "c")]), tree(&[("a", ""), ("b", "c")])];
    let mut names: Vec<_> = contents.iter().map(|dir| content(dir.path()).unwrap()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), contents.len());
}

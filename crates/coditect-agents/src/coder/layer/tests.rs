#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Case {
    top: tempfile::TempDir,
    over: tempfile::TempDir,
}

fn case() -> Case {
    let (top, over) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(top.path().join("src")).unwrap();
    fs::write(top.path().join("src/a.py"), "old a").unwrap();
    fs::write(top.path().join("run.sh"), "old run").unwrap();
    fs::set_permissions(top.path().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    Case { top, over }
}

fn files(list: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    list.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

/// What it holds, path and text.
fn held(case: &Case) -> Vec<(String, String)> {
    let layer = Layer::open(case.over.path().to_owned(), false).unwrap();
    let text = |path: &String| fs::read_to_string(case.over.path().join(path)).unwrap();
    layer.holds.keys().map(|path| (path.clone(), text(path))).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn it_holds_one_candidate_at_a_time() {
    let case = case();
    let mut layer = Layer::open(case.over.path().to_owned(), false).unwrap();
    layer.hold(case.top.path(), &files(&[("src/a.py", "new a"), ("run.sh", "new run")])).unwrap();
    assert_eq!(held(&case), pairs(&[("run.sh", "new run"), ("src/a.py", "new a")]));
    let mode = fs::metadata(case.over.path().join("run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    layer.hold(case.top.path(), &files(&[("src/b.py", "new b")])).unwrap();
    assert_eq!(held(&case), pairs(&[("src/b.py", "new b")]));
    layer.hold(case.top.path(), &files(&[])).unwrap();
    assert_eq!(held(&case), []);
    assert_eq!(fs::read_to_string(case.top.path().join("src/a.py")).unwrap(), "old a");
}

/// A build tool that looks at times must find that the file was changed back.
#[test]
fn what_is_built_from_is_put_back_and_not_taken_away() {
    let case = case();
    let at = case.over.path().join("src/a.py");
    let mut layer = Layer::open(case.over.path().to_owned(), true).unwrap();
    layer.hold(case.top.path(), &files(&[("src/a.py", "new a"), ("src/b.py", "new b")])).unwrap();
    let candidate = fs::metadata(&at).unwrap().modified().unwrap();
    layer.hold(case.top.path(), &files(&[])).unwrap();
    assert_eq!(held(&case), pairs(&[("src/a.py", "old a")]));
    let back = fs::metadata(&at).unwrap().modified().unwrap();
    assert!(back >= candidate);
    // It is not touched again by candidates of other files, nor by the same candidate twice.
    layer.hold(case.top.path(), &files(&[("run.sh", "new run")])).unwrap();
    layer.hold(case.top.path(), &files(&[("run.sh", "new run")])).unwrap();
    assert_eq!(fs::metadata(&at).unwrap().modified().unwrap(), back);
    assert_eq!(held(&case), pairs(&[("run.sh", "new run"), ("src/a.py", "old a")]));
}

#[test]
fn what_a_killed_process_left_is_taken_for_a_candidate_s() {
    let case = case();
    fs::create_dir(case.over.path().join("src")).unwrap();
    fs::write(case.over.path().join("src/a.py"), "left").unwrap();
    let mut layer = Layer::open(case.over.path().to_owned(), true).unwrap();
    layer.hold(case.top.path(), &files(&[])).unwrap();
    assert_eq!(held(&case), pairs(&[("src/a.py", "old a")]));
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let case = case();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), case.top.path().join("away")).unwrap();
    let mut layer = Layer::open(case.over.path().to_owned(), false).unwrap();
    let refused = layer.hold(case.top.path(), &files(&[("away/x.py", "x")])).unwrap_err();
    assert_eq!(refused.kind(), Io::NotADirectory);
    assert!(layer.hold(case.top.path(), &files(&[("../x.py", "x")])).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use super::*;

#[track_caller]
fn check(old: &str, new: &str, expect: (usize, usize, &str)) {
    let patch = Patch::between("a.js", old.as_bytes(), new.as_bytes()).unwrap();
    assert_eq!((patch.start, patch.end, patch.new.as_str()), expect);
    let mut made = old.as_bytes().to_vec();
    made.splice(patch.start..patch.end, patch.new.bytes());
    assert_eq!(made, new.as_bytes());
}

#[test]
fn a_patch_is_what_differs() {
    check("a < b", "a <= b", (3, 3, "="));
    check("aaa", "aa", (2, 3, ""));
    check("", "x", (0, 0, "x"));
    check("same", "same", (4, 4, ""));
    // Letters of more than one byte that share some of them are never cut.
    check("'é'", "'è'", (1, 3, "è"));
    check("'€'", "'₭'", (1, 4, "₭"));
    assert_eq!(Patch::between("a.js", b"a", b"\xff"), None);
}

#[test]
fn a_test_that_never_ran_is_red() {
    let mut fate = Fate { passed: vec!["a".to_owned()], ..Fate::default() };
    fate.take_missing(&["a".to_owned(), "b".to_owned()]);
    assert_eq!(fate.red, [("b".to_owned(), "it did not run".to_owned())]);
}

use super::*;

fn change(path: &str, blob: Option<&str>) -> Difference {
    let new = blob.map(|blob| ("100644".to_owned(), blob.to_owned()));
    Difference { path: path.as_bytes().to_vec(), old: None, new }
}

/// Whether a change goes with those before it.
#[track_caller]
fn check(before: &[(&str, Option<&str>)], next: (&str, Option<&str>), expect: bool) {
    let files =
        before.iter().map(|(path, blob)| change(path, *blob)).map(|one| (one.path, one.new)).collect();
    assert_eq!(goes_with(&files, &change(next.0, next.1)), expect, "{before:?} {next:?}");
}

#[test]
fn two_changes_go_together_where_they_agree_on_every_file() {
    check(&[("a", Some("1"))], ("b", Some("2")), true);
    check(&[("a", Some("1"))], ("a", Some("1")), true);
    check(&[("a", Some("1"))], ("a", Some("2")), false);
    check(&[("a", Some("1"))], ("a", None), false);
    check(&[("a", None)], ("a", Some("1")), false);
}

#[test]
fn no_file_becomes_a_directory_of_another_change() {
    check(&[("a", Some("1"))], ("a/b", Some("2")), false);
    check(&[("a/b", Some("1"))], ("a", Some("2")), false);
    check(&[("a", None)], ("a/b", Some("2")), true);
    check(&[("a-b", Some("1")), ("ab/c", Some("1"))], ("a", Some("2")), true);
}

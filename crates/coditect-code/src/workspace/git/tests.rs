use std::path::Path;

use super::{Git, parse_version};

#[test]
fn versions_of_many_makers() {
    assert_eq!(parse_version("git version 2.47.3"), Some((2, 47)));
    assert_eq!(parse_version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
    assert_eq!(parse_version("git version 2.51.0.windows.1"), Some((2, 51)));
    assert_eq!(parse_version("git version 3.0.rc1"), Some((3, 0)));
    assert_eq!(parse_version("hub version 2.14"), None);
    assert_eq!(parse_version(""), None);
}

#[test]
fn errors_speak_of_the_persons_directory_and_not_of_a_stand_in() {
    let git = Git::find(std::env::var_os("PATH").as_deref()).unwrap();
    let ours = tempfile::tempdir().unwrap();
    let call = git.call(ours.path()).git_dir(ours.path()).seen_as(ours.path(), Path::new("/their/.git"));
    let error = call.args(["symbolic-ref", "HEAD"]).run().unwrap_err();
    assert!(error.cause.contains("not a git repository: '/their/.git'"), "{error:?}");
    assert!(!error.cause.contains(&ours.path().display().to_string()), "{error:?}");
}

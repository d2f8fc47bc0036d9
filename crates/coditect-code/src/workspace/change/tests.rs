use std::collections::BTreeMap;

use coditect_ports::workspace::FileEdit;

use super::{check, fault_of};

fn edit(path: &str, content: Option<&str>) -> FileEdit {
    FileEdit { path: path.to_owned(), content: content.map(|text| text.as_bytes().to_vec()) }
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for bad in [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/..",
        ".git/config",
        "a/.GIT/hooks/x",
        "a//b",
        "./a",
        "a/.",
        "a/",
        "GIT~1/config",
        "nul\0",
        "a/\0b",
    ] {
        assert!(fault_of(bad.as_bytes()).is_some(), "{bad:?}");
    }
    for good in ["a", "a/b.py", ".gitignore", "..a", "a..", "with space", "li\nne", "ü/ß", "...", "-rf"] {
        assert_eq!(fault_of(good.as_bytes()), None, "{good:?}");
    }
}

#[test]
fn edits_must_fit_what_is_there() {
    let present: BTreeMap<Vec<u8>, String> =
        [("link", "120000"), ("sub", "160000"), ("dir/file", "100644"), ("file", "100755")]
            .map(|(path, mode)| (path.as_bytes().to_vec(), mode.to_owned()))
            .into();
    let cases: [(&[FileEdit], Option<&str>); 9] = [
        (&[edit("file", Some("x")), edit("new/er", Some("y")), edit("dir/file", None)], None),
        (&[edit("link", Some("x"))], Some("it is a link")),
        (&[edit("link/x", Some("x"))], Some("through a link")),
        (&[edit("sub/x", Some("x"))], Some("in a submodule")),
        (&[edit("none", None)], Some("no such file")),
        (&[edit("file", None), edit("file", Some("x"))], Some("twice")),
        (&[edit("dir", Some("x"))], Some("a file and a directory")),
        (&[edit("file/x", Some("x"))], Some("a file and a directory")),
        (&[edit("file", None), edit("file/x", Some("x"))], None),
    ];
    for (edits, refusal) in cases {
        match (check(edits, &present), refusal) {
            (Ok(()), None) => {}
            (Err(error), Some(words)) => assert!(error.cause.contains(words), "{}", error.cause),
            (got, wanted) => panic!("{edits:?}: {got:?}, not {wanted:?}"),
        }
    }
}

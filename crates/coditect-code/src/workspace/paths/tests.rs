use super::{above, checked_oid, parts, shown};

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    assert_eq!(shown("sp ace/ü.py".as_bytes()), "sp ace/ü.py");
    assert_eq!(shown(b"a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
    assert_eq!(shown(b"\xff.py"), "\u{fffd}.py");
}

#[test]
fn directories_above_come_outermost_first() {
    assert_eq!(above(b"a/b/c").collect::<Vec<_>>(), [&b"a"[..], b"a/b"]);
    assert_eq!(above(b"a").count(), 0);
    assert_eq!(parts(b"a\0b\0").collect::<Vec<_>>(), [b"a", b"b"]);
}

#[test]
fn only_whole_hashes_name_commits() {
    assert!(checked_oid(&"a1".repeat(20)).is_ok());
    assert!(checked_oid(&"0f".repeat(32)).is_ok());
    for bad in ["", "HEAD", "--all", &"A1".repeat(20), &"a1".repeat(19), "HEAD^{tree}"] {
        assert!(checked_oid(bad).is_err(), "{bad}");
    }
}

use super::parse_version;

#[test]
fn versions_of_many_makers() {
    assert_eq!(parse_version("git version 2.47.3"), Some((2, 47)));
    assert_eq!(parse_version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
    assert_eq!(parse_version("git version 2.51.0.windows.1"), Some((2, 51)));
    assert_eq!(parse_version("git version 3.0.rc1"), Some((3, 0)));
    assert_eq!(parse_version("hub version 2.14"), None);
    assert_eq!(parse_version(""), None);
}

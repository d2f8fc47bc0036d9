use super::quoted;

#[test]
fn alternates_are_quoted_as_in_c() {
    assert_eq!(quoted(b"/a b/\"c\"\\\n\xff#"), b"\"/a b/\\\"c\\\"\\\\\\012\\377#\"\n");
}

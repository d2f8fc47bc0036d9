use std::path::Path;

use super::leads_out;

#[test]
fn links_out_of_the_tree_are_told() {
    let top = Path::new("/t");
    for (path, target, out) in [
        ("a", "b", false),
        ("a/b", "../c", false),
        ("a/b", "../../c", true),
        ("a", "/etc/passwd", true),
        ("a", "/t/c", false),
        ("a", "/tt", true),
        ("a/b/c", ".././../x/../y", false),
        ("a", "b/../../x", true),
    ] {
        assert_eq!(leads_out(top, path.as_bytes(), target.as_bytes()), out, "{path} -> {target}");
    }
}

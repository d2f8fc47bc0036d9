use super::Survey;

#[test]
fn patterns_escape_what_git_would_expand() {
    let mut survey = Survey::default();
    for dir in [&b"a*b"[..], b"line\nbreak", b"x/node_modules", b"trail ", b"!bang"] {
        survey.pruned.insert(dir.to_vec(), "cache");
    }
    let text = String::from_utf8(survey.patterns()).unwrap();
    assert_eq!(text, "/\\!bang/\n/a\\*b/\n/trail\\ /\n/x/node_modules/\n");
    assert!(survey.prunes(b"line\nbreak/f"));
    assert!(survey.prunes(b"x/node_modules/y/z"));
    assert!(!survey.prunes(b"x/node_modules.py"));
}

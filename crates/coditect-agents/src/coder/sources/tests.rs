#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use super::*;

fn named(text: &str) -> Option<&str> {
    cookie(text).map(|name| &text[name])
}

#[test]
fn the_encoding_is_found_where_python_finds_it() {
    assert_eq!(named("# -*- coding: latin-1 -*-\nx"), Some("latin-1"));
    assert_eq!(named("#!/usr/bin/python\n# vim: set fileencoding=iso_8859_1 :\n"), Some("iso_8859_1"));
    assert_eq!(named("\n  # coding:cp1252"), Some("cp1252"));
    assert_eq!(named("x = 1\n# coding: latin-1"), None);
    assert_eq!(named("#\n#\n# coding: latin-1"), None);
    assert_eq!(named("# coding: "), None);
    assert_eq!(named(""), None);
}

#[test]
fn bytes_of_latin_1_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = b"# -*- coding: latin-1 -*-\n".to_vec();
    bytes.extend(0x80..=0xff);
    std::fs::write(dir.path().join("old.py"), &bytes).unwrap();
    std::fs::write(dir.path().join("odd.py"), b"# coding: gbk\nx = '\xc4\xe3'\n").unwrap();
    std::fs::write(dir.path().join("torn.py"), b"x = '\xe9'\n").unwrap();
    let files = Listing::load(dir.path()).unwrap();
    let project = Project {
        language: "python".to_owned(),
        framework: Framework::Unittest,
        command: Vec::new(),
        root: String::new(),
        import_paths: Vec::new(),
        targets: Vec::new(),
        tier: coditect_types::Tier::Wasm,
        tier_reason: String::new(),
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: Vec::new(),
    };
    let sources = read(dir.path(), &files, &project, &TestReport::default(), &[]);
    let [old] = sources.product.as_slice() else { panic!("{:?}", sources.product) };
    assert_eq!(sources.script.bytes("old.py", &old.text).unwrap(), bytes);
    assert!(sources.script.for_runner("old.py", &old.text).starts_with("# -*- coding: utf-8 -*-\n\u{80}"));
    assert_eq!(sources.script.bytes("old.py", "\u{20ac}"), None);
    assert_eq!(sources.script.bytes("new.py", "\u{20ac}").unwrap(), "\u{20ac}".as_bytes());
    assert_eq!(sources.passed_over.len(), 2, "{:?}", sources.passed_over);
    assert!(sources.why_none().contains("`odd.py` is written in `gbk`"), "{}", sources.why_none());
}

use super::{Language, function_bodies, is_test_code, is_test_path, test_regions};

#[test]
fn every_grammar_fits_the_parser_and_every_extension_has_one_language() {
    for language in Language::ALL {
        assert!(language.syntax().is_some(), "{}", language.name());
        for extension in language.extensions() {
            assert_eq!(Language::of_path(&format!("a/b.{extension}")), Some(*language));
        }
    }
    for path in ["Makefile", "a.txt", ".js", "rs", "dir.rs/readme"] {
        assert_eq!(Language::of_path(path), None, "{path}");
    }
}

#[test]
fn tests_are_known_by_their_path() {
    for path in [
        "tests/it.rs",
        "src/repair/tests.rs",
        "crates/a/benches/b.rs",
        "src/lib_test.rs",
        "a/b.test.ts",
        "a/__tests__/b.js",
        "test/parse.js",
        "src/x.spec.tsx",
        "test.mjs",
        "test-args.cjs",
        "jest.config.js",
        "vitest.setup.ts",
        "pkg/a_test.go",
        "pkg/testdata/a.go",
        "src/test/java/a/B.java",
        "src/integrationTest/java/a/B.java",
        "a/BTest.java",
        "a/TestB.java",
        "test_a.py",
        "tests/data.json",
    ] {
        assert!(is_test_path(path), "{path}");
    }
    for path in [
        "src/lib.rs",
        "src/testing.rs",
        "src/contest.rs",
        "lib/latest.js",
        "lib/jest.js",
        "src/attest.ts",
        "a/protest.go",
        "a/test.go",
        "src/main/java/a/test/B.java",
        "src/main/java/a/TestRunner.java",
        "a/Testament.java",
        "README.md",
    ] {
        assert!(!is_test_path(path), "{path}");
    }
}

const RUST: &str = "\
pub fn a() -> u32 { 1 }
/// Says so.
#[cfg(test)]
#[allow(dead_code)]
mod tests {
    #[test]
    fn b() { assert_eq!(super::a(), 1); }
}
#[cfg(not(test))]
fn c() {}
mod inner {
    #[tokio::test]
    async fn d() {}
    fn e() {}
}
";

#[test]
fn tests_inside_rust_files_are_known() {
    let tree = Language::Rust.syntax().unwrap().parse(RUST).unwrap();
    let regions: Vec<&str> =
        test_regions(RUST, &tree, Language::Rust).into_iter().map(|range| &RUST[range]).collect();
    assert_eq!(regions.len(), 2, "{regions:?}");
    assert!(regions[0].starts_with("#[cfg(test)]") && regions[0].ends_with('}'));
    assert!(regions[1].ends_with("async fn d() {}"));
    let at = |words: &str| RUST.find(words).unwrap();
    for (words, expected) in
        [("1 }", false), ("assert_eq", true), ("fn c", false), ("fn d", true), ("fn e", false)]
    {
        assert_eq!(is_test_code("src/lib.rs", RUST, at(words)..at(words) + 1), expected, "{words}");
    }
    assert!(is_test_code("tests/a.rs", RUST, 0..1));
}

fn bodies(language: Language, text: &str) -> Vec<(String, bool)> {
    let tree = language.syntax().unwrap().parse(text).unwrap();
    assert!(!tree.root_node().has_error(), "{text}");
    let found = function_bodies(text, &tree, language);
    if language != Language::Python {
        assert!(found.iter().all(|body| text[body.range.clone()].starts_with('{')));
        assert!(found.iter().all(|body| text[body.range.clone()].ends_with('}')));
    }
    found.into_iter().map(|body| (body.name, body.special)).collect()
}

#[test]
fn bodies_of_functions_are_found() {
    let plain = |name: &str| (name.to_owned(), false);
    let special = |name: &str| (name.to_owned(), true);
    assert_eq!(
        bodies(
            Language::Rust,
            "const fn a() -> u8 { 1 }\nimpl T { fn b(&self) { let c = || { 1 }; fn d() {} } }\ntrait U { fn e(); }\n"
        ),
        [special("a"), plain("b"), plain("c"), plain("d")]
    );
    assert_eq!(
        bodies(
            Language::JavaScript,
            "function a() { 'use strict'; return () => 1 }\nexports.b = function () {};\nconst c = { d() {}, e: () => {} };\nclass F { constructor() {} g = () => {} }\n"
        ),
        [special("a"), plain("b"), plain("d"), plain("e"), plain("constructor"), plain("g")]
    );
    assert_eq!(
        bodies(Language::TypeScript, "const a = (x: number): number => { return x };\n"),
        [plain("a")]
    );
    assert_eq!(
        bodies(Language::Go, "package p\nfunc a() { b := func() {}; b() }\nfunc (t T) c() {}\n"),
        [plain("a"), plain("b"), plain("c")]
    );
    assert_eq!(
        bodies(
            Language::Java,
            "class A { A() { this(1); } A(int x) { Runnable r = () -> { }; } void b() { } abstract void c(); }\n"
        ),
        [special("A"), plain("A"), plain("r"), plain("b")]
    );
    assert_eq!(bodies(Language::Python, "def a():\n    def b(): pass\n"), [plain("a"), plain("b")]);
}

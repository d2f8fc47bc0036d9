#![allow(clippy::panic, reason = "a failing test panics")]

use serde_json::json;

use super::layers::{Arrow, For};
use super::*;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), size: text.len() as u64, text: Some(text.to_owned()) }
}

/// Complaints about one file, with its path taken off.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let found = sources::check(&file(path, text));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (complaint, part) in found.iter().zip(expected) {
        assert!(complaint.starts_with(path) && complaint.contains(part), "{complaint:?} lacks {part:?}");
    }
}

#[test]
fn this_repository_keeps_the_layer_table() {
    let metadata = output(cargo(["metadata", "--offline", "--no-deps", "--format-version", "1"]));
    let metadata = metadata.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    match metadata {
        Ok(metadata) => {
            let arrows = layers::arrows(&metadata);
            assert!(arrows.len() > 20, "{arrows:?}");
            assert_eq!(layers::check(&arrows), Vec::<String>::new());
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn arrows_are_read_from_metadata() {
    let metadata = json!({"packages": [
        {"name": "coditect-core", "dependencies": [
            {"name": "serde", "kind": null},
            {"name": "coditect-types", "kind": null},
            {"name": "coditect-testkit", "kind": "dev"},
        ]},
        {"name": "coditect-types", "dependencies": []},
        {"name": "coditect-testkit", "dependencies": []},
    ]});
    let arrow = |from: &str, to: Option<(&str, For)>| Arrow {
        from: from.to_owned(),
        to: to.map(|(name, kind)| (name.to_owned(), kind)),
    };
    assert_eq!(
        layers::arrows(&metadata),
        [
            arrow("coditect-core", None),
            arrow("coditect-core", Some(("coditect-types", For::Product))),
            arrow("coditect-core", Some(("coditect-testkit", For::Tests))),
            arrow("coditect-types", None),
            arrow("coditect-testkit", None),
        ]
    );
}

#[track_caller]
fn check_arrow(from: &str, to: &str, kind: For, part: Option<&str>) {
    let arrow = Arrow { from: from.to_owned(), to: Some((to.to_owned(), kind)) };
    let found = layers::check(&[arrow]);
    match part {
        None => assert_eq!(found, Vec::<String>::new()),
        Some(part) => assert!(found.len() == 1 && found[0].contains(part), "{found:?}"),
    }
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_named() {
    check_arrow("coditect-core", "coditect-types", For::Product, None);
    check_arrow("coditect-core", "coditect-ports", For::Product, Some("may name coditect-types;"));
    check_arrow("coditect-types", "coditect-core", For::Product, Some("none of ours"));
    check_arrow("coditect-adapters", "coditect-core", For::Product, Some("turn the arrow round"));
    check_arrow("coditect", "coditect-core", For::Product, Some("`coditect-core`"));
}

#[test]
fn the_testkit_is_for_tests_only() {
    check_arrow("coditect-adapters", "coditect-testkit", For::Tests, None);
    check_arrow("coditect-adapters", "coditect-testkit", For::Product, Some("make it a dev-dependency"));
    check_arrow("coditect-adapters", "coditect-sandbox", For::Tests, Some("the tests of"));
}

#[test]
fn a_crate_without_a_row_is_named() {
    let found = layers::check(&[Arrow { from: "coditect-misc".to_owned(), to: None }]);
    assert!(found.len() == 1 && found[0].contains("has no row"), "{found:?}");
}

#[test]
fn unsafe_code_stands_in_the_sandbox_only() {
    check("crates/coditect-code/src/a.rs", "fn a() { unsafe { b() } }", &["coditect-sandbox"]);
    check("crates/coditect-sandbox/src/a.rs", "fn a() { unsafe { b() } }", &[]);
    check(
        "crates/coditect-code/src/a.rs",
        "#![forbid(unsafe_code)] // unsafe\nconst A: &str = \"unsafe\";",
        &[],
    );
}

#[test]
fn the_core_is_quiet() {
    let text = "use std::collections::HashMap;\nfn a() { std::fs::read(b); }\nasync fn c() {}\n";
    check("crates/coditect-core/src/plan.rs", text, &["HashMap", "std::fs", "async"]);
    check("crates/coditect-core/src/plan/tests.rs", text, &[]);
    check("crates/coditect-runtime/src/plan.rs", text, &[]);
    check("crates/coditect-core/src/plan.rs", "struct Instantly; // an Instant", &[]);
}

#[test]
fn what_is_left_over_is_named() {
    let text =
        concat!("fn a() { to", "do!() }\nfn b() { db", "g!(1); }\n#[test]\n#[igno", "re]\nfn c() {}\n");
    check("crates/coditect-code/src/a.rs", text, &[concat!("to", "do!"), concat!("db", "g!"), "ignored"]);
    check("crates/coditect-code/src/a.rs", "fn a() { my_todo!() } // a todo! in words", &[]);
}

#[test]
fn a_lint_is_switched_off_with_a_reason() {
    let with = "#![allow(\n    clippy::print_stdout,\n    reason = \"it talks\"\n)]\nfn a() {}\n";
    check("crates/coditect/src/main.rs", with, &[]);
    check("crates/coditect/src/main.rs", "fn a() {}\n#[allow(dead_code)]\nfn b() {}\n", &["main.rs:2"]);
    check("crates/coditect/src/main.rs", "#[expect(dead_code)]\nfn b() {}\n", &["main.rs:1"]);
}

#[test]
fn types_say_what_they_are() {
    check("crates/coditect/src/a.rs", "pub(crate) struct TaskManager<T>;", &["TaskManager"]);
    check("crates/coditect/src/a.rs", "trait GitUtils {}", &["GitUtils"]);
    check("crates/coditect/src/a.rs", "enum Utilisation {}\nlet manager = HelperOf;", &[]);
}

#[test]
fn paths_of_one_machine_are_named() {
    let root = concat!("/ro", "ot/");
    check("docs/a.md", &format!("see {root}notes"), &["docs/a.md:1"]);
    check("a.py", &format!("open('{}ada/x')", concat!("/ho", "me/")), &["a.py:1"]);
    check("a.py", &format!("open('{}user/x')", concat!("/ho", "me/")), &[]);
    check("a.py", &format!("# tidy: machine-path: it must not be readable\nopen('{root}x')"), &[]);
    check(
        "a.md",
        &format!("$CODITECT_HOME{}x and target{}y", concat!("/wo", "rk/"), concat!("/wo", "rk/")),
        &[],
    );
}

#[test]
fn files_have_a_size() {
    let long = "x = 1\n".repeat(701);
    check("a.py", &long, &["701 lines"]);
    check("a.md", &long, &[]);
    let large = |path: &str| File { path: path.to_owned(), size: 3 << 20, text: None };
    assert_eq!(sources::check(&large("a.bin")).len(), 1);
    assert_eq!(sources::check(&large("crates/coditect-sandbox/python/python.wasm.zst")).len(), 0);
}

#[test]
fn literals_and_comments_are_no_code() {
    for (source, code) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("a\"b", c)"#, r#"f(      , c)"#),
        (r##"f(r#"a"b"#, c)"##, "f(        , c)"),
        ("f('\\'', b'x', 'é')", "f(    ,     ,     )"),
        ("fn a<'b>(c: &'b str)", "fn a<'b>(c: &'b str)"),
        ("for\"x\"", "for   "),
    ] {
        assert_eq!(lexer::code_only(source), code, "{source}");
    }
}

#[track_caller]
fn check_house(files: &[(&str, &str)], expected: &[&str]) {
    let files: Vec<File> = files.iter().map(|(path, text)| file(path, text)).collect();
    let found: Vec<String> =
        house::check(&files).into_iter().filter(|line| !line.ends_with("is missing")).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (complaint, part) in found.iter().zip(expected) {
        assert!(complaint.contains(part), "{complaint:?} lacks {part:?}");
    }
}

#[test]
fn decisions_are_listed() {
    let index = ("docs/adr/README.md", "- [One journal](0001-journal.md)");
    check_house(
        &[index, ("docs/adr/0001-journal.md", "#"), ("docs/adr/0002-wasm.md", "#")],
        &["0002-wasm.md"],
    );
}

#[test]
fn fragments_have_a_form() {
    check_house(&[("changelog.d/2.added.md", "a"), ("changelog.d/2.fixed.journal.md", "a")], &[]);
    check_house(
        &[("changelog.d/2.news.md", "a"), ("changelog.d/3.fixed.md", " ")],
        &["named as", "says nothing"],
    );
}

#[test]
fn dependencies_come_from_one_registry_and_some_never() {
    let good =
        "[[package]]\nname = \"serde\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    check_house(&[("Cargo.lock", good)], &[]);
    let bad = "[[package]]\nname = \"rsa\"\nsource = \"git+https://example.org/rsa\"\n";
    check_house(&[("Cargo.lock", bad)], &["`rsa` is banned", "is not crates.io"]);
}

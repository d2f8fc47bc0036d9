#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use std::sync::Arc;

use super::*;
use crate::repair::{Edit, EditKind};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// The candidate that replaces the first `old` by `new`.
fn change(source: &Source, old: &str, new: &str) -> Candidate {
    let at = source.text.find(old).unwrap();
    let edit = Edit { path: Arc::from(source.path.as_str()), range: at..at + old.len(), new: new.to_owned() };
    Candidate { edits: vec![edit], kind: EditKind::Comparison, score: 1.0, places: Vec::new() }
}

fn woven(source: &Source, changes: &[(&str, &str)]) -> Schema {
    let candidates: Vec<Candidate> = changes.iter().map(|(old, new)| change(source, old, new)).collect();
    weave(std::slice::from_ref(source), &candidates.iter().collect::<Vec<_>>(), &Without::default())
}

const RUST: &str = "pub fn max(a: i32, b: i32) -> i32 {
    let pick = |x: i32| { x + 0 };
    if a < b { pick(a) } else { pick(b) }
}
const fn one() -> i32 { 1 }
fn all() -> impl Iterator<Item = i32> { 0..3 }
";

#[test]
fn a_body_becomes_a_choice_between_its_copies() {
    let file = source("src/lib.rs", RUST);
    let schema =
        woven(&file, &[("a < b", "a > b"), ("x + 0", "x + 1"), ("{ 1 }", "{ 2 }"), ("0..3", "0..4")]);
    // What is constant, or has a type that nobody can name, stays as it is.
    assert_eq!(schema.members, BTreeSet::from([0, 1]));
    let text = &schema.files["src/lib.rs"];
    assert!(text.contains("0u32 =>\n{\n    let pick = |x: i32| { x + 0 };\n    if a > b"), "{text}");
    assert!(text.contains("pick if !matches!(pick, 1u32) => { x + 0 }\n1u32 =>\n{ x + 1 }\n_ =>"), "{text}");
    let line = 1 + u32::try_from(text[..text.find("a > b").unwrap()].matches('\n').count()).unwrap();
    assert_eq!(schema.owner("src/lib.rs", line), Some(0));
    assert_eq!(schema.owner("src/lib.rs", 1), None);
    // It still parses.
    let tree = Language::Rust.syntax().unwrap().parse(text).unwrap();
    assert!(!tree.root_node().has_error(), "{text}");
}

#[test]
fn a_copy_within_a_body_is_not_the_bodys_own_text() {
    let file = source("src/lib.rs", RUST);
    let schema = woven(&file, &[("a < b", "a > b"), ("x + 0", "x + y")]);
    let text = &schema.files["src/lib.rs"];
    let line =
        |part: &str| 1 + u32::try_from(text[..text.find(part).unwrap()].matches('\n').count()).unwrap();
    assert_eq!(schema.owner("src/lib.rs", line("x + y")), Some(1));
    assert_eq!(schema.base("src/lib.rs", line("x + y")), None, "the function around it compiles");
    assert_eq!(schema.base("src/lib.rs", line("if a < b")), RUST.find("{\n    let pick"));
}

#[test]
fn what_does_not_compile_is_left_out_the_next_time() {
    let file = source("src/lib.rs", RUST);
    let candidates = [change(&file, "a < b", "a > b"), change(&file, "a < b", "a == b")];
    let refs: Vec<&Candidate> = candidates.iter().collect();
    let without = Without { candidates: BTreeSet::from([0]), ..Without::default() };
    let schema = weave(std::slice::from_ref(&file), &refs, &without);
    assert_eq!(schema.members, BTreeSet::from([1]));
    assert!(!schema.files["src/lib.rs"].contains("a > b"));
}

#[test]
fn go_and_java_choose_too() {
    let go = source("calc/calc.go", "package calc\n\nfunc Add(a, b int) int {\n\treturn a - b\n}\n");
    let schema = woven(&go, &[("a - b", "a + b")]);
    assert!(
        schema.files["calc/calc.go"]
            .contains("case 0:\n{\n\treturn a + b\n}\ndefault:\n{\n\treturn a - b\n}")
    );
    assert!(schema.files["calc/coditect_pick.go"].starts_with("package calc\n"));
    let java = source(
        "src/main/java/org/x/A.java",
        "package org.x;\nclass A {\n  int add(int a, int b) { return a - b; }\n}\n",
    );
    let schema = woven(&java, &[("a - b", "a + b")]);
    let text = &schema.files["src/main/java/org/x/A.java"];
    assert!(
        text.contains("{ if (coditect.Pick.is(0))\n{ return a + b; }\nelse { return a - b; } }"),
        "{text}"
    );
    assert!(schema.files.contains_key("src/main/java/coditect/Pick.java"));
}

#[test]
fn labels_of_go_are_each_copy_s_own() {
    let text = "package calc\n\nfunc Find(rows [][]int) int {\nouter:\n\tfor i := range rows {\n\t\tfor _, x := range rows[i] {\n\t\t\tif x < 0 {\n\t\t\t\tcontinue outer\n\t\t\t}\n\t\t}\n\t\treturn i + 1\n\t}\n\treturn -1\n}\n";
    let schema = woven(&source("calc/calc.go", text), &[("i + 1", "i"), ("continue outer", "break outer")]);
    let new = &schema.files["calc/calc.go"];
    assert!(new.contains("case 0:\n{\nouter_coditect0:\n"), "{new}");
    assert!(new.contains("break outer_coditect1\n") && new.contains("continue outer\n"), "{new}");
    assert_eq!(schema.members, BTreeSet::from([0, 1]));
}

#[test]
fn a_body_that_does_not_compile_as_it_is_is_left_out_too() {
    let text = "package calc\n\nfunc Add(a, b int) int {\n\treturn a + c\n}\n";
    let file = source("calc/calc.go", text);
    let candidates = [change(&file, "a + c", "a + b"), change(&file, "a + c", "c + a")];
    let refs: Vec<&Candidate> = candidates.iter().collect();
    let first = weave(std::slice::from_ref(&file), &refs, &Without::default());
    let new = &first.files["calc/calc.go"];
    let line = 1 + u32::try_from(new[..new.find("a + c").unwrap()].matches('\n').count()).unwrap();
    assert_eq!((first.owner("calc/calc.go", line), first.base("calc/calc.go", line)), (None, Some(37)));
    assert_eq!(&text[37..38], "{");
    let without = Without {
        candidates: BTreeSet::from([1]),
        bodies: BTreeSet::from([("calc/calc.go".to_owned(), 37)]),
    };
    let second = weave(std::slice::from_ref(&file), &refs, &without);
    let new = &second.files["calc/calc.go"];
    assert!(new.contains("case 0:\n{\n\treturn a + b\n}\ndefault:\npanic(\"coditect\")\n} }"), "{new}");
}

//! Which symbols lines of files stand for.

use coditect_memory::graph::ask::{self, Place, called, lines_of_diff};
use coditect_ports::graph::{Edge, Graph, Way};

use super::{PYTHON, project};

/// What a line of a file stands for.
#[track_caller]
fn at(files: &[(&str, &str)], place: &str, expected: &[&str]) {
    let (_dir, graph) = project(files);
    let found = ask::target(&graph, place).unwrap().all();
    let told: Vec<String> = found.iter().map(|node| called(node.lend())).collect();
    assert_eq!(told, expected, "{place}");
}

const RUST: &[(&str, &str)] = &[
    (
        "src/lib.rs",
        "mod other;\npub struct Ledger;\n\nimpl Ledger {\n    pub fn add(&self) {\n        fn inner() {\n            one();\n        }\n        inner();\n    }\n}\n\n\
         mod tests {\n    use super::*;\n\n    fn first() {}\n\n    fn second() {}\n}\n",
    ),
    ("src/other.rs", "use crate::Ledger;\n\nimpl Ledger {\n    fn more(&self) {\n        two();\n    }\n}\n"),
];

#[test]
fn a_line_is_its_innermost_symbols_in_rust() {
    at(RUST, "src/lib.rs:2", &["src/lib.rs::Ledger"]);
    at(RUST, "src/lib.rs:5", &["src/lib.rs::Ledger::add"]);
    at(RUST, "src/lib.rs:7", &["src/lib.rs::Ledger::add::inner"]);
    at(RUST, "src/lib.rs:9", &["src/lib.rs::Ledger::add"]);
    at(RUST, "src/lib.rs:7-9", &["src/lib.rs::Ledger::add", "src/lib.rs::Ledger::add::inner"]);
    at(RUST, "src/lib.rs:1", &["src/lib.rs"]);
    // An `impl` of a type of another file.
    at(RUST, "src/other.rs:5", &["src/other.rs::Ledger::more"]);
    // What lies between the symbols of a module is the module's only where nothing else is touched.
    at(RUST, "src/lib.rs:14", &["src/lib.rs::tests"]);
    at(RUST, "src/lib.rs:16-18", &["src/lib.rs::tests::first", "src/lib.rs::tests::second"]);
}

#[test]
fn a_line_is_its_innermost_symbols_in_go() {
    let files = &[(
        "a.go",
        "package a\n\ntype Ledger struct {\n\tn int\n}\n\nfunc (l *Ledger) Add(n int) {\n\tl.n += n\n}\n\nfunc free() {\n\tone()\n}\n",
    )];
    at(files, "a.go:4", &["a.go::Ledger"]);
    at(files, "a.go:8", &["a.go::Ledger::Add"]);
    at(files, "a.go:12", &["a.go::free"]);
    at(files, "a.go:12-8", &["a.go::Ledger::Add", "a.go::free"]);
}

#[test]
fn a_line_is_its_innermost_symbols_in_other_languages() {
    let python = &[(
        "a.py",
        "def outer():\n    def inner():\n        return 1\n    return inner()\n\nclass K:\n    class L:\n        def m(self):\n            return 2\n",
    )];
    at(python, "a.py:3", &["a.py::outer::inner"]);
    at(python, "a.py:4", &["a.py::outer"]);
    at(python, "a.py:9", &["a.py::K::L::m"]);
    at(python, "a.py:7", &["a.py::K::L"]);
    let script =
        &[("a.ts", "export function outer() {\n  const inner = () => {\n    one();\n  };\n  inner();\n}\n")];
    at(script, "a.ts:3", &["a.ts::outer::inner"]);
    at(script, "a.ts:5", &["a.ts::outer"]);
    let java = &[(
        "A.java",
        "class A {\n  void f() {\n    one();\n  }\n  static class B {\n    void g() {\n      two();\n    }\n  }\n}\n",
    )];
    at(java, "A.java:3", &["A.java::A::f"]);
    at(java, "A.java:7", &["A.java::A::B::g"]);
    // Of two that stand in one line both are meant, and none of what is around them.
    at(&[("a.js", "class K { f() { one() } g() { two() } }\n")], "a.js:1", &["a.js::K::f", "a.js::K::g"]);
}

#[test]
fn lines_of_large_numbers_are_lines() {
    let most = u32::MAX;
    let diff = format!("--- a/a.py\n+++ b/a.py\n@@ -1,2 +{most},2 @@\n-x\n+y\n x\n");
    let told: Vec<_> = lines_of_diff(&diff).into_iter().map(|place| place.lines).collect();
    assert_eq!(told, [Some((most, most))]);
    let (_dir, graph) = project(PYTHON);
    let place = |lines| Place { path: "shop/money.py".to_owned(), lines: Some(lines) };
    let (found, unknown) = ask::find(&graph, &[place((0, most)), place((most, most))]).unwrap();
    assert!(found.len() == 4 && unknown.is_empty(), "{found:#?}");
    assert!(ask::target(&graph, "shop/money.py:99999999999").unwrap().all().is_empty());
}

#[test]
fn a_neighbour_is_given_with_its_own_edge_however_many_lead_to_it() {
    let (_dir, graph) = project(&[(
        "a.py",
        "def one(): pass\ndef two(): pass\ndef f():\n    one()\n    x = one\n    two()\n",
    )]);
    let f = ask::target(&graph, "f").unwrap().all().remove(0);
    let mut edges: Vec<Edge> = Vec::new();
    graph.edges(&[f.id], Way::Out, &mut |_, edge| edges.push(edge)).unwrap();
    let ids: Vec<_> = edges.iter().map(|edge| edge.to).collect();
    assert_eq!(ids.len(), 3, "one is called and named");
    let known = ask::known(&graph, &ids).unwrap();
    assert!(edges.iter().all(|edge| known[&edge.to].id == edge.to));
    // A list of nodes has each once: it stands beside no list of edges.
    assert_eq!(ask::nodes(&graph, &ids).unwrap().len(), 2);
}

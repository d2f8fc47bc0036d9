//! Small projects of each language, from files to edges; and edits, after which the graph is as if it were made anew.

use std::fs;
use std::path::Path;

use coditect_memory::graph::ProjectGraph;
use coditect_ports::graph::{Graph, Way};
use coditect_types::NodeId;

use super::refresh;

mod asked;
mod held;
mod hostile;
mod kept;
mod places;

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, ProjectGraph) {
    let dir = tempfile::tempdir().unwrap();
    files.iter().for_each(|(path, text)| write(dir.path(), path, text));
    let mut graph = ProjectGraph::default();
    refresh(&mut graph, dir.path(), "").unwrap();
    (dir, graph)
}

/// Every edge, a line each: `path::from kind path::to sure`.
fn told(graph: &ProjectGraph) -> Vec<String> {
    let mut names: std::collections::HashMap<NodeId, String> = std::collections::HashMap::new();
    graph.scan(&mut |node| drop(names.insert(node.id, coditect_memory::graph::ask::called(node)))).unwrap();
    let ids: Vec<NodeId> = names.keys().copied().collect();
    let mut lines = Vec::new();
    graph
        .edges(&ids, Way::Out, &mut |from, edge| {
            lines.push(format!("{} {} {} {}", names[&from], edge.kind.name(), names[&edge.to], edge.sure));
        })
        .unwrap();
    lines.sort();
    let mut back = Vec::new();
    graph
        .edges(&ids, Way::In, &mut |to, edge| {
            back.push(format!("{} {} {} {}", names[&edge.to], edge.kind.name(), names[&to], edge.sure));
        })
        .unwrap();
    back.sort();
    assert_eq!(lines, back, "both directions say the same");
    lines
}

#[track_caller]
fn has(graph: &ProjectGraph, edges: &[&str]) {
    let told = told(graph);
    for edge in edges {
        let found = told.iter().any(|line| line.rsplit_once(' ').is_some_and(|(line, _)| line == *edge));
        assert!(found, "`{edge}` is missing of\n{}", told.join("\n"));
    }
}

#[track_caller]
fn has_not(graph: &ProjectGraph, edges: &[&str]) {
    let told = told(graph);
    for edge in edges {
        let found = told.iter().any(|line| line.rsplit_once(' ').is_some_and(|(line, _)| line == *edge));
        assert!(!found, "`{edge}` is among\n{}", told.join("\n"));
    }
}

const PYTHON: &[(&str, &str)] = &[
    ("shop/__init__.py", "from .ledger import Ledger\n"),
    ("shop/base.py", "class Base:\n    def check(self): pass\n    def total(self): return self.check()\n"),
    (
        "shop/ledger.py",
        "import json\nfrom .base import Base\nfrom . import money\n\nclass Ledger(Base):\n    def __init__(self):\n        self.store = Store()\n    \
         def add(self, n):\n        self.check()\n        self.store.keep(n)\n        return money.round_up(n)\n\nclass Store:\n    def keep(self, n): return json.dumps(n)\n",
    ),
    (
        "shop/money.py",
        "def round_up(n): return _cents(n)\ndef _cents(n): return n\ndef _unused(n): return n\n",
    ),
    ("json_like.py", "def dumps(x): pass\n"),
    (
        "tests/conftest.py",
        "import pytest\nfrom shop import Ledger\n\n@pytest.fixture\ndef ledger():\n    return Ledger()\n",
    ),
    (
        "tests/test_shop.py",
        "import shop\nfrom shop.money import round_up\n\ndef test_add(ledger):\n    ledger.add(1)\n\ndef test_round():\n    assert round_up(1)\n\n\
         def test_total():\n    l = shop.Ledger()\n    assert l.total()\n",
    ),
];

#[test]
fn python() {
    let (_dir, graph) = project(PYTHON);
    has(
        &graph,
        &[
            "shop/ledger.py::Ledger extends shop/base.py::Base",
            "shop/ledger.py::Ledger::add calls shop/base.py::Base::check",
            "shop/ledger.py::Ledger::add calls shop/ledger.py::Store::keep",
            "shop/ledger.py::Ledger::add calls shop/money.py::round_up",
            "shop/ledger.py imports json",
            "shop/ledger.py imports shop/base.py",
            "shop/ledger.py imports shop/money.py",
            "shop/__init__.py imports shop/ledger.py",
            "shop/money.py::round_up calls shop/money.py::_cents",
            "tests/test_shop.py::test_add calls tests/conftest.py::ledger",
            "tests/conftest.py::ledger calls shop/ledger.py::Ledger",
            "tests/test_shop.py::test_round tests shop/money.py::round_up",
            "tests/test_shop.py::test_total tests shop/ledger.py::Ledger",
            "tests/test_shop.py::test_total tests shop/base.py::Base::total",
        ],
    );
    has_not(&graph, &["shop/ledger.py::Store::keep calls json_like.py::dumps"]);
    assert_eq!(graph.size().files, 7);
    assert_eq!(graph.size().tests, 3);
}

const RUST: &[(&str, &str)] = &[
    ("crates/shop-core/Cargo.toml", ""),
    ("crates/shop-core/src/lib.rs", "pub mod ledger;\nmod money;\npub use ledger::Ledger;\n"),
    (
        "crates/shop-core/src/ledger.rs",
        "use crate::money::{self, Cents};\nmod parts;\nuse self::parts::Part;\n\npub trait Shown { fn show(&self); }\n\npub struct Ledger { part: Part }\n\n\
         impl Ledger {\n    pub fn open() -> Self { money::round_up(1); Self { part: Part::new() } }\n    pub fn add(&self, c: &Cents) { self.part.put(c); c.whole(); self.check() }\n    \
         fn check(&self) { crate::money::deep() }\n}\n\nimpl Shown for Ledger { fn show(&self) { self.check() } }\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    \
         fn adds() { let l = Ledger::open(); l.add(&x); assert!(helper(1)); }\n    fn helper(n: u8) -> bool { true }\n}\n",
    ),
    (
        "crates/shop-core/src/ledger/parts.rs",
        "use super::Ledger;\npub struct Part;\nimpl Part { pub fn new() -> Self { Part } pub fn put(&self, c: u8) {} }\n",
    ),
    (
        "crates/shop-core/src/money.rs",
        "pub struct Cents;\nimpl Cents { pub fn whole(&self) {} }\npub fn round_up(n: u8) {}\npub fn deep() {}\n",
    ),
    (
        "crates/shop-core/tests/whole.rs",
        "use shop_core::Ledger;\n#[test]\nfn opens() { let l = Ledger::open(); l.add(1); }\n",
    ),
    (
        "crates/app/src/main.rs",
        "use shop_core::ledger::Ledger;\nfn main() { run(); }\nfn run() { Ledger::open().add(1); }\n",
    ),
];

#[test]
fn rust() {
    let (_dir, graph) = project(RUST);
    let at = "crates/shop-core/src";
    has(
        &graph,
        &[
            &format!("{at}/ledger.rs::Ledger::open calls {at}/money.rs::round_up"),
            &format!("{at}/ledger.rs::Ledger::open calls {at}/ledger/parts.rs::Part::new"),
            &format!("{at}/ledger.rs::Ledger::add calls {at}/ledger/parts.rs::Part::put"),
            &format!("{at}/ledger.rs::Ledger::add calls {at}/money.rs::Cents::whole"),
            &format!("{at}/ledger.rs::Ledger::add calls {at}/ledger.rs::Ledger::check"),
            &format!("{at}/ledger.rs::Ledger::check calls {at}/money.rs::deep"),
            &format!("{at}/ledger.rs::Ledger extends {at}/ledger.rs::Shown"),
            &format!("{at}/ledger.rs::tests::adds tests {at}/ledger.rs::Ledger::add"),
            &format!("{at}/ledger.rs::tests::adds calls {at}/ledger.rs::tests::helper"),
            &format!("{at}/ledger/parts.rs imports {at}/ledger.rs"),
            &format!("crates/shop-core/tests/whole.rs::opens tests {at}/ledger.rs::Ledger::open"),
            &format!("crates/shop-core/tests/whole.rs::opens tests {at}/ledger.rs::Ledger::add"),
            &format!("crates/app/src/main.rs::run calls {at}/ledger.rs::Ledger::open"),
            "crates/app/src/main.rs::main calls crates/app/src/main.rs::run",
        ],
    );
}

const SCRIPT: &[(&str, &str)] = &[
    ("src/index.ts", "export * from './cart';\nexport { round as roundUp } from './money';\n"),
    (
        "src/cart.ts",
        "import { Store } from './store/index.js';\nimport * as money from './money';\nimport lodash from 'lodash';\nimport type { Row } from '@scope/rows/deep';\n\n\
         export class Base { check(): void {} }\nexport class Cart extends Base {\n  private store: Store;\n  put(n: number) { this.check(); this.store.save(money.round(n)); }\n}\n",
    ),
    ("src/store/index.ts", "export class Store { save(n: number) { return n; } }\n"),
    (
        "src/money.ts",
        "export function round(n: number) { return cents(n); }\nconst cents = (n: number) => n;\nexport default round;\n",
    ),
    (
        "lib/old.js",
        "const { helper } = require('./util');\nexports.run = function () { return helper(); };\n",
    ),
    ("lib/util.js", "function helper() { return 1; }\nmodule.exports = { helper };\n"),
    (
        "test/cart.test.ts",
        "import { Cart, roundUp } from '../src';\nimport round from '../src/money';\ndescribe('cart', () => {\n  it('puts', () => { const c = new Cart(); c.put(1); });\n  \
         it('rounds', () => { roundUp(1); });\n  it('rounds too', () => { round(1); });\n});\n",
    ),
];

#[test]
fn scripts() {
    let (_dir, graph) = project(SCRIPT);
    has(
        &graph,
        &[
            "src/cart.ts::Cart extends src/cart.ts::Base",
            "src/cart.ts::Cart::put calls src/cart.ts::Base::check",
            "src/cart.ts::Cart::put calls src/store/index.ts::Store::save",
            "src/cart.ts::Cart::put calls src/money.ts::round",
            "src/money.ts::round calls src/money.ts::cents",
            "src/cart.ts imports lodash",
            "src/cart.ts imports @scope/rows",
            "src/cart.ts imports src/store/index.ts",
            "src/index.ts imports src/cart.ts",
            "lib/old.js::run calls lib/util.js::helper",
            "test/cart.test.ts::cart::puts tests src/cart.ts::Cart",
            "test/cart.test.ts::cart::puts tests src/cart.ts::Cart::put",
            "test/cart.test.ts::cart::rounds tests src/money.ts::round",
            "test/cart.test.ts::cart::rounds too tests src/money.ts::round",
        ],
    );
}

const GO: &[(&str, &str)] = &[
    ("go.mod", "module example.com/shop\n"),
    (
        "ledger/ledger.go",
        "package ledger\n\nimport (\n\t\"fmt\"\n\t\"example.com/shop/store\"\n)\n\ntype Ledger struct {\n\tkept *store.Store\n}\n\nfunc NewLedger() *Ledger { return &Ledger{} }\n\n\
         func (l *Ledger) Add(n int) {\n\tl.kept.Put(n)\n\tl.check()\n\tround(n)\n\tfmt.Println(store.Most)\n}\n",
    ),
    (
        "ledger/check.go",
        "package ledger\n\nfunc (l *Ledger) check() { round(1) }\n\nfunc round(n int) int { return n }\n",
    ),
    (
        "ledger/ledger_test.go",
        "package ledger\n\nfunc TestAdd(t *testing.T) {\n\tl := NewLedger()\n\tl.Add(1)\n}\n",
    ),
    (
        "store/store.go",
        "package store\n\nconst Most = 3\n\ntype Store struct{}\n\nfunc (s *Store) Put(n int) {}\n",
    ),
    (
        "main.go",
        "package main\n\nimport \"example.com/shop/ledger\"\n\nfunc main() { l := ledger.NewLedger(); l.Add(1) }\n",
    ),
];

#[test]
fn go() {
    let (_dir, graph) = project(GO);
    has(
        &graph,
        &[
            "ledger/ledger.go::Ledger::Add calls store/store.go::Store::Put",
            "ledger/ledger.go::Ledger::Add calls ledger/check.go::Ledger::check",
            "ledger/ledger.go::Ledger::Add calls ledger/check.go::round",
            "ledger/ledger.go::Ledger::Add uses store/store.go::Most",
            "ledger/check.go::Ledger::check calls ledger/check.go::round",
            "ledger/ledger.go imports fmt",
            "ledger/ledger.go imports store/store.go",
            "ledger/ledger_test.go::TestAdd tests ledger/ledger.go::NewLedger",
            "ledger/ledger_test.go::TestAdd tests ledger/ledger.go::Ledger::Add",
            "main.go::main calls ledger/ledger.go::NewLedger",
            "main.go::main calls ledger/ledger.go::Ledger::Add",
        ],
    );
}

const JAVA: &[(&str, &str)] = &[
    (
        "src/main/java/shop/Ledger.java",
        "package shop;\n\nimport shop.store.Store;\nimport static shop.store.Rules.round;\nimport java.util.List;\n\npublic class Ledger extends Base {\n  private final Store store = new Store();\n  \
         public void add(int n) { store.keep(round(n)); check(); total(); }\n  int total() { return Money.of(1); }\n}\n",
    ),
    ("src/main/java/shop/Base.java", "package shop;\n\npublic class Base {\n  void check() {}\n}\n"),
    (
        "src/main/java/shop/Money.java",
        "package shop;\n\nclass Money {\n  static int of(int n) { return n; }\n}\n",
    ),
    (
        "src/main/java/shop/store/Store.java",
        "package shop.store;\n\npublic class Store {\n  public void keep(int n) {}\n}\n",
    ),
    (
        "src/main/java/shop/store/Rules.java",
        "package shop.store;\n\npublic class Rules {\n  public static int round(int n) { return n; }\n}\n",
    ),
    (
        "src/test/java/shop/LedgerTest.java",
        "package shop;\n\nimport org.junit.jupiter.api.Test;\n\nclass LedgerTest {\n  @Test void adds() { Ledger ledger = new Ledger(); ledger.add(1); ledger.check(); }\n}\n",
    ),
];

#[test]
fn java() {
    let (_dir, graph) = project(JAVA);
    let at = "src/main/java/shop";
    has(
        &graph,
        &[
            &format!("{at}/Ledger.java::Ledger extends {at}/Base.java::Base"),
            &format!("{at}/Ledger.java::Ledger::add calls {at}/store/Store.java::Store::keep"),
            &format!("{at}/Ledger.java::Ledger::add calls {at}/store/Rules.java::Rules::round"),
            &format!("{at}/Ledger.java::Ledger::add calls {at}/Base.java::Base::check"),
            &format!("{at}/Ledger.java::Ledger::add calls {at}/Ledger.java::Ledger::total"),
            &format!("{at}/Ledger.java::Ledger::total calls {at}/Money.java::Money::of"),
            &format!(
                "src/test/java/shop/LedgerTest.java::LedgerTest::adds tests {at}/Ledger.java::Ledger::add"
            ),
            &format!(
                "src/test/java/shop/LedgerTest.java::LedgerTest::adds tests {at}/Base.java::Base::check"
            ),
        ],
    );
}

/// Every edit that the edits of these projects can be, one after the other: a file goes, comes back, loses a line, gets one.
#[test]
fn after_any_edit_the_graph_is_as_if_it_were_made_anew() {
    let all: Vec<(&str, &str)> = [PYTHON, RUST, SCRIPT, GO, JAVA].concat();
    let (dir, mut graph) = project(&all);
    let mut seed = 7_u64;
    let mut below = |end: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % end
    };
    for round in 0..150 {
        for _ in 0..=below(3) {
            let (path, text) = all[below(all.len())];
            let at = dir.path().join(path);
            let mut lines: Vec<&str> = text.lines().collect();
            match below(6) {
                0 => drop(fs::remove_file(&at)),
                1 => write(dir.path(), path, text),
                2 => {
                    lines.remove(below(lines.len().max(1)).min(lines.len().saturating_sub(1)));
                    write(dir.path(), path, &(lines.join("\n") + "\n"));
                }
                3 => {
                    let (_, other) = all[below(all.len())];
                    let other: Vec<&str> = other.lines().collect();
                    lines.insert(
                        below(lines.len() + 1),
                        other.get(below(other.len().max(1))).copied().unwrap_or(""),
                    );
                    write(dir.path(), path, &(lines.join("\n") + "\n"));
                }
                4 => write(dir.path(), path, &text.replace("Ledger", "Book").replace("check", "verify")),
                _ => write(dir.path(), path, &text.replace("round", "cut")),
            }
        }
        refresh(&mut graph, dir.path(), "").unwrap();
        let mut fresh = ProjectGraph::default();
        refresh(&mut fresh, dir.path(), "").unwrap();
        let (now, anew) = (told(&graph), told(&fresh));
        let missing: Vec<_> = anew.iter().filter(|line| !now.contains(line)).collect();
        let stale: Vec<_> = now.iter().filter(|line| !anew.contains(line)).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "round {round}: missing {missing:#?}, stale {stale:#?}"
        );
        if round % 20 == 0 {
            graph = ProjectGraph::of_bytes(&graph.to_bytes()).unwrap();
            assert_eq!(told(&graph), anew);
        }
    }
}

#[test]
fn bytes_that_are_no_graph_are_told() {
    let (_dir, graph) = project(PYTHON);
    let bytes = graph.to_bytes();
    assert_eq!(told(&ProjectGraph::of_bytes(&bytes).unwrap()), told(&graph));
    for at in (0..bytes.len()).step_by(37) {
        let mut broken = bytes.clone();
        broken[at] ^= 0x55;
        assert!(ProjectGraph::of_bytes(&broken).is_err(), "byte {at}");
        assert!(ProjectGraph::of_bytes(&bytes[..at]).is_err(), "cut at {at}");
    }
    let mut newer = bytes;
    newer[8] = 200;
    assert_eq!(
        ProjectGraph::of_bytes(&newer).unwrap_err().to_string(),
        "a newer version of this program wrote it"
    );
}

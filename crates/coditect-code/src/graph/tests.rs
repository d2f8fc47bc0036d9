//! One small file of each language, told in lines.

use std::fmt::Write as _;

use coditect_types::graph::{How, On};

use super::facts;

/// Symbols, imports and uses of a file, a line each.
fn told(path: &str, text: &str) -> String {
    let facts = facts(path, text).expect("a language that is read");
    let mut out = String::new();
    let name = |at: Option<u32>| at.map_or("-", |at| facts.symbols[at as usize].name.as_str());
    for one in &facts.symbols {
        let owner = if one.owner.is_empty() { name(one.parent) } else { &one.owner };
        let marks: String =
            [(one.traits.exported, 'x'), (one.traits.entry, 'e'), (one.traits.for_tests, 't')]
                .iter()
                .filter(|(is, _)| *is)
                .map(|(_, mark)| *mark)
                .collect();
        writeln!(out, "{} {} in {owner} {}-{} {marks}", one.kind.name(), one.name, one.lines.0, one.lines.1)
            .unwrap();
    }
    for one in &facts.imports {
        writeln!(out, "import {}{} {} as {}", ".".repeat(one.dots.into()), one.module, one.name, one.local)
            .unwrap();
    }
    for one in &facts.uses {
        let on = match &one.on {
            On::Nothing => String::new(),
            On::Own => "self.".to_owned(),
            On::Named(path) => format!("{path}."),
            On::Typed(of) => format!("<{of}>."),
            On::Unknown => "?.".to_owned(),
        };
        let how = match one.how {
            How::Called => "calls",
            How::Named => "names",
            How::Extended => "extends",
        };
        writeln!(out, "{} {how} {on}{}", name(one.from), one.name).unwrap();
    }
    out
}

#[track_caller]
fn has(told: &str, lines: &[&str]) {
    for line in lines {
        assert!(told.lines().any(|one| one.trim_end() == *line), "`{line}` is missing of\n{told}");
    }
}

#[track_caller]
fn has_not(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(!told.lines().any(|one| one.trim_end() == *part), "`{part}` is there in\n{told}");
    }
}

#[test]
fn python() {
    let told = told(
        "pkg/ledger.py",
        "import json as j\nfrom ..core import Money, rate as r\nfrom .base import *\n\n__all__ = ['Ledger']\nLIMIT = 3\n\n\
         class Ledger(Base, j.Thing):\n    def __init__(self, store: Store):\n        self.store = store\n        self.book = Book()\n\n    \
         def add(self, amount):\n        self.check(amount)\n        self.book.enter(amount)\n        self.store.put(amount)\n        \
         helper(r, amount.value())\n        return j.dumps(Money(amount))\n\n\
         @app.route('/x')\ndef view(helper):\n    l = Ledger(None)\n    l.add(LIMIT)\n    return helper()\n",
    );
    has(
        &told,
        &[
            "type Ledger in - 8-18 x",
            "method add in Ledger 13-18",
            "method __init__ in Ledger 9-11 e",
            "function view in - 21-24 e",
            "value LIMIT in - 6-6",
            "import json  as j",
            "import ..core Money as Money",
            "import ..core rate as r",
            "import .base * as",
            "Ledger extends Base",
            "Ledger extends j.Thing",
            "add calls self.check",
            "add calls <Book>.enter",
            "add calls <Store>.put",
            "add calls helper",
            "add names r",
            "add calls ?.value",
            "add calls j.dumps",
            "add calls Money",
            "view calls Ledger",
            "view calls <Ledger>.add",
            "view names LIMIT",
        ],
    );
    has_not(&told, &["view calls helper", "add names amount"]);
}

#[test]
fn python_tests() {
    let told = told(
        "tests/test_ledger.py",
        "class TestAdd:\n    def test_one(self):\n        add(1)\n\ndef helper(): pass\n",
    );
    has(&told, &["test test_one in TestAdd 2-3 t", "function helper in - 5-5 t", "test_one calls add"]);
    let told = self::told("tests/test_a.py", "def test_one(client, n=1): client.get(n)\n");
    has(&told, &["test_one calls client", "test_one calls ?.get"]);
}

#[test]
fn rust() {
    let told = told(
        "src/ledger.rs",
        "use crate::text::{self, Word as W};\npub use super::base::*;\nmod parts;\n\npub struct Ledger { store: Store }\n\nimpl Ledger {\n    \
         pub fn open(path: &Path) -> Self {\n        let book = Book::new(path);\n        book.read();\n        text::trim(path);\n        Self::check()\n    }\n    \
         fn check() {}\n    fn put(&self) { self.store.put(MOST); self.check() }\n}\n\nimpl Show for Ledger {\n    fn show(&self) {}\n}\n\n\
         pub fn run(l: &Ledger) { l.put(); crate::deep::go() }\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn opens() { assert_eq!(run(&x), Ledger::open(y)); }\n}\n",
    );
    has(
        &told,
        &[
            "type Ledger in - 5-5 x",
            "method open in Ledger 8-13 x",
            "method show in Ledger 19-19 e",
            "function run in - 22-22 x",
            "test opens in tests 28-28 et",
            "import crate::text  as text",
            "import crate::text Word as W",
            "import super::base * as",
            "import self::parts  as parts",
            "Ledger extends Show",
            "open calls Book.new",
            "open calls <Book>.read",
            "open calls text.trim",
            "open calls self.check",
            "put calls <Store>.put",
            "put names MOST",
            "run calls <Ledger>.put",
            "run calls crate::deep.go",
            "opens calls run",
            "opens calls Ledger.open",
        ],
    );
}

#[test]
fn what_a_function_binds_is_not_what_others_define() {
    let rust = told(
        "src/a.rs",
        "fn go(x: u8) {\n    let rank = rank(x);\n    if let Some(word) = word(rank) { word; }\n    for line in line(x) { line; }\n    rank;\n}\n",
    );
    has(&rust, &["go calls rank", "go calls word", "go calls line"]);
    has_not(&rust, &["go names rank", "go names word", "go names line"]);
    let go = told("a.go", "package a\nfunc run() {\n\tn := n()\n\tuse(n)\n}\n");
    has(&go, &["run calls n", "run calls use"]);
    has_not(&go, &["run names n"]);
    let java = told("A.java", "class A { void go() { int size = size(); print(size); } }\n");
    has(&java, &["go calls size", "go calls print"]);
    has_not(&java, &["go names size"]);
}

#[test]
fn javascript() {
    let told = told(
        "src/cart.js",
        "import Store, { add as plus } from './store';\nimport * as money from '../money';\nconst { round } = require('./round');\nexport * from './more';\n\n\
         export class Cart extends Base {\n  constructor() { this.store = new Store(); }\n  put(x) { this.check(x); this.store.save(plus(x)); money.format(x); }\n}\n\
         const helper = (a) => round(a);\nexport default function main() { return helper(1); }\nexports.late = function () { main(); };\nmodule.exports = { helper };\n",
    );
    has(
        &told,
        &[
            "type Cart in - 6-9 x",
            "method put in Cart 8-8",
            "function helper in - 10-10 x",
            "function main in - 11-11 x",
            "function late in - 12-12 x",
            "import ./store default as Store",
            "import ./store add as plus",
            "import ../money  as money",
            "import ./round round as round",
            "import ./more * as",
            "Cart extends Base",
            "put calls self.check",
            "put calls <Store>.save",
            "put calls plus",
            "put calls money.format",
            "helper calls round",
            "main calls helper",
            "late calls main",
        ],
    );
    let told =
        self::told("src/cart.test.js", "describe('cart', () => {\n  it('adds', () => { add(1); });\n});\n");
    has(&told, &["module cart in - 1-3 t", "test adds in cart 2-2 t", "adds calls add"]);
}

#[test]
fn typescript() {
    let told = told(
        "src/shop.tsx",
        "import { Cart, type Price } from './cart';\nexport interface Shop extends Place { open(): void }\nexport enum Kind { A }\n\
         export class Corner implements Shop {\n  private cart: Cart;\n  constructor(private readonly money: Money) {}\n  open(): void { this.cart.put(1); this.money.count(); }\n}\n\
         export const View = (p: Price) => <Row cost={p.amount()} />;\n",
    );
    has(
        &told,
        &[
            "type Shop in - 2-2 x",
            "method open in Shop 2-2",
            "type Kind in - 3-3 x",
            "type Corner in - 4-8 x",
            "method open in Corner 7-7",
            "function View in - 9-9 x",
            "Shop extends Place",
            "Corner extends Shop",
            "open calls <Cart>.put",
            "open calls <Money>.count",
            "View calls Row",
            "View calls <Price>.amount",
        ],
    );
}

#[test]
fn go() {
    let told = told(
        "ledger/ledger.go",
        "package ledger\n\nimport (\n\t\"fmt\"\n\tst \"example.com/shop/store\"\n)\n\nconst Most = 3\n\ntype Ledger struct {\n\tstore *Store\n}\n\n\
         type Shown interface {\n\tShow() string\n}\n\nfunc (l *Ledger) Add(n int) {\n\tl.store.Put(n)\n\tl.check()\n\tfmt.Println(Most)\n}\n\nfunc run() {\n\tl := &Ledger{}\n\tl.Add(1)\n\tst.Open()\n\tb := NewBook()\n\tb.Enter()\n}\n",
    );
    has(
        &told,
        &[
            "value Most in - 8-8 x",
            "type Ledger in - 10-12 x",
            "method Show in Shown 15-15 x",
            "method Add in Ledger 18-22 x",
            "function run in - 24-30",
            "import fmt  as fmt",
            "import example.com/shop/store  as st",
            "Add calls <Store>.Put",
            "Add calls <Ledger>.check",
            "Add calls fmt.Println",
            "Add names Most",
            "run calls Ledger",
            "run calls <Ledger>.Add",
            "run calls st.Open",
            "run calls NewBook",
            "run calls <Book>.Enter",
        ],
    );
    let told = self::told("ledger/ledger_test.go", "package ledger\nfunc TestAdd(t *testing.T) { run() }\n");
    has(&told, &["test TestAdd in - 2-2 xt", "TestAdd calls run"]);
}

#[test]
fn java() {
    let told = told(
        "src/main/java/a/Ledger.java",
        "package a;\n\nimport b.Store;\nimport static b.Math2.round;\nimport c.*;\n\npublic class Ledger extends Base implements Shown {\n  private final Store store;\n  \
         Ledger(Store store) { this.store = store; }\n  public void add(int n) { store.put(round(n)); check(n); Book b = new Book(); b.enter(n); Money.of(n); }\n  \
         @Override public String show() { return \"\"; }\n}\n",
    );
    has(
        &told,
        &[
            "type Ledger in - 7-12 x",
            "value store in Ledger 8-8",
            "method add in Ledger 10-10 x",
            "method show in Ledger 11-11 xe",
            "import b Store as Store",
            "import b.Math2 round as round",
            "import c * as",
            "Ledger extends Base",
            "Ledger extends Shown",
            "add calls <Store>.put",
            "add calls round",
            "add calls check",
            "add calls Book",
            "add calls <Book>.enter",
            "add calls Money.of",
        ],
    );
    let told = self::told(
        "src/test/java/a/LedgerTest.java",
        "class LedgerTest {\n  @Test void adds() { new Ledger(null).add(1); }\n}\n",
    );
    has(&told, &["test adds in LedgerTest 2-2 et", "adds calls Ledger", "adds calls <Ledger>.add"]);
}

#[test]
fn broken_and_deep_code_gives_what_can_be_read() {
    let broken =
        facts("a.py", "def f():\n    g(\n\ndef h(:\n  x\n\nclass K:\n    def m(self): f()\n").unwrap();
    assert!(broken.broken);
    assert!(broken.symbols.iter().any(|one| one.name == "f"));
    let deep = format!("x = {}1{}\ndef late(): pass\n", "(".repeat(5_000), ")".repeat(5_000));
    assert!(facts("a.py", &deep).unwrap().symbols.iter().any(|one| one.name == "late"));
    assert!(facts("a.txt", "x").is_none());
    assert_eq!(facts("a.py", "").unwrap().symbols.len(), 0);
}

#[test]
fn shapes_tell_alike_from_unlike() {
    let one = "def f(a):\n    t = 0\n    for x in a:\n        if x > 0:\n            t += x\n    return t\n";
    let like = "def g(rows):\n    total = 0\n    for row in rows:\n        if row > 0:\n            total += row\n    return total\n";
    let unlike = "def h(p):\n    with open(p) as f:\n        return [line.strip() for line in f]\n";
    let shape = |text: &str| facts("a.py", text).unwrap().symbols[0].shape;
    let equal = |a: [u8; 16], b: [u8; 16]| a.iter().zip(b).filter(|(a, b)| **a == *b).count();
    assert_eq!(equal(shape(one), shape(like)), 16);
    assert!(equal(shape(one), shape(unlike)) < 8);
}

mod directories {
    use std::fs;

    use super::super::walk::{Read, read, walk, walk_most};

    fn paths(dir: &std::path::Path) -> Vec<String> {
        walk(dir).unwrap().files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn what_others_wrote_what_is_ignored_and_what_is_too_large_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/one.py", "x = 1\n");
        write("a/readme.md", "no code");
        write("node_modules/x/index.js", "x");
        write("target/debug/made.rs", "");
        write("Cargo.toml", "");
        write("lib/build/kept.py", "");
        write("skip/me.py", "");
        write(".gitignore", "skip/\n");
        write(".hidden/x.py", "");
        write("big.py", &"x = 1\n".repeat(400_000));
        std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("a/one.py"), dir.path().join("two.py")).unwrap();
        let found = walk(dir.path()).unwrap();
        assert_eq!(paths(dir.path()), ["a/one.py", "lib/build/kept.py"]);
        let passed: Vec<&str> = found.passed.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(passed, ["big.py", "node_modules", "target"]);
        assert!(found.passed[0].why.contains("2343 KiB"), "{}", found.passed[0].why);
    }

    #[test]
    fn files_that_are_too_large_count_with_the_others_and_too_many_are_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("small.py"), "x = 1\n").unwrap();
        for n in 0..3 {
            // They take no room on the disk.
            fs::File::create(dir.path().join(format!("big{n}.py"))).unwrap().set_len(3 << 20).unwrap();
        }
        let found = walk_most(dir.path(), 4).unwrap();
        assert_eq!((found.files.len(), found.passed.len()), (1, 3));
        let error = walk_most(dir.path(), 3).unwrap_err();
        assert_eq!(error.kind, coditect_types::ErrorKind::Exhausted);
        assert!(error.cause.contains("more than 3 source files"), "{}", error.cause);
    }

    #[test]
    fn what_is_read_is_told_apart_by_its_content() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..20 {
            fs::write(dir.path().join(format!("f{n}.py")), format!("def f{n}(): pass\n")).unwrap();
        }
        fs::write(dir.path().join("bytes.py"), [0xff, 0xfe, b'x']).unwrap();
        fs::write(dir.path().join("made.go"), "// Code generated by x. DO NOT EDIT.\npackage a\n").unwrap();
        let found = walk(dir.path()).unwrap();
        let files: Vec<(&str, Option<[u8; 16]>)> =
            found.files.iter().map(|file| (file.path.as_str(), None)).collect();
        let first = read(dir.path(), &files);
        let hashes: Vec<Option<[u8; 16]>> = first
            .iter()
            .map(|read| match read {
                Read::Facts { hash, .. } => Some(*hash),
                Read::Same | Read::Passed(_) => None,
            })
            .collect();
        assert_eq!(hashes.iter().filter(|hash| hash.is_some()).count(), 20);
        let again: Vec<_> = files.iter().zip(&hashes).map(|((path, _), hash)| (*path, *hash)).collect();
        let same = read(dir.path(), &again).iter().filter(|read| matches!(read, Read::Same)).count();
        assert_eq!(same, 20);
        let gone = read(dir.path(), &[("none.py", None)]);
        assert!(matches!(&gone[0], Read::Passed(why) if why.contains("cannot be read")), "{gone:?}");
    }
}

/// Code of each language with so many brackets, lists and blocks within one another, and a function after it.
fn nested(deep: usize) -> Vec<(&'static str, String)> {
    let around = |open: &str, inner: &str, close: &str| open.repeat(deep) + inner + &close.repeat(deep);
    vec![
        ("a.py", format!("x = {}\ndef last(): pass\n", around("(", "1", ")"))),
        ("a.py", format!("x = {}.f()\ndef last(): pass\n", around("(", "y", ")"))),
        ("a.py", format!("x = {}\ndef last(): pass\n", around("[", "", "]"))),
        ("a.rs", format!("fn f() {{ let x = {}.g(); }}\nfn last() {{}}\n", around("(", "y", ")"))),
        ("a.rs", format!("fn f() {{ {} }}\nfn last() {{}}\n", around("if a {", "", "}"))),
        ("a.rs", format!("fn f(x: {}) {{}}\nfn last() {{}}\n", around("Option<", "T", ">"))),
        ("a.rs", format!("use a::{};\nfn last() {{}}\n", around("{b::", "c", "}"))),
        ("a.rs", format!("{}\nfn last() {{}}\n", around("mod m {", "", "}"))),
        ("a.js", format!("x = {}.f();\nfunction last() {{}}\n", around("(", "y", ")"))),
        ("a.js", format!("{}\nfunction last() {{}}\n", around("if (a) {", "", "}"))),
        ("a.ts", format!("let x: {} = 1;\nfunction last() {{}}\n", around("Promise<", "T", ">"))),
        ("a.go", format!("package a\nvar x = {}.f()\nfunc last() {{}}\n", around("(", "y", ")"))),
        ("a.go", format!("package a\nfunc f() {{ {} }}\nfunc last() {{}}\n", around("if a {", "", "}"))),
        ("A.java", format!("class A {{ int x = {}; void last() {{}} }}\n", around("(", "1", ")"))),
        (
            "A.java",
            format!("class A {{ void f() {{ {} }} void last() {{}} }}\n", around("if (a) {", "", "}")),
        ),
    ]
}

#[test]
fn code_that_is_nested_deeper_than_any_stack_is_read_around() {
    // A stack that is a quarter of what a thread of ours has.
    let read = || {
        for (path, text) in nested(20_000) {
            let facts = facts(path, &text).expect("a language that is read");
            let last = facts.symbols.iter().any(|one| one.name == "last");
            assert!(last || facts.broken, "{path}: {}", &text[..60]);
        }
    };
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(read).unwrap();
    thread.join().unwrap();
}

/// Files of so many symbols, read; how long that took.
fn read_many(count: usize) -> std::time::Duration {
    let began = std::time::Instant::now();
    let values: String = (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, "V{n} = a{n}.x").unwrap();
        text
    });
    let told = facts("a.py", &values).unwrap();
    assert_eq!((told.symbols.len(), told.uses.iter().filter(|one| one.name == "x").count()), (count, count));
    let types: String = (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, "struct S{n};\nimpl Shown for S{n} {{}}\n#[test]\nfn t{n}() {{}}").unwrap();
        text
    });
    let told = facts("a.rs", &types).unwrap();
    assert_eq!(told.uses.iter().filter(|one| one.how == How::Extended).count(), count);
    let exports: String = (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, "const c{n} = 1;\nexport {{ c{n} }};").unwrap();
        text
    });
    let told = facts("a.js", &exports).unwrap();
    assert!(told.symbols.iter().all(|one| one.traits.exported));
    began.elapsed()
}

#[test]
fn a_file_of_many_symbols_takes_no_longer_for_each() {
    // Eight times as many take eight times as long, and 64 times where each is looked for among all others. The quickest of some
    // runs is that which other work slowed down least.
    let few = (0..5).map(|_| read_many(3_000)).min().unwrap();
    let many = (0..2).map(|_| read_many(24_000)).min().unwrap();
    assert!(many < few * 24, "{few:?} and {many:?}");
}

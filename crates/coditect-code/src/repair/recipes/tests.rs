use coditect_types::testing::Frame;
use coditect_types::{TestResult, TestStatus};

use super::all;
use crate::repair::{Problem, Source};
use crate::suggestions::{self, Part, Suggestion};

mod chain;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// The texts of the first file that the answers to a message would give, likeliest first.
fn answers(sources: &[Source], message: &str, frames: &[(&str, u32)]) -> Vec<(String, String)> {
    let frame =
        |(file, line): &(&str, u32)| Frame { file: (*file).to_owned(), line: *line, function: String::new() };
    let red = [TestResult {
        id: "t".to_owned(),
        status: TestStatus::Errored,
        us: 0,
        message: message.to_owned(),
        error_type: String::new(),
        frames: frames.iter().map(frame).collect(),
        passes_of_runs: None,
    }];
    let problem =
        Problem { sources, others: &[], suspects: &[], red: &red, request: "", refused: &[], seed: 0 };
    let found = all(&problem);
    assert!(found.windows(2).all(|two| two[0].score >= two[1].score));
    found.iter().filter_map(|candidate| candidate.apply(sources)?.into_iter().next()).collect()
}

/// The right answer is among the first ones.
#[track_caller]
fn check_in(sources: &[Source], message: &str, frames: &[(&str, u32)], path: &str, new: &str) {
    let found = answers(sources, message, frames);
    let rank = found.iter().position(|(file, text)| file == path && text == new);
    assert!(rank.is_some_and(|rank| rank < 12), "{message}: {rank:?} of {:#?}", &found[..found.len().min(8)]);
}

#[track_caller]
fn check(path: &str, old: &str, message: &str, new: &str) {
    check_in(&[source(path, old)], message, &[], path, new);
}

const GO: &[(&str, &str, &str)] = &[
    (
        "import (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar X = fmt.Sprint(1)\n",
        "./a.go:5:2: imported and not used: \"os\"",
        "import (\n\t\"fmt\"\n)\n\nvar X = fmt.Sprint(1)\n",
    ),
    (
        "func F(a string) string {\n\treturn strings.ToUpper(a)\n}\n",
        "# ex\n./a.go:4:9: undefined: strings",
        "import \"strings\"\n\nfunc F(a string) string {\n\treturn strings.ToUpper(a)\n}\n",
    ),
    (
        "import \"fmt\"\n\nvar X = fmt.Sprint(math.Pi)\n",
        "vet: ./a.go:5:20: undeclared name: math",
        "import (\n\t\"fmt\"\n\t\"math\"\n)\n\nvar X = fmt.Sprint(math.Pi)\n",
    ),
    (
        "import \"strings\"\n\nvar X = strings.ToUppr(\"a\")\n",
        "./a.go:5:17: undefined: strings.ToUppr",
        "import \"strings\"\n\nvar X = strings.ToUpper(\"a\")\n",
    ),
    (
        "func F(length int) int {\n\treturn lenght\n}\n",
        "./a.go:4:9: undefined: lenght",
        "func F(length int) int {\n\treturn length\n}\n",
    ),
    (
        "func F() int {\n\tx = 1\n\treturn x\n}\n",
        "./a.go:4:2: undefined: x\n./a.go:5:9: undefined: x",
        "func F() int {\n\tx := 1\n\treturn x\n}\n",
    ),
    (
        "func F() int {\n\tx := 1\n\tx := 2\n\treturn x\n}\n",
        "./a.go:5:4: no new variables on left side of :=",
        "func F() int {\n\tx := 1\n\tx = 2\n\treturn x\n}\n",
    ),
    (
        "func F() int {\n\tx := 1\n\treturn 2\n}\n",
        "./a.go:4:2: x declared but not used",
        "func F() int {\n\treturn 2\n}\n",
    ),
    (
        "type T struct{ Name string }\n\nfunc (t T) Len() int { return len(t.name) }\n",
        "./a.go:5:37: t.name undefined (type T has no field or method name, but does have Name)",
        "type T struct{ Name string }\n\nfunc (t T) Len() int { return len(t.Name) }\n",
    ),
    (
        "func F(a int64) int {\n\tvar x int = a\n\treturn x\n}\n",
        "./a.go:4:14: cannot use a (variable of type int64) as type int in variable declaration",
        "func F(a int64) int {\n\tvar x int = int(a)\n\treturn x\n}\n",
    ),
    (
        "func F(a int64, b int) int {\n\treturn int(a + b)\n}\n",
        "./a.go:4:13: invalid operation: a + b (mismatched types int64 and int)",
        "func F(a int64, b int) int {\n\treturn int(a + int64(b))\n}\n",
    ),
    (
        "func F(a []int) int {\n\tsum := 0\n\tfor _, x := range a {\n\t\tsum += x\n\t}\n}\n",
        "./a.go:8:1: missing return",
        "func F(a []int) int {\n\tsum := 0\n\tfor _, x := range a {\n\t\tsum += x\n\t}\n\treturn sum\n}\n",
    ),
    (
        "import \"strconv\"\n\nfunc F(a string) int {\n\tn := strconv.Atoi(a)\n\treturn n\n}\n",
        "./a.go:6:7: assignment mismatch: 1 variable but strconv.Atoi returns 2 values",
        "import \"strconv\"\n\nfunc F(a string) int {\n\tn, _ := strconv.Atoi(a)\n\treturn n\n}\n",
    ),
    (
        "func F(a []int) (int, error) {\n\treturn len(a) // so\n}\n",
        "./a.go:4:9: not enough return values\n\thave (int)\n\twant (int, error)",
        "func F(a []int) (int, error) {\n\treturn len(a), nil // so\n}\n",
    ),
    (
        "import \"string\"\n\nvar X = strings.ToUpper(\"a\")\n",
        "a.go:3:8: package string is not in GOROOT (/usr/lib/go/src/string)",
        "import \"strings\"\n\nvar X = strings.ToUpper(\"a\")\n",
    ),
];

#[test]
fn the_compiler_of_go_names_cures() {
    let go = |body: &str| format!("package ex\n\n{body}");
    for (old, message, new) in GO {
        check("a.go", &go(old), message, &go(new));
    }
}

type Said = (u32, &'static str, usize);

const JAVA: &[(&str, Said, &str)] = &[
    (
        "    int f() {\n        return lenght;\n    }\n    int length;\n",
        (5, "cannot find symbol\n  symbol:   variable lenght\n  location: class A\n", 15),
        "    int f() {\n        return length;\n    }\n    int length;\n",
    ),
    (
        "    int f() {\n        return \"abc\".lenght();\n    }\n",
        (5, "cannot find symbol\n  symbol:   method lenght()\n  location: class String\n", 20),
        "    int f() {\n        return \"abc\".length();\n    }\n",
    ),
    (
        "    int f(long b) {\n        int c = b * 2;\n        return c;\n    }\n",
        (5, "incompatible types: possible lossy conversion from long to int", 18),
        "    int f(long b) {\n        int c = (int) (b * 2);\n        return c;\n    }\n",
    ),
    (
        "    String f(int b) {\n        return b;\n    }\n",
        (5, "incompatible types: int cannot be converted to String", 15),
        "    String f(int b) {\n        return String.valueOf(b);\n    }\n",
    ),
    (
        "    int f(int b) {\n        if (b > 1) {\n            return b;\n        }\n    }\n",
        (8, "missing return statement", 4),
        "    int f(int b) {\n        if (b > 1) {\n            return b;\n        }\n        return 0;\n    }\n",
    ),
    (
        "    void f() {\n        throw new Exception(\"x\");\n    }\n",
        (5, "unreported exception Exception; must be caught or declared to be thrown", 8),
        "    void f() throws Exception {\n        throw new Exception(\"x\");\n    }\n",
    ),
    (
        "    int f() {\n        int x = 1;\n        int x = 2;\n        return x;\n    }\n",
        (6, "variable x is already defined in method f()", 12),
        "    int f() {\n        int x = 1;\n        x = 2;\n        return x;\n    }\n",
    ),
    (
        "    int f() {\n        int x;\n        x++;\n        return x;\n    }\n",
        (6, "variable x might not have been initialized", 8),
        "    int f() {\n        int x = 0;\n        x++;\n        return x;\n    }\n",
    ),
    (
        "    int f() {\n        final int x = 1;\n        x = 2;\n        return x;\n    }\n",
        (6, "cannot assign a value to final variable x", 8),
        "    int f() {\n        int x = 1;\n        x = 2;\n        return x;\n    }\n",
    ),
    (
        "    private int n;\n    static int f() {\n        return n;\n    }\n",
        (6, "non-static variable n cannot be referenced from a static context", 15),
        "    private int n;\n    int f() {\n        return n;\n    }\n",
    ),
    (
        "    @Override\n    public String toSting() {\n        return \"\";\n    }\n",
        (4, "method does not override or implement a method from a supertype", 4),
        "    @Override\n    public String toString() {\n        return \"\";\n    }\n",
    ),
];

#[test]
fn javac_names_cures() {
    let class = |body: &str| format!("package p;\n\npublic class A {{\n{body}}}\n");
    let said = |line: u32, what: &str, column: usize| {
        let (first, rest) = what.split_once('\n').unwrap_or((what, ""));
        format!("A.java:{line}: error: {first}\n   code\n{}^\n{rest}", " ".repeat(column))
    };
    for (old, (line, what, column), new) in JAVA {
        check("src/p/A.java", &class(old), &said(*line, what, *column), &class(new));
    }
    check(
        "A.java",
        "package p;\n\npublic class A {\n    List<String> x;\n}\n",
        "A.java:4: error: cannot find symbol\n    List<String> x;\n    ^\n  symbol:   class List\n  location: class A\n1 error\n",
        "package p;\n\nimport java.util.List;\n\npublic class A {\n    List<String> x;\n}\n",
    );
    check(
        "A.java",
        "package p;\n\nimport java.utl.List;\n\npublic class A {\n    List<String> x;\n}\n",
        "A.java:3: error: package java.utl does not exist\nimport java.utl.List;\n               ^\n1 error\n",
        "package p;\n\nimport java.util.List;\n\npublic class A {\n    List<String> x;\n}\n",
    );
    let two = [
        source("src/main/java/p/A.java", "package p;\n\npublic class A {\n    B b;\n}\n"),
        source("src/main/java/q/B.java", "package q;\n\npublic class B {\n}\n"),
    ];
    check_in(
        &two,
        "[ERROR] /project/src/main/java/p/A.java:[4,5] cannot find symbol\n[ERROR]   symbol:   class B\n[ERROR]   location: class p.A\n",
        &[],
        "src/main/java/p/A.java",
        "package p;\n\nimport q.B;\n\npublic class A {\n    B b;\n}\n",
    );
}

#[test]
fn node_names_cures() {
    let stack = |what: &str, line: u32, column: u32| {
        format!(
            "{what}\n    at f (/project/a.js:{line}:{column})\n    at Module._compile (node:internal/modules/cjs/loader:1:2)\n"
        )
    };
    for (old, message, new) in [
        (
            "const fs = require('fs');\n\nfs.x(path.join('a', 'b'));\n",
            stack("ReferenceError: path is not defined", 3, 6),
            "const fs = require('fs');\nconst path = require('path');\n\nfs.x(path.join('a', 'b'));\n",
        ),
        (
            "// A file.\nexports.f = () => readFileSync('a');\n",
            stack("readFileSync is not defined", 2, 19),
            "// A file.\nconst { readFileSync } = require('fs');\nexports.f = () => readFileSync('a');\n",
        ),
        (
            "import fs from 'node:fs';\nexport const f = () => fs.x(os.tmpdir());\n",
            stack("ReferenceError: os is not defined", 2, 29),
            "import fs from 'node:fs';\nimport os from 'node:os';\nexport const f = () => fs.x(os.tmpdir());\n",
        ),
        (
            "exports.f = (length) => lenght + 1;\n",
            stack("ReferenceError: lenght is not defined", 1, 25),
            "exports.f = (length) => length + 1;\n",
        ),
        ("exports.f = (s) => s.trimm();\n", stack("TypeError: s.trimm is not a function", 1, 22), "exports.f = (s) => s.trim();\n"),
        (
            "exports.f = () => {\n  const a = 1;\n  a = 2;\n  return a;\n};\n",
            stack("TypeError: Assignment to constant variable.", 3, 5),
            "exports.f = () => {\n  let a = 1;\n  a = 2;\n  return a;\n};\n",
        ),
        (
            "function f() {\n  return await g();\n}\n",
            "/project/a.js:2\n  return await g();\n         ^^^^^\n\nSyntaxError: await is only valid in async functions and the top level bodies of modules\n".to_owned(),
            "async function f() {\n  return await g();\n}\n",
        ),
        (
            "class A {}\nexports.f = () => A();\n",
            stack("TypeError: Class constructor A cannot be invoked without 'new'", 2, 19),
            "class A {}\nexports.f = () => new A();\n",
        ),
        (
            "function f() {}\nfunction g() {}\nmodule.exports = { f };\n",
            "TypeError: g is not a function\n    at Object.<anonymous> (/project/test.js:1:2)\n".to_owned(),
            "function f() {}\nfunction g() {}\nmodule.exports = { f, g };\n",
        ),
    ] {
        check("a.js", old, &message, new);
    }
}

#[test]
fn node_names_modules() {
    let two = [
        source("lib/a.mjs", "import { total } from './sum.mjs';\nexport const f = () => total(1);\n"),
        source("lib/sum.mjs", "export function totall(a) {\n  return a;\n}\n"),
        source("lib/util.mjs", "function helper() {}\nexport { helper };\n"),
    ];
    let message = "file:///project/lib/a.mjs:1\nimport { total } from './sum.mjs';\n         ^^^^^\nSyntaxError: The requested module './sum.mjs' does not provide an export named 'total'\n";
    check_in(&two, message, &[], "lib/sum.mjs", "export function total(a) {\n  return a;\n}\n");
    check_in(
        &two,
        "ReferenceError: helper is not defined",
        &[("lib/a.mjs", 2)],
        "lib/a.mjs",
        "import { total } from './sum.mjs';\nimport { helper } from './util.mjs';\nexport const f = () => total(1);\n",
    );
    let renamed = [
        source("lib/a.js", "const b = require('./helper');\n"),
        source("lib/helpers.js", "exports.x = 1;\n"),
    ];
    check_in(
        &renamed,
        "Error: Cannot find module './helper'\nRequire stack:\n- /project/lib/a.js\n- /project/test.js\n",
        &[],
        "lib/a.js",
        "const b = require('./helpers');\n",
    );
}

#[test]
fn the_compiler_of_typescript_names_cures() {
    check(
        "src/a.ts",
        "export function f(length: number) {\n  return lenght;\n}\n",
        "src/a.ts(2,10): error TS2552: Cannot find name 'lenght'. Did you mean 'length'?\n",
        "export function f(length: number) {\n  return length;\n}\n",
    );
    check(
        "src/a.ts",
        "export const f = (s: string) => s.toUpercase();\n",
        "src/a.ts:1:35 - error TS2551: Property 'toUpercase' does not exist on type 'string'. Did you mean 'toUpperCase'?\n",
        "export const f = (s: string) => s.toUpperCase();\n",
    );
    let two = [
        source("src/a.ts", "import { Shape } from './shapes';\nexport const f = (s: Shape) => s;\n"),
        source("src/shapes.ts", "interface Shape {\n  a: number;\n}\nclass Shape {}\n"),
    ];
    check_in(
        &two,
        "src/a.ts(1,10): error TS2459: Module '\"./shapes\"' has no exported member 'Shape'.\n",
        &[],
        "src/shapes.ts",
        "interface Shape {\n  a: number;\n}\nexport class Shape {}\n",
    );
}

#[test]
fn rustc_suggests_changes() {
    let old = "pub fn f() -> HashMap<i32, i32> {\n    let x = 1\n    HashMap::new()\n}\n";
    let part = |from, to, new: &str| Part { file: "src/lib.rs".to_owned(), from, to, new: new.to_owned() };
    let import =
        Suggestion { sure: false, parts: vec![part((1, 1), (1, 1), "use std::collections::HashMap;\n\n")] };
    let semicolon = Suggestion { sure: true, parts: vec![part((2, 14), (2, 14), ";")] };
    let unused = Suggestion { sure: true, parts: vec![part((2, 9), (2, 10), "_x")] };
    let elsewhere = Suggestion {
        sure: true,
        parts: vec![Part { file: "/rustc/lib.rs".to_owned(), ..part((9, 9), (9, 9), "x") }],
    };
    let mut message = "error: expected `;`\n --> src/lib.rs:2:14\n".to_owned();
    suggestions::add(&mut message, vec![import.clone(), semicolon.clone(), unused, elsewhere, import]);
    assert_eq!(suggestions::read(&message).len(), 4);
    check("src/lib.rs", old, &message, &old.replace("= 1\n", "= 1;\n"));
    check("src/lib.rs", old, &message, &format!("use std::collections::HashMap;\n\n{old}"));
    check("src/lib.rs", old, &message, &old.replace("x = 1\n", "_x = 1;\n"));
    // What a suggestion names may be gone, or never have been there.
    let wild = Suggestion { sure: true, parts: vec![part((99, 1), (4, 1), "x")] };
    let mut message = String::new();
    suggestions::add(&mut message, vec![wild]);
    assert!(answers(&[source("src/lib.rs", old)], &message, &[]).is_empty());
    assert!(suggestions::read("suggestion: {\"sure\":1}\nsuggestion: [").is_empty());
}

#[test]
fn rustc_names_cures() {
    let two = [
        source("src/lib.rs", "mod shape;\n\npub fn f() -> i32 {\n    area(2)\n}\n"),
        source("src/shapes.rs", "pub fn area(a: i32) -> i32 {\n    a * a\n}\n"),
    ];
    check_in(
        &two,
        "error[E0583]: file not found for module `shape`\n --> src/lib.rs:1:1\n",
        &[],
        "src/lib.rs",
        "mod shapes;\n\npub fn f() -> i32 {\n    area(2)\n}\n",
    );
    check_in(
        &two,
        "error[E0425]: cannot find function `area` in this scope\n --> src/lib.rs:4:5\n",
        &[],
        "src/lib.rs",
        "use crate::shapes::area;\nmod shape;\n\npub fn f() -> i32 {\n    area(2)\n}\n",
    );
}

#[test]
fn tests_in_product_files_are_left_alone() {
    let old = "pub fn f() -> i32 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        let value = super::f();\n        assert_eq!(valeu, 1);\n    }\n}\n";
    let message = "error[E0425]: cannot find value `valeu` in this scope\n --> src/lib.rs:10:20\n";
    assert!(answers(&[source("src/lib.rs", old)], message, &[]).is_empty());
}

use super::*;

fn sources(paths: &[&str]) -> Vec<Source> {
    paths.iter().map(|path| Source { path: (*path).to_owned(), text: String::new() }).collect()
}

#[track_caller]
fn check(message: &str, paths: &[&str], expected: &[(&str, u32, u32, &str)]) {
    let sources = sources(paths);
    let found = read(message, &sources);
    let told: Vec<(&str, u32, u32, &str)> = found
        .iter()
        .map(|note| (sources[note.source].path.as_str(), note.line, note.column, note.said))
        .collect();
    assert_eq!(told, expected, "{message}");
}

#[test]
fn every_tool_writes_places_in_its_own_way() {
    check(
        "# ex\nvet: ./a.go:6:14: undeclared name: lenght\n# ex\n./a.go:2:9: imported and not used: \"os\"\n",
        &["a.go"],
        &[("a.go", 6, 14, "undeclared name: lenght"), ("a.go", 2, 9, "imported and not used: \"os\"")],
    );
    check(
        "src/A.java:5: error: ';' expected\n        int lenght = a\n                      ^\n1 error\n",
        &["src/A.java"],
        &[("src/A.java", 5, 23, "';' expected")],
    );
    check(
        "[ERROR] /project/src/main/java/p/A.java:[12,9] cannot find symbol\n[ERROR]   symbol: class B\n",
        &["src/main/java/p/A.java", "A.java"],
        &[("src/main/java/p/A.java", 12, 9, "cannot find symbol")],
    );
    check(
        "src/x.ts(12,5): error TS2304: Cannot find name 'foo'.\nsrc/x.ts:1:2 - error TS1005: ';' expected.\n",
        &["src/x.ts"],
        &[
            ("src/x.ts", 12, 5, "TS2304: Cannot find name 'foo'."),
            ("src/x.ts", 1, 2, "TS1005: ';' expected."),
        ],
    );
    check(
        "error[E0425]: cannot find value `x` in this scope\n --> src/lib.rs:3:59\n  |\n1 | pub\n  ::: src/lib.rs:1:1\n",
        &["src/lib.rs"],
        &[("src/lib.rs", 3, 59, "error[E0425]: cannot find value `x` in this scope")],
    );
    check(
        "/project/a.js:1\nfunction f(a {\n             ^\n\nSyntaxError: Unexpected token '{'\n    at wrapSafe (node:internal:1:2)\n",
        &["a.js"],
        &[("a.js", 1, 14, "SyntaxError: Unexpected token '{'")],
    );
    check(
        "SyntaxError: /project/lib/a.js: Unexpected token (3:5)\n",
        &["a.js", "lib/a.js"],
        &[("lib/a.js", 3, 5, "Unexpected token")],
    );
}

#[test]
fn what_names_no_source_is_no_note() {
    check("", &["a.go"], &[]);
    check("b.go:1:2: undefined: x\nsee a.go for more\n", &["a.go"], &[]);
    check("\u{1f980}a.go:\u{1f980}\na.go:99999999999: x\n", &["a.go"], &[]);
}

use super::*;

/// Where the right answer stands among the answers to a compiler's message, from 0.
fn place(path: &str, old: &str, message: &str, new: &str) -> Result<usize, String> {
    let source = [Source { path: path.to_owned(), text: old.to_owned() }];
    let complaint = Complaint::of_message(message, &source, None).ok_or("not understood")?;
    let found = answers(old, &complaint).unwrap_or_default();
    let texts: Vec<String> = found.iter().filter_map(|fix| splice(old, &fix.splices)).collect();
    texts.iter().position(|text| text == new).ok_or(format!("not in {:#?}", &texts[..texts.len().min(12)]))
}

/// The right answer comes soon: a build costs a second.
#[track_caller]
fn check(path: &str, cases: &[(&str, &str, &str)]) {
    let mut late = Vec::new();
    for (old, message, new) in cases {
        match place(path, old, message, new) {
            Ok(rank) if rank < 16 => {}
            Ok(rank) => late.push(format!("{new:?} is only number {rank}")),
            Err(why) => late.push(format!("{message}: {new:?} {why}")),
        }
    }
    assert!(late.is_empty(), "{}", late.join("\n"));
}

#[test]
fn slips_of_rust_are_answered() {
    check(
        "src/lib.rs",
        &[
            (
                "pub fn f(a: i32) -> i32 {\n    if a > 1 {\n        return 1;\n    a\n}\n",
                "error: this file contains an unclosed delimiter\n --> src/lib.rs:5:3\n",
                "pub fn f(a: i32) -> i32 {\n    if a > 1 {\n        return 1;\n    }\n    a\n}\n",
            ),
            (
                "pub fn f(a: i32) -> i32 {\n    let x = a + 1\n    x\n}\n",
                "CompileError: error: expected `;`, found `x`\n --> src/lib.rs:2:18\n  |\n",
                "pub fn f(a: i32) -> i32 {\n    let x = a + 1;\n    x\n}\n",
            ),
            (
                "pub fn f(a: i32) -> i32 {\n    retrun a;\n}\n",
                "error: expected one of `!`, `.`, found `a`\n --> src/lib.rs:2:12\n",
                "pub fn f(a: i32) -> i32 {\n    return a;\n}\n",
            ),
            (
                "pub fn f(a: i32 -> i32 {\n    a\n}\n",
                "error: expected one of `)`, `+`, or `,`, found `->`\n --> src/lib.rs:1:17\n",
                "pub fn f(a: i32) -> i32 {\n    a\n}\n",
            ),
            (
                "pub fn f() -> String {\n    let s = \"abc;\n    s.to_owned()\n}\n",
                "error[E0765]: unterminated double quote string\n --> src/lib.rs:2:13\n",
                "pub fn f() -> String {\n    let s = \"abc\";\n    s.to_owned()\n}\n",
            ),
            (
                "pub fnc f<'a>(a: &'a str) -> &'a str {\n    a\n}\n",
                "error: expected one of `!` or `::`, found `f`\n --> src/lib.rs:1:9\n",
                "pub fn f<'a>(a: &'a str) -> &'a str {\n    a\n}\n",
            ),
            (
                "pub fn f(a: i32) -> i32 {\n    match a {\n        1 -> 2,\n        _ => 3,\n    }\n}\n",
                "error: expected one of `=>`, `if`, or `|`, found `->`\n --> src/lib.rs:3:11\n",
                "pub fn f(a: i32) -> i32 {\n    match a {\n        1 => 2,\n        _ => 3,\n    }\n}\n",
            ),
            (
                "pub fn f(a: i32) -> i32 {\n    a\n}\n}\n",
                "error: unexpected closing delimiter: `}`\n --> src/lib.rs:4:1\n",
                "pub fn f(a: i32) -> i32 {\n    a\n}\n",
            ),
        ],
    );
}

#[test]
fn slips_of_scripts_are_answered() {
    let said = |line: u32, what: &str| {
        format!("/project/a.js:{line}\nx\n^\n\nSyntaxError: {what}\n    at x (node:1:2)\n")
    };
    let cases = [
        (
            "function f(a {\n  return a;\n}\n",
            said(1, "Unexpected token '{'"),
            "function f(a) {\n  return a;\n}\n",
        ),
        (
            "function f(a) {\n  if (a) {\n    return a;\n}\n",
            said(5, "Unexpected end of input"),
            "function f(a) {\n  if (a) {\n    return a;\n  }\n}\n",
        ),
        ("const x = [1, 2;\n", said(1, "Unexpected token ';'"), "const x = [1, 2];\n"),
        ("const s = 'abc;\n", said(1, "Invalid or unexpected token"), "const s = 'abc';\n"),
        (
            "fucntion f(a) {\n  return a;\n}\n",
            said(1, "Unexpected identifier 'f'"),
            "function f(a) {\n  return a;\n}\n",
        ),
        ("const x = {a: 1 b: 2};\n", said(1, "Unexpected identifier 'b'"), "const x = {a: 1, b: 2};\n"),
        ("if a > 1 {\n  f();\n}\n", said(1, "Unexpected identifier 'a'"), "if (a > 1) {\n  f();\n}\n"),
        (
            "if (a) {\n  f();\n} esle {\n  g();\n}\n",
            said(3, "Unexpected identifier 'esle'"),
            "if (a) {\n  f();\n} else {\n  g();\n}\n",
        ),
        ("f(1, 2));\n", said(1, "Unexpected token ')'"), "f(1, 2);\n"),
        (
            "const f = (a) -> a;\n",
            said(1, "Malformed arrow function parameter list"),
            "const f = (a) => a;\n",
        ),
        (
            "class A {\n  f() {\n    return 1;\n  }\n\n  g() {\n    return 2;\n\n  h() {\n    return 3;\n  }\n}\n",
            said(9, "Unexpected token '{'"),
            "class A {\n  f() {\n    return 1;\n  }\n\n  g() {\n    return 2;\n  }\n\n  h() {\n    return 3;\n  }\n}\n",
        ),
    ];
    let cases: Vec<_> = cases.iter().map(|(old, message, new)| (*old, message.as_str(), *new)).collect();
    check("a.js", &cases);
    check(
        "src/a.ts",
        &[
            (
                "export function f(a: number: number {\n  return a;\n}\n",
                "src/a.ts(1,28): error TS1005: ',' expected.\n",
                "export function f(a: number): number {\n  return a;\n}\n",
            ),
            (
                "export const a = [1, 2;\n",
                "src/a.ts:1:23 - error TS1005: ']' expected.\n",
                "export const a = [1, 2];\n",
            ),
        ],
    );
}

#[test]
fn slips_of_go_are_answered() {
    check(
        "a.go",
        &[
            (
                "package ex\n\nfunc F(a int) int {\n\tif a > 1 {\n\t\treturn 1\n\treturn 2\n}\n",
                "# ex\n./a.go:8:1: syntax error: unexpected EOF, expecting }\n",
                "package ex\n\nfunc F(a int) int {\n\tif a > 1 {\n\t\treturn 1\n\t}\n\treturn 2\n}\n",
            ),
            (
                "package ex\n\nfucn F(a int) int {\n\treturn a\n}\n",
                "./a.go:3:1: syntax error: non-declaration statement outside function body\n",
                "package ex\n\nfunc F(a int) int {\n\treturn a\n}\n",
            ),
            (
                "package ex\n\nfunc F(a int) int\n\tx := a + 1\n\treturn x\n}\n",
                "./a.go:4:2: syntax error: non-declaration statement outside function body\n",
                "package ex\n\nfunc F(a int) int {\n\tx := a + 1\n\treturn x\n}\n",
            ),
            (
                "package ex\n\nvar s = \"abc\n",
                "./a.go:3:9: newline in string\n",
                "package ex\n\nvar s = \"abc\"\n",
            ),
            (
                "package ex\n\nfunc F(a int) int {\n\tfor i := 0; i < 3; i++\n\t{\n\t\ta += i\n\t}\n\treturn a\n}\n",
                "./a.go:4:24: syntax error: unexpected newline, expecting { after for clause\n",
                "package ex\n\nfunc F(a int) int {\n\tfor i := 0; i < 3; i++ {\n\t\ta += i\n\t}\n\treturn a\n}\n",
            ),
            (
                "package ex\n\nfunc F(a int) int {\n\twhile a > 1 {\n\t\ta--\n\t}\n\treturn a\n}\n",
                "./a.go:4:8: syntax error: unexpected a at end of statement\n",
                "package ex\n\nfunc F(a int) int {\n\tfor a > 1 {\n\t\ta--\n\t}\n\treturn a\n}\n",
            ),
        ],
    );
}

#[test]
fn slips_of_java_are_answered() {
    let class = |body: &str| format!("public class A {{\n    int f(int a) {{\n{body}    }}\n}}\n");
    let said =
        |line: u32, what: &str| format!("A.java:{line}: error: {what}\n        x\n        ^\n1 error\n");
    let cases = [
        (
            class("        int b = a\n        return b;\n"),
            said(3, "';' expected"),
            class("        int b = a;\n        return b;\n"),
        ),
        (
            class("        if (a > 1 {\n            return 2;\n        }\n        return a;\n"),
            said(3, "')' expected"),
            class("        if (a > 1) {\n            return 2;\n        }\n        return a;\n"),
        ),
        (
            class("        String s = \"abc;\n        return a;\n"),
            said(3, "unclosed string literal"),
            class("        String s = \"abc\";\n        return a;\n"),
        ),
        (
            class("        for (int i = 0, i < 3; i++) {\n        }\n        return a;\n"),
            said(3, "';' expected"),
            class("        for (int i = 0; i < 3; i++) {\n        }\n        return a;\n"),
        ),
        (
            class("        if (a > 1) {\n            return 2;\n        return a;\n"),
            said(8, "reached end of file while parsing"),
            class("        if (a > 1) {\n            return 2;\n        }\n        return a;\n"),
        ),
        (class("        retrun a;\n"), said(3, "not a statement"), class("        return a;\n")),
        (
            "pubic class A {\n}\n".to_owned(),
            said(1, "class, interface, enum, or record expected"),
            "public class A {\n}\n".to_owned(),
        ),
    ];
    let cases: Vec<_> =
        cases.iter().map(|(old, message, new)| (old.as_str(), message.as_str(), new.as_str())).collect();
    check("A.java", &cases);
}

#[test]
fn conflicts_are_settled_in_every_language() {
    let conflict = |ours: &str, base: Option<&str>, theirs: &str| {
        let base = base.map_or(String::new(), |base| format!("||||||| base\n{base}"));
        format!("<<<<<<< HEAD\n{ours}{base}=======\n{theirs}>>>>>>> topic\n")
    };
    let go = |body: &str| format!("package ex\n\n{body}");
    let message = "./a.go:3:1: syntax error: non-declaration statement outside function body\n";
    let rank = |old: &str, new: &str| place("a.go", &go(old), message, &go(new)).unwrap();
    let (one, two, three) = ("var a = 1\n", "var a = 2\n", "var b = 3\n");
    assert_eq!(rank(&conflict(one, None, one), one), 0);
    assert_eq!(rank(&conflict(one, Some(one), two), two), 0);
    assert_eq!(rank(&conflict(two, Some(one), one), two), 0);
    assert_eq!(rank(&conflict("", None, two), two), 0);
    assert!(rank(&conflict(one, None, two), two) < 2);
    assert!(rank(&conflict(one, None, three), &format!("{one}{three}")) < 3);
    // Two of them, each settled in its own way.
    let both = format!("{}var c = 0\n{}", conflict(one, None, two), conflict(three, None, "var d = 4\n"));
    assert!(rank(&both, &format!("{one}var c = 0\nvar d = 4\n")) < 6);
    assert!(rank(&both, &format!("{two}var c = 0\n{three}var d = 4\n")) < 12);
}

#[test]
fn of_many_conflicts_the_likeliest_ways_are_tried() {
    let one = "<<<<<<< HEAD\nvar a = 1\n=======\nvar a = 2\n>>>>>>> topic\n";
    let old = format!("package ex\n{}", one.repeat(300));
    let message = "./a.go:2:1: syntax error: non-declaration statement outside function body\n";
    assert_eq!(place("a.go", &old, message, &format!("package ex\n{}", "var a = 1\n".repeat(300))), Ok(0));
    assert!(
        place("a.go", &old, message, &format!("package ex\n{}", "var a = 2\n".repeat(300))).unwrap() < 200
    );
    assert_eq!(conflicts::count(&old), 300);
    assert_eq!(conflicts::count("<<<<<<< HEAD\na\n=======\nb\n"), 0);
}

#[test]
fn tests_within_a_product_file_are_left_alone() {
    let old = "pub fn f() -> i32 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n        assert_eq!(f(), 1;\n    }\n}\n";
    let source = [Source { path: "src/lib.rs".to_owned(), text: old.to_owned() }];
    let message = "error: expected one of `)`, `,`, found `;`\n --> src/lib.rs:9:26\n";
    let complaint = Complaint::of_message(message, &source, None).unwrap();
    let from = old.find("mod tests").unwrap();
    for fix in answers(old, &complaint).unwrap() {
        assert!(
            fix.splices.iter().all(|splice| splice.range.end < from || splice.range.start > old.len() - 2),
            "{fix:?}"
        );
    }
}

#[test]
fn what_is_about_types_is_no_complaint() {
    let sources = ["src/lib.rs", "a.go", "A.java", "a.js", "a.ts"]
        .map(|path| Source { path: path.to_owned(), text: String::new() });
    for message in [
        "error[E0425]: cannot find value `x` in this scope\n --> src/lib.rs:3:5\n",
        "error: unused variable: `x`\n --> src/lib.rs:3:5\n",
        "./a.go:3:9: undefined: b\n",
        "A.java:6: error: incompatible types: possible lossy conversion from long to int\n",
        "/project/a.js:1\nfoo\n^\n\nReferenceError: foo is not defined\n",
        "file:///project/a.js:1\nimport\n^\nSyntaxError: The requested module './b.mjs' does not provide an export named 'foo'\n",
        "a.ts(12,5): error TS2304: Cannot find name 'foo'.\n",
    ] {
        assert_eq!(Complaint::of_message(message, &sources, None), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_text_can_be_answered(
        text in "[a-c(){}\\[\\];=,.'\"`/*<>|# \t\nfnreturif\u{201c}é]{0,100}",
        row in 0_usize..6,
        which in 0_usize..5,
    ) {
        let path = ["a.rs", "a.js", "a.ts", "a.go", "A.java"][which].to_owned();
        let complaint = Complaint { path, row, header: None, said: "syntax error".to_owned() };
        for fix in answers(&text, &complaint).unwrap_or_default() {
            let new = splice(&text, &fix.splices);
            prop_assert!(new.is_some_and(|new| new != text), "{fix:?}");
        }
    }
}

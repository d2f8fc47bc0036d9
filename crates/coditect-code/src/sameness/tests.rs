//! Tests of what is the same code.

use super::where_code_differs;
use crate::languages::Language;

const PYTHON: &str =
    "import os\n\n\ndef total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n";

#[test]
fn documents_are_no_code() {
    for after in [
        "\"\"\"Sums.\"\"\"\n\nimport os\n\n\ndef total(xs):\n    \"\"\"The sum.\n\n    Of all.\n    \"\"\"\n    # Begin at nothing.\n    s = 0\n    for x in xs:\n        s += x  # one more\n    return s\n",
        "import os\n\ndef total(xs):\n    s = 0\n    for x in xs:\n\n        s += x\n    return s\n",
        PYTHON,
    ] {
        assert_eq!(where_code_differs(Language::Python, PYTHON, after), None, "{after}");
    }
    let rust = "pub fn a(x: u8) -> u8 {\n    x + 1\n}\n";
    let told = "//! What it is.\n\n/// Adds.\n///\n/// # Errors\npub fn a(x: u8) -> u8 {\n    // One.\n    x /* here */ + 1\n}\n";
    assert_eq!(where_code_differs(Language::Rust, rust, told), None);
    let go = "package a\n\nfunc A(x int) int {\n\treturn x + 1\n}\n";
    let told =
        "// Package a adds.\npackage a\n\n// A adds.\nfunc A(x int) int {\n\t// One.\n\treturn x + 1\n}\n";
    assert_eq!(where_code_differs(Language::Go, go, told), None);
    let script = "function a(x) {\n  return x + 1;\n}\n";
    let told = "/**\n * Adds.\n * @param {number} x\n */\nfunction a(x) {\n  return x + 1; // one\n}\n";
    assert_eq!(where_code_differs(Language::JavaScript, script, told), None);
    let java = "class A {\n  int a(int x) { return x + 1; }\n}\n";
    let told = "/** Adds. */\nclass A {\n  /** One more. */\n  int a(int x) { return x + 1; }\n}\n";
    assert_eq!(where_code_differs(Language::Java, java, told), None);
}

#[test]
fn code_is_code() {
    for (after, line) in [
        // Out of the loop: the same tokens.
        ("import os\n\n\ndef total(xs):\n    s = 0\n    for x in xs:\n        s += x\n        return s\n", 8),
        ("import os\n\n\ndef total(xs):\n    s = 1\n    for x in xs:\n        s += x\n    return s\n", 5),
        (
            "import os\n\n\ndef total(xs):\n    s = 0\n    \"\"\"No documentation.\"\"\"\n    for x in xs:\n        s += x\n    return s\n",
            6,
        ),
        (
            "import os\nimport sys\n\n\ndef total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n",
            2,
        ),
        (
            "# type: ignore\nimport os\n\n\ndef total(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n",
            1,
        ),
        ("import os\n\n\ndef total(xs)\n    return 0\n", 1),
        ("import os\n", 2),
    ] {
        assert_eq!(where_code_differs(Language::Python, PYTHON, after), Some(line), "{after}");
    }
    let text = "def a():\n    \"\"\"A.\"\"\"\n    return f\"{1}  {2}\"\n";
    let other = "def a():\n    \"\"\"B.\"\"\"\n    return f\"{1} {2}\"\n";
    assert_eq!(where_code_differs(Language::Python, text, other), Some(3));
    // One that is computed is code.
    let text = "def a():\n    f\"{b()}\"\n";
    assert!(where_code_differs(Language::Python, "def a():\n    pass\n", text).is_some());
}

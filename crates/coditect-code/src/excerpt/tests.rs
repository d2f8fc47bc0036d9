#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use super::*;

/// A long file of functions, of which `wanted` calls `helper`.
fn long() -> String {
    let mut text =
        "\"\"\"Numbers.\"\"\"\nimport os\nfrom math import sqrt\n\nTABLE = [1, 2]\n\n\n".to_owned();
    text.push_str(
        "def helper(x):\n    a = 1\n    b = 2\n    c = 3\n    d = 4\n    return a + b + c + d + x\n\n\n",
    );
    text.push_str("class Kept:\n    @property\n    def wanted(self):\n        # TODO\n        raise NotImplementedError\n\n");
    for n in 0..80 {
        text.push_str(&format!("    def method_{n}(self, x):\n        \"\"\"Does {n}.\"\"\"\n"));
        text.push_str(
            "        y = x + 1\n        y += 2\n        y += 3\n        y += 4\n        return y\n\n",
        );
    }
    text.push_str("\ndef wanted_too(x):\n    return helper(x) - 1\n");
    text
}

fn shown(text: &str, names: &[&str]) -> Option<String> {
    excerpt("a.py", text, &|function| names.contains(&function.name))
}

#[test]
fn what_matters_and_what_it_calls_is_whole_and_the_rest_has_its_head() {
    let text = long();
    let shown = shown(&text, &["wanted_too"]).unwrap();
    assert!(shown.len() * 2 < text.len(), "{shown}");
    assert!(
        shown.starts_with("\"\"\"Numbers.\"\"\"\nimport os\nfrom math import sqrt\n\nTABLE = [1, 2]\n"),
        "{shown}"
    );
    assert!(shown.contains("    d = 4\n    return a + b + c + d + x\n"), "what it calls");
    assert!(shown.contains("def wanted_too(x):\n    return helper(x) - 1\n"));
    assert!(shown.contains("    def method_7(self, x):\n        ...\n\n    def method_8("), "{shown}");
    assert!(shown.contains("# TODO\n        raise NotImplementedError\n"), "short ones stay");
    // It is still Python.
    let tree = Language::of_path("a.py").unwrap().syntax().unwrap().parse(&shown).unwrap();
    assert!(!tree.root_node().has_error());
}

#[test]
fn a_file_of_which_nothing_matters_or_all_does_is_whole() {
    let text = long();
    assert_eq!(shown(&text, &["nobody"]), None);
    assert_eq!(excerpt("a.py", &text, &|_| true), None);
    assert_eq!(shown("def f():\n    pass\n", &["f"]), None);
    assert_eq!(excerpt("a.unknown", &text, &|_| true), None);
}

#[test]
fn languages_with_braces_stay_what_they_are() {
    let mut text = String::from("use std::fmt;\n\nfn wanted(x: u8) -> u8 {\n    x\n}\n");
    for n in 0..80 {
        text.push_str(&format!("\nfn other_{n}(x: u8) -> u8 {{\n    let a = x;\n    let b = a;\n    let c = b;\n    let d = c;\n    d + {n}\n}}\n"));
    }
    let shown = excerpt("a.rs", &text, &|function| function.name == "wanted").unwrap();
    assert!(shown.contains("fn wanted(x: u8) -> u8 {\n    x\n}\n"), "{shown}");
    assert!(shown.contains("fn other_3(x: u8) -> u8 { ... }\n"), "{shown}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_taken_without_harm(more in "[ a-zäß():{}'\"@#\\t\\r\\n]{0,200}", ending in "py|rs|js|go|java|ts") {
        let text = format!("{}{more}", long());
        if let Some(shown) = excerpt(&format!("a.{ending}"), &text, &|function| function.name == "wanted") {
            proptest::prop_assert!(shown.len() < text.len());
        }
    }
}

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use super::*;

/// How a change of a text is told.
fn told(old: &str, new: &str) -> Vec<String> {
    let path: Arc<str> = Arc::from("m.py");
    differences(&path, old, new).iter().map(|edit| place(old, edit).to_string()).collect()
}

#[test]
fn edits_are_told_in_whole_words() {
    for (old, new, says) in [
        ("dfe f():\n", "def f():\n", "`dfe` became `def` in `m.py` line 1"),
        ("x = hightght\n", "x = hight\n", "`hightght` became `hight` in `m.py` line 1"),
        ("retun x\n", "return x\n", "`retun` became `return` in `m.py` line 1"),
        ("if a < b:\n", "if a <= b:\n", "`<` became `<=` in `m.py` line 1"),
        ("x = f(1\n", "x = f(1)\n", "`)` was added in `m.py` line 1"),
        ("x = f(a)\n", "x = f(self, a)\n", "`self,` was added in `m.py` line 1"),
        ("x = a + b\n", "x = a - b\n", "`+` became `-` in `m.py` line 1"),
    ] {
        assert_eq!(told(old, new), [says], "{old}");
    }
}

#[test]
fn a_first_line_belongs_to_its_own_function() {
    let old = "class A:\n    def add(self):\n        pass\n\n    async def spend(self)\n        return 1\n";
    let new = old.replace("spend(self)", "spend(self):").replace("return 1", "return 2");
    assert_eq!(
        told(old, &new),
        [
            "`:` was added in `m.py` line 5, function `spend`",
            "`1` became `2` in `m.py` line 6, function `spend`"
        ]
    );
    assert_eq!(defined_on("\u{feff}def f(a, b)"), Some("f"));
    assert_eq!(defined_on("definition = 1"), None);
}

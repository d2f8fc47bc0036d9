//! Tests of renaming.

use super::{File, Why, rename};

fn renamed(files: &[(&str, &str)], from: &str, to: &str) -> Result<Vec<(String, String)>, Why> {
    let files: Vec<File<'_>> = files.iter().map(|(path, text)| File { path, text }).collect();
    let found = rename(&files, from, to)?;
    Ok(found.into_iter().map(|file| (file.moved.unwrap_or(file.path), file.text)).collect())
}

#[test]
fn a_function_of_python_and_all_that_names_it() {
    let files = [
        (
            "shop/cart.py",
            "\"\"\"Carts; `total` sums one up.\"\"\"\n\n__all__ = [\"total\", \"other\"]\n\n\ndef total(cart):\n    # total() is the sum, in total.\n    return sum(cart)\n\n\ndef other(cart):\n    return total(cart) + add(total=1)\n",
        ),
        (
            "shop/view.py",
            "from shop import cart\nfrom shop.cart import total\n\nprint(cart.total([1]), getattr(cart, \"total\"))\n",
        ),
        (
            "tests/test_cart.py",
            "from unittest import mock\n\nfrom shop.cart import total\n\n\ndef test_total():\n    with mock.patch(\"shop.cart.total\"):\n        assert total([1, 2]) == 3, \"total\"\n",
        ),
        ("README.md", "Call `total` or total([1]) for the total.\n"),
        ("other.py", "x = 1\n"),
    ];
    let found = renamed(&files, "total", "sum_of").unwrap();
    let expected = [
        (
            "shop/cart.py",
            "\"\"\"Carts; `sum_of` sums one up.\"\"\"\n\n__all__ = [\"sum_of\", \"other\"]\n\n\ndef sum_of(cart):\n    # sum_of() is the sum, in total.\n    return sum(cart)\n\n\ndef other(cart):\n    return sum_of(cart) + add(total=1)\n",
        ),
        (
            "shop/view.py",
            "from shop import cart\nfrom shop.cart import sum_of\n\nprint(cart.sum_of([1]), getattr(cart, \"sum_of\"))\n",
        ),
        (
            "tests/test_cart.py",
            "from unittest import mock\n\nfrom shop.cart import sum_of\n\n\ndef test_total():\n    with mock.patch(\"shop.cart.sum_of\"):\n        assert sum_of([1, 2]) == 3, \"total\"\n",
        ),
        ("README.md", "Call `sum_of` or sum_of([1]) for the total.\n"),
    ];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn what_is_not_one_thing_is_left_alone() {
    let place = |why: Result<Vec<(String, String)>, Why>| why.unwrap_err().told("total", "sum_of");
    let method = "class A:\n    def total(self):\n        return 1\n\n\nclass B:\n    def total(self):\n        return 2\n";
    assert_eq!(
        place(renamed(&[("a.py", method)], "total", "sum_of")),
        "more than one thing is called `total` (a.py line 2, a.py line 7), and which is meant only a person can say"
    );
    let local = "def total(xs):\n    return sum(xs)\n\n\ndef mean(xs):\n    total = sum(xs)\n    return total / len(xs)\n";
    assert!(place(renamed(&[("a.py", local)], "total", "sum_of")).starts_with("more than one thing"));
    let taken = "def total(xs):\n    return sum(xs)\n\n\ndef sum_of(xs):\n    return total(xs)\n";
    assert_eq!(
        place(renamed(&[("a.py", taken)], "total", "sum_of")),
        "`sum_of` stands in a.py line 5 already: the two would become one"
    );
    assert_eq!(
        place(renamed(&[("a.py", "print(total)\n")], "total", "sum_of")),
        "nothing in the project defines `total`"
    );
    assert_eq!(
        place(renamed(&[("a.py", "def total(:\n    pass\n")], "total", "sum_of")),
        "a.py line 1 has a syntax error, so where `total` stands cannot be told"
    );
    assert_eq!(
        renamed(&[("a.py", "def total():\n    pass\n")], "total", "class")
            .unwrap_err()
            .told("total", "class"),
        "`class` cannot be a name in Python"
    );
}

#[test]
fn one_attribute_set_in_many_places_is_one_thing() {
    let text = "class Ledger:\n    def __init__(self):\n        self.entries = []\n\n    def clear(self):\n        self.entries = []\n";
    let user = "from ledger import Ledger\n\nprint(Ledger().entries)\n";
    let found = renamed(&[("ledger.py", text), ("user.py", user)], "entries", "rows").unwrap();
    assert_eq!(found[0].1.matches("self.rows = []").count(), 2);
    assert_eq!(found[1].1, "from ledger import Ledger\n\nprint(Ledger().rows)\n");
}

#[test]
fn other_languages() {
    let rust = [
        (
            "src/lib.rs",
            "mod area;\npub use area::area_of;\n\n/// See [`area_of`].\npub struct Square { pub side: u32 }\n",
        ),
        (
            "src/area.rs",
            "use crate::Square;\n\npub fn area_of(s: &Square) -> u32 {\n    s.side * s.side\n}\n",
        ),
        (
            "tests/area.rs",
            "#[test]\nfn squares() {\n    assert_eq!(a::area_of(&a::Square { side: 2 }), 4);\n}\n",
        ),
    ];
    let found = renamed(&rust, "area_of", "surface").unwrap();
    assert_eq!(
        found[0].1,
        "mod area;\npub use area::surface;\n\n/// See [`surface`].\npub struct Square { pub side: u32 }\n"
    );
    assert!(
        found[1].1.contains("pub fn surface(s: &Square)") && found[2].1.contains("a::surface(&a::Square")
    );
    let found = renamed(&rust, "Square", "Block").unwrap();
    assert!(found[1].1.contains("use crate::Block;") && found[2].1.contains("a::Block { side: 2 }"));

    let go = [
        ("a.go", "package a\n\n// Total sums.\nfunc Total(xs []int) int {\n\treturn len(xs)\n}\n"),
        (
            "a_test.go",
            "package a\n\nimport \"testing\"\n\nfunc TestTotal(t *testing.T) {\n\tif Total(nil) != 0 {\n\t\tt.Fatal()\n\t}\n}\n",
        ),
    ];
    let found = renamed(&go, "Total", "SumOf").unwrap();
    assert!(found[0].1.contains("func SumOf(xs []int)") && found[1].1.contains("if SumOf(nil)"));
    assert!(found[1].1.contains("func TestTotal("));

    let script = [
        ("cart.js", "function total(xs) {\n  return xs.length;\n}\n\nmodule.exports = { total };\n"),
        (
            "cart.test.js",
            "const { total } = require(\"./cart\");\n\ntest(\"total\", () => expect(total([1])).toBe(1));\n",
        ),
    ];
    let found = renamed(&script, "total", "sumOf").unwrap();
    assert_eq!(found[0].1, "function sumOf(xs) {\n  return xs.length;\n}\n\nmodule.exports = { sumOf };\n");
    assert_eq!(
        found[1].1,
        "const { sumOf } = require(\"./cart\");\n\ntest(\"total\", () => expect(sumOf([1])).toBe(1));\n"
    );

    let java = [
        ("src/Cart.java", "public class Cart {\n  public Cart() {}\n\n  int total() { return 1; }\n}\n"),
        ("src/CartTest.java", "class CartTest {\n  void total() { assert new Cart().total() == 1; }\n}\n"),
    ];
    let found = renamed(&java, "Cart", "Basket").unwrap();
    assert_eq!(
        found[0],
        (
            "src/Basket.java".into(),
            "public class Basket {\n  public Basket() {}\n\n  int total() { return 1; }\n}\n".into()
        )
    );
    assert!(found[1].1.contains("class CartTest") && found[1].1.contains("new Basket().total()"));
}

use super::*;

fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

fn order(files: &[(&str, &str)], wanted: &str) -> Vec<String> {
    outlines(&sources(files), wanted).into_iter().map(|one| one.path).collect()
}

#[test]
fn heads_stand_as_in_the_file_and_bodies_do_not() {
    let files = [
        (
            "shop.py",
            "import os\n\nclass Shop(Base):\n    '''Sells.'''\n    def total(\n        self,\n        xs: list[int],\n    ) -> int:\n        def inner():\n            pass\n        return sum(xs)\n\n\nasync def main() -> None:\n    pass\n",
        ),
        (
            "lib.rs",
            "/// A shop.\npub struct Shop { pub name: String }\n\nimpl Shop {\n    pub fn total(&self) -> u64 { 1 }\n}\n\npub trait Sells { fn sell(&self); }\n",
        ),
        (
            "a.go",
            "package a\n\ntype Shop struct {\n\tName string\n}\n\nfunc (s *Shop) Total(xs []int) int {\n\treturn 0\n}\n",
        ),
        (
            "a.ts",
            "export interface Shop { name: string }\nexport class Till extends Base {\n  total(xs: number[]): number {\n    return 0;\n  }\n}\nexport const add = (a: number) => {\n  return a;\n};\n",
        ),
        ("A.java", "public class A {\n    public int total(int[] xs) {\n        return 0;\n    }\n}\n"),
    ];
    let heads: BTreeMap<String, String> =
        outlines(&sources(&files), "").into_iter().map(|one| (one.path, one.heads)).collect();
    assert_eq!(
        heads["shop.py"],
        "class Shop(Base)\n    def total( self, xs: list[int], ) -> int\nasync def main() -> None"
    );
    assert_eq!(
        heads["lib.rs"],
        "pub struct Shop\nimpl Shop\n    pub fn total(&self) -> u64\npub trait Sells\nfn sell(&self);"
    );
    assert_eq!(heads["a.go"], "Shop struct\nfunc (s *Shop) Total(xs []int) int");
    assert_eq!(
        heads["a.ts"],
        "interface Shop\nclass Till extends Base\n  total(xs: number[]): number\nadd = (a: number) =>"
    );
    assert_eq!(heads["A.java"], "public class A\n    public int total(int[] xs)");
}

#[test]
fn what_others_lean_on_stands_before_what_they_do_not() {
    let files = [
        ("alone.py", "def alone():\n    return 1\n"),
        ("core.py", "def ledger():\n    return 1\n"),
        ("one.py", "from core import ledger\n\ndef one():\n    return ledger()\n"),
        ("two.py", "from core import ledger\n\ndef two():\n    return ledger()\n"),
    ];
    assert_eq!(order(&files, "")[0], "core.py");
    // What is wanted comes first, and what it leans on before the rest.
    assert_eq!(order(&files, "make `two` faster")[..2], ["two.py", "core.py"].map(String::from));
    let weights: f64 = outlines(&sources(&files), "two").iter().map(|one| one.weight).sum();
    assert!((weights - 1.0).abs() < 1e-9, "{weights}");
}

#[test]
fn of_many_heads_those_are_shown_that_matter() {
    let mut text: String = (0..200).map(|n| format!("def helper_{n}():\n    pass\n\n")).collect();
    text.push_str("def wanted():\n    pass\n");
    let sources = sources(&[("big.py", &text), ("user.py", "from big import helper_150\nhelper_150()\n")]);
    let all = outlines(&sources, "change `wanted`");
    let big = all.iter().find(|one| one.path == "big.py").unwrap();
    assert_eq!((big.heads.lines().count(), big.left_out), (MOST_HEADS, 201 - MOST_HEADS));
    assert!(big.heads.contains("def wanted()") && big.heads.contains("def helper_150()"));
    assert!(outlines(&[], "x").is_empty());
}

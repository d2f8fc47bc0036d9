#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use super::*;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// What the change becomes in another text, the surest first.
fn made(path: &str, (before, after): (&str, &str), text: &str) -> Vec<String> {
    let edits = vec![PastEdit { path: path.to_owned(), before: before.to_owned(), after: after.to_owned() }];
    let episode = EpisodeId::parse("m-1").unwrap();
    let recalled = [Recalled { episode, edits, likeness: 1.0 }];
    let sources = [source(path, text)];
    let problem = Problem {
        sources: &sources,
        others: &[],
        suspects: &[],
        red: &[],
        request: "",
        refused: &[],
        seed: 0,
    };
    candidates(&problem, &recalled).into_iter().map(|mut made| made.overlay.remove(path).unwrap()).collect()
}

#[test]
fn a_change_is_made_again_under_other_names() {
    let past = (
        "def clamp(value, low):\n    if value <= low:\n        return low\n    return value\n",
        "def clamp(value, low):\n    if value < low:\n        return low\n    return value\n",
    );
    let made =
        made("a.py", past, "def limit(x, floor):\n    if x <= floor:\n        return floor\n    return x\n");
    assert_eq!(made[0], "def limit(x, floor):\n    if x < floor:\n        return floor\n    return x\n");
}

#[test]
fn a_line_that_was_added_is_added_at_the_depth_of_the_place() {
    let past = (
        "def mean(numbers):\n    return sum(numbers) / len(numbers)\n",
        "def mean(numbers):\n    if not numbers:\n        return 0\n    return sum(numbers) / len(numbers)\n",
    );
    let text = "class Stats:\n    def average(self, items):\n        return sum(items) / len(items)\n";
    let made = made("a.py", past, text);
    let wanted = "class Stats:\n    def average(self, items):\n        if not items:\n            return 0\n        return sum(items) / len(items)\n";
    assert!(made.contains(&wanted.to_owned()), "{made:#?}");
}

#[test]
fn a_line_that_was_removed_is_removed() {
    let past = ("    total = 0\n    items.clear()\n    return total\n", "    total = 0\n    return total\n");
    let made = made("a.py", past, "def f(xs):\n    count = 0\n    xs.clear()\n    return count\n");
    assert!(made.contains(&"def f(xs):\n    count = 0\n    return count\n".to_owned()), "{made:#?}");
}

#[test]
fn it_works_in_other_languages() {
    let past = ("for (let i = 0; i <= xs.length; i++) {\n", "for (let i = 0; i < xs.length; i++) {\n");
    let made = made("a.js", past, "for (let n = 0; n <= list.length; n++) {\n  use(n);\n}\n");
    assert_eq!(made[0], "for (let n = 0; n < list.length; n++) {\n  use(n);\n}\n");
}

#[test]
fn what_has_another_form_is_left_alone() {
    let past = ("    if value <= low:\n        return low\n", "    if value < low:\n        return low\n");
    for text in ["def f(x):\n    return x + 1\n", "", "x = 1\n"] {
        assert_eq!(made("a.py", past, text), [] as [&str; 0], "{text}");
    }
    // A name that is not there means nothing.
    let past = ("    return total(items)\n", "    return total(items) + taxes_of_all(items)\n");
    assert_eq!(made("a.py", past, "def f(xs):\n    return add(xs)\n"), [] as [&str; 0]);
}

#[test]
fn what_stands_there_beside_the_change_is_kept() {
    let past = (
        "def mean(numbers):\n    return sum(numbers) / len(numbers)\n",
        "def mean(numbers):\n    if not numbers:\n        return 0\n    return sum(numbers) / len(numbers)\n",
    );
    // A comment would be lost.
    let text = "def average(items):\n    # type: ignore\n    return sum(items) / len(items)\n";
    assert_eq!(made("a.py", past, text), [] as [&str; 0]);
    // A text of another project stays there.
    let past =
        ("    send(data)\n    return data\n", "    send(data, \"https://internal\")\n    return data\n");
    assert_eq!(made("a.py", past, "def f(xs):\n    send(xs)\n    return xs\n"), [] as [&str; 0]);
    // Line ends are those of the file.
    let past = (
        "    total = 0\n    count = 1\n    return total\n",
        "    total = 0\n    count = 1\n    count = 2\n    return total\n",
    );
    let made = made("a.py", past, "def f(xs):\r\n    a = 0\r\n    b = 1\r\n    return a\r\n");
    assert!(made.iter().all(|text| text.matches('\n').count() == text.matches("\r\n").count()), "{made:?}");
}

#[test]
fn a_large_table_does_not_hold_it_up() {
    let past = ("    add(\"a\", x)\n    add(\"b\", x)\n", "    add(\"a\", y)\n    add(\"b\", x)\n");
    let text = format!("y = 1\n{}", "    add(\"q\", z)\n".repeat(15_000));
    assert!(made("a.py", past, &text).len() <= MOST);
}

proptest::proptest! {
    #[test]
    fn any_text_falls_into_tokens_that_stand_in_it(text in "(?s).{0,200}") {
        for path in ["a.py", "a.js"] {
            let mut end = 0;
            for token in lex(path, &text) {
                proptest::prop_assert!(token.range.start >= end && !token.text.is_empty());
                proptest::prop_assert_eq!(&text[token.range.clone()], token.text);
                end = token.range.end;
            }
        }
    }

    #[test]
    fn any_change_can_be_asked_for(before in "(?s)[a-c(){}=<+.\"' \n#é]{0,60}", after in "(?s)[a-c(){}=<+.\"' \n#é]{0,60}", text in "(?s)[a-c(){}=<+.\"' \n#é]{0,120}") {
        drop(made("a.py", (&before, &after), &text));
    }
}

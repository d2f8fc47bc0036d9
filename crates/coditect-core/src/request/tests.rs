//! Tests of the rules that read requests.

use coditect_types::Aim;

use super::{Wish, aim, aims, renews_snapshots, things, wish};

#[test]
fn requests_for_repair() {
    for request in [
        "make the failing tests pass",
        "Make the tests green.",
        "fix the bug",
        "Fix the failing test in tests/test_add.py",
        "Tests in test_bitcount.py fail. Find the defect in bitcount.py and fix it so that all tests pass. Do not change the tests.",
        "Fix the bug in separate_paren_groups in separate_paren_groups.py so that the tests in test_separate_paren_groups.py pass.",
        "please repair the test suite",
        "CI is red",
        "the tests for `add_interest` fail",
        "get the build's tests passing: two fail",
        "find out why test_total fails and correct it, don't add new files",
    ] {
        assert_eq!(wish(request), Wish::FixTests, "{request}");
    }
}

#[test]
fn requests_for_new_snapshots() {
    for (request, known) in [
        ("update the snapshots", Wish::RenewSnapshots),
        ("The snapshots are stale, please accept the new output", Wish::RenewSnapshots),
        ("rewrite the golden files", Wish::RenewSnapshots),
        ("make the tests pass; regenerate snapshots where they are outdated", Wish::FixTests),
    ] {
        assert_eq!(wish(request), known, "{request}");
        assert!(renews_snapshots(request), "{request}");
    }
    for request in [
        "make the failing tests pass",
        "fix the failing test, but do not update the snapshots",
        "fix the red snapshot tests",
        "update the parser",
    ] {
        assert!(!renews_snapshots(request), "{request}");
    }
}

#[test]
fn requests_for_a_model() {
    for (request, verb) in [
        ("add a CSV export", "add"),
        ("Implement the functions marked TODO so that the tests pass", "implement"),
        ("refactor the parser", "refactor"),
        ("write tests for the parser", "write"),
        ("rename Foo to Bar", "rename"),
        ("Optimize the hot loop", "optimise"),
    ] {
        assert_eq!(wish(request), Wish::NeedsModel(verb), "{request}");
    }
    assert_eq!(wish("hello there"), Wish::Unknown);
    assert_eq!(wish("a dark theme, please"), Wish::Unknown);
}

#[test]
fn what_a_change_is_to_be() {
    let rename = |from: &str, to: &str| Aim::Rename { from: from.into(), to: to.into() };
    for (request, known) in [
        ("make the failing tests pass", Aim::TurnTestsGreen),
        ("add a CSV export", Aim::TurnTestsGreen),
        ("add a function that counts comments", Aim::TurnTestsGreen),
        ("refactor the parser", Aim::KeepBehaviour),
        ("Please simplify `total` in ledger.py without changing its behaviour", Aim::KeepBehaviour),
        ("Add type hints to shop/cart.py", Aim::KeepBehaviour),
        ("clean up the imports; all tests must still pass", Aim::KeepBehaviour),
        ("refactor the parser so that the failing tests pass", Aim::TurnTestsGreen),
        ("refactor the parser and add support for comments", Aim::TurnTestsGreen),
        ("document the public functions of cart.py", Aim::KeepCode),
        ("Add a docstring to `total`", Aim::KeepCode),
        ("add missing docstrings and comments", Aim::KeepCode),
        ("write the documentation for the ledger", Aim::KeepCode),
        ("update the README", Aim::KeepCode),
        ("document it and implement `total`", Aim::TurnTestsGreen),
        ("write tests for the parser", Aim::AddTests),
        ("Add unit tests for `total` in ledger.py", Aim::AddTests),
        ("increase the test coverage of ledger.py", Aim::AddTests),
        ("write tests for the parser and fix what they show", Aim::TurnTestsGreen),
        ("add a test runner", Aim::TurnTestsGreen),
        ("rename Foo to Bar", rename("Foo", "Bar")),
        ("Rename the function `total` in ledger.py to `sum_of`.", rename("total", "sum_of")),
        ("please rename `Ledger.total()` to `Ledger.sum_of()`", rename("total", "sum_of")),
        ("rename add_entry into record", rename("add_entry", "record")),
        ("rename the parser", Aim::KeepBehaviour),
        ("rename foo to bar and add a test for it", Aim::TurnTestsGreen),
        ("hello there", Aim::TurnTestsGreen),
    ] {
        assert_eq!(aim(request), known, "{request}");
    }
}

#[test]
fn the_things_that_a_request_asks_for_are_counted() {
    for (request, expected) in [
        ("add a function `mean` to shop.py, and then document `total`", 2),
        ("Add a `--json` flag. Refactor the formatter; finally, document both in the README.", 3),
        ("rename `a` to `b` and rename `c` to `d`", 2),
        ("Please do this:\n- a flag `--json`\n- a flag `--csv`\n1) a manual", 3),
        ("implement the functions marked TODO so that the tests pass", 1),
        ("add a stack and a queue", 1),
        ("write a function that adds and removes items", 1),
        ("add `first and then remove second` to the glossary", 1),
        ("make the failing tests pass", 0),
        ("", 0),
    ] {
        assert_eq!(things(request).len(), expected, "{request}: {:?}", things(request));
    }
    let both = things("add a function `mean` to shop.py, and then document `total`");
    assert_eq!(both, ["add a function `mean` to shop.py,", "document `total`"]);
}

#[test]
fn all_that_is_aimed_at_is_told() {
    let kinds = |request: &str| aims(request);
    assert_eq!(kinds("fix the failing test and document `total`"), [Aim::TurnTestsGreen, Aim::KeepCode]);
    assert_eq!(kinds("refactor the parser, add tests for it"), [Aim::KeepBehaviour, Aim::AddTests]);
    assert_eq!(kinds("document it without refactoring it"), [Aim::KeepCode]);
}

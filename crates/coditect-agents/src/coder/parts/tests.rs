#![allow(clippy::expect_used, reason = "a test that panics has failed")]
use super::*;

fn baseline(tests: &[(&str, TestStatus)]) -> TestReport {
    let test = |(id, status): &(&str, TestStatus)| TestResult {
        id: (*id).to_owned(),
        status: *status,
        us: 10,
        message: String::new(),
        error_type: String::new(),
        frames: Vec::new(),
        passes_of_runs: None,
    };
    TestReport { tests: tests.iter().map(test).collect(), ..TestReport::default() }
}

#[test]
fn a_part_is_a_package_of_go_or_a_target_of_rust() {
    let go = baseline(&[("a/x_test.go::T", TestStatus::Failed), ("b/y_test.go::T", TestStatus::Passed)]);
    let part = Part::of(Framework::GoTest, &go).expect("a part");
    assert!(part.has("a/z_test.go::U") && !part.has("b/y_test.go::T"));
    let rust = baseline(&[
        ("src/lib.rs::tests::a", TestStatus::Failed),
        ("tests/all.rs::b", TestStatus::Passed),
        ("doc::src/lib.rs - f", TestStatus::Failed),
    ]);
    let part = Part::of(Framework::CargoTest, &rust).expect("a part");
    assert_eq!(part.ids(), ["src/lib.rs::tests::a"], "an example is compiled when it is run");
    assert!(part.has("src/lib.rs::tests::c") && !part.has("tests/all.rs::b"));
}

#[test]
fn no_part_where_all_is_needed_or_nothing_is_built_apart() {
    let all = baseline(&[("tests/all.rs::a", TestStatus::Failed), ("tests/all.rs::b", TestStatus::Passed)]);
    assert!(Part::of(Framework::CargoTest, &all).is_none());
    let examples = baseline(&[("doc::f", TestStatus::Failed), ("src/lib.rs::a", TestStatus::Passed)]);
    assert!(Part::of(Framework::CargoTest, &examples).is_none(), "a batch is of no use to them");
    let java = baseline(&[("A.java::a", TestStatus::Failed), ("B.java::a", TestStatus::Passed)]);
    assert!(Part::of(Framework::Junit, &java).is_none());
}

#[test]
fn a_suite_is_dear_by_what_it_takes_once_nothing_hangs() {
    let mut report = baseline(&[("a.py::a", TestStatus::Passed), ("a.py::b", TestStatus::TimedOut)]);
    report.wall_ms = 12_000;
    report.tests[0].us = 2_000_000;
    report.tests[1].us = 10_000_000;
    assert_eq!(suite_ms(&report), 2_000);
    assert!(!is_dear(&report, 40_000));
    report.tests[1].status = TestStatus::Failed;
    assert!(is_dear(&report, 40_000));
    assert_eq!((near_of_dear(&report), NEAR_MS), (600, 300));
}

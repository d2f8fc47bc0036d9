use coditect_types::TestResult;

use super::*;

fn report(ends: &[(&str, TestStatus)]) -> TestReport {
    let test = |(id, status): &(&str, TestStatus)| TestResult {
        id: (*id).to_owned(),
        status: *status,
        us: 1,
        message: String::new(),
        error_type: String::new(),
        frames: Vec::new(),
        passes_of_runs: None,
    };
    TestReport { tests: ends.iter().map(test).collect(), ..TestReport::default() }
}

/// Runs that end as a list says, over and over, and how many there were.
fn runs<'a>(
    id: &'a str,
    ends: &'a [TestStatus],
    made: &'a mut usize,
) -> impl FnMut() -> Result<TestReport, PortError> {
    move || {
        *made += 1;
        Ok(report(&[(id, ends[(*made - 1) % ends.len()])]))
    }
}

const GREEN: TestStatus = TestStatus::Passed;
const RED: TestStatus = TestStatus::Failed;

/// What is made of a test that is red with a change, and the runs without it and with it.
fn settled(
    doubts: &mut Doubts,
    was: TestStatus,
    before: &[TestStatus],
    after: &[TestStatus],
) -> (bool, usize, usize) {
    let (mut without, mut with) = (0, 0);
    let red = ["a::t".to_owned()];
    let all = doubts.settle(
        &red,
        &report(&[("a::t", was)]),
        &mut runs("a::t", before, &mut without),
        &mut runs("a::t", after, &mut with),
    );
    (all.unwrap(), without, with)
}

#[test]
fn red_without_the_change_says_nothing_against_it() {
    let mut doubts = Doubts::default();
    assert_eq!(settled(&mut doubts, GREEN, &[GREEN, GREEN, RED], &[RED]), (true, 3, 0));
    assert_eq!(doubts.flaky()["a::t"], (3, 4));
    // It is known from now on, whatever another change makes of it.
    assert_eq!(settled(&mut doubts, GREEN, &[GREEN], &[RED]), (true, 0, 0));
}

#[test]
fn green_the_next_time_says_nothing_against_it_either() {
    let mut doubts = Doubts::default();
    assert_eq!(settled(&mut doubts, GREEN, &[GREEN], &[RED, GREEN]), (true, MOST_BEFORE, 2));
    let (passed, ran) = doubts.flaky()["a::t"];
    assert!(passed > 0 && passed < ran, "{passed} of {ran}");
}

#[test]
fn what_the_change_broke_refutes_it_and_the_next_ones() {
    let mut doubts = Doubts::default();
    assert_eq!(settled(&mut doubts, GREEN, &[GREEN], &[RED]), (false, MOST_BEFORE, MOST_AFTER));
    assert_eq!(settled(&mut doubts, GREEN, &[RED], &[GREEN]), (false, 0, 0), "once per test");
    assert!(doubts.flaky().is_empty());
}

#[test]
fn what_was_red_every_time_is_cleared_by_the_unchanged_tree_alone() {
    // A wrong change may well make a red test green now and then.
    assert_eq!(settled(&mut Doubts::default(), RED, &[RED], &[GREEN]), (false, MOST_BEFORE, 0));
    assert_eq!(settled(&mut Doubts::default(), RED, &[RED, GREEN], &[RED]), (true, 2, 0));
}

#[test]
fn many_red_tests_and_files_that_are_not_imported_are_no_luck() {
    let many: Vec<String> = (0..=MOST).map(|n| format!("a::t{n}")).collect();
    let never = &mut || -> Result<TestReport, PortError> { panic!("nothing is run") };
    let mut doubts = Doubts::default();
    let baseline = report(&[]);
    assert!(!doubts.settle(&many, &baseline, never, &mut || panic!("nothing is run")).unwrap());
    for id in ["a::<import>", BUILD, "(outside any test)"] {
        let red = [id.to_owned()];
        assert!(!doubts.settle(&red, &baseline, never, &mut || panic!("nothing is run")).unwrap(), "{id}");
    }
}

#[test]
fn nothing_is_run_past_the_allowance() {
    let mut doubts = Doubts::default();
    doubts.allow(Duration::ZERO);
    assert_eq!(settled(&mut doubts, GREEN, &[RED], &[GREEN]), (false, 0, 0));
    // It was not looked into, so it may be where there is time again.
    doubts.allow(Duration::from_secs(60));
    assert_eq!(settled(&mut doubts, GREEN, &[RED], &[RED]), (true, 1, 0));
}

#[test]
fn long_suites_are_run_again_by_their_files() {
    let ends = [("a.py::t", GREEN), ("a.py::u", GREEN), ("b.py::t", GREEN), ("a.py::<import>", GREEN)];
    let short = report(&ends);
    let red = ["a.py::t".to_owned()];
    assert_eq!(company(&red, &short), None);
    let long = TestReport { wall_ms: LONG_MS + 1, ..short };
    assert_eq!(company(&red, &long), Some(vec!["a.py::t".to_owned(), "a.py::u".to_owned()]));
}

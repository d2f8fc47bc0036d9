#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use super::*;

fn red(id: &str, us: u64) -> TestResult {
    TestResult {
        id: id.to_owned(),
        status: TestStatus::Failed,
        us,
        message: String::new(),
        error_type: String::new(),
        frames: Vec::new(),
        passes_of_runs: None,
    }
}

#[test]
fn the_quickest_red_tests_are_taken_in_their_order() {
    let tests = [red("slow", 900_000), red("b", 20), red("a", 10)];
    let names = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(quickest(&tests), (names(&["b", "a"]), false));
    assert_eq!(quickest(&tests[..1]), (names(&["slow"]), false), "one at least");
    let hung = TestResult { status: TestStatus::TimedOut, ..red("h", 1) };
    assert_eq!(quickest(&[red("a", 1), hung.clone()]), (names(&["a"]), false), "one that ends says more");
    assert_eq!(quickest(&[hung]), (names(&["h"]), true));
    assert_eq!(quickest(&[red("a", 1), red(BUILD, 1)]), (names(&[]), false));
}

#[test]
fn a_batch_is_smaller_where_candidates_are_slow() {
    assert_eq!(size(Duration::from_millis(2), 2), MOST);
    assert_eq!(size(Duration::from_millis(200), 2), 80);
    assert_eq!(size(Duration::from_secs(60), 2), LEAST);
}

#[test]
fn a_candidate_that_hangs_is_not_complete() {
    let hung = trial(Fate { hung: true, ..Fate::default() });
    assert!(hung.timed_out && !hung.complete);
    let red = trial(Fate { red: vec![("a".to_owned(), "x".to_owned())], ..Fate::default() });
    assert!(red.complete && !red.timed_out);
}

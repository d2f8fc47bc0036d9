#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use coditect_ports::StopCause;
use coditect_types::{ErrorKind, TestStatus};

use super::*;

mod candidates;

/// A clock that goes on by one ms with each look.
#[derive(Debug, Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
    fn monotonic_us(&self) -> u64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

/// A test as a function of the text of one file: true is green.
type Scripted = (&'static str, fn(&str) -> bool);

/// Tests as functions of the text of one file: true is green.
struct Script {
    tests: Vec<Scripted>,
    file: Source,
    trials: Mutex<u64>,
}

impl Judge for Script {
    fn judge(
        &self,
        overlay: &BTreeMap<String, String>,
        scope: crate::repair::Scope<'_>,
    ) -> Result<Trial, PortError> {
        *self.trials.lock().unwrap() += 1;
        let text = overlay.get(&self.file.path).unwrap_or(&self.file.text);
        let mut trial = Trial { complete: true, ..Trial::default() };
        let (wanted, stop): (Vec<&str>, bool) = match scope {
            Scope::Tests { ids, stop_at_red } => (ids.iter().map(String::as_str).collect(), stop_at_red),
            Scope::Whole => (self.tests.iter().map(|(id, _)| *id).collect(), false),
        };
        for id in wanted {
            let (_, holds) = self.tests.iter().find(|(known, _)| *known == id).unwrap();
            if holds(text) {
                trial.passed.push(id.to_owned());
            } else {
                trial.red.push((id.to_owned(), "it does not hold".to_owned()));
                if stop {
                    break;
                }
            }
        }
        Ok(trial)
    }
}

fn red(id: &str) -> TestResult {
    TestResult {
        id: id.to_owned(),
        status: TestStatus::Failed,
        us: 0,
        message: String::new(),
        error_type: String::new(),
        frames: Vec::new(),
        passes_of_runs: None,
    }
}

struct Setting {
    text: &'static str,
    tests: Vec<Scripted>,
    limits: SeekLimits,
    refused: Vec<String>,
}

impl Setting {
    fn new(text: &'static str, tests: Vec<Scripted>) -> Self {
        Self { text, tests, limits: SeekLimits::default(), refused: Vec::new() }
    }

    fn seek(&self) -> Sought {
        self.seek_with(&Stop::new())
    }

    fn seek_with(&self, stop: &Stop) -> Sought {
        self.with(stop, |problem, means| seek(problem, means, &mut |_| {}))
    }

    fn with<T>(&self, stop: &Stop, work: impl FnOnce(&Problem<'_>, &Means<'_>) -> T) -> T {
        let file = Source { path: "pkg/mod.py".to_owned(), text: self.text.to_owned() };
        let red: Vec<TestResult> =
            self.tests.iter().filter(|(_, holds)| !holds(self.text)).map(|(id, _)| red(id)).collect();
        let judge = Script { tests: self.tests.clone(), file: file.clone(), trials: Mutex::new(0) };
        let sources = [file];
        let problem = Problem {
            sources: &sources,
            others: &[],
            suspects: &[],
            red: &red,
            request: "make the tests pass",
            refused: &self.refused,
            seed: 7,
        };
        let clock = Ticks::default();
        work(&problem, &Means { judge: &judge, limits: &self.limits, clock: &clock, stop })
    }
}

#[test]
fn an_explanation_counts_the_others_that_are_left() {
    let found = |others| Found {
        candidate: Candidate { edits: Vec::new(), kind: EditKind::Pair, score: 1.0, places: Vec::new() },
        sources: Vec::new(),
        confidence: 0.5,
        explanation: format!("it was wrong{} (for `f(1)` it gives 2)", said_of_others(others)),
        others,
        evidence: Vec::new(),
    };
    let told = |others| found(2).beside(others).explanation;
    assert_eq!(told(2), "it was wrong; 2 other changes pass every test too (for `f(1)` it gives 2)");
    assert_eq!(told(1), "it was wrong; one other change passes every test too (for `f(1)` it gives 2)");
    assert_eq!(told(0), "it was wrong (for `f(1)` it gives 2)");
}

#[test]
fn things_that_were_wrong_are_counted() {
    let place =
        Place { path: "m.py".into(), line: 1, function: "".into(), before: "a".into(), after: "b".into() };
    let says = |n: usize| {
        Candidate { edits: Vec::new(), kind: EditKind::Pair, score: 1.0, places: vec![place.clone(); n] }
            .says()
    };
    assert_eq!(says(1), "one place was wrong");
    assert_eq!(says(2), "two things were wrong");
    assert_eq!(says(3), "three things were wrong");
    assert_eq!(says(12), "12 things were wrong");
}

const BOUND: &str = "def clamp(n, low, high):\n    if n < low:\n        return low\n    if n > high:\n        return low\n    return n\n";

fn high_is_returned(text: &str) -> bool {
    text.contains("if n > high:\n        return high\n")
}

fn low_is_returned(text: &str) -> bool {
    text.contains("if n < low:\n        return low\n") && text.ends_with("    return n\n")
}

#[test]
fn a_wrong_name_is_found_and_told() {
    let sought = Setting::new(BOUND, vec![("t::high", high_is_returned), ("t::low", low_is_returned)]).seek();
    let best = sought.best.unwrap();
    assert_eq!(best.candidate.describe(), "`low` became `high` in `pkg/mod.py` line 5, function `clamp`");
    assert_eq!(
        best.sources[0].text,
        BOUND.replace("high:\n        return low", "high:\n        return high")
    );
    assert_eq!(best.explanation.split(':').next(), Some("the wrong name was used"));
    assert!((0.0..=1.0).contains(&best.confidence) && best.confidence > 0.5, "{}", best.confidence);
    assert!(sought.tried > 0 && sought.trials > sought.tried && !sought.at_limit);
}

#[test]
fn the_outcome_does_not_depend_on_the_number_of_threads() {
    let mut setting = Setting::new(BOUND, vec![("t::high", high_is_returned), ("t::low", low_is_returned)]);
    let outcomes: Vec<Sought> = [1, 2, 5]
        .into_iter()
        .map(|threads| {
            setting.limits.threads = threads;
            Sought { time: SeekTime::default(), ..setting.seek() }
        })
        .collect();
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
}

#[test]
fn two_slips_are_repaired_together() {
    const TWO: &str = "def span(a, b):\n    low = min(a, b)\n    high = min(a, b)\n    return low - high\n";
    fn max_is_used(text: &str) -> bool {
        text.contains("high = max(a, b)")
    }
    fn sign_is_right(text: &str) -> bool {
        text.contains("low = min(a, b)") && text.contains("return high - low") && max_is_used(text)
    }
    let sought = Setting::new(TWO, vec![("t::max", max_is_used), ("t::sign", sign_is_right)]).seek();
    let best = sought.best.unwrap();
    assert_eq!(best.candidate.kind, EditKind::Pair);
    assert_eq!(best.candidate.places.len(), 2);
    assert!(best.sources[0].text.contains("high = max(a, b)\n    return high - low"));
}

/// Mistakes that lie apart, each with a test of its own.
const APART: &str = "def low(a, b):\n    return max(a, b)\n\n\ndef high(a, b):\n    return min(a, b)\n";

fn low_is_min(text: &str) -> bool {
    text.contains("low(a, b):\n    return min(a, b)\n")
}

fn high_is_max(text: &str) -> bool {
    text.contains("high(a, b):\n    return max(a, b)\n")
}

#[test]
fn what_can_be_repaired_is_told_beside_what_is_left() {
    let all =
        vec![("t::low", low_is_min as fn(&str) -> bool), ("t::high", high_is_max), ("t::no", |_| false)];
    let mut setting = Setting::new(APART, all);
    setting.limits.candidates = 2_000;
    let sought = setting.seek();
    assert_eq!(sought.best, None);
    let partly = sought.partly.unwrap();
    assert_eq!(partly.left, ["t::no"]);
    assert_eq!(partly.found.candidate.places.len(), 2);
    assert!(partly.found.explanation.starts_with("2 things were wrong: "), "{}", partly.found.explanation);
    assert!(low_is_min(&partly.found.sources[0].text) && high_is_max(&partly.found.sources[0].text));
}

#[test]
fn behind_its_time_a_search_asks_about_one_part_and_no_more() {
    let all = vec![
        ("t::low", low_is_min as fn(&str) -> bool),
        ("t::high", high_is_max),
        ("t::as-it-was", |t| t == APART),
    ];
    let mut setting = Setting::new(APART, all);
    // No part keeps it, so each of them is asked about.
    setting.limits.keep_passing.insert("t::as-it-was".to_owned());
    let asked = |until_us: u64| {
        setting.with(&Stop::new(), |problem, means| {
            let half = |n: usize| {
                let text = APART.replacen("max", "min", 1) + &"\n".repeat(n);
                let overlay = BTreeMap::from([("pkg/mod.py".to_owned(), text)]);
                let candidate = layers::compose(problem, &overlay, EditKind::Pair, 1.0).unwrap();
                search::Partial { candidate, green: 1 }
            };
            let halves: Vec<search::Partial> = (0..5).map(half).collect();
            stairs::standing(problem, means, &halves, until_us).unwrap().1
        })
    };
    assert_eq!((asked(u64::MAX), asked(0)), (5, 1));
}

#[test]
fn a_search_goes_on_where_an_earlier_one_ended() {
    let mut setting = Setting::new(BOUND, vec![("t::never", |_| false)]);
    setting.limits.candidates = 100;
    let first = setting.seek();
    let (judged, near) = first.ground.unwrap();
    assert_eq!((first.tried, judged), (100, 100));
    setting.limits.covered = Some((judged, near.into_iter().collect()));
    let second = setting.seek();
    assert_eq!(second.ground.unwrap().0, 200, "none of the first hundred was judged again");
}

#[test]
fn what_passed_before_must_pass_after() {
    // Without the second test every change that makes the first green would do.
    fn no_low(text: &str) -> bool {
        !text.contains("return low\n    return n")
    }
    let mut setting = Setting::new(BOUND, vec![("t::high", no_low), ("t::low", |text| text == BOUND)]);
    setting.limits.keep_passing.insert("t::low".to_owned());
    setting.limits.candidates = 3_000;
    let sought = setting.seek();
    assert_eq!(sought.best, None);
    assert!(sought.account.contains("broke another"), "{}", sought.account);
}

#[test]
fn a_refused_change_is_not_found_again() {
    let mut setting = Setting::new(BOUND, vec![("t::high", high_is_returned), ("t::low", low_is_returned)]);
    let refused = "--- a/pkg/mod.py\n+++ b/pkg/mod.py\n@@ -4,3 +4,3 @@\n     if n > high:\n-        return low\n+        return high\n     return n\n";
    setting.refused.push(refused.to_owned());
    setting.limits.candidates = 2_000;
    let text = setting.seek().best.map(|best| best.sources[0].text.clone());
    assert_ne!(
        text.as_deref(),
        Some(&*BOUND.replace("high:\n        return low", "high:\n        return high"))
    );
}

#[test]
fn limits_end_the_search_and_are_told() {
    let mut setting = Setting::new(BOUND, vec![("t::never", |_| false)]);
    setting.limits.candidates = 100;
    let sought = setting.seek();
    assert_eq!((sought.best, sought.tried, sought.at_limit), (None, 100, true));
    setting.limits = SeekLimits { wall_ms: 50, ..SeekLimits::default() };
    let sought = setting.seek();
    assert!(sought.at_limit && sought.tried < 100, "{}", sought.tried);
    let stop = Stop::new();
    stop.raise(StopCause::Cancelled);
    let sought = setting.seek_with(&stop);
    assert!(sought.at_limit && sought.tried == 0);
}

#[test]
fn a_small_search_comes_to_its_end() {
    let sought = Setting::new("def f():\n    return 1\n", vec![("t::never", |_| false)]).seek();
    assert!(!sought.at_limit && sought.best.is_none() && sought.tried > 10);
    assert!(sought.account.contains("nothing left to try"), "{}", sought.account);
}

#[test]
fn nothing_is_sought_where_nothing_is_red() {
    let file = Source { path: "a.py".to_owned(), text: "x = 1\n".to_owned() };
    let judge = Script { tests: vec![("t", |_| true)], file: file.clone(), trials: Mutex::new(0) };
    let sources = [file];
    let tests = [red("t")];
    let problem = Problem { sources: &sources, red: &tests, ..Problem::default() };
    let (limits, clock, stop) = (SeekLimits::default(), Ticks::default(), Stop::new());
    let means = Means { judge: &judge, limits: &limits, clock: &clock, stop: &stop };
    let sought = seek(&problem, &means, &mut |_| {});
    assert!(sought.best.is_none() && sought.account.contains("flaky"));
}

#[test]
fn an_error_of_the_judge_ends_the_search_and_is_handed_on() {
    struct Down;
    impl Judge for Down {
        fn judge(&self, _: &BTreeMap<String, String>, _: Scope<'_>) -> Result<Trial, PortError> {
            Err(PortError::new(ErrorKind::Unavailable, "the sandbox is gone"))
        }
    }
    let sources = [Source { path: "a.py".to_owned(), text: BOUND.to_owned() }];
    let tests = [red("t")];
    let problem = Problem { sources: &sources, red: &tests, ..Problem::default() };
    let (limits, clock, stop) = (SeekLimits::default(), Ticks::default(), Stop::new());
    let means = Means { judge: &Down, limits: &limits, clock: &clock, stop: &stop };
    let sought = seek(&problem, &means, &mut |_| {});
    assert_eq!(sought.trouble.map(|trouble| trouble.cause).as_deref(), Some("the sandbox is gone"));
}

/// A judge that keeps what it was asked about the unchanged project.
struct Asked {
    inner: Script,
    unchanged: Mutex<Vec<Vec<String>>>,
}

impl Judge for Asked {
    fn judge(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Result<Trial, PortError> {
        if let (true, Scope::Tests { ids, .. }) = (overlay.is_empty(), scope) {
            self.unchanged.lock().unwrap().push(ids.to_vec());
        }
        self.inner.judge(overlay, scope)
    }
}

#[test]
fn tests_that_hang_are_not_all_waited_for_again() {
    let file = Source { path: "pkg/mod.py".to_owned(), text: BOUND.to_owned() };
    let tests: Vec<Scripted> =
        vec![("t::a", high_is_returned), ("t::b", high_is_returned), ("t::c", high_is_returned)];
    let hangs = |id| TestResult { status: TestStatus::TimedOut, ..red(id) };
    for (red, looked_at) in [
        (vec![hangs("t::a"), red("t::b"), hangs("t::c")], "t::b"),
        (vec![hangs("t::a"), hangs("t::b"), hangs("t::c")], "t::a"),
    ] {
        let inner = Script { tests: tests.clone(), file: file.clone(), trials: Mutex::new(0) };
        let judge = Asked { inner, unchanged: Mutex::default() };
        let sources = std::slice::from_ref(&file);
        let problem = Problem { sources, red: &red, ..Problem::default() };
        let (clock, stop, limits) = (Ticks::default(), Stop::new(), SeekLimits::default());
        let means = Means { judge: &judge, limits: &limits, clock: &clock, stop: &stop };
        let sought = seek(&problem, &means, &mut |_| {});
        assert!(sought.best.is_some(), "{sought:?}");
        assert_eq!(*judge.unchanged.lock().unwrap(), [[looked_at.to_owned()]]);
    }
}

#[test]
fn what_is_known_is_judged_when_the_time_is_over() {
    let file = Source { path: "m.py".to_owned(), text: String::new() };
    let judge = Script { tests: Vec::new(), file, trials: Mutex::new(0) };
    let (limits, clock, stop) = (SeekLimits::default(), Ticks::default(), Stop::new());
    let means = Means { judge: &judge, limits: &limits, clock: &clock, stop: &stop };
    let is_known = |n: &i32| n % 2 == 0;
    let done = search::batch::on_threads(&means, &[1, 2, 3, 4], (&AtomicU64::new(0), is_known), |n| Ok(*n));
    let done: Vec<Option<i32>> = done.into_iter().map(|one| one.map(Result::unwrap)).collect();
    assert_eq!(done, [None, Some(2), None, Some(4)]);
}

/// A judge whose trials take three seconds each.
struct Slow<'a>(Script, &'a Ticks);

impl Judge for Slow<'_> {
    fn judge(&self, overlay: &BTreeMap<String, String>, scope: Scope<'_>) -> Result<Trial, PortError> {
        self.1.0.fetch_add(3_000_000, Ordering::Relaxed);
        self.0.judge(overlay, scope)
    }
}

#[test]
fn where_tests_are_slow_the_rest_of_a_batch_is_not_waited_for() {
    let text = "def total(numbers):\n    result = 0\n    for number in numbers:\n        result = result - number\n    return result\n";
    let file = Source { path: "pkg/mod.py".to_owned(), text: text.to_owned() };
    let tests: Vec<Scripted> = vec![("t::sum", |text| text.contains("result + number"))];
    let judge =
        |clock| Slow(Script { tests: tests.clone(), file: file.clone(), trials: Mutex::new(0) }, clock);
    let limits = SeekLimits { threads: 1, ..SeekLimits::default() };
    let (clock, stop, red) = (Ticks::default(), Stop::new(), [red("t::sum")]);
    let judge = judge(&clock);
    let sources = std::slice::from_ref(&file);
    let problem = Problem { sources, red: &red, ..Problem::default() };
    let means = Means { judge: &judge, limits: &limits, clock: &clock, stop: &stop };
    let sought = seek(&problem, &means, &mut |_| {});
    assert!(sought.best.is_some(), "{sought:?}");
    let tried = *judge.0.trials.lock().unwrap();
    assert!(tried < 30, "{tried} trials");
}

#[test]
fn a_red_test_that_is_far_slower_than_the_quickest_is_left_to_the_whole_suite() {
    let test = |id: &str, us, status| TestResult { us, status, ..red_test_of(id) };
    let red = [
        test("quick", 1_000, TestStatus::Failed),
        test("slow", 4_000_000, TestStatus::Failed),
        test("slower than some", 200_000, TestStatus::Errored),
        test("hangs", 5_000_000, TestStatus::TimedOut),
    ];
    let ids = |red: &[TestResult]| quick(red).map(|test| test.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&red), ["quick", "slower than some", "hangs"]);
    // Where all are slow, none is.
    assert_eq!(ids(&red[1..2]), ["slow"]);
    let even = [test("a", 2_000_000, TestStatus::Failed), test("b", 9_000_000, TestStatus::Failed)];
    assert_eq!(ids(&even), ["a", "b"]);
}

fn red_test_of(id: &str) -> TestResult {
    layers::red_test(id, "")
}

#[test]
fn of_a_remembered_change_the_places_that_break_something_are_left_out() {
    let text = "def low(a, b):\n    return a <= b\n\n\ndef high(a, b):\n    return a >= b\n";
    let tests: Vec<Scripted> = vec![
        ("t::low", |text| text.contains("return a < b")),
        ("t::high", |text| text.contains("return a >= b")),
    ];
    let mut setting = Setting::new(text, tests);
    setting.limits.keep_passing.insert("t::high".to_owned());
    let past = |before: &str, after: &str| coditect_ports::memory::PastEdit {
        path: "pkg/mod.py".to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    let edits = vec![
        past("def low(a, b):\n    return a <= b\n", "def low(a, b):\n    return a < b\n"),
        past("def high(a, b):\n    return a >= b\n", "def high(a, b):\n    return a > b\n"),
    ];
    let episode = coditect_types::EpisodeId::parse("m-1").unwrap();
    let recalled = [coditect_ports::memory::Recalled { episode, edits, likeness: 1.0 }];
    let sought = setting.with(&Stop::new(), |problem, means| recall(problem, means, &recalled, &mut |_| {}));
    let best = sought.best.unwrap();
    assert_eq!(best.sources[0].text, text.replace("a <= b", "a < b"));
    assert!(
        best.explanation.ends_with("1 of its 2 places are left out: with all of them, `t::high` broke"),
        "{}",
        best.explanation
    );
}

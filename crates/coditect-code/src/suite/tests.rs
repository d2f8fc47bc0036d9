#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use coditect_ports::sandbox::Probe;
use coditect_ports::{Exit, Job, PortError, Program, Ran, Sandbox, Stop, Writes};
use coditect_types::project::Framework;
use coditect_types::{Enforced, Limits, Project, TestStatus, Tier};

use super::{Suite, SuiteReport, SuiteRun};

/// A sandbox that says what a script says, one entry a process; keeps the requests.
#[derive(Debug, Default)]
struct Scripted {
    script: Mutex<VecDeque<(Vec<String>, Exit)>>,
    requests: Mutex<Vec<serde_json::Value>>,
}

impl Sandbox for Scripted {
    fn tier(&self) -> Tier {
        Tier::Wasm
    }

    fn probe(&self) -> Probe {
        Probe { tier: Tier::Wasm, usable: true, enforced: Enforced::default(), facts: vec![], advice: vec![] }
    }

    fn run(
        &self,
        job: &Job<'_>,
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Ran, PortError> {
        let Program::Python { request, .. } = job.program else { panic!("only Python is scripted") };
        self.requests.lock().unwrap().push(serde_json::from_str(request).unwrap());
        let (lines, mut exit) =
            self.script.lock().unwrap().pop_front().expect("the script has another process");
        for line in lines {
            if on_report(&line).is_break() {
                exit = Exit::Enough;
                break;
            }
        }
        Ok(Ran {
            exit,
            stdout: vec![],
            stderr: b"Fatal Python error".to_vec(),
            dropped: 0,
            wall_us: 1_000,
            peak_memory: None,
            enforced: Enforced::default(),
        })
    }
}

/// `collected a b`, `start a`, `end a passed`, `done 0`, or JSON as it is.
fn line(short: &str) -> String {
    let words: Vec<&str> = short.split(' ').collect();
    match words.as_slice() {
        ["collected", ids @ ..] => serde_json::json!({"e": "collected", "tests": ids}).to_string(),
        ["start", id] => serde_json::json!({"e": "start", "id": id}).to_string(),
        ["end", id, status] => {
            serde_json::json!({"e": "end", "id": id, "status": status, "us": 5}).to_string()
        }
        ["done", code] => {
            serde_json::json!({"e": "done", "exit_code": code.parse::<i32>().unwrap()}).to_string()
        }
        _ => short.to_owned(),
    }
}

fn run(
    processes: &[(&[&str], Exit)],
    change: impl FnOnce(&mut SuiteRun<'_>),
) -> (SuiteReport, Vec<serde_json::Value>) {
    let sandbox = Scripted::default();
    for (lines, exit) in processes {
        let lines = lines.iter().map(|short| line(short)).collect();
        sandbox.script.lock().unwrap().push_back((lines, exit.clone()));
    }
    let project = Project {
        language: "python".into(),
        framework: Framework::Unittest,
        command: vec!["python3".into()],
        root: String::new(),
        import_paths: vec![String::new()],
        targets: vec![],
        tier: Tier::Wasm,
        tier_reason: String::new(),
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: vec![],
    };
    let suite = Suite {
        project: &project,
        view: Path::new("/"),
        sandbox: &sandbox,
        waived: &[],
        cache: None,
        writes: Writes::Kept,
    };
    let limits = Limits::default();
    let mut how = SuiteRun::whole(&limits);
    change(&mut how);
    let report = suite.run(&how, &Stop::new(), &mut |_| {}).unwrap();
    (report, sandbox.requests.into_inner().unwrap())
}

fn statuses(report: &SuiteReport) -> Vec<TestStatus> {
    report.report.tests.iter().map(|test| test.status).collect()
}

#[test]
fn a_test_that_ends_the_process_is_red_and_the_rest_runs_in_another() {
    let (report, requests) = run(
        &[
            (
                &["collected a b c", "start a", "end a passed", "start b"],
                Exit::Crashed("stack overflow".into()),
            ),
            (&["collected c", "start c", "end c passed", "done 0"], Exit::Code(0)),
        ],
        |_| {},
    );
    assert_eq!(statuses(&report), [TestStatus::Passed, TestStatus::Errored, TestStatus::Passed]);
    assert!(report.report.tests[1].message.contains("stack overflow"));
    assert_eq!(requests[1]["select"], serde_json::json!(["c"]));
    assert_eq!(report.report.exit_code, Some(1));
    assert_eq!(report.runs, 2);
}

#[test]
fn an_end_without_a_last_word_is_no_green_suite() {
    let (report, _) = run(&[(&["collected a b", "start a", "end a passed"], Exit::Code(0))], |_| {});
    assert_eq!(statuses(&report), [TestStatus::Passed, TestStatus::NotRun]);
    assert_eq!(report.report.exit_code, None);
    assert!(report.report.problems[0].contains("ended with code 0 outside any test"));
}

#[test]
fn a_crash_before_anything_is_said() {
    let (report, _) = run(&[(&[], Exit::Signal(11))], |_| {});
    assert!(report.report.tests.is_empty());
    assert!(report.report.problems[0].contains("signal 11"), "{:?}", report.report.problems);
}

#[test]
fn a_process_that_is_killed_from_outside_says_nothing_of_its_test() {
    let killed = || Exit::Signal(9);
    // Before anything was said, then in the middle of a test that is green when it is asked again.
    let (report, requests) = run(
        &[
            (&[], killed()),
            (&["collected a b c", "start a", "end a passed", "start b"], killed()),
            (
                &["collected b c", "start b", "end b passed", "start c", "end c passed", "done 0"],
                Exit::Code(0),
            ),
        ],
        |_| {},
    );
    assert_eq!(statuses(&report), [TestStatus::Passed; 3]);
    assert_eq!((report.report.exit_code, report.runs), (Some(0), 3));
    assert_eq!(requests[1].get("select"), requests[0].get("select"), "all of them");
    assert_eq!(requests[2]["select"], serde_json::json!(["b", "c"]));
    assert!(report.notes.iter().any(|note| note.contains("`b`")), "{:?}", report.notes);
    assert_eq!(report.report.killed, ["", "b"]);
    // A test that kills its own process does so again.
    let (report, _) = run(
        &[
            (&["collected a b", "start a"], killed()),
            (&["collected a b", "start a"], killed()),
            (&["collected b", "start b", "end b passed", "done 0"], Exit::Code(0)),
        ],
        |_| {},
    );
    assert_eq!(statuses(&report), [TestStatus::Errored, TestStatus::Passed]);
}

#[test]
fn rounds_are_bounded() {
    let processes: Vec<(&[&str], Exit)> = vec![
        (&["collected a b c", "start a"], Exit::OutOfMemory),
        (&["collected b c", "start b"], Exit::OutOfMemory),
    ];
    let (report, _) = run(&processes, |how| how.rounds = 2);
    assert_eq!(statuses(&report), [TestStatus::Errored, TestStatus::Errored, TestStatus::NotRun]);
    assert_eq!(report.report.tests[0].error_type, "MemoryError");
}

#[test]
fn garbled_repeated_and_foreign_lines_are_ignored() {
    let (report, _) = run(
        &[(
            &[
                "not json",
                "{\"e\":\"unheard\"}",
                "collected a b",
                "end a passed",
                "start b",
                "start a",
                "end b passed",
                "end b passed",
                "start zzz",
                "end zzz passed",
                "start a",
                "end a skipped",
                "collected q",
                "done 0",
                "start b",
                "done 5",
            ],
            Exit::Code(0),
        )],
        |_| {},
    );
    assert_eq!(statuses(&report), [TestStatus::Skipped, TestStatus::Passed]);
    assert_eq!(report.report.exit_code, Some(0));
    assert!(report.notes.iter().any(|note| note.contains("10 report lines")), "{:?}", report.notes);
}

#[test]
fn of_two_ends_that_contradict_each_other_the_red_one_counts() {
    let (report, _) = run(
        &[(&["collected a", "start a", "end a passed", "end a failed", "done 1"], Exit::Code(1))],
        |_| {},
    );
    assert_eq!(statuses(&report), [TestStatus::Errored]);
}

#[test]
fn a_run_that_is_to_stop_at_red_stops_there() {
    let (report, requests) = run(
        &[(
            &["collected a b", "start a", "end a failed", "start b", "end b passed", "done 1"],
            Exit::Code(1),
        )],
        |how| how.stop_on_red = true,
    );
    assert_eq!(statuses(&report), [TestStatus::Failed, TestStatus::NotRun]);
    assert_eq!(report.exit, Exit::Enough);
    assert_eq!(requests[0]["stop_on_failure"], true);
}

#[test]
fn unexpected_success_is_red_for_unittest() {
    let (report, _) = run(&[(&["collected a", "start a", "end a xpassed", "done 1"], Exit::Code(1))], |_| {});
    assert_eq!(statuses(&report), [TestStatus::Failed]);
}

#[test]
fn what_is_missing_is_taken_from_red_tests_and_errors_only() {
    let red = r#"{"e":"end","id":"a","status":"errored","missing_module":"numpy","error_type":"ModuleNotFoundError"}"#;
    let green = r#"{"e":"end","id":"b","status":"skipped","missing_module":"scipy"}"#;
    let (report, _) =
        run(&[(&["collected a b", "start b", green, "start a", red, "done 1"], Exit::Code(1))], |_| {});
    assert_eq!(report.missing_module.as_deref(), Some("numpy"));
    assert_eq!(report.unsupported, None);
}

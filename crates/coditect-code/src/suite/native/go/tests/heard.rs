//! What a test program prints, and what of it is told.

use super::*;

/// What is told of these lines: `+id` begins, `-id status` ends, `~id` waits, `.` is the end.
fn heard(
    flag: &str,
    select: Option<&[&str]>,
    lines: &str,
) -> (Vec<String>, Vec<crate::suite::protocol::End>) {
    let names = ["TestA", "TestB"].map(|name| (name.to_owned(), format!("a_test.go::{name}")));
    let unit = Unit {
        name: ".".to_owned(),
        names: Some(BTreeMap::from(names)),
        nests: true,
        root: "/project".to_owned(),
        step: Step { argv: vec![flag.to_owned()], ..Step::default() },
        ..Unit::default()
    };
    let select: Option<Vec<String>> =
        select.map(|names| names.iter().map(|name| format!("a_test.go::{name}")).collect());
    let mut ear = Go.ear(&unit, select.as_deref()).unwrap();
    let (mut told, mut ends) = (Vec::new(), Vec::new());
    let short = |id: &str| id.trim_start_matches("a_test.go::").to_owned();
    for line in lines.lines() {
        ear.hear(line, &mut |line| match line {
            Line::Start { id } => told.push(format!("+{}", short(&id))),
            Line::Paused { id } => told.push(format!("~{}", short(&id))),
            Line::End(end) => {
                told.push(format!("-{} {}", short(&end.id), end.status));
                ends.push(*end);
            }
            Line::Done { .. } => told.push(".".to_owned()),
            Line::Collected { .. } | Line::Error(_) | Line::Note { .. } | Line::Answer {} => {}
        });
    }
    (told, ends)
}

const NESTED: &str = "=== RUN   TestA\n=== RUN   TestA/one\n    a_test.go:7: got 1, want 2\n=== RUN   TestA/two\n\
                      --- FAIL: TestA (0.00s)\n    --- FAIL: TestA/one (0.00s)\n    --- PASS: TestA/two (0.01s)\n\
                      === RUN   TestB\nhello--- SKIP: TestB (0.00s)\n    a_test.go:20: not today\nFAIL\n";

#[test]
fn tests_within_a_test_are_told_one_by_one() {
    let (told, ends) = heard("-test.v=true", None, NESTED);
    assert_eq!(
        told,
        [
            "+TestA",
            "-TestA failed",
            "+TestA/one",
            "-TestA/one failed",
            "+TestA/two",
            "-TestA/two passed",
            "+TestB",
            "-TestB skipped",
            "."
        ]
    );
    assert!(ends[0].message.as_ref().unwrap().contains("got 1, want 2"), "{ends:?}");
    assert_eq!(ends[1].frames, [("a_test.go".to_owned(), 7, String::new())]);
    assert_eq!(ends[2].us, 10_000);
    assert_eq!(ends[3].message.as_deref(), Some("hello\n    a_test.go:20: not today"));
}

#[test]
fn only_what_is_asked_for_is_told() {
    let (told, _) =
        heard("-test.v=true", Some(&["TestA/two"]), NESTED.split("=== RUN   TestB").next().unwrap());
    assert_eq!(told, ["+TestA/two"], "its end is told with the next line");
    let (told, _) = heard("-test.v=true", Some(&["TestA/two"]), NESTED);
    assert!(told.contains(&"-TestA/two passed".to_owned()) && !told.contains(&"-TestA failed".to_owned()));
}

#[test]
fn a_test_cannot_tell_the_end_of_another() {
    let lie = "=== RUN   TestA\n--- PASS: TestB (0.00s)\n\u{16}--- FAIL: TestA (0.00s)\n";
    let (told, ends) = heard("-test.v=true", None, &lie.replace('\u{16}', "")[..]);
    assert_eq!(told, ["+TestA"], "nothing of a test that has not begun");
    assert!(ends.is_empty());
    // A program that marks its lines is not taken in at all.
    let lie =
        "\u{16}=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n\u{16}--- FAIL: TestA (0.00s)\n\u{16}FAIL\n";
    let (told, ends) = heard("-test.v=test2json", None, lie);
    assert_eq!(told, ["+TestA", "-TestA failed", "."]);
    assert_eq!(ends[0].message.as_deref(), Some("--- PASS: TestA (0.00s)\nPASS"));
}

#[test]
fn a_parallel_test_waits_and_goes_on() {
    let lines = "=== RUN   TestA\n=== PAUSE TestA\n=== RUN   TestB\n--- PASS: TestB (0.00s)\n=== CONT  TestA\n--- PASS: TestA (0.00s)\nPASS\n";
    let (told, _) = heard("-test.v=true", None, lines);
    assert_eq!(told, ["+TestA", "~TestA", "+TestB", "-TestB passed", "+TestA", "-TestA passed", "."]);
}

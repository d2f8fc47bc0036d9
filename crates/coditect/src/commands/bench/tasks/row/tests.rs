use super::*;

#[test]
fn a_line_that_was_replaced_counts_once() {
    let check = |diff: &str, expect: u64| assert_eq!(lines_of(diff), expect, "{diff}");
    check("", 0);
    let head = "diff --git a/x b/x\n--- a/x\n+++ b/x\n";
    check(&format!("{head}@@ -1 +1 @@\n-a\n+b\n"), 1);
    check(&format!("{head}@@ -1,3 +1,3 @@\n-a\n+b\n c\n-d\n"), 2);
    check(&format!("{head}@@ -1 +1,2 @@\n a\n+b\n+c\n{head}@@ -1 +0,0 @@\n-a\n"), 3);
    check(&format!("{head}@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"), 1);
    check(&format!("{head}@@ -1 +1 @@\n--- a\n+++ b\n"), 1);
}

fn row(status: End, seconds: f64, lines_changed: u64) -> Row {
    let solved = status == End::Solved;
    Row {
        status,
        seconds,
        search_s: seconds / 2.0,
        candidates: 10,
        lines_changed,
        mission_status: (status != End::Failed).then_some(MissionStatus::Verified),
        rung: solved.then_some(Rung::Reflex),
        ..Row::bad(&Bad { folder: "a".to_owned(), cause: String::new() })
    }
}

#[test]
fn a_summary_counts_what_the_rows_say() {
    let rows = [
        row(End::Solved, 1.0, 1),
        row(End::Solved, 3.0, 2),
        row(End::Unsolved, 8.0, 0),
        row(End::Failed, 0.0, 0),
    ];
    let how = How {
        budget_s: 60,
        no_model: true,
        jobs: 1,
        threads: 2,
        wall_s: 12.0,
        version: "0",
        debug_build: true,
        host: crate::host::host(),
    };
    let sum = Summary::of(&rows, how.clone());
    assert_eq!((sum.tasks, sum.solved, sum.unsolved, sum.failed, sum.crashed), (4, 2, 1, 1, 0));
    assert_eq!(sum.seconds, Spread { p50: Some(3.0), p95: Some(8.0) });
    assert_eq!((sum.lines_changed, sum.candidates), (Some(1), 40));
    assert_eq!(sum.solved_by.get(&Rung::Reflex), Some(&2));
    assert!((sum.candidates_per_s - 40.0 / 6.0).abs() < 1e-9);
    let none = Summary::of(&[], how);
    assert_eq!((none.seconds, none.lines_changed), (Spread { p50: None, p95: None }, None));
}

use super::*;

fn ran(lines: &[u32]) -> BTreeMap<String, Vec<u32>> {
    BTreeMap::from([("a.py".to_owned(), lines.to_vec())])
}

fn frame(file: &str, line: u32) -> Frame {
    Frame { file: file.to_owned(), line, function: "f".to_owned() }
}

fn named(frames: &[Frame]) -> Trace<'_> {
    Trace { frames, is_all: false }
}

#[test]
fn a_line_that_only_red_tests_ran_comes_first() {
    let (one, two, three) = (ran(&[1, 2, 5]), ran(&[1, 2, 5, 5]), ran(&[1, 3]));
    let suspects = rank(&[(true, &one), (true, &two), (false, &three)], &[]);
    let order: Vec<u32> = suspects.iter().map(|s| s.line).collect();
    assert_eq!(order, [2, 5, 1], "line 3 ran in no red test");
    assert!((suspects[0].score - 1.0).abs() < 1e-9);
    assert!((suspects[2].score - 2.0 / 6.0_f64.sqrt()).abs() < 1e-9);
}

#[test]
fn a_traceback_raises_its_lines_and_stays_below_one() {
    let (one, two) = (ran(&[1, 2]), ran(&[1, 2]));
    let trace = [frame("a.py", 1), frame("a.py", 2), frame("elsewhere.py", 9)];
    let suspects = rank(&[(true, &one), (false, &two)], &[named(&trace)]);
    assert!(suspects.iter().all(|s| s.file == "a.py" && s.score < 1.0), "{suspects:?}");
    let crashed = rank(&[(true, &one), (false, &two)], &[named(&trace[..2])]);
    assert_eq!(crashed[0].line, 2);
}

#[test]
fn without_lines_the_tracebacks_are_all_there_is() {
    let trace = [frame("a.py", 7)];
    let suspects = rank(&[], &[Trace { frames: &trace, is_all: true }]);
    assert_eq!((suspects[0].file.as_str(), suspects[0].line), ("a.py", 7));
    assert!(rank(&[], &[]).is_empty());
}

#[test]
fn a_test_that_could_not_be_imported_has_its_traceback() {
    let (one, nothing) = (ran(&[1, 2]), BTreeMap::new());
    let trace = [frame("b.py", 4)];
    let whole = Trace { frames: &trace, is_all: true };
    let suspects = rank(&[(true, &nothing), (false, &one)], &[whole]);
    assert_eq!((suspects[0].file.as_str(), suspects[0].line), ("b.py", 4));
    assert!(rank(&[(true, &nothing), (false, &one)], &[named(&trace)]).is_empty());
}

use super::*;

fn reach(tests: &[&str], files: &[&str], raised: &[&str]) -> Reach {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Reach { tests: owned(tests), test_files: Vec::new(), files: owned(files), raised: owned(raised) }
}

/// `tests: files` by strand, or `one piece`.
fn check(reach: &[Reach], most: usize, expect: &[&str]) {
    let mut red: Vec<String> = reach.iter().flat_map(|one| one.tests.clone()).collect();
    red.sort();
    let told: Vec<String> = match divide(reach, &red, most) {
        None => vec!["one piece".to_owned()],
        Some(strands) => strands
            .iter()
            .map(|strand| format!("{} {}: {}", strand.id, strand.tests.join(" "), strand.files.join(" ")))
            .collect(),
    };
    assert_eq!(told, expect);
}

#[test]
fn tests_that_need_different_files_are_strands_of_their_own() {
    check(&[reach(&["t1", "t2"], &["a"], &[]), reach(&["t3"], &["b"], &[])], 9, &["s1 t1 t2: a", "s2 t3: b"]);
}

#[test]
fn tests_that_need_the_same_file_are_one_strand() {
    let chain = [
        reach(&["t1"], &["a"], &[]),
        reach(&["t2"], &["a", "b"], &[]),
        reach(&["t3"], &["b", "c"], &[]),
        reach(&["t4"], &["d"], &[]),
    ];
    check(&chain, 9, &["s1 t1 t2 t3: a b c", "s2 t4: d"]);
    check(&chain[..3], 9, &["one piece"]);
}

#[test]
fn what_nearly_all_reach_divides_nobody_unless_an_error_was_raised_there() {
    let usual = |raised: &[&str]| {
        [
            reach(&["t1"], &["a", "lib"], raised),
            reach(&["t2"], &["b", "lib"], raised),
            reach(&["t3"], &["c", "lib"], raised),
        ]
    };
    check(&usual(&[]), 9, &["s1 t1: a", "s2 t2: b", "s3 t3: c"]);
    check(&usual(&["lib"]), 9, &["one piece"]);
    // Of two nobody knows what is common by custom.
    check(&usual(&[])[..2], 9, &["one piece"]);
}

#[test]
fn a_test_of_the_sum_belongs_to_no_strand() {
    let all = [
        reach(&["t1"], &["a"], &[]),
        reach(&["t2"], &["b"], &[]),
        reach(&["t3"], &["a", "b"], &[]),
        // This one needs a file of its own too: its work is not theirs.
        reach(&["t4"], &["c", "d"], &[]),
    ];
    check(&all, 9, &["s1 t1: a", "s2 t2: b", "s3 t4: c d"]);
}

#[test]
fn where_it_cannot_be_told_the_work_is_one_piece() {
    check(&[reach(&["t1"], &["a"], &[]), reach(&["t2"], &[], &[])], 9, &["one piece"]);
    check(&[reach(&["t1"], &["a"], &[])], 9, &["one piece"]);
    check(&[reach(&["t1"], &["a"], &[]), reach(&["t2"], &["b"], &[])], 1, &["one piece"]);
    let red = ["t1".to_owned(), "t2".to_owned()];
    assert_eq!(divide(&[reach(&["t1"], &["a"], &[])], &red, 9), None, "nothing is known of t2");
}

#[test]
fn no_more_strands_than_there_are_answers_for() {
    let many: Vec<Reach> = ["t1", "t2", "t3", "t4", "t5"]
        .iter()
        .zip(["a", "b", "c", "d", "e"])
        .map(|(t, f)| reach(&[t], &[f], &[]))
        .collect();
    check(&many, 2, &["s1 t1 t2 t3: a b c", "s2 t4 t5: d e"]);
    check(&many, 4, &["s1 t1 t2: a b", "s2 t3: c", "s3 t4: d", "s4 t5: e"]);
}

#[test]
fn no_file_is_in_two_strands_whatever_is_reached() {
    let mut seed = 7_u32;
    let mut next = |n: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % n
    };
    for _ in 0..2_000 {
        let names: Vec<String> = (0..8).map(|n| format!("f{n}")).collect();
        let all: Vec<Reach> = (0..next(12))
            .map(|n| Reach {
                tests: vec![format!("t{n:02}")],
                files: (0..=next(3)).map(|_| names[next(8) as usize].clone()).collect(),
                raised: (0..next(2)).map(|_| names[next(8) as usize].clone()).collect(),
                ..Reach::default()
            })
            .collect();
        let red: Vec<String> = all.iter().flat_map(|one| one.tests.clone()).collect();
        let most = next(10) as usize;
        let Some(strands) = divide(&all, &red, most) else { continue };
        let files: Vec<&String> = strands.iter().flat_map(|strand| &strand.files).collect();
        let tests: Vec<&String> = strands.iter().flat_map(|strand| &strand.tests).collect();
        assert_eq!(files.len(), files.iter().collect::<BTreeSet<_>>().len(), "{all:?} {strands:?}");
        assert_eq!(tests.len(), tests.iter().collect::<BTreeSet<_>>().len(), "{all:?} {strands:?}");
        assert!((2..=most).contains(&strands.len()), "{most} {strands:?}");
        assert!(strands.iter().all(|strand| !strand.tests.is_empty() && !strand.files.is_empty()));
    }
}

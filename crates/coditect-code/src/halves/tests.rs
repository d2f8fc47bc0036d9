use std::collections::BTreeSet;
use std::convert::Infallible;

use super::*;

fn change(path: &str, before: &str, after: &str) -> FileChange {
    FileChange {
        path: path.into(),
        before: Some(before.as_bytes().to_vec()),
        after: Some(after.as_bytes().to_vec()),
    }
}

fn text_of(parted: &Parted, keep: &[usize]) -> String {
    let files = parted.with(keep);
    files.into_iter().map(|file| String::from_utf8(file.after.unwrap()).unwrap()).collect()
}

const BEFORE: &str = "def a():\n    raise 1\n\n\ndef b():\n    return 2\n";
const AFTER: &str = "import os\n\n\ndef a():\n    return 1\n\n\nowner = 1\n\n\ndef b():\n    return 3\n";

#[test]
fn a_change_falls_into_hunks_and_any_of_them_can_be_made_alone() {
    let parted = Parted::of(vec![change("m.py", BEFORE, AFTER)]);
    let places: Vec<String> = (0..parted.len()).filter_map(|hunk| parted.place(hunk)).collect();
    assert_eq!(places.len(), 4, "{places:?}");
    assert_eq!(text_of(&parted, &[0, 1, 2, 3]), AFTER);
    let find = |needle: &str| (0..4).find(|hunk| parted.text(*hunk).contains(needle)).unwrap();
    let one = text_of(&parted, &[find("+    return 1")]);
    assert_eq!(one, "def a():\n    return 1\n\n\ndef b():\n    return 2\n");
    assert_eq!(text_of(&parted, &[find("+    return 3")]), BEFORE.replace("return 2", "return 3"));
    assert!(parted.text(find("return 3")).contains("-    return 2\n+    return 3\n"));
    assert_eq!(parted.with(&[]), Vec::new());
}

#[test]
fn what_is_no_text_and_what_is_new_is_one_hunk_and_ends_of_lines_stay() {
    let binary = FileChange { path: "x".into(), before: Some(vec![0xff]), after: Some(vec![0xfe]) };
    let new = FileChange { path: "n.py".into(), before: None, after: Some(b"a = 1\n\n\nb = 2\n".to_vec()) };
    let gone = FileChange { path: "g.py".into(), before: Some(b"x\n".to_vec()), after: None };
    let crlf = change("w.py", "a\r\nb\r\nc\r\nd", "A\r\nb\r\nc\r\nD");
    let parted = Parted::of(vec![binary.clone(), new.clone(), gone.clone(), crlf]);
    assert_eq!(parted.len(), 5);
    assert_eq!(parted.with(&[0, 1, 2]), [binary, new, gone]);
    assert_eq!(text_of(&parted, &[3]), "A\r\nb\r\nc\r\nd");
    assert_eq!(text_of(&parted, &[4]), "a\r\nb\r\nc\r\nD");
    let grown = Parted::of(vec![change("e.py", "a\nb\nc", "A\nb\nc\n\nd")]);
    assert_eq!((text_of(&grown, &[0]), text_of(&grown, &[2])), ("A\nb\nc".into(), "a\nb\nc\n\nd".into()));
    assert_eq!(parted.place(4).unwrap(), "w.py:4");
}

/// Halves a change of so many hunks; `needed` does what it is for, `bad` sets break a test of their name each. `runs` at most.
fn halved(all: usize, needed: &[usize], bad: &[&[usize]], runs: usize) -> (Halves, usize) {
    let mut ran = 0;
    let end = |part: &[usize]| -> Seen {
        let part: BTreeSet<&usize> = part.iter().collect();
        let does = needed.iter().all(|hunk| part.contains(hunk));
        let breaks: Vec<String> = bad
            .iter()
            .filter(|set| set.iter().all(|hunk| part.contains(hunk)))
            .map(|set| format!("{set:?}"))
            .collect();
        Seen { does, passes: does && breaks.is_empty(), breaks }
    };
    let whole: Vec<usize> = (0..all).collect();
    let broken = end(&whole).breaks;
    let mut look = |part: &[usize]| -> Result<Option<Seen>, Infallible> {
        ran += 1;
        Ok((ran <= runs).then(|| end(part)))
    };
    let Ok(halves) = halve(all, &broken, &mut look);
    (halves, ran)
}

#[test]
fn what_breaks_something_is_left_out_and_nothing_else() {
    let (halves, ran) = halved(8, &[2], &[&[5]], 99);
    assert_eq!(halves.harmful, [(vec![5], vec!["[5]".to_owned()])]);
    assert_eq!(halves.part, Some(vec![0, 1, 2, 3, 4, 6, 7]));
    assert!(ran <= 8, "{ran}");
    // Each of several, and two that do so only together.
    let (halves, _) = halved(6, &[0], &[&[1], &[4]], 99);
    assert_eq!((halves.harmful.len(), halves.part), (2, Some(vec![0, 2, 3, 5])));
    let (halves, _) = halved(6, &[0], &[&[1, 4]], 99);
    assert_eq!(halves.harmful[0].0, [1, 4]);
    assert_eq!(halves.part, Some(vec![0, 2, 3, 5]));
}

#[test]
fn where_what_is_needed_does_harm_too_its_harm_is_named() {
    let (halves, _) = halved(4, &[1], &[&[1]], 99);
    assert_eq!(halves.part, None);
    assert_eq!(halves.harmful, [(vec![1], vec!["[1]".to_owned()])]);
    // It does so only beside something else: the fewest that are needed do not.
    let (halves, _) = halved(4, &[1], &[&[1, 3]], 99);
    assert_eq!(halves.harmful[0].0, [1, 3]);
    assert_eq!(halves.part, Some(vec![0, 1, 2]));
    assert_eq!(halved(8, &[2], &[&[2, 5]], 99).0.part, Some(vec![0, 1, 2, 3, 4, 6, 7]));
    // All of it does: nothing in particular is harmful, and the part is one all the same.
    let (halves, _) = halved(2, &[0], &[&[0, 1]], 99);
    assert_eq!((halves.part, halves.harmful), (Some(vec![0]), Vec::new()));
}

#[test]
fn no_more_is_tried_than_may_be() {
    for runs in 0..12 {
        let (halves, ran) = halved(16, &[3], &[&[2, 13]], runs);
        assert!(ran <= runs + 1, "{ran} of {runs}");
        if let Some(part) = halves.part {
            assert!(part.contains(&3) && !(part.contains(&2) && part.contains(&13)));
        }
    }
    for hunks in [0, 1, MOST_HUNKS + 1] {
        assert_eq!(halved(hunks, &[], &[&[]], 99), (Halves::default(), 0));
    }
}

#[test]
fn for_any_change_the_part_passes_and_what_is_harmful_breaks_something() {
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((seed >> 33) % below).unwrap()
    };
    for _ in 0..500 {
        let all = 2 + next(12);
        let hunk = |n: usize| n % all;
        let needed = [hunk(next(100))];
        let sets: Vec<Vec<usize>> =
            (0..1 + next(3)).map(|_| (0..1 + next(2)).map(|_| hunk(next(100))).collect()).collect();
        let bad: Vec<&[usize]> = sets.iter().map(Vec::as_slice).collect();
        let (halves, ran) = halved(all, &needed, &bad, 999);
        let breaks = |part: &[usize]| bad.iter().any(|set| set.iter().all(|hunk| part.contains(hunk)));
        for (harmful, _) in &halves.harmful {
            assert!(breaks(harmful), "{harmful:?} of {bad:?}");
            for out in harmful {
                let less: Vec<usize> = harmful.iter().copied().filter(|hunk| hunk != out).collect();
                assert!(!breaks(&less), "{harmful:?} is not the least of {bad:?}");
            }
        }
        let needs_harm = bad.iter().any(|set| set.iter().all(|hunk| *hunk == needed[0]));
        match halves.part {
            Some(part) => assert!(part.contains(&needed[0]) && !breaks(&part), "{part:?} {bad:?}"),
            None => assert!(needs_harm, "{needed:?} {bad:?}"),
        }
        assert!(ran < 4 * all * all + 8);
    }
}

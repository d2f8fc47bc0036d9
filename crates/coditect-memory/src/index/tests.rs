#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn index(texts: &[&str]) -> Index {
    let mut index = Index::default();
    for text in texts {
        index.insert(&[Part { text, weight: 1 }]);
    }
    index
}

const TEXTS: [&str; 6] = [
    "def remove_directory(path): delete a folder and all that is in it",
    "def parse_date(text): the date of a string such as 2026-11-28",
    "def total(numbers): the sum of a list",
    "def mean(numbers): the average of a list",
    "class HttpServer: answers requests on a port",
    "def retry(function, times): call it again after an error",
];

#[test]
fn what_is_asked_for_comes_first_whichever_word_is_used() {
    let mut index = index(&TEXTS);
    for learnt in [false, true] {
        if learnt {
            index.learn();
        }
        for (query, best) in
            [("how to delete a dir", 0), ("average of numbers", 3), ("http request", 4), ("ParseDate", 1)]
        {
            assert_eq!(index.search(query, 3)[0].text, best, "{query}, learnt: {learnt}");
        }
        assert_eq!(index.search("zebra", 3).len(), 3);
    }
}

#[test]
fn what_is_forgotten_is_not_found() {
    let mut index = index(&TEXTS);
    index.remove(0);
    index.remove(0);
    index.remove(99);
    assert_eq!(index.len(), 5);
    assert!(index.search("delete a folder", 6).iter().all(|hit| hit.text != 0));
    assert!(Index::default().search("anything", 5).is_empty());
}

#[test]
fn what_was_kept_is_the_same_index() {
    for learnt in [false, true] {
        let mut index = index(&TEXTS);
        if learnt {
            index.learn();
        }
        index.remove(2);
        let bytes = index.to_bytes();
        let mut again = Index::from_bytes(&bytes).unwrap();
        assert_eq!(again.to_bytes(), bytes);
        for query in ["delete a folder", "the average", "sum", "zebra"] {
            assert_eq!(again.search(query, 6), index.search(query, 6), "{query}");
        }
        assert_eq!(again.len(), 5);
        // It goes on where it was.
        let part = [Part { text: "def median(numbers): the middle one", weight: 1 }];
        assert_eq!((again.insert(&part), index.insert(&part)), (6, 6));
        assert_eq!(again.search("middle of numbers", 3), index.search("middle of numbers", 3));
        for cut in (0..bytes.len()).step_by(1_499) {
            assert!(Index::from_bytes(&bytes[..cut]).is_none(), "{cut}");
        }
    }
}

proptest! {
    #[test]
    fn the_search_by_words_finds_what_a_look_at_every_text_finds(
        texts in proptest::collection::vec("[a-e]( [a-h]){0,12}", 1..60),
        query in "[a-h]( [a-h]){0,4}",
        gone in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut index = Index::default();
        for text in &texts {
            index.insert(&[Part { text, weight: 1 }]);
        }
        for gone in gone {
            index.remove(u32::try_from(gone.index(texts.len())).unwrap());
        }
        let found = index.by_words(&query, 5);
        let terms = index.question(&query, None).terms;
        let mut all: Vec<Scored> = (0..texts.len())
            .filter(|text| !index.gone[*text])
            .map(|text| {
                let number = u32::try_from(text).unwrap();
                Scored { score: index.lexical.score(&terms, number, index.of_text(text)), text: number }
            })
            .filter(|scored| scored.score > 0.0)
            .collect();
        all.sort_unstable();
        prop_assert_eq!(found.len(), all.len().min(5));
        // Sums in another order differ in their last digits.
        let near = |(hit, scored): (&Hit, &Scored)| (hit.score - scored.score).abs() < 1e-4;
        prop_assert!(found.iter().zip(&all).all(near), "{:?} {:?}", found, all);
    }

    #[test]
    fn the_nearest_signatures_have_the_nearest_texts(
        texts in proptest::collection::vec("[a-p]{2,5}( [a-p]{2,5}){0,6}", 20..80),
        query in "[a-p]{2,5}( [a-p]{2,5}){0,3}",
    ) {
        let mut index = Index::default();
        for text in &texts {
            index.insert(&[Part { text, weight: 1 }]);
        }
        // There are fewer than are looked at, so it is exact.
        prop_assert_eq!(index.search(&query, 10), index.exact(&query, 10));
    }
}

/// A vector of 40 numbers about one of four things, with some noise.
fn about(thing: usize, n: usize) -> Vec<f32> {
    let noise = |place: usize| ((n * 31 + place * 17) % 13) as f32 / 60.0;
    (0..40).map(|place| f32::from(u8::from(place % 4 == thing)) + noise(place)).collect()
}

#[test]
fn given_vectors_find_what_has_no_word_in_common_before_and_after_it_learnt() {
    let mut index = Index::of_given();
    for n in 0..80 {
        let text = format!("text {n}");
        index.insert_with(&[Part { text: &text, weight: 1 }], Some(&about(n % 4, n)));
    }
    // One of another length, and one that has none, are found by their words.
    index.insert_with(&[Part { text: "odd", weight: 1 }], Some(&[1.0, 2.0]));
    index.insert(&[Part { text: "plain", weight: 1 }]);
    for _ in 0..2 {
        let hits = index.search_with("nothing of it", Some(&about(2, 1)), 20);
        assert!(hits.len() == 20 && hits.iter().all(|hit| hit.text % 4 == 2), "{hits:?}");
        assert_eq!(index.search("odd", 1)[0].text, 80);
        assert_eq!(index.search("plain", 1)[0].text, 81);
        index.learn();
    }
    let again = Index::from_bytes(&index.to_bytes()).unwrap();
    let of = |index: &Index| index.search_with("text 7", Some(&about(3, 5)), 10);
    assert_eq!(of(&again), of(&index));
    assert!(again.is_of_given() && !Index::default().is_of_given());
}

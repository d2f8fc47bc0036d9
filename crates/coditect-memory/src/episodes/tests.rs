#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use coditect_ports::shelves::{Embedded, Removals, ShelfSize};
use coditect_types::memory::{Shelf, Standing};
use coditect_types::{ErrorKind, MissionId, MissionStatus, Reused, Rung, TestResult, TestStatus};

use std::collections::BTreeSet;

use super::*;
use crate::episode::Accepted;

/// Shelves in a map.
#[derive(Debug, Default)]
struct InMind {
    rows: Mutex<BTreeMap<u64, Row>>,
    index: Mutex<Option<Vec<u8>>>,
    removals: Mutex<u64>,
    vectors: Mutex<BTreeMap<(String, EpisodeId), Embedded>>,
    /// Those that cannot be read now.
    away: Mutex<BTreeSet<u64>>,
    /// What was fetched together.
    fetched: Mutex<Vec<Vec<u64>>>,
}

impl Shelves for InMind {
    fn put(&self, episodes: &[Kept]) -> Result<Put, PortError> {
        let mut rows = self.rows.lock().unwrap();
        let known: BTreeSet<EpisodeId> = rows.values().map(|row| row.kept.id.clone()).collect();
        for kept in episodes.iter().filter(|kept| !known.contains(&kept.id)) {
            for Reused { episode, held } in &kept.reused {
                for row in rows.values_mut().filter(|row| row.kept.id == *episode) {
                    row.standing.uses.0 += 1;
                    row.standing.uses.1 += u32::from(*held);
                }
            }
            let number = rows.keys().next_back().map_or(1, |last| last + 1);
            let standing = Standing {
                number,
                shelf: Shelf::Warm,
                proved: !kept.rung.is_empty(),
                ended_ms: kept.ended_ms,
                used_ms: 0,
                uses: (0, 0),
                bytes: 1,
            };
            rows.insert(number, Row { standing, seen: 1, kept: kept.clone() });
        }
        Ok(Put { new: episodes.len(), ..Put::default() })
    }

    fn lacking(&self, mut names: Vec<EpisodeId>) -> Result<Vec<EpisodeId>, PortError> {
        let rows = self.rows.lock().unwrap();
        names.retain(|name| rows.values().all(|row| row.kept.id != *name));
        Ok(names)
    }

    fn names(&self, number: u64) -> Result<Vec<EpisodeId>, PortError> {
        Ok(self.fetch(&[number])?.into_iter().map(|row| row.kept.id).collect())
    }

    fn removals(&self) -> Result<Removals, PortError> {
        Ok(Removals { all: *self.removals.lock().unwrap(), forgotten: 0 })
    }

    fn standings(&self) -> Result<Vec<Standing>, PortError> {
        Ok(self.rows.lock().unwrap().values().map(|row| row.standing).collect())
    }

    fn fetch(&self, numbers: &[u64]) -> Result<Vec<Row>, PortError> {
        self.fetched.lock().unwrap().push(numbers.to_vec());
        let (rows, away) = (self.rows.lock().unwrap(), self.away.lock().unwrap());
        let there = numbers.iter().filter(|number| !away.contains(number));
        Ok(there.filter_map(|number| rows.get(number).cloned()).collect())
    }

    fn each(&self, after: u64, take: &mut dyn FnMut(Row) -> bool) -> Result<(), PortError> {
        let rows: Vec<Row> =
            self.rows.lock().unwrap().range(after + 1..).map(|(_, row)| row.clone()).collect();
        assert!(self.away.lock().unwrap().is_empty());
        rows.into_iter().all(take);
        Ok(())
    }

    fn each_in_reach(&self, after: u64, take: &mut dyn FnMut(Row) -> bool) -> Result<Vec<u64>, PortError> {
        let all: Vec<u64> = self.rows.lock().unwrap().range(after + 1..).map(|(number, _)| *number).collect();
        self.fetch(&all)?.into_iter().all(take);
        let away = self.away.lock().unwrap();
        Ok(all.into_iter().filter(|number| away.contains(number)).collect())
    }

    fn number(&self, id: &EpisodeId) -> Result<Option<u64>, PortError> {
        Ok(self.rows.lock().unwrap().values().find(|row| row.kept.id == *id).map(|row| row.standing.number))
    }

    fn move_to(&self, _: Shelf, _: &[u64]) -> Result<usize, PortError> {
        Ok(0)
    }

    fn remove(&self, numbers: &[u64], _: bool) -> Result<(), PortError> {
        self.rows.lock().unwrap().retain(|number, _| !numbers.contains(number));
        *self.removals.lock().unwrap() += numbers.len() as u64;
        Ok(())
    }

    fn refill(&self, episodes: &[Kept], _: u64) -> Result<Put, PortError> {
        self.rows.lock().unwrap().clear();
        self.put(episodes)
    }

    fn save_index(&self, bytes: &[u8], _: u64) -> Result<(), PortError> {
        *self.index.lock().unwrap() = Some(bytes.to_vec());
        Ok(())
    }

    fn index(&self) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.index.lock().unwrap().clone())
    }

    fn vectors(&self, space: &str, wanted: &[(EpisodeId, [u8; 32])]) -> Result<Vec<Embedded>, PortError> {
        let kept = self.vectors.lock().unwrap();
        let one = |(id, text): &(EpisodeId, [u8; 32])| {
            kept.get(&(space.into(), id.clone())).filter(|of| of.text == *text)
        };
        Ok(wanted.iter().filter_map(one).cloned().collect())
    }

    fn keep_vectors(&self, space: &str, vectors: &[Embedded]) -> Result<(), PortError> {
        let named = vectors.iter().map(|of| ((space.to_owned(), of.id.clone()), of.clone()));
        self.vectors.lock().unwrap().extend(named);
        Ok(())
    }

    fn count_vectors(&self, space: &str) -> Result<u64, PortError> {
        Ok(self.vectors.lock().unwrap().keys().filter(|(of, _)| of == space).count() as u64)
    }

    fn sizes(&self) -> Result<[(Shelf, ShelfSize); 2], PortError> {
        Ok([(Shelf::Warm, ShelfSize::default()), (Shelf::Cold, ShelfSize::default())])
    }
}

fn episode(n: u64, error: &str, before: &str, after: &str) -> Episode {
    let diff = format!("--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-{before}\n+{after}\n");
    Episode {
        id: EpisodeId::from(&MissionId::from_parts(n * 1_000, n)),
        workspace: "/repo".into(),
        ended_ms: n,
        status: Some(MissionStatus::Verified),
        request: "make the failing tests pass".into(),
        language: if n == 3 { "go".into() } else { "python".into() },
        symptoms: vec![Symptom {
            test: format!("test_{n}.py::test_mean"),
            error: error.into(),
            said: String::new(),
        }],
        refused: Vec::new(),
        accepted: Some(Accepted {
            rung: Some(Rung::Reflex),
            confidence: 0.85,
            explanation: "a value was off by one".into(),
            diff,
        }),
        diagnoses: Vec::new(),
        reused: Vec::new(),
        tokens: 0,
        tree: String::new(),
        wall_ms: 5,
    }
}

fn three() -> Vec<Episode> {
    vec![
        episode(1, "IndexError", "x[n]", "x[n - 1]"),
        episode(2, "ZeroDivisionError", "a / b", "a / b if b else 0"),
        episode(3, "ZeroDivisionError", "a / b", "a / c"),
    ]
}

fn memory(shelves: &Arc<InMind>, all: Vec<Episode>) -> Episodes {
    let load = move |lacking: Lacking<'_>| {
        let names = lacking(all.iter().map(|episode| episode.id.clone()).collect())?;
        Ok(all.iter().filter(|episode| names.contains(&episode.id)).cloned().collect())
    };
    Episodes::new(Arc::clone(shelves) as Arc<dyn Shelves>, Box::new(load))
}

fn division() -> TestResult {
    TestResult {
        id: "t.py::test_average".into(),
        status: TestStatus::Errored,
        us: 1,
        message: "division by zero".into(),
        error_type: "ZeroDivisionError".into(),
        frames: Vec::new(),
        passes_of_runs: None,
    }
}

fn recalled(memory: &Episodes) -> Vec<Recalled> {
    let red = [division()];
    let situation = Situation { request: "fix it", language: "python", red: &red, now_ms: 10 };
    memory.recall(&situation, 5).unwrap()
}

#[test]
fn the_most_alike_situation_of_the_same_language_comes_first() {
    let recalled = recalled(&memory(&Arc::default(), three()));
    let edits: Vec<&str> = recalled.iter().map(|of| of.edits[0].after.as_str()).collect();
    assert_eq!(edits, ["a / b if b else 0\n", "x[n - 1]\n"]);
    assert!(recalled[0].likeness > recalled[1].likeness);
}

#[test]
fn what_did_not_hold_elsewhere_is_trusted_less() {
    let mut all = three();
    all[1].reused = Vec::new();
    for n in 4..10 {
        let mut user = episode(n, "KeyError", "z", "y");
        user.request = "something else".into();
        user.reused = vec![Reused { episode: all[1].id.clone(), held: false }];
        all.push(user);
    }
    let shelves = Arc::default();
    let before = recalled(&memory(&Arc::default(), three()))[0].likeness;
    let after = recalled(&memory(&shelves, all));
    let same = after.iter().find(|of| of.edits[0].after.contains("if b else 0")).unwrap();
    assert!(same.likeness < before / 2.0, "{} {before}", same.likeness);
}

#[test]
fn what_a_person_made_otherwise_afterwards_is_no_example() {
    let person = |n: u64, before: &str, after: &str| {
        let mut commit = episode(n, "", before, after);
        commit.id = EpisodeId::parse(&format!("c-{n}")).unwrap();
        commit.status = None;
        commit.ended_ms = 5_000;
        commit.accepted.as_mut().unwrap().rung = None;
        commit
    };
    let mine = episode(2, "ZeroDivisionError", "a / b", "a / b if b else 0");
    for (commit, counts) in [
        (person(7, "a / b", "a / max(b, 1)"), false),
        (person(7, "a / b if b else 0", "a / b"), false),
        (person(7, "a / b", "a / b if b else 0"), true),
        (person(7, "x / y", "x"), true),
        // It does the same and more.
        (person(7, "a / b\ntotal", "a / b if b else 0\ntotal + 1"), true),
        // A line that both have around their change is not the place of either.
        (person(7, "a / b\ntotal", "a / b\ntotal + 1"), true),
    ] {
        assert_eq!(is_superseded(&mine, &commit), !counts, "{commit:?}");
        let recalled = recalled(&memory(&Arc::default(), vec![mine.clone(), commit]));
        assert_eq!(recalled.iter().any(|of| of.episode == mine.id), counts);
    }
    let mut elsewhere = person(7, "a / b", "a / max(b, 1)");
    elsewhere.workspace = "/other".into();
    assert!(!is_superseded(&mine, &elsewhere));
    let later = Episode { ended_ms: 9_000, ..mine };
    assert!(!is_superseded(&later, &person(7, "a / b", "a")));
}

#[test]
fn what_merely_passed_is_no_example() {
    let unsure = |confidence| {
        let mut all = three();
        all[1].accepted.as_mut().unwrap().confidence = confidence;
        recalled(&memory(&Arc::default(), all)).len()
    };
    assert_eq!((unsure(0.85), unsure(0.5)), (2, 1));
}

#[test]
fn examples_are_of_the_same_directory() {
    let mut all = three();
    all[0].workspace = "/elsewhere".into();
    all[1].workspace = "/repo/part".into();
    let memory = memory(&Arc::default(), all);
    let red = [division()];
    let situation = Situation { request: "fix it", language: "python", red: &red, now_ms: 10 };
    let of = |dirs: &[&str]| {
        let dirs: Vec<String> = dirs.iter().map(|dir| (*dir).to_owned()).collect();
        let examples = memory.examples(&situation, &dirs, 5).unwrap();
        examples.into_iter().map(|example| example.diff).collect::<Vec<_>>()
    };
    assert!(of(&["/repo/part"]).len() == 1 && of(&["/repo/part"])[0].contains("if b else 0"));
    // Not what is above or below it: that may be another repository.
    for dir in ["/repo/part/deep", "/repo", "/", "/repo/par", ""] {
        assert!(of(&[dir]).is_empty(), "{dir}");
    }
    assert_eq!(of(&["/repo/part/deep", "/repo/part"]).len(), 1);
}

#[test]
fn old_ones_count_less_and_good_ones_as_before() {
    let shelves: Arc<InMind> = Arc::default();
    memory(&shelves, three()).absorb().unwrap();
    let mut row = shelves.fetch(&[1]).unwrap().remove(0);
    assert!((trust(&row, 0) - 1.0).abs() < 1e-9);
    assert!((trust(&row, 1 + 365 * 86_400_000) - 0.5).abs() < 1e-9);
    assert!((trust(&row, u64::MAX) - LEAST_BY_AGE).abs() < 1e-9);
    // A clock that went back makes nothing younger than new.
    row.standing.ended_ms = 1_000_000;
    assert!((trust(&row, 0) - 1.0).abs() < 1e-9);
    row.standing.uses = (4, 4);
    assert!((trust(&row, 0) - 1.0).abs() < 1e-9);
    row.standing.uses = (4, 0);
    assert!(trust(&row, 0) < 0.3);
}

#[test]
fn an_index_that_was_kept_is_gone_on_with() {
    let shelves: Arc<InMind> = Arc::default();
    let many: Vec<Episode> =
        (10..90).map(|n| episode(n, "ValueError", &format!("f{n}(x)"), &format!("f{n}(x + 1)"))).collect();
    let first = memory(&shelves, many.clone());
    assert!(first.search("f17", 3).unwrap().iter().any(|found| found.episode.id == many[7].id));
    let kept = shelves.index().unwrap().unwrap();
    shelves.remove(&[3, 4], false).unwrap();
    let mut more = many;
    more.push(episode(95, "KeyError", "zebra", "horse"));
    let second = memory(&shelves, more.clone());
    assert_eq!(second.search("zebra", 1).unwrap()[0].episode.id, more[80].id);
    assert!(
        second
            .search("f12 f13", 80)
            .unwrap()
            .iter()
            .all(|found| found.row.standing.number > 4 || found.row.standing.number < 3)
    );
    // One more is no reason to write all of it again.
    assert_eq!(shelves.index().unwrap().unwrap(), kept);
    // What is no index is made anew.
    shelves.save_index(b"nothing", 0).unwrap();
    assert!(!memory(&shelves, more).search("f17", 3).unwrap().is_empty());
}

#[test]
fn what_is_away_is_found_once_it_is_back() {
    let shelves = Arc::<InMind>::default();
    let memory = memory(&shelves, three());
    memory.absorb().unwrap();
    shelves.away.lock().unwrap().extend([1, 3]);
    let found = |memory: &Episodes| -> Vec<u64> {
        // As if some seconds had passed.
        memory.known.write().unwrap().iter_mut().for_each(Known::look_again);
        let mut found = memory.search("ZeroDivisionError IndexError", 5).unwrap();
        found.sort_by_key(|found| found.row.standing.number);
        found.iter().map(|found| found.row.standing.number).collect()
    };
    assert_eq!(found(&memory), [2]);
    assert_eq!(*shelves.index.lock().unwrap(), None, "what lacks some is not kept");
    shelves.put(&[episode(4, "ZeroDivisionError", "a / b", "a / d").kept()]).unwrap();
    assert_eq!(found(&memory), [2, 4]);
    shelves.away.lock().unwrap().remove(&3);
    // One is tried at a time.
    found(&memory);
    assert_eq!(found(&memory), [2, 3, 4]);
    shelves.away.lock().unwrap().clear();
    assert_eq!(found(&memory), [1, 2, 3, 4]);
}

#[test]
fn what_is_away_is_asked_for_one_by_one_and_not_at_every_search() {
    let shelves = Arc::<InMind>::default();
    let memory = memory(&shelves, three());
    memory.absorb().unwrap();
    shelves.away.lock().unwrap().extend([1, 2, 3]);
    memory.asking(|_, _| ()).unwrap();
    shelves.fetched.lock().unwrap().clear();
    for _ in 0..20 {
        memory.asking(|_, _| ()).unwrap();
    }
    let fetched: Vec<Vec<u64>> = shelves.fetched.lock().unwrap().drain(..).collect();
    let of_away: Vec<&Vec<u64>> = fetched.iter().filter(|numbers| !numbers.is_empty()).collect();
    assert_eq!(of_away, [&vec![1]]);
}

#[test]
fn made_anew_it_has_what_the_journals_have_and_what_only_it_has() {
    let shelves: Arc<InMind> = Arc::default();
    memory(&shelves, three()).absorb().unwrap();
    let put = memory(&shelves, vec![episode(2, "ZeroDivisionError", "p", "q")]).rebuild().unwrap();
    assert_eq!(put.new, 3);
    let rows = shelves.fetch(&[1, 2, 3]).unwrap();
    let diff = Episode::from_kept(&rows[1].kept).unwrap().accepted.unwrap().diff;
    assert!(diff.contains("+q"), "{diff}");
}

#[test]
fn the_same_change_again_is_the_same_and_secrets_are_not_kept() {
    let (one, mut other) = (episode(1, "E", "a", "b"), episode(2, "F", "a", "b"));
    other.request = "make  the failing TESTS pass".into();
    assert_eq!(one.kept().sameness, other.kept().sameness);
    other.workspace = "/elsewhere".into();
    assert_ne!(one.kept().sameness, other.kept().sameness);
    assert_eq!(Episode::from_kept(&one.kept()), Some(one));
    let mut told = episode(3, "E", "a", "b");
    let secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    told.symptoms[0].test = format!("t.py::test_login[{secret}]");
    told.symptoms[0].error = format!("Bad{secret}");
    told.refused = vec![format!("it has {secret}")];
    told.diagnoses = vec![format!("Flaky: {secret}")];
    let body = String::from_utf8(told.kept().body).unwrap();
    assert!(!body.contains("16C7e42F"), "{body}");
    assert_eq!(episode(1, "E", "a", "b").kept().rung, "reflex");
}

#[test]
fn a_memory_that_cannot_be_read_says_so() {
    let broken = |_: Lacking<'_>| Err(PortError::new(ErrorKind::Unavailable, "the disk is away"));
    let memory = Episodes::new(Arc::new(InMind::default()), Box::new(broken));
    assert!(memory.search("x", 1).is_err());
}

/// Knows of a few words what they mean, and how often it was asked.
#[derive(Debug)]
struct Meanings {
    name: &'static str,
    is_down: bool,
    asked: Mutex<Vec<usize>>,
}

impl Meanings {
    fn new(name: &'static str, is_down: bool) -> Arc<Self> {
        Arc::new(Self { name, is_down, asked: Mutex::default() })
    }

    fn asked(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }
}

impl Embedder for Meanings {
    fn name(&self) -> &str {
        self.name
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
        self.asked.lock().unwrap().push(texts.len());
        if self.is_down {
            return Err(PortError::new(ErrorKind::Unavailable, "nobody is there"));
        }
        let vector = |text: &String| {
            let about = |words: &[&str]| f32::from(u8::from(words.iter().any(|word| text.contains(word))));
            vec![about(&["ZeroDivision", "nought"]), about(&["IndexError", "beyond the end"]), 0.1]
        };
        Ok(texts.iter().map(vector).collect())
    }
}

fn found(memory: &Episodes, query: &str) -> Vec<u64> {
    memory.search(query, 3).unwrap().iter().map(|found| found.episode.ended_ms).collect()
}

#[test]
fn what_is_meant_is_found_by_given_vectors_and_each_text_is_asked_for_once() {
    let shelves = Arc::default();
    let embedder = Meanings::new("m", false);
    let with = || memory(&shelves, three()).with(Arc::clone(&embedder) as Arc<dyn Embedder>, 100);
    let first = with();
    assert_eq!(found(&first, "nought")[..2], [2, 3]);
    assert_eq!(found(&first, "beyond the end")[0], 1);
    assert_eq!(embedder.asked(), [1, 3, 1], "the texts are asked for together, after the query");
    assert_eq!(found(&with(), "beyond the end")[0], 1);
    assert_eq!(embedder.asked()[3..], [1], "the vectors of texts are kept");
    assert_eq!(shelves.count_vectors("m").unwrap(), 3);
    // Another model's vectors are in another space.
    let other = Meanings::new("n", false);
    let memory = memory(&shelves, three()).with(Arc::clone(&other) as Arc<dyn Embedder>, 100);
    assert_eq!(found(&memory, "nought")[..2], [2, 3]);
    assert_eq!(other.asked(), [1, 3]);
}

#[test]
fn where_vectors_cannot_be_had_words_find_and_the_cause_is_told() {
    let shelves = Arc::default();
    let down = memory(&shelves, three()).with(Meanings::new("m", true), 100);
    assert_eq!(found(&down, "IndexError")[0], 1);
    assert_eq!(down.lacks_vectors().unwrap().cause, "nobody is there");
    // Later they can: what was found by words alone was not kept.
    let up = memory(&shelves, three()).with(Meanings::new("m", false), 100);
    assert_eq!(found(&up, "nought")[..2], [2, 3]);
    assert!(up.lacks_vectors().is_none());
}

#[test]
fn no_more_texts_are_asked_for_at_a_time_than_may_be() {
    let shelves = Arc::default();
    let all: Vec<Episode> = (1..=70).map(|n| episode(n, "IndexError", "a", &format!("b{n}"))).collect();
    for round in 1..=3 {
        let embedder = Meanings::new("m", false);
        let memory = memory(&shelves, all.clone()).with(Arc::clone(&embedder) as Arc<dyn Embedder>, 30);
        memory.search("beyond the end", 3).unwrap();
        assert_eq!(shelves.count_vectors("m").unwrap(), 70.min(30 * round));
        assert_eq!(shelves.index().unwrap().is_some(), round == 3, "only a whole index is kept");
    }
}

/// Refuses texts of one kind, and gives vectors of another length from some moment on.
#[derive(Debug, Default)]
struct Picky {
    size: std::sync::atomic::AtomicUsize,
}

impl Embedder for Picky {
    fn name(&self) -> &str {
        "picky"
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, PortError> {
        if texts.iter().any(|text| text.contains("IndexError")) {
            return Err(PortError::new(ErrorKind::Invalid, "the text is too long"));
        }
        let size = 3 + self.size.load(std::sync::atomic::Ordering::SeqCst);
        let about =
            |text: &String| f32::from(u8::from(text.contains("ZeroDivision") || text.contains("nought")));
        Ok(texts.iter().map(|text| [vec![about(text)], vec![0.1; size - 1]].concat()).collect())
    }
}

#[test]
fn a_text_that_is_refused_is_found_by_its_words_and_the_others_by_their_vectors() {
    let shelves = Arc::default();
    let memory = memory(&shelves, three()).with(Arc::<Picky>::default(), 100);
    assert_eq!(found(&memory, "nought")[..2], [2, 3]);
    assert_eq!(found(&memory, "IndexError")[0], 1);
    assert!(memory.lacks_vectors().is_none());
    assert_eq!(shelves.count_vectors("picky").unwrap(), 3, "that one has none is kept as well");
}

#[test]
fn another_model_under_the_same_name_is_noticed_by_the_length_of_its_vectors() {
    let shelves = Arc::default();
    let embedder = Arc::<Picky>::default();
    let memory = memory(&shelves, three()).with(Arc::clone(&embedder) as Arc<dyn Embedder>, 100);
    assert_eq!(found(&memory, "nought")[..2], [2, 3]);
    embedder.size.store(5, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(found(&memory, "nought")[..2], [2, 3]);
    let sizes: BTreeSet<usize> = shelves.vectors.lock().unwrap().values().map(|of| of.vector.len()).collect();
    assert_eq!(sizes, BTreeSet::from([0, 8]));
}

#[test]
fn what_failed_again_and_again_hides_nothing_that_was_right() {
    let failed = |n: u64| {
        let mut failed = episode(n, "ZeroDivisionError", "", "");
        failed.symptoms[0].test = "t.py::test_average".into();
        failed.symptoms[0].said = "division by zero".into();
        (failed.status, failed.accepted) = (Some(MissionStatus::Failed), None);
        failed
    };
    let mut all = vec![episode(2, "ZeroDivisionError", "a / b", "a / b if b else 0")];
    all.extend((10..210).map(failed));
    let recalled = recalled(&memory(&Arc::default(), all));
    assert_eq!(recalled.len(), 1, "{recalled:?}");
}

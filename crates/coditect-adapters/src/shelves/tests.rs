#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;

use coditect_types::Reused;

use super::*;

mod bucket;
mod forgetting;
mod salvaged;

fn id(n: u64) -> EpisodeId {
    EpisodeId::parse(&format!("m-{n:06}")).unwrap()
}

fn kept(n: u64) -> Kept {
    Kept {
        id: id(n),
        workspace: "/repo".into(),
        language: "python".into(),
        status: "verified".into(),
        rung: if n.is_multiple_of(3) { String::new() } else { "reflex".into() },
        request: format!("mend number {n}"),
        ended_ms: 1_000 * n,
        wall_ms: n,
        sameness: String::new(),
        reused: Vec::new(),
        body: format!("{{\"n\": {n}, \"secret\": \"planted-{n}-planted\"}}").into_bytes(),
    }
}

fn numbers(shelves: &DiskShelves) -> Vec<u64> {
    shelves.standings().unwrap().iter().map(|standing| standing.number).collect()
}

fn all(shelves: &DiskShelves) -> BTreeMap<EpisodeId, Row> {
    let mut rows = BTreeMap::new();
    shelves
        .each(0, &mut |row| {
            assert!(rows.insert(row.kept.id.clone(), row).is_none(), "an episode is there twice");
            true
        })
        .unwrap();
    rows
}

fn texts_below(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            bytes.extend(texts_below(&path));
        } else {
            bytes.extend(fs::read(path).unwrap());
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_is_put_is_found_wherever_it_is_moved() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let episodes: Vec<Kept> = (1..=1_000).map(kept).collect();
    assert_eq!(shelves.put(&episodes).unwrap(), Put { new: 1_000, same: 0, forgotten: 0 });
    assert_eq!(shelves.put(&episodes).unwrap(), Put::default());
    let all_numbers = numbers(&shelves);
    shelves.move_to(Shelf::Cold, &all_numbers[..700]).unwrap();
    shelves.move_to(Shelf::Warm, &all_numbers[100..110]).unwrap();
    drop(shelves);
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let wanted = [all_numbers[999], all_numbers[0], all_numbers[105], all_numbers[300]];
    let rows = shelves.fetch(&wanted).unwrap();
    let found: Vec<&Kept> = rows.iter().map(|row| &row.kept).collect();
    assert_eq!(found, [&episodes[999], &episodes[0], &episodes[105], &episodes[300]]);
    let [(_, warm), (_, cold)] = shelves.sizes().unwrap();
    assert_eq!((warm.episodes, cold.episodes), (310, 690));
    assert!(cold.bytes > 0 && cold.ended_ms == Some((1_000, 700_000)), "{cold:?}");
    assert_eq!(all(&shelves).len(), 1_000);
    assert_eq!(shelves.number(&id(5)).unwrap(), Some(all_numbers[4]));
    // Most of the part goes: what is left is written anew, and the old file is gone.
    shelves.move_to(Shelf::Warm, &all_numbers[..600]).unwrap();
    let parts = fs::read_dir(dir.path().join(COLD)).unwrap().count();
    assert_eq!((parts, all(&shelves).len()), (1, 1_000));
}

#[test]
fn the_same_again_is_counted_and_uses_are_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let same = |n| Kept { sameness: "abc".into(), ..kept(n) };
    assert_eq!(shelves.put(&[same(1), same(2)]).unwrap(), Put { new: 1, same: 1, forgotten: 0 });
    let reused = |n, held| Reused { episode: id(n), held };
    let user = Kept { reused: vec![reused(1, false), reused(2, true), reused(9, true)], ..kept(3) };
    shelves.put(std::slice::from_ref(&user)).unwrap();
    shelves.put(std::slice::from_ref(&user)).unwrap();
    let rows = all(&shelves);
    let row = &rows[&id(1)];
    assert_eq!((row.seen, row.standing.uses, row.standing.used_ms), (2, (2, 1), 3_000));
    assert_eq!(rows[&id(3)].kept.reused, user.reused);
    assert_eq!(shelves.number(&id(2)).unwrap(), Some(row.standing.number));
}

#[test]
fn what_is_forgotten_is_in_no_file_and_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let episodes: Vec<Kept> = (1..=600).map(kept).collect();
    shelves.put(&episodes).unwrap();
    let all_numbers = numbers(&shelves);
    shelves.move_to(Shelf::Cold, &all_numbers[..300]).unwrap();
    shelves.save_index(b"the words of planted-7-planted", 0).unwrap();
    let gone = [all_numbers[6], all_numbers[499]];
    shelves.remove(&gone, true).unwrap();
    for n in [7, 500] {
        let text = format!("planted-{n}-planted");
        assert!(!holds(&texts_below(dir.path()), &text), "{text}");
        assert!(!holds(&texts_below(dir.path()), &format!("mend number {n}")));
    }
    assert!(holds(&texts_below(dir.path()), "planted-501-planted"));
    assert_eq!(shelves.put(&episodes).unwrap(), Put { forgotten: 2, ..Put::default() });
    assert_eq!(shelves.refill(&episodes, u64::MAX).unwrap().new, 598);
    assert!(!all(&shelves).contains_key(&id(7)));
    assert_eq!(shelves.index().unwrap(), None);
}

#[test]
fn what_was_dropped_for_room_comes_back_when_memory_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&[kept(1), kept(2)]).unwrap();
    shelves.remove(&numbers(&shelves)[..1], false).unwrap();
    assert_eq!(shelves.put(&[kept(1)]).unwrap(), Put::default());
    assert_eq!(shelves.refill(&[kept(1), kept(2)], u64::MAX).unwrap().new, 2);
}

#[test]
fn an_index_that_is_damaged_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.save_index(b"words", 0).unwrap();
    assert_eq!(shelves.index().unwrap().as_deref(), Some(&b"words"[..]));
    let file = dir.path().join("index.bin");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert_eq!(shelves.index().unwrap(), None);
    fs::write(&file, b"x").unwrap();
    assert_eq!(shelves.index().unwrap(), None);
}

#[test]
fn a_newer_memory_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    DiskShelves::open(dir.path()).unwrap().put(&[kept(1)]).unwrap();
    Connection::open(dir.path().join(FILE)).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = DiskShelves::open(dir.path()).unwrap_err();
    assert!(error.kind == ErrorKind::Conflict && error.cause.contains("newer"), "{error:?}");
    assert!(dir.path().join(FILE).exists() && !dir.path().join("memory.db.damaged-1").exists());
}

#[test]
fn a_damaged_catalogue_is_set_aside_and_made_anew_from_the_parts() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=20).map(kept).collect::<Vec<_>>()).unwrap();
    shelves.move_to(Shelf::Cold, &numbers(&shelves)[..12]).unwrap();
    drop(shelves);
    let file = dir.path().join(FILE);
    let size = fs::metadata(&file).unwrap().len() as usize;
    fs::write(&file, vec![b'x'; size]).unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let said = shelves.findings().join("\n");
    assert!(said.contains("set aside") && said.contains("nobody knows how many"), "{said}");
    let rows = all(&shelves);
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[&id(3)].kept, kept(3));
    // Numbers go on behind those that were given.
    shelves.put(&[kept(30)]).unwrap();
    assert!(shelves.number(&id(30)).unwrap() > shelves.number(&id(12)).unwrap());
    assert!(dir.path().join("memory.db.damaged-1").exists());
}

#[test]
fn a_part_that_is_damaged_or_lost_costs_no_more_than_itself() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=30).map(kept).collect::<Vec<_>>()).unwrap();
    let all_numbers = numbers(&shelves);
    for range in [0..10, 10..20] {
        shelves.move_to(Shelf::Cold, &all_numbers[range]).unwrap();
    }
    let mut parts: Vec<PathBuf> =
        fs::read_dir(dir.path().join(COLD)).unwrap().map(|e| e.unwrap().path()).collect();
    parts.sort();
    fs::write(&parts[0], b"PAR1 and nothing else").unwrap();
    assert_eq!(all(&shelves).len(), 20);
    fs::remove_file(&parts[1]).unwrap();
    assert_eq!(all(&shelves).len(), 10);
    assert_eq!(shelves.fetch(&all_numbers).unwrap().len(), 10);
    // What is gone can be put again once it is let go.
    shelves.remove(&all_numbers[..20], true).unwrap();
    assert_eq!(all(&shelves).len(), 10);
}

#[test]
fn a_catalogue_that_is_lost_is_made_anew_from_the_parts() {
    for how in ["lost", "empty"] {
        let dir = tempfile::tempdir().unwrap();
        let shelves = DiskShelves::open(dir.path()).unwrap();
        shelves.put(&(1..=20).map(kept).collect::<Vec<_>>()).unwrap();
        shelves.move_to(Shelf::Cold, &numbers(&shelves)[..12]).unwrap();
        shelves.save_index(b"of numbers that mean nothing any more", 0).unwrap();
        drop(shelves);
        for end in ["", "-wal", "-shm"] {
            fs::remove_file(dir.path().join(format!("{FILE}{end}"))).ok();
        }
        if how == "empty" {
            fs::write(dir.path().join(FILE), b"").unwrap();
        }
        let shelves = DiskShelves::open(dir.path()).unwrap();
        assert_eq!((all(&shelves).len(), shelves.index().unwrap()), (12, None), "{how}");
        // What is put away next takes nobody's place.
        shelves.put(&[kept(40)]).unwrap();
        shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap();
        assert_eq!(all(&shelves).len(), 13);
    }
}

#[test]
fn damage_that_is_found_in_use_is_seen_to_by_whoever_opens_next() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=300).map(kept).collect::<Vec<_>>()).unwrap();
    shelves.move_to(Shelf::Cold, &numbers(&shelves)[..100]).unwrap();
    drop(shelves);
    let file = dir.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    bytes[4_096..].fill(b'x');
    fs::write(&file, &bytes).unwrap();
    drop(DiskShelves::open(dir.path()).unwrap());
    // Damage that is found later is written down.
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let damaged = PortError::new(ErrorKind::Bug, "malformed");
    let error = shelves.watched::<()>(Err(damaged)).unwrap_err();
    assert!(error.hint.unwrap().contains("set aside"));
    drop(shelves);
    let shelves = DiskShelves::open(dir.path()).unwrap();
    assert_eq!(all(&shelves).len(), 100);
    shelves.put(&[kept(301)]).unwrap();
    drop(shelves);
    assert_eq!(all(&DiskShelves::open(dir.path()).unwrap()).len(), 101);
}

#[test]
fn a_damaged_part_is_kept_aside_and_told_when_memory_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=20).map(kept).collect::<Vec<_>>()).unwrap();
    shelves.move_to(Shelf::Cold, &numbers(&shelves)[..12]).unwrap();
    let part = fs::read_dir(dir.path().join(COLD)).unwrap().next().unwrap().unwrap().path();
    fs::write(&part, b"PAR1 and nothing else").unwrap();
    // It is asked for as often as one likes, and nothing is moved.
    assert_eq!(shelves.move_to(Shelf::Warm, &numbers(&shelves)[..12]).unwrap(), 0);
    let mut seen = Vec::new();
    let mut through = 0;
    shelves
        .each(0, &mut |row| {
            through = row.standing.number;
            seen.push(row.kept);
            true
        })
        .unwrap();
    // Another one is faster.
    shelves.put(&[kept(50)]).unwrap();
    assert_eq!(shelves.refill(&seen, through).unwrap().new, 9);
    assert!(shelves.findings()[0].contains("damaged"), "{:?}", shelves.findings());
    assert!(part.with_extension("parquet.damaged-1").exists());
    // What is forgotten may be in it.
    shelves.remove(&numbers(&shelves)[..1], true).unwrap();
    assert!(!part.with_extension("parquet.damaged-1").exists());
}

#[test]
fn what_a_process_that_was_killed_had_begun_to_forget_is_erased() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=9).map(kept).collect::<Vec<_>>()).unwrap();
    shelves.save_index(b"planted-3-planted", 0).unwrap();
    fs::create_dir(dir.path().join(COLD).join("a directory")).unwrap();
    fs::write(dir.path().join(COLD).join("notes.txt"), "mine").unwrap();
    // As far as the step that says what is gone.
    shelves
        .alone(|step| {
            catalogue::set_erasing(step, true)?;
            catalogue::remove(step, &catalogue::entries(step, &[3])?, true)
        })
        .unwrap();
    assert!(holds(&texts_below(dir.path()), "planted-3-planted"));
    // An index with its words is not kept any more, whoever has one.
    shelves.save_index(b"planted-3-planted", 0).unwrap();
    drop(shelves);
    let shelves = DiskShelves::open(dir.path()).unwrap();
    assert!(!holds(&texts_below(dir.path()), "planted-3-planted"));
    assert_eq!((all(&shelves).len(), shelves.removals().unwrap().forgotten), (8, 1));
    assert!(dir.path().join(COLD).join("notes.txt").exists());
}

#[test]
fn several_use_the_same_shelves_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=400).map(kept).collect::<Vec<_>>()).unwrap();
    let all_numbers = numbers(&shelves);
    std::thread::scope(|scope| {
        for n in 0..4_usize {
            let (dir, all_numbers) = (dir.path(), &all_numbers);
            scope.spawn(move || {
                let own = DiskShelves::open(dir).unwrap();
                for round in 0..6_usize {
                    let shelf = if (n + round).is_multiple_of(2) { Shelf::Cold } else { Shelf::Warm };
                    own.move_to(shelf, &all_numbers[n * 70..n * 70 + 150]).unwrap();
                    own.put(&[kept(1_000 + (n * 10 + round) as u64)]).unwrap();
                    assert_eq!(own.fetch(all_numbers).unwrap().len(), 400);
                }
            });
        }
    });
    assert_eq!(all(&shelves).len(), 424);
    let named = fs::read_dir(dir.path().join(COLD)).unwrap().count();
    let catalogue = Connection::open(dir.path().join(FILE)).unwrap();
    let parts: i64 = catalogue.query_row("SELECT count(*) FROM parts", [], |row| row.get(0)).unwrap();
    assert_eq!(named as i64, parts);
}

#[test]
fn questions_in_sql_see_both_shelves_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=30).map(kept).collect::<Vec<_>>()).unwrap();
    shelves.move_to(Shelf::Cold, &numbers(&shelves)[..10]).unwrap();
    let ask = |sql: &str| shelves.query(sql, Duration::from_secs(30));
    let answer =
        ask("SELECT shelf, count(*) AS n, avg(wall_ms) FROM episodes GROUP BY shelf ORDER BY n").unwrap();
    assert_eq!(answer.columns, ["shelf", "n", "avg(wall_ms)"]);
    let row = |shelf: &str, n, mean| vec![Cell::Text(shelf.into()), Cell::Integer(n), Cell::Real(mean)];
    assert_eq!(answer.rows, [row("cold", 10, 5.5), row("warm", 20, 20.5)]);
    let inside = ask("SELECT json_extract(body, '$.n'), rung FROM episodes WHERE id = 'm-000003'").unwrap();
    assert_eq!(inside.rows, [[Cell::Integer(3), Cell::Null]]);
    for bad in ["DELETE FROM episodes", "SELEKT 1", "", "ATTACH 'x.db' AS x", "SELECT * FROM warm"] {
        assert_eq!(ask(bad).unwrap_err().kind, ErrorKind::Invalid, "{bad}");
    }
    assert_eq!(all(&shelves).len(), 30);
}

#[test]
fn questions_without_end_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let endless = |select: &str| {
        format!("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT {select} FROM n")
    };
    for (question, within, says) in [
        (endless("count(*)"), 100, "not answered within 0.1 s"),
        (endless("count(*)"), 0, "not answered within 0 s"),
        (endless("x, 'a text'"), 60_000, "longer than 64 MiB"),
        ("SELECT hex(zeroblob(400000000))".to_owned(), 60_000, "longer than 64 MiB"),
    ] {
        let error = shelves.query(&question, Duration::from_millis(within)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Exhausted, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u64),
    Move(bool, Vec<prop::sample::Index>),
    Remove(bool, prop::sample::Index),
    Open,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..40_u64).prop_map(Step::Put),
        4 => (any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 1..8))
            .prop_map(|(cold, at)| Step::Move(cold, at)),
        2 => (any::<bool>(), any::<prop::sample::Index>()).prop_map(|(forget, at)| Step::Remove(forget, at)),
        1 => Just(Step::Open),
    ];
    prop::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is done, each episode is there once, and as it was put.
    #[test]
    fn nothing_is_lost_and_nothing_is_there_twice(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut shelves = DiskShelves::open(dir.path()).unwrap();
        let (mut there, mut gone): (BTreeMap<EpisodeId, Kept>, BTreeSet<EpisodeId>) = Default::default();
        for step in steps {
            let known = numbers(&shelves);
            match step {
                Step::Put(n) => {
                    shelves.put(&[kept(n)]).unwrap();
                    if !gone.contains(&id(n)) {
                        there.insert(id(n), kept(n));
                    }
                }
                Step::Move(cold, at) if !known.is_empty() => {
                    let picked: Vec<u64> = at.iter().map(|at| known[at.index(known.len())]).collect();
                    shelves.move_to(if cold { Shelf::Cold } else { Shelf::Warm }, &picked).unwrap();
                }
                Step::Remove(forget, at) if !known.is_empty() => {
                    let number = known[at.index(known.len())];
                    let name = shelves.fetch(&[number]).unwrap()[0].kept.id.clone();
                    shelves.remove(&[number], forget).unwrap();
                    there.remove(&name);
                    gone.insert(name);
                }
                Step::Open => shelves = DiskShelves::open(dir.path()).unwrap(),
                Step::Move(..) | Step::Remove(..) => {}
            }
            let found: BTreeMap<EpisodeId, Kept> =
                all(&shelves).into_iter().map(|(name, row)| (name, row.kept)).collect();
            prop_assert_eq!(&found, &there);
        }
    }
}

const CHILD: &str = "CODITECT_TEST_SHELVES";

/// Moves episodes to and fro until it is killed. Runs only as a child of the test below.
#[test]
fn a_mover() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let shelves = DiskShelves::open(Path::new(&dir)).unwrap();
    let known = numbers(&shelves);
    for round in 0_usize.. {
        let from = round * 37 % known.len();
        let some: Vec<u64> = known.iter().cycle().skip(from).take(60).copied().collect();
        shelves.move_to(if round.is_multiple_of(2) { Shelf::Cold } else { Shelf::Warm }, &some).unwrap();
    }
}

fn mover(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "shelves::tests::a_mover"])
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_mover_that_is_killed_loses_nothing_and_keeps_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let episodes: Vec<Kept> = (1..=300).map(kept).collect();
    shelves.put(&episodes).unwrap();
    let (mut moved, mut last) = (0, Vec::new());
    for seed in 0..200_u64 {
        let mut child = mover(dir.path());
        // Some are killed before they begin, most in the midst of a move.
        let wait = Duration::from_micros(4_000 + seed.wrapping_mul(7_919) % 45_000);
        std::thread::park_timeout(wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let found: Vec<Kept> = all(&shelves).into_values().map(|row| row.kept).collect();
        assert_eq!(found, episodes, "seed {seed}");
        let cold: Vec<u64> = shelves
            .standings()
            .unwrap()
            .iter()
            .filter(|standing| standing.shelf == Shelf::Cold)
            .map(|standing| standing.number)
            .collect();
        moved += usize::from(cold != last);
        last = cold;
    }
    assert!(moved > 50, "only {moved} of the children moved anything before they were killed");
    // What the last one left half done is cleared away by whoever writes next.
    shelves.move_to(Shelf::Warm, &numbers(&shelves)).unwrap();
    assert_eq!(fs::read_dir(dir.path().join(COLD)).unwrap().count(), 0);
}

#[test]
fn vectors_are_kept_with_their_episodes_and_go_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=4).map(kept).collect::<Vec<_>>()).unwrap();
    let of = |n: u64, text: u8| Embedded { id: id(n), text: [text; 32], vector: vec![n as f32, -0.5, 1e-9] };
    shelves.keep_vectors("a", &[of(1, 1), of(2, 2), of(3, 3), of(99, 9)]).unwrap();
    shelves.keep_vectors("b", &[of(2, 2)]).unwrap();
    shelves.keep_vectors("a", &[of(3, 4)]).unwrap();
    let all = numbers(&shelves);
    shelves.move_to(Shelf::Cold, &all[..3]).unwrap();
    let wanted = [(id(3), [4; 32]), (id(2), [7; 32]), (id(1), [1; 32]), (id(99), [9; 32])];
    assert_eq!(
        shelves.vectors("a", &wanted).unwrap(),
        [of(3, 4), of(1, 1)],
        "each with the text that was asked for"
    );
    assert_eq!(shelves.count_vectors("a").unwrap(), 3);
    shelves.remove(&all[..1], true).unwrap();
    assert_eq!((shelves.count_vectors("a").unwrap(), shelves.count_vectors("b").unwrap()), (2, 1));
    shelves.refill(&[kept(3), kept(4)], all[3]).unwrap();
    assert_eq!((shelves.count_vectors("a").unwrap(), shelves.count_vectors("b").unwrap()), (0, 0));
}

#[test]
fn a_catalogue_of_the_first_version_is_taken_on() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&[kept(1)]).unwrap();
    drop(shelves);
    let catalogue = Connection::open(dir.path().join(FILE)).unwrap();
    catalogue
        .execute_batch(
            "DROP TABLE vectors; DROP TABLE objects; DROP TABLE store; DROP TABLE doomed; ALTER TABLE parts DROP COLUMN rows;
             ALTER TABLE parts DROP COLUMN sum;
             ALTER TABLE parts DROP COLUMN forgets; PRAGMA user_version = 1",
        )
        .unwrap();
    drop(catalogue);
    let shelves = DiskShelves::open(dir.path()).unwrap();
    assert_eq!(all(&shelves).len(), 1);
    assert_eq!(shelves.count_vectors("a").unwrap(), 0);
}

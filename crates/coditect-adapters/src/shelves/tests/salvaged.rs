//! What a damaged catalogue or part leaves.

use super::*;

/// Shelves with 200 episodes, of which the first 50 are in a part, and one forgotten.
fn filled(dir: &Path) {
    let shelves = DiskShelves::open(dir).unwrap();
    let mut episodes: Vec<Kept> = (1..=200).map(kept).collect();
    // One that is put away tried one that is at hand, and the other way round.
    episodes[9].reused = vec![Reused { episode: id(150), held: true }];
    episodes[159].reused = vec![Reused { episode: id(20), held: false }];
    shelves.put(&episodes).unwrap();
    let known = numbers(&shelves);
    shelves.move_to(Shelf::Cold, &known[..50]).unwrap();
    shelves.remove(&known[199..], true).unwrap();
    shelves.doom(&[EpisodeId::parse("m-doomed").unwrap()]).unwrap();
}

/// Overwrites bytes of the catalogue.
fn smash(dir: &Path, range: std::ops::Range<usize>) {
    let file = dir.join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    assert!(bytes.len() > range.end, "{}", bytes.len());
    bytes[range].fill(b'x');
    fs::write(&file, bytes).unwrap();
}

#[test]
fn a_catalogue_without_its_header_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    smash(dir.path(), 0..100);
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let said = shelves.findings().join("\n");
    assert!(
        said.contains("set aside as `") && said.contains("of 149 episodes that were at hand, 149"),
        "{said}"
    );
    let rows = all(&shelves);
    assert_eq!(rows.len(), 199);
    assert_eq!(rows[&id(120)].kept, kept(120));
    assert_eq!((rows[&id(150)].standing.uses, rows[&id(20)].standing.uses), ((1, 1), (1, 0)));
    // What was forgotten does not come back, and what was begun is not forgotten.
    assert_eq!(shelves.put(&[kept(200)]).unwrap().forgotten, 1);
    assert_eq!(shelves.doomed().unwrap(), [EpisodeId::parse("m-doomed").unwrap()]);
    let left = shelves.set_aside();
    assert_eq!(left.len(), 1, "the copy is gone: {left:?}");
}

#[test]
fn a_process_that_came_no_further_than_to_set_it_aside_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    smash(dir.path(), 0..100);
    set_aside(dir.path()).unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    assert_eq!(all(&shelves).len(), 199);
    drop(shelves);
    // And what was taken over is not taken over again.
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let known = numbers(&shelves);
    shelves.remove(&known[known.len() - 1..], false).unwrap();
    drop(shelves);
    set_aside(dir.path()).unwrap();
    assert_eq!(all(&DiskShelves::open(dir.path()).unwrap()).len(), 198);
}

#[test]
fn of_a_catalogue_with_a_hole_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let size = fs::metadata(dir.path().join(FILE)).unwrap().len() as usize;
    smash(dir.path(), size / 2..size / 2 + 6_000);
    // That there is damage may show in use alone.
    fs::write(dir.path().join(SUSPECT), b"").unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let rows = all(&shelves);
    assert!((100..=199).contains(&rows.len()), "{}", rows.len());
    assert!(rows.iter().all(|(id, row)| row.kept.body == kept(id.as_str()[2..].parse().unwrap()).body));
}

#[test]
fn a_part_that_is_damaged_within_is_passed_over_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let loud = |n: u64| Kept {
        body: format!("{{\"n\": \"{}\"}}", blake3::hash(&n.to_le_bytes()).to_hex().repeat(9)).into(),
        ..kept(n)
    };
    shelves.put(&(1..=400).map(loud).collect::<Vec<_>>()).unwrap();
    shelves.move_to(Shelf::Cold, &numbers(&shelves)[..300]).unwrap();
    let part = fs::read_dir(dir.path().join(COLD)).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&part).unwrap();
    bytes[2_000..9_000].fill(7);
    fs::write(&part, bytes).unwrap();
    // It is there, and a part of it cannot be unpacked: that is damage, and not trouble of the moment.
    assert!(all(&shelves).len() >= 100);
    assert!(shelves.findings()[0].contains("is damaged"), "{:?}", shelves.findings());
    // What cannot be read can be forgotten.
    let (number, _) = shelves.called("m-000001").unwrap()[0];
    shelves.remove(&[number], true).unwrap();
    assert!(shelves.called("m-000001").unwrap().is_empty());
}

#[test]
fn parts_say_as_much_of_their_episodes_as_the_catalogue_did() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let same = |n| Kept { sameness: "abc".into(), ..kept(n) };
    let user = Kept { reused: vec![Reused { episode: id(1), held: true }], ..kept(7) };
    shelves.put(&[same(1), same(2), user]).unwrap();
    shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap();
    let before = shelves.standings().unwrap();
    drop(shelves);
    for end in ["", "-wal", "-shm"] {
        fs::remove_file(dir.path().join(format!("{FILE}{end}"))).ok();
    }
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let after = shelves.standings().unwrap();
    assert_eq!(before, after);
    assert_eq!(all(&shelves)[&id(1)].seen, 2);
}

#[test]
fn nothing_has_ended_in_the_future() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    let later = Kept { ended_ms: u64::MAX, ..kept(1) };
    let twin = Kept { ended_ms: u64::MAX, sameness: "s".into(), ..kept(3) };
    shelves.put(&[later, Kept { sameness: "s".into(), ..kept(2) }, twin]).unwrap();
    let now_ms = moving::now_ms();
    assert!(shelves.standings().unwrap().iter().all(|standing| standing.ended_ms <= now_ms));
}

#[test]
fn an_episode_is_called_by_the_beginning_of_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=12).map(kept).collect::<Vec<_>>()).unwrap();
    let called = |beginning: &str| shelves.called(beginning).unwrap().len();
    assert_eq!(
        (called("m-00001"), called("00001"), called("m-000003"), called("x"), called("")),
        (3, 3, 1, 0, 12)
    );
}

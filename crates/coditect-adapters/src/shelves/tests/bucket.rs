//! Shelves with a bucket.

use super::*;

mod elsewhere;
mod server;

use super::super::bucket::Bucket;
pub(super) use server::texts_here;
use server::{Door, OPEN, SHUT, Server, at_port, saying};

const AT: &str = "s3://memories/team/this";

fn open_at(dir: &Path, at: BucketAt) -> DiskShelves {
    DiskShelves::open_with(dir, Some(Ok(at))).unwrap()
}

/// Shelves with `all` episodes, of which the first `cold` are in the bucket.
fn filled(dir: &Path, at: BucketAt, all: u64, cold: usize) -> (DiskShelves, Vec<u64>) {
    let shelves = open_at(dir, at);
    shelves.put(&(1..=all).map(kept).collect::<Vec<_>>()).unwrap();
    let known = numbers(&shelves);
    assert_eq!(shelves.move_to(Shelf::Cold, &known[..cold]).unwrap(), cold);
    (shelves, known)
}

fn copies(dir: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(dir.join(COLD)).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|end| end == "parquet")).collect()
}

fn remove_copies(dir: &Path) {
    copies(dir).iter().for_each(|path| fs::remove_file(path).unwrap());
}

fn remove_catalogue(dir: &Path) {
    for end in ["", "-wal", "-shm"] {
        fs::remove_file(dir.join(format!("{FILE}{end}"))).ok();
    }
}

#[test]
fn what_is_put_away_is_in_the_bucket_and_is_got_back() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (shelves, known) = filled(dir.path(), server.at(AT), 300, 200);
    let there = server.names("memories");
    assert_eq!((there.len(), copies(dir.path()).len()), (2, 1), "a part, and whose it is: {there:?}");
    assert!(there.iter().all(|name| name.starts_with("team/this/")), "{there:?}");
    remove_copies(dir.path());
    assert_eq!(all(&shelves).len(), 300);
    // It was kept here again. One that is damaged is got once more, in this process and in another one.
    let size = fs::metadata(&copies(dir.path())[0]).unwrap().len() as usize;
    for _ in 0..2 {
        fs::write(&copies(dir.path())[0], vec![b'x'; size]).unwrap();
        assert_eq!(shelves.fetch(&[known[6]]).unwrap()[0].kept, kept(7));
        fs::write(&copies(dir.path())[0], "no part").unwrap();
        assert_eq!(all(&open_at(dir.path(), server.at(AT))).len(), 300);
    }
    let counted = shelves.query("SELECT count(*) FROM episodes WHERE shelf = 'cold'", Duration::from_secs(9));
    assert_eq!(counted.unwrap().rows, [[Cell::Integer(200)]]);
    let far = shelves.far().unwrap().unwrap();
    assert_eq!((far.bytes, far.here_bytes, far.to_delete), (size as u64, size as u64, 0));
    assert!(far.place.starts_with("s3://memories/team/this at http://127.0.0.1:"), "{far:?}");
    // Most of a part comes back: what is left is another part, and the first is gone there and here.
    shelves.move_to(Shelf::Warm, &known[..150]).unwrap();
    let now = server.parts("memories");
    assert_eq!((now.len(), copies(dir.path()).len(), there.contains(&now[0])), (1, 1, false));
    shelves.move_to(Shelf::Warm, &known).unwrap();
    assert_eq!((server.parts("memories").len(), copies(dir.path()).len()), (0, 0));
    assert_eq!(all(&shelves).len(), 300);
    assert_eq!(shelves.findings(), [""; 0]);
}

#[test]
fn what_is_forgotten_is_nowhere_in_the_bucket_or_here() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (shelves, known) = filled(dir.path(), server.at(AT), 60, 40);
    // One that came back leaves its row in the part, and so does one that was dropped.
    shelves.move_to(Shelf::Warm, &known[..1]).unwrap();
    shelves.remove(&known[1..2], false).unwrap();
    let text = |n: u64| format!("planted-{n}-planted");
    assert!(holds(&server.texts("memories"), &text(1)) && holds(&texts_here(dir.path()), &text(1)));
    let before = server.parts("memories");
    shelves.remove(&[known[0], known[6], known[50]], true).unwrap();
    let (there, here) = (server.texts("memories"), texts_here(dir.path()));
    for n in [1, 2, 7, 51] {
        assert!(!holds(&there, &text(n)) && !holds(&here, &text(n)), "{n}");
    }
    assert!(holds(&there, &text(8)) && holds(&here, &text(8)) && !holds(&there, "planted-key"));
    assert!(!server.parts("memories").contains(&before[0]));
    assert_eq!((all(&shelves).len(), shelves.removals().unwrap().forgotten), (56, 3));
    // Everything, without a look at it.
    remove_copies(dir.path());
    shelves.remove(&known, true).unwrap();
    assert!(server.parts("memories").is_empty() && !holds(&texts_here(dir.path()), "planted"));
}

#[test]
fn while_the_store_is_away_what_is_at_hand_is_found_and_nothing_is_lost() {
    let Some(server) = Server::with("memories") else { return };
    let (dir, door) = (tempfile::tempdir().unwrap(), Door::before(&server));
    let at = at_port(door.port, AT);
    let (_, known) = filled(dir.path(), at.clone(), 20, 5);
    let there = server.names("memories");
    for (shut, answer) in SHUT.iter().enumerate().skip(1) {
        remove_copies(dir.path());
        door.set(shut);
        let shelves = open_at(dir.path(), at.clone());
        assert_eq!(shelves.fetch(&known).unwrap().len(), 15, "{answer}");
        let mut seen = 0;
        let away = shelves.each_in_reach(0, &mut |_| {
            seen += 1;
            true
        });
        assert_eq!((away.unwrap(), seen), (known[..5].to_vec(), 15), "{answer}");
        assert!(shelves.findings()[0].contains("passed over"), "{answer}: {:?}", shelves.findings());
        assert!(!format!("{:?}{shelves:?}", shelves.findings()).contains("planted"), "{shelves:?}");
        let errors = [
            shelves.each(0, &mut |_| true).unwrap_err(),
            shelves.refill(&[kept(1)], u64::MAX).unwrap_err(),
            shelves.refill(&[kept(1)], 0).unwrap_err(),
            shelves.move_to(Shelf::Cold, &known[5..9]).unwrap_err(),
            shelves.move_to(Shelf::Warm, &known[..3]).unwrap_err(),
            shelves.remove(&known[..1], true).unwrap_err(),
            shelves.remove(&known[9..10], true).unwrap_err(),
        ];
        for error in errors {
            let is_away = matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Denied);
            assert!(is_away && !error.to_string().contains("planted"), "{answer}: {error:?}");
        }
        // To drop is no more than to let go: it is done there another time.
        assert_eq!(shelves.standings().unwrap().len(), 20);
        door.set(OPEN);
        assert_eq!(all(&open_at(dir.path(), at.clone())).len(), 20, "{answer}");
        assert_eq!(server.names("memories"), there, "{answer}");
    }
}

#[test]
fn what_was_let_go_while_the_store_was_away_is_deleted_later_and_told_until_then() {
    let Some(server) = Server::with("memories") else { return };
    let (dir, door) = (tempfile::tempdir().unwrap(), Door::before(&server));
    let at = at_port(door.port, AT);
    let (shelves, known) = filled(dir.path(), at.clone(), 20, 5);
    door.set(4);
    shelves.remove(&known[..5], false).unwrap();
    assert_eq!(shelves.far().unwrap().unwrap().to_delete, 1);
    assert_eq!(server.parts("memories").len(), 1);
    // A page that says that all is well has deleted nothing, and that is an error for who forgets.
    let error = shelves.remove(&known[7..8], true).unwrap_err();
    assert!(error.cause.contains("nothing is forgotten"), "{error}");
    assert_eq!(shelves.standings().unwrap().len(), 15);
    // As if the store had gone in the midst of it.
    shelves
        .alone(|step| {
            catalogue::set_erasing(step, true)?;
            catalogue::remove(step, &catalogue::entries(step, &known[7..8])?, true)
        })
        .unwrap();
    drop(shelves);
    let shelves = open_at(dir.path(), at.clone());
    assert!(shelves.findings()[0].contains("not everywhere erased"), "{:?}", shelves.findings());
    shelves.erase().unwrap_err();
    door.set(OPEN);
    let shelves = open_at(dir.path(), at);
    assert_eq!((shelves.findings().len(), shelves.far().unwrap().unwrap().to_delete), (0, 0));
    assert!(server.parts("memories").is_empty());
    assert!(!catalogue::is_erasing(&shelves.catalogue()).unwrap());
}

#[test]
fn an_empty_store_in_place_of_ours_is_not_ours() {
    let (Some(server), Some(other)) = (Server::with("memories"), Server::with("memories")) else { return };
    let (dir, door) = (tempfile::tempdir().unwrap(), Door::before(&server));
    let at = at_port(door.port, AT);
    let (_, known) = filled(dir.path(), at.clone(), 20, 5);
    remove_copies(dir.path());
    door.lead_to(&other);
    let shelves = open_at(dir.path(), at.clone());
    assert_eq!(shelves.fetch(&known).unwrap().len(), 15);
    let error = shelves.each(0, &mut |_| true).unwrap_err();
    assert!(error.cause.contains("has not what this memory put there"), "{error}");
    shelves.move_to(Shelf::Cold, &known[5..9]).unwrap_err();
    shelves.remove(&known[..5], false).unwrap();
    assert_eq!(shelves.far().unwrap().unwrap().to_delete, 1, "it said that there is nothing");
    assert!(other.names("memories").is_empty());
    door.lead_to(&server);
    let shelves = open_at(dir.path(), at);
    shelves.tend().unwrap();
    assert!(server.parts("memories").is_empty());
}

#[test]
fn what_is_lost_there_costs_no_more_than_itself() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (shelves, known) = filled(dir.path(), server.at(AT), 30, 10);
    let lost = server.parts("memories").remove(0);
    shelves.move_to(Shelf::Cold, &known[10..20]).unwrap();
    let damaged = server.parts("memories").into_iter().find(|part| *part != lost).unwrap();
    assert_eq!(server.ask("DELETE", &format!("/memories/{lost}"), b"").0, 204);
    assert_eq!(server.ask("PUT", &format!("/memories/{damaged}"), b"PAR1, or not").0, 200);
    remove_copies(dir.path());
    assert_eq!(all(&shelves).len(), 10);
    let said = shelves.findings().join("\n");
    assert!(said.contains("is not in s3://memories") && said.contains("is damaged"), "{said}");
    // Nobody lets go of them for that.
    assert_eq!(shelves.standings().unwrap().len(), 30);
    assert_eq!(shelves.move_to(Shelf::Warm, &known[..20]).unwrap(), 0);
    shelves.remove(&known[15..16], true).unwrap();
    assert_eq!((all(&shelves).len(), server.parts("memories").len()), (10, 0));
    // The others of the part that is damaged went with it; what is not there has nothing to be erased.
    assert_eq!(shelves.standings().unwrap().len(), 20);
}

#[test]
fn two_memories_in_one_bucket_never_touch_each_other() {
    let Some(server) = Server::with("memories") else { return };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, known) = filled(one.path(), server.at(AT), 20, 10);
    let (second, _) = filled(two.path(), server.at(AT), 20, 10);
    let of_second: Vec<String> = server.names("memories");
    first.remove(&known, true).unwrap();
    first.tend().unwrap();
    assert_eq!(server.parts("memories").len(), 1);
    remove_copies(two.path());
    assert_eq!(all(&second).len(), 20);
    // One that lost everything finds what was its own.
    drop(second);
    remove_catalogue(two.path());
    remove_copies(two.path());
    let (_, _) = filled(one.path(), server.at(AT), 40, 0);
    let again = open_at(two.path(), server.at(AT));
    assert_eq!(all(&again).len(), 10);
    assert!(server.names("memories").iter().all(|name| of_second.contains(name)));
}

#[test]
fn a_catalogue_that_is_lost_finds_its_parts_and_nothing_else() {
    let Some(server) = Server::with("memories") else { return };
    let (dir, door) = (tempfile::tempdir().unwrap(), Door::before(&server));
    let at = at_port(door.port, AT);
    let (shelves, known) = filled(dir.path(), at.clone(), 20, 6);
    shelves.move_to(Shelf::Cold, &known[6..12]).unwrap();
    drop(shelves);
    let own = server.parts("memories")[0].rsplit_once('/').unwrap().0.to_owned();
    let word = "0123456789abcdef0123456789abcdef";
    let hostile = [
        "..%2f..%2fescaped.parquet".to_owned(),
        format!("part-{word}.parquet%2f..%2f..%2fx"),
        "part-00000009.parquet".to_owned(),
        format!("part-{}.parquet", word.to_uppercase()),
        format!("part-{word}.parquet.new"),
        "part-%20.parquet".to_owned(),
        format!("part-{word}.parquet"),
    ];
    for name in &hostile {
        assert_eq!(server.ask("PUT", &format!("/memories/{own}/{name}"), b"evil").0, 200, "{name}");
    }
    let there = server.names("memories");
    for how in ["lost", "damaged", "lost with copies"] {
        if how == "damaged" {
            fs::write(dir.path().join(FILE), vec![b'x'; 8_192]).unwrap();
        } else {
            remove_catalogue(dir.path());
        }
        if how != "lost with copies" {
            remove_copies(dir.path());
        }
        // It is not there at first, and nothing is taken for lost. To forget would leave what it has.
        door.set(2);
        let shelves = open_at(dir.path(), at.clone());
        shelves.put(&[kept(3), kept(40)]).unwrap();
        assert!(shelves.findings().iter().any(|said| said.contains("404")), "{:?}", shelves.findings());
        shelves.remove(&numbers(&shelves)[..1], true).unwrap_err();
        drop(shelves);
        door.set(OPEN);
        let shelves = open_at(dir.path(), at.clone());
        let found = all(&shelves);
        assert_eq!(found.len(), 13, "{how}");
        assert!(found.contains_key(&id(40)) && found[&id(3)].kept == kept(3));
        let said = shelves.findings().join("\n");
        assert!(said.contains(word) && said.contains("is left there"), "{said}");
        shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap();
        shelves.move_to(Shelf::Warm, &numbers(&shelves)).unwrap();
        assert_eq!(all(&shelves).len(), 13);
        shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap();
        for name in there.iter().filter(|name| hostile.iter().any(|bad| name.ends_with(bad.as_str()))) {
            assert!(server.names("memories").contains(name), "{name} is not ours to delete");
        }
        assert!(!dir.path().join("escaped.parquet").exists());
    }
}

#[test]
fn another_bucket_or_none_is_said_and_nothing_is_taken_for_lost() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (_, known) = filled(dir.path(), server.at(AT), 20, 5);
    remove_copies(dir.path());
    let wrong = PortError::new(ErrorKind::Invalid, "it does not begin with `s3://`");
    for (named, says) in [
        (None, "no setting names it; set `memory_cold = \"s3://memories/team/this\"` again"),
        (Some(Ok(server.at("s3://memories/other"))), "and `memory_cold` names s3://memories/other"),
        (Some(Err(wrong)), "does not begin with"),
    ] {
        let shelves = DiskShelves::open_with(dir.path(), named).unwrap();
        assert!(shelves.findings()[0].contains(says), "{:?}", shelves.findings());
        assert_eq!(shelves.fetch(&known).unwrap().len(), 15);
        shelves.each(0, &mut |_| true).unwrap_err();
        shelves.move_to(Shelf::Cold, &known[5..9]).unwrap_err();
        shelves.move_to(Shelf::Warm, &known[..3]).unwrap_err();
        shelves.remove(&known[8..9], true).unwrap_err();
        shelves.erase().unwrap_err();
        assert_eq!(shelves.standings().unwrap().len(), 20);
    }
    // Also where the catalogue is lost.
    let mark = fs::read(dir.path().join(COLD).join("bucket")).unwrap();
    remove_catalogue(dir.path());
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&[kept(1)]).unwrap();
    shelves.remove(&numbers(&shelves), true).unwrap_err();
    assert_eq!(all(&open_at(dir.path(), server.at(AT))).len(), 5);
    assert_eq!(fs::read(dir.path().join(COLD).join("bucket")).unwrap(), mark);
    // With everything at hand it may be another one, or none.
    let shelves = open_at(dir.path(), server.at(AT));
    shelves.move_to(Shelf::Warm, &numbers(&shelves)).unwrap();
    drop(shelves);
    let shelves = open_at(dir.path(), server.at("s3://memories/other"));
    shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap();
    assert!(shelves.findings().is_empty(), "{:?}", shelves.findings());
    assert!(server.parts("memories")[0].starts_with("other/"));
    shelves.move_to(Shelf::Warm, &numbers(&shelves)).unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap();
    assert_eq!((all(&shelves).len(), server.parts("memories").len()), (5, 0));
}

#[test]
fn a_copy_of_a_memory_reads_and_changes_nothing_that_may_be_the_others() {
    let Some(server) = Server::with("memories") else { return };
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (shelves, known) = filled(dir.path(), server.at(AT), 20, 5);
    drop(shelves);
    let copied = Command::new("cp").arg("-r").arg(dir.path()).arg(copy.path().join("memory")).status();
    assert!(copied.unwrap().success());
    let copy = copy.path().join("memory");
    let there = server.names("memories");
    remove_copies(&copy);
    let second = open_at(&copy, server.at(AT));
    assert_eq!(all(&second).len(), 20);
    let error = second.move_to(Shelf::Cold, &known[5..9]).unwrap_err();
    assert!(error.kind == ErrorKind::Denied && error.cause.contains("copied or moved"), "{error:?}");
    second.remove(&known[..1], true).unwrap_err();
    second.move_to(Shelf::Warm, &known[..5]).unwrap();
    second.tend().unwrap_err();
    assert_eq!(server.names("memories"), there);
    // It leaves the bucket to the other one.
    let everything: Vec<Kept> = all(&second).into_values().map(|row| row.kept).collect();
    second.refill(&everything, u64::MAX).unwrap();
    drop(second);
    let second = open_at(&copy, server.at(AT));
    second.move_to(Shelf::Cold, &numbers(&second)).unwrap();
    second.remove(&numbers(&second), true).unwrap();
    assert_eq!(server.parts("memories").len(), 1);
    remove_copies(dir.path());
    assert_eq!(all(&open_at(dir.path(), server.at(AT))).len(), 20);
    // One that was copied before anything was put away is called otherwise.
    let (early, of_early) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(filled(early.path(), server.at("s3://memories/early"), 9, 0));
    let copied = Command::new("cp").arg("-r").arg(early.path()).arg(of_early.path().join("memory")).status();
    assert!(copied.unwrap().success());
    for dir in [early.path(), &of_early.path().join("memory")] {
        let shelves = open_at(dir, server.at("s3://memories/early"));
        shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap();
    }
    let parts = server.parts("memories");
    let owners: BTreeSet<&str> = parts
        .iter()
        .filter_map(|name| name.strip_prefix("early/")?.split_once('/'))
        .map(|(owner, _)| owner)
        .collect();
    assert_eq!(owners.len(), 2, "{parts:?}");
    // A person says that there is no other one.
    let copied = Command::new("cp").arg("-r").arg(dir.path()).arg(copy.join("again")).status();
    assert!(copied.unwrap().success());
    let moved = copy.join("again");
    let mark = moved.join(COLD).join("bucket");
    let text = fs::read_to_string(&mark).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("place")).collect();
    fs::write(&mark, without.join("\n")).unwrap();
    let third = open_at(&moved, server.at(AT));
    third.move_to(Shelf::Cold, &known[5..9]).unwrap();
    assert_eq!(all(&third).len(), 20);
}

#[test]
fn a_folder_that_was_there_before_is_brought_into_the_bucket() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let shelves = DiskShelves::open(dir.path()).unwrap();
    shelves.put(&(1..=20).map(kept).collect::<Vec<_>>()).unwrap();
    let known = numbers(&shelves);
    for range in [0..5, 5..8] {
        shelves.move_to(Shelf::Cold, &known[range]).unwrap();
    }
    // One is damaged: a person may look at it.
    shelves.move_to(Shelf::Cold, &known[8..10]).unwrap();
    let before = copies(dir.path());
    let damaged = before.iter().min_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    fs::write(damaged, b"PAR1 and nothing else").unwrap();
    drop(shelves);
    let shelves = open_at(dir.path(), server.at(AT));
    assert_eq!(all(&shelves).len(), 18);
    shelves.tend().unwrap();
    assert_eq!(server.parts("memories").len(), 2);
    assert!(damaged.exists());
    for path in copies(dir.path()).iter().filter(|path| *path != damaged) {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(all(&open_at(dir.path(), server.at(AT))).len(), 18);
    shelves.tend().unwrap();
    assert_eq!(server.parts("memories").len(), 2);
}

#[test]
fn what_was_sent_and_never_named_is_deleted_once_it_is_old() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (mut shelves, known) = filled(dir.path(), server.at(AT), 20, 5);
    let own = server.parts("memories")[0].rsplit_once('/').unwrap().0.to_owned();
    let file = catalogue::new_file(&shelves.catalogue()).unwrap();
    shelves.alone(|step| catalogue::note_sent(step, &file, moving::now_ms())).unwrap();
    let sent = format!("/memories/{own}/{file}");
    server.ask("PUT", &sent, b"planted-1-planted");
    shelves.tend().unwrap();
    assert_eq!(server.ask("GET", &sent, b"").0, 200, "it may be on its way still");
    // Who forgets does not wait for that, and what arrives after it is deleted, too.
    shelves.remove(&known[..1], true).unwrap();
    assert_eq!(server.ask("GET", &sent, b"").0, 404);
    server.ask("PUT", &sent, b"planted-1-planted");
    shelves.lease = Duration::ZERO;
    shelves.tend().unwrap();
    assert_eq!(server.ask("GET", &sent, b"").0, 404);
    assert_eq!(catalogue::stored(&shelves.catalogue()).unwrap(), (1, 0));
    assert_eq!(all(&shelves).len(), 19);
}

#[test]
fn copies_here_are_few_and_the_ones_that_are_used_stay() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (mut shelves, known) = filled(dir.path(), server.at(AT), 50, 10);
    let size = fs::metadata(&copies(dir.path())[0]).unwrap().len();
    shelves.kept_bytes = size * 5 / 2;
    for range in [10..20, 20..30, 30..40] {
        shelves.move_to(Shelf::Cold, &known[range]).unwrap();
    }
    assert_eq!((server.parts("memories").len(), copies(dir.path()).len()), (4, 2));
    assert_eq!((all(&shelves).len(), copies(dir.path()).len()), (50, 2));
    let first = shelves.fetch(&known[..1]).unwrap();
    assert_eq!(first[0].kept, kept(1));
    shelves.fetch(&known[10..11]).unwrap();
    shelves.fetch(&known[..1]).unwrap();
    shelves.fetch(&known[20..21]).unwrap();
    // The first was used last but one.
    let door = Door::before(&server);
    door.set(1);
    let shelves = open_at(dir.path(), at_port(door.port, AT));
    assert_eq!(shelves.fetch(&[known[0], known[20], known[10], known[30]]).unwrap().len(), 2);
}

#[test]
fn several_use_one_bucket_at_once() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let shelves = open_at(dir.path(), server.at(AT));
    shelves.put(&(1..=200).map(kept).collect::<Vec<_>>()).unwrap();
    let known = numbers(&shelves);
    std::thread::scope(|scope| {
        for n in 0..4_usize {
            let (dir, known, at) = (dir.path(), &known, server.at(AT));
            scope.spawn(move || {
                let own = open_at(dir, at);
                for round in 0..4_usize {
                    let shelf = if (n + round).is_multiple_of(2) { Shelf::Cold } else { Shelf::Warm };
                    own.move_to(shelf, &known[n * 35..n * 35 + 75]).unwrap();
                    own.put(&[kept(1_000 + (n * 10 + round) as u64)]).unwrap();
                    assert_eq!(own.fetch(known).unwrap().len(), 200);
                }
            });
        }
    });
    shelves.remove(&known[..4], true).unwrap();
    assert_eq!(all(&shelves).len(), 200 - 4 + 16);
    shelves.tend().unwrap();
    let (stored, objects) = catalogue::stored(&shelves.catalogue()).unwrap();
    assert_eq!((stored as usize, objects), (server.parts("memories").len(), 0));
    assert!(!holds(&server.texts("memories"), "planted-2-planted"));
}

const PORT: &str = "CODITECT_TEST_BUCKET";
/// There once a mover begins.
const READY: &str = "ready";

/// Moves episodes to and fro until it is killed. Runs only as a child of the test below.
#[test]
fn a_mover() {
    let (Ok(dir), Ok(port)) = (std::env::var(CHILD), std::env::var(PORT)) else { return };
    let shelves = open_at(Path::new(&dir), at_port(port.parse().unwrap(), AT));
    let known = numbers(&shelves);
    fs::write(Path::new(&dir).join(READY), "").unwrap();
    for round in 0_usize.. {
        let from = round * 37 % known.len();
        let some: Vec<u64> = known.iter().cycle().skip(from).take(60).copied().collect();
        shelves.move_to(if round.is_multiple_of(2) { Shelf::Cold } else { Shelf::Warm }, &some).unwrap();
    }
}

#[test]
fn a_mover_that_is_killed_loses_nothing_and_leaves_nothing() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut shelves = open_at(dir.path(), server.at(AT));
    let episodes: Vec<Kept> = (1..=300).map(kept).collect();
    shelves.put(&episodes).unwrap();
    let (mut moved, mut last, ready) = (0, Vec::new(), dir.path().join(READY));
    for seed in 0..70_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "shelves::tests::bucket::a_mover"])
            .env(CHILD, dir.path())
            .env(PORT, server.port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Some are killed before they begin, most in the midst of a move.
        while seed % 10 != 9 && fs::remove_file(&ready).is_err() && child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        std::thread::park_timeout(Duration::from_micros(seed.wrapping_mul(7_919_311) % 120_000));
        child.kill().unwrap();
        child.wait().unwrap();
        if seed % 5 == 4 {
            // Of what is here alone nobody can say that it is in the bucket.
            remove_copies(dir.path());
        }
        let found: Vec<Kept> = all(&shelves).into_values().map(|row| row.kept).collect();
        assert_eq!(found, episodes, "seed {seed}");
        let standings = shelves.standings().unwrap().into_iter();
        let cold: Vec<u64> = standings.filter(|of| of.shelf == Shelf::Cold).map(|of| of.number).collect();
        moved += usize::from(cold != last);
        last = cold;
    }
    assert!(moved > 10, "only {moved} of the children moved anything before they were killed");
    // What they left half done is cleared away: here by whoever moves next, there once it is old.
    shelves.lease = Duration::ZERO;
    shelves.move_to(Shelf::Warm, &numbers(&shelves)).unwrap();
    assert_eq!(server.names("memories").len(), 1, "whose it was: {:?}", server.names("memories"));
    assert_eq!(copies(dir.path()).len(), 0);
    assert_eq!(shelves.findings(), [""; 0]);
}

/// Tries to put everything away where no file may be long. Runs only as a child of the test below.
#[test]
fn a_mover_on_a_full_disk() {
    let (Ok(dir), Ok(port)) = (std::env::var(CHILD), std::env::var(PORT)) else { return };
    let shelves = open_at(Path::new(&dir), at_port(port.parse().unwrap(), AT));
    let error = shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap_err();
    assert!(error.cause.contains("part-"), "{error}");
}

#[test]
fn a_disk_that_is_full_loses_nothing_and_sends_nothing() {
    let Some(server) = Server::with("memories") else { return };
    let dir = tempfile::tempdir().unwrap();
    let shelves = open_at(dir.path(), server.at(AT));
    let noise = |n: u64| -> String {
        (0..300_u64).map(|at| blake3::hash(&(n * 1_000 + at).to_le_bytes()).to_hex().to_string()).collect()
    };
    let episodes: Vec<Kept> = (1..=40).map(|n| Kept { body: noise(n).into_bytes(), ..kept(n) }).collect();
    shelves.put(&episodes).unwrap();
    // Its log begins anew with the next one.
    drop(shelves);
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 300; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("shelves::tests::bucket::a_mover_on_a_full_disk")
        .env(CHILD, dir.path())
        .env(PORT, server.port.to_string())
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert!(server.parts("memories").is_empty() && copies(dir.path()).is_empty());
    let mut shelves = open_at(dir.path(), server.at(AT));
    let found: Vec<Kept> = all(&shelves).into_values().map(|row| row.kept).collect();
    assert_eq!(found, episodes);
    shelves.lease = Duration::ZERO;
    assert_eq!(shelves.move_to(Shelf::Cold, &numbers(&shelves)).unwrap(), 40);
    assert_eq!(
        (catalogue::stored(&shelves.catalogue()).unwrap(), server.parts("memories").len()),
        ((1, 0), 1)
    );
}

#[test]
fn refusals_are_told_without_what_is_secret_and_halves_are_none() {
    for (answer, kind, said) in [
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 80\r\n\r\n\
             <Error><Code>SignatureDoesNotMatch</Code><Message>planted-key</Message></Error>.",
            ErrorKind::Denied,
            "SignatureDoesNotMatch",
        ),
        (
            "HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            ErrorKind::Denied,
            "307",
        ),
        ("HTTP/1.1 500 Trouble\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unavailable, "500"),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unavailable, "404"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", ErrorKind::Unavailable, "cannot be reached"),
        ("gibberish\r\n\r\n", ErrorKind::Unavailable, "cannot be reached"),
    ] {
        let bucket = Bucket::new(at_port(saying(answer), AT), "me").unwrap();
        for error in [
            bucket.get("part-1.parquet", 1_000).unwrap_err(),
            Bucket::new(bucket.at().clone(), "me").unwrap().check(true).unwrap_err(),
            Bucket::new(bucket.at().clone(), "me").unwrap().list().unwrap_err(),
        ] {
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.cause.contains(said), "{error}");
            assert!(!format!("{error:?} {bucket:?} {:?}", bucket.at()).contains("planted"), "{error:?}");
        }
        assert!(Bucket::new(bucket.at().clone(), "me").unwrap().delete("x").is_err(), "{answer}");
    }
    let listing = saying("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>");
    assert_eq!(
        Bucket::new(at_port(listing, AT), "me").unwrap().list().unwrap_err().kind,
        ErrorKind::Unavailable
    );
}

#[test]
fn a_bucket_that_keeps_what_is_deleted_is_refused() {
    let kept = "HTTP/1.1 200 OK\r\nx-amz-version-id: abc\r\ncontent-length: 0\r\n\r\n";
    let error = Bucket::new(at_port(saying(kept), AT), "me").unwrap().put("x", "text".into()).unwrap_err();
    assert!(error.kind == ErrorKind::Denied && error.cause.contains("keeps versions"), "{error:?}");
    let marked = "HTTP/1.1 204 No Content\r\nx-amz-delete-marker: true\r\n\r\n";
    let error = Bucket::new(at_port(saying(marked), AT), "me").unwrap().delete("x").unwrap_err();
    assert!(error.cause.contains("keeps versions"), "{error:?}");
}

#[test]
fn addresses_and_variables_are_checked_and_told_without_what_is_secret() {
    let with = |address: &str, vars: &[(&str, &str)]| {
        let vars: BTreeMap<String, String> =
            vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        BucketAt::from_variables(address, |name| vars.get(name).cloned())
    };
    let at = with("s3://b/p/q/", &[("AWS_DEFAULT_REGION", "eu-west-1")]).unwrap();
    assert_eq!(at.to_string(), "s3://b/p/q at https://s3.eu-west-1.amazonaws.com");
    let both = [("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_S3", "http://b:9000/x/")];
    assert_eq!(with("s3://b", &both).unwrap().to_string(), "s3://b at http://b:9000/x");
    for bad in
        ["b/p", "s3://", "s3:///p", "s3://b/../c", "s3://b/a//c", "s3://b/a b", "s3://.b", "s3://b/./x"]
    {
        assert_eq!(with(bad, &[]).unwrap_err().kind, ErrorKind::Invalid, "{bad}");
    }
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "https://user:planted@host"),
        ("AWS_ENDPOINT_URL", "ftp://planted"),
        ("AWS_ENDPOINT_URL", "planted"),
        ("AWS_ENDPOINT_URL", "https://host/?planted"),
        ("AWS_REGION", "planted/../x"),
        ("AWS_ACCESS_KEY_ID", "planted"),
        ("AWS_SECRET_ACCESS_KEY", "planted"),
    ] {
        let error = with("s3://b", &[(name, value)]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{name}");
        assert!(error.cause.contains(name.split("_KEY").next().unwrap()), "{error}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
}

//! Forgetting where parts of the folder are missing or damaged.

use super::*;

/// Shelves with 30 episodes, of which the first two tens are in a part each, in that order.
fn filled(dir: &Path) -> (DiskShelves, Vec<u64>, Vec<PathBuf>) {
    let shelves = DiskShelves::open(dir).unwrap();
    shelves.put(&(1..=30).map(kept).collect::<Vec<_>>()).unwrap();
    let known = numbers(&shelves);
    for range in [0..10, 10..20] {
        shelves.move_to(Shelf::Cold, &known[range]).unwrap();
    }
    let parts = catalogue::parts(&shelves.catalogue()).unwrap();
    let paths = parts.into_iter().map(|part| dir.join(COLD).join(part.place.file)).collect();
    (shelves, known, paths)
}

/// As if a version that did not count rows had written the parts.
fn uncounted(shelves: &DiskShelves) {
    shelves.catalogue().execute("UPDATE parts SET rows = NULL", []).unwrap();
}

#[test]
fn a_folder_that_is_not_there_just_now_loses_nothing_when_something_is_forgotten() {
    for is_counted in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let (shelves, known, parts) = filled(dir.path());
        if !is_counted {
            uncounted(&shelves);
        }
        // One of each leaves a row behind it.
        shelves.move_to(Shelf::Warm, &[known[0], known[10]]).unwrap();
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let away = |path: &PathBuf| elsewhere.join(path.file_name().unwrap());
        parts.iter().for_each(|path| fs::rename(path, away(path)).unwrap());
        let error = shelves.erase().unwrap_err();
        assert!(error.cause.contains("not everywhere erased"), "{error:?}");
        let error = shelves.remove(&[known[1], known[25]], true).unwrap_err();
        assert!(error.cause.contains("not everywhere erased"), "{error:?}");
        assert_eq!(shelves.standings().unwrap().len(), 28);
        assert!(catalogue::is_erasing(&shelves.catalogue()).unwrap());
        drop(shelves);
        // Whoever opens it goes on as soon as that can be.
        let shelves = DiskShelves::open(dir.path()).unwrap();
        assert!(shelves.findings()[0].contains("not everywhere erased"), "{:?}", shelves.findings());
        parts.iter().for_each(|path| fs::rename(away(path), path).unwrap());
        drop(shelves);
        let shelves = DiskShelves::open(dir.path()).unwrap();
        assert_eq!(all(&shelves).len(), 28);
        assert!(!catalogue::is_erasing(&shelves.catalogue()).unwrap());
        assert!(!holds(&super::bucket::texts_here(dir.path()), "planted-2-planted"));
    }
}

#[test]
fn a_part_that_is_damaged_goes_where_it_held_what_is_forgotten_and_nowhere_else() {
    for is_counted in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let (shelves, known, parts) = filled(dir.path());
        if !is_counted {
            uncounted(&shelves);
        }
        shelves.move_to(Shelf::Warm, &[known[0], known[10]]).unwrap();
        if !is_counted {
            uncounted(&shelves);
        }
        parts.iter().for_each(|path| fs::write(path, b"PAR1 and nothing else").unwrap());
        shelves.erase().unwrap();
        shelves.remove(&known[25..26], true).unwrap();
        assert!(parts[0].exists() && parts[1].exists());
        assert_eq!(shelves.standings().unwrap().len(), 29);
        let said = shelves.findings().join("\n");
        assert!(said.contains("damaged") && said.contains("left as it is"), "{said}");
        shelves.remove(&known[5..6], true).unwrap();
        assert_eq!((parts[0].exists(), parts[1].exists()), (false, true));
        // The others of that part went with it.
        assert_eq!(shelves.standings().unwrap().len(), 20);
        assert!(!catalogue::is_erasing(&shelves.catalogue()).unwrap());
    }
}

#[test]
fn a_part_that_lacks_some_is_left_where_nothing_is_forgotten_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (shelves, known, parts) = filled(dir.path());
    shelves.move_to(Shelf::Warm, &[known[0], known[10]]).unwrap();
    // Another part under the same name.
    fs::copy(&parts[1], &parts[0]).unwrap();
    shelves.remove(&known[25..26], true).unwrap();
    assert!(parts[0].exists());
    assert_eq!(shelves.standings().unwrap().len(), 29);
}

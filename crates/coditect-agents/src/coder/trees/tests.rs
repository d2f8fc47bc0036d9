#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use coditect_ports::sandbox::Probe;
use coditect_ports::workspace::{Applied, Change, Difference, FileEdit, Handed, Merged};
use coditect_ports::{Exit, Job, PortError, Ran, Sandbox, Workspace, Writes};
use coditect_types::outcome::Carried;
use coditect_types::{Enforced, ErrorKind, MissionId, Snapshot, Tier};

use super::Trees;

/// Worktrees with one file, below a directory; nothing else of the port.
#[derive(Debug)]
struct OneFile(PathBuf);

fn no<T>() -> Result<T, PortError> {
    Err(PortError::new(ErrorKind::Bug, "not asked for here"))
}

impl Workspace for OneFile {
    fn changed_since(&self, _: &MissionId, _: &Path, _: &Snapshot) -> Result<Vec<String>, PortError> {
        no()
    }

    fn worktree(&self, _: &MissionId, _: &str, purpose: &str) -> Result<PathBuf, PortError> {
        let path = self.0.join(purpose);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("calc.py"), "old\n").unwrap();
        Ok(path)
    }

    fn take_snapshot(&self, _: &MissionId, _: &Path) -> Result<Snapshot, PortError> {
        no()
    }

    fn cache(&self, _: &MissionId, purpose: &str, _: Option<&str>) -> Result<PathBuf, PortError> {
        let path = self.0.join(purpose);
        fs::create_dir_all(&path).unwrap();
        Ok(path)
    }

    fn commit(&self, _: &MissionId, _: &str, _: &[FileEdit], _: &str) -> Result<Change, PortError> {
        no()
    }

    fn merge(&self, _: &MissionId, _: &str, _: &[String], _: &str) -> Result<Merged, PortError> {
        no()
    }

    fn carry(&self, _: &MissionId, _: &Path, _: &Snapshot, _: &str) -> Result<Option<Carried>, PortError> {
        no()
    }

    fn hand_over_onto(
        &self,
        _: &MissionId,
        _: &Path,
        _: &Snapshot,
        _: &str,
        _: &Carried,
        _: &str,
    ) -> Result<Handed, PortError> {
        no()
    }

    fn tree_of(&self, _: &MissionId, _: &str) -> Result<String, PortError> {
        no()
    }

    fn fork(&self, _: &MissionId, _: &MissionId) -> Result<(), PortError> {
        no()
    }

    fn difference(&self, _: &MissionId, _: &str, _: &str) -> Result<Difference, PortError> {
        no()
    }

    fn copy_out(&self, _: &MissionId, _: &str, _: &Path) -> Result<(), PortError> {
        no()
    }

    fn hand_over(
        &self,
        _: &MissionId,
        _: &Path,
        _: &Snapshot,
        _: &str,
        _: &str,
    ) -> Result<Handed, PortError> {
        no()
    }

    fn keep_patch(&self, _: &MissionId, _: &Snapshot, _: &str, _: &str) -> Result<Handed, PortError> {
        no()
    }

    fn apply(&self, _: &MissionId, _: &Path, _: &Snapshot) -> Result<Applied, PortError> {
        no()
    }

    fn has(&self, _: &MissionId, _: &str) -> Result<bool, PortError> {
        no()
    }

    fn pack(&self, _: &MissionId, _: &str, _: Option<&str>) -> Result<Vec<u8>, PortError> {
        no()
    }

    fn unpack(&self, _: &MissionId, _: &str, _: Option<&str>, _: Vec<u8>) -> Result<(), PortError> {
        no()
    }

    fn adopt(&self, _: &MissionId, _: &Path, _: &Snapshot) -> Result<(), PortError> {
        no()
    }

    fn clean(&self, _: &MissionId) -> Result<(), PortError> {
        no()
    }
}

/// A sandbox that has layers, or has none.
#[derive(Debug)]
struct Layers(bool);

impl Sandbox for Layers {
    fn tier(&self) -> Tier {
        Tier::Os
    }

    fn probe(&self) -> Probe {
        Probe { tier: Tier::Os, usable: true, enforced: Enforced::default(), facts: vec![], advice: vec![] }
    }

    fn run(&self, job: &Job<'_>, _: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<Ran, PortError> {
        if !self.0 {
            return no();
        }
        assert!(matches!(job.writes, Writes::Dropped { over: Some(_) }), "{:?}", job.writes);
        Ok(Ran {
            exit: Exit::Code(0),
            stdout: vec![],
            stderr: vec![],
            dropped: 0,
            wall_us: 0,
            peak_memory: None,
            enforced: Enforced::default(),
        })
    }
}

#[test]
fn layers_share_one_worktree_that_nobody_writes_to() {
    let dir = tempfile::tempdir().unwrap();
    let workspace = OneFile(dir.path().to_owned());
    let mission = MissionId::parse("m-1").unwrap();
    let trees = Trees::make(&workspace, &mission, "c", 2, (false, Vec::new()), (&Layers(true), &[])).unwrap();
    assert!(trees.are_layered());
    let files = BTreeMap::from([("calc.py".to_owned(), b"new\n".to_vec())]);
    let over = |tree: &super::Tree| match tree.writes() {
        Writes::Dropped { over: Some(over) } => fs::read_to_string(over.join("calc.py")).ok(),
        Writes::Dropped { over: None } | Writes::Refused | Writes::Kept => panic!("{:?}", tree.writes()),
    };
    trees
        .with(&files, |first| {
            trees
                .with(&BTreeMap::new(), |second| {
                    assert_eq!(first.path(), second.path());
                    assert_eq!((over(first).as_deref(), over(second)), (Some("new\n"), None));
                    Ok(())
                })
                .unwrap();
            assert_eq!(fs::read_to_string(first.path().join("calc.py")).unwrap(), "old\n");
            Ok(())
        })
        .unwrap();
    // A project that needs more gets worktrees of its own.
    trees.give_up_layers();
    let seen = trees.with(&files, |tree| {
        assert_eq!(tree.writes(), Writes::Kept);
        Ok(fs::read_to_string(tree.path().join("calc.py")).unwrap())
    });
    assert_eq!(seen.unwrap(), "new\n");
}

#[test]
fn every_trial_sees_its_own_candidate_and_nothing_of_others() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let precious = outside.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    let workspace = OneFile(dir.path().to_owned());
    let mission = MissionId::parse("m-1").unwrap();
    let trees =
        Trees::make(&workspace, &mission, "c", 1, (false, Vec::new()), (&Layers(false), &[])).unwrap();
    let files =
        BTreeMap::from([("calc.py".to_owned(), b"new\n".to_vec()), ("more.py".to_owned(), Vec::new())]);
    let look = |top: &Path| {
        let mut names: Vec<_> = fs::read_dir(top).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        (names.len(), fs::read_to_string(top.join("calc.py")).unwrap())
    };

    // A clean trial is undone file by file, one that wrote by bringing the worktree back.
    for writes in [false, true, false] {
        let seen = trees
            .with(&files, |tree| {
                let seen = look(tree.path());
                if writes {
                    fs::write(tree.path().join("left.txt"), "x").unwrap();
                    fs::remove_file(tree.path().join("calc.py")).unwrap();
                    symlink(&precious, tree.path().join("calc.py")).unwrap();
                }
                Ok(seen)
            })
            .unwrap();
        assert_eq!(seen, (2, "new\n".to_owned()));
        let seen = trees.with(&BTreeMap::new(), |tree| Ok(look(tree.path()))).unwrap();
        assert_eq!(seen, (1, "old\n".to_owned()));
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

#[test]
fn a_worktree_comes_back_also_from_a_trial_that_fails() {
    let dir = tempfile::tempdir().unwrap();
    let workspace = OneFile(dir.path().to_owned());
    let mission = MissionId::parse("m-1").unwrap();
    let trees =
        Trees::make(&workspace, &mission, "c", 1, (false, Vec::new()), (&Layers(false), &[])).unwrap();
    assert!(trees.with(&BTreeMap::new(), |_| no::<()>()).is_err());
    trees.with(&BTreeMap::new(), |_| Ok(())).unwrap();
}

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use coditect_ports::workspace::{Applied, Change, FileEdit, Handed};
use coditect_ports::{PortError, Workspace};
use coditect_types::{ErrorKind, MissionId, Snapshot};

use super::Trees;

/// Worktrees with one file, below a directory; nothing else of the port.
#[derive(Debug)]
struct OneFile(PathBuf);

fn no<T>() -> Result<T, PortError> {
    Err(PortError::new(ErrorKind::Bug, "not asked for here"))
}

impl Workspace for OneFile {
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

    fn cache(&self, _: &MissionId, _: &str, _: Option<&str>) -> Result<PathBuf, PortError> {
        unreachable!("nothing is built")
    }

    fn commit(&self, _: &MissionId, _: &str, _: &[FileEdit], _: &str) -> Result<Change, PortError> {
        no()
    }

    fn tree_of(&self, _: &MissionId, _: &str) -> Result<String, PortError> {
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

    fn apply(&self, _: &MissionId, _: &Path, _: &Snapshot) -> Result<Applied, PortError> {
        no()
    }

    fn clean(&self, _: &MissionId) -> Result<(), PortError> {
        no()
    }
}

#[test]
fn every_trial_sees_its_own_candidate_and_nothing_of_others() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let precious = outside.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    let workspace = OneFile(dir.path().to_owned());
    let mission = MissionId::parse("m-1").unwrap();
    let trees = Trees::make(&workspace, &mission, "c", 1, false, Vec::new()).unwrap();
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
    let trees = Trees::make(&workspace, &mission, "c", 1, false, Vec::new()).unwrap();
    assert!(trees.with(&BTreeMap::new(), |_| no::<()>()).is_err());
    trees.with(&BTreeMap::new(), |_| Ok(())).unwrap();
}

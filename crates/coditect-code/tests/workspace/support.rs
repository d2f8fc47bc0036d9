//! A person with a repository, and a mission that works on it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use coditect_code::workspace::{Git, GitWorkspace};
use coditect_ports::workspace::{Change, FileEdit};
use coditect_ports::{PortError, Workspace};
use coditect_types::{MissionId, Snapshot};
use tempfile::TempDir;

/// A directory of the person's, a state directory, and a mission.
pub(crate) struct Person {
    pub(crate) temp: TempDir,
    pub(crate) dir: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) workspace: GitWorkspace,
    pub(crate) mission: MissionId,
}

pub(crate) fn the_git() -> Git {
    Git::find(std::env::var_os("PATH").as_deref()).unwrap()
}

impl Person {
    /// A plain directory with nothing in it.
    pub(crate) fn plain() -> Self {
        let temp = tempfile::Builder::new().prefix("coditect workspace ").tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        let (dir, home) = (root.join("project"), root.join("state"));
        fs::create_dir(&dir).unwrap();
        let workspace = GitWorkspace::open(&home, the_git()).unwrap();
        Self { temp, dir, home, workspace, mission: MissionId::parse("m-test").unwrap() }
    }

    /// An empty repository on branch `main`.
    pub(crate) fn unborn() -> Self {
        let person = Self::plain();
        person.git(&["init", "-q", "-b", "main"]);
        person
    }

    /// A repository with one commit: `calc.py`, `tests/test_calc.py`, `run.sh` (executable), `.gitignore`.
    pub(crate) fn with_commit() -> Self {
        let person = Self::unborn();
        person.write("calc.py", "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n");
        person.write("tests/test_calc.py", "import calc\n");
        person.write("run.sh", "#!/bin/sh\n");
        person.chmod("run.sh", 0o755);
        person.write(".gitignore", "*.log\nbuild/\n");
        person.commit_all("first");
        person
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.at(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn write_bytes(&self, name: &[u8], text: &str) {
        fs::write(self.dir.join(OsStr::from_bytes(name)), text).unwrap();
    }

    pub(crate) fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn commit_all(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The person's own git in their directory; must succeed. Gives stdout without the last line break.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git_in(&self.dir, args)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.try_snapshot().unwrap()
    }

    pub(crate) fn try_snapshot(&self) -> Result<Snapshot, PortError> {
        self.workspace.take_snapshot(&self.mission, &self.dir)
    }

    pub(crate) fn worktree(&self, commit: &str) -> PathBuf {
        self.workspace.worktree(&self.mission, commit, "look").unwrap()
    }

    /// The fix that every test uses: `add` adds.
    pub(crate) fn fix(&self, snapshot: &Snapshot) -> Change {
        let tree = self.worktree(&snapshot.commit);
        let text = fs::read_to_string(tree.join("calc.py")).unwrap().replacen("a - b", "a + b", 1);
        self.change(snapshot, &[edit("calc.py", &text)])
    }

    pub(crate) fn change(&self, snapshot: &Snapshot, edits: &[FileEdit]) -> Change {
        self.workspace.commit(&self.mission, &snapshot.commit, edits, "a candidate").unwrap()
    }

    pub(crate) fn mission_dir(&self) -> PathBuf {
        self.home.join("missions").join(self.mission.as_str())
    }

    /// Every byte and mode below the person's directory, `.git` included.
    pub(crate) fn fingerprint(&self) -> BTreeMap<PathBuf, String> {
        fingerprint(&self.dir)
    }
}

/// Git as a person runs it, with an identity and no settings of this machine.
pub(crate) fn git_in(dir: &Path, args: &[&str]) -> String {
    let (code, stdout, stderr) = try_git_in(dir, args);
    assert_eq!(code, Some(0), "git {args:?} in {}: {stdout}{stderr}", dir.display());
    stdout.trim_end_matches('\n').to_owned()
}

pub(crate) fn try_git_in(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new("git")
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["-c", "user.name=A Person", "-c", "user.email=person@example.org"])
        .args(["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

pub(crate) fn edit(path: &str, content: &str) -> FileEdit {
    FileEdit { path: path.to_owned(), content: Some(content.as_bytes().to_vec()) }
}

pub(crate) fn removal(path: &str) -> FileEdit {
    FileEdit { path: path.to_owned(), content: None }
}

/// Path -> kind, mode and content of everything below `dir`. Never opens what is not a file.
pub(crate) fn fingerprint(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut out = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let mode = meta.permissions().mode();
        let kind = meta.file_type();
        let what = if kind.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            "directory".to_owned()
        } else if kind.is_symlink() {
            format!("link to {:?}", fs::read_link(&path).unwrap())
        } else if kind.is_file() {
            match fs::read(&path) {
                Ok(bytes) => format!("file {}", blake3::hash(&bytes)),
                Err(error) => format!("file ({error})"),
            }
        } else {
            format!("special (fifo: {})", kind.is_fifo())
        };
        out.insert(path.strip_prefix(dir).unwrap().to_owned(), format!("{mode:o} {what}"));
    }
    out
}

/// The files of a directory as text, links as `-> target`; without directories.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if meta.is_symlink() {
            out.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
        } else {
            out.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
    out
}

/// The names that differ between two fingerprints.
pub(crate) fn differing(
    before: &BTreeMap<PathBuf, String>,
    after: &BTreeMap<PathBuf, String>,
) -> Vec<String> {
    let mut names: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// True where this process may do anything: then missing permissions cannot be tried.
pub(crate) fn is_root() -> bool {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("closed");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    fs::File::open(&file).is_ok()
}

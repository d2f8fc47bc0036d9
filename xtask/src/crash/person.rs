//! A person's repository in the middle of work, and whether anything of it changed.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::inherited;
use crate::Done;
use crate::process::{output, root};

/// What a mission may add to: objects, and its own branches.
const MAY_GROW: [&str; 3] = [".git/objects", ".git/refs/heads/coditect", ".git/logs/refs/heads/coditect"];

/// Everything that is the person's, by path: the mode and the bytes.
type Belongings = BTreeMap<String, (u32, Vec<u8>)>;

/// A person and their repository.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) repository: PathBuf,
    before: Belongings,
}

impl Person {
    /// Makes a repository of an example: two branches, a stash, and staged, changed and new files.
    pub(super) fn settle(directory: &Path, example: &str) -> Result<Self, String> {
        let repository = directory.join("repository");
        copy(&root().join("examples").join(example), &repository)?;
        let person = Self { repository, before: Belongings::new() };
        person.git(&["init", "--quiet", "--initial-branch=main"])?;
        person.git(&["config", "user.name", "Ada"])?;
        person.git(&["config", "user.email", "ada@example.org"])?;
        person.git(&["add", "--all"])?;
        person.git(&["commit", "--quiet", "--message", "Start"])?;
        person.git(&["branch", "side"])?;
        person.add_to("README.md", "\nAn idea for later.\n")?;
        person.git(&["stash", "--quiet"])?;
        person.add_to("NOTES.md", "Ask about the last day of the month.\n")?;
        person.git(&["add", "NOTES.md"])?;
        person.add_to("README.md", "\nA sentence that is not finished\n")?;
        person.add_to("scratch.txt", "not for git\n")?;
        let before = person.belongings()?;
        Ok(Self { before, ..person })
    }

    /// What is not as it was, by path.
    pub(super) fn changes(&self) -> Result<Vec<String>, String> {
        let now = self.belongings()?;
        let paths = self.before.keys().chain(now.keys().filter(|path| !self.before.contains_key(*path)));
        Ok(paths.filter(|path| self.before.get(*path) != now.get(*path)).cloned().collect())
    }

    /// The tree of a commit.
    pub(super) fn tree_of(&self, commit: &str) -> Result<String, String> {
        self.git(&["rev-parse", "--verify", &format!("{commit}^{{tree}}")])
    }

    /// The commit that a branch is at.
    pub(super) fn commit_of(&self, branch: &str) -> Result<String, String> {
        self.git(&["rev-parse", "--verify", &format!("refs/heads/{branch}")])
    }

    /// How many branches were handed over.
    pub(super) fn handed_over(&self) -> Result<usize, String> {
        Ok(self.git(&["for-each-ref", "--format=%(refname)", "refs/heads/coditect/"])?.lines().count())
    }

    fn add_to(&self, name: &str, text: &str) -> Done {
        let path = self.repository.join(name);
        let mut kept = std::fs::read_to_string(&path).unwrap_or_default();
        kept.push_str(text);
        std::fs::write(&path, kept).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Git as if on a machine without settings; it takes no locks and refreshes nothing where it only reads.
    fn git(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.repository).stdin(Stdio::null()).env_clear();
        command.env("PATH", inherited("PATH")).env("HOME", &self.repository);
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_OPTIONAL_LOCKS", "0");
        // The same commits for every seed.
        command
            .env("GIT_AUTHOR_DATE", "2024-01-31T12:00:00Z")
            .env("GIT_COMMITTER_DATE", "2024-01-31T12:00:00Z");
        Ok(output(command)?.trim().to_owned())
    }

    fn belongings(&self) -> Result<Belongings, String> {
        let mut found = Belongings::new();
        collect(&self.repository, "", &mut found)?;
        Ok(found)
    }
}

fn collect(top: &Path, below: &str, found: &mut Belongings) -> Done {
    let directory = top.join(below);
    let oops = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in std::fs::read_dir(&directory).map_err(oops)? {
        let entry = entry.map_err(oops)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if MAY_GROW.contains(&path.as_str()) {
            continue;
        }
        let metadata = entry.metadata().map_err(oops)?;
        let mode = metadata.permissions().mode();
        if metadata.is_dir() {
            collect(top, &path, found)?;
        } else if metadata.is_symlink() {
            let target = std::fs::read_link(entry.path()).map_err(oops)?;
            found.insert(path, (mode, target.to_string_lossy().into_owned().into_bytes()));
        } else {
            found.insert(path, (mode, std::fs::read(entry.path()).map_err(oops)?));
        }
    }
    Ok(())
}

/// Copies a directory as it is kept: without what Python leaves behind.
fn copy(from: &Path, to: &Path) -> Done {
    let oops = |error: std::io::Error| format!("{}: {error}", from.display());
    std::fs::create_dir_all(to).map_err(oops)?;
    for entry in std::fs::read_dir(from).map_err(oops)? {
        let entry = entry.map_err(oops)?;
        let name = entry.file_name();
        if entry.file_type().map_err(oops)?.is_dir() {
            if name != "__pycache__" && name != ".pytest_cache" {
                copy(&entry.path(), &to.join(name))?;
            }
        } else {
            std::fs::copy(entry.path(), to.join(name)).map_err(oops)?;
        }
    }
    Ok(())
}

//! Who changed which files, read from the person's history through a lens.

use std::path::Path;

use coditect_ports::PortError;
use coditect_types::graph::CommitFact;

use super::git::Git;
use super::lens::Lens;
use super::paths::remove;
use super::repository::{Place, locate};

/// Between the parts of a line, and before each commit.
const PART: char = '\u{2}';
const BEGIN: char = '\u{1}';

/// The history of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The commit that HEAD names.
    pub head: String,
    /// Commits, the newest first; merges are not among them, since what they change others changed.
    pub commits: Vec<CommitFact>,
    /// They are all that there are, since the commit that was known is none of this history.
    pub anew: bool,
}

/// The newest commits that changed something below a directory, at most `most` of them; where a commit is `known`, those since
/// then. `scratch` is a directory for a while. None: the directory is under no git, or has no commits.
///
/// # Errors
/// Where git refuses the repository.
pub fn log(
    git: &Git,
    dir: &Path,
    scratch: &Path,
    known: &str,
    most: usize,
) -> Result<Option<Log>, PortError> {
    let Place::Git(repository) = locate(git, dir)? else { return Ok(None) };
    let lens = Lens::open(git, &repository, scratch)?;
    let read = read(&lens, &repository.subdir, known, most);
    remove(scratch)?;
    read
}

fn read(lens: &Lens<'_>, below: &Path, known: &str, most: usize) -> Result<Option<Log>, PortError> {
    let Some(head) = lens.head()?.commit else { return Ok(None) };
    if head == known {
        return Ok(Some(Log { head, ..Log::default() }));
    }
    let is_ours = !known.is_empty()
        && lens.call().args(["merge-base", "--is-ancestor", known, &head]).answer()?.code == Some(0);
    let range = if is_ours { format!("{known}..{head}") } else { head.clone() };
    let most = most.to_string();
    let format = format!("--format={BEGIN}%H{PART}%an{PART}%at{PART}%s");
    let mut call =
        lens.call().args(["log", "--no-merges", "--no-renames", "--name-only", "-n", &most, &format]);
    if !below.as_os_str().is_empty() {
        let mut relative = std::ffi::OsString::from("--relative=");
        relative.push(below);
        call = call.arg(relative);
    }
    let said = call.arg(range).arg("--").run()?;
    let text = String::from_utf8_lossy(&said);
    let commits = text.split(BEGIN).filter_map(commit).collect();
    Ok(Some(Log { head, commits, anew: !is_ours }))
}

/// One commit: its line, then a file a line.
fn commit(text: &str) -> Option<CommitFact> {
    let (head, files) = text.split_once('\n').unwrap_or((text, ""));
    let mut parts = head.split(PART);
    let (id, author, at_s) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
    // A name that git had to quote is none that a source file has.
    let files =
        files.lines().filter(|line| !line.is_empty() && !line.starts_with('"')).map(str::to_owned).collect();
    Some(CommitFact {
        id: id.to_owned(),
        author: author.to_owned(),
        at_s,
        subject: parts.next().unwrap_or_default().to_owned(),
        files,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::{Git, log};

    fn git(dir: &Path, args: &[&str]) {
        let done = Command::new("git")
            .current_dir(dir)
            .args(["-c", "user.name=Ada", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
            .args(args)
            .output()
            .unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    #[test]
    fn commits_are_read_once_and_only_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let scratch = scratch.path().join("lens.git");
        let ours = Git::find(std::env::var_os("PATH").as_deref()).unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        assert_eq!(log(&ours, dir.path(), &scratch, "", 10).unwrap(), None);
        git(dir.path(), &["init", "-q"]);
        assert_eq!(log(&ours, dir.path(), &scratch, "", 10).unwrap(), None);
        for (n, path) in ["sub/a.py", "b.py", "sub/c.py"].iter().enumerate() {
            std::fs::write(dir.path().join(path), format!("x = {n}\n")).unwrap();
            git(dir.path(), &["add", "."]);
            git(dir.path(), &["commit", "-qm", &format!("change {n}\n\nmore words")]);
        }
        let all = log(&ours, dir.path(), &scratch, "", 10).unwrap().unwrap();
        let told: Vec<_> =
            all.commits.iter().map(|one| (one.subject.as_str(), one.files.join(" "))).collect();
        assert_eq!(
            told,
            [("change 2", "sub/c.py".into()), ("change 1", "b.py".into()), ("change 0", "sub/a.py".into())]
        );
        assert!(all.anew && all.commits.iter().all(|one| one.author == "Ada" && one.at_s > 0));
        let below = log(&ours, &dir.path().join("sub"), &scratch, "", 10).unwrap().unwrap();
        let files: Vec<_> = below.commits.iter().flat_map(|one| &one.files).collect();
        assert_eq!(files, ["c.py", "a.py"]);
        let known = &all.commits[1].id;
        let since = log(&ours, dir.path(), &scratch, known, 10).unwrap().unwrap();
        assert_eq!((since.commits.len(), since.anew), (1, false));
        assert_eq!(log(&ours, dir.path(), &scratch, &all.head, 10).unwrap().unwrap().commits.len(), 0);
        let other = log(&ours, dir.path(), &scratch, &"0".repeat(40), 10).unwrap().unwrap();
        assert_eq!((other.commits.len(), other.anew), (3, true));
        assert!(!scratch.exists());
    }
}

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

/// Commits of another branch that are taken out one by one.
const MOST_GONE: usize = 100;

/// The history of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The commit that HEAD names.
    pub head: String,
    /// Commits, the newest first; merges are not among them, since what they change others changed.
    pub commits: Vec<CommitFact>,
    /// Commits that were known and are none of this history: the directory stands on another branch.
    pub gone: Vec<String>,
    /// They are all that there are, since of what was known nothing, or too little, is of this history.
    pub anew: bool,
}

/// The newest commits that changed something below a directory, at most `most` of them; where a commit is `known`, those that it
/// does not know. `scratch` is a directory for a while. None: the directory is under no git, or has no commits.
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
    let gone = gone(lens, known, &head)?;
    let range = if gone.is_some() { format!("{known}..{head}") } else { head.clone() };
    let most = most.to_string();
    let format = format!("--format={BEGIN}%H{PART}%an{PART}%at{PART}%s");
    let mut call = lens.call().args([
        "log",
        "--no-merges",
        "--no-renames",
        "--full-history",
        "--name-only",
        "-n",
        &most,
        &format,
    ]);
    if !below.as_os_str().is_empty() {
        let mut relative = std::ffi::OsString::from("--relative=");
        relative.push(below);
        call = call.arg(relative);
    }
    call = call.arg(range).arg("--");
    if !below.as_os_str().is_empty() {
        // Of a large repository what others change elsewhere is not read, and does not count.
        let mut place = std::ffi::OsString::from(":(literal)");
        place.push(below);
        call = call.arg(place);
    }
    let said = call.run()?;
    let text = String::from_utf8_lossy(&said);
    let commits = text.split(BEGIN).filter_map(commit).collect();
    let anew = gone.is_none();
    Ok(Some(Log { head, commits, gone: gone.unwrap_or_default(), anew }))
}

/// What the history of one commit has and that of another has not. None: the one is not there, or so much is gone that all is to
/// be read again, since of each file only the newest commits are kept.
fn gone(lens: &Lens<'_>, known: &str, head: &str) -> Result<Option<Vec<String>>, PortError> {
    let is_id = known.len() >= 40 && known.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Ok(None);
    }
    let most = (MOST_GONE + 1).to_string();
    let not_head = format!("^{head}");
    let answer = lens.call().args(["rev-list", "-n", &most, known, &not_head, "--"]).answer()?;
    if answer.code != Some(0) {
        return Ok(None);
    }
    let gone: Vec<String> = String::from_utf8_lossy(&answer.stdout).lines().map(str::to_owned).collect();
    Ok((gone.len() <= MOST_GONE).then_some(gone))
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

    #[test]
    fn of_another_branch_only_what_differs_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let scratch = scratch.path().join("lens.git");
        let ours = Git::find(std::env::var_os("PATH").as_deref()).unwrap();
        git(dir.path(), &["init", "-q"]);
        let commit = |path: &str| {
            std::fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(path), path).unwrap();
            git(dir.path(), &["add", "."]);
            git(dir.path(), &["commit", "-qm", path]);
        };
        let read = |below: &str, known: &str, most| {
            let log = log(&ours, &dir.path().join(below), &scratch, known, most).unwrap().unwrap();
            let told: Vec<String> = log.commits.iter().map(|one| one.subject.clone()).collect();
            (log.head, told.join(" "), log.gone, log.anew)
        };
        commit("sub/a.py");
        commit("b.py");
        git(dir.path(), &["checkout", "-qb", "side"]);
        commit("side.py");
        let (side, told, gone, anew) = read("", "", 10);
        assert_eq!((told.as_str(), gone.len(), anew), ("side.py b.py sub/a.py", 0, true));
        git(dir.path(), &["checkout", "-q", "main"]);
        commit("c.py");
        // There and back again: what both have is not read twice.
        let (main, told, gone, anew) = read("", &side, 10);
        assert_eq!((told.as_str(), gone, anew), ("c.py", vec![side.clone()], false));
        git(dir.path(), &["checkout", "-q", "side"]);
        let (_, told, gone, anew) = read("", &main, 10);
        assert_eq!((told.as_str(), gone, anew), ("side.py", vec![main.clone()], false));
        // What others changed elsewhere does not count against the number that is read.
        assert_eq!(read("sub", "", 1).1, "sub/a.py");
        // A branch from long ago is read as a whole.
        for n in 0..super::MOST_GONE {
            git(dir.path(), &["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
        }
        let (far, ..) = read("", "", 1);
        git(dir.path(), &["checkout", "-q", "main"]);
        let (_, told, gone, anew) = read("", &far, 10);
        assert_eq!((told.as_str(), gone.len(), anew), ("c.py b.py sub/a.py", 0, true));
    }
}

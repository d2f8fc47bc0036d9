//! Commits of a repository that mended something and have the test for it: what a team did before is an example of what is
//! right there.

use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::git::Git;
use super::lens::Lens;
use super::repository::{Place, Repository, locate};
use crate::languages::{Language, is_test_path};

/// Files of the product that one commit may touch, and bytes of its diff: what is larger is no pattern.
const MOST_FILES: usize = 4;
const MOST_DIFF: usize = 64 << 10;

/// A commit that touches code and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mined {
    /// Its hash.
    pub commit: String,
    /// When it was made, ms since 1970.
    pub at_ms: u64,
    /// The first line of what it says.
    pub subject: String,
    /// The language of the code, as a survey names it.
    pub language: String,
    /// The change of the code, as a unified diff.
    pub diff: String,
    /// The files of the tests that it touches.
    pub tests: Vec<String>,
}

/// The top of the repository that `dir` is in, and the newest `most` commits of its branch that touch code and tests, the oldest
/// first, with how many commits were looked at. `scratch`: a directory for a while. Nothing of the repository runs, and
/// nothing of it is written.
///
/// # Errors
/// Where it is no git repository, or has no commit.
pub fn mined(
    git: &Git,
    scratch: &Path,
    dir: &Path,
    most: usize,
) -> Result<(PathBuf, Vec<Mined>, usize), PortError> {
    let Place::Git(repository) = locate(git, dir)? else {
        let cause = format!("`{}` is not below a git work tree", dir.display());
        return Err(PortError::new(ErrorKind::NotFound, cause)
            .with_hint("name a directory of a repository, such as `coditect learn -C ~/src/ledger`"));
    };
    let lens = Lens::open(git, &repository, &scratch.join("lens"))?;
    if lens.call().args(["rev-parse", "--verify", "--quiet", "HEAD"]).ask()?.is_none() {
        // Nothing was committed yet.
        return Ok((repository.top, Vec::new(), 0));
    }
    let log = lens.call().arg("log").arg("--no-merges").arg(format!("--max-count={most}"));
    let log =
        log.args(["--no-renames", "--name-only", "-z", "--format=%x01%H%x02%ct%x02%s%x02", "HEAD", "--"]);
    let said = log.run()?;
    let said = String::from_utf8_lossy(&said);
    let mut found = Vec::new();
    let mut looked_at = 0;
    for entry in said.split('\u{1}').skip(1) {
        looked_at += 1;
        if let Some(commit) = touching(entry)
            && let Some(mined) = with_diff(&lens, &repository, commit)?
        {
            found.push(mined);
        }
    }
    found.reverse();
    Ok((repository.top, found, looked_at))
}

/// A commit of the log, with the files of the product and those of the tests. None: it does not touch both.
fn touching(entry: &str) -> Option<(Mined, Vec<String>)> {
    let mut parts = entry.splitn(4, '\u{2}');
    let (commit, seconds, subject) = (parts.next()?, parts.next()?, parts.next()?);
    let files =
        parts.next()?.split('\0').map(|file| file.trim_start_matches('\n')).filter(|file| !file.is_empty());
    let (tests, rest): (Vec<String>, Vec<String>) =
        files.map(str::to_owned).partition(|file| is_test_path(file));
    let code: Vec<String> = rest.into_iter().filter(|file| Language::of_path(file).is_some()).collect();
    let language = Language::of_path(code.first()?)?;
    let is_one =
        code.iter().all(|file| Language::of_path(file).is_some_and(|of| named(of) == named(language)));
    let mined = Mined {
        commit: commit.to_owned(),
        at_ms: seconds.parse::<u64>().ok()?.saturating_mul(1_000),
        subject: subject.to_owned(),
        language: named(language),
        diff: String::new(),
        tests,
    };
    (is_one && code.len() <= MOST_FILES && !mined.tests.is_empty()).then_some((mined, code))
}

/// As a survey names it.
fn named(language: Language) -> String {
    let language = if language == Language::Tsx { Language::TypeScript } else { language };
    language.name().to_lowercase()
}

fn with_diff(
    lens: &Lens<'_>,
    repository: &Repository,
    (mut mined, code): (Mined, Vec<String>),
) -> Result<Option<Mined>, PortError> {
    let show =
        lens.call().args(["show", "--format=", "--unified=3", "--no-renames", "--no-color", "--no-ext-diff"]);
    let show = show.args(["--no-textconv", "--diff-filter=M", &mined.commit, "--"]);
    // Names are below the top, and stand for themselves.
    let show = show.args(code.iter().map(|file| format!(":(top,literal){file}")));
    let diff = show.work_tree(&repository.top).run()?;
    if diff.is_empty() || diff.len() > MOST_DIFF {
        return Ok(None);
    }
    Ok(String::from_utf8(diff).ok().map(|diff| {
        mined.diff = diff;
        mined
    }))
}

#[cfg(test)]
mod tests;

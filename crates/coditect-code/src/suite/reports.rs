//! Results of a command of the person's own, test by test, from the report that it leaves.
//!
//! A report is written by the code under test or by something that it can reach, so it is data: it is looked for in the
//! worktree alone, no link is followed, and all of it has limits. Nothing runs any more when it is read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coditect_types::TestStatus;
use coditect_types::project::{ReportFormat, ReportSource};
use coditect_types::testing::Frame;

mod frames;
mod junit;
mod tap;
#[cfg(test)]
mod tests;

/// Files of one report at most.
const MOST_FILES: usize = 10_000;
/// Directories below each other that `**` stands for at most.
const DEEPEST: usize = 40;
/// Entries of directories that are looked at for them at most.
const MOST_ENTRIES: usize = 200_000;
/// Bytes of all files of a report at most.
const ALL_BYTES: u64 = 64 << 20;
/// Tests of a report at most.
const MOST_TESTS: usize = 100_000;
/// Bytes of a test's name at most.
const NAME_BYTES: usize = 512;

/// How one test ended, as a report has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) status: TestStatus,
    pub(super) us: u64,
    pub(super) error_type: String,
    pub(super) message: String,
    pub(super) frames: Vec<Frame>,
}

/// What a report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) cases: Vec<Case>,
    /// Trouble outside any test, a line each.
    pub(super) problems: Vec<String>,
}

/// Why a report says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is none, or it was cut off: the command may have broken off.
    Missing(String),
    /// It is none of its format: the settings do not fit the command.
    Wrong(String),
}

impl Unread {
    /// The cause, for a person.
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Missing(why) | Self::Wrong(why) => why,
        }
    }
}

/// How the files of a report looked before a run, by path below the root: size, time of change and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before(BTreeMap<String, Look>);

type Look = (u64, Option<SystemTime>, u64);

/// Looks at the reports that are there already: what a run does not write was not said by it.
pub(super) fn before(source: &ReportSource, root: &Path) -> Before {
    let files = source.path.as_deref().map(|pattern| matches(root, pattern)).unwrap_or_default();
    Before(files.into_iter().filter_map(|file| Some((file.clone(), look(&root.join(file))?))).collect())
}

fn look(path: &Path) -> Option<Look> {
    let about = path.symlink_metadata().ok()?;
    Some((about.len(), about.modified().ok(), about.ino()))
}

/// Reads what a run left. `stdout`: what it printed, and whether that was cut.
pub(super) fn read(
    source: &ReportSource,
    root: &Path,
    before: &Before,
    stdout: (&[u8], bool),
) -> Result<Reported, Unread> {
    let mut reported = Reported::default();
    let parse = |text: &str, of: &str, reported: &mut Reported| match source.format {
        ReportFormat::JunitXml => junit::parse(text, of, reported),
        ReportFormat::Tap | ReportFormat::ExitCode => tap::parse(text, of, reported),
    };
    match &source.path {
        None if stdout.1 => {
            let why = "the command printed more than is kept, so the report on its standard output was cut: let it write \
                       the report to a file, and set `report_path`";
            return Err(Unread::Missing(why.to_owned()));
        }
        None => parse(&String::from_utf8_lossy(stdout.0), "standard output", &mut reported)?,
        Some(pattern) => {
            for (file, text) in texts(root, pattern, before)? {
                parse(&text, &format!("`{file}`"), &mut reported)?;
            }
        }
    }
    if reported.cases.len() > MOST_TESTS {
        reported.problems.push(format!("only the first {MOST_TESTS} tests of the report are looked at"));
        reported.cases.truncate(MOST_TESTS);
    }
    told_apart(&mut reported.cases);
    for case in &mut reported.cases {
        if case.status.is_red() {
            case.frames = places(&case.message, root);
        }
    }
    Ok(reported)
}

/// The files of a report, with their text.
fn texts(root: &Path, pattern: &str, before: &Before) -> Result<Vec<(String, String)>, Unread> {
    let all = matches(root, pattern);
    let is_new = |file: &&String| look(&root.join(file)).is_some_and(|now| before.0.get(*file) != Some(&now));
    let files: Vec<String> = all.iter().filter(is_new).cloned().collect();
    if files.is_empty() {
        let old = if all.is_empty() { "" } else { " (what is there is older than the run)" };
        return Err(Unread::Missing(format!("the command left no file `{pattern}`{old}")));
    }
    let mut all = Vec::with_capacity(files.len());
    let mut left = ALL_BYTES;
    for file in files {
        let mut bytes = Vec::new();
        let read =
            fs::File::open(root.join(&file)).and_then(|open| open.take(left + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return Err(Unread::Missing(format!("`{file}` cannot be read: {error}")));
        }
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            Unread::Wrong(format!("the files `{pattern}` are larger than {} MiB", ALL_BYTES >> 20))
        })?;
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Unread::Wrong(format!("`{file}` is UTF-16: let the command write UTF-8")));
        }
        all.push((file, String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(all)
}

/// Plain files below `root` that fit a pattern, sorted, as paths below it. Links are not followed.
fn matches(root: &Path, pattern: &str) -> Vec<String> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let mut walk = Walk { found: Vec::new(), entries: 0 };
    walk.expand(root, "", &parts, 0);
    walk.found.sort_unstable();
    walk.found.dedup();
    walk.found
}

struct Walk {
    found: Vec<String>,
    entries: usize,
}

impl Walk {
    fn expand(&mut self, directory: &Path, prefix: &str, parts: &[&str], depth: usize) {
        let Some((first, rest)) = parts.split_first() else { return };
        if depth > DEEPEST || self.found.len() >= MOST_FILES {
            return;
        }
        if *first == "**" {
            self.expand(directory, prefix, rest, depth);
            for (path, name) in self.entries(directory) {
                if is_directory(&path) {
                    self.expand(&path, &format!("{prefix}{name}/"), parts, depth + 1);
                }
            }
            return;
        }
        let named = match first.contains(['*', '?']) {
            true => self.entries(directory).into_iter().filter(|(_, name)| fits(first, name)).collect(),
            false => vec![(directory.join(first), (*first).to_owned())],
        };
        for (path, name) in named {
            match rest {
                [] if self.found.len() < MOST_FILES
                    && path.symlink_metadata().is_ok_and(|about| about.is_file()) =>
                {
                    self.found.push(format!("{prefix}{name}"));
                }
                [] => {}
                _ if is_directory(&path) => {
                    self.expand(&path, &format!("{prefix}{name}/"), rest, depth + 1);
                }
                _ => {}
            }
        }
    }

    fn entries(&mut self, directory: &Path) -> Vec<(PathBuf, String)> {
        let left = MOST_ENTRIES.saturating_sub(self.entries);
        let named = fs::read_dir(directory).into_iter().flatten().flatten().take(left);
        let all: Vec<(PathBuf, String)> =
            named.filter_map(|entry| Some((entry.path(), entry.file_name().into_string().ok()?))).collect();
        self.entries += all.len();
        all
    }
}

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|about| about.is_dir())
}

/// True where a name fits a pattern of `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stood, and how far it reached.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, reached)) => {
                    star = Some((at, reached + 1));
                    p = at + 1;
                    n = reached + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Tests of the same name get a number.
fn told_apart(cases: &mut [Case]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases {
        let times = seen.entry(case.id.clone()).or_insert(0);
        *times += 1;
        if *times > 1 {
            case.id = format!("{} #{times}", case.id);
        }
    }
}

/// A name on one line, cut.
fn named(parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut name = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("::");
    if name.len() > NAME_BYTES {
        let end = (0..=NAME_BYTES).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

/// Places of the project that a text names.
pub(super) fn places(text: &str, root: &Path) -> Vec<Frame> {
    frames::found(text, &|file| root.join(file).is_file())
}

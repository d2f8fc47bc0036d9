//! The files of a worktree, looked at and never run.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files listed at most; a larger tree is cut, and the survey says so.
const MOST_FILES: usize = 100_000;
/// Directories below each other at most.
const DEEPEST: usize = 40;
/// Bytes read of one file at most: enough for any header, import list or test file of sane size.
const MOST_BYTES: u64 = 512 << 10;

/// Directories whose files are never the project's own.
const FOREIGN: &[&str] = &["__pycache__", "node_modules", "site-packages", "__pypackages__"];

/// The regular files below a directory, without links, hidden directories, caches and virtual environments.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    top: PathBuf,
    /// Sorted, `/` between components. Names that are not UTF-8 are left out: no import can name them.
    files: Vec<String>,
    cut: bool,
}

impl Listing {
    /// Lists the files below `top`.
    pub fn load(top: &Path) -> io::Result<Self> {
        let mut listing = Self { top: top.to_path_buf(), files: Vec::new(), cut: false };
        let mut open = vec![(top.to_path_buf(), String::new(), 0)];
        while let Some((directory, prefix, depth)) = open.pop() {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if depth == 0 => return Err(error),
                // A directory below that cannot be read holds nothing that could be run either.
                Err(_) => continue,
            };
            for entry in entries.flatten() {
                let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                    continue;
                };
                if kind.is_file() {
                    listing.files.push(format!("{prefix}{name}"));
                } else if kind.is_dir() && depth < DEEPEST && is_own(&entry.path(), &name) {
                    open.push((entry.path(), format!("{prefix}{name}/"), depth + 1));
                }
                if listing.files.len() >= MOST_FILES {
                    listing.cut = true;
                    open.clear();
                    break;
                }
            }
        }
        listing.files.sort_unstable();
        Ok(listing)
    }

    /// The directory that was listed.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// Every file, sorted.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// True where the tree has more files than are listed.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// True where `path` is one of the files.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.binary_search_by(|file| file.as_str().cmp(path)).is_ok()
    }

    /// True where `directory` (`""` is the top) has at least one file somewhere below it.
    #[must_use]
    pub fn has_dir(&self, directory: &str) -> bool {
        let prefix = prefix_of(directory);
        let from = self.files.partition_point(|file| file.as_str() < prefix.as_str());
        self.files.get(from).is_some_and(|file| file.starts_with(&prefix))
    }

    /// The same listing seen from a directory of it.
    #[must_use]
    pub fn below(&self, directory: &str) -> Self {
        let prefix = prefix_of(directory);
        let files =
            self.files.iter().filter_map(|file| file.strip_prefix(&prefix)).map(str::to_owned).collect();
        let top = if directory.is_empty() { self.top.clone() } else { self.top.join(directory) };
        Self { top, files, cut: self.cut }
    }

    /// The beginning of a file as text; bytes that are not UTF-8 are replaced. None where it cannot be read.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let mut bytes = Vec::new();
        fs::File::open(self.top.join(path)).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// True where a module or package of this top-level name lies in `directory`.
    #[must_use]
    pub fn provides(&self, directory: &str, module: &str) -> bool {
        let prefix = prefix_of(directory);
        self.has(&format!("{prefix}{module}.py")) || self.has_dir(&format!("{prefix}{module}"))
    }
}

/// `""` for the top, else the directory and a slash.
pub(super) fn prefix_of(directory: &str) -> String {
    if directory.is_empty() { String::new() } else { format!("{directory}/") }
}

/// The directory of a path, `""` at the top.
pub(super) fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last component of a path.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn is_own(path: &Path, name: &str) -> bool {
    !name.starts_with('.')
        && !FOREIGN.contains(&name)
        && !name.ends_with(".egg-info")
        && !path.join("pyvenv.cfg").exists()
}

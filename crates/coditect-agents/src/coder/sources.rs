//! The text that a search works on: what may be edited, and what is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use coditect_code::python::{Listing, is_test_path};
use coditect_code::repair::Source;
use coditect_code::suite::IMPORT;
use coditect_types::{Suspect, TestReport};

/// Bytes of one file at most: a longer one is data or was generated.
const FILE_BYTES: u64 = 1 << 20;
/// Bytes of all files that may be edited, and of all that are read.
const ALL_BYTES: usize = 16 << 20;
/// Files that may be edited.
const MOST_FILES: usize = 2_000;

/// The sources of a project.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Files that may be edited, suspects first.
    pub(super) product: Vec<Source>,
    /// Tests.
    pub(super) tests: Vec<Source>,
}

/// Reads the sources below `root`. Files with suspects come first, likeliest first; a file that is not UTF-8 is left
/// out, since a change could not keep its bytes.
pub(super) fn read(root: &Path, files: &Listing, report: &TestReport, suspects: &[Suspect]) -> Sources {
    let tested = test_files(report);
    let mut rank: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, suspect) in suspects.iter().enumerate() {
        rank.entry(&suspect.file).or_insert(place);
    }
    let mut paths: Vec<&String> = files.files().iter().filter(|path| path.ends_with(".py")).collect();
    paths.sort_by_key(|path| (rank.get(path.as_str()).copied().unwrap_or(usize::MAX), *path));
    let mut sources = Sources::default();
    let (mut product_bytes, mut test_bytes) = (0, 0);
    for path in paths {
        let is_test = is_test_path(path) || tested.contains(path.as_str());
        let bytes = if is_test { &mut test_bytes } else { &mut product_bytes };
        if (!is_test && sources.product.len() >= MOST_FILES) || *bytes > ALL_BYTES {
            continue;
        }
        let Some(text) = text(&root.join(path)) else { continue };
        *bytes += text.len();
        let source = Source { path: path.clone(), text };
        if is_test { sources.tests.push(source) } else { sources.product.push(source) }
    }
    sources
}

/// Files that hold tests, as the test ids name them. A doctest lives in the very file that it tests.
fn test_files(report: &TestReport) -> BTreeSet<&str> {
    report
        .tests
        .iter()
        .filter(|test| !test.id.contains("::doctest::"))
        .filter_map(|test| test.id.strip_suffix(IMPORT).or_else(|| test.id.split("::").next()))
        .collect()
}

fn text(path: &Path) -> Option<String> {
    let size = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    if size > FILE_BYTES {
        return None;
    }
    String::from_utf8(std::fs::read(path).ok()?).ok()
}

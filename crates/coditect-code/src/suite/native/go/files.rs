//! Which file a test stands in, read off the lines of a package's test files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Bytes of one file that are read, and files of one package.
const FILE_BYTES: u64 = 4 << 20;
const MOST_FILES: usize = 1_000;

/// True for what `-test.list` prints of tests, examples and fuzz targets. (Benchmarks are no tests.)
pub(super) fn is_test_name(name: &str) -> bool {
    let kind = ["Test", "Example", "Fuzz"].iter().find_map(|kind| name.strip_prefix(kind));
    kind.is_some_and(|rest| {
        !rest.starts_with(char::is_lowercase) && rest.chars().all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// The id of each test, by its name. `directory` is the package's, below the project's root.
pub(super) fn tests_in(folder: &Path, directory: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<String> = entries
        .filter(|entry| entry.metadata().is_ok_and(|about| about.is_file() && about.len() <= FILE_BYTES))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with("_test.go"))
        .collect();
    files.sort();
    files.truncate(MOST_FILES);
    let mut found = BTreeMap::new();
    for file in files {
        let Ok(text) = fs::read_to_string(folder.join(&file)) else { continue };
        let path = if directory.is_empty() { file } else { format!("{directory}/{file}") };
        for name in text.lines().filter_map(function) {
            found.entry(name.to_owned()).or_insert_with(|| format!("{path}::{name}"));
        }
    }
    found
}

/// The name of the test that a line begins.
fn function(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("func ")?.trim_start().split_once('(')?;
    is_test_name(name.trim_end()).then_some(name.trim_end())
}

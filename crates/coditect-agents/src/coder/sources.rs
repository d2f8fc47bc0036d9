//! The text that a search works on: what may be edited, and what is only read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use coditect_code::languages::{Language, is_test_path};
use coditect_code::provenance::Provenance;
use coditect_code::python::Listing;
use coditect_code::repair::Source;
use coditect_code::suite::{IMPORT, scripts};
use coditect_types::project::{Framework, Toolchain};
use coditect_types::{Project, Suspect, TestReport};

/// Bytes of one file at most: a longer one is data or was generated.
const FILE_BYTES: u64 = 1 << 20;
/// Bytes of all files that may be edited, and of all that are read.
const ALL_BYTES: usize = 16 << 20;
/// Files that may be edited.
pub(crate) const MOST_FILES: usize = 2_000;
/// Files that were passed over and are named.
const MOST_NAMED: usize = 3;

/// The sources of a project.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Files that may be edited, suspects first.
    pub(crate) product: Vec<Source>,
    /// Tests.
    pub(crate) tests: Vec<Source>,
    /// How the bytes of the files that may be edited are written.
    pub(crate) script: Script,
    /// Files beside the tests that were passed over, each with why, a few of them.
    pub(crate) passed_over: Vec<String>,
}

impl Sources {
    /// Why there is nothing to edit.
    pub(crate) fn why_none(&self) -> String {
        match self.passed_over.as_slice() {
            [] => "There is no source file beside the tests.".to_owned(),
            some => format!("No source file beside the tests can be edited: {}.", some.join("; ")),
        }
    }
}

/// Which files are not UTF-8, and what that means for their text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    latin1: BTreeSet<String>,
}

impl Script {
    /// The bytes of a file; None where its encoding has no byte for some letter.
    pub(crate) fn bytes(&self, path: &str, text: &str) -> Option<Vec<u8>> {
        if !self.latin1.contains(path) {
            return Some(text.as_bytes().to_vec());
        }
        text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
    }

    /// The text as the runner takes it, which is UTF-8 whatever the file is: so it must say that it is.
    pub(crate) fn for_runner(&self, path: &str, text: &str) -> String {
        match cookie(text).filter(|_| self.latin1.contains(path)) {
            Some(name) => {
                let mut text = text.to_owned();
                text.replace_range(name, "utf-8");
                text
            }
            None => text.to_owned(),
        }
    }
}

/// Reads the sources below `root`. Files with suspects come first, likeliest first. A file in an encoding that a change
/// could not keep is left out.
pub(crate) fn read(
    root: &Path,
    files: &Listing,
    project: &Project,
    report: &TestReport,
    suspects: &[Suspect],
) -> Sources {
    let languages = languages(project, files, suspects);
    let provenance = Provenance::read(files);
    let mut tested: BTreeSet<String> = test_files(report).into_iter().map(str::to_owned).collect();
    let run = scripts(project, files);
    // A program that tests itself is all that there is to change.
    let others =
        |path: &String| Language::of_path(path).is_some() && !is_test_path(path) && !run.contains(path);
    if files.files().iter().any(others) {
        tested.extend(run);
    }
    let mut rank: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, suspect) in suspects.iter().enumerate() {
        rank.entry(&suspect.file).or_insert(place);
    }
    let ours = |path: &&String| Language::of_path(path).is_some_and(|of| languages.contains(&of));
    let mut paths: Vec<&String> = files.files().iter().filter(ours).collect();
    paths.sort_by_key(|path| (rank.get(path.as_str()).copied().unwrap_or(usize::MAX), *path));
    let mut sources = Sources::default();
    let (mut product_bytes, mut test_bytes) = (0, 0);
    for path in paths {
        // Rust's tests stand in the very files that they test: the grammar of edits leaves those parts out.
        let inside = path.ends_with(".rs");
        let is_test = is_test_path(path) || (!inside && tested.contains(path));
        let bytes = if is_test { &mut test_bytes } else { &mut product_bytes };
        if (!is_test && sources.product.len() >= MOST_FILES) || *bytes > ALL_BYTES {
            continue;
        }
        let text = match text(&root.join(path)) {
            Ok(text) => text,
            Err(why) => {
                if !is_test && sources.passed_over.len() < MOST_NAMED {
                    sources.passed_over.push(format!("`{path}` {why}"));
                }
                continue;
            }
        };
        let text = match text {
            Text::Utf8(text) => text,
            Text::Latin1(text) => {
                sources.script.latin1.insert(path.clone());
                text
            }
        };
        // What a tool or another project wrote may be read and not be changed.
        let foreign = if is_test { None } else { provenance.foreign(path, &text) };
        let is_read = is_test || foreign.is_some();
        if let Some(why) = foreign
            && sources.passed_over.len() < MOST_NAMED
        {
            sources.passed_over.push(format!("`{path}` {why}"));
        }
        *bytes += text.len();
        let source = Source { path: path.clone(), text };
        if is_read { sources.tests.push(source) } else { sources.product.push(source) }
    }
    sources
}

/// The languages that a project's product is written in.
fn languages(project: &Project, files: &Listing, suspects: &[Suspect]) -> Vec<Language> {
    if project.framework == Framework::Command {
        return spoken(files, suspects);
    }
    let known: &[Language] = match project.framework.toolchain() {
        None => &[Language::Python],
        Some(Toolchain::Rust) => &[Language::Rust],
        Some(Toolchain::Node) => &[Language::JavaScript, Language::TypeScript, Language::Tsx],
        Some(Toolchain::Go) => &[Language::Go],
        Some(Toolchain::Java) => &[Language::Java],
    };
    known.to_vec()
}

/// The languages of a project of which nothing but a command is known: the one with most files beside the tests, and
/// those that failures point at.
fn spoken(files: &Listing, suspects: &[Suspect]) -> Vec<Language> {
    let family = |language: Language| if language.is_script() { Language::JavaScript } else { language };
    let mut count: BTreeMap<Language, usize> = BTreeMap::new();
    for file in files.files().iter().filter(|file| !is_test_path(file)) {
        if let Some(language) = Language::of_path(file) {
            *count.entry(family(language)).or_insert(0) += 1;
        }
    }
    let most = count.iter().max_by_key(|(_, files)| **files).map(|(language, _)| *language);
    let pointed = suspects.iter().filter_map(|suspect| Language::of_path(&suspect.file)).map(family);
    let families: BTreeSet<Language> = most.into_iter().chain(pointed).collect();
    Language::ALL.iter().copied().filter(|language| families.contains(&family(*language))).collect()
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

/// What a file holds.
enum Text {
    Utf8(String),
    /// Each byte is the letter of its number.
    Latin1(String),
}

/// Reads a file, or says why it cannot be edited.
fn text(path: &Path) -> Result<Text, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read ({error})");
    let about = std::fs::symlink_metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err("is not a file".to_owned());
    }
    if about.len() > FILE_BYTES {
        return Err(format!("is longer than {} KiB", FILE_BYTES >> 10));
    }
    let bytes = match String::from_utf8(std::fs::read(path).map_err(unreadable)?) {
        Ok(text) => return Ok(Text::Utf8(text)),
        Err(error) => error.into_bytes(),
    };
    let text: String = bytes.iter().copied().map(char::from).collect();
    match cookie(&text).map(|name| text[name].to_ascii_lowercase().replace('_', "-")) {
        None => Err("is not UTF-8 and names no other encoding".to_owned()),
        Some(name) if LATIN1.contains(&name.as_str()) => Ok(Text::Latin1(text)),
        Some(name) => Err(format!("is written in `{name}`")),
    }
}

/// Names of ISO 8859-1, as Python has them.
const LATIN1: &[&str] = &["latin-1", "latin1", "iso-8859-1", "iso8859-1", "8859", "cp819", "l1"];

/// Where the name of the encoding stands, by the rule of Python's language reference: in a comment that is alone on
/// the first line or, below a comment or an empty line, on the second.
fn cookie(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n').take(2) {
        let code = line.trim_start_matches([' ', '\t', '\u{c}']);
        if code.starts_with('#')
            && let Some(found) = ["coding:", "coding="].iter().filter_map(|sign| code.find(sign)).min()
        {
            let rest = &code[found + "coding:".len()..];
            let name = rest.trim_start_matches([' ', '\t']);
            let end =
                name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(name.len());
            let from = start + (line.len() - name.len());
            return (end > 0).then_some(from..from + end);
        }
        if !code.starts_with('#') && !code.trim().is_empty() {
            return None;
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests;

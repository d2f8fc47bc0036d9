//! Where a Python project begins, where its imports start from, and what its framework is told to run.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::project::Framework;

use super::dialect::{Dialect, is_pytest_name, is_test_name, is_test_path, is_unittest_name};
use super::listing::{Listing, name_of, parent_of, prefix_of};

/// Files that only stand at the top of a Python project.
const MARKERS: &[&str] = &[
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "pytest.ini",
    "manage.py",
    "requirements.txt",
    "requirements-dev.txt",
    "Pipfile",
    "noxfile.py",
];
/// Test files that are read at most when the dialect is looked for.
const MOST_READ: usize = 2_000;

/// Directories that look like the top of a Python project with something to test, sorted; a project within
/// another one is part of it.
#[must_use]
pub fn roots(files: &Listing) -> Vec<String> {
    let marked: BTreeSet<&str> = files
        .files()
        .iter()
        .filter(|file| MARKERS.contains(&name_of(file)))
        .map(|file| parent_of(file))
        .collect();
    let tested: Vec<&String> = files
        .files()
        .iter()
        .filter(|file| is_test_name(name_of(file)) || (is_test_path(file) && is_unittest_name(name_of(file))))
        .collect();
    let mut roots: BTreeSet<&str> = BTreeSet::new();
    for file in tested {
        // The outermost marked directory above the file; without one, where its tests directory lies.
        let above = ancestors(parent_of(file));
        let root = above.iter().rev().find(|directory| marked.contains(**directory)).copied();
        roots.insert(root.unwrap_or_else(|| unmarked_root(files, file)));
    }
    let outermost = roots
        .iter()
        .filter(|root| !ancestors(parent_of(root)).iter().any(|a| roots.contains(a) && a != *root));
    outermost.map(|root| (*root).to_owned()).collect()
}

/// Without any marker, a project begins where the test file's imports are found, else above its `tests` directory
/// or package.
fn unmarked_root<'a>(files: &Listing, file: &'a str) -> &'a str {
    let imports = files.text(file).map(|text| Dialect::read(&text).imports).unwrap_or_default();
    let provides = |directory: &str| {
        imports.iter().any(|module| {
            files.provides(directory, module)
                && !file.ends_with(&format!("/{module}.py"))
                && *file != format!("{module}.py")
        })
    };
    let in_package = |directory: &str| files.has(&format!("{}__init__.py", prefix_of(directory)));
    let candidates = ancestors(parent_of(file));
    if let Some(found) = candidates.iter().find(|directory| provides(directory) && !in_package(directory)) {
        return outer(above_tests(file), found);
    }
    let outside = candidates.iter().find(|directory| !in_package(directory)).copied().unwrap_or("");
    outer(above_tests(file), outside)
}

/// Of two directories above the same file, the outer one.
fn outer<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.len() <= other.len() { one } else { other }
}

/// A directory and everything above it, innermost first, the top (`""`) last.
fn ancestors(directory: &str) -> Vec<&str> {
    let mut all = vec![directory];
    let mut at = directory;
    while !at.is_empty() {
        at = parent_of(at);
        all.push(at);
    }
    all
}

/// The directory above the outermost `tests` directory of a path, else the file's own.
fn above_tests(file: &str) -> &str {
    let directory = parent_of(file);
    let mut at = 0;
    for part in directory.split('/') {
        if matches!(part, "tests" | "test" | "testing") {
            return directory[..at].trim_end_matches('/');
        }
        at += part.len() + 1;
    }
    directory
}

/// The test files below a root, with what each says.
#[derive(Clone, Debug, Default)]
pub struct Tests {
    /// By path.
    pub files: BTreeMap<String, Dialect>,
    /// Product files with `>>>` examples.
    pub examples: Vec<String>,
    /// What `conftest.py` files and settings say: they make it a pytest project.
    pub pytest_settings: Vec<String>,
}

impl Tests {
    /// Reads the files below `root` that could hold tests.
    #[must_use]
    pub fn read(files: &Listing) -> Self {
        let mut tests = Self { pytest_settings: pytest_settings(files), ..Self::default() };
        let python = files.files().iter().filter(|file| file.ends_with(".py"));
        for file in python.take(MOST_READ * 5) {
            let name = name_of(file);
            let may_test = is_test_name(name) || (is_unittest_name(name) && name != "testing.py");
            if name == "conftest.py" || (!may_test && tests.examples.len() >= MOST_READ) {
                continue;
            }
            let Some(text) = files.text(file) else { continue };
            let dialect = Dialect::read(&text);
            if may_test && tests.files.len() < MOST_READ {
                tests.files.insert(file.clone(), dialect);
            } else if dialect.doctests && !is_test_path(file) {
                tests.examples.push(file.clone());
            }
        }
        tests
    }

    /// Test files with tests of any dialect but doctest.
    pub fn with_tests(&self) -> impl Iterator<Item = (&String, &Dialect)> {
        self.files.iter().filter(|(_, dialect)| dialect.has_tests())
    }

    /// The framework that can run all of them, if any can, with the reason.
    #[must_use]
    pub fn framework(&self) -> Option<(Framework, String)> {
        if self.with_tests().next().is_none() {
            let found = !self.examples.is_empty();
            return found.then(|| (Framework::Doctest, format!("`>>>` examples in `{}`", self.examples[0])));
        }
        if let Some(settings) = self.pytest_settings.first() {
            return Some((Framework::Pytest, format!("pytest is set up in `{settings}`")));
        }
        if let Some((file, _)) = self.with_tests().find(|(_, dialect)| dialect.pytest) {
            return Some((Framework::Pytest, format!("`{file}` imports pytest")));
        }
        if let Some((file, _)) = self.with_tests().find(|(_, dialect)| dialect.bare) {
            return Some((
                Framework::Pytest,
                format!("`{file}` has test functions or classes without a base"),
            ));
        }
        let (file, _) = self.with_tests().next()?;
        Some((Framework::Unittest, format!("`{file}` has `unittest` classes")))
    }
}

/// Files below the root that set pytest up.
fn pytest_settings(files: &Listing) -> Vec<String> {
    let says = |file: &str, words: &[&str]| {
        files.has(file)
            && files.text(file).is_some_and(|text| text.lines().any(|line| words.contains(&line.trim())))
    };
    let mut found = Vec::new();
    if files.has("pytest.ini") {
        found.push("pytest.ini".to_owned());
    }
    if says("pyproject.toml", &["[tool.pytest.ini_options]", "[tool.pytest]"]) {
        found.push("pyproject.toml".to_owned());
    }
    for (file, section) in [("tox.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]")] {
        if says(file, &[section]) {
            found.push(file.to_owned());
        }
    }
    found.extend(files.files().iter().find(|file| name_of(file) == "conftest.py").cloned());
    found
}

/// What the framework is told to run; nothing where its own discovery finds every test file.
#[must_use]
pub fn targets(files: &Listing, tests: &Tests, framework: Framework) -> Vec<String> {
    let with_tests: Vec<&str> = tests.with_tests().map(|(file, _)| file.as_str()).collect();
    match framework {
        Framework::Doctest => tests.examples.clone(),
        Framework::Pytest => {
            let found = with_tests.iter().all(|file| is_pytest_name(name_of(file)));
            if found { Vec::new() } else { owned(&with_tests) }
        }
        Framework::Unittest => {
            if with_tests.iter().all(|file| is_discovered(files, "", file)) {
                return Vec::new();
            }
            let start = above_all(&with_tests);
            let from_there =
                !start.is_empty() && with_tests.iter().all(|file| is_discovered(files, start, file));
            if from_there { vec![start.to_owned()] } else { owned(&with_tests) }
        }
        // Not Python's.
        Framework::CargoTest
        | Framework::NodeTest
        | Framework::Jest
        | Framework::Vitest
        | Framework::Mocha
        | Framework::GoTest
        | Framework::Junit
        | Framework::Command => Vec::new(),
    }
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// unittest's discovery goes down through packages only, and takes `test*.py`.
fn is_discovered(files: &Listing, start: &str, file: &str) -> bool {
    let Some(below) = file.strip_prefix(&prefix_of(start)) else { return false };
    is_unittest_name(name_of(file))
        && ancestors(parent_of(below))
            .iter()
            .filter(|directory| !directory.is_empty())
            .all(|directory| files.has(&format!("{}{directory}/__init__.py", prefix_of(start))))
}

/// The innermost directory above all of the files.
fn above_all<'a>(files: &[&'a str]) -> &'a str {
    let Some((first, others)) = files.split_first() else { return "" };
    ancestors(parent_of(first))
        .into_iter()
        .find(|directory| others.iter().all(|file| file.starts_with(&prefix_of(directory))))
        .unwrap_or("")
}

/// Directories that imports start from: the root, and those whose modules the files import by bare name
/// (`src` and its like, or the tests' own directory).
#[must_use]
pub fn import_paths(files: &Listing, tests: &Tests) -> Vec<String> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for dialect in tests.files.values() {
        wanted.extend(dialect.imports.iter().map(String::as_str));
    }
    // A module is found by the directory that holds it, unless that directory is a package itself.
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files.files().iter().filter(|file| file.ends_with(".py")) {
        let (module, home) = match name_of(file) {
            "__init__.py" => (name_of(parent_of(file)), parent_of(parent_of(file))),
            name => (name.trim_end_matches(".py"), parent_of(file)),
        };
        if wanted.contains(module) && !files.has(&format!("{}__init__.py", prefix_of(home))) {
            homes.entry(module).or_default().insert(home);
        }
    }
    let mut paths = vec![String::new()];
    if files.files().iter().any(|file| file.starts_with("src/") && file.ends_with(".py"))
        && !files.has("src/__init__.py")
    {
        paths.push("src".to_owned());
    }
    for module in wanted.into_iter().filter(|module| !files.provides("", module)) {
        let Some(found) = homes.get(module) else { continue };
        // The outermost one; a name in several places of equal depth is left to the framework.
        let best = found.iter().min_by_key(|home| (home.matches('/').count(), **home));
        if let Some(home) = best
            && !found.iter().any(|home| paths.iter().any(|path| path == home))
        {
            paths.push((*home).to_owned());
        }
    }
    paths
}

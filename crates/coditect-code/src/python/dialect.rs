//! Which test dialect a Python file speaks, read off its lines. Nothing is imported or run.

use std::collections::BTreeSet;

use super::listing::name_of;

/// What the lines of one file say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// It imports pytest.
    pub pytest: bool,
    /// It has classes derived from `unittest.TestCase` or one of its kin.
    pub testcase: bool,
    /// It has test classes derived from something that is not known here.
    pub derived: bool,
    /// It has test functions, or test classes without a base, as pytest collects them.
    pub bare: bool,
    /// It has `>>>` examples.
    pub doctests: bool,
    /// It imports Django's test tools.
    pub django: bool,
    /// Top-level names that it imports with absolute imports.
    pub imports: BTreeSet<String>,
    /// It has a class, under whatever name, derived from something that is not known here.
    based: bool,
    /// It has methods named as tests.
    methods: bool,
}

impl Dialect {
    /// Reads a file's text.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            let code = line.trim_start();
            if code.starts_with(">>> ") {
                found.doctests = true;
            }
            found.take_import(code);
            if code.len() == line.len() {
                found.take_top_level(line);
            } else {
                found.methods |= code.starts_with("def test") || code.starts_with("async def test");
            }
        }
        // A base class of the project's own, in another file: frameworks collect by what it derives from.
        found.derived |= found.based && found.methods && !found.testcase;
        found.pytest = found.imports.contains("pytest");
        found
    }

    /// True where the file holds tests of some dialect other than doctest.
    #[must_use]
    pub fn has_tests(&self) -> bool {
        self.testcase || self.derived || self.bare
    }

    fn take_import(&mut self, code: &str) {
        if let Some(rest) = code.strip_prefix("import ") {
            for part in rest.split(',') {
                self.take_module(part);
            }
        } else if let Some(rest) = code.strip_prefix("from ")
            && let Some((module, _)) = rest.split_once(" import")
        {
            self.take_module(module);
            self.django |= module.trim().starts_with("django.test");
        }
    }

    fn take_module(&mut self, dotted: &str) {
        let dotted = dotted.trim().split([' ', ';', '#']).next().unwrap_or_default();
        let module = dotted.split('.').next().unwrap_or_default();
        if !module.is_empty() && module.chars().all(|c| c.is_alphanumeric() || c == '_') {
            self.imports.insert(module.to_owned());
        }
    }

    fn take_top_level(&mut self, line: &str) {
        let function = line.strip_prefix("async def ").or_else(|| line.strip_prefix("def "));
        if let Some(name) = function {
            // `test_suite()` is the hook of old unittest runners, not a test.
            self.bare |= name.starts_with("test") && !name.starts_with("test_suite(");
        }
        if let Some(rest) = line.strip_prefix("class ") {
            self.take_class(rest);
        }
    }

    fn take_class(&mut self, rest: &str) {
        let name_end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let bases = after.strip_prefix('(').map(|b| b.split(')').next().unwrap_or_default().trim());
        // A base list that goes on in the next line is open: what it derives from is not known here.
        let open = bases.is_some() && !after.contains(')');
        let bases = bases.unwrap_or_default();
        if bases.contains("TestCase") {
            self.testcase = true;
        } else if name.starts_with("Test") && (bases.is_empty() || bases == "object") && !open {
            self.bare = true;
        } else if name.starts_with("Test") || name.ends_with("Test") || name.ends_with("Tests") {
            self.derived = true;
        } else {
            self.based |= !bases.is_empty() || open;
        }
    }
}

/// The lines of `>>>` examples with the output that they expect: what a doctest asks for.
#[must_use]
pub fn examples(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(">>>") {
            inside = true;
        } else if line.is_empty() || line.starts_with("\"\"\"") || line.starts_with("'''") {
            inside = false;
        }
        if inside {
            lines.push(line);
        }
    }
    lines
}

/// True where a file's name says that it belongs to the tests: such files are never changed by a repair.
#[must_use]
pub fn is_test_path(path: &str) -> bool {
    let name = name_of(path);
    let in_tests = path.split('/').rev().skip(1).any(|part| matches!(part, "tests" | "test" | "testing"));
    in_tests || is_test_name(name) || name == "conftest.py"
}

/// True where a file's name is one that test frameworks or people give to test modules.
#[must_use]
pub(super) fn is_test_name(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(|stem| {
        stem.starts_with("test_")
            || stem.ends_with("_test")
            || stem.ends_with("_tests")
            || matches!(stem, "test" | "tests")
    })
}

/// True where unittest's own discovery takes the name (`test*.py`).
#[must_use]
pub(super) fn is_unittest_name(name: &str) -> bool {
    name.starts_with("test") && name.ends_with(".py")
}

/// True where pytest's own discovery takes the name (`test_*.py`, `*_test.py`).
#[must_use]
pub(super) fn is_pytest_name(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test_") || stem.ends_with("_test"))
}

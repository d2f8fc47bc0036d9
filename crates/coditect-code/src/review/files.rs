//! Which files a change may add: what tools load without being asked would run beside the tests, and later on the person's machine.

use std::collections::BTreeSet;

use crate::languages::Language;

/// Files that a tool or an interpreter loads by itself.
const LOADED: &[&str] = &[
    "conftest.py",
    "sitecustomize.py",
    "usercustomize.py",
    "setup.py",
    "noxfile.py",
    "fabfile.py",
    "gulpfile.js",
    "Gruntfile.js",
    "build.rs",
];

/// Modules of Python's standard library, and of test frameworks, that the tests themselves load: a file of that name would be
/// taken in their place.
const MODULES: &[&str] = &[
    "abc",
    "argparse",
    "array",
    "ast",
    "asyncio",
    "base64",
    "builtins",
    "calendar",
    "codecs",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "dis",
    "doctest",
    "enum",
    "fnmatch",
    "fractions",
    "functools",
    "gc",
    "glob",
    "hashlib",
    "heapq",
    "html",
    "importlib",
    "inspect",
    "io",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "logging",
    "math",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "pkgutil",
    "platform",
    "pprint",
    "py",
    "pytest",
    "queue",
    "random",
    "re",
    "runpy",
    "shutil",
    "signal",
    "site",
    "socket",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "token",
    "tokenize",
    "tomllib",
    "traceback",
    "types",
    "typing",
    "unittest",
    "uuid",
    "warnings",
    "weakref",
    "xml",
    "zipfile",
    "zlib",
];

/// Directories that hold what others wrote.
const OTHERS: &[&str] = &["node_modules", "vendor", "site-packages", "third_party", "target"];

/// Why a change may not add this file; None: it may. `known` are the languages of the files that may be changed.
#[must_use]
pub fn why_not_new(path: &str, known: &BTreeSet<Language>) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    if parts.iter().any(|part| part.starts_with('.')) {
        return Some("it is hidden");
    }
    if parts.iter().any(|part| OTHERS.contains(part)) {
        return Some("it is among files that others wrote");
    }
    let Some(language) = Language::of_path(path).filter(|language| known.contains(language)) else {
        return Some("it is no source file of a language that the project is written in");
    };
    if LOADED.contains(&name) || (language.is_script() && name.contains(".config.")) {
        return Some("tools load it without being asked");
    }
    let is_top = |at: usize| at == 0 || (at == 1 && matches!(parts[0], "src" | "lib"));
    let shadows = language == Language::Python
        && parts.iter().enumerate().any(|(at, part)| {
            is_top(at) && MODULES.contains(if at + 1 == parts.len() { &stem } else { part })
        });
    shadows.then_some("it would be taken for a module of the standard library")
}

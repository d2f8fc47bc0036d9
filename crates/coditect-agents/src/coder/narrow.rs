//! Keeping a search to what the person named: files, functions, tests.

use coditect_code::languages::is_test_path;
use coditect_code::repair::{Source, Within};
use coditect_types::{ErrorKind, Failure};

use super::Case;
use super::sources::Sources;

/// Files that are named in an error.
const MOST_NAMED: usize = 5;

/// Leaves only the named files and functions to be changed; the others are still read. None: no function was named.
pub(super) fn narrow(case: &Case<'_>, sources: &mut Sources) -> Result<Option<Within>, Failure> {
    let focus = case.focus;
    if !focus.files.is_empty() {
        for name in &focus.files {
            if !sources.product.iter().any(|source| is_in(case, &source.path, name)) {
                return Err(no_file(name, sources));
            }
        }
        keep(sources, |source| focus.files.iter().any(|name| is_in(case, &source.path, name)));
    }
    if focus.functions.is_empty() {
        return Ok(None);
    }
    let (within, unknown) = Within::functions(&sources.product, &focus.functions);
    if let Some(name) = unknown.first() {
        let cause = format!("no function is called `{name}` in the files that may be changed");
        return Err(Failure::new(ErrorKind::Invalid, cause)
            .with_hint("name it as it is written, a method as `Class.method`; nothing was changed"));
    }
    keep(sources, |source| within.touches(&source.path));
    Ok(Some(within))
}

/// Whether a file, as the project has it, is the one or below the directory that the person named below theirs.
pub(super) fn is_in(case: &Case<'_>, path: &str, name: &str) -> bool {
    let name = match (case.snapshot.subdir.as_str(), name) {
        ("", name) => name.to_owned(),
        (subdir, "") => subdir.to_owned(),
        (subdir, name) => format!("{subdir}/{name}"),
    };
    let path = case.below_top(path);
    name.is_empty() || path.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn keep(sources: &mut Sources, wanted: impl Fn(&Source) -> bool) {
    let (kept, read) = std::mem::take(&mut sources.product).into_iter().partition(wanted);
    sources.product = kept;
    sources.tests.extend(read);
}

fn no_file(name: &str, sources: &Sources) -> Failure {
    let cause = if is_test_path(name) || sources.tests.iter().any(|source| source.path == name) {
        format!("`{name}` is a test, and tests are not changed")
    } else if let Some(why) = sources.passed_over.iter().find(|why| why.starts_with(&format!("`{name}`"))) {
        format!("it cannot be edited: {why}")
    } else {
        format!("`{name}` is no source file that could be changed")
    };
    let known: Vec<String> =
        sources.product.iter().take(MOST_NAMED).map(|source| format!("`{}`", source.path)).collect();
    let hint = match known.as_slice() {
        [] => "no file of the project can be changed".to_owned(),
        some => format!("files that can be changed are {}", some.join(", ")),
    };
    Failure::new(ErrorKind::Invalid, cause).with_hint(hint)
}

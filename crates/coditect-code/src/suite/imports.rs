//! Files whose tests cannot be collected, since importing them fails: their tests have no names, so one test that
//! stands for all of them gets one.

use coditect_types::TestStatus;

use super::tally::{CollectError, Tally};
use super::{Suite, SuiteRun};
use crate::languages::Language;

/// Ends the id of a test that stands for all tests of a file that cannot be imported, as in
/// `tests/test_x.py::<import>`. It is green once the file is imported, has tests, and none of them is red.
pub const IMPORT: &str = "::<import>";

/// Gives the file of the module whose import failed where a target named it with dots, as `unittest` is given them:
/// its loader makes a test of a module that is not there, but not of one that does not parse.
pub(super) fn name_files(tally: &mut Tally, suite: &Suite<'_>) {
    let root = suite.view.join(&suite.project.root);
    let below = |entry: &str, module: &str| {
        let folder =
            if entry.is_empty() { String::new() } else { format!("{}/", entry.trim_end_matches('/')) };
        let path = format!("{folder}{}.py", module.replace('.', "/"));
        root.join(&path).is_file().then_some(path)
    };
    for error in tally.errors.iter_mut().filter(|error| error.stage == "import" && is_dotted(&error.place)) {
        // What follows the module is a class and a method.
        let ends = error.place.match_indices('.').map(|(at, _)| at).chain([error.place.len()]);
        let modules: Vec<&str> = ends.map(|end| &error.place[..end]).collect();
        let entries = || [""].into_iter().chain(suite.project.import_paths.iter().map(String::as_str));
        let found = modules.iter().rev().find_map(|module| entries().find_map(|entry| below(entry, module)));
        if let Some(path) = found {
            error.place = path;
        }
    }
}

fn is_dotted(place: &str) -> bool {
    let is_name = |part: &str| {
        part.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    !place.ends_with(".py") && place.split('.').all(|part| !part.is_empty() && is_name(part))
}

/// Gives errors of collection and setup to tests, and answers for the `<import>` tests that are asked for.
pub(super) fn blame(tally: &mut Tally, how: &SuiteRun<'_>) {
    let errors = tally.errors.clone();
    for error in &errors {
        let file = error.place.split("::").next().unwrap_or_default();
        if error.stage == "setup" && error.place.contains("::") || has_tests(tally, file) {
            blame_collected(tally, error);
        } else if Language::of_path(file).is_some() {
            let id = format!("{file}{IMPORT}");
            tally.keep(id.clone(), TestStatus::Errored, &error.error_type, error.message.clone(), 0);
            if let Some(result) = tally.ends.get_mut(&id) {
                result.frames.clone_from(&error.frames);
            }
        }
    }
    let asked = how.imports.iter().chain(how.select.into_iter().flatten()).filter(|id| id.ends_with(IMPORT));
    for id in asked.filter(|id| !tally.ends.contains_key(*id)).cloned().collect::<Vec<_>>() {
        let file = id.strip_suffix(IMPORT).unwrap_or(&id);
        let mut tests = tally.ends.values().filter(|test| is_of(&test.id, file)).peekable();
        let (status, message) = match (tests.peek().is_some(), tests.find(|test| test.status.is_red())) {
            (false, _) => (TestStatus::NotRun, "the file has no tests".to_owned()),
            (true, None) => (TestStatus::Passed, String::new()),
            (true, Some(red)) => (TestStatus::Failed, format!("`{}` is red: {}", red.id, red.message)),
        };
        tally.keep(id, status, "", message, 0);
    }
}

/// A line for a person.
pub(super) fn problem(error: &CollectError) -> String {
    let first = error.message.lines().next().unwrap_or_default();
    let colon = if error.error_type.is_empty() || first.starts_with(&error.error_type) { "" } else { ": " };
    let kind = if colon.is_empty() { "" } else { &error.error_type };
    format!("{} of `{}`: {kind}{colon}{first}", error.stage, error.place)
}

fn is_of(id: &str, file: &str) -> bool {
    id.strip_prefix(file).is_some_and(|rest| rest.starts_with("::"))
}

fn has_tests(tally: &Tally, file: &str) -> bool {
    tally.order.iter().any(|id| is_of(id, file))
}

/// Tests that never began since what stands around them broke.
fn blame_collected(tally: &mut Tally, error: &CollectError) {
    for id in tally.remaining().into_iter().filter(|id| is_of(id, &error.place)) {
        tally.keep(id.clone(), TestStatus::Errored, &error.error_type, error.message.clone(), 0);
        if let Some(result) = tally.ends.get_mut(&id) {
            result.frames.clone_from(&error.frames);
        }
    }
}

//! What a request asks for, found by rules and without a model.

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Make tests pass that fail: a change can be searched for, and the tests judge it.
    FixTests,
    /// Write stale snapshots anew: the tests judge that too, and the code is left alone.
    RenewSnapshots,
    /// Something that no search can answer; it needs a model. The verb that said so.
    NeedsModel(&'static str),
    /// No rule knows it; it needs a model to be understood.
    Unknown,
}

/// Verbs of requests whose result no failing test describes. Stems, so that `implementing` counts.
const MAKES_NEW: &[(&str, &str)] = &[
    ("implement", "implement"),
    ("add", "add"),
    ("writ", "write"),
    ("creat", "create"),
    ("build", "build"),
    ("refactor", "refactor"),
    ("renam", "rename"),
    ("document", "document"),
    ("migrat", "migrate"),
    ("upgrad", "upgrade"),
    ("port", "port"),
    ("translat", "translate"),
    ("optimi", "optimise"),
    ("speed", "speed up"),
    ("support", "support"),
    ("extend", "extend"),
    ("replac", "replace"),
    ("remov", "remove"),
    ("delet", "delete"),
    ("introduc", "introduce"),
    ("convert", "convert"),
    ("redesign", "redesign"),
    ("rewrit", "rewrite"),
    ("explain", "explain"),
    ("review", "review"),
];

/// Verbs that ask for a repair.
const REPAIRS: &[&str] = &[
    "fix", "repair", "debug", "mend", "solve", "resolve", "correct", "heal", "patch", "find", "make", "get",
    "turn",
];

/// Nouns and states that a repair is about.
const BROKEN: &[&str] = &[
    "test",
    "tests",
    "testsuite",
    "suite",
    "bug",
    "bugs",
    "defect",
    "defects",
    "failure",
    "failures",
    "failing",
    "fails",
    "fail",
    "failed",
    "broken",
    "error",
    "errors",
    "red",
    "green",
    "pass",
    "passes",
    "regression",
    "issue",
    "mistake",
    "ci",
    "wrong",
    "crash",
    "crashes",
    "problem",
    "fault",
    "faults",
];

/// Verbs and states that ask for snapshots to be written anew, and what a person calls those.
const RENEWS: &[&str] = &[
    "accept",
    "bless",
    "outdated",
    "record",
    "refresh",
    "regenerate",
    "renew",
    "rerecord",
    "rewrite",
    "stale",
    "update",
    "updating",
];
const SNAPSHOTS: &[&str] = &["snapshot", "snapshots", "snap", "snaps", "golden", "goldens"];

/// True where the person asks for snapshots to be written anew, alone or among other things.
#[must_use]
pub fn renews_snapshots(request: &str) -> bool {
    let words = words(request);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    has(SNAPSHOTS) && has(RENEWS) && !has(&["not", "don't", "dont", "never"])
}

/// What `request` asks for. The first verb that a rule knows decides; names in backticks, file names and words
/// after `not` or `don't` are not verbs.
#[must_use]
pub fn wish(request: &str) -> Wish {
    let words = words(request);
    let broken = words.iter().any(|w| BROKEN.contains(&w.as_str()));
    let mut denied = false;
    for word in &words {
        if denied {
            denied = false;
            continue;
        }
        if matches!(word.as_str(), "not" | "don't" | "never" | "without" | "dont") {
            denied = true;
            continue;
        }
        if REPAIRS.contains(&word.as_str()) && broken {
            return Wish::FixTests;
        }
        if RENEWS.contains(&word.as_str()) && renews_snapshots(request) {
            return Wish::RenewSnapshots;
        }
        if let Some((_, verb)) = MAKES_NEW.iter().find(|(stem, verb)| is_form_of(word, stem, verb)) {
            return Wish::NeedsModel(verb);
        }
    }
    if broken { Wish::FixTests } else { Wish::Unknown }
}

/// True where `word` is a form of the verb: the stem and one of a verb's endings.
fn is_form_of(word: &str, stem: &str, verb: &str) -> bool {
    word == verb
        || word
            .strip_prefix(stem)
            .is_some_and(|ending| matches!(ending, "" | "e" | "es" | "s" | "ed" | "ing" | "se" | "ze"))
}

/// Lower-case words of plain prose: no code in backticks, no file names, no identifiers.
fn words(request: &str) -> Vec<String> {
    let prose: String = request.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    prose
        .split_whitespace()
        .map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|w| !w.is_empty() && !w.contains(['_', '/', '.', ':', '(']))
        .flat_map(|w| w.split('-'))
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Wish, renews_snapshots, wish};

    #[test]
    fn requests_for_repair() {
        for request in [
            "make the failing tests pass",
            "Make the tests green.",
            "fix the bug",
            "Fix the failing test in tests/test_add.py",
            "Tests in test_bitcount.py fail. Find the defect in bitcount.py and fix it so that all tests pass. Do not change the tests.",
            "Fix the bug in separate_paren_groups in separate_paren_groups.py so that the tests in test_separate_paren_groups.py pass.",
            "please repair the test suite",
            "CI is red",
            "the tests for `add_interest` fail",
            "get the build's tests passing: two fail",
            "find out why test_total fails and correct it, don't add new files",
        ] {
            assert_eq!(wish(request), Wish::FixTests, "{request}");
        }
    }

    #[test]
    fn requests_for_new_snapshots() {
        for (request, known) in [
            ("update the snapshots", Wish::RenewSnapshots),
            ("The snapshots are stale, please accept the new output", Wish::RenewSnapshots),
            ("rewrite the golden files", Wish::RenewSnapshots),
            ("make the tests pass; regenerate snapshots where they are outdated", Wish::FixTests),
        ] {
            assert_eq!(wish(request), known, "{request}");
            assert!(renews_snapshots(request), "{request}");
        }
        for request in [
            "make the failing tests pass",
            "fix the failing test, but do not update the snapshots",
            "fix the red snapshot tests",
            "update the parser",
        ] {
            assert!(!renews_snapshots(request), "{request}");
        }
    }

    #[test]
    fn requests_for_a_model() {
        for (request, verb) in [
            ("add a CSV export", "add"),
            ("Implement the functions marked TODO so that the tests pass", "implement"),
            ("refactor the parser", "refactor"),
            ("write tests for the parser", "write"),
            ("rename Foo to Bar", "rename"),
            ("Optimize the hot loop", "optimise"),
        ] {
            assert_eq!(wish(request), Wish::NeedsModel(verb), "{request}");
        }
        assert_eq!(wish("hello there"), Wish::Unknown);
        assert_eq!(wish("a dark theme, please"), Wish::Unknown);
    }
}

//! What a request asks for, found by rules and without a model.

use coditect_types::Aim;

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

/// Verbs of requests whose result is code that does what it did. Stems.
const KEEPS: &[(&str, &str)] = &[
    ("refactor", "refactor"),
    ("restructur", "restructure"),
    ("reorgani", "reorganise"),
    ("simplif", "simplify"),
    ("clean", "clean"),
    ("tid", "tidy"),
    ("inlin", "inline"),
    ("deduplicat", "deduplicate"),
    ("reformat", "reformat"),
    ("renam", "rename"),
];

/// What takes back the verb behind it.
const DENIES: &[&str] = &["not", "don't", "never", "without", "dont"];

/// Verbs that give a thing its place among what is there.
const PUTS: &[&str] =
    &["add", "write", "create", "improve", "extend", "update", "complete", "increase", "raise"];
/// What documents code, what tests it, and what says of which type things are.
const DOCUMENTS: &[&str] =
    &["docstring", "docstrings", "comment", "comments", "documentation", "docs", "readme", "changelog"];
const TESTS: &[&str] = &["test", "tests", "coverage"];
const TYPES: &[&str] = &["hints", "annotations"];
/// A noun that says what is put somewhere stands among so many words after the verb.
const NOUN_WITHIN: usize = 3;

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
        if DENIES.contains(&word.as_str()) {
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

/// What a change is to be that does what `request` asks for. More than one thing is more than a rule can judge by itself:
/// then it is tests that have to show it.
#[must_use]
pub fn aim(request: &str) -> Aim {
    match (aims(request).as_slice(), renaming(request)) {
        ([Aim::KeepBehaviour], Some((from, to))) => Aim::Rename { from, to },
        ([only], _) => only.clone(),
        ([] | [_, ..], _) => Aim::TurnTestsGreen,
    }
}

/// All that changes are to be which do what `request` asks for, in the order of its words.
#[must_use]
pub fn aims(request: &str) -> Vec<Aim> {
    let words = words(request);
    let broken = ["fail", "fails", "failing", "failed", "red", "broken"];
    let mut aims = Vec::new();
    if words.iter().any(|word| broken.contains(&word.as_str())) || wish(request) == Wish::RenewSnapshots {
        aims.push(Aim::TurnTestsGreen);
    }
    let mut denied = false;
    for (at, word) in words.iter().enumerate() {
        let is_denied = std::mem::replace(&mut denied, DENIES.contains(&word.as_str()));
        if let Some(aim) = aim_of(word, &words[at + 1..]).filter(|aim| !is_denied && !aims.contains(aim)) {
            aims.push(aim);
        }
    }
    aims
}

/// The things that a request asks for, each in its words: clauses that begin with a verb of work, with what belongs to them,
/// or the points of a list. Code in backticks is not looked into.
#[must_use]
pub fn things(request: &str) -> Vec<String> {
    let mut clauses: Vec<(String, bool)> = Vec::new();
    let mut points: Vec<String> = Vec::new();
    for line in request.lines() {
        let (text, is_point) = point(line.trim());
        if is_point {
            points.push(text.to_owned());
        }
        for clause in clauses_of(text) {
            let begins = begins_work(&clause);
            match clauses.last_mut() {
                Some((last, _)) if !begins => last.push_str(&format!(" {clause}")),
                _ => clauses.push((clause, begins)),
            }
        }
    }
    let worked: Vec<String> =
        clauses.into_iter().filter_map(|(text, begins)| begins.then_some(text)).collect();
    if points.len() > worked.len() { points } else { worked }
}

/// A line without the mark of a list, and whether it had one.
fn point(line: &str) -> (&str, bool) {
    let marked = ["- [ ] ", "- ", "* ", "+ "].into_iter().find_map(|mark| line.strip_prefix(mark));
    let numbered = || {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let rest = line[digits..].strip_prefix(". ").or_else(|| line[digits..].strip_prefix(") "));
        rest.filter(|_| (1..=2).contains(&digits))
    };
    marked.or_else(numbered).map_or((line, false), |text| (text.trim(), true))
}

/// A line in clauses, cut at points, commas and words that join, outside of backticks.
fn clauses_of(line: &str) -> Vec<String> {
    let mut clauses = vec![String::new()];
    for (part, is_code) in line.split('`').zip([false, true].into_iter().cycle()) {
        if is_code {
            if let Some(last) = clauses.last_mut() {
                last.push_str(&format!("`{part}`"));
            }
            continue;
        }
        for word in part.split_inclusive(' ') {
            let plain = word.trim();
            let joins = matches!(plain, "and" | "then" | "&");
            if let Some(last) = clauses.last_mut().filter(|_| !joins) {
                last.push_str(word);
            }
            if joins || plain.ends_with(['.', ';', ',', ':']) {
                clauses.push(String::new());
            }
        }
    }
    clauses.iter().map(|clause| clause.trim().to_owned()).filter(|clause| !clause.is_empty()).collect()
}

/// Said before a verb of work, and no part of it.
const FILLERS: &[&str] =
    &["also", "please", "finally", "next", "first", "second", "afterwards", "then", "to", "lastly"];
/// Verbs of work beside those that decide about an aim, in the form that tells to do it.
const WORKS: &[&str] = &[
    "fix", "repair", "debug", "mend", "resolve", "correct", "patch", "change", "move", "split", "drop",
    "test", "use",
];

/// Whether a clause tells to do something that stands by itself.
fn begins_work(clause: &str) -> bool {
    let words = clause.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let mut words = words.map(str::to_lowercase).filter(|word| !FILLERS.contains(&word.as_str()));
    let Some(verb) = words.next() else { return false };
    MAKES_NEW.iter().chain(KEEPS).any(|(_, known)| *known == verb)
        || PUTS.iter().chain(WORKS).any(|known| *known == verb)
}

/// What a verb and the words behind it ask for. None: it is no such verb.
fn aim_of(verb: &str, rest: &[String]) -> Option<Aim> {
    // `a test runner` is no test, and the last word of a request is whatever it is.
    let ends = |nouns: &[&str]| {
        let near = &rest[..rest.len().min(NOUN_WITHIN)];
        let at = near.iter().position(|word| nouns.contains(&word.as_str()))?;
        let next = rest.get(at + 1).map_or("", String::as_str);
        let goes_on = ["", "to", "for", "of", "in", "on", "that", "and", "with", "where", "so", "which"];
        (goes_on.contains(&next) || nouns.contains(&next)).then_some(())
    };
    if PUTS.contains(&verb) {
        let found = [(DOCUMENTS, Aim::KeepCode), (TESTS, Aim::AddTests), (TYPES, Aim::KeepBehaviour)];
        let found = found.into_iter().find(|(nouns, _)| ends(nouns).is_some());
        if let Some((_, aim)) = found {
            return Some(aim);
        }
    }
    if is_form_of(verb, "document", "document") {
        return Some(Aim::KeepCode);
    }
    if KEEPS.iter().any(|(stem, known)| is_form_of(verb, stem, known)) {
        return Some(Aim::KeepBehaviour);
    }
    let is_work = MAKES_NEW.iter().any(|(stem, known)| is_form_of(verb, stem, known));
    // `make sure` asks for nothing of its own; `fix` does.
    let is_repair = REPAIRS.contains(&verb) && !matches!(verb, "make" | "find" | "get" | "turn" | "correct");
    (is_work || is_repair).then_some(Aim::TurnTestsGreen)
}

/// The two names of a request to rename one: in backticks, or as they stand. A method is named by its last part.
fn renaming(request: &str) -> Option<(String, String)> {
    let begin = request.to_lowercase().find("renam")?;
    let mut rest = request.get(begin..)?.split_whitespace().skip(1).peekable();
    let name = |word: &str| {
        let plain = word.trim_matches(|c: char| "`'\"“”‘’.,;:!?".contains(c)).trim_end_matches("()");
        let last = plain.rsplit(['.', ':']).next().unwrap_or_default();
        let fits = |c: char| c.is_alphanumeric() || c == '_';
        let begins = last.starts_with(|c: char| c.is_alphabetic() || c == '_');
        (begins && last.chars().all(fits)).then(|| last.to_owned())
    };
    let mut from: Option<(String, bool)> = None;
    while let Some(word) = rest.next() {
        if matches!(word, "to" | "into" | "as") {
            let to = name(rest.next()?)?;
            let (from, _) = from.filter(|(from, _)| *from != to)?;
            return Some((from, to));
        }
        let is_quoted = word.starts_with(['`', '\'', '"']);
        let is_file = word.trim_matches('`').rsplit_once('.').is_some_and(|(stem, ending)| {
            !stem.is_empty() && matches!(ending, "py" | "rs" | "go" | "js" | "ts" | "tsx" | "java" | "mjs")
        });
        let is_place = ["in", "of", "from"].contains(&word);
        if is_place {
            rest.next();
            continue;
        }
        // The first name in quotes, else the last word before `to`.
        if !is_file
            && let Some(known) =
                name(word).filter(|_| is_quoted || !from.as_ref().is_some_and(|(_, quoted)| *quoted))
        {
            from = Some((known, is_quoted));
        }
    }
    None
}

/// True where `word` is a form of the verb: the stem and one of a verb's endings.
fn is_form_of(word: &str, stem: &str, verb: &str) -> bool {
    word == verb
        || word.strip_prefix(stem).is_some_and(|ending| {
            matches!(
                ending,
                "" | "e" | "es" | "s" | "ed" | "ing" | "se" | "ze" | "y" | "ies" | "ying" | "sing" | "zing"
            )
        })
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
mod tests;

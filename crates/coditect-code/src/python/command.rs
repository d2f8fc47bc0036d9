//! A test command that a person gave, read so that its results come test by test.

use coditect_types::project::Framework;

use super::listing::{Listing, name_of};

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How the tests are run. `Command` where nothing more than an exit code can be had.
    pub framework: Framework,
    /// What the framework is told to run.
    pub targets: Vec<String>,
    /// Directories that the command puts on the import path.
    pub import_paths: Vec<String>,
    /// The interpreter, where the command names more than `python` or `python3`.
    pub interpreter: Option<String>,
    /// Why it is run as a plain command, where that was not obvious.
    pub note: Option<String>,
}

impl Asked {
    fn plain(note: Option<String>) -> Self {
        Self {
            framework: Framework::Command,
            targets: Vec::new(),
            import_paths: Vec::new(),
            interpreter: None,
            note,
        }
    }
}

/// Options of pytest that change what is printed and not what is run.
const PYTEST_QUIET: &[&str] = &[
    "-v",
    "-vv",
    "-vvv",
    "-q",
    "-qq",
    "-s",
    "-x",
    "-l",
    "-rA",
    "-ra",
    "-rf",
    "--verbose",
    "--quiet",
    "--exitfirst",
    "--showlocals",
    "--no-header",
    "--no-summary",
    "--disable-warnings",
    "--full-trace",
];
/// Options of pytest with a value after `=` that change only what is printed.
const PYTEST_QUIET_VALUES: &[&str] = &[
    "--tb=",
    "--color=",
    "--durations=",
    "--capture=",
    "--maxfail=",
    "--cov=",
    "--cov-report=",
    "--junitxml=",
    "-n",
    "--verbosity=",
    "--show-capture=",
];
/// The same in two words.
const PYTEST_QUIET_PAIRS: &[&str] =
    &["-n", "--tb", "--color", "--durations", "--capture", "--maxfail", "--cov-report", "--show-capture"];
/// Options of pytest that choose tests, with one argument.
const PYTEST_CHOICE: &[&str] = &["-k", "-m", "-o", "-c", "--deselect", "--ignore", "--ignore-glob"];
/// The same in one word.
const PYTEST_CHOICE_WORDS: &[&str] = &[
    "--deselect=",
    "--ignore=",
    "--ignore-glob=",
    "--import-mode=",
    "--doctest-modules",
    "--pyargs",
    "--strict",
    "--override-ini=",
    "--doctest-glob=",
    "--noconftest",
    "--runxfail",
];
/// Options of unittest that change what is printed and not what is run.
const UNITTEST_QUIET: &[&str] =
    &["-v", "-q", "-b", "-f", "-c", "--verbose", "--quiet", "--buffer", "--failfast", "--catch", "--locals"];

/// Reads a command. `files` are those below the directory in which it would be typed.
#[must_use]
pub fn parse(command: &[String], files: &Listing) -> Asked {
    let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
    if words.first() == Some(&"env") {
        words.remove(0);
    }
    let mut import_paths = Vec::new();
    while let Some((name, value)) = words.first().and_then(|word| assignment(word)) {
        if name != "PYTHONPATH" || value.split(':').any(|path| path.starts_with('/')) {
            return Asked::plain(Some(format!("the command sets `{name}`")));
        }
        import_paths.extend(value.split(':').map(|path| tidy(path).to_owned()));
        words.remove(0);
    }
    let Some((program, arguments)) = words.split_first() else { return Asked::plain(None) };
    let mut asked = match name_of(program) {
        "pytest" | "py.test" => pytest(arguments),
        name if is_python(name) => python(arguments, files),
        _ => return Asked::plain(None),
    };
    if is_python(name_of(program)) && !matches!(*program, "python" | "python3") {
        asked.interpreter = Some((*program).to_owned());
    }
    asked.import_paths = import_paths;
    asked
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !name.starts_with(|c: char| c.is_ascii_digit())).then_some((name, value))
}

fn is_python(name: &str) -> bool {
    name.strip_prefix("python").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn python(arguments: &[&str], files: &Listing) -> Asked {
    let mut rest = arguments;
    while let Some((first, others)) = rest.split_first() {
        match *first {
            "-B" | "-b" | "-u" => rest = others,
            "-W" | "-X" => rest = others.get(1..).unwrap_or_default(),
            "-m" => return module(others, files),
            _ => break,
        }
    }
    Asked::plain(None)
}

fn module(arguments: &[&str], files: &Listing) -> Asked {
    match arguments.split_first() {
        Some((&"pytest", rest)) => pytest(rest),
        Some((&"unittest", rest)) => unittest(rest, files),
        Some((&"doctest", rest)) => doctest(rest),
        _ => Asked::plain(None),
    }
}

fn framework(framework: Framework, targets: Vec<String>) -> Asked {
    Asked { framework, targets, import_paths: Vec::new(), interpreter: None, note: None }
}

fn pytest(arguments: &[&str]) -> Asked {
    let mut targets = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if PYTEST_QUIET.contains(word) || PYTEST_QUIET_VALUES.iter().any(|option| word.starts_with(option)) {
            continue;
        }
        let without_plugin =
            *word == "-p" && words.clone().next().is_some_and(|plugin| plugin.starts_with("no:"));
        if without_plugin || PYTEST_QUIET_PAIRS.contains(word) {
            words.next();
        } else if PYTEST_CHOICE.contains(word) {
            // The runner hands its targets to pytest as they are, options included.
            targets.push((*word).to_owned());
            targets.extend(words.next().map(|value| (*value).to_owned()));
        } else if PYTEST_CHOICE_WORDS.iter().any(|option| word.starts_with(option)) {
            targets.push((*word).to_owned());
        } else if word.starts_with('-') {
            return Asked::plain(Some(format!("`{word}` of pytest is passed on as it is")));
        } else {
            targets.push(tidy(word).to_owned());
        }
    }
    framework(Framework::Pytest, targets)
}

/// The options among the targets of a pytest project, which hold wherever its tests are looked for.
#[must_use]
pub fn options_of(targets: &[String]) -> Vec<String> {
    let mut options = Vec::new();
    let mut words = targets.iter();
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            options.push(word.clone());
            if PYTEST_CHOICE.contains(&word.as_str()) {
                options.extend(words.next().cloned());
            }
        }
    }
    options
}

fn doctest(arguments: &[&str]) -> Asked {
    let targets = arguments.iter().filter(|word| !matches!(**word, "-v" | "-f"));
    if targets.clone().any(|word| word.starts_with('-')) {
        return Asked::plain(Some("the command gives options to doctest".to_owned()));
    }
    framework(Framework::Doctest, targets.map(|word| tidy(word).to_owned()).collect())
}

fn unittest(arguments: &[&str], files: &Listing) -> Asked {
    let words: Vec<&str> = arguments.iter().filter(|word| !UNITTEST_QUIET.contains(word)).copied().collect();
    if words.first() == Some(&"discover") {
        return discover(&words[1..], files);
    }
    if let Some(option) = words.iter().find(|word| word.starts_with('-')) {
        return Asked::plain(Some(format!("`{option}` of unittest is passed on as it is")));
    }
    framework(Framework::Unittest, words.into_iter().map(|word| tidy(word).to_owned()).collect())
}

/// `discover [-s START] [-p PATTERN] [-t TOP] [START [PATTERN [TOP]]]`
fn discover(arguments: &[&str], files: &Listing) -> Asked {
    let (mut start, mut pattern, mut placed) = (None, None, 0);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (option, joined) = match word.split_once('=') {
            Some((option, value)) if word.starts_with("--") => (option, Some(value)),
            _ => (*word, None),
        };
        match option {
            "-s" | "--start-directory" => start = joined.or_else(|| words.next().copied()),
            "-p" | "--pattern" => pattern = joined.or_else(|| words.next().copied()),
            // The top only decides how modules are named.
            "-t" | "--top-level-directory" => drop(joined.or_else(|| words.next().copied())),
            _ if word.starts_with('-') => {
                return Asked::plain(Some(format!("`{word}` of unittest is passed on as it is")));
            }
            _ => {
                placed += 1;
                match placed {
                    1 => start = Some(*word),
                    2 => pattern = Some(*word),
                    _ => {}
                }
            }
        }
    }
    let start = tidy(start.unwrap_or_default());
    let Some(pattern) = pattern.filter(|pattern| *pattern != "test*.py") else {
        let targets = if start.is_empty() { Vec::new() } else { vec![start.to_owned()] };
        return framework(Framework::Unittest, targets);
    };
    let below = files.below(start);
    let matching = below.files().iter().filter(|file| matches_pattern(pattern, name_of(file)));
    let prefix = super::listing::prefix_of(start);
    let targets: Vec<String> = matching.map(|file| format!("{prefix}{file}")).collect();
    if targets.is_empty() {
        return Asked::plain(Some(format!("no file below `{start}` is named like `{pattern}`")));
    }
    framework(Framework::Unittest, targets)
}

/// Shell patterns of file names: `*` and `?`.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // `reach[i]`: the pattern so far can take the first `i` characters of the name.
    let mut reach = vec![false; name.len() + 1];
    reach[0] = true;
    for p in pattern {
        let mut next = vec![false; name.len() + 1];
        if p == '*' {
            let mut any = false;
            for (i, slot) in next.iter_mut().enumerate() {
                any |= reach[i];
                *slot = any;
            }
        } else {
            for i in 0..name.len() {
                next[i + 1] = reach[i] && (p == '?' || p == name[i]);
            }
        }
        reach = next;
    }
    reach[name.len()]
}

/// `./tests/` and `tests` are the same place; `.` is the top.
fn tidy(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path).trim_end_matches('/');
    if path == "." { "" } else { path }
}

//! Java projects: Maven's, Gradle's, and plain directories of sources with JUnit tests.
//!
//! What is in a build file is read where the tests run, beside the jars that it speaks of (see
//! `suite/native/java.rs`). Here the project is found, and the command is understood.

use coditect_types::project::{Framework, Lent};
use coditect_types::{Failure, Project};

use super::{Look, native};
use crate::languages::{Language, is_test_path};

/// Files that say that a directory is such a project.
pub(super) const MANIFESTS: &[&str] =
    &["pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
/// What test commands of it begin with.
pub(super) const PROGRAMS: &[&str] = &["mvn", "mvnw", "gradle", "gradlew", "java", "javac", "sh", "bash"];
/// Directories for jars of the project's own.
const OWN_JARS: &[&str] = &["lib", "libs", "jars"];
/// Test files that are read at most to see whether there is a test.
const MOST_READ: usize = 500;

/// Goals and tasks that run the tests, beside what changes nothing about them.
const MAVEN_GOALS: &[&str] = &[
    "clean",
    "validate",
    "compile",
    "test-compile",
    "test",
    "package",
    "verify",
    "install",
    "surefire:test",
];
const GRADLE_TASKS: &[&str] = &["clean", "test", "check", "build", "cleanTest"];
/// Flags that change what is printed, how it is fetched, or how many run at once.
const QUIET: &[&str] = &[
    "-q",
    "--quiet",
    "-B",
    "--batch-mode",
    "-o",
    "--offline",
    "-e",
    "--errors",
    "-X",
    "-U",
    "-V",
    "-ntp",
    "--no-transfer-progress",
    "-fae",
    "-ff",
    "-fn",
    "--fail-at-end",
    "-am",
    "--also-make",
    "--no-daemon",
    "--daemon",
    "-i",
    "--info",
    "-s",
    "--stacktrace",
    "--continue",
    "--rerun-tasks",
    "--console=plain",
    "--no-build-cache",
    "--parallel",
];
/// Classes that run tests of JUnit.
const LAUNCHERS: &[&str] =
    &["org.junit.runner.JUnitCore", "junit.textui.TestRunner", "org.junit.platform.console.ConsoleLauncher"];

pub(super) fn found(look: &Look<'_>, root: &str) -> Result<Project, Failure> {
    let below = look.files.below(root);
    let has = |names: &[&str]| names.iter().any(|name| below.has(name));
    let command: &[&str] = if has(&["pom.xml"]) {
        if has(&["mvnw"]) { &["./mvnw", "test"] } else { &["mvn", "test"] }
    } else if has(MANIFESTS) {
        if has(&["gradlew"]) { &["./gradlew", "test"] } else { &["gradle", "test"] }
    } else {
        let tests = below.files().iter().filter(|file| Language::of_path(file) == Some(Language::Java));
        let is_test = |file: &&String| {
            is_test_path(file)
                || below
                    .text(file)
                    .is_some_and(|text| text.contains("org.junit") || text.contains("junit.framework"))
        };
        let mut tests = tests.filter(is_test).take(MOST_READ);
        if tests.next().is_none() {
            return Err(Failure::new(
                coditect_types::ErrorKind::NotFound,
                "there are Java sources, and no tests of JUnit among them",
            )
            .with_hint("name the command that runs the tests with `--test-command \"...\"`"));
        }
        &["java", "org.junit.runner.JUnitCore"]
    };
    project(look, root, command.iter().map(|word| (*word).to_owned()).collect(), Vec::new())
}

pub(super) fn commanded(look: &Look<'_>, given: &[String]) -> Option<Result<Project, Failure>> {
    let mut words: Vec<&str> = given.iter().map(String::as_str).collect();
    let script;
    // `sh -c "javac ... && java ..."`
    if let ["sh" | "bash", flags, text] = words.as_slice()
        && flags.starts_with('-')
        && flags.ends_with('c')
    {
        if text.contains(['$', '`', '|', '>', '<', '"', '\'', '\\', '(']) {
            return None;
        }
        script = (*text).to_owned();
        words = script.split_whitespace().collect();
    }
    let mut root = look.survey.subdir.to_owned();
    let program = words.first()?.rsplit('/').next()?;
    let targets = match program {
        "mvn" | "mvnw" => maven(&words[1..], &mut root)?,
        "gradle" | "gradlew" => gradle(&words[1..], &mut root)?,
        "java" | "javac" => plain(&words)?,
        _ => return None,
    };
    Some(project(look, &root, given.to_vec(), targets))
}

/// What `mvn` is told. None: it is told something that is not understood.
fn maven(words: &[&str], root: &mut String) -> Option<Vec<String>> {
    let mut targets = Vec::new();
    let mut tests = false;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "-pl" | "--projects" => {
                let modules = words.next()?;
                targets.extend(
                    modules.split(',').map(|module| format!("module={}", module.trim_end_matches('/'))),
                );
            }
            "-f" | "--file" => *root = directory(root, words.next()?)?,
            "-T" | "--threads" => {
                words.next()?;
            }
            _ if QUIET.contains(&word) => {}
            _ if MAVEN_GOALS.contains(&word) => {
                tests |= !matches!(word, "clean" | "validate" | "compile" | "test-compile")
            }
            _ if word.starts_with("-P") && word.len() > 2 => {
                targets.extend(word[2..].split(',').map(|profile| format!("profile={profile}")));
            }
            _ if word.starts_with("-Dtest=") => targets.extend(classes(&word["-Dtest=".len()..])?),
            _ if word.starts_with("-DskipTests") || word.starts_with("-Dmaven.test.skip") => return None,
            _ if word.starts_with("-D") && word.len() > 2 => targets.push(format!("property={}", &word[2..])),
            _ => return None,
        }
    }
    tests.then_some(targets)
}

fn gradle(words: &[&str], root: &mut String) -> Option<Vec<String>> {
    let mut targets = Vec::new();
    let mut tests = false;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let task = word.rsplit(':').next().unwrap_or(word);
        match word {
            "--tests" => targets.extend(classes(words.next()?)?),
            "-p" | "--project-dir" => *root = directory(root, words.next()?)?,
            _ if QUIET.contains(&word) => {}
            _ if word.starts_with("-P") || word.starts_with("-Dorg.gradle") => {}
            _ if GRADLE_TASKS.contains(&task) => {
                tests |= !task.starts_with("clean");
                let module = word[..word.len() - task.len()].trim_matches(':');
                if !module.is_empty() {
                    targets.push(format!("module={}", module.replace(':', "/")));
                }
            }
            _ => return None,
        }
    }
    tests.then_some(targets)
}

/// `javac -cp X ... && java -cp Y org.junit.runner.JUnitCore A B`: the jars and the classes count.
fn plain(words: &[&str]) -> Option<Vec<String>> {
    let mut targets = Vec::new();
    let mut tests = false;
    for command in words.split(|word| matches!(*word, "&&" | ";")) {
        let (program, rest) = command.split_first()?;
        let mut rest = rest.iter().copied();
        match program.rsplit('/').next()? {
            "mkdir" => continue,
            "javac" => {
                while let Some(word) = rest.next() {
                    if matches!(word, "-cp" | "-classpath" | "--class-path") {
                        targets.extend(jars(rest.next()?));
                    }
                }
            }
            "java" => {
                let mut launched = false;
                while let Some(word) = rest.next() {
                    match word {
                        "-cp" | "-classpath" | "--class-path" => targets.extend(jars(rest.next()?)),
                        "-jar" => {
                            let jar = rest.next()?;
                            launched = jar.contains("console-standalone");
                            targets.extend(jars(jar));
                        }
                        "--scan-class-path" | "--scan-classpath" | "-ea" | "execute" => {}
                        _ if LAUNCHERS.contains(&word) => launched = true,
                        _ if launched && !word.starts_with('-') => targets.push(format!("class={word}")),
                        // Flags of the launcher that only change what is printed, and of the JVM.
                        _ if word.starts_with("--details") || word.starts_with("-X") => {}
                        _ => return None,
                    }
                }
                tests |= launched;
            }
            _ => return None,
        }
    }
    let mut known = std::collections::BTreeSet::new();
    targets.retain(|target| known.insert(target.clone()));
    tests.then_some(targets)
}

fn jars(path: &str) -> impl Iterator<Item = String> {
    let jars = path.split(':').filter(|entry| entry.ends_with(".jar") || entry.ends_with("/*"));
    jars.map(|entry| format!("jar={entry}"))
}

/// Patterns of classes. None: single methods, or exceptions from a pattern.
fn classes(patterns: &str) -> Option<Vec<String>> {
    let each = patterns.split(',').map(str::trim);
    each.map(|pattern| (!pattern.contains(['#', '!', '+'])).then(|| format!("class={pattern}"))).collect()
}

/// A directory below `root` that a command names, or that of a build file.
fn directory(root: &str, named: &str) -> Option<String> {
    let named = named.trim_start_matches("./").trim_end_matches('/');
    let named = named.strip_suffix("pom.xml").unwrap_or(named).trim_end_matches('/');
    if named.starts_with('/') || named.split('/').any(|part| part == "..") {
        return None;
    }
    Some(match (root, named) {
        (root, "") => root.to_owned(),
        ("", named) => named.to_owned(),
        (root, named) => format!("{root}/{named}"),
    })
}

fn project(
    look: &Look<'_>,
    root: &str,
    command: Vec<String>,
    targets: Vec<String>,
) -> Result<Project, Failure> {
    Ok(Project {
        lent: lent(look, root),
        ..native(look, ("java", "Java"), Framework::Junit, root, (command, targets))?
    })
}

/// Directories of jars that are not under version control.
fn lent(look: &Look<'_>, root: &str) -> Vec<Lent> {
    let Some(home) = look.survey.home else { return Vec::new() };
    let below = root.strip_prefix(look.survey.subdir).unwrap_or(root).trim_matches('/');
    let has_jars = |folder: &std::path::Path| {
        std::fs::read_dir(folder).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.path().extension().is_some_and(|end| end == "jar"))
        })
    };
    let files = look.files.below(root);
    OWN_JARS
        .iter()
        .filter(|name| !files.has_dir(name))
        .map(|name| (name, home.join(below).join(name)))
        .filter(|(_, from)| has_jars(from))
        .map(|(name, from)| Lent { from: from.to_string_lossy().into_owned(), at: (*name).to_owned() })
        .collect()
}

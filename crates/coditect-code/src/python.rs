//! What is known about Python projects: where one begins, how its tests are run, where it can run.
//!
//! Only looks at files of a worktree. Project code is never run or imported here: what only a run can tell
//! (a module that the WASM tier lacks, a test that writes to the disk) is found out by the baseline.
//!
//! Start reading at [`survey`].

use std::path::{Path, PathBuf};

use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Failure, Project, Tier};

pub mod command;
pub mod dialect;
pub mod layout;
pub mod listing;
pub mod stdlib;

pub use dialect::is_test_path;
pub use listing::Listing;

use crate::survey::{Survey, choose};
use command::Asked;
use layout::Tests;
use listing::parent_of;

/// Interpreters of virtual environments, in the order in which people use the names.
const VENVS: &[&str] = &[".venv", "venv", "env", ".env"];
const HINT: &str = "name the command with `--test-command \"...\"`, or as `test_command` in coditect.toml";

/// Finds the project and the way its tests are run. `files` are all of the worktree.
pub fn survey(files: &Listing, survey: &Survey<'_>) -> Result<Project, Failure> {
    let notes = Vec::new();
    let mut project = match survey.test_command {
        Some(given) if !given.is_empty() => commanded(given, &files.below(survey.subdir), survey, notes)?,
        _ => found(files, survey, notes)?,
    };
    if project.interpreter.is_none() {
        project.interpreter = venv(survey, &project.root);
    }
    Ok(project)
}

/// The project as the given command has it.
fn commanded(
    given: &[String],
    files: &Listing,
    survey: &Survey<'_>,
    mut notes: Vec<String>,
) -> Result<Project, Failure> {
    let Asked { framework, targets, import_paths, interpreter, note } = command::parse(given, files);
    let interpreter = interpreter.or_else(|| environment_of(given, survey));
    notes.extend(note);
    let tests = Tests::read(files);
    let has_python = files.files().iter().any(|file| file.ends_with(".py"));
    let mut paths = layout::import_paths(files, &tests);
    for path in import_paths {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    let (tier, tier_reason) = match (framework, &interpreter) {
        (Framework::Command, _) => {
            notes.push(format!("only the exit code of `{}` is known, not its tests", given.join(" ")));
            choose(survey.sandbox, Tier::Os, "a command of one's own needs the machine's programs")?
        }
        (_, Some(named)) => {
            choose(survey.sandbox, Tier::Os, &format!("the test command names the interpreter `{named}`"))?
        }
        _ => choose(survey.sandbox, Tier::Wasm, "pure Python until a run says otherwise")?,
    };
    Ok(Project {
        language: if has_python { "python" } else { "unknown" }.to_owned(),
        framework,
        command: given.to_vec(),
        root: survey.subdir.to_owned(),
        import_paths: paths,
        targets,
        tier,
        tier_reason,
        interpreter: interpreter.map(|named| below_home(survey, named)),
        lent: Vec::new(),
        report: None,
        notes,
    })
}

/// The interpreter of the virtual environment that a command's program is in (`.venv/bin/ruff`), where that is the person's
/// and not the project's.
pub(crate) fn environment_of(command: &[String], survey: &Survey<'_>) -> Option<String> {
    let program = command.iter().find(|word| *word != "env" && !word.contains('='))?;
    let folder =
        Path::new(program).parent().filter(|folder| folder.ends_with("bin") && folder.is_relative())?;
    let home = survey.home?.join(folder);
    let is_environment = home.parent().is_some_and(|top| top.join("pyvenv.cfg").is_file());
    let is_own = survey.worktree.join(survey.subdir).join(program).exists();
    (is_environment && !is_own).then(|| folder.join("python").display().to_string())
}

/// An interpreter that is named by a path lies in the person's directory, not in the snapshot.
pub(crate) fn below_home(survey: &Survey<'_>, named: String) -> String {
    match survey.home {
        Some(home) if named.contains('/') && !named.starts_with('/') => {
            home.join(named).display().to_string()
        }
        _ => named,
    }
}

/// The project that the files show.
fn found(files: &Listing, survey: &Survey<'_>, mut notes: Vec<String>) -> Result<Project, Failure> {
    let root = root_of(files, survey.subdir, &mut notes)?;
    let files = files.below(&root);
    let tests = Tests::read(&files);
    let scripts: Vec<&String> = tests.files.keys().collect();
    let (framework, reason) = match (tests.framework(), scripts.as_slice()) {
        (Some(found), _) => found,
        (None, [script]) => (Framework::Command, format!("`{script}` is a script of tests")),
        (None, _) => return Err(nothing(&files, &root)),
    };
    let django = files.has("manage.py") && tests.files.values().any(|dialect| dialect.django);
    let framework = if django { Framework::Command } else { framework };
    let import_paths = layout::import_paths(&files, &tests);
    let targets = layout::targets(&files, &tests, framework);
    let command = if django {
        vec!["python3".to_owned(), "manage.py".to_owned(), "test".to_owned()]
    } else if framework == Framework::Command {
        vec!["python3".to_owned(), scripts[0].clone()]
    } else {
        spelled(framework, &import_paths, &targets)
    };
    notes.push(format!("{}: {reason}", name(framework)));
    if tests.files.len() > 1 && framework == Framework::Unittest && !tests.examples.is_empty() {
        notes.push("`>>>` examples beside the unit tests are not run".to_owned());
    }
    let (tier, tier_reason) = if framework == Framework::Command {
        notes.push(format!("only the exit code of `{}` is known, not its tests", command.join(" ")));
        choose(survey.sandbox, Tier::Os, "a command needs the machine's programs")?
    } else {
        choose(survey.sandbox, Tier::Wasm, "pure Python until a run says otherwise")?
    };
    let language = "python".to_owned();
    let interpreter = None;
    Ok(Project {
        language,
        framework,
        command,
        root,
        import_paths,
        targets,
        tier,
        tier_reason,
        interpreter,
        lent: Vec::new(),
        report: None,
        notes,
    })
}

/// The root of the one project that is meant by the directory that the person named.
fn root_of(files: &Listing, subdir: &str, notes: &mut Vec<String>) -> Result<String, Failure> {
    let below = files.below(subdir);
    let roots = layout::roots(&below);
    let here = |root: &str| {
        if subdir.is_empty() || root.is_empty() {
            format!("{subdir}{root}")
        } else {
            format!("{subdir}/{root}")
        }
    };
    match roots.as_slice() {
        [root] => {
            if !root.is_empty() {
                notes.push(format!("the one project below is in `{}`", here(root)));
            }
            return Ok(here(root));
        }
        [] => {}
        _ if roots.iter().any(String::is_empty) => return Ok(subdir.to_owned()),
        several => {
            let shown: Vec<String> = several.iter().take(8).map(|root| format!("`{}`", here(root))).collect();
            let cause = format!("{} projects are below the directory: {}", several.len(), shown.join(", "));
            return Err(Failure::new(ErrorKind::Invalid, cause).with_hint("name one of them with `-C DIR`"));
        }
    }
    // Somebody stands in a package whose tests lie beside it: look from further up.
    let mut at = subdir;
    while !at.is_empty() {
        at = parent_of(at);
        let above = files.below(at);
        if layout::roots(&above).iter().any(String::is_empty) {
            notes.push(format!(
                "`{subdir}` has no tests of its own: those of `{}` are run",
                if at.is_empty() { "." } else { at }
            ));
            return Ok(at.to_owned());
        }
    }
    Ok(subdir.to_owned())
}

/// The command as a person would type it in the root.
fn spelled(framework: Framework, import_paths: &[String], targets: &[String]) -> Vec<String> {
    let mut command: Vec<&str> = Vec::new();
    let extra: Vec<&str> = import_paths.iter().map(String::as_str).filter(|path| !path.is_empty()).collect();
    let python_path = format!("PYTHONPATH={}", extra.join(":"));
    if !extra.is_empty() {
        command.extend(["env", &python_path]);
    }
    command.extend(["python3", "-m", name(framework)]);
    match (framework, targets) {
        (Framework::Unittest, []) => command.push("discover"),
        (Framework::Unittest, [start]) if !start.ends_with(".py") => {
            command.extend(["discover", "-s", start])
        }
        _ => command.extend(targets.iter().map(String::as_str)),
    }
    command.into_iter().map(str::to_owned).collect()
}

fn name(framework: Framework) -> &'static str {
    match framework {
        Framework::Unittest => "unittest",
        Framework::Pytest => "pytest",
        Framework::Doctest => "doctest",
        Framework::CargoTest
        | Framework::NodeTest
        | Framework::Jest
        | Framework::Vitest
        | Framework::Mocha
        | Framework::GoTest
        | Framework::Junit
        | Framework::Command => "command",
    }
}

/// The interpreter of a virtual environment that lies in the person's directory.
fn venv(survey: &Survey<'_>, root: &str) -> Option<String> {
    let home = survey.home?;
    // `home` is the directory that the person named; the root may lie below it.
    let below = root.strip_prefix(survey.subdir).unwrap_or_default().trim_start_matches('/');
    let places = [home.join(below), home.to_path_buf()];
    let candidates = places.iter().flat_map(|place| VENVS.iter().map(move |name| place.join(name)));
    candidates.filter(|venv| venv.join("pyvenv.cfg").is_file()).find_map(|venv| {
        let python: PathBuf = venv.join("bin/python");
        // The link's target may be missing: a virtual environment whose Python was removed.
        python.exists().then(|| python.display().to_string())
    })
}

/// True where a directory looks like a Python project.
#[must_use]
pub fn is_python(files: &Listing) -> bool {
    !layout::roots(files).is_empty()
}

/// Nothing to run was found: what was looked at.
fn nothing(files: &Listing, root: &str) -> Failure {
    let place = if root.is_empty() { "the directory".to_owned() } else { format!("`{root}`") };
    let python = files.files().iter().filter(|file| file.ends_with(".py")).count();
    let cause = match python {
        0 => format!(
            "{place} has {} files and none is of a language whose tests are known",
            files.files().len()
        ),
        _ => format!(
            "no tests in {place}: looked at {python} Python files for `unittest` classes, pytest functions \
             (`test_*.py`, `*_test.py`) and `>>>` examples; considered `python3 -m unittest`, \
             `python3 -m pytest`, `python3 -m doctest`"
        ),
    };
    Failure::new(ErrorKind::NotFound, cause).with_hint(HINT)
}

#[cfg(test)]
mod tests;

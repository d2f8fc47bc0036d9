//! What kind of project a worktree holds, how its tests are run, and where they can be.
//!
//! Only looks at files. Project code is never run here: what only a run can tell is found out by the baseline.
//!
//! Start reading at [`survey`].

use std::path::Path;

use coditect_types::limits::SandboxChoice;
use coditect_types::project::{Framework, ReportFormat, ReportSource};
use coditect_types::{ErrorKind, Failure, Project, Tier};

use crate::languages::Language;
use crate::python::{self, Listing};

mod go;
mod java;
mod node;
mod rust;

/// What a survey looks at.
#[derive(Clone, Debug)]
pub struct Survey<'a> {
    /// A worktree of the snapshot.
    pub worktree: &'a Path,
    /// The directory that the person named, below the worktree's top.
    pub subdir: &'a str,
    /// The person's own directory, for its virtual environment: ignored files are not in the snapshot.
    pub home: Option<&'a Path>,
    /// The test command, where the person gave one.
    pub test_command: Option<&'a [String]>,
    /// Where that command leaves its results, where the person said so: then it is run as it stands.
    pub report: Option<&'a ReportSource>,
    /// Where code may run.
    pub sandbox: SandboxChoice,
}

/// Languages whose tests are programs of a toolchain, with the files that say that a directory is such a project.
const NATIVE: &[Native] = &[
    Native {
        languages: &[Language::Rust],
        manifests: &["Cargo.toml"],
        programs: &["cargo"],
        bare: false,
        found: rust::found,
        commanded: rust::commanded,
    },
    Native {
        languages: &[Language::Go],
        manifests: &["go.mod", "go.work"],
        programs: &["go"],
        bare: false,
        found: go::found,
        commanded: go::commanded,
    },
    Native {
        languages: &[Language::Java],
        manifests: java::MANIFESTS,
        programs: java::PROGRAMS,
        bare: true,
        found: java::found,
        commanded: java::commanded,
    },
    Native {
        languages: &[Language::JavaScript, Language::TypeScript, Language::Tsx],
        manifests: &["package.json"],
        programs: &["npm", "npx", "yarn", "pnpm", "node", "jest", "vitest", "mocha", "tsx", "cross-env"],
        bare: false,
        found: node::found,
        commanded: node::commanded,
    },
];

/// Reads a test command.
type Commanded = fn(&Look<'_>, &[String]) -> Option<Result<Project, Failure>>;

/// How a project of one language is told and read.
struct Native {
    languages: &'static [Language],
    manifests: &'static [&'static str],
    /// What a test command of it begins with.
    programs: &'static [&'static str],
    /// Whether sources and tests are a project without any such file.
    bare: bool,
    /// The project whose root is the second argument.
    found: fn(&Look<'_>, &str) -> Result<Project, Failure>,
    /// The project as a command has it. None: the command says nothing that is understood, so only its exit code counts.
    commanded: Commanded,
}

/// A worktree that is looked at.
struct Look<'a> {
    files: &'a Listing,
    survey: &'a Survey<'a>,
}

/// Finds the project and the way its tests are run.
///
/// # Errors
/// `NotFound` where no tests can be found, `Invalid` where several projects are meant, `Denied` where no sandbox that
/// the person allows can host it.
pub fn survey(survey: &Survey<'_>) -> Result<Project, Failure> {
    let files = Listing::load(survey.worktree).map_err(|error| {
        Failure::new(ErrorKind::Unavailable, format!("list `{}`: {error}", survey.worktree.display()))
    })?;
    let look = Look { files: &files, survey };
    let mut project = match survey.test_command {
        Some(given) if !given.is_empty() => match survey.report {
            Some(report) => look.as_it_stands(given, report)?,
            None => look.commanded(given)?,
        },
        _ if survey.report.is_some() => {
            return Err(Failure::new(
                ErrorKind::Invalid,
                "a report is named, and no test command that writes it",
            )
            .with_hint(
                "name the command with `--test-command \"...\"`, or as `test_command` in coditect.toml",
            ));
        }
        _ => look.found()?,
    };
    if files.is_cut() {
        project.notes.push(format!("only the first {} files were looked at", files.files().len()));
    }
    Ok(project)
}

impl Look<'_> {
    fn commanded(&self, given: &[String]) -> Result<Project, Failure> {
        let program = given.iter().find(|word| *word != "env" && !word.contains('='));
        let program = program.map_or("", |word| word.rsplit('/').next().unwrap_or(word));
        // What npm installed is run as npm runs it.
        let program =
            if given.iter().any(|word| word.starts_with("node_modules/")) { "npx" } else { program };
        let native = NATIVE.iter().find(|native| native.programs.contains(&program));
        match native.and_then(|native| (native.commanded)(self, given)) {
            Some(project) => project,
            None => python::survey(self.files, self.survey),
        }
    }

    /// A command that is run as it stands, since its results are read from where the person says.
    fn as_it_stands(&self, given: &[String], report: &ReportSource) -> Result<Project, Failure> {
        if report.format == ReportFormat::JunitXml && report.path.is_none() {
            return Err(Failure::new(
                ErrorKind::Invalid,
                "JUnit's XML is read from files, and none is named",
            )
            .with_hint("name them with `report_path`, such as \"build/reports/*.xml\""));
        }
        let below = self.files.below(self.survey.subdir);
        let most = Language::ALL
            .iter()
            .map(|language| (sources(&below, std::slice::from_ref(language)), language))
            .max_by_key(|(count, language)| (*count, std::cmp::Reverse(**language)))
            .filter(|(count, _)| *count > 0);
        let reason = "a command of one's own needs the machine's programs";
        let (tier, tier_reason) = choose(self.survey.sandbox, Tier::Os, reason)?;
        let command = given.join(" ");
        let note = match (report.format, &report.path) {
            (ReportFormat::ExitCode, _) => {
                format!("only the exit code of `{command}` is known, not its tests")
            }
            (_, Some(path)) => format!("results are read from `{path}`"),
            (_, None) => "results are read from standard output".to_owned(),
        };
        Ok(Project {
            language: most.map_or("unknown".to_owned(), |(_, language)| language.name().to_lowercase()),
            framework: Framework::Command,
            command: given.to_vec(),
            root: self.survey.subdir.to_owned(),
            import_paths: Vec::new(),
            targets: Vec::new(),
            tier,
            tier_reason,
            interpreter: python::environment_of(given, self.survey)
                .map(|named| python::below_home(self.survey, named)),
            lent: node::lent(self),
            report: (report.format != ReportFormat::ExitCode).then(|| report.clone()),
            notes: vec![note],
        })
    }

    fn found(&self) -> Result<Project, Failure> {
        let below = self.files.below(self.survey.subdir);
        let python = sources(&below, &[Language::Python]);
        // The language with a manifest at the top and most of the sources.
        let native = NATIVE
            .iter()
            .filter_map(|native| Some((native, self.root_of(native)?, sources(&below, native.languages))))
            .filter(|(_, _, count)| *count > 0)
            .max_by_key(|(_, _, count)| *count);
        match native {
            Some((native, root, count)) if count > python || !python::is_python(&below) => {
                (native.found)(self, &root)
            }
            None if !python::is_python(&below) && go::is_bare(&below) => {
                go::refuse_several(&below)?;
                go::found(self, self.survey.subdir)
            }
            _ => python::survey(self.files, self.survey),
        }
    }

    /// Where the project begins whose directory the person named: there, in the one directory below that has a
    /// manifest, or further up.
    fn root_of(&self, native: &Native) -> Option<String> {
        let has = |directory: &str| {
            let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
            native.manifests.iter().any(|manifest| self.files.has(&format!("{prefix}{manifest}")))
        };
        let mut at = self.survey.subdir;
        loop {
            if has(at) {
                return Some(at.to_owned());
            }
            if at.is_empty() {
                break;
            }
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
        }
        let below = self.files.below(self.survey.subdir);
        let mut found: Vec<&str> = below
            .files()
            .iter()
            .filter_map(|file| file.rsplit_once('/'))
            .filter(|(_, name)| native.manifests.contains(name))
            .map(|(directory, _)| directory)
            .collect();
        found.sort_by_key(|directory| (directory.matches('/').count(), directory.len()));
        if native.bare && found.is_empty() {
            return Some(self.survey.subdir.to_owned());
        }
        let first = *found.first()?;
        let alone = found.iter().all(|other| *other == first || other.starts_with(&format!("{first}/")));
        let prefix =
            if self.survey.subdir.is_empty() { String::new() } else { format!("{}/", self.survey.subdir) };
        alone.then(|| format!("{prefix}{first}"))
    }
}

/// Files of some languages.
fn sources(files: &Listing, languages: &[Language]) -> usize {
    files
        .files()
        .iter()
        .filter(|file| Language::of_path(file).is_some_and(|of| languages.contains(&of)))
        .count()
}

/// A project whose tests are programs of the machine's toolchain; `language` is its word and its name.
fn native(
    look: &Look<'_>,
    (language, name): (&str, &str),
    framework: Framework,
    root: &str,
    (command, targets): (Vec<String>, Vec<String>),
) -> Result<Project, Failure> {
    let reason = format!("{name} needs the machine's toolchain");
    let (tier, tier_reason) = choose(look.survey.sandbox, Tier::Os, &reason)?;
    Ok(Project {
        language: language.to_owned(),
        framework,
        command,
        root: root.to_owned(),
        import_paths: Vec::new(),
        targets,
        tier,
        tier_reason,
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: Vec::new(),
    })
}

/// The tier: the one that fits, or the one that the person chose.
pub(crate) fn choose(choice: SandboxChoice, fits: Tier, reason: &str) -> Result<(Tier, String), Failure> {
    match choice {
        SandboxChoice::Auto => Ok((fits, reason.to_owned())),
        SandboxChoice::Only(Tier::Wasm) if fits == Tier::Os => Err(Failure::new(
            ErrorKind::Denied,
            format!("the WASM sandbox cannot host it: {reason}, and no other sandbox is allowed"),
        )
        .with_hint("allow the OS sandbox with `--sandbox auto`")),
        SandboxChoice::Only(tier) => Ok((tier, "chosen by the person".to_owned())),
    }
}

#[cfg(test)]
mod tests;

//! JavaScript and TypeScript projects: a package with a `package.json`, tested by Node's own runner, Jest, Vitest or
//! Mocha, or by a command whose exit code is all that it says.
//!
//! Packages that were installed (`node_modules`) are mostly not under version control: they are lent from the person's
//! own directory, read-only, also those of a workspace above the package.

use std::path::{Path, PathBuf};

use coditect_types::project::{Framework, Lent};
use coditect_types::{ErrorKind, Failure, Project, Tier};

use super::{Look, choose, sources};
use crate::languages::Language;
use crate::python::Listing;
use crate::suite::Told;
use manifest::Manifest;
use script::Reading;

mod manifest;
mod script;
#[cfg(test)]
mod tests;

/// Packages of a workspace whose own `node_modules` are lent at most.
const MOST_LENT: usize = 200;
/// Files that are read to find out whether they use Node's own runner.
const MOST_READ: usize = 200;
/// Packages that are named where one must be chosen.
const MOST_NAMED: usize = 5;

pub(super) fn found(look: &Look<'_>, root: &str) -> Result<Project, Failure> {
    let manifest = Manifest::read(look.files, root)?;
    let package = Package { look, root, manifest: &manifest };
    if manifest.script("test").is_some() {
        let npm = ["npm", "test"].map(str::to_owned);
        if let Some(reading) = Reading::of(&manifest, &npm) {
            return package.project(npm.to_vec(), reading);
        }
        if let Some(project) = package.workspace()? {
            return Ok(project);
        }
        return package.opaque(npm.to_vec());
    }
    let Some((framework, command)) = package.by_custom() else {
        if let Some(project) = package.workspace()? {
            return Ok(project);
        }
        let cause = format!("`{}` names no way to test it", package.path("package.json"));
        return Err(Failure::new(ErrorKind::NotFound, cause)
            .with_hint("give it a script `test`, or name the command with `--test-command \"...\"`"));
    };
    package.project(command, Reading { framework, ..Reading::default() })
}

pub(super) fn commanded(look: &Look<'_>, given: &[String]) -> Option<Result<Project, Failure>> {
    let above = |mut at: &str| loop {
        if look.files.has(&below(at, "package.json")) {
            return Some(at.to_owned());
        }
        at = match at {
            "" => return None,
            at => at.rsplit_once('/').map_or("", |(above, _)| above),
        };
    };
    let (named, given_there) = script::workspace_of(given);
    let root = match named {
        Some(named) => manifest::packages(look.files, look.survey.subdir).into_iter().find(|at| {
            *at == named || at.ends_with(&format!("/{named}")) || Manifest::name(look.files, at) == named
        })?,
        None => above(look.survey.subdir)?,
    };
    let manifest = match Manifest::read(look.files, &root) {
        Ok(manifest) => manifest,
        Err(failure) => return Some(Err(failure)),
    };
    let package = Package { look, root: &root, manifest: &manifest };
    Some(match Reading::of(&manifest, &given_there) {
        Some(reading) => package.project(given.to_vec(), reading),
        None => package.opaque(given.to_vec()),
    })
}

/// The packages that a command of the person's own can load, where it is started in a package that has some.
pub(super) fn lent(look: &Look<'_>) -> Vec<Lent> {
    let root = look.survey.subdir;
    if !look.files.has(&below(root, "package.json")) {
        return Vec::new();
    }
    let found = Installed::find(look, root);
    // Those further up are not below where it starts.
    if found.top == root { found.lent } else { Vec::new() }
}

/// A package that is looked at.
struct Package<'a> {
    look: &'a Look<'a>,
    /// Its directory below the worktree's top.
    root: &'a str,
    manifest: &'a Manifest,
}

impl Package<'_> {
    fn path(&self, name: &str) -> String {
        below(self.root, name)
    }

    fn files(&self) -> Listing {
        self.look.files.below(self.root)
    }

    /// The runner that the package has, where it names no script.
    fn by_custom(&self) -> Option<(Framework, Vec<String>)> {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        let files = self.files();
        let has =
            |start: &str| files.files().iter().any(|file| !file.contains('/') && file.starts_with(start));
        let uses =
            |name: &str, config: &str| self.manifest.depends(name) || self.manifest.has(name) || has(config);
        if uses("vitest", "vitest.config.") {
            return Some((Framework::Vitest, words("npx vitest run")));
        }
        if uses("jest", "jest.config.") {
            return Some((Framework::Jest, words("npx jest")));
        }
        if uses("mocha", ".mocharc.") {
            return Some((Framework::Mocha, words("npx mocha")));
        }
        let script = |file: &&String| Language::of_path(file).is_some_and(Language::is_script);
        let mut scripts = files.files().iter().filter(script).take(MOST_READ);
        scripts
            .any(|file| files.text(file).is_some_and(|text| text.contains("node:test")))
            .then(|| (Framework::NodeTest, words("node --test")))
    }

    /// The one package of a workspace that has tests, where the workspace itself has none that are understood.
    fn workspace(&self) -> Result<Option<Project>, Failure> {
        let files = self.look.files;
        if !self.manifest.has("workspaces") && !files.has(&self.path("pnpm-workspace.yaml")) {
            return Ok(None);
        }
        let tested: Vec<String> = manifest::packages(files, self.root)
            .into_iter()
            .filter(|at| at != self.root)
            .filter(|at| Manifest::read(files, at).is_ok_and(|package| package.script("test").is_some()))
            .collect();
        match tested.as_slice() {
            [] => Ok(None),
            [only] => found(self.look, only).map(Some),
            several => {
                let named = several.iter().take(MOST_NAMED).map(|at| format!("`{at}`"));
                let named = named.collect::<Vec<_>>().join(", ");
                let cause = format!("the workspace has {} packages with tests: {named}", several.len());
                Err(Failure::new(ErrorKind::Invalid, cause)
                    .with_hint(format!("name one of them: `-C {}`", several[0])))
            }
        }
    }

    fn opaque(&self, command: Vec<String>) -> Result<Project, Failure> {
        let told = Told { opaque: Some(command.join(" ")), ..Told::default() };
        let needed = self.manifest.has_packages();
        let mut project = self.with(command, Framework::NodeTest, told, needed)?;
        let note = format!(
            "no test runner is known in `{}`: only its exit code is looked at",
            project.command.join(" ")
        );
        project.notes.push(note);
        Ok(project)
    }

    fn project(&self, command: Vec<String>, reading: Reading) -> Result<Project, Failure> {
        let loads = reading
            .words
            .iter()
            .any(|word| matches!(word.as_str(), "--import" | "--require" | "-r" | "--loader"));
        let needed = reading.framework != Framework::NodeTest
            || loads
            || !reading.builds.is_empty()
            || self.manifest.has_dependencies();
        let told = Told { env: reading.env, builds: reading.builds, words: reading.words, ..Told::default() };
        self.with(command, reading.framework, told, needed)
    }

    fn with(
        &self,
        command: Vec<String>,
        framework: Framework,
        mut told: Told,
        needed: bool,
    ) -> Result<Project, Failure> {
        let installed = Installed::find(self.look, self.root);
        if needed {
            self.check(&installed, framework, &told)?;
        }
        let reason = "JavaScript needs the machine's Node";
        let (tier, tier_reason) = choose(self.look.survey.sandbox, Tier::Os, reason)?;
        let root = installed.top.clone();
        told.package =
            self.root.strip_prefix(root.as_str()).unwrap_or(self.root).trim_matches('/').to_owned();
        let files = self.files();
        let typed = sources(&files, &[Language::TypeScript, Language::Tsx]);
        let language =
            if typed > sources(&files, &[Language::JavaScript]) { "typescript" } else { "javascript" };
        Ok(Project {
            language: language.to_owned(),
            framework,
            command,
            root,
            import_paths: Vec::new(),
            targets: told.targets(),
            tier,
            tier_reason: tier_reason.to_owned(),
            interpreter: None,
            lent: installed.lent,
            report: None,
            notes: Vec::new(),
        })
    }

    /// Whether what the tests need is installed.
    fn check(&self, installed: &Installed, framework: Framework, told: &Told) -> Result<(), Failure> {
        let files = self.look.files;
        let has = |name: &str| files.has(&self.path(name)) || files.has(&below(&installed.top, name));
        let install = if has("pnpm-lock.yaml") {
            "pnpm install --frozen-lockfile"
        } else if has("yarn.lock") {
            "yarn install --frozen-lockfile"
        } else if has("package-lock.json") || has("npm-shrinkwrap.json") {
            "npm ci"
        } else {
            "npm install"
        };
        let hint = format!("install them and run again: `{install}`");
        if installed.folders.is_empty() {
            let cause = format!(
                "the tests need packages, and there is no `node_modules` beside `{}` or above it",
                self.path("package.json")
            );
            return Err(Failure::new(ErrorKind::NotFound, cause).with_hint(hint));
        }
        let runner = match framework {
            Framework::Jest => "jest",
            Framework::Vitest => "vitest",
            Framework::Mocha => "mocha",
            Framework::CargoTest
            | Framework::Unittest
            | Framework::Pytest
            | Framework::Doctest
            | Framework::NodeTest
            | Framework::GoTest
            | Framework::Junit
            | Framework::Command => return Ok(()),
        };
        let there = |folder: &PathBuf| folder.join(runner).join("package.json").is_file();
        if told.opaque.is_none() && !installed.folders.iter().any(there) {
            let cause = format!("the tests are run by `{runner}`, which is not in `node_modules`");
            return Err(Failure::new(ErrorKind::NotFound, cause).with_hint(hint));
        }
        Ok(())
    }
}

/// The packages that a project can load.
struct Installed {
    /// The highest directory with packages, below the worktree's top; the package's own where there are none.
    top: String,
    lent: Vec<Lent>,
    /// Directories on the machine, the package's own first.
    folders: Vec<PathBuf>,
}

impl Installed {
    fn find(look: &Look<'_>, root: &str) -> Self {
        let survey = look.survey;
        // The person's directory is the one that was named; the snapshot begins further up.
        let depth = survey.subdir.split('/').filter(|part| !part.is_empty()).count();
        let home = survey.home.and_then(|home| home.ancestors().nth(depth));
        let mut found = Self { top: root.to_owned(), lent: Vec::new(), folders: Vec::new() };
        let mut lent = Vec::new();
        let mut at = root;
        loop {
            if let Some(folder) = found.look_in(survey.worktree, home, at, &mut lent) {
                at.clone_into(&mut found.top);
                found.folders.push(folder);
            }
            if at.is_empty() {
                break;
            }
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
        }
        // Packages of a workspace may have packages of their own.
        if found.top != root || look.files.has(&below(root, "pnpm-workspace.yaml")) {
            for other in manifest::packages(look.files, &found.top).into_iter().take(MOST_LENT) {
                if other != root && !root.starts_with(&format!("{other}/")) && other != found.top {
                    found.look_in(survey.worktree, home, &other, &mut lent);
                }
            }
        }
        let top = found.top.clone();
        let under = |at: &str| at.strip_prefix(top.as_str()).unwrap_or(at).trim_start_matches('/').to_owned();
        found.lent = lent.into_iter().map(|(at, from)| Lent { from, at: under(&at) }).collect();
        found
    }

    /// The packages in one directory: those under version control, or the person's own, which are lent.
    fn look_in(
        &self,
        worktree: &Path,
        home: Option<&Path>,
        at: &str,
        lent: &mut Vec<(String, String)>,
    ) -> Option<PathBuf> {
        let own = worktree.join(at).join("node_modules");
        if own.is_dir() {
            return Some(own);
        }
        let from = home?.join(at).join("node_modules").canonicalize().ok().filter(|from| from.is_dir())?;
        lent.push((below(at, "node_modules"), from.to_str()?.to_owned()));
        Some(from)
    }
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

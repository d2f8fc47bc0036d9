//! Commands that check the code and can mend what they object to: linters and formatters.

use coditect_types::Project;
use coditect_types::project::Framework;
use serde_json::Value;

use super::Told;
use crate::shell::{quoted, split};

/// Scripts of a manifest that call one another at most.
const DEEPEST: u32 = 8;

/// A project whose command changes files, in place of one that checks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mending {
    /// The project with that command.
    pub project: Project,
    /// The command as a person would type it.
    pub says: String,
}

/// How a tool is told to mend.
enum Mends {
    /// A word more.
    With(&'static str),
    /// These words away, with this one in their place.
    Without(&'static [&'static str], &'static str),
}

/// Tools by name, with the words that must stand behind it first.
const TOOLS: &[(&str, &[&str], Mends)] = &[
    ("ruff", &["check"], Mends::With("--fix")),
    ("ruff", &["format"], Mends::Without(&["--check", "--diff"], "")),
    ("black", &[], Mends::Without(&["--check", "--diff"], "")),
    ("isort", &[], Mends::Without(&["--check", "--check-only", "-c", "--diff"], "")),
    ("eslint", &[], Mends::With("--fix")),
    ("standard", &[], Mends::With("--fix")),
    ("prettier", &[], Mends::Without(&["--check", "-c", "--list-different", "-l"], "--write")),
    ("biome", &["check"], Mends::With("--write")),
    ("biome", &["lint"], Mends::With("--write")),
    ("biome", &["format"], Mends::With("--write")),
    ("dprint", &["check"], Mends::Without(&["check"], "fmt")),
    ("cargo", &["fmt"], Mends::Without(&["--check"], "")),
    ("cargo", &["clippy"], Mends::With("--fix --allow-dirty --allow-staged --allow-no-vcs")),
];

/// What mends what a project's command checks, where it is one of a tool that can. Scripts of `package.json` are followed;
/// `text` gives that of a file below the project's root.
pub fn mending(project: &Project, text: impl Fn(&str) -> Option<String>) -> Option<Mending> {
    if project.framework == Framework::Command {
        let command = mends(&project.command)?;
        let says = command.join(" ");
        return Some(Mending { project: Project { command, report: None, ..project.clone() }, says });
    }
    let told = Told::of(project);
    let line = told.opaque.as_ref().filter(|_| project.framework == Framework::NodeTest)?;
    let manifest = text(format!("{}/package.json", told.package).trim_start_matches('/'));
    let manifest = manifest.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
    // What one tool cannot mend does not keep the next from it.
    let says = mends_of_line(line, &manifest, 0)?.join("; ");
    let targets = Told { opaque: Some(says.clone()), ..told }.targets();
    Some(Mending { project: Project { targets, ..project.clone() }, says })
}

/// The commands that mend what a line of a shell checks; None where it checks nothing that can be mended.
fn mends_of_line(line: &str, manifest: &Value, depth: u32) -> Option<Vec<String>> {
    let commands = split(line).filter(|_| depth < DEEPEST)?;
    let of_one = |words: &Vec<String>| -> Vec<String> {
        match script_of(words) {
            Some((name, more)) => {
                let script = manifest.get("scripts").and_then(|scripts| scripts.get(name)?.as_str());
                let line = script.map(|script| [&[script.to_owned()], more].concat().join(" "));
                line.and_then(|line| mends_of_line(&line, manifest, depth + 1)).unwrap_or_default()
            }
            None => {
                let words = mends(words).into_iter();
                words
                    .map(|words| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
                    .collect()
            }
        }
    };
    let mends: Vec<String> = commands.iter().flat_map(of_one).collect();
    (!mends.is_empty()).then_some(mends)
}

/// The script of a manifest that a command runs, and what it passes on to it.
pub(super) fn script_of(words: &[String]) -> Option<(&str, &[String])> {
    let manager = words.first().filter(|word| matches!(base(word), "npm" | "pnpm" | "yarn" | "bun"))?;
    let is_before = |word: &&String| word.starts_with('-') || matches!(word.as_str(), "run" | "run-script");
    let at = 1 + words[1..].iter().take_while(is_before).count();
    let name = words.get(at).filter(|name| !matches!(name.as_str(), "exec" | "x" | "dlx"))?;
    let mut more = &words[at + 1..];
    let dashes = more.iter().position(|word| word == "--");
    match (base(manager), dashes) {
        (_, Some(dashes)) => more = &more[dashes + 1..],
        // What npm takes for itself comes before the dashes.
        ("npm", None) => more = &[],
        _ => {}
    }
    Some((name, more))
}

/// The command that mends what `command` checks, where it is one of a tool that can: `ruff check src` is `ruff check --fix
/// src`. Programs that start others (`npx`, `python3 -m`, `uv run`) are seen through.
fn mends(command: &[String]) -> Option<Vec<String>> {
    let at = tool_at(command)?;
    let tool = base(&command[at]);
    let rest = &command[at + 1..];
    let fits = |words: &[&str]| words.len() <= rest.len() && words.iter().zip(rest).all(|(a, b)| a == b);
    let (_, first, how) = TOOLS.iter().find(|(name, first, _)| *name == tool && fits(first))?;
    let mut words_of = command[..=at].to_vec();
    match how {
        Mends::With(words) => {
            words_of.extend(rest[..first.len()].iter().cloned());
            words_of.extend(words.split(' ').map(str::to_owned));
            words_of.extend(rest[first.len()..].iter().filter(|word| *words != word.as_str()).cloned());
        }
        Mends::Without(words, instead) => {
            let is_check = |word: &String| words.contains(&word.as_str());
            // Without it, the tool mends already, and running it is no check.
            if !rest.iter().any(is_check) {
                return None;
            }
            if !instead.is_empty() {
                words_of.push((*instead).to_owned());
            }
            words_of.extend(rest.iter().filter(|word| !is_check(word)).cloned());
            // `cargo fmt -- --check` has nothing behind the dashes any more.
            words_of.pop_if(|word| word == "--");
        }
    }
    Some(words_of)
}

/// Where the tool's name stands, behind what starts it.
fn tool_at(command: &[String]) -> Option<usize> {
    let word = |at: usize| command.get(at).map(|word| base(word));
    let mut at = 0;
    loop {
        let name = word(at)?;
        at += match name {
            "npx" | "bunx" | "uvx" | "pnpx" => {
                1 + command[at + 1..].iter().take_while(|word| word.starts_with('-')).count()
            }
            "uv" | "poetry" | "pipenv" | "hatch" if word(at + 1) == Some("run") => 2,
            "pnpm" | "npm" | "yarn" if word(at + 1) == Some("exec") => 2,
            python if python.starts_with("python") && word(at + 1) == Some("-m") => 2,
            _ => return Some(at),
        };
    }
}

pub(super) fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Option<String> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        mends(&words).map(|words| words.join(" "))
    }

    #[test]
    fn a_check_is_turned_into_what_mends() {
        for (check, mends) in [
            ("ruff check src", "ruff check --fix src"),
            ("ruff check --fix src", "ruff check --fix src"),
            ("python3 -m ruff format --check .", "python3 -m ruff format ."),
            (".venv/bin/black --check --diff pkg", ".venv/bin/black pkg"),
            (
                "npx --no-install eslint . --max-warnings 0",
                "npx --no-install eslint --fix . --max-warnings 0",
            ),
            ("node_modules/.bin/prettier --check .", "node_modules/.bin/prettier --write ."),
            ("cargo fmt --all -- --check", "cargo fmt --all"),
            ("cargo fmt --check", "cargo fmt"),
            (
                "cargo clippy -- -D warnings",
                "cargo clippy --fix --allow-dirty --allow-staged --allow-no-vcs -- -D warnings",
            ),
            ("uv run ruff check .", "uv run ruff check --fix ."),
            ("dprint check", "dprint fmt"),
        ] {
            assert_eq!(of(check).as_deref(), Some(mends), "{check}");
        }
    }

    #[test]
    fn scripts_of_a_package_are_followed() {
        let manifest = r#"{"scripts": {"lint": "eslint src && npm run style", "style": "prettier --check 'a b'",
            "test": "node test.js", "all": "npm run lint && npm test", "round": "npm run round"}}"#;
        let of = |line: &str| {
            let manifest: Value = serde_json::from_str(manifest).unwrap();
            mends_of_line(line, &manifest, 0).map(|lines| lines.join("; "))
        };
        for (line, mends) in [
            ("npm run lint", Some("eslint --fix src; prettier --write 'a b'")),
            ("npm run --silent lint", Some("eslint --fix src; prettier --write 'a b'")),
            ("yarn lint", Some("eslint --fix src; prettier --write 'a b'")),
            ("pnpm run all", Some("eslint --fix src; prettier --write 'a b'")),
            ("npm run style -- src", Some("prettier --write 'a b' src")),
            ("npx eslint src", Some("npx eslint --fix src")),
            ("pnpm exec eslint src", Some("pnpm exec eslint --fix src")),
            ("npm test", None),
            ("npm run round", None),
            ("npm run none", None),
        ] {
            assert_eq!(of(line).as_deref(), mends, "{line}");
        }
    }

    #[test]
    fn what_is_no_check_is_left_alone() {
        for command in [
            "python3 -m pytest",
            "make test",
            "black pkg",
            "cargo test",
            "ruff",
            "npx",
            "sh -c ruff",
            "uv run",
        ] {
            assert_eq!(of(command), None, "{command}");
        }
    }
}

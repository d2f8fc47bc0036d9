//! Scripts that a person's own command runs: they are its tests, and no change may make them easier.

use std::collections::BTreeSet;

use coditect_types::Project;
use coditect_types::project::Framework;
use serde_json::Value;

use super::Told;
use super::checks::{base, script_of};
use crate::python::Listing;
use crate::shell::split;

/// Scripts that run one another at most.
const DEEPEST: u32 = 6;
/// Programs that run the file that is their first argument.
const RUN: &[&str] = &["node", "tsx", "ts-node", "ruby", "perl", "php", "lua", "Rscript", "julia"];
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];
/// Words before the command that counts.
const AROUND: &[&str] = &[
    "env", "time", "timeout", "nice", "exec", "npx", "bunx", "uvx", "uv", "poetry", "pipenv", "hatch", "run",
];
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// The files of the project that its command runs as tests, paths below its root. Empty for frameworks, whose tests are known
/// by name.
#[must_use]
pub fn scripts(project: &Project, files: &Listing) -> BTreeSet<String> {
    let mut search = Search { files, package: String::new(), found: BTreeSet::new() };
    if project.framework == Framework::Command {
        search.words(&project.command, 0);
    } else if project.framework == Framework::NodeTest {
        let told = Told::of(project);
        search.package = told.package;
        if let Some(line) = &told.opaque {
            search.line(line, 0);
        }
    }
    search.found
}

struct Search<'f> {
    files: &'f Listing,
    /// The directory where commands begin, below the root.
    package: String,
    found: BTreeSet<String>,
}

impl Search<'_> {
    /// A line of a shell; what is too much of one is taken apart at what stands between commands.
    fn line(&mut self, line: &str, depth: u32) {
        if depth > DEEPEST {
            return;
        }
        for part in line.split(['\n', ';', '|', '(', ')']).flat_map(|part| part.split("&&")) {
            for words in
                split(part).unwrap_or_else(|| vec![part.split_whitespace().map(str::to_owned).collect()])
            {
                self.words(&words, depth);
            }
        }
    }

    fn words(&mut self, words: &[String], depth: u32) {
        let is_around = |word: &&String| {
            let number = word.starts_with(|c: char| c.is_ascii_digit());
            AROUND.contains(&base(word)) || word.starts_with('-') || word.contains('=') || number
        };
        let words = &words[words.iter().take_while(is_around).count()..];
        let Some((program, rest)) = words.split_first() else { return };
        // `@python3 check.py` in a makefile.
        let program = program.trim_start_matches(['@', '-', '+']);
        let name = base(program);
        if name.starts_with("python") || name == "pypy3" {
            self.python(rest);
        } else if SHELLS.contains(&name) {
            match rest.iter().position(|word| word == "-c") {
                Some(at) => {
                    if let Some(line) = rest.get(at + 1) {
                        self.line(line, depth + 1);
                    }
                }
                None => self.first_file(rest, depth),
            }
        } else if RUN.contains(&name) || name == "source" || name == "." {
            self.first_file(rest, depth);
        } else if matches!(name, "make" | "gmake") {
            self.makefile(depth);
        } else if let Some((script, _)) = script_of(words) {
            let script = script.to_owned();
            self.package_script(&script, depth);
        } else if program.contains('/') {
            self.file(program, depth);
        }
    }

    fn python(&mut self, words: &[String]) {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-m" => {
                    let Some(module) = words.next() else { return };
                    let path = module.replace('.', "/");
                    for file in [format!("{path}.py"), format!("{path}/__main__.py")] {
                        self.file(&file, DEEPEST);
                    }
                    return;
                }
                "-c" => return,
                "-W" | "-X" => {
                    words.next();
                }
                option if option.starts_with('-') => {}
                file => return self.file(file, DEEPEST),
            }
        }
    }

    fn first_file(&mut self, words: &[String], depth: u32) {
        if let Some(file) = words.iter().find(|word| !word.starts_with('-')) {
            self.file(file, depth);
        }
    }

    /// A file that is run; a script of a shell runs others.
    fn file(&mut self, name: &str, depth: u32) {
        let name = name.trim_start_matches("./");
        let path = if self.package.is_empty() { name.to_owned() } else { format!("{}/{name}", self.package) };
        if !self.files.has(&path) || !self.found.insert(path.clone()) || depth >= DEEPEST {
            return;
        }
        let is_shell = |text: &String| {
            let first = text.lines().next().unwrap_or_default();
            path.ends_with(".sh") || (first.starts_with("#!") && first.trim_end().ends_with("sh"))
        };
        if let Some(text) = self.files.text(&path).filter(is_shell) {
            self.line(&text, depth + 1);
        }
    }

    /// What the recipes of a makefile run, whatever the target.
    fn makefile(&mut self, depth: u32) {
        let text = MAKEFILES.iter().find_map(|name| self.files.text(name));
        for line in text.unwrap_or_default().lines().filter_map(|line| line.strip_prefix('\t')) {
            self.line(line, depth + 1);
        }
    }

    fn package_script(&mut self, name: &str, depth: u32) {
        let path = format!("{}/package.json", self.package);
        let manifest = self.files.text(path.trim_start_matches('/'));
        let manifest: Option<Value> = manifest.and_then(|text| serde_json::from_str(&text).ok());
        let line =
            manifest.and_then(|manifest| Some(manifest.get("scripts")?.get(name)?.as_str()?.to_owned()));
        if let Some(line) = line {
            self.line(&line, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)], command: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let listing = Listing::load(dir.path()).unwrap();
        let mut search = Search { files: &listing, package: String::new(), found: BTreeSet::new() };
        search.line(command, 0);
        search.found.into_iter().collect()
    }

    #[test]
    fn what_a_command_runs_is_found() {
        let files = [
            ("check.py", ""),
            ("lib.py", ""),
            ("tools/test.sh", "#!/bin/sh\nset -e\npython3 check.py --all && node check.js\n"),
            ("check.js", ""),
            ("pkg/selftest.py", ""),
            ("pkg/cli/__main__.py", ""),
            ("Makefile", "CC = cc\n\ntest: lib.py\n\t@python3 -B check.py\n"),
            ("package.json", "{\"scripts\": {\"verify\": \"node check.js\"}}"),
        ];
        for (command, found) in [
            ("python3 check.py", vec!["check.py"]),
            ("env A=1 timeout 20 .venv/bin/python -X dev ./check.py lib.py", vec!["check.py"]),
            ("python3 -m pkg.selftest lib.py", vec!["pkg/selftest.py"]),
            ("python3 -m pkg.cli", vec!["pkg/cli/__main__.py"]),
            ("make test", vec!["check.py"]),
            ("tools/test.sh", vec!["check.js", "check.py", "tools/test.sh"]),
            ("bash tools/test.sh", vec!["check.js", "check.py", "tools/test.sh"]),
            ("sh -c 'cd . && python3 check.py | grep ok'", vec!["check.py"]),
            ("npm run verify", vec!["check.js"]),
            ("uv run python check.py", vec!["check.py"]),
            // What is checked by a tool is no test.
            ("ruff check lib.py", vec![]),
            ("python3 -m mypy lib.py", vec![]),
            ("node -e 1", vec![]),
        ] {
            assert_eq!(of(&files, command), found, "{command}");
        }
    }
}

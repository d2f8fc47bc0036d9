//! Snapshots that tests compare with: files that hold what the code printed when they were last accepted. Frameworks write
//! them anew where they are told to, and that is done only where the person asks for it: a stale snapshot and a wrong
//! program look the same to a test.

use coditect_types::Project;
use coditect_types::project::Framework;

use super::Mending;

/// True where a file is a snapshot by its name or folder.
#[must_use]
pub fn is_snapshot(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let kept = ["__snapshots__", "snapshots", "golden", "goldens"];
    let by_folder = folders.split('/').any(|folder| kept.contains(&folder));
    let by_name = [".snap", ".ambr", ".snapshot", ".golden"].iter().any(|end| name.ends_with(end));
    // Code beside snapshots is still code.
    by_name || (by_folder && crate::languages::Language::of_path(path).is_none())
}

/// What writes the snapshots of a project anew; None where its framework has no command for that.
#[must_use]
pub fn refreshing(project: &Project) -> Option<Mending> {
    let command = refreshes(project)?;
    let says = command.join(" ");
    let project = Project { framework: Framework::Command, command, report: None, ..project.clone() };
    Some(Mending { project, says })
}

fn refreshes(project: &Project) -> Option<Vec<String>> {
    let mut command = project.command.clone();
    let first = command.first_mut()?;
    let base = first.rsplit('/').next().unwrap_or(first).to_owned();
    let flag = match project.framework {
        Framework::Jest | Framework::Vitest => "-u",
        // The convention of Go's own tests.
        Framework::GoTest => "-update",
        Framework::NodeTest => "--test-update-snapshots",
        Framework::Pytest => {
            if let Some(own) = project.interpreter.as_ref().filter(|_| base.starts_with("python")) {
                first.clone_from(own);
            }
            // Of syrupy and of pytest-snapshot.
            "--snapshot-update"
        }
        Framework::CargoTest => {
            // Of insta.
            command.splice(0..0, ["env", "INSTA_UPDATE=always"].map(str::to_owned));
            return Some(command);
        }
        Framework::Unittest
        | Framework::Doctest
        | Framework::Mocha
        | Framework::Junit
        | Framework::Command => {
            return None;
        }
    };
    match (base.as_str(), project.framework) {
        // What stands behind the dashes goes to the script's program.
        ("npm", _) if !command.iter().any(|word| word == "--") => command.push("--".to_owned()),
        // Node's own flags stand before the files.
        ("node", Framework::NodeTest) => {
            command.insert(1, flag.to_owned());
            return Some(command);
        }
        _ => {}
    }
    command.push(flag.to_owned());
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_framework_is_told_in_its_own_way() {
        let of = |framework, command: &str, interpreter: Option<&str>| {
            let command = command.split(' ').map(str::to_owned).collect();
            let interpreter = interpreter.map(str::to_owned);
            let project = Project { framework, command, interpreter, ..project() };
            refreshing(&project).map(|mending| mending.says)
        };
        let venv = Some(".venv/bin/python");
        for (framework, command, interpreter, told) in [
            (Framework::Jest, "npm test", None, "npm test -- -u"),
            (Framework::Jest, "npm test -- --silent", None, "npm test -- --silent -u"),
            (Framework::Vitest, "npx vitest run", None, "npx vitest run -u"),
            (Framework::Jest, "yarn test", None, "yarn test -u"),
            (Framework::NodeTest, "node --test", None, "node --test-update-snapshots --test"),
            (Framework::GoTest, "go test ./...", None, "go test ./... -update"),
            (Framework::CargoTest, "cargo test", None, "env INSTA_UPDATE=always cargo test"),
            (Framework::Pytest, "python3 -m pytest", venv, ".venv/bin/python -m pytest --snapshot-update"),
            (Framework::Pytest, "pytest tests", None, "pytest tests --snapshot-update"),
        ] {
            assert_eq!(of(framework, command, interpreter).as_deref(), Some(told), "{command}");
        }
        assert_eq!(of(Framework::Unittest, "python3 -m unittest", None), None);
    }

    fn project() -> Project {
        Project {
            language: String::new(),
            framework: Framework::Command,
            command: Vec::new(),
            root: String::new(),
            import_paths: Vec::new(),
            targets: Vec::new(),
            tier: coditect_types::Tier::Os,
            tier_reason: String::new(),
            interpreter: None,
            lent: Vec::new(),
            report: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn snapshots_are_known_by_their_place() {
        for path in [
            "src/__snapshots__/a.test.js.snap",
            "tests/__snapshots__/test_a.ambr",
            "src/snapshots/crate__tests__a.snap",
            "pkg/testdata/table.golden",
            "testdata/golden/a.txt",
            "tests/snapshots/test_a/test_b/out.txt",
            "test/a.test.js.snapshot",
        ] {
            assert!(is_snapshot(path), "{path}");
        }
        for path in ["src/snapshots/mod.rs", "src/snap.js", "testdata/in.txt", "tests/snapshots/test_a.py"] {
            assert!(!is_snapshot(path), "{path}");
        }
    }
}

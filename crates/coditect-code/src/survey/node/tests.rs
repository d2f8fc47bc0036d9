#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Failure, Project, Tier};

use crate::survey::{SandboxChoice, Survey, survey};

/// Surveys a worktree of these files, with what `node_modules` holds in the person's own directory.
fn surveyed(
    files: &[(&str, &str)],
    installed: &[&str],
    subdir: &str,
    command: Option<&str>,
) -> Result<Project, Failure> {
    let (top, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, text) in files {
        let path = top.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for name in installed {
        let at = home.path().join(name);
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("package.json"), "{}").unwrap();
    }
    let command: Option<Vec<String>> =
        command.map(|command| command.split_whitespace().map(str::to_owned).collect());
    let home = home.path().join(subdir);
    std::fs::create_dir_all(&home).unwrap();
    survey(&Survey {
        worktree: top.path(),
        subdir,
        home: Some(&home),
        test_command: command.as_deref(),
        report: None,
        sandbox: SandboxChoice::Auto,
    })
}

#[track_caller]
fn check(script: &str, installed: &[&str], expect: (Framework, &[&str])) {
    let manifest = format!("{{\"scripts\": {{\"test\": {script:?}, \"unit\": \"node --test\"}}}}");
    let files = [("package.json", manifest.as_str()), ("a.js", ""), ("test/a.test.js", "")];
    let project = surveyed(&files, installed, "", None).unwrap();
    let targets: Vec<&str> = project.targets.iter().map(String::as_str).collect();
    assert_eq!((project.framework, targets.as_slice(), project.tier), (expect.0, expect.1, Tier::Os));
}

#[test]
fn a_script_is_followed_to_the_runner_that_it_starts() {
    check("node --test", &[], (Framework::NodeTest, &[]));
    check("eslint . && npm run unit", &[], (Framework::NodeTest, &[]));
    check("mocha -R spec test/*.js", &["node_modules/mocha"], (Framework::Mocha, &["--", "test/*.js"]));
    check("nyc mocha", &["node_modules/mocha"], (Framework::Mocha, &[]));
    check("NODE_ENV=test jest --coverage", &["node_modules/jest"], (Framework::Jest, &["env=NODE_ENV=test"]));
    check("vitest run", &["node_modules/vitest"], (Framework::Vitest, &[]));
    check(
        "tsc -p . && node --test dist",
        &["node_modules/typescript"],
        (Framework::NodeTest, &["build=tsc -p .", "--", "dist"]),
    );
    check(
        "tsx --test test/*.ts",
        &["node_modules/tsx"],
        (Framework::NodeTest, &["--", "--import", "tsx", "test/*.ts"]),
    );
}

#[test]
fn what_is_installed_is_lent_and_what_is_not_is_named() {
    let files = [("package.json", r#"{"scripts": {"test": "mocha"}}"#), ("yarn.lock", ""), ("a.js", "")];
    let project = surveyed(&files, &["node_modules/mocha"], "", None).unwrap();
    let lent: Vec<&str> = project.lent.iter().map(|lent| lent.at.as_str()).collect();
    assert_eq!(lent, ["node_modules"]);
    let failure = surveyed(&files, &[], "", None).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::NotFound);
    assert!(failure.hint.unwrap().contains("yarn install --frozen-lockfile"));
    let failure = surveyed(&files, &["node_modules/chai"], "", None).unwrap_err();
    assert!(failure.cause.contains("`mocha`"), "{}", failure.cause);
}

#[test]
fn a_package_of_a_workspace_sees_the_packages_above_it() {
    let files = [
        ("package.json", r#"{"workspaces": ["packages/*"]}"#),
        ("packages/a/package.json", r#"{"name": "@x/a", "scripts": {"test": "vitest run"}}"#),
        ("packages/a/a.ts", ""),
        ("packages/b/package.json", r#"{"name": "@x/b"}"#),
    ];
    let installed = ["node_modules/vitest", "packages/a/node_modules/left-pad"];
    // The one package with tests, from the top; and by its name.
    for command in [None, Some("npm test -w @x/a")] {
        let project = surveyed(&files, &installed, "", command).unwrap();
        assert_eq!((project.framework, project.root.as_str()), (Framework::Vitest, ""));
        assert_eq!(project.targets[0], "in=packages/a");
        let lent: Vec<&str> = project.lent.iter().map(|lent| lent.at.as_str()).collect();
        assert_eq!(lent, ["packages/a/node_modules", "node_modules"]);
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_named() {
    let failure = surveyed(&[("package.json", "{,}"), ("a.js", "")], &[], "", None).unwrap_err();
    assert!(failure.cause.contains("`package.json` is not JSON"), "{}", failure.cause);
}

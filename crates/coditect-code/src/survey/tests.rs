#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use coditect_types::project::Framework;

use super::*;

fn surveyed(files: &[(&str, &str)], subdir: &str, command: Option<&str>) -> Result<Project, Failure> {
    let top = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = top.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let command: Option<Vec<String>> =
        command.map(|command| command.split_whitespace().map(str::to_owned).collect());
    survey(&Survey {
        worktree: top.path(),
        subdir,
        home: None,
        test_command: command.as_deref(),
        report: None,
        sandbox: SandboxChoice::Auto,
    })
}

#[test]
fn a_crate_is_tested_by_cargo_in_the_os_sandbox() {
    let files =
        [("Cargo.toml", "[package]\nname = \"a\"\n"), ("src/lib.rs", "#[test]\nfn t() {}\n"), ("x.py", "")];
    let project = surveyed(&files, "", None).unwrap();
    assert_eq!((project.framework, project.language.as_str()), (Framework::CargoTest, "rust"));
    assert_eq!((project.command.join(" ").as_str(), project.tier), ("cargo test", Tier::Os));
    // From within the crate, and from above it.
    assert_eq!(surveyed(&files, "src", None).unwrap().root, "");
    let below = [("a/Cargo.toml", "[package]\n"), ("a/src/lib.rs", "")];
    assert_eq!(surveyed(&below, "", None).unwrap().root, "a");
}

#[test]
fn flags_of_a_cargo_command_are_kept_and_filters_are_not_understood() {
    let files = [("Cargo.toml", "[package]\n"), ("src/lib.rs", "")];
    let project = surveyed(&files, "", Some("cargo test --lib -p a --features x")).unwrap();
    assert_eq!(project.targets, ["--lib", "-p", "a", "--features", "x"]);
    let project = surveyed(&files, "", Some("cargo test some_name")).unwrap();
    assert_eq!(project.framework, Framework::Command);
    let project = surveyed(&files, "", Some("cargo nextest run --workspace")).unwrap();
    assert_eq!((project.framework, project.targets), (Framework::CargoTest, vec!["--workspace".to_owned()]));
}

#[test]
fn a_python_project_with_a_rust_part_is_the_one_with_more_of_it() {
    let files = [
        ("pyproject.toml", ""),
        ("a.py", ""),
        ("test_a.py", "def test_a(): pass\n"),
        ("Cargo.toml", ""),
        ("src/lib.rs", ""),
    ];
    assert_eq!(surveyed(&files, "", None).unwrap().language, "python");
}

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

const CALC: &str = "package calc\n\nfunc One() int { return 1 }\n";
const CALC_TEST: &str = "package calc\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) {}\n";

#[test]
fn a_module_of_go_is_tested_with_all_of_its_packages() {
    let files = [("go.mod", "module example.com/calc\n"), ("calc.go", CALC), ("calc_test.go", CALC_TEST)];
    let project = surveyed(&files, "", None).unwrap();
    assert_eq!((project.framework, project.language.as_str()), (Framework::GoTest, "go"));
    assert_eq!((project.command.join(" ").as_str(), project.tier), ("go test ./...", Tier::Os));
    let nested = [files[0], files[1], files[2], ("tools/go.mod", "module example.com/tools\n")];
    let project = surveyed(&nested, "", None).unwrap();
    assert!(project.notes[0].contains("`tools`"), "{:?}", project.notes);
}

#[test]
fn a_workspace_of_go_names_its_modules() {
    let files = [
        ("go.work", "go 1.19\n\nuse (\n\t./a // the first\n\t./b\n\t./gone\n)\n"),
        ("a/go.mod", "module example.com/a\n"),
        ("a/a_test.go", CALC_TEST),
        ("b/go.mod", "module example.com/b\n"),
        ("b/b_test.go", CALC_TEST),
    ];
    let project = surveyed(&files, "", None).unwrap();
    assert_eq!(project.targets, ["./a/...", "./b/..."]);
    let refused = surveyed(&files[1..], "", None);
    assert!(refused.is_err() || refused.unwrap().root == "a", "one is chosen, or a person is asked");
}

#[test]
fn sources_of_go_without_a_module_are_meant_to_lie_below_gopath() {
    let files = [("calc.go", CALC), ("calc_test.go", CALC_TEST)];
    assert_eq!(surveyed(&files, "", None).unwrap().framework, Framework::GoTest);
}

#[test]
fn flags_of_go_test_are_kept_where_they_change_what_runs() {
    let files = [("go.mod", "module x\n"), ("calc.go", CALC), ("a/a_test.go", CALC_TEST)];
    let of = |command| surveyed(&files, "", Some(command)).unwrap();
    let project = of("env CGO_ENABLED=0 go test -v -count=1 -run TestOne -tags x,y -race ./a/...");
    assert_eq!(project.targets, ["CGO_ENABLED=0", "-run=TestOne", "-tags=x,y", "-race", "./a/..."]);
    assert_eq!(of("go test").targets, ["."]);
    let project = of("go test -C a ./...");
    assert_eq!((project.root.as_str(), project.targets), ("a", vec!["./...".to_owned()]));
    for command in ["go test -fuzz=X .", "go test a_test.go", "go vet ./...", "go test ./... -args -x"] {
        assert_eq!(of(command).framework, Framework::Command, "{command}");
    }
}

#[test]
fn java_is_built_by_its_file_or_by_none() {
    let test = ("src/test/java/ATest.java", "import org.junit.Test;\nclass ATest {}\n");
    let source = ("src/main/java/A.java", "class A {}\n");
    let project = surveyed(&[("pom.xml", "<project/>"), source, test], "", None).unwrap();
    assert_eq!((project.framework, project.language.as_str()), (Framework::Junit, "java"));
    assert_eq!((project.command.join(" ").as_str(), project.tier), ("mvn test", Tier::Os));
    let project = surveyed(&[("build.gradle", ""), ("gradlew", ""), source, test], "", None).unwrap();
    assert_eq!(project.command.join(" "), "./gradlew test");
    let project = surveyed(&[source, test], "", None).unwrap();
    assert_eq!(project.command.join(" "), "java org.junit.runner.JUnitCore");
    let none = surveyed(&[source], "", None).unwrap_err();
    assert!(none.cause.contains("no tests of JUnit"), "{none:?}");
}

#[test]
fn what_a_java_command_names_is_understood() {
    let files = [("pom.xml", "<project/>"), ("src/main/java/A.java", ""), ("a/pom.xml", "<project/>")];
    let targets = |command: &str| {
        let project = surveyed(&files, "", Some(command)).unwrap();
        (project.framework, project.targets.join(" "))
    };
    let junit = |targets: &str| (Framework::Junit, targets.to_owned());
    assert_eq!(targets("mvn -q -B test"), junit(""));
    assert_eq!(
        targets("mvn -pl a,b -Dtest=*Fast* -Pci -Dx=1 verify"),
        junit("module=a module=b class=*Fast* profile=ci property=x=1")
    );
    assert_eq!(targets("gradle :a:b:test --tests X"), junit("module=a/b class=X"));
    assert_eq!(
        targets("java -cp lib/x.jar:out org.junit.runner.JUnitCore ATest"),
        junit("jar=lib/x.jar class=ATest")
    );
    // Single methods, other goals, no tests: only the exit code of such a command counts.
    for other in ["mvn test -Dtest=A#b", "mvn deploy", "mvn compile", "gradle run", "java Main"] {
        assert_eq!(targets(other).0, Framework::Command, "{other}");
    }
}

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
use std::fs;

use coditect_types::project::Framework;
use coditect_types::{Enforced, Tier};

use super::*;

mod heard;

fn project(targets: &[&str]) -> Project {
    Project {
        language: "go".to_owned(),
        framework: Framework::GoTest,
        command: vec!["go".to_owned(), "test".to_owned()],
        root: String::new(),
        import_paths: Vec::new(),
        targets: targets.iter().map(|word| (*word).to_owned()).collect(),
        tier: Tier::Os,
        tier_reason: String::new(),
        interpreter: None,
        lent: Vec::new(),
        report: None,
        notes: Vec::new(),
    }
}

fn ran(exit: i32, stdout: &str, stderr: &str) -> Ran {
    Ran {
        exit: Exit::Code(exit),
        stdout: stdout.as_bytes().to_vec(),
        stderr: stderr.as_bytes().to_vec(),
        dropped: 0,
        wall_us: 0,
        peak_memory: None,
        enforced: Enforced::default(),
    }
}

/// A line of `go test -json` that says this.
fn event(action: &str, output: &str) -> String {
    format!("{}\n", serde_json::json!({ "Action": action, "Output": output }))
}

fn kept(directory: &str) -> String {
    event(
        "output",
        &format!(
            "coditect-test\t/project{directory}\t/project{directory}\t/cache/tests/p.test.7\t-test.paniconexit0\t-test.v=test2json\t-test.timeout=10m0s\n"
        ),
    )
}

/// The text of places: `a.go:3 b.go:4`.
fn places(frames: &[Frame]) -> String {
    frames.iter().map(|frame| format!("{}:{}", frame.file, frame.line)).collect::<Vec<_>>().join(" ")
}

#[test]
fn flags_reach_the_build_and_the_person_s_own_goflags_the_environment() {
    let [mode, test] =
        Go.builds(&project(&["GOFLAGS=-mod=vendor", "-tags=x", "-short", "./a/..."])).try_into().unwrap();
    assert_eq!(mode.argv[2..], ["-tags=x", "./a/..."], "what `go list` understands");
    assert!(test.argv.ends_with(&["-tags=x".to_owned(), "-short".to_owned(), "./a/...".to_owned()]));
    assert_eq!(test.env, [("GOFLAGS".to_owned(), "-buildvcs=false -mod=vendor".to_owned())]);
    let [_, test] = Go.builds(&project(&[])).try_into().unwrap();
    assert_eq!(test.argv.last().unwrap(), "./...");
}

#[test]
fn only_the_packages_of_these_tests_are_built() {
    let project = project(&["-short", "A=b", "./..."]);
    let ids = ["a_test.go::TestA/x::y", "sub/b_test.go::TestB", "sub::<import>"].map(str::to_owned);
    let narrowed = Go.narrowed(&project, &ids).unwrap();
    assert_eq!(narrowed.targets, ["-short", "A=b", ".", "./sub"]);
    let slot = |project: &Project| Go.builds(project)[1].argv[2].clone();
    assert_eq!((slot(&project), slot(&narrowed)), ("all".to_owned(), "2".to_owned()));
}

#[test]
fn a_test_program_that_was_kept_is_a_unit() {
    let top = tempfile::tempdir().unwrap();
    fs::create_dir(top.path().join("sub")).unwrap();
    fs::write(
        top.path().join("sub/a_test.go"),
        "package sub\n\nfunc TestOne(t *testing.T) {\n}\nfunc Testament() {}\nfunc ExampleA() {}\nfunc helper() {}\n",
    )
    .unwrap();
    let ran = ran(0, &format!("{}{}", kept("/sub"), kept("")), "");
    let units = Go.built(&project(&[]), top.path(), Some(&ran)).unwrap();
    let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, [".", "sub"]);
    let unit = &units[1];
    assert_eq!(unit.step.directory, "sub");
    assert!(!unit.step.argv.iter().any(|word| word == "-test.timeout=10m0s"), "{unit:?}");
    let mut unit = unit.clone();
    unit.names = Go.listed(&unit, &self::ran(0, "TestOne\nExampleA\nok  \tx\n", ""));
    assert_eq!(unit.names.as_ref().unwrap()["TestOne"], "sub/a_test.go::TestOne");
    assert_eq!(unit.id("TestOne/case_1"), "sub/a_test.go::TestOne/case_1");
    let step = Go.launch(&unit, Some(&["sub/a_test.go::TestOne/case_1".to_owned()]));
    assert_eq!(step.argv.last().unwrap(), "-test.run=^(TestOne)$/^(case_1)$");
    let step =
        Go.launch(&unit, Some(&["sub/a_test.go::TestOne".to_owned(), "sub/a_test.go::ExampleA".to_owned()]));
    assert_eq!(step.argv.last().unwrap(), "-test.run=^(ExampleA|TestOne)$");
}

#[test]
fn what_does_not_compile_is_told_with_its_places() {
    let said = "# example.com/calc\n./calc.go:4:9: undefined: rest\n./calc.go:8:2: x declared but not used\n\
                FAIL\texample.com/calc [build failed]\n";
    let broken =
        Go.built(&project(&[]), Path::new("/nowhere"), Some(&ran(2, &kept("/sub"), said))).unwrap_err();
    assert_eq!(places(&broken.frames), "calc.go:4 calc.go:8");
    assert!(broken.message.starts_with("./calc.go:4:9: undefined: rest\n"), "{}", broken.message);
    let ran = ran(2, &kept("/sub"), said);
    assert_eq!(
        Go.rest(&project(&[]), Path::new("/nowhere"), Some(&ran)).len(),
        1,
        "other packages are tested"
    );
    assert!(Go.lacks(&project(&[]), Path::new("/nowhere"), Some(&ran)).is_none());
    // Go 1.24 says it as an event.
    let newer = event("build-output", "./calc.go:4:9: undefined: rest\n");
    let broken = Go.built(&project(&[]), Path::new("/nowhere"), Some(&self::ran(1, &newer, ""))).unwrap_err();
    assert_eq!(places(&broken.frames), "calc.go:4");
}

#[test]
fn what_the_machine_lacks_is_no_fault_of_the_sources() {
    let said =
        "a.go:3:8: no required module provides package github.com/x/y; to add it:\n\tgo get github.com/x/y\n";
    let alone = ran(1, "", said);
    let error = Go.lacks(&project(&[]), Path::new("/nowhere"), Some(&alone)).unwrap();
    assert!(error.cause.contains("`github.com/x/y`"), "{error:?}");
    let partly = ran(1, &kept(""), said);
    assert_eq!(Go.built(&project(&[]), Path::new("/nowhere"), Some(&partly)).unwrap().len(), 1);
    assert_eq!(Go.notes(&project(&[]), Path::new("/nowhere"), Some(&partly)).len(), 1);
    let newer = ran(
        1,
        "",
        "go: errors parsing go.mod:\n/project/go.mod:3: invalid go version '1.99.1': must match format 1.23\n",
    );
    assert!(Go.lacks(&project(&[]), Path::new("/nowhere"), Some(&newer)).unwrap().cause.contains("1.99.1"));
}

#[test]
fn a_panic_is_told_with_the_way_to_it() {
    let said = "panic: runtime error: index out of range [3] with length 3 [recovered]\n\
                \tpanic: runtime error: index out of range [3] with length 3\n\n\
                goroutine 6 [running]:\n\
                testing.tRunner.func1.2({0x5, 0xc0})\n\t/usr/lib/go/src/testing/testing.go:1396 +0x24e\n\
                example.com/calc.(*Row).Last(...)\n\t/project/calc.go:12\n\
                example.com/calc.TestLast(0xc000007)\n\t/project/calc_test.go:9 +0x1d\n\n\
                goroutine 7 [chan receive]:\nmain.x()\n\t/project/x.go:1\n";
    let found = panics::read(said, &|path| below("/project", path)).unwrap();
    assert_eq!(found.error_type, "panic");
    assert_eq!(found.message, "panic: runtime error: index out of range [3] with length 3");
    assert_eq!(places(&found.frames), "calc_test.go:9 calc.go:12");
    assert_eq!(found.frames[1].function, "Last");
    assert!(panics::read("nothing of the kind\n", &|_| None).is_none());
}

#[test]
fn patterns_name_tests_level_by_level() {
    assert_eq!(select::first_level("^(A|B/C)$/x"), "^(A|B/C)$");
    assert_eq!(select::first_level("[/]a/b"), "[/]a");
    let unit = Unit {
        name: ".".to_owned(),
        names: Some(BTreeMap::from([("TestA".to_owned(), "a_test.go::TestA".to_owned())])),
        nests: true,
        ..Unit::default()
    };
    let ids = |names: &[&str]| names.iter().map(|name| format!("a_test.go::TestA{name}")).collect::<Vec<_>>();
    assert_eq!(select::pattern(&unit, &ids(&["/a.b", "/(c)/d"])), r"^(TestA)$/^(\(c\)|a\.b)$");
    assert_eq!(select::pattern(&unit, &ids(&["/x/y"])), "^(TestA)$/^(x)$/^(y)$");
    assert_eq!(select::pattern(&unit, &ids(&["", "/x"])), "^(TestA)$", "the whole test holds its parts");
}

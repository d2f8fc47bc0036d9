//! Go projects with the real program: a bug, code that does not compile, a vendored dependency, sources below GOPATH.
//! Where there is no `go`, each test says so and ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use serde_json::Value;
use world::{REQUEST, World, objects};

const MODULE: (&str, &str) = ("go.mod", "module example.com/calc\n\ngo 1.16\n");

const CALC: &str = "\
package calc

// Longest gives the length of the longest run of one letter.
func Longest(text string) int {
\tbest, run := 0, 0
\tfor i := range text {
\t\tif i > 0 && text[i] == text[i-1] {
\t\t\trun++
\t\t} else {
\t\t\trun = 1
\t\t}
\t\tif run < best {
\t\t\tbest = run
\t\t}
\t}
\treturn best
}
";

const TEST: &str = "\
package calc

import \"testing\"

func TestLongest(t *testing.T) {
\tfor name, c := range map[string]struct {
\t\ttext string
\t\twant int
\t}{\"none\": {\"\", 0}, \"one\": {\"a\", 1}, \"some\": {\"abbbcc\", 3}, \"last\": {\"abcc\", 2}} {
\t\tt.Run(name, func(t *testing.T) {
\t\t\tif got := Longest(c.text); got != c.want {
\t\t\t\tt.Errorf(\"got %d, want %d\", got, c.want)
\t\t\t}
\t\t})
\t}
}
";

/// A world whose project has these files and no others; None without a `go`.
fn project(files: &[(&str, &str)]) -> Option<World> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&paths).any(|folder| folder.join("go").is_file()) {
        eprintln!("skipped: no go on PATH");
        return None;
    }
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    for (name, text) in files {
        let path = world.path("project").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "a project of Go"]);
    Some(world)
}

/// Runs a mission to its end.
fn run(world: &World, more: &[&str]) -> Vec<Value> {
    let output = world.coditect(&[&["run", "--json", REQUEST], more].concat());
    let records = objects(&output.stdout);
    assert!(!records.is_empty(), "{output:?}");
    records
}

/// The lines that a mission took away and added.
fn changed(world: &World, records: &[Value]) -> Vec<String> {
    let last = records.last().unwrap();
    assert_eq!(last["status"], "verified", "{last}");
    let diff = world.git(&["diff", "-U0", "HEAD", last["branch"].as_str().unwrap()]);
    let of_text =
        |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    diff.lines().filter(of_text).map(str::to_owned).collect()
}

#[test]
fn a_wrong_comparison_is_found_and_one_line_changes() {
    let Some(world) = project(&[MODULE, ("calc.go", CALC), ("calc_test.go", TEST)]) else { return };
    let records = run(&world, &[]);
    let diff = changed(&world, &records);
    assert_eq!((diff.len(), diff[0].as_str()), (2, "-\t\tif run < best {"), "{diff:?}");
    let said = serde_json::to_string(&records).unwrap();
    assert!(said.contains("calc_test.go::TestLongest/some"), "tests within a test have names of their own");
    assert!(said.contains("got 0, want 3"), "and messages");
}

#[test]
fn labels_and_a_vendored_dependency_are_no_obstacle() {
    let calc = "package calc\n\nimport \"example.com/dep\"\n\nfunc First(rows [][]int) int {\nouter:\n\tfor i := range rows {\n\t\tfor _, x := range rows[i] {\n\t\t\tif x > dep.Zero {\n\t\t\t\tcontinue outer\n\t\t\t}\n\t\t}\n\t\treturn i\n\t}\n\treturn -1\n}\n";
    let test = "package calc\n\nimport \"testing\"\n\nfunc TestFirst(t *testing.T) {\n\tfor _, c := range []struct {\n\t\trows [][]int\n\t\twant int\n\t}{{nil, -1}, {[][]int{{1, -1}, {2, 3}}, 1}, {[][]int{{0}}, 0}} {\n\t\tif got := First(c.rows); got != c.want {\n\t\t\tt.Fatalf(\"First(%v) = %d, want %d\", c.rows, got, c.want)\n\t\t}\n\t}\n}\n";
    let files = [
        ("go.mod", "module example.com/calc\n\ngo 1.16\n\nrequire example.com/dep v1.0.0\n"),
        ("vendor/modules.txt", "# example.com/dep v1.0.0\n## explicit\nexample.com/dep\n"),
        ("vendor/example.com/dep/dep.go", "package dep\n\nconst Zero = 0\n"),
        ("calc.go", calc),
        ("calc_test.go", test),
    ];
    let Some(world) = project(&files) else { return };
    let diff = changed(&world, &run(&world, &[]));
    assert_eq!(diff, ["-\t\t\tif x > dep.Zero {", "+\t\t\tif x < dep.Zero {"]);
}

#[test]
fn what_does_not_compile_is_told_and_repaired() {
    let calc = CALC.replace("run < best", "rum > best");
    let Some(world) = project(&[MODULE, ("calc.go", &calc), ("calc_test.go", TEST)]) else { return };
    let records = run(&world, &[]);
    let said = serde_json::to_string(&records).unwrap();
    assert!(said.contains("undefined: rum"), "{said}");
    let diff = changed(&world, &records);
    assert_eq!((diff.len(), diff[0].as_str()), (2, "-\t\tif rum > best {"), "{diff:?}");
}

#[test]
fn sources_below_gopath_and_a_panic() {
    let calc = CALC.replace("run < best", "run > best").replace("i > 0 && ", "i >= 0 && ");
    let control = "Source: golang-example-calc\nXS-Go-Import-Path: example.com/calc\n";
    let test = "package calc_test\n\nimport (\n\t\"testing\"\n\n\t\"example.com/calc\"\n)\n\nfunc TestLongest(t *testing.T) {\n\tif got := calc.Longest(\"abbb\"); got != 3 {\n\t\tt.Errorf(\"got %d\", got)\n\t}\n}\n\nfunc TestNothing(t *testing.T) {\n\tif calc.Longest(\"\") != 0 {\n\t\tt.Error(\"not 0\")\n\t}\n}\n";
    let files = [("debian/control", control), ("calc.go", calc.as_str()), ("calc_test.go", test)];
    let Some(world) = project(&files) else { return };
    let records = run(&world, &["--test-command", "go test ./..."]);
    let said = serde_json::to_string(&records).unwrap();
    assert!(said.contains("index out of range [-1]"), "{said}");
    let diff = changed(&world, &records);
    assert_eq!(diff[0], "-\t\tif i >= 0 && text[i] == text[i-1] {", "{diff:?}");
}

#[test]
fn stale_golden_files_are_written_anew_only_where_that_is_asked() {
    let code =
        "package calc\n\nfunc Greeting(name string) string {\n\treturn \"Hello, \" + name + \"!\\n\"\n}\n";
    let test = "package calc\n\nimport (\n\t\"flag\"\n\t\"os\"\n\t\"testing\"\n)\n\n\
         var update = flag.Bool(\"update\", false, \"write golden files anew\")\n\n\
         func TestGreeting(t *testing.T) {\n\tgot := Greeting(\"Ada\")\n\tif *update {\n\t\t\
         os.WriteFile(\"testdata/greeting.golden\", []byte(got), 0o644)\n\t}\n\t\
         want, _ := os.ReadFile(\"testdata/greeting.golden\")\n\tif got != string(want) {\n\t\t\
         t.Errorf(\"got %q, want %q\", got, want)\n\t}\n}\n\n\
         func TestShort(t *testing.T) {\n\tif Greeting(\"\") != \"Hello, !\\n\" {\n\t\tt.Error(\"short\")\n\t}\n}\n";
    let files = [
        MODULE,
        ("calc.go", code),
        ("calc_test.go", test),
        ("testdata/greeting.golden", "Good day to you, Ada\n"),
        ("testdata/other.txt", "left alone\n"),
    ];
    let Some(world) = project(&files) else { return };
    let asked = world.coditect(&["run", "--json", "update the stale golden files"]);
    assert_eq!(changed(&world, &objects(&asked.stdout)), ["-Good day to you, Ada", "+Hello, Ada!"]);
    // The program may be what is wrong.
    let records = run(&world, &["--budget-s", "10"]);
    assert_ne!(records.last().unwrap()["status"], "verified");
}

#[test]
fn a_test_that_what_ran_before_makes_red_is_told_with_an_order_in_which_it_is_green() {
    let log = "package calc\n\nvar lines []string\n\nfunc Collect(line string) int {\n\tlines = append(lines, line)\n\treturn len(lines)\n}\n";
    let test = "package calc\n\nimport \"testing\"\n\nfunc TestOne(t *testing.T) {\n\tif got := Collect(\"a\"); got != 1 {\n\t\tt.Errorf(\"got %d\", got)\n\t}\n}\n\nfunc TestTwo(t *testing.T) {\n\tif got := Collect(\"b\"); got != 1 {\n\t\tt.Errorf(\"got %d\", got)\n\t}\n}\n";
    let Some(world) = project(&[MODULE, ("log.go", log), ("log_test.go", test)]) else { return };
    let said = serde_json::to_string(&run(&world, &["--no-model"])).unwrap();
    assert!(
        said.contains("red beside the others, green by itself, and green in another order (seed "),
        "{said}"
    );
}

//! Java projects with the real program: JUnit by Maven's file and by none, one bug each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use world::{World, objects};

const RANGE: &str = "package demo;

/** A range of numbers. */
public final class Range {
    private final int low;
    private final int high;

    Range(int low, int high) {
        this.low = low;
        this.high = high;
    }

    int clamp(int value) {
        if (value < low) {
            return low;
        }
        if (value < high) {
            return high;
        }
        return value;
    }
}
";
const RANGE_TEST: &str = "package demo;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class RangeTest {
    private final Range range = new Range(0, 5);

    @Test
    public void inside() {
        assertEquals(3, range.clamp(3));
    }

    @Test
    public void outside() {
        assertEquals(5, range.clamp(9));
        assertEquals(0, range.clamp(-1));
    }
}
";
const POM: &str = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>demo</groupId>
  <artifactId>range</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>junit</groupId>
      <artifactId>junit</artifactId>
      <version>4.13.2</version>
      <scope>test</scope>
    </dependency>
  </dependencies>
</project>
";
/// The bug is where no method is.
const WEEK: &str = "public final class Week {
    static final int[] LENGTHS = {7, 14, 22, 28};

    static int days(int weeks) {
        return LENGTHS[weeks - 1];
    }
}
";
const WEEK_TEST: &str = "import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WeekTest {
    @Test
    void threeWeeks() {
        assertEquals(21, Week.days(3));
    }

    @Test
    void otherWeeks() {
        assertEquals(7, Week.days(1));
        assertEquals(28, Week.days(4));
    }
}
";

fn write(tasks: &Path, id: &str, files: &[(&str, &str)]) {
    for (path, text) in files {
        let at = tasks.join(id).join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }
    let about = json!({ "id": id, "request": "Make the tests pass.", "timeout_s": 60 });
    fs::write(tasks.join(id).join("TASK.json"), about.to_string()).unwrap();
}

/// Why the test cannot run here.
fn lacking() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |name: &str| std::env::split_paths(&path).any(|at: PathBuf| at.join(name).is_file());
    let jar = |name: &str| Path::new("/usr/share/java").join(name).is_file();
    if !on_path("javac") {
        return Some("no javac on PATH");
    }
    (!jar("junit4.jar") || !jar("junit-jupiter-engine.jar")).then_some("no JUnit among Debian's jars")
}

#[test]
fn bugs_of_java_projects_are_found() {
    if let Some(why) = lacking() {
        eprintln!("skipped: {why}");
        return;
    }
    let world = World::new();
    let tasks = world.path("tasks");
    let maven = [
        ("pom.xml", POM),
        ("src/main/java/demo/Range.java", RANGE),
        ("src/test/java/demo/RangeTest.java", RANGE_TEST),
    ];
    write(&tasks, "maven", &maven);
    write(&tasks, "plain", &[("src/Week.java", WEEK), ("test/WeekTest.java", WEEK_TEST)]);
    let args = ["bench", "tasks", "../tasks", "--out", "../solutions", "--no-model", "--json"];
    let output = world.coditect(&[&args[..], &["--budget-s", "300", "--jobs", "1"]].concat());
    let lines = objects(&output.stdout);
    for id in ["maven", "plain"] {
        let row = lines.iter().find(|line| line["id"] == id).unwrap_or(&Value::Null);
        assert_eq!(row["status"], "solved", "{row} {output:?}");
        assert_eq!((&row["lines_changed"], &row["tests_touched"]), (&json!(1), &json!(0)), "{row}");
    }
    let fixed = |path: &str| fs::read_to_string(world.path("solutions").join(path)).unwrap();
    assert_eq!(
        fixed("maven/src/main/java/demo/Range.java"),
        RANGE.replace("value < high", "value > high"),
        "only the operator changes"
    );
    assert_eq!(fixed("plain/src/Week.java"), WEEK.replace("22", "21"));
}

#[test]
fn a_test_that_what_ran_before_makes_red_is_told_with_an_order_in_which_it_is_green() {
    if let Some(why) = lacking() {
        eprintln!("skipped: {why}");
        return;
    }
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        fs::remove_file(world.path("project").join(name)).unwrap();
    }
    let test = |name: &str| {
        format!(
            "    @Test\n    void {name}() {{\n        assertEquals(1, Log.collect(\"{name}\"));\n    }}\n"
        )
    };
    let suite = format!(
        "import static org.junit.jupiter.api.Assertions.assertEquals;\n\nimport org.junit.jupiter.api.Test;\n\n\
         class LogTest {{\n{}\n{}}}\n",
        test("one"),
        test("two")
    );
    let log = "import java.util.ArrayList;\nimport java.util.List;\n\nclass Log {\n    private static final List<String> LINES = new \
               ArrayList<>();\n\n    static int collect(String line) {\n        LINES.add(line);\n        return LINES.size();\n    }\n}\n";
    for (path, text) in [("src/Log.java", log), ("test/LogTest.java", &suite)] {
        let at = world.path("project").join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "a project of Java"]);
    let output = world.coditect(&["run", "--json", "--no-model", "make the failing tests pass"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("red beside the others, green by itself, and green in another order (seed "),
        "{said}"
    );
}

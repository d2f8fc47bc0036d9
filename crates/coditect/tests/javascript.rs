//! Whole missions on JavaScript with the machine's own Node: one process of a runner tries many candidates.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use world::{REQUEST, World, objects};

/// A repository of these files, in place of the one in Python. None: there is no Node here.
fn world(files: &[(&str, &str)]) -> Option<World> {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: no node on PATH");
        return None;
    }
    let world = World::new();
    world.git(&["rm", "-q", "calc.py", "test_calc.py"]);
    for (path, text) in files {
        let path = world.path("project").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "JavaScript"]);
    Some(world)
}

/// Runs a mission to its end; gives its last record.
fn mended(world: &World) -> Value {
    let output = world.coditect(&["run", "--json", REQUEST]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let last = objects(&output.stdout).pop().unwrap();
    assert_eq!(last["status"], "verified", "{last}");
    last
}

/// Candidates, and processes that were started for them.
fn spent(last: &Value) -> (u64, u64) {
    let of = |name: &str| last["ledger"][name].as_u64().unwrap();
    (of("candidates"), of("sandbox_runs"))
}

const SUITE: &str = "\
const test = require('node:test');
const assert = require('node:assert');
const { area, clamp, describe } = require('../lib/shapes.js');

test('area', () => {
  assert.strictEqual(area({ kind: 'square', side: 3 }), 9);
  assert.strictEqual(area({ kind: 'rectangle', width: 2, height: 5 }), 10);
});
test.describe('clamp', () => {
  test.it('keeps what is within', () => assert.strictEqual(clamp(2, 1, 3), 2));
  test.it('cuts what is above', () => assert.strictEqual(clamp(9, 1, 3), 3));
  test.it('cuts what is below', () => assert.strictEqual(clamp(0, 1, 3), 1));
});
test('describe', () => assert.strictEqual(describe({ kind: 'square', side: 1 }), 'square of 1'));
";

const SHAPES: &str = "\
'use strict'

function area(shape) {
  if (shape.kind === 'square') return shape.side * shape.side;
  return shape.width * shape.height;
}

function clamp(value, low, high) {
  if (value < low) return low;
  if (value < high) return high;
  return value;
}

const describe = (shape) => `${shape.kind} of ${area(shape)}`;

module.exports = { area, clamp, describe };
";

#[test]
fn a_bug_under_nodes_own_runner() {
    let manifest = r#"{"name": "shapes", "scripts": {"test": "node --test"}}"#;
    let files = [("package.json", manifest), ("lib/shapes.js", SHAPES), ("test/shapes.test.js", SUITE)];
    let Some(world) = world(&files) else { return };
    let last = mended(&world);
    let branch = last["branch"].as_str().unwrap();
    let text = world.git(&["show", &format!("{branch}:lib/shapes.js")]);
    assert_eq!(text.trim(), SHAPES.replace("value < high", "value > high").trim());
    let (candidates, runs) = spent(&last);
    assert!(runs < candidates, "{runs} processes for {candidates} candidates");
}

#[test]
fn a_bug_in_a_module_that_is_imported() {
    let files = [
        ("package.json", r#"{"name": "steps", "type": "module", "scripts": {"test": "node --test"}}"#),
        (
            "steps.js",
            "const FIRST = 2;\n\nexport function steps(count) {\n  const found = [];\n  for (let n = FIRST; n <= count; n++) {\n    found.push(n);\n  }\n  return found;\n}\n",
        ),
        (
            "test/steps.test.js",
            "import assert from 'node:assert';\nimport test from 'node:test';\nimport { steps } from '../steps.js';\n\n\
             test('some', () => assert.deepStrictEqual(steps(3), [1, 2, 3]));\n\
             test('many', () => assert.deepStrictEqual(steps(4), [1, 2, 3, 4]));\n\
             test('none', () => assert.deepStrictEqual(steps(0), []));\n",
        ),
    ];
    let Some(world) = world(&files) else { return };
    let last = mended(&world);
    let (candidates, runs) = spent(&last);
    assert!(runs < candidates, "{runs} processes for {candidates} candidates");
    let branch = last["branch"].as_str().unwrap();
    assert!(!world.git(&["show", &format!("{branch}:steps.js")]).contains("FIRST = 2"));
}

/// Packages that are installed for the whole machine.
fn installed(name: &str) -> Option<PathBuf> {
    let output = Command::new("npm").args(["root", "--global"]).output().ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    folder.join(name).join("package.json").is_file().then_some(folder)
}

#[track_caller]
fn under(runner: &str, script: &str, suite: &str) {
    let Some(folder) = installed(runner) else {
        return eprintln!("skipped: no {runner} among npm's global packages");
    };
    let manifest = format!(r#"{{"name": "shapes", "scripts": {{"test": "{script}"}}}}"#);
    let files = [
        ("package.json", manifest.as_str()),
        (".gitignore", "node_modules\n"),
        ("lib/shapes.js", SHAPES),
        ("test/shapes.test.js", suite),
    ];
    let Some(world) = world(&files) else { return };
    std::os::unix::fs::symlink(folder, world.path("project/node_modules")).unwrap();
    let (candidates, runs) = spent(&mended(&world));
    assert!(runs < candidates, "{runs} processes for {candidates} candidates");
}

/// The suite for runners whose functions are globals.
fn suite_of(test: &str, head: &str) -> String {
    format!(
        "{head}
describe('area', () => {{
  {test}('of a square', () => assert.strictEqual(shapes.area({{ kind: 'square', side: 3 }}), 9));
}});
describe('clamp', () => {{
  {test}('keeps what is within', () => assert.strictEqual(shapes.clamp(2, 1, 3), 2));
  {test}('cuts what is above', () => assert.strictEqual(shapes.clamp(9, 1, 3), 3));
  {test}('cuts what is below', () => assert.strictEqual(shapes.clamp(0, 1, 3), 1));
}});
"
    )
}

const REQUIRED: &str = "const assert = require('node:assert');\nconst shapes = require('../lib/shapes.js');";
const IMPORTED: &str = "import assert from 'node:assert';\nimport { describe, test } from 'vitest';\n\
                        import shapes from '../lib/shapes.js';";

#[test]
fn the_same_bug_under_mocha() {
    under("mocha", "mocha test/*.js", &suite_of("it", REQUIRED));
}

#[test]
fn the_same_bug_under_jest() {
    under("jest", "jest", &suite_of("test", REQUIRED));
}

#[test]
fn the_same_bug_under_vitest() {
    under("vitest", "vitest run", &suite_of("test", IMPORTED));
}

/// A suite in which one test is red behind the other.
#[track_caller]
fn in_other_orders_under(runner: &str, script: &str, head: &str) {
    let Some(folder) = installed(runner) else {
        return eprintln!("skipped: no {runner} among npm's global packages");
    };
    let manifest = format!(r#"{{"name": "log", "scripts": {{"test": "{script}"}}}}"#);
    let suite = format!(
        "{head}\ndescribe('log', () => {{\n  test('one', () => assert.strictEqual(log.collect('a'), 1));\n  \
         test('two', () => assert.strictEqual(log.collect('b'), 1));\n}});\n"
    );
    let files = [
        ("package.json", manifest.as_str()),
        (".gitignore", "node_modules\n"),
        (
            "lib/log.js",
            "'use strict';\n\nconst lines = [];\n\nexports.collect = (line) => lines.push(line);\n",
        ),
        ("test/log.test.js", &suite),
    ];
    let Some(world) = world(&files) else { return };
    std::os::unix::fs::symlink(folder, world.path("project/node_modules")).unwrap();
    let output = world.coditect(&["run", "--json", "--no-model", "make the failing tests pass"]);
    let said = String::from_utf8_lossy(&output.stdout);
    let told = "red beside the others, green by itself, and green in another order (seed ";
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_test_that_is_red_behind_another_under_jest() {
    in_other_orders_under("jest", "jest", &REQUIRED.replace("shapes", "log"));
}

#[test]
fn a_test_that_is_red_behind_another_under_vitest() {
    in_other_orders_under("vitest", "vitest run", &IMPORTED.replace("shapes", "log"));
}

/// What a project is repaired by, or how its mission ended.
fn repaired(files: &[(&str, &str)], more: &[&str]) -> Option<String> {
    let world = world(files)?;
    let output = world.coditect(&[&["repair", "-q", "--budget-s", "60"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let patch = String::from_utf8(output.stdout).unwrap();
    let is_change = |line: &&str| line.starts_with(['-', '+']);
    Some(patch.lines().filter(is_change).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_file_of_bare_assertions_is_a_test() {
    let manifest = (
        "package.json",
        "{\"name\": \"q\", \"version\": \"1.0.0\", \"scripts\": {\"test\": \"node test.js\"}}\n",
    );
    let test = "const assert = require('assert');\nconst { twice } = require('./lib');\n\
                assert.equal(twice(2), 4);\nassert.equal(twice(5), 10);\n";
    let files = [manifest, ("lib.js", "exports.twice = (x) => x + 2;\n"), ("test.js", test)];
    let Some(change) = repaired(&files, &[]) else { return };
    assert_eq!(
        change,
        "--- a/lib.js\n+++ b/lib.js\n-exports.twice = (x) => x + 2;\n+exports.twice = (x) => x * 2;"
    );
}

#[test]
fn a_script_that_checks_is_left_alone_and_needs_no_packages() {
    let manifest = (
        "package.json",
        "{\"name\": \"q\", \"version\": \"1.0.0\", \"scripts\": {\"test\": \"node check.js\"}}\n",
    );
    let check = "const { half } = require('./lib');\nlet errors = 0;\nfor (const [x, want] of [[4, 2], [10, 5], [0, 0]]) {\n  \
                 if (half(x) !== want) errors++;\n}\nprocess.exit(errors ? 1 : 0);\n";
    let files = [manifest, ("lib.js", "exports.half = (x) => x - 2;\n"), ("check.js", check)];
    let Some(change) = repaired(&files, &["--test-command", "node check.js"]) else { return };
    assert_eq!(
        change,
        "--- a/lib.js\n+++ b/lib.js\n-exports.half = (x) => x - 2;\n+exports.half = (x) => x / 2;"
    );
}

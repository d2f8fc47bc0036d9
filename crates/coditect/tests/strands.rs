//! Missions whose work falls into strands, by the real program against a server that answers for the file that it is asked
//! about.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use coditect_testkit::provider::{Answer, Asked, Provider};
use serde_json::{Value, json};

use world::World;
use world::roman::{WISH, completed, person};

const TODO: &str = "def solve(n):\n    raise NotImplementedError  # TODO\n";

/// Answers each call with what `answers` has for the first file that the prompt shows, and with nothing useful where it
/// has none.
fn server(answers: BTreeMap<String, String>) -> Provider {
    Provider::start(move |_, asked| {
        let prompt = prompt(asked);
        let shown = prompt.split("# Files\n\n").nth(1).unwrap_or_default();
        let file = shown.lines().next().unwrap_or_default();
        Answer::Says(match answers.get(file) {
            Some(code) => format!("{file}\n```python\n{code}```\n"),
            None => "I do not know.".to_owned(),
        })
    })
}

/// All that a request says.
fn prompt(asked: &Asked) -> String {
    let messages = asked.body["messages"].as_array().unwrap();
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

/// A repository with these files and a person who chose the model `mine`.
fn world(provider: &Provider, files: &[(String, String)]) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    for (name, text) in files {
        std::fs::write(world.path("project").join(name), text).unwrap();
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "what is to be written"]);
    let url = provider.url("chat");
    // What another run was told at the same address is none of this one's business.
    person(&world, &format!("reply_cache = \"off\"\nmodels = [\"mine\"]\n[model.mine]\nurl = \"{url}\"\n"));
    world
}

/// Modules with a function that is to be written, each with a file of tests that take a moment.
fn modules(n: usize) -> Vec<(String, String)> {
    modules_with(n, 20_000)
}

/// The same with tests that count so far.
fn modules_with(n: usize, count: usize) -> Vec<(String, String)> {
    (0..n)
        .flat_map(|n| {
            let tests = format!(
                "import unittest\nfrom m{n:02} import solve\n\n\nclass T(unittest.TestCase):\n    def test_slow(self):\n        \
                 self.assertGreater(sum(i * i for i in range({count})), 0)\n\n    def test_value(self):\n        \
                 self.assertEqual(solve(2), {})\n",
                n + 2
            );
            [(format!("m{n:02}.py"), TODO.to_owned()), (format!("test_m{n:02}.py"), tests)]
        })
        .collect()
}

/// What is right for each of them.
fn right(n: usize) -> BTreeMap<String, String> {
    (0..n).map(|n| (format!("m{n:02}.py"), format!("def solve(k):\n    return k + {n}\n"))).collect()
}

/// The most attempts that were under way at the same time.
fn at_once(world: &World) -> usize {
    let log = world.text(&["log", "last", "--json"]);
    let (mut now, mut most) = (0_usize, 0);
    for line in log.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        match record["type"].as_str().unwrap() {
            "attempt.started" => now += 1,
            "attempt.ended" => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

fn tree(world: &World, end: &Value) -> String {
    world.git(&["rev-parse", &format!("{}^{{tree}}", end["branch"].as_str().unwrap())])
}

/// How far the tests of a module count: `CODITECT_STRANDS=2000000` makes them take a moment, for whoever wants to see how much sooner eight agents
/// are done than one (`cargo test -p coditect --test strands side_by_side -- --nocapture`, with nothing else at work).
fn count() -> usize {
    std::env::var("CODITECT_STRANDS").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000)
}

#[test]
fn independent_work_is_done_side_by_side_and_ends_in_the_same_tree() {
    let mut first = None;
    for agents in ["1", "8"] {
        let provider = server(right(12));
        let world = world(&provider, &modules_with(12, count()));
        let began = std::time::Instant::now();
        let (end, code) = completed(&world, &["--agents", agents]);
        eprintln!("{agents} at work: {:.1} s", began.elapsed().as_secs_f64());
        assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
        let most = at_once(&world);
        assert!(if agents == "1" { most == 1 } else { most > 1 }, "{most} at once of {agents}");
        let ledger = &end["ledger"];
        let counts = ["model_calls", "tokens_in", "tokens_out", "candidates", "sandbox_runs"];
        let counts: Vec<Value> = counts.iter().map(|name| ledger[name].clone()).collect();
        assert_eq!(counts[0], 12, "{ledger}");
        // Each was told of its own files and of no other.
        for prompt in provider.asked().iter().map(prompt) {
            let told: Vec<usize> = (0..12).filter(|n| prompt.contains(&format!("m{n:02}.py"))).collect();
            assert_eq!(told.len(), 1, "{prompt}");
        }
        let this = (tree(&world, &end), counts);
        assert_eq!(*first.get_or_insert(this.clone()), this, "{agents} agents");
        let (shown, log) = (world.text(&["show", "last"]), world.text(&["log", "last"]));
        let why = world.text(&["why", "last"]);
        assert!(shown.contains("s12 try reply") && shown.contains("alone may change `m11.py`"), "{shown}");
        assert!(log.contains("strand s12: found a change"), "{log}");
        assert!(why.contains("try the answer (small model) for strand s12"), "{why}");
    }
}

#[test]
fn a_strand_that_finds_nothing_holds_up_no_other() {
    let mut answers = right(3);
    answers.insert("m01.py".to_owned(), "def solve(k):\n    return None\n".to_owned());
    let provider = server(answers);
    let world = world(&provider, &modules(3));
    let (end, code) = completed(&world, &["--agents", "4"]);
    assert_eq!((code, &end["status"]), (1, &json!("partly_verified")), "{end}");
    // Two answers that did, and three that did not.
    assert_eq!(provider.asked().len(), 5);
    let caveats = end["caveats"].to_string();
    assert!(caveats.contains("strand s2 (1 test) found nothing"), "{caveats}");
    assert!(caveats.contains("still red, as before the change: `test_m01.py::T::test_value`"), "{caveats}");
    let branch = end["branch"].as_str().unwrap();
    let changed = world.git(&["diff", "--name-only", "main", branch]);
    assert_eq!(changed, "m00.py\nm02.py");
}

/// Missions with one agent and with four on four modules, two of which are written with `more`, and no two of them may have
/// an owner. Both lead to the same tree.
fn with_two_owners(more: &str, status: &str, look: impl Fn(&Value)) {
    let mut files = modules(4);
    let sum = "import unittest\nimport m00, m01, m02, m03\n\n\nclass Sum(unittest.TestCase):\n    def test_one_owner(self):\n        \
               owners = [m for m in (m00, m01, m02, m03) if hasattr(m, 'OWNER')]\n        self.assertLess(len(owners), 2)\n";
    files.push(("test_sum.py".to_owned(), sum.to_owned()));
    let mut answers = right(4);
    for name in ["m01.py", "m02.py"] {
        answers.get_mut(name).unwrap().push_str(more);
    }
    let mut first = None;
    for agents in ["1", "4"] {
        let provider = server(answers.clone());
        let world = world(&provider, &files);
        let (end, _) = completed(&world, &["--agents", agents]);
        assert_eq!(end["status"], status, "{end}");
        look(&end);
        let this = tree(&world, &end);
        assert_eq!(*first.get_or_insert(this.clone()), this, "{agents} agents");
    }
}

#[test]
fn a_change_that_does_not_go_with_the_others_is_found_and_left_out() {
    with_two_owners("OWNER = True\n", "partly_verified", |end| {
        let caveats = end["caveats"].to_string();
        let says = "strand s3 (1 test) was left out: beside the strands before it";
        assert!(caveats.contains(says), "{caveats}");
        assert!(caveats.contains("`test_sum.py::Sum::test_one_owner` is red"), "{caveats}");
    });
}

#[test]
fn where_a_part_of_it_does_go_with_the_others_that_part_stays() {
    with_two_owners("\n\nOWNER = True\n", "verified", |end| {
        let says = "`m02.py:3-5` breaks `test_sum.py::Sum::test_one_owner`";
        assert!(end["summary"].as_str().unwrap().contains(says), "{end}");
    });
}

#[test]
fn work_of_one_piece_is_asked_for_as_one() {
    let mut files = modules(2);
    files.push(("m00.py".to_owned(), format!("from m01 import solve as other\n\n\n{TODO}")));
    let provider = server(BTreeMap::new());
    let world = world(&provider, &files);
    let (end, _) = completed(&world, &[]);
    assert_eq!(end["status"], "failed", "{end}");
    let sent: Vec<String> = provider.asked().iter().map(prompt).collect();
    assert!(sent.len() == 3 && sent[0].contains("m00.py") && sent[0].contains("m01.py"), "{sent:?}");
    assert!(!world.text(&["log", "last"]).contains("strand"));
}

#[test]
fn a_mission_that_is_killed_among_its_strands_ends_in_the_same_tree() {
    let provider = server(right(4));
    let whole = world(&provider, &modules(4));
    let (end, _) = completed(&whole, &["--agents", "4"]);
    let expect = tree(&whole, &end);
    // While models are asked, while answers are tried, and while the changes are put together.
    for (action, times) in [("ask_model", 2), ("try_reply: small_model", 3), ("merge_strands", 1)] {
        let world = world(&provider, &modules(4));
        let mut child = world
            .command(&["run", "--json", WISH, "--agents", "4"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let started = |line: &String| {
            serde_json::from_str::<Value>(line).is_ok_and(|record| record["action"] == action)
        };
        assert_eq!(lines.filter(started).take(times).count(), times, "{action}");
        child.kill().unwrap();
        child.wait().unwrap();
        let output = world.coditect(&["resume", "--json", "last"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(end["status"], "verified", "{action}: {end}");
        assert_eq!(tree(&world, &end), expect, "{action}");
    }
}

/// Tests that cannot be imported before the work is done have no names by which a part of them could be run.
#[test]
fn tests_that_cannot_be_imported_yet_fall_into_strands_too() {
    let files: Vec<(String, String)> = modules(3)
        .into_iter()
        .map(|(path, text)| {
            let code = if path.starts_with("test_") { text } else { "LIMIT = 9\n".to_owned() };
            (path, code)
        })
        .collect();
    let provider = server(right(3));
    let world = world(&provider, &files);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 3, "{end}");
}

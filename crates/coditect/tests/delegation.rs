//! An agent that needs what another role can do: the model asks to see a file of which it was told the heads only, the coder
//! delegates that to the analyzer, and goes on once it is there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::fmt::Write as _;

use coditect_testkit::provider::Provider;
use serde_json::{Value, json};

use world::World;
use world::roman::{completed, person, server};

/// A module with a function that is to be written with what others hold, which fill a small window three times.
fn there(provider: &Provider) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    let write = |name: &str, text: &str| std::fs::write(world.path("project").join(name), text).unwrap();
    write("shop.py", "import zz_rates\n\n\ndef gross(net):\n    raise NotImplementedError  # TODO\n");
    write(
        "test_shop.py",
        "import unittest\nfrom shop import gross\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(gross(100), 119)\n",
    );
    for n in 0..24 {
        let mut text = format!("def filler_{n}(x):\n    table = [\n");
        for row in 0..40 {
            writeln!(text, "        ({row}, 'some words that fill a window {n} {row}'),").unwrap();
        }
        text.push_str("    ]\n    return table[x]\n");
        write(&format!("filler_{n:02}.py"), &text);
    }
    write("zz_rates.py", "HIDDEN_RATE = 19\n\n\ndef rate(kind):\n    return HIDDEN_RATE\n");
    world.git(&["add", "-A"]);
    world.git(&["commit", "-qm", "a shop"]);
    let url = provider.url("chat");
    // A small one is not offered files: it would answer with the offer.
    person(
        &world,
        &format!(
            "reply_cache = \"off\"\nmodels = [\"mine\"]\n[model.mine]\nurl = \"{url}\"\n\
             size = \"large\"\nedits = \"whole\"\ncontext_tokens = 8192\noutput_tokens = 2048\n"
        ),
    );
    world
}

const RIGHT: &str = "shop.py\n```python\nimport zz_rates\n\n\ndef gross(net):\n    return net + net * zz_rates.rate('all') // 100\n```\n";

fn prompt(provider: &Provider, n: usize) -> String {
    let heard = provider.asked();
    heard[n].body["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap()).collect()
}

#[test]
fn a_model_sees_the_file_that_it_asks_for() {
    let provider = server(&["I must see the rates.\n\nNEED filler_20.py\nNEED zz_rates.py\n", RIGHT]);
    let world = there(&provider);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let first = prompt(&provider, 0);
    assert!(first.contains("by the heads of what is in them") && first.contains("`NEED PATH`"), "{first}");
    assert!(first.contains("def filler_20(x)") && !first.contains("fill a window 20 7"), "{first}");
    let second = prompt(&provider, 1);
    assert!(second.contains("fill a window 20 7") && second.contains("HIDDEN_RATE = 19"), "{second}");
    // The one task was delegated by the other, to another role, and was over before that went on.
    let log = world.text(&["log", "last", "--json"]);
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let specs: Vec<&Value> = records.iter().filter_map(|r| r["tasks"].as_array()).flatten().collect();
    let child = specs.iter().find(|spec| !spec["parent"].is_null()).unwrap();
    let parent = specs.iter().find(|spec| spec["id"] == child["parent"]).unwrap();
    assert_eq!((&child["role"], &parent["role"]), (&json!("analyzer"), &json!("coder")), "{child} {parent}");
}

#[test]
fn a_model_that_only_asks_gets_nowhere_and_no_further() {
    let provider = server(&[
        "NEED filler_20.py\n",
        "Once more:\nNEED filler_20.py\n",
        "NEED ../../etc/passwd\nNEED nothing.py\n",
    ]);
    let world = there(&provider);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    assert_eq!(end["ledger"]["model_calls"], 3, "{end}");
    let summary = end["summary"].as_str().unwrap();
    assert!(summary.contains("asked to see"), "{summary}");
    assert!(prompt(&provider, 2).contains("shown by now"));
    assert!(end["branch"].is_null());
}

/// A text of the project may have told the model to ask for them.
#[test]
fn what_is_neither_code_nor_prose_is_not_shown() {
    let provider = server(&["NEED .env\nNEED secrets.json\nNEED config/app.toml\nNEED .git/config\n", RIGHT]);
    let world = there(&provider);
    std::fs::create_dir(world.path("project/config")).unwrap();
    for file in [".env", "secrets.json", "config/app.toml"] {
        std::fs::write(world.path("project").join(file), "token = planted-4711\n").unwrap();
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-qm", "settings"]);
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert!(prompt(&provider, 1).contains("is no code and no document"), "{}", prompt(&provider, 1));
    for n in 0..provider.asked().len() {
        assert!(!prompt(&provider, n).contains("planted-4711"), "{}", prompt(&provider, n));
    }
}

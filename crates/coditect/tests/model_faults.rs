//! What goes wrong with models, by the real program: every fault ends in the truth, within the limits, and touches nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::time::Duration;

use coditect_testkit::provider::{Answer, Provider};
use serde_json::{Value, json};

use world::World;
use world::roman::{KEY, RIGHT, ROMAN, TESTS, completed, holds, person, world};

/// Calls and time that a mission has here.
const CALLS: u64 = 5;
const BUDGET_MS: u64 = 120_000;
/// Short limits of calls, so that what is slow is found out soon.
const SHORT: &str = "first_byte_s = 2\nidle_s = 2\ncall_s = 3";

fn always(answer: Answer) -> Provider {
    Provider::start(move |_, _| answer.clone())
}

fn refuses(status: u16, retry_after_s: Option<u64>) -> Answer {
    Answer::Refuses { status, retry_after_s, body: json!({ "error": { "message": KEY } }).to_string() }
}

/// Runs a mission and looks at all that must hold whatever happened.
fn fares(name: &str, world: &World) -> (Value, i32) {
    let flags = ["--max-calls", &CALLS.to_string(), "--budget-s", &(BUDGET_MS / 1_000).to_string()];
    let before = world.git(&["status", "--porcelain=v2", "--branch"]);
    let (end, code) = completed(world, &flags);
    assert_eq!(end["type"], "mission.completed", "{name}: {end}");
    let ledger = &end["ledger"];
    assert!(ledger["model_calls"].as_u64().unwrap() <= CALLS, "{name}: {end}");
    assert!(end["wall_ms"].as_u64().unwrap() <= BUDGET_MS, "{name}: {end}");
    assert_eq!(world.git(&["status", "--porcelain=v2", "--branch"]), before, "{name}");
    assert_eq!(std::fs::read_to_string(world.path("project/roman.py")).unwrap(), ROMAN, "{name}");
    assert_eq!(std::fs::read_to_string(world.path("project/test_roman.py")).unwrap(), TESTS, "{name}");
    assert_eq!(holds(&world.path("home"), KEY), None, "{name}: the key is kept");
    (end, code)
}

#[test]
fn a_model_that_only_fails_ends_a_mission_with_the_truth() {
    let says = |text: &str| Answer::Says(text.to_owned());
    let faults: Vec<(&str, Answer, &[i32], &str)> = vec![
        ("a wrong key", refuses(401, None), &[3], "does not take the key"),
        ("no money", refuses(402, None), &[4], "no money"),
        ("too many requests", refuses(429, None), &[1], "no more requests"),
        ("too many requests for an hour", refuses(429, Some(3_600)), &[1], "no more requests"),
        ("trouble", refuses(500, None), &[1], "in trouble"),
        ("another address", refuses(307, None), &[3], "not followed"),
        ("half a stream", Answer::BreaksOff("roman.py\n```python\n".into()), &[1], "broke off"),
        ("an error in the stream", Answer::GivesUp("roman".into()), &[1], "in its answer"),
        ("invalid JSON", Answer::Garbles, &[1], "no JSON"),
        ("no answer at all", Answer::HangsUp, &[1], "cannot be reached"),
        ("no HTTP", Answer::TalksNonsense, &[1], "cannot be reached"),
        ("silence", Answer::KeepsSilent, &[4], "within 2 s"),
        ("a drip", Answer::Drips("x".repeat(500), Duration::from_millis(100)), &[4], "longer than its 3 s"),
        (
            "an answer without end",
            Answer::Loops((0..9_000).map(|n| format!("{n} ")).collect()),
            &[1],
            "is longer than",
        ),
        ("the same again and again", Answer::Loops("again ".repeat(100)), &[1], "holds no change"),
        ("an empty answer", says(""), &[1], "holds no change"),
        ("a refusal", Answer::Declines("I cannot help with that.".into()), &[1], "holds no change"),
        ("a tool that there is not", Answer::CallsTool, &[1], "holds no change"),
        ("another file", says("other.py\n```python\nx = 1\n```\n"), &[1], "refuted"),
        ("a file outside", says("../roman.py\n```python\nx = 1\n```\n"), &[1], "outside of the repository"),
        ("a file of git", says(".git/hooks/pre-commit\n```sh\nrm -rf /\n```\n"), &[1], "belongs to git"),
        ("a test", says("test_roman.py\n```python\nimport unittest\n```\n"), &[1], "tests are not changed"),
        (
            "an edit that does not apply",
            says("roman.py\n```python\n<<<<<<< SEARCH\nno such line\n=======\nx\n>>>>>>> REPLACE\n```\n"),
            &[1],
            "was not applied",
        ),
        (
            "the same wrong answer",
            says("roman.py\n```python\ndef to_roman(n):\n    return n\n```\n"),
            &[1],
            "refused",
        ),
    ];
    for (name, answer, codes, said) in faults {
        let provider = always(answer);
        let world = world(&provider.url("chat"), SHORT);
        let (end, code) = fares(name, &world);
        assert!(codes.contains(&code) && end["status"] != "verified", "{name}: exit {code}, {end}");
        assert!(end["summary"].as_str().unwrap().contains(said), "{name}: {end}");
        assert!(end["hint"].is_string() || code == 1, "{name}: {end}");
    }
}

#[test]
fn the_faults_of_keys_and_servers_end_alike_in_every_protocol() {
    let faults: [(&str, Answer, i32, &str); 6] = [
        ("a wrong key", refuses(401, None), 3, "does not take the key"),
        ("too many requests", refuses(429, Some(3_600)), 1, "no more requests"),
        ("trouble", refuses(500, None), 1, "in trouble"),
        ("half a stream", Answer::BreaksOff("roman.py\n```python\n".into()), 1, "broke off"),
        ("an error in the stream", Answer::GivesUp("roman".into()), 1, "in its answer"),
        ("silence", Answer::KeepsSilent, 4, "within 2 s"),
    ];
    // Chat completions have more of them above.
    for protocol in ["responses", "anthropic", "ollama", "gemini"] {
        for (what, answer, exit_code, said) in &faults {
            let provider = always(answer.clone());
            let world = world(&provider.url(protocol), &format!("protocol = \"{protocol}\"\n{SHORT}"));
            let name = format!("{protocol}: {what}");
            let (end, code) = fares(&name, &world);
            assert_eq!(code, *exit_code, "{name}: {end}");
            assert!(end["summary"].as_str().unwrap().contains(said), "{name}: {end}");
            assert!(
                provider.asked().iter().all(|asked| asked.head.contains(KEY)),
                "{name}: the key is told to it"
            );
        }
    }
}

#[test]
fn a_fault_that_passes_costs_a_call_and_no_more() {
    let faults =
        [refuses(429, Some(1)), refuses(503, None), Answer::BreaksOff("roman".into()), Answer::HangsUp];
    for fault in faults {
        let provider = Provider::start({
            let fault = fault.clone();
            move |n, _| if n == 0 { fault.clone() } else { Answer::Says(RIGHT.into()) }
        });
        let name = format!("{fault:?}");
        let (end, code) = fares(&name, &world(&provider.url("chat"), SHORT));
        assert_eq!((code, provider.asked().len()), (0, 2), "{name}: {end}");
        assert_eq!(end["ledger"]["models"]["mine"]["failed"], 1, "{name}: {end}");
    }
}

#[test]
fn another_model_is_asked_where_the_first_cannot() {
    for fault in [refuses(500, None), refuses(401, None), refuses(429, Some(600)), Answer::KeepsSilent] {
        let (dead, alive) = (always(fault.clone()), always(Answer::Says(RIGHT.into())));
        let world = world(&dead.url("chat"), "");
        let table = |name: &str, url: &str, protocol: &str| {
            format!(
                "[model.{name}]\nurl = \"{url}\"\nprotocol = \"{protocol}\"\napi_key_command = \"echo {KEY}\"\n{SHORT}\n"
            )
        };
        let (first, second) = (
            table("dead", &dead.url("gemini"), "gemini"),
            table("alive", &alive.url("anthropic"), "anthropic"),
        );
        person(&world, &format!("models = [\"dead\", \"alive\"]\n{first}{second}"));
        let name = format!("{fault:?}");
        let (end, code) = fares(&name, &world);
        assert_eq!((code, alive.asked().len()), (0, 1), "{name}: {end}");
    }
}

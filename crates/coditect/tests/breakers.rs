//! What one mission finds broken, the others of the same person leave alone: by the real program, against a server that is down for a while.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coditect_testkit::provider::{Answer, Provider};
use serde_json::{Value, json};

use world::World;
use world::roman::{RIGHT, completed, world};

/// Tries of a task that fail before it is given up.
const TRIES: usize = 3;

/// A server that is in trouble as long as the flag is set.
fn server() -> (Provider, Arc<AtomicBool>) {
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let trouble = Answer::Refuses { status: 500, retry_after_s: None, body: "{}".to_owned() };
    let answer = move |_: usize, _: &_| match down.load(Ordering::Relaxed) {
        true => trouble.clone(),
        false => Answer::Says(RIGHT.to_owned()),
    };
    (Provider::start(answer), is_down)
}

fn breakers(world: &World) -> Vec<Value> {
    world.json(&["fleet", "--json"])["breakers"].as_array().unwrap().clone()
}

#[test]
fn a_provider_that_is_down_is_found_out_once_and_tried_by_one_call() {
    let (provider, is_down) = server();
    let world = world(&provider.url("chat"), "");
    let run = || completed(&world, &["--max-calls", "20", "--budget-s", "120"]);

    let (end, code) = run();
    assert_eq!((code, provider.asked().len()), (1, TRIES), "{end}");
    let seen = &breakers(&world)[0];
    assert_eq!(
        (&seen["kind"], &seen["name"], &seen["state"], &seen["failures"]),
        (&json!("model"), &json!("mine"), &json!("closed"), &json!(TRIES))
    );

    // Two more calls open it. The third waits for its time, and is the trial; that it was not let pass before costs nothing.
    let (end, code) = run();
    assert_eq!((code, provider.asked().len()), (1, 2 * TRIES), "{end}");
    assert_eq!(end["ledger"]["model_calls"], TRIES, "{end}");
    assert!(end["wall_ms"].as_u64().unwrap() >= 5_000, "it was left alone for that long: {end}");
    let seen = &breakers(&world)[0];
    assert_eq!((&seen["state"], &seen["open_ms"]), (&json!("open"), &json!(10_000)), "{seen}");
    assert!(world.text(&["fleet"]).contains("model `mine`: left alone for"));
    let models = world.json(&["models", "--json"]);
    assert_eq!(models["models"][0]["breaker"]["state"], "open", "{models}");

    // A person mends it and begins anew.
    is_down.store(false, Ordering::Relaxed);
    let (end, code) = run();
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    assert_eq!(breakers(&world), Vec::<Value>::new());
    assert!(!world.text(&["fleet"]).contains("left alone"));
}

/// Each mission is a process of its own.
#[test]
fn missions_at_the_same_time_ask_together_and_all_end_well_once_it_answers() {
    let (provider, is_down) = server();
    let world = world(&provider.url("chat"), "");
    // It is open, and will be tried in a while.
    let (end, _) = completed(&world, &["--max-calls", "20", "--budget-s", "120"]);
    assert_eq!(end["status"], "failed", "{end}");
    let home = world.path("home");
    let file = home.join("breakers.json");
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let open = json!({ "breakers": [{
        "kind": "model", "name": "mine", "state": "open", "until_ms": u64::try_from(now_ms).unwrap() + 3_000, "open_ms": 5_000,
    }] });
    std::fs::write(&file, open.to_string()).unwrap();
    is_down.store(false, Ordering::Relaxed);
    let before = provider.asked().len();
    std::thread::scope(|scope| {
        let one = || completed(&world, &["--max-calls", "20", "--budget-s", "120"]);
        let all: Vec<_> = (0..3).map(|_| scope.spawn(one)).collect();
        for mission in all {
            let (end, code) = mission.join().unwrap();
            assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
        }
    });
    assert_eq!(provider.asked().len() - before, 3, "one tried, and the others asked once it had an answer");
    assert_eq!(breakers(&world), Vec::<Value>::new());
}

//! The dashboard in a real browser, on a desktop and on a phone: the whole way of a person through it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use world::{UNSTEADY, World};

/// The browser, where there is one.
fn chromium() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name)
            .arg("--version")
            .stderr(Stdio::null())
            .output()
            .is_ok_and(|told| told.status.success())
    })
}

#[test]
fn a_person_goes_all_the_way_in_a_browser() {
    let Some(chromium) = chromium() else { return eprintln!("SKIPPED: no Chromium is installed") };
    let world = World::new();
    let unsteady = World::new();
    std::fs::write(unsteady.path("project/test_calc.py"), UNSTEADY).unwrap();
    let mut command = world.command(&["ui", "--json"]);
    // Whatever is not quite sure is asked.
    command.env("CODITECT_ACT_FROM", "100").env("CODITECT_SEARCH_S", "10").env("USER", "ada");
    let mut ui = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(ui.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = serde_json::from_str::<Value>(&line).unwrap()["url"].as_str().unwrap().to_owned();
    // Somebody who wants the pictures says where; some of them are in `docs/screenshots`.
    let shots = std::env::var("CODITECT_TEST_SHOTS").map_or_else(|_| world.path("shots"), Into::into);
    let mut journey = Command::new("python3");
    journey
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/journey.py"))
        .arg(chromium)
        .arg(url);
    journey.arg(world.path("project")).arg(unsteady.path("project")).arg(&shots);
    journey.args(std::env::var_os("CODITECT_TEST_AXE"));
    let told = journey.output().unwrap();
    ui.kill().unwrap();
    ui.wait().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
    for page in [
        "mission", "past", "between", "compare", "costs", "memory", "episode", "graphs", "graph", "symbol",
        "fleet", "question", "list",
    ] {
        assert!(out.contains(page), "{out}");
        for size in ["desktop", "phone"] {
            let picture = std::fs::metadata(shots.join(format!("{page}-{size}.png"))).unwrap();
            assert!(picture.len() > 5_000, "{page} on {size} is empty");
        }
    }
}

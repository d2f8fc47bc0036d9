//! Missions that were recorded with a real model, played back: nobody invented what it says, nor how.
//!
//! `CODITECT_RECORD=http://127.0.0.1:8080/v1 cargo test -p coditect --test tapes` records them anew with the model that is served there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use world::World;
use world::roman::{completed, person};

const TAPE: &str = "tape.jsonl";
const END: &str = "end.json";

/// The missions, a directory each: the files of the project, the tape, and how it ended.
fn missions() -> Vec<PathBuf> {
    let tapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tapes");
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(tapes).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.is_dir());
    all.sort();
    all
}

/// A repository with the files of one.
fn there(mission: &Path) -> World {
    let world = World::new();
    for name in ["calc.py", "test_calc.py"] {
        std::fs::remove_file(world.path("project").join(name)).unwrap();
    }
    for entry in std::fs::read_dir(mission).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "py") {
            std::fs::copy(&path, world.path("project").join(path.file_name().unwrap())).unwrap();
        }
    }
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "what is to be written"]);
    world
}

/// Runs it with what a model says, and no other means: what these come to depends on how fast a machine is.
fn end_of(world: &World, flags: &[&str]) -> Value {
    let (end, code) = completed(world, &[&["--rungs", "small_model", "--max-calls", "4"], flags].concat());
    let tree = end["branch"].as_str().map(|branch| world.git(&["rev-parse", &format!("{branch}^{{tree}}")]));
    let of = |name: &str| end["ledger"][name].clone();
    json!({
        "status": end["status"], "code": code, "tree": tree,
        "model_calls": of("model_calls"), "tokens_in": of("tokens_in"), "tokens_out": of("tokens_out"),
    })
}

fn record(mission: &Path, url: &str) {
    let world = there(mission);
    let model = format!(
        "reply_cache = \"off\"\nmodels = [\"qwen2.5-coder-1.5b\"]\n[model.\"qwen2.5-coder-1.5b\"]\nurl = \"{url}\"\nsize = \"small\"\n\
         context_tokens = 8192\nidle_s = 600\ncall_s = 1200\nfirst_byte_s = 600\n"
    );
    person(&world, &model);
    let tape = mission.join(TAPE);
    std::fs::remove_file(&tape).ok();
    let end = end_of(&world, &["--budget-s", "3600", "--record", tape.to_str().unwrap()]);
    std::fs::write(mission.join(END), format!("{}\n", serde_json::to_string_pretty(&end).unwrap())).unwrap();
}

#[test]
fn missions_with_a_real_model_end_as_they_did_when_they_were_recorded() {
    let missions = missions();
    if let Ok(url) = std::env::var("CODITECT_RECORD") {
        missions.iter().for_each(|mission| record(mission, &url));
    }
    let mut ends = Vec::new();
    for mission in &missions {
        let world = there(mission);
        person(&world, "");
        let end = end_of(&world, &["--replay", mission.join(TAPE).to_str().unwrap()]);
        let recorded: Value = serde_json::from_slice(&std::fs::read(mission.join(END)).unwrap()).unwrap();
        assert_eq!(end, recorded, "{}", mission.display());
        ends.push((end["code"].as_i64().unwrap(), end["model_calls"].as_u64().unwrap()));
    }
    // One that is right, and one that is not and says so.
    assert!(ends.iter().any(|(code, _)| *code == 0) && ends.iter().any(|(code, _)| *code != 0), "{ends:?}");
}

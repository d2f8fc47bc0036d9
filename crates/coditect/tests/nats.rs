//! Missions that are kept on a NATS server, with the real program and a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stderr, reason = "a test that is skipped must say so")]

mod world;

use coditect_testkit::nats::{SKIPPED, Server};
use serde_json::Value;
use world::{REQUEST, World, objects};

/// A world whose person keeps missions on the server, by their own settings.
fn world_on(url: &str) -> World {
    let world = World::new();
    std::fs::create_dir_all(world.path(".config/coditect")).unwrap();
    std::fs::write(world.path(".config/coditect/config.toml"), format!("nats = \"{url}\"\n")).unwrap();
    world
}

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_mission_that_is_killed_goes_on_from_the_server() {
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    let world = world_on(&server.url());
    let mut begun = world.begun();
    let listed = world.json(&["list", "--json"]);
    assert_eq!(listed["missions"][0]["status"], "running", "{listed}");
    let taken = world.coditect(&["resume", &begun.mission]);
    assert!(stderr(&taken).contains("is held by process"), "{taken:?}");
    // From another state directory it is seen over the server, and not taken away.
    let away = world.path("away").display().to_string();
    let seen = |args: &[&str]| world.json(&[args, &["--json", "--home", &away]].concat());
    let shown = (0..100).map(|_| seen(&["show", &begun.mission])).find(|shown| shown["running"] == true);
    let shown = shown.expect("nobody has it, as far as is told");
    // It is not to end before it was looked at.
    let stopped = std::process::Command::new("kill").args(["-STOP", &begun.child.id().to_string()]).status();
    assert!(stopped.unwrap().success());
    assert_eq!(shown["held_by_pid"], Value::from(begun.child.id()), "{shown}");
    assert!(shown["held_on"].is_string() && seen(&["list"])["missions"][0]["status"] == "running", "{shown}");
    let refused = world.coditect(&["resume", &begun.mission, "--home", &away]);
    assert!(stderr(&refused).contains("has it under way") && !refused.status.success(), "{refused:?}");
    begun.child.kill().unwrap();
    begun.child.wait().unwrap();
    assert!(!world.path("home/journal").exists(), "nothing of it is in files");
    assert_eq!(world.json(&["list", "--json"])["missions"].as_array().unwrap().len(), 1);
    let resumed = world.coditect(&["resume", "--json", &begun.mission]);
    let last = objects(&resumed.stdout).pop().unwrap();
    assert_eq!((resumed.status.code(), last["status"].as_str()), (Some(0), Some("verified")), "{resumed:?}");
    let why = world.text(&["why", "last"]);
    assert!(why.contains("became") && why.contains(&begun.mission), "{why}");
    // The journal is where the server is, not where the home is.
    let elsewhere = world.path("elsewhere").display().to_string();
    let shown = world.json(&["show", "last", "--json", "--home", &elsewhere]);
    assert_eq!(shown["mission"], Value::from(begun.mission.as_str()), "{shown}");
    let doctor = world.text(&["doctor"]);
    assert!(doctor.contains(&format!("1 mission on {}, whole", server.url())), "{doctor}");
    assert!(doctor.contains("when the NATS server syncs its disk cannot be seen from here"), "{doctor}");
    world.text(&["clean", "--all"]);
    assert!(world.json(&["list", "--json"])["missions"].as_array().unwrap().is_empty());
}

#[test]
fn a_server_that_cannot_be_used_is_told_and_no_password_is() {
    let Some(server) = Server::start_with("", "authorization { user: u, password: right }") else {
        return eprintln!("{SKIPPED}");
    };
    let world = World::new();
    let with = |password: &str| server.url().replace("//", &format!("//u:{password}@"));
    let (wrong, right) = (with("hush-hush"), with("right"));
    for args in [
        vec!["run", "-vv", REQUEST, "--nats", &wrong],
        vec!["list", "-vv", "--nats", &wrong],
        vec!["list", "--json", "--nats", &wrong],
    ] {
        let output = world.coditect(&args);
        let said = format!("{}{}", stderr(&output), String::from_utf8_lossy(&output.stdout));
        assert!(!output.status.success() && !said.contains("hush"), "{said}");
        assert!(said.contains("refuses the credentials"), "{said}");
    }
    let listed = world.command(&["list", "--json", "-vv"]).env("CODITECT_NATS", &right).output().unwrap();
    assert!(listed.status.success() && !stderr(&listed).contains("right"), "{listed:?}");
    for args in [vec!["config"], vec!["config", "--json"]] {
        let output = world.command(&args).env("CODITECT_NATS", &wrong).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("nats://***@127.0.0.1:"), "{output:?}");
        assert!(!said.contains("hush"), "{said}");
    }
    let nobody = world.coditect(&["list", "--nats", "nats://127.0.0.1:1"]);
    assert!(
        stderr(&nobody).contains("the NATS server at `nats://127.0.0.1:1` cannot be reached"),
        "{nobody:?}"
    );
    assert!(stderr(&nobody).contains("nats-server -js"), "{nobody:?}");
    let bad = world.coditect(&["list", "--nats", "http://u:hush@h"]);
    assert!(stderr(&bad).contains("--nats") && !stderr(&bad).contains("hush"), "{bad:?}");
}

#[test]
fn settings_that_cannot_be_read_do_not_lead_to_another_journal() {
    let world = world_on("nats://127.0.0.1:1");
    std::fs::write(world.path(".config/coditect/config.toml"), "nats = 7\n").unwrap();
    let output = world.coditect(&["list"]);
    assert!(!output.status.success() && stderr(&output).contains("config.toml:1"), "{output:?}");
    std::fs::write(world.path("project/coditect.toml"), "nats = \"nats://evil.example\"\n").unwrap();
    std::fs::remove_file(world.path(".config/coditect/config.toml")).unwrap();
    assert!(world.coditect(&["list"]).status.success(), "a project does not choose where missions are kept");
    let config = world.coditect(&["config"]);
    assert!(stderr(&config).contains("a project may not choose where missions are kept"), "{config:?}");
}

#[test]
fn a_redis_is_told_without_its_password_and_is_no_place_for_missions() {
    let world = World::new();
    let redis = "redis://ada:hush-hush@127.0.0.1:1";
    for args in [vec!["config"], vec!["config", "--json"]] {
        let output = world.command(&args).env("CODITECT_REDIS", redis).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("redis://***@127.0.0.1:1"), "{output:?}");
        assert!(!said.contains("hush"), "{said}");
    }
    let alone = world.coditect(&["list", "--redis", redis]);
    assert!(stderr(&alone).contains("--nats") && !stderr(&alone).contains("hush"), "{alone:?}");
    let bad = world.coditect(&["list", "--nats", "nats://127.0.0.1:1", "--redis", "http://u:hush@h"]);
    assert!(stderr(&bad).contains("--redis") && !stderr(&bad).contains("hush"), "{bad:?}");
    let Some(server) = Server::start() else { return eprintln!("{SKIPPED}") };
    // One that is away keeps nobody from working.
    let ran = world.coditect(&["run", "-vv", REQUEST, "--nats", &server.url(), "--redis", redis]);
    assert!(ran.status.success() && !stderr(&ran).contains("hush"), "{ran:?}");
    let listed = world.coditect(&["list", "--json", "-vv", "--nats", &server.url(), "--redis", redis]);
    assert!(listed.status.success() && !stderr(&listed).contains("hush"), "{listed:?}");
}

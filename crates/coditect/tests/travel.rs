//! Time travel with the real program: moments, differences between them, forks, missions side by side, files to carry elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use world::collector::{Collector, attribute};
use world::{CALC, REQUEST, World, objects};

/// A world in which a mission has ended, and its records.
fn ended() -> (World, String, Vec<Value>) {
    let world = World::new();
    let records = objects(&world.coditect(&["run", "--json", REQUEST]).stdout);
    let last = records.last().unwrap();
    assert_eq!(last["status"], "verified");
    let mission = last["mission"].as_str().unwrap().to_owned();
    (world, mission, records)
}

/// The number of the first record of this type, behind which what `says` is so.
fn seq_of(records: &[Value], kind: &str, is: impl Fn(&Value) -> bool) -> String {
    let found = records.iter().find(|record| record["type"] == kind && is(record)).unwrap();
    found["seq"].to_string()
}

fn baseline(record: &Value) -> bool {
    record["outcome"]["outcome"] == "baseline_measured"
}

fn proposed(record: &Value) -> bool {
    record["outcome"]["outcome"] == "change_proposed"
}

#[test]
fn a_mission_is_looked_at_as_it_stood() {
    let (world, mission, records) = ended();
    let before = world.git(&["for-each-ref"]);
    let measured = seq_of(&records, "attempt.ended", baseline);
    let moment = world.json(&["replay", &mission, "--at", &measured, "--json"]);
    assert_eq!((moment["seq"].to_string(), &moment["state"]["status"]), (measured.clone(), &Value::Null));
    assert_eq!(
        (&moment["beliefs"]["green"], moment["beliefs"]["red"].as_array().unwrap().len()),
        (&1.into(), 2)
    );
    assert_eq!(moment["beliefs"]["files"]["changed"], false);
    let end = world.json(&["replay", &mission, "--at", &records.len().to_string(), "--json"]);
    assert_eq!((&end["state"]["status"], &end["beliefs"]["green"]), (&"verified".into(), &3.into()));

    let told = world.text(&["replay", "last", "--at", &measured]);
    for part in
        ["1 green, 2 red", "the snapshot, tree", &format!("behind record {measured} of {}", records.len())]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let walk = world.text(&["replay", "last"]);
    assert!(walk.lines().count() > records.len(), "each record, and what it changed:\n{walk}");
    assert!(walk.contains("1 green, 2 red") && walk.contains("3 green, 0 red"), "{walk}");
    let all = objects(&world.coditect(&["replay", "last", "--json"]).stdout);
    assert_eq!(all.len(), records.len());
    assert_eq!(all.last().unwrap()["status"], "verified");

    // The files of then, and of now.
    let out = world.path("as it was");
    world.text(&["replay", "last", "--at", &measured, "--files", out.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(out.join("calc.py")).unwrap(), CALC);
    let again = world.coditect(&["replay", "last", "--at", &measured, "--files", out.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten: {again:?}");
    assert_eq!(world.git(&["for-each-ref"]), before);
}

#[test]
fn moments_are_gone_through_by_hand() {
    let (world, _, records) = ended();
    let said = |text: &str| {
        let mut command = world.command(&["replay", "last", "--step", "--at", "2"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let moments = String::from_utf8(output.stdout).unwrap();
        let seqs = moments.lines().filter_map(|line| line.split(" behind record ").nth(1));
        let seqs: Vec<u64> = seqs.map(|rest| rest.split(' ').next().unwrap().parse().unwrap()).collect();
        (seqs, String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(said("\nb\n5\nq\n").0, [2, 3, 2, 5]);
    assert_eq!(said("").0, [2], "whoever says nothing has seen enough");
    let (seqs, notes) = said("b\nb\nfar\n\n");
    assert_eq!(seqs, [2, 1, 1, 1, 2]);
    assert!(notes.contains("`far` is no moment"), "{notes}");
    let last = records.len() as u64;
    assert_eq!(said(&format!("{last}\n\n")).0, [2, last], "there is nothing behind the last");
}

#[test]
fn what_changed_between_two_moments_is_told() {
    let (world, mission, records) = ended();
    let (from, to) = (seq_of(&records, "attempt.ended", baseline), records.len().to_string());
    let told = world.text(&["diff", &mission, &from, &to]);
    for part in [
        "- 1 green, 2 red",
        "+ 3 green, 0 red",
        "+ verified",
        "calc.py  +1 -1",
        "-        result = result - number",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let object = world.json(&["diff", &mission, &from, &to, "--json"]);
    assert_eq!(object["files"][0]["path"], "calc.py");
    assert!(object["changed"].as_array().unwrap().contains(&"tests".into()), "{object}");
    // Back in time it is the other way round, and a moment is like itself.
    let back = world.json(&["diff", &mission, &to, &from, "--json"]);
    assert!(back["diff"].as_str().unwrap().contains("+        result = result - number"));
    let same = world.text(&["diff", &mission, &from, &from]);
    assert!(same.contains("nothing is known otherwise") && same.contains("the files are the same"), "{same}");
    for (from, to) in [("0", "3"), ("1", "9999")] {
        let refused = world.coditect(&["diff", &mission, from, to]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("they are 1 to"), "{refused:?}");
    }
}

#[test]
fn a_fork_goes_on_from_a_moment_with_its_files() {
    let (world, mission, records) = ended();
    let measured = seq_of(&records, "attempt.ended", baseline);
    // What stands in the directory by now is nothing of that moment.
    std::fs::write(world.path("project/calc.py"), "broken beyond repair(\n").unwrap();
    let of_original = world.text(&["log", &mission, "--json"]);
    let output = world.coditect(&["fork", &mission, "--at", &measured, "--json", "--seed", "7"]);
    let forked = objects(&output.stdout);
    let last = forked.last().unwrap();
    let fork = last["mission"].as_str().unwrap();
    assert_eq!((output.status.code(), &last["status"]), (Some(0), &"verified".into()), "{output:?}");
    assert_ne!(fork, mission);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("the files are those of that moment"),
        "{output:?}"
    );
    let own = forked.iter().find(|record| record["type"] == "mission.forked").unwrap();
    assert_eq!((&own["fork"]["from"], &own["fork"]["policy"]["seed"]), (&mission.as_str().into(), &7.into()));
    let shared = own["seq"].as_u64().unwrap() as usize - 1;
    assert!(shared >= measured.parse().unwrap());
    for (one, other) in forked[1..shared].iter().zip(&records[1..shared]) {
        assert_eq!((&one["at_ms"], &one["type"]), (&other["at_ms"], &other["type"]));
    }
    let snapshots =
        |records: &[Value]| records.iter().filter(|record| record["action"] == "take_snapshot").count();
    assert_eq!((snapshots(&records), snapshots(&forked)), (1, 1), "none was taken anew");

    // The other one is as it was, and so is the person's directory; each has its branch.
    assert_eq!(world.text(&["log", &mission, "--json"]), of_original);
    assert_eq!(std::fs::read_to_string(world.path("project/calc.py")).unwrap(), "broken beyond repair(\n");
    let branches = world.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/coditect"]);
    assert_eq!(branches.lines().count(), 2, "{branches}");
    let shown = world.text(&["show", fork]);
    assert!(shown.contains(&format!("{mission} behind record {shared}")), "{shown}");
    assert!(world.text(&["why", fork]).contains(&format!("Forked from {mission}")));
    assert_eq!(world.json(&["list", "--json"])["missions"][0]["mission"], fork, "it is the newest");

    compares(&world, (&mission, fork), shared);
    // What both share was paid for once.
    let costs = world.json(&["cost", "--json"]);
    let runs = |of: &Value| of["sandbox_runs"].as_u64().unwrap();
    let whole = runs(&last["ledger"]) + runs(&records.last().unwrap()["ledger"]);
    assert!(runs(&costs["sum"]) < whole, "{costs}");

    // A fork may be forked, and its mission removed.
    world.text(&["clean", &mission]);
    let again = world.coditect(&["fork", fork, "--at", &own["seq"].to_string(), "--json"]);
    assert_eq!(objects(&again.stdout).last().unwrap()["status"], "verified", "{again:?}");
}

fn compares(world: &World, (mission, fork): (&str, &str), shared: usize) {
    let told = world.text(&["compare", mission, fork]);
    let parts = [
        format!("behind record {shared}, up to which they are one"),
        "forked from".into(),
        "verified".into(),
    ];
    for part in &parts {
        assert!(told.contains(part.as_str()), "{part} is not in\n{told}");
    }
    let object = world.json(&["compare", fork, mission, "--json"]);
    assert_eq!((&object["parted_behind"], &object["same_files"]), (&shared.into(), &true.into()), "{object}");
    assert_eq!(object["missions"][0]["mission"], fork);
    let with_itself = world.json(&["compare", mission, mission, "--json"]);
    assert_eq!(with_itself["parted_behind"], 0);
}

#[test]
fn what_cannot_be_forked_is_refused_and_leaves_nothing() {
    let (world, mission, records) = ended();
    let last = records.len().to_string();
    let refused = |args: &[&str], code: i32, cause: &str| {
        let output = world.coditect(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(cause), "{args:?}: {said}");
    };
    refused(&["fork", &mission, "--at", &last], 1, "or before");
    refused(&["fork", &mission, "--at", "9999"], 2, "they are 1 to");
    refused(&["fork", &mission, "--at", "2", "--budget-s", "no"], 2, "--budget-s");
    refused(&["fork", &mission], 2, "--at");
    refused(&["fork", "m-none", "--at", "2"], 2, "no mission is called");
    // One that is there is never put in the place of another.
    let files = || world.text(&["diff", &mission, "1", &last]);
    let before = files();
    refused(&["fork", &mission, "--at", "10", "--id", &mission], 1, "already");
    assert_eq!(files(), before);
    let trace = world.path("exists.json");
    std::fs::write(&trace, "mine").unwrap();
    refused(&["fork", &mission, "--at", "10", "--trace-out", trace.to_str().unwrap()], 1, "exists");
    let measured = seq_of(&records, "attempt.ended", proposed);
    std::fs::remove_dir_all(world.path("home/missions").join(&mission)).unwrap();
    refused(&["fork", &mission, "--at", &measured], 2, "no snapshot");
    assert_eq!(
        world.json(&["list", "--json"])["missions"].as_array().unwrap().len(),
        1,
        "no mission was begun"
    );
}

#[test]
fn a_fork_that_is_killed_is_resumed_as_a_fork() {
    let (world, mission, records) = ended();
    let measured = seq_of(&records, "attempt.ended", baseline);
    let mut command = world.command(&["fork", &mission, "--at", &measured, "--json", "--seed", "9"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut first)
        .unwrap();
    let fork = serde_json::from_str::<Value>(&first).unwrap()["mission"].as_str().unwrap().to_owned();
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = objects(&world.coditect(&["resume", &fork, "--json"]).stdout);
    let policy = |record: &Value| record["fork"]["policy"]["seed"].clone();
    let of_fork = resumed.iter().filter(|record| record["type"] == "mission.forked").map(policy);
    assert_eq!(of_fork.collect::<Vec<_>>(), [Value::from(9)], "once, whenever it was killed");
    assert_eq!(resumed.last().unwrap()["status"], "verified");
}

#[test]
fn a_mission_is_carried_elsewhere_in_a_file_without_secrets() {
    let secret = "ghp_0123456789abcdefABCDEF0123456789abcd";
    let world = World::new();
    let records = objects(&world.coditect(&["run", "--json", &format!("{REQUEST} (token {secret})")]).stdout);
    let mission = records[0]["mission"].as_str().unwrap();
    let file = world.path("mission.jsonl");
    let name = file.to_str().unwrap();
    assert!(world.text(&["export", "last", name]).contains(&format!("{} records", records.len())));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(secret) && text.contains(mission));
    let refused = world.coditect(&["export", "last", name]);
    assert_eq!(refused.status.code(), Some(1), "it stays as it is: {refused:?}");
    assert!(world.text(&["export", "last"]).lines().count() == records.len() + 1);

    // Looked at where nothing else of it is.
    let elsewhere = World::new();
    let measured = seq_of(&records, "attempt.ended", baseline);
    assert!(elsewhere.text(&["show", name]).contains("verified"));
    assert_eq!(elsewhere.text(&["log", name]).lines().count(), records.len());
    assert!(elsewhere.text(&["why", name]).contains("Red: test_calc.py"));
    assert!(elsewhere.text(&["replay", name, "--at", &measured]).contains("1 green, 2 red"));
    assert!(elsewhere.text(&["diff", name, "1", &measured]).contains("the files are not here"));
    assert_eq!(elsewhere.json(&["cost", name, "--json"])["missions"].as_array().unwrap().len(), 1);
    assert_eq!(
        elsewhere.json(&["list", "--json"])["missions"],
        Value::Array(Vec::new()),
        "it was only looked at"
    );
    let files = elsewhere.coditect(&["replay", name, "--at", &measured, "--files", "out"]);
    assert_eq!(files.status.code(), Some(2), "{files:?}");
    let forked = elsewhere.coditect(&["fork", name, "--at", &measured]);
    assert_ne!(forked.status.code(), Some(0), "there are no files to go on with: {forked:?}");

    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let cut = elsewhere.coditect(&["show", name]);
    assert_eq!(cut.status.code(), Some(2), "{cut:?}");
    assert!(String::from_utf8_lossy(&cut.stderr).contains("cut off"), "{cut:?}");
}

/// The runs in a sandbox that attempts tell of one by one.
fn told_runs(records: &[Value]) -> Vec<&Value> {
    let told = records.iter().filter_map(|record| record["outcome"]["spent"]["runs"]["told"].as_array());
    let told: Vec<&Value> = told.flatten().collect();
    assert!(!told.is_empty(), "a baseline runs the tests");
    told
}

/// The runs in a sandbox that attempts count by how they ended.
fn counted_runs(records: &[Value]) -> u64 {
    let counts = records.iter().filter_map(|record| record["outcome"]["spent"]["runs"]["ends"].as_array());
    counts.flatten().map(|count| count["runs"].as_u64().unwrap()).sum()
}

#[test]
fn a_mission_is_a_trace_that_opens_without_a_server() {
    let world = World::new();
    let file = world.path("trace.json");
    let name = file.to_str().unwrap();
    let run = world.coditect(&["run", "--json", "--trace-out", name, REQUEST]);
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let records = objects(&run.stdout);
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let spans: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
    let attempts = records.iter().filter(|record| record["type"] == "attempt.started").count();
    let (runs, others): (Vec<&Value>, Vec<&Value>) =
        spans.iter().copied().partition(|span| span["name"] == "execute_tool sandbox");
    assert_eq!(others.len(), attempts + 1, "the mission, and each attempt");
    assert_eq!(runs.len(), told_runs(&records).len(), "and each run that one of them tells of");
    for run in &runs {
        let attempt = |span: &&&Value| {
            let id = &span["args"]["coditect.attempt.id"];
            *id == run["args"]["coditect.attempt.id"]
        };
        let above = others.iter().find(attempt).unwrap();
        let over = |span: &Value| span["ts"].as_u64().unwrap() + span["dur"].as_u64().unwrap();
        assert!(above["ts"].as_u64() <= run["ts"].as_u64() && over(run) <= over(above), "{run} {above}");
    }
    let tiers = |of: &str| runs.iter().filter(|run| run["args"]["coditect.sandbox.tier"] == of).count();
    assert!(tiers("wasm") > 0 && tiers("wasm") + tiers("os") == runs.len(), "{runs:?}");
    let root = spans.iter().find(|span| span["name"] == "invoke_agent coditect").unwrap();
    assert_eq!(root["args"]["coditect.mission.status"], "verified");
    assert!(spans.iter().all(|span| span["ts"].as_u64() >= root["ts"].as_u64()));
    let text = trace.to_string();
    for private in [REQUEST, "calc.py", world.path("project").to_str().unwrap()] {
        assert!(!text.contains(private), "{private} is in the trace");
    }
    // The same long after, also of a file; and nothing is written over.
    let again: Value = serde_json::from_str(&world.text(&["trace", "last"])).unwrap();
    assert_eq!(again, trace);
    let no_sandbox = world.path("none.json");
    let none = world.coditect(&[
        "run",
        "--trace-out",
        no_sandbox.to_str().unwrap(),
        "--image",
        "x",
        "--sandbox",
        "container",
        REQUEST,
    ]);
    assert!(none.status.success() || !no_sandbox.exists(), "a file without a trace is in the way: {none:?}");
    let refused = world.coditect(&["run", "--trace-out", name, REQUEST]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(world.json(&["list", "--json"])["missions"].as_array().unwrap().len(), 1, "nothing was begun");
}

#[test]
fn a_collector_hears_of_every_span_of_a_mission_in_one_trace() {
    let world = World::new();
    let collector = Collector::start();
    let mut run = world.command(&["run", "--json", REQUEST]);
    let output = run.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let records = objects(&output.stdout);
    let attempts = records.iter().filter(|record| record["type"] == "attempt.started").count();
    let heard = collector.heard();
    let spans: Vec<Value> = heard.spans().into_iter().map(|(_, span)| span).collect();
    let (runs, others): (Vec<&Value>, Vec<&Value>) =
        spans.iter().partition(|span| span["name"] == "execute_tool sandbox");
    assert_eq!((others.len(), runs.len()), (attempts + 1, told_runs(&records).len()));
    let root = spans.iter().find(|span| span["name"] == "invoke_agent coditect").unwrap();
    for span in &others {
        assert_eq!(span["traceId"], root["traceId"]);
        assert!(span["spanId"] == root["spanId"] || span["parentSpanId"] == root["spanId"], "{span}");
    }
    for run in &runs {
        assert_eq!(run["traceId"], root["traceId"]);
        let above = others.iter().find(|span| span["spanId"] == run["parentSpanId"]).unwrap();
        let id = |span: &Value| attribute(span, "coditect.attempt.id").unwrap();
        assert_eq!(id(above), id(run), "below its attempt");
    }
    // The journal keeps how each run ended, and so are they counted.
    assert_eq!(heard.amount("coditect_sandbox_runs_total", "unknown"), Some(0));
    assert!(counted_runs(&records) >= runs.len() as u64);
    assert!(heard.amount("coditect_sandbox_runs_total", "exited") > Some(0));
    // The figures of the same, once: at the end.
    assert_eq!(heard.amount("coditect_attempts_started_total", ""), Some(attempts as u64));
    assert_eq!(heard.amount("coditect_missions_ended_total", "verified"), Some(1));
    assert_eq!(heard.amount("coditect_telemetry_dropped_total", ""), Some(0));
    assert!(heard.amount("coditect_candidates_total", "reflex") > Some(0));
    let text = format!("{:?}", heard.0);
    assert!(!text.contains(REQUEST) && !text.contains("calc.py"), "{text}");
}

#[test]
fn a_collector_that_is_not_there_costs_nothing_but_a_note() {
    let world = World::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    let run = |variables: &[(&str, &str)]| {
        world.command(&["run", "--json", REQUEST]).envs(variables.iter().copied()).output().unwrap()
    };
    // It listens, and never answers.
    let output = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), ("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]);
    assert_eq!(objects(&output.stdout).last().unwrap()["status"], "verified", "{output:?}");
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did not take"), "{output:?}");
    let wrong = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert_eq!(wrong.status.code(), Some(0), "it may be meant for another program: {wrong:?}");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("use `http/protobuf`"), "{wrong:?}");
}

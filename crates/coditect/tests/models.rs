//! Missions with a model, by the real program against a server that speaks the protocols of real ones.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod world;

use std::net::TcpListener;

use coditect_testkit::provider::{Answer, Provider};
use serde_json::json;

use world::roman::{KEY, RIGHT, WISH, WRONG, completed, holds, person, server, world};

fn there(provider: &Provider) -> world::World {
    world(&provider.url("chat"), "")
}

#[test]
fn a_model_is_told_what_became_of_its_answer_and_its_change_is_proved() {
    let provider = server(&[WRONG, RIGHT]);
    let world = world(&provider.url("chat"), "size = \"large\"");
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &json!("verified")), "{end}");
    let asked = provider.asked();
    // The provider counts a token for four bytes of the request, and of its answer.
    let tokens_in: usize = asked.iter().map(|asked| asked.body.to_string().len() / 4).sum();
    let tokens_out = WRONG.len() / 4 + RIGHT.len() / 4 + 2;
    let ledger = &end["ledger"];
    assert_eq!(
        (&ledger["model_calls"], &ledger["tokens_in"], &ledger["tokens_out"]),
        (&json!(2), &json!(tokens_in), &json!(tokens_out))
    );
    // A dollar a million, and ten.
    assert_eq!(
        (&ledger["micro_usd"], &ledger["models"]["mine"]["calls"]),
        (&json!(tokens_in + 10 * tokens_out), &json!(2))
    );
    assert_eq!(ledger["solved_by"], "large_model");
    assert!(end["caveats"].to_string().contains("a model wrote it"), "{end}");
    let said = |n: usize| asked[n].body["messages"].to_string();
    assert!(
        asked[0].head.contains(&format!("bearer {KEY}")) && said(0).contains("marked TODO"),
        "{}",
        said(0)
    );
    assert!(said(1).contains("test_four") && said(1).contains("fails still"), "{}", said(1));
    person(&world, "");
    assert_eq!(holds(world.dir.path(), KEY), None, "the key is nowhere but in the person's own file");
    let cost = world.json(&["cost", "last", "--json"]);
    assert_eq!(cost["sum"]["models"]["mine"]["tokens_in"], tokens_in);
    // What the tasks cost is what the mission cost.
    let tasks = cost["tasks"].as_array().unwrap();
    for what in ["model_calls", "tokens_in", "tokens_out", "micro_usd", "candidates", "sandbox_runs"] {
        let sum: u64 = tasks.iter().map(|task| task["ledger"][what].as_u64().unwrap()).sum();
        assert_eq!(cost["sum"][what], sum, "{what}: {cost}");
    }
    let told = world.text(&["cost", "last"]);
    assert!(told.contains("TASK") && told.contains("orchestrator: ask model"), "{told}");
}

#[test]
fn a_small_model_is_asked_for_another_proposal_and_not_shown_its_own() {
    let provider = server(&[WRONG, WRONG, RIGHT]);
    let (end, code) = completed(&there(&provider), &[]);
    assert_eq!((code, &end["ledger"]["model_calls"]), (0, &json!(3)), "{end}");
    let asked = provider.asked();
    assert!(
        asked.iter().all(|one| one.body["messages"] == asked[0].body["messages"]),
        "the same question each time"
    );
    let warm = |n: usize| asked[n].body["temperature"].as_f64().unwrap_or_default();
    assert!(warm(0) < warm(1) && asked[1].body["seed"] != asked[2].body["seed"], "{}", asked[1].body);
}

#[test]
fn tests_that_a_model_writes_beside_the_code_are_passed_over() {
    let echo = "test_roman.py\n```python\nimport unittest\n```\n\nroman.py\n```python\ndef to_roman(n):\n    text = ''\n    for \
                value, letters in [(5, 'V'), (4, 'IV'), (1, 'I')]:\n        while n >= value:\n            text, n = text + letters, n - \
                value\n    return text\n```\n";
    let provider = Provider::start(move |_, _| Answer::Says(echo.into()));
    let (end, code) = completed(&there(&provider), &[]);
    assert_eq!((code, &end["ledger"]["model_calls"]), (0, &json!(1)), "{end}");
    assert!(!end["summary"].to_string().contains("test_roman.py"), "{end}");
}

#[test]
fn without_a_useful_answer_the_mission_fails_after_a_few() {
    let provider = server(&["I cannot help with that."]);
    let (end, code) = completed(&there(&provider), &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    assert_eq!(provider.asked().len(), 3);
    assert!(end["summary"].as_str().unwrap().contains("holds no change"), "{end}");
}

#[test]
fn what_could_cost_more_than_the_budget_is_not_asked() {
    for flags in [["--max-tokens", "500"], ["--max-usd", "0.001"], ["--max-calls", "0"]] {
        let provider = server(&[RIGHT]);
        let (end, code) = completed(&there(&provider), &flags);
        assert_eq!((code, &end["status"]), (4, &json!("over_limit")), "{flags:?} {end}");
        assert_eq!(provider.asked().len(), 0, "{flags:?}");
        assert!(end["hint"].as_str().unwrap().contains(flags[0]), "{end}");
    }
    let provider = server(&[WRONG]);
    let (end, code) = completed(&there(&provider), &["--max-calls", "1"]);
    assert_eq!((code, &end["status"], provider.asked().len()), (4, &json!("over_limit"), 1), "{end}");
}

#[test]
fn nothing_is_sent_where_no_model_is_wanted_or_none_can_be_reached() {
    let provider = server(&[RIGHT]);
    let there = there(&provider);
    for flags in [["--no-model", "--quiet"], ["--rungs", "recipe,reflex"]] {
        let (end, code) = completed(&there, &flags);
        assert_eq!((code, &end["status"]), (3, &json!("needs_person")), "{flags:?} {end}");
    }
    // A project's own file cannot choose who is sent its text.
    person(&there, "");
    std::fs::write(there.path("project/coditect.toml"), "models = [\"ollama/x\"]\n").unwrap();
    assert_eq!(completed(&there, &[]).1, 3);
    assert_eq!(provider.asked().len(), 0);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (end, code) = completed(&world(&format!("http://{closed}/v1"), ""), &[]);
    assert_eq!((code, &end["status"]), (1, &json!("failed")), "{end}");
    assert!(end["summary"].as_str().unwrap().contains("cannot be reached"), "{end}");
}

#[test]
fn rungs_can_be_left_out() {
    let provider = server(&[RIGHT]);
    let there = there(&provider);
    let (end, code) = completed(&there, &["--rungs", "small_model"]);
    assert_eq!((code, &end["ledger"]["rungs"].as_object().unwrap().len()), (0, &1), "{end}");
    let output = there.coditect(&["run", "--rungs", "large_model", "fix the tests"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("none can be stood on"), "{said}");
}

#[test]
fn tasks_of_a_bench_keep_to_the_rungs_and_budgets_of_their_flags() {
    let provider = server(&[WRONG]);
    let there = there(&provider);
    let task = there.path("tasks/roman");
    std::fs::create_dir_all(&task).unwrap();
    for name in ["roman.py", "test_roman.py"] {
        std::fs::copy(there.path("project").join(name), task.join(name)).unwrap();
    }
    std::fs::write(task.join("TASK.json"), format!("{{\"id\": \"roman\", \"request\": \"{WISH}\"}}"))
        .unwrap();
    let bench = ["bench", "tasks", "../tasks", "--out", "../out", "--model", "mine", "--json"];
    let output = there.coditect(&[&bench[..], &["--rungs", "small_model", "--max-calls", "1"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let row: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&row["model_calls"], &row["candidates"]), (&json!(1), &json!(1)), "{row}");
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn the_very_same_request_is_paid_for_once() {
    let provider = server(&[RIGHT]);
    // Answers are kept where other runs of this test find them: a name that none of them had.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let there = world(&provider.url("chat"), &format!("model = \"coder-{now}\""));
    let bought = completed(&there, &["--reply-cache", "on"]).0;
    let (kept, code) = completed(&there, &["--reply-cache", "on"]);
    assert_eq!((code, provider.asked().len()), (0, 1), "{kept}");
    assert_eq!(
        (&kept["ledger"]["tokens_in"], &kept["ledger"]["models"]["mine"]["kept"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(bought["ledger"]["model_calls"], 1);
    completed(&there, &[]);
    assert_eq!(provider.asked().len(), 2, "not where the person's file says that none are kept");
}

#[test]
fn a_mission_is_recorded_and_played_back_without_any_model() {
    let provider = server(&[WRONG, RIGHT]);
    let there = there(&provider);
    let tape = there.path("tape.jsonl");
    let tape = tape.to_str().unwrap();
    let (first, code) = completed(&there, &["--record", tape]);
    assert_eq!((code, provider.asked().len()), (0, 2), "{first}");
    assert_eq!(holds(&there.path("home"), KEY), None);
    assert!(!std::fs::read_to_string(tape).unwrap().contains(KEY));
    // A recording is not overwritten.
    assert_eq!(there.coditect(&["run", "--record", tape, "fix the tests"]).status.code(), Some(2));
    person(&there, "");
    let (again, code) = completed(&there, &["--replay", tape]);
    assert_eq!((code, provider.asked().len()), (0, 2), "{again}");
    assert_eq!(again["ledger"]["tokens_in"], first["ledger"]["tokens_in"]);
    // Another repository asks something else, for which there is no answer.
    std::fs::write(there.path("project/roman.py"), "def to_roman(n):\n    pass  # TODO\n").unwrap();
    let (missed, code) = completed(&there, &["--replay", tape]);
    assert_eq!((code, &missed["status"]), (1, &json!("failed")), "{missed}");
    assert!(missed["summary"].as_str().unwrap().contains("holds no answer"), "{missed}");
    assert!(missed["hint"].as_str().unwrap().contains("recorded was"), "{missed}");
}

/// Stands for `llama-server`: the flags that we give it, the key that it demands, and one answer.
const SERVER: &str = r#"#!/usr/bin/env python3
import http.server, json, os, sys
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert open(flags["--model"], "rb").read(4) == b"GGUF" and flags["--ctx-size"] == "8192", flags
assert not any("SECRET" in name for name in os.environ)
assert b"SECRET" not in open("/proc/%d/environ" % os.getppid(), "rb").read(), "whoever stands over it knows no key either"
open(flags["--model"] + ".pid", "w").write(str(os.getpid()))
answer = open(flags["--model"] + ".answer").read()
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def say(self, body):
        if self.headers["authorization"] != "Bearer " + os.environ["LLAMA_API_KEY"]: return self.send_error(401)
        self.send_response(200); self.send_header("content-type", "application/json"); self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def do_GET(self): self.say({"data": [{"id": "m"}]})
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.say({"choices": [{"message": {"content": answer}, "finish_reason": "stop"}],
                  "usage": {"prompt_tokens": 100, "completion_tokens": 20}})
http.server.HTTPServer((flags["--host"], int(flags["--port"])), H).serve_forever()
"#;

#[test]
fn an_installed_model_is_served_for_as_long_as_the_mission_lasts() {
    use std::os::unix::fs::PermissionsExt;
    let there = world("http://127.0.0.1:1/v1", "");
    let file = there.path("mine.gguf");
    std::fs::write(&file, b"GGUF and so on").unwrap();
    std::fs::write(there.path("mine.gguf.answer"), RIGHT).unwrap();
    std::fs::create_dir(there.path("bin")).unwrap();
    std::fs::write(there.path("bin/llama-server"), SERVER).unwrap();
    std::fs::set_permissions(there.path("bin/llama-server"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", there.path("bin").display(), std::env::var("PATH").unwrap());
    let run =
        |args: &[&str]| there.command(args).env("PATH", &path).env("SECRET", "canary").output().unwrap();
    let from = file.to_str().unwrap();
    let installed = run(&["models", "install", "mine", "--from", from, "--context-tokens", "4096", "--json"]);
    assert!(installed.status.success(), "{installed:?}");
    let output = run(&["run", "--json", "--model", "local/mine", "--reply-cache", "off", world::roman::WISH]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text} {}", String::from_utf8_lossy(&output.stderr));
    let end: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&end["ledger"]["tokens_in"], &end["ledger"]["micro_usd"]), (&json!(100), &json!(0)));
    let pid = std::fs::read_to_string(there.path("mine.gguf.pid")).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "the server is gone with us");
    assert!(run(&["models", "remove", "local/mine"]).status.success() && file.exists());
    assert_eq!(run(&["run", "--model", "local/mine", "fix the tests"]).status.code(), Some(2));
}

/// What is started below a process and knows the key, by its command line.
fn told_below(pid: u32) -> Option<String> {
    let text = |pid: u32, name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |pid: u32| {
        let stat = String::from_utf8_lossy(&text(pid, "stat")).into_owned();
        stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok()
    };
    let children: Vec<u32> = all.filter(|child| parent(*child) == Some(pid)).collect();
    let own = text(pid, "cmdline");
    children.into_iter().find_map(|child| {
        // As long as a child is not yet what it is to be, it has its parent's memory, and so its environment. Looked at first, since both change at
        // once.
        let told = text(child, "cmdline");
        if told == own {
            return None;
        }
        let knows = text(child, "environ").windows(KEY.len()).any(|part| part == KEY.as_bytes());
        if knows { Some(String::from_utf8_lossy(&told).into_owned()) } else { told_below(child) }
    })
}

#[test]
fn what_is_said_to_a_server_of_this_machine_goes_to_no_proxy() {
    let provider = server(&[RIGHT]);
    let there = there(&provider);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = there.command(&["run", "--json", WISH]);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, &address);
    }
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), provider.asked().len()), (Some(0), 1), "{output:?}");
    assert!(proxy.accept().is_err(), "somebody called");
}

#[test]
fn a_key_is_in_no_sandbox_no_file_no_child_and_no_image_of_the_memory() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let provider = Provider::start(|n, _| match n {
        0 => Answer::KeepsSilent,
        _ => Answer::Says(RIGHT.into()),
    });
    let there = world(&provider.url("chat"), "");
    let table = format!("[model.mine]\nurl = \"{}\"\napi_key_env = \"MINE_KEY\"\n", provider.url("chat"));
    person(&there, &format!("reply_cache = \"off\"\nmodels = [\"mine\"]\n{table}"));
    // Code of the repository sees none of it.
    let tests = world::roman::TESTS.replace(
        "class T",
        "import os\nassert not any('KEY' in name or 'planted' in value for name, value in os.environ.items())\n\n\nclass T",
    );
    std::fs::write(there.path("project/test_roman.py"), tests).unwrap();
    let mut child = there
        .command(&["run", "--quiet", world::roman::WISH])
        .env("MINE_KEY", KEY)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    while provider.asked().is_empty() {
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < until, "it never asked");
        assert_eq!(told_below(child.id()), None, "a child knows the key");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(told_below(child.id()), None, "a child knows the key");
    assert!(provider.asked()[0].head.contains(KEY));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().any(|word| word == "0" || word == "1"), "{core}");
    // A kill between call and answer: the mission goes on, asks once more, and says that a call was lost.
    child.kill().unwrap();
    child.wait().unwrap();
    let output = there.command(&["resume", "last", "--json"]).env("MINE_KEY", KEY).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let end: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (output.status.code(), &end["ledger"]["models"]["mine"]["lost"]),
        (Some(0), &json!(1)),
        "{end}"
    );
    assert_eq!(holds(there.dir.path(), KEY), None);
}

/// It passes, and a person would want to look at it.
const TALKS: &str = "roman.py\n```python\ndef to_roman(n):\n    print(n)  # TODO quieter\n    text = ''\n    for value, letters in [(5, 'V'), (4, 'IV'), (1, 'I')]:\n        \
    while n >= value:\n            text, n = text + letters, n - value\n    return text\n```\n";

#[test]
fn a_reviewer_looks_at_a_change_before_it_is_proved() {
    let provider = server(&[TALKS]);
    let world = world(&provider.url("chat"), "");
    let (end, code) = completed(&world, &[]);
    assert_eq!((code, &end["status"]), (0, &serde_json::json!("verified")), "{end}");
    let caveats = end["caveats"].to_string();
    assert!(caveats.contains("the review remarks: `roman.py` line 2 prints while it runs"), "{caveats}");
    assert!(caveats.contains("line 2 puts work off (`TODO`)"), "{caveats}");
    let log = world.text(&["log", "last"]);
    let (review, verify) =
        (log.find("started review change").unwrap(), log.find("started verify change").unwrap());
    assert!(review < verify, "{log}");
}

#[test]
fn a_model_is_told_what_local_names_are_worth_where_tests_fail() {
    let provider = server(&[RIGHT]);
    let there = there(&provider);
    let code = "def to_roman(n):\n    text = 'I' * n\n    return text[1:]\n";
    std::fs::write(there.path("project/roman.py"), code).unwrap();
    let test = "import pytest\nfrom roman import to_roman\n\n\ndef test_four():\n    got = to_roman(4)\n    assert got == 'IV'\n\n\n\
                def test_none():\n    with pytest.raises(ZeroDivisionError):\n        to_roman(0)\n";
    std::fs::write(there.path("project/test_roman.py"), test).unwrap();
    let output = there.coditect(&["run", "--json", "--rungs", "small_model", WISH]);
    let asked = provider.asked();
    let said = asked.first().unwrap_or_else(|| panic!("{output:?}")).body["messages"].to_string();
    assert!(said.contains("at test_roman.py:7 in `test_four`: got = 'III'"), "{said}");
    let why = String::from_utf8(there.coditect(&["why", "last"]).stdout).unwrap();
    assert!(
        why.contains("Values of test_roman.py::test_four at test_roman.py:7 in `test_four`: got = 'III'."),
        "{why}"
    );
}

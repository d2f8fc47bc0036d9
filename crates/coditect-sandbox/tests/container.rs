//! The container tier against a real engine, where there is one (see `container_harness`).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "a test that cannot run here says so")]

mod container_harness;
mod os_harness;

use std::fs;
use std::process::{Command, Stdio};

use coditect_ports::sandbox::{Cache, Reports, Tool};
use coditect_ports::{Exit, Program, Sandbox, StopCause, Writes};
use coditect_types::project::Toolchain;
use coditect_types::{ErrorKind, Limits, Tier};
use container_harness::Engine;
use os_harness::{Case, text, until, view};

/// One test for all, since an engine is not something to start ten of.
#[test]
fn a_run_is_held_and_leaves_nothing() {
    let Some(engine) = Engine::find() else { return };
    let sandbox = engine.sandbox();
    let probe = sandbox.probe();
    assert!(probe.usable && probe.tier == Tier::Container, "{probe:?}");
    ends(&engine);
    sees_the_view_alone(&engine);
    bounds(&engine);
    python_and_tools(&engine);
    talks_to_itself(&engine);
    refusals(&engine);
    assert_eq!(engine.containers(std::process::id()), Vec::<String>::new());
}

fn ends(engine: &Engine) {
    let (sandbox, view) = (engine.sandbox(), view());
    let run = |script: &str, wall_ms| {
        let mut case = Case::new(view.path());
        case.limits = Limits { wall_ms, memory_bytes: 64 << 20, ..case.limits };
        case.run_in(&sandbox, &["sh", "-c", script]).unwrap().exit
    };
    assert_eq!(run("exit 7", 60_000), Exit::Code(7));
    assert_eq!(run("sh -c 'kill -SEGV $$'; exit $?", 60_000), Exit::Signal(11));
    assert_eq!(run("trap '' TERM INT; sleep 1000 & while true; do sleep 1; done", 1_500), Exit::TimedOut);
    // The end is that of the first process, and the rest goes with it.
    assert_eq!(run("setsid sleep 1000 & exit 0", 60_000), Exit::Code(0));
    assert_eq!(run("exec 1>&- 2>&-; sleep 1; exit 4", 60_000), Exit::Code(4));
    let eats = "import sys; x = bytearray(b'x') * (256 << 20)";
    let mut case = Case::new(view.path());
    case.limits.memory_bytes = 64 << 20;
    assert_eq!(case.run_in(&sandbox, &["python3", "-c", eats]).unwrap().exit, Exit::OutOfMemory);
    let stopped = Case::new(view.path());
    stopped.stop.raise(StopCause::Cancelled);
    assert_eq!(stopped.run_in(&sandbox, &["sleep", "1000"]).unwrap().exit, Exit::Stopped);
}

fn sees_the_view_alone(engine: &Engine) {
    let (sandbox, view) = (engine.sandbox(), view());
    fs::create_dir(view.path().join("sub")).unwrap();
    fs::write(view.path().join("sub/a.txt"), "hello").unwrap();
    let mut case = Case::new(view.path());
    case.directory = "sub".into();
    case.stdin = b"given";
    let script = "pwd; cat a.txt; cat; echo made > made.txt; touch /x; touch /tmp/x && echo scratch; id -u";
    let ran = case.run_in(&sandbox, &["sh", "-c", script]).unwrap();
    let said = text(&ran.stdout);
    assert!(said.starts_with("/project/sub\nhellogivenscratch\n") && !said.trim().ends_with("\n0"), "{said}");
    assert_eq!(fs::read_to_string(view.path().join("sub/made.txt")).unwrap(), "made\n");
    let enforced = &ran.enforced;
    assert!(
        enforced.network && enforced.file_writes && enforced.file_reads && enforced.processes,
        "{enforced:?}"
    );
    for wall in
        ["network_none", "read_only_root", "no_capabilities", "no_new_privs", "seccomp", "ordinary_user"]
    {
        assert!(enforced.by.iter().any(|by| by == wall), "{enforced:?}");
    }
    case.writes = Writes::Refused;
    let ran = case.run_in(&sandbox, &["sh", "-c", "touch b.txt; echo $?"]).unwrap();
    assert_eq!(text(&ran.stdout), "1\n");
}

fn talks_to_itself(engine: &Engine) {
    let view = view();
    let script = "
import socket
server = socket.create_server(('127.0.0.1', 0))
with socket.create_connection(server.getsockname()) as client:
    server.accept()[0].sendall(b'hello')
    print(client.recv(9).decode())
";
    let ran = Case::new(view.path()).run_in(&engine.sandbox(), &["python3", "-c", script]).unwrap();
    assert_eq!((ran.exit, text(&ran.stdout).as_str()), (Exit::Code(0), "hello\n"), "{}", text(&ran.stderr));
}

fn bounds(engine: &Engine) {
    let (sandbox, view) = (engine.sandbox(), view());
    let mut case = Case::new(view.path());
    case.limits = Limits { output_bytes: 1_000, processes: 20, file_bytes: 1 << 20, ..case.limits };
    let ran = case.run_in(&sandbox, &["python3", "-c", "print('x' * 1_000_000)"]).unwrap();
    assert_eq!((ran.stdout.len(), ran.dropped), (1_000, 999_001));
    let forks = "
import os
n = 0
try:
    while n < 100:
        if os.fork() == 0: os.pause() if hasattr(os, 'pause') else __import__('time').sleep(1000)
        n += 1
except OSError: pass
print(n)
";
    let ran = case.run_in(&sandbox, &["python3", "-c", forks]).unwrap();
    let count: u32 = text(&ran.stdout).trim().parse().unwrap();
    assert!(count <= 20, "{count}");
    let big = "open('big', 'wb').write(bytes(4 << 20))";
    let ran = case.run_in(&sandbox, &["python3", "-c", big]).unwrap();
    assert_ne!(ran.exit, Exit::Code(0));
    assert!(fs::metadata(view.path().join("big")).unwrap().len() <= 1 << 20);
}

fn python_and_tools(engine: &Engine) {
    let (sandbox, view, cache) = (engine.sandbox(), view(), view());
    let request = serde_json::json!({"op": "exec", "code": "print('hi', 6 * 7)"}).to_string();
    let program = Program::Python { request, interpreter: Some("/nowhere/.venv/bin/python".into()) };
    let mut lines = Vec::new();
    let case = Case::new(view.path());
    let ran = case
        .run_program(&sandbox, &program, &mut |line| {
            lines.push(line.to_owned());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(ran.exit, Exit::Code(0), "{}", text(&ran.stderr));
    assert!(lines.iter().any(|line| line.contains("hi 42")), "{lines:?}");
    let tool = Tool {
        toolchain: Toolchain::Node,
        argv: ["sh", "-c", "cat /tool/note; echo kept > /cache/kept; echo report >&3; echo said"]
            .map(str::to_owned)
            .to_vec(),
        env: Vec::new(),
        files: vec![("note".to_owned(), "a file of the tool\n".to_owned())],
        reports: Reports::Channel,
        cache: Some(Cache { path: cache.path().to_owned(), writable: true }),
        lent: Vec::new(),
    };
    let mut lines = Vec::new();
    let ran = case
        .run_program(&sandbox, &Program::Tool(tool), &mut |line| {
            lines.push(line.to_owned());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(
        (lines, text(&ran.stderr)),
        (vec!["report".to_owned()], "a file of the tool\nsaid\n".to_owned())
    );
    assert_eq!(fs::read_to_string(cache.path().join("kept")).unwrap(), "kept\n");
}

fn refusals(engine: &Engine) {
    let (sandbox, view) = (engine.sandbox(), view());
    let error = Case::new(view.path()).run_in(&sandbox, &["no-such-program"]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
    let case = Case { writes: Writes::Dropped { over: None }, ..Case::new(view.path()) };
    assert!(case.run_in(&sandbox, &["true"]).unwrap_err().cause.contains("`overlay`"));
    let missing = engine.sandbox_of("coditect-no-such-image:9");
    let error = Case::new(view.path()).run_in(&missing, &["true"]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSandbox);
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("pull")), "{error:?}");
    std::os::unix::fs::symlink("/etc", view.path().join("away")).unwrap();
    let mut case = Case::new(view.path());
    case.directory = "away".into();
    assert_eq!(case.run_in(&sandbox, &["true"]).unwrap_err().kind, ErrorKind::NotFound);
}

/// A host that is killed has no time to remove anything: its guard does.
#[test]
fn no_container_outlives_a_host_that_is_killed() {
    const VIEW: &str = "CODITECT_TEST_HOST_VIEW";
    let Some(engine) = Engine::find() else { return };
    if let Some(view) = std::env::var_os(VIEW) {
        let case = Case::new(std::path::Path::new(&view));
        drop(case.run_in(&engine.sandbox(), &["sh", "-c", "echo > began; sleep 1000"]));
        return;
    }
    let view = view();
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "no_container_outlives_a_host_that_is_killed"])
        .env(VIEW, view.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until(|| view.path().join("began").exists());
    let pid = host.id();
    assert_eq!(engine.containers(pid).len(), 1);
    host.kill().unwrap();
    host.wait().unwrap();
    until(|| engine.containers(pid).is_empty());
}

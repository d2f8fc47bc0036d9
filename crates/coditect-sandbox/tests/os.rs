//! The OS tier from outside: what a run sees, how it ends, that nothing stays, and what is refused.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod os_harness;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coditect_ports::{Exit, Sandbox, StopCause, Writes};
use coditect_types::{ErrorKind, Limits};
use os_harness::{Case, again_under, sandbox, text, view};

#[test]
fn python_runs_and_sees_only_its_own() {
    let view = view();
    std::fs::write(view.path().join("here.txt"), "seen").unwrap();
    let script = "
import os
print(open('here.txt').read(), os.getcwd(), os.getuid())
print(' '.join(sorted(os.environ)))
print([os.path.exists(path) for path in ('/home', '/etc/shadow', '/sys', '/run', '/.old', '/dev/tty')])
print(sorted(p for p in os.listdir('/proc') if p.isdigit()))
open('/tmp/x', 'w').write('scratch'); open('made.txt', 'w').write('made')
";
    let ran = Case::new(view.path()).run(&["python3", "-c", script]).unwrap();
    assert_eq!(ran.exit, Exit::Code(0), "{}", text(&ran.stderr));
    let lines: Vec<String> = text(&ran.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "seen /project 1000");
    assert_eq!(lines[1], "HOME LANG PATH TMPDIR");
    assert_eq!(lines[2], "[False, False, False, False, False, False]");
    assert_eq!(lines[3], "['1', '2']");
    let made = view.path().join("made.txt");
    assert_eq!(std::fs::read_to_string(&made).unwrap(), "made");
    use std::os::unix::fs::MetadataExt;
    assert_eq!(
        made.metadata().unwrap().uid(),
        view.path().metadata().unwrap().uid(),
        "made by the view's owner"
    );
    assert!(
        ran.enforced.network && ran.enforced.file_reads && ran.enforced.file_writes && ran.enforced.processes
    );
}

#[test]
fn a_program_can_talk_to_a_server_of_its_own_and_to_no_other() {
    let view = view();
    let outside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let script = r"
import socket, sys, threading
for family, host in [(socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'), (socket.AF_INET, 'localhost')]:
    server = socket.create_server((host, 0), family=family)
    def serve(server=server):
        client, _ = server.accept()
        client.sendall(client.recv(9).upper())
        client.close()
    threading.Thread(target=serve).start()
    with socket.create_connection(server.getsockname()[:2]) as client:
        client.sendall(b'hello')
        print(host, client.recv(9).decode())
one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
one.bind(('127.0.0.1', 0))
two.sendto(b'packet', one.getsockname())
print(one.recv(9).decode())
try:
    socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=1)
except ConnectionRefusedError:
    print('refused')
";
    let port = outside.local_addr().unwrap().port().to_string();
    let ran = Case::new(view.path()).run(&["python3", "-c", script, &port]).unwrap();
    assert_eq!(ran.exit, Exit::Code(0), "{}", text(&ran.stderr));
    assert_eq!(text(&ran.stdout), "127.0.0.1 HELLO\n::1 HELLO\nlocalhost HELLO\npacket\nrefused\n");
    assert!(ran.enforced.network && ran.enforced.by.iter().any(|name| name == "network_namespace"));
}

#[test]
fn a_read_only_view_stays_as_it_is() {
    let view = view();
    let mut case = Case::new(view.path());
    case.writes = Writes::Refused;
    let ran = case.run(&["sh", "-c", "touch made; echo x > /tmp/x && cat /tmp/x"]).unwrap();
    assert_eq!((ran.exit, text(&ran.stdout).as_str()), (Exit::Code(0), "x\n"));
    assert_eq!(std::fs::read_dir(view.path()).unwrap().count(), 0);
}

#[test]
fn input_output_code_and_signal_come_through() {
    let view = view();
    let mut case = Case::new(view.path());
    case.stdin = b"to the guest";
    case.env = vec![("NAMED".into(), "value".into())];
    let ran = case.run(&["sh", "-c", "cat; echo $NAMED >&2; exit 7"]).unwrap();
    assert_eq!((text(&ran.stdout).as_str(), text(&ran.stderr).as_str()), ("to the guest", "value\n"));
    assert_eq!(ran.exit, Exit::Code(7));
    let ran = case.run(&["sh", "-c", "kill -SEGV $$"]).unwrap();
    assert_eq!(ran.exit, Exit::Signal(11));
}

#[test]
fn output_past_the_limit_is_counted_and_dropped() {
    let view = view();
    let mut case = Case::new(view.path());
    case.limits.output_bytes = 1000;
    let ran = case.run(&["sh", "-c", "head -c 3000000 /dev/zero; head -c 2000 /dev/zero >&2"]).unwrap();
    assert_eq!((ran.stdout.len(), ran.stderr.len(), ran.dropped), (1000, 1000, 3_000_000));
}

#[test]
fn it_ends_at_its_time_limit_with_all_its_processes() {
    let view = view();
    let mut case = Case::new(view.path());
    case.limits.wall_ms = 300;
    let begun = Instant::now();
    let ran = case.run(&["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000"]).unwrap();
    assert_eq!(ran.exit, Exit::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(os_harness::own_children(), Vec::<u32>::new());
}

#[test]
fn it_ends_when_it_is_stopped() {
    let view = view();
    let case = Case::new(view.path());
    let stop = case.stop.clone();
    let fifo = view.path().join("started");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| case.run(&["sh", "-c", "echo > started; sleep 1000"]));
        os_harness::until(|| fifo.exists());
        let raised = Instant::now();
        stop.raise(StopCause::Cancelled);
        assert_eq!(run.join().unwrap().unwrap().exit, Exit::Stopped);
        assert!(raised.elapsed() < Duration::from_secs(2), "{:?}", raised.elapsed());
    });
}

#[test]
fn memory_of_the_whole_tree_is_limited() {
    let view = view();
    let mut case = Case::new(view.path());
    case.limits.memory_bytes = 128 << 20;
    let hungry = "
import os, time
for _ in range(8):
    if os.fork() == 0:
        kept = bytearray(b'x' * (40 << 20)); time.sleep(100)
time.sleep(100)
";
    assert_eq!(case.run(&["python3", "-c", hungry]).unwrap().exit, Exit::OutOfMemory);
}

#[test]
fn many_runs_at_once_do_not_meet() {
    let sandbox = sandbox();
    let failed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (sandbox, failed) = (&sandbox, &failed);
            scope.spawn(move || {
                let view = view();
                for round in 0..5 {
                    let word = format!("{thread}-{round}");
                    let script = format!("test ! -e /tmp/mark && echo {word} > /tmp/mark && cat /tmp/mark");
                    let ran = Case::new(view.path()).run_in(sandbox, &["sh", "-c", &script]).unwrap();
                    if ran.exit != Exit::Code(0) || text(&ran.stdout).trim() != word {
                        failed.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(!failed.into_inner());
    assert_eq!(os_harness::own_children(), Vec::<u32>::new());
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let view = view();
    let case = Case::new(view.path());
    for argv in [&["no-such-program"][..], &["./missing"], &["missing/python3", "x"]] {
        let error = case.run(argv).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{argv:?}: {error:?}");
    }
    assert_eq!(case.run(&[]).unwrap_err().kind, ErrorKind::Invalid);
    std::fs::write(view.path().join("plain.txt"), "no program").unwrap();
    assert_eq!(case.run(&["./plain.txt"]).unwrap_err().kind, ErrorKind::Denied);
}

#[test]
fn a_view_that_would_show_the_machine_is_refused() {
    for path in ["/", "/proc/self/root", "/dev", "/sys"] {
        let error = Case::new(Path::new(path)).run(&["true"]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{path}");
    }
    assert_eq!(Case::new(Path::new("/nowhere")).run(&["true"]).unwrap_err().kind, ErrorKind::NotFound);
    let view = view();
    let mut case = Case::new(view.path());
    for directory in ["..", "/etc", "a/../.."] {
        case.directory = directory.into();
        assert_eq!(case.run(&["true"]).unwrap_err().kind, ErrorKind::Invalid, "{directory}");
    }
    case.directory = "missing".into();
    assert_eq!(case.run(&["true"]).unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn the_directory_is_where_it_starts() {
    let view = view();
    std::fs::create_dir_all(view.path().join("a/b")).unwrap();
    let mut case = Case::new(view.path());
    case.directory = "a/b".into();
    assert_eq!(text(&case.run(&["pwd"]).unwrap().stdout), "/project/a/b\n");
}

/// A repository may hold an environment that points at a person's own files.
#[test]
fn an_environment_of_the_project_shows_nothing_else() {
    let outside = tempfile::Builder::new().tempdir_in("/var/tmp").unwrap();
    std::fs::create_dir_all(outside.path().join("bin")).unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let own = std::fs::read("/bin/true").unwrap();
    std::fs::write(outside.path().join("bin/python3"), own).unwrap();
    let view = view();
    std::fs::create_dir_all(view.path().join(".venv/bin")).unwrap();
    let home = format!("home = {}\n", outside.path().join("bin").display());
    std::fs::write(view.path().join(".venv/pyvenv.cfg"), home).unwrap();
    std::os::unix::fs::symlink(outside.path().join("bin/python3"), view.path().join(".venv/bin/python3"))
        .unwrap();
    let error = Case::new(view.path()).run(&[".venv/bin/python3", "-c", "pass"]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error:?}");
    assert!(error.cause.contains("Python installation"), "{error:?}");
}

#[test]
fn a_virtual_environment_works_in_the_view_and_outside() {
    let view = view();
    let made = Case::new(view.path()).run(&["python3", "-m", "venv", "--without-pip", ".venv"]).unwrap();
    assert_eq!(made.exit, Exit::Code(0), "{}", text(&made.stderr));
    let script = "import sys; print(sys.prefix, sys.prefix != sys.base_prefix)";
    let ran = Case::new(view.path()).run(&[".venv/bin/python3", "-c", script]).unwrap();
    assert_eq!(text(&ran.stdout), "/project/.venv True\n", "{}", text(&ran.stderr));
    let other = os_harness::view();
    let outside = view.path().join(".venv/bin/python3");
    let ran = Case::new(other.path()).run(&[&outside.to_string_lossy(), "-c", script]).unwrap();
    let expected = format!("{} True\n", view.path().join(".venv").display());
    assert_eq!(text(&ran.stdout), expected, "{}", text(&ran.stderr));
}

#[test]
fn the_runner_reports_line_by_line() {
    let view = view();
    std::fs::write(
        view.path().join("test_two.py"),
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): assert 0\n",
    )
    .unwrap();
    let request = r#"{"op": "test", "framework": "unittest", "targets": [], "paths": [""]}"#;
    let (ran, lines) = Case::new(view.path()).python(request, usize::MAX);
    assert_ne!(ran.exit, Exit::Code(0), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("test_a")), "{lines:?} {}", text(&ran.stderr));
    let (ran, lines) = Case::new(view.path()).python(request, 1);
    assert_eq!((ran.exit, lines.len()), (Exit::Enough, 1));
}

#[test]
fn the_runner_starts_in_the_directory_of_the_project() {
    let view = view();
    std::fs::create_dir_all(view.path().join("apps/till")).unwrap();
    let test = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n";
    std::fs::write(view.path().join("apps/till/test_one.py"), test).unwrap();
    let request = r#"{"op": "test", "framework": "unittest", "targets": [], "paths": [""]}"#;
    let case = Case { directory: "apps/till".into(), ..Case::new(view.path()) };
    let (ran, lines) = case.python(request, usize::MAX);
    assert_eq!(ran.exit, Exit::Code(0), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("\"test_one.py::T::test_a\"")), "{lines:?}");
}

/// A project may call its modules as we call ours.
#[test]
fn modules_of_the_project_are_its_own_whatever_their_names() {
    let view = view();
    for name in ["runner", "many", "hot", "parts"] {
        std::fs::write(view.path().join(format!("{name}.py")), "WHO = 'the project'\n").unwrap();
    }
    let test = "import unittest, hot, many, parts, runner\nclass T(unittest.TestCase):\n    def test_a(self):\n        \
                self.assertEqual({m.WHO for m in (hot, many, parts, runner)}, {'the project'})\n";
    std::fs::write(view.path().join("test_one.py"), test).unwrap();
    let request = r#"{"op": "test", "framework": "unittest", "targets": [], "paths": [""]}"#;
    let (ran, lines) = Case::new(view.path()).python(request, usize::MAX);
    assert_eq!(ran.exit, Exit::Code(0), "{lines:?}");
    // And where candidates are tried in forks.
    let request = r#"{"op": "many", "framework": "unittest", "targets": [], "paths": [""], "share_ms": 20000, "near": [],
        "select": ["test_one.py::T::test_a"], "root": "/project", "coverage": "none",
        "candidates": [{"n": 0, "files": [{"path": "parts.py", "start": 7, "end": 18, "new": "a candidate"}]}]}"#;
    let (_, lines) = Case::new(view.path()).python(request, usize::MAX);
    assert!(lines.iter().any(|line| line.contains("a candidate")), "{lines:?}");
}

#[test]
fn the_probe_says_what_holds() {
    let probe = sandbox().probe();
    assert!(probe.usable, "{probe:?}");
    assert!(probe.enforced.by.iter().any(|by| by == "seccomp"), "{probe:?}");
}

/// In a user namespace that may have no network namespace, as in some containers.
#[test]
fn a_protection_that_cannot_be_had_is_refused_by_name() {
    let under = [
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$@\"",
        "sh",
    ];
    if !again_under(&under, "a_protection_that_cannot_be_had_is_refused_by_name") {
        return;
    }
    let view = view();
    let mut case = Case::new(view.path());
    let error = case.run(&["true"]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoSandbox);
    assert!(error.cause.contains("`network`") && error.hint.is_some(), "{error:?}");
    case.waived = vec!["network".into()];
    let ran = case.run(&["true"]).unwrap();
    assert_eq!(ran.exit, Exit::Code(0));
    assert!(!ran.enforced.network && ran.enforced.file_reads, "{:?}", ran.enforced);
    assert!(ran.enforced.missing.iter().any(|missing| missing.contains("network")), "{:?}", ran.enforced);
}

/// A host that is killed at any moment takes its guests with it.
#[test]
fn nothing_outlives_a_host_that_is_killed() {
    if let Some(view) = std::env::var_os("CODITECT_TEST_HOST_VIEW") {
        let view = Path::new(&view).to_owned();
        let mut case = Case::new(&view);
        case.limits = Limits { wall_ms: 100_000, ..Limits::default() };
        case.run(&["sh", "-c", "echo > started; setsid sleep 1000 & sleep 1000"]).unwrap();
        return;
    }
    let view = view();
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_outlives_a_host_that_is_killed"])
        .env("CODITECT_TEST_HOST_VIEW", view.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    os_harness::until(|| view.path().join("started").exists());
    // The launcher, the first process of its namespace, the shell and both of its sleeps, however late they start.
    let mut tree = Vec::new();
    os_harness::until(|| {
        tree = os_harness::descendants(host.id());
        tree.len() >= 5
    });
    host.kill().unwrap();
    host.wait().unwrap();
    os_harness::until(|| tree.iter().all(|pid| !os_harness::lives(*pid)));
}

/// A panic of the caller's own code in the middle of a run does, too.
#[test]
fn nothing_outlives_a_panic() {
    let view = view();
    let begun = std::panic::catch_unwind(|| {
        let code = "import os, time\nos.write(3, b'{}\\\\n')\ntime.sleep(1000)";
        let request = format!("{{\"op\": \"exec\", \"code\": \"{}\"}}", code.replace('\n', "\\n"));
        Case::new(view.path()).python_with(&request, &mut |_| panic!("as intended"))
    });
    assert!(begun.is_err());
    assert_eq!(os_harness::own_children(), Vec::<u32>::new());
}

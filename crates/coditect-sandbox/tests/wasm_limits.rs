//! Guests that misbehave: every one of them ends as a value, in time, and the host goes on.

mod wasm_harness;

use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use coditect_ports::{Exit, Job, Program, Sandbox as _, Stop, StopCause};
use coditect_sandbox::wasm::{Ended, PythonWasm, WasmSandbox};
use coditect_types::Limits;
use serde_json::json;
use wasm_harness::{PYTHON, Project, cache_dir};

fn script(code: &str) -> wasm_harness::Outcome {
    Project::new(&[]).exec(code, json!({}))
}

#[test]
fn endless_loops_and_endless_sleeps_end_at_the_limit() {
    for code in ["while True: pass", "import time\ntime.sleep(1000)"] {
        let began = Instant::now();
        let run = Project::new(&[]).limits(|limits| limits.wall_ms = 200).exec(code, json!({}));
        assert_eq!(run.run.ended, Ended::TimedOut, "{code}");
        assert!(began.elapsed() < Duration::from_secs(60), "{code}: {:?}", began.elapsed());
    }
}

#[test]
fn endless_recursion_is_an_error_of_python() {
    let answer = script("def f(): f()\nf()").answer();
    assert_eq!(answer["error"]["error_type"], "RecursionError");
    let answer = script("class A:\n  def __repr__(self): return repr(self)\nrepr(A())").answer();
    assert_eq!(answer["error"]["error_type"], "RecursionError");
    let answer = script("import json\njson.loads('[' * 100000)").answer();
    assert_eq!(answer["error"]["error_type"], "RecursionError");
}

#[test]
fn recursion_in_native_code_is_a_value() {
    let deep = "x = None\nfor i in range(6_000_000): x = [x]\ndel x";
    let run = script(deep).run;
    assert!(matches!(run.ended, Ended::Trapped(_) | Ended::Finished | Ended::OutOfMemory), "{run:?}");
    assert_eq!(script("print(1)").answer()["stdout"], "1\n");
}

#[test]
fn memory_is_capped() {
    let greedy = "x = []\nwhile True: x.append(bytearray(1 << 20))";
    let run = Project::new(&[]).limits(|limits| limits.memory_bytes = 128 << 20).exec(greedy, json!({}));
    if run.run.ended == Ended::Finished {
        assert_eq!(run.answer()["error"]["error_type"], "MemoryError");
    } else {
        assert_eq!(run.run.ended, Ended::OutOfMemory);
    }
    assert!(run.run.peak_memory <= 128 << 20, "{run:?}");
    let run = Project::new(&[]).limits(|limits| limits.memory_bytes = 1 << 20).exec("1", json!({}));
    assert_ne!(run.run.ended, Ended::Finished, "the interpreter alone is larger: {run:?}");
}

#[test]
fn a_gigabyte_of_output_is_dropped_and_counted() {
    let body = "        s = 'x' * (1 << 20)\n        for _ in range(1024): print(s)\n";
    let project = Project::new(&[
        (
            "test_a.py",
            &format!("import unittest\nclass A(unittest.TestCase):\n    def test_a(self):\n{body}"),
        ),
        ("test_b.py", "def test_b():\n    s = 'x' * (1 << 20)\n    for _ in range(1024): print(s)\n"),
    ])
    .limits(|limits| limits.memory_bytes = 256 << 20);
    for framework in ["unittest", "pytest"] {
        let run = project.test(json!({"framework": framework, "max_output": 1000}));
        assert_eq!(run.exit_code(), 0, "{framework}");
        for end in run.all("end") {
            assert!(end["output"].as_str().expect("text").len() < 1200, "{framework}");
        }
    }
}

#[test]
fn the_scratch_directory_has_an_end() {
    let fill = "import os
written = 0
try:
    with open('/tmp/big', 'wb') as file:
        while True: written += file.write(b'x' * 65536)
except OSError as e:
    print('full', written <= 1 << 20)
try:
    fd = os.open('/tmp/other', os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b'x', 0)
except OSError as e:
    print(e.strerror)";
    let run = Project::new(&[]).limits(|limits| limits.scratch_bytes = 1 << 20).exec(fill, json!({}));
    let answer = run.answer();
    let said = answer["stdout"].as_str().expect("text");
    assert_eq!(said, "full True\nNo space left on device\n", "{answer}");
}

#[test]
fn reports_are_bounded() {
    let test = "import unittest\nclass A(unittest.TestCase):\n  def test_a(self): print('x' * 100000)\n";
    let run = Project::new(&[("test_a.py", test)])
        .limits(|limits| limits.output_bytes = 10_000)
        .test(json!({"framework": "unittest", "max_output": 1_000_000}));
    assert!(matches!(run.run.ended, Ended::Trapped(_)), "{run:?}");
}

#[test]
fn nothing_outside_can_be_written_or_read() {
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "secret").expect("written");
    let project = Project::new(&[("own.txt", "own")]);
    std::os::unix::fs::symlink(secret.path(), project.dir.path().join("link")).expect("a link");
    std::os::unix::fs::symlink("/", project.dir.path().join("root")).expect("a link");
    std::os::unix::fs::symlink("../../../../../..", project.dir.path().join("up")).expect("a link");
    let escapes = format!(
        r"
import os
def attempt(f):
    try:
        f()
        print('ESCAPED')
    except OSError as e:
        print('held')
for path in ['/project/own.txt', '/project/new', '/python/os.py', '/etc/x', '/x', '/project/../x', '/project/link']:
    attempt(lambda: open(path, 'w'))
for path in ['/etc/passwd', '/proc/self/environ', '{secret}', '/project/link', '/project/root/etc/passwd',
             '/project/up/etc/passwd', '/project/../../etc/passwd', '../../etc/passwd']:
    attempt(lambda: open(path).read())
attempt(lambda: os.symlink('/etc/passwd', '/tmp/p') or open('/tmp/p').read())
attempt(lambda: os.link('/project/own.txt', '/tmp/own') or open('/tmp/own', 'a'))
attempt(lambda: os.rename('/project/own.txt', '/tmp/own'))
attempt(lambda: os.remove('/project/own.txt'))
attempt(lambda: os.mkdir('/project/d'))
attempt(lambda: os.utime('/project/own.txt', (0, 0)))
attempt(lambda: os.truncate('/project/own.txt', 0))
attempt(lambda: __import__('socket').socket().connect(('127.0.0.1', 80)))
attempt(lambda: __import__('socket').getaddrinfo('localhost', 80))
attempt(lambda: os.listdir('/'))
open('/tmp/mine', 'w').write('x')
print(open('/project/own.txt').read())
",
        secret = secret.path().display()
    );
    let answer = project.exec(&escapes, json!({})).answer();
    let said = answer["stdout"].as_str().expect("text");
    assert_eq!(said.matches("held").count(), 25, "{answer}");
    assert!(!said.contains("ESCAPED") && said.ends_with("own\n"), "{answer}");
    assert_eq!(std::fs::read_to_string(secret.path()).expect("read"), "secret");
}

#[test]
fn nothing_of_one_run_is_seen_by_the_next() {
    let leave =
        "import os, sys, json\njson.left = 1\nos.environ['LEFT'] = '1'\nopen('/tmp/left', 'w').write('x')";
    assert_eq!(script(leave).answer()["exit_code"], 0);
    let look =
        "import os, json\nprint(hasattr(json, 'left'), 'LEFT' in os.environ, os.path.exists('/tmp/left'))";
    assert_eq!(script(look).answer()["stdout"], "False False False\n");
    let draw = "import random, uuid\nprint(random.random(), uuid.uuid4())";
    assert_ne!(script(draw).answer()["stdout"], script(draw).answer()["stdout"]);
}

/// However a run ended, the memory that the next one gets is the snapshot: it even allocates at the same addresses.
#[test]
fn every_run_starts_from_the_same_memory() {
    let look = "import gc, sys\nprint([id(object()) for _ in range(5)], len(gc.get_objects()), len(sys.modules))\n\
                print([hex(id(bytearray(1 << n))) for n in range(20)])";
    let fresh = script(look).answer()["stdout"].clone();
    let deeds = [
        "held = [bytearray(1 << 20) for _ in range(90)]",
        "import gc\nfor it in gc.get_objects():\n    try: it.left = 1\n    except Exception: pass",
        "held = [0]\nwhile True: held += held",
        "import json\njson.loads('[' * 100000)",
        "def deep(n): return deep(n + 1)\ndeep(0)",
        "import sys\nsys.setrecursionlimit(10**9)\ndef deep(n): return deep(n + 1)\ndeep(0)",
        "import os\nos._exit(3)",
        "pass",
    ];
    for deed in deeds {
        script(deed);
        assert_eq!(script(look).answer()["stdout"], fresh, "after {deed:?}");
    }
}

#[test]
fn a_run_ends_early_when_enough_is_known() {
    let many: String = (0..50).map(|n| format!("    def test_{n:02}(self): pass\n")).collect();
    let project =
        Project::new(&[("test_a.py", &format!("import unittest\nclass A(unittest.TestCase):\n{many}"))]);
    let mut ends = 0;
    let base = json!({"op": "test", "root": "/project", "framework": "unittest"});
    let run = project.request(base.clone(), json!({}), &Stop::new(), &mut |report| {
        ends += usize::from(report["e"] == "end");
        if ends == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((run.run.ended, ends), (Ended::Stopped, 3));
    let stop = Stop::new();
    stop.raise(StopCause::Cancelled);
    let run = project.request(base, json!({}), &stop, &mut |_| ControlFlow::Continue(()));
    assert_eq!(run.run.ended, Ended::Cancelled);
}

#[test]
fn a_sleeping_or_computing_guest_can_be_cancelled() {
    for code in ["import time\ntime.sleep(1000)", "while True: pass"] {
        let stop = Stop::new();
        let raised = stop.clone();
        let base = json!({"op": "test", "root": "/project", "framework": "unittest"});
        let test = format!(
            "import unittest\nclass A(unittest.TestCase):\n  def test_a(self):\n    exec({code:?})\n"
        );
        let project = Project::new(&[("test_a.py", &test)]);
        let run = project.request(base, json!({}), &stop, &mut |report| {
            if report["e"] == "start" {
                raised.raise(StopCause::Cancelled);
            }
            ControlFlow::Continue(())
        });
        assert_eq!(run.run.ended, Ended::Cancelled, "{code}");
    }
}

#[test]
fn file_names_that_are_not_utf8_do_no_harm() {
    let project = Project::new(&[(
        "test_a.py",
        "import unittest\nclass A(unittest.TestCase):\n  def test_a(self): pass\n",
    )]);
    let odd = project.dir.path().join(std::ffi::OsStr::from_bytes(b"od\xff\xfed"));
    std::fs::create_dir(&odd).expect("a folder");
    std::fs::write(odd.join(std::ffi::OsStr::from_bytes(b"f\xff.py")), "x = 1").expect("a file");
    std::fs::write(project.dir.path().join(std::ffi::OsStr::from_bytes(b"test_\xff.py")), "")
        .expect("a file");
    for framework in ["unittest", "pytest", "doctest"] {
        let run = project.test(json!({"framework": framework}));
        assert_eq!(run.run.ended, Ended::Finished, "{framework}: {run:?}");
        if framework != "doctest" {
            assert!(run.statuses().contains(&"test_a passed".to_owned()), "{framework}: {run:?}");
        }
    }
}

#[test]
fn many_guests_at_once() {
    std::thread::scope(|scope| {
        for n in 0..100 {
            scope.spawn(move || {
                let answer = script(&format!("print({n} * 2)")).answer();
                assert_eq!(answer["stdout"], format!("{}\n", n * 2));
            });
        }
    });
}

#[test]
fn a_damaged_cache_is_compiled_again() {
    assert!(!PYTHON.facts().is_empty());
    let is_compiled = |path: &Path| path.extension().is_some_and(|extension| extension == "cwasm");
    let cache = tempfile::tempdir().expect("a directory");
    let own = cache.path().join("wasm");
    std::fs::create_dir(&own).expect("a directory");
    for entry in std::fs::read_dir(cache_dir().join("wasm")).expect("listed").flatten() {
        if is_compiled(&entry.path()) {
            let mut bytes = std::fs::read(entry.path()).expect("read");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(own.join(entry.file_name()), bytes).expect("written");
        }
    }
    let mut steps = Vec::new();
    for _ in 0..2 {
        PythonWasm::open(cache.path(), &mut |step| steps.push(format!("{step:?}"))).expect("opens");
    }
    let heads: Vec<_> = steps.iter().map(|step| step.split(' ').next().unwrap_or("")).collect();
    assert_eq!(heads, ["Compiling", "Compiled", "Found"]);
}

#[test]
fn the_port() {
    let sandbox = WasmSandbox::new(PYTHON.clone());
    let project = Project::new(&[(
        "test_a.py",
        "import unittest\nclass A(unittest.TestCase):\n  def test_a(self): 1/0\n",
    )]);
    let (limits, stop) = (Limits::default(), Stop::new());
    let run = |program: &Program, on_report: &mut dyn FnMut(&str) -> ControlFlow<()>| {
        let job = Job {
            program,
            view: project.dir.path(),
            directory: "",
            writes: coditect_ports::Writes::Refused,
            stdin: b"",
            limits: &limits,
            waived: &[],
            stop: &stop,
        };
        sandbox.run(&job, on_report)
    };
    let program =
        Program::Python { request: json!({"framework": "unittest"}).to_string(), interpreter: None };
    let mut kinds = Vec::new();
    let ran = run(&program, &mut |line| {
        let report: serde_json::Value = serde_json::from_str(line).expect("JSON");
        kinds.push(report["e"].as_str().expect("a kind").to_owned());
        ControlFlow::Continue(())
    })
    .expect("it runs");
    assert_eq!(ran.exit, Exit::Code(1));
    assert_eq!(kinds, ["collected", "start", "end", "done", "answer"]);
    assert!(ran.enforced.network && ran.enforced.file_writes && ran.enforced.missing.is_empty());
    let command = Program::Command { argv: vec!["ls".to_owned()], env: vec![] };
    assert!(run(&command, &mut |_| ControlFlow::Continue(())).is_err());
    assert!(sandbox.probe().usable);
}

//! The corpus: programs that try to get out of the sandbox (`corpus/*.py`), run in every tier.
//!
//! Each program says in its first lines what it tries and what would be an escape. The harness plants secrets, a
//! file to be spoilt, processes to be signalled and listeners to be reached, runs the program, and then looks
//! whether any of them was reached, whether anything is left, and whether the end came within the limits. What a
//! program prints itself (`ESCAPED`) counts too, since it may see more than the harness.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends there")]
#![allow(clippy::print_stdout, reason = "the table is for whoever reads the test's output")]

mod container_harness;
mod corpus_harness;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use coditect_ports::{Exit, Job, Program, Ran, Sandbox, Stop, Writes};
use coditect_sandbox::os::{OsSandbox, Settings};
use coditect_sandbox::wasm::WasmSandbox;
use coditect_types::{Limits, Tier};
use corpus_harness::{Attack, Ends, Place, Planted, Unboxed};

/// Slack on the wall clock for a machine that does much else.
const SLACK: Duration = Duration::from_secs(20);
/// Set in the process that runs the corpus as an ordinary user.
const AS_ORDINARY: &str = "CODITECT_CORPUS_AS_ORDINARY";
/// The launcher for that process, at a place that it may read.
const LAUNCHER: &str = "CODITECT_CORPUS_LAUNCHER";
/// `nobody`.
const NOBODY: &str = "65534";

fn limits() -> Limits {
    Limits {
        wall_ms: 3_000,
        memory_bytes: 256 << 20,
        output_bytes: 64 << 10,
        processes: 64,
        file_bytes: 16 << 20,
    }
}

fn os() -> OsSandbox {
    let path = std::env::var_os("PATH").unwrap_or_default();
    OsSandbox::new(Settings {
        launcher: std::env::var_os(LAUNCHER)
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_coditect-sandbox-init")), PathBuf::from),
        search_path: std::env::split_paths(&path).collect(),
        home: std::env::home_dir(),
        variables: std::collections::BTreeMap::new(),
        toolchains: Vec::new(),
    })
}

/// What an attack came to.
struct Verdict {
    name: String,
    ran: Option<Ran>,
    escapes: Vec<String>,
}

fn attack(sandbox: &dyn Sandbox, place: Place, attack: &Attack) -> Verdict {
    let mut planted = Planted::new(&attack.name, place);
    let program = match sandbox.tier() {
        Tier::Wasm => Program::Python {
            request: serde_json::json!({"op": "exec", "code": attack.code}).to_string(),
            interpreter: None,
        },
        Tier::Os | Tier::Container => Program::Command {
            argv: vec!["python3".into(), format!("/project/{}", planted.program(&attack.code))],
            env: vec![("CODITECT_CORPUS".into(), planted.token.clone())],
        },
    };
    let mut limits = limits();
    if place == Place::Container {
        // The engine takes a while to start what it then counts.
        limits.wall_ms += 1_000;
    }
    let job = Job {
        program: &program,
        view: planted.view(),
        directory: "",
        writes: if place == Place::Overlay { Writes::Dropped { over: None } } else { Writes::Kept },
        stdin: b"",
        limits: &limits,
        waived: &[],
        stop: &Stop::new(),
    };
    let mut said = Vec::new();
    let begun = Instant::now();
    if attack.name.ends_with("_for_the_next") {
        let first = sandbox.run(&job, &mut |_| ControlFlow::Continue(()));
        assert!(first.is_ok(), "{first:?}");
    }
    let ran = sandbox.run(&job, &mut |line| {
        // A sample is enough: a flood is the attack, and the host must not keep it.
        if said.len() < 4 << 20 {
            said.extend_from_slice(line.as_bytes());
        }
        ControlFlow::Continue(())
    });
    let took = begun.elapsed();
    if std::env::var_os("CODITECT_CORPUS_VERBOSE").is_some() {
        let ran = ran.as_ref().map(|ran| {
            (&ran.exit, String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr))
        });
        println!(
            "== {} {took:?}\n{ran:?}\n{}",
            attack.name,
            String::from_utf8_lossy(&said[..said.len().min(2000)])
        );
    }
    let mut escapes = Vec::new();
    let ran = match ran {
        Ok(ran) => {
            said.extend_from_slice(&ran.stdout);
            said.extend_from_slice(&ran.stderr);
            if ran.stdout.len() > 64 << 10 || ran.stderr.len() > 64 << 10 {
                escapes.push("kept more output than allowed".to_owned());
            }
            escapes.extend(wrong_end(sandbox.tier(), &attack.ends, &ran.exit));
            Some(ran)
        }
        Err(error) => {
            escapes.push(format!("no result: {error}"));
            None
        }
    };
    if took > Duration::from_millis(limits.wall_ms) + SLACK {
        escapes.push(format!("took {took:?}"));
    }
    escapes.extend(planted.escapes(&said));
    Verdict { name: attack.name.clone(), ran, escapes }
}

fn wrong_end(tier: Tier, expected: &Ends, exit: &Exit) -> Option<String> {
    // What WASM does not have (processes, ...) is an error of Python there, before it can come to a limit.
    let lacks = tier == Tier::Wasm && *exit == Exit::Code(1);
    let fits = lacks
        || match expected {
            Ends::Any => true,
            // On a busy machine it may come to the time limit first, which is an end as well.
            Ends::Itself => !matches!(exit, Exit::Stopped | Exit::Enough),
            Ends::TimedOut => matches!(exit, Exit::TimedOut),
            Ends::AtLimit => {
                matches!(exit, Exit::TimedOut | Exit::OutOfMemory | Exit::Crashed(_) | Exit::Code(1))
            }
        };
    (!fits).then(|| format!("expected {expected:?}, ended with {exit:?}"))
}

/// Runs all attacks that fit the tier, and prints a table.
fn run_corpus(sandbox: &dyn Sandbox, place: Place, title: &str) {
    let attacks = corpus_harness::attacks(place);
    let least = if place == Place::Overlay { 12 } else { 90 };
    let some = std::env::var_os("CODITECT_CORPUS_ONLY").is_some();
    assert!(some || attacks.len() >= least, "only {} attacks", attacks.len());
    let mut ends = std::collections::BTreeMap::<&str, usize>::new();
    let mut escaped = Vec::new();
    for one in &attacks {
        let verdict = attack(sandbox, place, one);
        let end = match verdict.ran.as_ref().map(|ran| &ran.exit) {
            Some(Exit::Code(_)) => "by itself",
            Some(Exit::Signal(_)) => "by a signal of its own",
            Some(Exit::TimedOut) => "at the time limit",
            Some(Exit::OutOfMemory) => "at the memory limit",
            Some(Exit::Crashed(_)) => "crashed or over a limit",
            Some(Exit::Enough | Exit::Stopped) => "stopped",
            None => "no result",
        };
        *ends.entry(end).or_insert(0) += 1;
        if !verdict.escapes.is_empty() {
            println!("{:28} {:?}", verdict.name, verdict.escapes);
            escaped.push(verdict.name);
        }
    }
    println!("{title}: {} programs, {} escapes", attacks.len(), escaped.len());
    for (end, count) in ends {
        println!("  {count:4} ended {end}");
    }
    assert!(escaped.is_empty(), "escapes: {escaped:?}");
}

#[test]
fn nothing_escapes_from_the_os_tier() {
    let ordinary = std::env::var_os(AS_ORDINARY).is_some();
    let sandbox = os();
    let probe = sandbox.probe();
    if !probe.usable {
        println!("skipped: no OS tier here: {:?}", probe.advice);
        return;
    }
    run_corpus(&sandbox, Place::Os, if ordinary { "OS tier, ordinary user" } else { "OS tier" });
}

#[test]
fn nothing_escapes_from_the_layer_above_a_view() {
    let ordinary = std::env::var_os(AS_ORDINARY).is_some();
    let sandbox = os();
    let facts = sandbox.probe().facts;
    match facts.iter().find(|(name, _)| name == "overlay") {
        Some((_, has)) if !has.starts_with("none") => {}
        lacking => {
            println!("skipped: no layers here: {lacking:?}");
            return;
        }
    }
    run_corpus(
        &sandbox,
        Place::Overlay,
        if ordinary { "OS tier, layers, ordinary user" } else { "OS tier, layers" },
    );
}

#[test]
fn nothing_escapes_from_the_container_tier() {
    if std::env::var_os(AS_ORDINARY).is_some() {
        return;
    }
    let Some(engine) = container_harness::Engine::find() else { return };
    let sandbox = engine.sandbox();
    run_corpus(&sandbox, Place::Container, "container tier");
    drop(sandbox);
    assert_eq!(engine.containers(std::process::id()), Vec::<String>::new());
}

/// One corpus over all tiers.
#[test]
fn the_corpus_is_as_large_as_it_is_said_to_be() {
    if std::env::var_os(AS_ORDINARY).is_some() {
        return;
    }
    let mut names = std::collections::BTreeSet::new();
    for place in [Place::Wasm, Place::Os, Place::Overlay, Place::Container] {
        let attacks = corpus_harness::attacks(place);
        println!("{place:?}: {} programs", attacks.len());
        names.extend(attacks.into_iter().map(|attack| attack.name));
    }
    println!("{} programs in all", names.len());
    assert!(names.len() >= 120 || std::env::var_os("CODITECT_CORPUS_ONLY").is_some());
}

/// Root has other walls than an ordinary user (an id of its own, cgroups), so both are tried.
#[test]
fn nothing_escapes_from_the_os_tier_of_an_ordinary_user() {
    if !nix::unistd::geteuid().is_root() || std::env::var_os(AS_ORDINARY).is_some() {
        println!("skipped: this is an ordinary user, and the other test was for it");
        return;
    }
    // The target directory may be in a home that only root can enter.
    let open = corpus_harness::open_folder();
    let itself = open.path().join("corpus");
    let launcher = open.path().join("launcher");
    std::fs::copy(std::env::current_exe().unwrap(), &itself).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_coditect-sandbox-init"), &launcher).unwrap();
    let ids = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    let out = Command::new("setpriv")
        .args(ids)
        .arg(itself)
        .args(["--exact", "nothing_escapes_from_the_os_tier", "nothing_escapes_from_the_layer_above_a_view"])
        .arg("--nocapture")
        .env(AS_ORDINARY, "1")
        .env(LAUNCHER, launcher)
        .env(corpus_harness::FOLDER, open.path().join("programs"))
        .env("HOME", "/nonexistent")
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&out.stdout));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn nothing_escapes_from_the_wasm_tier() {
    if std::env::var_os(AS_ORDINARY).is_some() {
        return;
    }
    let cache = std::env::var_os("CODITECT_CACHE_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let sandbox = WasmSandbox::open(&cache, &mut |_| {}).unwrap();
    run_corpus(&sandbox, Place::Wasm, "WASM tier");
}

/// The harness itself must notice: without a sandbox, harmless programs of the corpus all escape.
#[test]
fn the_harness_notices_escapes() {
    if std::env::var_os(AS_ORDINARY).is_some() {
        return;
    }
    let harmless = [
        "abstract_socket",
        "leave_setuid",
        "read_planted_link",
        "read_secret",
        "remove_canary",
        "rename_out",
        "tcp_loopback",
        "udp_loopback",
        "unix_socket",
        "write_canary",
        "write_new_link",
    ];
    for one in corpus_harness::attacks(Place::Os) {
        if harmless.contains(&one.name.as_str()) {
            let verdict = attack(&Unboxed, Place::Os, &one);
            assert!(!verdict.escapes.is_empty(), "`{}` was not noticed", one.name);
        }
    }
}

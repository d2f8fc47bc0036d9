#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use coditect_ports::{Job, Program, Stop, Writes};
use coditect_types::{ErrorKind, Limits};

use serde_json::json;

use super::*;

fn sandbox(image: Option<&str>) -> ContainerSandbox {
    ContainerSandbox::new(Settings {
        sockets: vec!["/nonexistent/engine.sock".into()],
        image: image.map(str::to_owned),
        launcher: "/nonexistent".into(),
    })
}

fn refusal(sandbox: &ContainerSandbox) -> PortError {
    let view = tempfile::tempdir().unwrap();
    let program = Program::Command { argv: vec!["true".into()], env: Vec::new() };
    let job = Job {
        program: &program,
        view: view.path(),
        directory: "",
        writes: Writes::Kept,
        stdin: b"",
        limits: &Limits::default(),
        waived: &["network".to_owned()],
        stop: &Stop::new(),
    };
    sandbox.run(&job, &mut |_| ControlFlow::Continue(())).unwrap_err()
}

#[test]
fn without_an_engine_or_an_image_nothing_runs_and_the_next_step_is_named() {
    let error = refusal(&sandbox(None));
    assert_eq!(error.kind, ErrorKind::NoSandbox);
    assert!(error.hint.unwrap().contains("--image"), "{}", error.cause);
    let error = refusal(&sandbox(Some("python:3")));
    assert_eq!(error.kind, ErrorKind::NoSandbox);
    assert!(error.cause.contains("`/nonexistent/engine.sock`"), "{}", error.cause);
    let probe = sandbox(Some("python:3")).probe();
    assert!(!probe.usable && probe.advice.len() == 2, "{probe:?}");
}

#[test]
fn an_engine_that_gives_less_than_was_asked_is_found_out() {
    let asked = json!({
        "NetworkMode": "none", "ReadonlyRootfs": true, "Memory": 5, "PidsLimit": 7, "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", "seccomp={}"],
    });
    assert_eq!(body::lacking(&asked, &asked, false), []);
    let names = |change: serde_json::Value| -> Vec<&str> {
        let mut got = asked.clone();
        for (name, value) in change.as_object().unwrap() {
            got[name] = value.clone();
        }
        body::lacking(&asked, &got, false).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(json!({"Memory": 0})), ["memory"]);
    assert_eq!(names(json!({"CapAdd": ["SYS_ADMIN"]})), ["processes"]);
    assert_eq!(names(json!({"NetworkMode": "bridge", "ReadonlyRootfs": false})), ["network", "file_writes"]);
    assert_eq!(names(json!({"PidsLimit": null, "Privileged": true})), ["limits", "processes"]);
    assert_eq!(names(json!({"SecurityOpt": ["seccomp={}"]})), ["processes"]);
    assert_eq!(names(json!({"SecurityOpt": ["no-new-privileges"]})), ["seccomp"]);
}

#[test]
fn the_filter_is_one_that_engines_can_read() {
    for loopback in [false, true] {
        let profile: serde_json::Value = serde_json::from_str(&filter::profile(loopback)).unwrap();
        assert_eq!(profile["defaultAction"], "SCMP_ACT_ALLOW");
        let calls = profile["syscalls"].as_array().unwrap();
        assert!(calls.len() > 20);
        let refuses = |kind: &str| {
            calls.iter().any(|call| call["names"][0] == "socket" && call["args"][0]["op"] == kind)
        };
        assert_eq!((refuses("SCMP_CMP_NE"), refuses("SCMP_CMP_GT")), (!loopback, loopback));
        for call in calls {
            let of: Vec<_> =
                call["args"].as_array().unwrap().iter().map(|arg| arg["index"].as_u64()).collect();
            assert!(of.windows(2).all(|pair| pair[0] != pair[1]), "{call}");
        }
    }
}

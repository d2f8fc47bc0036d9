//! What a run in the OS tier costs, beside the same program without it. Printed, and held to a bar that only a
//! mistake can miss, since a test machine does much else.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends there; the table is its result")]

mod os_harness;

use std::time::Instant;

use coditect_ports::Exit;
use os_harness::{Case, sandbox, view};

const ROUNDS: usize = 40;

#[test]
fn a_run_costs_milliseconds() {
    let sandbox = sandbox();
    let view = view();
    let case = Case::new(view.path());
    // The first run finds out about the machine.
    case.run_in(&sandbox, &["true"]).unwrap();
    for argv in [&["true"][..], &["python3", "-I", "-S", "-c", "pass"]] {
        let mut inside: Vec<u64> = (0..ROUNDS)
            .map(|_| {
                let ran = case.run_in(&sandbox, argv).unwrap();
                assert_eq!(ran.exit, Exit::Code(0));
                ran.wall_us
            })
            .collect();
        let mut outside: Vec<u64> = (0..ROUNDS)
            .map(|_| {
                let begun = Instant::now();
                // The shim of a version manager would cost more than Python; `-S`, since two interpreters may have
                // quite different packages to look at when they start.
                let program = argv[0].replace("python3", "/usr/bin/python3");
                if std::process::Command::new(program).args(&argv[1..]).status().is_ok() {
                    u64::try_from(begun.elapsed().as_micros()).unwrap()
                } else {
                    0
                }
            })
            .collect();
        inside.sort_unstable();
        outside.sort_unstable();
        let at = |times: &[u64], percent: usize| times[times.len() * percent / 100];
        println!(
            "{:22} sandboxed: least {} us, p50 {} us, p95 {} us; plain: least {} us, p50 {} us",
            argv.join(" "),
            inside[0],
            at(&inside, 50),
            at(&inside, 95),
            outside[0],
            at(&outside, 50)
        );
        assert!(at(&inside, 50) < 1_000_000, "{inside:?}");
    }
}

//! What a run in the OS tier costs, beside the same program without it. Printed, and held to a bar that only a
//! mistake can miss, since a test machine does much else.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends there; the table is its result")]

mod os_harness;

use std::path::{Path, PathBuf};
use std::time::Instant;

use coditect_ports::{Exit, Writes};
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

/// Files of a worktree of a usual size.
const FILES: usize = 5_000;

fn worktree() -> tempfile::TempDir {
    let top = view();
    for n in 0..FILES {
        let folder = top.path().join(format!("d{}/e{}", n % 25, n % 10));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("f{n}.py")), format!("X = {n}\n")).unwrap();
    }
    top
}

/// A look at every file, as it takes to know what a run wrote.
fn look(top: &Path) -> usize {
    let mut seen = 0;
    let mut open: Vec<PathBuf> = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let about = entry.path().symlink_metadata().unwrap();
            seen += 1;
            if about.is_dir() {
                open.push(entry.path());
            }
        }
    }
    seen
}

/// The middle one of some rounds, us.
fn middle(mut round: impl FnMut()) -> u64 {
    let mut times: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            round();
            u64::try_from(begun.elapsed().as_micros()).unwrap()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

/// What a candidate costs beside its tests: written to a worktree that is looked at and brought back, or put into a layer.
#[test]
fn a_candidate_in_a_layer_costs_what_it_changes() {
    let (sandbox, top, over) = (sandbox(), worktree(), view());
    let kept = Case::new(top.path());
    let dropped = Case { writes: Writes::Dropped { over: Some(over.path()) }, ..Case::new(top.path()) };
    if let Err(error) = dropped.run_in(&sandbox, &["true"]) {
        println!("skipped: {}", error.cause);
        return;
    }
    let (file, old) = (top.path().join("d0/e0/f0.py"), "X = 0\n");
    let run = |case: &Case<'_>| {
        assert_eq!(case.run_in(&sandbox, &["true"]).unwrap().exit, Exit::Code(0));
    };
    let empty = view();
    let nothing = middle(|| run(&Case::new(empty.path())));
    let written = middle(|| {
        std::fs::write(&file, "X = 1\n").unwrap();
        run(&kept);
        assert!(look(top.path()) > FILES);
        std::fs::write(&file, old).unwrap();
    });
    std::fs::create_dir_all(over.path().join("d0/e0")).unwrap();
    let layered = middle(|| {
        std::fs::write(over.path().join("d0/e0/f0.py"), "X = 1\n").unwrap();
        run(&dropped);
    });
    println!("worktree of {FILES} files, p50 of a run of `true`: {nothing} us on an empty view");
    println!("  written, looked at, brought back: {written} us; in a layer: {layered} us");
    let ratio = |of: u64| of.saturating_sub(nothing);
    println!("  beside the run itself: {} us and {} us", ratio(written), ratio(layered));
    // The order alone is certain on a machine that does much else; a mistake makes it the other way round.
    assert!(layered < written * 2, "{layered} {written}");
}

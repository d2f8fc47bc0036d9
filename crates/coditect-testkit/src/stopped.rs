//! Servers of tests that are stopped where they are, as machines that hang.
#![allow(clippy::unwrap_used, reason = "a signal that does not arrive ends the test")]

use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Stops a process (SIGSTOP).
///
/// The signal is only taken up once one of its threads runs, and the others are stopped by that one, so that a busy machine may let it answer
/// for a while after the signal was sent: all have stopped when this returns.
pub(crate) fn pause(child: &Child) {
    signal(child, "STOP");
    let begun = Instant::now();
    while !has_stopped(child) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the server does not stop");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Lets it go on (SIGCONT).
pub(crate) fn go_on(child: &Child) {
    signal(child, "CONT");
}

/// Whether all of its threads are stopped, by what `proc_pid_stat(5)` says of each.
fn has_stopped(child: &Child) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("stat"))).all(|stat| {
        // The name of a program may hold whatever it likes, and is in brackets. A thread that is gone is asked for the next time.
        stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
    })
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.unwrap().success(), "SIG{name} reaches the server");
}

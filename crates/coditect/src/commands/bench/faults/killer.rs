//! Kills a process of one mission's sandbox from outside, as a person, another program or the kernel does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coditect_types::MissionId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often it is looked for, how long it is let be once it is there, so that it comes to a test, and how long it is
/// looked for.
const LOOK: Duration = Duration::from_millis(10);
const COMES_TO_A_TEST: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);

/// Which process of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// The program that runs the tests.
    Program,
    /// The process that holds the sandbox.
    Holder,
}

/// Waits until the mission has a program under way, and kills once. Ends without one where `over` is raised before.
pub(super) fn strike(mission: &MissionId, victim: Victim, over: &AtomicBool) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && !over.load(Ordering::Relaxed) {
        if of_mission(mission).len() >= 2 {
            wait(COMES_TO_A_TEST);
            let processes = of_mission(mission);
            let pid = match victim {
                Victim::Program => processes.last(),
                Victim::Holder => processes.first(),
            };
            // It may have come to its end by itself: then the next one is waited for.
            if let Some(pid) = pid.filter(|_| processes.len() >= 2)
                && kill(Pid::from_raw(*pid), Signal::SIGKILL).is_ok()
            {
                return;
            }
        }
        wait(LOOK);
    }
}

fn wait(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// The processes below this one that have directories of the mission mounted, parents before their children. A bench has
/// several missions under way, and a sandbox shows the mission's own directories and no other's.
fn of_mission(mission: &MissionId) -> Vec<i32> {
    let parents = parents();
    let mut found = vec![i32::try_from(std::process::id()).unwrap_or(0)];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    let has_it = |pid: &i32| {
        let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo"));
        mounts.is_ok_and(|mounts| mounts.contains(mission.as_str()))
    };
    found.into_iter().skip(1).filter(has_it).collect()
}

/// Every process with its parent.
fn parents() -> BTreeMap<i32, i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some((pid, parent))
    };
    entries.filter_map(of).collect()
}

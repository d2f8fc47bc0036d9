//! What a process tree uses, added up by looking at `/proc`. It is the account where there is no cgroup.

use std::fs;

/// Use of a process tree at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    /// Anonymous and shared memory, bytes. Memory that processes share is counted for each of them, so the sum
    /// is never too low.
    pub(super) memory_bytes: u64,
    /// Threads, those of `root` itself not counted.
    pub(super) threads: u64,
}

/// Looks at all descendants of `root`. What ends meanwhile counts for nothing.
pub(super) fn measure(root: u32) -> Use {
    let mut sum = Use::default();
    let mut waiting = children(root);
    while let Some(pid) = waiting.pop() {
        waiting.extend(children(pid));
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let one = parse(&status);
        sum.memory_bytes = sum.memory_bytes.saturating_add(one.memory_bytes);
        sum.threads += one.threads;
    }
    sum
}

fn parse(status: &str) -> Use {
    let mut found = Use::default();
    for line in status.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let number =
            || value.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        match name {
            "RssAnon" | "RssShmem" => found.memory_bytes += number() * 1024,
            "Threads" => found.threads = number(),
            _ => {}
        }
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests;

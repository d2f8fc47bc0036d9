//! What a command of the person prints, within a time: one that hangs must not hold up a mission before it has begun.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Bytes that are read of it.
const MOST: u64 = 64 << 10;
/// How often it is looked whether the command has ended.
const LOOK: Duration = Duration::from_millis(5);

/// The first line that a command prints, or why there is none. One that takes longer is ended with all that it started.
pub(super) fn printed(argv: &[String], limit: Duration) -> Result<String, String> {
    let Some((program, args)) = argv.split_first() else { return Err("the command is empty".into()) };
    let until = Instant::now() + limit;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        // A group of its own, so that nothing of it is left behind.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    let said = read(&mut child, until);
    let status = if said.is_some() { ended(&mut child, until) } else { None };
    let (Some(said), Some(status)) = (said, status) else {
        end(&mut child);
        return Err(format!("`{program}` did not end within {} s", limit.as_secs_f64()));
    };
    if !status.success() {
        return Err(format!("`{program}` gave no key ({status})"));
    }
    Ok(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned())
}

/// All that it prints. None: it was still at it when its time was over.
fn read(child: &mut Child, until: Instant) -> Option<Vec<u8>> {
    let stdout = child.stdout.take()?;
    let (give, take) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut said = Vec::new();
        // What was read before an error counts; the status says the rest.
        stdout.take(MOST).read_to_end(&mut said).ok();
        // Where nobody waits any longer, it is too late.
        give.send(said).ok();
    });
    take.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
}

fn ended(child: &mut Child, until: Instant) -> Option<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().ok()? {
            return Some(status);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::park_timeout(LOOK);
    }
}

fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // It is still ours to wait for, so nobody else has its number.
        killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
    }
    child.wait().ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(script: &str, limit: Duration) -> Result<String, String> {
        printed(&["sh".into(), "-c".into(), script.into()], limit)
    }

    #[test]
    fn the_first_line_counts_and_a_failure_is_told() {
        let long = Duration::from_secs(60);
        assert_eq!(of("echo one; echo two", long).unwrap(), "one");
        assert_eq!(of("true", long).unwrap(), "");
        assert!(of("echo one; exit 3", long).unwrap_err().contains("exit status: 3"));
        assert!(printed(&["/no/such".into()], long).unwrap_err().contains("cannot be run"));
    }

    #[test]
    fn what_hangs_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("pid");
        for script in ["sleep 600 & echo $! > MARK; wait", "exec >&-; sleep 600 & echo $! > MARK; wait"] {
            let script = script.replace("MARK", mark.to_str().unwrap());
            let why = of(&script, Duration::from_secs(1)).unwrap_err();
            assert!(why.contains("did not end within 1 s"), "{why}");
            let pid = std::fs::read_to_string(&mark).unwrap();
            let stat = format!("/proc/{}/stat", pid.trim());
            // It may be on its way out, and whoever is to wait for it may not have done so yet.
            let is_dead = (0..2_000).any(|_| {
                let state = std::fs::read_to_string(&stat).unwrap_or_default();
                std::thread::park_timeout(LOOK);
                state.is_empty() || state.contains(") Z ") || state.contains(") X ")
            });
            assert!(is_dead, "{script}");
        }
    }
}

//! Finding what a killed program leaves running.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Makes this process the parent of every orphan below it, so that none can slip away.
pub(super) fn adopt_orphans() -> Result<(), String> {
    nix::sys::prctl::set_child_subreaper(true).map_err(|error| format!("adopting orphans: {error}"))
}

/// Waits for all children to end, for at most `grace`. Gives those that are left, and ends them.
pub(super) fn left_over(grace: Duration) -> Result<Vec<String>, String> {
    let (tell, told) = sync_channel(1);
    let waiter = std::thread::spawn(move || tell.send(reap()).is_ok());
    let mut left = Vec::new();
    let mut ended = told.recv_timeout(grace);
    while matches!(ended, Err(RecvTimeoutError::Timeout)) {
        for (pid, name) in children()? {
            left.push(format!("{name} ({pid})"));
            // One that ended meanwhile is what we want.
            kill(Pid::from_raw(pid), Signal::SIGKILL).or_else(gone).map_err(|error| error.to_string())?;
        }
        // Those of them that had children hand them to us: another round, until there are none.
        ended = told.recv_timeout(grace);
    }
    let reaped = ended.map_err(|error| error.to_string())?;
    if !waiter.join().unwrap_or(false) {
        return Err("the thread that waits for orphans broke".to_owned());
    }
    reaped.map(|()| left)
}

fn gone(error: Errno) -> nix::Result<()> {
    if error == Errno::ESRCH { Ok(()) } else { Err(error) }
}

/// Waits until there is no child.
fn reap() -> Result<(), String> {
    loop {
        match waitpid(None, None) {
            Err(Errno::ECHILD) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(format!("waiting for orphans: {error}")),
        }
    }
}

/// Our children: number and name.
fn children() -> Result<Vec<(i32, String)>, String> {
    let me = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").map_err(|error| format!("/proc: {error}"))? {
        let name = entry.map_err(|error| format!("/proc: {error}"))?.file_name();
        let Ok(pid) = name.to_string_lossy().parse::<i32>() else { continue };
        // It may be gone by now.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // `PID (NAME) STATE PARENT ...`, and a name may hold blanks and brackets.
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        if tail.split_whitespace().nth(1) == Some(me.as_str()) {
            found.push((pid, head.split_once('(').map_or("", |(_, name)| name).to_owned()));
        }
    }
    Ok(found)
}

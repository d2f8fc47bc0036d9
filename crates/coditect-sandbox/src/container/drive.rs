//! One run: made, looked at, started, heard, ended, removed.

mod stream;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use coditect_ports::{Exit, Job, PortError, Ran};
use coditect_types::{Enforced, ErrorKind};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::client::{self, Answer, Client};
use super::engine::{Ready, by, ready};
use super::order::{Order, order};
use super::{ContainerSandbox, body, filter, guard};
use stream::Said;

/// How often the stop flag and the clock are looked at.
const GLANCE: Duration = Duration::from_millis(10);
/// How long the last output may take after the end of the program.
const DYING: Duration = Duration::from_secs(10);
/// Most that is read before the others have their turn, bytes.
const TURN: usize = 64 << 10;

/// Runs a job.
pub(super) fn run(
    sandbox: &ContainerSandbox,
    job: &Job<'_>,
    on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Ran, PortError> {
    let ready = ready(sandbox)?;
    watch_over(sandbox, ready)?;
    let order = order(job, ready)?;
    let mut missing = Vec::new();
    let filter = seccomp(ready, job, &mut missing)?;
    let asked = body::body(&order, job.limits, ready, filter.as_deref(), &guard::label());
    let making = "making the container";
    let made = ready.client.call("POST", "/containers/create", Some(&asked), making)?.checked(making)?;
    let Some(id) = made["Id"].as_str() else {
        return Err(PortError::new(ErrorKind::Unavailable, format!("{making}: the engine gives no id")));
    };
    let mut container = Container { client: &ready.client, id: id.to_owned(), removed: false };
    missing.extend(
        made["Warnings"].as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)),
    );
    let got = container.ask(making)?;
    for (protection, has) in body::lacking(&asked["HostConfig"], &got["HostConfig"], ready.is_podman()) {
        let why = format!("the engine made {has}");
        if !is_waived(job, protection) {
            return Err(denied(protection, &why));
        }
        missing.push(format!("{protection}: {why}"));
    }
    let mut said = Said::new(order.reports, job.limits.output_bytes);
    let exit = match attend(&container, &order, job, &mut said, on_report)? {
        Some(ended) => ended,
        None => container.ending()?,
    };
    container.remove()?;
    let lacks = |name: &str| missing.iter().any(|missing| missing.starts_with(&format!("{name}: ")));
    let enforced = Enforced {
        by: by(ready, filter.is_some()),
        network: !lacks("network"),
        file_writes: !lacks("file_writes"),
        file_reads: true,
        processes: !lacks("processes"),
        wall_ms: Some(job.limits.wall_ms),
        memory_bytes: (!lacks("memory")).then_some(job.limits.memory_bytes),
        missing,
    };
    let Said { stdout, stderr, dropped, .. } = said;
    Ok(Ran { exit, stdout, stderr, dropped, wall_us: 0, peak_memory: None, enforced })
}

/// Sees to it that there is a guard.
fn watch_over(sandbox: &ContainerSandbox, ready: &Ready) -> Result<(), PortError> {
    // A panic of another thread leaves nothing half done.
    let mut guard = sandbox.guard.lock().unwrap_or_else(PoisonError::into_inner);
    if guard.is_none() {
        let started = guard::Guard::start(&sandbox.settings.launcher, &ready.socket);
        *guard =
            Some(started.map_err(|error| PortError::from_io("starting the guard of containers", &error))?);
    }
    Ok(())
}

fn is_waived(job: &Job<'_>, protection: &str) -> bool {
    job.waived.iter().any(|waived| waived == protection)
}

fn denied(protection: &str, why: &str) -> PortError {
    let cause = format!("the container sandbox cannot give `{protection}`: {why}");
    PortError::new(ErrorKind::NoSandbox, cause)
        .with_hint(format!("use another engine, or give it up with `--waive {protection}`"))
}

/// The filter for this engine, where it has filters.
fn seccomp(ready: &Ready, job: &Job<'_>, missing: &mut Vec<String>) -> Result<Option<String>, PortError> {
    if ready.has_seccomp() {
        return Ok(Some(filter::profile(!is_waived(job, "network"))));
    }
    let why = "the engine has no system call filters";
    if !is_waived(job, "seccomp") {
        return Err(denied("seccomp", why));
    }
    missing.push(format!("seccomp: {why}"));
    Ok(None)
}

/// A container that is removed when this goes, also when the thread panics.
struct Container<'a> {
    client: &'a Client,
    id: String,
    removed: bool,
}

impl Container<'_> {
    /// What the engine knows of it.
    fn ask(&self, doing: &str) -> Result<serde_json::Value, PortError> {
        self.client.call("GET", &format!("/containers/{}/json", self.id), None, doing)?.checked(doing)
    }

    fn start(&self, program: &str) -> Result<(), PortError> {
        let doing = format!("starting `{program}` in the container");
        let path = format!("/containers/{}/start", self.id);
        let error = match self.client.call("POST", &path, None, &doing)?.checked(&doing) {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let missing = ["executable file not found", "no such file or directory"];
        if missing.iter().any(|what| error.cause.contains(what)) {
            return Err(PortError::new(ErrorKind::NotFound, error.cause).with_hint(
                "the image must have it: only the project and the image are visible in a container",
            ));
        }
        Err(error)
    }

    /// How a program ended that ended by itself.
    fn ending(&self) -> Result<Exit, PortError> {
        let state = &self.ask("asking how the container ended")?["State"];
        let code = state["ExitCode"].as_i64().unwrap_or_default();
        Ok(match i32::try_from(code) {
            _ if state["OOMKilled"] == true => Exit::OutOfMemory,
            // The engine tells a signal as a shell does.
            Ok(code) if (129..=192).contains(&code) => Exit::Signal(code - 128),
            Ok(code) => Exit::Code(code),
            Err(_) => Exit::Crashed(format!("it ended with {code}")),
        })
    }

    fn remove(&mut self) -> Result<(), PortError> {
        guard::remove(self.client, &self.id)?;
        self.removed = true;
        Ok(())
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if !self.removed
            && let Err(error) = guard::remove(self.client, &self.id)
        {
            tracing::warn!(container = %self.id, %error, "a container could not be removed; the guard tries again");
        }
    }
}

/// The two connections of a run under way.
struct Lines<'a> {
    attached: UnixStream,
    /// Its answer comes when the program has ended.
    waiting: UnixStream,
    answer: Vec<u8>,
    /// What the program has not been given yet.
    stdin: Option<&'a [u8]>,
}

/// Starts the program and hears it to its end, or to the one that the host decides on.
fn attend(
    container: &Container<'_>,
    order: &Order,
    job: &Job<'_>,
    said: &mut Said,
    on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Option<Exit>, PortError> {
    let io = |error: io::Error| PortError::from_io("hearing the container", &error);
    let id = &container.id;
    let attach = format!("/containers/{id}/attach?stream=1&stdin=1&stdout=1&stderr=1");
    let attached = container.client.upgrade(&attach).map_err(io)?;
    container.start(&order.argv[0])?;
    let deadline = Instant::now() + Duration::from_millis(job.limits.wall_ms);
    let waiting = container.client.begin("POST", &format!("/containers/{id}/wait")).map_err(io)?;
    attached.set_nonblocking(true).map_err(io)?;
    waiting.set_nonblocking(true).map_err(io)?;
    let mut lines = Lines { attached, waiting, answer: Vec::new(), stdin: Some(&order.stdin) };
    let mut buffer = vec![0; TURN];
    let (mut heard, mut ended_at) = (false, None::<Instant>);
    while !heard || ended_at.is_none() {
        lines.poll(heard, ended_at.is_some()).map_err(io)?;
        lines.feed();
        if !heard {
            match lines.hear(&mut buffer) {
                Some([]) => heard = true,
                Some(bytes) => {
                    if let Some(exit) = said.take(bytes, on_report) {
                        return Ok(Some(exit));
                    }
                }
                None => {}
            }
        }
        if ended_at.is_none() && lines.is_over().map_err(io)? {
            ended_at = Some(Instant::now());
        }
        match ended_at {
            Some(at) => heard |= at.elapsed() > DYING,
            None if job.stop.is_raised() => return Ok(Some(Exit::Stopped)),
            None if Instant::now() >= deadline => return Ok(Some(Exit::TimedOut)),
            None => {}
        }
    }
    Ok(None)
}

impl Lines<'_> {
    /// Until something happens, or it is time to look at the limits.
    fn poll(&self, heard: bool, ended: bool) -> io::Result<()> {
        let mut fds = Vec::new();
        if !heard {
            let feeds = if self.stdin.is_some() { PollFlags::POLLOUT } else { PollFlags::empty() };
            fds.push(PollFd::new(self.attached.as_fd(), PollFlags::POLLIN | feeds));
        }
        if !ended {
            fds.push(PollFd::new(self.waiting.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, PollTimeout::try_from(GLANCE).unwrap_or(PollTimeout::ZERO)) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives the program what it takes. It need not read what it is given.
    fn feed(&mut self) {
        let Some(rest) = self.stdin else { return };
        let gone = match self.attached.write(rest) {
            _ if rest.is_empty() => true,
            Ok(got) => {
                self.stdin = Some(&rest[got..]);
                got == rest.len()
            }
            Err(error) => !is_later(&error),
        };
        if gone {
            self.stdin = None;
            if let Err(error) = self.attached.shutdown(Shutdown::Write) {
                tracing::debug!(%error, "the program's input is closed already");
            }
        }
    }

    /// What the program said; an empty piece is its end.
    fn hear<'b>(&mut self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        match self.attached.read(buffer) {
            Ok(got) => Some(&buffer[..got]),
            Err(error) if is_later(&error) => None,
            Err(_) => Some(&[]),
        }
    }

    /// Whether the program has ended.
    fn is_over(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 1024];
        match self.waiting.read(&mut buffer) {
            Ok(0) => {
                let Answer { status, body } = client::parse(&self.answer)?;
                let why = || body["message"].as_str().unwrap_or("the engine does not wait for it").to_owned();
                if status < 400 { Ok(true) } else { Err(io::Error::other(why())) }
            }
            Ok(got) => {
                self.answer.extend_from_slice(&buffer[..got]);
                Ok(false)
            }
            Err(error) if is_later(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

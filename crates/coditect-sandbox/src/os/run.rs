//! One run, from the host's side: plan, start, watch, end.

mod child;
mod prepare;

use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use coditect_ports::{Exit, Job, PortError, Ran};
use coditect_types::{Enforced, ErrorKind, Limits};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::plan::Message;
use super::pump::{self, Reported};
use super::{OsSandbox, identity, watch};
use child::Child;
pub(crate) use prepare::{checked_directory, checked_view, request_inside};

/// How often the stop flag is looked at.
const GLANCE: Duration = Duration::from_millis(10);
/// How often the use of the tree is looked at.
const WATCH: Duration = Duration::from_millis(50);
/// How long a killed tree may take to be gone. A process in the middle of a device's work takes its time.
const DYING: Duration = Duration::from_secs(10);
/// How long the launcher may take until the guest's first process exists.
const STARTING: Duration = Duration::from_secs(10);

/// Runs a job, if need be a second time as the owner of the view (see [`identity`]): the first time then ended
/// before anything of the job was run.
pub(super) fn run(
    sandbox: &OsSandbox,
    job: &Job<'_>,
    on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Ran, PortError> {
    let begun = Instant::now();
    loop {
        let prepared = prepare::prepare(sandbox, job)?;
        let chosen = prepared.chosen.clone();
        let child = Child::start(sandbox, prepared)?;
        match Watched::new(child, job, begun).watch_to_end(on_report) {
            Ok(ran) => return Ok(ran),
            Err(Unfinished::Refused { protection, .. })
                if protection == identity::MAPPING && chosen.userns.is_some() =>
            {
                sandbox.identities.cannot_map(&chosen);
            }
            Err(unfinished) => return Err(unfinished.into()),
        }
    }
}

/// Why there is no result.
#[derive(Debug)]
enum Unfinished {
    /// A wall could not be built.
    Refused { protection: String, doing: String, errno: i32 },
    /// The program could not be started.
    NotStarted { program: String, errno: i32 },
    /// The sandbox itself broke.
    Broken(String, Option<io::Error>),
}

impl From<io::Error> for Unfinished {
    fn from(error: io::Error) -> Self {
        Self::Broken("watching the sandbox".into(), Some(error))
    }
}

impl From<Unfinished> for PortError {
    fn from(unfinished: Unfinished) -> Self {
        match unfinished {
            Unfinished::Refused { protection, doing, errno } if protection == "directory" => {
                let error = io::Error::from_raw_os_error(errno);
                Self::new(ErrorKind::NotFound, format!("{doing}: {error}"))
            }
            Unfinished::Refused { protection, doing, errno } => {
                super::probe::denied(&protection, &doing, errno)
            }
            Unfinished::NotStarted { program, errno } => {
                let error = io::Error::from_raw_os_error(errno);
                Self::from_io(&format!("starting `{program}` in the sandbox"), &error)
                    .with_hint("only the project, system programs and one Python are visible in the sandbox")
            }
            Unfinished::Broken(doing, None) => Self::new(ErrorKind::Unavailable, doing),
            Unfinished::Broken(doing, Some(error)) => Self::from_io(&doing, &error),
        }
    }
}

/// A run under way.
struct Watched<'a> {
    child: Child,
    limits: &'a Limits,
    job: &'a Job<'a>,
    begun: Instant,
    deadline: Instant,
    next_watch: Instant,
    /// Why the host ended it, if it did.
    ended: Option<Exit>,
    status: Option<i32>,
    by: Vec<String>,
    missing: Vec<String>,
    ready: bool,
    peak: u64,
}

impl<'a> Watched<'a> {
    fn new(child: Child, job: &'a Job<'a>, begun: Instant) -> Self {
        let now = Instant::now();
        Self {
            child,
            limits: job.limits,
            job,
            begun,
            deadline: now + Duration::from_millis(job.limits.wall_ms),
            next_watch: now + WATCH,
            ended: None,
            status: None,
            by: Vec::new(),
            missing: Vec::new(),
            ready: false,
            peak: 0,
        }
    }

    fn watch_to_end(mut self, on_report: &mut dyn FnMut(&str) -> ControlFlow<()>) -> Result<Ran, Unfinished> {
        let mut buffer = pump::buffer();
        while !self.child.is_gone()? {
            self.wait()?;
            while let Some(message) = self.child.message()? {
                self.hear(message)?;
            }
            self.read(&mut buffer, on_report)?;
            self.look(Instant::now())?;
        }
        self.drain(&mut buffer, on_report)?;
        self.finish()
    }

    /// Until something happens, or it is time to look at the limits.
    fn wait(&self) -> io::Result<()> {
        let mut fds: Vec<PollFd<'_>> =
            self.child.descriptors().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let timeout = PollTimeout::try_from(GLANCE).unwrap_or(PollTimeout::ZERO);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn hear(&mut self, message: Message) -> Result<(), Unfinished> {
        match message {
            Message::Hello | Message::Born => {}
            Message::Ready { by, missing } => {
                self.by = by;
                self.missing.extend(missing);
                self.ready = true;
                // The guest's time begins with its first instruction; building its walls is not its fault.
                self.deadline = Instant::now() + Duration::from_millis(self.limits.wall_ms);
            }
            Message::Lacking { name, errno } => {
                self.by.retain(|by| *by != name);
                let error = io::Error::from_raw_os_error(errno);
                self.missing.push(format!("{name}: {error}"));
            }
            Message::Refused { protection, doing, errno } => {
                self.child.end()?;
                return Err(Unfinished::Refused { protection, doing, errno });
            }
            Message::NotStarted { errno } => {
                self.child.end()?;
                return Err(Unfinished::NotStarted { program: self.child.program.clone(), errno });
            }
            Message::Exited { status } => self.status = Some(status),
        }
        Ok(())
    }

    fn read(
        &mut self,
        buffer: &mut [u8],
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<bool, Unfinished> {
        // After the end was decided, nobody wants to hear more.
        let ended = self.ended.is_some();
        let mut heard = |line: &str| if ended { ControlFlow::Continue(()) } else { on_report(line) };
        let mut said = vec![self.child.stdout.pump(buffer, &mut heard)?];
        said.push(self.child.stderr.pump(buffer, &mut heard)?);
        if let Some(reports) = self.child.reports.as_mut().filter(|_| !ended) {
            said.push(reports.pump(buffer, &mut heard)?);
        }
        let mut some = false;
        for said in said {
            some |= said != Reported::Nothing;
            match said {
                Reported::Some | Reported::Nothing => {}
                Reported::Enough => self.end(Exit::Enough)?,
                Reported::TooLong => {
                    self.end(Exit::Crashed("its reports are longer than any may be".into()))?;
                }
            }
        }
        Ok(some)
    }

    /// Looks at the limits.
    fn look(&mut self, now: Instant) -> io::Result<()> {
        if self.ended.is_some() || self.status.is_some() {
            return Ok(());
        }
        if self.job.stop.is_raised() {
            return self.end(Exit::Stopped);
        }
        if now >= self.deadline {
            return self.end(Exit::TimedOut);
        }
        if now >= self.next_watch {
            self.next_watch = now + WATCH;
            return self.watch();
        }
        Ok(())
    }

    fn watch(&mut self) -> io::Result<()> {
        if let Some(group) = &self.child.group {
            return if group.was_out_of_memory() { self.end(Exit::OutOfMemory) } else { Ok(()) };
        }
        let used = watch::measure(self.child.launcher());
        self.peak = self.peak.max(used.memory_bytes);
        if used.memory_bytes > self.limits.memory_bytes {
            return self.end(Exit::OutOfMemory);
        }
        // The first process and the guest itself are two; a bomb passes the limit by far.
        if used.threads > u64::from(self.limits.processes) + 2 {
            return self
                .end(Exit::Crashed(format!("more than {} processes and threads", self.limits.processes)));
        }
        Ok(())
    }

    /// Kills the tree.
    fn end(&mut self, exit: Exit) -> io::Result<()> {
        if self.ended.is_none() {
            self.ended = Some(exit);
            self.child.kill()?;
        }
        Ok(())
    }

    /// What is left in the pipes and the socket after the last process has gone.
    fn drain(
        &mut self,
        buffer: &mut [u8],
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), Unfinished> {
        while let Some(message) = self.child.message()? {
            self.hear(message)?;
        }
        // A pipe holds a limited amount, and nobody writes any more, so this ends.
        while self.read(buffer, on_report)? {}
        Ok(())
    }

    fn finish(mut self) -> Result<Ran, Unfinished> {
        self.child.end()?;
        if !self.ready && self.ended.is_none() {
            return Err(Unfinished::Broken("the sandbox ended before its program was started".into(), None));
        }
        let out_of_memory = self.child.group.as_ref().is_some_and(super::cgroup::Group::was_out_of_memory);
        let peak = self.child.group.as_ref().map_or(Some(self.peak), super::cgroup::Group::peak_memory);
        let exit = match (self.ended.take(), self.status) {
            (Some(ended), _) => ended,
            (None, _) if out_of_memory => Exit::OutOfMemory,
            (None, Some(status)) if libc::WIFEXITED(status) => Exit::Code(libc::WEXITSTATUS(status)),
            (None, Some(status)) => Exit::Signal(libc::WTERMSIG(status)),
            // Its first process was killed from outside, and all others with it.
            (None, None) => Exit::Signal(libc::SIGKILL),
        };
        let enforced = self.enforced();
        let Child { stdout, stderr, .. } = &mut self.child;
        let dropped = stdout.dropped + stderr.dropped;
        let (stdout, stderr) = (std::mem::take(&mut stdout.kept), std::mem::take(&mut stderr.kept));
        // The cgroup goes with the child, and belongs to the cost.
        drop(self.child);
        Ok(Ran {
            exit,
            stdout,
            stderr,
            dropped,
            wall_us: u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            peak_memory: peak.filter(|bytes| *bytes > 0),
            enforced,
        })
    }

    fn enforced(&mut self) -> Enforced {
        let mut by = std::mem::take(&mut self.by);
        by.push(self.child.memory_by.to_owned());
        let has = |name: &str| by.iter().any(|by| by == name);
        let root = has("fresh_root") && has("mount_namespace");
        Enforced {
            network: has("network_namespace"),
            file_writes: root,
            file_reads: root,
            processes: has("pid_namespace") && has("ipc_namespace"),
            wall_ms: Some(self.limits.wall_ms),
            memory_bytes: Some(self.limits.memory_bytes),
            missing: std::mem::take(&mut self.missing),
            by,
        }
    }
}

//! The processes of one run, seen from the host, and the promise that they end with it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Instant;

use coditect_ports::PortError;
use coditect_ports::sandbox::Reports;
use coditect_types::ErrorKind;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::prepare::Prepared;
use super::{DYING, STARTING};
use crate::os::cgroup::Group;
use crate::os::init::MARK;
use crate::os::plan::Message;
use crate::os::pump::{self, Output};
use crate::os::{OsSandbox, sys};

/// The launcher, and through it the whole tree. Dropping it kills the tree and waits until it is gone, also when
/// the host's thread panics.
#[derive(Debug)]
pub(super) struct Child {
    launcher: std::process::Child,
    socket: OwnedFd,
    /// The first process of the pid namespace, once it exists.
    first: Option<OwnedFd>,
    reaped: bool,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
    pub(super) reports: Option<pump::Reports>,
    pub(super) program: String,
    pub(super) memory_by: &'static str,
    /// Last, since a cgroup can be removed only after its processes.
    pub(super) group: Option<Group>,
}

impl Child {
    /// Starts the launcher and hands it its plan.
    pub(super) fn start(sandbox: &OsSandbox, prepared: Prepared) -> Result<Self, PortError> {
        Self::try_start(sandbox, prepared).map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                let cause = "the sandbox's launcher does not answer";
                return PortError::new(ErrorKind::Bug, cause)
                    .with_hint("the launcher must call `init_if_requested` first thing in `main`");
            }
            PortError::from_io("starting the sandbox", &error)
        })
    }

    fn try_start(sandbox: &OsSandbox, prepared: Prepared) -> io::Result<Self> {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
        let Prepared { plan, chosen, stdin, limits, reports } = prepared;
        let (socket, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let pipe = || nix::unistd::pipe2(OFlag::O_CLOEXEC);
        let (stdout, stdout_end) = pipe()?;
        let (stderr, stderr_end) = pipe()?;
        let report = if plan.reports { Some(pipe()?) } else { None };
        let text = sys::sealed_memory(c"plan", &serde_json::to_vec(&plan)?)?;
        let place = sandbox.cgroups();
        let group = place.map(|place| place.group(&limits)).transpose()?;
        let launcher = Command::new(&sandbox.settings.launcher)
            .arg(MARK)
            .env_clear()
            .current_dir("/")
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let (report, report_end) = report.unzip();
        let mut child = Self {
            launcher,
            socket,
            first: None,
            reaped: false,
            stdout: match reports {
                Reports::Stdout => Output::new(stdout, limits.output_bytes)?.reporting(),
                Reports::None | Reports::Channel => Output::new(stdout, limits.output_bytes)?,
            },
            stderr: Output::new(stderr, limits.output_bytes)?,
            reports: report.map(pump::Reports::new).transpose()?,
            program: plan.argv.first().map(|name| name.0.to_string_lossy().into_owned()).unwrap_or_default(),
            memory_by: place.map_or("memory_watch", crate::os::cgroup::Place::version),
            group,
        };
        let mut fds = vec![text.as_fd(), stdin.as_fd(), stdout_end.as_fd(), stderr_end.as_fd()];
        fds.extend(report_end.as_ref().map(AsFd::as_fd));
        fds.extend(chosen.userns.as_ref().map(|fd| fd.as_fd()));
        child.greet()?;
        sys::send_fds(child.socket.as_fd(), b"plan", &fds)?;
        // Moving a process between cgroups can take ten milliseconds, so it is done while the launcher builds
        // the root; it starts nothing before it hears the second message.
        if let Some(group) = &child.group {
            group.add(child.launcher.id())?;
        }
        // A launcher that has refused meanwhile is gone; its refusal is in the socket.
        match sys::send_fds(child.socket.as_fd(), b"go", &[]) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(child),
        }
    }

    /// Waits for the launcher's first word, which a program that is no launcher never says.
    fn greet(&mut self) -> io::Result<()> {
        if !self.readable(self.socket.as_fd(), STARTING)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match self.message()? {
            Some(Message::Hello) => Ok(()),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn readable(&self, fd: BorrowedFd<'_>, within: std::time::Duration) -> io::Result<bool> {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Err(nix::errno::Errno::EINTR) => {}
                other => return Ok(other? > 0),
            }
        }
    }

    /// The launcher's process id.
    pub(super) fn launcher(&self) -> u32 {
        self.launcher.id()
    }

    /// The next message, if there is one.
    pub(super) fn message(&mut self) -> io::Result<Option<Message>> {
        if !self.readable(self.socket.as_fd(), std::time::Duration::ZERO)? {
            return Ok(None);
        }
        let (bytes, mut fds) = match sys::receive_fds(self.socket.as_fd()) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            other => other?,
        };
        if bytes.is_empty() {
            return Ok(None);
        }
        let message: Message = serde_json::from_slice(&bytes)?;
        if message == Message::Born {
            self.first = fds.pop();
        }
        Ok(Some(message))
    }

    /// True when the last process in the pid namespace has ended, or the launcher before there was one.
    pub(super) fn is_gone(&mut self) -> io::Result<bool> {
        if let Some(first) = &self.first {
            return self.readable(first.as_fd(), std::time::Duration::ZERO);
        }
        if !self.reaped && self.launcher.try_wait()?.is_some() {
            self.reaped = true;
        }
        Ok(self.reaped)
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        // The socket tells of the first process; after that, only of its end, and would be readable for good
        // once every other end is closed.
        let news = if let Some(first) = &self.first { first.as_fd() } else { self.socket.as_fd() };
        let reports = self.reports.as_ref().and_then(pump::Reports::fd);
        [Some(news), self.stdout.fd(), self.stderr.fd(), reports].into_iter().flatten()
    }

    /// Kills the tree: the first process takes all others with it, and the launcher ends for want of a child.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        match &self.first {
            Some(first) => sys::kill_by_pidfd(first.as_fd()),
            None if self.reaped => Ok(()),
            None => self.launcher.kill(),
        }
    }

    /// Kills what is left and waits until it is gone.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.reaped {
            return Ok(());
        }
        // The first process may just have been born: then it is to be waited for, too.
        while self.first.is_none() && self.message()?.is_some() {}
        self.kill()?;
        if let Some(first) = &self.first
            && !self.readable(first.as_fd(), DYING)?
        {
            return Err(io::Error::other("a killed process tree does not end"));
        }
        self.launcher.wait()?;
        self.reaped = true;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A first process whose pidfd has not been read yet dies with the launcher.
        if let Err(error) = self.end() {
            tracing::error!(%error, "a sandbox could not be ended");
        }
    }
}

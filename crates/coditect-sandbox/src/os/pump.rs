//! Reading what a guest writes, without ever holding more of it than allowed.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Longest report line, bytes.
const LINE_MAX: usize = 1 << 20;
/// All report lines of one run, bytes.
const REPORTS_MAX: u64 = 256 << 20;
/// Most that is read from one pipe before the others have their turn, bytes. It is also the largest pipe buffer.
const TURN: usize = 64 << 10;

/// The reading end of a pipe, until its other end is closed.
#[derive(Debug)]
struct Pipe(Option<File>);

impl Pipe {
    fn new(end: OwnedFd) -> std::io::Result<Self> {
        fcntl(&end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self(Some(File::from(end))))
    }

    /// Reads once. Zero bytes mean that there is nothing now; at the end, the pipe is closed.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(file) = &mut self.0 else { return Ok(0) };
        match file.read(buffer) {
            Ok(0) => {
                self.0 = None;
                Ok(0)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            other => other,
        }
    }
}

/// Standard output or error: its beginning is kept, the rest is counted.
#[derive(Debug)]
pub(super) struct Output {
    pipe: Pipe,
    pub(super) kept: Vec<u8>,
    pub(super) dropped: u64,
    limit: usize,
    /// Its lines are reports too.
    lines: Option<Lines>,
}

impl Output {
    pub(super) fn new(end: OwnedFd, limit: u64) -> std::io::Result<Self> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Self { pipe: Pipe::new(end)?, kept: Vec::new(), dropped: 0, limit, lines: None })
    }

    /// Its lines are reports too.
    pub(super) fn reporting(self) -> Self {
        Self { lines: Some(Lines::default()), ..self }
    }

    /// For `poll`, while it is open.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.0.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there, up to one turn, and hands each whole line on where lines are reports.
    pub(super) fn pump(
        &mut self,
        buffer: &mut [u8],
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> std::io::Result<Reported> {
        let got = self.pipe.read(buffer)?;
        let room = self.limit.saturating_sub(self.kept.len()).min(got);
        self.kept.extend_from_slice(&buffer[..room]);
        self.dropped += (got - room) as u64;
        match &mut self.lines {
            _ if got == 0 => Ok(Reported::Nothing),
            Some(lines) => Ok(lines.take(&buffer[..got], on_report)),
            None => Ok(Reported::Some),
        }
    }
}

/// The report lines of a runner that has a descriptor for them.
#[derive(Debug)]
pub(super) struct Reports {
    pipe: Pipe,
    lines: Lines,
}

/// Bytes as they come, cut into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    seen: u64,
}

/// What reading reports came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// There was something to read.
    Some,
    /// There was nothing.
    Nothing,
    /// The caller has heard enough.
    Enough,
    /// A line, or all of them together, is longer than any report may be.
    TooLong,
}

impl Reports {
    pub(super) fn new(end: OwnedFd) -> std::io::Result<Self> {
        Ok(Self { pipe: Pipe::new(end)?, lines: Lines::default() })
    }

    /// For `poll`, while it is open.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.0.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there, up to one turn, and hands each whole line to `on_report`.
    pub(super) fn pump(
        &mut self,
        buffer: &mut [u8],
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> std::io::Result<Reported> {
        let got = self.pipe.read(buffer)?;
        if got == 0 { Ok(Reported::Nothing) } else { Ok(self.lines.take(&buffer[..got], on_report)) }
    }
}

impl Lines {
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Reported {
        self.seen += bytes.len() as u64;
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            if self.partial.len() > LINE_MAX {
                return Reported::TooLong;
            }
            let line = std::mem::take(&mut self.partial);
            if on_report(&String::from_utf8_lossy(&line)).is_break() {
                return Reported::Enough;
            }
        }
        self.partial.extend_from_slice(rest);
        let too_long = self.partial.len() > LINE_MAX || self.seen > REPORTS_MAX;
        if too_long { Reported::TooLong } else { Reported::Some }
    }
}

/// A buffer for one turn.
pub(super) fn buffer() -> Vec<u8> {
    vec![0; TURN]
}

#[cfg(test)]
mod tests;

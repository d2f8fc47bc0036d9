//! What a program says: frames of the engine, each a kind, a length and bytes of standard output or error.

use std::ops::ControlFlow;

use coditect_ports::Exit;
use coditect_ports::sandbox::Reports;

use crate::os::{Lines, Reported};

/// Bytes before each frame.
const HEAD: usize = 8;
/// The kind of standard error.
const STDERR: u8 = 2;

/// What the program said so far.
pub(super) struct Said {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Bytes past the limit.
    pub(super) dropped: u64,
    limit: usize,
    reports: Reports,
    lines: Lines,
    /// The beginning of a frame's head.
    head: Vec<u8>,
    /// Kind of the frame that is read, and bytes that it still has.
    frame: (u8, usize),
}

impl Said {
    pub(super) fn new(reports: Reports, limit: u64) -> Self {
        Self {
            stdout: Vec::new(),
            stderr: Vec::new(),
            dropped: 0,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            reports,
            lines: Lines::default(),
            head: Vec::new(),
            frame: (0, 0),
        }
    }

    /// Takes bytes of the stream, and says whether they end the run.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Option<Exit> {
        while !bytes.is_empty() {
            let (kind, left) = self.frame;
            if left == 0 {
                let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
                self.head.extend_from_slice(head);
                bytes = rest;
                if let [kind, _, _, _, a, b, c, d] = self.head[..] {
                    self.head.clear();
                    self.frame = (kind, u32::from_be_bytes([a, b, c, d]) as usize);
                }
                continue;
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(left));
            self.frame = (kind, left - piece.len());
            bytes = rest;
            if let Some(exit) = self.piece(kind, piece, on_report) {
                return Some(exit);
            }
        }
        None
    }

    fn piece(
        &mut self,
        kind: u8,
        bytes: &[u8],
        on_report: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Option<Exit> {
        let out = kind != STDERR;
        if !(out && self.reports == Reports::Channel) {
            let kept = if out { &mut self.stdout } else { &mut self.stderr };
            let room = self.limit.saturating_sub(kept.len()).min(bytes.len());
            kept.extend_from_slice(&bytes[..room]);
            self.dropped += (bytes.len() - room) as u64;
        }
        if !out || self.reports == Reports::None {
            return None;
        }
        match self.lines.take(bytes, on_report) {
            Reported::Some | Reported::Nothing => None,
            Reported::Enough => Some(Exit::Enough),
            Reported::TooLong => Some(Exit::Crashed("its reports are longer than any may be".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap_or_default().to_be_bytes();
        [&[kind, 0, 0, 0], &length[..], text.as_bytes()].concat()
    }

    #[test]
    fn frames_are_told_apart_however_they_come() {
        let stream = [frame(1, "one\ntw"), frame(2, "wrong"), frame(1, ""), frame(1, "o\nthree")].concat();
        for size in [1, 3, 7, 8, 9, 100] {
            let mut heard = Vec::new();
            let mut said = Said::new(Reports::Stdout, 8);
            for piece in stream.chunks(size) {
                let end = said.take(piece, &mut |line| {
                    heard.push(line.to_owned());
                    ControlFlow::Continue(())
                });
                assert_eq!(end, None);
            }
            assert_eq!(heard, ["one", "two"]);
            assert_eq!(
                (&said.stdout[..], &said.stderr[..], said.dropped),
                (&b"one\ntwo\n"[..], &b"wrong"[..], 5)
            );
        }
    }
}

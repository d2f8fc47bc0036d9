//! The committer: one thread that takes every append that waits, writes them at once, makes them durable with one
//! fdatasync, and then tells all of them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use coditect_ports::{AppendError, PortError};
use coditect_types::ErrorKind;

use super::Shared;
use super::checkpoint::checkpoint;
use super::index::Segment;
use super::queue::Pending;
use super::scan::FrameRef;
use super::writer::{NotDone, Writer};

/// Most bytes in one commit, beside a single append that is larger.
const COMMIT_BYTES: usize = 8 << 20;
/// Bytes without a sidecar that are worth one when the journal is closed.
const CHECKPOINT_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Committer {
    shared: Arc<Shared>,
    writer: Writer,
    /// The frames of one commit; kept to spare the allocation.
    frames: Vec<u8>,
    /// Why nothing is kept any more.
    stopped: Option<String>,
}

/// Lets nobody wait for a committer that is gone.
struct CloseOnEnd(Arc<Shared>);

impl Drop for CloseOnEnd {
    fn drop(&mut self) {
        self.0.queue.close();
        self.0.queue.clear();
    }
}

impl Committer {
    pub(super) fn new(shared: Arc<Shared>, writer: Writer) -> Self {
        Self { shared, writer, frames: Vec::new(), stopped: None }
    }

    /// Works until the queue is closed.
    pub(super) fn run(mut self) {
        let _guard = CloseOnEnd(Arc::clone(&self.shared));
        let mut batch = VecDeque::new();
        while self.shared.queue.take(COMMIT_BYTES, &mut batch) {
            self.commit(&mut batch);
        }
        self.close();
    }

    fn commit(&mut self, batch: &mut VecDeque<Pending>) {
        if let Some(why) = &self.stopped {
            let error = stopped(why);
            return self.settle(batch, |_| Err(AppendError::NotKept(error.clone())));
        }
        let len = batch.iter().map(Pending::frame_len).sum();
        if self.writer.must_roll(len)
            && let Err(error) = self.roll()
        {
            let error = refused(&error);
            return self.settle(batch, |_| Err(AppendError::NotKept(error.clone())));
        }
        let refs = self.encode(batch);
        match self.writer.commit(&mut self.frames) {
            Ok(()) => {
                self.publish(batch, &refs);
                self.settle(batch, |pending| Ok(pending.turn.last + u64::from(pending.count)));
            }
            Err(NotDone { error, unknown: false }) => {
                let error = refused(&error);
                self.settle(batch, |_| Err(AppendError::NotKept(error.clone())));
            }
            Err(NotDone { error, unknown: true }) => {
                // What the disk holds is not known, so nothing may be built on it. The next process that opens
                // the journal reads what is there and goes on from that.
                self.stopped = Some(error.to_string());
                let error = refused(&error).with_hint("check the disk, then start again");
                self.settle(batch, |_| Err(AppendError::Unknown(error.clone())));
            }
        }
    }

    /// Puts the frames of a batch one after the other, made for the end of the active segment.
    fn encode(&mut self, batch: &VecDeque<Pending>) -> Vec<FrameRef> {
        self.frames.clear();
        let Some((salt, end)) = self.writer.active.as_ref().map(|active| (active.salt, active.end)) else {
            return Vec::new();
        };
        let mut refs = Vec::with_capacity(batch.len());
        for pending in batch {
            let offset = end + self.frames.len() as u64;
            let head = pending.head(end);
            head.write(salt, offset, &mut self.frames);
            self.frames.extend_from_slice(&pending.body);
            refs.push(FrameRef::of(&head, offset));
        }
        refs
    }

    /// Lets readers of this process see what is durable now.
    fn publish(&self, batch: &VecDeque<Pending>, refs: &[FrameRef]) {
        let Some(active) = &self.writer.active else {
            return;
        };
        let mut index = self.shared.index();
        for (pending, frame) in batch.iter().zip(refs) {
            index.add(&pending.stream, active.key, *frame);
        }
    }

    /// Tells every caller, and lets the streams go on.
    fn settle(&self, batch: &mut VecDeque<Pending>, answer: impl Fn(&Pending) -> Result<u64, AppendError>) {
        for mut pending in batch.drain(..) {
            let answer = answer(&pending);
            if let Ok(last) = &answer {
                pending.turn.last = *last;
            }
            let Pending { stream, turn, lease, done, .. } = pending;
            drop(turn);
            if lease.let_go.load(Ordering::SeqCst) {
                self.shared.leases.release(&stream);
            }
            // Nobody waits any more when the caller's task was dropped; the append stands all the same.
            drop(done.send(answer));
        }
    }

    /// Finishes the active segment and begins a new one.
    fn roll(&mut self) -> io::Result<()> {
        let old = self.writer.active.as_ref().map(|active| active.key);
        if old.is_some()
            && let Err(error) = self.writer.trim()
        {
            tracing::debug!(%error, "a finished segment keeps its zeros");
        }
        let active = self.writer.roll()?;
        let (key, salt) = (active.key, active.salt);
        let mut index = self.shared.index();
        index.drop_segment(key);
        index.segments.insert(key, Segment::new(salt));
        if let Some(old) = old {
            if let Some(segment) = index.segments.get_mut(&old) {
                segment.sealed = true;
            }
            if let Err(error) = checkpoint(&self.shared.layout, &mut index, old) {
                tracing::debug!(%error, "no sidecar for a finished segment");
            }
        }
        Ok(())
    }

    /// Leaves the lane tidy. None of it is needed: a process that is killed does without.
    fn close(&mut self) {
        if let Err(error) = self.writer.trim() {
            tracing::debug!(%error, "the newest segment keeps its zeros");
        }
        let Some(key) = self.writer.active.as_ref().map(|active| active.key) else {
            return;
        };
        let mut index = self.shared.index();
        let worth = index
            .segments
            .get(&key)
            .is_some_and(|segment| segment.scanned - segment.covered >= CHECKPOINT_BYTES);
        if worth && let Err(error) = checkpoint(&self.shared.layout, &mut index, key) {
            tracing::debug!(%error, "no sidecar for the newest segment");
        }
    }
}

/// The error of an append that the disk refused.
fn refused(error: &io::Error) -> PortError {
    let mut refused = PortError::from_io("writing to the journal", error);
    if matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    ) {
        refused.kind = ErrorKind::Exhausted;
        refused.hint = Some("make room on the disk; what was kept before is safe".to_owned());
    }
    refused
}

fn stopped(why: &str) -> PortError {
    PortError::new(ErrorKind::Unavailable, format!("the journal stopped when its disk failed: {why}"))
        .with_hint("check the disk, then start again")
}

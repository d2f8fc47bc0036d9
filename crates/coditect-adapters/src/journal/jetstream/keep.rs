//! The way of an append: published under the number of the message that must be the subject's last, so that of two
//! writers one is refused, and known again by its id where the answer was lost.
//!
//! A message that got no answer may be kept, or may yet be, when a server goes on that was paused. So it is sent
//! again under the same number: of all copies one at most can be kept. The message behind the number tells which
//! of the three it is: ours, another's, or none yet.

use bytes::Bytes;
use coditect_ports::{AppendError, PortError};
use coditect_types::{ErrorKind, MissionId};
use tokio::time::Instant;

use super::Shared;
use super::codec::{self, Body, Frame, Id};
use super::read;
use crate::nats::api::{AskMessage, code};
use crate::nats::link::{Fault, Pause};

/// What the headers of a message take at most, bytes.
const HEADERS: usize = 128;

/// Where a mission's subject ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// The number of its last message in the stream; 0: there is none.
    pub(super) seq: u64,
    /// The mission's last number.
    pub(super) last: u64,
}

/// Writes the records of an append, on the thread of whoever made them: to give memory back on another thread costs as much as all the rest.
///
/// # Errors
/// They are too much for one append.
pub(super) fn written(records: Vec<Vec<u8>>) -> Result<(u32, Body), AppendError> {
    let body = codec::body_of(&records).ok_or_else(too_large)?;
    Ok((u32::try_from(records.len()).map_err(|_| too_large())?, body))
}

/// Appends. `known` is where the mission was when we last heard of it, and is what it is afterwards, if that is known.
pub(super) async fn append(
    shared: &Shared,
    mission: &MissionId,
    expected: u64,
    (count, body): (u32, Body),
) -> Result<u64, AppendError> {
    let closed = |_| AppendError::NotKept(PortError::new(ErrorKind::Unavailable, "the journal was closed"));
    // `BODY_MAX` is half the room, so that every append fits.
    let room = shared.room.acquire_many((body.len() >> 10) as u32 + 1).await.map_err(closed)?;
    let turn = shared.turn(mission);
    let mut known = turn.lock().await;
    let largest = shared.largest.map_or(shared.link.max_payload(), |own| own.min(shared.link.max_payload()));
    let size = largest.saturating_sub(codec::FRAME_MAX + HEADERS).max(1);
    let id = shared.next_id();
    let body = if body.len() <= size {
        Parts::One(body.into_message(&Frame { id, before: expected, count, part: 0, parts: 1 }))
    } else {
        Parts::Several(body, size)
    };
    let append = Append {
        shared,
        subject: shared.subject(mission),
        id,
        expected,
        count,
        body,
        deadline: shared.link.deadline(),
    };
    let ended = append.perform(&mut known).await;
    drop(room);
    ended
}

/// What is sent of an append.
enum Parts {
    /// The message.
    One(Bytes),
    /// What is divided into messages of so many bytes of it.
    Several(Body, usize),
}

/// One append.
struct Append<'a> {
    shared: &'a Shared,
    subject: String,
    id: Id,
    expected: u64,
    count: u32,
    body: Parts,
    deadline: Instant,
}

/// Why a message was not kept, as far as one knows.
enum Trouble {
    /// Another writer was there first, or it seems so.
    Overtaken,
    Failed(AppendError),
}

/// What is behind the message that was expected to be the last.
enum Behind {
    Ours(u64),
    Another,
    Nothing,
}

impl Append<'_> {
    async fn perform(&self, known: &mut Option<Tail>) -> Result<u64, AppendError> {
        let heard = known.take();
        let mut at = match heard {
            Some(tail) if tail.last == self.expected => tail,
            // A mission that begins: the server tells if it does not.
            None if self.expected == 0 && self.count > 0 => Tail::default(),
            _ => self.tail().await?,
        };
        let mut pause = Pause::default();
        loop {
            if at.last != self.expected {
                // Where nothing is left of it, somebody forgot it.
                if at.seq > 0 && heard.is_some_and(|heard| heard.last > at.last) {
                    tracing::error!(
                        subject = self.subject,
                        acknowledged = heard.map(|heard| heard.last),
                        found = at.last,
                        "the NATS server has lost records that it had acknowledged; see `sync_interval`"
                    );
                }
                *known = Some(at);
                return Err(AppendError::Conflict { expected: self.expected, actual: at.last });
            }
            if self.count == 0 {
                *known = Some(at);
                return Ok(self.expected);
            }
            match self.parts(at.seq).await {
                Ok(seq) => {
                    let last = self.expected + u64::from(self.count);
                    *known = Some(Tail { seq, last });
                    return Ok(last);
                }
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Overtaken) => at = self.tail().await?,
            }
            // The last number is still the expected one: the other left parts of an append, or a cluster has not
            // decided yet.
            if !pause.taken(self.deadline).await {
                let cause = format!("other writers to `{}` were always first", self.subject);
                return Err(AppendError::NotKept(PortError::new(ErrorKind::Unavailable, cause)));
            }
        }
    }

    async fn tail(&self) -> Result<Tail, AppendError> {
        let end = read::end_of(self.shared, &self.subject, self.deadline).await;
        let end = end.map_err(AppendError::NotKept)?;
        Ok(end.map_or(Tail::default(), |end| Tail { seq: end.seq, last: end.frame.last() }))
    }

    /// Sends all parts, one behind the other: each expects the one before. Gives the number of the last one.
    async fn parts(&self, mut seq: u64) -> Result<u64, Trouble> {
        let frame =
            |part, parts| Frame { id: self.id, before: self.expected, count: self.count, part, parts };
        match &self.body {
            Parts::One(message) => seq = self.part(seq, &frame(0, 1), message.clone()).await?,
            Parts::Several(body, size) => {
                // `BODY_MAX` parts at most.
                let parts = body.len().div_ceil(*size) as u32;
                for (part, chunk) in (0..).zip(body.chunks(*size)) {
                    let frame = frame(part, parts);
                    let message = Bytes::from(codec::encode(&frame, chunk));
                    seq = self.part(seq, &frame, message).await?;
                }
            }
        }
        Ok(seq)
    }

    /// Sends one part until it is known what became of it, or until the deadline.
    async fn part(&self, expected: u64, frame: &Frame, payload: Bytes) -> Result<u64, Trouble> {
        let is_last = frame.part + 1 == frame.parts;
        let mut may_be_kept = false;
        let mut pause = Pause::default();
        loop {
            let fault = match self.send(expected, payload.clone()).await {
                Ok(seq) => return Ok(seq),
                Err(fault) => fault,
            };
            let is_overtaken = fault.is(&[code::WRONG_LAST, code::WRONG_LAST_CONSTANT]);
            may_be_kept |= matches!(fault, Fault::NoAnswer(_) | Fault::Odd(_));
            if is_overtaken || may_be_kept {
                match self.behind(expected, frame).await {
                    Ok(Behind::Ours(seq)) => return Ok(seq),
                    Ok(Behind::Another) => return Err(Trouble::Overtaken),
                    Ok(Behind::Nothing) if is_overtaken => return Err(Trouble::Overtaken),
                    // It is sent again.
                    Ok(Behind::Nothing) | Err(_) => {}
                }
            }
            if (fault.passes() || is_overtaken) && pause.taken(self.deadline).await {
                continue;
            }
            let error = self.shared.link.error(&format!("appending to `{}`", self.subject), fault);
            // Without its last part nothing of an append counts.
            return Err(Trouble::Failed(if may_be_kept && is_last {
                AppendError::Unknown(error)
            } else {
                AppendError::NotKept(error)
            }));
        }
    }

    async fn send(&self, expected: u64, payload: Bytes) -> Result<u64, Fault> {
        let link = &self.shared.link;
        link.connected(self.deadline).await?;
        link.publish(&self.subject, Some(expected), payload, link.try_until(self.deadline)).await
    }

    async fn behind(&self, expected: u64, frame: &Frame) -> Result<Behind, Fault> {
        let which = AskMessage {
            seq: Some(expected + 1),
            next_by_subj: Some(&self.subject),
            ..AskMessage::default()
        };
        let stream = &self.shared.names.journal;
        let Some(message) = self.shared.link.message(stream, which, self.deadline).await? else {
            return Ok(Behind::Nothing);
        };
        let bytes = read::bytes_of(&message).unwrap_or_default();
        Ok(match codec::decode(&bytes) {
            Ok((found, _)) if found.id == frame.id && found.part == frame.part => Behind::Ours(message.seq),
            Ok(_) | Err(_) => Behind::Another,
        })
    }
}

fn too_large() -> AppendError {
    let text = format!("one append may have {} MiB at most", codec::BODY_MAX >> 20);
    AppendError::NotKept(PortError::new(ErrorKind::Invalid, text))
}

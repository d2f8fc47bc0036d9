//! The way back: messages to records.
//!
//! Where a mission ends is asked of the stream's leader, so that nothing that was acknowledged is missed. What comes
//! before is read in batches from whichever server has it, and a server that lags is asked again.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coditect_ports::PortError;
use coditect_ports::journal::StreamInfo;
use coditect_types::{ErrorKind, MissionId};
use tokio::time::Instant;

use super::Shared;
use super::codec::{self, Bad, Frame, Id};
use crate::nats::api::{self, AskBatch, AskMessage, AskStream, StoredMessage};
use crate::nats::link::{BATCH, Pause};

/// Missions whose places are remembered.
const PLACES: usize = 1024;
/// Places that are remembered of each.
const PLACES_EACH: usize = 8;

/// The last message of a mission.
pub(super) struct End {
    pub(super) seq: u64,
    pub(super) frame: Frame,
    chunk: Vec<u8>,
}

/// Numbers of records, and of the messages in which they begin: where a reader goes on.
#[derive(Debug, Default)]
pub(super) struct Places {
    of: HashMap<MissionId, BTreeMap<u64, Place>>,
    /// Grows with each use.
    now: u64,
}

/// A message, and when it was last of use.
#[derive(Clone, Copy, Debug)]
struct Place {
    seq: u64,
    used: u64,
}

impl Places {
    fn put(&mut self, mission: &MissionId, record: u64, seq: u64) {
        if self.of.len() >= PLACES && !self.of.contains_key(mission) {
            self.of.clear();
        }
        self.now += 1;
        let places = self.of.entry(mission.clone()).or_default();
        if places.len() >= PLACES_EACH && !places.contains_key(&record) {
            // Who reads from the start keeps its place, however many look at the end meanwhile.
            let oldest = places.iter().min_by_key(|(_, place)| place.used).map(|(record, _)| *record);
            oldest.and_then(|oldest| places.remove(&oldest));
        }
        places.insert(record, Place { seq, used: self.now });
    }

    fn at_or_before(&mut self, mission: &MissionId, record: u64) -> Option<(u64, u64)> {
        let (record, place) = self.of.get_mut(mission)?.range_mut(..=record).next_back()?;
        self.now += 1;
        place.used = self.now;
        Some((*record, place.seq))
    }

    pub(super) fn forget(&mut self, mission: &MissionId) {
        self.of.remove(mission);
    }
}

/// The bytes of a message from the leader. None: they are no base64.
pub(super) fn bytes_of(message: &StoredMessage) -> Option<Vec<u8>> {
    STANDARD.decode(&message.data).ok()
}

/// The last message of a subject, as the leader has it.
pub(super) async fn end_of(
    shared: &Shared,
    subject: &str,
    deadline: Instant,
) -> Result<Option<End>, PortError> {
    let which = AskMessage { last_by_subj: Some(subject), ..AskMessage::default() };
    let message = shared.link.message(&shared.names.journal, which, deadline).await;
    let message = message.map_err(|fault| shared.link.error(&format!("reading `{subject}`"), fault))?;
    let Some(message) = message else { return Ok(None) };
    let bytes = bytes_of(&message).unwrap_or_default();
    let (frame, chunk) = codec::decode(&bytes).map_err(|bad| unreadable(subject, message.seq, bad))?;
    Ok(Some(End { seq: message.seq, frame, chunk: chunk.to_vec() }))
}

/// Up to `limit` records of a mission from number `from` on.
pub(super) async fn read(
    shared: &Shared,
    mission: &MissionId,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
    let from = from.max(1);
    let deadline = shared.link.deadline();
    let subject = shared.subject(mission);
    let Some(end) =
        end_of(shared, &subject, deadline).await?.filter(|end| limit > 0 && from <= end.frame.last())
    else {
        return Ok(Vec::new());
    };
    let place = shared.places().at_or_before(mission, from);
    let mut reading = Reading::new(&subject, from, limit, place.unwrap_or((1, 1)));
    // What is in the last message is at hand.
    if end.frame.parts == 1 && from > end.frame.before {
        reading.next = end.frame.before + 1;
        reading
            .take(end.seq, &end.frame, &end.chunk)
            .map_err(|_| unreadable(&subject, end.seq, Bad::Foreign))?;
        return Ok(reading.records);
    }
    let mut ended = reading.through(shared, end.seq, deadline).await;
    if place.is_some() && matches!(ended, Err(Stop::Damaged(_))) {
        // The mission may have been forgotten and begun again by another process.
        shared.places().forget(mission);
        reading = Reading::new(&subject, from, limit, (1, 1));
        ended = reading.through(shared, end.seq, deadline).await;
    }
    shared.places().put(mission, reading.next, reading.seq);
    match ended {
        Ok(()) => Ok(reading.records),
        // What comes before the damage is told.
        Err(Stop::Damaged(_)) if !reading.records.is_empty() => Ok(reading.records),
        Err(Stop::Damaged(error) | Stop::Failed(error)) => Err(error),
    }
}

/// Why reading stopped before its end.
enum Stop {
    Damaged(PortError),
    Failed(PortError),
}

/// What does not fit.
struct Misfit;

/// An append of which parts are still to come.
struct Parts {
    id: Id,
    part: u32,
    body: Vec<u8>,
}

/// Reading under way.
struct Reading<'a> {
    subject: &'a str,
    from: u64,
    limit: usize,
    /// The number of the record that comes next, and of the message in which it begins or that comes before it.
    next: u64,
    seq: u64,
    parts: Option<Parts>,
    records: Vec<(u64, Vec<u8>)>,
}

impl<'a> Reading<'a> {
    fn new(subject: &'a str, from: u64, limit: usize, (next, seq): (u64, u64)) -> Self {
        Self { subject, from, limit, next, seq, parts: None, records: Vec::new() }
    }

    /// Reads until there is enough, or up to the message `end`.
    async fn through(&mut self, shared: &Shared, end: u64, deadline: Instant) -> Result<(), Stop> {
        let link = &shared.link;
        let mut pause = Pause::default();
        let mut at = self.seq;
        while self.records.len() < self.limit && at <= end {
            // A message has a record at least, unless it is a part; before the first that is wanted, nobody knows how many there are.
            let is_on_the_way = self.next < self.from;
            let batch = if is_on_the_way { BATCH } else { (self.limit - self.records.len()).clamp(1, BATCH) };
            let which = AskBatch {
                seq: Some(at),
                next_by_subj: Some(self.subject),
                batch,
                max_bytes: crate::nats::link::BATCH_BYTES,
                ..AskBatch::default()
            };
            let doing = format!("reading `{}`", self.subject);
            let got = link.batch(&shared.names.journal, &which, deadline).await;
            let got = got.map_err(|fault| Stop::Failed(link.error(&doing, fault)))?;
            for message in &got.messages {
                let read = codec::decode(&message.payload);
                let (frame, chunk) =
                    read.map_err(|bad| Stop::Damaged(unreadable(self.subject, message.seq, bad)))?;
                self.take(message.seq, &frame, chunk)
                    .map_err(|Misfit| Stop::Damaged(missing(self.subject, self.next, message.seq)))?;
                at = message.seq + 1;
            }
            if !got.messages.is_empty() {
                continue;
            }
            // The server that answered lags, or the mission was forgotten meanwhile.
            if end_of(shared, self.subject, deadline)
                .await
                .map_err(Stop::Failed)?
                .is_none_or(|now| now.seq < at)
            {
                return Ok(());
            }
            if !pause.taken(deadline).await {
                let cause =
                    format!("reading `{}`: the servers that answer lag behind the leader", self.subject);
                return Err(Stop::Failed(PortError::new(ErrorKind::Unavailable, cause)));
            }
        }
        Ok(())
    }

    /// Takes the next message.
    fn take(&mut self, seq: u64, frame: &Frame, chunk: &[u8]) -> Result<(), Misfit> {
        if frame.parts == 1 {
            self.parts = None;
            return self.take_body(seq, frame, chunk);
        }
        match &mut self.parts {
            // A first part: those before it, if they miss some, were left by a writer that died.
            _ if frame.part == 0 => {
                self.parts = Some(Parts { id: frame.id, part: 0, body: chunk.to_vec() });
            }
            Some(parts) if parts.id == frame.id && parts.part + 1 == frame.part => {
                if parts.body.len() + chunk.len() > codec::BODY_MAX {
                    return Err(Misfit);
                }
                parts.part += 1;
                parts.body.extend_from_slice(chunk);
            }
            Some(_) | None => return Err(Misfit),
        }
        if frame.part + 1 < frame.parts {
            return Ok(());
        }
        let body = self.parts.take().map(|parts| parts.body).unwrap_or_default();
        self.take_body(seq, frame, &body)
    }

    /// Takes the records of an append whose last message is `seq`.
    fn take_body(&mut self, seq: u64, frame: &Frame, body: &[u8]) -> Result<(), Misfit> {
        if frame.before + 1 != self.next {
            return Err(Misfit);
        }
        let records = codec::records_of(body, frame.count).ok_or(Misfit)?;
        for (number, record) in (self.next..).zip(records) {
            if self.records.len() == self.limit {
                // It begins in this append: the place stays before it.
                return Ok(());
            }
            if number >= self.from {
                self.records.push((number, record.to_vec()));
            }
        }
        self.next = frame.last() + 1;
        self.seq = seq + 1;
        Ok(())
    }
}

/// Every mission, in the order of ids.
pub(super) async fn streams(shared: &Shared) -> Result<Vec<StreamInfo>, PortError> {
    let deadline = shared.link.deadline();
    let mut last: BTreeMap<MissionId, u64> = BTreeMap::new();
    let (subjects, up_to) = subjects(shared, deadline).await?;
    // What one request can name.
    let each = shared.link.max_payload() / 2 / (shared.names.of_journal.len() + 72);
    for group in subjects.chunks(each.clamp(1, BATCH)) {
        ends_of(shared, group, up_to, deadline, &mut last).await?;
    }
    Ok(last.into_iter().map(|(stream, last_seq)| StreamInfo { stream, last_seq }).collect())
}

/// Every subject with a message, and the number of the stream's last one.
async fn subjects(shared: &Shared, deadline: Instant) -> Result<(Vec<String>, u64), PortError> {
    let filter = format!("{}*", shared.names.of_journal);
    let name = format!("STREAM.INFO.{}", shared.names.journal);
    let mut found: Vec<String> = Vec::new();
    loop {
        let ask = AskStream { subjects_filter: &filter, offset: found.len() };
        let info = shared.link.api_patiently::<api::StreamInfo>(&name, &ask, deadline).await;
        let info = info.map_err(|fault| shared.link.error("listing missions", fault))?;
        let page = info.state.subjects.unwrap_or_default();
        let is_last = page.is_empty() || found.len() + page.len() >= info.total;
        found.extend(page.into_keys());
        if is_last {
            found.sort_unstable();
            found.dedup();
            return Ok((found, info.state.last_seq));
        }
    }
}

/// Where the missions of these subjects end.
async fn ends_of(
    shared: &Shared,
    subjects: &[String],
    up_to: u64,
    deadline: Instant,
    last: &mut BTreeMap<MissionId, u64>,
) -> Result<(), PortError> {
    let link = &shared.link;
    let mut open: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let mut pause = Pause::default();
    while !open.is_empty() {
        let which = AskBatch {
            batch: open.len(),
            multi_last: open.clone(),
            max_bytes: crate::nats::link::BATCH_BYTES,
            ..AskBatch::default()
        };
        let got = link.batch(&shared.names.journal, &which, deadline).await;
        let got = got.map_err(|fault| link.error("listing missions", fault))?;
        if got.up_to.is_some_and(|has| has < up_to) {
            if pause.taken(deadline).await {
                continue;
            }
            let cause = "listing missions: the servers that answer lag behind the leader";
            return Err(PortError::new(ErrorKind::Unavailable, cause));
        }
        if got.messages.is_empty() {
            // They were forgotten meanwhile, or the server that answered has none of them yet: the leader knows.
            for subject in open {
                let name = subject.strip_prefix(&shared.names.of_journal).unwrap_or_default();
                let end = match end_of(shared, subject, deadline).await {
                    Ok(end) => end.filter(|end| end.frame.last() > 0),
                    Err(error) if error.kind == ErrorKind::Unavailable => return Err(error),
                    Err(error) => {
                        shared.finds(error);
                        None
                    }
                };
                if let (Some(end), Ok(mission)) = (end, MissionId::parse(name)) {
                    last.insert(mission, end.frame.last());
                }
            }
            return Ok(());
        }
        for message in &got.messages {
            let frame = match codec::decode(&message.payload) {
                Ok((frame, _)) => frame,
                Err(bad) => {
                    // One mission that cannot be read does not hide the others.
                    shared.finds(unreadable(&message.subject, message.seq, bad));
                    continue;
                }
            };
            let name = message.subject.strip_prefix(&shared.names.of_journal).unwrap_or_default();
            match MissionId::parse(name) {
                // Parts of a first append are no mission yet.
                Ok(mission) if frame.last() > 0 => drop(last.insert(mission, frame.last())),
                Ok(_) => {}
                Err(_) => {
                    tracing::warn!(subject = message.subject, "a subject names no mission; passed over")
                }
            }
        }
        open.retain(|subject| !got.messages.iter().any(|message| message.subject == *subject));
    }
    Ok(())
}

fn unreadable(subject: &str, seq: u64, bad: Bad) -> PortError {
    match bad {
        Bad::Newer(version) => {
            let cause = format!(
                "message {seq} of `{subject}` was written in format {version}, and this version reads {} at most",
                codec::VERSION
            );
            PortError::new(ErrorKind::Invalid, cause).with_hint("use the newest version of `coditect`")
        }
        Bad::Foreign => {
            let cause = format!("message {seq} of `{subject}` is damaged, or another program wrote it");
            PortError::new(ErrorKind::Conflict, cause).with_hint(format!(
                "look at it with `nats stream get`; only coditect may publish to `{subject}`"
            ))
        }
    }
}

fn missing(subject: &str, record: u64, seq: u64) -> PortError {
    let cause = format!("record {record} of `{subject}` is missing before message {seq}");
    PortError::new(ErrorKind::Conflict, cause).with_hint("messages were removed from the stream by hand")
}

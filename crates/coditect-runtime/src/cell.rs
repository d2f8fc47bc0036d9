//! One mission, without any waiting: state, position in the journal, and the codec of its records.
//!
//! The tokio shell and the simulator drive the same cell, so what the simulator proves holds for the product.

use coditect_core::{State, apply, decide, effects};
use coditect_types::{Effect, Event, Input, MissionId, Record, Refusal, Reply};
use serde::Serialize;

/// A mission in memory.
#[derive(Debug)]
pub struct Cell {
    mission: MissionId,
    state: State,
    seq: u64,
}

/// A step that was decided and is not yet kept.
#[derive(Debug)]
pub struct Step {
    mission: MissionId,
    /// The number of its first record.
    first_seq: u64,
    at_ms: u64,
    events: Vec<Event>,
    reply: Reply,
    next: State,
}

/// A [`Record`] that is written before there is one. Its fields are the record's, in the same order.
#[derive(Serialize)]
struct RecordRef<'e> {
    mission: &'e MissionId,
    seq: u64,
    at_ms: u64,
    #[serde(flatten)]
    event: &'e Event,
}

impl Step {
    /// True where the input changed nothing: then there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The number of its last record; 0 if it has none.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        if self.is_empty() { 0 } else { self.first_seq + self.events.len() as u64 - 1 }
    }

    /// The records to append, in order, as bytes: one JSON object each, so that a journal can be read without
    /// this program.
    #[must_use]
    pub fn encode(&self) -> Vec<Vec<u8>> {
        let numbered = self.events.iter().zip(self.first_seq..);
        numbered
            .map(|(event, seq)| to_json(&RecordRef { mission: &self.mission, seq, at_ms: self.at_ms, event }))
            .collect()
    }
}

/// A record as bytes.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    to_json(record)
}

fn to_json(record: &impl Serialize) -> Vec<u8> {
    // Most records fit, so that the buffer does not grow step by step.
    let mut json = Vec::with_capacity(384);
    match serde_json::to_writer(&mut json, record) {
        Ok(()) => json,
        // Serialising plain data into memory has no way to fail: no map with keys that are not text, no IO.
        Err(_) => Vec::new(),
    }
}

/// A record from bytes.
pub fn decode(bytes: &[u8]) -> Result<Record, serde_json::Error> {
    serde_json::from_slice(bytes)
}

impl Cell {
    /// A mission of which the journal knows nothing.
    #[must_use]
    pub fn new(mission: MissionId) -> Self {
        Self { mission, state: State::default(), seq: 0 }
    }

    /// A mission as its records tell it.
    #[must_use]
    pub fn replay<'a>(mission: MissionId, records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut cell = Self::new(mission);
        records.into_iter().for_each(|record| cell.hear(record));
        cell
    }

    /// Takes a record that is in the journal: for whoever follows a mission that is written elsewhere.
    pub fn hear(&mut self, record: &Record) {
        apply(&mut self.state, record.at_ms, &record.event);
        self.seq = record.seq;
    }

    /// The mission.
    #[must_use]
    pub fn mission(&self) -> &MissionId {
        &self.mission
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The number of its newest record; what an append expects.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Decides. Changes nothing here: the step takes effect with [`Cell::kept`].
    pub fn step(&self, now_ms: u64, input: &Input) -> Result<Step, Refusal> {
        let decision = decide(&self.state, now_ms, input)?;
        Ok(Step {
            mission: self.mission.clone(),
            first_seq: self.seq + 1,
            at_ms: decision.next.newest_ms,
            events: decision.events,
            reply: decision.reply,
            next: decision.next,
        })
    }

    /// The journal has the step: it is true now. Gives the records and the reply to tell.
    pub fn kept(&mut self, step: Step) -> (impl Iterator<Item = Record> + use<>, Reply) {
        let (_, records, reply) = self.exchange(step);
        (records, reply)
    }

    /// The same, with the state that was true before.
    pub fn exchange(&mut self, step: Step) -> (State, impl Iterator<Item = Record> + use<>, Reply) {
        let Step { mission, first_seq, at_ms, events, reply, next } = step;
        self.seq += events.len() as u64;
        let before = std::mem::replace(&mut self.state, next);
        let record = move |(event, seq)| Record { mission: mission.clone(), seq, at_ms, event };
        (before, events.into_iter().zip(first_seq..).map(record), reply)
    }

    /// What is to be under way.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        effects(&self.state)
    }
}

#[cfg(test)]
mod tests;

//! One mission, without any waiting: state, position in the journal, and the codec of its records.
//!
//! The tokio shell and the simulator drive the same cell, so what the simulator proves holds for the product.

use coditect_core::{State, apply, decide, effects};
use coditect_types::{Effect, Input, MissionId, Record, Refusal, Reply};

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
    /// The records to append, in order; none if the input changed nothing.
    pub records: Vec<Record>,
    /// The answer to give once they are kept.
    pub reply: Reply,
    next: State,
}

impl Step {
    /// The number of its last record; 0 if it has none.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.records.last().map_or(0, |record| record.seq)
    }

    /// The records as bytes: one JSON object each, so that a journal can be read without this program.
    #[must_use]
    pub fn encode(&self) -> Vec<Vec<u8>> {
        self.records.iter().map(encode).collect()
    }
}

/// A record as bytes.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    // Serialising plain data into memory has no way to fail: no map with keys that are not text, no IO.
    serde_json::to_vec(record).unwrap_or_default()
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
        for record in records {
            apply(&mut cell.state, record.at_ms, &record.event);
            cell.seq = record.seq;
        }
        cell
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
        let at_ms = decision.next.newest_ms;
        let records = decision
            .events
            .into_iter()
            .zip(self.seq + 1..)
            .map(|(event, seq)| Record { mission: self.mission.clone(), seq, at_ms, event })
            .collect();
        Ok(Step { records, reply: decision.reply, next: decision.next })
    }

    /// The journal has the step: it is true now. Gives the records and the reply to tell.
    pub fn kept(&mut self, step: Step) -> (Vec<Record>, Reply) {
        self.seq += step.records.len() as u64;
        self.state = step.next;
        (step.records, step.reply)
    }

    /// What is to be under way.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        effects(&self.state)
    }
}

//! What all of a fleet share, with the promises of JetStream: a journal that keeps what follows its newest record, a queue that hands an
//! order out again where nobody says that they are at it, outcomes, and who says that they have which mission.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use coditect_ports::Journal;
use coditect_ports::journal::AppendError;
use coditect_types::{Action, AttemptId, MissionId, Outcome};

use super::Pid;
use crate::memory_journal::MemoryJournal;

/// After so long without a sign of whoever took it, an order is handed out again, ms.
pub(super) const SILENCE_MS: u64 = 30_000;
/// How often a process says which mission it has, ms.
pub(super) const BEAT_MS: u64 = 5_000;
/// How long the server keeps who said that they have a mission, ms.
const HELD_MS: u64 = 20_000;

/// What an order is told apart by.
pub(super) type Name = (MissionId, AttemptId);

/// An order in the queue.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) name: Name,
    pub(super) action: Arc<Action>,
    /// What an outcome of it names: its digest.
    pub(super) of: u64,
    /// Not handed out before.
    visible_at: u64,
    pub(super) delivered: u32,
}

/// An outcome as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The order that it says it is of.
    pub(super) of: u64,
    pub(super) is_trusted: bool,
    /// It is a dead letter: it says why the order was given up.
    pub(super) is_letter: bool,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Default)]
pub(super) struct Server {
    journal: MemoryJournal,
    /// Nobody reaches it before.
    pub(super) away_until: u64,
    pub(super) orders: BTreeMap<u64, Order>,
    /// Orders that came once: one of them that comes again is none.
    known: BTreeSet<(Name, u64)>,
    /// Missions whose files are there for other machines.
    pub(super) packs: BTreeSet<MissionId>,
    /// The newest outcome of each name.
    pub(super) outcomes: BTreeMap<Name, Kept>,
    held: BTreeMap<Pid, Held>,
    /// When it forgot who said so: it was started anew, and nothing is believed before it was said again.
    forgot_at: u64,
}

#[derive(Debug)]
struct Held {
    mission: MissionId,
    machine: usize,
    at: u64,
}

impl Server {
    pub(super) fn journal(&self) -> &MemoryJournal {
        &self.journal
    }

    /// The number of a mission's newest record.
    pub(super) fn newest(&self, mission: &MissionId) -> u64 {
        let streams = self.journal.streams().unwrap_or_default();
        streams.iter().find(|info| info.stream == *mission).map_or(0, |info| info.last_seq)
    }

    /// Keeps records, if they follow the newest one; or whatever they follow, where it breaks that promise.
    pub(super) fn append(
        &self,
        mission: &MissionId,
        expected_seq: u64,
        records: Vec<Vec<u8>>,
        is_unfenced: bool,
    ) -> Result<(), AppendError> {
        let follows = if is_unfenced { self.newest(mission) } else { expected_seq };
        self.journal.append_now(mission, follows, records).map(drop)
    }

    /// Takes an order, unless it came before.
    pub(super) fn publish(&mut self, id: u64, name: Name, (action, of): (Arc<Action>, u64)) {
        self.packs.insert(name.0.clone());
        if self.known.insert((name.clone(), of)) {
            self.orders.insert(id, Order { name, action, of, visible_at: 0, delivered: 0 });
        }
    }

    /// Hands out the first order that nobody is at.
    pub(super) fn fetch(&mut self, now: u64) -> Option<(u64, Order)> {
        let (id, order) = self.orders.iter_mut().find(|(_, order)| order.visible_at <= now)?;
        order.visible_at = now + SILENCE_MS;
        order.delivered += 1;
        Some((*id, order.clone()))
    }

    /// Lets an order rest for so long, ms: somebody is at it, or it was handed back.
    pub(super) fn rest(&mut self, now: u64, id: u64, for_ms: u64) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.visible_at = now + for_ms;
        }
    }

    /// Nobody is to take it any more.
    pub(super) fn take_back(&mut self, name: &Name) {
        self.orders.retain(|_, order| order.name != *name);
    }

    pub(super) fn says(&mut self, now: u64, pid: Pid, (mission, machine): (MissionId, usize)) {
        self.held.insert(pid, Held { mission, machine, at: now });
    }

    /// A process says that it has nothing any more.
    pub(super) fn releases(&mut self, pid: Pid) {
        self.held.remove(&pid);
    }

    /// It was started anew, and what was only in its memory is gone.
    pub(super) fn forgets(&mut self, now: u64) {
        self.held.clear();
        self.forgot_at = now;
    }

    /// Whether what a door of this machine says is there, since it was started anew: each says it at moments of its own.
    pub(super) fn is_heard(&self, now: u64, machine: usize) -> bool {
        now >= self.forgot_at + (machine as u64 * 1_700 + 200) % BEAT_MS
    }

    /// Whether some process said so lately that it has a mission; `is_gone` knows of those of one's own machine that are dead.
    pub(super) fn is_held(
        &self,
        now: u64,
        mission: &MissionId,
        is_gone: impl Fn(Pid, usize) -> bool,
    ) -> bool {
        self.held.iter().any(|(pid, held)| {
            held.mission == *mission && now < held.at + HELD_MS && !is_gone(*pid, held.machine)
        })
    }
}

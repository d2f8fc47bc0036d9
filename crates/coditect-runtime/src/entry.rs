//! What a list says of a mission: its first record and its end, without reading what is in between.

use coditect_ports::journal::StreamInfo;
use coditect_ports::{Journal, PortError};
use coditect_types::{Event, Ledger, MissionId, MissionStatus, Record, UserName};

use crate::cell::decode;

/// Records that may stand behind the end of a mission: outcomes that came late. It is looked for that far back, no further.
const BEHIND: u64 = 16;

/// A mission in a list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub mission: MissionId,
    /// The request.
    pub request: String,
    /// The person's directory.
    pub workspace: String,
    /// The user whose it is; None: the person's whose machine it is.
    pub owner: Option<UserName>,
    /// The mission that it was forked from.
    pub forked_from: Option<MissionId>,
    /// When it was submitted, ms since 1970; a fork: when it was made.
    pub submitted_at_ms: u64,
    /// The number of its newest record.
    pub last_seq: u64,
    /// How it ended; None: it has not.
    pub end: Option<End>,
}

/// How a mission ended.
#[derive(Clone, Debug)]
pub struct End {
    /// How.
    pub status: MissionStatus,
    /// When, ms since 1970.
    pub at_ms: u64,
    /// What happened.
    pub summary: String,
    /// Time at work, ms.
    pub wall_ms: u64,
    /// The cost.
    pub ledger: Ledger,
}

/// Whose a mission is: within, None is the person's whose machine it is. None: there is no such mission, or its first record cannot be
/// understood.
///
/// # Errors
/// The journal cannot be read there.
pub fn owner(journal: &dyn Journal, mission: &MissionId) -> Result<Option<Option<UserName>>, PortError> {
    let records = journal.read(mission, 1, 1)?;
    let first = records.first().and_then(|(_, bytes)| decode(bytes).ok());
    Ok(match first.map(|record| record.event) {
        Some(Event::MissionSubmitted { fork: Some(fork), .. }) => Some(fork.policy.owner),
        Some(Event::MissionSubmitted { policy, .. }) => Some(policy.owner),
        Some(_) | None => None,
    })
}

/// What a list says of the mission of a stream; None where its first record cannot be understood. Reads two records, as a rule.
///
/// # Errors
/// The journal cannot be read there.
pub fn entry(journal: &dyn Journal, info: &StreamInfo) -> Result<Option<Entry>, PortError> {
    let read = |seq: u64| -> Result<Option<Record>, PortError> {
        let records = journal.read(&info.stream, seq, 1)?;
        Ok(records.first().and_then(|(_, bytes)| decode(bytes).ok()))
    };
    let Some(first) = read(1)? else { return Ok(None) };
    let Event::MissionSubmitted { request, workspace, policy, fork, .. } = first.event else {
        return Ok(None);
    };
    // The part that both have was the other one's.
    let owner = fork.as_ref().map_or(policy.owner, |fork| fork.policy.owner.clone());
    let mut end = None;
    for seq in (info.last_seq.saturating_sub(BEHIND).max(1)..=info.last_seq).rev() {
        match read(seq)?.map(|record| (record.at_ms, record.event)) {
            Some((at_ms, Event::MissionCompleted { status, summary, ledger, wall_ms, .. })) => {
                end = Some(End { status, at_ms, summary, wall_ms, ledger });
                break;
            }
            Some((_, Event::OutcomeIgnored { .. })) => {}
            Some(_) | None => break,
        }
    }
    Ok(Some(Entry {
        mission: info.stream.clone(),
        request,
        workspace: workspace.path,
        owner,
        forked_from: fork.as_ref().map(|fork| fork.from.clone()),
        submitted_at_ms: fork.map_or(first.at_ms, |fork| fork.at_ms),
        last_seq: info.last_seq,
        end,
    }))
}

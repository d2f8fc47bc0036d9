//! Reading a mission's journal.

use coditect_ports::Journal;
use coditect_types::{MissionId, Record};

use crate::cell::decode;
use crate::error::ShellError;

/// Records read at a time.
const PAGE: usize = 1024;

/// Every record of a mission, in order. `NoSuchMission` where there is none.
pub fn history(journal: &dyn Journal, mission: &MissionId) -> Result<Vec<Record>, ShellError> {
    let records = history_from(journal, mission, 1)?;
    if records.is_empty() { Err(ShellError::NoSuchMission(mission.clone())) } else { Ok(records) }
}

/// Every record of a mission from number `from` on; none is not an error.
pub fn history_from(
    journal: &dyn Journal,
    mission: &MissionId,
    from: u64,
) -> Result<Vec<Record>, ShellError> {
    let mut records = Vec::new();
    let mut next = from;
    loop {
        let page = journal.read(mission, next, PAGE)?;
        let last_page = page.len() < PAGE;
        for (seq, bytes) in page {
            let record = decode(&bytes).map_err(|error| ShellError::BadRecord {
                mission: mission.clone(),
                seq,
                cause: error.to_string(),
            })?;
            records.push(record);
            next = seq + 1;
        }
        if last_page {
            return Ok(records);
        }
    }
}

//! `coditect watch` and `coditect top`: what goes on right now, in a terminal, whichever process does it.

pub(crate) mod top;
pub(crate) mod watch;

use std::time::Duration;

use coditect_ports::Journal;
use coditect_runtime::Fold;
use coditect_runtime::history::history_from;
use coditect_types::{MissionId, Record};

use crate::report::{Doing, Report};

/// How often a journal that another process writes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Takes what is new of a mission into its fold, and hands it on.
pub(super) fn catch_up(
    journal: &dyn Journal,
    mission: &MissionId,
    fold: &mut Fold,
    mut each: impl FnMut(&Record) -> std::io::Result<()>,
) -> Result<std::io::Result<bool>, Report> {
    let new = history_from(journal, mission, fold.seq() + 1).doing("reading the journal")?;
    for record in &new {
        fold.take(record);
        if let Err(error) = each(record) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(!new.is_empty()))
}

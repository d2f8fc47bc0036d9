//! The commands that go back in time: moments of a mission, what lies between two of them, forks, missions side by side.

pub(crate) mod compare;
pub(crate) mod diff;
pub(crate) mod export;
pub(crate) mod fork;
pub(crate) mod replay;
pub(crate) mod trace;

use coditect_runtime::Fold;
use coditect_types::{ErrorKind, Record};

use crate::report::Report;

/// The fold of a mission up to its record `at`. Refuses a number that no record has.
fn fold_at(records: &[Record], at: u64, doing: &str) -> Result<Fold, Report> {
    let last = records.last().map_or(0, |record| record.seq);
    let Some(first) = records.first().filter(|_| (1..=last).contains(&at)) else {
        let cause = format!("it has no record {at}: they are 1 to {last}");
        return Err(
            Report::new(ErrorKind::Invalid, doing, cause).hint("`coditect log` shows what each of them says")
        );
    };
    let mut fold = Fold::new(first.mission.clone());
    records.iter().take_while(|record| record.seq <= at).for_each(|record| fold.take(record));
    Ok(fold)
}

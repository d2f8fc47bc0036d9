//! Parts as the catalogue has them, and which rows are in which.

use std::collections::BTreeMap;

use coditect_ports::PortError;
use coditect_ports::shelves::Row;
use coditect_types::{ErrorKind, Reused};
use rusqlite::{Connection, Transaction, params};

use super::{
    COLUMNS, Entry, FORGOTTEN, IS_KNOWN, Said, count_removals, entry, insert, insert_warm, objects, signed,
    unsigned,
};

/// What an episode tried again, and when it ended, ms since 1970.
pub(in crate::shelves) type Tried = (Vec<Reused>, u64);

/// A part, as whoever reads it must know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::shelves) struct Place {
    pub(in crate::shelves) file: String,
    pub(in crate::shelves) bytes: u64,
    /// What it was put in the store as (BLAKE3); None: it is in the folder alone.
    pub(in crate::shelves) sum: Option<[u8; 32]>,
}

/// A part that was written, and is not named yet.
pub(in crate::shelves) struct Written {
    pub(in crate::shelves) place: Place,
    pub(in crate::shelves) rows: Vec<Row>,
}

/// A part that is named.
#[derive(Debug)]
pub(in crate::shelves) struct Part {
    pub(in crate::shelves) number: i64,
    pub(in crate::shelves) place: Place,
    /// How many rows it has; None: it was written by a version that did not count them.
    pub(in crate::shelves) rows: Option<usize>,
    /// How many of them are episodes still.
    pub(in crate::shelves) live: usize,
    /// Whether something was forgotten that was in it.
    pub(in crate::shelves) forgets: bool,
}

/// The files of all parts, and whether each is in the store.
pub(in crate::shelves) fn files(catalogue: &Connection) -> Result<BTreeMap<String, bool>, PortError> {
    let mut all = catalogue.prepare_cached("SELECT file, sum IS NOT NULL FROM parts").said()?;
    let found = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).said()?;
    found.collect::<rusqlite::Result<_>>().said()
}

fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// All parts.
pub(in crate::shelves) fn parts(catalogue: &Connection) -> Result<Vec<Part>, PortError> {
    let mut all = catalogue
        .prepare_cached(
            "SELECT p.part, p.file, p.bytes, p.sum, p.rows, (SELECT count(*) FROM episodes e WHERE e.part = p.part),
                 p.forgets
             FROM parts p ORDER BY p.part",
        )
        .said()?;
    let found = all
        .query_map([], |row| {
            Ok(Part {
                number: row.get(0)?,
                place: Place { file: row.get(1)?, bytes: unsigned(row.get(2)?), sum: row.get(3)? },
                rows: row.get::<_, Option<i64>>(4)?.map(count),
                live: count(row.get(5)?),
                forgets: row.get(6)?,
            })
        })
        .said()?;
    found.collect::<rusqlite::Result<_>>().said()
}

pub(in crate::shelves) fn of_part(catalogue: &Connection, part: i64) -> Result<Vec<Entry>, PortError> {
    let query = format!(
        "SELECT {COLUMNS} FROM episodes e LEFT JOIN parts p ON p.part = e.part WHERE e.part = ?1 ORDER BY e.number"
    );
    let mut some = catalogue.prepare_cached(&query).said()?;
    let found = some.query_map([part], entry).said()?;
    found.collect::<rusqlite::Result<_>>().said()
}

/// 32 letters that nobody has drawn before.
pub(in crate::shelves) fn new_word(catalogue: &Connection) -> Result<String, PortError> {
    catalogue.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0)).said()
}

/// A name that no part ever had, of this catalogue or of another one.
pub(in crate::shelves) fn new_file(catalogue: &Connection) -> Result<String, PortError> {
    Ok(format!("part-{}.parquet", new_word(catalogue)?))
}

/// Names a part that was written. One of the store must have been noted before it was sent, and not been given up since.
pub(in crate::shelves) fn name(
    step: &Transaction<'_>,
    Place { file, bytes, sum }: &Place,
    rows: usize,
) -> Result<i64, PortError> {
    if sum.is_some() {
        objects::sent_is_named(step, file)?;
    }
    step.execute(
        "INSERT INTO parts (file, bytes, sum, rows) VALUES (?1, ?2, ?3, ?4)",
        params![file, signed(*bytes), sum, signed(rows as u64)],
    )
    .said()?;
    Ok(step.last_insert_rowid())
}

/// Says that the rows are in the part, in this order, and no longer at hand.
pub(in crate::shelves) fn place(
    step: &Transaction<'_>,
    part: i64,
    bytes: u64,
    rows: &[Row],
) -> Result<(), PortError> {
    let mut entry = step
        .prepare_cached("UPDATE episodes SET part = ?2, place = ?3, bytes = ?4 WHERE number = ?1")
        .said()?;
    let mut warm = step.prepare_cached("DELETE FROM warm WHERE number = ?1").said()?;
    let each = bytes / (rows.len() as u64).max(1);
    for (at, row) in (0_i64..).zip(rows) {
        let number = signed(row.standing.number);
        entry.execute(params![number, part, at, signed(each)]).said()?;
        warm.execute([number]).said()?;
    }
    Ok(())
}

/// Says that a part of the folder is in the store, too, where it was sent under another name.
pub(in crate::shelves) fn set_sent(
    step: &Transaction<'_>,
    part: i64,
    place: &Place,
) -> Result<(), PortError> {
    objects::sent_is_named(step, &place.file)?;
    set_stored(step, part, place)
}

/// Says that a part of the folder is in the store, too.
pub(in crate::shelves) fn set_stored(
    step: &Transaction<'_>,
    part: i64,
    Place { file, bytes, sum }: &Place,
) -> Result<(), PortError> {
    let set = "UPDATE parts SET file = ?2, bytes = ?3, sum = ?4 WHERE part = ?1 AND sum IS NULL";
    if step.execute(set, params![part, file, signed(*bytes), sum]).said()? == 1 {
        return Ok(());
    }
    Err(PortError::new(ErrorKind::Unavailable, "another process was faster").with_hint("try again"))
}

/// Says how many rows a part has that did not say so.
pub(in crate::shelves) fn set_rows(catalogue: &Connection, part: i64, rows: usize) -> Result<(), PortError> {
    let set = "UPDATE parts SET rows = ?2 WHERE part = ?1 AND rows IS NULL";
    catalogue.execute(set, [part, signed(rows as u64)]).said()?;
    Ok(())
}

/// Says that the rows are at hand.
pub(in crate::shelves) fn take_out(step: &Transaction<'_>, rows: &[Row]) -> Result<(), PortError> {
    let mut entry = step
        .prepare_cached("UPDATE episodes SET part = NULL, place = NULL, bytes = ?2 WHERE number = ?1")
        .said()?;
    for row in rows {
        let number = signed(row.standing.number);
        entry.execute(params![number, signed(row.kept.body.len() as u64)]).said()?;
        insert_warm(step, &row.kept, number)?;
    }
    Ok(())
}

/// Lets go of a part once its rows are placed anew. Those that could not be read are gone.
pub(in crate::shelves) fn drop_part(step: &Transaction<'_>, part: i64, now_ms: u64) -> Result<(), PortError> {
    step.execute("DELETE FROM vectors WHERE id IN (SELECT id FROM episodes WHERE part = ?1)", [part])
        .said()?;
    let lost = step.execute("DELETE FROM episodes WHERE part = ?1", [part]).said()?;
    count_removals(step, lost)?;
    objects::let_go_of(step, "part = ?1", Some(part), now_ms)?;
    step.execute("DELETE FROM parts WHERE part = ?1", [part]).said()?;
    Ok(())
}

/// Lets go of the parts that no episode is in any more.
pub(in crate::shelves) fn drop_emptied(step: &Transaction<'_>, now_ms: u64) -> Result<(), PortError> {
    let none = "NOT EXISTS (SELECT 1 FROM episodes e WHERE e.part = parts.part)";
    objects::let_go_of(step, none, None, now_ms)?;
    step.execute(&format!("DELETE FROM parts WHERE {none}"), []).said()?;
    Ok(())
}

/// Everything goes but the names of what was forgotten.
pub(in crate::shelves) fn empty(step: &Transaction<'_>, now_ms: u64) -> Result<(), PortError> {
    objects::let_go_of(step, "1", None, now_ms)?;
    for table in ["warm", "episodes", "parts"] {
        step.execute(&format!("DELETE FROM {table}"), []).said()?;
    }
    step.execute("DELETE FROM others WHERE state <> ?1", [FORGOTTEN]).said()?;
    count_removals(step, 1)
}

/// Names the rows of a part in a catalogue that does not know it, each under the number that `number` gives or a new one. Those whose
/// names it knows stay what they are. Gives what the new ones tried again, and when: it is counted once all of that is there.
pub(in crate::shelves) fn adopt(
    step: &Transaction<'_>,
    place: &Place,
    rows: &[Row],
    number: fn(&Row) -> Option<u64>,
) -> Result<Vec<Tried>, PortError> {
    step.execute(
        "INSERT INTO parts (part, file, bytes, sum, rows) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![numbered(&place.file), place.file, signed(place.bytes), place.sum, signed(rows.len() as u64)],
    )
    .said()?;
    let part = step.last_insert_rowid();
    let mut is_known = step.prepare_cached(IS_KNOWN).said()?;
    let mut is_taken = step.prepare_cached("SELECT 1 FROM episodes WHERE number = ?1").said()?;
    let each = place.bytes / (rows.len() as u64).max(1);
    let mut tried = Vec::new();
    for (at, row) in (0_i64..).zip(rows) {
        if is_known.exists([row.kept.id.as_str()]).said()? {
            continue;
        }
        let mut wanted = number(row);
        if let Some(number) = wanted
            && is_taken.exists([signed(number)]).said()?
        {
            wanted = None;
        }
        let number = insert(step, &row.kept, wanted)?;
        step.execute("DELETE FROM warm WHERE number = ?1", [number]).said()?;
        step.execute(
            "UPDATE episodes SET part = ?2, place = ?3, bytes = ?4, seen = ?5 WHERE number = ?1",
            params![number, part, at, signed(each), row.seen],
        )
        .said()?;
        if !row.kept.reused.is_empty() {
            tried.push((row.kept.reused.clone(), row.kept.ended_ms));
        }
    }
    Ok(tried)
}

/// Parts of before were called by their numbers, which are not given again.
fn numbered(file: &str) -> Option<i64> {
    let digits = file.strip_prefix("part-")?.strip_suffix(".parquet")?;
    (digits.len() < 32).then(|| digits.parse().ok())?
}

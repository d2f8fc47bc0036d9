//! What is, or may be, in the store and is no part: noted before it is sent, and again once a part is let go. What stands here alone
//! is ever deleted there.

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Said, signed, unsigned};

/// Before it is sent, until it is named: whoever wrote it may have died since.
const SENT: &str = "sent";
/// No part names it any more.
const GONE: &str = "gone";

/// An object that is no part.
#[derive(Clone, Debug)]
pub(in crate::shelves) struct Object {
    pub(in crate::shelves) file: String,
    /// A part was called so, and was let go; else it was to be sent, and nobody knows how far it came.
    pub(in crate::shelves) is_gone: bool,
    /// Since when, ms since 1970.
    pub(in crate::shelves) since_ms: u64,
}

/// Notes that an object is about to be sent.
pub(in crate::shelves) fn note_sent(
    step: &Transaction<'_>,
    file: &str,
    now_ms: u64,
) -> Result<(), PortError> {
    step.execute(
        "INSERT INTO objects (file, state, since_ms) VALUES (?1, ?2, ?3)",
        params![file, SENT, signed(now_ms)],
    )
    .said()?;
    Ok(())
}

/// What was sent becomes a part, in the step that names it.
pub(super) fn sent_is_named(step: &Transaction<'_>, file: &str) -> Result<(), PortError> {
    let noted =
        step.execute("DELETE FROM objects WHERE file = ?1 AND state = ?2", params![file, SENT]).said()?;
    if noted == 1 {
        return Ok(());
    }
    let cause = format!("`{file}` was given up before it was in the store");
    Err(PortError::new(ErrorKind::Unavailable, cause).with_hint("try again"))
}

/// Notes that the parts of the store which `filter` chooses are to be deleted there, in the step that names them no more.
pub(super) fn let_go_of(
    step: &Transaction<'_>,
    filter: &str,
    part: Option<i64>,
    now_ms: u64,
) -> Result<(), PortError> {
    let note = format!(
        "INSERT OR REPLACE INTO objects (file, state, since_ms)
         SELECT file, '{GONE}', {} FROM parts WHERE sum IS NOT NULL AND {filter}",
        signed(now_ms)
    );
    match part {
        Some(part) => step.execute(&note, [part]),
        None => step.execute(&note, []),
    }
    .said()?;
    Ok(())
}

/// All of them. One that a part is called by is none.
pub(in crate::shelves) fn objects(catalogue: &Connection) -> Result<Vec<Object>, PortError> {
    let mut all = catalogue
        .prepare_cached(
            "SELECT file, state, since_ms FROM objects WHERE file NOT IN (SELECT file FROM parts) ORDER BY file",
        )
        .said()?;
    let found = all
        .query_map([], |row| {
            let state: String = row.get(1)?;
            Ok(Object { file: row.get(0)?, is_gone: state == GONE, since_ms: unsigned(row.get(2)?) })
        })
        .said()?;
    found.collect::<rusqlite::Result<_>>().said()
}

/// It is deleted there.
pub(in crate::shelves) fn object_gone(step: &Transaction<'_>, file: &str) -> Result<(), PortError> {
    step.execute("DELETE FROM objects WHERE file = ?1", [file]).said()?;
    Ok(())
}

/// How many parts are in the store, and how many objects are to be deleted there.
pub(in crate::shelves) fn stored(catalogue: &Connection) -> Result<(u64, u64), PortError> {
    let count = "SELECT (SELECT count(*) FROM parts WHERE sum IS NOT NULL), (SELECT count(*) FROM objects)";
    catalogue.query_row(count, [], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))).said()
}

/// Whether this memory has something in a store. What was to be sent and was never named says nothing: it may never have arrived.
pub(in crate::shelves) fn is_used(catalogue: &Connection) -> Result<bool, PortError> {
    let some = "SELECT EXISTS (SELECT 1 FROM parts WHERE sum IS NOT NULL)
                    OR EXISTS (SELECT 1 FROM objects WHERE state = ?1)";
    let has_some: bool = catalogue.query_row(some, [GONE], |row| row.get(0)).said()?;
    Ok(has_some || is_adopting(catalogue)?)
}

/// Whose the objects in a store are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::shelves) struct Owner {
    /// What this memory is called there.
    pub(in crate::shelves) word: String,
    /// In which folder it was when that was said.
    pub(in crate::shelves) place: String,
    /// Which bucket of which store; empty where a version before this one said it.
    pub(in crate::shelves) bucket: String,
}

pub(in crate::shelves) fn owner(catalogue: &Connection) -> Result<Option<Owner>, PortError> {
    let found = catalogue.query_row("SELECT owner, place, bucket FROM store", [], |row| {
        Ok(Owner { word: row.get(0)?, place: row.get(1)?, bucket: row.get(2)? })
    });
    found.optional().said()
}

/// Says it, where it was not said or is otherwise now. With another word, what was on its way under the one before is nobody's.
pub(in crate::shelves) fn set_owner(
    catalogue: &Connection,
    Owner { word, place, bucket }: &Owner,
    adopts: bool,
) -> Result<(), PortError> {
    let step = catalogue.unchecked_transaction().said()?;
    let update = "UPDATE store SET place = ?2, bucket = ?3 WHERE owner = ?1";
    if step.execute(update, [word, place, bucket]).said()? == 0 {
        step.execute("DELETE FROM store", []).said()?;
        step.execute("DELETE FROM objects WHERE state = ?1", [SENT]).said()?;
        let insert = "INSERT INTO store (owner, place, bucket, adopts) VALUES (?1, ?2, ?3, ?4)";
        step.execute(insert, params![word, place, bucket, adopts]).said()?;
    }
    step.commit().said()
}

/// Whether there may be parts in the store which a catalogue before this one named.
pub(in crate::shelves) fn is_adopting(catalogue: &Connection) -> Result<bool, PortError> {
    let found: Option<bool> =
        catalogue.query_row("SELECT adopts FROM store", [], |row| row.get(0)).optional().said()?;
    Ok(found.unwrap_or(false))
}

/// All of them are named.
pub(in crate::shelves) fn all_adopted(step: &Transaction<'_>) -> Result<(), PortError> {
    step.execute("UPDATE store SET adopts = 0", []).said()?;
    Ok(())
}

/// Has nothing to do with the store any more: what is there is another memory's.
pub(in crate::shelves) fn disown(step: &Transaction<'_>) -> Result<(), PortError> {
    step.execute("DELETE FROM objects", []).said()?;
    step.execute("DELETE FROM store", []).said()?;
    Ok(())
}

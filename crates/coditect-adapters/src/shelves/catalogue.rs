//! The catalogue: which episodes there are, where each is, and those that are at hand.

use std::path::Path;
use std::time::Duration;

use coditect_ports::PortError;
use coditect_ports::shelves::{Embedded, Kept, Put, Removals, Row, ShelfSize};
use coditect_types::memory::{Shelf, Standing};
use coditect_types::{EpisodeId, ErrorKind, Reused};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

use super::moving::now_ms;

mod objects;
mod parts;

pub(super) use objects::{
    Owner, all_adopted, disown, is_adopting, is_used, note_sent, object_gone, objects, owner, set_owner,
    stored,
};
pub(super) use parts::{
    Part, Place, Tried, Written, adopt, drop_emptied, drop_part, empty, files, name, new_file, new_word,
    of_part, parts, place, set_rows, set_sent, set_stored, take_out,
};

/// The version of the tables.
const VERSION: i64 = 5;
const TABLES: &str = "
CREATE TABLE episodes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sameness TEXT NOT NULL,
    ended_ms INTEGER NOT NULL,
    proved INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    uses INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0,
    used_ms INTEGER NOT NULL DEFAULT 0,
    seen INTEGER NOT NULL DEFAULT 1,
    part INTEGER,
    place INTEGER
);
CREATE INDEX episodes_same ON episodes (sameness) WHERE sameness <> '';
CREATE INDEX episodes_part ON episodes (part) WHERE part IS NOT NULL;
CREATE TABLE warm (
    number INTEGER PRIMARY KEY,
    workspace TEXT NOT NULL,
    language TEXT NOT NULL,
    status TEXT NOT NULL,
    rung TEXT NOT NULL,
    request TEXT NOT NULL,
    wall_ms INTEGER NOT NULL,
    reused TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE others (id TEXT PRIMARY KEY, state TEXT NOT NULL, number INTEGER) WITHOUT ROWID;
CREATE INDEX others_number ON others (number) WHERE number IS NOT NULL;
CREATE TABLE parts (part INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL);
CREATE TABLE tally (removals INTEGER NOT NULL, forgotten INTEGER NOT NULL, erasing INTEGER NOT NULL);
INSERT INTO tally VALUES (0, 0, 0);
";
/// What came with version 2.
const VECTORS: &str = "
CREATE TABLE vectors (
    space TEXT NOT NULL,
    id TEXT NOT NULL,
    text BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (id, space)
) WITHOUT ROWID;
";
/// What came with version 3: a part of the store has a sum, one of the folder none. Objects are what is, or may be, in the store and is
/// no part: `sent` before it is sent, `gone` once it was let go.
const STORE: &str = "
ALTER TABLE parts ADD COLUMN rows INTEGER;
ALTER TABLE parts ADD COLUMN sum BLOB;
CREATE TABLE objects (file TEXT PRIMARY KEY, state TEXT NOT NULL, since_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE store (owner TEXT NOT NULL, place TEXT NOT NULL, adopts INTEGER NOT NULL);
";
/// What came with version 4: which parts held what was forgotten since they were written, and which store it is.
const WHICH: &str = "
ALTER TABLE parts ADD COLUMN forgets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN bucket TEXT NOT NULL DEFAULT '';
";
/// What came with version 5: episodes that are to be removed with their missions.
const DOOMED: &str = "CREATE TABLE doomed (id TEXT PRIMARY KEY) WITHOUT ROWID;";
/// Of a name that is no episode of its own: it was the same as one, was dropped, or was forgotten.
const SAME: &str = "same";
const DROPPED: &str = "dropped";
const FORGOTTEN: &str = "forgotten";
const IS_KNOWN: &str = "SELECT 1 FROM episodes WHERE id = ?1 UNION ALL SELECT 1 FROM others WHERE id = ?1";
const COLUMNS: &str = "e.number, e.id, e.sameness, e.ended_ms, e.proved, e.bytes, e.uses, e.held, e.used_ms, e.seen, \
                       e.part, e.place, p.file, p.bytes, p.sum";

/// What the catalogue says of an episode.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) standing: Standing,
    pub(super) id: EpisodeId,
    pub(super) sameness: String,
    pub(super) seen: u32,
    part: Option<i64>,
    /// The part, and the row in it.
    pub(super) place: Option<(Place, usize)>,
}

impl Entry {
    pub(super) fn part(&self) -> Option<i64> {
        self.part
    }
}

/// A number as SQLite has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same back.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// What an error of SQLite stands for. A damaged file is a `Bug`: nothing but a defect or a bad disk makes one.
pub(super) fn failed(error: &rusqlite::Error) -> PortError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Unavailable,
        Some(ErrorCode::DiskFull) => ErrorKind::Exhausted,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => ErrorKind::Denied,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Bug,
        _ => ErrorKind::Unavailable,
    };
    PortError::new(kind, format!("the catalogue of memory: {error}"))
}

trait Said<T> {
    fn said(self) -> Result<T, PortError>;
}

impl<T> Said<T> for rusqlite::Result<T> {
    fn said(self) -> Result<T, PortError> {
        self.map_err(|error| failed(&error))
    }
}

/// Makes the tables where there are none, and has `fill` do what belongs to that step. Gives whether there were none.
pub(super) fn set_up(
    catalogue: &mut Connection,
    patience: Duration,
    fill: &mut dyn FnMut(&Transaction<'_>) -> Result<(), PortError>,
) -> Result<bool, PortError> {
    catalogue.busy_timeout(patience).said()?;
    let version: i64 = catalogue.query_row("PRAGMA user_version", [], |row| row.get(0)).said()?;
    if version > VERSION {
        let cause =
            format!("memory was written by a newer coditect (version {version}; this one knows {VERSION})");
        return Err(PortError::new(ErrorKind::Conflict, cause)
            .with_hint("use that version, or name another state directory with `--home DIR`"));
    }
    if version == 0 {
        // Room that is free goes back to the disk; to be said before there is any table.
        catalogue.pragma_update(None, "auto_vacuum", "INCREMENTAL").said()?;
    }
    for (name, value) in
        [("journal_mode", "WAL"), ("synchronous", "FULL"), ("secure_delete", "ON"), ("temp_store", "MEMORY")]
    {
        catalogue.pragma_update(None, name, value).said()?;
    }
    if version == VERSION {
        return Ok(false);
    }
    let step = catalogue.transaction_with_behavior(TransactionBehavior::Immediate).said()?;
    // Another process may have been first.
    let version: i64 = step.query_row("PRAGMA user_version", [], |row| row.get(0)).said()?;
    let is_new = version == 0;
    if is_new {
        step.execute_batch(TABLES).said()?;
    }
    for (since, tables) in [(2, VECTORS), (3, STORE), (4, WHICH), (5, DOOMED)] {
        if version < since {
            step.execute_batch(tables).said()?;
        }
    }
    if is_new {
        fill(&step)?;
    } else if version < 5 {
        // Nothing has ended, or was tried again, in the future.
        let now = "UPDATE episodes SET ended_ms = min(ended_ms, ?1), used_ms = min(used_ms, ?1)";
        step.execute(now, [signed(now_ms())]).said()?;
    }
    if version < VERSION {
        step.pragma_update(None, "user_version", VERSION).said()?;
    }
    step.commit().said()?;
    Ok(is_new)
}

pub(super) fn put(step: &Transaction<'_>, episodes: &[Kept]) -> Result<Put, PortError> {
    let mut put = Put::default();
    let mut was_forgotten =
        step.prepare_cached("SELECT 1 FROM others WHERE id = ?1 AND state = ?2").said()?;
    let mut is_known = step.prepare_cached(IS_KNOWN).said()?;
    let mut same_as = step
        .prepare_cached("SELECT number FROM episodes WHERE sameness = ?1 AND sameness <> '' LIMIT 1")
        .said()?;
    // Nothing has ended in the future: whatever did would be the newest for ever.
    let now_ms = now_ms();
    for kept in episodes {
        let ended_ms = kept.ended_ms.min(now_ms);
        if is_known.exists([kept.id.as_str()]).said()? {
            put.forgotten += usize::from(was_forgotten.exists([kept.id.as_str(), FORGOTTEN]).said()?);
            continue;
        }
        let same: Option<i64> = same_as.query_row([&kept.sameness], |row| row.get(0)).optional().said()?;
        if let Some(number) = same {
            let mut seen = step
                .prepare_cached(
                    "UPDATE episodes SET seen = seen + 1, ended_ms = max(ended_ms, ?2) WHERE number = ?1",
                )
                .said()?;
            seen.execute(params![number, signed(ended_ms)]).said()?;
            step.execute(
                "INSERT INTO others (id, state, number) VALUES (?1, ?2, ?3)",
                params![kept.id.as_str(), SAME, number],
            )
            .said()?;
            put.same += 1;
        } else {
            insert(step, kept, None)?;
            put.new += 1;
        }
        count_uses(step, &kept.reused, ended_ms)?;
    }
    Ok(put)
}

/// A new entry, at hand where no place is given. Gives its number.
fn insert(step: &Transaction<'_>, kept: &Kept, number: Option<u64>) -> Result<i64, PortError> {
    let mut entry = step
        .prepare_cached(
            "INSERT INTO episodes (number, id, sameness, ended_ms, proved, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .said()?;
    let bytes = kept.body.len() + kept.request.len() + kept.workspace.len();
    entry
        .execute(params![
            number.map(signed),
            kept.id.as_str(),
            kept.sameness,
            signed(kept.ended_ms.min(now_ms())),
            !kept.rung.is_empty(),
            signed(bytes as u64),
        ])
        .said()?;
    let number = step.last_insert_rowid();
    insert_warm(step, kept, number)?;
    Ok(number)
}

fn insert_warm(step: &Transaction<'_>, kept: &Kept, number: i64) -> Result<(), PortError> {
    let mut warm = step
        .prepare_cached("INSERT OR REPLACE INTO warm VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
        .said()?;
    warm.execute(params![
        number,
        kept.workspace,
        kept.language,
        kept.status,
        kept.rung,
        kept.request,
        signed(kept.wall_ms),
        reused_text(&kept.reused),
        kept.body,
    ])
    .said()?;
    Ok(())
}

/// Counts what was tried again by an episode that ended then.
pub(super) fn count_uses(step: &Transaction<'_>, reused: &[Reused], ended_ms: u64) -> Result<(), PortError> {
    for Reused { episode, held } in reused {
        let mut count = step
            .prepare_cached(
                "UPDATE episodes SET uses = uses + 1, held = held + ?2, used_ms = max(used_ms, ?3)
                 WHERE id = ?1 OR number = (SELECT number FROM others WHERE id = ?1)",
            )
            .said()?;
        count.execute(params![episode.as_str(), held, signed(ended_ms)]).said()?;
    }
    Ok(())
}

/// `m-1+ m-2-`: the first was right again, the second was not.
pub(super) fn reused_text(reused: &[Reused]) -> String {
    let one = |of: &Reused| format!("{}{}", of.episode, if of.held { '+' } else { '-' });
    reused.iter().map(one).collect::<Vec<_>>().join(" ")
}

pub(super) fn reused_of(text: &str) -> Vec<Reused> {
    let one = |word: &str| {
        let episode = EpisodeId::parse(word.strip_suffix(['+', '-'])?).ok()?;
        Some(Reused { episode, held: word.ends_with('+') })
    };
    text.split(' ').filter_map(one).collect()
}

pub(super) fn lacking(catalogue: &Connection, names: Vec<EpisodeId>) -> Result<Vec<EpisodeId>, PortError> {
    let mut is_known = catalogue.prepare_cached(IS_KNOWN).said()?;
    let mut lacking = Vec::new();
    for name in names {
        if !is_known.exists([name.as_str()]).said()? {
            lacking.push(name);
        }
    }
    Ok(lacking)
}

pub(super) fn names(catalogue: &Connection, number: u64) -> Result<Vec<EpisodeId>, PortError> {
    let mut all = catalogue
        .prepare_cached(
            "SELECT id FROM episodes WHERE number = ?1 UNION ALL SELECT id FROM others WHERE number = ?1",
        )
        .said()?;
    let found = all.query_map([signed(number)], |row| row.get::<_, String>(0)).said()?;
    let names: Vec<String> = found.collect::<rusqlite::Result<_>>().said()?;
    Ok(names.iter().filter_map(|name| EpisodeId::parse(name).ok()).collect())
}

pub(super) fn removals(catalogue: &Connection) -> Result<Removals, PortError> {
    catalogue
        .query_row("SELECT removals, forgotten FROM tally", [], |row| {
            Ok(Removals { all: unsigned(row.get(0)?), forgotten: unsigned(row.get(1)?) })
        })
        .said()
}

/// Whether something was forgotten that may be in some file still.
pub(super) fn is_erasing(catalogue: &Connection) -> Result<bool, PortError> {
    catalogue.query_row("SELECT erasing FROM tally", [], |row| row.get(0)).said()
}

pub(super) fn set_erasing(catalogue: &Connection, erasing: bool) -> Result<(), PortError> {
    catalogue.execute("UPDATE tally SET erasing = ?1", [erasing]).said()?;
    Ok(())
}

fn count_removals(step: &Transaction<'_>, count: usize) -> Result<(), PortError> {
    step.execute("UPDATE tally SET removals = removals + ?1", [signed(count as u64)]).said()?;
    Ok(())
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let part: Option<i64> = row.get(10)?;
    let of: Option<Place> = match row.get::<_, Option<String>>(12)? {
        Some(file) => Some(Place { file, bytes: unsigned(row.get(13)?), sum: row.get(14)? }),
        None => None,
    };
    let place: Option<i64> = row.get(11)?;
    let count = |at: usize| -> rusqlite::Result<u32> {
        Ok(u32::try_from(row.get::<_, i64>(at)?).unwrap_or(u32::MAX))
    };
    let id: String = row.get(1)?;
    let id = EpisodeId::parse(&id).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Entry {
        standing: Standing {
            number: unsigned(row.get(0)?),
            shelf: if part.is_some() { Shelf::Cold } else { Shelf::Warm },
            proved: row.get(4)?,
            ended_ms: unsigned(row.get(3)?),
            used_ms: unsigned(row.get(8)?),
            uses: (count(6)?, count(7)?),
            bytes: unsigned(row.get(5)?),
        },
        id,
        sameness: row.get(2)?,
        seen: count(9)?,
        part,
        place: of.zip(place.and_then(|place| usize::try_from(place).ok())),
    })
}

pub(super) fn standings(catalogue: &Connection) -> Result<Vec<Standing>, PortError> {
    let mut all = catalogue
        .prepare_cached(
            "SELECT number, part IS NOT NULL, proved, ended_ms, used_ms, uses, held, bytes FROM episodes
             ORDER BY number",
        )
        .said()?;
    let found = all
        .query_map([], |row| {
            let count = |at: usize| -> rusqlite::Result<u32> {
                Ok(u32::try_from(row.get::<_, i64>(at)?).unwrap_or(u32::MAX))
            };
            Ok(Standing {
                number: unsigned(row.get(0)?),
                shelf: if row.get(1)? { Shelf::Cold } else { Shelf::Warm },
                proved: row.get(2)?,
                ended_ms: unsigned(row.get(3)?),
                used_ms: unsigned(row.get(4)?),
                uses: (count(5)?, count(6)?),
                bytes: unsigned(row.get(7)?),
            })
        })
        .said()?;
    found.collect::<rusqlite::Result<_>>().said()
}

pub(super) fn entries(catalogue: &Connection, numbers: &[u64]) -> Result<Vec<Entry>, PortError> {
    let query =
        format!("SELECT {COLUMNS} FROM episodes e LEFT JOIN parts p ON p.part = e.part WHERE e.number = ?1");
    let mut one = catalogue.prepare_cached(&query).said()?;
    let mut found = Vec::new();
    for number in numbers {
        found.extend(one.query_row([signed(*number)], entry).optional().said()?);
    }
    Ok(found)
}

pub(super) fn entries_after(
    catalogue: &Connection,
    after: u64,
    most: usize,
) -> Result<Vec<Entry>, PortError> {
    let query = format!(
        "SELECT {COLUMNS} FROM episodes e LEFT JOIN parts p ON p.part = e.part WHERE e.number > ?1
         ORDER BY e.number LIMIT ?2"
    );
    let mut some = catalogue.prepare_cached(&query).said()?;
    let found = some.query_map([signed(after), signed(most as u64)], entry).said()?;
    found.collect::<rusqlite::Result<_>>().said()
}

/// The row of an entry that is at hand.
pub(super) fn warm(catalogue: &Connection, entry: &Entry) -> Result<Option<Row>, PortError> {
    let mut one = catalogue
        .prepare_cached(
            "SELECT workspace, language, status, rung, request, wall_ms, reused, body FROM warm WHERE number = ?1",
        )
        .said()?;
    one.query_row([signed(entry.standing.number)], |row| {
        let reused: String = row.get(6)?;
        Ok(Row {
            standing: entry.standing,
            seen: entry.seen,
            kept: Kept {
                id: entry.id.clone(),
                workspace: row.get(0)?,
                language: row.get(1)?,
                status: row.get(2)?,
                rung: row.get(3)?,
                request: row.get(4)?,
                ended_ms: entry.standing.ended_ms,
                wall_ms: unsigned(row.get(5)?),
                sameness: entry.sameness.clone(),
                reused: reused_of(&reused),
                body: row.get(7)?,
            },
        })
    })
    .optional()
    .said()
}

pub(super) fn number(catalogue: &Connection, id: &EpisodeId) -> Result<Option<u64>, PortError> {
    let mut one = catalogue
        .prepare_cached(
            "SELECT number FROM episodes WHERE id = ?1
             UNION ALL SELECT number FROM others WHERE id = ?1 AND number IS NOT NULL",
        )
        .said()?;
    let found: Option<i64> = one.query_row([id.as_str()], |row| row.get(0)).optional().said()?;
    Ok(found.map(unsigned))
}

/// The episodes whose names begin so, with or without the two letters that say of what kind they are. Nothing of them is read.
pub(super) fn called(catalogue: &Connection, beginning: &str) -> Result<Vec<(u64, EpisodeId)>, PortError> {
    let mut all = catalogue
        .prepare_cached(
            "SELECT number, id FROM episodes
             WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, 3, length(?1)) = ?1 ORDER BY number",
        )
        .said()?;
    let found = all.query_map([beginning], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).said()?;
    let found: Vec<(i64, String)> = found.collect::<rusqlite::Result<_>>().said()?;
    let of = |(number, id): (i64, String)| Some((unsigned(number), EpisodeId::parse(&id).ok()?));
    Ok(found.into_iter().filter_map(of).collect())
}

/// Notes names that must not come back.
pub(super) fn keep_forgotten(step: &Transaction<'_>, names: &[String]) -> Result<(), PortError> {
    for name in names {
        step.execute("INSERT OR REPLACE INTO others (id, state) VALUES (?1, ?2)", [name.as_str(), FORGOTTEN])
            .said()?;
    }
    Ok(())
}

/// Notes episodes that are to be removed with their missions.
pub(super) fn doom(step: &Transaction<'_>, names: &[EpisodeId]) -> Result<(), PortError> {
    for name in names {
        step.execute("INSERT OR IGNORE INTO doomed VALUES (?1)", [name.as_str()]).said()?;
    }
    Ok(())
}

/// Those that are noted.
pub(super) fn doomed(catalogue: &Connection) -> Result<Vec<EpisodeId>, PortError> {
    let mut all = catalogue.prepare_cached("SELECT id FROM doomed").said()?;
    let found = all.query_map([], |row| row.get::<_, String>(0)).said()?;
    let names: Vec<String> = found.collect::<rusqlite::Result<_>>().said()?;
    Ok(names.iter().filter_map(|name| EpisodeId::parse(name).ok()).collect())
}

/// They are removed. Whoever saved something of what was known before is told that it is old.
pub(super) fn removed(step: &Transaction<'_>, names: &[EpisodeId]) -> Result<(), PortError> {
    for name in names {
        step.execute("DELETE FROM doomed WHERE id = ?1", [name.as_str()]).said()?;
    }
    step.execute("UPDATE tally SET forgotten = forgotten + ?1", [signed(names.len() as u64)]).said()?;
    Ok(())
}

pub(super) fn remove(step: &Transaction<'_>, entries: &[Entry], forget: bool) -> Result<(), PortError> {
    let state = if forget { FORGOTTEN } else { DROPPED };
    for entry in entries {
        let number = signed(entry.standing.number);
        if let Some(part) = entry.part().filter(|_| forget) {
            // Should it turn out to be damaged, this alone says that it must not stay.
            step.execute("UPDATE parts SET forgets = 1 WHERE part = ?1", [part]).said()?;
        }
        step.execute("DELETE FROM warm WHERE number = ?1", [number]).said()?;
        step.execute("DELETE FROM episodes WHERE number = ?1", [number]).said()?;
        step.execute("DELETE FROM vectors WHERE id = ?1", [entry.id.as_str()]).said()?;
        // Those that were the same go with it.
        step.execute("UPDATE others SET state = ?2, number = NULL WHERE number = ?1", params![number, state])
            .said()?;
        step.execute(
            "INSERT OR REPLACE INTO others (id, state) VALUES (?1, ?2)",
            params![entry.id.as_str(), state],
        )
        .said()?;
    }
    if forget {
        step.execute("UPDATE tally SET forgotten = forgotten + ?1", [signed(entries.len() as u64)]).said()?;
    }
    count_removals(step, entries.len())
}

/// The vectors of a space that are kept of these episodes, where they are of these texts.
pub(super) fn vectors(
    catalogue: &Connection,
    space: &str,
    wanted: &[(EpisodeId, [u8; 32])],
) -> Result<Vec<Embedded>, PortError> {
    let mut one = catalogue
        .prepare_cached("SELECT vector FROM vectors WHERE id = ?1 AND space = ?2 AND text = ?3")
        .said()?;
    let mut found = Vec::new();
    for (id, text) in wanted {
        let kept: Option<Vec<u8>> =
            one.query_row(params![id.as_str(), space, text], |row| row.get(0)).optional().said()?;
        let Some(bytes) = kept else { continue };
        let vector = bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        found.push(Embedded { id: id.clone(), text: *text, vector });
    }
    Ok(found)
}

/// Keeps vectors of episodes that are there.
pub(super) fn keep_vectors(
    step: &Transaction<'_>,
    space: &str,
    vectors: &[Embedded],
) -> Result<(), PortError> {
    let mut keep = step
        .prepare_cached(
            "INSERT OR REPLACE INTO vectors (space, id, text, vector)
             SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM episodes WHERE id = ?2)",
        )
        .said()?;
    for Embedded { id, text, vector } in vectors {
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        keep.execute(params![space, id.as_str(), text, bytes]).said()?;
    }
    Ok(())
}

pub(super) fn count_vectors(catalogue: &Connection, space: &str) -> Result<u64, PortError> {
    let count = "SELECT count(*) FROM vectors WHERE space = ?1";
    catalogue.query_row(count, [space], |row| row.get(0)).map(unsigned).said()
}

/// Lets go of all vectors: where everything is made anew, they are asked for anew, too.
pub(super) fn forget_vectors(step: &Transaction<'_>) -> Result<(), PortError> {
    step.execute("DELETE FROM vectors", []).said()?;
    Ok(())
}

/// Gives room that is free back to the disk.
pub(super) fn shrink(catalogue: &Connection) -> Result<(), PortError> {
    let mut pages = catalogue.prepare("PRAGMA incremental_vacuum").said()?;
    let mut rows = pages.query([]).said()?;
    while rows.next().said()?.is_some() {}
    // Where another process reads, the log is emptied another time.
    catalogue.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).said()
}

/// Writes the file anew and empties the log beside it, so that nothing that was removed is left in either.
pub(super) fn erase(catalogue: &Connection) -> Result<(), PortError> {
    catalogue.execute_batch("VACUUM").said()?;
    let busy: i64 = catalogue.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).said()?;
    if busy == 0 {
        return Ok(());
    }
    Err(PortError::new(
        ErrorKind::Unavailable,
        "another process reads memory, and its log still has what was forgotten",
    )
    .with_hint("forget it again once that process has ended"))
}

/// The sizes in a catalogue that is only looked at.
pub(super) fn looked_at(file: &Path) -> Result<[ShelfSize; 2], PortError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let catalogue = Connection::open_with_flags(file, flags).said()?;
    catalogue.busy_timeout(BRIEFLY).said()?;
    sizes(&catalogue)
}

/// How long whoever only looks waits for others.
const BRIEFLY: Duration = Duration::from_millis(200);

pub(super) fn sizes(catalogue: &Connection) -> Result<[ShelfSize; 2], PortError> {
    let one = |filter: &str| -> Result<ShelfSize, PortError> {
        let query = format!(
            "SELECT count(*), min(ended_ms), max(ended_ms), coalesce(sum(proved), 0) FROM episodes WHERE part {filter}"
        );
        catalogue
            .query_row(&query, [], |row| {
                let (first, last): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
                Ok(ShelfSize {
                    episodes: unsigned(row.get(0)?),
                    proved: unsigned(row.get(3)?),
                    bytes: 0,
                    ended_ms: first.map(unsigned).zip(last.map(unsigned)),
                })
            })
            .said()
    };
    let bytes: Option<i64> =
        catalogue.query_row("SELECT sum(bytes) FROM parts", [], |row| row.get(0)).said()?;
    let cold = ShelfSize { bytes: bytes.map_or(0, unsigned), ..one("IS NOT NULL")? };
    Ok([one("IS NULL")?, cold])
}

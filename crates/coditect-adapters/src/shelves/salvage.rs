//! What can be read of a catalogue that is damaged: a copy of it is opened, and read row by row past what is broken. Parts of the folder
//! say for themselves what is in them; only here stand what was at hand, and the names of what must not come back.

use std::fs;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_ports::shelves::Kept;
use coditect_types::EpisodeId;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::catalogue::{reused_of, set_up, unsigned};
use super::{DAMAGED, FILE, PATIENCE, at};

/// Behind the name of what was set aside, while it is read.
const COPY: &str = ".copy";
/// Bytes of SQLite's header (SQLite, "Database File Format", 1.3).
const HEADER: usize = 100;
/// Numbers that are stepped over one by one where rows cannot be read.
const MOST_STEPS: usize = 100_000;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Saved {
    /// Episodes that were at hand.
    pub(super) episodes: Vec<Kept>,
    /// How many there had been; None: that cannot be told.
    pub(super) known: Option<usize>,
    /// Names of what was forgotten.
    pub(super) forgotten: Vec<String>,
    /// Episodes that were to be removed with their missions.
    pub(super) doomed: Vec<EpisodeId>,
    /// Something that was forgotten may be in some file still.
    pub(super) erasing: bool,
}

impl Saved {
    /// How much of it is kept.
    pub(super) fn says(&self, kept: usize) -> String {
        let of = self.known.map_or_else(|| "nobody knows how many".to_owned(), |known| known.to_string());
        format!("of {of} episodes that were at hand, {kept} could be read and are kept")
    }
}

/// Reads what was set aside as `aside` below `dir`. What cannot be read is not there.
///
/// # Errors
/// Where there is no copy to be had of it: it is read another time.
pub(super) fn read(dir: &Path, aside: &Path) -> Result<Saved, PortError> {
    let copy = PathBuf::from(format!("{}{COPY}", aside.display()));
    let copied = copied(aside, &copy);
    let saved = copied.is_ok().then(|| match open(&copy) {
        Some(catalogue) => Some(saved(&catalogue)),
        None => {
            mend_header(dir, &copy)?;
            open(&copy).as_ref().map(saved)
        }
    });
    for end in ["", "-wal", "-shm"] {
        // What is left of it goes with what was set aside.
        fs::remove_file(with_end(&copy, end)).ok();
    }
    copied.map(|()| saved.flatten().unwrap_or_default())
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}{end}", path.display()))
}

fn copied(aside: &Path, copy: &Path) -> Result<(), PortError> {
    for end in ["", "-wal"] {
        let from = with_end(aside, end);
        if from.exists() {
            fs::copy(&from, with_end(copy, end)).map_err(|error| at("copying", &from, &error))?;
        }
    }
    Ok(())
}

/// None: it is no database at all.
fn open(path: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let catalogue = Connection::open_with_flags(path, flags).ok()?;
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('episodes', 'warm')";
    let count: i64 = catalogue.query_row(tables, [], |row| row.get(0)).ok()?;
    (count == 2).then_some(catalogue)
}

/// Gives a file the header that a new catalogue of this version has, with its own number of pages.
fn mend_header(dir: &Path, path: &Path) -> Option<()> {
    let fresh = dir.join(format!("{FILE}{DAMAGED}header"));
    let header = || -> Option<Vec<u8>> {
        let mut catalogue = Connection::open(&fresh).ok()?;
        set_up(&mut catalogue, PATIENCE, &mut |_| Ok(())).ok()?;
        catalogue.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).ok()?;
        drop(catalogue);
        fs::read(&fresh).ok()?.get(..HEADER).map(<[u8]>::to_vec)
    };
    let found = header();
    for end in ["", "-wal", "-shm"] {
        fs::remove_file(with_end(&fresh, end)).ok();
    }
    let mut header = found?;
    let mut bytes = fs::read(path).ok()?;
    let of_page = match u16::from_be_bytes([*header.get(16)?, *header.get(17)?]) {
        // This is how 65,536 is written.
        1 => 65_536,
        size => usize::from(size),
    };
    let pages = u32::try_from(bytes.len() / of_page).ok()?;
    header.get_mut(28..32)?.copy_from_slice(&pages.to_be_bytes());
    // The free pages are looked for by nobody who only reads.
    header.get_mut(32..40)?.fill(0);
    // The number of pages holds where these two are the same.
    let changes: [u8; 4] = header.get(24..28)?.try_into().ok()?;
    header.get_mut(92..96)?.copy_from_slice(&changes);
    bytes.get_mut(..HEADER)?.copy_from_slice(&header);
    fs::write(path, bytes).ok()
}

fn saved(catalogue: &Connection) -> Saved {
    let texts = |query: &str| -> Vec<String> {
        let Ok(mut all) = catalogue.prepare(query) else { return Vec::new() };
        let Ok(rows) = all.query_map([], |row| row.get(0)) else { return Vec::new() };
        rows.map_while(Result::ok).collect()
    };
    let known = "SELECT count(*) FROM episodes WHERE part IS NULL";
    let known: rusqlite::Result<i64> = catalogue.query_row(known, [], |row| row.get(0));
    let erasing: rusqlite::Result<bool> =
        catalogue.query_row("SELECT erasing FROM tally", [], |row| row.get(0));
    let doomed = texts("SELECT id FROM doomed");
    Saved {
        episodes: episodes(catalogue),
        known: known.ok().and_then(|known| usize::try_from(known).ok()),
        forgotten: texts("SELECT id FROM others WHERE state = 'forgotten'"),
        doomed: doomed.iter().filter_map(|name| EpisodeId::parse(name).ok()).collect(),
        // What cannot be told is no reason to remove what was just set aside.
        erasing: erasing.unwrap_or(false),
    }
}

fn episodes(catalogue: &Connection) -> Vec<Kept> {
    let next = "SELECT w.number, e.id, e.sameness, e.ended_ms, w.workspace, w.language, w.status, w.rung, w.request, w.wall_ms,
                    w.reused, w.body
                FROM warm w JOIN episodes e ON e.number = w.number WHERE w.number > ?1 ORDER BY w.number LIMIT 1";
    let Ok(mut next) = catalogue.prepare(next) else { return Vec::new() };
    let (mut found, mut after, mut steps) = (Vec::new(), 0_i64, 0);
    while steps < MOST_STEPS {
        match next.query_row([after], |row| Ok((row.get::<_, i64>(0)?, kept(row)?))).optional() {
            Ok(Some((number, kept))) => {
                after = number;
                found.extend(kept);
            }
            Ok(None) => break,
            Err(_) => {
                after = after.saturating_add(1);
                steps += 1;
            }
        }
    }
    found
}

/// None: its name is none.
fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Kept>> {
    let (id, reused): (String, String) = (row.get(1)?, row.get(10)?);
    let Ok(id) = EpisodeId::parse(&id) else { return Ok(None) };
    Ok(Some(Kept {
        id,
        sameness: row.get(2)?,
        ended_ms: unsigned(row.get(3)?),
        workspace: row.get(4)?,
        language: row.get(5)?,
        status: row.get(6)?,
        rung: row.get(7)?,
        request: row.get(8)?,
        wall_ms: unsigned(row.get(9)?),
        reused: reused_of(&reused),
        body: row.get(11)?,
    }))
}

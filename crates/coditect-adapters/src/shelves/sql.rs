//! Questions in SQL about everything on the shelves, the cold one among them.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use coditect_ports::shelves::Row;
use coditect_ports::{PortError, Shelves};
use coditect_types::ErrorKind;
use coditect_types::memory::Shelf;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Statement, params};

use super::DiskShelves;
use super::catalogue::{failed, signed};

const TABLE: &str = "CREATE TABLE episodes (
    id TEXT PRIMARY KEY, workspace TEXT, language TEXT, status TEXT, rung TEXT, request TEXT, ended_ms INTEGER,
    wall_ms INTEGER, uses INTEGER, held INTEGER, seen INTEGER, shelf TEXT, body TEXT)";

/// Bytes that an answer takes at most.
const MOST_BYTES: usize = 64 << 20;
/// Where the time is up, a question is told to end so often.
const AGAIN: Duration = Duration::from_millis(50);
/// What a value takes beside its text.
const CELL_BYTES: usize = 32;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// So many bytes.
    Bytes(usize),
}

/// What a question gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// A row each.
    pub rows: Vec<Vec<Cell>>,
}

impl DiskShelves {
    /// Answers a `SELECT` over the table `episodes`, which is made for it in memory: nothing that is kept can be changed by
    /// what is asked.
    ///
    /// # Errors
    /// `Invalid` where it is no question that SQLite understands, with what it says of it. `Exhausted` where it is not answered `within`
    /// this time, reading the shelves not counted, or by more than 64 MiB.
    pub fn query(&self, sql: &str, within: Duration) -> Result<Answer, PortError> {
        let table = Connection::open_in_memory().map_err(|error| failed(&error))?;
        self.fill(&table)?;
        table.pragma_update(None, "query_only", "ON").map_err(|error| failed(&error))?;
        // No value that is made on the way is longer than an answer may be.
        let most = i32::try_from(MOST_BYTES).unwrap_or(i32::MAX);
        table.set_limit(Limit::SQLITE_LIMIT_LENGTH, most).map_err(|error| failed(&error))?;
        let refused = |error: rusqlite::Error| {
            PortError::new(ErrorKind::Invalid, error.to_string()).with_hint(
                "ask for example `SELECT rung, count(*) FROM episodes GROUP BY rung`; `SELECT * FROM episodes LIMIT 1` \
                 shows the columns",
            )
        };
        let mut asked = table.prepare(sql).map_err(refused)?;
        if !asked.readonly() || asked.column_count() == 0 {
            let cause = "it is no question: only SELECT is answered";
            return Err(PortError::new(ErrorKind::Invalid, cause));
        }
        let handle = table.get_interrupt_handle();
        let (done, is_done) = sync_channel::<()>(0);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut wait = within;
                while is_done.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    // Before the first step of the question it is heard by nobody.
                    handle.interrupt();
                    wait = AGAIN;
                }
            });
            let answer = rows_of(&mut asked, |error| match error.sqlite_error_code() {
                Some(ErrorCode::OperationInterrupted) => took_too_long(within),
                Some(ErrorCode::TooBig) => too_long(),
                Some(_) | None => refused(error),
            });
            drop(done);
            answer
        })
    }

    fn fill(&self, table: &Connection) -> Result<(), PortError> {
        table.execute_batch(&format!("BEGIN; {TABLE}")).map_err(|error| failed(&error))?;
        let mut insert = table
            .prepare("INSERT INTO episodes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")
            .map_err(|error| failed(&error))?;
        let mut trouble = None;
        // What cannot be read now is said by the findings.
        self.each_in_reach(0, &mut |Row { standing, seen, kept }| {
            let shelf = match standing.shelf {
                Shelf::Warm => "warm",
                Shelf::Cold => "cold",
            };
            let done = insert.execute(params![
                kept.id.as_str(),
                kept.workspace,
                kept.language,
                kept.status,
                (!kept.rung.is_empty()).then_some(kept.rung),
                kept.request,
                signed(kept.ended_ms),
                signed(kept.wall_ms),
                standing.uses.0,
                standing.uses.1,
                seen,
                shelf,
                String::from_utf8_lossy(&kept.body),
            ]);
            trouble = done.err();
            trouble.is_none()
        })?;
        if let Some(error) = trouble {
            return Err(failed(&error));
        }
        drop(insert);
        table.execute_batch("COMMIT").map_err(|error| failed(&error))
    }
}

/// All rows of a question, as long as they are not too many.
fn rows_of(
    asked: &mut Statement<'_>,
    refused: impl Fn(rusqlite::Error) -> PortError,
) -> Result<Answer, PortError> {
    let columns: Vec<String> = asked.column_names().map(str::to_owned).collect();
    let mut answer = Answer { columns, rows: Vec::new() };
    let mut rows = asked.query([]).map_err(&refused)?;
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(&refused)? {
        let cells: rusqlite::Result<Vec<Cell>> =
            (0..answer.columns.len()).map(|at| row.get_ref(at).map(cell)).collect();
        let cells = cells.map_err(&refused)?;
        bytes += cells.iter().map(size).sum::<usize>();
        if bytes > MOST_BYTES {
            return Err(too_long());
        }
        answer.rows.push(cells);
    }
    Ok(answer)
}

fn too_long() -> PortError {
    let cause = format!("the answer is longer than {} MiB", MOST_BYTES >> 20);
    PortError::new(ErrorKind::Exhausted, cause)
        .with_hint("ask for fewer columns than `*`, for counts, or with a LIMIT")
}

fn took_too_long(within: Duration) -> PortError {
    let cause = format!("the question was not answered within {} s", within.as_secs_f64());
    PortError::new(ErrorKind::Exhausted, cause).with_hint(
        "give it longer with `--timeout-s`, or ask for less: a join needs an ON, a long answer a LIMIT",
    )
}

/// About what a value takes, bytes.
fn size(cell: &Cell) -> usize {
    CELL_BYTES
        + match cell {
            Cell::Text(text) => text.len(),
            Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Bytes(_) => 0,
        }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.len()),
    }
}

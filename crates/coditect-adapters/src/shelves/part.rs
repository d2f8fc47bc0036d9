//! A part: some thousand episodes in one Parquet file, compressed, that any program for such files can read.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use coditect_ports::PortError;
use coditect_ports::shelves::{Kept, Row};
use coditect_types::memory::{Shelf, Standing};
use coditect_types::{EpisodeId, ErrorKind};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::at;
use super::catalogue::{Entry, reused_of, reused_text, signed, unsigned};

/// Texts first, then numbers, then the body.
const SCHEMA: &str = "message episode {
    required binary id (UTF8);
    required binary workspace (UTF8);
    required binary language (UTF8);
    required binary status (UTF8);
    required binary rung (UTF8);
    required binary request (UTF8);
    required binary sameness (UTF8);
    required binary reused (UTF8);
    required binary body (UTF8);
    required int64 number;
    required int64 ended_ms;
    required int64 wall_ms;
    required int64 seen;
}";
const TEXTS: usize = 9;
const NUMBERS: usize = 4;
/// Episodes that are unpacked together to get at one.
const GROUP: usize = 128;
/// Behind the name of a part that is not whole yet.
pub(super) const NEW: &str = ".new";

fn failed(name: &str, error: &ParquetError) -> PortError {
    if let ParquetError::External(inner) = error
        && let Some(error) = inner.downcast_ref::<std::io::Error>()
        && error.raw_os_error().is_some()
    {
        // What the disk does not give now is no damage. What whoever unpacks it says has no number of the system's.
        return PortError::new(ErrorKind::Unavailable, format!("reading `{name}`: {error}"));
    }
    PortError::new(ErrorKind::Conflict, format!("`{name}` is damaged: {error}"))
}

/// The rows as the bytes of a part.
pub(super) fn packed(rows: &[Row]) -> Result<Vec<u8>, PortError> {
    let mut bytes = Vec::new();
    write_to(&mut bytes, rows)
        .map_err(|error| PortError::new(ErrorKind::Exhausted, format!("packing episodes: {error}")))?;
    Ok(bytes)
}

/// Keeps bytes as the file `file` below `dir`; once this is done they are on the disk.
pub(super) fn keep(dir: &Path, file: &str, bytes: &[u8]) -> Result<(), PortError> {
    let (path, new) = (dir.join(file), dir.join(format!("{file}{NEW}")));
    let mut made = File::create(&new).map_err(|error| at("making", &new, &error))?;
    made.write_all(bytes).and_then(|()| made.sync_all()).map_err(|error| {
        // On a disk that is full every byte counts.
        fs::remove_file(&new).ok();
        at("writing", &new, &error)
    })?;
    fs::rename(&new, &path).map_err(|error| at("naming", &path, &error))?;
    let folder = File::open(dir).and_then(|dir| dir.sync_all());
    folder.map_err(|error| at("writing", dir, &error))
}

fn write_to(to: &mut Vec<u8>, rows: &[Row]) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
    let properties = WriterProperties::builder()
        .set_compression(compression)
        // Episodes are fetched one by one: what is read beside each is to be little.
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut writer = SerializedFileWriter::new(to, schema, Arc::new(properties))?;
    for rows in rows.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        for at in 0..TEXTS + NUMBERS {
            let Some(mut column) = group.next_column()? else { break };
            if at < TEXTS {
                let values: Vec<ByteArray> =
                    rows.iter().map(|row| ByteArray::from(text(row, at).into_bytes())).collect();
                column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
            } else {
                let values: Vec<i64> = rows.iter().map(|row| signed(count(row, at - TEXTS))).collect();
                column.typed::<Int64Type>().write_batch(&values, None, None)?;
            }
            column.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

fn text(row: &Row, column: usize) -> String {
    let kept = &row.kept;
    match column {
        0 => kept.id.to_string(),
        1 => kept.workspace.clone(),
        2 => kept.language.clone(),
        3 => kept.status.clone(),
        4 => kept.rung.clone(),
        5 => kept.request.clone(),
        6 => kept.sameness.clone(),
        7 => reused_text(&kept.reused),
        _ => String::from_utf8_lossy(&kept.body).into_owned(),
    }
}

fn count(row: &Row, column: usize) -> u64 {
    match column {
        0 => row.standing.number,
        1 => row.kept.ended_ms,
        2 => row.kept.wall_ms,
        _ => row.seen.into(),
    }
}

/// Where the bytes of a part are.
#[derive(Debug)]
pub(super) enum Source {
    /// In a file.
    File(PathBuf),
    /// Here, and how they are called.
    Bytes(String, Bytes),
}

impl Source {
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::File(path) => path.to_string_lossy(),
            Self::Bytes(name, _) => Cow::Borrowed(name),
        }
    }

    fn open(&self) -> Result<Box<dyn FileReader>, PortError> {
        match self {
            Self::File(path) => {
                let file = File::open(path).map_err(|error| at("reading", path, &error))?;
                SerializedFileReader::new(file).map(|reader| Box::new(reader) as Box<dyn FileReader>)
            }
            Self::Bytes(_, bytes) => {
                SerializedFileReader::new(bytes.clone()).map(|reader| Box::new(reader) as Box<dyn FileReader>)
            }
        }
        .map_err(|error| failed(&self.name(), &error))
    }
}

/// Whether a file of the folder can be a part, also one of a version that counted them.
pub(super) fn is_part(name: &str) -> bool {
    let Some(word) = name.strip_prefix("part-").and_then(|rest| rest.strip_suffix(".parquet")) else {
        return false;
    };
    is_new_part(name) || (word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether an object can be a part: nothing else that a store tells is ever taken for the name of a file.
pub(super) fn is_new_part(name: &str) -> bool {
    let word = name.strip_prefix("part-").and_then(|rest| rest.strip_suffix(".parquet"));
    word.is_some_and(|word| {
        word.len() == 32 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// How many rows a part has.
pub(super) fn rows_of(source: &Source) -> Result<usize, PortError> {
    Ok(usize::try_from(source.open()?.metadata().file_metadata().num_rows()).unwrap_or(0))
}

/// The rows of these entries, which are all in this part.
pub(super) fn read(source: &Source, entries: &[&Entry]) -> Result<Vec<Row>, PortError> {
    let reader = source.open()?;
    let mut wanted: Vec<(usize, &Entry)> =
        entries.iter().filter_map(|entry| Some((entry.place.as_ref()?.1, *entry))).collect();
    wanted.sort_unstable_by_key(|(place, _)| *place);
    let mut rows = Vec::new();
    for group in wanted.chunk_by(|a, b| a.0 / GROUP == b.0 / GROUP) {
        let Some((first, _)) = group.first() else { continue };
        let read = reader.get_row_group(first / GROUP).and_then(|group| columns(&*group));
        let (texts, numbers) = read.map_err(|error| failed(&source.name(), &error))?;
        for (place, entry) in group {
            let Some(mut row) = row(&texts, &numbers, place % GROUP) else { continue };
            if row.kept.id == entry.id {
                (row.standing, row.seen) = (entry.standing, entry.seen);
                row.kept.ended_ms = entry.standing.ended_ms;
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// Every row of a part.
pub(super) fn read_all(source: &Source) -> Result<Vec<Row>, PortError> {
    let reader = source.open()?;
    let mut rows = Vec::new();
    for group in 0..reader.num_row_groups() {
        let read = reader.get_row_group(group).and_then(|group| columns(&*group));
        let (texts, numbers) = read.map_err(|error| failed(&source.name(), &error))?;
        let count = numbers.first().map_or(0, Vec::len);
        rows.extend((0..count).filter_map(|at| row(&texts, &numbers, at)));
    }
    Ok(rows)
}

type Columns = (Vec<Vec<ByteArray>>, Vec<Vec<i64>>);

fn columns(group: &dyn RowGroupReader) -> Result<Columns, ParquetError> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let texts = (0..TEXTS).map(|at| column::<ByteArrayType>(group, at, rows)).collect::<Result<_, _>>()?;
    let numbers =
        (TEXTS..TEXTS + NUMBERS).map(|at| column::<Int64Type>(group, at, rows)).collect::<Result<_, _>>()?;
    Ok((texts, numbers))
}

fn column<T: DataType>(
    group: &dyn RowGroupReader,
    at: usize,
    rows: usize,
) -> Result<Vec<T::T>, ParquetError> {
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(at)?);
    let mut values = Vec::with_capacity(rows);
    while values.len() < rows {
        let (records, _, _) = reader.read_records(rows - values.len(), None, None, &mut values)?;
        if records == 0 {
            break;
        }
    }
    Ok(values)
}

fn row(texts: &[Vec<ByteArray>], numbers: &[Vec<i64>], at: usize) -> Option<Row> {
    let text = |column: usize| {
        let value = texts.get(column)?.get(at)?;
        Some(String::from_utf8_lossy(value.data()).into_owned())
    };
    let count = |column: usize| Some(unsigned(*numbers.get(column)?.get(at)?));
    let kept = Kept {
        id: EpisodeId::parse(&text(0)?).ok()?,
        workspace: text(1)?,
        language: text(2)?,
        status: text(3)?,
        rung: text(4)?,
        request: text(5)?,
        sameness: text(6)?,
        reused: reused_of(&text(7)?),
        body: text(8)?.into_bytes(),
        ended_ms: count(1)?,
        wall_ms: count(2)?,
    };
    let standing = Standing {
        number: count(0)?,
        shelf: Shelf::Cold,
        proved: !kept.rung.is_empty(),
        ended_ms: kept.ended_ms,
        used_ms: 0,
        uses: (0, 0),
        bytes: kept.body.len() as u64,
    };
    Some(Row { standing, seen: u32::try_from(count(3)?).unwrap_or(u32::MAX), kept })
}

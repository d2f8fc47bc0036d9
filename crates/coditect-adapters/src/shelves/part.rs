//! A part: some thousand episodes in one Parquet file, compressed, that any program for such files can read.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

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

fn failed(path: &Path, error: &ParquetError) -> PortError {
    PortError::new(ErrorKind::Conflict, format!("`{}` is damaged: {error}", path.display()))
}

/// Writes the rows as the part `file` below `dir`; once this is done they are on the disk. Gives its bytes.
pub(super) fn write(dir: &Path, file: &str, rows: &[Row]) -> Result<u64, PortError> {
    let (path, new) = (dir.join(file), dir.join(format!("{file}.new")));
    let made = File::create(&new).map_err(|error| at("making", &new, &error))?;
    let failed = |error: ParquetError| {
        PortError::new(ErrorKind::Exhausted, format!("writing `{}`: {error}", new.display()))
    };
    write_to(&made, rows).map_err(failed)?;
    made.sync_all().map_err(|error| at("writing", &new, &error))?;
    fs::rename(&new, &path).map_err(|error| at("naming", &path, &error))?;
    let folder = File::open(dir).and_then(|dir| dir.sync_all());
    folder.map_err(|error| at("writing", dir, &error))?;
    made.metadata().map(|meta| meta.len()).map_err(|error| at("reading", &path, &error))
}

fn write_to(file: &File, rows: &[Row]) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let compression = Compression::ZSTD(ZstdLevel::try_new(3)?);
    let properties = WriterProperties::builder()
        .set_compression(compression)
        // Episodes are fetched one by one: what is read beside each is to be little.
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
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

fn open(path: &Path) -> Result<SerializedFileReader<File>, PortError> {
    let file = File::open(path).map_err(|error| at("reading", path, &error))?;
    SerializedFileReader::new(file).map_err(|error| failed(path, &error))
}

/// How many rows a part has.
pub(super) fn rows_of(path: &Path) -> Result<usize, PortError> {
    Ok(usize::try_from(open(path)?.metadata().file_metadata().num_rows()).unwrap_or(0))
}

/// The rows of these entries, which are all in this part.
pub(super) fn read(path: &Path, entries: &[&Entry]) -> Result<Vec<Row>, PortError> {
    let reader = open(path)?;
    let mut wanted: Vec<(usize, &Entry)> =
        entries.iter().filter_map(|entry| Some((entry.place.as_ref()?.1, *entry))).collect();
    wanted.sort_unstable_by_key(|(place, _)| *place);
    let mut rows = Vec::new();
    for group in wanted.chunk_by(|a, b| a.0 / GROUP == b.0 / GROUP) {
        let Some((first, _)) = group.first() else { continue };
        let read = reader.get_row_group(first / GROUP).and_then(|group| columns(&*group));
        let (texts, numbers) = read.map_err(|error| failed(path, &error))?;
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
pub(super) fn read_all(path: &Path) -> Result<Vec<Row>, PortError> {
    let reader = open(path)?;
    let mut rows = Vec::new();
    for group in 0..reader.num_row_groups() {
        let read = reader.get_row_group(group).and_then(|group| columns(&*group));
        let (texts, numbers) = read.map_err(|error| failed(path, &error))?;
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

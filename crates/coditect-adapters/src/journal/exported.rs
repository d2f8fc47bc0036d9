//! One mission's journal in a file of its own, to be looked at elsewhere: JSON lines, first what it is, then its records.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use coditect_ports::PortError;
use coditect_ports::journal::{AppendError, BoxFuture, Journal, Saved, StreamInfo};
use coditect_types::{ErrorKind, MissionId};
use serde::{Deserialize, Serialize};

/// The version of the format that is written.
const VERSION: u32 = 1;
/// Bytes of a line, and of all lines, that are read at most.
const LINE_BYTES: u64 = 256 << 20;
const FILE_BYTES: u64 = 2 << 30;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// The version of the format; its name tells what the file is.
    coditect_mission: u32,
    /// The mission.
    mission: MissionId,
    /// Records that follow.
    records: u64,
    /// When it was written, ms since 1970.
    exported_at_ms: u64,
}

/// What of a record must be right for it to be one of this journal.
#[derive(Deserialize)]
struct Place {
    mission: MissionId,
    seq: u64,
}

/// Writes a mission's journal. `records` are as the journal has them, from the first on.
///
/// # Errors
/// Where `out` cannot be written to.
pub fn export(
    out: &mut impl Write,
    mission: &MissionId,
    at_ms: u64,
    records: &[Vec<u8>],
) -> std::io::Result<()> {
    let header = Header {
        coditect_mission: VERSION,
        mission: mission.clone(),
        records: records.len() as u64,
        exported_at_ms: at_ms,
    };
    serde_json::to_writer(&mut *out, &header)?;
    for record in records {
        out.write_all(b"\n")?;
        out.write_all(record)?;
    }
    out.write_all(b"\n")?;
    out.flush()
}

/// A journal that was exported. It can be read, and that is all.
#[derive(Debug)]
pub struct Exported {
    mission: MissionId,
    records: Vec<Vec<u8>>,
}

impl Exported {
    /// Reads a whole file.
    ///
    /// # Errors
    /// `Invalid` with the line where it is not what `export` writes, or was cut off.
    pub fn open(path: &Path) -> Result<Self, PortError> {
        let name = path.display();
        let file = File::open(path).map_err(|error| PortError::from_io(&format!("`{name}`"), &error))?;
        Self::read(BufReader::new(file).take(FILE_BYTES)).map_err(|cause| {
            let error = PortError::new(ErrorKind::Invalid, format!("`{name}`: {cause}"));
            error.with_hint("`coditect export MISSION FILE` writes such files")
        })
    }

    /// The mission.
    #[must_use]
    pub fn mission(&self) -> &MissionId {
        &self.mission
    }

    fn read(mut from: impl BufRead) -> Result<Self, String> {
        let first = line(&mut from, 1)?.ok_or("it is empty")?;
        let header: Header =
            serde_json::from_slice(&first).map_err(|_| "it is not a mission that was exported".to_owned())?;
        if header.coditect_mission != VERSION {
            return Err(format!(
                "it has version {} of the format, and version {VERSION} is read here",
                header.coditect_mission
            ));
        }
        let mut records = Vec::new();
        while let Some(record) = line(&mut from, records.len() + 2)? {
            let at = records.len() + 2;
            let place: Place = serde_json::from_slice(&record)
                .map_err(|error| format!("line {at} is not a record: {error}"))?;
            if place.mission != header.mission || place.seq != records.len() as u64 + 1 {
                return Err(format!(
                    "line {at} is record {} of `{}`, and record {} of `{}` was expected",
                    place.seq,
                    place.mission,
                    records.len() + 1,
                    header.mission
                ));
            }
            records.push(record);
        }
        if records.len() as u64 != header.records {
            return Err(format!("it has {} records of {}: it was cut off", records.len(), header.records));
        }
        Ok(Self { mission: header.mission, records })
    }
}

/// The next line without its end; None at the end.
fn line(from: &mut impl BufRead, number: usize) -> Result<Option<Vec<u8>>, String> {
    let mut bytes = Vec::new();
    let read = from.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes);
    read.map_err(|error| format!("line {number} cannot be read: {error}"))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.pop_if(|last| *last == b'\n').is_none() {
        return Err(format!("line {number} has no end: it was cut off, or is too long"));
    }
    Ok(Some(bytes))
}

/// What every call that would write is answered.
fn read_only() -> PortError {
    let cause = "a mission that was exported can be looked at, and not be gone on with";
    PortError::new(ErrorKind::Denied, cause).with_hint("go on where it was exported")
}

impl Journal for Exported {
    fn append<'a>(
        &'a self,
        _: &'a MissionId,
        _: u64,
        _: Vec<Vec<u8>>,
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        Box::pin(async { Err(AppendError::NotKept(read_only())) })
    }

    fn read(&self, stream: &MissionId, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
        if *stream != self.mission {
            return Ok(Vec::new());
        }
        let numbered = (1..).zip(self.records.iter().cloned());
        let before = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(numbered.skip(before).take(limit).collect())
    }

    fn streams(&self) -> Result<Vec<StreamInfo>, PortError> {
        Ok(vec![StreamInfo { stream: self.mission.clone(), last_seq: self.records.len() as u64 }])
    }

    fn release(&self, _: &MissionId) {}

    fn save(&self, _: &MissionId, _: &Saved) -> Result<(), PortError> {
        Err(read_only())
    }

    fn saved(&self, _: &MissionId) -> Result<Option<Saved>, PortError> {
        Ok(None)
    }

    fn forget(&self, _: &MissionId) -> Result<(), PortError> {
        Err(read_only())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use super::*;

    fn mission() -> MissionId {
        MissionId::parse("m-abc").unwrap()
    }

    fn record(seq: u64) -> Vec<u8> {
        format!(r#"{{"mission":"m-abc","seq":{seq},"at_ms":5,"type":"mission.concluding"}}"#).into_bytes()
    }

    fn exported(records: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        export(&mut out, &mission(), 7, records).unwrap();
        out
    }

    #[test]
    fn what_was_exported_is_read_as_it_was() {
        let records: Vec<Vec<u8>> = (1..=5).map(record).collect();
        let journal = Exported::read(&exported(&records)[..]).unwrap();
        assert_eq!(journal.mission(), &mission());
        assert_eq!(journal.streams().unwrap(), [StreamInfo { stream: mission(), last_seq: 5 }]);
        let read = journal.read(&mission(), 2, 3).unwrap();
        assert_eq!(read, [(2, record(2)), (3, record(3)), (4, record(4))]);
        assert!(journal.read(&mission(), 6, 3).unwrap().is_empty());
        assert!(journal.read(&MissionId::parse("m-other").unwrap(), 1, 3).unwrap().is_empty());
        assert!(journal.forget(&mission()).is_err());
        assert!(Exported::read(&exported(&[])[..]).unwrap().records.is_empty());
    }

    #[test]
    fn what_is_none_or_was_cut_off_is_refused_with_where() {
        let whole = exported(&[record(1), record(2)]);
        let refused = |bytes: &[u8]| Exported::read(bytes).unwrap_err();
        for (at, _) in whole.iter().enumerate().skip(1) {
            refused(&whole[..at]);
        }
        assert_eq!(refused(b""), "it is empty");
        assert!(refused(b"{}\n").contains("not a mission"));
        assert!(refused(&record(1)).contains("no end"));
        assert!(refused(&exported(&[record(1), record(3)])).contains("line 3 is record 3"));
        assert!(refused(&exported(&[record(1), b"{".to_vec()])).contains("line 3 is not a record"));
        let newer = String::from_utf8(whole).unwrap().replacen(":1,", ":9,", 1);
        assert!(refused(newer.as_bytes()).contains("version 9"));
    }
}

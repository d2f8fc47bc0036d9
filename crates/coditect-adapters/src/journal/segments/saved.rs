//! Snapshots: one small file a stream. A shortcut that may be lost, so there is no fsync; the checksum tells.
//!
//! Format 1: `CODITSN\n`, format version (4 bytes), crc32 of everything after (4), number (8), version of the fold
//! (4), the state.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use coditect_ports::PortError;
use coditect_ports::journal::Saved;
use coditect_types::MissionId;

use super::format::{u32_at, u64_at};
use super::layout::Layout;
use super::load::at;

const MAGIC: [u8; 8] = *b"CODITSN\n";
const VERSION: u32 = 1;

pub(super) fn write(layout: &Layout, stream: &MissionId, saved: &Saved) -> Result<(), PortError> {
    let mut rest = Vec::with_capacity(12 + saved.bytes.len());
    rest.extend_from_slice(&saved.seq.to_le_bytes());
    rest.extend_from_slice(&saved.version.to_le_bytes());
    rest.extend_from_slice(&saved.bytes);
    let draft = layout.snapshot_draft(stream);
    let write = || {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        file.write_all(&crc32fast::hash(&rest).to_le_bytes())?;
        file.write_all(&rest)?;
        std::fs::rename(&draft, layout.snapshot(stream))
    };
    write().map_err(|error: io::Error| at("writing", &draft, &error))
}

pub(super) fn read(layout: &Layout, stream: &MissionId) -> Result<Option<Saved>, PortError> {
    let path = layout.snapshot(stream);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("reading", &path, &error)),
    }
}

fn parse(bytes: &[u8]) -> Option<Saved> {
    let rest = bytes.get(16..)?;
    let whole = bytes.starts_with(&MAGIC)
        && u32_at(bytes, 8)? == VERSION
        && u32_at(bytes, 12)? == crc32fast::hash(rest);
    if !whole {
        return None;
    }
    Some(Saved { seq: u64_at(rest, 0)?, version: u32_at(rest, 8)?, bytes: rest.get(12..)?.to_vec() })
}

pub(super) fn remove(layout: &Layout, stream: &MissionId) -> io::Result<()> {
    for path in [layout.snapshot_draft(stream), layout.snapshot(stream)] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

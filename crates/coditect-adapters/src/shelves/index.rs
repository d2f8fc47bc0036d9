//! The file of the index: a head that tells its version and its sum, and the rest as it was given.

use std::fs;
use std::io::Write;
use std::path::Path;

use coditect_ports::PortError;

use super::at;

const FILE: &str = "index.bin";
const MAGIC: &[u8; 8] = b"cdtindx1";
const SUM: usize = 32;

/// Keeps it in place of an older one. It is not waited for until it is on the disk: whoever finds half of it makes it anew.
pub(super) fn write(dir: &Path, bytes: &[u8]) -> Result<(), PortError> {
    let path = dir.join(FILE);
    let new = dir.join(format!("{FILE}.{}", std::process::id()));
    let written = fs::File::create(&new).and_then(|mut file| {
        file.write_all(MAGIC)?;
        file.write_all(blake3::hash(bytes).as_bytes())?;
        file.write_all(bytes)
    });
    written.and_then(|()| fs::rename(&new, &path)).map_err(|error| {
        fs::remove_file(&new).ok();
        at("writing", &path, &error)
    })
}

pub(super) fn read(dir: &Path) -> Result<Option<Vec<u8>>, PortError> {
    let path = dir.join(FILE);
    let mut bytes = match fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| at("reading", &path, &error))?,
    };
    let head = MAGIC.len() + SUM;
    if bytes.len() < head || &bytes[..MAGIC.len()] != MAGIC {
        return Ok(None);
    }
    let sum = blake3::hash(&bytes[head..]);
    let is_whole = sum.as_bytes()[..] == bytes[MAGIC.len()..head];
    bytes.drain(..head);
    Ok(is_whole.then_some(bytes))
}

/// Removes it, and what a process that was killed left of one.
pub(super) fn remove(dir: &Path) -> Result<(), PortError> {
    for entry in fs::read_dir(dir).map_err(|error| at("reading", dir, &error))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(FILE) {
            fs::remove_file(entry.path()).map_err(|error| at("removing", &entry.path(), &error))?;
        }
    }
    Ok(())
}

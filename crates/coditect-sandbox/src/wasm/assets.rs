//! The kept artefacts: the interpreter and the library files that it may still ask for.

use std::io;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;

use super::cache::Cache;

/// The component, compressed. Built by `python/build.sh`.
pub(super) const COMPONENT: &[u8] = include_bytes!("../../python/python.wasm.zst");

/// Pure Python files that were not imported before the snapshot, compressed.
const LIBRARY: &[u8] = include_bytes!("../../python/pylib.zst");

/// Version of the interpreter.
pub(super) const PYTHON: &str = "3.14.0";

/// Unpacks the component.
pub(super) fn component() -> io::Result<Vec<u8>> {
    zstd::decode_all(COMPONENT)
}

/// Makes sure that the library lies unpacked in the cache, and says where.
pub(super) fn unpack_library(cache: &Cache) -> Result<PathBuf, PortError> {
    let name = format!("pylib-{}", &blake3::hash(LIBRARY).to_hex()[..16]);
    let wrap = |e: io::Error| PortError::from_io("unpack the Python library", &e);
    let target = cache.directory().map_err(wrap)?.join(&name);
    if target.is_dir() {
        return Ok(target);
    }
    let fresh =
        tempfile::Builder::new().prefix(&name).tempdir_in(cache.directory().map_err(wrap)?).map_err(wrap)?;
    let bundle = zstd::decode_all(LIBRARY).map_err(wrap)?;
    write_bundle(&bundle, fresh.path()).map_err(wrap)?;
    // The directory appears whole or not at all; whoever is second finds the first one's, which is the same.
    match std::fs::rename(fresh.path(), &target) {
        Ok(()) => {}
        Err(_) if target.is_dir() => {}
        Err(error) => return Err(wrap(error)),
    }
    Ok(target)
}

/// Writes the files of a bundle. The format is a line `path\tlength\n` before the bytes of each file.
fn write_bundle(mut rest: &[u8], to: &Path) -> io::Result<()> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "the kept library is malformed");
    while !rest.is_empty() {
        let end = rest.iter().position(|&b| b == b'\n').ok_or_else(malformed)?;
        let line = std::str::from_utf8(&rest[..end]).map_err(|_| malformed())?;
        let (path, length) = line.split_once('\t').ok_or_else(malformed)?;
        let length: usize = length.parse().map_err(|_| malformed())?;
        let (bytes, after) = rest[end + 1..].split_at_checked(length).ok_or_else(malformed)?;
        let file = to.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, bytes)?;
        rest = after;
    }
    Ok(())
}

/// The error of an artefact that does not fit this build.
pub(super) fn unusable(error: &io::Error) -> PortError {
    PortError::new(ErrorKind::Bug, format!("unpack the kept interpreter: {error}"))
}

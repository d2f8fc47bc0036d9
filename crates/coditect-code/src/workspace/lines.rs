//! Line ends between the disk and the person's history.
//!
//! A snapshot holds bytes as they are on the disk. Where their repository keeps a file with other line ends
//! (`core.autocrlf`, `eol=crlf`), what goes into their history must have those, or a one-line change would
//! rewrite the file.

use coditect_ports::PortError;

use super::shadow::Shadow;

/// The blob to commit for a file: `new` is its new blob as on the disk, `disk` its blob before as on the disk,
/// `history` its blob before as committed. None where the conversion between the last two is not ours to repeat
/// (LFS, an encoding).
pub(super) fn for_history(
    shadow: &Shadow<'_>,
    new: &str,
    disk: Option<&str>,
    history: Option<&str>,
) -> Result<Option<String>, PortError> {
    let (Some(disk), Some(history)) = (disk, history) else {
        return Ok((disk == history).then(|| new.to_owned()));
    };
    if disk == history {
        return Ok(Some(new.to_owned()));
    }
    if without_cr(&shadow.blob(disk)?) != shadow.blob(history)? {
        return Ok(None);
    }
    shadow.keep_blob(without_cr(&shadow.blob(new)?)).map(Some)
}

/// CRLF becomes LF.
fn without_cr(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            out.push(byte);
        }
    }
    out
}

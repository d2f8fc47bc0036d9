//! Who may use a door that several people use, and the book of what was asked of it.
//!
//! Both are files of the state directory, its owner's alone. Processes take turns by a lock beside them.

mod audit;
mod tokens;

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use coditect_ports::PortError;

pub use audit::{AuditLog, Checked, Line};
pub use tokens::{Grant, NewToken, Tokens};

/// Locked by whoever writes.
const LOCK: &str = "lock";

/// Makes the directory, and waits for its lock.
fn locked(dir: &Path) -> Result<File, PortError> {
    let at = |error: std::io::Error| PortError::from_io(&format!("`{}`", dir.display()), &error);
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at)?;
    let lock = File::create(dir.join(LOCK)).map_err(at)?;
    lock.lock().map_err(at)?;
    Ok(lock)
}

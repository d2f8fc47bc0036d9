//! What the host tells the init, and what the init answers. Both ends are the same program, so there is no
//! version: the plan is JSON in a sealed memory file, the answers are JSON messages on a socket.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A path or text that need not be UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(super) struct Raw(pub(super) OsString);

/// How it is written: almost always it is text after all, which is read much faster.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Written> for Raw {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => Self(text.into()),
            Written::Bytes(bytes) => Self(OsString::from_vec(bytes)),
        }
    }
}

impl From<Raw> for Written {
    fn from(raw: Raw) -> Self {
        match raw.0.into_string() {
            Ok(text) => Self::Text(text),
            Err(raw) => Self::Bytes(raw.into_vec()),
        }
    }
}

impl Raw {
    pub(super) fn new(text: impl AsRef<OsStr>) -> Self {
        Self(text.as_ref().to_owned())
    }

    pub(super) fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// One thing in the fresh root. Targets are absolute paths inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A directory or file of the host. One that is not there is left out.
    Bind { source: Raw, target: Raw, access: Access },
    /// The view below a layer that goes with the run, at [`PROJECT`]; `over` lies between the two.
    Overlay { view: Raw, over: Option<Raw> },
    /// A link.
    Link { target: Raw, to: Raw },
    /// The Python runner, which the init has too.
    Runner,
    /// A read-only file with this content.
    File { target: Raw, content: Raw },
}

/// What may be done with a bound path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Access {
    /// Read and execute.
    Toolchain,
    /// Read and execute; owned inside as it is outside by the person.
    Read,
    /// Everything but devices and set-uid.
    Write,
    /// A device node: read and write, nothing else.
    Device,
}

/// As whom the guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Identity {
    /// The host has no privileges: a user namespace comes first, and inside it maps to the caller.
    Caller { uid: u32, gid: u32 },
    /// The host is privileged: the guest becomes this id, which owns nothing. With an id-mapped view the files
    /// of the view's owner are the guest's own inside.
    Ordinary { uid: u32, gid: u32 },
    /// The host is privileged, but its file system cannot be id-mapped: the guest runs as the owner of the
    /// view, without any capability.
    Owner { uid: u32, gid: u32 },
}

/// The id inside that the guest's id is mapped to.
pub(super) const INSIDE_ID: u32 = 1000;
/// Where the view is inside.
pub(crate) const PROJECT: &str = "/project";
/// Where the Python runner is inside.
pub(crate) const RUNNER: &str = "/runner/runner.py";
/// The runner's files beside each other, which all tiers share: names and texts.
pub(crate) const RUNNER_FILES: [(&str, &str); 4] = [
    ("runner.py", include_str!("../../python/runner.py")),
    ("hot.py", include_str!("../../python/hot.py")),
    ("parts.py", include_str!("../../python/parts.py")),
    ("many.py", include_str!("../../python/many.py")),
];
/// The folder that they are in.
pub(crate) const RUNNER_FOLDER: &str = "/runner";
/// The guest's descriptor for report lines.
pub(super) const REPORT_FD: i32 = 3;

/// Everything that the init needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Process id of the host: if the init has another parent, the host has died.
    pub(super) host: i32,
    pub(super) identity: Identity,
    pub(super) entries: Vec<Entry>,
    /// Size of the scratch file system, bytes.
    pub(super) scratch_bytes: u64,
    /// Absolute, inside.
    pub(super) directory: Raw,
    pub(super) argv: Vec<Raw>,
    pub(super) env: Vec<(Raw, Raw)>,
    /// Names of protections that may be missing.
    pub(super) waived: Vec<String>,
    pub(super) limits: GuestLimits,
    /// The guest gets a descriptor for reports.
    pub(super) reports: bool,
    /// A descriptor of the user namespace for id-mapping comes with the plan.
    pub(super) mapped: bool,
}

/// Limits that the kernel keeps per process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GuestLimits {
    /// Address space, bytes; none where a cgroup limits memory.
    pub(super) address_space: Option<u64>,
    pub(super) processes: u64,
    pub(super) file_bytes: u64,
}

/// What the init and its children tell the host, each a message of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// The init runs and waits for its plan.
    Hello,
    /// The pid namespace has its first process. Its pidfd comes with the message.
    Born,
    /// Every wall stands; the program is started next.
    Ready { by: Vec<String>, missing: Vec<String> },
    /// A wall could not be built. Nothing was run.
    Refused { protection: String, doing: String, errno: i32 },
    /// A wall that `Ready` counted could not be built after all, and the person gave it up.
    Lacking { name: String, errno: i32 },
    /// The program could not be started. Nothing was run.
    NotStarted { errno: i32 },
    /// The program ended: its wait status.
    Exited { status: i32 },
}

#[cfg(test)]
mod tests;

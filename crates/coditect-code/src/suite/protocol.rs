//! The runner's protocol as `crates/coditect-sandbox/python/runner.py` speaks it: one request, lines of reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A request for a run of tests. `root` is set by the sandbox.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    pub(super) op: &'static str,
    pub(super) framework: &'static str,
    pub(super) paths: &'a [String],
    pub(super) targets: &'a [String],
    pub(super) select: Option<&'a [String]>,
    pub(super) deselect: &'a [String],
    pub(super) coverage: &'static str,
    pub(super) stop_on_failure: bool,
    pub(super) max_output: u64,
    pub(super) replace: &'a BTreeMap<String, String>,
    pub(super) list_only: bool,
    /// Tests that a guest may run once and be kept; for sandboxes that can keep one, see [`super::SuiteRun::warm`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) warm: Option<Warm<'a>>,
}

/// What a kept guest runs at first.
#[derive(Debug, Serialize)]
pub(super) struct Warm<'a> {
    pub(super) select: &'a [String],
    /// Tests whose files it gets ready.
    pub(super) files: Vec<&'a String>,
}

/// One report. Every field may be missing: the guest is not trusted to be well formed.
#[derive(Debug, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
pub(super) enum Line {
    Collected {
        #[serde(default)]
        tests: Vec<String>,
        /// What ran while files were imported.
        #[serde(default)]
        lines: BTreeMap<String, Vec<u32>>,
    },
    Start {
        id: String,
    },
    End(Box<End>),
    /// A test waits until others have ended. Only what several tests share in one process says so.
    #[serde(skip)]
    Paused {
        id: String,
    },
    Error(Box<Trouble>),
    Note {
        #[serde(default)]
        text: String,
    },
    Done {
        #[serde(default)]
        exit_code: i32,
    },
    /// The native runner's last word, which says what `done` said.
    Answer {},
}

/// The end of one test.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct End {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) us: u64,
    pub(super) message: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) frames: Vec<(String, u32, String)>,
    pub(super) expected: Option<String>,
    pub(super) actual: Option<String>,
    pub(super) lines: BTreeMap<String, Vec<u32>>,
    pub(super) missing_module: Option<String>,
    pub(super) unsupported: Option<String>,
}

/// What kept a file from being collected, or a group of tests from being set up.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Trouble {
    pub(super) stage: String,
    #[serde(rename = "where")]
    pub(super) place: String,
    pub(super) error_type: Option<String>,
    pub(super) message: Option<String>,
    pub(super) frames: Vec<(String, u32, String)>,
    pub(super) missing_module: Option<String>,
    pub(super) unsupported: Option<String>,
}

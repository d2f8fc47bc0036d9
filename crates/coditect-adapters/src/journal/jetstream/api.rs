//! What is said to JetStream and what it answers, as far as we need it. The shapes are those of its API, version 1.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// Numbers of errors that mean something to us.
pub(super) mod code {
    /// The system has fewer servers than the stream wants replicas.
    pub(in super::super) const NO_SUITABLE_PEERS: u64 = 10005;
    /// Resources of the server are used up.
    pub(in super::super) const RESOURCES: u64 = 10023;
    /// There is no such message.
    pub(in super::super) const NO_MESSAGE: u64 = 10037;
    /// JetStream is not enabled for this account.
    pub(in super::super) const NOT_ENABLED_FOR_ACCOUNT: u64 = 10039;
    /// Storage of the account is used up.
    pub(in super::super) const STORAGE: u64 = 10047;
    /// The message is larger than the stream takes.
    pub(in super::super) const TOO_LARGE: u64 = 10054;
    /// Another stream of that name has another configuration.
    pub(in super::super) const NAME_IN_USE: u64 = 10058;
    /// There is no such stream.
    pub(in super::super) const NO_STREAM: u64 = 10059;
    /// Another stream has these subjects.
    pub(in super::super) const SUBJECTS_OVERLAP: u64 = 10065;
    /// The subject's last message is another than was expected.
    pub(in super::super) const WRONG_LAST: u64 = 10071;
    /// JetStream is not enabled on the server.
    pub(in super::super) const NOT_ENABLED: u64 = 10076;
    /// The message could not be stored: a limit, or the disk.
    pub(in super::super) const NOT_STORED: u64 = 10077;
    /// As `WRONG_LAST`, where a cluster is still deciding.
    pub(in super::super) const WRONG_LAST_CONSTANT: u64 = 10164;
}

/// An answer, or an error in its place.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Answer<T> {
    /// It was refused.
    Refused {
        /// Why.
        error: ApiError,
    },
    /// It was done.
    Done(T),
}

/// Why something was refused.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiError {
    /// As in HTTP.
    #[serde(default)]
    pub(super) code: u64,
    /// The very error.
    #[serde(default)]
    pub(super) err_code: u64,
    /// In words.
    #[serde(default)]
    pub(super) description: String,
}

/// A message was stored.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    /// Its number in the stream.
    pub(super) seq: u64,
}

/// The configuration of a stream, as far as we ask for it or check it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StreamConfig {
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    pub(super) subjects: Vec<String>,
    pub(super) retention: String,
    pub(super) storage: String,
    pub(super) discard: String,
    pub(super) num_replicas: u32,
    /// Nanoseconds.
    pub(super) max_age: i64,
    pub(super) max_msgs: i64,
    pub(super) max_bytes: i64,
    pub(super) max_msgs_per_subject: i64,
    pub(super) max_msg_size: i64,
    /// Nanoseconds.
    pub(super) duplicate_window: i64,
    pub(super) allow_direct: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) no_ack: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) sealed: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) deny_purge: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) persist_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mirror: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject_transform: Option<serde_json::Value>,
    pub(super) metadata: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What is known of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct StreamInfo {
    pub(super) config: StreamConfig,
    pub(super) state: StreamState,
    #[serde(default)]
    pub(super) cluster: Option<Cluster>,
    /// Subjects in all, where they were asked for.
    #[serde(default)]
    pub(super) total: usize,
}

/// What is in a stream.
#[derive(Debug, Deserialize)]
pub(super) struct StreamState {
    pub(super) last_seq: u64,
    /// Messages of each subject.
    #[serde(default)]
    pub(super) subjects: Option<HashMap<String, u64>>,
}

/// Who keeps a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// Asks for a stream.
#[derive(Debug, Serialize)]
pub(super) struct AskStream<'a> {
    pub(super) subjects_filter: &'a str,
    pub(super) offset: usize,
}

/// Asks a stream's leader for one message.
#[derive(Debug, Default, Serialize)]
pub(super) struct AskMessage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_by_subj: Option<&'a str>,
}

/// One message from a stream's leader.
#[derive(Debug, Deserialize)]
pub(super) struct GotMessage {
    pub(super) message: StoredMessage,
}

/// A message as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct StoredMessage {
    pub(super) seq: u64,
    /// Base64.
    #[serde(default)]
    pub(super) data: String,
}

/// Asks whoever has the stream for several messages.
#[derive(Debug, Default, Serialize)]
pub(super) struct AskBatch<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) multi_last: Vec<&'a str>,
    pub(super) batch: usize,
    pub(super) max_bytes: usize,
}

/// Removes messages.
#[derive(Debug, Serialize)]
pub(super) struct Purge<'a> {
    pub(super) filter: &'a str,
}

/// They were removed.
#[derive(Debug, Deserialize)]
pub(super) struct Purged {
    pub(super) success: bool,
}

//! What is said to JetStream and what it answers, as far as we need it. The shapes are those of its API, version 1.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// Numbers of errors that mean something to us.
pub(crate) mod code {
    /// The system has fewer servers than the stream wants replicas.
    pub(crate) const NO_SUITABLE_PEERS: u64 = 10005;
    /// Resources of the server are used up.
    pub(crate) const RESOURCES: u64 = 10023;
    /// There is no such message.
    pub(crate) const NO_MESSAGE: u64 = 10037;
    /// The stream has no message of that number.
    pub(crate) const NO_SEQUENCE: u64 = 10043;
    /// JetStream is not enabled for this account.
    pub(crate) const NOT_ENABLED_FOR_ACCOUNT: u64 = 10039;
    /// Storage of the account is used up.
    pub(crate) const STORAGE: u64 = 10047;
    /// The message is larger than the stream takes.
    pub(crate) const TOO_LARGE: u64 = 10054;
    /// The message could not be deleted: it is gone.
    pub(crate) const NOT_DELETED: u64 = 10057;
    /// Another stream of that name has another configuration.
    pub(crate) const NAME_IN_USE: u64 = 10058;
    /// There is no such stream.
    pub(crate) const NO_STREAM: u64 = 10059;
    /// Another stream has these subjects.
    pub(crate) const SUBJECTS_OVERLAP: u64 = 10065;
    /// The subject's last message is another than was expected.
    pub(crate) const WRONG_LAST: u64 = 10071;
    /// JetStream is not enabled on the server.
    pub(crate) const NOT_ENABLED: u64 = 10076;
    /// The message could not be stored: a limit, or the disk.
    pub(crate) const NOT_STORED: u64 = 10077;
    /// As `WRONG_LAST`, where a cluster is still deciding.
    pub(crate) const WRONG_LAST_CONSTANT: u64 = 10164;
}

/// An answer, or an error in its place.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Answer<T> {
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
pub(crate) struct ApiError {
    /// As in HTTP.
    #[serde(default)]
    pub(crate) code: u64,
    /// The very error.
    #[serde(default)]
    pub(crate) err_code: u64,
    /// In words.
    #[serde(default)]
    pub(crate) description: String,
}

/// A message was stored.
#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    /// Its number in the stream.
    pub(crate) seq: u64,
}

/// The configuration of a stream, as far as we ask for it or check it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StreamConfig {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    pub(crate) subjects: Vec<String>,
    pub(crate) retention: String,
    pub(crate) storage: String,
    pub(crate) discard: String,
    pub(crate) num_replicas: u32,
    /// Nanoseconds.
    pub(crate) max_age: i64,
    pub(crate) max_msgs: i64,
    pub(crate) max_bytes: i64,
    pub(crate) max_msgs_per_subject: i64,
    pub(crate) max_msg_size: i64,
    /// Nanoseconds.
    pub(crate) duplicate_window: i64,
    pub(crate) allow_direct: bool,
    /// Messages may end before the stream's age.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) allow_msg_ttl: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) allow_rollup_hdrs: bool,
    /// The number of the first message; 0: 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) first_seq: u64,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) no_ack: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) sealed: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) deny_purge: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) persist_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mirror: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject_transform: Option<serde_json::Value>,
    pub(crate) metadata: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What is known of a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamInfo {
    pub(crate) config: StreamConfig,
    pub(crate) state: StreamState,
    #[serde(default)]
    pub(crate) cluster: Option<Cluster>,
    /// Subjects in all, where they were asked for.
    #[serde(default)]
    pub(crate) total: usize,
}

/// What is in a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamState {
    pub(crate) last_seq: u64,
    /// How many there are.
    #[serde(default)]
    pub(crate) messages: u64,
    /// Messages of each subject.
    #[serde(default)]
    pub(crate) subjects: Option<HashMap<String, u64>>,
}

/// Who keeps a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Cluster {
    #[serde(default)]
    pub(crate) name: Option<String>,
}

/// Asks for a stream.
#[derive(Debug, Serialize)]
pub(crate) struct AskStream<'a> {
    pub(crate) subjects_filter: &'a str,
    pub(crate) offset: usize,
}

/// Asks a stream's leader for one message.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AskMessage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_by_subj: Option<&'a str>,
}

/// One message from a stream's leader.
#[derive(Debug, Deserialize)]
pub(crate) struct GotMessage {
    pub(crate) message: StoredMessage,
}

/// A message as it is stored.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredMessage {
    pub(crate) seq: u64,
    /// Base64.
    #[serde(default)]
    pub(crate) data: String,
    /// Base64 of lines such as `NATS/1.0\r\nName: value\r\n\r\n`.
    #[serde(default)]
    pub(crate) hdrs: String,
}

/// Asks whoever has the stream for several messages.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AskBatch<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_by_subj: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) multi_last: Vec<&'a str>,
    pub(crate) batch: usize,
    pub(crate) max_bytes: usize,
}

/// Removes messages.
#[derive(Debug, Serialize)]
pub(crate) struct Purge<'a> {
    pub(crate) filter: &'a str,
}

/// They were removed.
#[derive(Debug, Deserialize)]
pub(crate) struct Purged {
    pub(crate) success: bool,
}

/// Removes one message.
#[derive(Debug, Serialize)]
pub(crate) struct Delete {
    pub(crate) seq: u64,
    /// Its bytes need not be written over.
    pub(crate) no_erase: bool,
}

//! Language models.

use std::fmt::Debug;

use coditect_types::limits::CallLimits;
use coditect_types::model::{ModelReply, ModelRequest, Usage};

use crate::{PortError, Stop};

/// What a model could not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct ModelError {
    /// The kind, the cause and the next step. The cause never holds the key.
    pub error: PortError,
    /// Before this much time nothing is gained by asking again, ms, where the provider said so.
    pub retry_after_ms: Option<u64>,
    /// What was used until then, where anything was.
    pub usage: Option<Usage>,
}

impl From<PortError> for ModelError {
    fn from(error: PortError) -> Self {
        Self { error, retry_after_ms: None, usage: None }
    }
}

/// One model of one provider.
///
/// # Promises
/// - Answers one request within the limits, or ends with an error soon after the first of them is reached or the flag is
///   raised.
/// - The usage is the provider's own count, or is marked as reckoned.
///
/// # May
/// Call `hear` with pieces of the answer as they come; ignore the seed, the temperature and the schema where the provider
/// has no such thing.
///
/// # Must not
/// Try again by itself, keep anything between two calls, follow a redirect to another host, or let the key into an error,
/// a log or a reply.
///
/// # When it fails
/// `Invalid`: the request cannot be answered as it is (the prompt is too long, the model does not exist). `Denied`: the key
/// is missing or wrong, or the account may not. `Exhausted`: the account's money is used up. `Unavailable`: a rate limit,
/// an overload, a connection that failed or broke off, an answer that is no answer; asking again may help, see
/// `retry_after_ms`. `Interrupted`: stopped, or a limit of time was reached.
pub trait Model: Debug + Send + Sync {
    /// The name by which missions know it.
    fn name(&self) -> &str;

    /// Whether other processes of this person ask the very same server, so that what one of them finds out of it is true for all. One that a
    /// process starts for itself, or plays from a tape, is its own.
    fn is_shared(&self) -> bool {
        true
    }

    /// Asks, blocking.
    fn answer(
        &self,
        request: &ModelRequest,
        limits: &CallLimits,
        stop: &Stop,
        hear: &mut dyn FnMut(&str),
    ) -> Result<ModelReply, ModelError>;
}

//! Stores of facts that processes of a fleet share: on a NATS server with JetStream, or on Redis.
//!
//! Both are caches. What has to be kept is in the journal, and what is read here is a hint for whoever has to know it at once.

mod jetstream;
mod redis;

use std::time::Duration;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use coditect_types::fact::{FACT_BYTES, LASTS};

pub use self::jetstream::{JetStreamAt, JetStreamWorld};
pub use self::redis::{RedisAt, RedisWorld, check, redacted};

/// How long a server is waited for. Nothing depends on its answer but how soon something is known.
const PATIENCE: Duration = Duration::from_secs(2);
/// Facts of one kind that are listed.
const MOST: usize = 1_024;

/// Refuses what cannot be put.
fn must_fit(value: &[u8], lasts: Duration) -> Result<(), PortError> {
    if value.len() > FACT_BYTES {
        let cause =
            format!("a fact of {} bytes is more than the {FACT_BYTES} that one may have", value.len());
        return Err(PortError::new(ErrorKind::Invalid, cause));
    }
    if !LASTS.contains(&lasts) {
        let (least, most) = (LASTS.start().as_secs(), LASTS.end().as_secs());
        let cause = format!("a fact lasts {least} to {most} s, and not {} ms", lasts.as_millis());
        return Err(PortError::new(ErrorKind::Invalid, cause));
    }
    Ok(())
}

/// Refuses a name of facts that has something else than letters, digits and `-`.
fn must_be_name(name: &str) -> Result<(), PortError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(fits) {
        return Ok(());
    }
    let cause = format!("`{}` is no name of facts", name.escape_default());
    Err(PortError::new(ErrorKind::Invalid, cause).with_hint("use letters, digits and `-`"))
}

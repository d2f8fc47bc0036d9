//! Dead letters: orders that were given up, with the reason. Whoever waits for one hears of it, and it stays for a person to look at.
//!
//! A worker that cannot read an order does not know whose it is but by the name that stands beside it, and whoever may write to the server
//! can write that beside anything. So a letter is of the very bytes that the order came as, with what they were signed by: it counts for
//! whoever sent these, and for nobody else.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use coditect_ports::PortError;
use coditect_types::{ErrorKind, Failure, MissionId, Outcome};
use serde::{Deserialize, Serialize};

use super::parcel::{away, read, written};
use super::seal::{Matter, SIGNATURE, names_order, say_order};
use super::setup::House;

/// The version of what is written.
const VERSION: u32 = 1;
/// Characters of a header, and of what is said of a failure.
const LONG: usize = 4_096;
/// Headers of an order that a letter has at most, and values of one.
const HEADERS: (usize, usize) = (32, 4);
/// How long an order rests the first time.
const LATER: Duration = Duration::from_secs(2);
/// Where the name of an order stands beside it.
pub(super) const NAME: &str = "Nats-Msg-Id";
/// Of whom a letter is where the order does not say whose it is: no mission has this name.
const NOBODY: &str = "none";

/// Why an order was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    /// The version.
    v: u32,
    /// Who gave it up.
    worker: String,
    /// Why.
    pub(super) failure: Failure,
    /// How often it was handed out.
    tries: i64,
    /// Its number in the queue.
    number: Option<u64>,
    /// Where it was sent.
    subject: String,
    /// What stood beside it.
    headers: BTreeMap<String, Vec<String>>,
}

impl Letter {
    /// Of an order that `worker` gives up.
    fn of(worker: &str, (message, tries): (&Message, i64), failure: Failure) -> Self {
        let cut = |text: &str| text.chars().take(LONG).collect::<String>();
        let beside = message.headers.iter().flat_map(HeaderMap::iter).take(HEADERS.0);
        let headers = beside.map(|(name, values)| {
            let values = values.iter().take(HEADERS.1);
            (cut(name.as_ref()), values.map(|value| cut(value.as_str())).collect())
        });
        Self {
            v: VERSION,
            worker: worker.to_owned(),
            failure: Failure { cause: cut(&failure.cause), ..failure },
            tries,
            number: message.info().ok().map(|info| info.stream_sequence),
            subject: message.subject.to_string(),
            headers: headers.collect(),
        }
    }

    /// What it means to whoever waits.
    pub(super) fn outcome(self) -> Outcome {
        Outcome::Failed { failure: self.failure, spent: Default::default() }
    }

    /// Reads a letter of the order that was sent as this ([`sent_as`]). None: it is of another one.
    ///
    /// # Errors
    /// `Denied`: it is by nobody who is trusted here. `Invalid`: it cannot be read, or the list of those who are cannot.
    pub(super) fn open(
        house: &House,
        of: [u8; 32],
        (payload, headers): (&[u8], Option<&HeaderMap>),
    ) -> Result<Option<Self>, PortError> {
        if !names_order(of, headers) {
            return Ok(None);
        }
        house.seal.check(Matter::Dead(of), payload, headers)?;
        read(payload).map(Some)
    }
}

/// The mission and the attempt that an order says it is for, as parts of a subject.
fn whose(headers: Option<&HeaderMap>) -> (&str, &str) {
    let named = || {
        let (mission, rest) = headers?.get(NAME)?.as_str().split_once('.')?;
        let (attempt, _) = rest.split_once('.')?;
        let digits = attempt.strip_prefix('a')?;
        let is_attempt = digits.parse::<u32>().is_ok_and(|n| n.to_string() == digits);
        (is_attempt && MissionId::parse(mission).is_ok()).then_some((mission, attempt))
    };
    named().unwrap_or((NOBODY, NOBODY))
}

/// What an order is told apart by from all that could be sent in its name: its bytes, and their signature.
pub(super) fn sent_as(payload: &[u8], headers: Option<&HeaderMap>) -> [u8; 32] {
    let signature = headers.and_then(|headers| headers.get(SIGNATURE));
    let signature = signature.map_or_else(String::new, |signature| signature.as_str().to_owned());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(signature.len() as u64).to_le_bytes());
    hasher.update(signature.as_bytes());
    hasher.update(payload);
    *hasher.finalize().as_bytes()
}

/// Why an order is given up that was handed out too often.
pub(super) fn too_often(tries: i64, error: Option<&PortError>) -> Failure {
    let Some(error) = error else {
        let cause = format!("handed out {tries} times, and nobody finished it");
        return Failure::new(ErrorKind::Unavailable, cause);
    };
    let cause = format!("handed out {tries} times, and no worker could read it: {}", error.cause);
    // Another worker may be able to: whoever waits may try it again.
    Failure { hint: error.hint.clone(), ..Failure::new(ErrorKind::Unavailable, cause) }
}

/// How long an order rests that was handed out so often and could not be read, or not be begun. Longer each time: before it is given up, a worker
/// that can may have become free.
pub(super) fn later(tries: i64) -> Duration {
    LATER * u32::try_from(tries.clamp(1, 15)).unwrap_or(15)
}

impl House {
    /// Keeps why an order is given up. Whoever gives it up takes it out of the queue after that.
    pub(super) async fn bury(
        &self,
        worker: &str,
        (message, tries): (&Message, i64),
        failure: Failure,
    ) -> Result<(), PortError> {
        let of = sent_as(&message.payload, message.headers.as_ref());
        let json = written(&Letter::of(worker, (message, tries), failure))?;
        let mut headers = HeaderMap::new();
        say_order(of, &mut headers);
        self.seal.sign(Matter::Dead(of), &json, &mut headers)?;
        // It has no name by which the server would take it for one that came before: somebody could use that up first.
        let (mission, attempt) = whose(message.headers.as_ref());
        let subject = self.dead_of(mission, attempt);
        let kept = self.context.publish_with_headers(subject, headers, json.into()).await;
        kept.map_err(|error| away(&error))?.await.map(drop).map_err(|error| away(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_an_order_is_stands_in_its_name_or_nowhere() {
        let named = |name: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(NAME, name);
            let (mission, attempt) = whose(Some(&headers));
            format!("{mission} {attempt}")
        };
        assert_eq!(named("m-one.a7.0123456789abcdef"), "m-one a7");
        let odd = ["", "m-one", "m-one.a7", "m-one.7.x", "m-one.a07.x", "m-one.a*.x", ">.a7.x", "m-o*.a7.x"];
        for odd in odd {
            assert_eq!(named(odd), "none none", "{odd}");
        }
        assert_eq!(whose(None), (NOBODY, NOBODY));
    }

    #[test]
    fn a_copy_that_nobody_signed_is_another_order() {
        let mut signed = HeaderMap::new();
        signed.insert(SIGNATURE, "abc");
        let own = sent_as(b"order", Some(&signed));
        assert_eq!(own, sent_as(b"order", Some(&signed)));
        assert!(own != sent_as(b"order", None) && own != sent_as(b"Order", Some(&signed)));
        assert!(own != sent_as(b"abcorder", None), "what is whose is told apart");
    }

    #[test]
    fn a_failure_says_how_often_it_was_tried_and_why() {
        let error = PortError::new(ErrorKind::Invalid, "its version is 9").with_hint("the same version");
        let failure = too_often(51, Some(&error));
        assert_eq!(
            (failure.kind, failure.hint.as_deref()),
            (ErrorKind::Unavailable, Some("the same version"))
        );
        assert!(failure.cause.contains("51 times") && failure.cause.contains("version is 9"), "{failure:?}");
        assert_eq!(too_often(51, None).kind, ErrorKind::Unavailable);
        let rests: Duration = (1..=51).map(later).sum();
        assert!(rests > Duration::from_secs(1_200) && later(i64::MAX) == later(15), "{rests:?}");
    }
}

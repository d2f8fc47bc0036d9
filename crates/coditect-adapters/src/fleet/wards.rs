//! What orchestrators say to whoever performs their actions. It is seldom that anything is said, so that each worker hears all of it by one
//! subscription, and not each action by one of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_nats::Subscriber;
use coditect_ports::{Stop, StopCause};
use futures::StreamExt;

use super::Word;

/// The actions under way, by the subjects on which something is said to them. The same attempt may be performed twice at the same time.
#[derive(Debug, Default)]
pub(super) struct Wards {
    all: Mutex<HashMap<String, Vec<(u64, Stop)>>>,
    count: AtomicU64,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Ward<'a> {
    of: &'a Wards,
    subject: String,
    number: u64,
}

impl Wards {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Vec<(u64, Stop)>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said on `subject` is for whoever looks at `stop`.
    pub(super) fn add(&self, subject: String, stop: Stop) -> Ward<'_> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.all().entry(subject.clone()).or_default().push((number, stop));
        Ward { of: self, subject, number }
    }

    /// Listens as long as it is polled.
    pub(super) async fn listen(&self, mut words: Subscriber) -> Infallible {
        while let Some(said) = words.next().await {
            let all = self.all();
            let Some(stops) = all.get(said.subject.as_str()) else { continue };
            let stops = stops.iter().map(|(_, stop)| stop);
            match serde_json::from_slice(&said.payload) {
                Ok(Word::Stop) => stops.for_each(|stop| stop.raise(StopCause::Cancelled)),
                Ok(Word::Hurry) => stops.for_each(Stop::hurry),
                Err(error) => tracing::debug!(%error, "a word that is not understood"),
            }
        }
        // The connection has ended for good: the silence of those who said something ends the actions.
        pending().await
    }
}

impl Drop for Ward<'_> {
    fn drop(&mut self) {
        let mut all = self.of.all();
        let Some(stops) = all.get_mut(&self.subject) else { return };
        stops.retain(|(number, _)| *number != self.number);
        if stops.is_empty() {
            all.remove(&self.subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_attempt_twice_is_two_that_are_spoken_to() {
        let wards = Wards::default();
        let (one, two) = (Stop::new(), Stop::new());
        let first = wards.add("word".to_owned(), one);
        let second = wards.add("word".to_owned(), two);
        drop(first);
        assert_eq!(wards.all()["word"].len(), 1);
        drop(second);
        assert!(wards.all().is_empty());
    }
}

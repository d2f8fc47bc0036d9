//! Whether a worker can take orders.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::Client;
use async_nats::connection::State;

use super::setup::House;

/// What is asked of a worker at any moment, and answered at once.
#[derive(Clone)]
pub struct Pulse {
    client: Client,
    has_begun: Arc<AtomicBool>,
    /// The last time that it asked for orders, nobody answered that there is nowhere to get them.
    can_ask: Arc<AtomicBool>,
}

impl fmt::Debug for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulse").field("has_begun", &self.has_begun()).finish_non_exhaustive()
    }
}

impl Pulse {
    pub(super) fn of(house: &House) -> Self {
        Self {
            client: house.client.clone(),
            has_begun: Arc::default(),
            can_ask: Arc::new(AtomicBool::new(true)),
        }
    }

    /// It has asked for orders, and could, or could not.
    pub(super) fn takes(&self, can_ask: bool) {
        self.can_ask.store(can_ask, Ordering::Relaxed);
    }

    /// Whether there is somewhere to get orders: a stream may be removed from a server that goes on.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.can_ask.load(Ordering::Relaxed)
    }

    pub(super) fn begins(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    /// Whether it takes orders, or did.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Whether its server answers, as far as it knows: one that is silent is taken for gone after some seconds.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self.client.connection_state(), State::Connected)
    }
}

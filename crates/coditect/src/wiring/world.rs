//! Where the processes of several machines say what they have under way, and how much they let through: on Redis, where one is named, else on
//! the NATS server of the journal.

use std::sync::Arc;

use coditect_adapters::world::{self, JetStreamAt, JetStreamWorld, RedisAt, RedisWorld};
use coditect_ports::{PortError, WorldStore};
pub(crate) use coditect_runtime::holders::Open;

use crate::settings::{Nats, ServerUrl};

/// Which facts are ours, where a server has others.
const NAME: &str = "coditect";

/// The way to the store that goes with a journal on a server. It connects once it is used.
pub(crate) fn world(nats: &Nats) -> Open {
    if let Some(redis) = &nats.redis {
        return on_redis(redis);
    }
    let at =
        JetStreamAt { url: nats.url.secret().to_owned(), creds: nats.creds.clone(), name: NAME.to_owned() };
    Arc::new(move || Ok(Arc::new(JetStreamWorld::connect(&at)?) as Arc<dyn WorldStore>))
}

/// The way to a Redis.
pub(crate) fn on_redis(redis: &ServerUrl) -> Open {
    let at = RedisAt { url: redis.secret().to_owned(), name: NAME.to_owned() };
    Arc::new(move || Ok(Arc::new(RedisWorld::connect(&at)?) as Arc<dyn WorldStore>))
}

/// Checks the address of a Redis, without a connection.
pub(crate) fn check_redis(url: &str) -> Result<(), PortError> {
    world::check(url)
}

/// The same without what is secret.
pub(super) fn redacted_redis(url: &str) -> String {
    world::redacted(url)
}

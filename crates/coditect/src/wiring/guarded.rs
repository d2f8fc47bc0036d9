//! What is remote, asked through breakers that all processes of a state directory share.

use std::sync::Arc;

use coditect_adapters::FileBreakers;
use coditect_ports::{Breakers, Embedder};
use coditect_runtime::{Guarded, GuardedEmbedder, OwnBreakers};
use coditect_types::breaker::{Remote, RemoteKind};

use super::clock;
use crate::environment::Site;

/// How long a request for vectors may take at most, ms: memory does not wait for longer.
const VECTORS_MS: u64 = 60_000;

/// The breakers of a state directory.
pub(crate) fn breakers(site: &Site) -> Arc<dyn Breakers> {
    Arc::new(FileBreakers::new(&site.home))
}

/// Breakers for whoever asks nothing that is remote.
pub(crate) fn own_breakers() -> Arc<dyn Breakers> {
    Arc::new(OwnBreakers::default())
}

/// The way to something remote.
pub(crate) fn guarded(site: &Site, of: Remote) -> Guarded {
    Guarded::new(breakers(site), clock(), of)
}

/// A model of vectors behind its breaker.
pub(super) fn embedder(site: &Site, model: Arc<dyn Embedder>) -> Arc<dyn Embedder> {
    let way = guarded(site, Remote::new(RemoteKind::Embeddings, model.name()));
    Arc::new(GuardedEmbedder::new(model, way, VECTORS_MS))
}

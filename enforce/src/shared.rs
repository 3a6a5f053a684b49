//! What all threads of the gateway share, and what each has for itself.

use std::sync::Arc;

use arc_swap::ArcSwap;
use comity_store::Store;
use comity_upstream::Client;
use tokio::sync::Semaphore;

use crate::detect::Detect;
use crate::generation::Generation;
use crate::keys::KeyRing;
use crate::metrics::Metrics;

/// One gateway.
pub(crate) struct Shared {
    /// Swapped whole; a call keeps the one that it began with.
    pub(crate) generation: ArcSwap<Generation>,
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
    pub(crate) detector: Arc<dyn Detect>,
    pub(crate) metrics: Metrics,
    /// Places for calls at once.
    pub(crate) calls: Arc<Semaphore>,
    /// How many places there are; set once, at the start.
    pub(crate) calls_max: usize,
    /// Memory for bodies, in KiB.
    pub(crate) bodies: Arc<Semaphore>,
    /// Places for connections at once.
    pub(crate) connections: Arc<Semaphore>,
}

/// One thread of it.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    /// Its connections to upstreams.
    pub(crate) client: Client,
}

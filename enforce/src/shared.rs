//! What all threads of the gateway share, and what each has for itself.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use comity_store::Store;
use comity_upstream::Client;
use tokio::sync::Semaphore;

use crate::detect::Detect;
use crate::generation::Generation;
use crate::keys::KeyRing;
use crate::late::Late;
use crate::ledger_files::Readers;
use crate::ledger_name::LedgerName;
use crate::metrics::Metrics;
use crate::pseudonym_keys::PseudonymKeys;
use crate::publish::Progress;
use crate::states::States;

/// One gateway.
pub(crate) struct Shared {
    /// Swapped whole; a call keeps the one that it began with.
    pub(crate) generation: ArcSwap<Generation>,
    /// Connections that read tiles. Before the store: it empties its log once they are closed.
    pub(crate) readers: Readers,
    pub(crate) store: Store,
    /// Under which name others know the ledger.
    pub(crate) name: LedgerName,
    /// How far publishing is.
    pub(crate) progress: Progress,
    /// Places for requests of foreign logs.
    pub(crate) foreign_logs: Semaphore,
    pub(crate) keys: KeyRing,
    /// What upstreams keep, and for whom.
    pub(crate) states: States,
    /// Another detector than the configured ones.
    pub(crate) detector: Option<Arc<dyn Detect>>,
    pub(crate) pseudonym_keys: PseudonymKeys,
    pub(crate) metrics: Metrics,
    /// Places for calls at once.
    pub(crate) calls: Arc<Semaphore>,
    /// How many places there are; set once, at the start.
    pub(crate) calls_max: usize,
    /// Memory for bodies, in KiB.
    pub(crate) bodies: Arc<Semaphore>,
    /// For what is left to do when a call is over.
    pub(crate) late: Late,
    /// Calls are being cut off: the gateway stops.
    pub(crate) cut_off: AtomicBool,
    /// Places for connections at once.
    pub(crate) connections: Arc<Semaphore>,
}

/// One thread of it.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    /// Its connections to upstreams.
    pub(crate) client: Client,
}

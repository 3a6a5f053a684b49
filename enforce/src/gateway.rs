//! The gateway as a whole: built and checked before anything is served, started on one thread for each core, drained when it stops.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use comity_ledger::{Stopped, VerifierKey};
use comity_store::{Store, StoreError};
use comity_upstream::{Client, Tls, TlsError};
use comity_vocab::OfferingId;
use tokio::sync::{Semaphore, watch};

use crate::config::{Config, Problems};
use crate::detect::Detect;
use crate::generation::{Checked, Generation, Given, LocalOffering};
use crate::keys::KeyRing;
use crate::late::Late;
use crate::ledger_events;
use crate::ledger_files::Readers;
use crate::ledger_name::LedgerName;
use crate::limits::{BLOCKING_THREADS_MAX, WITNESS_REQUESTS_MAX};
use crate::metrics::Metrics;
use crate::pseudonym_keys::PseudonymKeys;
use crate::publish::{Progress, Publisher};
use crate::reload;
use crate::server::{Stop, serve};
use crate::shared::{Shared, Worker};
use crate::states::States;

/// What a gateway is built from.
pub struct Options {
    /// The configuration.
    pub config: Config,
    /// The store, unless the configuration names one.
    pub store: PathBuf,
    /// Another detector than the configured ones.
    pub detector: Option<Arc<dyn Detect>>,
}

/// A gateway that is ready to serve: everything is loaded, and its port is taken.
pub struct Gateway {
    shared: Arc<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Tls,
}

/// A gateway that serves.
pub struct Running {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<Stop>,
    threads: Vec<JoinHandle<bool>>,
    /// None once it has ended.
    publisher: Option<Publisher>,
}

/// How a gateway stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// False when calls were cut off at the deadline.
    pub complete: bool,
}

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The configuration, the terms or the catalogue.
    #[error("{0}")]
    Config(#[from] Problems),
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The address.
    #[error("cannot listen on `{address}`: {why}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        why: std::io::Error,
    },
    /// Trust in upstreams.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// Threads and runtimes.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

// === impl Gateway ===

impl Gateway {
    /// Loads and checks everything, opens the store and the local model, and takes the port. Blocks, with a local model for seconds.
    ///
    /// # Errors
    /// Whatever keeps the gateway from serving; nothing is left behind.
    pub fn build(options: Options) -> Result<Self, BuildError> {
        let config = options.config;
        let detector = options.detector;
        let store = open_store(&config, options.store)?;
        let roots: Vec<_> = config.tls.roots.iter().map(|path| config.folder().join(path)).collect();
        let tls = Tls::load(&roots)?;
        let listen = |why| BuildError::Listen { address: config.listen, why };
        let listener = TcpListener::bind(config.listen).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let local = LocalOffering::open(&config)?;
        let limits = config.limits;
        let generation = Generation::load(config, Given { local: local.as_ref(), detector: detector.as_ref(), before: None })?;
        let name = LedgerName::of(&store, &generation.config)?;
        generation.keep(&store)?;
        let shared = Shared {
            readers: Readers::new(),
            name,
            progress: Progress::default(),
            foreign_logs: Semaphore::new(WITNESS_REQUESTS_MAX),
            keys: KeyRing::start(store.keys()?)?,
            generation: ArcSwap::from_pointee(generation),
            store,
            states: States::new(),
            detector,
            pseudonym_keys: PseudonymKeys::new(),
            metrics: Metrics::default(),
            calls: Arc::new(Semaphore::new(limits.calls_max)),
            calls_max: limits.calls_max,
            bodies: Arc::new(Semaphore::new(limits.bodies_bytes_max / 1024)),
            late: Late::start().map_err(BuildError::Thread)?,
            cut_off: AtomicBool::new(false),
            connections: Arc::new(Semaphore::new(limits.connections_max)),
        };
        Ok(Self { shared: Arc::new(shared), listener, address, tls })
    }

    /// Where it will serve.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its store: keys, ledger, metrics.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What was loaded.
    #[must_use]
    pub fn generation(&self) -> Arc<Generation> {
        self.shared.generation.load_full()
    }

    /// The offerings that can be reached from here.
    #[must_use]
    pub fn reachable(&self) -> Vec<OfferingId> {
        self.generation().targets.keys().cloned().collect()
    }

    /// Starts to serve, on threads of its own.
    ///
    /// # Errors
    /// When the system gives no threads, or the ledger cannot be written: it says first that the gateway started.
    pub fn start(self) -> Result<Running, BuildError> {
        let limits = self.shared.generation.load().config.limits;
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let count = if limits.threads == 0 { cores } else { limits.threads };
        let (stop, stopped) = watch::channel(Stop::Running);
        ledger_events::started(&self.shared.store, &self.shared.generation.load())?;
        self.shared.keys.reread(&self.shared.store.keys()?)?;
        let publisher = Publisher::start(&self.shared, &self.tls).map_err(BuildError::Thread)?;
        let (shared, address) = (Arc::clone(&self.shared), self.address);
        let mut running = Running { shared, address, stop, threads: Vec::new(), publisher: Some(publisher) };
        for number in 0..count {
            let listener = self.listener.try_clone().map_err(BuildError::Thread)?;
            let client = Client::new(&self.tls, Duration::from_millis(limits.connect_ms));
            let worker = Arc::new(Worker { shared: Arc::clone(&self.shared), client });
            let thread = thread(number, listener, worker, stopped.clone())?;
            running.threads.push(thread);
        }
        Ok(running)
    }
}

fn thread(number: usize, listener: TcpListener, worker: Arc<Worker>, stop: watch::Receiver<Stop>) -> Result<JoinHandle<bool>, BuildError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .map_err(BuildError::Thread)?;
    let run = move || {
        let complete = runtime.block_on(async {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => serve(listener, worker, stop).await,
                Err(error) => {
                    tracing::error!(%error, "a thread cannot listen");
                    false
                }
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
        complete
    };
    std::thread::Builder::new().name(format!("serve-{number}")).spawn(run).map_err(BuildError::Thread)
}

fn open_store(config: &Config, default: PathBuf) -> Result<Store, BuildError> {
    let path = config.store.path.as_ref().map_or(default, |path| config.folder().join(path));
    let options = comity_store::Options {
        durability: config.store.durability,
        size_max_bytes: config.store.size_max_bytes,
        unlock: config.unlock()?,
        ..comity_store::Options::new(path)
    };
    Ok(Store::open(options)?)
}

// === impl Running ===

impl Running {
    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The key that verifies checkpoints of its ledger; its name is the ledger's.
    #[must_use]
    pub fn log_key(&self) -> &VerifierKey {
        self.shared.name.log_key()
    }

    /// The key that verifies its cosignatures of others' checkpoints.
    #[must_use]
    pub fn witness_key(&self) -> Option<VerifierKey> {
        self.shared.name.witness_key(&self.shared.generation.load().ledger)
    }

    /// Its store: keys, ledger, metrics.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What decides now.
    #[must_use]
    pub fn generation(&self) -> Arc<Generation> {
        self.shared.generation.load_full()
    }

    /// Loads the configuration, terms and catalogue again and swaps them in whole. Blocks.
    ///
    /// # Errors
    /// Every problem found; then the old generation stays.
    pub fn reload(&self) -> Result<Checked, Problems> {
        reload::reload(&self.shared)
    }

    /// Stops accepting and lets running calls finish, up to `drain_ms`. Blocks until the last thread is done.
    pub fn shutdown(self) -> Drained {
        self.stop.send_replace(Stop::Draining);
        self.join()
    }

    /// Tells the threads how far to stop, without waiting for them.
    pub(crate) fn stop(&self, how: Stop) {
        self.stop.send_replace(how);
    }

    /// Whether every thread has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the threads.
    pub(crate) fn join(mut self) -> Drained {
        let mut complete = true;
        for thread in std::mem::take(&mut self.threads) {
            complete &= thread.join().unwrap_or(false);
        }
        self.end(complete, Publisher::finish);
        Drained { complete }
    }

    /// What is left to do once nothing is served any more; once. The ledger says last that the gateway stopped, and shows it.
    fn end(&mut self, complete: bool, end: fn(Publisher)) {
        let Some(publisher) = self.publisher.take() else { return };
        self.shared.late.close();
        ledger_events::stopped(&self.shared.store, Stopped { complete });
        end(publisher);
    }
}

impl Drop for Running {
    /// A gateway that nobody holds any more stops at once.
    fn drop(&mut self) {
        self.stop.send_replace(Stop::Now);
        for thread in std::mem::take(&mut self.threads) {
            let _ = thread.join();
        }
        self.end(false, Publisher::stop);
    }
}

// === impl BuildError ===

impl BuildError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Listen { address, .. } => {
                Some(format!("is another gateway running? set another `listen` than `{address}`, or port 0 for a free one"))
            }
            Self::Config(_) | Self::Tls(_) | Self::Thread(_) => None,
        }
    }
}

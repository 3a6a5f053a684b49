//! The sequencer's side of the store: opening it, and handing writes to its thread.
//!
//! Callers wait on a bounded queue and are answered after COMMIT; nothing here blocks a runtime except where a doc says so.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use comity_ledger::{EventLeaf, OutcomeLeaf, facts_digest};
use comity_vocab::{Digest, Instant, Plain};
use rusqlite::params;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::append::Ledger;
use crate::checkpoint::{Published, last_published};
use crate::connection::{STORE, WriterDb, create_if_missing, for_writing, master_check, schema_of, set_size_max};
use crate::custody::{Custody, FileCustody, Unlock};
use crate::data_keys::{self, DataKeys};
use crate::limits::{CONTENT_BYTES_MAX, FOLD_PATIENCE, GENERATION_BYTES_MAX, NAME_BYTES_MAX, QUEUE_DEFAULT, RECORD_BYTES_MAX};
use crate::lock::Lock;
use crate::state::States;
use crate::upgrade::upgrade;
use crate::writer::{Decide, Job, Shared, Writer};
use crate::{Draft, Durability, Generation, Keys, Reader, Receipt, State, StoreError};

/// The one writer of a ledger. Cheap to clone; the last clone dropped writes what is queued and gives the store back.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// The database. Beside it lie `<path>.lock`, `<path>.master` with the master key and `<path>.keys` with the keys of private records.
    pub path: PathBuf,
    /// How the file of the master key is opened.
    pub unlock: Unlock,
    /// When a write counts as durable; every decision leaf says it.
    pub durability: Durability,
    /// Bytes that the database may grow to; none for as far as the disk goes.
    pub size_max_bytes: Option<u64>,
    /// Writes that may wait at once; further ones wait for a place.
    pub queue: usize,
    /// A bug on purpose; none unless somebody asks for one.
    #[cfg(feature = "planted-bugs")]
    pub plant: crate::Plant,
}

/// What the store says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Writes that wait for their commit.
    pub queued: u64,
    /// Leaves committed.
    pub leaves: u64,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Leaves that the last published checkpoint covers.
    pub published: u64,
    /// Why the last commit failed; none after a good one.
    pub last_error: Option<String>,
}

pub(crate) struct Inner {
    path: PathBuf,
    durability: Durability,
    queue_max: usize,
    queue: Option<UnboundedSender<Job>>,
    /// The bound of the queue. Outcomes that nobody waits for pass it by: there is at most one for each call that passed it.
    slots: Arc<Semaphore>,
    pub(crate) shared: Shared,
    pub(crate) custody: Arc<dyn Custody>,
    writer: Option<JoinHandle<()>>,
    _lock: Lock,
}

/// What the thread tells about itself.
#[derive(Default)]
pub(crate) struct Health {
    leaves: AtomicU64,
    commits: AtomicU64,
    last_error: Mutex<Option<String>>,
    published: Mutex<Option<Arc<Published>>>,
}

// === impl Options ===

impl Options {
    /// A master key in clear, durable on commit, no bound of size, a queue of [`QUEUE_DEFAULT`].
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            unlock: Unlock::default(),
            durability: Durability::Commit,
            size_max_bytes: None,
            queue: QUEUE_DEFAULT,
            #[cfg(feature = "planted-bugs")]
            plant: crate::Plant::None,
        }
    }
}

// === impl Store ===

impl Store {
    /// Opens the store at `options.path`, made new if there is none and upgraded if an older program made it, and ends calls that a crash left
    /// without outcome. Blocks.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another gateway has it; [`StoreError::Tampered`] when it cannot be appended to; others as they say.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        create_if_missing(&options.path, &STORE)?;
        let lock = Lock::take(&options.path)?;
        let mut db = for_writing((&options.path, &STORE), options.durability)?;
        let known = master_check(&db).map_err(StoreError::unreadable)?;
        let custody: Arc<dyn Custody> = Arc::new(FileCustody::load_or_create(&options.path, known, &options.unlock)?);
        let had_keys = schema_of(&db).map_err(StoreError::unreadable)? >= 3 && known.is_some();
        if had_keys && !data_keys::path_of(&options.path).exists() {
            tracing::warn!("the file of keys is not here: private records of earlier calls open for nobody");
        }
        let mut keys = DataKeys::open(&options.path, Arc::clone(&custody))?;
        set_size_max(&db, options.size_max_bytes).map_err(StoreError::unavailable)?;
        upgrade(&mut db, &mut keys)?;
        keys.destroy_again(&db)?;
        db.execute(
            "INSERT OR IGNORE INTO facts_about_store (name, value) VALUES ('master_check', ?1)",
            params![custody.check().as_bytes()],
        )
        .map_err(StoreError::unavailable)?;
        #[cfg(feature = "planted-bugs")]
        options.plant.at_open(&db).map_err(StoreError::unavailable)?;
        let ledger = Ledger::load(&db, keys)?;
        let published = last_published(&db).map_err(StoreError::unreadable)?;
        let shared = Shared { health: Arc::default(), states: Arc::new(States::new(options.path.clone(), Arc::clone(&custody))) };
        let mut writer = Writer::new(WriterDb::new(db, options.durability), ledger, shared);
        #[cfg(feature = "planted-bugs")]
        writer.plant(options.plant);
        // What an earlier process left to the system is on the disk before any of it is shown.
        writer.refresh()?;
        writer.take_up(published)?;
        writer.finish_erasures()?;
        // A crash may have come between an erasure and this.
        writer.fold_erased(FOLD_PATIENCE);
        writer.end_open_calls()?;
        writer.sweep_at_open();
        Self::start(options, (writer, custody), lock)
    }

    fn start(options: Options, (writer, custody): (Writer, Arc<dyn Custody>), lock: Lock) -> Result<Self, StoreError> {
        let (queue, jobs) = unbounded_channel();
        let (sender, shared) = (queue.downgrade(), writer.shared.clone());
        let thread = std::thread::Builder::new()
            .name("comity-ledger".to_owned())
            .spawn(move || writer.run(jobs, &sender))
            .map_err(StoreError::unavailable)?;
        let queue_max = options.queue.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Inner {
            path: options.path,
            durability: options.durability,
            queue_max,
            queue: Some(queue),
            slots: Arc::new(Semaphore::new(queue_max)),
            shared,
            custody,
            writer: Some(thread),
            _lock: lock,
        })))
    }

    /// Writes a decision, permit or denial, with what is kept beside it. Resolves after COMMIT. The leaf's durability is set to the store's. A
    /// future dropped before it resolves may still have its leaf written; a permit then gets the outcome `client_gone`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be written now; others when this decision can never be written.
    pub async fn decide(&self, mut draft: Draft) -> Result<Receipt, StoreError> {
        bound("the fact record", draft.record.len(), RECORD_BYTES_MAX)?;
        bound("the tenant's name", draft.whose.tenant.len(), NAME_BYTES_MAX)?;
        bound("the workload's name", draft.whose.workload.len(), NAME_BYTES_MAX)?;
        bound("the content", draft.content.as_ref().map_or(0, Vec::len), CONTENT_BYTES_MAX)?;
        if facts_digest(&draft.record) != draft.leaf.facts {
            return Err(StoreError::WrongRecord);
        }
        draft.leaf.durability = self.0.durability;
        let slot = self.slot().await?;
        let (ack, answer) = oneshot::channel();
        self.send(Job::Decide(Box::new(Decide { draft, ack, slot })))?;
        let delivery = answer.await.map_err(|_| stopped())??;
        delivery.take().ok_or_else(stopped)
    }

    /// Writes the outcome of a call; gives the index of its leaf. Resolves after COMMIT.
    ///
    /// # Errors
    /// [`StoreError::Ended`] when the call has one, [`StoreError::NoSuchPermit`] when it names no permit of its call,
    /// [`StoreError::Unavailable`] when nothing can be written now: then hand it to [`Store::outcome_later`].
    pub async fn outcome(&self, leaf: OutcomeLeaf) -> Result<u64, StoreError> {
        let slot = self.slot().await?;
        let (ack, answer) = oneshot::channel();
        self.send(Job::Outcome { leaf, ack, slot })?;
        answer.await.map_err(|_| stopped())?
    }

    /// Writes the outcome of a call with the next commit, without waiting, so that it can be said in `Drop`. It is kept while the disk is
    /// full. An outcome that can never be written is dropped.
    pub fn outcome_later(&self, leaf: OutcomeLeaf) {
        // Only a dead writer refuses, and then the next start writes the outcome as `unknown`.
        drop(self.send(Job::OutcomeLater(leaf, None)));
    }

    /// As [`Store::outcome_later`], and keeps the answer, encrypted, beside the decision. One over 16 MiB, one whose key was destroyed in
    /// between, and one that the disk cannot take at once is not kept.
    pub fn outcome_later_with(&self, leaf: OutcomeLeaf, answer: Plain<Vec<u8>>) {
        let kept = (answer.expose().len() <= CONTENT_BYTES_MAX).then_some(answer);
        drop(self.send(Job::OutcomeLater(leaf, kept)));
    }

    /// Writes a leaf about the gateway itself; gives its index. Blocks for one commit.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be written now.
    pub fn event(&self, leaf: EventLeaf) -> Result<u64, StoreError> {
        self.ask(|ack| Job::Event { leaf, ack })
    }

    /// Remembers what upstreams keep, without waiting: the next [`Store::recall`] knows it, and the disk soon after. The same id again replaces
    /// what was there, bytes and expiry. States over 4 KiB, and those that the store cannot write, are forgotten with a line in the log, and
    /// with them what was remembered under the same id before; leaves are not held up by either.
    ///
    /// A process that is killed may forget the last states. Where an older state of the same id must then not come back, use another id.
    pub fn remember_later(&self, states: Vec<State>) {
        if self.0.shared.states.push(states) {
            // A dead writer writes none of them; they are recalled as long as this process runs.
            drop(self.send(Job::Remember));
        }
    }

    /// The bytes remembered under each of `ids`, in their order; none for what was never remembered, is forgotten, or has expired at `now`.
    /// Blocks, but not on the writer.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when the database cannot be read.
    pub fn recall(&self, ids: &[Digest], now: Instant) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.0.shared.states.recall(ids, now)
    }

    /// The key of a tenant's pseudonyms in one epoch: always the same, and gone with the tenant's key. Resolves after COMMIT, since a tenant
    /// that is new gets its key first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be written now, [`StoreError::Encryption`] when the tenant's key cannot be opened.
    pub async fn pseudonym_key(&self, tenant: &str, epoch: u32) -> Result<Plain<[u8; 32]>, StoreError> {
        bound("the tenant's name", tenant.len(), NAME_BYTES_MAX)?;
        let slot = self.slot().await?;
        let (ack, answer) = oneshot::channel();
        self.send(Job::PseudonymKey { tenant: tenant.to_owned(), epoch, ack, slot })?;
        answer.await.map_err(|_| stopped())?
    }

    /// Keeps a generation under its digest; the same one again is fine. Blocks for one commit.
    ///
    /// # Errors
    /// [`StoreError::GenerationDiffers`] when other bytes are kept under this digest.
    pub fn keep_generation(&self, kind: Generation, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        bound("a generation", bytes.len(), GENERATION_BYTES_MAX)?;
        let bytes = bytes.to_vec();
        self.ask(|ack| Job::Keep { kind, digest, bytes, ack })
    }

    /// Bounds the database to `bytes`, rounded down to whole pages; none lifts the bound. Blocks until batches before it are written.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database does not take it.
    pub fn set_size_max(&self, bytes: Option<u64>) -> Result<(), StoreError> {
        self.ask(|ack| Job::SizeMax { bytes, ack })
    }

    /// The API keys of this store, on a connection of their own. Blocks.
    ///
    /// # Errors
    /// As [`Keys::open`].
    pub fn keys(&self) -> Result<Keys, StoreError> {
        Keys::open(&self.0.path)
    }

    /// A reader of this store, on a connection of its own; it opens private records with the keys that the store holds. Blocks.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::of_store(&self.0.path, Arc::clone(&self.0.custody))
    }

    /// What the store says about itself; never blocks.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let waiting = self.0.queue_max.saturating_sub(self.0.slots.available_permits());
        let health = &self.0.shared.health;
        Metrics {
            queued: u64::try_from(waiting).unwrap_or(u64::MAX),
            leaves: health.leaves.load(Ordering::Relaxed),
            commits: health.commits.load(Ordering::Relaxed),
            published: self.published().map_or(0, |published| published.head.size),
            last_error: health.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// What "written" means here.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.0.durability
    }

    /// The database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    async fn slot(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.0.slots).acquire_owned().await.map_err(|_| stopped())
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let queue = self.0.queue.as_ref().ok_or_else(stopped)?;
        queue.send(job).map_err(|_| stopped())
    }

    pub(crate) fn ask<T>(&self, job: impl FnOnce(SyncSender<Result<T, StoreError>>) -> Job) -> Result<T, StoreError> {
        let (ack, answer) = sync_channel(1);
        self.send(job(ack))?;
        answer.recv().map_err(|_| stopped())?
    }
}

fn stopped() -> StoreError {
    StoreError::unavailable("its writer has stopped")
}

fn bound(what: &'static str, bytes: usize, max: usize) -> Result<(), StoreError> {
    if bytes <= max { Ok(()) } else { Err(StoreError::TooLarge { what, bytes, max }) }
}

// === impl Inner ===

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing left to write; the lock is given back either way, after it.
            drop(writer.join());
        }
    }
}

// === impl Health ===

impl Health {
    pub(crate) fn loaded(&self, leaves: u64) {
        self.leaves.store(leaves, Ordering::Relaxed);
    }

    pub(crate) fn committed(&self, leaves: u64) {
        self.loaded(leaves);
        self.commits.fetch_add(1, Ordering::Relaxed);
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn show(&self, published: Published) {
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(published));
    }

    pub(crate) fn shown(&self) -> Option<Arc<Published>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn failed(&self, error: &StoreError) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }
}

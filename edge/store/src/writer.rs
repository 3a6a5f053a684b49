//! The sequencer's thread: takes what is queued, writes it in one transaction, and answers after COMMIT (group commit).
//!
//! Nothing is acknowledged that is not committed. A failed batch is undone as a whole; the next one starts from what the database holds.
//! Upstream states are written after the leaves are answered, in a transaction of their own: when they fail, no leaf does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Instant as Clock, SystemTime, UNIX_EPOCH};

use comity_ledger::{DecisionLeaf, EventLeaf, Minute, Outcome, OutcomeLeaf, Verdict};
use comity_vocab::{Digest, Instant, Plain};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::append::{Batch, Decided, Ledger, Refusal};
use crate::checkpoint::{Head, Published, Witnessed};
use crate::connection::{WriterDb, fold_for_close, set_size_max};
use crate::erase::{Erasing, ErasureOrder};
use crate::limits::{BACKLOG_MAX, BATCH_MAX, ERASE_INTERVAL, EXPIRED_BATCHES_AT_OPEN, EXPIRED_INTERVAL};
use crate::state::{States, any_expired, sweep};
use crate::store::Health;
use crate::{Draft, Fact, Generation, Receipt, State, StoreError, generation};

/// One thing to write, and whom to tell.
pub(crate) enum Job {
    /// A decision and its fact record.
    Decide(Box<Decide>),
    /// An outcome that somebody waits for.
    Outcome { leaf: OutcomeLeaf, ack: oneshot::Sender<Result<u64, StoreError>>, slot: OwnedSemaphorePermit },
    /// An outcome that nobody waits for: kept until it is written. With the answer, where that is to be kept; that may be lost.
    OutcomeLater(OutcomeLeaf, Option<Plain<Vec<u8>>>),
    /// A leaf about the gateway itself.
    Event { leaf: EventLeaf, ack: SyncSender<Result<u64, StoreError>> },
    /// A generation.
    Keep { kind: Generation, digest: Digest, bytes: Vec<u8>, ack: SyncSender<Result<(), StoreError>> },
    /// The key of a tenant's pseudonyms, made with the tenant's own where it has none yet.
    PseudonymKey { tenant: String, epoch: u32, ack: oneshot::Sender<Result<Plain<[u8; 32]>, StoreError>>, slot: OwnedSemaphorePermit },
    /// States wait to be written.
    Remember,
    /// A new bound of the database's size; not part of any transaction.
    SizeMax { bytes: Option<u64>, ack: SyncSender<Result<(), StoreError>> },
    /// Something with transactions of its own.
    Apart(Apart),
}

/// What is not part of a batch: it comes after all that was handed over before.
pub(crate) enum Apart {
    /// Everything committed so far, flushed to the disk.
    Head(SyncSender<Result<Head, StoreError>>),
    /// A checkpoint that others may see once this is answered.
    Publish { checkpoint: Published, ack: SyncSender<Result<(), StoreError>> },
    /// A foreign checkpoint to cosign once this is answered.
    Witness { seen: Witnessed, before: Option<Head>, ack: SyncSender<Result<(), StoreError>> },
    /// Destroys keys.
    Erase { order: ErasureOrder, ack: SyncSender<Result<Erasing, StoreError>> },
    /// Notes a fact about the store.
    Note { fact: Fact, value: Vec<u8>, ack: SyncSender<Result<(), StoreError>> },
    /// Whether anything can be written at all.
    Try(SyncSender<Result<(), StoreError>>),
    /// Takes away the first leaves.
    Prune { minimum: u64, ack: SyncSender<Result<u64, StoreError>> },
}

/// A decision on its way into the ledger.
pub(crate) struct Decide {
    pub(crate) draft: Draft,
    pub(crate) ack: oneshot::Sender<Result<Delivery, StoreError>>,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// A receipt on its way to whoever asked. If they have gone, the call still gets its outcome.
pub(crate) struct Delivery {
    receipt: Option<Receipt>,
    is_permit: bool,
    hop: (Digest, Digest, u32),
    queue: WeakUnboundedSender<Job>,
}

/// What the thread has in common with those who hand it writes.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) health: Arc<Health>,
    pub(crate) states: Arc<States>,
}

/// Everything that the thread owns.
pub(crate) struct Writer {
    pub(crate) db: WriterDb,
    pub(crate) ledger: Ledger,
    pub(crate) shared: Shared,
    backlog: VecDeque<OutcomeLeaf>,
    /// After a failed commit only the database knows what was kept; and at the start nobody knows how the last run ended.
    stale: bool,
    /// When expired states were looked for.
    swept: Clock,
    /// An erasure was begun, and may not be done.
    pub(crate) unfinished: bool,
    /// Keys were destroyed, and a write-ahead log may still hold them.
    pub(crate) unfolded: bool,
    #[cfg(feature = "planted-bugs")]
    plant: crate::Plant,
}

/// Where a job's write went.
#[derive(Clone)]
enum Written {
    Decision(Decided),
    Leaf(u64),
    Nothing,
}

// === impl Writer ===

impl Writer {
    /// A writer for a ledger as it was loaded from `db`.
    pub(crate) fn new(db: WriterDb, ledger: Ledger, shared: Shared) -> Self {
        shared.health.loaded(ledger.size());
        Self {
            db,
            ledger,
            shared,
            backlog: VecDeque::new(),
            stale: true,
            swept: Clock::now(),
            unfinished: false,
            unfolded: false,
            #[cfg(feature = "planted-bugs")]
            plant: crate::Plant::None,
        }
    }

    #[cfg(feature = "planted-bugs")]
    pub(crate) fn plant(&mut self, plant: crate::Plant) {
        self.plant = plant;
    }

    /// Answers what the planted bug answers too early; gives what is still to be written.
    #[cfg(feature = "planted-bugs")]
    fn answer_early(&mut self, jobs: Vec<Job>, sender: &WeakUnboundedSender<Job>) -> Vec<Job> {
        // Only where the index can be told beforehand: this bug answers early, and nothing else wrong.
        if !jobs.iter().all(|job| matches!(job, Job::Decide(_))) {
            return jobs;
        }
        let mut rest = Vec::with_capacity(jobs.len());
        let mut given = std::collections::HashMap::new();
        for (index, mut job) in (self.ledger.size()..).zip(jobs) {
            if let Some((key, twin)) = self.plant.twin(&mut job) {
                let sequence = given.get(&key).map_or_else(|| self.ledger.next_of(&key), |last: &u64| last.saturating_add(1));
                given.insert(key, sequence);
                self.acknowledge(job, Ok(Written::Decision(Decided { index, sequence })), sender);
                job = twin;
            }
            rest.push(job);
        }
        rest
    }

    /// Ends the calls that the last run left open, so that each has exactly one outcome.
    pub(crate) fn end_open_calls(&mut self) -> Result<(), StoreError> {
        loop {
            let open = open_calls(self.db.as_is()).map_err(StoreError::unavailable)?;
            if open.is_empty() {
                return Ok(());
            }
            let jobs: Vec<_> = open.into_iter().map(|leaf| Job::OutcomeLater(leaf, None)).collect();
            for result in self.write(&jobs)? {
                result?;
            }
        }
    }

    /// Deletes some states that expired while the store was closed. That it cannot is no reason not to open.
    pub(crate) fn sweep_at_open(&mut self) {
        for _ in 0..EXPIRED_BATCHES_AT_OPEN {
            let more = self.write_states(&[]).is_ok() && any_expired(self.db.as_is(), now()).is_ok_and(|any| any);
            if !more {
                return;
            }
        }
    }

    /// Serves the queue until its last sender is gone.
    pub(crate) fn run(mut self, mut queue: UnboundedReceiver<Job>, sender: &WeakUnboundedSender<Job>) {
        let mut jobs = Vec::with_capacity(BATCH_MAX);
        while self.wait(&mut queue, &mut jobs) {
            self.serve(std::mem::take(&mut jobs), sender);
            if self.states() {
                // A closed queue means that the store is closing: what still waits is written below.
                if let Some(queue) = sender.upgrade() {
                    drop(queue.send(Job::Remember));
                }
            }
        }
        if !self.backlog.is_empty() {
            self.serve(Vec::new(), sender);
        }
        // At most as often as batches fit into the bound of those that may wait.
        while self.states() {}
        self.fold_for_close();
    }

    /// Waits for jobs; false when none will ever come. While an erasure is not done with, none may come at first.
    fn wait(&self, queue: &mut UnboundedReceiver<Job>, jobs: &mut Vec<Job>) -> bool {
        let timer = (self.unfinished || self.unfolded).then(|| tokio::runtime::Builder::new_current_thread().enable_time().build());
        let Some(Ok(timer)) = timer else { return queue.blocking_recv_many(jobs, BATCH_MAX) > 0 };
        let arrived = async { tokio::time::timeout(ERASE_INTERVAL, queue.recv_many(jobs, BATCH_MAX)).await };
        timer.block_on(arrived).map_or(true, |received| received > 0)
    }

    fn serve(&mut self, arrived: Vec<Job>, sender: &WeakUnboundedSender<Job>) {
        let mut jobs: Vec<_> = self.backlog.drain(..).map(|leaf| Job::OutcomeLater(leaf, None)).collect();
        let mut apart = Vec::new();
        for job in arrived {
            match job {
                Job::SizeMax { bytes, ack } => answer(&ack, set_size_max(self.db.as_is(), bytes).map_err(StoreError::unavailable)),
                Job::Remember => {}
                Job::Apart(job) => apart.push(job),
                Job::Decide(_)
                | Job::Outcome { .. }
                | Job::OutcomeLater(..)
                | Job::Event { .. }
                | Job::Keep { .. }
                | Job::PseudonymKey { .. } => {
                    jobs.push(job);
                }
            }
        }
        if !jobs.is_empty() {
            self.batch(jobs, sender);
        }
        for job in apart {
            self.apart(job);
        }
        self.go_on_erasing();
    }

    fn batch(&mut self, jobs: Vec<Job>, sender: &WeakUnboundedSender<Job>) {
        #[cfg(feature = "planted-bugs")]
        let jobs = self.answer_early(jobs, sender);
        let mut jobs = jobs;
        let mut written = self.write(&jobs);
        if written.as_ref().is_err_and(StoreError::is_unavailable) && leave_answers_away(&mut jobs) {
            tracing::warn!("answers that were to be kept are not: the store cannot take them");
            written = self.write(&jobs);
        }
        let results = match written {
            Ok(results) => results,
            Err(error) => vec![Err(error); jobs.len()],
        };
        for (job, result) in jobs.into_iter().zip(results) {
            self.acknowledge(job, result, sender);
        }
    }

    /// Writes all of `jobs` in one transaction: after `Ok`, each is durable or was refused for itself; after `Err`, none is there.
    fn write(&mut self, jobs: &[Job]) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
        let written = self.try_write(jobs);
        match &written {
            // A batch that had nothing to write says nothing about the disk.
            Ok(written) if written.iter().flatten().all(|written| matches!(written, Written::Nothing)) => {}
            Ok(_) => self.shared.health.committed(self.ledger.size()),
            Err(error) => self.failed(error),
        }
        written
    }

    fn try_write(&mut self, jobs: &[Job]) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
        self.refresh()?;
        let db = self.db.durable().map_err(StoreError::unavailable)?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
        let mut batch = self.ledger.batch(transaction);
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            match add(&mut batch, job) {
                Ok(written) => results.push(Ok(written)),
                Err(Refusal::Write(error)) => results.push(Err(error)),
                // The transaction is undone when it is dropped.
                Err(Refusal::Batch(error)) => return Err(error),
            }
        }
        let committed = batch.commit()?;
        self.ledger.committed(committed);
        Ok(results)
    }

    /// The ledger in step with the database.
    pub(crate) fn refresh(&mut self) -> Result<(), StoreError> {
        if self.stale {
            self.db.flush_again()?;
            self.ledger.reload(self.db.as_is())?;
            self.stale = false;
        }
        Ok(())
    }

    /// Writes some of the states that wait; true when others still do.
    fn states(&mut self) -> bool {
        let batch = self.shared.states.batch();
        if batch.is_empty() && self.swept.elapsed() < EXPIRED_INTERVAL {
            return false;
        }
        let lost = self.write_states(&batch).unwrap_or_else(|error| {
            tracing::warn!(%error, "upstream states cannot be written");
            batch.clone()
        });
        if !lost.is_empty() {
            tracing::warn!(states = lost.len(), "upstream states are forgotten: they could not be written");
        }
        self.shared.states.settle(&batch, &lost)
    }

    /// Writes `states` and deletes some that expired; gives those that could not be written while others could.
    ///
    /// A transaction of its own, since SQLite undoes all of one in which the disk was full, leaves as well. Its commit does not wait for the
    /// disk, so it costs the leaves that come next little; their commit flushes it too.
    fn write_states(&mut self, states: &[Arc<State>]) -> Result<Vec<Arc<State>>, StoreError> {
        self.swept = Clock::now();
        let written = self.try_write_states(states);
        // Keys of tenants may have been made that are not there now.
        self.stale |= written.is_err();
        written
    }

    fn try_write_states(&mut self, states: &[Arc<State>]) -> Result<Vec<Arc<State>>, StoreError> {
        if states.is_empty() && !any_expired(self.db.as_is(), now()).map_err(StoreError::unavailable)? {
            return Ok(Vec::new());
        }
        self.refresh()?;
        let db = self.db.lax().map_err(StoreError::unavailable)?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
        let mut batch = self.ledger.batch(transaction);
        sweep(batch.db(), now()).map_err(StoreError::unavailable)?;
        let mut lost = Vec::new();
        for state in states {
            match batch.state(state) {
                Ok(()) => {}
                Err(Refusal::Write(error) | Refusal::Batch(error)) if batch.is_undone() => return Err(error),
                // One tenant's (its key was shredded, say) do not cost another its own.
                Err(Refusal::Write(_) | Refusal::Batch(_)) => lost.push(Arc::clone(state)),
            }
        }
        batch.commit_states()?;
        self.db.committed_lax();
        Ok(lost)
    }

    /// Notes that only the database knows what was kept.
    pub(crate) fn failed(&mut self, error: &StoreError) {
        self.stale = true;
        self.shared.health.failed(error);
    }

    /// Empties the write-ahead log of the leaves through `fold`.
    pub(crate) fn fold(&mut self, fold: impl FnOnce(&Connection) -> Result<bool, StoreError>) -> Result<bool, StoreError> {
        self.refresh()?;
        let folded = fold(self.db.as_is());
        // Folding flushes first: lax commits may not be on the disk now.
        self.stale |= folded.is_err();
        folded
    }

    /// Folds the write-ahead logs into the databases, so that a closed store is two files and its master key. It may be left to the next start.
    fn fold_for_close(&mut self) {
        let (keys, leaves) = (self.ledger.keys().fold_for_close(), self.fold(fold_for_close));
        match keys.and_then(|keys| Ok(keys && leaves?)) {
            Ok(true) => {}
            Ok(false) => tracing::debug!("the write-ahead log is left to the next start: somebody reads the store"),
            Err(error) => tracing::warn!(%error, "the write-ahead log is left to the next start"),
        }
    }

    /// Tells whoever waits. That they may have gone is no error.
    fn acknowledge(&mut self, job: Job, result: Result<Written, StoreError>, sender: &WeakUnboundedSender<Job>) {
        match job {
            Job::Decide(decide) => {
                let Decide { draft, ack, slot } = *decide;
                drop(ack.send(result.map(|written| Delivery::new(&draft.leaf, written.decision(), sender.clone()))));
                drop(slot);
            }
            Job::Outcome { ack, slot, .. } => {
                drop(ack.send(result.map(Written::index)));
                drop(slot);
            }
            Job::OutcomeLater(leaf, _) => self.keep_for_later(leaf, result.err()),
            Job::Event { ack, .. } => answer(&ack, result.map(Written::index)),
            Job::Keep { ack, .. } => answer(&ack, result.map(|_| ())),
            Job::PseudonymKey { tenant, epoch, ack, slot } => {
                let key = result.and_then(|_| self.ledger.keys().tenant(&tenant)).and_then(|key| key.pseudonyms(epoch));
                drop(ack.send(key));
                drop(slot);
            }
            Job::SizeMax { ack, .. } => answer(&ack, result.map(|_| ())),
            Job::Remember | Job::Apart(_) => {}
        }
    }

    fn keep_for_later(&mut self, leaf: OutcomeLeaf, failed: Option<StoreError>) {
        if failed.is_some_and(|error| error.is_unavailable()) {
            if self.backlog.len() == BACKLOG_MAX {
                self.backlog.pop_front();
            }
            self.backlog.push_back(leaf);
        }
    }
}

fn add(batch: &mut Batch<'_>, job: &Job) -> Result<Written, Refusal> {
    match job {
        Job::Decide(decide) => batch.decision(&decide.draft).map(Written::Decision),
        Job::Outcome { leaf, .. } => batch.outcome(leaf, None).map(Written::Leaf),
        Job::OutcomeLater(leaf, answer) => batch.outcome(leaf, answer.as_ref().map(|answer| answer.expose().as_slice())).map(Written::Leaf),
        Job::Event { leaf, .. } => batch.event(leaf).map(Written::Leaf),
        Job::Keep { kind, digest, bytes, .. } => match generation::keep(batch.db(), (*kind, *digest), bytes)? {
            Ok(()) => Ok(Written::Nothing),
            Err(error) => Err(Refusal::Write(error)),
        },
        Job::PseudonymKey { tenant, .. } => batch.know(tenant).map(|()| Written::Nothing),
        Job::SizeMax { .. } | Job::Remember | Job::Apart(_) => Ok(Written::Nothing),
    }
}

/// What may be lost is lost first; true if there was any.
fn leave_answers_away(jobs: &mut [Job]) -> bool {
    let mut any = false;
    for job in jobs {
        if let Job::OutcomeLater(_, answer) = job {
            any |= answer.take().is_some();
        }
    }
    any
}

pub(crate) fn answer<T>(ack: &SyncSender<T>, result: T) {
    drop(ack.send(result));
}

/// At most one batch of `unknown` outcomes for calls that have a permit and no outcome.
fn open_calls(db: &Connection) -> rusqlite::Result<Vec<OutcomeLeaf>> {
    let minute = Minute::of(now());
    let mut statement = db.prepare(
        "SELECT d.call, d.decision, d.hop FROM open_calls o JOIN decisions d ON d.leaf = o.decision_leaf ORDER BY d.leaf LIMIT ?1",
    )?;
    let rows = statement.query_map(params![BATCH_MAX], |row| {
        let call = Digest::from_bytes(row.get(0)?);
        let decision = Digest::from_bytes(row.get(1)?);
        Ok(OutcomeLeaf::bare((call, decision, row.get(2)?), Outcome::Unknown, minute))
    })?;
    rows.collect()
}

/// The clock of the store.
pub(crate) fn now() -> Instant {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Instant(i64::try_from(micros).unwrap_or(i64::MAX))
}

// === impl Written ===

impl Written {
    fn index(self) -> u64 {
        match self {
            Self::Decision(decided) => decided.index,
            Self::Leaf(index) => index,
            Self::Nothing => 0,
        }
    }

    fn decision(self) -> Decided {
        match self {
            Self::Decision(decided) => decided,
            Self::Leaf(index) => Decided { index, sequence: 0 },
            Self::Nothing => Decided { index: 0, sequence: 0 },
        }
    }
}

// === impl Delivery ===

impl Delivery {
    fn new(leaf: &DecisionLeaf, decided: Decided, queue: WeakUnboundedSender<Job>) -> Self {
        let hop = (leaf.call, leaf.decision, leaf.hop);
        Self { receipt: Some(Receipt::after_commit(leaf, decided)), is_permit: leaf.verdict == Verdict::Permit, hop, queue }
    }

    /// The receipt, for whoever waited for it.
    pub(crate) fn take(mut self) -> Option<Receipt> {
        self.receipt.take()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let undelivered = self.receipt.take().is_some() && self.is_permit;
        let Some(queue) = self.queue.upgrade().filter(|_| undelivered) else { return };
        // A closed queue means that the store is closing: the next start writes the outcome.
        drop(queue.send(Job::OutcomeLater(OutcomeLeaf::bare(self.hop, Outcome::ClientGone, Minute::of(now())), None)));
    }
}

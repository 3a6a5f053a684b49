//! The sequencer's thread: takes what is queued, writes it in one transaction, and answers after COMMIT (group commit).
//!
//! Nothing is acknowledged that is not committed. A failed batch is undone as a whole; the next one starts from what the database holds.
//! Upstream states are written after the leaves are answered, in a transaction of their own: when they fail, no leaf does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Instant as Clock, SystemTime, UNIX_EPOCH};

use comity_ledger::{DecisionLeaf, Minute, Outcome, OutcomeLeaf, Verdict};
use comity_vocab::{Digest, Instant, Plain};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::append::{Batch, Decided, Ledger, Refusal};
use crate::connection::{WriterDb, set_size_max};
use crate::limits::{BACKLOG_MAX, BATCH_MAX, CLOSE_TIMEOUT, EXPIRED_BATCHES_AT_OPEN, EXPIRED_INTERVAL};
use crate::state::{States, any_expired, sweep};
use crate::store::Health;
use crate::{Generation, Receipt, State, StoreError, generation};

/// One thing to write, and whom to tell.
pub(crate) enum Job {
    /// A decision and its fact record.
    Decide(Box<Decide>),
    /// An outcome that somebody waits for.
    Outcome { leaf: OutcomeLeaf, ack: oneshot::Sender<Result<u64, StoreError>>, slot: OwnedSemaphorePermit },
    /// An outcome that nobody waits for: kept until it is written.
    OutcomeLater(OutcomeLeaf),
    /// A generation.
    Keep { kind: Generation, digest: Digest, bytes: Vec<u8>, ack: SyncSender<Result<(), StoreError>> },
    /// The key of a tenant's pseudonyms, made with the tenant's own where it has none yet.
    PseudonymKey { tenant: String, epoch: u32, ack: oneshot::Sender<Result<Plain<[u8; 32]>, StoreError>>, slot: OwnedSemaphorePermit },
    /// States wait to be written.
    Remember,
    /// A new bound of the database's size; not part of any transaction.
    SizeMax { bytes: Option<u64>, ack: SyncSender<Result<(), StoreError>> },
}

/// A decision on its way into the ledger.
pub(crate) struct Decide {
    pub(crate) leaf: DecisionLeaf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) record: Vec<u8>,
    pub(crate) tenant: String,
    pub(crate) ack: oneshot::Sender<Result<Delivery, StoreError>>,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// A receipt on its way to whoever asked. If they have gone, the call still gets its outcome.
pub(crate) struct Delivery {
    receipt: Option<Receipt>,
    leaf: DecisionLeaf,
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
    db: WriterDb,
    ledger: Ledger,
    pub(crate) shared: Shared,
    backlog: VecDeque<OutcomeLeaf>,
    /// After a failed commit only the database knows what was kept.
    stale: bool,
    /// When expired states were looked for.
    swept: Clock,
}

// === impl Writer ===

impl Writer {
    /// A writer for a ledger as it was loaded from `db`.
    pub(crate) fn new(db: WriterDb, ledger: Ledger, shared: Shared) -> Self {
        shared.health.loaded(ledger.size());
        Self { db, ledger, shared, backlog: VecDeque::new(), stale: false, swept: Clock::now() }
    }

    /// Ends the calls that the last run left open, so that each has exactly one outcome.
    pub(crate) fn end_open_calls(&mut self) -> Result<(), StoreError> {
        loop {
            let open = open_calls(self.db.as_is()).map_err(StoreError::unavailable)?;
            if open.is_empty() {
                return Ok(());
            }
            let jobs: Vec<_> = open.into_iter().map(Job::OutcomeLater).collect();
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
        while queue.blocking_recv_many(&mut jobs, BATCH_MAX) > 0 {
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
        self.fold();
    }

    fn serve(&mut self, arrived: Vec<Job>, sender: &WeakUnboundedSender<Job>) {
        let mut jobs: Vec<_> = self.backlog.drain(..).map(Job::OutcomeLater).collect();
        for job in arrived {
            match job {
                Job::SizeMax { bytes, ack } => answer(&ack, set_size_max(self.db.as_is(), bytes).map_err(StoreError::unavailable)),
                Job::Remember => {}
                Job::Decide(_) | Job::Outcome { .. } | Job::OutcomeLater(_) | Job::Keep { .. } | Job::PseudonymKey { .. } => jobs.push(job),
            }
        }
        if jobs.is_empty() {
            return;
        }
        let results = match self.write(&jobs) {
            Ok(results) => results,
            Err(error) => vec![Err(error); jobs.len()],
        };
        for (job, result) in jobs.into_iter().zip(results) {
            self.acknowledge(job, result, sender);
        }
    }

    /// Writes all of `jobs` in one transaction: after `Ok`, each is durable or was refused for itself; after `Err`, none is there.
    fn write(&mut self, jobs: &[Job]) -> Result<Vec<Result<u64, StoreError>>, StoreError> {
        let written = self.try_write(jobs);
        match &written {
            Ok(_) => self.shared.health.committed(self.ledger.size()),
            Err(error) => {
                self.stale = true;
                self.shared.health.failed(error);
            }
        }
        written
    }

    fn try_write(&mut self, jobs: &[Job]) -> Result<Vec<Result<u64, StoreError>>, StoreError> {
        self.refresh()?;
        let db = self.db.durable().map_err(StoreError::unavailable)?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
        let mut batch = self.ledger.batch(transaction);
        let mut results = Vec::with_capacity(jobs.len());
        for job in jobs {
            match add(&mut batch, job) {
                Ok(index) => results.push(Ok(index)),
                Err(Refusal::Write(error)) => results.push(Err(error)),
                // The transaction is undone when it is dropped.
                Err(Refusal::Batch(error)) => return Err(error),
            }
        }
        let tree = batch.commit()?;
        self.ledger.committed(tree);
        Ok(results)
    }

    fn refresh(&mut self) -> Result<(), StoreError> {
        if self.stale {
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
        Ok(lost)
    }

    /// Folds the write-ahead log into the database, so that a closed store is one file. It may be left to the next start.
    fn fold(&self) {
        let db = self.db.as_is();
        let fold = || -> rusqlite::Result<bool> {
            db.busy_timeout(CLOSE_TIMEOUT)?;
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        };
        match fold() {
            Ok(false) => {}
            Ok(true) => tracing::debug!("the write-ahead log is left to the next start: somebody reads the store"),
            Err(error) => tracing::warn!(%error, "the write-ahead log is left to the next start"),
        }
    }

    /// Tells whoever waits. That they may have gone is no error.
    fn acknowledge(&mut self, job: Job, result: Result<u64, StoreError>, sender: &WeakUnboundedSender<Job>) {
        match job {
            Job::Decide(decide) => {
                let Decide { leaf, ack, slot, .. } = *decide;
                let delivered = result.map(|index| Delivery::new(leaf, index, sender.clone()));
                drop(ack.send(delivered));
                drop(slot);
            }
            Job::Outcome { ack, slot, .. } => {
                drop(ack.send(result));
                drop(slot);
            }
            Job::OutcomeLater(leaf) => self.keep_for_later(leaf, &result),
            Job::Keep { ack, .. } => answer(&ack, result.map(|_| ())),
            Job::PseudonymKey { tenant, epoch, ack, slot } => {
                drop(ack.send(result.and_then(|_| self.ledger.pseudonym_key(&tenant, epoch))));
                drop(slot);
            }
            Job::SizeMax { ack, .. } => answer(&ack, result.map(|_| ())),
            Job::Remember => {}
        }
    }

    fn keep_for_later(&mut self, leaf: OutcomeLeaf, result: &Result<u64, StoreError>) {
        if result.as_ref().is_err_and(StoreError::is_unavailable) {
            if self.backlog.len() == BACKLOG_MAX {
                self.backlog.pop_front();
            }
            self.backlog.push_back(leaf);
        }
    }
}

fn add(batch: &mut Batch<'_>, job: &Job) -> Result<u64, Refusal> {
    match job {
        Job::Decide(decide) => {
            let Decide { leaf, bytes, record, tenant, .. } = decide.as_ref();
            batch.decision(&Decided { leaf, bytes, record, tenant })
        }
        Job::Outcome { leaf, .. } | Job::OutcomeLater(leaf) => batch.outcome(leaf),
        Job::Keep { kind, digest, bytes, .. } => match generation::keep(batch.db(), (*kind, *digest), bytes)? {
            Ok(()) => Ok(0),
            Err(error) => Err(Refusal::Write(error)),
        },
        Job::PseudonymKey { tenant, .. } => batch.know(tenant).map(|()| 0),
        Job::SizeMax { .. } | Job::Remember => Ok(0),
    }
}

fn answer<T>(ack: &SyncSender<T>, result: T) {
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

fn now() -> Instant {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Instant(i64::try_from(micros).unwrap_or(i64::MAX))
}

// === impl Delivery ===

impl Delivery {
    fn new(leaf: DecisionLeaf, index: u64, queue: WeakUnboundedSender<Job>) -> Self {
        Self { receipt: Some(Receipt::after_commit(&leaf, index)), leaf, queue }
    }

    /// The receipt, for whoever waited for it.
    pub(crate) fn take(mut self) -> Option<Receipt> {
        self.receipt.take()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let undelivered = self.receipt.take().is_some() && self.leaf.verdict == Verdict::Permit;
        let Some(queue) = self.queue.upgrade().filter(|_| undelivered) else { return };
        let hop = (self.leaf.call, self.leaf.decision, self.leaf.hop);
        // A closed queue means that the store is closing: the next start writes the outcome.
        drop(queue.send(Job::OutcomeLater(OutcomeLeaf::bare(hop, Outcome::ClientGone, Minute::of(now())))));
    }
}

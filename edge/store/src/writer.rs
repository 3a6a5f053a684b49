//! The sequencer's thread: takes what is queued, writes it in one transaction, and answers after COMMIT (group commit).
//!
//! Nothing is acknowledged that is not committed. A failed batch is undone as a whole; the next one starts from what the database holds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{SystemTime, UNIX_EPOCH};

use comity_ledger::{DecisionLeaf, Minute, Outcome, OutcomeLeaf, Verdict};
use comity_vocab::{Digest, Instant};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::append::{Batch, Decided, Ledger, Refusal};
use crate::connection::set_size_max;
use crate::limits::{BACKLOG_MAX, BATCH_MAX};
use crate::store::Health;
use crate::{Generation, Receipt, StoreError, generation};

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

/// Everything that the thread owns.
pub(crate) struct Writer {
    pub(crate) db: Connection,
    pub(crate) ledger: Ledger,
    pub(crate) health: Arc<Health>,
    backlog: VecDeque<OutcomeLeaf>,
    /// After a failed commit only the database knows what was kept.
    stale: bool,
}

// === impl Writer ===

impl Writer {
    /// A writer for a ledger as it was loaded from `db`.
    pub(crate) fn new(db: Connection, ledger: Ledger, health: Arc<Health>) -> Self {
        health.loaded(ledger.size());
        Self { db, ledger, health, backlog: VecDeque::new(), stale: false }
    }

    /// Ends the calls that the last run left open, so that each has exactly one outcome.
    pub(crate) fn end_open_calls(&mut self) -> Result<(), StoreError> {
        loop {
            let open = open_calls(&self.db).map_err(StoreError::unavailable)?;
            if open.is_empty() {
                return Ok(());
            }
            let jobs: Vec<_> = open.into_iter().map(Job::OutcomeLater).collect();
            for result in self.write(&jobs)? {
                result?;
            }
        }
    }

    /// Serves the queue until its last sender is gone.
    pub(crate) fn run(mut self, mut queue: UnboundedReceiver<Job>, sender: &WeakUnboundedSender<Job>) {
        let mut jobs = Vec::with_capacity(BATCH_MAX);
        while queue.blocking_recv_many(&mut jobs, BATCH_MAX) > 0 {
            self.serve(std::mem::take(&mut jobs), sender);
        }
        if !self.backlog.is_empty() {
            self.serve(Vec::new(), sender);
        }
    }

    fn serve(&mut self, arrived: Vec<Job>, sender: &WeakUnboundedSender<Job>) {
        let mut jobs: Vec<_> = self.backlog.drain(..).map(Job::OutcomeLater).collect();
        for job in arrived {
            match job {
                Job::SizeMax { bytes, ack } => answer(&ack, set_size_max(&self.db, bytes).map_err(StoreError::unavailable)),
                Job::Decide(_) | Job::Outcome { .. } | Job::OutcomeLater(_) | Job::Keep { .. } => jobs.push(job),
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
            Ok(_) => self.health.committed(self.ledger.size()),
            Err(error) => {
                self.stale = true;
                self.health.failed(error);
            }
        }
        written
    }

    fn try_write(&mut self, jobs: &[Job]) -> Result<Vec<Result<u64, StoreError>>, StoreError> {
        if self.stale {
            self.ledger.reload(&self.db)?;
            self.stale = false;
        }
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
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
            Job::SizeMax { ack, .. } => answer(&ack, result.map(|_| ())),
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
        Job::SizeMax { .. } => Ok(0),
    }
}

fn answer<T>(ack: &SyncSender<T>, result: T) {
    drop(ack.send(result));
}

/// At most one batch of `unknown` outcomes for calls that have a permit and no outcome.
fn open_calls(db: &Connection) -> rusqlite::Result<Vec<OutcomeLeaf>> {
    let minute = now();
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

fn now() -> Minute {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Minute::of(Instant(i64::try_from(micros).unwrap_or(i64::MAX)))
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
        drop(queue.send(Job::OutcomeLater(OutcomeLeaf::bare(hop, Outcome::ClientGone, now()))));
    }
}

//! Erasure: keys are destroyed, so that what was encrypted under them opens for nobody, and a leaf says so. Proofs stay as they were.
//!
//! What is to be destroyed is written down first, and a start finishes what a crash cut off. A leaf never says that something is gone that is
//! still there; nothing here ever touches a leaf that was written.

use std::time::Duration;

use comity_ledger::{Erased, ErasureReason, ErasureScope, Event, EventLeaf, Minute, Month};
use comity_vocab::{Digest, Plain};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::append::Refusal;
use crate::connection::fold;
use crate::data_keys::Doomed;
use crate::limits::FOLD_PATIENCE;
use crate::writer::{Writer, now};

/// Of whom or what the private records are erased. It has no `Debug`: it may name a person.
pub enum Erasure {
    /// One person, in all tenants.
    DataSubject(Plain<String>),
    /// One workload, in all months and tenants.
    Workload(String),
    /// A root unit: its records, its pseudonyms and what it made at upstreams.
    Tenant(String),
    /// All months before this one.
    Before(Month),
}

/// An erasure as it is asked for.
pub struct ErasureOrder {
    /// What.
    pub which: Erasure,
    /// Why.
    pub reason: ErasureReason,
    /// Commitment (domain `erased`) to the name in `which`; who asked may get its salt.
    pub selector: Digest,
}

/// An erasure that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasing {
    /// Keys destroyed.
    pub keys: u64,
    /// The index of the leaf that says so.
    pub leaf: u64,
    /// The write-ahead logs are empty too. If not, somebody reads the store: they are emptied within a second after that ends.
    pub folded: bool,
}

/// An erasure on its way.
#[derive(Serialize, Deserialize)]
struct Plan {
    doomed: Doomed,
    leaf: Erased,
}

// === impl Erasure ===

impl Erasure {
    /// The kind of it in the leaf.
    #[must_use]
    pub const fn scope(&self) -> ErasureScope {
        match self {
            Self::DataSubject(_) => ErasureScope::DataSubject,
            Self::Workload(_) => ErasureScope::Workload,
            Self::Tenant(_) => ErasureScope::Tenant,
            Self::Before(_) => ErasureScope::Before,
        }
    }
}

// === impl Writer ===

impl Writer {
    /// Erases, and says so in a leaf.
    pub(crate) fn erase(&mut self, order: ErasureOrder) -> Result<Erasing, StoreError> {
        // What an earlier failure left is done first: else its keys would be found, and counted, again.
        self.finish_erasures()?;
        self.refresh()?;
        let (doomed, keys) = self.ledger.keys().find(&order.which)?;
        let before = match &order.which {
            Erasure::Before(month) => Some(month.start()),
            Erasure::DataSubject(_) | Erasure::Workload(_) | Erasure::Tenant(_) => None,
        };
        let leaf = Erased { before, keys, reason: order.reason, scope: order.which.scope(), selector: order.selector };
        let plan = Plan { doomed, leaf };
        let json = serde_json::to_string(&plan).map_err(|_| StoreError::Encryption)?;
        self.unfinished = true;
        self.synced(|db| {
            for key in &plan.doomed.keys {
                db.prepare_cached("INSERT OR IGNORE INTO destroyed (key) VALUES (?1)")?.execute([key])?;
            }
            db.execute("INSERT INTO erasures (plan) VALUES (?1)", [&json]).map(|_| Ok(()))
        })?;
        self.finish_erasures()?.ok_or_else(|| StoreError::unavailable("an erasure that was written down is not there"))
    }

    /// Does what was written down and not done yet; gives the last.
    pub(crate) fn finish_erasures(&mut self) -> Result<Option<Erasing>, StoreError> {
        let mut last = None;
        while let Some((id, plan)) = pending(self.db.as_is()).map_err(StoreError::unavailable)? {
            let plan: Plan = serde_json::from_str(&plan).map_err(|_| StoreError::unreadable("an erasure that was begun cannot be read"))?;
            self.ledger.keys().destroy(&plan.doomed)?;
            self.unfolded = true;
            for tenant in &plan.doomed.tenants {
                self.shared.states.forget(tenant);
            }
            let leaf = self.erased(id, &plan)?;
            last = Some(Erasing { keys: plan.leaf.keys, leaf, folded: self.fold_erased(FOLD_PATIENCE) });
        }
        self.unfinished = false;
        Ok(last)
    }

    /// Does what erasures before left undone: the disk failed, or somebody read the store.
    pub(crate) fn go_on_erasing(&mut self) {
        if self.unfinished
            && let Err(error) = self.finish_erasures()
        {
            tracing::warn!(%error, "an erasure is not finished; it is tried again");
        }
        if self.unfolded {
            self.fold_erased(Duration::ZERO);
        }
    }

    /// Empties the write-ahead logs, which may still hold what was destroyed; false while somebody reads them.
    pub(crate) fn fold_erased(&mut self, patience: Duration) -> bool {
        let keys = self.ledger.keys().fold(patience);
        let folded = keys.and_then(|keys| Ok(keys && self.fold(|db| fold(db, patience))?)).unwrap_or_else(|error| {
            tracing::warn!(%error, "write-ahead logs that may hold destroyed keys cannot be emptied; it is tried again");
            false
        });
        self.unfolded = !folded;
        folded
    }

    /// The leaf, and the end of the plan, in one transaction.
    fn erased(&mut self, id: i64, plan: &Plan) -> Result<u64, StoreError> {
        self.refresh()?;
        let written = self.try_erased(id, plan);
        match &written {
            Ok(_) => self.shared.health.committed(self.ledger.size()),
            Err(error) => self.failed(error),
        }
        written
    }

    fn try_erased(&mut self, id: i64, plan: &Plan) -> Result<u64, StoreError> {
        let db = self.db.synced().map_err(StoreError::unavailable)?;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
        let mut batch = self.ledger.batch(transaction);
        let clear = || -> rusqlite::Result<()> {
            for tenant in &plan.doomed.tenants {
                batch.db().execute("DELETE FROM states WHERE tenant IN (SELECT id FROM tenants WHERE name = ?1)", params![tenant])?;
            }
            batch.db().execute("DELETE FROM erasures WHERE id = ?1", [id]).map(|_| ())
        };
        clear().map_err(StoreError::unavailable)?;
        let leaf = EventLeaf { event: Event::Erased(plan.leaf.clone()), minute: Minute::of(now()) };
        let index = batch.event(&leaf).map_err(|refusal| match refusal {
            Refusal::Write(error) | Refusal::Batch(error) => error,
        })?;
        let committed = batch.commit()?;
        self.ledger.committed(committed);
        Ok(index)
    }
}

fn pending(db: &Connection) -> rusqlite::Result<Option<(i64, String)>> {
    let mut statement = db.prepare_cached("SELECT id, plan FROM erasures ORDER BY id LIMIT 1")?;
    statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

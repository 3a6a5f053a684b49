//! What others may see of the ledger: its head on the disk, checkpoints that were published, and foreign checkpoints that were cosigned.
//!
//! INVARIANT: nothing is answered before it is on the disk, whatever the store's durability. A checkpoint that someone saw is never forgotten,
//! shrunk or contradicted, also after a loss of power.

use comity_ledger::Tree;
use comity_vocab::Digest;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::StoreError;
use crate::append::StoredHashes;
use crate::writer::{Apart, Writer, answer};

/// How many leaves there are, and the root over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: u64,
    /// The root over all of them.
    pub root: Digest,
}

/// A checkpoint that others may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What it covers.
    pub head: Head,
    /// The signed note (C2SP tlog-checkpoint), with cosignatures.
    pub note: String,
}

/// The latest checkpoint of a foreign log that was cosigned here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The foreign log.
    pub origin: String,
    /// What the checkpoint covers.
    pub head: Head,
    /// The signed note, with our cosignature.
    pub note: String,
}

// === impl Writer ===

impl Writer {
    /// Does what has transactions of its own.
    pub(crate) fn apart(&mut self, job: Apart) {
        match job {
            Apart::Head(ack) => answer(&ack, self.head()),
            Apart::Publish { checkpoint, ack } => answer(&ack, self.publish(&checkpoint)),
            Apart::Witness { seen, before, ack } => answer(&ack, self.witness(&seen, before)),
            Apart::Erase { order, ack } => answer(&ack, self.erase(order)),
            Apart::Note { fact, value, ack } => answer(&ack, self.note(fact, &value)),
            Apart::Try(ack) => answer(&ack, self.try_disk()),
            Apart::Prune { minimum, ack } => answer(&ack, self.prune(minimum)),
        }
    }

    /// What is committed, and on the disk from here on: what is signed of it can never be lost.
    fn head(&mut self) -> Result<Head, StoreError> {
        self.refresh()?;
        let head = Head { size: self.ledger.size(), root: self.ledger.root()? };
        if !self.db.commits_reach_the_disk() {
            self.synced(|db| db.execute("UPDATE counters SET value = ?1 WHERE name = 'synced'", [head.size]).map(|_| Ok(())))?;
        }
        Ok(head)
    }

    /// Writes something, and takes the last failure back if that succeeds.
    fn try_disk(&mut self) -> Result<(), StoreError> {
        self.refresh()?;
        // As much as a decision with its record takes: less might still fit on a disk that is full.
        let sql = "INSERT OR REPLACE INTO facts_about_store (name, value) VALUES ('tried', randomblob(16384))";
        self.synced(|db| db.execute(sql, []).map(|_| Ok(())))?;
        self.shared.health.committed(self.ledger.size());
        Ok(())
    }

    /// Takes up what was published before. INVARIANT: a store that contradicts what others saw of it is never appended to.
    pub(crate) fn take_up(&mut self, published: Option<Published>) -> Result<(), StoreError> {
        let Some(published) = published else { return Ok(()) };
        let Head { size, root } = published.head;
        if size > self.ledger.size() || !is_root(self.db.as_is(), size, root) {
            return Err(StoreError::tampered(size.saturating_sub(1), "the published checkpoint is not that of the leaves up to here"));
        }
        self.shared.health.show(published);
        Ok(())
    }

    fn publish(&mut self, checkpoint: &Published) -> Result<(), StoreError> {
        self.refresh()?;
        let (Head { size, root }, newest) = (checkpoint.head, self.ledger.size());
        self.synced(|db| {
            let before = last_published(db)?;
            if size > newest || before.is_some_and(|before| before.head.size > size) || !is_root(db, size, root) {
                return Ok(Err(StoreError::NotOurs { size }));
            }
            db.prepare_cached("INSERT OR REPLACE INTO checkpoints (size, root, note) VALUES (?1, ?2, ?3)")?.execute(params![
                size,
                root.as_bytes(),
                checkpoint.note
            ])?;
            Ok(Ok(()))
        })?;
        self.shared.health.show(checkpoint.clone());
        Ok(())
    }

    fn witness(&mut self, seen: &Witnessed, before: Option<Head>) -> Result<(), StoreError> {
        self.synced(|db| {
            let latest = witnessed(db, &seen.origin)?.map(|latest| latest.head);
            let back = latest.is_some_and(|latest| latest.size > seen.head.size);
            if latest != before || back {
                return Ok(Err(StoreError::WitnessedMore { size: latest.map_or(0, |latest| latest.size) }));
            }
            db.prepare_cached("INSERT OR REPLACE INTO witnessed (origin, size, root, note) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                seen.origin,
                seen.head.size,
                seen.head.root.as_bytes(),
                seen.note
            ])?;
            Ok(Ok(()))
        })
    }

    /// One transaction that is on the disk when it is over. The inner error undoes it.
    pub(crate) fn synced<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<Result<T, StoreError>>) -> Result<T, StoreError> {
        let db = self.db.synced().map_err(StoreError::unavailable)?;
        let write = || {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            match work(&transaction)? {
                Ok(done) => transaction.commit().map(|()| Ok(done)),
                Err(refused) => Ok(Err(refused)),
            }
        };
        let written = write().map_err(StoreError::unavailable);
        if let Err(error) = &written {
            self.failed(error);
        }
        written?
    }
}

/// The checkpoint that others saw last.
pub(crate) fn last_published(db: &Connection) -> rusqlite::Result<Option<Published>> {
    let read = |row: &Row<'_>| Ok(Published { head: Head { size: row.get(0)?, root: Digest::from_bytes(row.get(1)?) }, note: row.get(2)? });
    db.prepare_cached("SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1")?.query_row([], read).optional()
}

/// What was cosigned last of the log with this origin.
pub(crate) fn witnessed(db: &Connection, origin: &str) -> rusqlite::Result<Option<Witnessed>> {
    let read = |row: &Row<'_>| {
        let head = Head { size: row.get(0)?, root: Digest::from_bytes(row.get(1)?) };
        Ok(Witnessed { origin: origin.to_owned(), head, note: row.get(2)? })
    };
    db.prepare_cached("SELECT size, root, note FROM witnessed WHERE origin = ?1")?.query_row([origin], read).optional()
}

/// Whether `root` is that of the first `size` leaves.
pub(crate) fn is_root(db: &Connection, size: u64, root: Digest) -> bool {
    Tree::resume(size, &StoredHashes(db)).and_then(|tree| tree.root()).is_ok_and(|computed| computed == root)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::append::Ledger;
    use crate::connection::{STORE, WriterDb, create_if_missing, for_writing};
    use crate::custody::{Custody, FileCustody, Unlock};
    use crate::data_keys::DataKeys;
    use crate::state::States;
    use crate::writer::Shared;
    use crate::{Durability, Erasure, ErasureOrder};

    fn writer(path: &std::path::Path, durability: Durability) -> Writer {
        create_if_missing(path, &STORE).unwrap();
        let custody: Arc<dyn Custody> = Arc::new(FileCustody::load_or_create(path, None, &Unlock::default()).unwrap());
        let db = for_writing((path, &STORE), durability).unwrap();
        let ledger = Ledger::load(&db, DataKeys::open(path, Arc::clone(&custody)).unwrap()).unwrap();
        let shared = Shared { health: Arc::default(), states: Arc::new(States::new(path.to_owned(), custody)) };
        Writer::new(WriterDb::new(db, durability), ledger, shared)
    }

    /// What others see reaches the disk before it is answered, also in a store that leaves flushing to the system.
    #[test]
    fn what_others_see_is_flushed_whatever_the_durability() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut writer = writer(&path, Durability::Os);
        let head = Head { size: 0, root: comity_ledger::EMPTY_ROOT };
        let seen = Witnessed { origin: "example.org/log".to_owned(), head, note: String::new() };
        let order = || ErasureOrder {
            which: Erasure::Workload("none".to_owned()),
            reason: comity_ledger::ErasureReason::Other,
            selector: Digest::from_bytes([0; 32]),
        };
        let other = for_writing((&path, &STORE), Durability::Os).unwrap();
        // SQLite writes nothing where nothing changes.
        other.execute("UPDATE counters SET value = 7 WHERE name = 'synced'", []).unwrap();
        let version = || other.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
        let synchronous = |writer: &Writer| writer.db.as_is().pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap();
        for what in ["head", "publish", "witness", "erase"] {
            writer.db.durable().unwrap();
            assert_eq!(synchronous(&writer), 1);
            let before = version();
            match what {
                "head" => assert_eq!(writer.head().unwrap(), head),
                "publish" => writer.publish(&Published { head, note: String::new() }).unwrap(),
                "witness" => writer.witness(&seen, None).unwrap(),
                _ => assert_eq!(writer.erase(order()).unwrap().keys, 0),
            }
            assert_eq!(synchronous(&writer), 2, "{what}");
            assert!(version() > before, "{what}: something was committed");
        }
    }
}

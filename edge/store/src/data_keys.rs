//! The keys of private records: one per workload and month, one more for each data subject, in a database of their own beside the ledger's.
//!
//! A new key is on the disk before anything is encrypted under it. Destroying a key erases what it opened; never copy this file into a backup
//! of data, or erasure is undone by restoring.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use comity_ledger::{Minute, Month};
use comity_vocab::Plain;
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use crate::connection::{self, KEYS};
use crate::custody::Custody;
use crate::file::beside;
use crate::limits::DATA_KEYS_KNOWN_MAX;
use crate::record::{DataKey, TenantKey};
use crate::{Durability, StoreError};

/// Whose private records something belongs to. It has no `Debug`.
#[derive(Clone)]
pub struct Whose {
    /// The root unit: the border of keys, pseudonyms and erasure.
    pub tenant: String,
    /// The workload that called.
    pub workload: String,
    /// The person whom the call is about, where the caller said so.
    pub subject: Option<Plain<String>>,
}

/// A key with the id that records name it by.
#[derive(Clone)]
pub(crate) struct NamedKey {
    pub(crate) id: i64,
    pub(crate) key: DataKey,
}

/// The sequencer's side: finds keys, makes new ones, destroys them.
pub(crate) struct DataKeys {
    db: Connection,
    custody: Arc<dyn Custody>,
    tenants: HashMap<String, TenantKey>,
    known: HashMap<(String, String, Month, Vec<u8>), NamedKey>,
    /// Keys were made and are not committed yet.
    open: bool,
}

/// A reader's side.
pub(crate) struct DataKeyReader {
    db: Connection,
    custody: Arc<dyn Custody>,
}

/// Which keys an erasure destroys.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Doomed {
    /// Of records.
    pub(crate) keys: Vec<i64>,
    /// Whole tenants.
    pub(crate) tenants: Vec<String>,
}

const TENANT_USE: &[u8] = b"comity tenant key v1";
const DATA_USE: &[u8] = b"comity data key v1";

/// Where the keys of the store at `path` lie.
pub(crate) fn path_of(path: &Path) -> PathBuf {
    beside(path, ".keys")
}

// === impl DataKeys ===

impl DataKeys {
    /// Opens the keys of the store at `path`, made new if there are none.
    pub(crate) fn open(path: &Path, custody: Arc<dyn Custody>) -> Result<Self, StoreError> {
        let name = path_of(path);
        connection::create_if_missing(&name, &KEYS)?;
        let mut db = connection::for_writing((&name, &KEYS), Durability::Commit)?;
        // What an earlier process left is on the disk before anything relies on it.
        connection::flush_again(&mut db)?;
        Ok(Self { db, custody, tenants: HashMap::new(), known: HashMap::new(), open: false })
    }

    /// The key of `whose` records in the month of `minute`, made if there is none.
    pub(crate) fn data_key(&mut self, whose: &Whose, minute: Minute) -> Result<NamedKey, StoreError> {
        let subject = match &whose.subject {
            Some(subject) => self.tenant(&whose.tenant)?.subject(subject).to_vec(),
            None => Vec::new(),
        };
        let name = (whose.tenant.clone(), whose.workload.clone(), Month::of(minute), subject);
        if let Some(known) = self.known.get(&name) {
            return Ok(known.clone());
        }
        let key = match self.stored(&name)? {
            Some(key) => key,
            None => self.create(&name)?,
        };
        if self.known.len() >= DATA_KEYS_KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(name, key.clone());
        Ok(key)
    }

    /// The key with this id, if it was not destroyed.
    pub(crate) fn by_id(&self, id: i64) -> Result<Option<DataKey>, StoreError> {
        by_id(&self.db, self.custody.as_ref(), id)
    }

    /// The tenant's own key, made if there is none.
    pub(crate) fn tenant(&mut self, name: &str) -> Result<TenantKey, StoreError> {
        if let Some(known) = self.tenants.get(name) {
            return Ok(known.clone());
        }
        let key = match tenant(&self.db, self.custody.as_ref(), name)? {
            Some(key) => key,
            None => self.create_tenant(name)?,
        };
        self.tenants.insert(name.to_owned(), key.clone());
        Ok(key)
    }

    /// Takes over a tenant's key from a store of an older schema, still wrapped.
    pub(crate) fn adopt(&mut self, name: &str, wrapped: &[u8]) -> Result<(), StoreError> {
        self.begin()?;
        let sql = "INSERT OR IGNORE INTO tenants (name, wrapped) VALUES (?1, ?2)";
        self.db.execute(sql, params![name, wrapped]).map(|_| ()).map_err(StoreError::unavailable)
    }

    /// Puts new keys on the disk. INVARIANT: called before the commit of what was encrypted under them.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        if self.open {
            self.db.execute_batch("COMMIT").map_err(StoreError::unavailable)?;
            self.open = false;
        }
        Ok(())
    }

    /// Forgets keys that were not committed, and all that is known in memory.
    pub(crate) fn undo(&mut self) {
        if self.open {
            // Without a transaction there is nothing to undo: SQLite did it by itself.
            let _ = self.db.execute_batch("ROLLBACK");
            self.open = false;
        }
        self.tenants.clear();
        self.known.clear();
    }

    /// The keys that `which` names, now, and how many they are.
    pub(crate) fn find(&mut self, which: &crate::Erasure) -> Result<(Doomed, u64), StoreError> {
        use crate::Erasure::{Before, DataSubject, Tenant, Workload};
        let mut tenants = Vec::new();
        let keys = match which {
            Before(month) => self.ids("month < ?1", params![month.number()])?,
            Workload(workload) => self.ids("workload = ?1", params![workload])?,
            Tenant(tenant) => {
                // Named also where it has no key yet: states of it may wait to be written.
                tenants.push(tenant.clone());
                self.ids("tenant = ?1", params![tenant])?
            }
            DataSubject(subject) => self.ids_of_subject(subject)?,
        };
        let known = self.names()?.iter().filter(|name| tenants.contains(name)).count();
        let count = u64::try_from(keys.len().saturating_add(known)).unwrap_or(u64::MAX);
        Ok((Doomed { keys, tenants }, count))
    }

    fn ids_of_subject(&mut self, subject: &Plain<String>) -> Result<Vec<i64>, StoreError> {
        let mut found = Vec::new();
        for name in self.names()? {
            let hash = self.tenant(&name)?.subject(subject);
            found.extend(self.ids("tenant = ?1 AND subject = ?2", params![name, hash])?);
        }
        Ok(found)
    }

    /// Destroys keys; again is fine. What is known in memory is forgotten too.
    pub(crate) fn destroy(&mut self, doomed: &Doomed) -> Result<(), StoreError> {
        self.undo();
        let destroy = || -> rusqlite::Result<()> {
            let transaction = self.db.unchecked_transaction()?;
            for id in &doomed.keys {
                transaction.prepare_cached("DELETE FROM data_keys WHERE id = ?1")?.execute([id])?;
            }
            for name in &doomed.tenants {
                transaction.prepare_cached("DELETE FROM tenants WHERE name = ?1")?.execute([name])?;
            }
            transaction.commit()
        };
        destroy().map_err(StoreError::unavailable)
    }

    /// Destroys what was destroyed before, if it is here again: somebody restored the file from a backup.
    pub(crate) fn destroy_again(&mut self, ledger: &Connection) -> Result<(), StoreError> {
        let destroyed =
            || -> rusqlite::Result<Vec<i64>> { ledger.prepare("SELECT key FROM destroyed")?.query_map([], |row| row.get(0))?.collect() };
        let mut doomed = Doomed { keys: Vec::new(), tenants: Vec::new() };
        for id in destroyed().map_err(StoreError::unreadable)? {
            let here = self.db.prepare_cached("SELECT 1 FROM data_keys WHERE id = ?1").and_then(|mut statement| statement.exists([id]));
            if here.map_err(StoreError::unreadable)? {
                doomed.keys.push(id);
            }
        }
        if doomed.keys.is_empty() {
            return Ok(());
        }
        tracing::warn!(keys = doomed.keys.len(), "the file of keys is an old copy: what was erased since is erased again");
        self.destroy(&doomed)
    }

    /// Empties the write-ahead log, which still holds what was destroyed; false when a reader keeps it for longer than `patience`. Every commit
    /// here is flushed, and SQLite writes one again whose flush failed: none of the log is missing on the disk.
    pub(crate) fn fold(&self, patience: Duration) -> Result<bool, StoreError> {
        connection::fold(&self.db, patience)
    }

    /// As [`DataKeys::fold`], for the last time.
    pub(crate) fn fold_for_close(&self) -> Result<bool, StoreError> {
        connection::fold_for_close(&self.db)
    }

    fn stored(&self, (tenant, workload, month, subject): &(String, String, Month, Vec<u8>)) -> Result<Option<NamedKey>, StoreError> {
        let read = || -> rusqlite::Result<Option<(i64, Vec<u8>)>> {
            self.db
                .prepare_cached("SELECT id, wrapped FROM data_keys WHERE tenant = ?1 AND workload = ?2 AND month = ?3 AND subject = ?4")?
                .query_row(params![tenant, workload, month.number(), subject], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        };
        let Some((id, wrapped)) = read().map_err(StoreError::unreadable)? else { return Ok(None) };
        let key = unwrap(self.custody.as_ref(), (DATA_USE, &id.to_be_bytes()), &wrapped)?;
        Ok(Some(NamedKey { id, key: DataKey::from_bytes(key) }))
    }

    fn create(&mut self, (tenant, workload, month, subject): &(String, String, Month, Vec<u8>)) -> Result<NamedKey, StoreError> {
        let (id, key) = (random_id()?, DataKey::create()?);
        let wrapped = self.custody.wrap(DATA_USE, &id.to_be_bytes(), key.bytes())?;
        self.begin()?;
        let sql = "INSERT INTO data_keys (id, tenant, workload, month, subject, wrapped) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.db.execute(sql, params![id, tenant, workload, month.number(), subject, wrapped]).map_err(StoreError::unavailable)?;
        Ok(NamedKey { id, key })
    }

    fn create_tenant(&mut self, name: &str) -> Result<TenantKey, StoreError> {
        let key = TenantKey::create()?;
        let wrapped = self.custody.wrap(TENANT_USE, name.as_bytes(), key.bytes())?;
        self.begin()?;
        let sql = "INSERT INTO tenants (name, wrapped) VALUES (?1, ?2)";
        self.db.execute(sql, params![name, wrapped]).map_err(StoreError::unavailable)?;
        Ok(key)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        if !self.open {
            self.db.execute_batch("BEGIN IMMEDIATE").map_err(StoreError::unavailable)?;
            self.open = true;
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let read = || -> rusqlite::Result<_> {
            self.db.prepare_cached("SELECT name FROM tenants ORDER BY name")?.query_map([], |row| row.get(0))?.collect()
        };
        read().map_err(StoreError::unreadable)
    }

    fn ids(&self, condition: &str, values: &[&dyn ToSql]) -> Result<Vec<i64>, StoreError> {
        let read = || -> rusqlite::Result<Vec<i64>> {
            let mut statement = self.db.prepare_cached(&format!("SELECT id FROM data_keys WHERE {condition} ORDER BY id"))?;
            statement.query_map(values, |row| row.get(0))?.collect()
        };
        read().map_err(StoreError::unreadable)
    }
}

// === impl DataKeyReader ===

impl DataKeyReader {
    /// The keys of the store at `path`, if they are here.
    pub(crate) fn open(path: &Path, custody: Arc<dyn Custody>) -> Result<Option<Self>, StoreError> {
        let name = path_of(path);
        if !name.exists() {
            return Ok(None);
        }
        Ok(Some(Self { db: connection::for_reading((&name, &KEYS))?, custody }))
    }

    /// The key with this id, if it was not destroyed.
    pub(crate) fn by_id(&self, id: i64) -> Result<Option<DataKey>, StoreError> {
        by_id(&self.db, self.custody.as_ref(), id)
    }

    /// The tenant's own key, if it was not destroyed.
    pub(crate) fn tenant(&self, name: &str) -> Result<Option<TenantKey>, StoreError> {
        tenant(&self.db, self.custody.as_ref(), name)
    }
}

fn by_id(db: &Connection, custody: &dyn Custody, id: i64) -> Result<Option<DataKey>, StoreError> {
    let statement = db.prepare_cached("SELECT wrapped FROM data_keys WHERE id = ?1");
    let found = statement.and_then(|mut statement| statement.query_row([id], |row| row.get::<_, Vec<u8>>(0)).optional());
    let Some(wrapped) = found.map_err(StoreError::unreadable)? else { return Ok(None) };
    unwrap(custody, (DATA_USE, &id.to_be_bytes()), &wrapped).map(|key| Some(DataKey::from_bytes(key)))
}

fn tenant(db: &Connection, custody: &dyn Custody, name: &str) -> Result<Option<TenantKey>, StoreError> {
    let statement = db.prepare_cached("SELECT wrapped FROM tenants WHERE name = ?1");
    let found = statement.and_then(|mut statement| statement.query_row([name], |row| row.get::<_, Vec<u8>>(0)).optional());
    let Some(wrapped) = found.map_err(StoreError::unreadable)? else { return Ok(None) };
    unwrap(custody, (TENANT_USE, name.as_bytes()), &wrapped).map(|key| Some(TenantKey::from_bytes(key)))
}

fn unwrap(custody: &dyn Custody, (purpose, context): (&[u8], &[u8]), wrapped: &[u8]) -> Result<[u8; 32], StoreError> {
    custody.unwrap(purpose, context, wrapped).map(|key| *key.expose()).ok_or(StoreError::Encryption)
}

/// A positive id that no other key ever had.
fn random_id() -> Result<i64, StoreError> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Encryption)?;
    Ok(i64::from_be_bytes(bytes) & i64::MAX)
}

//! Adds leaves to an open transaction and keeps the tree in step with what was committed.
//!
//! The tree in memory moves on only after COMMIT. A refusal of one write (a duplicate, say) leaves the transaction as it was; any error of the
//! database undoes the whole batch.

use std::collections::HashMap;
use std::sync::Arc;

use comity_ledger::{DecisionLeaf, Hashes, OutcomeLeaf, StoredAt, Tree, TreeError, Verdict, leaf_hash};
use comity_vocab::{Digest, Plain};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

use crate::master::MasterKey;
use crate::record::TenantKey;
use crate::{State, StoreError};

/// What the sequencer holds in memory.
pub(crate) struct Ledger {
    tree: Tree,
    tenants: HashMap<String, Tenant>,
    master: Arc<MasterKey>,
}

/// One transaction's worth of leaves.
pub(crate) struct Batch<'a> {
    transaction: Transaction<'a>,
    tree: Tree,
    tenants: &'a mut HashMap<String, Tenant>,
    master: &'a MasterKey,
}

/// A decision with what must be stored beside it.
pub(crate) struct Decided<'a> {
    pub(crate) leaf: &'a DecisionLeaf,
    pub(crate) bytes: &'a [u8],
    pub(crate) record: &'a [u8],
    pub(crate) tenant: &'a str,
}

/// Why one write was not added.
pub(crate) enum Refusal {
    /// This write is wrong; the others of the batch go on.
    Write(StoreError),
    /// The database failed: nothing of the batch is kept.
    Batch(StoreError),
}

/// A tree of which the stored hashes are read from the database.
pub(crate) struct StoredHashes<'a>(pub(crate) &'a Connection);

#[derive(Clone)]
struct Tenant {
    id: i64,
    key: TenantKey,
}

// === impl Ledger ===

impl Ledger {
    /// The ledger as it was last committed.
    pub(crate) fn load(db: &Connection, master: Arc<MasterKey>) -> Result<Self, StoreError> {
        Ok(Self { tree: load_tree(db)?, tenants: HashMap::new(), master })
    }

    /// Reads everything anew after a failed commit: then only the database knows what was kept.
    pub(crate) fn reload(&mut self, db: &Connection) -> Result<(), StoreError> {
        self.tenants.clear();
        self.tree = load_tree(db)?;
        Ok(())
    }

    /// The key of a tenant's pseudonyms; only of one that a batch has looked up.
    pub(crate) fn pseudonym_key(&self, tenant: &str, epoch: u32) -> Result<Plain<[u8; 32]>, StoreError> {
        self.tenants.get(tenant).ok_or(StoreError::Encryption)?.key.pseudonyms(epoch)
    }

    /// How many leaves are committed.
    pub(crate) const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Starts a batch in `transaction`.
    pub(crate) fn batch<'a>(&'a mut self, transaction: Transaction<'a>) -> Batch<'a> {
        Batch { transaction, tree: self.tree.clone(), tenants: &mut self.tenants, master: &self.master }
    }

    /// Takes over the tree of a batch that was committed.
    pub(crate) fn committed(&mut self, tree: Tree) {
        self.tree = tree;
    }
}

// INVARIANT: a store whose last recorded root is not that of its tree is never appended to.
fn load_tree(db: &Connection) -> Result<Tree, StoreError> {
    let read = || -> rusqlite::Result<_> {
        let size: u64 = db.query_row("SELECT COALESCE(MAX(idx) + 1, 0) FROM leaves", [], |row| row.get(0))?;
        let last = db
            .query_row("SELECT size, root FROM roots ORDER BY size DESC LIMIT 1", [], |row| {
                Ok((row.get::<_, u64>(0)?, Digest::from_bytes(row.get(1)?)))
            })
            .optional()?;
        Ok((size, last))
    };
    let (size, last) = read().map_err(StoreError::unavailable)?;
    let tree = Tree::resume(size, &StoredHashes(db)).map_err(|error| StoreError::tampered(size, error.to_string()))?;
    let root = tree.root()?;
    match last {
        Some(last) if last == (size, root) => Ok(tree),
        None if size == 0 => Ok(tree),
        Some(_) | None => Err(StoreError::tampered(size.saturating_sub(1), "the stored hashes do not lead to the last recorded root")),
    }
}

// === impl Batch ===

impl Batch<'_> {
    /// The connection, for what is stored beside leaves.
    pub(crate) fn db(&self) -> &Connection {
        &self.transaction
    }

    /// Adds a decision and its fact record; gives the leaf's index.
    pub(crate) fn decision(&mut self, decided: &Decided<'_>) -> Result<u64, Refusal> {
        let leaf = decided.leaf;
        let index = self.tree.size();
        let id = (leaf.decision, leaf.hop);
        if leaf.hop > 0 && self.has_ended(leaf.call)? {
            return Err(Refusal::Write(StoreError::Ended { call: leaf.call }));
        }
        let tenant = self.tenant(decided.tenant)?;
        let sealed = tenant.key.seal(id, decided.record).map_err(Refusal::Write)?;
        let permit = leaf.verdict == Verdict::Permit;
        // INVARIANT: the one statement that may refuse comes first, so that a refused write leaves nothing behind.
        self.transaction
            .prepare_cached("INSERT INTO decisions (leaf, decision, hop, call, permit) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![index, leaf.decision.as_bytes(), leaf.hop, leaf.call.as_bytes(), permit])
            .map_err(|error| refused(error, StoreError::Duplicate { decision: leaf.decision, hop: leaf.hop }))?;
        self.transaction
            .prepare_cached("INSERT INTO records (leaf, tenant, sealed) VALUES (?1, ?2, ?3)")?
            .execute(params![index, tenant.id, sealed])?;
        if permit {
            self.transaction
                .prepare_cached("INSERT OR REPLACE INTO open_calls (call, decision_leaf) VALUES (?1, ?2)")?
                .execute(params![leaf.call.as_bytes(), index])?;
        }
        self.leaf(decided.bytes)
    }

    /// Adds an outcome; gives the leaf's index.
    pub(crate) fn outcome(&mut self, leaf: &OutcomeLeaf) -> Result<u64, Refusal> {
        if !self.is_permit(leaf)? {
            return Err(Refusal::Write(StoreError::NoSuchPermit { decision: leaf.decision, hop: leaf.hop }));
        }
        self.transaction
            .prepare_cached("INSERT INTO outcomes (call, leaf) VALUES (?1, ?2)")?
            .execute(params![leaf.call.as_bytes(), self.tree.size()])
            .map_err(|error| refused(error, StoreError::Ended { call: leaf.call }))?;
        self.transaction.prepare_cached("DELETE FROM open_calls WHERE call = ?1")?.execute([leaf.call.as_bytes()])?;
        self.leaf(&leaf.to_bytes())
    }

    /// Writes a state in the place of an older one of its id.
    pub(crate) fn state(&mut self, state: &State) -> Result<(), Refusal> {
        let tenant = self.tenant(&state.tenant)?;
        let sealed = tenant.key.seal_state((state.id, state.expires), &state.bytes).map_err(Refusal::Write)?;
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO states (id, tenant, sealed, expires) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![state.id.as_bytes(), tenant.id, sealed, state.expires.0])?;
        Ok(())
    }

    /// Whether SQLite undid the whole transaction by itself, as it does when the disk is full.
    pub(crate) fn is_undone(&self) -> bool {
        self.transaction.is_autocommit()
    }

    /// Commits a batch that added no leaf.
    pub(crate) fn commit_states(self) -> Result<(), StoreError> {
        self.transaction.commit().map_err(StoreError::unavailable)
    }

    /// Commits; gives the tree with this batch's leaves, which is the ledger from now on.
    pub(crate) fn commit(self) -> Result<Tree, StoreError> {
        let Self { transaction, tree, .. } = self;
        let root = tree.root()?;
        let write = || -> rusqlite::Result<()> {
            if tree.size() > 0 {
                transaction
                    .prepare_cached("INSERT OR IGNORE INTO roots (size, root) VALUES (?1, ?2)")?
                    .execute(params![tree.size(), root.as_bytes()])?;
            }
            transaction.commit()
        };
        write().map_err(StoreError::unavailable)?;
        Ok(tree)
    }

    fn leaf(&mut self, bytes: &[u8]) -> Result<u64, Refusal> {
        let index = self.tree.size();
        let hashes = self.tree.append(leaf_hash(bytes)).map_err(|error| Refusal::Batch(error.into()))?;
        let hashes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        self.transaction
            .prepare_cached("INSERT INTO leaves (idx, bytes, hashes) VALUES (?1, ?2, ?3)")?
            .execute(params![index, bytes, hashes])?;
        Ok(index)
    }

    fn has_ended(&self, call: Digest) -> rusqlite::Result<bool> {
        self.transaction.prepare_cached("SELECT 1 FROM outcomes WHERE call = ?1")?.exists([call.as_bytes()])
    }

    fn is_permit(&self, leaf: &OutcomeLeaf) -> rusqlite::Result<bool> {
        self.transaction
            .prepare_cached("SELECT 1 FROM decisions WHERE decision = ?1 AND hop = ?2 AND call = ?3 AND permit = 1")?
            .exists(params![leaf.decision.as_bytes(), leaf.hop, leaf.call.as_bytes()])
    }

    /// Makes sure that a tenant has its key.
    pub(crate) fn know(&mut self, tenant: &str) -> Result<(), Refusal> {
        self.tenant(tenant).map(|_| ())
    }

    fn tenant(&mut self, name: &str) -> Result<Tenant, Refusal> {
        if let Some(tenant) = self.tenants.get(name) {
            return Ok(tenant.clone());
        }
        let tenant = match self.stored_tenant(name)? {
            Some(tenant) => tenant,
            None => self.new_tenant(name)?,
        };
        self.tenants.insert(name.to_owned(), tenant.clone());
        Ok(tenant)
    }

    fn stored_tenant(&self, name: &str) -> Result<Option<Tenant>, Refusal> {
        let found = self
            .transaction
            .prepare_cached("SELECT id, wrapped FROM tenants WHERE name = ?1 AND wrapped IS NOT NULL")?
            .query_row([name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let Some((id, wrapped)) = found else { return Ok(None) };
        let key = TenantKey::unwrap(&wrapped, self.master, name).ok_or(Refusal::Write(StoreError::Encryption))?;
        Ok(Some(Tenant { id, key }))
    }

    fn new_tenant(&self, name: &str) -> Result<Tenant, Refusal> {
        let key = TenantKey::create().map_err(Refusal::Write)?;
        let wrapped = key.wrap(self.master, name).map_err(Refusal::Write)?;
        let id = self
            .transaction
            .prepare_cached("INSERT INTO tenants (name, wrapped) VALUES (?1, ?2) RETURNING id")?
            .query_row(params![name, wrapped], |row| row.get(0))?;
        Ok(Tenant { id, key })
    }
}

// === impl Refusal ===

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Batch(StoreError::unavailable(error))
    }
}

/// A broken constraint means that the write repeats another; anything else is the database's failure.
fn refused(error: rusqlite::Error, repeats: StoreError) -> Refusal {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => Refusal::Write(repeats),
        Some(_) | None => error.into(),
    }
}

// === impl StoredHashes ===

impl Hashes for StoredHashes<'_> {
    fn hash(&self, at: StoredAt) -> Result<Digest, TreeError> {
        let read = || -> rusqlite::Result<Option<Vec<u8>>> {
            self.0
                .prepare_cached("SELECT substr(hashes, 1 + 32 * ?2, 32) FROM leaves WHERE idx = ?1")?
                .query_row(params![at.leaf(), at.level], |row| row.get(0))
                .optional()
        };
        let bytes = read().map_err(|error| TreeError::Unreadable(error.to_string()))?.ok_or(TreeError::Missing(at))?;
        bytes.try_into().map(Digest::from_bytes).map_err(|_| TreeError::Missing(at))
    }
}

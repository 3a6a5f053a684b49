//! Adds leaves to an open transaction and keeps the tree in step with what was committed.
//!
//! The tree in memory moves on only after COMMIT. A refusal of one write (a duplicate, say) leaves the transaction as it was; any error of the
//! database undoes the whole batch.

use std::collections::HashMap;

use comity_ledger::{DecisionLeaf, EventLeaf, Hashes, LEAF_BYTES_MAX, Leaf, OutcomeLeaf, StoredAt, Tree, TreeError, Verdict, leaf_hash};
use comity_vocab::Digest;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

use crate::data_keys::{DataKeys, NamedKey};
use crate::record::Content;
use crate::{Draft, State, StoreError};

/// What the sequencer holds in memory.
pub(crate) struct Ledger {
    tree: Tree,
    keys: DataKeys,
    /// The numbers that stand for tenants in the database, those of an open batch too: a failed one is followed by [`Ledger::reload`].
    tenants: HashMap<String, i64>,
    /// The last number given to the calls of each API key.
    sequences: HashMap<String, u64>,
}

/// One transaction's worth of leaves.
pub(crate) struct Batch<'a> {
    transaction: Transaction<'a>,
    tree: Tree,
    keys: &'a mut DataKeys,
    tenants: &'a mut HashMap<String, i64>,
    sequences: &'a HashMap<String, u64>,
    /// Numbers that this batch gives out.
    given: HashMap<String, u64>,
}

/// What a committed batch leaves in memory.
pub(crate) struct Committed {
    tree: Tree,
    given: HashMap<String, u64>,
}

/// A decision as it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decided {
    pub(crate) index: u64,
    pub(crate) sequence: u64,
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

// === impl Ledger ===

impl Ledger {
    /// The ledger as it was last committed.
    pub(crate) fn load(db: &Connection, keys: DataKeys) -> Result<Self, StoreError> {
        Ok(Self { tree: load_tree(db)?, keys, tenants: HashMap::new(), sequences: load_sequences(db)? })
    }

    /// Reads everything anew after a failed commit: then only the database knows what was kept.
    pub(crate) fn reload(&mut self, db: &Connection) -> Result<(), StoreError> {
        self.keys.undo();
        self.tenants.clear();
        self.tree = load_tree(db)?;
        self.sequences = load_sequences(db)?;
        Ok(())
    }

    /// The file of keys.
    pub(crate) fn keys(&mut self) -> &mut DataKeys {
        &mut self.keys
    }

    /// How many leaves are committed.
    pub(crate) const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over all committed leaves.
    pub(crate) fn root(&self) -> Result<Digest, StoreError> {
        Ok(self.tree.root()?)
    }

    /// The number that the next call of a key gets.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn next_of(&self, key: &str) -> u64 {
        self.sequences.get(key).map_or(1, |last| last.saturating_add(1))
    }

    /// Starts a batch in `transaction`.
    pub(crate) fn batch<'a>(&'a mut self, transaction: Transaction<'a>) -> Batch<'a> {
        let Self { tree, keys, tenants, sequences } = self;
        Batch { transaction, tree: tree.clone(), keys, tenants, sequences, given: HashMap::new() }
    }

    /// Takes over what a committed batch changed.
    pub(crate) fn committed(&mut self, committed: Committed) {
        self.tree = committed.tree;
        self.sequences.extend(committed.given);
    }
}

fn load_sequences(db: &Connection) -> Result<HashMap<String, u64>, StoreError> {
    let read = || -> rusqlite::Result<_> {
        db.prepare("SELECT key, last FROM sequences")?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    read().map_err(StoreError::unavailable)
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

    /// Adds a decision with what is kept beside it.
    pub(crate) fn decision(&mut self, draft: &Draft) -> Result<Decided, Refusal> {
        let index = self.tree.size();
        let sequence = draft.sequence.number.unwrap_or_else(|| self.next_of(&draft.sequence.key));
        let leaf = draft.leaf(sequence);
        let bytes = leaf.to_bytes();
        if bytes.len() > LEAF_BYTES_MAX {
            return Err(Refusal::Write(StoreError::TooLarge { what: "the leaf", bytes: bytes.len(), max: LEAF_BYTES_MAX }));
        }
        if leaf.hop > 0 && self.has_ended(leaf.call)? {
            return Err(Refusal::Write(StoreError::Ended { call: leaf.call }));
        }
        let (tenant, key) = (self.tenant(&draft.whose.tenant)?, self.keys.data_key(&draft.whose, leaf.minute)?);
        let permit = leaf.verdict == Verdict::Permit;
        // INVARIANT: the one statement that may refuse comes first, so that a refused write leaves nothing behind.
        self.transaction
            .prepare_cached("INSERT INTO decisions (leaf, decision, hop, call, permit) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![index, leaf.decision.as_bytes(), leaf.hop, leaf.call.as_bytes(), permit])
            .map_err(|error| refused(error, StoreError::Duplicate { decision: leaf.decision, hop: leaf.hop }))?;
        self.private((index, &leaf), (tenant, &key), (sequence, draft))?;
        if permit {
            self.transaction
                .prepare_cached("INSERT OR REPLACE INTO open_calls (call, decision_leaf) VALUES (?1, ?2)")?
                .execute(params![leaf.call.as_bytes(), index])?;
        }
        if draft.sequence.number.is_none() {
            self.given.insert(draft.sequence.key.clone(), sequence);
        }
        self.leaf(&bytes)?;
        Ok(Decided { index, sequence })
    }

    /// Adds what is erasable: the record, and the body where it is kept.
    fn private(
        &self,
        (index, leaf): (u64, &DecisionLeaf),
        (tenant, key): (i64, &NamedKey),
        (sequence, draft): (u64, &Draft),
    ) -> Result<(), Refusal> {
        let id = (leaf.decision, leaf.hop);
        let plain = [&sequence.to_be_bytes(), draft.record.as_slice()].concat();
        let sealed = key.key.seal(id, &plain).map_err(unsealed)?;
        self.transaction
            .prepare_cached("INSERT INTO records (leaf, tenant, key, sealed) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![index, tenant, key.id, sealed])?;
        match &draft.content {
            Some(body) => self.content((index, id), key, (Content::Call, body)),
            None => Ok(()),
        }
    }

    fn content(&self, (leaf, id): (u64, (Digest, u32)), key: &NamedKey, (part, bytes): (Content, &[u8])) -> Result<(), Refusal> {
        let sealed = key.key.seal_content(id, (part, bytes)).map_err(unsealed)?;
        self.transaction.prepare_cached("INSERT INTO contents (leaf, part, key, sealed) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
            leaf,
            part.number(),
            key.id,
            sealed
        ])?;
        Ok(())
    }

    /// Adds an outcome, with the answer where it is kept; gives the leaf's index.
    pub(crate) fn outcome(&mut self, leaf: &OutcomeLeaf, answer: Option<&[u8]>) -> Result<u64, Refusal> {
        let Some(decision) = self.permit_of(leaf)? else {
            return Err(Refusal::Write(StoreError::NoSuchPermit { decision: leaf.decision, hop: leaf.hop }));
        };
        self.transaction
            .prepare_cached("INSERT INTO outcomes (call, leaf) VALUES (?1, ?2)")?
            .execute(params![leaf.call.as_bytes(), self.tree.size()])
            .map_err(|error| refused(error, StoreError::Ended { call: leaf.call }))?;
        self.transaction.prepare_cached("DELETE FROM open_calls WHERE call = ?1")?.execute([leaf.call.as_bytes()])?;
        if let Some(answer) = answer {
            self.answer((decision, leaf), answer)?;
        }
        self.leaf(&leaf.to_bytes())
    }

    /// Keeps an answer beside its decision, unless that was erased in between.
    fn answer(&self, (decision, leaf): (u64, &OutcomeLeaf), answer: &[u8]) -> Result<(), Refusal> {
        let id: Option<i64> = self
            .transaction
            .prepare_cached("SELECT key FROM records WHERE leaf = ?1")?
            .query_row([decision], |row| row.get(0))
            .optional()?
            .flatten();
        let key = match id.map(|id| (id, self.keys.by_id(id))) {
            Some((id, Ok(Some(key)))) => Some(NamedKey { id, key }),
            // A key that was changed keeps no answer, and holds no outcome up.
            Some((_, Ok(None) | Err(StoreError::Encryption))) | None => None,
            Some((_, Err(error))) => return Err(Refusal::Batch(error)),
        };
        match key {
            Some(key) => self.content((decision, (leaf.decision, leaf.hop)), &key, (Content::Answer, answer)),
            None => Ok(()),
        }
    }

    /// Adds a leaf about the gateway itself; gives its index.
    pub(crate) fn event(&mut self, leaf: &EventLeaf) -> Result<u64, Refusal> {
        self.leaf(&Leaf::Event(leaf.clone()).to_bytes())
    }

    /// Writes a state in the place of an older one of its id.
    pub(crate) fn state(&mut self, state: &State) -> Result<(), Refusal> {
        let (tenant, key) = (self.tenant(&state.tenant)?, self.keys.tenant(&state.tenant)?);
        let sealed = key.seal_state((state.id, state.expires), &state.bytes).map_err(Refusal::Write)?;
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO states (id, tenant, sealed, expires) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![state.id.as_bytes(), tenant, sealed, state.expires.0])?;
        Ok(())
    }

    /// Whether SQLite undid the whole transaction by itself, as it does when the disk is full.
    pub(crate) fn is_undone(&self) -> bool {
        self.transaction.is_autocommit()
    }

    /// Commits a batch that added no leaf.
    pub(crate) fn commit_states(self) -> Result<(), StoreError> {
        self.keys.commit()?;
        self.transaction.commit().map_err(StoreError::unavailable)
    }

    /// Commits; gives what is the ledger from now on.
    pub(crate) fn commit(self) -> Result<Committed, StoreError> {
        let Self { transaction, tree, keys, given, .. } = self;
        let root = tree.root()?;
        keys.commit()?;
        let write = || -> rusqlite::Result<()> {
            for (key, last) in &given {
                transaction
                    .prepare_cached(
                        "INSERT INTO sequences (key, last) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET last = excluded.last",
                    )?
                    .execute(params![key, last])?;
            }
            if tree.size() > 0 {
                transaction
                    .prepare_cached("INSERT OR IGNORE INTO roots (size, root) VALUES (?1, ?2)")?
                    .execute(params![tree.size(), root.as_bytes()])?;
            }
            transaction.commit()
        };
        write().map_err(StoreError::unavailable)?;
        Ok(Committed { tree, given })
    }

    /// The number of a key's next call.
    fn next_of(&self, key: &str) -> u64 {
        self.given.get(key).or_else(|| self.sequences.get(key)).map_or(1, |last| last.saturating_add(1))
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

    fn permit_of(&self, leaf: &OutcomeLeaf) -> rusqlite::Result<Option<u64>> {
        self.transaction
            .prepare_cached("SELECT leaf FROM decisions WHERE decision = ?1 AND hop = ?2 AND call = ?3 AND permit = 1")?
            .query_row(params![leaf.decision.as_bytes(), leaf.hop, leaf.call.as_bytes()], |row| row.get(0))
            .optional()
    }

    /// Makes sure that a tenant has its key.
    pub(crate) fn know(&mut self, tenant: &str) -> Result<(), Refusal> {
        self.keys.tenant(tenant).map(|_| ()).map_err(Refusal::from)
    }

    /// The number that stands for a tenant's name in this database.
    fn tenant(&mut self, name: &str) -> rusqlite::Result<i64> {
        if let Some(known) = self.tenants.get(name) {
            return Ok(*known);
        }
        let db = &self.transaction;
        let stored = db.prepare_cached("SELECT id FROM tenants WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()?;
        let id = match stored {
            Some(id) => id,
            None => db.prepare_cached("INSERT INTO tenants (name) VALUES (?1) RETURNING id")?.query_row([name], |row| row.get(0))?,
        };
        self.tenants.insert(name.to_owned(), id);
        Ok(id)
    }
}

// === impl Refusal ===

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Batch(StoreError::unavailable(error))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() || matches!(error, StoreError::Unreadable(_)) { Self::Batch(error) } else { Self::Write(error) }
    }
}

/// Something of this write is in the transaction already: the batch must be undone.
fn unsealed(error: StoreError) -> Refusal {
    Refusal::Batch(StoreError::unavailable(error))
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

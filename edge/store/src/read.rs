//! Reading the ledger while a gateway writes it: leaves, decisions with their fact records, generations, proofs.
//!
//! A reader never writes the store and needs no lock. Without the master key it reads everything but fact records.

use std::path::{Path, PathBuf};

use comity_ledger::{DecisionLeaf, EMPTY_ROOT, Leaf, OutcomeLeaf, Tree, prove_consistency, prove_inclusion};
use comity_vocab::{Digest, Plain};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::append::StoredHashes;
use crate::connection::{for_reading, master_check};
use crate::file::create_private;
use crate::limits::{LEAVES_READ_MAX, PREFIX_DIGITS_MIN};
use crate::master::MasterKey;
use crate::record::TenantKey;
use crate::{Generation, StoreError, Verified, generation, verify};

/// A read-only connection to a store.
pub struct Reader {
    path: PathBuf,
    db: Connection,
    master: Option<MasterKey>,
}

/// A leaf as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLeaf {
    /// Its place, from 0.
    pub index: u64,
    /// The bytes that the tree hashes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub leaf: Leaf,
}

/// Everything that is known about one decision.
pub struct FoundDecision {
    /// The place of its leaf.
    pub index: u64,
    /// The leaf; of the last hop when hops share the decision.
    pub leaf: DecisionLeaf,
    /// What admit and rank were given.
    pub record: FactRecord,
    /// How the call ended and where that leaf is; none while it goes on, and for calls that were denied.
    pub outcome: Option<(u64, OutcomeLeaf)>,
    /// The places of the decision leaves of the same call, this one among them, in the order of hops.
    pub hops: Vec<u64>,
}

/// The private record beside a decision leaf.
pub enum FactRecord {
    /// In clear.
    Open(Plain<Vec<u8>>),
    /// It was erased, or its tenant's key was.
    Erased,
    /// The master key is not here.
    Sealed,
}

// === impl Reader ===

impl Reader {
    /// Opens the store at `path` for reading. Blocks, as everything here.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::MasterKey`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let db = for_reading(path)?;
        let known = master_check(&db).map_err(StoreError::unreadable)?;
        let master = MasterKey::load(path, known)?;
        Ok(Self { path: path.to_owned(), db, master })
    }

    /// How many leaves are committed.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn size(&self) -> Result<u64, StoreError> {
        let size = self.db.prepare_cached("SELECT COALESCE(MAX(idx) + 1, 0) FROM leaves");
        size.and_then(|mut statement| statement.query_row([], |row| row.get(0))).map_err(StoreError::unreadable)
    }

    /// The root of the first `size` leaves, from the stored hashes.
    ///
    /// # Errors
    /// [`StoreError::Tree`] when there are fewer leaves.
    pub fn root(&self, size: u64) -> Result<Digest, StoreError> {
        if size == 0 {
            return Ok(EMPTY_ROOT);
        }
        Ok(Tree::resume(size, &StoredHashes(&self.db))?.root()?)
    }

    /// One leaf, if there is one at `index`.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when its bytes are no leaf.
    pub fn leaf(&self, index: u64) -> Result<Option<StoredLeaf>, StoreError> {
        Ok(self.leaves(index, 1)?.into_iter().find(|leaf| leaf.index == index))
    }

    /// Up to `count` leaves from `from` on; at most 10,000 at once.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the bytes of one are no leaf.
    pub fn leaves(&self, from: u64, count: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        let read = || -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
            let mut statement = self.db.prepare_cached("SELECT idx, bytes FROM leaves WHERE idx >= ?1 ORDER BY idx LIMIT ?2")?;
            statement.query_map(params![from, count.min(LEAVES_READ_MAX)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        read().map_err(StoreError::unreadable)?.into_iter().map(|(index, bytes)| stored_leaf(index, bytes)).collect()
    }

    /// The one decision whose digest begins with `prefix`, 4 to 64 hex digits.
    ///
    /// # Errors
    /// [`StoreError::BadPrefix`], [`StoreError::NoSuchDecision`], [`StoreError::AmbiguousDecision`].
    pub fn find_decision(&self, prefix: &str) -> Result<FoundDecision, StoreError> {
        let (low, high) = prefix_bounds(prefix).ok_or_else(|| StoreError::BadPrefix(prefix.to_owned()))?;
        let read = || -> rusqlite::Result<Vec<(Digest, u64)>> {
            let sql = "SELECT decision, MAX(leaf) FROM decisions WHERE decision BETWEEN ?1 AND ?2 GROUP BY decision LIMIT 2";
            let mut statement = self.db.prepare_cached(sql)?;
            statement.query_map(params![low, high], |row| Ok((Digest::from_bytes(row.get(0)?), row.get(1)?)))?.collect()
        };
        match read().map_err(StoreError::unreadable)?.as_slice() {
            [] => Err(StoreError::NoSuchDecision(prefix.to_owned())),
            [(_, index)] => self.decision_at(*index),
            _ => Err(StoreError::AmbiguousDecision(prefix.to_owned())),
        }
    }

    /// The bytes of a generation, if it was kept.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn generation(&self, kind: Generation, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        generation::find(&self.db, kind, digest).map_err(StoreError::unreadable)
    }

    /// Proves that leaf `index` is in the tree of the first `size` leaves.
    ///
    /// # Errors
    /// [`StoreError::Tree`].
    pub fn prove_inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, StoreError> {
        Ok(prove_inclusion(&StoredHashes(&self.db), size, index)?)
    }

    /// Proves that the tree of the first `size` leaves begins with that of the first `old` ones.
    ///
    /// # Errors
    /// [`StoreError::Tree`].
    pub fn prove_consistency(&self, old: u64, size: u64) -> Result<Vec<Digest>, StoreError> {
        Ok(prove_consistency(&StoredHashes(&self.db), size, old)?)
    }

    /// Checks everything that is stored, as it is at this moment, against itself: every leaf's bytes, every tree hash, every recorded root,
    /// every record, every outcome. It cannot see that the whole file was replaced or cut back to an older state: compare the root with one
    /// that others have seen.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] with the first leaf that is wrong.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        verify::verify(&self.db, self.master.as_ref())
    }

    /// Writes a consistent copy, one file without the master key, to a new file at `path`.
    ///
    /// # Errors
    /// [`StoreError::File`] when there is a file already.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        create_private(path).map_err(|error| StoreError::file(path, error))?;
        let name = path.to_str().ok_or_else(|| StoreError::file(path, "the name is not UTF-8"))?;
        self.db.execute("VACUUM INTO ?1", [name]).map(|_| ()).map_err(|error| StoreError::file(path, error))
    }

    /// The database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn decision_at(&self, index: u64) -> Result<FoundDecision, StoreError> {
        let stored = self.leaf(index)?.ok_or_else(|| StoreError::tampered(index, "the leaf is missing"))?;
        let Leaf::Decision(leaf) = stored.leaf else { return Err(StoreError::tampered(index, "the leaf is not a decision")) };
        let record = self.record_of(index, &leaf)?;
        let outcome = self.outcome_of(leaf.call)?;
        let hops = self.hops_of(leaf.call).map_err(StoreError::unreadable)?;
        Ok(FoundDecision { index, leaf, record, outcome, hops })
    }

    fn record_of(&self, index: u64, leaf: &DecisionLeaf) -> Result<FactRecord, StoreError> {
        let stored = stored_record(&self.db, index).map_err(StoreError::unreadable)?;
        open_record(stored, leaf, self.master.as_ref()).map_err(|what| StoreError::tampered(index, what))
    }

    fn outcome_of(&self, call: Digest) -> Result<Option<(u64, OutcomeLeaf)>, StoreError> {
        let statement = self.db.prepare_cached("SELECT leaf FROM outcomes WHERE call = ?1");
        let found: Option<u64> =
            statement.and_then(|mut s| s.query_row([call.as_bytes()], |row| row.get(0)).optional()).map_err(StoreError::unreadable)?;
        let Some(index) = found else { return Ok(None) };
        match self.leaf(index)?.map(|stored| stored.leaf) {
            Some(Leaf::Outcome(leaf)) => Ok(Some((index, leaf))),
            Some(Leaf::Decision(_)) | None => Err(StoreError::tampered(index, "the leaf is not an outcome")),
        }
    }

    fn hops_of(&self, call: Digest) -> rusqlite::Result<Vec<u64>> {
        let mut statement = self.db.prepare_cached("SELECT leaf FROM decisions WHERE call = ?1 ORDER BY hop")?;
        statement.query_map([call.as_bytes()], |row| row.get(0))?.collect()
    }
}

/// A fact record as it is stored: tenant, wrapped key, sealed record.
pub(crate) struct StoredRecord {
    tenant: String,
    wrapped: Option<Vec<u8>>,
    sealed: Vec<u8>,
}

/// The record beside the decision leaf at `index`.
pub(crate) fn stored_record(db: &Connection, index: u64) -> rusqlite::Result<Option<StoredRecord>> {
    let read = |row: &Row<'_>| Ok(StoredRecord { tenant: row.get(0)?, wrapped: row.get(1)?, sealed: row.get(2)? });
    db.prepare_cached("SELECT t.name, t.wrapped, r.sealed FROM records r JOIN tenants t ON t.id = r.tenant WHERE r.leaf = ?1")?
        .query_row([index], read)
        .optional()
}

/// Decrypts a record and compares it with the digest that its leaf names; else says what is wrong.
pub(crate) fn open_record(
    stored: Option<StoredRecord>,
    leaf: &DecisionLeaf,
    master: Option<&MasterKey>,
) -> Result<FactRecord, &'static str> {
    let Some(StoredRecord { tenant, wrapped: Some(wrapped), sealed }) = stored else { return Ok(FactRecord::Erased) };
    let Some(master) = master else { return Ok(FactRecord::Sealed) };
    let key = TenantKey::unwrap(&wrapped, master, &tenant).ok_or("the key of its tenant was changed")?;
    let record = key.open((leaf.decision, leaf.hop), &sealed).ok_or("its fact record was changed")?;
    if comity_ledger::facts_digest(&record) != leaf.facts {
        return Err("its fact record is another one");
    }
    Ok(FactRecord::Open(Plain::new(record)))
}

fn stored_leaf(index: u64, bytes: Vec<u8>) -> Result<StoredLeaf, StoreError> {
    let leaf = Leaf::from_bytes(&bytes).map_err(|error| StoreError::tampered(index, error.to_string()))?;
    Ok(StoredLeaf { index, bytes, leaf })
}

/// The least and the greatest digest that begin with `prefix`.
fn prefix_bounds(prefix: &str) -> Option<([u8; 32], [u8; 32])> {
    let digits = prefix.len();
    if !(PREFIX_DIGITS_MIN..=64).contains(&digits) || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |digit: &str| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(format!("{prefix}{}", digit.repeat(64 - digits)), &mut bytes).ok()?;
        Some(bytes)
    };
    Some((filled("0")?, filled("f")?))
}

//! Reading the ledger while a gateway writes it: leaves, decisions with their fact records, generations, proofs.
//!
//! A reader never writes the store and needs no lock. Without the master key it reads everything but fact records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use comity_ledger::{DecisionLeaf, EMPTY_ROOT, Hashes as _, Leaf, OutcomeLeaf, StoredAt, Tree, prove_consistency, prove_inclusion};
use comity_vocab::{Digest, Plain};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::append::StoredHashes;
use crate::checkpoint::{Head, Published, Witnessed, last_published, witnessed};
use crate::connection::{STORE, for_reading, master_check, schema_of};
use crate::custody::{Custody, FileCustody, LOCKED, Unlock};
use crate::data_keys::DataKeyReader;
use crate::file::create_private;
use crate::limits::{LEAVES_READ_MAX, PREFIX_DIGITS_MIN};
use crate::prune::minimum_of;
use crate::record::{Content, DataKey};
use crate::verify::{self, wrong};
use crate::{Generation, StoreError, Verified, generation};

/// A read-only connection to a store.
pub struct Reader {
    path: PathBuf,
    db: Connection,
    /// None when the master key, or the file of keys, is not here.
    keys: Option<DataKeyReader>,
    public_key: Option<[u8; 32]>,
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
    /// The number of the call among those of its API key, kept with the record; none when that does not open, and in stores made early.
    pub sequence: Option<u64>,
    /// How the call ended and where that leaf is; none while it goes on, and for calls that were denied.
    pub outcome: Option<(u64, OutcomeLeaf)>,
    /// The places of the decision leaves of the same call, this one among them, in the order of hops.
    pub hops: Vec<u64>,
}

/// The private record beside a decision leaf.
pub enum FactRecord {
    /// In clear.
    Open(Plain<Vec<u8>>),
    /// Its key was destroyed.
    Erased,
    /// The master key, its passphrase or the file of keys that has its key is not here.
    Sealed,
}

// === impl Reader ===

impl Reader {
    /// Opens the store at `path` for reading. Blocks, as everything here. Private records open if the master key lies there in clear.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::MasterKey`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &Unlock::default())
    }

    /// As [`Reader::open`]; private records open also if the master key lies there under this passphrase.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_with(path: &Path, unlock: &Unlock) -> Result<Self, StoreError> {
        let db = open_current(path)?;
        let known = master_check(&db).map_err(StoreError::unreadable)?;
        let custody: Option<Arc<dyn Custody>> = match FileCustody::load(path, known, unlock) {
            Err(StoreError::MasterKey { reason, .. }) if reason == LOCKED => None,
            loaded => loaded?.map(|custody| -> Arc<dyn Custody> { Arc::new(custody) }),
        };
        Self::with(path, db, custody)
    }

    /// A reader beside the writer, with the keys that it has: no passphrase is asked for again.
    pub(crate) fn of_store(path: &Path, custody: Arc<dyn Custody>) -> Result<Self, StoreError> {
        Self::with(path, open_current(path)?, Some(custody))
    }

    fn with(path: &Path, db: Connection, custody: Option<Arc<dyn Custody>>) -> Result<Self, StoreError> {
        let public_key = custody.as_ref().map(|custody| custody.public_key());
        let keys = match custody {
            Some(custody) => DataKeyReader::open(path, custody)?,
            None => None,
        };
        Ok(Self { path: path.to_owned(), db, keys, public_key })
    }

    pub(crate) const fn db(&self) -> &Connection {
        &self.db
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
    /// [`StoreError::Tampered`] when its bytes are no leaf; [`StoreError::Pruned`].
    pub fn leaf(&self, index: u64) -> Result<Option<StoredLeaf>, StoreError> {
        let minimum = self.minimum()?;
        if index < minimum {
            return Err(StoreError::Pruned { index, minimum });
        }
        Ok(self.leaves(index, 1)?.into_iter().find(|leaf| leaf.index == index))
    }

    /// Up to `count` leaves from `from` on, without those that were pruned; at most 10,000 at once.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the bytes of one are no leaf.
    pub fn leaves(&self, from: u64, count: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        let from = from.max(self.minimum()?);
        let entries = self.entries(from, count)?;
        (from..).zip(entries).map(|(index, bytes)| stored_leaf(index, bytes)).collect()
    }

    /// The bytes of up to `count` leaves from `from` on, not looked into; at most 10,000 at once. Those of a pruned leaf are empty.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn entries(&self, from: u64, count: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let read = || -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
            let mut statement = self.db.prepare_cached("SELECT idx, bytes FROM leaves WHERE idx >= ?1 ORDER BY idx LIMIT ?2")?;
            statement.query_map(params![from, count.min(LEAVES_READ_MAX)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        let entries = read().map_err(StoreError::unreadable)?;
        match (from..).zip(&entries).find(|(expected, (index, _))| expected != index) {
            Some((missing, _)) => Err(StoreError::tampered(missing, "the leaf is missing")),
            None => Ok(entries.into_iter().map(|(_, bytes)| bytes).collect()),
        }
    }

    /// The hashes of `count` complete subtrees of one level, from `first` on: what a tile holds. At most 256 at once.
    ///
    /// # Errors
    /// [`StoreError::Tree`] when one is not there yet.
    pub fn hashes(&self, first: StoredAt, count: u16) -> Result<Vec<Digest>, StoreError> {
        let stored = StoredHashes(&self.db);
        let numbers = first.number..first.number.saturating_add(u64::from(count.min(256)));
        numbers.map(|number| Ok(stored.hash(StoredAt { level: first.level, number })?)).collect()
    }

    /// The first leaf that was not pruned.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn minimum(&self) -> Result<u64, StoreError> {
        minimum_of(&self.db).map_err(StoreError::unreadable)
    }

    /// The checkpoint that others saw last.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn published(&self) -> Result<Option<Published>, StoreError> {
        last_published(&self.db).map_err(StoreError::unreadable)
    }

    /// The first checkpoint that others saw which covers leaf `index`.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn published_over(&self, index: u64) -> Result<Option<Published>, StoreError> {
        let read =
            |row: &Row<'_>| Ok(Published { head: Head { size: row.get(0)?, root: Digest::from_bytes(row.get(1)?) }, note: row.get(2)? });
        let statement = self.db.prepare_cached("SELECT size, root, note FROM checkpoints WHERE size > ?1 ORDER BY size LIMIT 1");
        statement.and_then(|mut statement| statement.query_row([index], read).optional()).map_err(StoreError::unreadable)
    }

    /// The latest foreign checkpoint of the log with this origin that was cosigned here.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn witnessed(&self, origin: &str) -> Result<Option<Witnessed>, StoreError> {
        witnessed(&self.db, origin).map_err(StoreError::unreadable)
    }

    /// The Ed25519 public key of this ledger's checkpoints; none when the master key or its passphrase is not here.
    #[must_use]
    pub const fn public_key(&self) -> Option<[u8; 32]> {
        self.public_key
    }

    /// Content that was kept of the decision at `index`, if it was and still opens.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when it was changed.
    pub fn content(&self, index: u64, part: Content) -> Result<Option<Plain<Vec<u8>>>, StoreError> {
        let Some(Leaf::Decision(leaf)) = self.leaf(index)?.map(|stored| stored.leaf) else { return Ok(None) };
        let statement = self.db.prepare_cached("SELECT key, sealed FROM contents WHERE leaf = ?1 AND part = ?2");
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
        let found = statement.and_then(|mut statement| statement.query_row(params![index, part.number()], read).optional());
        let Some((id, sealed)) = found.map_err(StoreError::unreadable)? else { return Ok(None) };
        let RecordKey::Here(key) = record_key((&self.db, self.keys.as_ref()), (index, id))? else { return Ok(None) };
        match key.open_content((leaf.decision, leaf.hop), (part, &sealed)) {
            Some(content) => Ok(Some(Plain::new(content))),
            None => Err(StoreError::tampered(index, "the content that was kept beside it was changed")),
        }
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
            [] => Err(StoreError::NoSuchDecision { prefix: prefix.to_owned(), minimum: self.minimum()? }),
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
        verify::verify(&self.db, self.keys.as_ref())
    }

    /// Writes a consistent copy, one file without any key, to a new file at `path`: private records do not open in it.
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
        let (record, sequence) = self.record_of(index, &leaf)?;
        let outcome = self.outcome_of(leaf.call)?;
        let hops = self.hops_of(leaf.call).map_err(StoreError::unreadable)?;
        Ok(FoundDecision { index, leaf, record, sequence, outcome, hops })
    }

    fn record_of(&self, index: u64, leaf: &DecisionLeaf) -> Result<(FactRecord, Option<u64>), StoreError> {
        open_record((&self.db, self.keys.as_ref()), (index, leaf))
    }

    fn outcome_of(&self, call: Digest) -> Result<Option<(u64, OutcomeLeaf)>, StoreError> {
        let statement = self.db.prepare_cached("SELECT leaf FROM outcomes WHERE call = ?1");
        let found: Option<u64> =
            statement.and_then(|mut s| s.query_row([call.as_bytes()], |row| row.get(0)).optional()).map_err(StoreError::unreadable)?;
        let Some(index) = found else { return Ok(None) };
        match self.leaf(index)?.map(|stored| stored.leaf) {
            Some(Leaf::Outcome(leaf)) => Ok(Some((index, leaf))),
            Some(Leaf::Decision(_) | Leaf::Event(_)) | None => Err(StoreError::tampered(index, "the leaf is not an outcome")),
        }
    }

    fn hops_of(&self, call: Digest) -> rusqlite::Result<Vec<u64>> {
        let mut statement = self.db.prepare_cached("SELECT leaf FROM decisions WHERE call = ?1 ORDER BY hop")?;
        statement.query_map([call.as_bytes()], |row| row.get(0))?.collect()
    }
}

/// A connection to a store of today's schema.
fn open_current(path: &Path) -> Result<Connection, StoreError> {
    let db = for_reading((path, &STORE))?;
    let found = schema_of(&db).map_err(StoreError::unreadable)?;
    if found < STORE.schema { Err(StoreError::Older { path: path.to_owned(), found }) } else { Ok(db) }
}

/// What encrypts the record beside a decision leaf.
enum RecordKey {
    /// It is here.
    Here(DataKey),
    /// It was destroyed.
    Destroyed,
    /// It is not here, and was not destroyed: another file of keys has it, or none.
    Elsewhere,
}

/// Decrypts the record beside the decision leaf at `index` and compares it with the digest that the leaf names; else it was tampered with. With
/// it comes the call's number.
pub(crate) fn open_record(
    (db, keys): (&Connection, Option<&DataKeyReader>),
    (index, leaf): (u64, &DecisionLeaf),
) -> Result<(FactRecord, Option<u64>), StoreError> {
    let tampered = |what: &str| StoreError::tampered(index, what);
    let statement = db.prepare_cached("SELECT key, sealed FROM records WHERE leaf = ?1");
    let read = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Vec<u8>>(1)?));
    let stored = statement.and_then(|mut statement| statement.query_row([index], read).optional()).map_err(|error| wrong(index, &error))?;
    let Some((Some(id), sealed)) = stored else { return Ok((FactRecord::Erased, None)) };
    let key = match record_key((db, keys), (index, id))? {
        RecordKey::Here(key) => key,
        RecordKey::Destroyed => return Ok((FactRecord::Erased, None)),
        RecordKey::Elsewhere => return Ok((FactRecord::Sealed, None)),
    };
    let plain = key.open((leaf.decision, leaf.hop), &sealed).ok_or_else(|| tampered("its fact record was changed"))?;
    let (number, record) = plain.split_first_chunk::<8>().ok_or_else(|| tampered("its fact record is too short"))?;
    if comity_ledger::facts_digest(record) != leaf.facts {
        return Err(tampered("its fact record is another one"));
    }
    let sequence = Some(u64::from_be_bytes(*number)).filter(|number| *number > 0);
    Ok((FactRecord::Open(Plain::new(record.to_vec())), sequence))
}

fn record_key((db, keys): (&Connection, Option<&DataKeyReader>), (index, id): (u64, i64)) -> Result<RecordKey, StoreError> {
    // First: the file of keys may be an old copy. Written down before the key goes, so a key that is missed otherwise lies in another file.
    let destroyed = db.prepare_cached("SELECT 1 FROM destroyed WHERE key = ?1").and_then(|mut statement| statement.exists([id]));
    if destroyed.map_err(|error| wrong(index, &error))? {
        return Ok(RecordKey::Destroyed);
    }
    let here = keys.map(|keys| keys.by_id(id)).transpose();
    let here = here.map_err(|_| StoreError::tampered(index, "the key of its fact record was changed"))?.flatten();
    Ok(here.map_or(RecordKey::Elsewhere, RecordKey::Here))
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

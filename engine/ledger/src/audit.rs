//! An audit: every hash of a log recomputed from its entries, every served tile compared with what it should be, and the root at the end.
//!
//! No tile is ever believed. A verifier that takes hashes from tiles and checks only some of them against their parents accepts forged
//! entries (CVE-2026-56865); here a hash counts only once it has led to the root of a checkpoint. This file does not read anything itself.

use std::fmt;

use comity_vocab::Digest;

use crate::checkpoint::Checkpoint;
use crate::limits::{TILE_LEVEL_MAX, TREE_SIZE_MAX};
use crate::tile::{BundleAt, TILE_WIDTH, TileAt, TileError};
use crate::tree::{self, EMPTY_ROOT, TreeError};

/// What a log serves: bytes that nobody vouches for.
pub trait Served {
    /// The bytes of a tile. A log may drop a partial tile once the full one is there; then give the first `width` hashes of that one.
    ///
    /// # Errors
    /// A reason, when it cannot be had.
    fn tile(&self, at: TileAt) -> Result<Vec<u8>, String>;

    /// The bytes of an entry bundle; of a partial one that was dropped, the first `width` entries of the full one.
    ///
    /// # Errors
    /// A reason, when it cannot be had.
    fn entries(&self, at: BundleAt) -> Result<Vec<u8>, String>;
}

/// Sees an entry with its index; an error, with its reason, ends the audit.
pub type Visit<'a> = dyn FnMut(u64, &[u8]) -> Result<(), String> + 'a;

/// A log that is not what its checkpoint says, or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// Not served.
    #[error("`{path}` cannot be read: {reason}")]
    Unserved {
        /// The path of the tile or bundle.
        path: String,
        /// Why.
        reason: String,
    },
    /// Not a tile or bundle.
    #[error("`{path}` is malformed: {error}")]
    Malformed {
        /// The path of the tile or bundle.
        path: String,
        /// What is wrong.
        error: TileError,
    },
    /// A tile that is not what its entries make it.
    #[error("`{path}` does not follow from the entries: its hash {hash} over leaves {from} to {to} is another")]
    Forged {
        /// The path of the tile.
        path: String,
        /// Which of its hashes, from 0.
        hash: u64,
        /// The first leaf under it.
        from: u64,
        /// The last leaf under it.
        to: u64,
    },
    /// The tiles agree with the entries, and both disagree with the checkpoint.
    #[error("the root over {size} leaves is `{found}`, the checkpoint says `{expected}`")]
    Root {
        /// How many leaves.
        size: u64,
        /// As recomputed.
        found: Digest,
        /// As signed.
        expected: Digest,
    },
    /// Bundles in another order than from the first to the last.
    #[error("`{found}` was given where {expected} is due")]
    Order {
        /// What came.
        found: String,
        /// What is due.
        expected: String,
    },
    /// A minimum index beyond the log.
    #[error("the minimum index {minimum} lies beyond a log of {size} leaves")]
    Minimum {
        /// As asked.
        minimum: u64,
        /// The size of the log.
        size: u64,
    },
    /// An entry that the caller would not have.
    #[error("entry {index}: {reason}")]
    Entry {
        /// Its index.
        index: u64,
        /// Why not.
        reason: String,
    },
    /// A proof made from served tiles does not lead to the root.
    #[error(transparent)]
    Proof(#[from] TreeError),
}

/// What an audit went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audited {
    /// The index of the first entry that was read; 0 unless the log is pruned.
    pub first: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// How many tiles were compared.
    pub tiles: u64,
}

/// Audits a whole log: `checkpoint` (verified by the caller) against what is served. What lies wholly below the index `minimum` is not read.
/// `visit` sees every entry with its index, in order, before the log as a whole is known to be sound.
///
/// # Errors
/// [`AuditError`] for the first thing that is wrong.
pub fn audit(served: &impl Served, (checkpoint, minimum): (&Checkpoint, u64), visit: &mut Visit<'_>) -> Result<Audited, AuditError> {
    let mut auditor = Auditor::pruned(served, checkpoint.size(), minimum)?;
    let (first, mut tiles) = (auditor.next * 256, 0);
    while let Some(at) = auditor.due() {
        let bytes = served.entries(at).map_err(|reason| unserved(at, reason))?;
        visit_entries(at, &bytes, visit)?;
        tiles += compare(served, &auditor.add(HashedBundle::new(at, &bytes)?)?)?;
    }
    let (partial, root) = auditor.finish()?;
    tiles += compare(served, &partial)?;
    check_root(checkpoint, root)?;
    Ok(Audited { first, size: checkpoint.size(), tiles })
}

/// Refuses a root other than the one in `checkpoint`.
///
/// # Errors
/// [`AuditError::Root`].
pub fn check_root(checkpoint: &Checkpoint, found: Digest) -> Result<(), AuditError> {
    let (size, expected) = (checkpoint.size(), checkpoint.root());
    if found == expected { Ok(()) } else { Err(AuditError::Root { size, found, expected }) }
}

fn visit_entries(at: BundleAt, bytes: &[u8], visit: &mut Visit<'_>) -> Result<(), AuditError> {
    let entries = at.decode(bytes).map_err(|error| malformed(at, error))?;
    (at.first()..).zip(entries).try_for_each(|(index, entry)| visit(index, entry).map_err(|reason| AuditError::Entry { index, reason }))
}

fn compare(served: &impl Served, expected: &[ExpectedTile]) -> Result<u64, AuditError> {
    for tile in expected {
        tile.check(&served.tile(tile.at).map_err(|reason| unserved(tile.at, reason))?)?;
    }
    Ok(u64::try_from(expected.len()).unwrap_or(u64::MAX))
}

/// A bundle with its hashes. Making one is most of an audit's work and needs nothing else, so several threads may make them at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedBundle {
    at: BundleAt,
    leaves: Vec<Digest>,
    /// The hash over all of them, if the bundle is full.
    top: Option<Digest>,
}

/// What a tile should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTile {
    at: TileAt,
    hashes: Vec<Digest>,
}

/// Recomputes a log bundle by bundle. It keeps the right edge only: at most 256 hashes on each of eight levels.
#[derive(Debug, Clone)]
pub struct Auditor {
    size: u64,
    /// The number of the bundle that is due.
    next: u64,
    /// The tile in the making on each level.
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Default)]
struct Row {
    number: u64,
    hashes: Vec<Digest>,
}

// === impl HashedBundle ===

impl HashedBundle {
    /// Hashes the entries of a bundle.
    ///
    /// # Errors
    /// [`AuditError::Malformed`].
    pub fn new(at: BundleAt, bytes: &[u8]) -> Result<Self, AuditError> {
        let entries = at.decode(bytes).map_err(|error| malformed(at, error))?;
        let leaves: Vec<Digest> = entries.into_iter().map(tree::leaf_hash).collect();
        let top = at.is_full().then(|| root_of(&leaves));
        Ok(Self { at, leaves, top })
    }
}

// === impl ExpectedTile ===

impl ExpectedTile {
    /// Where it is served.
    #[must_use]
    pub const fn at(&self) -> TileAt {
        self.at
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// Compares with what is served.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] or [`AuditError::Forged`], which names the first hash that differs.
    pub fn check(&self, served: &[u8]) -> Result<(), AuditError> {
        let (chunks, rest) = served.as_chunks::<32>();
        if !rest.is_empty() || chunks.len() != self.hashes.len() {
            return self.at.decode(served).map(drop).map_err(|error| malformed(self.at, error));
        }
        let differs = self.hashes.iter().zip(chunks).zip(0..).find(|((expected, found), _)| expected.as_bytes() != *found);
        differs.map_or(Ok(()), |(_, hash)| Err(self.forged(hash)))
    }

    fn forged(&self, hash: u64) -> AuditError {
        let number = self.at.number() * 256 + hash;
        let height = 8 * self.at.level();
        AuditError::Forged { path: self.at.to_string(), hash, from: number << height, to: ((number + 1) << height) - 1 }
    }
}

// === impl Auditor ===

impl Auditor {
    /// An audit of all `size` entries.
    ///
    /// # Errors
    /// [`TreeError::Outside`] for a size beyond [`TREE_SIZE_MAX`].
    pub fn new(size: u64) -> Result<Self, AuditError> {
        if size > TREE_SIZE_MAX {
            return Err(TreeError::Outside(size, TREE_SIZE_MAX).into());
        }
        Ok(Self { size, next: 0, rows: (0..=TILE_LEVEL_MAX).map(|_| Row::default()).collect() })
    }

    /// An audit of the entries from the first bundle on that reaches beyond the index `minimum`. The hashes to its left are taken from the
    /// tiles as served; nothing is known about them until [`Auditor::finish`] gives the root that they lead to.
    ///
    /// # Errors
    /// [`AuditError`] when such a tile is not served or malformed, or `minimum` lies beyond the log.
    pub fn pruned(served: &impl Served, size: u64, minimum: u64) -> Result<Self, AuditError> {
        if minimum > size {
            return Err(AuditError::Minimum { minimum, size });
        }
        let mut auditor = Self::new(size)?;
        auditor.next = minimum / 256;
        for (level, row) in (0_u8..).zip(&mut auditor.rows) {
            // INVARIANT: the tile of each level that covers the first bundle read is not wholly below `minimum`, so it must be served.
            let before = if level == 0 { auditor.next * 256 } else { auditor.next >> (8 * (level - 1)) };
            row.number = before / 256;
            row.hashes = left_of(served, (level, before), size)?;
        }
        Ok(auditor)
    }

    /// The bundle that is due; none when all were added.
    #[must_use]
    pub fn due(&self) -> Option<BundleAt> {
        BundleAt::in_log(self.next, self.size)
    }

    /// Adds the bundle that is due. Gives the tiles that are full now.
    ///
    /// # Errors
    /// [`AuditError::Order`].
    pub fn add(&mut self, bundle: HashedBundle) -> Result<Vec<ExpectedTile>, AuditError> {
        if self.due() != Some(bundle.at) {
            let expected = self.due().map_or_else(|| "nothing".to_owned(), |at| format!("`{at}`"));
            return Err(AuditError::Order { found: bundle.at.to_string(), expected });
        }
        self.next += 1;
        let Some(mut top) = bundle.top else {
            self.rows.iter_mut().take(1).for_each(|row| row.hashes.clone_from(&bundle.leaves));
            return Ok(Vec::new());
        };
        let mut full = vec![ExpectedTile { at: bundle.at.tile(), hashes: bundle.leaves }];
        self.rows.iter_mut().take(1).for_each(|row| row.number += 1);
        for (level, row) in (0_u8..).zip(&mut self.rows).skip(1) {
            row.hashes.push(top);
            if row.hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            top = root_of(&row.hashes);
            full.extend(row.tile(level, self.size));
            *row = Row { number: row.number + 1, hashes: Vec::with_capacity(usize::from(TILE_WIDTH)) };
        }
        Ok(full)
    }

    /// The partial tiles of the right edge and the root, when every bundle was added.
    ///
    /// # Errors
    /// [`AuditError::Order`] when a bundle is still due.
    pub fn finish(self) -> Result<(Vec<ExpectedTile>, Digest), AuditError> {
        if let Some(due) = self.due() {
            return Err(AuditError::Order { found: "the end".to_owned(), expected: format!("`{due}`") });
        }
        let mut right = None;
        for row in &self.rows {
            let parts: Vec<Digest> = row.hashes.iter().copied().chain(right).collect();
            right = (!parts.is_empty()).then(|| root_of(&parts));
        }
        let partial = (0_u8..).zip(self.rows).filter_map(|(level, mut row)| row.tile(level, self.size)).collect();
        Ok((partial, right.unwrap_or(EMPTY_ROOT)))
    }
}

impl Row {
    /// The tile of this row, taking its hashes; none if it has none.
    fn tile(&mut self, level: u8, size: u64) -> Option<ExpectedTile> {
        let at = TileAt::in_tree(level, self.number, size).filter(|_| !self.hashes.is_empty())?;
        Some(ExpectedTile { at, hashes: std::mem::take(&mut self.hashes) })
    }
}

/// The hashes of `level` that stand left of hash `before` in its tile, as served.
fn left_of(served: &impl Served, (level, before): (u8, u64), size: u64) -> Result<Vec<Digest>, AuditError> {
    let count = usize::try_from(before % 256).unwrap_or(0);
    let Some(at) = TileAt::in_tree(level, before / 256, size).filter(|_| count > 0) else {
        return Ok(Vec::new());
    };
    let bytes = served.tile(at).map_err(|reason| unserved(at, reason))?;
    let mut hashes = at.decode(&bytes).map_err(|error| malformed(at, error))?;
    hashes.truncate(count);
    Ok(hashes)
}

/// The hash over a row of neighbouring subtrees, equally large but for the last, which may be smaller: pairs are hashed level by level, and
/// one without a partner goes up as it is (RFC 6962, section 2.1). Nothing over nothing is the empty root.
pub(crate) fn root_of(row: &[Digest]) -> Digest {
    let mut row = row.to_vec();
    while row.len() > 1 {
        row = row.chunks(2).filter_map(parent).collect();
    }
    row.first().copied().unwrap_or(EMPTY_ROOT)
}

fn parent(pair: &[Digest]) -> Option<Digest> {
    match pair {
        [left, right, ..] => Some(tree::node_hash(*left, *right)),
        [single] => Some(*single),
        [] => None,
    }
}

pub(crate) fn unserved(at: impl fmt::Display, reason: String) -> AuditError {
    AuditError::Unserved { path: at.to_string(), reason }
}

pub(crate) fn malformed(at: impl fmt::Display, error: TileError) -> AuditError {
    AuditError::Malformed { path: at.to_string(), error }
}

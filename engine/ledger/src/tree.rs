//! The Merkle tree of RFC 6962: append, root, inclusion and consistency proofs.
//!
//! Built on the pure functions of `tlog_tiles`. Never on its `TileHashReader`, which accepts forged tiles (CVE-2026-56865): every hash is
//! either recomputed from leaves or checked by a proof against a root.

use std::collections::BTreeMap;

use comity_vocab::Digest;
use tlog_tiles::{Hash, HashReader, tlog};

use crate::limits::{PROOF_HASHES_MAX, TREE_SIZE_MAX};

/// A growing tree. It keeps only the right edge (at most 64 hashes), which is all that appending and the root need.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    edge: BTreeMap<u64, Digest>,
}

/// Where hashes of complete subtrees are kept; written by [`Tree::append`], read by proofs.
pub trait Hashes {
    /// The hash of the complete subtree at `at`.
    ///
    /// # Errors
    /// [`TreeError::Missing`] or [`TreeError::Unreadable`].
    fn hash(&self, at: StoredAt) -> Result<Digest, TreeError>;
}

/// The place of one stored hash: the subtree over the leaves `number << level` to `(number + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredAt {
    /// 0 for a leaf.
    pub level: u8,
    /// The how many'th subtree of that level.
    pub number: u64,
}

/// A proof that does not hold, or a tree that cannot give one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the root")]
    Invalid,
    /// No such leaf or tree.
    #[error("{0} lies outside a tree of {1} leaves")]
    Outside(u64, u64),
    /// A stored hash is not there.
    #[error("the hash of subtree {} at level {} is missing", .0.number, .0.level)]
    Missing(StoredAt),
    /// Stored hashes could not be read.
    #[error("stored hashes cannot be read: {0}")]
    Unreadable(String),
}

/// The root of a tree without leaves: SHA-256 of nothing (RFC 6962, section 2.1).
pub const EMPTY_ROOT: Digest = Digest::from_bytes(tlog::EMPTY_HASH.0);

/// The hash of one leaf: SHA-256 of a zero byte and the leaf's bytes.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    digest(tlog::record_hash(leaf))
}

/// The hash of an inner node: SHA-256 of a one byte and the hashes below it.
pub(crate) fn node_hash(left: Digest, right: Digest) -> Digest {
    digest(tlog::node_hash(hash(left), hash(right)))
}

/// Proves that leaf `index` is in the tree of the first `size` leaves.
///
/// # Errors
/// [`TreeError`] when the leaf is outside or a stored hash is missing.
pub fn prove_inclusion(hashes: &impl Hashes, size: u64, index: u64) -> Result<Vec<Digest>, TreeError> {
    if index >= size || size > TREE_SIZE_MAX {
        return Err(TreeError::Outside(index, size));
    }
    let proof = tlog::prove_record(size, index, &Adapter(hashes)).map_err(error)?;
    Ok(proof.into_iter().map(digest).collect())
}

/// Checks that `leaf` (its hash) is leaf `index` of the tree with `size` leaves and this `root`.
///
/// # Errors
/// [`TreeError::Invalid`] when the proof does not lead to the root.
pub fn check_inclusion(proof: &[Digest], (size, root): (u64, Digest), (index, leaf): (u64, Digest)) -> Result<(), TreeError> {
    if index >= size || size > TREE_SIZE_MAX {
        return Err(TreeError::Outside(index, size));
    }
    tlog::check_record(&bounded(proof)?, size, hash(root), index, hash(leaf)).map_err(|_| TreeError::Invalid)
}

/// Proves that the tree of the first `size` leaves begins with the tree of the first `old` ones.
///
/// # Errors
/// [`TreeError`] when `old` is larger than `size` or a stored hash is missing.
pub fn prove_consistency(hashes: &impl Hashes, size: u64, old: u64) -> Result<Vec<Digest>, TreeError> {
    if old > size || size > TREE_SIZE_MAX {
        return Err(TreeError::Outside(old, size));
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    let proof = tlog::prove_tree(size, old, &Adapter(hashes)).map_err(error)?;
    Ok(proof.into_iter().map(digest).collect())
}

/// Checks that the tree of `size` leaves with `root` begins with the tree of `old` leaves with `old_root`.
///
/// # Errors
/// [`TreeError::Invalid`] when the proof does not lead to both roots.
pub fn check_consistency(proof: &[Digest], (size, root): (u64, Digest), (old, old_root): (u64, Digest)) -> Result<(), TreeError> {
    if old > size || size > TREE_SIZE_MAX {
        return Err(TreeError::Outside(old, size));
    }
    if old == 0 {
        let empty = proof.is_empty() && old_root == EMPTY_ROOT && (size > 0 || root == EMPTY_ROOT);
        return if empty { Ok(()) } else { Err(TreeError::Invalid) };
    }
    tlog::check_tree(&bounded(proof)?, size, hash(root), old, hash(old_root)).map_err(|_| TreeError::Invalid)
}

// === impl Tree ===

impl Tree {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves whose hashes are in `hashes`; reads at most 64 of them and trusts them.
    ///
    /// # Errors
    /// [`TreeError`] when a hash is missing.
    pub fn resume(size: u64, hashes: &impl Hashes) -> Result<Self, TreeError> {
        if size > TREE_SIZE_MAX {
            return Err(TreeError::Outside(size, TREE_SIZE_MAX));
        }
        let edge = edge_of(size).into_iter().map(|index| Ok((index, hashes.hash(stored_at(index))?))).collect::<Result<_, TreeError>>()?;
        Ok(Self { size, edge })
    }

    /// Adds a leaf by its hash. Gives the hashes that became final, to be stored: level 0 first, one per level.
    ///
    /// # Errors
    /// [`TreeError::Outside`] when the tree is full.
    pub fn append(&mut self, leaf: Digest) -> Result<Vec<Digest>, TreeError> {
        if self.size >= TREE_SIZE_MAX {
            return Err(TreeError::Outside(self.size, TREE_SIZE_MAX));
        }
        let new = tlog::stored_hashes_for_record_hash(self.size, hash(leaf), &Adapter(self)).map_err(error)?;
        let first = tlog::stored_hash_index(0, self.size);
        self.edge.extend((first..).zip(new.iter().copied().map(digest)));
        self.size += 1;
        let keep = edge_of(self.size);
        self.edge.retain(|index, _| keep.contains(index));
        Ok(new.into_iter().map(digest).collect())
    }

    /// How many leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root.
    ///
    /// # Errors
    /// Never for a tree made by [`Tree::new`], [`Tree::resume`] and [`Tree::append`].
    pub fn root(&self) -> Result<Digest, TreeError> {
        tlog::tree_hash(self.size, &Adapter(self)).map(digest).map_err(error)
    }
}

impl Hashes for Tree {
    fn hash(&self, at: StoredAt) -> Result<Digest, TreeError> {
        self.edge.get(&tlog::stored_hash_index(at.level, at.number)).copied().ok_or(TreeError::Missing(at))
    }
}

// === impl StoredAt ===

impl StoredAt {
    /// The leaf whose append made this hash final.
    #[must_use]
    pub const fn leaf(self) -> u64 {
        ((self.number + 1) << self.level) - 1
    }
}

// === the border to tlog_tiles ===

struct Adapter<'a, H>(&'a H);

impl<H: Hashes> HashReader for Adapter<'_, H> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let read = |index: &u64| self.0.hash(stored_at(*index)).map(hash).map_err(|error| tlog::Error::InvalidInput(error.to_string()));
        indexes.iter().map(read).collect()
    }
}

fn stored_at(index: u64) -> StoredAt {
    let (level, number) = tlog::split_stored_hash_index(index);
    StoredAt { level, number }
}

/// Places of the complete subtrees that make up a tree of `size` leaves.
fn edge_of(size: u64) -> Vec<u64> {
    if size == 0 { Vec::new() } else { tlog::sub_tree_index(0, size, Vec::new()) }
}

fn bounded(proof: &[Digest]) -> Result<Vec<Hash>, TreeError> {
    if proof.len() > PROOF_HASHES_MAX {
        return Err(TreeError::Invalid);
    }
    Ok(proof.iter().copied().map(hash).collect())
}

fn error(error: tlog::Error) -> TreeError {
    TreeError::Unreadable(error.to_string())
}

const fn hash(digest: Digest) -> Hash {
    Hash(*digest.as_bytes())
}

const fn digest(hash: Hash) -> Digest {
    Digest::from_bytes(hash.0)
}

//! One leaf, or the growth between two checkpoints, checked from served tiles: a proof is made from them and must lead to the root.
//!
//! The hashes of tiles are never the answer, only material for a proof that is then checked; what a tile says about a leaf counts for nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use comity_vocab::Digest;

use crate::audit::{AuditError, Served, malformed, root_of, unserved};
use crate::checkpoint::Checkpoint;
use crate::limits::TILES_KEPT_MAX;
use crate::tile::TileAt;
use crate::tree::{self, Hashes, StoredAt, TreeError};

/// Hashes as the tiles of a log have them: nobody vouches for one of them. Make proofs from them, and check the proofs.
pub struct ServedHashes<'a, S> {
    served: &'a S,
    size: u64,
    kept: RefCell<BTreeMap<TileAt, Vec<Digest>>>,
}

/// Checks that `leaf` (its hash) is leaf `index` of the log at `checkpoint`, which the caller has verified. Gives the inclusion proof.
///
/// # Errors
/// [`AuditError::Proof`] when the tiles do not prove it.
pub fn check_leaf(served: &impl Served, checkpoint: &Checkpoint, (index, leaf): (u64, Digest)) -> Result<Vec<Digest>, AuditError> {
    let proof = tree::prove_inclusion(&ServedHashes::new(served, checkpoint.size()), checkpoint.size(), index)?;
    tree::check_inclusion(&proof, (checkpoint.size(), checkpoint.root()), (index, leaf))?;
    Ok(proof)
}

/// Checks that the log at `new` begins with the log at `old`; the caller has verified both. Gives the consistency proof.
///
/// # Errors
/// [`AuditError::Proof`] when the tiles do not prove it.
pub fn check_growth(served: &impl Served, new: &Checkpoint, old: &Checkpoint) -> Result<Vec<Digest>, AuditError> {
    let proof = tree::prove_consistency(&ServedHashes::new(served, new.size()), new.size(), old.size())?;
    tree::check_consistency(&proof, (new.size(), new.root()), (old.size(), old.root()))?;
    Ok(proof)
}

// === impl ServedHashes ===

impl<'a, S: Served> ServedHashes<'a, S> {
    /// The hashes of a log of `size` leaves.
    #[must_use]
    pub const fn new(served: &'a S, size: u64) -> Self {
        Self { served, size, kept: RefCell::new(BTreeMap::new()) }
    }

    fn part(&self, tile: TileAt, (from, count): (usize, usize)) -> Result<Option<Digest>, AuditError> {
        let mut kept = self.kept.borrow_mut();
        if !kept.contains_key(&tile) {
            let bytes = self.served.tile(tile).map_err(|reason| unserved(tile, reason))?;
            let hashes = tile.decode(&bytes).map_err(|error| malformed(tile, error))?;
            if kept.len() >= TILES_KEPT_MAX {
                kept.clear();
            }
            kept.insert(tile, hashes);
        }
        Ok(kept.get(&tile).and_then(|hashes| hashes.get(from..from + count)).map(root_of))
    }
}

impl<S: Served> Hashes for ServedHashes<'_, S> {
    fn hash(&self, at: StoredAt) -> Result<Digest, TreeError> {
        // A hash between two levels of tiles is the hash over 2^height neighbours in one tile.
        let height = at.level % 8;
        let first = at.number.checked_mul(1 << height).ok_or(TreeError::Missing(at))?;
        let tile = TileAt::in_tree(at.level / 8, first / 256, self.size).ok_or(TreeError::Missing(at))?;
        let from = usize::try_from(first % 256).map_err(|_| TreeError::Missing(at))?;
        let part = self.part(tile, (from, 1 << height)).map_err(|error| TreeError::Unreadable(error.to_string()))?;
        part.ok_or(TreeError::Missing(at))
    }
}

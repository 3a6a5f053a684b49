//! A log in memory as it is served: bundles, tiles and checkpoint as bytes that a test may change. Its tiles come from the stored hashes of
//! [`Tree::append`], so an audit that recomputes them directly is held against another way of making them.

use std::collections::{BTreeMap, HashMap};

use comity_ledger::{
    BundleAt, Checkpoint, Hashes, KeyKind, Served, SignedCheckpoint, SigningSeed, StoredAt, TileAt, Tree, TreeError, VerifierKey, bundles,
    leaf_hash, tiles,
};
use comity_vocab::Digest;

pub(crate) const ORIGIN: &str = "ledger.example/tests";

/// Entries and the hashes of all complete subtrees over them.
pub(crate) struct Grown {
    pub(crate) entries: Vec<Vec<u8>>,
    stored: HashMap<StoredAt, Digest>,
}

#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) bundles: BTreeMap<BundleAt, Vec<u8>>,
    pub(crate) tiles: BTreeMap<TileAt, Vec<u8>>,
    /// What the log signed, for tests that change other things.
    pub(crate) signed: Checkpoint,
    /// The signed note.
    pub(crate) checkpoint: Vec<u8>,
}

pub(crate) fn entry(index: u64) -> Vec<u8> {
    // Lengths differ, so that a shifted entry cannot pass for its neighbour; some are empty.
    let length = usize::try_from(index % 23).unwrap();
    format!("{index:<23}").as_bytes()[..length].to_vec()
}

pub(crate) fn key() -> VerifierKey {
    seed().verifier(ORIGIN, KeyKind::Ed25519).unwrap()
}

pub(crate) fn seed() -> SigningSeed {
    SigningSeed::new(&[3; 32])
}

pub(crate) fn grow(size: u64) -> Grown {
    let (mut tree, mut stored) = (Tree::new(), HashMap::new());
    let entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
    for (index, entry) in (0..).zip(&entries) {
        let new = tree.append(leaf_hash(entry)).unwrap();
        stored.extend((0_u8..).zip(new).map(|(level, hash)| (StoredAt { level, number: index >> level }, hash)));
    }
    Grown { entries, stored }
}

impl Hashes for Grown {
    fn hash(&self, at: StoredAt) -> Result<Digest, TreeError> {
        self.stored.get(&at).copied().ok_or(TreeError::Missing(at))
    }
}

impl Grown {
    pub(crate) fn root(&self, size: u64) -> Digest {
        Tree::resume(size, self).unwrap().root().unwrap()
    }

    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint::new(ORIGIN, size, self.root(size)).unwrap()
    }

    /// The log as it was served when it had `size` entries.
    pub(crate) fn at(&self, size: u64) -> Log {
        let checkpoint = self.checkpoint(size);
        let line = checkpoint.sign(&seed()).unwrap();
        let bundle = |at: BundleAt| {
            let first = at.first() as usize;
            at.encode(self.entries[first..first + usize::from(at.width())].iter().map(Vec::as_slice)).unwrap()
        };
        Log {
            bundles: bundles(size).map(|at| (at, bundle(at))).collect(),
            tiles: tiles(size).map(|at| (at, at.bytes(self).unwrap())).collect(),
            signed: checkpoint.clone(),
            checkpoint: SignedCheckpoint::new(checkpoint, line).unwrap().to_string().into_bytes(),
        }
    }
}

impl Log {
    /// The checkpoint, if it is one and signed by the log.
    pub(crate) fn head(&self) -> Option<Checkpoint> {
        SignedCheckpoint::from_bytes(&self.checkpoint).ok()?.verify(&key()).ok().cloned()
    }

    /// Removes what a log with this minimum index need not serve.
    pub(crate) fn prune(&mut self, minimum: u64) {
        self.bundles.retain(|at, _| !at.is_pruned_below(minimum));
        self.tiles.retain(|at, _| !at.is_pruned_below(minimum));
    }

    /// The forgery of CVE-2026-56865: one entry is another, its hash in the level-0 tile too, everything above is untouched.
    pub(crate) fn forge(&mut self, index: u64, entry: &[u8]) {
        let number = index / 256;
        let at = *self.bundles.keys().find(|at| at.number() == number).unwrap();
        let nth = usize::try_from(index % 256).unwrap();
        let mut entries: Vec<Vec<u8>> = at.decode(&self.bundles[&at]).unwrap().into_iter().map(<[u8]>::to_vec).collect();
        assert_ne!(entries[nth], entry);
        entries[nth] = entry.to_vec();
        self.bundles.insert(at, at.encode(entries.iter().map(Vec::as_slice)).unwrap());
        self.patch(at.tile(), nth, leaf_hash(entry));
    }

    pub(crate) fn patch(&mut self, tile: TileAt, nth: usize, hash: Digest) {
        self.tiles.get_mut(&tile).unwrap()[32 * nth..32 * (nth + 1)].copy_from_slice(hash.as_bytes());
    }
}

impl Served for Log {
    fn tile(&self, at: TileAt) -> Result<Vec<u8>, String> {
        self.tiles.get(&at).cloned().ok_or_else(|| "not found".to_owned())
    }

    fn entries(&self, at: BundleAt) -> Result<Vec<u8>, String> {
        self.bundles.get(&at).cloned().ok_or_else(|| "not found".to_owned())
    }
}

//! The tree against ct-merkle, an independent implementation; every proof verifies and every tampered one fails.

use std::collections::HashMap;

use comity_ledger::{
    EMPTY_ROOT, Hashes, StoredAt, Tree, TreeError, check_consistency, check_inclusion, leaf_hash, prove_consistency, prove_inclusion,
};
use comity_vocab::Digest;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2_next::Sha256;

/// A whole log in memory.
struct Log {
    tree: Tree,
    stored: HashMap<StoredAt, Digest>,
    roots: Vec<Digest>,
    other: MemoryBackedTree<Sha256, Vec<u8>>,
}

impl Hashes for Log {
    fn hash(&self, at: StoredAt) -> Result<Digest, TreeError> {
        self.stored.get(&at).copied().ok_or(TreeError::Missing(at))
    }
}

fn log(size: u64) -> Log {
    let mut log = Log { tree: Tree::new(), stored: HashMap::new(), roots: vec![EMPTY_ROOT], other: MemoryBackedTree::new() };
    for index in 0..size {
        let new = log.tree.append(leaf_hash(&leaf(index))).unwrap();
        log.stored.extend((0_u8..).zip(new).map(|(level, hash)| (StoredAt { level, number: index >> level }, hash)));
        log.roots.push(log.tree.root().unwrap());
        log.other.push(leaf(index));
    }
    log
}

fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn other_root(log: &Log) -> Vec<u8> {
    log.other.root().as_bytes().to_vec()
}

/// Every way to change one bit of one hash, to leave one out, or to add one.
fn tampered(proof: &[Digest], bit: usize) -> Vec<Vec<Digest>> {
    let flip = |at: usize| {
        let mut bytes = *proof[at].as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut changed = proof.to_vec();
        changed[at] = Digest::from_bytes(bytes);
        changed
    };
    let without = |at: usize| {
        let mut changed = proof.to_vec();
        changed.remove(at);
        changed
    };
    let longer = [proof, &[Digest::from_bytes([0; 32])]].concat();
    let far_too_long = vec![Digest::from_bytes([0; 32]); 1000];
    (0..proof.len()).map(flip).chain((0..proof.len()).map(without)).chain([longer, far_too_long]).collect()
}

fn flipped(digest: Digest, bit: usize) -> Digest {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Digest::from_bytes(bytes)
}

#[test]
fn roots_and_proofs_equal_the_independent_tree_at_every_small_size() {
    for size in 0..=130_u64 {
        let log = log(size);
        assert_eq!(log.roots[size as usize].as_bytes().to_vec(), other_root(&log), "{size}");
        for index in 0..size {
            let ours = prove_inclusion(&log, size, index).unwrap();
            let bytes: Vec<u8> = ours.iter().flat_map(|digest| *digest.as_bytes()).collect();
            assert_eq!(bytes, log.other.prove_inclusion(index as usize).as_bytes(), "{index} of {size}");
            let (head, item) = ((size, log.roots[size as usize]), (index, leaf_hash(&leaf(index))));
            check_inclusion(&ours, head, item).unwrap();
        }
        for old in 1..=size {
            let ours = prove_consistency(&log, size, old).unwrap();
            if old < size {
                let bytes: Vec<u8> = ours.iter().flat_map(|digest| *digest.as_bytes()).collect();
                assert_eq!(bytes, log.other.prove_consistency((size - old) as usize).as_bytes(), "{old} to {size}");
            }
            check_consistency(&ours, (size, log.roots[size as usize]), (old, log.roots[old as usize])).unwrap();
        }
    }
}

#[test]
fn a_large_tree_has_the_independent_root() {
    let log = log(4_099);
    assert_eq!(log.tree.root().unwrap().as_bytes().to_vec(), other_root(&log));
}

#[test]
fn a_resumed_tree_goes_on_as_if_never_stopped() {
    let whole = log(100);
    for size in 0..100_u64 {
        let mut tree = Tree::resume(size, &whole).unwrap();
        assert_eq!(tree.root().unwrap(), whole.roots[size as usize]);
        for index in size..100 {
            tree.append(leaf_hash(&leaf(index))).unwrap();
        }
        assert_eq!(tree.root().unwrap(), whole.roots[100]);
    }
}

#[test]
fn what_lies_outside_is_refused() {
    let log = log(5);
    let root = log.roots[5];
    assert_eq!(prove_inclusion(&log, 5, 5), Err(TreeError::Outside(5, 5)));
    assert_eq!(prove_inclusion(&log, u64::MAX, 5), Err(TreeError::Outside(5, u64::MAX)));
    assert_eq!(check_inclusion(&[], (u64::MAX, root), (0, root)), Err(TreeError::Outside(0, u64::MAX)));
    assert_eq!(prove_consistency(&log, 5, 6), Err(TreeError::Outside(6, 5)));
    assert_eq!(check_consistency(&[], (u64::MAX, root), (5, root)), Err(TreeError::Outside(5, u64::MAX)));
    assert!(matches!(prove_inclusion(&log, 6, 2), Err(TreeError::Unreadable(_))));
    assert!(matches!(Tree::resume(6, &log), Err(TreeError::Missing(_))));
}

#[test]
fn the_empty_tree_is_the_beginning_of_every_tree_and_of_nothing_else() {
    let log = log(3);
    assert_eq!(Tree::new().root().unwrap(), EMPTY_ROOT);
    check_consistency(&[], (3, log.roots[3]), (0, EMPTY_ROOT)).unwrap();
    assert_eq!(check_consistency(&[], (3, log.roots[3]), (0, log.roots[1])), Err(TreeError::Invalid));
    assert_eq!(check_consistency(&[], (0, log.roots[1]), (0, EMPTY_ROOT)), Err(TreeError::Invalid));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_tampered_inclusion_proof_fails(size in 1_u64..300, index in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let log = log(size);
        let index = index.index(size as usize) as u64;
        let (root, hash) = (log.roots[size as usize], leaf_hash(&leaf(index)));
        let proof = prove_inclusion(&log, size, index).unwrap();
        check_inclusion(&proof, (size, root), (index, hash)).unwrap();
        for bad in tampered(&proof, bit) {
            prop_assert_eq!(check_inclusion(&bad, (size, root), (index, hash)), Err(TreeError::Invalid));
        }
        prop_assert!(check_inclusion(&proof, (size, flipped(root, bit)), (index, hash)).is_err());
        prop_assert!(check_inclusion(&proof, (size, root), (index, flipped(hash, bit))).is_err());
        for other in (0..size).filter(|other| *other != index) {
            prop_assert!(check_inclusion(&proof, (size, root), (other, hash)).is_err());
        }
    }

    #[test]
    fn a_tampered_consistency_proof_fails(size in 2_u64..300, old in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let log = log(size);
        let old = 1 + old.index(size as usize) as u64;
        let (new, before) = ((size, log.roots[size as usize]), (old, log.roots[old as usize]));
        let proof = prove_consistency(&log, size, old).unwrap();
        check_consistency(&proof, new, before).unwrap();
        for bad in tampered(&proof, bit) {
            prop_assert_eq!(check_consistency(&bad, new, before), Err(TreeError::Invalid));
        }
        prop_assert!(check_consistency(&proof, (size, flipped(new.1, bit)), before).is_err());
        prop_assert!(check_consistency(&proof, new, (old, flipped(before.1, bit))).is_err());
    }
}

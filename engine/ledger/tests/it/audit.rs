//! An audit accepts an honest log of any size, pruned or not, and refuses every change of one: each flipped byte, and the forgery of
//! CVE-2026-56865 at every boundary.

use comity_ledger::{
    AuditError, Audited, Auditor, Checkpoint, HashedBundle, Hashes, ServedHashes, StoredAt, TileAt, TreeError, audit, bundles,
    check_growth, check_inclusion, check_leaf, leaf_hash, prove_inclusion, tiles,
};
use comity_vocab::Digest;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2_next::Sha256;

use crate::served::{Grown, Log, ORIGIN, entry, grow};

/// Around every change of shape of the tiles up to 70,000.
const SIZES: [u64; 16] = [1, 2, 3, 255, 256, 257, 511, 512, 513, 65_280, 65_535, 65_536, 65_537, 65_793, 69_999, 70_000];

fn run(log: &Log, minimum: u64) -> Result<Audited, AuditError> {
    audit(log, (&log.signed, minimum), &mut |_, _| Ok(()))
}

/// What an outsider does with bytes: the checkpoint first, then everything else.
fn accepts(log: &Log) -> bool {
    log.head().is_some_and(|head| audit(log, (&head, 0), &mut |_, _| Ok(())).is_ok())
}

/// Where a change is most likely to be missed: first and last of the log, of tiles and of partial tiles.
fn positions(size: u64) -> Vec<u64> {
    if size <= 513 {
        return (0..size).collect();
    }
    let last_tile = (size - 1) / 256 * 256;
    let mut all = vec![0, 255, 256, 1795, 65_279, last_tile - 1, last_tile, size - 1];
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn honest_logs_of_every_small_size_pass_and_have_the_independent_root() {
    let grown = grow(600);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 0..=600_u64 {
        assert_eq!(run(&grown.at(size), 0), Ok(Audited { first: 0, size, tiles: tiles(size).count() as u64 }));
        assert_eq!(grown.root(size).as_bytes().as_slice(), other.root().as_bytes().as_slice(), "{size}");
        other.push(entry(size));
    }
}

#[test]
fn honest_logs_at_the_boundaries_pass_and_have_the_independent_root() {
    let grown = grow(70_000);
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in SIZES {
        (other.len()..size).for_each(|index| other.push(entry(index)));
        let log = grown.at(size);
        assert_eq!(run(&log, 0), Ok(Audited { first: 0, size, tiles: tiles(size).count() as u64 }));
        assert_eq!(grown.root(size).as_bytes().as_slice(), other.root().as_bytes().as_slice(), "{size}");
    }
}

#[test]
fn every_entry_is_visited_once_in_order() {
    let log = grow(600).at(600);
    let mut seen = Vec::new();
    audit(&log, (&log.signed, 0), &mut |index, bytes| {
        assert_eq!(bytes, entry(index));
        seen.push(index);
        Ok(())
    })
    .unwrap();
    assert!(seen.into_iter().eq(0..600));
    let refusal = audit(&log, (&log.signed, 0), &mut |index, _| if index == 7 { Err("no leaf".into()) } else { Ok(()) });
    assert_eq!(refusal.unwrap_err().to_string(), "entry 7: no leaf");
}

/// The permanent fixture of CVE-2026-56865: the entry and its hash in the level-0 tile are changed, parents and checkpoint are not.
#[test]
fn the_forged_tile_is_refused_at_every_boundary() {
    let grown = grow(70_000);
    for size in SIZES {
        let honest = grown.at(size);
        for index in positions(size) {
            let mut log = honest.clone();
            log.forge(index, b"denied");
            let error = run(&log, 0).unwrap_err();
            // A full level-0 tile has a parent, which shows it; the hashes of a partial one have the root only.
            let within_full = index / 256 < size / 256;
            if let AuditError::Forged { path, from, to, .. } = &error {
                assert!(within_full && path.starts_with("tile/1/") && (*from..=*to).contains(&index), "{index} of {size}: {error}");
            } else {
                assert!(!within_full && matches!(error, AuditError::Root { .. }), "{index} of {size}: {error}");
            }
        }
    }
}

#[test]
fn one_leaf_of_a_forged_tile_is_refused_at_every_boundary() {
    let grown = grow(70_000);
    for size in SIZES {
        let (honest, head) = (grown.at(size), grown.checkpoint(size));
        for index in positions(size) {
            check_leaf(&honest, &head, (index, leaf_hash(&entry(index)))).unwrap();
            let mut log = honest.clone();
            log.forge(index, b"denied");
            let forged = check_leaf(&log, &head, (index, leaf_hash(b"denied")));
            assert_eq!(forged, Err(AuditError::Proof(TreeError::Invalid)), "{index} of {size}");
            // What a reader of tiles would believe: the forged hash is what the tile says.
            let at = StoredAt { level: 0, number: index };
            assert_eq!(ServedHashes::new(&log, size).hash(at).unwrap(), leaf_hash(b"denied"));
        }
    }
}

/// The same forgery with one parent after the other made to fit: at last only the signed root is left to refuse it.
#[test]
fn a_forgery_with_matching_parents_is_refused_by_the_root() {
    let grown = grow(66_000);
    let mut log = grown.at(66_000);
    log.forge(1795, b"denied");
    let Err(AuditError::Forged { path, hash, .. }) = run(&log, 0) else { panic!("accepted") };
    assert_eq!((path.as_str(), hash), ("tile/1/000", 7));
    let mut other = grown.entries.clone();
    other[1795] = b"denied".to_vec();
    let over = |range: std::ops::Range<usize>| {
        let mut tree = comity_ledger::Tree::new();
        other[range].iter().for_each(|entry| drop(tree.append(leaf_hash(entry)).unwrap()));
        tree.root().unwrap()
    };
    log.patch(TileAt::in_tree(1, 0, 66_000).unwrap(), 7, over(1792..2048));
    let Err(AuditError::Forged { path, hash, .. }) = run(&log, 0) else { panic!("accepted") };
    assert_eq!((path.as_str(), hash), ("tile/2/000.p/1", 0));
    log.patch(TileAt::in_tree(2, 0, 66_000).unwrap(), 0, over(0..65_536));
    assert!(matches!(run(&log, 0), Err(AuditError::Root { size: 66_000, .. })));
}

#[test]
fn every_flipped_byte_of_a_small_log_is_refused() {
    let honest = grow(300).at(300);
    assert!(accepts(&honest));
    let flips = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let flip = |at: usize, bit: u8| {
            let mut changed = bytes.to_vec();
            changed[at] ^= bit;
            changed
        };
        (0..bytes.len()).flat_map(|at| [flip(at, 1), flip(at, 0x80)]).collect()
    };
    let mut log = honest.clone();
    for (at, bytes) in &honest.bundles {
        for changed in flips(bytes) {
            log.bundles.insert(*at, changed);
            assert!(run(&log, 0).is_err(), "{at}");
        }
        log.bundles.insert(*at, bytes.clone());
    }
    for (at, bytes) in &honest.tiles {
        for changed in flips(bytes) {
            log.tiles.insert(*at, changed);
            assert!(run(&log, 0).is_err(), "{at}");
        }
        log.tiles.insert(*at, bytes.clone());
    }
    for changed in flips(&honest.checkpoint) {
        log.checkpoint = changed;
        assert!(!accepts(&log), "checkpoint");
    }
    log.checkpoint.clone_from(&honest.checkpoint);
    assert!(accepts(&log));
}

#[test]
fn what_is_longer_shorter_or_missing_is_refused() {
    let honest = grow(300).at(300);
    for at in tiles(300) {
        let bytes = &honest.tiles[&at];
        for changed in
            [bytes[..bytes.len() - 1].to_vec(), bytes[..bytes.len() - 32].to_vec(), [bytes.as_slice(), &[0; 32]].concat(), vec![]]
        {
            let mut log = honest.clone();
            log.tiles.insert(at, changed);
            assert!(matches!(run(&log, 0), Err(AuditError::Malformed { path, .. }) if path == at.to_string()));
        }
        let mut log = honest.clone();
        log.tiles.remove(&at);
        assert_eq!(run(&log, 0), Err(AuditError::Unserved { path: at.to_string(), reason: "not found".to_owned() }));
    }
    for at in bundles(300) {
        let mut log = honest.clone();
        log.bundles.get_mut(&at).unwrap().push(0);
        assert!(matches!(run(&log, 0), Err(AuditError::Malformed { path, .. }) if path == at.to_string()));
        log.bundles.remove(&at);
        assert!(matches!(run(&log, 0), Err(AuditError::Unserved { path, .. }) if path == at.to_string()));
    }
}

#[test]
fn a_pruned_log_passes_with_every_minimum_and_reads_nothing_below() {
    let grown = grow(70_000);
    for size in [0, 1, 256, 300, 512, 65_536, 65_537, 66_000, 70_000_u64] {
        for minimum in [0, 1, 255, 256, 257, 512, 65_535, 65_536, 65_537, 65_792, 69_888, 70_000, size].into_iter().filter(|m| *m <= size) {
            let mut log = grown.at(size);
            log.prune(minimum);
            let audited = run(&log, minimum).unwrap_or_else(|error| panic!("{minimum} of {size}: {error}"));
            assert_eq!(audited.first, minimum / 256 * 256);
            assert!(audited.tiles as usize >= log.tiles.len(), "every tile that is left is compared");
        }
    }
    let log = grown.at(300);
    assert_eq!(run(&log, 301), Err(AuditError::Minimum { minimum: 301, size: 300 }));
}

#[test]
fn every_flipped_byte_of_a_pruned_log_is_refused() {
    let (size, minimum) = (66_100, 66_048);
    let mut honest = grow(size).at(size);
    honest.prune(minimum);
    let left: Vec<String> = honest.tiles.keys().map(ToString::to_string).collect();
    assert_eq!(left, ["tile/0/258.p/52", "tile/1/001.p/2", "tile/2/000.p/1"], "the whole first level-1 tile is pruned too");
    let mut log = honest.clone();
    for (at, bytes) in &honest.tiles {
        for nth in 0..bytes.len() {
            log.tiles.get_mut(at).unwrap()[nth] ^= 1;
            assert!(run(&log, minimum).is_err(), "{at} byte {nth}");
            log.tiles.get_mut(at).unwrap()[nth] ^= 1;
        }
    }
    for (at, bytes) in &honest.bundles {
        for nth in 0..bytes.len() {
            log.bundles.get_mut(at).unwrap()[nth] ^= 1;
            assert!(run(&log, minimum).is_err(), "{at} byte {nth}");
            log.bundles.get_mut(at).unwrap()[nth] ^= 1;
        }
    }
    run(&log, minimum).unwrap();
}

#[test]
fn hashes_of_a_half_pruned_tile_are_bound_to_the_root() {
    let (size, minimum) = (1_100, 1_030);
    let mut honest = grow(size).at(size);
    honest.prune(minimum);
    let at = TileAt::in_tree(1, 0, size).unwrap();
    for nth in 0..4 * 32 {
        let mut log = honest.clone();
        log.tiles.get_mut(&at).unwrap()[nth] ^= 0x80;
        assert!(matches!(run(&log, minimum), Err(AuditError::Root { .. })), "byte {nth}");
    }
}

#[test]
fn growth_is_checked_from_tiles() {
    let grown = grow(70_000);
    let log = grown.at(70_000);
    let new = grown.checkpoint(70_000);
    for old in [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 69_999, 70_000] {
        check_growth(&log, &new, &grown.checkpoint(old)).unwrap();
        let forked = Checkpoint::new(ORIGIN, old, leaf_hash(b"another history")).unwrap();
        assert_eq!(check_growth(&log, &new, &forked), Err(AuditError::Proof(TreeError::Invalid)), "{old}");
    }
    assert!(check_growth(&grown.at(300), &grown.checkpoint(300), &new).is_err());
}

#[test]
fn bundles_are_taken_in_their_order_only() {
    let log = grow(600).at(600);
    let hashed: Vec<HashedBundle> = bundles(600).map(|at| HashedBundle::new(at, &log.bundles[&at]).unwrap()).collect();
    let mut auditor = Auditor::new(600).unwrap();
    assert_eq!(auditor.add(hashed[1].clone()).unwrap_err().to_string(), "`tile/entries/001` was given where `tile/entries/000` is due");
    assert_eq!(auditor.clone().finish().unwrap_err().to_string(), "`the end` was given where `tile/entries/000` is due");
    hashed.iter().for_each(|bundle| drop(auditor.add(bundle.clone()).unwrap()));
    assert_eq!(auditor.add(hashed[2].clone()).unwrap_err().to_string(), "`tile/entries/002.p/88` was given where nothing is due");
    assert_eq!(auditor.finish().unwrap().1, log.signed.root());
    assert!(Auditor::new(u64::MAX).is_err());
}

/// Proofs made from tiles equal those made from stored hashes, for every leaf.
#[test]
fn proofs_from_tiles_are_those_from_stored_hashes() {
    let grown: Grown = grow(600);
    for size in [1, 256, 257, 600] {
        let (log, root) = (grown.at(size), grown.root(size));
        for index in 0..size {
            let proof = prove_inclusion(&ServedHashes::new(&log, size), size, index).unwrap();
            assert_eq!(proof, prove_inclusion(&grown, size, index).unwrap());
            check_inclusion(&proof, (size, root), (index, leaf_hash(&entry(index)))).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_hash_anywhere_in_a_pruned_log_is_refused(
        size in 1_u64..3_000,
        minimum in any::<prop::sample::Index>(),
        tile in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let minimum = minimum.index(size as usize + 1) as u64;
        let mut log = grow(size).at(size);
        log.prune(minimum);
        run(&log, minimum).unwrap();
        if !log.tiles.is_empty() {
            let at = *log.tiles.keys().nth(tile.index(log.tiles.len())).unwrap();
            let bytes = log.tiles.get_mut(&at).unwrap();
            let nth = byte.index(bytes.len());
            bytes[nth] ^= flip;
            prop_assert!(run(&log, minimum).is_err(), "{}", at);
        }
    }

    #[test]
    fn a_swapped_or_replaced_entry_is_refused(size in 2_u64..1_500, index in any::<prop::sample::Index>(), bytes in any::<[u8; 24]>()) {
        let index = index.index(size as usize) as u64;
        let grown = grow(size);
        let mut log = grown.at(size);
        log.forge(index, &bytes);
        prop_assert!(run(&log, 0).is_err());
        let proof = check_leaf(&log, &grown.checkpoint(size), (index, leaf_hash(&bytes)));
        prop_assert_eq!(proof, Err(AuditError::Proof(TreeError::Invalid)));
    }
}

#[test]
fn a_checkpoint_over_nothing_has_the_empty_root() {
    let wrong = Checkpoint::new(ORIGIN, 0, Digest::from_bytes([0; 32])).unwrap();
    assert!(matches!(audit(&grow(0).at(0), (&wrong, 0), &mut |_, _| Ok(())), Err(AuditError::Root { size: 0, .. })));
}

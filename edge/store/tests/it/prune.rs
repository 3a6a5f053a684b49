//! Retention: the first leaves go, and every later leaf, root and proof stays.

use comity_ledger::{Checkpoint, DecisionLeaf, Outcome, audit, check_consistency, check_inclusion, leaf_hash};
use comity_store::{Content, Published, Reader, Store, StoreError};
use comity_vocab::Digest;

use crate::given::{Place, decide_all, draft, end, fallback, holds, permit, record, settle, wait};

/// A store of `calls` decisions and then as many outcomes, published whole.
fn published_store(place: &Place, calls: u64) -> Store {
    let store = place.open_os();
    let with_content = |n| comity_store::Draft { content: Some(b"body".to_vec()), ..draft(permit(n), record(n), "ministry") };
    decide_all(&store, (0..calls).map(with_content));
    (0..calls).for_each(|n| store.outcome_later(end(&permit(n), Outcome::Ok)));
    publish(&store);
    store
}

fn publish(store: &Store) -> u64 {
    let head = store.head().unwrap();
    store.publish(Published { head, note: "note".to_owned() }).unwrap();
    head.size
}

fn rows(place: &Place, table: &str) -> u64 {
    place.intruder().query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn later_leaves_all_roots_and_proofs_stay() {
    let place = Place::new();
    let store = published_store(&place, 400);
    let reader = place.reader();
    let roots: Vec<_> = [1, 100, 511, 512, 513, 700, 800].map(|size| (size, reader.root(size).unwrap())).into();
    let leaves = reader.leaves(512, 1000).unwrap();
    let pruned_bytes = reader.leaf(300).unwrap().unwrap().bytes;
    assert_eq!(store.prune(700).unwrap(), 512, "whole bundles");
    assert_eq!(store.prune(700).unwrap(), 512);
    assert_eq!(store.prune(3).unwrap(), 512, "never back");

    let reader = place.reader();
    assert_eq!((reader.minimum().unwrap(), reader.size().unwrap()), (512, 800));
    assert_eq!(reader.leaves(0, 1000).unwrap(), leaves);
    for (size, root) in &roots {
        assert_eq!(reader.root(*size).unwrap(), *root);
        check_consistency(&reader.prove_consistency(*size, 800).unwrap(), (800, roots[6].1), (*size, *root)).unwrap();
    }
    for leaf in leaves {
        check_inclusion(&reader.prove_inclusion(leaf.index, 800).unwrap(), roots[6], (leaf.index, leaf_hash(&leaf.bytes))).unwrap();
    }
    let verified = reader.verify().unwrap();
    assert_eq!((verified.minimum, verified.size, verified.decisions, verified.outcomes, verified.open), (512, 800, 0, 288, 0));
    drop(store);
    assert!(!holds(&place.all_bytes(), &pruned_bytes), "no byte of a pruned leaf is left");
}

#[test]
fn a_pruned_leaf_says_so_and_takes_what_was_kept_beside_it_along() {
    let place = Place::new();
    let store = published_store(&place, 300);
    assert_eq!(store.prune(299).unwrap(), 256);
    let reader = place.reader();
    let pruned = Err(StoreError::Pruned { index: 255, minimum: 256 });
    assert_eq!(reader.leaf(255), pruned);
    assert_eq!(reader.leaf(255).unwrap_err().to_string(), "leaf 255 was pruned: the first that is left is 256");
    assert_eq!(reader.content(255, Content::Call).err(), pruned.err());
    assert!(reader.content(256, Content::Call).unwrap().is_some());
    assert!(matches!(reader.find_decision(&permit(7).decision.to_string()), Err(StoreError::NoSuchDecision { minimum: 256.., .. })));
    assert!(reader.find_decision(&permit(299).decision.to_string()).unwrap().outcome.is_some());
    assert_eq!(["decisions", "records", "contents", "outcomes"].map(|table| rows(&place, table)), [44, 44, 44, 300]);
    assert_eq!(store.prune(600).unwrap(), 512);
    assert_eq!(["decisions", "records", "contents", "outcomes"].map(|table| rows(&place, table)), [0, 0, 0, 88]);
    reader.verify().unwrap();
}

#[test]
fn what_is_not_published_or_under_way_is_not_pruned() {
    let place = Place::new();
    let store = place.open_os();
    decide_all(&store, (0..600).map(|n| draft(permit(n), record(n), "ministry")));
    assert_eq!(store.prune(1), Err(StoreError::NotPrunable { minimum: 1, most: 0 }), "nothing is published");
    assert_eq!(store.prune(0), Ok(0));
    publish(&store);
    let first_open = |n| store.prune(n).unwrap_err();
    assert_eq!(first_open(512), StoreError::NotPrunable { minimum: 512, most: 0 }, "all calls are under way");
    let index = |n: u64| place.reader().find_decision(&permit(n).decision.to_string()).unwrap().index;
    let late = (0..600).find(|n| index(*n) == 530).unwrap();
    (0..600).filter(|n| *n != late).for_each(|n| store.outcome_later(end(&permit(n), Outcome::Ok)));
    settle(&store);
    assert_eq!(store.prune(1024), Err(StoreError::NotPrunable { minimum: 1024, most: 530 }));
    assert!(store.prune(1024).unwrap_err().hint().is_some());
    assert_eq!(store.prune(530).unwrap(), 512);
    wait(store.outcome(end(&permit(late), Outcome::Ok))).unwrap();
    assert_eq!(store.prune(1024), Err(StoreError::NotPrunable { minimum: 1024, most: 600 }), "published");
    assert_eq!(publish(&store), 1200);
    assert_eq!(store.prune(1200).unwrap(), 1024);
    assert_eq!(store.prune(1201), Err(StoreError::NotPrunable { minimum: 1201, most: 1200 }));
    place.reader().verify().unwrap();
}

/// Outcomes of calls whose permits lie before the minimum.
#[test]
fn outcomes_outlive_their_pruned_permits_and_hops() {
    let place = Place::new();
    let store = place.open_os();
    decide_all(&store, (0..255).map(|n| draft(permit(n), record(n), "ministry")));
    decide_all(&store, [draft(permit(900), record(900), "ministry")]);
    // Its second hop is not pruned, its first is.
    decide_all(&store, [draft(fallback(900, 1), record(900), "ministry")]);
    (0..255).for_each(|n| store.outcome_later(end(&permit(n), Outcome::Ok)));
    store.outcome_later(end(&fallback(900, 1), Outcome::Ok));
    publish(&store);
    assert_eq!(store.prune(256).unwrap(), 256);
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.decisions, verified.outcomes, verified.open), (1, 256, 0));
    assert_eq!(place.reader().find_decision(&fallback(900, 1).decision.to_string()).unwrap().hops, [256]);
    assert!(matches!(wait(store.outcome(end(&permit(3), Outcome::Ok))), Err(StoreError::NoSuchPermit { .. })));
    drop(store);
    let store = place.open();
    assert_eq!(decide_all(&store, [draft(permit(1000), record(1000), "ministry")])[0].leaf(), 513);
    let again = DecisionLeaf { decision: Digest::of("other", &[]), ..fallback(900, 2) };
    assert_eq!(wait(store.decide(draft(again, record(900), "ministry"))).unwrap_err(), StoreError::Ended { call: permit(900).call });
    place.reader().verify().unwrap();
}

fn checkpoint_of(reader: &Reader, size: u64) -> Checkpoint {
    Checkpoint::new("example.org/log", size, reader.root(size).unwrap()).unwrap()
}

#[test]
fn tiles_and_bundles_are_audited_whole_partial_and_pruned() {
    let place = Place::new();
    let store = published_store(&place, 650);
    let reader = place.reader();
    for size in [1, 255, 256, 257, 512, 1023, 1300] {
        let mut seen = Vec::new();
        let mut visit = |index: u64, bytes: &[u8]| {
            seen.push((index, bytes.to_vec()));
            Ok(())
        };
        let audited = audit(&reader, (&checkpoint_of(&reader, size), 0), &mut visit).unwrap();
        assert_eq!((audited.first, audited.size), (0, size));
        let stored: Vec<_> = reader.leaves(0, size as usize).unwrap().into_iter().map(|leaf| (leaf.index, leaf.bytes)).collect();
        assert_eq!(seen, stored);
    }
    store.prune(600).unwrap();
    let reader = place.reader();
    let checkpoint = checkpoint_of(&reader, 1300);
    let refused = audit(&reader, (&checkpoint, 0), &mut |_, _| Ok(())).unwrap_err().to_string();
    assert!(refused.contains("leaf 0 was pruned: the first that is left is 512"), "{refused}");
    let mut first = None;
    let mut visit = |index: u64, _: &[u8]| {
        first.get_or_insert(index);
        Ok(())
    };
    let audited = audit(&reader, (&checkpoint, reader.minimum().unwrap()), &mut visit).unwrap();
    assert_eq!((audited.first, first), (512, Some(512)));
    // A byte of what is left, and a hash of what is not.
    place.intruder().execute_batch("UPDATE leaves SET bytes = CAST(bytes || x'20' AS BLOB) WHERE idx = 900").unwrap();
    assert!(audit(&place.reader(), (&checkpoint, 512), &mut |_, _| Ok(())).is_err());
    place.intruder().execute_batch("UPDATE leaves SET bytes = substr(bytes, 1, length(bytes) - 1) WHERE idx = 900").unwrap();
    audit(&place.reader(), (&checkpoint, 512), &mut |_, _| Ok(())).unwrap();
    place.intruder().execute_batch("UPDATE leaves SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE idx = 5").unwrap();
    assert!(matches!(place.reader().verify(), Err(StoreError::Tampered { .. })));
}

#[test]
fn a_batch_of_pruning_is_not_the_end_of_it() {
    let place = Place::new();
    let store = place.open_os();
    // Leaves about the gateway are cheap; more than one batch of them.
    let leaf = comity_ledger::EventLeaf {
        event: comity_ledger::Event::Stopped(comity_ledger::Stopped { complete: true }),
        minute: permit(0).minute,
    };
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| (0..280).for_each(|_| assert!(store.event(leaf.clone()).is_ok())));
        }
    });
    assert_eq!(publish(&store), 17_920);
    assert_eq!(store.prune(17_000).unwrap(), 16_896);
    assert_eq!(place.reader().minimum().unwrap(), 16_896);
    assert_eq!(place.reader().verify().unwrap().events, 1024);
}

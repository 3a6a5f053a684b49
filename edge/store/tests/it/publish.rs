//! Checkpoints: only true ones are published, what was seen is never taken back, and a foreign log is cosigned once for each size.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use comity_ledger::{Checkpoint, check_consistency};
use comity_store::{Durability, Head, Options, Published, Store, StoreError, Witnessed};
use comity_vocab::Digest;

use crate::given::{Place, decide, permit};

fn checkpoint(size: u64, root: Digest) -> Published {
    Published { head: Head { size, root }, note: format!("the note of {size} leaves") }
}

/// A store of `leaves` decisions.
fn store_of(place: &Place, leaves: u64) -> Store {
    let store = place.open();
    for n in 0..leaves {
        decide(&store, n, permit(n));
    }
    store
}

#[test]
fn a_head_is_what_is_committed_and_can_be_signed() {
    for durability in [Durability::Commit, Durability::Os] {
        let place = Place::new();
        let store = Store::open(Options { durability, ..Options::new(place.path()) }).unwrap();
        assert_eq!(store.head().unwrap(), Head { size: 0, root: comity_ledger::EMPTY_ROOT });
        decide(&store, 0, permit(0));
        decide(&store, 1, permit(1));
        let head = store.head().unwrap();
        assert_eq!((head.size, head.root), (2, place.reader().root(2).unwrap()));
        let message = Checkpoint::new("example.org/log", head.size, head.root).unwrap().message();
        UnparsedPublicKey::new(&ED25519, store.public_key()).verify(&message, &store.sign(&message).unwrap()).unwrap();
        assert_eq!(place.reader().public_key(), Some(store.public_key()));
    }
}

#[test]
fn only_checkpoints_of_this_ledger_that_grow_are_published() {
    let place = Place::new();
    let store = store_of(&place, 5);
    let root = |size| place.reader().root(size).unwrap();
    let refused = |size, root| assert_eq!(store.publish(checkpoint(size, root)), Err(StoreError::NotOurs { size }));
    assert_eq!((store.published(), store.metrics().published), (None, 0));
    store.publish(checkpoint(3, root(3))).unwrap();
    refused(2, root(2));
    refused(3, root(4));
    refused(4, Digest::of("foreign", &[]));
    refused(4, root(3));
    refused(6, root(5));
    refused(u64::from(u32::MAX), root(5));
    refused(0, root(0));
    assert_eq!(*store.published().unwrap(), checkpoint(3, root(3)), "a refusal changes nothing");

    let cosigned = Published { note: "with cosignatures".to_owned(), ..checkpoint(3, root(3)) };
    store.publish(cosigned.clone()).unwrap();
    assert_eq!(place.reader().published().unwrap().unwrap(), cosigned);
    store.publish(checkpoint(5, root(5))).unwrap();
    assert_eq!((store.metrics().published, store.metrics().last_error), (5, None));
    let over = |index| place.reader().published_over(index).unwrap().map(|published| published.head.size);
    assert_eq!([over(0), over(2), over(3), over(4), over(5)], [Some(3), Some(3), Some(5), Some(5), None]);
    assert_eq!(place.reader().verify().unwrap().checkpoints, 2);
}

#[test]
fn an_empty_ledger_may_be_published_too() {
    let place = Place::new();
    let store = place.open();
    let empty = store.head().unwrap();
    store.publish(checkpoint(0, empty.root)).unwrap();
    assert_eq!(place.reader().verify().unwrap().checkpoints, 1);
    decide(&store, 0, permit(0));
    assert_eq!(place.reader().verify().unwrap().checkpoints, 1);
    drop(store);
    drop(place.open());
    place.intruder().execute_batch("UPDATE checkpoints SET root = zeroblob(32)").unwrap();
    assert!(matches!(place.reader().verify(), Err(StoreError::Tampered { index: 0, .. })));
    assert!(matches!(Store::open(Options::new(place.path())), Err(StoreError::Tampered { index: 0, .. })));
}

#[test]
fn what_was_published_is_published_after_every_start() {
    let place = Place::new();
    let store = store_of(&place, 3);
    let published = checkpoint(2, place.reader().root(2).unwrap());
    store.publish(published.clone()).unwrap();
    drop(store);
    let store = place.open();
    assert_eq!((*store.published().unwrap()).clone(), published);
    let head = store.head().unwrap();
    let proof = place.reader().prove_consistency(2, head.size).unwrap();
    check_consistency(&proof, (head.size, head.root), (2, published.head.root)).unwrap();
}

/// A ledger that contradicts what others saw is never appended to: `change` is found when the store opens.
fn check_refused(change: &str) {
    let place = Place::new();
    let store = store_of(&place, 4);
    for size in [2, 4] {
        store.publish(checkpoint(size, place.reader().root(size).unwrap())).unwrap();
    }
    drop(store);
    drop(place.open());
    place.intruder().execute_batch(change).unwrap();
    let error = Store::open(Options::new(place.path())).err().unwrap();
    let what = "the published checkpoint is not that of the leaves up to here".to_owned();
    assert!(matches!(&error, StoreError::Tampered { what: found, .. } if *found == what), "{change}: {error}");
    assert!(matches!(place.reader().verify(), Err(StoreError::Tampered { .. })), "{change}");
}

#[test]
fn a_store_that_its_last_checkpoint_does_not_fit_is_refused() {
    check_refused("UPDATE checkpoints SET root = zeroblob(32) WHERE size = 4");
    check_refused("UPDATE checkpoints SET root = (SELECT root FROM checkpoints WHERE size = 2) WHERE size = 4");
    check_refused("INSERT INTO checkpoints SELECT 9, root, note FROM checkpoints WHERE size = 4");
}

/// As after the ledger was restored from a backup that is older than what others saw.
#[test]
fn a_ledger_that_was_cut_back_behind_its_checkpoint_is_refused() {
    check_refused(
        "DELETE FROM leaves WHERE idx >= 3; DELETE FROM roots WHERE size > 3; DELETE FROM decisions WHERE leaf >= 3;
         DELETE FROM records WHERE leaf >= 3; DELETE FROM open_calls; DELETE FROM outcomes;",
    );
}

#[test]
fn a_checkpoint_that_cannot_be_kept_is_not_shown() {
    let place = Place::new();
    let store = store_of(&place, 2);
    place.intruder().execute_batch("CREATE TRIGGER fails BEFORE INSERT ON checkpoints BEGIN SELECT RAISE (ROLLBACK, 'full'); END").unwrap();
    let good = checkpoint(2, place.reader().root(2).unwrap());
    assert!(store.publish(good.clone()).unwrap_err().is_unavailable());
    assert!(store.published().is_none() && store.metrics().last_error.is_some());
    place.intruder().execute_batch("DROP TRIGGER fails").unwrap();
    store.publish(good.clone()).unwrap();
    assert_eq!((*store.published().unwrap()).clone(), good);
    assert_eq!(decide(&store, 2, permit(2)).leaf(), 2);
    assert_eq!(store.metrics().last_error, None);
}

fn seen(size: u64, by: &str) -> Witnessed {
    let head = Head { size, root: Digest::of("foreign root", &[&size.to_be_bytes()]) };
    Witnessed { origin: "example.org/foreign".to_owned(), head, note: format!("cosigned {size} by {by}") }
}

#[test]
fn of_two_that_cosign_at_once_one_is_told_what_the_other_did() {
    let place = Place::new();
    let store = place.open();
    store.witness(seen(5, "first"), None).unwrap();
    for round in 1..20 {
        let (before, after) = (Some(seen(5 * round, "").head), 5 * (round + 1));
        let race = |by: &'static str| {
            let store = store.clone();
            std::thread::spawn(move || store.witness(seen(after, by), before))
        };
        let results = [race("one"), race("two")].map(|thread| thread.join().unwrap());
        let lost = Err(StoreError::WitnessedMore { size: after });
        assert!(results == [Ok(()), lost.clone()] || results == [lost, Ok(())], "{results:?}");
        let winner = if results[0].is_ok() { "one" } else { "two" };
        assert_eq!(place.reader().witnessed("example.org/foreign").unwrap().unwrap(), seen(after, winner));
    }
}

#[test]
fn what_was_cosigned_is_never_forgotten_or_taken_back() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.witness(seen(5, ""), Some(seen(4, "").head)), Err(StoreError::WitnessedMore { size: 0 }));
    store.witness(seen(5, ""), None).unwrap();
    drop(store);
    let store = place.open();
    assert_eq!(store.witness(seen(7, ""), None), Err(StoreError::WitnessedMore { size: 5 }));
    let other_root = Some(Head { root: Digest::of("fork", &[]), ..seen(5, "").head });
    assert_eq!(store.witness(seen(7, ""), other_root), Err(StoreError::WitnessedMore { size: 5 }));
    assert_eq!(store.witness(seen(4, ""), Some(seen(5, "").head)), Err(StoreError::WitnessedMore { size: 5 }), "never back");
    store.witness(seen(5, "again"), Some(seen(5, "").head)).unwrap();
    store.witness(seen(7, ""), Some(seen(5, "").head)).unwrap();
    let other_log = Witnessed { origin: "example.org/other".to_owned(), ..seen(1, "") };
    store.witness(other_log.clone(), None).unwrap();
    assert_eq!(place.reader().witnessed("example.org/foreign").unwrap(), Some(seen(7, "")));
    assert_eq!(place.reader().witnessed("example.org/other").unwrap(), Some(other_log));
    assert_eq!(place.reader().witnessed("example.org/none").unwrap(), None);
}

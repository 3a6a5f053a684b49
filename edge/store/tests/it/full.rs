//! A full disk: nothing is acknowledged, nothing is lost, and writing goes on by itself once there is space.

use comity_ledger::Outcome;
use comity_store::{Options, Store, StoreError};

use crate::given::{Place, decide, draft, end, permit, record, settle, wait};

/// Writes until the store refuses; gives the number of the refused call.
fn fill(store: &Store, from: u64) -> u64 {
    let mut n = from;
    loop {
        match wait(store.decide(draft(permit(n), record(n), "ministry"))) {
            Ok(receipt) => assert_eq!(receipt.leaf(), n),
            Err(error) => {
                assert!(error.is_unavailable(), "{error}");
                return n;
            }
        }
        n += 1;
    }
}

#[test]
fn a_full_store_refuses_and_goes_on_by_itself_when_there_is_space() {
    let place = Place::new();
    let store = Store::open(Options { size_max_bytes: Some(400_000), ..Options::new(place.path()) }).unwrap();
    let refused = fill(&store, 0);
    assert!(refused > 10, "{refused}");
    let before = place.reader().verify().unwrap();
    assert_eq!(before.size, refused, "what was acknowledged is there, and no more");
    assert!(store.metrics().last_error.unwrap().contains("full"));

    // An outcome that nobody waits for is kept in memory, the waiting one is told.
    store.outcome_later(end(&permit(0), Outcome::Ok));
    assert!(fill(&store, refused) == refused, "still full");

    store.set_size_max(None).unwrap();
    settle(&store);
    let receipt = decide(&store, refused, permit(refused));
    assert_eq!(receipt.leaf(), refused + 1, "after the outcome that was kept");
    assert_eq!(store.metrics().last_error, None);
    let after = place.reader().verify().unwrap();
    assert_eq!((after.size, after.outcomes), (refused + 2, 1));
}

#[test]
fn a_refusal_says_what_to_do() {
    let place = Place::new();
    let store = Store::open(Options { size_max_bytes: Some(300_000), ..Options::new(place.path()) }).unwrap();
    let n = fill(&store, 0);
    let error = wait(store.decide(draft(permit(n), record(n), "ministry"))).unwrap_err();
    assert_eq!(error.to_string(), "the ledger cannot be written: database or disk is full");
    assert_eq!(error.hint().unwrap(), "free some space on the disk or raise the size limit; writing goes on by itself");
}

#[test]
fn a_store_that_is_full_when_it_opens_says_so_and_opens_later() {
    let place = Place::new();
    let store = Store::open(Options { size_max_bytes: Some(300_000), ..Options::new(place.path()) }).unwrap();
    let refused = fill(&store, 0);
    drop(store);
    // Its open calls need outcomes, for which there is no space.
    let full = Store::open(Options { size_max_bytes: Some(300_000), ..Options::new(place.path()) });
    assert!(matches!(full, Err(StoreError::Unavailable(_))));
    drop(place.open());
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.decisions, verified.unknown_outcomes, verified.open), (refused, refused, 0));
}

//! Decisions and outcomes: one decision leaf a hop, one outcome a call, receipts after COMMIT.

use comity_ledger::{Commitments, DecisionLeaf, Leaf, Outcome, check_consistency, check_inclusion, commitment, leaf_hash};
use comity_store::{Durability, Options, Store, StoreError};
use comity_vocab::Digest;

use crate::given::{Place, SALT, call, decide, denial, draft, end, fallback, permit, record, settle, wait};

#[test]
fn a_receipt_names_decision_leaf_and_offering() {
    let place = Place::new();
    let store = place.open();
    let receipt = decide(&store, 1, permit(1));
    assert_eq!((receipt.decision(), receipt.call(), receipt.leaf(), receipt.hop()), (permit(1).decision, call(1), 0, 0));
    assert_eq!(receipt.offering(), permit(1).offering.as_ref());
    assert_eq!(decide(&store, 2, permit(2)).leaf(), 1);
    assert_eq!(store.metrics().leaves, 2);
}

#[test]
fn the_receipt_of_a_denial_opens_no_way() {
    let place = Place::new();
    let store = place.open();
    assert!(denial(1).offering.is_some());
    assert_eq!(decide(&store, 1, denial(1)).offering(), None);
    let none_asked = DecisionLeaf { offering: None, ..denial(2) };
    assert_eq!(decide(&store, 2, none_asked).offering(), None);
}

#[test]
fn every_leaf_says_how_durable_the_store_is() {
    for durability in [Durability::Commit, Durability::Os] {
        let place = Place::new();
        let store = Store::open(Options { durability, ..Options::new(place.path()) }).unwrap();
        decide(&store, 1, permit(1));
        let Leaf::Decision(leaf) = place.reader().leaf(0).unwrap().unwrap().leaf else { panic!("no decision") };
        let commitments = Commitments { sequence: commitment("sequence", &SALT, &1_u64.to_be_bytes()), ..permit(1).commitments };
        assert_eq!(leaf, DecisionLeaf { durability, commitments, ..permit(1) });
    }
}

#[test]
fn a_decision_is_written_once() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    let duplicate = StoreError::Duplicate { decision: permit(1).decision, hop: 0 };
    assert_eq!(wait(store.decide(draft(permit(1), record(1), "ministry"))).unwrap_err(), duplicate);
    let other_decision_same_hop = DecisionLeaf { decision: permit(2).decision, ..permit(1) };
    assert!(matches!(wait(store.decide(draft(other_decision_same_hop, record(1), "ministry"))), Err(StoreError::Duplicate { .. })));
    assert_eq!(decide(&store, 3, permit(3)).leaf(), 1, "a refused write takes no index");
    assert_eq!(place.reader().verify().unwrap().size, 2);
}

#[test]
fn a_call_has_a_leaf_for_each_hop_and_one_outcome() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    decide(&store, 1, fallback(1, 1));
    assert_eq!(wait(store.outcome(end(&fallback(1, 1), Outcome::Ok))).unwrap(), 2);
    let ended = StoreError::Ended { call: call(1) };
    assert_eq!(wait(store.outcome(end(&permit(1), Outcome::UpstreamFailed))).unwrap_err(), ended);
    assert_eq!(wait(store.decide(draft(fallback(1, 2), record(1), "ministry"))).unwrap_err(), ended);
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.decisions, verified.outcomes, verified.open), (2, 1, 0));
}

#[test]
fn the_same_decision_may_serve_two_hops() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    let second = DecisionLeaf { hop: 1, previous: Some(Outcome::UpstreamTimeout), ..permit(1) };
    decide(&store, 1, second.clone());
    wait(store.outcome(end(&second, Outcome::Ok))).unwrap();
    let found = place.reader().find_decision(&permit(1).decision.to_string()).unwrap();
    assert_eq!((found.index, found.hops, found.leaf.hop), (1, vec![0, 1], 1));
    assert_eq!(place.reader().verify().unwrap().records, 2);
}

#[test]
fn an_outcome_names_a_permit_of_its_call() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    decide(&store, 2, denial(2));
    let mut of_another_call = end(&permit(1), Outcome::Ok);
    of_another_call.call = call(9);
    for bad in [end(&permit(7), Outcome::Ok), end(&denial(2), Outcome::Refused), end(&fallback(1, 1), Outcome::Ok), of_another_call] {
        assert!(matches!(wait(store.outcome(bad)), Err(StoreError::NoSuchPermit { .. })));
    }
    assert_eq!(place.reader().size().unwrap(), 2);
}

#[test]
fn a_leaf_with_another_record_is_refused() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(wait(store.decide(draft(permit(1), record(2), "ministry"))).unwrap_err(), StoreError::WrongRecord);
    let too_large = vec![0; 2 * 1024 * 1024];
    assert!(matches!(
        wait(store.decide(draft(permit(1), too_large, "ministry"))),
        Err(StoreError::TooLarge { what: "the fact record", .. })
    ));
    let many_terms = DecisionLeaf { term_ids: vec!["t".repeat(128).parse().unwrap(); 600], ..permit(1) };
    assert!(matches!(wait(store.decide(draft(many_terms, record(1), "ministry"))), Err(StoreError::TooLarge { what: "the leaf", .. })));
    assert_eq!(place.reader().size().unwrap(), 0);
}

#[test]
fn a_caller_that_goes_away_before_its_receipt_leaves_an_outcome() {
    let place = Place::new();
    let store = place.open();
    wait(async {
        tokio::select! {
            biased;
            _ = store.decide(draft(permit(1), record(1), "ministry")) => panic!("written without waiting"),
            () = std::future::ready(()) => {}
        }
    });
    settle(&store);
    let found = place.reader().find_decision(&permit(1).decision.to_string()).unwrap();
    assert_eq!(found.outcome.unwrap().1.outcome, Outcome::ClientGone);
}

#[test]
fn an_outcome_for_later_is_written_without_waiting() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    store.outcome_later(end(&permit(1), Outcome::Ok));
    drop(store);
    assert_eq!(place.reader().verify().unwrap().outcomes, 1);
}

#[test]
fn calls_that_the_last_run_left_open_end_as_unknown() {
    let place = Place::new();
    let store = place.open();
    for n in 0..700 {
        store_many(&store, n);
    }
    drop(store);
    assert_eq!(place.reader().verify().unwrap().open, 350);
    drop(place.open());
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.open, verified.unknown_outcomes, verified.outcomes), (0, 350, 350));
    drop(place.open());
    assert_eq!(place.reader().verify().unwrap(), verified, "opening again writes nothing");
}

/// Even calls are permitted and left open, odd ones denied; handed over without waiting, so that batches form.
fn store_many(store: &Store, n: u64) {
    let leaf = if n.is_multiple_of(2) { permit(n) } else { denial(n) };
    decide(store, n, leaf);
}

#[test]
fn an_unknown_outcome_belongs_to_the_last_permitted_hop() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    decide(&store, 1, fallback(1, 1));
    decide(&store, 1, DecisionLeaf { verdict: comity_ledger::Verdict::Denial, ..fallback(1, 2) });
    drop(store);
    drop(place.open());
    let (index, outcome) = place.reader().find_decision(&permit(1).decision.to_string()).unwrap().outcome.unwrap();
    assert_eq!((index, outcome.hop, outcome.decision, outcome.outcome), (3, 1, fallback(1, 1).decision, Outcome::Unknown));
}

#[test]
fn every_leaf_is_proven_and_every_root_begins_the_next() {
    let place = Place::new();
    let store = place.open();
    let mut heads = vec![(0, place.reader().root(0).unwrap())];
    for n in 0..20 {
        decide(&store, n, permit(n));
        heads.push((n + 1, place.reader().root(n + 1).unwrap()));
    }
    let reader = place.reader();
    for (size, root) in heads.clone() {
        for index in 0..size {
            let hash = leaf_hash(&reader.leaf(index).unwrap().unwrap().bytes);
            check_inclusion(&reader.prove_inclusion(index, size).unwrap(), (size, root), (index, hash)).unwrap();
        }
        for (old, old_root) in heads.iter().filter(|(old, _)| *old <= size) {
            check_consistency(&reader.prove_consistency(*old, size).unwrap(), (size, root), (*old, *old_root)).unwrap();
        }
    }
    assert!(matches!(reader.prove_inclusion(20, 20), Err(StoreError::Tree(_))));
    assert!(matches!(reader.root(21), Err(StoreError::Tree(_))));
}

#[test]
fn generations_are_kept_and_never_changed() {
    use comity_store::Generation::{Catalogue, Terms};
    let place = Place::new();
    let store = place.open();
    let digest = Digest::of("test", &[]);
    store.keep_generation(Terms, digest, b"one").unwrap();
    store.keep_generation(Terms, digest, b"one").unwrap();
    store.keep_generation(Catalogue, digest, b"other kind").unwrap();
    assert_eq!(store.keep_generation(Terms, digest, b"two"), Err(StoreError::GenerationDiffers(digest)));
    let reader = place.reader();
    assert_eq!(reader.generation(Terms, digest).unwrap().unwrap(), b"one");
    assert_eq!(reader.generation(Terms, Digest::of("unknown", &[])).unwrap(), None);
    decide(&store, 1, permit(1));
    assert_eq!(reader.verify().unwrap().generations_missing, 2);
    store.keep_generation(Terms, permit(1).terms, b"terms").unwrap();
    assert_eq!(reader.verify().unwrap().generations_missing, 1);
}

//! Finding decisions by their beginning, with record, outcome and hops.

use comity_ledger::Outcome;
use comity_store::{Fact, FactRecord, FoundDecision, Reader, StoreError};
use comity_vocab::Digest;

use crate::given::{Place, decide, denial, end, fallback, permit, record, wait};

fn text_of(found: &FoundDecision) -> String {
    match &found.record {
        FactRecord::Open(plain) => String::from_utf8(plain.expose().clone()).unwrap(),
        FactRecord::Erased => "erased".to_owned(),
        FactRecord::Sealed => "sealed".to_owned(),
    }
}

#[test]
fn a_decision_is_found_by_its_beginning() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    decide(&store, 2, denial(2));
    wait(store.outcome(end(&permit(1), Outcome::Ok))).unwrap();
    let reader = place.reader();
    let whole = permit(1).decision.to_string();
    for digits in [4, 5, 12, 63, 64] {
        let found = reader.find_decision(whole.get(..digits).unwrap()).unwrap();
        assert_eq!((found.index, found.leaf.decision, found.hops.as_slice()), (0, permit(1).decision, [0].as_slice()), "{digits}");
        assert_eq!(found.outcome.as_ref().map(|(index, leaf)| (*index, leaf.outcome)), Some((2, Outcome::Ok)));
        assert_eq!(text_of(&found), "private facts of call 1");
    }
    let denied = reader.find_decision(&denial(2).decision.to_string().to_uppercase()).unwrap();
    assert_eq!((denied.index, denied.outcome), (1, None));
}

#[test]
fn a_bad_beginning_is_told_why() {
    let place = Place::new();
    let store = place.open();
    let mut leaves = [permit(1), permit(2)];
    leaves[0].decision = Digest::from_bytes([0xab; 32]);
    let mut bytes = [0xab; 32];
    bytes[31] = 0;
    leaves[1].decision = Digest::from_bytes(bytes);
    for (n, leaf) in (1..).zip(leaves) {
        decide(&store, n, leaf);
    }
    let check = |prefix: &str, expected: &str| {
        let error = place.reader().find_decision(prefix).err().unwrap();
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some());
    };
    check("abab", "more than one decision begins with `abab`");
    check("abac", "no decision begins with `abac`");
    check("aba", "`aba` is not the beginning of a decision");
    check("wxyz", "`wxyz` is not the beginning of a decision");
    check(&"a".repeat(65), &format!("`{}` is not the beginning of a decision", "a".repeat(65)));
    assert_eq!(place.reader().find_decision(&"ab".repeat(32)).unwrap().index, 0);
}

#[test]
fn hops_of_a_call_are_found_from_each_of_them() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    decide(&store, 2, permit(2));
    decide(&store, 1, fallback(1, 1));
    let reader = place.reader();
    for leaf in [permit(1), fallback(1, 1)] {
        assert_eq!(reader.find_decision(&leaf.decision.to_string()).unwrap().hops, [0, 2]);
    }
}

#[test]
fn leaves_are_read_in_order_from_anywhere() {
    let place = Place::new();
    let store = place.open();
    for n in 0..10 {
        decide(&store, n, permit(n));
    }
    let reader = place.reader();
    let indices = |from, count| reader.leaves(from, count).unwrap().into_iter().map(|leaf| leaf.index).collect::<Vec<_>>();
    assert_eq!(indices(7, 100), [7, 8, 9]);
    assert_eq!(indices(2, 3), [2, 3, 4]);
    assert_eq!(indices(10, 3), [0; 0]);
    assert_eq!(reader.leaf(10).unwrap(), None);
}

#[test]
fn a_fact_record_is_nowhere_in_clear() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    let canary = record(1);
    let in_clear = |place: &Place| place.all_bytes().windows(canary.len()).any(|window| window == canary);
    assert!(!in_clear(&place));
    drop(store);
    assert!(!in_clear(&place));
}

#[test]
fn a_copy_has_all_leaves_and_no_key() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    let copy = place.file("copy.db");
    place.reader().copy_to(&copy).unwrap();
    let reader = Reader::open(&copy).unwrap();
    let verified = reader.verify().unwrap();
    assert_eq!((verified.size, verified.sealed, verified.records), (1, 1, 0));
    assert_eq!(verified.root, place.reader().root(1).unwrap());
    assert_eq!(text_of(&reader.find_decision(&permit(1).decision.to_string()).unwrap()), "sealed");
    assert!(matches!(place.reader().copy_to(&copy), Err(StoreError::File { .. })), "a file is never overwritten");
}

#[test]
fn what_a_store_notes_about_itself_stays() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.reader().unwrap().noted(Fact::Origin).unwrap(), None);
    store.note(Fact::Origin, b"a".to_vec()).unwrap();
    store.note(Fact::Origin, b"b".to_vec()).unwrap();
    drop(store);
    assert_eq!(place.reader().noted(Fact::Origin).unwrap(), Some(b"b".to_vec()));
    assert_eq!(place.reader().noted(Fact::Signer).unwrap(), None);
}

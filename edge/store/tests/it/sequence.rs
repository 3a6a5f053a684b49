//! Numbers of calls: from 1 without gaps for each API key, so that whoever kept its receipts can show that none is missing.

use std::collections::BTreeMap;

use comity_ledger::{Leaf, Outcome, commitment};
use comity_store::{Draft, Receipt, Sequence, StoreError};

use crate::given::{Place, SALT, decide_all, denial, draft, end, fallback, permit, record, wait};

fn keyed(n: u64, key: &str) -> Draft {
    let sequence = Sequence { key: key.to_owned(), salt: SALT, number: None };
    Draft { sequence, ..draft(permit(n), record(n), "ministry") }
}

/// The numbers of `receipts`, sorted.
fn numbers<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> Vec<u64> {
    let mut numbers: Vec<_> = receipts.into_iter().map(Receipt::sequence).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn each_key_counts_from_1_without_gaps_whoever_else_calls_and_over_starts() {
    const KEYS: [&str; 3] = ["one", "two", ""];
    let place = Place::new();
    let mut all: BTreeMap<&str, Vec<Receipt>> = BTreeMap::new();
    for start in 0..4 {
        let store = place.open_os();
        let (from, to) = (start * 90, start * 90 + 90);
        let key = |n: u64| KEYS[(n % 3) as usize];
        let drafts = |range: std::ops::Range<u64>| range.map(|n| keyed(n, key(n))).collect::<Vec<_>>();
        let halves = std::thread::scope(|scope| {
            let threads = [drafts(from..from + 45), drafts(from + 45..to)].map(|half| scope.spawn(|| decide_all(&store, half)));
            threads.map(|thread| thread.join().unwrap())
        });
        for (n, receipt) in (from..).zip(halves.into_iter().flatten()) {
            all.entry(key(n)).or_default().push(receipt);
        }
    }
    for (key, receipts) in &all {
        assert_eq!(numbers(receipts), (1..=120).collect::<Vec<_>>(), "{key}");
    }
    // What the receipt says is what the leaf commits to, and what the private record keeps.
    let reader = place.reader();
    for receipt in all.into_values().flatten() {
        let found = reader.find_decision(&receipt.decision().to_string()).unwrap();
        assert_eq!(found.sequence, Some(receipt.sequence()));
        let expected = commitment("sequence", &SALT, &receipt.sequence().to_be_bytes());
        assert!(
            matches!(reader.leaf(receipt.leaf()).unwrap().unwrap().leaf, Leaf::Decision(leaf) if leaf.commitments.sequence == expected)
        );
    }
}

#[test]
fn refused_writes_take_no_number() {
    let place = Place::new();
    let store = place.open_os();
    decide_all(&store, [keyed(1, "key")]);
    assert!(matches!(wait(store.decide(keyed(1, "key"))), Err(StoreError::Duplicate { .. })));
    assert_eq!(wait(store.decide(Draft { record: vec![], ..keyed(2, "key") })).unwrap_err(), StoreError::WrongRecord);
    wait(store.outcome(end(&permit(1), Outcome::Ok))).unwrap();
    let late = Draft { leaf: fallback(1, 1), ..keyed(1, "key") };
    assert!(matches!(wait(store.decide(late)), Err(StoreError::Ended { .. })));
    assert_eq!(numbers(&decide_all(&store, [keyed(2, "key")])), [2]);
    assert_eq!(numbers(&decide_all(&store, [Draft { leaf: denial(3), ..keyed(3, "key") }])), [3], "a denial is a call too");
    // In one batch with good ones.
    wait(async {
        let results = tokio::join!(
            store.decide(keyed(4, "key")),
            store.decide(keyed(4, "key")),
            store.decide(keyed(5, "key")),
            store.decide(keyed(1, "key")),
            store.decide(keyed(6, "key")),
        );
        let numbers = [results.0, results.1, results.2, results.3, results.4].map(|result| result.map(|receipt| receipt.sequence()).ok());
        assert_eq!(numbers, [Some(4), None, Some(5), None, Some(6)]);
    });
}

#[test]
fn failed_batches_take_no_number() {
    let place = Place::new();
    let store = place.open();
    decide_all(&store, [keyed(1, "key")]);
    for (failure, table) in [("ABORT", "leaves"), ("ROLLBACK", "leaves"), ("ABORT", "sequences"), ("ROLLBACK", "roots")] {
        let trigger = format!("CREATE TRIGGER fails BEFORE INSERT ON {table} BEGIN SELECT RAISE ({failure}, 'no space'); END");
        place.intruder().execute_batch(&trigger).unwrap();
        for n in 10..13 {
            assert!(wait(store.decide(keyed(n, "key"))).unwrap_err().is_unavailable());
            assert!(wait(store.decide(keyed(n, "new key"))).unwrap_err().is_unavailable());
        }
        place.intruder().execute_batch("DROP TRIGGER fails").unwrap();
    }
    assert_eq!(numbers(&decide_all(&store, [keyed(2, "key")])), [2]);
    drop(store);
    let store = place.open();
    assert_eq!(numbers(&decide_all(&store, [keyed(3, "key"), keyed(4, "new key")])), [1, 3]);
    place.reader().verify().unwrap();
}

#[test]
fn hops_of_a_call_share_its_number() {
    let place = Place::new();
    let store = place.open_os();
    let [first, other] = decide_all(&store, [keyed(1, "key"), keyed(2, "key")]).try_into().unwrap();
    let sequence = Sequence { key: "key".to_owned(), salt: SALT, number: Some(first.sequence()) };
    let hop = Draft { sequence, leaf: fallback(1, 1), ..keyed(1, "key") };
    let second = wait(store.decide(hop)).unwrap();
    assert_eq!((second.sequence(), second.hop()), (first.sequence(), 1));
    assert_eq!(numbers([&first, &other, &decide_all(&store, [keyed(3, "key")])[0]]), [1, 2, 3], "and takes none of its own");
    assert_eq!(place.reader().find_decision(&fallback(1, 1).decision.to_string()).unwrap().sequence, Some(first.sequence()));
}

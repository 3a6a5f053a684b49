//! Bodies and answers that are kept: they open for who has the keys, and never cost a leaf.

use comity_ledger::Outcome;
use comity_store::{CONTENT_BYTES_MAX, Content, Draft, Erasure, ErasureOrder, Options, Reader, Store, StoreError};
use comity_vocab::{Digest, Plain};

use crate::given::{Place, decide, decide_all, draft, end, holds, permit, record, settle, wait};

const SAID: &[u8] = b"what somebody said";
const ANSWERED: &[u8] = b"what was answered";

fn keeping(n: u64, content: Vec<u8>) -> Draft {
    Draft { content: Some(content), ..draft(permit(n), record(n), "ministry") }
}

fn ok(n: u64) -> comity_ledger::OutcomeLeaf {
    end(&permit(n), Outcome::Ok)
}

/// The call's body and answer, and whether it has an outcome.
fn kept(reader: &Reader, n: u64) -> (Option<Vec<u8>>, Option<Vec<u8>>, bool) {
    let found = reader.find_decision(&permit(n).decision.to_string()).unwrap();
    let [call, answer] = [Content::Call, Content::Answer].map(|part| reader.content(found.index, part).unwrap());
    let clear = |content: Option<Plain<Vec<u8>>>| content.map(|plain| plain.expose().clone());
    (clear(call), clear(answer), found.outcome.is_some())
}

fn erase(store: &Store, which: Erasure) -> u64 {
    let order = ErasureOrder { which, reason: comity_ledger::ErasureReason::Other, selector: Digest::of("test", &[]) };
    store.erase(order).unwrap().keys
}

#[test]
fn content_opens_where_it_was_kept_and_is_in_clear_nowhere() {
    let place = Place::new();
    let store = place.open();
    decide_all(&store, [keeping(0, SAID.to_vec()), keeping(1, vec![]), draft(permit(2), record(2), "ministry")]);
    store.outcome_later_with(ok(0), Plain::new(ANSWERED.to_vec()));
    store.outcome_later(ok(1));
    store.outcome_later_with(ok(2), Plain::new(ANSWERED.to_vec()));
    settle(&store);
    let reader = place.reader();
    assert_eq!(kept(&reader, 0), (Some(SAID.to_vec()), Some(ANSWERED.to_vec()), true));
    assert_eq!(kept(&reader, 1), (Some(vec![]), None, true));
    assert_eq!(kept(&reader, 2), (None, Some(ANSWERED.to_vec()), true));
    let outcome = reader.find_decision(&permit(0).decision.to_string()).unwrap().outcome.unwrap().0;
    assert!(reader.content(outcome, Content::Answer).unwrap().is_none(), "beside the decision only");
    assert!(reader.content(99, Content::Call).unwrap().is_none());
    for _ in 0..2 {
        assert!(!holds(&place.all_bytes(), SAID) && !holds(&place.all_bytes(), ANSWERED));
        settle(&store);
    }
    reader.verify().unwrap();
}

#[test]
fn content_that_was_changed_is_found() {
    let place = Place::new();
    let store = place.open();
    decide_all(&store, [keeping(0, SAID.to_vec())]);
    store.outcome_later_with(ok(0), Plain::new(ANSWERED.to_vec()));
    settle(&store);
    for change in [
        "UPDATE contents SET sealed = zeroblob(90) WHERE part = 0",
        "UPDATE contents SET sealed = (SELECT sealed FROM contents WHERE part = 1) WHERE part = 0",
        "UPDATE contents SET sealed = x'' WHERE part = 0",
    ] {
        place.intruder().execute_batch(change).unwrap();
        let what = "the content that was kept beside it was changed".to_owned();
        assert_eq!(place.reader().content(0, Content::Call).err(), Some(StoreError::Tampered { index: 0, what }), "{change}");
    }
}

#[test]
fn an_answer_whose_key_was_destroyed_meanwhile_is_not_kept_and_its_outcome_is() {
    let place = Place::new();
    let store = place.open();
    decide_all(&store, [keeping(0, SAID.to_vec())]);
    assert_eq!(erase(&store, Erasure::Workload("desk".to_owned())), 1);
    // The workload goes on, under a new key: the late answer does not come back under it.
    decide_all(&store, [keeping(1, SAID.to_vec())]);
    store.outcome_later_with(ok(0), Plain::new(ANSWERED.to_vec()));
    store.outcome_later_with(ok(1), Plain::new(ANSWERED.to_vec()));
    settle(&store);
    assert_eq!(kept(&place.reader(), 0), (None, None, true));
    assert_eq!(kept(&place.reader(), 1), (Some(SAID.to_vec()), Some(ANSWERED.to_vec()), true));
    let rows: u64 = place.intruder().query_row("SELECT COUNT(*) FROM contents WHERE part = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    place.reader().verify().unwrap();
}

/// A key that somebody changed keeps nothing more; who shares the batch does not notice.
#[test]
fn a_changed_key_costs_nobody_else_a_leaf_and_no_outcome_at_all() {
    let place = Place::new();
    let store = place.open();
    let of = |n: u64, tenant: &str| Draft { content: Some(SAID.to_vec()), ..draft(permit(n), record(n), tenant) };
    decide_all(&store, [of(0, "bank"), of(1, "clinic")]);
    place.key_intruder().execute_batch("UPDATE data_keys SET wrapped = zeroblob(81) WHERE tenant = 'bank'").unwrap();
    store.outcome_later_with(ok(0), Plain::new(ANSWERED.to_vec()));
    store.outcome_later_with(ok(1), Plain::new(ANSWERED.to_vec()));
    settle(&store);
    drop(store);
    let store = place.open();
    wait(async {
        let (bad, good, none) = tokio::join!(
            store.decide(of(2, "bank")),
            store.decide(of(3, "clinic")),
            store.decide(Draft { whose: draft(permit(4), vec![], "new").whose, ..of(4, "new") }),
        );
        assert_eq!(bad.unwrap_err(), StoreError::Encryption);
        assert_eq!((good.unwrap().sequence(), none.unwrap().sequence()), (3, 4));
    });
    assert_eq!(store.metrics().last_error, None);
    drop(store);
    let reader = place.reader();
    assert!(reader.find_decision(&permit(0).decision.to_string()).is_err(), "its record was changed, and says so");
    assert_eq!(kept(&reader, 1), (Some(SAID.to_vec()), Some(ANSWERED.to_vec()), true));
    let what = "the key of its fact record was changed".to_owned();
    assert_eq!(reader.verify(), Err(StoreError::Tampered { index: 0, what }));
    // All else is as it should be.
    place.key_intruder().execute_batch("DELETE FROM data_keys WHERE tenant = 'bank'").unwrap();
    drop(place.open());
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.decisions, verified.outcomes, verified.sealed, verified.open), (4, 4, 1, 0));
}

#[test]
fn what_is_too_large_is_refused_or_left_away() {
    let place = Place::new();
    let store = place.open_os();
    let large = vec![1; CONTENT_BYTES_MAX + 1];
    let refused = wait(store.decide(keeping(0, large.clone()))).unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { what: "the content", .. }));
    decide(&store, 0, permit(0));
    store.outcome_later_with(ok(0), Plain::new(large));
    decide_all(&store, [keeping(1, vec![1; CONTENT_BYTES_MAX])]);
    settle(&store);
    assert_eq!(kept(&place.reader(), 0), (None, None, true));
    assert_eq!(kept(&place.reader(), 1).0.map(|content| content.len()), Some(CONTENT_BYTES_MAX));
}

#[test]
fn a_full_disk_loses_contents_before_outcomes() {
    let place = Place::new();
    let store = Store::open(Options { size_max_bytes: Some(600_000), ..Options::new(place.path()) }).unwrap();
    let drafts = |range: std::ops::Range<u64>| range.map(|n| draft(permit(n), record(n), "ministry"));
    decide_all(&store, drafts(0..20));
    // Larger than the whole store may become: each has to go for its outcome to be written.
    for n in 0..20 {
        store.outcome_later_with(ok(n), Plain::new(vec![7; 900_000]));
    }
    settle(&store);
    settle(&store);
    assert_eq!(store.metrics().last_error, None);
    assert!((0..20).all(|n| kept(&place.reader(), n) == (None, None, true)), "every outcome is there");
    assert!(wait(store.decide(keeping(20, vec![7; 900_000]))).unwrap_err().is_unavailable(), "a body that was asked for is not left away");
    decide_all(&store, drafts(21..22));
    assert_eq!(place.reader().verify().unwrap().outcomes, 20);
}

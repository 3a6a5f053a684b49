//! What upstreams keep: remembered soon, recalled at once, sealed, forgotten in time, and never at the cost of a leaf.

use comity_ledger::Outcome;
use comity_store::{Options, Reader, State, Store, StoreError};
use comity_vocab::{Digest, Instant};

use crate::given::{Place, decide, draft, end, permit, record, settle, wait};

/// Long after the writer's own clock, so that it deletes none of what these tests still ask for.
const NOW: Instant = Instant::from_seconds(8_000_000_000);
const LATER: Instant = Instant::from_seconds(9_000_000_000);

fn id(n: u64) -> Digest {
    Digest::of("test state", &[&n.to_be_bytes()])
}

fn state(n: u64, text: &str) -> State {
    State { id: id(n), tenant: "ministry".to_owned(), bytes: text.as_bytes().to_vec(), expires: LATER }
}

fn recall(store: &Store, ids: impl IntoIterator<Item = u64>) -> Vec<Option<String>> {
    let ids: Vec<_> = ids.into_iter().map(id).collect();
    let found = store.recall(&ids, NOW).unwrap();
    found.into_iter().map(|bytes| bytes.map(|bytes| String::from_utf8(bytes).unwrap())).collect()
}

fn texts<const N: usize>(texts: [Option<&str>; N]) -> Vec<Option<String>> {
    texts.map(|text| text.map(str::to_owned)).into()
}

fn rows(place: &Place) -> u64 {
    place.intruder().query_row("SELECT COUNT(*) FROM states", [], |row| row.get(0)).unwrap()
}

#[test]
fn states_are_recalled_in_the_order_of_their_ids_at_once_and_when_written() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(recall(&store, [1]), texts([None]));
    assert_eq!(recall(&store, []), texts([]));
    store.remember_later(vec![state(1, "one"), state(2, "two")]);
    let expected = texts([Some("two"), None, Some("one"), Some("two")]);
    assert_eq!(recall(&store, [2, 3, 1, 2]), expected);
    settle(&store);
    assert_eq!(rows(&place), 2);
    assert_eq!(recall(&store, [2, 3, 1, 2]), expected);
    store.remember_later(vec![]);
    drop(store);
    assert_eq!(recall(&place.open(), [2, 3, 1, 2]), expected, "after opening again");
}

#[test]
fn what_is_handed_over_last_is_written_when_the_store_closes() {
    let place = Place::new();
    let store = place.open();
    // More than one batch.
    store.remember_later((0..1500).map(|n| state(n, "written")).collect());
    drop(store);
    assert_eq!(rows(&place), 1500);
    assert_eq!(recall(&place.open(), [0, 1499]), texts([Some("written"), Some("written")]));
}

#[test]
fn the_later_state_of_an_id_replaces_the_earlier_one() {
    let place = Place::new();
    let store = place.open();
    store.remember_later(vec![state(1, "first"), state(1, "second")]);
    assert_eq!(recall(&store, [1]), texts([Some("second")]));
    settle(&store);
    store.remember_later(vec![State { tenant: "bank".to_owned(), expires: Instant(NOW.0 + 1), ..state(1, "third") }]);
    settle(&store);
    assert_eq!(recall(&store, [1]), texts([Some("third")]));
    assert_eq!(store.recall(&[id(1)], Instant(NOW.0 + 1)).unwrap(), [None], "its expiry replaces the other too");
    assert_eq!(rows(&place), 1);
}

#[test]
fn what_is_not_written_yet_is_recalled_and_waits_within_a_bound() {
    let place = Place::new();
    let store = place.open();
    store.remember_later(vec![state(1, "written"), state(2, "old")]);
    settle(&store);
    let mut other = place.intruder();
    let lock = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    store.remember_later((10..4106).map(|n| state(n, "waits")).collect());
    store.remember_later(vec![state(2, "new"), state(10, "waits too"), state(5000, "too many")]);
    assert_eq!(
        recall(&store, [1, 2, 10, 11, 5000]),
        texts([Some("written"), None, Some("waits too"), Some("waits"), None]),
        "what is newer and lost is not replaced by what is older"
    );
    drop(lock);
    drop(store);
    assert_eq!(rows(&place), 4098);
}

#[test]
fn an_oversized_state_is_forgotten() {
    let place = Place::new();
    let store = place.open();
    store.remember_later(vec![state(1, &"x".repeat(4096)), state(2, &"x".repeat(4097))]);
    store.remember_later(vec![State { tenant: "t".repeat(129), ..state(3, "long name") }]);
    settle(&store);
    assert_eq!(recall(&store, [1, 2, 3]).iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(rows(&place), 1);
}

#[test]
fn a_state_expires_to_the_microsecond_and_its_row_is_deleted() {
    let place = Place::new();
    let store = place.open();
    let soon = Instant(NOW.0 + 1);
    store.remember_later(vec![State { expires: soon, ..state(1, "soon") }]);
    for _ in 0..2 {
        assert_eq!(store.recall(&[id(1)], NOW).unwrap(), [Some(b"soon".to_vec())]);
        assert_eq!(store.recall(&[id(1)], soon).unwrap(), [None]);
        settle(&store);
    }
    // Long ago by the writer's clock: gone with the batch after theirs.
    store.remember_later((10..2000).map(|n| State { expires: Instant(1), ..state(n, "past") }).collect());
    for n in 0..8 {
        settle(&store);
        store.remember_later(vec![state(5000 + n, "new")]);
    }
    settle(&store);
    assert_eq!(rows(&place), 9);
}

#[test]
fn expired_rows_are_deleted_when_the_store_opens() {
    let place = Place::new();
    let store = place.open();
    store.remember_later((0..3000).map(|n| state(n, "kept")).collect());
    drop(store);
    place.intruder().execute("UPDATE states SET expires = 1 WHERE id <> ?1", [id(1).as_bytes()]).unwrap();
    let store = place.open();
    assert_eq!(rows(&place), 1);
    assert_eq!(recall(&store, [0, 1]), texts([None, Some("kept")]));
}

#[test]
fn a_changed_state_is_nobodys() {
    let check = |change: &str, expected: [Option<&str>; 2]| {
        let place = Place::new();
        let store = place.open();
        store.remember_later(vec![state(1, "one"), State { tenant: "bank".to_owned(), ..state(2, "two") }]);
        settle(&store);
        place.intruder().execute(change, rusqlite::named_params! { ":one": id(1).as_bytes(), ":two": id(2).as_bytes() }).unwrap();
        assert_eq!(recall(&store, [1, 2]), texts(expected), "{change}");
    };
    check("UPDATE states SET expires = expires WHERE id IN (:one, :two)", [Some("one"), Some("two")]);
    check("UPDATE states SET tenant = (SELECT tenant FROM states WHERE id = :two) WHERE id = :one", [None, Some("two")]);
    check("UPDATE states SET expires = expires + 1 WHERE id = :one OR id = :two AND FALSE", [None, Some("two")]);
    check("UPDATE states SET sealed = (SELECT sealed FROM states WHERE id = :two) WHERE id = :one", [None, Some("two")]);
    check("UPDATE states SET sealed = x'' WHERE id IN (:one, :two)", [None, None]);
}

#[test]
fn what_is_remembered_is_in_clear_nowhere() {
    let place = Place::new();
    let store = place.open();
    store.remember_later(vec![state(1, "who made it and where")]);
    settle(&store);
    let found = |place: &Place| place.all_bytes().windows(21).any(|window| window == b"who made it and where");
    assert!(!found(&place));
    drop(store);
    assert!(!found(&place));
}

#[test]
fn another_master_key_opens_no_state() {
    let (place, other) = (Place::new(), Place::new());
    let store = place.open();
    store.remember_later(vec![state(1, "one")]);
    drop(store);
    drop(other.open());
    std::fs::copy(other.file("ledger.db.master"), place.file("ledger.db.master")).unwrap();
    assert!(matches!(Store::open(Options::new(place.path())), Err(StoreError::MasterKey { reason: "belongs to another store", .. })));
    // Also when somebody makes the store believe that it belongs.
    let intruder = place.intruder();
    intruder.execute("ATTACH ?1 AS other", [other.path().to_str().unwrap()]).unwrap();
    intruder.execute("UPDATE main.facts_about_store SET value = (SELECT value FROM other.facts_about_store)", []).unwrap();
    drop(intruder);
    assert_eq!(recall(&place.open(), [1]), texts([None]));
}

/// `RAISE (ROLLBACK)` undoes the whole transaction, as a full disk does.
#[test]
fn states_that_cannot_be_written_cost_no_leaf() {
    for failure in ["ABORT", "ROLLBACK"] {
        let place = Place::new();
        let store = place.open();
        store.remember_later(vec![state(1, "old")]);
        settle(&store);
        let trigger = format!("CREATE TRIGGER fails BEFORE INSERT ON states BEGIN SELECT RAISE ({failure}, 'no space'); END");
        place.intruder().execute_batch(&trigger).unwrap();
        for n in 0..20 {
            // Its first state makes the tenant's key in a transaction that is undone; its first leaf makes it again.
            let tenant = format!("tenant {n}");
            store.remember_later(vec![state(1, "new"), State { tenant: tenant.clone(), ..state(100 + n, "lost") }]);
            wait(store.decide(draft(permit(n), record(n), &tenant))).unwrap();
            store.outcome_later(end(&permit(n), Outcome::Ok));
        }
        settle(&store);
        assert_eq!(store.metrics().last_error, None);
        assert_eq!(recall(&store, [1, 100, 119]), texts([None; 3]), "nor is the older one taken for the newer");
        place.intruder().execute_batch("DROP TRIGGER fails").unwrap();
        store.remember_later(vec![state(1, "newest")]);
        settle(&store);
        assert_eq!(recall(&store, [1, 100]), texts([Some("newest"), None]));
        let verified = place.reader().verify().unwrap();
        assert_eq!((verified.size, verified.records, verified.outcomes, verified.open), (40, 20, 20, 0), "{failure}");
    }
}

#[test]
fn a_tenant_whose_key_was_destroyed_loses_its_states_and_goes_on() {
    let place = Place::new();
    let store = place.open();
    let of = |tenant: &str, n: u64, text: &str| State { tenant: tenant.to_owned(), ..state(n, text) };
    store.remember_later(vec![of("bank", 1, "shredded")]);
    drop(store);
    place.key_intruder().execute("DELETE FROM tenants", []).unwrap();
    let store = place.open();
    store.remember_later((10..500).map(|n| of(if n % 2 == 0 { "bank" } else { "ministry" }, n, "new")).collect());
    settle(&store);
    assert_eq!(recall(&store, [1, 10, 11, 498, 499]), texts([None, Some("new"), Some("new"), Some("new"), Some("new")]));
    assert_eq!(rows(&place), 491);
}

#[test]
fn states_that_fill_the_store_cost_no_leaf_that_fits() {
    let place = Place::new();
    let store = Store::open(Options { size_max_bytes: Some(400_000), ..Options::new(place.path()) }).unwrap();
    decide(&store, 0, permit(0));
    for n in 0..50 {
        store.remember_later((0..50).map(|m| state(50 * n + m, &"x".repeat(2000))).collect());
        settle(&store);
    }
    assert!(rows(&place) < 200, "the store is full");
    assert_eq!(store.metrics().last_error, None, "no leaf was tried");
    let outcome = wait(store.outcome(end(&permit(0), Outcome::Ok)));
    assert!(outcome.is_ok() || outcome.is_err_and(|error| error.is_unavailable()));
    store.set_size_max(None).unwrap();
    store.remember_later(vec![state(7, "goes on")]);
    assert_eq!(decide(&store, 1, permit(1)).offering(), permit(1).offering.as_ref());
    settle(&store);
    assert_eq!(recall(&store, [7]), texts([Some("goes on")]));
    place.reader().verify().unwrap();
}

#[test]
fn verification_and_copies_do_not_mind_states() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    let before = place.reader().verify().unwrap();
    store.remember_later(vec![state(1, "one")]);
    settle(&store);
    assert_eq!(place.reader().verify().unwrap(), before);
    let copy = place.file("copy.db");
    place.reader().copy_to(&copy).unwrap();
    assert_eq!(Reader::open(&copy).unwrap().verify().unwrap().root, before.root);
}

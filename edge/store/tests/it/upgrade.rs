//! Stores that older programs wrote are brought to today's schema, whole or not at all; nothing of them is lost.

use std::path::Path;

use comity_ledger::Month;
use comity_store::{Erasure, ErasureOrder, FactRecord, Keys, Options, Reader, Store, StoreError};
use comity_vocab::{Digest, Instant};
use rusqlite::Connection;

use crate::given::{Place, decide, only_mine, permit, record};

/// A store as a program of schema 2 wrote it.
fn schema_2() -> Place {
    let place = Place::new();
    let db = Connection::open(place.path()).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "foreign_keys", false).unwrap();
    db.execute_batch(include_str!("schema-2.sql")).unwrap();
    write_master(&place.file("ledger.db.master"));
    place
}

/// The same calls in a store of the first program.
fn schema_1() -> Place {
    let place = schema_2();
    let newer = place.file("newer.db");
    std::fs::rename(place.path(), &newer).unwrap();
    let old = Connection::open(place.path()).unwrap();
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    old.execute_batch(include_str!("schema-1.sql")).unwrap();
    old.pragma_update(None, "foreign_keys", false).unwrap();
    old.execute("DELETE FROM counters", []).unwrap();
    old.execute("ATTACH ?1 AS newer", [newer.to_str().unwrap()]).unwrap();
    for table in ["leaves", "roots", "decisions", "outcomes", "open_calls", "tenants", "records", "counters", "facts_about_store"] {
        old.execute(&format!("INSERT INTO main.{table} SELECT * FROM newer.{table}"), []).unwrap();
    }
    old.execute_batch("PRAGMA application_id = 1131246713; PRAGMA user_version = 1;").unwrap();
    place
}

fn write_master(path: &Path) {
    std::fs::write(path, include_str!("schema-2.master")).unwrap();
    only_mine(path);
}

fn schema_of(place: &Place) -> (i64, Vec<String>) {
    let db = place.intruder();
    let version = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let mut tables = db.prepare("SELECT name || ' ' || type FROM pragma_table_list WHERE schema = 'main' ORDER BY name").unwrap();
    let tables = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    (version, tables)
}

#[test]
fn older_stores_are_upgraded_when_a_gateway_opens_them() {
    for (place, old) in [(schema_1(), 1), (schema_2(), 2)] {
        let refused = Reader::open(&place.path()).err().unwrap();
        assert_eq!(refused, StoreError::Older { path: place.path(), found: old });
        assert!(refused.hint().is_some());
        Keys::open(&place.path()).unwrap();
        assert_eq!(schema_of(&place).0, old, "only a gateway upgrades");
        let store = place.open();
        decide(&store, 10, permit(10));
        let id = Digest::of("test state", &[&1_u64.to_be_bytes()]);
        let kept = store.recall(&[id], Instant::from_seconds(8_000_000_000)).unwrap();
        assert_eq!(kept, [(old == 2).then(|| b"one".to_vec())]);
        drop(store);

        let new = Place::new();
        drop(new.open());
        assert_eq!(schema_of(&place), schema_of(&new));
        let references: u64 =
            place.intruder().query_row("SELECT COUNT(*) FROM pragma_foreign_key_list('outcomes')", [], |row| row.get(0)).unwrap();
        assert_eq!(references, 0, "what made every leaf read all outcomes is gone");
        let after = place.reader().verify().unwrap();
        assert_eq!((after.size, after.decisions, after.outcomes, after.unknown_outcomes), (7, 4, 3, 1), "{after:?}");
        assert_eq!((after.records, after.erased, after.sealed), (4, 0, 0));
    }
}

#[test]
fn old_records_open_as_before_and_are_erased_by_month() {
    let place = schema_2();
    let store = place.open();
    let opened = |n: u64| match place.reader().find_decision(&permit(n).decision.to_string()).unwrap().record {
        FactRecord::Open(plain) => Some(plain.expose().clone()),
        FactRecord::Erased | FactRecord::Sealed => None,
    };
    assert_eq!((opened(0), opened(2)), (Some(record(0)), Some(record(2))));
    let month = Month::of(permit(0).minute);
    let (selector, reason) = (Digest::from_bytes([0; 32]), comity_ledger::ErasureReason::Retention);
    let later = Month::beginning("2027-03-01".parse().unwrap()).unwrap();
    assert!(month < later);
    let erased = store.erase(ErasureOrder { which: Erasure::Before(later), reason, selector }).unwrap();
    assert_eq!((erased.keys, opened(0), opened(2)), (1, None, None));
}

#[test]
fn an_upgrade_that_fails_leaves_the_old_store() {
    let place = schema_1();
    place.intruder().execute_batch("CREATE TABLE states (x)").unwrap();
    assert!(matches!(Store::open(Options::new(place.path())), Err(StoreError::Unavailable(_))));
    let references = place.intruder().query_row("SELECT COUNT(*) FROM pragma_foreign_key_list('outcomes')", [], |row| row.get(0));
    assert_eq!((schema_of(&place).0, references), (1, Ok(1)));
    place.intruder().execute_batch("DROP TABLE states").unwrap();
    drop(place.open());
    assert_eq!(schema_of(&place).0, 3);
    assert_eq!(place.reader().verify().unwrap().records, 3);
}

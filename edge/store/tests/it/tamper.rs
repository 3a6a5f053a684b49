//! Whatever is changed in the file is found, and the leaf is named.

use comity_ledger::Outcome;
use comity_store::{Options, Reader, Store, StoreError};
use rusqlite::Connection;

use crate::given::{Place, decide, denial, end, fallback, permit, wait};

/// Leaves: 0 permit 1, 1 denial 2, 2 outcome of 1, 3 permit 3, 4 its second hop, 5 outcome of 3, 6 permit 4 (open).
fn ledger() -> Place {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    decide(&store, 2, denial(2));
    wait(store.outcome(end(&permit(1), Outcome::Ok))).unwrap();
    decide(&store, 3, permit(3));
    decide(&store, 3, fallback(3, 1));
    wait(store.outcome(end(&fallback(3, 1), Outcome::ClientGone))).unwrap();
    decide(&store, 4, permit(4));
    drop(store);
    place
}

/// After `change`, verification names leaf `index` and says `what`.
fn check(change: &str, index: u64, what: &str) {
    let place = ledger();
    place.intruder().execute_batch(change).unwrap();
    assert_eq!(place.reader().verify(), Err(StoreError::Tampered { index, what: what.to_owned() }), "{change}");
}

#[test]
fn an_untouched_ledger_verifies() {
    let verified = ledger().reader().verify().unwrap();
    let counts = [verified.size, verified.decisions, verified.denials, verified.outcomes, verified.unknown_outcomes, verified.open];
    assert_eq!(counts, [7, 5, 1, 2, 0, 1]);
    assert_eq!((verified.records, verified.erased, verified.sealed, verified.generations_missing), (5, 0, 0, 2));
}

#[test]
fn every_single_byte_of_every_leaf_counts() {
    let place = ledger();
    let reader = place.reader();
    let intruder = place.intruder();
    let write = |index: u64, bytes: &[u8]| {
        intruder.execute("UPDATE leaves SET bytes = ?2 WHERE idx = ?1", rusqlite::params![index, bytes]).unwrap();
    };
    for leaf in reader.leaves(0, 100).unwrap() {
        for at in 0..leaf.bytes.len() {
            let mut changed = leaf.bytes.clone();
            changed[at] ^= 1 << (at % 8);
            write(leaf.index, &changed);
            let found = reader.verify();
            assert!(matches!(found, Err(StoreError::Tampered { index, .. }) if index == leaf.index), "byte {at}: {found:?}");
        }
        write(leaf.index, &leaf.bytes);
    }
    reader.verify().unwrap();
}

#[test]
fn leaves_cannot_be_cut_swapped_or_added() {
    check("DELETE FROM leaves WHERE idx = 0", 0, "the leaf is missing");
    check("DELETE FROM leaves WHERE idx = 3", 3, "the leaf is missing");
    check("DELETE FROM leaves WHERE idx = 6", 6, "the recorded root covers 7 leaves, the store holds 6");
    check("DELETE FROM leaves", 0, "the recorded root covers 1 leaves, the store holds 0");
    check("DELETE FROM roots WHERE size = 7", 6, "the leaf lies after the last recorded root");
    check("DELETE FROM leaves WHERE idx = 6; DELETE FROM roots WHERE size = 7", 6, "the list of decisions names leaves that are not there");
    let swap =
        "UPDATE leaves SET idx = -1 WHERE idx = 0; UPDATE leaves SET idx = 0 WHERE idx = 3; UPDATE leaves SET idx = 3 WHERE idx = -1";
    check(swap, 0, "its bytes do not have the stored hashes");
}

#[test]
fn hashes_and_roots_cannot_be_changed() {
    check("UPDATE leaves SET hashes = zeroblob(32) WHERE idx = 2", 2, "its bytes do not have the stored hashes");
    check("UPDATE leaves SET hashes = x'' WHERE idx = 2", 2, "its bytes do not have the stored hashes");
    check("UPDATE roots SET root = zeroblob(32) WHERE size = 4", 3, "the recorded root is not that of the leaves up to here");
    check("INSERT INTO roots VALUES (99, zeroblob(32))", 7, "the recorded root covers 99 leaves, the store holds 7");
}

#[test]
fn a_forged_leaf_with_its_hash_does_not_lead_to_the_root() {
    let place = ledger();
    let leaf = place.reader().leaf(6).unwrap().unwrap();
    let forged = String::from_utf8(leaf.bytes).unwrap().replace("\"permit\"", "\"denial\"");
    let hash = *comity_ledger::leaf_hash(forged.as_bytes()).as_bytes();
    let params = rusqlite::params![forged.as_bytes(), hash];
    place.intruder().execute("UPDATE leaves SET bytes = ?1, hashes = ?2 WHERE idx = 6", params).unwrap();
    place.intruder().execute_batch("UPDATE decisions SET permit = 0 WHERE leaf = 6; DELETE FROM open_calls").unwrap();
    let what = "the recorded root is not that of the leaves up to here".to_owned();
    assert_eq!(place.reader().verify(), Err(StoreError::Tampered { index: 6, what }));
    let refused = Store::open(Options::new(place.path())).err().unwrap();
    let what = "the stored hashes do not lead to the last recorded root".to_owned();
    assert_eq!(refused, StoreError::Tampered { index: 6, what }, "nothing is appended to a changed ledger");
}

#[test]
fn lists_must_say_what_leaves_say() {
    check("UPDATE decisions SET permit = 0 WHERE leaf = 3", 3, "the list of decisions says something else");
    check("DELETE FROM decisions WHERE leaf = 1", 1, "the list of decisions says something else");
    check(
        "INSERT INTO decisions VALUES (50, zeroblob(32), 0, zeroblob(32), 0)",
        7,
        "the list of decisions names leaves that are not there",
    );
    check("UPDATE outcomes SET leaf = 99 WHERE leaf = 5", 5, "the call has another outcome too");
    check("INSERT INTO outcomes VALUES (zeroblob(32), 50)", 7, "the list of outcomes names leaves that are not there");
    check("DELETE FROM open_calls", 7, "the list of open calls is not that of calls without outcome");
}

#[test]
fn records_open_to_the_digest_that_their_leaf_names() {
    check("UPDATE records SET sealed = zeroblob(90) WHERE leaf = 1", 1, "its fact record was changed");
    check("UPDATE records SET sealed = (SELECT sealed FROM records WHERE leaf = 0) WHERE leaf = 1", 1, "its fact record was changed");
    let place = ledger();
    place.key_intruder().execute_batch("UPDATE data_keys SET wrapped = zeroblob(81)").unwrap();
    let what = "the key of its fact record was changed".to_owned();
    assert_eq!(place.reader().verify(), Err(StoreError::Tampered { index: 0, what }));
}

#[test]
fn a_record_that_is_gone_is_counted_and_the_ledger_still_verifies() {
    let place = ledger();
    place.intruder().execute_batch("DELETE FROM records WHERE leaf = 1").unwrap();
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.records, verified.erased), (4, 1));
    place.key_intruder().execute_batch("DELETE FROM data_keys").unwrap();
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.records, verified.erased, verified.sealed), (0, 1, 4), "nobody said that the keys were destroyed");
}

#[test]
fn a_value_of_another_type_is_found() {
    let place = ledger();
    let intruder = place.intruder();
    intruder
        .execute_batch("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'leaves'")
        .unwrap();
    drop(intruder);
    place.intruder().execute_batch("UPDATE leaves SET bytes = 'text' WHERE idx = 4").unwrap();
    assert!(matches!(place.reader().verify(), Err(StoreError::Tampered { index: 4, .. })));
}

/// The demonstration: a byte changed in the file itself, past SQLite. Each leaf lies there exactly once, so it cannot miss.
#[test]
fn a_byte_changed_in_the_file_is_found() {
    let place = ledger();
    let copy = place.file("copy.db");
    place.reader().copy_to(&copy).unwrap();
    let leaves = place.reader().leaves(0, 100).unwrap();
    for path in [copy, place.path()] {
        let whole = std::fs::read(&path).unwrap();
        for leaf in &leaves {
            let places: Vec<_> = (0..whole.len()).filter(|at| whole[*at..].starts_with(&leaf.bytes)).collect();
            assert_eq!(places.len(), 1, "leaf {} in {}", leaf.index, path.display());
            let mut changed = whole.clone();
            changed[places[0] + 100] ^= 1;
            std::fs::write(&path, changed).unwrap();
            let found = Reader::open(&path).unwrap().verify();
            assert!(matches!(found, Err(StoreError::Tampered { index, .. }) if index == leaf.index), "{found:?}");
        }
        std::fs::write(&path, whole).unwrap();
        Reader::open(&path).unwrap().verify().unwrap();
    }
}

#[test]
fn a_damaged_file_is_found_too() {
    let place = ledger();
    let copy = place.file("copy.db");
    place.reader().copy_to(&copy).unwrap();
    let page: u64 = Connection::open(&copy)
        .unwrap()
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'leaves'", [], |row| row.get(0))
        .unwrap();
    let mut file = std::fs::read(&copy).unwrap();
    let at = (page as usize - 1) * 4096;
    file[at..at + 512].fill(0xff);
    std::fs::write(&copy, file).unwrap();
    assert!(matches!(Reader::open(&copy).unwrap().verify(), Err(StoreError::Tampered { index: 0, .. })));
}

//! Opening: one sequencer, our files only, a master key that is ours alone.

use comity_store::{Keys, Options, Reader, Store, StoreError};
use rusqlite::Connection;

use crate::given::{Place, decide, only_mine, permit};

fn refusal(place: &Place) -> StoreError {
    Store::open(Options::new(place.path())).err().unwrap()
}

#[test]
fn a_second_gateway_is_refused_and_told_who_has_the_store() {
    let place = Place::new();
    let store = place.open();
    let error = refusal(&place);
    let (path, pid) = (place.path(), std::process::id());
    assert_eq!(error, StoreError::InUse { path: path.clone(), pid: Some(pid) });
    assert_eq!(error.to_string(), format!("the store `{}` is in use by another gateway (process {pid})", path.display()));
    assert!(error.hint().unwrap().starts_with(&format!("stop it with `kill {pid}`, or give this one a store of its own")));
    decide(&store, 1, permit(1));
    drop(store);
    assert_eq!(decide(&place.open(), 2, permit(2)).leaf(), 2, "after the unknown outcome of call 1");
}

#[test]
fn readers_and_keys_need_no_lock() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    assert_eq!(store.reader().unwrap().size().unwrap(), 1);
    assert_eq!(Keys::open(&place.path()).unwrap().generation().unwrap(), 0);
    decide(&store, 2, permit(2));
    assert_eq!(place.reader().verify().unwrap().size, 2);
}

#[test]
fn a_newer_schema_is_refused() {
    let place = Place::new();
    drop(place.open());
    place.intruder().pragma_update(None, "user_version", 4).unwrap();
    let newer = StoreError::Newer { path: place.path(), found: 4, known: 3 };
    assert_eq!(refusal(&place), newer);
    assert_eq!(Reader::open(&place.path()).err().unwrap(), newer);
    assert_eq!(Keys::open(&place.path()).err().unwrap(), newer);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let place = Place::new();
    std::fs::write(place.path(), "a letter, not a database, and long enough to look like one to nobody".repeat(100)).unwrap();
    let before = std::fs::read(place.path()).unwrap();
    assert_eq!(refusal(&place), StoreError::Foreign(place.path()));
    assert_eq!(std::fs::read(place.path()).unwrap(), before);

    let place = Place::new();
    Connection::open(place.path()).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert_eq!(refusal(&place), StoreError::Foreign(place.path()));
    assert_eq!(Reader::open(&place.path()).err().unwrap(), StoreError::Foreign(place.path()));
}

#[test]
fn a_reader_does_not_make_a_store() {
    let place = Place::new();
    assert_eq!(Reader::open(&place.path()).err().unwrap(), StoreError::NotFound(place.path()));
    assert!(!place.path().exists());
}

#[test]
fn keys_may_come_before_the_first_gateway() {
    let place = Place::new();
    let deep = place.file("not/yet/there/ledger.db");
    assert_eq!(Keys::open(&deep).unwrap().generation().unwrap(), 0);
    assert_eq!(Reader::open(&deep).unwrap().verify().unwrap().size, 0);
    drop(Store::open(Options::new(deep)).unwrap());
}

#[test]
fn many_may_create_the_store_at_once() {
    let place = Place::new();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = place.path();
            std::thread::spawn(move || Keys::open(&path).unwrap().generation().unwrap())
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 0));
    drop(place.open());
    let names: Vec<_> = std::fs::read_dir(place.file("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("draft")), "{names:?}");
}

#[test]
fn the_master_key_is_never_replaced() {
    let place = Place::new();
    drop(place.open());
    let name = place.file("ledger.db.master");
    let text = std::fs::read_to_string(&name).unwrap();
    let check = |expected: &str| {
        let error = refusal(&place);
        assert_eq!(error.to_string(), format!("the master key `{}` {expected}", name.display()));
        assert!(error.hint().is_some());
    };
    std::fs::remove_file(&name).unwrap();
    check("is missing");
    let private = |text: &str| {
        std::fs::write(&name, text).unwrap();
        only_mine(&name);
    };
    private("no key");
    check("does not hold 64 hex digits");
    private(&"0".repeat(64));
    check("belongs to another store");
    private(&text);
    drop(place.open());
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    for name in ["ledger.db", "ledger.db-wal", "ledger.db.master"] {
        assert_eq!(std::fs::metadata(place.file(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    drop(store);
    let master = place.file("ledger.db.master");
    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = refusal(&place);
    assert_eq!(error.to_string(), format!("the master key `{}` can be read by other users", master.display()));
    assert_eq!(error.hint().unwrap(), format!("run `chmod 600 {}`", master.display()));
}

/// With others still looking at it, SQLite would leave the write-ahead log.
#[test]
fn a_closed_store_is_one_file() {
    let place = Place::new();
    let store = place.open();
    let (reader, keys) = (place.reader(), store.keys().unwrap());
    for n in 0..50 {
        decide(&store, n, permit(n));
    }
    store.recall(&[permit(0).call], comity_vocab::Instant(0)).unwrap();
    let log = || std::fs::metadata(place.file("ledger.db-wal")).map_or(0, |file| file.len());
    assert_eq!((reader.size().unwrap(), keys.generation().unwrap()), (50, 0));
    assert!(log() > 0);
    drop(store);
    assert_eq!(log(), 0);
    assert_eq!(reader.verify().unwrap().size, 50);
}

//! Who holds the keys: a file under a passphrase, in clear nowhere; and what is left when files are missing.
//!
//! A passphrase costs about a second by design, so these tests try few.

use std::sync::Arc;

use comity_ledger::ErasureReason;
use comity_store::{Draft, Erasure, ErasureOrder, FactRecord, Options, Reader, Store, StoreError, Unlock, Whose};
use comity_vocab::{Digest, Plain};

use crate::given::{Place, decide, draft, holds, permit, record, settle, wait};

fn under(passphrase: &str) -> Unlock {
    Unlock { passphrase: Some(Arc::new(Plain::new(passphrase.to_owned()))) }
}

fn open(place: &Place, unlock: &Unlock) -> Result<Store, StoreError> {
    Store::open(Options { unlock: unlock.clone(), ..Options::new(place.path()) })
}

fn state_of(reader: &Reader, n: u64) -> &'static str {
    match reader.find_decision(&permit(n).decision.to_string()).unwrap().record {
        FactRecord::Open(plain) if *plain.expose() == record(n) => "open",
        FactRecord::Open(_) => "another",
        FactRecord::Erased => "erased",
        FactRecord::Sealed => "sealed",
    }
}

/// `master` is the key in hex. An age file of version 1 with one stanza, for a passphrase, of the default work.
fn check_encrypted(place: &Place, master: Option<&str>) {
    let file = std::fs::read(place.file("ledger.db.master")).unwrap();
    let header: Vec<_> = file.split(|byte| *byte == b'\n').take(4).map(String::from_utf8_lossy).collect();
    assert_eq!(header[0], "age-encryption.org/v1");
    let stanza: Vec<_> = header[1].split(' ').collect();
    assert!(matches!(stanza.as_slice(), ["->", "scrypt", salt, "18"] if salt.len() == 22), "{stanza:?}");
    assert!(header[3].starts_with("--- "), "{header:?}");
    let names: Vec<_> = std::fs::read_dir(place.file("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("draft")), "{names:?}");
    if let Some(master) = master {
        let raw = hex::decode(master).unwrap();
        assert!(!holds(&place.all_bytes(), master.as_bytes()) && !holds(&place.all_bytes(), &raw));
    }
}

#[test]
fn a_file_in_clear_is_encrypted_once_there_is_a_passphrase() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    let public_key = store.public_key();
    drop(store);
    let master = std::fs::read_to_string(place.file("ledger.db.master")).unwrap().trim().to_owned();

    let passphrase = under("a long passphrase");
    let store = open(&place, &passphrase).unwrap();
    check_encrypted(&place, Some(&master));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(place.file("ledger.db.master")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(store.public_key(), public_key, "checkpoints are signed by the same key");
    assert_eq!(state_of(&store.reader().unwrap(), 1), "open");
    decide(&store, 2, permit(2));
    let message = b"a checkpoint";
    assert_eq!(store.sign(message).unwrap().len(), 64);
    drop(store);

    // Without it: no gateway, and readers of all but private records.
    let locked = open(&place, &Unlock::default()).err().unwrap();
    let name = place.file("ledger.db.master");
    assert_eq!(locked.to_string(), format!("the master key `{}` is encrypted, and no passphrase was given", name.display()));
    assert!(locked.hint().unwrap().contains("passphrase = { env = \"COMITY_PASSPHRASE\" }"));
    let reader = place.reader();
    assert_eq!((reader.public_key(), state_of(&reader, 2)), (None, "sealed"));
    let verified = reader.verify().unwrap();
    assert_eq!((verified.sealed, verified.records, verified.size), (2, 0, 3));

    let wrong = open(&place, &under("a long passphrasE")).err().unwrap();
    assert_eq!(wrong.to_string(), format!("the master key `{}` does not open with the passphrase that was given", name.display()));
    assert!(wrong.hint().unwrap().starts_with("check the passphrase"));
    let before = std::fs::read(&name).unwrap();
    let reader = Reader::open_with(&place.path(), &passphrase).unwrap();
    assert_eq!((reader.public_key(), state_of(&reader, 1), state_of(&reader, 2)), (Some(public_key), "open", "open"));
    assert_eq!(std::fs::read(&name).unwrap(), before, "opening writes nothing");
}

#[test]
fn a_new_store_with_a_passphrase_never_has_its_key_in_clear() {
    let place = Place::new();
    let passphrase = under("");
    drop(open(&place, &passphrase).unwrap());
    check_encrypted(&place, None);
    // A damaged file is not a wrong passphrase.
    let name = place.file("ledger.db.master");
    let mut file = std::fs::read(&name).unwrap();
    let header = file.iter().position(|byte| *byte == b'\n').unwrap();
    file[header + 2] = b'x';
    std::fs::write(&name, file).unwrap();
    let damaged = open(&place, &passphrase).err().unwrap();
    assert_eq!(damaged.to_string(), format!("the master key `{}` is damaged, or not encrypted with one passphrase", name.display()));
    assert!(damaged.hint().unwrap().starts_with("put the key that belongs to this store back"));
}

#[test]
fn without_the_file_of_keys_old_records_are_gone_and_new_ones_open() {
    let place = Place::new();
    let store = place.open();
    decide(&store, 1, permit(1));
    let old = *wait(store.pseudonym_key("ministry", 1)).ok().unwrap().expose();
    drop(store);
    let ids = |place: &Place| -> Vec<i64> {
        let db = place.key_intruder();
        let mut ids = db.prepare("SELECT id FROM data_keys").unwrap();
        ids.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let old_ids = ids(&place);
    std::fs::remove_file(place.file("ledger.db.keys")).unwrap();
    assert_eq!(state_of(&place.reader(), 1), "sealed", "the file may be elsewhere");
    assert_eq!(place.reader().verify().unwrap().sealed, 1);

    let store = place.open();
    assert_eq!(state_of(&place.reader(), 1), "sealed", "nobody erased it");
    decide(&store, 2, permit(2));
    assert_eq!(state_of(&place.reader(), 2), "open");
    assert!(*wait(store.pseudonym_key("ministry", 1)).ok().unwrap().expose() != old);
    assert!(ids(&place).len() == 1 && ids(&place) != old_ids, "a new key never opens, or erases, what an old one did");
    drop(store);
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.records, verified.erased, verified.sealed), (1, 0, 1));
}

/// SQLite would replay it into the new file, and destroyed keys would come back.
#[test]
fn a_write_ahead_log_without_its_database_is_not_taken_over() {
    for name in ["ledger.db.keys", "ledger.db"] {
        let (place, after) = (Place::new(), Place::new());
        let store = place.open();
        decide(&store, 1, permit(1));
        settle(&store);
        for file in ["ledger.db", "ledger.db-wal", "ledger.db.keys", "ledger.db.keys-wal", "ledger.db.master"] {
            if file != name {
                std::fs::copy(place.file(file), after.file(file)).unwrap();
            }
        }
        let error = open(&after, &Unlock::default()).err().unwrap();
        let log = after.file(&format!("{name}-wal"));
        assert!(matches!(&error, StoreError::File { path, .. } if *path == log), "{error}");
        assert!(error.to_string().contains("it belongs to a database that is not here"));
        assert!(!after.file(name).exists());
        std::fs::remove_file(log).unwrap();
        drop(open(&after, &Unlock::default()).unwrap());
    }
}

#[test]
fn keys_of_another_store_open_nothing_and_break_nothing() {
    let (place, other) = (Place::new(), Place::new());
    for (place, n) in [(&place, 1), (&other, 2)] {
        decide(&place.open(), n, permit(n));
    }
    std::fs::copy(other.file("ledger.db.keys"), place.file("ledger.db.keys")).unwrap();
    assert_eq!(state_of(&place.reader(), 1), "sealed");
    let store = place.open();
    let refused = wait(store.decide(draft(permit(3), record(3), "ministry"))).unwrap_err();
    assert_eq!(refused, StoreError::Encryption, "its key is there, and does not open");
    let receipt = wait(store.decide(draft(permit(3), record(3), "another tenant"))).unwrap();
    assert_eq!(receipt.leaf(), 2);
    assert_eq!(place.reader().verify().unwrap().records, 1);
}

#[test]
fn an_old_copy_of_the_keys_brings_nothing_back() {
    let place = Place::new();
    let store = place.open();
    let whose = Whose { tenant: "ministry".to_owned(), workload: "desk".to_owned(), subject: Some(Plain::new("ada".to_owned())) };
    wait(store.decide(Draft { whose, ..draft(permit(1), record(1), "") })).unwrap();
    drop(store);
    let (keys, backup) = (place.file("ledger.db.keys"), place.file("backup"));
    std::fs::copy(&keys, &backup).unwrap();
    let store = place.open();
    let which = Erasure::DataSubject(Plain::new("ada".to_owned()));
    let order = ErasureOrder { which, reason: ErasureReason::Request, selector: Digest::from_bytes([0; 32]) };
    assert_eq!(store.erase(order).unwrap().keys, 1);
    drop(store);
    std::fs::copy(&backup, &keys).unwrap();
    assert_eq!(state_of(&place.reader(), 1), "erased", "the ledger knows which keys were destroyed");
    let keys = |place: &Place| place.key_intruder().query_row("SELECT COUNT(*) FROM data_keys", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(keys(&place), 1);
    drop(place.open());
    assert_eq!(keys(&place), 0, "and the next start destroys them again");
}

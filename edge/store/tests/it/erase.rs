//! Erasure: exactly what was named stops opening, for ever and in every byte, and everything else and every proof stays.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use comity_ledger::{
    DecisionLeaf, Erased, ErasureReason, ErasureScope, Event, EventLeaf, Leaf, Minute, Month, Outcome, check_consistency, check_inclusion,
    leaf_hash,
};
use comity_store::{Content, Draft, Erasing, Erasure, ErasureOrder, FactRecord, Options, Reader, State, Store, StoreError, Whose};
use comity_vocab::{Digest, Instant, Plain};

use crate::given::{Place, Random, decide_all, draft, end, holds, permit, record, settle, wait};

const JANUARY: &str = "2027-01-01";
const NOW: Instant = Instant::from_seconds(8_000_000_000);

/// A call, by what tells whether an erasure is about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    tenant: &'static str,
    workload: &'static str,
    subject: Option<&'static str>,
    /// Months after January 2027.
    month: u8,
}

const PLAIN: Asked = Asked { tenant: "ministry", workload: "desk", subject: None, month: 0 };

/// One of those erasures.
#[derive(Debug, Clone, Copy)]
enum Named {
    Subject(&'static str),
    Workload(&'static str),
    Tenant(&'static str),
    Before(u8),
}

fn month(after: u8) -> Month {
    let january = Month::beginning(JANUARY.parse().unwrap()).unwrap();
    let date = format!("2027-{:02}-01", after + 1);
    let month = Month::beginning(date.parse().unwrap()).unwrap();
    assert_eq!(month.number(), january.number() + i32::from(after));
    month
}

impl Asked {
    fn leaf(self, n: u64) -> DecisionLeaf {
        DecisionLeaf { minute: Minute::of(Instant(month(self.month).start().start().0 + 1)), ..permit(n) }
    }

    fn draft(self, n: u64) -> Draft {
        let subject = self.subject.map(|subject| Plain::new(subject.to_owned()));
        let whose = Whose { tenant: self.tenant.to_owned(), workload: self.workload.to_owned(), subject };
        Draft { whose, content: Some(format!("what call {n} said").into_bytes()), ..draft(self.leaf(n), record(n), "") }
    }
}

impl Named {
    fn covers(self, asked: Asked) -> bool {
        match self {
            Self::Subject(subject) => asked.subject == Some(subject),
            Self::Workload(workload) => asked.workload == workload,
            Self::Tenant(tenant) => asked.tenant == tenant,
            Self::Before(month) => asked.month < month,
        }
    }

    fn order(self) -> ErasureOrder {
        let which = match self {
            Self::Subject(subject) => Erasure::DataSubject(Plain::new(subject.to_owned())),
            Self::Workload(workload) => Erasure::Workload(workload.to_owned()),
            Self::Tenant(tenant) => Erasure::Tenant(tenant.to_owned()),
            Self::Before(after) => Erasure::Before(month(after)),
        };
        ErasureOrder { which, reason: ErasureReason::Request, selector: Digest::of("test selector", &[]) }
    }
}

fn write(store: &Store, calls: &[Asked]) {
    decide_all(store, (0..).zip(calls).map(|(n, asked)| asked.draft(n)));
}

/// Whether the record and the content of each call open; both do or neither.
fn opened(reader: &Reader, calls: usize) -> Vec<bool> {
    let opens = |n: u64| {
        let found = reader.find_decision(&permit(n).decision.to_string()).unwrap();
        let content = reader.content(found.index, Content::Call).unwrap().is_some();
        let record = match found.record {
            FactRecord::Open(plain) => *plain.expose() == record(n),
            FactRecord::Erased | FactRecord::Sealed => false,
        };
        assert_eq!((record, record), (content, found.sequence.is_some()), "call {n}");
        record
    };
    (0..calls as u64).map(opens).collect()
}

fn erased_leaf(reader: &Reader, index: u64) -> Erased {
    let leaf = reader.leaf(index).unwrap().unwrap().leaf;
    let Leaf::Event(EventLeaf { event: Event::Erased(erased), .. }) = leaf else { panic!("{leaf:?}") };
    erased
}

/// After `named`, exactly what it covers of `calls` stops opening, and the leaf says how much.
fn check(calls: &[Asked], named: Named, keys: u64) {
    let place = Place::new();
    let store = place.open_os();
    write(&store, calls);
    assert!(opened(&place.reader(), calls.len()).iter().all(|open| *open));
    let erasing = store.erase(named.order()).unwrap();
    assert_eq!(erasing, Erasing { keys, leaf: calls.len() as u64, folded: true });
    let (before, scope) = match named {
        Named::Subject(_) => (None, ErasureScope::DataSubject),
        Named::Workload(_) => (None, ErasureScope::Workload),
        Named::Tenant(_) => (None, ErasureScope::Tenant),
        Named::Before(after) => (Some(month(after).start()), ErasureScope::Before),
    };
    let ErasureOrder { reason, selector, .. } = named.order();
    assert_eq!(erased_leaf(&place.reader(), erasing.leaf), Erased { before, keys, reason, scope, selector });

    let expected: Vec<_> = calls.iter().map(|asked| !named.covers(*asked)).collect();
    assert_eq!(opened(&place.reader(), calls.len()), expected, "{named:?}");
    let again = store.erase(named.order()).unwrap();
    assert_eq!((again.keys, again.leaf), (0, erasing.leaf + 1), "again is fine, and a leaf says that nothing was found");
    drop(store);
    drop(place.open());
    assert_eq!(opened(&place.reader(), calls.len()), expected, "after another start");
    let verified = place.reader().verify().unwrap();
    let gone = expected.iter().filter(|open| !**open).count() as u64;
    assert_eq!((verified.erased, verified.records, verified.events), (gone, calls.len() as u64 - gone, 2));
}

#[test]
fn a_data_subject_is_erased_in_all_tenants_workloads_and_months() {
    let of = |tenant, workload, subject, month| Asked { tenant, workload, subject, month };
    let calls = [
        of("bank", "desk", Some("anna"), 0),
        of("bank", "desk", Some("anna"), 0),
        of("bank", "desk", Some("anna"), 3),
        of("bank", "letters", Some("anna"), 0),
        of("clinic", "desk", Some("anna"), 1),
        of("bank", "desk", Some("Anna"), 0),
        of("bank", "desk", Some(""), 0),
        of("bank", "desk", None, 0),
        of("clinic", "desk", Some("bert"), 1),
    ];
    check(&calls, Named::Subject("anna"), 4);
    check(&calls, Named::Subject(""), 1);
    check(&calls, Named::Subject("nobody"), 0);
}

#[test]
fn a_workload_a_tenant_and_months_are_erased() {
    let of = |tenant, workload, subject, month| Asked { tenant, workload, subject, month };
    let calls = [
        of("bank", "desk", None, 0),
        of("bank", "desk", Some("anna"), 2),
        of("clinic", "desk", None, 1),
        of("clinic", "letters", Some("anna"), 0),
        of("", "", None, 11),
    ];
    check(&calls, Named::Workload("desk"), 3);
    check(&calls, Named::Workload("nobody"), 0);
    check(&calls, Named::Tenant("bank"), 3);
    check(&calls, Named::Tenant("clinic"), 3);
    check(&calls, Named::Tenant("nobody"), 0);
    check(&calls, Named::Before(2), 3);
    check(&calls, Named::Before(0), 0);
}

#[test]
fn only_what_was_named_stops_opening_whatever_was_erased_before() {
    const TENANTS: [&str; 3] = ["bank", "clinic", "ministry"];
    const WORKLOADS: [&str; 2] = ["desk", "letters"];
    const SUBJECTS: [&str; 3] = ["anna", "bert", "cleo"];
    for seed in 0..12 {
        let mut random = Random(seed);
        let mut pick = |of: &[&'static str]| of[random.below(of.len() as u64) as usize];
        let mut calls = Vec::new();
        for n in 0..60 {
            let subject = Some(pick(&SUBJECTS)).filter(|_| n % 3 > 0);
            calls.push(Asked { tenant: pick(&TENANTS), workload: pick(&WORKLOADS), subject, month: (n % 5) as u8 });
        }
        let mut erasures = Vec::new();
        for n in seed..seed + 4 {
            erasures.push(match n % 4 {
                0 => Named::Subject(pick(&SUBJECTS)),
                1 => Named::Workload(pick(&WORKLOADS)),
                2 => Named::Tenant(pick(&TENANTS)),
                _ => Named::Before((seed % 3) as u8),
            });
        }
        let place = Place::new();
        let store = place.open_os();
        // Half of the calls come between the erasures: they open although others of the same name were erased before.
        let (early, late) = calls.split_at(30);
        write(&store, early);
        let mut expected = vec![true; early.len()];
        for (at, named) in erasures.iter().enumerate() {
            store.erase(named.order()).unwrap();
            expected.iter_mut().zip(&calls).filter(|(_, asked)| named.covers(**asked)).for_each(|(open, _)| *open = false);
            if at == 1 {
                decide_all(&store, (30..).zip(late).map(|(n, asked)| asked.draft(n)));
                expected.resize(calls.len(), true);
            }
            assert_eq!(opened(&place.reader(), expected.len()), expected, "seed {seed}: {erasures:?}");
        }
        place.reader().verify().unwrap();
    }
}

#[test]
fn an_erased_tenant_loses_pseudonyms_and_states_and_goes_on_with_new_ones() {
    let place = Place::new();
    let store = place.open();
    let state = |tenant: &str, n: u64, text: &str| State {
        id: Digest::of("test state", &[&n.to_be_bytes()]),
        tenant: tenant.to_owned(),
        bytes: text.as_bytes().to_vec(),
        expires: Instant(NOW.0 + 1),
    };
    let recall = |store: &Store| {
        let ids: Vec<_> = (1..=4).map(|n| state("", n, "").id).collect();
        let found = store.recall(&ids, NOW).unwrap();
        found.into_iter().map(|bytes| bytes.map(|bytes| String::from_utf8(bytes).unwrap())).collect::<Vec<_>>()
    };
    let pseudonyms = |tenant: &str| *wait(store.pseudonym_key(tenant, 1)).ok().unwrap().expose();
    store.remember_later(vec![state("bank", 1, "of the bank"), state("clinic", 2, "of the clinic")]);
    settle(&store);
    let before = (pseudonyms("bank"), pseudonyms("clinic"));
    let bank = Asked { tenant: "bank", subject: Some("anna"), ..PLAIN };
    write(&store, &[bank, PLAIN]);

    assert_eq!(store.erase(Named::Tenant("bank").order()).unwrap().keys, 2, "its own, and that of its record");
    assert_eq!(recall(&store), [None, Some("of the clinic".to_owned()), None, None]);
    assert!(pseudonyms("bank") != before.0 && pseudonyms("clinic") == before.1);
    assert_eq!(opened(&place.reader(), 2), [false, true]);
    let rows: u64 = place.intruder().query_row("SELECT COUNT(*) FROM states", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);

    decide_all(&store, [bank.draft(7)]);
    store.remember_later(vec![state("bank", 3, "new")]);
    settle(&store);
    let new = pseudonyms("bank");
    assert_eq!(recall(&store)[2].as_deref(), Some("new"));
    assert_eq!(store.erase(Named::Subject("anna").order()).unwrap().keys, 1, "its data subjects are found again");
    drop(store);
    let store = place.open();
    assert_eq!(*wait(store.pseudonym_key("bank", 1)).ok().unwrap().expose(), new);
}

/// A state that waits while its tenant is erased is not written after it, also when the tenant has no key yet.
#[test]
fn states_that_wait_go_with_their_tenant() {
    let place = Place::new();
    let store = place.open();
    let id = Digest::of("test state", &[]);
    let state = |tenant: &str| State { id, tenant: tenant.to_owned(), bytes: b"waits".to_vec(), expires: Instant(NOW.0 + 1) };
    let mut other = place.intruder();
    // What is handed over while nothing can be written is served in one go.
    let lock = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    store.outcome_later(end(&permit(1), Outcome::Ok));
    let erasing = std::thread::scope(|scope| {
        let handed_over = scope.spawn(|| {
            store.remember_later(vec![state("bank")]);
            store.erase(Named::Tenant("bank").order())
        });
        while store.recall(&[id], NOW).unwrap() == [None] && !handed_over.is_finished() {
            std::thread::yield_now();
        }
        drop(lock);
        handed_over.join().unwrap().unwrap()
    });
    settle(&store);
    assert_eq!(store.recall(&[id], NOW).unwrap(), [None]);
    // Its key, if the state was written first, is gone as well.
    assert!(erasing.keys <= 1);
    let rows: u64 = place.intruder().query_row("SELECT COUNT(*) FROM states", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn proofs_from_before_an_erasure_verify_after_it() {
    let place = Place::new();
    let store = place.open_os();
    let calls = [Asked { subject: Some("anna"), ..PLAIN }; 9];
    write(&store, &calls);
    let reader = place.reader();
    let (size, root) = (9, reader.root(9).unwrap());
    let leaves = reader.leaves(0, 100).unwrap();
    let inclusion: Vec<_> = (0..size).map(|index| reader.prove_inclusion(index, size).unwrap()).collect();
    let consistency: Vec<_> =
        (1..=size).map(|old| (old, reader.root(old).unwrap(), reader.prove_consistency(old, size).unwrap())).collect();
    store.erase(Named::Subject("anna").order()).unwrap();
    store.erase(Named::Tenant("ministry").order()).unwrap();
    let reader = place.reader();
    assert_eq!(reader.leaves(0, 9).unwrap(), leaves, "no leaf is touched");
    for (index, proof) in (0..size).zip(&inclusion) {
        assert_eq!(reader.prove_inclusion(index, size).unwrap(), *proof);
        check_inclusion(proof, (size, root), (index, leaf_hash(&reader.leaf(index).unwrap().unwrap().bytes))).unwrap();
    }
    for (old, old_root, proof) in &consistency {
        check_consistency(proof, (size, root), (*old, *old_root)).unwrap();
    }
    let now = (reader.size().unwrap(), reader.root(reader.size().unwrap()).unwrap());
    check_consistency(&reader.prove_consistency(size, now.0).unwrap(), now, (size, root)).unwrap();
    reader.verify().unwrap();
}

/// Pieces of every wrapped key that is stored now, by the key's id.
fn wrapped(place: &Place) -> Vec<(i64, Vec<u8>)> {
    let db = place.key_intruder();
    let mut rows = db.prepare("SELECT id, wrapped FROM data_keys UNION ALL SELECT -1, wrapped FROM tenants").unwrap();
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// Which of `keys` have 16 bytes or more left in any file of the store.
fn left(place: &Place, keys: &[(i64, Vec<u8>)]) -> HashSet<i64> {
    let pieces: HashMap<&[u8], i64> =
        keys.iter().flat_map(|(id, wrapped)| wrapped[1..].chunks_exact(16).map(|piece| (piece, *id))).collect();
    place.all_bytes().windows(16).filter_map(|window| pieces.get(window).copied()).collect()
}

#[test]
fn nothing_is_left_of_a_destroyed_key_or_of_what_it_hid() {
    let place = Place::new();
    let store = place.open_os();
    // Enough that pages of the file of keys are split, also while keys are destroyed and others come.
    let named = |n: u64, subject: String| {
        let whose = Whose { tenant: "ministry".to_owned(), workload: "canary-workload".to_owned(), subject: Some(Plain::new(subject)) };
        let content = Some(format!("canary-content {n}").into_bytes());
        Draft { whose, content, ..draft(permit(n), record(n), "") }
    };
    let subjects = |range: std::ops::Range<u64>| range.map(|n| named(n, format!("canary-subject {}", n % 500)));
    decide_all(&store, subjects(0..500));
    let order = |n: u64| ErasureOrder {
        which: Erasure::DataSubject(Plain::new(format!("canary-subject {n}"))),
        reason: ErasureReason::Request,
        selector: Digest::of("test selector", &[]),
    };
    let first = wrapped(&place);
    assert_eq!(left(&place, &first).len(), 501, "that they can be found is what this test hangs on");
    for n in (0..500).step_by(20) {
        assert_eq!(store.erase(order(n)).unwrap(), Erasing { keys: 1, leaf: 500 + n / 20, folded: true });
    }
    decide_all(&store, subjects(500..1000));
    let all = [first, wrapped(&place)].concat();
    let live: HashSet<_> = wrapped(&place).into_iter().map(|(id, _)| id).collect();
    assert_eq!(live.len(), 501);
    assert_eq!(left(&place, &all), live);
    for canary in ["private facts", "canary-content", "canary-subject"] {
        assert!(!holds(&place.all_bytes(), canary.as_bytes()), "{canary}");
    }
    store.erase(Named::Tenant("ministry").order()).unwrap();
    assert_eq!(left(&place, &all), HashSet::new());
    assert!(!holds(&std::fs::read(place.file("ledger.db.keys")).unwrap(), b"canary-workload"));
    drop(store);
    assert_eq!(left(&place, &all), HashSet::new());
    place.reader().verify().unwrap();
}

/// Bytes in the write-ahead log of the keys, and of the leaves.
fn logs(place: &Place) -> [u64; 2] {
    ["ledger.db.keys-wal", "ledger.db-wal"].map(|name| std::fs::metadata(place.file(name)).map_or(0, |log| log.len()))
}

#[test]
fn a_reader_delays_emptying_the_logs_and_nothing_else() {
    let place = Place::new();
    let store = place.open_os();
    write(&store, &[Asked { subject: Some("anna"), ..PLAIN }]);
    let keys = wrapped(&place);
    for hand in [place.key_intruder(), place.intruder()] {
        hand.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_schema").unwrap();
        let erasing = store.erase(Named::Workload("desk").order()).unwrap();
        assert!(!erasing.folded);
        assert_eq!(opened(&place.reader(), 1), [false]);
        let next = erasing.leaf + 1;
        decide_all(&store, [PLAIN.draft(next)]);
        hand.execute_batch("COMMIT").unwrap();
        // By itself, also when nobody writes.
        while logs(&place) != [0, 0] {
            std::thread::yield_now();
        }
        assert!(!left(&place, &keys).contains(&keys[0].0));
    }
}

/// The files of a store as they are now, as a crash would leave them.
fn crash(place: &Place) -> Place {
    let after = Place::new();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db.keys", "ledger.db.keys-wal", "ledger.db.master"] {
        if place.file(name).exists() {
            std::fs::copy(place.file(name), after.file(name)).unwrap();
        }
    }
    after
}

/// A crash where `statement` on the ledger or the keys fails: the next start finishes the erasure.
fn check_crash(at: &str, [on_leaves, on_keys]: [&str; 2]) {
    let place = Place::new();
    let store = place.open();
    write(&store, &[Asked { subject: Some("anna"), ..PLAIN }, PLAIN]);
    let keys = wrapped(&place);
    place.intruder().execute_batch(on_leaves).unwrap();
    place.key_intruder().execute_batch(on_keys).unwrap();
    let reader = place.key_intruder();
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_schema").unwrap();
    let result = store.erase(Named::Subject("anna").order());
    let after = crash(&place);
    if at == "folding" {
        assert!(!result.unwrap().folded);
    } else {
        assert!(result.unwrap_err().is_unavailable());
        assert!(store.erase(Named::Subject("anna").order()).unwrap_err().is_unavailable(), "{at}: not twice at once");
    }
    // A hand that is taken away folds the log: only where it must be, then.
    if !on_leaves.is_empty() {
        after.intruder().execute_batch("DROP TRIGGER fails").unwrap();
    }
    if !on_keys.is_empty() {
        after.key_intruder().execute_batch("DROP TRIGGER fails").unwrap();
    }
    check_finished(&after, &keys, at);

    // Nor does the running store need a start.
    place.intruder().execute_batch("DROP TRIGGER IF EXISTS fails").unwrap();
    place.key_intruder().execute_batch("DROP TRIGGER IF EXISTS fails").unwrap();
    reader.execute_batch("COMMIT").unwrap();
    while logs(&place) != [0, 0] || opened(&place.reader(), 2) != [false, true] {
        std::thread::yield_now();
    }
    assert_eq!(store.erase(Named::Subject("anna").order()).unwrap().keys, 0);
    drop(store);
    check_finished(&place, &keys, at);
}

fn check_finished(place: &Place, keys: &[(i64, Vec<u8>)], at: &str) {
    let store = place.open();
    assert_eq!(opened(&place.reader(), 2), [false, true], "{at}");
    let erased: Vec<_> = place.reader().leaves(0, 100).unwrap().into_iter().filter(|leaf| matches!(&leaf.leaf, Leaf::Event(_))).collect();
    assert_eq!(erased_leaf(&place.reader(), erased[0].index).keys, 1, "{at}");
    assert!(erased[1..].iter().all(|leaf| erased_leaf(&place.reader(), leaf.index).keys == 0), "{at}: counted once");
    let left_over: u64 = place.intruder().query_row("SELECT COUNT(*) FROM erasures", [], |row| row.get(0)).unwrap();
    assert_eq!(left_over, 0, "{at}");
    assert_eq!(left(place, keys).len(), 2, "{at}: the key of the other record, and the tenant's");
    drop(store);
    place.reader().verify().unwrap();
}

#[test]
fn an_erasure_that_is_cut_off_is_finished() {
    let fails = |when: &str| format!("CREATE TRIGGER fails BEFORE {when} BEGIN SELECT RAISE (ABORT, 'the disk fails'); END");
    check_crash("destroying keys", ["", &fails("DELETE ON data_keys")]);
    check_crash("writing its leaf", [&fails("INSERT ON leaves"), ""]);
    check_crash("forgetting its plan", [&fails("DELETE ON erasures"), ""]);
    check_crash("folding", ["", ""]);
}

#[test]
fn an_erasure_that_cannot_be_written_down_destroys_nothing() {
    let place = Place::new();
    let store = place.open();
    write(&store, &[PLAIN]);
    place.intruder().execute_batch("CREATE TRIGGER fails BEFORE INSERT ON erasures BEGIN SELECT RAISE (ABORT, 'x'); END").unwrap();
    assert!(store.erase(Named::Workload("desk").order()).unwrap_err().is_unavailable());
    assert!(store.metrics().last_error.is_some());
    settle(&store);
    assert_eq!(opened(&place.reader(), 1), [true]);
    place.intruder().execute_batch("DROP TRIGGER fails").unwrap();
    assert_eq!(store.erase(Named::Workload("desk").order()).unwrap().keys, 1);
    assert_eq!(store.metrics().last_error, None);
}

#[test]
fn a_copy_made_before_an_erasure_opens_nothing_either() {
    let place = Place::new();
    let store = place.open();
    write(&store, &[PLAIN]);
    assert_eq!(opened(&store.reader().unwrap(), 1), [true]);
    let copy = Place::new();
    place.reader().copy_to(&copy.path()).unwrap();
    store.erase(Named::Workload("desk").order()).unwrap();
    let with_keys = |name: &str, to: &Path| std::fs::copy(place.file(name), to).unwrap();
    with_keys("ledger.db.keys", &copy.file("ledger.db.keys"));
    with_keys("ledger.db.master", &copy.file("ledger.db.master"));
    assert_eq!(opened(&Reader::open(&copy.path()).unwrap(), 1), [false]);
}

#[test]
fn a_tenant_with_a_changed_key_stops_no_other_erasure() {
    let place = Place::new();
    let store = place.open();
    write(&store, &[Asked { tenant: "bank", subject: Some("anna"), ..PLAIN }, PLAIN]);
    drop(store);
    place.key_intruder().execute_batch("UPDATE tenants SET wrapped = zeroblob(81)").unwrap();
    let store = Store::open(Options::new(place.path())).unwrap();
    // Whose subjects its records are of cannot be told: better no leaf than one that says too much.
    assert_eq!(store.erase(Named::Subject("anna").order()), Err(StoreError::Encryption));
    assert_eq!(place.reader().size().unwrap(), 4, "two calls and their unknown outcomes");
    assert_eq!(store.erase(Named::Tenant("bank").order()).unwrap().keys, 2);
    assert_eq!(store.erase(Named::Subject("anna").order()).unwrap().keys, 0);
    assert_eq!(opened(&place.reader(), 2), [false, true]);
}

const PLACE: &str = "COMITY_TEST_ERASE_STORE";
const ROUND: &str = "COMITY_TEST_ERASE_ROUND";

/// A person of their own for each call.
fn persons(n: u64) -> Draft {
    let subject = Some(Plain::new(format!("person {n}")));
    let whose = Whose { tenant: "ministry".to_owned(), workload: "desk".to_owned(), subject };
    Draft { whose, content: Some(b"said".to_vec()), ..draft(permit(n), record(n), "") }
}

#[test]
fn an_erasure_is_whole_or_not_begun_after_kill_9() {
    const ROUNDS: u64 = 12;
    let (place, mut random) = (Place::new(), Random(0xe5a5e));
    let mut said = HashMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "erase::child_erases_until_it_is_killed", "--nocapture"])
            .env(PLACE, place.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).filter_map(person);
        said.extend(lines.by_ref().take(1 + random.below(12) as usize));
        for _ in 0..random.below(3_000_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        said.extend(lines);
        child.wait().unwrap();
        drop(place.open());
        let left_over: u64 = place.intruder().query_row("SELECT COUNT(*) FROM erasures", [], |row| row.get(0)).unwrap();
        assert_eq!((left_over, logs(&place)), (0, [0, 0]), "round {round}");
    }
    let reader = place.reader();
    assert!(said.values().any(|erased| *erased) && said.len() as u64 >= ROUNDS);
    let mut gone = 0;
    for (n, erased) in said {
        let found = reader.find_decision(&permit(n).decision.to_string()).unwrap();
        let content = reader.content(found.index, Content::Call).unwrap();
        let open = matches!(found.record, FactRecord::Open(_));
        assert_eq!(open, content.is_some());
        assert!(!(erased && open), "person {n} was said to be erased");
        gone += u64::from(!open);
    }
    let verified = reader.verify().unwrap();
    let leaves = reader.leaves(0, 10_000).unwrap();
    let keys: u64 =
        leaves.iter().filter(|leaf| matches!(leaf.leaf, Leaf::Event(_))).map(|leaf| erased_leaf(&reader, leaf.index).keys).sum();
    assert_eq!((verified.erased, verified.sealed), (keys, 0), "leaves say of as many keys as are gone");
    assert!(verified.erased >= gone && verified.records > 0);
}

/// `kept 7` or `gone 7`, whole; none for other lines.
fn person(line: String) -> Option<(u64, bool)> {
    let (what, n) = line.strip_suffix('.')?.split_once(' ')?;
    match what {
        "kept" => Some((n.parse().ok()?, false)),
        "gone" => Some((n.parse().ok()?, true)),
        _ => None,
    }
}

/// Runs only in a child process of the test above; by itself it has nothing to do.
#[test]
fn child_erases_until_it_is_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(PLACE), std::env::var(ROUND)) else { return };
    let first = round.parse::<u64>().unwrap() * 1_000_000;
    let store = Store::open(Options::new(path)).unwrap();
    println!();
    for n in first.. {
        decide_all(&store, [persons(n)]);
        println!("kept {n}.");
        if n % 2 == 0 {
            let which = Erasure::DataSubject(Plain::new(format!("person {n}")));
            store.erase(ErasureOrder { which, reason: ErasureReason::Request, selector: Digest::of("test", &[]) }).unwrap();
            println!("gone {n}.");
        }
    }
}

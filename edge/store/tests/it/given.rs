//! A store in a folder of its own, and leaves to put into it.

use std::future::Future;
use std::path::PathBuf;

use comity_ledger::{
    Classes, Commitments, DecisionLeaf, Durability, Minute, Outcome, OutcomeLeaf, Verdict, call_digest, coarse, commitment, facts_digest,
};
use comity_store::{Draft, Options, Reader, Receipt, Sequence, Store, StoreError, Whose};
use comity_vocab::{Data, Digest, Instant, MeansSet};
use rusqlite::Connection;

/// The salt of every commitment to a number.
pub(crate) const SALT: [u8; 32] = [9; 32];

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn open(&self) -> Store {
        self.open_when_free(Options::new(self.path()))
    }

    /// Faster, for what does not hang on the disk.
    pub(crate) fn open_os(&self) -> Store {
        self.open_when_free(Options { durability: Durability::Os, ..Options::new(self.path()) })
    }

    /// A child process that another test starts has this one's lock as well, from its fork to its exec.
    fn open_when_free(&self, options: Options) -> Store {
        for _ in 0..100_000 {
            match Store::open(options.clone()) {
                Err(StoreError::InUse { .. }) => std::thread::yield_now(),
                opened => return opened.unwrap(),
            }
        }
        panic!("the store is in use for ever");
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    /// A hand in the database that the store knows nothing of.
    pub(crate) fn intruder(&self) -> Connection {
        let db = Connection::open(self.path()).unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        db.pragma_update(None, "synchronous", "OFF").unwrap();
        db
    }

    /// A hand in the file of keys.
    pub(crate) fn key_intruder(&self) -> Connection {
        Connection::open(self.file("ledger.db.keys")).unwrap()
    }

    /// All bytes of all files in the folder.
    pub(crate) fn all_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
    }
}

pub(crate) fn record(n: u64) -> Vec<u8> {
    format!("private facts of call {n}").into_bytes()
}

pub(crate) fn call(n: u64) -> Digest {
    call_digest(&u128::from(n).to_be_bytes())
}

/// A permit for call `n` at hop 0.
pub(crate) fn permit(n: u64) -> DecisionLeaf {
    let some = |what: &str| commitment(what, &[7; 32], &n.to_be_bytes());
    DecisionLeaf {
        call: call(n),
        hop: 0,
        previous: None,
        decision: Digest::of("test decision", &[&n.to_be_bytes()]),
        terms: Digest::of("test terms", &[]),
        catalogue: Digest::of("test catalogue", &[]),
        facts: facts_digest(&record(n)),
        candidates: None,
        offering: Some("own/model@here".parse().unwrap()),
        verdict: Verdict::Permit,
        means: MeansSet::NONE,
        term_ids: vec!["home".parse().unwrap()],
        classes: Classes::of(&Data::default()),
        size_class: coarse(1000),
        commitments: Commitments { call: some("call"), caller: some("caller"), sequence: some("sequence"), workload: some("workload") },
        durability: Durability::Os,
        minute: Minute::of(Instant::from_seconds(1_800_000_000)),
    }
}

pub(crate) fn denial(n: u64) -> DecisionLeaf {
    DecisionLeaf { verdict: Verdict::Denial, ..permit(n) }
}

/// Hop `hop` of call `n`, after the one before failed.
pub(crate) fn fallback(n: u64, hop: u32) -> DecisionLeaf {
    let decision = Digest::of("test fallback", &[&n.to_be_bytes(), &hop.to_be_bytes()]);
    DecisionLeaf { hop, decision, previous: Some(Outcome::UpstreamFailed), ..permit(n) }
}

pub(crate) fn end(leaf: &DecisionLeaf, outcome: Outcome) -> OutcomeLeaf {
    OutcomeLeaf::bare((leaf.call, leaf.decision, leaf.hop), outcome, leaf.minute)
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A decision of the workload `desk`, with the API key `key`.
pub(crate) fn draft(leaf: DecisionLeaf, record: Vec<u8>, tenant: &str) -> Draft {
    let whose = Whose { tenant: tenant.to_owned(), workload: "desk".to_owned(), subject: None };
    Draft { leaf, record, whose, sequence: Sequence { key: "key".to_owned(), salt: SALT, number: None }, content: None }
}

/// Writes the decision of call `n` with its record.
pub(crate) fn decide(store: &Store, n: u64, leaf: DecisionLeaf) -> Receipt {
    wait(store.decide(draft(leaf, record(n), "ministry"))).unwrap()
}

/// Writes many decisions, each as soon as there is a place; gives their receipts in their order.
pub(crate) fn decide_all(store: &Store, drafts: impl IntoIterator<Item = Draft>) -> Vec<Receipt> {
    wait(async {
        let mut tasks = tokio::task::JoinSet::new();
        for (n, draft) in drafts.into_iter().enumerate() {
            let store = store.clone();
            tasks.spawn(async move { (n, store.decide(draft).await.unwrap()) });
        }
        let mut receipts = tasks.join_all().await;
        receipts.sort_unstable_by_key(|(n, _)| *n);
        receipts.into_iter().map(|(_, receipt)| receipt).collect()
    })
}

/// Whether `bytes` hold `part`.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// splitmix64: the same numbers in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Waits until everything that was handed over before is written, and what that led to.
pub(crate) fn settle(store: &Store) {
    for _ in 0..2 {
        store.keep_generation(comity_store::Generation::Schema, Digest::of("test schema", &[]), b"schema").unwrap();
    }
}

/// Takes a file away from others.
#[cfg(unix)]
pub(crate) fn only_mine(name: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o600)).unwrap();
}

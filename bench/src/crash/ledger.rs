//! The store as the harness uses it: the one file here that knows the store's API.
//!
//! It sends calls with fixed texts and records what the store promises. A checkpoint counts as shown to others only when its leaves are durable.

use std::future::Future;
use std::path::{Path, PathBuf};

use comity_ledger::{
    Classes, Commitments, DecisionLeaf, Durability, Leaf, Minute, Outcome, OutcomeLeaf, Verdict, call_digest, check_consistency, coarse,
    commitment, facts_digest,
};
use comity_store::{Draft, Generation, Options, Published, Reader, Sequence, State, Store, StoreError, Verified, Whose};
use comity_vocab::{Data, Digest, Instant, MeansSet};
use tokio::task::JoinSet;

use super::CrashError;
use super::journal::{Promise, promise};
use super::planted::Bug;

/// The tree at one moment: leaves, and the root over them.
pub type Head = (u64, Digest);

/// How the store is opened.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// When a write counts as durable.
    pub durability: Durability,
    /// What is wrong with the store, on purpose.
    pub bug: Option<Bug>,
}

/// A call that the harness makes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// No other call has it.
    pub number: u64,
    /// What is decided.
    pub verdict: Verdict,
    /// How large its fact record is.
    pub record_bytes: usize,
}

/// An open store in a folder of its own.
pub struct Ledger {
    store: Store,
    setting: Setting,
    runtime: tokio::runtime::Runtime,
}

/// The store as others read it.
pub struct Log(Reader);

/// The database in `folder`.
#[must_use]
pub fn database(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

// === impl Setting ===

impl Setting {
    /// Durable on commit, nothing wrong.
    pub const COMMIT: Self = Self { durability: Durability::Commit, bug: None };
}

// === impl Ledger ===

impl Ledger {
    /// Opens the store in `folder`, made new if there is none.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(folder: &Path, setting: Setting) -> Result<Self, StoreError> {
        let mut options = Options { durability: setting.durability, ..Options::new(database(folder)) };
        plant(&mut options, setting.bug);
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().map_err(|error| StoreError::Unavailable(error.to_string().into()))?;
        Ok(Self { store: Store::open(options)?, setting, runtime })
    }

    /// Decides `calls` side by side; gives for each its leaf's index, or why there is none. Promises are recorded as they are made.
    pub fn decide(&self, calls: &[Call]) -> Vec<(Call, Result<u64, StoreError>)> {
        self.wait(async {
            let mut answers = JoinSet::new();
            for call in calls.iter().copied() {
                let (store, durability) = (self.store.clone(), self.setting.durability);
                answers.spawn(async move {
                    let receipt = store.decide(call.draft(durability)).await;
                    if let Ok(receipt) = &receipt {
                        promise(Promise::Leaf(receipt.leaf(), call.numbered(durability, receipt.sequence()).to_bytes()));
                    }
                    (call, receipt.map(|receipt| receipt.leaf()))
                });
            }
            answers.join_all().await
        })
    }

    /// Asks for a decision and goes away before it is answered.
    pub fn decide_and_leave(&self, call: Call) {
        self.wait(async {
            let decided = self.store.decide(call.draft(self.setting.durability));
            tokio::select! {
                biased;
                _ = decided => {}
                () = std::future::ready(()) => {}
            }
        });
    }

    /// Ends a call; gives its leaf's index.
    ///
    /// # Errors
    /// What the store says.
    pub fn outcome(&self, call: Call) -> Result<u64, StoreError> {
        let leaf = call.outcome(self.setting.durability);
        let bytes = leaf.to_bytes();
        let index = self.wait(self.store.outcome(leaf))?;
        promise(Promise::Leaf(index, bytes));
        Ok(index)
    }

    /// Ends a call without waiting.
    pub fn outcome_later(&self, call: Call) {
        self.store.outcome_later(call.outcome(self.setting.durability));
    }

    /// Remembers a state of some hundred bytes that expires at `expires`.
    pub fn remember(&self, number: u64, expires: Instant) {
        let id = Digest::of("crash state", &[&number.to_be_bytes()]);
        self.store.remember_later(vec![State { id, tenant: "ministry".to_owned(), bytes: vec![7; 400], expires }]);
    }

    /// Keeps a generation.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep(&self, number: u64) -> Result<(), StoreError> {
        let (digest, bytes) = generation(number);
        self.store.keep_generation(Generation::Terms, digest, &bytes)?;
        promise(Promise::Generation(digest));
        Ok(())
    }

    /// Waits until what was handed over before is written.
    ///
    /// # Errors
    /// What the store says.
    pub fn settle(&self) -> Result<(), StoreError> {
        let (digest, bytes) = generation(0);
        self.store.keep_generation(Generation::Terms, digest, &bytes)
    }

    /// The newest committed head.
    ///
    /// # Errors
    /// What the store says.
    pub fn head(&self) -> Result<Head, StoreError> {
        let size = self.store.metrics().leaves;
        Ok((size, self.store.reader()?.root(size)?))
    }

    /// Shows others a checkpoint as the gateway does: of a head that is on the disk, and once the store keeps it. Gives what was shown.
    ///
    /// # Errors
    /// What the store says.
    pub fn publish(&self) -> Result<Head, StoreError> {
        let shown = match self.setting.bug {
            // Of whatever is committed, flushed or not.
            Some(Bug::PublishEarly) => self.head()?,
            Some(Bug::SkipFlush | Bug::IgnoreShortWrite | Bug::AcknowledgeEarly | Bug::ReuseIndex) | None => {
                let head = self.store.head()?;
                self.store.publish(Published { head, note: format!("crash\n{}\n{}\n", head.size, head.root) })?;
                (head.size, head.root)
            }
        };
        promise(Promise::Published(shown.0, shown.1));
        Ok(shown)
    }

    /// Closes the store, which folds its log and flushes it whatever the durability, and then shows others a checkpoint.
    ///
    /// # Errors
    /// What the store says.
    pub fn close_and_publish(self, folder: &Path) -> Result<Head, StoreError> {
        drop(self);
        let head = Log::open(folder)?.head()?;
        promise(Promise::Published(head.0, head.1));
        Ok(head)
    }

    /// Folds the write-ahead log from another connection, as SQLite does it by itself after 16 MiB.
    ///
    /// # Errors
    /// [`CrashError::Broken`] when it cannot be folded, [`CrashError::Harness`] when SQLite maps the database into memory.
    pub fn fold(&self, how: &str) -> Result<(), CrashError> {
        let fold = || -> rusqlite::Result<i64> {
            let db = rusqlite::Connection::open(self.store.path())?;
            db.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()))?;
            db.query_row("PRAGMA mmap_size", [], |row| row.get(0))
        };
        match fold() {
            Ok(0) => Ok(()),
            Ok(_) => Err(CrashError::harness("the database is mapped into memory, so its writes cannot be recorded")),
            Err(error) => Err(CrashError::broken(format!("the write-ahead log cannot be folded: {error}"))),
        }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

#[cfg(feature = "planted-bugs")]
fn plant(options: &mut Options, bug: Option<Bug>) {
    options.plant = match bug {
        Some(Bug::AcknowledgeEarly) => comity_store::Plant::AcknowledgeEarly,
        Some(Bug::ReuseIndex) => comity_store::Plant::ReuseIndex,
        Some(Bug::SkipFlush | Bug::IgnoreShortWrite | Bug::PublishEarly) | None => comity_store::Plant::None,
    };
}

#[cfg(not(feature = "planted-bugs"))]
fn plant(_options: &mut Options, _bug: Option<Bug>) {}

// === impl Log ===

impl Log {
    /// Opens the store in `folder` for reading.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self(Reader::open(&database(folder))?))
    }

    /// The newest committed head.
    ///
    /// # Errors
    /// What the store says.
    pub fn head(&self) -> Result<Head, StoreError> {
        let size = self.0.size()?;
        Ok((size, self.0.root(size)?))
    }

    /// The bytes of a leaf.
    ///
    /// # Errors
    /// What the store says.
    pub fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.leaf(index)?.map(|leaf| leaf.bytes))
    }

    /// Whether a generation is kept.
    ///
    /// # Errors
    /// What the store says.
    pub fn keeps(&self, digest: Digest) -> Result<bool, StoreError> {
        Ok(self.0.generation(Generation::Terms, digest)?.is_some())
    }

    /// Checks all of the store against itself.
    ///
    /// # Errors
    /// What the store says.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        self.0.verify()
    }

    /// Proves that the log of `new` begins with that of `old`.
    ///
    /// # Errors
    /// That it does not, or what the store says.
    pub fn extends(&self, new: Head, old: Head) -> Result<(), StoreError> {
        Ok(check_consistency(&self.0.prove_consistency(old.0, new.0)?, new, old)?)
    }
}

// === impl Call ===

impl Call {
    /// A permit with a small record.
    #[must_use]
    pub const fn permit(number: u64) -> Self {
        Self { number, verdict: Verdict::Permit, record_bytes: 64 }
    }

    /// Its decision.
    #[must_use]
    pub fn decision(self) -> Digest {
        Digest::of("crash decision", &[&self.number.to_be_bytes()])
    }

    /// Whether these are the bytes of its decision's leaf, whatever number the store gave it.
    #[must_use]
    pub fn is_leaf(self, bytes: &[u8], setting: Setting) -> bool {
        let expected = self.leaf(setting.durability);
        let Ok(Leaf::Decision(mut found)) = Leaf::from_bytes(bytes) else { return false };
        found.commitments.sequence = expected.commitments.sequence;
        found == expected
    }

    fn tenant(self) -> &'static str {
        if self.number.is_multiple_of(7) { "bank" } else { "ministry" }
    }

    fn record(self) -> Vec<u8> {
        let mut record = format!("private facts of call {}", self.number).into_bytes();
        record.resize(self.record_bytes.max(record.len()), b'.');
        record
    }

    fn leaf(self, durability: Durability) -> DecisionLeaf {
        let some = |what: &str| commitment(what, &[7; 32], &self.number.to_be_bytes());
        DecisionLeaf {
            call: call_digest(&u128::from(self.number).to_be_bytes()),
            hop: 0,
            previous: None,
            decision: self.decision(),
            terms: generation(0).0,
            catalogue: Digest::of("crash catalogue", &[]),
            facts: facts_digest(&self.record()),
            candidates: None,
            offering: "own/model@here".parse().ok(),
            verdict: self.verdict,
            means: MeansSet::NONE,
            term_ids: "home".parse().into_iter().collect(),
            classes: Classes::of(&Data::default()),
            size_class: coarse(1000),
            commitments: Commitments { call: some("call"), caller: some("caller"), sequence: some("sequence"), workload: some("workload") },
            durability,
            minute: Minute::of(Instant::from_seconds(1_800_000_000)),
        }
    }

    /// What the store is asked to write; it gives the call its number.
    fn draft(self, durability: Durability) -> Draft {
        Draft {
            leaf: self.leaf(durability),
            record: self.record(),
            whose: Whose { tenant: self.tenant().to_owned(), workload: "desk".to_owned(), subject: None },
            sequence: Sequence { key: format!("key {}", self.number % 3), salt: [9; 32], number: None },
            content: self.number.is_multiple_of(5).then(|| vec![b'c'; 700]),
        }
    }

    /// The leaf as it is written for the call with this number among those of its key.
    fn numbered(self, durability: Durability, sequence: u64) -> DecisionLeaf {
        let mut leaf = self.leaf(durability);
        leaf.commitments.sequence = commitment("sequence", &[9; 32], &sequence.to_be_bytes());
        leaf
    }

    fn outcome(self, durability: Durability) -> OutcomeLeaf {
        let leaf = self.leaf(durability);
        OutcomeLeaf::bare((leaf.call, leaf.decision, leaf.hop), Outcome::Ok, leaf.minute)
    }
}

fn generation(number: u64) -> (Digest, Vec<u8>) {
    (Digest::of("crash terms", &[&number.to_be_bytes()]), format!("terms {number}").into_bytes())
}

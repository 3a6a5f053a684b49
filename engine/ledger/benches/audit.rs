//! How fast a whole log is audited on one core: permits with their outcomes, every tile recomputed and compared, the root at the end.
//!
//! The goal is 300,000 leaves a second, with the census of what the leaves say. Plain SHA-256 of the same bytes, and the root alone by an independent tree, are measured in the same
//! run, in turns, so that the ratios hold on a busy machine; the best of all rounds counts.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a benchmark reads the clock and prints"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use comity_ledger::{
    Auditor, BundleAt, Census, Checkpoint, Classes, Commitments, DecisionLeaf, Durability, HashedBundle, Minute, Outcome, OutcomeLeaf,
    Served, TileAt, Verdict, audit, bundles,
};
use comity_vocab::{Data, Digest as Hash, Instant as Time, MeansSet};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::{Digest as _, Sha256};

const LEAVES: u64 = 100_000;
const ROUNDS: usize = 5;

struct Log {
    bundles: Vec<Vec<u8>>,
    tiles: BTreeMap<TileAt, Vec<u8>>,
}

impl Served for Log {
    fn tile(&self, at: TileAt) -> Result<Vec<u8>, String> {
        self.tiles.get(&at).cloned().ok_or_else(|| "not found".to_owned())
    }

    fn entries(&self, at: BundleAt) -> Result<Vec<u8>, String> {
        self.bundles.get(at.number() as usize).cloned().ok_or_else(|| "not found".to_owned())
    }
}

/// A permit, then its outcome, then the next.
fn leaf(index: u64) -> Vec<u8> {
    let hash = |what: &str| Hash::from_bytes(Sha256::digest(format!("{what} {}", index / 2)).into());
    let (call, decision, minute) = (hash("call"), hash("decision"), Minute::of(Time::from_seconds(1_800_000_000)));
    if index % 2 == 1 {
        return OutcomeLeaf::bare((call, decision, 0), Outcome::Unknown, minute).to_bytes();
    }
    let leaf = DecisionLeaf {
        call,
        hop: 0,
        previous: None,
        decision,
        terms: hash("terms"),
        catalogue: hash("catalogue"),
        facts: hash("facts"),
        candidates: None,
        offering: Some("azure/gpt-5@eu-data-zone".parse().unwrap()),
        verdict: Verdict::Permit,
        means: MeansSet::NONE,
        term_ids: vec!["ministry.eu-place".parse().unwrap(), "ministry.personal".parse().unwrap()],
        classes: Classes::of(&Data::default()),
        size_class: 12,
        commitments: Commitments { call: hash("a"), caller: hash("b"), sequence: hash("c"), workload: hash("d") },
        durability: Durability::Commit,
        minute,
    };
    leaf.to_bytes()
}

/// The log and its checkpoint.
fn log() -> (Log, Checkpoint) {
    let mut log = Log { bundles: Vec::new(), tiles: BTreeMap::new() };
    let mut auditor = Auditor::new(LEAVES).unwrap();
    for at in bundles(LEAVES) {
        let entries: Vec<Vec<u8>> = (at.first()..at.first() + u64::from(at.width())).map(leaf).collect();
        let bytes = at.encode(entries.iter().map(Vec::as_slice)).unwrap();
        let full = auditor.add(HashedBundle::new(at, &bytes).unwrap()).unwrap();
        log.tiles.extend(full.iter().map(|tile| (tile.at(), tile.bytes())));
        log.bundles.push(bytes);
    }
    let (partial, root) = auditor.finish().unwrap();
    log.tiles.extend(partial.iter().map(|tile| (tile.at(), tile.bytes())));
    (log, Checkpoint::new("ledger.example/bench", LEAVES, root).unwrap())
}

fn timed(best: &mut Duration, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    *best = start.elapsed().min(*best);
}

fn main() {
    let (log, checkpoint) = log();
    let [mut audited, mut counted, mut hashed, mut independent] = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        timed(&mut audited, || {
            black_box(audit(&log, (&checkpoint, 0), &mut |_, _| Ok(())).unwrap());
        });
        timed(&mut counted, || {
            let mut census = Census::from(0);
            audit(&log, (&checkpoint, 0), &mut |index, entry| census.count(index, entry).map_err(|error| error.to_string())).unwrap();
            assert_eq!(census.finish().outcomes, LEAVES / 2);
        });
        timed(&mut hashed, || {
            for bundle in &log.bundles {
                black_box(Sha256::digest(bundle));
            }
        });
        let mut tree = MemoryBackedTree::<sha2_next::Sha256, Vec<u8>>::new();
        timed(&mut independent, || {
            (0..LEAVES).for_each(|index| tree.push(leaf(index)));
            assert_eq!(tree.root().as_bytes().as_slice(), checkpoint.root().as_bytes());
        });
    }
    let bytes: usize = log.bundles.iter().map(Vec::len).sum();
    println!("{LEAVES} leaves of {} bytes on average, one core, best of {ROUNDS} rounds", bytes as u64 / LEAVES);
    println!("audit            {:>9.0} leaves/s", LEAVES as f64 / audited.as_secs_f64());
    println!("with the census  {:>9.0} leaves/s, {:.2} x the time", LEAVES as f64 / counted.as_secs_f64(), ratio(counted, audited));
    println!(
        "root (ct-merkle) {:>9.0} leaves/s, {:.2} x the time of the audit",
        LEAVES as f64 / independent.as_secs_f64(),
        ratio(independent, audited)
    );
    println!(
        "plain SHA-256    {:>9.0} MB/s; the audit takes {:.2} x its time",
        bytes as f64 / 1e6 / hashed.as_secs_f64(),
        ratio(audited, hashed)
    );
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

//! Durable leaves a second: 64 and 512 callers sharing commits, against one caller that waits for a commit of its own each time.
//!
//! `cargo bench -p comity-store`. Numbers hang on the disk's flush; compare the two of one run.
#![allow(clippy::unwrap_used, clippy::as_conversions, missing_docs, reason = "a measurement for people")]

use std::time::Instant as Clock;

use comity_ledger::{Classes, Commitments, DecisionLeaf, Durability, Minute, Verdict, call_digest, facts_digest};
use comity_store::{Options, Store};
use comity_vocab::{Data, Digest, Instant, MeansSet};
use tokio::task::JoinSet;

const RECORD: &[u8] = &[7; 1500];

fn main() {
    for durability in [Durability::Commit, Durability::Os] {
        for (callers, calls) in [(1, 300), (64, 300), (512, 60)] {
            println!("durability {durability}, {callers} callers: {}", run(durability, callers, calls));
        }
    }
}

fn run(durability: Durability, callers: u64, calls: u64) -> String {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Store::open(Options { durability, ..Options::new(folder.path().join("ledger.db")) }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let start = Clock::now();
    let mut waits = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            tasks.spawn(append(store.clone(), caller * calls..(caller + 1) * calls));
        }
        tasks.join_all().await.concat()
    });
    let seconds = start.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |percent: usize| waits.get(waits.len() * percent / 100).copied().unwrap_or_default();
    let leaves = store.metrics().leaves;
    format!("{:.0} leaves/s (wait p50 {} us, p99 {} us)", leaves as f64 / seconds, at(50), at(99))
}

async fn append(store: Store, calls: std::ops::Range<u64>) -> Vec<u128> {
    let mut waits = Vec::new();
    for n in calls {
        let start = Clock::now();
        store.decide(leaf(n), RECORD.to_vec(), "tenant").await.unwrap();
        waits.push(start.elapsed().as_micros());
    }
    waits
}

fn leaf(n: u64) -> DecisionLeaf {
    let digest = Digest::of("bench", &[&n.to_be_bytes()]);
    DecisionLeaf {
        call: call_digest(&u128::from(n).to_be_bytes()),
        hop: 0,
        previous: None,
        decision: digest,
        terms: digest,
        catalogue: digest,
        facts: facts_digest(RECORD),
        offering: Some("own/model@here".parse().unwrap()),
        verdict: Verdict::Permit,
        means: MeansSet::NONE,
        term_ids: vec!["home".parse().unwrap()],
        classes: Classes::of(&Data::default()),
        size_class: 11,
        commitments: Commitments { call: digest, caller: digest, sequence: digest, workload: digest },
        durability: Durability::Commit,
        minute: Minute::of(Instant(0)),
    }
}

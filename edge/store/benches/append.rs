//! Durable leaves a second, and the writer's CPU for each: 64 and 512 callers sharing commits, against one caller that waits for a commit of
//! its own each time. Every call is a decision that the caller waits for and an outcome that it does not.
//!
//! `cargo bench -p comity-store`. Leaves a second hang on the disk's flush; compare figures of one run only.
#![allow(clippy::unwrap_used, clippy::as_conversions, missing_docs, reason = "a measurement for people")]

use std::time::Instant as Clock;

use comity_ledger::{
    Candidates, Classes, Commitments, DecisionLeaf, Durability, Minute, Outcome, OutcomeLeaf, Verdict, call_digest, facts_digest,
};
use comity_store::{Draft, Generation, Options, Sequence, Store, Whose};
use comity_vocab::{Data, Digest, Instant, MeansSet};
use tokio::task::JoinSet;

const RECORD: &[u8] = &[7; 1500];

fn main() {
    for durability in [Durability::Commit, Durability::Os] {
        for (callers, calls) in [(1, 300), (64, 600), (512, 120)] {
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
    // Answered after all that was handed over before it is written.
    store.keep_generation(Generation::Schema, leaf(0).terms, b"schema").unwrap();
    let seconds = start.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |percent: usize| waits.get(waits.len() * percent / 100).copied().unwrap_or_default();
    let metrics = store.metrics();
    let rate = metrics.leaves as f64 / seconds;
    let each = metrics.leaves / metrics.commits.max(1);
    let cpu = writer_cpu().map_or("unknown".to_owned(), |nanoseconds| format!("{:.1} us", nanoseconds / 1000.0 / metrics.leaves as f64));
    format!("{rate:.0} leaves/s, CPU of the writer {cpu} a leaf, {each} leaves a commit (wait p50 {} us, p99 {} us)", at(50), at(99))
}

/// What the system says that the writer's thread has run, in nanoseconds; none where it does not say.
fn writer_cpu() -> Option<f64> {
    let mut threads = std::fs::read_dir("/proc/self/task").ok()?.flatten().map(|thread| thread.path());
    let writer = threads.find(|thread| std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "comity-ledger"))?;
    std::fs::read_to_string(writer.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
}

async fn append(store: Store, calls: std::ops::Range<u64>) -> Vec<u128> {
    let mut waits = Vec::new();
    for n in calls {
        let leaf = leaf(n);
        let outcome = OutcomeLeaf::bare((leaf.call, leaf.decision, leaf.hop), Outcome::Ok, leaf.minute);
        let start = Clock::now();
        store.decide(draft(leaf)).await.unwrap();
        waits.push(start.elapsed().as_micros());
        store.outcome_later(outcome);
    }
    waits
}

fn draft(leaf: DecisionLeaf) -> Draft {
    let whose = Whose { tenant: "tenant".to_owned(), workload: "workload".to_owned(), subject: None };
    let sequence = Sequence { key: "key".to_owned(), salt: [7; 32], number: None };
    Draft { leaf, record: RECORD.to_vec(), whose, sequence, content: None }
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
        candidates: Some(Candidates::of(&["own/model@here".parse().unwrap()])),
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

//! Many callers at once: every receipt is distinct and true, and commits are shared.

use std::collections::BTreeSet;

use comity_ledger::{Outcome, check_inclusion, leaf_hash};
use comity_store::Store;
use comity_vocab::Digest;
use tokio::task::JoinSet;

use crate::given::{Place, draft, end, permit, record, wait};

const THREADS: u64 = 4;
const TASKS: u64 = 16;
const CALLS: u64 = 6;

#[test]
fn all_receipts_are_distinct_and_prove_true() {
    let place = Place::new();
    let store = place.open();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || wait(callers(store, thread)))
        })
        .collect();
    let receipts: Vec<(u64, Digest)> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let total = THREADS * TASKS * CALLS;
    assert_eq!(receipts.iter().map(|(leaf, _)| leaf).collect::<BTreeSet<_>>().len() as u64, total);

    let reader = place.reader();
    let size = reader.size().unwrap();
    let root = reader.root(size).unwrap();
    for (index, decision) in receipts {
        let stored = reader.leaf(index).unwrap().unwrap();
        assert!(matches!(stored.leaf, comity_ledger::Leaf::Decision(leaf) if leaf.decision == decision));
        let proof = reader.prove_inclusion(index, size).unwrap();
        check_inclusion(&proof, (size, root), (index, leaf_hash(&stored.bytes))).unwrap();
    }
    let verified = reader.verify().unwrap();
    assert_eq!((verified.size, verified.root, verified.decisions, verified.outcomes, verified.open), (2 * total, root, total, total, 0));
    let metrics = store.metrics();
    assert_eq!((metrics.queued, metrics.leaves, metrics.last_error), (0, 2 * total, None));
    assert!(metrics.commits < total, "{} commits for {} writes", metrics.commits, 2 * total);
}

async fn callers(store: Store, thread: u64) -> Vec<(u64, Digest)> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(caller(store.clone(), (thread * TASKS + task) * CALLS));
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

async fn caller(store: Store, first: u64) -> Vec<(u64, Digest)> {
    let mut receipts = Vec::new();
    for n in first..first + CALLS {
        let receipt = store.decide(draft(permit(n), record(n), &format!("tenant-{}", n % 3))).await.unwrap();
        store.outcome(end(&permit(n), Outcome::Ok)).await.unwrap();
        receipts.push((receipt.leaf(), receipt.decision()));
    }
    receipts
}

#[test]
fn a_small_queue_makes_callers_wait_and_loses_nothing() {
    let place = Place::new();
    let store = Store::open(comity_store::Options { queue: 2, ..comity_store::Options::new(place.path()) }).unwrap();
    wait(async {
        let mut tasks = JoinSet::new();
        for n in 0..50 {
            let store = store.clone();
            tasks.spawn(async move { store.decide(draft(permit(n), record(n), "ministry")).await.unwrap().leaf() });
        }
        assert_eq!(tasks.join_all().await.into_iter().collect::<BTreeSet<_>>().len(), 50);
    });
}

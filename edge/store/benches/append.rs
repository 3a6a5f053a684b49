//! Durable leaves a second, and the writer's CPU for each: 64 and 512 callers sharing commits, against one caller that waits for a commit of
//! its own each time; the same with data subjects, with kept content, and with a checkpoint a second; waits at a steady rate; verification.
//!
//! `cargo bench -p comity-store`. Leaves a second hang on the disk's flush; compare figures of one run only. Callers that call again at once
//! wait for as long as all others take: what one call waits for in a gateway is told by those at a steady rate.
#![allow(clippy::unwrap_used, clippy::as_conversions, missing_docs, reason = "a measurement for people")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Clock};

use comity_ledger::{
    Candidates, Classes, Commitments, DecisionLeaf, Durability, Minute, Outcome, OutcomeLeaf, Verdict, call_digest, facts_digest,
};
use comity_store::{Draft, Generation, Options, Published, Sequence, Store, Whose};
use comity_vocab::{Data, Digest, Instant, MeansSet, Plain};
use tokio::task::JoinSet;

const RECORD: &[u8] = &[7; 1500];

/// What a run does besides writing decisions and outcomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    /// A person in every call, each new to the store.
    NewSubjects,
    /// One of 1,000 persons in every call.
    KnownSubjects,
    /// A body and an answer of 4 KB each.
    Content,
    /// A checkpoint every second.
    Checkpoints,
}

/// How callers call.
#[derive(Clone, Copy)]
struct Load {
    durability: Durability,
    callers: u64,
    calls: u64,
    with: With,
    /// Time from one call of a caller to the next; none for at once.
    every: Option<Duration>,
}

fn main() {
    use With::{Checkpoints, Content, KnownSubjects, NewSubjects, Nothing};
    for durability in [Durability::Commit, Durability::Os] {
        for (callers, calls) in [(1, 300), (64, 600), (512, 120)] {
            report("", Load { durability, callers, calls, with: Nothing, every: None });
        }
    }
    let load = |with| Load { durability: Durability::Commit, callers: 64, calls: 300, with, every: None };
    report(", each call about somebody new", load(NewSubjects));
    report(", each call about one of 1000 persons", load(KnownSubjects));
    report(", 4 KB of body and of answer kept", load(Content));
    report(", a checkpoint a second", Load { calls: 900, ..load(Checkpoints) });
    for callers in [64_u32, 512] {
        // 10,000 leaves a second: 5,000 decisions and their outcomes.
        let every = Some(Duration::from_secs(1) * callers / 5000);
        let load = Load { callers: callers.into(), calls: u64::from(25_000 / callers), every, ..load(Checkpoints) };
        report(", 10,000 leaves/s and a checkpoint a second", load);
    }
}

fn report(what: &str, load: Load) {
    println!("durability {}, {} callers{what}: {}", load.durability, load.callers, run(load));
}

fn run(load: Load) -> String {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Store::open(Options { durability: load.durability, ..Options::new(folder.path().join("ledger.db")) }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (start, over) = (Clock::now(), AtomicBool::new(false));
    let mut waits = std::thread::scope(|scope| {
        if load.with == With::Checkpoints {
            scope.spawn(|| publish(&store, &over));
        }
        let waits = runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for caller in 0..load.callers {
                tasks.spawn(append(store.clone(), caller, load));
            }
            tasks.join_all().await.concat()
        });
        over.store(true, Ordering::Relaxed);
        waits
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
    let verified = verify(&store);
    format!(
        "{rate:.0} leaves/s, CPU of the writer {cpu} a leaf, {each} leaves a commit (wait p50 {} us, p99 {} us), verified at {verified:.0} leaves/s",
        at(50),
        at(99)
    )
}

/// A checkpoint each second until all is over.
fn publish(store: &Store, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let head = store.head().unwrap();
        store.publish(Published { head, note: "a note of some length".repeat(20) }).unwrap();
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Leaves verified a second.
fn verify(store: &Store) -> f64 {
    let reader = store.reader().unwrap();
    let start = Clock::now();
    let verified = reader.verify().unwrap();
    verified.size as f64 / start.elapsed().as_secs_f64()
}

/// What the system says that the writer's thread has run, in nanoseconds; none where it does not say.
fn writer_cpu() -> Option<f64> {
    let mut threads = std::fs::read_dir("/proc/self/task").ok()?.flatten().map(|thread| thread.path());
    let writer = threads.find(|thread| std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "comity-ledger"))?;
    std::fs::read_to_string(writer.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
}

async fn append(store: Store, caller: u64, load: Load) -> Vec<u128> {
    let mut waits = Vec::new();
    let mut clock = load.every.map(|every| {
        // Callers start spread over one interval.
        let first = every * u32::try_from(caller).unwrap_or(0) / u32::try_from(load.callers).unwrap_or(1);
        tokio::time::interval_at(tokio::time::Instant::now() + first, every)
    });
    for n in caller * load.calls..(caller + 1) * load.calls {
        if let Some(clock) = &mut clock {
            clock.tick().await;
        }
        let leaf = leaf(n);
        let outcome = OutcomeLeaf::bare((leaf.call, leaf.decision, leaf.hop), Outcome::Ok, leaf.minute);
        let start = Clock::now();
        store.decide(draft(leaf, n, load.with)).await.unwrap();
        waits.push(start.elapsed().as_micros());
        if load.with == With::Content {
            store.outcome_later_with(outcome, Plain::new(vec![9; 4096]));
        } else {
            store.outcome_later(outcome);
        }
    }
    waits
}

fn draft(leaf: DecisionLeaf, n: u64, with: With) -> Draft {
    let subject = match with {
        With::NewSubjects => Some(n),
        With::KnownSubjects => Some(n % 1000),
        With::Nothing | With::Content | With::Checkpoints => None,
    };
    let subject = subject.map(|subject| Plain::new(format!("person {subject}")));
    let whose = Whose { tenant: "tenant".to_owned(), workload: "workload".to_owned(), subject };
    let sequence = Sequence { key: "key".to_owned(), salt: [7; 32], number: None };
    let content = (with == With::Content).then(|| vec![8; 4096]);
    Draft { leaf, record: RECORD.to_vec(), whose, sequence, content }
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

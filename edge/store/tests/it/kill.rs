//! kill -9 under load: no acknowledged leaf is lost, the log only grows, and cut-off calls get their outcome.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use comity_ledger::{Outcome, check_consistency};
use comity_store::{Options, Reader, Store};
use comity_vocab::Digest;
use tokio::task::JoinSet;

use crate::given::{Place, Random, decide, draft, end, permit, record, wait};

const ROUNDS: u64 = 24;
const CALLERS: u64 = 8;
const PLACE: &str = "COMITY_TEST_KILL_STORE";
const ROUND: &str = "COMITY_TEST_KILL_ROUND";

#[test]
fn no_acknowledged_leaf_is_lost_by_kill_9() {
    let place = Place::new();
    let mut random = Random(0x5eed);
    let mut acknowledged: BTreeMap<u64, String> = BTreeMap::new();
    let mut head = (0, place.open().reader().unwrap().root(0).unwrap());
    for round in 0..ROUNDS {
        let child = start_child(&place, round);
        let lines = read_then_kill(child, &mut random);
        drop(place.open());
        head = check_log_only_grew(&place.reader(), head);
        for line in lines {
            let (index, decision) = line.split_once(' ').unwrap();
            let index = index.parse().unwrap();
            check_leaf(&place.reader(), index, decision);
            assert_eq!(acknowledged.insert(index, decision.to_owned()), None, "leaf {index} was given out twice");
        }
        // All of it takes long; a fault shows later as well, since nothing is ever repaired.
        if round % 8 == 7 {
            let verified = place.reader().verify().unwrap();
            assert_eq!((verified.open, verified.records, (verified.size, verified.root)), (0, verified.decisions, head));
            assert!(verified.unknown_outcomes > 0 && verified.unknown_outcomes < verified.outcomes, "{verified:?}");
        }
    }
    assert!(acknowledged.len() as u64 >= ROUNDS);
    for (index, decision) in acknowledged {
        check_leaf(&place.reader(), index, &decision);
    }
}

fn check_log_only_grew(reader: &Reader, old: (u64, Digest)) -> (u64, Digest) {
    let size = reader.size().unwrap();
    let new = (size, reader.root(size).unwrap());
    check_consistency(&reader.prove_consistency(old.0, new.0).unwrap(), new, old).unwrap();
    new
}

/// The acknowledged leaf is there, is the same one, and its call has its outcome.
fn check_leaf(reader: &Reader, index: u64, decision: &str) {
    let found = reader.find_decision(decision).unwrap_or_else(|error| panic!("acknowledged leaf {index} is lost: {error}"));
    assert_eq!((found.index, found.leaf.decision.to_string().as_str()), (index, decision));
    assert!(found.outcome.is_some(), "call of leaf {index} has no outcome");
}

fn start_child(place: &Place, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_appends_until_it_is_killed", "--nocapture"])
        .env(PLACE, place.path())
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the child some acknowledgements, and some instructions, after its start; gives all that it acknowledged by then.
fn read_then_kill(mut child: Child, random: &mut Random) -> Vec<String> {
    let (acks, spins) = (1 + random.below(60), random.below(2_000_000));
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("ack ")?.to_owned()));
    let mut seen: Vec<_> = lines.by_ref().take(acks as usize).collect();
    for _ in 0..spins {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    seen.extend(lines);
    assert!(!child.wait().unwrap().success(), "the child ended by itself");
    // The last line may be cut in the middle.
    seen.retain(|line| line.len() > 64 && line.split_once(' ').is_some_and(|(_, decision)| decision.len() == 64));
    seen
}

/// Runs only in a child process of the test above; by itself it has nothing to do.
#[test]
fn child_appends_until_it_is_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(PLACE), std::env::var(ROUND)) else { return };
    let round: u64 = round.parse().unwrap();
    println!();
    wait(async {
        let store = Store::open(Options::new(path)).unwrap();
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let store = store.clone();
            tasks.spawn(async move {
                for n in (round * 1_000_000 + caller..).step_by(CALLERS as usize) {
                    let receipt = store.decide(draft(permit(n), record(n), "ministry")).await.unwrap();
                    let line = format!("ack {} {}\n", receipt.leaf(), receipt.decision());
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                    if n % 3 == 0 {
                        store.outcome_later(end(&permit(n), Outcome::Ok));
                    }
                }
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn a_killed_gateway_gives_its_store_back() {
    let place = Place::new();
    let child = start_child(&place, 0);
    read_then_kill(child, &mut Random(1));
    assert!(place.reader().verify().unwrap().open > 0, "a reader needs no gateway to have cleaned up first");
    let store = place.open();
    assert!(decide(&store, u64::MAX, permit(u64::MAX)).leaf() > 0);
}

//! `prune`: the oldest leaves go, and what is left is as provable as before.

use super::site::{Site, tomorrow};
use crate::harness::snapshot;

#[test]
fn the_oldest_leaves_go_and_the_rest_still_verifies() {
    let (mut site, kept) = Site::after(130, ("", ""));
    site.ok(&["ledger", "export", "whole"]);
    site.keep("old.tlog-proof", &["ledger", "proof", kept[0].short()]);
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    site.keep("seen.checkpoint", &["ledger", "checkpoint"]);
    snapshot!("ledger_prune_less_than_a_bundle", site.seen(&["ledger", "prune", "--before-leaf", "255"]));
    assert_eq!(site.json(&["ledger", "prune", "--before", "2020-01-01"])["pruned"], 0);
    snapshot!("ledger_prune_too_much", site.seen(&["ledger", "prune", "--before-leaf", "9999"]));
    snapshot!("ledger_prune", site.seen(&["ledger", "prune", "--before-leaf", "260"]));
    site.ok(&["ledger", "verify"]);
    site.ok(&["ledger", "verify", "old.tlog-proof", "--key", "key"]);
    site.serve(2);
    // What is exported now lacks the first bundle, and says where it begins.
    site.ok(&["ledger", "export", "pruned"]);
    let verify = ["ledger", "verify", "pruned", "--key", "key"];
    snapshot!("ledger_verify_pruned_unsaid", site.seen(&verify));
    snapshot!("ledger_verify_pruned", site.seen(&[&verify[..], &["--minimum", "256"]].concat()));
    site.ok(&["ledger", "verify", "--from", "seen.checkpoint"]);
    let receipts = format!("{}\n", kept[0].receipt);
    site.machine.file("receipts.txt", &receipts);
    let with_receipts = [&verify[..], &["--minimum", "256", "--receipts", "receipts.txt"]].concat();
    assert_eq!(site.refused(&with_receipts, "its leaf was pruned"), 1);
    // An earlier export has all of it, and goes on.
    site.ok(&["ledger", "export", "whole"]);
    site.ok(&["ledger", "verify", "whole", "--key", "key", "--from", "seen.checkpoint", "--receipts", "receipts.txt"]);
    let seen = |args: &[&str]| site.seen(args).replace(kept[0].short(), "[PREFIX]");
    snapshot!("ledger_pruned_proof", seen(&["ledger", "proof", "--leaf", "3"]));
    snapshot!("ledger_pruned_decision", seen(&["ledger", "show", kept[0].short()]));
    assert_eq!(site.json(&["ledger", "show", "--from", "0", "--count", "1"])["leaves"][0]["index"], 256);
}

#[test]
fn by_date_goes_what_is_published() {
    let (site, _) = Site::after(130, ("", ""));
    let size = site.json(&["ledger", "show", "--count", "1"])["size"].as_u64().unwrap();
    assert!(size < 512);
    assert_eq!(site.refused(&["ledger", "prune", "--before", "2999-01-01"], "`2999-01-01` lies in the future"), 2);
    assert_eq!(site.json(&["ledger", "prune", "--before", &tomorrow()])["minimum"], 256);
    assert_eq!(site.json(&["ledger", "prune", "--before", &tomorrow()])["pruned"], 0);
    snapshot!("ledger_prune_nothing_said", site.seen(&["ledger", "prune"]));
    snapshot!("ledger_prune_no_date", site.seen(&["ledger", "prune", "--before", "2025-13-01"]));
}

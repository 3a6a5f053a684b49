//! `proof` and `verify FILE`: one leaf, proven offline.

use comity_ledger::ProofFile;

use super::site::{Kept, Site};
use crate::harness::{Machine, snapshot, text};

/// The snapshot's text without the digits that differ from run to run.
fn shown(seen: &str, kept: &Kept) -> String {
    seen.replace(kept.short(), "[PREFIX]").replace(&kept.receipt, "[RECEIPT]")
}

#[test]
fn a_decision_its_outcome_and_any_leaf_are_proven_far_from_the_gateway() {
    let (site, kept) = Site::after(3, ("", ""));
    let call = &kept[1];
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    site.keep("decision.tlog-proof", &["ledger", "proof", call.short()]);
    site.keep("outcome.tlog-proof", &["ledger", "proof", call.short(), "--outcome"]);
    site.keep("first.tlog-proof", &["ledger", "proof", "--leaf", "0"]);
    let auditor = Machine::new();
    for name in ["key", "decision.tlog-proof", "outcome.tlog-proof", "first.tlog-proof"] {
        auditor.file(name, &std::fs::read_to_string(site.path(name)).unwrap());
    }
    let verified = |name: &str| -> serde_json::Value {
        let output = auditor.run(&["ledger", "verify", name, "--key", "key", "--output", "json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let decision = verified("decision.tlog-proof");
    assert_eq!((&decision["leaf"]["decision"], &decision["index"]), (&call.decision.as_str().into(), &call.leaf().into()));
    assert_eq!((&decision["leaf"]["kind"], &decision["origin"]), (&"decision".into(), &"ledger.example.org/comity".into()));
    assert_eq!(verified("outcome.tlog-proof")["leaf"]["kind"], "outcome");
    assert_eq!(verified("first.tlog-proof")["leaf"]["kind"], "started");
    let human = auditor.run(&["ledger", "verify", "first.tlog-proof", "--key", "key"]);
    assert!(text(&human.stdout).starts_with("log ledger.example.org/comity\nleaf 0 of 9: proven\n{\"detail\":"), "{}", text(&human.stdout));
    let json = site.json(&["ledger", "proof", call.short()]);
    assert_eq!(json["proof"].as_str().unwrap(), std::fs::read_to_string(site.path("decision.tlog-proof")).unwrap());
}

#[test]
fn a_proof_of_something_else_is_refused() {
    let (site, kept) = Site::after(3, ("", ""));
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    let sound = site.ok(&["ledger", "proof", kept[0].short()]);
    let proof: ProofFile = sound.parse().unwrap();
    let verify = ["ledger", "verify", "one.tlog-proof", "--key", "key"];
    let seen = |text: &str| {
        site.machine.file("one.tlog-proof", text);
        site.seen(&verify)
    };
    let other_leaf = ProofFile { extra: Some(b"{\"kind\":\"decision\"}".to_vec()), ..proof.clone() };
    snapshot!("ledger_proof_other_leaf", seen(&other_leaf.to_string()));
    snapshot!("ledger_proof_no_leaf", seen(&ProofFile { extra: None, ..proof.clone() }.to_string()));
    let other_place = ProofFile { index: proof.index + 1, ..proof };
    snapshot!("ledger_proof_other_place", seen(&other_place.to_string()));
    snapshot!("ledger_proof_cut", seen(sound.split_inclusive('\n').next().unwrap()));
    snapshot!("ledger_proof_empty", seen(""));
    site.machine.file("one.tlog-proof", &sound);
    snapshot!("ledger_proof_no_key", site.seen(&["ledger", "verify", "one.tlog-proof"]));
    let (other, _) = Site::after(0, ("", ""));
    site.machine.file("key", &other.ok(&["ledger", "checkpoint", "--key"]));
    snapshot!("ledger_proof_foreign_key", site.seen(&verify));
    for option in [["--from", "one.tlog-proof"], ["--receipts", "one.tlog-proof"], ["--minimum", "1"]] {
        let says = format!("`{}` is about a whole log", option[0]);
        assert_eq!(site.refused(&[&verify[..], &option].concat(), &says), 2);
    }
}

#[test]
fn what_cannot_be_proven_says_why() {
    let mut site = Site::new(("", ""));
    let gateway = site.up();
    let kept = site.call(&gateway, ("hello", ""));
    let denied = gateway.ask(&site.machine, &["hello", "--classification", "secret", "--output", "json"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied.stderr));
    gateway.stop();
    let leaves = site.json(&["ledger", "show"]);
    let denial = leaves["leaves"].as_array().unwrap().iter().find(|stored| stored["leaf"]["verdict"] == "denial").unwrap();
    let prefix = denial["leaf"]["decision"].as_str().and_then(|decision| decision.get(..10)).unwrap();
    let seen = |args: &[&str]| shown(&site.seen(&[&["ledger", "proof"], args].concat()), &kept).replace(prefix, "[DENIED]");
    site.ok(&["ledger", "proof", prefix]);
    snapshot!("ledger_proof_denied_outcome", seen(&[prefix, "--outcome"]));
    snapshot!("ledger_proof_beyond", seen(&["--leaf", "700"]));
    snapshot!("ledger_proof_nothing", seen(&[]));
    snapshot!("ledger_proof_two", seen(&[kept.short(), "--leaf", "0"]));
    snapshot!("ledger_proof_unknown", seen(&["00000000"]));
}

//! `comity ledger`: shows and verifies, and finds a changed byte. What outsiders and erasers do with it has files of its own below.

mod disclosures;
mod erasures;
mod exports;
mod net;
mod passphrases;
mod proofs;
mod prunings;
mod site;

use std::path::Path;

use crate::harness::{Gateway, Machine, snapshot, text};

/// A store in which one call was denied.
fn denied() -> Machine {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine, &[]);
    let denied = gateway.ask(&machine, &["hello", "--classification", "secret"]);
    assert_eq!(denied.status.code(), Some(3), "{}", text(&denied.stderr));
    gateway.stop();
    machine
}

#[test]
fn a_denial_is_shown_and_verified() {
    let machine = denied();
    snapshot!("ledger_show", machine.seen(&["ledger", "show"]));
    snapshot!("ledger_verify", machine.seen(&["ledger", "verify"]));
    let json: serde_json::Value = serde_json::from_slice(&machine.run(&["ledger", "show", "--output", "json"]).stdout).unwrap();
    let kinds: Vec<_> = json["leaves"].as_array().unwrap().iter().map(|leaf| leaf["leaf"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["started", "key_changed", "decision", "stopped"]);
    let decision = json["leaves"][2]["leaf"]["decision"].as_str().unwrap();
    let first = |digits: usize| decision.chars().take(digits).collect::<String>();
    let prefix = first(10);
    let shown = machine.seen(&["ledger", "show", &prefix]);
    snapshot!("ledger_show_one", shown.replace(decision, "[DECISION]").replace(&first(12), "[SHORT]").replace(&prefix, "[PREFIX]"));
    let why = machine.run(&["terms", "why", &prefix]);
    assert!(why.status.success(), "{}", text(&why.stderr));
}

#[test]
fn one_changed_byte_is_found() {
    let machine = denied();
    let copy = machine.folder().join("copy.db");
    comity_store::Reader::open(&machine.data().join("comity.db")).unwrap().copy_to(&copy).unwrap();
    assert_eq!(machine.run(&["ledger", "verify", "--store", "copy.db"]).status.code(), Some(0));
    change_a_leaf(&copy);
    let seen = machine.seen(&["ledger", "verify", "--store", "copy.db"]);
    assert!(seen.contains("exit 5"), "{seen}");
    snapshot!("ledger_tampered", seen);
}

#[test]
fn what_is_not_there_is_said() {
    let machine = denied();
    snapshot!("ledger_no_decision", machine.seen(&["ledger", "show", "00000000"]));
    snapshot!("ledger_bad_prefix", machine.seen(&["ledger", "show", "xyz"]));
    snapshot!("ledger_no_store", Machine::new().seen(&["ledger", "verify"]));
    snapshot!("ledger_foreign_file", {
        let machine = Machine::new();
        machine.file("other.db", "this is no store");
        machine.seen(&["ledger", "verify", "--store", "other.db"])
    });
}

/// Changes one digit of the time in the first leaf, in the database file itself.
fn change_a_leaf(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let field = b"\"minute\":";
    let at = bytes.windows(field.len()).position(|window| window == field).expect("a leaf in the file") + field.len();
    bytes[at] = if bytes[at] == b'9' { b'8' } else { bytes[at] + 1 };
    std::fs::write(path, bytes).unwrap();
}

//! `comity keys`: made once, listed without their text, revoked for good.

use crate::harness::{Machine, snapshot, text};

const CREATE: [&str; 14] = [
    "keys",
    "create",
    "--workload",
    "casework",
    "--unit",
    "ministry/health",
    "--clearance",
    "confidential",
    "--floor",
    "internal",
    "--purpose",
    "casework",
    "--purpose",
    "letters",
];

#[test]
fn a_key_is_shown_once_and_listed_without_its_text() {
    let machine = Machine::new();
    let created = machine.run(&CREATE);
    let key = text(&created.stdout).trim().to_owned();
    assert!(key.starts_with("ck_"), "{key}");
    assert_eq!(key.lines().count(), 1, "stdout holds the key alone");
    snapshot!("key_created", scrubbed(&machine.written(&CREATE, &created), &key));
    let listed = machine.seen(&["keys", "list"]);
    assert!(!listed.contains(secret(&key)));
    snapshot!("keys_listed", scrubbed(&listed, &key));
}

#[test]
fn a_revoked_key_stays_revoked() {
    let machine = Machine::new();
    let key = text(&machine.run(&CREATE).stdout).trim().to_owned();
    let revoke = ["keys", "revoke", id(&key)];
    snapshot!("key_revoked", scrubbed(&machine.seen(&revoke), &key));
    snapshot!("key_revoked_again", scrubbed(&machine.seen(&revoke), &key));
    snapshot!("keys_listed_revoked", scrubbed(&machine.seen(&["keys", "list"]), &key));
    snapshot!("key_unknown", machine.seen(&["keys", "revoke", "nosuchkey"]));
}

#[test]
fn keys_as_json() {
    let machine = Machine::new();
    let mut create = CREATE.to_vec();
    create.extend(["--days", "90", "--output", "json"]);
    let created: serde_json::Value = serde_json::from_slice(&machine.run(&create).stdout).unwrap();
    assert_eq!(created["workload"]["clearance"], "confidential");
    assert!(created["expires"].is_string());
    let listed: serde_json::Value = serde_json::from_slice(&machine.run(&["keys", "list", "--output", "json"]).stdout).unwrap();
    assert_eq!(listed[0]["state"], "usable");
    assert!(listed[0].get("key").is_none());
}

#[test]
fn a_key_that_could_do_nothing_is_refused() {
    let args = ["keys", "create", "--workload", "a", "--unit", "b", "--clearance", "public", "--floor", "secret"];
    snapshot!("key_useless", Machine::new().seen(&args));
    snapshot!("key_no_floor", Machine::new().seen(&["keys", "create", "--workload", "a", "--unit", "b", "--clearance", "public"]));
    snapshot!(
        "key_bad_name",
        Machine::new().seen(&["keys", "create", "--workload", "a b", "--unit", "b", "--clearance", "public", "--floor", "public"])
    );
}

#[test]
fn no_store_is_said_and_none_is_made() {
    let machine = Machine::new();
    snapshot!("keys_no_store", machine.seen(&["keys", "list"]));
    assert!(!machine.data().exists());
}

/// `ck_<id>_<secret>`
fn id(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

fn secret(key: &str) -> &str {
    key.splitn(3, '_').nth(2).unwrap()
}

fn scrubbed(seen: &str, key: &str) -> String {
    seen.replace(key, "[KEY]").replace(id(key), &"#".repeat(id(key).len()))
}

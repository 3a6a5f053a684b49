//! `disclose`, and `verify` of what it printed: chosen fields, and nothing beside them.

use serde_json::{Value, json};

use super::site::{Kept, Site};
use crate::harness::snapshot;

const FIELDS: [&str; 5] = ["call", "caller", "workload", "sequence", "answer"];
const VERIFY: [&str; 5] = ["ledger", "verify", "one.json", "--key", "key"];

/// `disclose` of one decision with some fields.
fn disclose<'a>(kept: &'a Kept, fields: &[&'a str]) -> Vec<&'a str> {
    ["ledger", "disclose", kept.short()].into_iter().chain(fields.iter().flat_map(|field| ["--field", field])).collect()
}

fn disclosed(site: &Site, kept: &Kept, fields: &[&str]) -> Value {
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    site.keep("one.json", &disclose(kept, fields));
    serde_json::from_str(&std::fs::read_to_string(site.path("one.json")).unwrap()).unwrap()
}

#[test]
fn all_fields_open_where_content_is_kept() {
    let (site, kept) = Site::after(2, ("keep_content = true", ""));
    disclosed(&site, &kept[1], &FIELDS);
    let verified = site.json(&VERIFY);
    assert_eq!((&verified["decision"], &verified["leaf"]), (&kept[1].decision.as_str().into(), &kept[1].leaf().into()));
    let text = |at: usize| verified["opened"][at]["text"].as_str().unwrap();
    assert!(text(0).contains("\"call 1\""), "{verified}");
    assert_eq!((text(1), text(2), text(3)), (site.key.split('_').nth(1).unwrap(), "first", "2"));
    assert!(text(4).contains("You said: call 1"), "{verified}");
    assert!(site.ok(&VERIFY).contains("\nworkload: first\nsequence: 2\n"));
}

#[test]
fn without_content_a_call_and_its_answer_are_hashed_by_the_auditor() {
    let (site, kept) = Site::after(1, ("", ""));
    let shown = disclosed(&site, &kept[0], &FIELDS);
    assert!(shown["opened"][0]["bytes"].is_null() && shown["opened"][0]["salt"].as_str().unwrap().len() == 64, "{shown}");
    let key = site.key.split('_').nth(1).unwrap();
    snapshot!("ledger_disclosed", site.seen(&VERIFY).replace(&kept[0].decision, "[DECISION]").replace(key, "[KEY]"));
    let only = disclosed(&site, &kept[0], &["workload", "workload"]);
    assert_eq!(only["opened"].as_array().unwrap().len(), 1);
    assert!(!only.to_string().contains(key), "nothing that was not asked for");
}

#[test]
fn a_changed_disclosure_is_refused() {
    let (site, kept) = Site::after(2, ("keep_content = true", ""));
    let other = disclosed(&site, &kept[0], &FIELDS);
    let sound = disclosed(&site, &kept[1], &FIELDS);
    // Where, what instead, and what is said.
    let changes = [
        ("/opened/2/bytes", json!("c2Vjb25k"), "`workload` is not what the leaf commits to"),
        ("/opened/2/bytes", json!("?"), "the bytes of `workload` are not base64"),
        ("/opened/2/bytes", Value::Null, "nothing proves `workload`: its bytes are not here"),
        ("/opened/2/text", json!("second"), "the text of `workload` is not that of its bytes"),
        ("/opened/2/salt", other["opened"][2]["salt"].clone(), "`workload` is not what the leaf commits to"),
        ("/opened/2/salt", json!("00"), "the salt of `workload` is not 64 hex digits"),
        ("/opened/2/field", json!("caller"), "`caller` is not what the leaf commits to"),
        ("/opened/2/field", json!("name"), "the disclosure cannot be read"),
        ("/opened/3/text", json!("3"), "the text of `sequence` is not that of its bytes"),
        ("/opened/4/text", json!("I said no"), "the text of `answer` is not that of its bytes"),
        ("/opened/4/bytes", other["opened"][4]["bytes"].clone(), "`answer` is not what the leaf commits to"),
        ("/decision", other["decision"].clone(), "it proves the outcome of another call"),
        ("/outcome", other["outcome"].clone(), "it proves the outcome of another call"),
        ("/outcome", Value::Null, "`answer` is not what the leaf commits to"),
        ("/decision", sound["outcome"].clone(), "it proves no decision"),
        ("/decision", json!("c2sp.org/tlog-proof@v1"), "a proof in it cannot be read"),
    ];
    for (place, instead, says) in changes {
        let mut changed = sound.clone();
        *changed.pointer_mut(place).unwrap() = instead;
        site.machine.file("one.json", &changed.to_string());
        assert_eq!(site.refused(&VERIFY, says), 5, "{place}");
    }
    let newer = sound.to_string().replacen("\"comity_disclosure\":1", "\"comity_disclosure\":2", 1);
    site.machine.file("one.json", &newer);
    assert_eq!(site.refused(&VERIFY, "a disclosure of version 2, this program reads version 1"), 1, "nothing is refuted by that");
    let digit = sound["decision"].as_str().unwrap().replacen("index ", "index 1", 1);
    let mut changed = sound;
    changed["decision"] = digit.into();
    site.machine.file("one.json", &changed.to_string());
    assert_eq!(site.refused(&VERIFY, "a proof in it does not hold"), 5);
    snapshot!("ledger_disclosure_no_key", site.seen(&["ledger", "verify", "one.json"]));
}

#[test]
fn what_cannot_be_disclosed_says_why() {
    let mut site = Site::new(("", ""));
    let gateway = site.up();
    let kept = site.call(&gateway, ("hello", ""));
    gateway.ask(&site.machine, &["hello", "--classification", "secret"]);
    gateway.stop();
    let seen = |args: &[&str]| site.seen(args).replace(kept.short(), "[PREFIX]");
    snapshot!("ledger_disclose_nothing", seen(&["ledger", "disclose", kept.short()]));
    snapshot!("ledger_disclose_bad_field", seen(&disclose(&kept, &["name"])));
    let leaves = site.json(&["ledger", "show"]);
    let denial = leaves["leaves"].as_array().unwrap().iter().find(|stored| stored["leaf"]["verdict"] == "denial").unwrap();
    let denied = Kept { decision: denial["leaf"]["decision"].as_str().unwrap().to_owned(), receipt: String::new() };
    snapshot!("ledger_disclose_denied_answer", seen(&disclose(&denied, &["answer"])).replace(denied.short(), "[DENIED]"));
    site.ok(&disclose(&denied, &["sequence"]));
    std::fs::rename(site.path("data/comity.db.keys"), site.path("keys")).unwrap();
    snapshot!("ledger_disclose_sealed", seen(&disclose(&kept, &["workload"])));
}

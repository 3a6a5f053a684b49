//! `verify URL`: a gateway that runs, asked by an auditor.

use std::process::Output;

use super::site::{AUDITOR_TOKEN, Site};
use crate::harness::{Gateway, snapshot, text};

const AUDITED: &str = "auditor_token = { file = \"auditor.token\" }";

fn verify(site: &Site, (gateway, path): (&Gateway, &str), more: (&[&str], Option<&str>)) -> (String, Output) {
    let url = format!("{}/{path}", gateway.url);
    let args = [&["ledger", "verify", &url], more.0].concat();
    let mut command = site.machine.command(&args);
    if let Some(token) = more.1 {
        command.env("COMITY_AUDITOR_TOKEN", token);
    }
    let output = command.output().unwrap();
    (site.machine.written(&args, &output), output)
}

#[test]
fn an_auditor_verifies_a_running_gateway() {
    let mut site = Site::new((AUDITED, ""));
    let gateway = site.up();
    let kept: Vec<_> = (0..130).map(|number| site.call(&gateway, (&format!("call {number}"), ""))).collect();
    site.until_published(kept.last().unwrap().leaf() + 1);
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    let receipts: Vec<_> = kept.iter().map(|kept| kept.receipt.as_str()).collect();
    site.machine.file("receipts.txt", &receipts.join("\n"));
    let key: &[&str] = &["--key", "key"];
    let with_receipts: &[&str] = &["--key", "key", "--receipts", "receipts.txt", "--output", "json"];
    let (seen, output) = verify(&site, (&gateway, "ledger"), (with_receipts, Some(AUDITOR_TOKEN)));
    assert!(output.status.success(), "{seen}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["receipts"]["found"], &json["completeness"]["permits"]), (&130.into(), &130.into()));
    // With the key that the gateway itself hands out, that is said.
    let (seen, output) = verify(&site, (&gateway, "ledger/"), (&[], Some(AUDITOR_TOKEN)));
    assert!(output.status.success() && text(&output.stderr).contains("came with the log"), "{seen}");
    snapshot!("ledger_net_no_token", verify(&site, (&gateway, "ledger"), (key, None)).0);
    snapshot!("ledger_net_wrong_token", verify(&site, (&gateway, "ledger"), (key, Some("wrong"))).0);
    snapshot!("ledger_net_not_a_log", verify(&site, (&gateway, "elsewhere"), (key, Some(AUDITOR_TOKEN))).0);
    let nobody = site.seen(&["ledger", "verify", "http://127.0.0.1:1/ledger", "--key", "key"]);
    snapshot!("ledger_net_nobody", nobody.replace("127.0.0.1:1", "127.0.0.1:[PORT]"));
    gateway.stop();
}

#[test]
fn a_gateway_without_auditors_says_so() {
    let mut site = Site::new(("", ""));
    let gateway = site.up();
    site.until_published(site.call(&gateway, ("hello", "")).leaf());
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    let (seen, _) = verify(&site, (&gateway, "ledger"), (&["--key", "key"], Some(AUDITOR_TOKEN)));
    let bundle = seen.split('`').find(|part| part.starts_with("tile/")).unwrap().to_owned();
    snapshot!("ledger_net_no_auditors", seen.replace(&bundle, "[TILE]"));
    gateway.stop();
}

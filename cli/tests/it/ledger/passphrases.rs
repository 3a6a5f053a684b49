//! A store whose master key lies under a passphrase: what opens with it, and what does not need it.

use std::process::Output;

use super::site::Site;
use crate::harness::{snapshot, text};

const CONFIG: &str = "[store]\npassphrase = { env = \"COMITY_PASSPHRASE\" }\n";

/// The same, of a store that is named itself: no configuration says where its passphrase is.
fn store<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &["--store", "data/comity.db"]].concat()
}

#[test]
fn a_passphrase_opens_private_records_and_nothing_else_needs_it() {
    let (site, kept) = Site::after(1, ("", ""));
    let config = std::fs::read_to_string(site.path("data/comity.toml")).unwrap();
    site.machine.file("data/comity.toml", &format!("{config}\n{CONFIG}"));
    let with = |passphrase: &str, args: &[&str]| site.machine.command(args).env("COMITY_PASSPHRASE", passphrase).output().unwrap();
    let seen = |args: &[&str], output: &Output| site.machine.written(args, output).replace(kept[0].short(), "[PREFIX]");
    let started = with("a long passphrase", &["up", "--check"]);
    assert!(started.status.success(), "{}", text(&started.stderr));
    // A file in clear is encrypted when its store is opened to be written.
    let erased = with("a long passphrase", &["ledger", "erase", "--workload", "nobody"]);
    assert!(erased.status.success(), "{}", text(&erased.stderr));
    assert!(std::fs::read(site.path("data/comity.db.master")).unwrap().starts_with(b"age-encryption.org"));

    let disclose = ["ledger", "disclose", kept[0].short(), "--field", "workload"];
    assert!(with("a long passphrase", &disclose).status.success());
    snapshot!("ledger_passphrase_unset", seen(&disclose, &site.machine.run(&disclose)));
    snapshot!("ledger_passphrase_wrong", seen(&disclose, &with("another", &disclose)));
    // Whoever has no passphrase names the store itself, and reads all that is not private.
    let unprivate: [&[&str]; 5] = [
        &["ledger", "verify"],
        &["ledger", "show"],
        &["ledger", "checkpoint"],
        &["ledger", "proof", kept[0].short()],
        &["ledger", "export", "log"],
    ];
    for args in unprivate {
        site.ok(&store(args));
    }
    assert!(!site.path("log/log.vkey").exists());
    snapshot!("ledger_passphrase_sealed", seen(&store(&disclose), &site.machine.run(&store(&disclose))));
    let key = ["ledger", "checkpoint", "--key"];
    snapshot!("ledger_passphrase_no_key", seen(&store(&key), &site.machine.run(&store(&key))));
    let erase = ["ledger", "erase", "--workload", "first"];
    snapshot!("ledger_passphrase_erase", seen(&store(&erase), &site.machine.run(&store(&erase))));
}

//! `erase`: of each kind, by this command or through a running gateway; and afterwards nothing opens, while every proof holds.

use super::site::{ADMIN, Kept, Site, next_month};
use crate::harness::{Gateway, snapshot, text};

const ABOUT_ZOE: &str = "comity-data-subject: Zoe 4711\r\n";

/// Two calls, the first about a person; the gateway runs on.
fn two_calls(site: &mut Site) -> (Gateway, [Kept; 2]) {
    let gateway = site.up();
    let kept = [site.call(&gateway, ("about somebody", ABOUT_ZOE)), site.call(&gateway, ("about nobody", ""))];
    site.until_published(kept[1].leaf());
    (gateway, kept)
}

/// Keeps proofs of what is there, before it is erased.
fn keep_proofs(site: &Site, kept: &[Kept]) {
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    for (number, kept) in kept.iter().enumerate() {
        site.keep(&format!("{number}.tlog-proof"), &["ledger", "proof", kept.short()]);
    }
}

/// Whether the private record of a published decision opens in any of the commands that show it; they must agree.
fn opens(site: &Site, kept: &Kept) -> bool {
    let disclosed = site.machine.run(&["ledger", "disclose", kept.short(), "--field", "workload"]).status.success();
    let why = site.machine.run(&["terms", "why", kept.short()]).status.success();
    let shown = site.ok(&["ledger", "show", kept.short()]);
    let erased = shown.lines().any(|line| line.starts_with("fact record") && line.ends_with("erased"));
    assert!(disclosed == why && disclosed != erased, "{disclosed} {why}\n{shown}");
    disclosed
}

fn expect_proofs(site: &Site, kept: &[Kept]) {
    for (number, kept) in kept.iter().enumerate() {
        site.ok(&["ledger", "verify", &format!("{number}.tlog-proof"), "--key", "key"]);
        site.ok(&["ledger", "proof", kept.short()]);
    }
    site.ok(&["ledger", "verify"]);
}

#[test]
fn a_person_is_erased_and_nobody_else() {
    let mut site = Site::new(("keep_content = true", ""));
    let (gateway, kept) = two_calls(&mut site);
    gateway.stop();
    keep_proofs(&site, &kept);
    assert!(opens(&site, &kept[0]) && opens(&site, &kept[1]));
    snapshot!("ledger_erase_person", site.seen(&["ledger", "erase", "--data-subject", "Zoe 4711", "--reason", "request"]));
    assert!(!opens(&site, &kept[0]) && opens(&site, &kept[1]));
    let seen = |args: &[&str]| site.seen(args).replace(kept[0].short(), "[PREFIX]");
    snapshot!("ledger_erased_disclose", seen(&["ledger", "disclose", kept[0].short(), "--field", "call"]));
    snapshot!("ledger_erased_why", seen(&["terms", "why", kept[0].short()]));
    let leaves = site.json(&["ledger", "show"]);
    let last = leaves["leaves"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["leaf"]["kind"], &last["leaf"]["detail"]["scope"], &last["leaf"]["detail"]["reason"]),
        (&"erased".into(), &"data_subject".into(), &"request".into())
    );
    assert!(!leaves.to_string().contains("Zoe"));
    expect_proofs(&site, &kept);
    snapshot!("ledger_erase_again", site.seen(&["ledger", "erase", "--data-subject", "Zoe 4711", "--reason", "request"]));
}

#[test]
fn each_kind_of_erasure_takes_what_it_names() {
    let month = next_month();
    let kinds: [(&[&str], &str); 3] = [
        (&["--workload", "first"], "workload"),
        (&["--tenant", "organisation"], "tenant"),
        (&["--before", &month, "--reason", "retention"], "before"),
    ];
    for (which, scope) in kinds {
        let mut site = Site::new(("", ""));
        let (gateway, kept) = two_calls(&mut site);
        gateway.stop();
        keep_proofs(&site, &kept);
        let done = site.json(&[&["ledger", "erase"], which].concat());
        assert!(done["scope"] == scope && done["folded"] == true && done["keys"].as_u64() >= Some(2), "{done}");
        assert_eq!(done["salt"].as_str().unwrap().len(), 64);
        assert!(!opens(&site, &kept[0]) && !opens(&site, &kept[1]), "{scope}");
        expect_proofs(&site, &kept);
        // The gateway goes on, with new keys.
        let gateway = site.up();
        let next = site.call(&gateway, ("again", ABOUT_ZOE));
        gateway.stop();
        assert!(opens(&site, &next));
    }
}

#[test]
fn a_running_gateway_does_it_itself() {
    let mut site = Site::new(("", ADMIN));
    let (gateway, kept) = two_calls(&mut site);
    let url = ["--url", &gateway.url];
    let mut erase = site.machine.command(&[&["ledger", "erase", "--data-subject", "-", "--output", "json"], &url[..]].concat());
    let name = std::fs::File::open(site.machine.file("name.txt", "Zoe 4711\n")).unwrap();
    let erased = erase.stdin(name).output().unwrap();
    assert!(erased.status.success(), "{}", text(&erased.stderr));
    let erased: serde_json::Value = serde_json::from_slice(&erased.stdout).unwrap();
    assert_eq!((&erased["scope"], &erased["keys"]), (&"data_subject".into(), &1.into()));
    assert!(!opens(&site, &kept[0]) && opens(&site, &kept[1]));
    let month = next_month();
    let kinds: [&[&str]; 3] = [&["--workload", "first"], &["--tenant", "organisation"], &["--before", &month]];
    for which in kinds {
        let last = site.call(&gateway, ("before", ""));
        site.until_published(last.leaf());
        assert!(opens(&site, &last));
        site.ok(&[&["ledger", "erase"], which, &url].concat());
        assert!(!opens(&site, &last) && !opens(&site, &kept[1]), "{which:?}");
        let next = site.call(&gateway, ("again", ""));
        site.until_published(next.leaf());
        assert!(opens(&site, &next), "the gateway makes a new key");
    }
    let too_much = site.seen(&[&["ledger", "prune", "--before-leaf", "9999"], &url[..]].concat());
    snapshot!("ledger_prune_running_too_much", scrub_leaf(&too_much));
    assert_eq!(site.json(&[&["ledger", "prune", "--before-leaf", "0"], &url[..]].concat())["pruned"], 0);
    let elsewhere = ["ledger", "erase", "--workload", "first", "--url", "http://127.0.0.1:1"];
    snapshot!("ledger_erase_no_gateway", site.seen(&elsewhere).replace("127.0.0.1:1", "127.0.0.1:[PORT]"));
    site.machine.file("data/admin.token", "another-token-than-the-gateway-has-read");
    let refused = site.seen(&[&["ledger", "erase", "--workload", "first"], &url[..]].concat());
    snapshot!("ledger_erase_other_token", refused);
    gateway.stop();
    assert!(!opens(&site, &kept[1]));
    site.ok(&["ledger", "verify"]);
}

/// How much is published differs from run to run.
fn scrub_leaf(seen: &str) -> String {
    let mut words = seen.split("only those before ");
    let (head, tail) = (words.next().unwrap(), words.next().unwrap());
    format!("{head}only those before [N]{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn without_an_admin_api_a_running_gateway_must_stop_first() {
    let mut site = Site::new(("", ""));
    let (gateway, kept) = two_calls(&mut site);
    let pid = gateway.id().to_string();
    let seen = |args: &[&str]| site.seen(args).replace(&pid, "[PID]");
    snapshot!("ledger_erase_in_use", seen(&["ledger", "erase", "--workload", "first"]));
    snapshot!("ledger_prune_in_use", seen(&["ledger", "prune", "--before-leaf", "0"]));
    assert!(opens(&site, &kept[1]));
    gateway.stop();
}

#[test]
fn what_cannot_be_erased_says_why() {
    let (site, _) = Site::after(0, ("", ""));
    let seen = |args: &[&str]| site.seen(&[&["ledger", "erase"], args].concat());
    snapshot!("ledger_erase_nothing_named", seen(&[]));
    snapshot!("ledger_erase_two_named", seen(&["--workload", "first", "--tenant", "first"]));
    snapshot!("ledger_erase_mid_month", seen(&["--before", "2026-01-15"]));
    snapshot!("ledger_erase_future", seen(&["--before", "2999-01-01"]));
    snapshot!("ledger_erase_not_ascii", seen(&["--data-subject", "Müller"]));
    snapshot!("ledger_erase_no_name", seen(&["--data-subject", " "]));
    snapshot!("ledger_erase_empty_stdin", seen(&["--data-subject", "-"]));
    assert_eq!(site.refused(&["ledger", "erase", "--data-subject", &"x".repeat(257)], "no call can name a data subject of 257 bytes"), 2);
    snapshot!("ledger_erase_bad_reason", seen(&["--workload", "first", "--reason", "because"]));
    snapshot!("ledger_erase_unknown", seen(&["--workload", "nobody"]));
}

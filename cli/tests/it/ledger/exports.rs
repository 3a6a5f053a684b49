//! `export` and `verify DIR`: what outsiders get, and every way in which it could be another.

use std::path::Path;
use std::process::Stdio;

use comity_ledger::{BundleAt, KeyKind, TileAt, VerifierKey, leaf_hash};

use super::site::{Kept, Site, copy, files};
use crate::harness::snapshot;

const CALLS: usize = 5;
const VERIFY: [&str; 5] = ["ledger", "verify", "log", "--key", "key"];

/// A ledger, exported to `log`, and its key in `key`.
fn exported(calls: usize) -> (Site, Vec<Kept>) {
    let (site, kept) = Site::after(calls, ("", ""));
    site.ok(&["ledger", "export", "log"]);
    site.keep("key", &["ledger", "checkpoint", "--key"]);
    (site, kept)
}

#[test]
fn a_ledger_is_exported_and_verified() {
    let (site, _) = Site::after(CALLS, ("", ""));
    snapshot!("ledger_export", site.seen(&["ledger", "export", "log"]));
    snapshot!("ledger_verify_export", site.seen(&["ledger", "verify", "log", "--key", "log/log.vkey"]));
    snapshot!("ledger_verify_export_unkeyed", site.seen(&["ledger", "verify", "log"]));
    let read = |name: &str| std::fs::read_to_string(site.path(name)).unwrap();
    let key = site.ok(&["ledger", "checkpoint", "--key"]);
    assert_eq!(key, read("log/log.vkey"));
    assert_eq!(site.ok(&["ledger", "checkpoint"]), read("log/checkpoint"));
    let json = site.json(&["ledger", "checkpoint"]);
    assert_eq!((json["note"].as_str(), json["key"].as_str()), (Some(read("log/checkpoint").as_str()), Some(key.trim())));
    // A key as text, and a policy that asks for no witness, say the same.
    site.ok(&["ledger", "verify", "log", "--key", key.trim()]);
    site.machine.file("log.policy", &format!("log {}\nquorum none\n", key.trim()));
    site.ok(&["ledger", "verify", "log", "--policy", "log.policy"]);
    site.ok(&["ledger", "verify", "--policy", "log.policy"]);
}

#[test]
fn an_export_adds_what_is_new_and_begins_with_what_was_seen() {
    let (mut site, _) = exported(CALLS);
    site.keep("seen.checkpoint", &["ledger", "checkpoint"]);
    let first = site.json(&VERIFY);
    site.serve(130);
    let again = site.json(&["ledger", "export", "log"]);
    assert_eq!(again["before"], first["size"]);
    let from = ["--from", "seen.checkpoint"];
    let grown = site.json(&[&VERIFY[..], &from].concat());
    assert_eq!((&grown["integrity"]["from"], &grown["size"]), (&first["size"], &again["size"]));
    assert!(grown["size"].as_u64() > Some(256) && grown["key_came_along"] == false, "{grown}");
    assert_eq!((&grown["completeness"]["permits"], &grown["completeness"]["outcomes"]), (&135.into(), &135.into()));
    snapshot!("ledger_verify_grown", site.seen(&[&VERIFY[..], &from].concat()));
    site.ok(&["ledger", "verify", "--key", "key", "--from", "seen.checkpoint"]);
    let bytes = |name: &str| files(&site.path(name)).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    let before = bytes("log");
    assert_eq!(site.json(&["ledger", "export", "log"])["before"], again["size"]);
    assert_eq!(before, bytes("log"), "nothing was new");
}

#[test]
fn a_past_that_was_cut_back_or_changed_is_refused() {
    let (mut site, _) = exported(CALLS);
    let mut restored = site.copy();
    site.serve(3);
    site.keep("seen.checkpoint", &["ledger", "checkpoint"]);
    site.ok(&["ledger", "export", "newer"]);
    for name in ["seen.checkpoint", "newer", "log", "key"] {
        restored.bring(&site, name);
    }
    let from = ["--from", "seen.checkpoint"];
    snapshot!("ledger_cut_back", restored.seen(&[&VERIFY[..], &from].concat()));
    snapshot!("ledger_cut_back_store", restored.seen(&["ledger", "verify", "--from", "seen.checkpoint"]));
    snapshot!("ledger_export_cut_back", restored.seen(&["ledger", "export", "newer"]));
    // It goes on from the backup, past what others have seen: another past under the same name and key.
    restored.serve(10);
    restored.ok(&["ledger", "export", "log"]);
    restored.ok(&VERIFY);
    let begins = "does not begin with the";
    assert_eq!(restored.refused(&[&VERIFY[..], &from].concat(), begins), 5);
    assert_eq!(restored.refused(&["ledger", "verify", "--from", "seen.checkpoint"], begins), 5);
    assert_eq!(restored.refused(&["ledger", "export", "newer"], "is not the beginning of this ledger"), 5);
    assert_eq!(std::fs::read(restored.path("newer/checkpoint")).unwrap(), std::fs::read(site.path("newer/checkpoint")).unwrap());
}

#[test]
fn the_checkpoint_of_another_log_says_so() {
    let (site, _) = exported(1);
    let (other, _) = Site::after(2, ("", ""));
    other.keep("namesake.checkpoint", &["ledger", "checkpoint"]);
    site.bring(&other, "namesake.checkpoint");
    let from = |name| [&VERIFY[..], &["--from", name]].concat();
    snapshot!("ledger_from_namesake", site.seen(&from("namesake.checkpoint")));
    assert_eq!(site.refused(&["ledger", "verify", "--from", "namesake.checkpoint"], "is not signed by this log"), 5);
    let text = std::fs::read_to_string(site.path("namesake.checkpoint")).unwrap();
    site.machine.file("other.checkpoint", &text.replace("example.org", "example.com"));
    snapshot!("ledger_from_other", site.seen(&from("other.checkpoint")));
    snapshot!("ledger_from_store_other", site.seen(&["ledger", "verify", "--from", "other.checkpoint"]));
    site.machine.file("letter.txt", "dear");
    snapshot!("ledger_from_letter", site.seen(&from("letter.txt")));
    assert_eq!(site.refused(&from("nowhere"), "cannot read `nowhere`"), 2);
}

#[test]
fn an_export_that_was_cut_off_is_done_again() {
    let (site, _) = exported(CALLS);
    let bytes = |name: &str| std::fs::read(site.path(name)).unwrap();
    let (checkpoint, entries) = (bytes("log/checkpoint"), site.path("log/tile/entries"));
    std::fs::remove_file(site.path("log/checkpoint")).unwrap();
    let bundle = files(&entries).pop().unwrap();
    std::fs::rename(&bundle, bundle.with_file_name(".draft")).unwrap();
    assert_eq!(site.json(&["ledger", "export", "log"])["before"], 0);
    assert_eq!(checkpoint, bytes("log/checkpoint"));
    assert!(!files(&entries).iter().any(|path| path.ends_with(".draft")));
    site.ok(&VERIFY);
}

#[cfg(unix)]
#[test]
fn two_exports_into_one_folder_do_not_mix() {
    let (site, _) = exported(CALLS);
    std::fs::remove_file(site.path("log/checkpoint")).unwrap();
    let export = |_| site.machine.command(&["ledger", "export", "log"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let exports: Vec<_> = (0..4).map(export).collect();
    let succeeded: Vec<bool> = exports.into_iter().map(|mut export| export.wait().unwrap().success()).collect();
    assert!(succeeded.contains(&true), "{succeeded:?}");
    site.ok(&VERIFY);
    let held = std::fs::File::open(site.path("log")).unwrap();
    held.lock().unwrap();
    assert_eq!(site.refused(&["ledger", "export", "log"], "another export writes to `log`"), 1);
}

#[cfg(unix)]
#[test]
fn whoever_sent_a_log_cannot_keep_its_reader_busy() {
    let (site, _) = exported(CALLS);
    let bundle = files(&site.path("log/tile/entries")).pop().unwrap();
    std::fs::remove_file(&bundle).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &bundle).unwrap();
    assert_eq!(site.refused(&VERIFY, "it is not a file"), 5);
    std::fs::remove_file(&bundle).unwrap();
    std::fs::File::create(&bundle).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(site.refused(&VERIFY, "it is larger than any file of a log"), 5);
}

#[test]
fn a_place_that_holds_something_else_is_not_written_to() {
    let (site, _) = exported(1);
    site.machine.file("full/letter.txt", "dear");
    snapshot!("ledger_export_full", site.seen(&["ledger", "export", "full"]));
    assert_eq!(site.refused(&["ledger", "export", ""], "for the current folder, say `.`"), 2);
    snapshot!("ledger_export_onto_file", site.seen(&["ledger", "export", "full/letter.txt"]));
    site.machine.file("odd/checkpoint", "no checkpoint");
    snapshot!("ledger_export_odd", site.seen(&["ledger", "export", "odd"]));
    if !cfg!(feature = "s3") {
        snapshot!("ledger_export_no_s3", site.seen(&["ledger", "export", "s3://bucket/prefix"]));
    }
    let mut other = Site::new(("", ""));
    let config = std::fs::read_to_string(other.path("data/comity.toml")).unwrap();
    other.machine.file("data/comity.toml", &config.replace("example.org", "example.com"));
    other.serve(1);
    other.bring(&site, "log");
    snapshot!("ledger_export_another", other.seen(&["ledger", "export", "log"]));
    assert_eq!(files(&site.path("log")).len(), files(&other.path("log")).len());
    let unused = Site::new(("", ""));
    unused.ok(&["keys", "create", "--workload", "first", "--unit", "city/office", "--clearance", "internal", "--floor", "public"]);
    snapshot!("ledger_nothing_published", unused.seen(&["ledger", "export", "log"]));
    assert!(!unused.path("log").exists());
}

#[test]
fn a_flip_in_any_file_of_an_export_is_refused() {
    let (site, _) = exported(130);
    let mut tried = 0;
    for file in files(&site.path("log")).into_iter().filter(|path| !path.ends_with("log.vkey")) {
        let sound = std::fs::read(&file).unwrap();
        let mut bytes = sound.clone();
        bytes[sound.len() / 2] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(site.machine.run(&VERIFY).status.code(), Some(5), "{}", file.display());
        std::fs::write(&file, sound).unwrap();
        tried += 1;
    }
    assert_eq!(tried, 6, "a checkpoint, two bundles, two tiles over them and one above");
    site.ok(&VERIFY);
}

#[test]
fn what_was_tampered_with_is_named() {
    let (site, kept) = exported(CALLS);
    copy(&site.path("log"), &site.path("sound"));
    let size = u16::try_from(site.json(&VERIFY)["size"].as_u64().unwrap()).unwrap();
    let (bundle, tile) = (BundleAt::in_log(0, size.into()).unwrap(), TileAt::in_tree(0, 0, size.into()).unwrap());
    let at = |place: &dyn std::fmt::Display| site.path(&format!("log/{place}"));
    let (bundle_file, tile_file) = (at(&bundle), at(&tile));
    // An entry.
    let index = usize::try_from(kept[2].leaf()).unwrap();
    let bytes = std::fs::read(&bundle_file).unwrap();
    let mut entries: Vec<Vec<u8>> = bundle.decode(&bytes).unwrap().into_iter().map(<[u8]>::to_vec).collect();
    let changed = String::from_utf8(entries[index].clone()).unwrap().replace("\"permit\"", "\"denial\"").into_bytes();
    assert_ne!(entries[index], changed);
    entries[index] = changed.clone();
    std::fs::write(&bundle_file, bundle.encode(entries.iter().map(Vec::as_slice)).unwrap()).unwrap();
    snapshot!("ledger_tampered_entry", site.seen(&VERIFY));
    // And the tile of hashes above it, which readers of tiles believed (CVE-2026-56865).
    let mut hashes = std::fs::read(&tile_file).unwrap();
    hashes[index * 32..index * 32 + 32].copy_from_slice(leaf_hash(&changed).as_bytes());
    std::fs::write(&tile_file, hashes).unwrap();
    snapshot!("ledger_tampered_entry_and_tile", site.seen(&VERIFY));
    back(&site);
    // The checkpoint.
    let text = std::fs::read_to_string(site.path("log/checkpoint")).unwrap();
    site.machine.file("log/checkpoint", &text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1));
    snapshot!("ledger_tampered_checkpoint", site.seen(&VERIFY));
    site.machine.file("log/checkpoint", "no checkpoint\n");
    snapshot!("ledger_no_checkpoint", site.seen(&VERIFY));
    back(&site);
    std::fs::remove_file(&tile_file).unwrap();
    snapshot!("ledger_missing_tile", site.seen(&VERIFY));
}

/// The log as it was exported.
fn back(site: &Site) {
    std::fs::remove_dir_all(site.path("log")).unwrap();
    copy(&site.path("sound"), &site.path("log"));
}

#[test]
fn receipts_are_borne_out_or_refused() {
    let (site, kept) = exported(CALLS);
    let lines = |receipts: &[&str]| site.machine.file("receipts.txt", &format!("# of one key\n\n{}\n", receipts.join("\n")));
    let verify = [&VERIFY[..], &["--receipts", "receipts.txt"]].concat();
    let all: Vec<&str> = kept.iter().map(|kept| kept.receipt.as_str()).collect();
    lines(&all);
    snapshot!("ledger_receipts", site.seen(&verify));
    lines(&[all[0], &format!("comity-leaf: {}", all[4])]);
    snapshot!("ledger_receipts_two_of_five", site.seen(&verify));
    let later = all[4].replacen(&kept[4].leaf().to_string(), "700", 1);
    lines(&[all[0], &later]);
    snapshot!("ledger_receipts_not_covered", site.seen(&verify));
    // False ones: another number, a leaf that is no decision, two for one leaf.
    lines(&[all[0], &all[1].replace("sequence=2", "sequence=3")]);
    snapshot!("ledger_receipt_false", site.seen(&verify));
    lines(&[&all[1].replacen(&kept[1].leaf().to_string(), "0", 1)]);
    snapshot!("ledger_receipt_no_decision", site.seen(&verify));
    lines(&[all[0], &all[0].replace("sequence=1", "sequence=2")]);
    assert_eq!(site.refused(&verify, "line 4: another answer came with leaf"), 5);
    // A call that was hidden behind the number of another.
    lines(&[all[0], all[1], all[0]]);
    snapshot!("ledger_receipt_twice", site.seen(&verify));
    lines(&[all[0], &all[1].replace("sequence=2", "sequence=1")]);
    assert_eq!(site.refused(&verify, "or number 1: a call was hidden"), 5);
    lines(&[]);
    assert_eq!(site.refused(&verify, "there is no receipt in `receipts.txt`"), 2);
    lines(&[all[0], "17"]);
    snapshot!("ledger_receipt_unreadable", site.seen(&verify));
    assert_eq!(site.refused(&["ledger", "verify", "--receipts", "receipts.txt"], "missing `<DIR|URL|FILE>`"), 2);
}

#[test]
fn what_cannot_be_verified_says_why() {
    let (site, _) = exported(1);
    let seen = |args: &[&str]| site.seen(&[&["ledger", "verify"], args].concat());
    snapshot!("ledger_verify_nowhere", seen(&["nowhere"]));
    site.machine.file("full/letter.txt", "dear");
    snapshot!("ledger_verify_other_folder", seen(&["full"]));
    snapshot!("ledger_verify_letter", seen(&["full/letter.txt", "--key", "key"]));
    snapshot!("ledger_verify_s3", seen(&["s3://bucket/log"]));
    snapshot!("ledger_verify_bad_key", seen(&["log", "--key", "log.vkye"]));
    snapshot!("ledger_verify_no_key", {
        copy(&site.path("log"), &site.path("keyless"));
        std::fs::remove_file(site.path("keyless/log.vkey")).unwrap();
        seen(&["keyless"])
    });
    let (other, _) = Site::after(0, ("", ""));
    site.machine.file("other.vkey", &other.ok(&["ledger", "checkpoint", "--key"]));
    snapshot!("ledger_verify_foreign_key", seen(&["log", "--key", "other.vkey"]));
    snapshot!("ledger_verify_store_foreign_key", seen(&["--key", "other.vkey"]));
    site.machine.file("bad.policy", "log nothing\n");
    snapshot!("ledger_verify_bad_policy", seen(&["log", "--policy", "bad.policy"]));
    let other: VerifierKey = text(&site, "other.vkey").parse().unwrap();
    let witness = VerifierKey::new("ledger.fr.example/comity", KeyKind::Cosignature, other.public()).unwrap();
    site.machine.file("logless.policy", &format!("witness FR {witness}\nquorum none\n"));
    snapshot!("ledger_verify_policy_of_no_log", seen(&["log", "--policy", "logless.policy"]));
    site.ok(&["ledger", "verify", "log", "--policy", "logless.policy", "--key", "key"]);
    site.ok(&["ledger", "verify", "--policy", "logless.policy", "--key", "key"]);
    assert_eq!(site.refused(&["ledger", "verify", ""], "for the current folder, say `.`"), 2);
    let witnessed = format!("log {}\nwitness FR {witness}\nquorum FR\n", text(&site, "key"));
    site.machine.file("witnessed.policy", &witnessed);
    snapshot!("ledger_verify_unwitnessed", seen(&["log", "--policy", "witnessed.policy"]));
    assert_eq!(site.refused(&["ledger", "verify", "log", "--key", "key", "--minimum", "9999"], "lies beyond a log of"), 2);
}

fn text(site: &Site, name: &str) -> String {
    std::fs::read_to_string(site.path(name)).unwrap().trim().to_owned()
}

#[test]
fn paths_with_spaces_are_shown_so_that_a_shell_takes_them() {
    let (site, _) = exported(0);
    let output = site.machine.run(&["ledger", "export", "a log"]);
    assert!(crate::harness::text(&output.stderr).contains("comity ledger verify 'a log' --key"));
    assert!(Path::new(&site.path("a log/checkpoint")).is_file());
}

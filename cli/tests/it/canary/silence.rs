//! Reads everything that a gateway wrote, that left it, and that commands show of it, and searches it.

use std::path::{Path, PathBuf};

use comity_store::FactRecord;
use serde_json::Value;

use super::flock::Search;
use super::stage::Stage;
use crate::harness::{Machine, text};

/// Ends the gateway, and searches all that it wrote, all that left, and all that commands show of it.
pub(super) fn expect_silent(stage: Stage) {
    let sinks = ["/metrics", "/healthz", "/readyz", "/v1/models"].map(|path| (path, stage.get(path).text.into_bytes()));
    let mut sinks = Vec::from(sinks);
    assert!(text(&sinks[0].1).contains("comity_"));
    let received = stage.received();
    assert!(received.windows(4).any(|four| four == b"PII_"), "what left is not looked at");
    sinks.push(("what left", received));
    let mut files = files_of(stage.machine.folder());
    assert!(files.iter().any(|(path, _)| path.ends_with("data/comity.db-wal")), "the store is looked at while it is written");
    let Stage { machine, mock, gateway, flock } = stage;
    assert_eq!(gateway.stop(), Some(0));
    drop(mock);
    sinks.extend(commands(&machine).into_iter().map(|output| ("a command", output)));
    files.extend(files_of(machine.folder()));

    let search = flock.search();
    let mut leaks: Vec<String> = Vec::new();
    sinks.iter().for_each(|(sink, bytes)| note(&search, (sink, bytes), &mut leaks));
    files.iter().for_each(|(path, bytes)| note(&search, (&path.file_name().unwrap().to_string_lossy(), bytes), &mut leaks));
    leaks.sort();
    leaks.dedup();
    assert!(leaks.is_empty(), "{} leaks of {} values:\n{}", leaks.len(), flock.len(), leaks.join("\n"));
    expect_talkative(&machine);
}

pub(super) fn note(search: &Search<'_>, (sink, bytes): (&str, &[u8]), leaks: &mut Vec<String>) {
    leaks.extend(search.find(bytes).into_iter().map(|found| format!("{sink}: {found}")));
}

/// Every file below a folder.
pub(super) fn files_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            // What is gone by now was looked at by another call, or is a file of the moment.
            found.push((path, bytes));
        }
    }
    found
}

/// A search in a log that says nothing would find nothing.
fn expect_talkative(machine: &Machine) {
    let log = std::fs::read_to_string(machine.folder().join("stderr.txt")).unwrap();
    for part in ["TRACE", "DEBUG", "WARN", "draining"] {
        assert!(log.contains(part), "the log has no {part}");
    }
}

/// What commands show of the ledger: every leaf, and decisions made again, with the fact records behind them.
fn commands(machine: &Machine) -> Vec<Vec<u8>> {
    let mut outputs = Vec::new();
    let reader = comity_store::Reader::open(&machine.data().join("comity.db")).unwrap();
    let mut run = |args: &[&str]| {
        let output = machine.run(&[args, &["--config", "comity.toml"]].concat());
        outputs.push([output.stdout.clone(), output.stderr.clone()].concat());
        output
    };
    let shown = run(&["ledger", "show", "--output", "json", "--from", "0", "--count", "5000"]);
    let ledger: Value = serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{}", text(&shown.stderr)));
    let decisions: Vec<&str> = ledger["leaves"].as_array().unwrap().iter().filter_map(|leaf| leaf["leaf"]["decision"].as_str()).collect();
    assert!(decisions.len() >= 10, "{}", decisions.len());
    run(&["ledger", "show"]);
    assert!(run(&["ledger", "verify", "--output", "json"]).status.success());
    run(&["doctor", "--output", "json"]);
    run(&["keys", "list", "--output", "json"]);
    for decision in decisions.iter().step_by(20) {
        let why = run(&["terms", "why", decision, "--output", "json"]);
        assert!(why.status.success(), "{}", text(&why.stderr));
        run(&["terms", "why", decision]);
        run(&["ledger", "show", decision]);
    }
    for decision in decisions {
        // In the file it is encrypted; whoever has the key may not find anything either.
        match reader.find_decision(decision).unwrap().record {
            FactRecord::Open(record) => outputs.push(record.expose().clone()),
            FactRecord::Erased | FactRecord::Sealed => panic!("a fact record that cannot be read"),
        }
    }
    outputs
}

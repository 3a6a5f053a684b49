//! The crash harness in its short form, as its own process: its file functions stand in front of the C library's.

use std::process::Command;

/// Runs `crash` and gives what it printed; it must succeed.
fn crash(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_crash")).args(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "crash {arguments:?}: {stdout}{stderr}");
    stdout
}

#[test]
fn power_cuts_lose_nothing_that_was_promised() {
    let told = crash(&["model", "--seeds", "300"]);
    assert!(told.starts_with("power cuts   300, 0 losses"), "{told}");
}

#[test]
fn every_planted_bug_is_caught() {
    let told = crash(&["planted"]);
    assert_eq!(told.lines().filter(|line| line.contains("caught by seed")).count(), 5, "{told}");
}

#[test]
fn a_killed_gateway_loses_nothing_and_the_log_only_grows() {
    let told = crash(&["kill", "--rounds", "12"]);
    assert!(told.starts_with("kills        12, 0 losses, 0 forks"), "{told}");
}

#[test]
fn a_failing_disk_refuses_and_the_store_goes_on_by_itself() {
    let told = crash(&["faults", "--seeds", "25"]);
    assert!(told.starts_with("runs         25 of disks that failed ") && !told.contains(" 0 requests refused"), "{told}");
}

#[test]
fn a_jumping_clock_moves_no_index() {
    let told = crash(&["clock"]);
    assert!(told.starts_with("clock jumps  100, "), "{told}");
}

#[test]
fn what_the_harness_cannot_do_is_said() {
    let output = Command::new(env!("CARGO_BIN_EXE_crash")).arg("--help").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("Examples:"));
    let output = Command::new(env!("CARGO_BIN_EXE_crash")).arg("flood").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

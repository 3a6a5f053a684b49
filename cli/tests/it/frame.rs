//! The frame: help, usage errors, and what every command shares.

use crate::harness::{Machine, snapshot, text};

#[test]
fn help_says_what_there_is() {
    snapshot!("help", Machine::new().seen(&["--help"]));
}

#[test]
fn every_command_has_help_with_examples() {
    let machine = Machine::new();
    for command in ["up", "demo", "ask", "terms", "catalogue", "ledger", "keys", "model", "doctor"] {
        let output = machine.run(&[command, "--help"]);
        assert!(output.status.success(), "{command}");
        let help = text(&output.stdout);
        assert!(help.contains("Examples:\n  "), "{command}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{command}: {help}");
    }
}

#[test]
fn a_bad_subcommand_is_refused_with_the_nearest() {
    snapshot!("bad_subcommand", Machine::new().seen(&["catalog", "list"]));
    snapshot!("bad_inner_subcommand", Machine::new().seen(&["ledger", "verfy"]));
}

#[test]
fn bad_arguments_are_refused() {
    snapshot!("unknown_argument", Machine::new().seen(&["catalogue", "list", "--surfce", "chat"]));
    snapshot!("bad_value", Machine::new().seen(&["catalogue", "list", "--surface", "speech"]));
    snapshot!("missing_argument", Machine::new().seen(&["ask"]));
    snapshot!("bad_class", Machine::new().seen(&["ask", "--classification", "private", "hello"]));
}

#[test]
fn no_command_shows_the_help_and_fails() {
    let output = Machine::new().run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Usage: comity"));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let machine = Machine::new();
    let mut child = machine.command(&["catalogue", "list", "--output", "json"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_reference_pages_are_the_same_everywhere() {
    let (one, other) = (Machine::new(), Machine::new());
    for page in ["cli", "config"] {
        let (first, second) = (one.run(&["__gen", page]), other.run(&["__gen", page]));
        assert!(first.status.success() && first.stdout == second.stdout, "{page}");
        assert!(text(&first.stdout).starts_with("# "), "{page}");
        assert!(!text(&first.stdout).contains("__gen"));
    }
    assert!(text(&one.run(&["__gen", "cli"]).stdout).contains("## comity keys create"));
}

#[test]
fn ask_without_a_gateway_says_so() {
    // Port 1 of this machine: nobody listens there.
    snapshot!("ask_no_gateway", Machine::new().seen(&["ask", "hello", "--url", "http://127.0.0.1:1"]));
    snapshot!("ask_bad_url", Machine::new().seen(&["ask", "hello", "--url", "ftp://example.org"]));
}

#[test]
fn doctor_on_a_fresh_machine_finds_what_is_absent() {
    snapshot!("doctor_fresh", Machine::new().seen(&["doctor"]));
}

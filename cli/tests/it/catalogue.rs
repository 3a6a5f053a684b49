//! `comity catalogue`: lists, shows and checks.

use crate::harness::{Machine, snapshot, text};

/// An offering with the least that a file must say.
const OWN: &str = "\
[operator]
id = \"example\"
name = \"Example Ltd\"
source = \"their contract of 2026-01-31\"
read = \"by us\"
as_of = 2026-01-31
strength = \"contract\"
operator = \"GB\"
control = \"GB\"

[[offering]]
id = \"example/small@gb\"
upstream_model = \"small\"
surfaces = [\"chat\"]
processed_in = [\"GB\"]
training = 2
";

#[test]
fn the_shipped_catalogue_lists_and_fits() {
    let machine = Machine::new();
    let output = machine.run(&["catalogue", "list"]);
    assert!(output.status.success());
    let table = text(&output.stdout);
    assert!(table.lines().count() > 10, "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let json: serde_json::Value = serde_json::from_slice(&machine.run(&["catalogue", "list", "--output", "json"]).stdout).unwrap();
    assert!(json.as_array().unwrap().len() >= 15);
}

#[test]
fn every_shipped_offering_shows() {
    let machine = Machine::new();
    let json: serde_json::Value = serde_json::from_slice(&machine.run(&["catalogue", "list", "--output", "json"]).stdout).unwrap();
    for offering in json.as_array().unwrap() {
        let output = machine.run(&["catalogue", "show", offering["id"].as_str().unwrap()]);
        assert!(output.status.success());
        assert!(text(&output.stdout).lines().all(|line| line.chars().count() <= 80), "{}", text(&output.stdout));
    }
}

#[test]
fn an_own_offering_shows_its_facts_and_sources() {
    let machine = Machine::new();
    machine.file("own/example.toml", OWN);
    snapshot!("show_own", machine.seen(&["catalogue", "show", "example/small@gb", "--folder", "own", "--at", "2026-11-22"]));
    let checked = machine.run(&["catalogue", "check", "own"]);
    assert!(checked.status.success());
    assert!(text(&checked.stdout).contains(" offerings of "), "{}", text(&checked.stdout));
}

#[test]
fn a_fact_without_source_is_refused() {
    let machine = Machine::new();
    machine.file("own/example.toml", &OWN.replace("source = \"their contract of 2026-01-31\"\n", ""));
    snapshot!("fact_without_source", machine.seen(&["catalogue", "check", "own"]));
    let output = machine.run(&["catalogue", "check", "own", "--output", "json"]);
    assert_eq!(output.status.code(), Some(4));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["valid"], false);
    assert_eq!(json["problems"][0]["severity"], "error");
}

#[test]
fn every_wrong_line_is_named_at_once() {
    let machine = Machine::new();
    machine.file("own/example.toml", &OWN.replace("training = 2", "trainign = 2\nretention = 9"));
    snapshot!("catalogue_two_errors", machine.seen(&["catalogue", "check", "own"]));
}

#[test]
fn an_unknown_offering_gets_the_nearest() {
    let machine = Machine::new();
    machine.file("own/example.toml", OWN);
    snapshot!("show_unknown", machine.seen(&["catalogue", "show", "example/smal@gb", "--folder", "own"]));
    snapshot!("show_no_id", machine.seen(&["catalogue", "show", "small"]));
}

#[test]
fn a_folder_without_files_is_refused() {
    let machine = Machine::new();
    std::fs::create_dir(machine.folder().join("empty")).unwrap();
    snapshot!("check_empty", machine.seen(&["catalogue", "check", "empty"]));
    snapshot!("check_absent", machine.seen(&["catalogue", "check", "nowhere"]));
    snapshot!("list_bad_date", machine.seen(&["catalogue", "list", "--at", "yesterday"]));
}

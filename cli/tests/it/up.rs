//! `comity up`: what it writes, prints, checks and refuses.

use std::path::PathBuf;

use comity_bench::MockUpstream;

use crate::harness::{EXAMPLE, Gateway, Machine, snapshot, text};

/// A configuration with that offering behind `base_url`.
pub(crate) fn config(machine: &Machine, base_url: &str) -> PathBuf {
    machine.file("own/example.toml", EXAMPLE);
    let text = format!(
        "listen = \"127.0.0.1:0\"\ncatalogue = [\"own\"]\n\n[store]\npath = \"comity.db\"\n\n[[layer]]\npack = \"uk-public\"\n\n\
         [[upstream]]\nname = \"mock\"\nbase_url = \"{base_url}\"\nserves = [\"example/*\"]\n\n[route.any]\nselect = \"example/*\"\n"
    );
    machine.file("comity.toml", &text)
}

#[test]
fn the_first_start_writes_a_configuration_and_shows_a_key_once() {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine, &[]);
    assert_eq!(gateway.started["written"], true);
    assert!(gateway.key.starts_with("ck_"));
    assert_eq!(gateway.stop(), Some(0));
    let written = std::fs::read_to_string(machine.data().join("comity.toml")).unwrap();
    snapshot!("up_written_config", written);
    let again = Gateway::start(&machine, &[]);
    assert_eq!(again.started["written"], false);
    assert!(again.started["key"].is_null());
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn a_start_prints_address_key_and_a_line_that_works() {
    let mock = MockUpstream::start().unwrap();
    let machine = Machine::new();
    let path = config(&machine, &mock.base_url());
    snapshot!("up_started", Gateway::start_for_a_person(&machine, &["--config", path.to_str().unwrap()], "Ctrl-C"));
}

#[test]
fn a_start_with_nothing_to_answer_says_what_to_do() {
    snapshot!("up_nobody", Gateway::start_for_a_person(&Machine::new(), &[], "model install"));
}

#[test]
fn a_key_in_the_environment_becomes_an_upstream() {
    let machine = Machine::new();
    let output = machine.command(&["up", "--check", "--output", "json"]).env("OPENAI_API_KEY", "sk-not-a-key").output().unwrap();
    let checked: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let reachable = checked["reachable"].as_array().unwrap();
    assert!(!reachable.is_empty() && reachable.iter().all(|id| id.as_str().unwrap().starts_with("openai/")));
    assert!(!machine.data().exists(), "a check writes nothing");
}

#[test]
fn a_configuration_is_checked_without_starting() {
    let machine = Machine::new();
    config(&machine, "http://127.0.0.1:1/v1");
    let checked = machine.seen(&["up", "--check", "--config", "comity.toml"]);
    assert!(checked.contains("exit 0") && checked.contains("1 reachable"), "{checked}");
    assert!(!machine.folder().join("comity.db").exists());
    snapshot!("doctor_config", machine.seen(&["doctor", "--config", "comity.toml"]).replace(&offerings(&checked), "[N] offerings"));
}

/// How many offerings there are grows with the catalogue.
fn offerings(checked: &str) -> String {
    let line = checked.lines().find(|line| line.contains(" offerings, ")).unwrap();
    line.split(", ").next().unwrap().to_owned()
}

#[test]
fn wrong_configurations_are_refused_with_their_place() {
    let machine = Machine::new();
    let valid = std::fs::read_to_string(config(&machine, "http://127.0.0.1:1/v1")).unwrap();
    let seen = |text: &str| {
        machine.file("comity.toml", text);
        machine.seen(&["up", "--config", "comity.toml"])
    };
    snapshot!("config_unknown_key", seen(&format!("lsten = \"127.0.0.1:0\"\n{valid}")));
    snapshot!("config_not_toml", seen("listen = \n"));
    snapshot!("config_unknown_pack", seen(&valid.replace("uk-public", "uk-publik")));
    snapshot!("config_secret_in_text", seen(&valid.replace("serves = [", "credential = \"sk-1234\"\nserves = [")));
    snapshot!("config_secret_absent", seen(&valid.replace("serves = [", "credential = { env = \"NO_SUCH_KEY\" }\nserves = [")));
    snapshot!("config_missing", machine.seen(&["up", "--config", "nowhere.toml"]));
    snapshot!("doctor_broken", {
        machine.file("comity.toml", "lsten = 1\n");
        machine.seen(&["doctor", "--config", "comity.toml"])
    });
}

#[test]
fn wrong_terms_and_catalogues_keep_a_gateway_from_starting() {
    let machine = Machine::new();
    let valid = std::fs::read_to_string(config(&machine, "http://127.0.0.1:1/v1")).unwrap();
    machine.file("comity.toml", &format!("{valid}\n[[layer]]\npath = \"own.cedar\"\n"));
    machine.file("own.cedar", "@id(\"a\")\n@goal(\"security\")\n@reason(\"r\")\npermit (principal, action == Action::\"infer\", resource)\nwhen { context.data.clasification <= 1 };\n");
    snapshot!("up_broken_terms", machine.seen(&["up", "--config", "comity.toml"]));
    machine.file("comity.toml", &valid);
    machine.file("own/example.toml", &EXAMPLE.replace("source = \"their contract of 2026-01-31\"\n", ""));
    snapshot!("up_fact_without_source", machine.seen(&["up", "--config", "comity.toml"]));
}

#[test]
fn two_gateways_share_neither_store_nor_address() {
    let machine = Machine::new();
    let gateway = Gateway::start(&machine, &[]);
    let pid = gateway.id().to_string();
    snapshot!("up_store_in_use", machine.seen(&["up", "--listen", "127.0.0.1:0"]).replace(&pid, "[PID]"));
    let other = Machine::new();
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let seen = other.seen(&["up", "--listen", &address]).replace(&address, "127.0.0.1:[TAKEN]");
    snapshot!("up_address_in_use", seen);
    gateway.stop();
}

#[test]
fn the_store_follows_the_configuration() {
    let machine = Machine::new();
    let path = config(&machine, "http://127.0.0.1:1/v1");
    let gateway = Gateway::start(&machine, &["--config", path.to_str().unwrap()]);
    let listed = machine.run(&["keys", "list", "--config", "comity.toml", "--output", "json"]);
    let keys: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(keys[0]["workload"]["id"], "first", "{}", text(&listed.stderr));
    gateway.stop();
}

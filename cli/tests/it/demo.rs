//! `comity demo` with the demonstration model: what an evaluator sees first.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{Gateway, Machine, snapshot, text};

/// `$COMITY_TEST_MODEL`, or where `comity model install smollm2` puts it.
fn model() -> PathBuf {
    let path = match (std::env::var_os("COMITY_TEST_MODEL"), std::env::var_os("COMITY_DATA")) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(data)) => PathBuf::from(data).join("models/smollm2.gguf"),
        (None, None) => etcetera::BaseStrategy::data_dir(&etcetera::choose_base_strategy().unwrap()).join("comity/models/smollm2.gguf"),
    };
    assert!(path.is_file(), "no model at `{}`: run `comity model install smollm2`", path.display());
    path
}

#[test]
fn a_person_reads_seven_calls_and_a_verified_ledger() {
    let machine = Machine::new();
    let model = model();
    let output = machine.run(&["demo", "--model", model.to_str().unwrap()]);
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!shown.contains('\u{1b}'), "no colour where nobody can see it");
    let paths = machine.folder().display().to_string();
    for line in shown.lines().filter(|line| !line.contains(&paths)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for number in 1..=7 {
        assert!(shown.contains(&format!("\n{number} of 7  ")), "{shown}");
    }
    for part in [
        "admitted if pseudonymised",
        "means: pseudonymised",
        "PII_EML_",
        "no credential here",
        "and it answered",
        "comes first",
        "found (leaf",
    ] {
        assert!(squeezed(&shown).contains(part), "{part}: {shown}");
    }
    let store = machine.data().join("demo/comity.db");
    for decision in shown.lines().filter_map(|line| line.trim().strip_prefix("comity terms why ")) {
        let decision = decision.split(' ').next().unwrap();
        let why = machine.run(&["terms", "why", decision, "--store", store.to_str().unwrap()]);
        assert!(why.status.success(), "{}", text(&why.stderr));
    }
}

#[test]
fn the_demo_as_data_holds_the_seven_cases_and_serves_on() {
    let machine = Machine::new();
    let model = model();
    let demo = Gateway::demo(&machine, &["demo", "--serve", "--output", "json", "--model", model.to_str().unwrap()]);
    let calls = demo.started["calls"].as_array().unwrap();
    let verdicts: Vec<_> = calls.iter().map(|call| call["ended"]["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["permit", "permit", "permit", "permit", "denial", "denial", "permit"]);
    for call in calls {
        check_call(call);
    }
    let as_it_is = |call: &Value| admitted(call).into_iter().filter(|one| one["means"] == serde_json::json!([])).count();
    assert!(as_it_is(&calls[1]) < as_it_is(&calls[0]), "personal data goes to fewer as it is");
    assert_eq!(admitted(&calls[3]).len(), 1, "confidential data is served by the own machine alone");
    assert!(!calls[6]["candidates"][0]["preferred_by"].as_array().unwrap().is_empty(), "what is preferred comes first");
    assert_eq!(calls[5]["data"]["secrets"], true);
    check_pseudonyms(&calls[2]);
    let answered = demo.ask(&machine, &["hello", "--max-tokens", "3"]);
    assert_eq!(answered.status.code(), Some(0), "{}", text(&answered.stderr));
    assert_eq!(demo.stop(), Some(0));
    verify_and_tamper(&machine);
}

#[test]
fn a_demo_never_clears_one_that_runs() {
    let machine = Machine::new();
    let folder = machine.data().join("demo");
    std::fs::create_dir_all(&folder).unwrap();
    let lock = std::fs::File::create(folder.join("comity.db.lock")).unwrap();
    lock.lock().unwrap();
    snapshot!("demo_running", machine.seen(&["demo", "--model", "any.gguf"]));
    assert!(folder.join("comity.db.lock").exists());
}

#[test]
fn a_model_that_is_none_is_refused() {
    let machine = Machine::new();
    snapshot!("demo_no_model", machine.seen(&["demo", "--model", "nowhere.gguf"]));
    machine.file("text.gguf", "not a model");
    snapshot!("demo_bad_model", machine.seen(&["demo", "--model", "text.gguf"]));
}

fn check_call(call: &Value) {
    assert_eq!(call["decision"].as_str().unwrap().len(), 64);
    let candidates = call["candidates"].as_array().unwrap();
    assert!(candidates.len() >= 15 || call["passed"].is_object(), "{candidates:?}");
    let here: Vec<_> = candidates.iter().filter(|one| one["reachable"] == true).collect();
    match call["ended"]["verdict"].as_str().unwrap() {
        "permit" => {
            assert!(here.iter().any(|one| one["offering"] == call["ended"]["offering"]), "only this machine answers");
            assert!(!call["ended"]["answer"].as_str().unwrap().is_empty());
        }
        _ => {
            assert!(here.is_empty(), "{here:?}");
            assert!(!call["ended"]["reasons"].as_array().unwrap().is_empty());
            assert!(!call["ended"]["would_help"].as_array().unwrap().is_empty());
        }
    }
}

/// What left has a pseudonym where the question has an address; the answer has the address again.
fn check_pseudonyms(call: &Value) {
    let (left, returned) = (call["passed"]["left"].as_str().unwrap(), call["passed"]["returned"].as_str().unwrap());
    assert!(left.contains("PII_EML_") && !left.contains("ada.brown") && !returned.contains("ada.brown"), "{call}");
    assert_eq!(
        (call["ended"]["means"].as_str(), call["ended"]["offering"].as_str()),
        (Some("pseudonymised"), Some("the-far-end/smollm2@xx"))
    );
    // A model this small sometimes spells a pseudonym wrongly: then it is none, and nothing is restored.
    let pseudonym = left.split([' ', ',']).find(|word| word.starts_with("PII_EML_")).unwrap();
    assert_eq!(returned.contains(pseudonym), call["ended"]["answer"].as_str().unwrap().contains("ada.brown@example.org"), "{call}");
}

fn admitted(call: &Value) -> Vec<&Value> {
    call["candidates"].as_array().unwrap().iter().filter(|one| one["verdict"] == "permit").collect()
}

fn verify_and_tamper(machine: &Machine) {
    let store = machine.data().join("demo/comity.db");
    let verified = machine.run(&["ledger", "verify", "--store", store.to_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stderr));
    let changed = machine.data().join("demo/changed-copy.db");
    let found = machine.run(&["ledger", "verify", "--store", changed.to_str().unwrap()]);
    assert_eq!(found.status.code(), Some(5), "{}", text(&found.stderr));
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

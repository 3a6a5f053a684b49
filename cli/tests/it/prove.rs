//! `comity prove` and `comity terms check --prove`: verdicts, exit codes, refusals, what a solver that lies can do, and the folder of a proof.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::Digest as _;

use crate::harness::{EXAMPLE, Machine, snapshot, text};

/// Treats two offerings alike whatever they are of.
const FAIR: &str = "\
@id(\"retained-nowhere\")
@goal(\"privacy\")
@reason(\"nothing may be kept for longer than a month\")
permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource)
when { resource.assurance.level.retention >= 1 };
";

/// One term that tells by control, and one that never matches.
const UNFAIR: &str = "\
@id(\"all\")
@goal(\"openness\")
@reason(\"whatever is not forbidden\")
permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource);

@id(\"not-from-there\")
@goal(\"security\")
@reason(\"confidential data stays out of hands in the United States\")
forbid (principal, action in [Action::\"infer\", Action::\"embed\"], resource)
when {
  context.data.classification >= 2 &&
  [Jurisdiction::\"US\", Jurisdiction::\"XX\"].contains(resource.origin.control) &&
  !context.means.pseudonymised
};

@id(\"no-such-class\")
@goal(\"privacy\")
@reason(\"no class is that high\")
forbid (principal, action in [Action::\"infer\", Action::\"embed\"], resource)
when { context.data.classification > 3 };
";

/// Asks a unit that is there for nobody outside it.
const FAILING: &str = "\
@id(\"in-units-of-sector\")
@goal(\"resilience\")
@reason(\"asks a unit that need not be there\")
permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource)
when { Unit::\"treasury\".sector == \"public\" };
";

/// A catalogue of its own, so that no change of the shipped one changes what is said here.
const LISTS: &str = "\
[jurisdictions]
DE = \"Germany\"
FR = \"France\"
GB = \"Britain (UK)\"
US = \"United States\"

[mistaken]
UK = \"GB\"

[bloc.near]
name = \"Near\"
source = \"made up\"
read = \"made up\"
as_of = 2026-01-31
members = [{ in = [\"FR\", \"GB\"] }]
";

const DAY: [&str; 4] = ["--at", "2026-11-22", "--folder", "own"];

fn machine() -> Machine {
    let machine = Machine::new();
    machine.file("own/lists.toml", LISTS);
    machine.file("own/example.toml", EXAMPLE);
    machine.file("fair.cedar", FAIR);
    machine.file("unfair.cedar", UNFAIR);
    machine.file("failing.cedar", FAILING);
    machine
}

/// Arguments with the day, and without a solver.
fn alone<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["prove"], args, &DAY, &["--solver", "none"]].concat()
}

fn code(machine: &Machine, args: &[&str]) -> i32 {
    machine.run(args).status.code().unwrap()
}

fn json(machine: &Machine, args: &[&str]) -> Value {
    let output = machine.run(&[args, &["--output", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

/// The real one.
fn cvc5() -> PathBuf {
    std::env::var_os("CVC5").map_or_else(|| PathBuf::from("cvc5"), PathBuf::from)
}

/// A solver that says its version, and then does this.
fn solver(machine: &Machine, name: &str, does: &str) -> PathBuf {
    let path =
        machine.file(name, &format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'This is cvc5 version 1.0.3'; exit; fi\n{does}\n"));
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_violation_is_said_in_words_and_in_json() {
    let machine = machine();
    snapshot!("prove_violated", machine.seen(&alone(&["equal-treatment", "--terms", "unfair.cedar"])));
    snapshot!("prove_violated_json", machine.seen(&alone(&["equal-treatment", "--terms", "unfair.cedar", "--output", "json"])));
    snapshot!("prove_never", machine.seen(&alone(&["never", "context.data.secrets", "--terms", "fair.cedar"])));
    snapshot!("prove_diff", machine.seen(&alone(&["diff", "fair.cedar", "unfair.cedar"])));
    snapshot!("prove_vacuous", machine.seen(&alone(&["vacuous", "--terms", "unfair.cedar"])));
    snapshot!("prove_errors", machine.seen(&alone(&["errors", "--terms", "failing.cedar"])));
    snapshot!("prove_survives", machine.seen(&alone(&["survives", "--without", "GB", "--terms", "unfair.cedar"])));
}

#[test]
fn what_is_proved_says_by_whom_and_what_it_rests_on() {
    let machine = machine();
    snapshot!("prove_proved_alone", machine.seen(&alone(&["equal-treatment", "--terms", "fair.cedar"])));
    let path = cvc5();
    let args = [&["prove", "equal-treatment", "--terms", "fair.cedar", "--solver", path.to_str().unwrap()], &DAY[..]].concat();
    let output = machine.run(&args);
    assert_eq!(output.status.code(), Some(0));
    snapshot!("prove_proved", text(&output.stdout));
    let proved = json(&machine, &args);
    assert_eq!((&proved["verdict"], &proved["in_principle"]["verdict"]), (&Value::from("proved"), &Value::from("proved")));
    assert!(proved["in_principle"]["by"].as_str().unwrap().starts_with("exact search and cvc5 "));
}

#[test]
fn all_properties_are_a_table_and_the_details_of_those_that_do_not_hold() {
    let machine = machine();
    snapshot!("prove_all", machine.seen(&alone(&["all", "--terms", "unfair.cedar"])));
    let all = json(&machine, &alone(&["all", "--terms", "unfair.cedar"]));
    assert_eq!(all["verdict"], "violated");
    assert_eq!(all["properties"].as_array().unwrap().len(), 9);
}

#[test]
fn exit_codes_tell_the_verdicts_apart() {
    let machine = machine();
    assert_eq!(code(&machine, &alone(&["monotone", "--terms", "fair.cedar"])), 0);
    assert_eq!(code(&machine, &alone(&["vacuous", "--terms", "unfair.cedar"])), 3);
    assert_eq!(code(&machine, &alone(&["implies", "unfair.cedar", "fair.cedar"])), 3);
    assert_eq!(code(&machine, &alone(&["equivalent", "fair.cedar", "fair.cedar"])), 0);
    assert_eq!(code(&machine, &alone(&["recognise", "fair.cedar@GB", "fair.cedar@FR"])), 0);
    assert_eq!(code(&machine, &alone(&["monotone", "--terms", "failing.cedar"])), 1, "no property holds while a term can fail");
    let deaf = solver(&machine, "deaf", "exec tail -f /dev/null");
    let args = ["prove", "monotone", "--terms", "fair.cedar", "--patience", "1", "--solver", deaf.to_str().unwrap()];
    assert_eq!(code(&machine, &[&args[..], &DAY].concat()), 1);
}

#[test]
fn a_solver_that_lies_or_dies_proves_nothing() {
    let machine = machine();
    // The answer to the question ends with the question itself.
    let answering = |says: &str| format!("while read -r line; do case \"$line\" in '(check-sat)') echo {says};; esac; done");
    for (name, does) in [
        ("deaf", "exec tail -f /dev/null".to_owned()),
        ("dying", "exit 1".to_owned()),
        ("babbling", answering("banana")),
        ("doubting", answering("unknown")),
        ("lying", answering("sat")),
    ] {
        let path = solver(&machine, name, &does);
        let args = ["prove", "never", "resource.assurance.level.retention == 0", "--terms", "fair.cedar", "--patience", "1", "--solver"];
        let answer = json(&machine, &[&args[..], &[path.to_str().unwrap()], &DAY].concat());
        assert_eq!(answer["verdict"], "unknown", "{name}: {answer}");
        assert_eq!(answer["in_principle"]["verdict"], "unknown", "{name}: {answer}");
        assert!(!answer["in_principle"]["because"].as_array().unwrap().is_empty(), "{name}");
    }
    solver(&machine, "doubter", &answering("unknown"));
    let args = ["prove", "never", "resource.assurance.level.retention == 0", "--terms", "fair.cedar", "--solver"];
    snapshot!("prove_unknown", machine.seen(&[&args[..], &["./doubter"], &DAY].concat()));
    let echo = solver(&machine, "agreeing", &answering("unsat"));
    assert_eq!(code(&machine, &[&args[..], &[echo.to_str().unwrap()], &DAY].concat()), 0, "the scripts above are asked at all");
}

#[test]
fn a_solver_that_is_named_must_run() {
    let machine = machine();
    snapshot!("prove_solver_absent", machine.seen(&["prove", "errors", "--solver", "absent"]));
    snapshot!("prove_solver_other", machine.seen(&["prove", "errors", "--solver", "/bin/true"]));
    let mut command = machine.command(&["prove", "errors"]);
    let output = command.env("CVC5", "absent").output().unwrap();
    snapshot!("prove_solver_of_variable", machine.written(&["prove", "errors"], &output));
    let mut command = machine.command(&[&["prove", "errors", "--terms", "fair.cedar"], &DAY[..]].concat());
    let output = command.env_remove("CVC5").env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    snapshot!("prove_no_solver", machine.written(&["prove", "errors", "--terms", "fair.cedar"], &output));
}

#[test]
fn what_does_not_exist_is_refused_with_a_hint() {
    let machine = machine();
    let seen = |args: &[&str]| machine.seen(&alone(args));
    snapshot!("prove_no_terms", seen(&["errors", "--terms", "absent.cedar"]));
    snapshot!("prove_no_layer", seen(&["errors", "--terms", "fair.cedar,,unfair.cedar"]));
    snapshot!("prove_empty_folder", seen(&["errors", "--terms", "own"]));
    snapshot!("prove_setting", seen(&["errors", "--terms", "fair.cedar", "--set", "home=FR"]));
    snapshot!("prove_bloc", seen(&["never", "resource.origin.control in Bloc::\"nea\"", "--terms", "fair.cedar"]));
    snapshot!("prove_not_cedar", seen(&["never", "context.data.", "--terms", "fair.cedar"]));
    snapshot!("prove_no_fact", seen(&["never", "context.data.persona", "--terms", "fair.cedar"]));
    snapshot!("prove_without", seen(&["survives", "--without", "US,UK", "--terms", "fair.cedar"]));
    snapshot!("prove_without_none", seen(&["survives", "--terms", "fair.cedar"]));
    snapshot!("prove_nation", seen(&["recognise", "fair.cedar@GB", "fair.cedar@QQ"]));
    snapshot!("prove_no_nation", seen(&["recognise", "fair.cedar", "fair.cedar@GB"]));
    snapshot!("prove_given", seen(&["equal-treatment", "--given", "retentio", "--terms", "fair.cedar"]));
    snapshot!("prove_ignore", seen(&["equal-treatment", "--ignore", "retention", "--terms", "fair.cedar"]));
    snapshot!("prove_action", seen(&["equal-treatment", "--action", "infer"]));
    snapshot!("prove_pair_and_terms", seen(&["implies", "fair.cedar", "unfair.cedar", "--terms", "fair.cedar"]));
    snapshot!("prove_one_of_a_pair", seen(&["implies", "fair.cedar"]));
    snapshot!("prove_patience", seen(&["errors", "--patience", "0"]));
    snapshot!("prove_day", machine.seen(&["prove", "errors", "--at", "soon"]));
    snapshot!("prove_no_catalogue", machine.seen(&["prove", "errors", "--folder", "absent", "--solver", "none"]));
    machine.file("names.cedar", &UNFAIR.replace("::\"US\"", "::\"UK\""));
    snapshot!("prove_unknown_name", seen(&["errors", "--terms", "names.cedar"]));
    machine.file("broken.cedar", "permit (");
    snapshot!("prove_broken_terms", seen(&["errors", "--terms", "broken.cedar"]));
}

#[test]
fn a_folder_of_terms_is_its_layers_in_the_order_of_their_names() {
    let machine = machine();
    machine.file("terms/2-unfair.cedar", UNFAIR);
    machine.file("terms/1-fair.cedar", FAIR);
    machine.file("terms/notes.txt", "no terms");
    let report = json(&machine, &alone(&["errors", "--terms", "terms"]));
    assert_eq!(report["terms"][0]["layers"], serde_json::json!(["1-fair", "2-unfair"]));
}

#[test]
fn without_terms_those_of_the_gateway_here_are_proved() {
    let machine = machine();
    machine.file("data/comity.toml", "[[layer]]\npath = \"../fair.cedar\"\n");
    let report = json(&machine, &["prove", "errors", "--solver", "none"]);
    assert_eq!(report["terms"][0]["layers"], serde_json::json!(["fair"]));
    snapshot!("prove_set_of_configured", machine.seen(&["prove", "errors", "--solver", "none", "--set", "home=FR"]));
}

#[test]
fn a_written_proof_can_be_asked_again() {
    let machine = machine();
    let run = |args: &[&str]| machine.run(&alone(&[args, &["--proof", "kept"]].concat()));
    assert_eq!(run(&["equal-treatment", "--terms", "fair.cedar"]).status.code(), Some(0));
    assert_eq!(asked_again(&machine.folder().join("kept")), ["unsat"]);
    // A proof takes the place of an older one.
    assert_eq!(run(&["equal-treatment", "--terms", "unfair.cedar"]).status.code(), Some(3));
    assert!(asked_again(&machine.folder().join("kept")).contains(&"sat".to_owned()));
    assert_eq!(run(&["all", "--terms", "unfair.cedar", "--proof", "all"]).status.code(), Some(2), "named twice");
}

#[test]
fn a_verdict_is_a_leaf_of_the_ledger() {
    let machine = machine();
    let args = alone(&["all", "--terms", "fair.cedar", "--proof", "kept", "--ledger"]);
    let refused = machine.run(&args);
    assert_eq!((refused.status.code(), text(&refused.stderr).contains("there is no ledger at")), (Some(1), true));
    let key = ["keys", "create", "--workload", "letters", "--unit", "ministry", "--clearance", "internal", "--floor", "public"];
    assert!(machine.run(&key).status.success());
    machine.run(&args);
    let shown = text(&machine.run(&["ledger", "show"]).stdout).replace(char::is_whitespace, "");
    assert!(shown.contains("completeviolated;proof"), "{shown}");
    let kept = std::fs::read(machine.folder().join("kept/monotone/proof.json")).unwrap();
    let digest = hex::encode(sha2::Sha256::digest(&kept));
    assert!(shown.contains(&format!("monotoneproved;proof{}", digest.split_at(12).0)), "{shown}");
    assert_eq!(machine.run(&["ledger", "verify"]).status.code(), Some(0));
}

/// Asks the solver every question of a proof: the bytes and the answers are as they were said to be.
fn asked_again(folder: &Path) -> Vec<String> {
    let proof: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("proof.json")).unwrap()).unwrap();
    let mut answers = Vec::new();
    for question in proof["questions"].as_array().unwrap() {
        for form in ["cedar", "smt"] {
            let bytes = std::fs::read(folder.join(question[form].as_str().unwrap())).unwrap();
            assert_eq!(hex::encode(sha2::Sha256::digest(&bytes)), question[format!("{form}_sha256")].as_str().unwrap());
        }
        let output = Command::new(cvc5()).arg(folder.join(question["smt"].as_str().unwrap())).output().unwrap();
        let answer = text(&output.stdout).trim().to_owned();
        assert_eq!(answer, question["expected"].as_str().unwrap(), "{question}");
        answers.push(answer);
    }
    assert!(!answers.is_empty());
    answers
}

#[test]
fn proofs_of_all_properties_lie_side_by_side() {
    let machine = machine();
    machine.run(&alone(&["all", "--terms", "unfair.cedar", "--proof", "kept"]));
    let names: Vec<String> = names(&machine.folder().join("kept"));
    assert_eq!(names.len(), 9, "{names:?}");
    assert!(names.contains(&"equal-treatment-prefer".to_owned()), "{names:?}");
    assert_eq!(asked_again(&machine.folder().join("kept/vacuous")), ["unsat"]);
}

#[test]
fn nothing_but_an_older_proof_is_replaced() {
    let machine = machine();
    machine.file("mine/letter.txt", "dear reader");
    snapshot!("prove_folder_of_others", machine.seen(&alone(&["errors", "--terms", "fair.cedar", "--proof", "mine"])));
    assert_eq!(names(&machine.folder().join("mine")), ["letter.txt"]);
    // Neither is a folder in which somebody put something beside a proof.
    machine.run(&alone(&["errors", "--terms", "fair.cedar", "--proof", "shared"]));
    machine.file("shared/notes.txt", "precious");
    assert_eq!(machine.run(&alone(&["errors", "--terms", "fair.cedar", "--proof", "shared"])).status.code(), Some(1));
    assert_eq!(names(&machine.folder().join("shared")), ["notes.txt", "proof.json"]);
    machine.file("file", "no folder");
    snapshot!("prove_folder_is_a_file", machine.seen(&alone(&["errors", "--terms", "fair.cedar", "--proof", "file/x"])));
    // Where nobody named a folder, the answer is worth more than its copy.
    machine.file("data", "no folder");
    let output = machine.run(&alone(&["errors", "--terms", "fair.cedar"]));
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).starts_with("note: the proof is not kept: "), "{}", text(&output.stderr));
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn check<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["terms", "check"], args, &["--catalogue", "own", "--prove", "--solver", "none"]].concat()
}

#[test]
fn a_check_of_terms_proves_what_is_quick_to_prove() {
    let machine = machine();
    snapshot!("terms_check_prove_good", machine.seen(&check(&["fair.cedar"])));
    snapshot!("terms_check_prove_bad", machine.seen(&check(&["unfair.cedar"])));
    assert_eq!(code(&machine, &check(&["failing.cedar", "--output", "json"])), 3);
    let report = json(&machine, &check(&["unfair.cedar"]));
    assert_eq!(report["properties"][1]["verdict"], "violated");
    assert_eq!(code(&machine, &check(&["unfair.cedar", "--markdown", "report.md"])), 3);
    let page = std::fs::read_to_string(machine.folder().join("report.md")).unwrap();
    let today = page.rsplit_once("catalogue of ").unwrap().1.split('.').next().unwrap().to_owned();
    snapshot!("terms_check_prove_page", page.replace(&today, "[DAY]"));
    assert_eq!(text(&machine.run(&check(&["unfair.cedar", "--markdown", "-"])).stdout), page);
    snapshot!("terms_check_markdown_and_json", machine.seen(&check(&["unfair.cedar", "--markdown", "-", "--output", "json"])));
    snapshot!("terms_check_markdown_alone", machine.seen(&["terms", "check", "fair.cedar", "--markdown", "-"]));
}

#[test]
fn a_doubt_about_what_can_fail_fails_the_check() {
    let machine = machine();
    let path = solver(&machine, "dying", "exit 1");
    let args = ["terms", "check", "fair.cedar", "--catalogue", "own", "--prove", "--solver", path.to_str().unwrap()];
    assert_eq!(code(&machine, &args), 1);
}

//! `comity terms`: checks, formats and compares, with parameters.

use crate::harness::{EXAMPLE, Machine, snapshot, text};

const PACK: &str = "\
title = \"Home first\"
law = \"none\"

[parameters.home]
type = \"jurisdiction\"
default = \"GB\"
about = \"whose machines count as home\"

[parameters.attested]
type = \"level\"
scale = \"attestation\"
default = 2
about = \"the least attestation elsewhere\"
";

const TERMS: &str = "\
@id(\"home\")
@goal(\"industrial\")
@reason(\"machines at home serve every class\")
permit (
  principal,
  action in [Action::\"infer\", Action::\"embed\"],
  resource
)
when { [?home].containsAll(resource.origin.processed_in) };

@id(\"elsewhere\")
@goal(\"security\")
@reason(\"elsewhere only attested\")
permit (
  principal,
  action in [Action::\"infer\", Action::\"embed\"],
  resource
)
when { context.means.attested && resource.assurance.level.attestation >= ?attested };
";

/// Beside the one that is processed at home.
const ABROAD: &str = "
[[offering]]
id = \"example/small@fr\"
upstream_model = \"small\"
surfaces = [\"chat\"]
processed_in = [\"FR\"]
attestation = 3
";

fn machine() -> Machine {
    let machine = Machine::new();
    machine.file("home/pack.toml", PACK);
    machine.file("home/terms.cedar", TERMS);
    machine.file("own/example.toml", &format!("{EXAMPLE}{ABROAD}"));
    machine
}

#[test]
fn parameters_are_set_on_the_command_line() {
    let machine = machine();
    snapshot!("terms_check_set", machine.seen(&["terms", "check", "home/terms.cedar", "--set", "home=FR", "--set", "attested=3"]));
    snapshot!("terms_check_set_unknown", machine.seen(&["terms", "check", "home/terms.cedar", "uk-public", "--set", "hme=FR"]));
    snapshot!("terms_check_set_bad", machine.seen(&["terms", "check", "home/terms.cedar", "--set", "home=France", "--set", "attested=9"]));
    snapshot!("terms_check_set_twice", machine.seen(&["terms", "check", "home/terms.cedar", "--set", "home=FR", "--set", "home=DE"]));
    snapshot!("terms_check_set_no_value", machine.seen(&["terms", "check", "home/terms.cedar", "--set", "home"]));
    snapshot!("terms_check_set_unknown_country", machine.seen(&["terms", "check", "home/terms.cedar", "--set", "home=UK"]));
}

#[test]
fn a_slot_without_a_declaration_is_refused_with_its_place() {
    let machine = Machine::new();
    machine.file("own.cedar", TERMS);
    snapshot!("terms_slot_undeclared", machine.seen(&["terms", "check", "own.cedar"]));
}

#[test]
fn formatting_leaves_slots_alone() {
    let machine = machine();
    assert!(machine.run(&["terms", "fmt", "--check", "home/terms.cedar"]).status.success());
    machine.file("home/terms.cedar", &TERMS.replace("when { [?home]", "when{[?home]"));
    assert!(machine.run(&["terms", "fmt", "home/terms.cedar"]).status.success());
    assert_eq!(std::fs::read_to_string(machine.folder().join("home/terms.cedar")).unwrap(), TERMS);
    machine.file("home/terms.cedar", &TERMS.replace("[?home].containsAll(", "[?home].containsAll"));
    snapshot!("terms_fmt_unparsable", machine.seen(&["terms", "fmt", "home/terms.cedar"]));
}

const SUITE: &str = "\
terms = [{ layer = \"terms.cedar\", parameters = { home = \"FR\" } }]
catalogue = [\"../own/example.toml\"]

[[test]]
name = \"home is France\"
offering = \"example/small@fr\"
expect = \"permitted\"
reasons = [\"home\"]

[[test]]
name = \"Britain is elsewhere\"
offering = \"example/small@gb\"
expect = \"denied\"
reasons = []
says = [\"machines at home serve every class\", \"elsewhere only attested\"]
";

#[test]
fn tests_of_terms_set_parameters_and_hold_what_is_said() {
    let machine = machine();
    machine.file("home/test.toml", SUITE);
    snapshot!("terms_test_says", machine.seen(&["terms", "test", "home/test.toml"]));
    machine.file("home/test.toml", &SUITE.replace("\"elsewhere only attested\"", "\"elsewhere never\""));
    snapshot!("terms_test_says_wrong", machine.seen(&["terms", "test", "home/test.toml"]));
    machine.file("home/test.toml", &SUITE.replace("home = \"FR\"", "hoem = \"FR\""));
    snapshot!("terms_test_parameter", machine.seen(&["terms", "test", "home/test.toml"]));
}

const OPEN: &str = "\
@id(\"all\")
@goal(\"openness\")
@reason(\"all\")
permit (
  principal,
  action in [Action::\"infer\", Action::\"embed\"],
  resource
);
";

#[test]
fn a_diff_names_what_changes_and_the_terms_to_blame() {
    let machine = machine();
    machine.file("open.cedar", OPEN);
    let diff = |rest: &[&str]| {
        let mut args = vec!["terms", "diff", "open.cedar", "home/terms.cedar", "--folder", "own", "--at", "2026-11-23"];
        args.extend(rest);
        let output = machine.run(&args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        output
    };
    let report: serde_json::Value = serde_json::from_slice(&diff(&["--output", "json", "--class", "critical"]).stdout).unwrap();
    assert_eq!(report["before"], serde_json::json!(["open"]));
    assert_eq!(report["performed"], serde_json::json!(["unretained", "pseudonymised"]));
    let of = |offering: &str| report["changes"].as_array().unwrap().iter().find(|row| row["offering"] == offering).cloned();
    let moved = of("example/small@fr").unwrap();
    assert_eq!((moved["before"].as_str(), moved["after"].as_str()), (Some("as is"), Some("attested")));
    assert_eq!(moved["because"], serde_json::json!(["nothing in home permits it"]));
    assert_eq!(of("example/small@gb"), None);
    let table = text(&diff(&[]).stdout);
    assert!(table.starts_with("data class "), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("before: open; after: home"), "{table}");
    snapshot!("terms_diff_bad_class", machine.seen(&["terms", "diff", "open.cedar", "uk-public", "--class", "private"]));
    let layered = machine.run(&["terms", "diff", "uk-public", "uk-public, open.cedar", "--class", "public"]);
    assert!(text(&layered.stdout).lines().count() == 2, "{}", text(&layered.stdout));
}

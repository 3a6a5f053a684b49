//! `comity catalogue`: lists, shows and checks.

use crate::harness::{EXAMPLE, Machine, snapshot, text};

#[test]
fn the_shipped_catalogue_lists_and_fits() {
    let machine = Machine::new();
    let output = machine.run(&["catalogue", "list"]);
    assert!(output.status.success());
    let table = text(&output.stdout);
    assert!(table.lines().count() > 10, "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let json: serde_json::Value = serde_json::from_slice(&machine.run(&["catalogue", "list", "--output", "json"]).stdout).unwrap();
    assert!(json.as_array().unwrap().len() >= 250);
}

#[test]
fn shipped_offerings_show() {
    let machine = Machine::new();
    let json: serde_json::Value = serde_json::from_slice(&machine.run(&["catalogue", "list", "--output", "json"]).stdout).unwrap();
    // One in ten: each is a process of its own.
    for offering in json.as_array().unwrap().iter().step_by(10) {
        let output = machine.run(&["catalogue", "show", offering["id"].as_str().unwrap()]);
        assert!(output.status.success());
        assert!(text(&output.stdout).lines().all(|line| line.chars().count() <= 80), "{}", text(&output.stdout));
    }
}

#[test]
fn an_own_offering_shows_its_facts_and_sources() {
    let machine = Machine::new();
    machine.file("own/example.toml", EXAMPLE);
    snapshot!("show_own", machine.seen(&["catalogue", "show", "example/small@gb", "--folder", "own", "--at", "2026-11-22"]));
    let checked = machine.run(&["catalogue", "check", "own"]);
    assert!(checked.status.success());
    assert!(text(&checked.stdout).contains("offerings: "), "{}", text(&checked.stdout));
}

#[test]
fn a_fact_without_source_is_refused() {
    let machine = Machine::new();
    machine.file("own/example.toml", &EXAMPLE.replace("source = \"their contract of 2026-01-31\"\n", ""));
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
    machine.file("own/example.toml", &EXAMPLE.replace("training = 2", "trainign = 2\nretention = 9"));
    snapshot!("catalogue_two_errors", machine.seen(&["catalogue", "check", "own"]));
}

#[test]
fn an_unknown_offering_gets_the_nearest() {
    let machine = Machine::new();
    machine.file("own/example.toml", EXAMPLE);
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

/// A whole catalogue, so that what is seen does not change with the shipped facts.
const WORLD: &str = r#"
[jurisdictions]
FR = "France"
GB = "United Kingdom"
US = "United States"

[certifications]
dpf = "for the test"

[bloc.near]
name = "Neighbours"
note = "For a test."
source = "treaty of 2020"
read = "page 1"
as_of = 2026-01-01
review = 2099-01-01
members = [
  { in = ["FR"] },
  { in = ["GB"], since = 2020-01-01, until = 2026-02-01, source = "annex", read = "page 2", as_of = 2026-01-01 },
  { in = ["US"], only_with = "dpf" },
]

[law.reach-act]
name = "Reach Act"
of = "US"
citation = "RA § 1"
who = "providers"
access = "a warrant"
binds = ["control"]
extraterritorial = true
since = 2020-01-01
source = "gazette"
read = "page 9"
as_of = 2026-01-01
review = 2099-01-01
"#;

const OPERATOR: &str = r#"
[operator]
id = "example"
name = "Example Ltd"
source = "their contract"
read = "by us"
as_of = 2026-01-31
review = 2099-01-01
strength = "contract"
operator = "GB"
control = "US"
training = 2

[[offering]]
id = "example/cheap@gb"
upstream_model = "cheap"
surfaces = ["chat"]
list_price = "example/cheap"
processed_in = ["GB"]
stored_in = ["GB"]
price = { currency = "USD", input_micros_per_mtok = 100_000, output_micros_per_mtok = 300_000 }

[[offering]]
id = "example/dear@fr"
upstream_model = "dear"
surfaces = ["chat", "embeddings"]
list_price = "example/dear"
processed_in = ["FR"]
stored_in = ["FR"]
retention = 3
certificate.dpf = true

[[offering]]
id = "example/odd@global"
upstream_model = "odd"
surfaces = ["chat"]
list_price = "example/od"
processed_in = "unknown"
price = { currency = "EUR", input_micros_per_mtok = 1, output_micros_per_mtok = 3 }
"#;

fn world() -> Machine {
    let machine = Machine::new();
    machine.file("world/lists.toml", WORLD);
    machine.file("world/operators/example.toml", OPERATOR);
    machine
}

/// The ids that a list shows, in its order.
fn listed(machine: &Machine, args: &[&str]) -> Vec<String> {
    let all = [&["catalogue", "list", "--folder", "world", "--output", "json"], args].concat();
    let output = machine.run(&all);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json.as_array().unwrap().iter().map(|offering| offering["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_list_shows_what_is_asked_for_and_unknown_meets_no_demand() {
    let machine = world();
    let (cheap, dear, odd) = ("example/cheap@gb", "example/dear@fr", "example/odd@global");
    assert_eq!(listed(&machine, &[]), [cheap, dear, odd]);
    assert_eq!(listed(&machine, &["--country", "FR"]), [dear]);
    assert_eq!(listed(&machine, &["--control", "US", "--operator", "GB"]), [cheap, dear, odd]);
    assert_eq!(listed(&machine, &["--developer", "FR"]), Vec::<String>::new());
    assert_eq!(listed(&machine, &["--retention", "3"]), [dear]);
    assert_eq!(listed(&machine, &["--training", "2", "--surface", "embeddings"]), [dear]);
    assert_eq!(listed(&machine, &["--not-compellable-by", "FR"]), [cheap]);
    assert_eq!(listed(&machine, &["--within", "near", "--at", "2026-01-15"]), [cheap, dear]);
    assert_eq!(listed(&machine, &["--within", "near", "--at", "2026-03-01"]), [dear]);
    assert_eq!(listed(&machine, &["--certified", "dpf"]), [dear]);
    assert_eq!(listed(&machine, &["--open-weights"]), Vec::<String>::new());
    assert_eq!(listed(&machine, &["--named", "odd"]), [odd]);
    assert_eq!(listed(&machine, &["--sort", "price"]), [odd, cheap, dear], "each currency for itself, unknown last");
}

#[test]
fn a_list_asks_terms() {
    let machine = world();
    machine.file(
        "own.cedar",
        "@id(\"no-plain\")@goal(\"privacy\")@reason(\"personal data goes out pseudonymised\")\n\
         forbid (principal, action in [Action::\"infer\", Action::\"embed\"], resource)\nwhen { context.data.personal } unless { context.means.pseudonymised };\n\
         @id(\"any\")@goal(\"openness\")@reason(\"who keeps nothing\")\n\
         permit (principal, action in [Action::\"infer\", Action::\"embed\"], resource) when { resource.assurance.level.retention >= 3 };\n",
    );
    snapshot!("list_serves", machine.seen(&["catalogue", "list", "--folder", "world", "--serves", "personal under own.cedar"]));
    snapshot!("list_serves_nothing", machine.seen(&["catalogue", "list", "--folder", "world", "--serves", "personal"]));
    snapshot!(
        "list_serves_unknown_class",
        machine.seen(&["catalogue", "list", "--folder", "world", "--serves", "private under own.cedar"])
    );
}

#[test]
fn a_list_for_a_spreadsheet() {
    let machine = world();
    snapshot!("list_csv", machine.seen(&["catalogue", "list", "--folder", "world", "--csv"]));
    assert_eq!(machine.run(&["catalogue", "list", "--csv", "--output", "json"]).status.code(), Some(2));
}

#[test]
fn a_name_that_nobody_has_is_no_empty_list() {
    let machine = world();
    snapshot!("list_unknown_bloc", machine.seen(&["catalogue", "list", "--folder", "world", "--within", "nearby"]));
    snapshot!("list_unknown_country", machine.seen(&["catalogue", "list", "--folder", "world", "--country", "UK"]));
}

#[test]
fn a_bloc_a_law_a_country_and_the_reach_of_laws_are_shown_with_their_sources() {
    let machine = world();
    let show = |what: &[&str]| machine.seen(&[&["catalogue", "show", "--folder", "world", "--at", "2026-11-22"], what].concat());
    snapshot!("show_bloc", show(&["near"]));
    snapshot!("show_law", show(&["reach-act"]));
    snapshot!("show_country", show(&["US"]));
    snapshot!("show_why", show(&["example/cheap@gb", "--why"]));
    snapshot!("show_why_unknown", show(&["example/odd@global", "--why"]));
    snapshot!("show_why_of_a_bloc", show(&["near", "--why"]));
    snapshot!("show_nothing", show(&["nearby"]));
    for what in ["near", "reach-act", "US", "example/cheap@gb"] {
        let output = machine.run(&["catalogue", "show", "--folder", "world", "--output", "json", what]);
        assert!(serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap().is_object());
    }
    let why = machine.run(&["catalogue", "show", "--folder", "world", "--output", "json", "--why", "example/cheap@gb"]);
    let why: serde_json::Value = serde_json::from_slice(&why.stdout).unwrap();
    assert_eq!(why["compellable_by"][1]["jurisdiction"], "US");
    assert_eq!(why["compellable_by"][1]["laws"][0], "reach-act");
}

#[test]
fn old_facts_are_named_and_count_on() {
    let machine = world();
    machine.file("world/operators/example.toml", &OPERATOR.replace("review = 2099-01-01\n", ""));
    snapshot!("check_overdue", machine.seen(&["catalogue", "check", "world", "--at", "2030-01-01"]));
    assert_eq!(machine.run(&["catalogue", "check", "world", "--at", "2026-03-01"]).stderr, b"");
}

#[test]
fn two_catalogues_are_compared() {
    let machine = world();
    machine.file("after/lists.toml", WORLD);
    machine.file("after/operators/example.toml", &OPERATOR.replace("retention = 3", "retention = 2").replace("example/odd", "example/new"));
    snapshot!("catalogue_diff", machine.seen(&["catalogue", "diff", "world", "after"]));
    snapshot!("catalogue_diff_none", machine.seen(&["catalogue", "diff", "world", "world"]));
    let json = machine.run(&["catalogue", "diff", "shipped", "shipped", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["differences"].as_array().unwrap().len(), 0);
}

const PRICES: &str = r#"{
  "example/cheap": {"mode": "chat", "input_cost_per_token": 2e-07, "output_cost_per_token": 3e-07},
  "example/dear": {"mode": "chat", "input_cost_per_token": 1.5e-06, "output_cost_per_token": 6e-06, "source": "https://example.org/prices",
                   "input_cost_per_token_above_200k_tokens": 3e-06},
  "example/odd": {"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
}"#;

#[test]
fn prices_are_imported_once_and_hand_made_ones_stay() {
    let machine = world();
    machine.file("prices.json", PRICES);
    let import = ["catalogue", "import", "prices.json", "--into", "world", "--as-of", "2026-11-22"];
    let imported = machine.folder().join("world/imported/litellm.toml");
    snapshot!("import_dry_run", machine.seen(&[&import[..], &["--dry-run"]].concat()));
    assert!(!imported.exists());
    snapshot!("import", machine.seen(&import));
    insta::assert_snapshot!("import_file", std::fs::read_to_string(&imported).unwrap());
    snapshot!("import_again", machine.seen(&import));
    assert_eq!(listed(&machine, &["--sort", "price"]), ["example/odd@global", "example/cheap@gb", "example/dear@fr"]);
}

#[test]
fn prices_are_read_from_the_package() {
    let machine = world();
    let file = std::fs::File::create(machine.folder().join("litellm-9.9.9-py3-none-any.whl")).unwrap();
    let mut package = zip::ZipWriter::new(file);
    package.start_file("litellm/model_prices_and_context_window_backup.json", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut package, PRICES.as_bytes()).unwrap();
    package.finish().unwrap();
    let output = machine.run(&["catalogue", "import", "litellm-9.9.9-py3-none-any.whl", "--into", "world", "--output", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let written = std::fs::read_to_string(machine.folder().join("world/imported/litellm.toml")).unwrap();
    assert!(
        written.contains("read = \"PyPI litellm 9.9.9, litellm/model_prices_and_context_window_backup.json, key example/dear\""),
        "{written}"
    );
}

#[test]
fn what_cannot_be_imported_is_refused() {
    let machine = world();
    machine.file("prices.json", PRICES);
    machine.file("broken.json", "{");
    machine.file("other.whl", "no package");
    let import = |list: &str, into: &str| machine.seen(&["catalogue", "import", list, "--into", into]);
    snapshot!("import_no_folder", import("prices.json", "nowhere"));
    snapshot!("import_broken", import("broken.json", "world"));
    snapshot!("import_absent", import("absent.json", "world"));
    snapshot!("import_no_package", import("other.whl", "world"));
}

#[test]
fn prices_are_imported_into_an_empty_folder_over_the_shipped_catalogue() {
    let machine = Machine::new();
    std::fs::create_dir(machine.folder().join("own")).unwrap();
    machine.file("prices.json", r#"{"gpt-4.1-mini": {"mode": "chat", "input_cost_per_token": 5e-07, "output_cost_per_token": 2e-06}}"#);
    let output = machine.run(&["catalogue", "import", "prices.json", "--into", "own", "--as-of", "2026-11-22"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let show = machine.run(&["catalogue", "show", "openai/gpt-4.1-mini@global", "--folder", "own", "--output", "json"]);
    let shown: serde_json::Value = serde_json::from_slice(&show.stdout).unwrap();
    assert_eq!(shown["offering"]["price"]["input_micros_per_mtok"], 500_000);
    machine.file("none.json", "{}");
    snapshot!("import_nothing_in_it", machine.seen(&["catalogue", "import", "none.json", "--into", "own"]));
    snapshot!("import_of_tomorrow", machine.seen(&["catalogue", "import", "prices.json", "--into", "own", "--as-of", "2999-01-01"]));
}

#[test]
fn what_no_list_can_hold_is_refused() {
    let machine = world();
    snapshot!("list_level_out_of_range", machine.seen(&["catalogue", "list", "--attestation", "5"]));
    snapshot!("show_mistaken_country", machine.seen(&["catalogue", "show", "UK"]));
    machine.file("world/licence.toml", "[[offering]]\nid = \"example/cheap@gb\"\nlicence = \"=1+1\"\nsource = \"s\"\nas_of = 2026-01-01\n");
    let csv = machine.run(&["catalogue", "list", "--folder", "world", "--csv"]);
    assert!(text(&csv.stdout).contains(",'=1+1,"), "{}", text(&csv.stdout));
}

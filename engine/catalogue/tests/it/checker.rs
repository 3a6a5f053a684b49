//! What the checker says, one case a rule: input above, problems below, as files in `snapshots/`.

use crate::{parse, render};

/// A good operator, to stand above a bad line.
const OPERATOR: &str = r#"[operator]
id = "acme"
name = "Acme"
source = "contract"
read = "page 1"
as_of = 2026-01-01
strength = "contract"
"#;

/// A good offering, to stand above a bad line.
const OFFERING: &str = r#"
[[offering]]
id = "acme/model@aa"
upstream_model = "model"
surfaces = ["chat"]
processed_in = ["AA"]
"#;

/// Checks one file against the snapshot of that name.
fn check(name: &str, text: &str) {
    check_files(name, &[("acme.toml", text)]);
}

fn check_files(name: &str, files: &[(&str, &str)]) {
    let problems = match parse(files) {
        Ok(catalogue) => catalogue.warnings().to_vec(),
        Err(problems) => problems,
    };
    let input: String = files.iter().map(|(path, text)| format!("# {path}\n{}\n", text.trim())).collect();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("checker__{name}"), format!("{input}\n----\n{}", render(&problems)));
    });
}

/// A good operator and a good offering with these lines below it.
fn check_fact(name: &str, lines: &str) {
    check(name, &format!("{OPERATOR}{OFFERING}{lines}"));
}

#[test]
fn a_good_file() {
    check_fact("good_file", "training = 2\n");
}

#[test]
fn not_toml() {
    check_fact("not_toml", "training = = 2\nretention = 1\n");
}

#[test]
fn unknown_keys() {
    check_fact("unknown_keys", "trainig = 2\nweather = \"fair\"\n[offerin]\nid = 1\n");
}

#[test]
fn unknown_key_in_a_fact() {
    check_fact("unknown_key_in_a_fact", "training = { value = 2, sourse = \"contract\" }\n");
}

#[test]
fn jurisdictions() {
    check_fact("jurisdictions", "stored_in = [\"UK\", \"aa\", \"Bland\", \"pact\", \"ZZ\", \"Nowhere\", 7]\n");
}

#[test]
fn empty_places() {
    check_fact("empty_places", "stored_in = []\n");
}

#[test]
fn a_place_named_twice() {
    check_fact("a_place_named_twice", "stored_in = [\"AA\", \"AA\"]\n");
}

#[test]
fn fact_without_source() {
    let text = format!("[operator]\nid = \"acme\"\nname = \"Acme\"\n{OFFERING}");
    check("fact_without_source", &text);
}

#[test]
fn fact_without_date() {
    check_fact("fact_without_date", "training = { value = 2, source = \"blog\", read = \"page\" }\n");
}

#[test]
fn fact_without_value() {
    check_fact("fact_without_value", "training = { source = \"blog\", read = \"page\", as_of = 2026-01-01 }\n");
}

#[test]
fn source_that_nobody_read() {
    let lines = "training = { value = 2, source = \"contract\", as_of = 2026-01-01, strength = \"contract\" }\n";
    check_fact("source_that_nobody_read", lines);
}

#[test]
fn unknown_needs_no_source() {
    let text = "[operator]\nid = \"acme\"\nname = \"Acme\"\ntraining = \"unknown\"\ncontrol = \"XX\"\n";
    check("unknown_needs_no_source", text);
}

#[test]
fn wrong_types() {
    check_fact("wrong_types", "training = \"two\"\nretention = -1\nopen_weights = 1\ndeveloper = [\"AA\"]\nstored_in = \"AA\"\n");
}

#[test]
fn dates() {
    let lines = "training = { value = 2, source = \"x\", read = \"y\", as_of = \"2026-01-01\" }\n\
                 retention = { value = 1, source = \"x\", read = \"y\", as_of = 2026-01-01T00:00:00Z }\n\
                 exit = { value = 1, source = \"x\", read = \"y\", as_of = 2026-01-01, expires = 2025-01-01 }\n";
    check_fact("dates", lines);
}

#[test]
fn strengths() {
    let lines = "training = { value = 2, strength = \"contrat\" }\nretention = { value = 1, strength = \"verified\" }\n";
    check_fact("strengths", lines);
}

#[test]
fn level_over_the_top_of_its_scale() {
    check_fact("level_over_the_top_of_its_scale", "training = 4\nseal = 5\n");
}

#[test]
fn attestation_is_found_not_written() {
    check_fact("attestation_is_found_not_written", "attestation = 3\n");
}

#[test]
fn prices() {
    check_fact("price_as_float", "price = { currency = \"USD\", input_micros_per_mtok = 0.15, output_micros_per_mtok = 600_000 }\n");
    check_fact("price_without_currency", "price = { input_micros_per_mtok = 150_000, output_micros_per_mtok = 600_000 }\n");
    check_fact("price_with_half", "price = { currency = \"usd\", input_micros_per_mtok = 150_000 }\n");
    let undated =
        "price = { currency = \"USD\", input_micros_per_mtok = 1, output_micros_per_mtok = 1, source = \"list\", read = \"page\" }\n";
    check_fact("price_without_date", undated);
}

/// A good price, to be closed by more keys.
const PRICE: &str = "price = { currency = \"USD\", input_micros_per_mtok = 3_000_000, output_micros_per_mtok = 15_000_000";

#[test]
fn tiers_of_a_price() {
    let all = "cache_read_micros_per_mtok = 300_000, cache_write_micros_per_mtok = 3_750_000, cache_write_hour_micros_per_mtok = 6_000_000, \
               reasoning_micros_per_mtok = 40_000_000, batch_input_micros_per_mtok = 1_500_000, batch_output_micros_per_mtok = \"unknown\"";
    check_fact("price_with_all_tiers", &format!("{PRICE}, {all} }}\n"));
    let wrong = "cache_read_micros_per_mtok = 0.3, reasoning_micros_per_mtok = \"free\", cache_hit_micros_per_mtok = 1";
    check_fact("price_with_wrong_tiers", &format!("{PRICE}, {wrong} }}\n"));
}

#[test]
fn tiers_that_cannot_be() {
    let dear = "cache_read_micros_per_mtok = 3_000_001, batch_input_micros_per_mtok = 30_000_000, batch_output_micros_per_mtok = 15_000_001, \
                cache_write_micros_per_mtok = 6_000_000, cache_write_hour_micros_per_mtok = 3_750_000";
    check_fact("price_with_tiers_that_cannot_be", &format!("{PRICE}, {dear} }}\n"));
}

#[test]
fn offering_without_place() {
    let text = format!("{OPERATOR}\n[[offering]]\nid = \"acme/model@aa\"\nupstream_model = \"model\"\nsurfaces = [\"chat\"]\n");
    check("offering_without_place", &text);
}

#[test]
fn surfaces() {
    let text = format!(
        "{OPERATOR}\n[[offering]]\nid = \"acme/a@aa\"\nupstream_model = \"a\"\nsurfaces = [\"talk\"]\nprocessed_in = [\"AA\"]\n\
         \n[[offering]]\nid = \"acme/b@aa\"\nupstream_model = \"b\"\nsurfaces = []\nprocessed_in = [\"AA\"]\n\
         \n[[offering]]\nid = \"acme/c@aa\"\nupstream_model = \"c\"\nprocessed_in = [\"AA\"]\n"
    );
    check("surfaces", &text);
}

#[test]
fn offering_names() {
    let text = format!(
        "{OPERATOR}\n[[offering]]\nid = \"acme-model\"\nupstream_model = \"a\"\nsurfaces = [\"chat\"]\nprocessed_in = [\"AA\"]\n\
         \n[[offering]]\nid = \"other/b@aa\"\nupstream_model = \"b\"\nsurfaces = [\"chat\"]\nprocessed_in = [\"AA\"]\n\
         \n[[offering]]\nupstream_model = \"c\"\nsurfaces = [\"chat\"]\nprocessed_in = [\"AA\"]\n"
    );
    check("offering_names", &text);
}

#[test]
fn duplicate_offerings() {
    let good = format!("{OPERATOR}{OFFERING}");
    check("offering_twice_in_a_file", &format!("{good}{OFFERING}"));
    check_files("offering_in_two_files", &[("acme.toml", &good), ("own.toml", &good)]);
}

#[test]
fn facts_of_unknown_offerings() {
    let good = format!("{OPERATOR}{OFFERING}");
    let own =
        "[[offering]]\nid = \"acme/modl@aa\"\ntraining = \"unknown\"\n\n[[offering]]\nid = \"acne/model@aa\"\ntraining = \"unknown\"\n";
    check_files("facts_of_unknown_offerings", &[("acme.toml", &good), ("own.toml", own)]);
}

#[test]
fn operator_without_name() {
    check("operator_without_name", "[operator]\nid = \"acme\"\n");
}

#[test]
fn fact_given_twice() {
    let lines = "training = 2\n\n[[offering.facts]]\nsource = \"blog\"\nread = \"page\"\nas_of = 2026-01-01\ntraining = 1\n";
    check_fact("fact_given_twice", lines);
}

#[test]
fn certificates_and_transfers_are_listed() {
    check_fact("certificates_and_transfers_are_listed", "certificate.iso2701 = true\ntransfer = [\"ssc\", \"treaty\"]\n");
}

#[test]
fn blocs() {
    let text = "[bloc.pakt]\nsource = \"x\"\nread = \"y\"\nas_of = 2026-01-01\nmembers = []\n\
                \n[bloc.new]\nname = \"New\"\nmembers = [{ in = [\"AA\"] }, { in = [\"UK\"], source = \"x\" }, { since = 2026-01-01, source = \"x\", as_of = 2026-01-01 }]\n\
                \n[bloc.bare]\nname = \"Bare\"\n\
                \n[bloc.past]\nname = \"Past\"\nsource = \"x\"\nread = \"y\"\nas_of = 2026-01-01\nmembers = [{ in = [\"AA\"], until = 2020-01-01 }]\n";
    check("blocs", text);
}

#[test]
fn seal_is_the_least_of_its_objectives() {
    check_fact("seal_above_an_objective", "seal = 3\nseal_legal = 2\nseal_data = 4\n");
}

#[test]
fn lists_of_codes() {
    check("lists_of_codes", "[jurisdictions]\nXX = \"Nowhere\"\nabc = \"Alphabet\"\n\n[mistaken]\nQQ = \"q\"\n");
}

#[test]
fn without_lists() {
    let problems = comity_catalogue::Catalogue::parse(vec![crate::file("acme.toml", OPERATOR)]).unwrap_err();
    insta::assert_snapshot!(render(&problems), @r"
    error: catalogue: no file lists the jurisdictions
      hint: load the shipped catalogue first, then your own folder
    ");
}

#[test]
fn all_problems_of_all_files_come_at_once_in_order() {
    let bad = "[operator]\nid = \"acme\"\nname = \"Acme\"\ntraining = 9\ncontrol = \"UK\"\n";
    let worse = "[operator]\nid = \"bolt\"\nname = \"Bolt\"\nsource = \"x\"\nread = \"y\"\nas_of = 2026-01-01\nexit = 9\n";
    let problems = parse(&[("z.toml", bad), ("a.toml", worse)]).unwrap_err();
    let places: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.line.unwrap())).collect();
    assert_eq!(places, [("z.toml", 4), ("z.toml", 4), ("z.toml", 5), ("z.toml", 5), ("a.toml", 7)]);
}

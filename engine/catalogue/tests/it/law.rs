//! Laws that compel access, memberships under a condition, and the derivation of `compellable_by`.

use comity_catalogue::Catalogue;

use crate::{NOW, bloc, catalogue, code, day, offering, parse, render};

const LAWS: &str = r#"
[law.reach-act]
name = "Reach Act"
of = "AA"
citation = "RA § 1"
who = "providers under AA law"
access = "a warrant"
binds = ["operator", "control"]
extraterritorial = true
since = 2020-01-01
source = "gazette"
read = "page 9"
as_of = 2026-01-01

[law.home-act]
name = "Home Act"
of = "AA"
citation = "HA § 2"
who = "whoever keeps data in AA"
access = "an order"
binds = ["processed_in", "stored_in"]
extraterritorial = false
source = "gazette"
read = "page 10"
as_of = 2026-01-01

[law.pact-act]
name = "Pact Act"
of_bloc = "pact"
citation = "PA 3"
who = "providers in the pact"
access = "a production order"
binds = ["operator", "control", "processed_in", "stored_in"]
extraterritorial = true
since = 2026-07-01
source = "journal"
read = "page 11"
as_of = 2026-01-01
"#;

const ACME: &str = r#"
[operator]
id = "acme"
name = "Acme"
source = "contract"
read = "page 1"
as_of = 2026-01-01
strength = "contract"
operator = "CC"
control = "AA"

[[offering]]
id = "acme/model@bb"
upstream_model = "model"
surfaces = ["chat"]
processed_in = ["BB"]
stored_in = ["BB"]
"#;

fn all() -> Catalogue {
    catalogue(&[("acme.toml", ACME), ("laws.toml", LAWS)])
}

/// `AA through control: reach-act`, one line a country.
fn reach(catalogue: &Catalogue, at: &str) -> Vec<String> {
    let id = "acme/model@bb".parse().unwrap();
    let line = |reach: comity_catalogue::Reach<'_>| {
        let through: Vec<&str> = reach.through.iter().map(|fact| fact.name.as_str()).collect();
        let laws: Vec<&str> = reach.laws.iter().map(|law| law.id.as_str()).collect();
        format!("{} through {}: {}", reach.jurisdiction, through.join("+"), laws.join(", "))
    };
    catalogue.compelled(&id, day(at)).into_iter().map(line).collect()
}

#[test]
fn every_country_in_reach_names_the_facts_and_the_laws() {
    assert_eq!(reach(&all(), NOW), ["AA through control: reach-act", "BB through processed_in+stored_in: ", "CC through operator: "]);
}

#[test]
fn a_law_of_a_bloc_is_that_of_its_members_from_its_first_day() {
    let expected = ["AA through control: pact-act, reach-act", "BB through processed_in+stored_in: pact-act", "CC through operator: "];
    assert_eq!(reach(&all(), "2026-07-01"), expected);
}

#[test]
fn what_is_derived_is_what_is_explained() {
    let catalogue = all();
    let world = catalogue.at(day(NOW));
    let derived = offering(&world, "acme/model@bb").origin.compellable_by.known().unwrap().clone();
    let id = "acme/model@bb".parse().unwrap();
    assert_eq!(
        catalogue.compelled(&id, day(NOW)).iter().map(|reach| reach.jurisdiction).collect::<std::collections::BTreeSet<_>>(),
        derived
    );
}

#[test]
fn one_unknown_fact_explains_the_unknown() {
    let text = ACME.replace("control = \"AA\"", "control = \"unknown\"");
    assert_eq!(reach(&catalogue(&[("acme.toml", &text), ("laws.toml", LAWS)]), NOW), ["XX through control: "]);
}

#[test]
fn a_source_that_says_who_compels_stands_for_itself() {
    let text = format!("{ACME}compellable_by = [\"AA\"]\n");
    assert_eq!(reach(&catalogue(&[("acme.toml", &text), ("laws.toml", LAWS)]), NOW), ["AA through compellable_by: home-act, reach-act"]);
}

#[test]
fn a_law_without_what_it_must_say_is_refused() {
    let law = "[law.bad]\nof = \"AA\"\nof_bloc = \"pact\"\nbinds = [\"owner\"]\n";
    let bloc = "[law.other]\nname = \"n\"\nof_bloc = \"pakt\"\ncitation = \"c\"\nwho = \"w\"\naccess = \"a\"\nextraterritorial = false\n\
                source = \"s\"\nas_of = 2026-01-01\n";
    insta::assert_snapshot!(render(&parse(&[("laws.toml", &format!("{law}{bloc}"))]).unwrap_err()));
}

const CONDITIONAL: &str = r#"
[bloc.adequate]
name = "Adequate"
source = "decisions"
read = "page 1"
as_of = 2020-01-01
review = 2027-01-01
members = [{ in = ["BB"], only_with = "iso27001" }, { in = ["AA", "CC"] }]
"#;

#[test]
fn a_membership_under_a_condition_counts_for_who_meets_it() {
    let within = |certificate: &str| {
        let text = format!("{ACME}{certificate}");
        let world = catalogue(&[("blocs.toml", CONDITIONAL), ("acme.toml", &text)]).at(day(NOW));
        let origin = &offering(&world, "acme/model@bb").origin;
        assert!(!world.blocs[&bloc("adequate")].contains(&code("BB")), "never for a country as such");
        [origin.processed_within.contains(&bloc("adequate")), origin.compellable_within.contains(&bloc("adequate"))]
    };
    assert_eq!(within(""), [false, false]);
    assert_eq!(within("certificate.iso27001 = { by = \"CC\", strength = \"certified\" }\n"), [true, false]);
    assert_eq!(within("certificate.iso27001 = { by = \"CC\", strength = \"claimed\" }\n"), [false, false]);
    let expired = "certificate.iso27001 = { by = \"CC\", strength = \"certified\", expires = 2026-06-01 }\n";
    assert_eq!(within(expired), [false, false]);
}

#[test]
fn a_condition_that_nobody_knows_is_refused() {
    let text = CONDITIONAL.replace("iso27001", "iso27002");
    insta::assert_snapshot!(render(&parse(&[("blocs.toml", &text)]).unwrap_err()));
}

#[test]
fn facts_blocs_and_laws_become_due() {
    let due = |at: &str| {
        let catalogue = catalogue(&[("blocs.toml", CONDITIONAL), ("acme.toml", ACME), ("laws.toml", LAWS)]);
        catalogue.overdue(day(at)).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // The test lists have a bloc of 2020 that names no day.
    assert_eq!(due(NOW), ["lists.toml:17: bloc `pact` was due for review on 2021-01-31"]);
    let later = due("2027-02-01");
    assert!(later.contains(&"blocs.toml:2: bloc `adequate` was due for review on 2027-01-01".to_owned()), "{later:?}");
    assert!(later.contains(&"acme.toml:16: fact `processed_in` was due for review on 2027-02-01".to_owned()), "{later:?}");
    assert_eq!(due("2030-01-01").len(), 4 + 2 + 3);
}

#[test]
fn an_expired_fact_and_one_of_a_day_to_come_are_named() {
    let text = ACME.replace("processed_in = [\"BB\"]", "processed_in = { value = [\"BB\"], expires = 2026-03-01 }\ntraining = { value = 1, source = \"s\", read = \"r\", as_of = 2030-01-01 }");
    let catalogue = catalogue(&[("acme.toml", &text)]);
    let warnings: Vec<String> = catalogue.overdue(day("2026-04-01")).iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "acme.toml:16: fact `processed_in` expired on 2026-03-01: it is unknown since",
            "acme.toml:17: fact `training` is of 2030-01-01, which has not come yet",
            "lists.toml:17: bloc `pact` was due for review on 2021-01-31",
        ]
    );
}

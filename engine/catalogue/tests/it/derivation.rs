//! What follows from facts: compellable by whom, within which blocs, how strongly known, and what an own file changes.

use std::collections::BTreeSet;

use comity_catalogue::{Catalogue, FactView};
use comity_vocab::{Micros, Offering, Places, Price, Scale, Strength};

use crate::{NOW, bloc, catalogue, code, day, offering};

const ACME: &str = r#"
[operator]
id = "acme"
name = "Acme"
source = "contract"
read = "page 1"
as_of = 2026-01-01
strength = "contract"
operator = "AA"
control = "BB"
training = 2

[[offering]]
id = "acme/model@aa"
upstream_model = "model"
surfaces = ["chat"]
processed_in = ["AA"]
stored_in = ["AA", "CC"]
"#;

/// The offering of `ACME` with these lines below it, and own files over it.
fn acme(lines: &str, own: &[(&str, &str)]) -> Offering {
    let text = format!("{ACME}{lines}");
    let files: Vec<_> = std::iter::once(("acme.toml", text.as_str())).chain(own.iter().copied()).collect();
    let world = catalogue(&files).at(day(NOW));
    offering(&world, "acme/model@aa").clone()
}

fn places(codes: &[&str]) -> Places {
    codes.iter().map(|text| code(text)).collect()
}

fn facts(catalogue: &Catalogue, name: &str) -> Vec<FactView> {
    let id = "acme/model@aa".parse().unwrap();
    catalogue.facts(&id, day(NOW)).unwrap().into_iter().filter(|fact| fact.name == name).collect()
}

#[test]
fn compellable_by_operator_control_and_places() {
    let origin = acme("", &[]).origin;
    assert_eq!(origin.compellable_by, places(&["AA", "BB", "CC"]));
    assert_eq!(origin.compellable_within, BTreeSet::new());
}

#[test]
fn one_unknown_makes_compellable_by_unknown() {
    assert_eq!(acme("control = \"unknown\"\n", &[]).origin.compellable_by, Places::UNKNOWN);
}

#[test]
fn a_source_can_say_who_compels() {
    let origin = acme("compellable_by = [\"AA\"]\n", &[]).origin;
    assert_eq!(origin.compellable_by, places(&["AA"]));
    assert_eq!(origin.compellable_within, BTreeSet::from([bloc("pact")]));
    assert_eq!(acme("compellable_by = \"unknown\"\n", &[]).origin.compellable_by, Places::UNKNOWN);
}

#[test]
fn within_needs_all_places_and_certified_in_needs_one() {
    let offering = acme("certificate.iso27001 = { by = \"AA\", strength = \"certified\" }\n", &[]);
    assert_eq!(offering.origin.processed_within, BTreeSet::from([bloc("pact")]));
    assert_eq!(offering.origin.stored_within, BTreeSet::new());
    assert_eq!(offering.assurance.certified_by, BTreeSet::from([code("AA")]));
    assert_eq!(offering.assurance.certified_in, BTreeSet::from([bloc("pact")]));
}

#[test]
fn unknown_places_lie_within_nothing() {
    let origin = acme("", &[("own.toml", "[[offering]]\nid = \"acme/model@aa\"\nprocessed_in = \"unknown\"\n")]).origin;
    assert_eq!(origin.processed_in, Places::UNKNOWN);
    assert_eq!(origin.processed_within, BTreeSet::new());
    assert_eq!(origin.compellable_by, Places::UNKNOWN);
}

#[test]
fn nothing_said_is_the_worst() {
    let bare = "[operator]\nid = \"acme\"\nname = \"Acme\"\nprocessed_in = \"unknown\"\n\
                [[offering]]\nid = \"acme/model@aa\"\nupstream_model = \"model\"\nsurfaces = [\"chat\"]\n";
    let world = catalogue(&[("acme.toml", bare)]).at(day(NOW));
    let offering = offering(&world, "acme/model@aa");
    assert_eq!(offering.origin, comity_vocab::Origin::unknown());
    assert_eq!(offering.assurance, comity_vocab::Assurance::default());
    assert_eq!((offering.price, offering.open_weights, offering.can_be_unretained), (None, false, false));
}

#[test]
fn a_level_has_the_strength_of_its_source() {
    let levels = |offering: Offering| (offering.assurance.level.get(Scale::Training), offering.assurance.strength.get(Scale::Training));
    assert_eq!(levels(acme("", &[])), (2, 2));
    assert_eq!(levels(acme("training = { value = 2, source = \"blog\", read = \"page\", as_of = 2026-01-01 }\n", &[])), (2, 1));
    let unread = "training = { value = 2, source = \"contract\", as_of = 2026-01-01, strength = \"contract\" }\n";
    assert_eq!(levels(acme(unread, &[])), (2, 1));
    assert_eq!(levels(acme("training = \"unknown\"\n", &[])), (0, 0));
}

#[test]
fn a_cap_is_shown() {
    let unread = "exit = { value = 1, source = \"contract\", as_of = 2026-01-01, strength = \"contract\" }\n";
    let text = format!("{ACME}{unread}");
    let catalogue = catalogue(&[("acme.toml", &text)]);
    let fact = &facts(&catalogue, "exit")[0];
    assert_eq!((fact.strength, fact.stated_strength), (Strength::Claimed, Some(Strength::Contract)));
    assert_eq!(catalogue.warnings().len(), 1);
}

#[test]
fn claims_of_certificates_and_transfers_do_not_count() {
    let claimed = acme(
        "certificate.iso27001 = { by = \"AA\", strength = \"claimed\" }\n\
         transfer = { value = [\"scc\"], strength = \"claimed\" }\n",
        &[],
    );
    assert_eq!((claimed.assurance.certifications.len(), claimed.assurance.transfer.len()), (0, 0));
    let contract = acme("certificate.iso27001 = \"AA\"\ntransfer = [\"scc\"]\n", &[]);
    assert_eq!((contract.assurance.certifications.len(), contract.assurance.transfer.len()), (1, 1));
    assert_eq!(contract.assurance.certified_by, BTreeSet::new(), "a contract is no audit");
    let somewhere = acme("certificate.iso27001 = { strength = \"certified\" }\n", &[]);
    assert_eq!((somewhere.assurance.certifications.len(), somewhere.assurance.certified_by.len()), (1, 0));
}

#[test]
fn unretained_needs_a_contract() {
    assert!(acme("unretained_on_request = true\n", &[]).can_be_unretained);
    assert!(!acme("unretained_on_request = false\n", &[]).can_be_unretained);
    let claimed = "unretained_on_request = { value = true, strength = \"claimed\" }\n";
    assert!(!acme(claimed, &[]).can_be_unretained);
    let unread = "unretained_on_request = { value = true, source = \"amendment\", as_of = 2026-01-01, strength = \"contract\" }\n";
    assert!(!acme(unread, &[]).can_be_unretained);
}

#[test]
fn an_own_file_overrides_single_facts_and_shows_it() {
    let own = "[[offering]]\nid = \"acme/model@aa\"\nsource = \"our amendment of 2026-03-01\"\nread = \"contract file 4711\"\nas_of = 2026-03-01\n\
               strength = \"contract\"\ntraining = 3\nunretained_on_request = true\n";
    let offering = acme("", &[("own.toml", own)]);
    assert_eq!(offering.assurance.level.get(Scale::Training), 3);
    assert!(offering.can_be_unretained);
    assert_eq!(offering.origin.operator, code("AA"), "the other facts stay");

    let catalogue = catalogue(&[("acme.toml", ACME), ("own.toml", own)]);
    let shown: Vec<_> = facts(&catalogue, "training").into_iter().map(|fact| (fact.value, fact.file, fact.line, fact.overridden)).collect();
    assert_eq!(shown, [("3".to_owned(), "own.toml".to_owned(), 7, false), ("2".to_owned(), "acme.toml".to_owned(), 11, true)]);
}

#[test]
fn a_later_operator_overrides_an_earlier_offering() {
    let own = "[operator]\nid = \"acme\"\nsource = \"our audit\"\nread = \"report 7\"\nas_of = 2026-03-01\nstored_in = \"unknown\"\ntraining = 0\n";
    let offering = acme("training = 3\n", &[("own.toml", own)]);
    assert_eq!(offering.assurance.level.get(Scale::Training), 0);
    assert_eq!(offering.origin.stored_in, Places::UNKNOWN);
}

#[test]
fn in_one_file_the_offering_overrides_its_operator() {
    assert_eq!(acme("training = 1\n", &[]).assurance.level.get(Scale::Training), 1);
}

#[test]
fn an_own_file_can_take_back_a_certificate() {
    let held = "certificate.iso27001 = { by = \"AA\", strength = \"certified\" }\n";
    let own = "[[offering]]\nid = \"acme/model@aa\"\ncertificate.iso27001 = \"unknown\"\n";
    let offering = acme(held, &[("own.toml", own)]);
    assert!(offering.assurance.certifications.is_empty() && offering.assurance.certified_in.is_empty());
}

#[test]
fn a_group_of_facts_shares_one_source() {
    let lines = "\n[[offering.facts]]\nsource = \"price list\"\nread = \"page 9\"\nas_of = 2026-05-01\n\
                 price = { currency = \"EUR\", input_micros_per_mtok = 150_000, output_micros_per_mtok = 0 }\nexit = 1\n";
    let text = format!("{ACME}{lines}");
    let catalogue = catalogue(&[("acme.toml", &text)]);
    let fact = &facts(&catalogue, "price")[0];
    assert_eq!(fact.value, "0.15 in, 0.00 out EUR per million tokens");
    assert_eq!((fact.source.as_str(), fact.read.as_deref(), fact.as_of.as_deref()), ("price list", Some("page 9"), Some("2026-05-01")));
    assert_eq!(fact.strength, Strength::Claimed, "the operator's contract says nothing of a price list");
}

#[test]
fn tiers_that_no_source_names_stay_unknown() {
    let price = "[offering.price]\ncurrency = \"EUR\"\ninput_micros_per_mtok = 150_000\noutput_micros_per_mtok = 0\n\
                 cache_read_micros_per_mtok = 15_000\nbatch_input_micros_per_mtok = \"unknown\"\n";
    let price = acme(price, &[]).price.unwrap();
    let plain = Price::new("EUR".parse().unwrap(), Micros(150_000), Micros(0));
    assert_eq!(price, Price { cache_read_micros_per_mtok: Some(Micros(15_000)), ..plain });
}

/// As the gateway writes it for its own models.
#[test]
fn own_machines() {
    let own = r#"
[operator]
id = "self"
name = "This organisation"
source = "asserted by the operator of this gateway"
read = "comity.toml"
as_of = 2026-06-01
strength = "contract"
operator = "GB"
control = "GB"
governing_law = "GB"

[[offering]]
id = "self/smollm2@here"
upstream_model = "smollm2"
surfaces = ["chat"]
processed_in = ["GB"]
stored_in = ["GB"]
possession = 3
training = 3
retention = 3
open_weights = true
unretained_on_request = true
"#;
    let world = catalogue(&[("gateway.toml", own)]).at(day(NOW));
    let offering = offering(&world, "self/smollm2@here");
    assert_eq!((offering.assurance.level.get(Scale::Possession), offering.assurance.strength.get(Scale::Possession)), (3, 2));
    assert_eq!(offering.origin.compellable_by, places(&["GB"]));
    assert!(offering.can_be_unretained && offering.open_weights);
}

#[test]
fn lists_can_be_read() {
    let catalogue = catalogue(&[("acme.toml", ACME)]);
    assert_eq!(catalogue.operators().collect::<Vec<_>>(), [("acme", "Acme")]);
    assert_eq!(catalogue.certifications().collect::<Vec<_>>(), [("iso27001", "ISO/IEC 27001")]);
    assert_eq!(catalogue.transfers().collect::<Vec<_>>(), [("scc", "standard contractual clauses")]);
    assert_eq!(catalogue.facts(&"acme/other@aa".parse().unwrap(), day(NOW)), None);
}

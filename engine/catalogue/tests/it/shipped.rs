//! What is shipped: every file loads without a word, every fact can be followed, and the demonstration finds the offerings that it needs.

use std::collections::BTreeSet;

use comity_catalogue::{Catalogue, World, shipped};
use comity_vocab::{Offering, Scale, Strength, Surface};

use crate::{bloc, code, day, file, offering, render};

fn catalogue() -> Catalogue {
    Catalogue::parse(shipped()).unwrap_or_else(|problems| panic!("{}", render(&problems)))
}

fn world() -> World {
    catalogue().at(day("2026-11-23"))
}

#[test]
fn every_shipped_file_loads_without_problems() {
    assert_eq!(render(catalogue().warnings()), "");
}

#[test]
fn every_jurisdiction_of_iso_3166_is_there_once() {
    assert_eq!(world().jurisdictions.len(), 249);
}

#[test]
fn there_are_enough_operators_countries_and_offerings() {
    let world = world();
    let operators: BTreeSet<_> = world.offerings.keys().map(|id| id.operator().to_owned()).collect();
    let countries: BTreeSet<_> =
        world.offerings.values().map(|offering| offering.origin.operator).filter(|code| !code.is_unknown()).collect();
    let places: BTreeSet<_> = world.offerings.values().filter_map(|offering| offering.origin.processed_in.known()).flatten().collect();
    let priced = world.offerings.values().filter(|offering| offering.price.is_some()).count();
    assert!(world.offerings.len() >= 250, "{}", world.offerings.len());
    assert!(operators.len() >= 40, "{operators:?}");
    assert!(countries.len() >= 12, "{countries:?}");
    assert!(places.len() >= 30, "{places:?}");
    assert!(priced >= 200, "{priced}");
}

#[test]
fn every_fact_is_unknown_or_can_be_followed_to_its_source() {
    let catalogue = catalogue();
    for id in catalogue.offering_ids() {
        for fact in catalogue.facts(id, day("2026-11-23")).unwrap() {
            let followed = !fact.source.is_empty() && fact.read.is_some() && fact.as_of.is_some();
            assert!(fact.value == "unknown" || followed, "{id}: {fact:?}");
            assert_eq!(fact.stated_strength, None, "{id}: {fact:?}");
        }
    }
}

#[test]
fn the_same_files_give_the_same_digest_and_the_same_world() {
    let first = catalogue();
    let again = Catalogue::parse(first.files().to_vec()).unwrap();
    assert_eq!(first.digest(), again.digest());
    assert_eq!(first, again);
    let mut more = shipped();
    more.push(file("own/empty.toml", ""));
    assert_ne!(Catalogue::parse(more).unwrap().digest(), first.digest());
}

/// As `uk-public` asks before it lets public data go anywhere.
fn never_trains_by_contract(offering: &Offering) -> bool {
    let training = Scale::Training;
    offering.assurance.level.get(training) >= 2 && offering.assurance.strength.get(training) >= Strength::Contract.number()
}

#[test]
fn a_foreign_offering_may_have_public_data_but_no_personal_data() {
    let world = world();
    let offering = offering(&world, "openai/gpt-4.1-mini@us");
    assert!(never_trains_by_contract(offering));
    assert!(!offering.origin.processed_within.contains(&bloc("uk_approved")));
    assert_eq!(offering.assurance.level.get(Scale::Possession), 0);
}

#[test]
fn place_and_control_differ() {
    let world = world();
    let offering = offering(&world, "openai/gpt-4.1-mini@eu");
    assert!(never_trains_by_contract(offering));
    assert!(offering.origin.processed_within.contains(&bloc("uk_approved")));
    assert!(offering.origin.compellable_by.known().unwrap().contains(&code("US")));
}

#[test]
fn an_offering_that_never_trains_is_certified_in_a_recognised_nation() {
    let world = world();
    let offering = offering(&world, "anthropic/claude-sonnet-4-6@us");
    assert!(never_trains_by_contract(offering));
    assert!(offering.assurance.certified_in.contains(&bloc("global_cbpr")));
    assert!(!offering.origin.processed_within.contains(&bloc("uk_approved")));
}

#[test]
fn a_standard_contract_that_trains_unless_opted_out_is_not_taken_for_a_promise() {
    let world = world();
    let offering = offering(&world, "mistral/mistral-small-latest@eu");
    assert!(offering.origin.processed_within.contains(&bloc("uk_approved")));
    assert_eq!(offering.assurance.level.get(Scale::Training), 1);
}

#[test]
fn nothing_that_is_shipped_can_be_made_unretained() {
    assert!(world().offerings.values().all(|offering| !offering.can_be_unretained));
}

#[test]
fn some_offering_makes_embeddings() {
    let embeds = |offering: &&Offering| offering.surfaces.contains(&Surface::Embeddings);
    assert!(world().offerings.values().filter(embeds).count() >= 2);
}

#[test]
fn the_united_states_are_not_approved_without_condition() {
    let world = world();
    let approved = &world.blocs[&bloc("uk_approved")];
    assert!(approved.contains(&code("GB")) && approved.contains(&code("FR")) && approved.contains(&code("KR")));
    assert!(!approved.contains(&code("US")));
}

#[test]
fn a_past_day_has_the_blocs_of_its_day() {
    let catalogue = catalogue();
    assert!(!catalogue.at(day("2022-12-18")).blocs[&bloc("uk_approved")].contains(&code("KR")));
    assert!(catalogue.at(day("2022-12-19")).blocs[&bloc("uk_approved")].contains(&code("KR")));
}

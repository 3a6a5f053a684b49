//! A world holds from one change to the next: facts expire at midnight UTC of their day, blocs gain and lose members.

use comity_catalogue::Catalogue;
use comity_vocab::{Instant, Scale};

use crate::{bloc, catalogue, code, day, offering};

const ACME: &str = r#"
[operator]
id = "acme"
name = "Acme"
source = "contract"
read = "page 1"
as_of = 2026-01-01
strength = "contract"
processed_in = ["BB"]

[[offering]]
id = "acme/model@bb"
upstream_model = "model"
surfaces = ["chat"]
training = { value = 2, expires = 2026-09-01 }
"#;

fn acme() -> Catalogue {
    catalogue(&[("acme.toml", ACME)])
}

#[test]
fn a_fact_is_unknown_from_the_first_moment_of_the_day_it_expires() {
    let training = |instant| offering(&acme().at(instant), "acme/model@bb").assurance.level.get(Scale::Training);
    assert_eq!(training(Instant(day("2026-09-01").0 - 1)), 2);
    assert_eq!(training(day("2026-09-01")), 0);
    assert_eq!(training(Instant::MAX), 0);
}

#[test]
fn an_expired_fact_does_not_uncover_the_one_below() {
    let own = "[[offering]]\nid = \"acme/model@bb\"\nsource = \"x\"\nread = \"y\"\nas_of = 2026-01-01\n\
               training = { value = 1, expires = 2026-07-01 }\n";
    let world = catalogue(&[("acme.toml", ACME), ("own.toml", own)]).at(day("2026-07-01"));
    assert_eq!(offering(&world, "acme/model@bb").assurance.level.get(Scale::Training), 0);
}

#[test]
fn worlds_follow_each_other_without_gap() {
    let catalogue = acme();
    let mut bounds = vec![Instant::MIN];
    while let Some(next) = Some(catalogue.at(*bounds.last().unwrap()).valid_until).filter(|next| *next != Instant::MAX) {
        assert_eq!(catalogue.at(next).valid_from, next);
        bounds.push(next);
    }
    let expected = ["2020-01-01", "2025-01-01", "2026-09-01", "2027-01-01"].map(day);
    assert_eq!(bounds.get(1..), Some(&expected[..]));
    assert_eq!(catalogue.at(Instant::MIN).valid_from, Instant::MIN);
    assert_eq!(catalogue.at(Instant::MAX).valid_until, Instant::MAX);
}

#[test]
fn a_world_is_the_same_from_its_first_to_its_last_moment() {
    let catalogue = acme();
    for text in ["2019-05-05", "2024-05-05", "2026-05-05", "2026-10-10", "2030-01-01"] {
        let world = catalogue.at(day(text));
        assert!(world.valid_from <= day(text) && day(text) < world.valid_until);
        assert_eq!(catalogue.at(world.valid_from), world);
        assert_eq!(catalogue.at(Instant(world.valid_until.0 - 1)), world);
    }
}

#[test]
fn places_lie_within_the_bloc_of_the_day() {
    let within = |text| offering(&acme().at(day(text)), "acme/model@bb").origin.processed_within.contains(&bloc("pact"));
    assert_eq!(["2024-12-31", "2025-01-01", "2026-12-31", "2027-01-01"].map(within), [false, true, true, false]);
}

#[test]
fn membership_without_a_first_day_starts_on_the_day_of_its_source() {
    let member = |text| acme().at(day(text)).blocs[&bloc("pact")].contains(&code("AA"));
    assert_eq!(["2019-12-31", "2020-01-01"].map(member), [false, true]);
}

#[test]
fn an_own_file_ends_a_membership_and_leaves_the_others() {
    let own = "[bloc.pact]\nsource = \"notice\"\nread = \"page\"\nas_of = 2026-02-01\nmembers = [{ in = [\"AA\"], since = 2020-01-01, until = 2026-03-01 }]\n";
    let catalogue = catalogue(&[("acme.toml", ACME), ("own.toml", own)]);
    let members = |text| catalogue.at(day(text)).blocs[&bloc("pact")].clone();
    assert!(members("2026-02-28").contains(&code("AA")) && members("2026-02-28").contains(&code("BB")));
    assert!(!members("2026-03-01").contains(&code("AA")) && members("2026-03-01").contains(&code("BB")));
}

//! Statements about developers, models, operators, places and offerings, and in which order they count.

use comity_catalogue::Catalogue;
use comity_vocab::Places;

use crate::{NOW, catalogue, code, day, offering, parse, render};

const DEVELOPER: &str = r#"
[developer]
id = "lab"
name = "The Lab"
source = "imprint"
read = "page 1"
as_of = 2026-01-01
developer = "CC"
developer_control = "AA"
licence = "Apache-2.0"

[[model]]
id = "model"
open_weights = true

[[model]]
id = "closed"
licence = "own terms"
"#;

const OPERATOR: &str = r#"
[operator]
id = "acme"
name = "Acme"
bills_in = "EUR"
source = "contract"
read = "page 1"
as_of = 2026-01-01
operator = "AA"
control = "AA"
processed_in = "unknown"
subprocessors = ["Store (BB): backups"]

[[place]]
ids = ["north-1", "south-1"]
source = "region promise"
read = "page 2"
as_of = 2026-02-01
strength = "contract"
processed_in = "region"

[[offering]]
id = "acme/model@north-1"
upstream_model = "model"
surfaces = ["chat"]

[[offering]]
id = "acme/closed@south-1"
upstream_model = "closed"
surfaces = ["chat"]
processed_in = ["AA"]

[[offering]]
id = "acme/model@global"
upstream_model = "model"
surfaces = ["chat"]
"#;

const REGIONS: &str = r#"
[[regions]]
operator = "acme"
source = "list of regions"
read = "regions.json"
as_of = 2026-01-01
in = { "north-1" = "BB", "south-1" = "CC" }
"#;

fn all() -> Catalogue {
    // The file of regions and that of the developer may come after the ones that need them.
    catalogue(&[("acme.toml", OPERATOR), ("lab.toml", DEVELOPER), ("regions.toml", REGIONS)])
}

fn places(codes: &[&str]) -> Places {
    codes.iter().map(|text| code(text)).collect()
}

#[test]
fn the_nearest_statement_counts() {
    let world = all().at(day(NOW));
    let (north, south, global) = ["acme/model@north-1", "acme/closed@south-1", "acme/model@global"].map(|id| offering(&world, id)).into();
    assert_eq!(north.origin.processed_in, places(&["BB"]));
    assert_eq!(south.origin.processed_in, places(&["AA"]));
    assert_eq!(global.origin.processed_in, Places::UNKNOWN);
    assert_eq!((north.open_weights, south.open_weights), (true, false));
    assert_eq!((north.licence.as_deref(), south.licence.as_deref()), (Some("Apache-2.0"), Some("own terms")));
    assert_eq!((north.origin.developer, north.developer_control), (code("CC"), code("AA")));
}

#[test]
fn a_region_names_both_sources() {
    let facts = all().facts(&"acme/model@north-1".parse().unwrap(), day(NOW)).unwrap();
    let fact = facts.iter().find(|fact| fact.name == "processed_in" && !fact.overridden).unwrap();
    assert_eq!(fact.value, "BB");
    assert_eq!(fact.read.as_deref(), Some("page 2; country of `north-1`: regions.json"));
}

#[test]
fn a_region_from_a_list_that_nobody_read_is_a_claim() {
    let unread = REGIONS.replace("read = \"regions.json\"\n", "");
    let catalogue = catalogue(&[("acme.toml", OPERATOR), ("regions.toml", &unread)]);
    let facts = catalogue.facts(&"acme/model@north-1".parse().unwrap(), day(NOW)).unwrap();
    let fact = facts.iter().find(|fact| fact.name == "processed_in" && !fact.overridden).unwrap();
    assert_eq!((fact.read.as_deref(), fact.strength), (None, comity_vocab::Strength::Claimed));
}

#[test]
fn sub_processors_are_shown() {
    let facts = all().facts(&"acme/model@global".parse().unwrap(), day(NOW)).unwrap();
    assert!(facts.iter().any(|fact| fact.name == "subprocessors" && fact.value == "Store (BB): backups"));
}

#[test]
fn an_own_file_speaks_of_a_model_by_its_name() {
    let own = "[[model]]\nid = \"model\"\nsource = \"s\"\nread = \"r\"\nas_of = 2026-03-01\nopen_weights = \"unknown\"\n";
    let world = catalogue(&[("acme.toml", OPERATOR), ("lab.toml", DEVELOPER), ("regions.toml", REGIONS), ("own.toml", own)]).at(day(NOW));
    assert!(!offering(&world, "acme/model@north-1").open_weights);
}

/// What is wrong with these files beside the good ones.
fn problems(files: &[(&str, &str)]) -> String {
    let good = [("acme.toml", OPERATOR), ("lab.toml", DEVELOPER), ("regions.toml", REGIONS)];
    match parse(&[&good[..], files].concat()) {
        Ok(catalogue) => render(catalogue.warnings()),
        Err(problems) => render(&problems),
    }
}

#[test]
fn what_cannot_be_put_together_is_refused() {
    let cases = [
        ("a place without an operator", "[[place]]\nids = [\"x\"]\n"),
        ("a place that no offering is at", "[operator]\nid = \"acme\"\n[[place]]\nids = [\"nort-1\"]\n"),
        ("a model that nobody knows", "[[model]]\nid = \"modle\"\n"),
        ("a model of two developers", "[developer]\nid = \"other\"\nname = \"Other\"\n[[model]]\nid = \"model\"\n"),
        ("a developer without a name", "[developer]\nid = \"new\"\n"),
        ("a currency that is none", "[operator]\nid = \"acme\"\nbills_in = \"euros\"\n"),
        (
            "a region that is on no list",
            "[[offering]]\nid = \"acme/model@nort-1\"\nupstream_model = \"m\"\nsurfaces = [\"chat\"]\nsource = \"s\"\nread = \"r\"\n\
             as_of = 2026-01-01\nprocessed_in = \"region\"\n",
        ),
        ("a list of regions without a source", "[[regions]]\noperator = \"acme\"\nin = { x = \"AA\" }\n"),
        ("a list of regions without regions", "[[regions]]\nsource = \"s\"\nas_of = 2026-01-01\n"),
        ("a review before its day", "[operator]\nid = \"acme\"\nas_of = 2026-01-01\nreview = 2025-01-01\n"),
    ];
    let seen: String = cases.iter().map(|(name, text)| format!("# {name}\n{}\n", problems(&[("own.toml", text)]))).collect();
    insta::assert_snapshot!(seen);
}

#[test]
fn where_the_price_list_has_an_offering_can_be_said_alone() {
    let own = "[[offering]]\nid = \"acme/model@north-1\"\nlist_price = \"acme/model\"\n";
    assert_eq!(problems(&[("own.toml", own)]), "");
}

#[test]
fn own_machines_by_a_claim_are_no_own_machines() {
    let possession = |strength: &str| {
        let own = format!(
            "[[offering]]\nid = \"acme/model@global\"\nsource = \"s\"\nread = \"r\"\nas_of = 2026-01-01\nstrength = \"{strength}\"\npossession = 3\n"
        );
        let files = [("acme.toml", OPERATOR), ("lab.toml", DEVELOPER), ("regions.toml", REGIONS), ("own.toml", own.as_str())];
        let world = catalogue(&files).at(day(NOW));
        offering(&world, "acme/model@global").assurance.level.get(comity_vocab::Scale::Possession)
    };
    assert_eq!([possession("claimed"), possession("contract")], [0, 3]);
}

#[test]
fn text_cannot_break_out_of_its_line() {
    let own = "[developer]\nid = \"lab\"\nlicence = \"a\\nb\"\nsource = \"s\"\nas_of = 2026-01-01\n";
    assert_eq!(problems(&[("own.toml", own)]), "error: own.toml:3:11: `licence` has a line break or another control character in it\n");
}

#[test]
fn a_list_of_regions_expires_and_has_no_strength() {
    let expiring = REGIONS.replace("as_of = 2026-01-01", "as_of = 2026-01-01\nexpires = 2026-03-01");
    let catalogue = catalogue(&[("acme.toml", OPERATOR), ("regions.toml", &expiring)]);
    let processed_in = |at: &str| offering(&catalogue.at(day(at)), "acme/model@north-1").origin.processed_in.clone();
    assert_eq!([processed_in("2026-02-28"), processed_in("2026-03-01")], [places(&["BB"]), Places::UNKNOWN]);
    assert_eq!(catalogue.at(day("2026-02-28")).valid_until, day("2026-03-01"));
    let strong = REGIONS.replace("as_of = 2026-01-01", "as_of = 2026-01-01\nstrength = \"contract\"");
    assert!(parse(&[("regions.toml", &strong)]).is_err());
}

#[test]
fn a_region_that_is_overridden_need_not_be_on_a_list() {
    let own = "[[offering]]\nid = \"acme/model@elsewhere\"\nupstream_model = \"m\"\nsurfaces = [\"chat\"]\n\
               source = \"s\"\nread = \"r\"\nas_of = 2026-01-01\nprocessed_in = [\"AA\"]\n\
               [operator]\nid = \"acme\"\nsource = \"s\"\nread = \"r\"\nas_of = 2026-01-01\nstored_in = \"region\"\nprocessed_in = \"region\"\n";
    let global = "[[offering]]\nid = \"acme/model@elsewhere\"\nstored_in = \"unknown\"\n[[offering]]\nid = \"acme/model@global\"\n\
                  stored_in = \"unknown\"\nprocessed_in = \"unknown\"\n";
    assert_eq!(problems(&[("own.toml", own), ("z.toml", global)]), "");
}

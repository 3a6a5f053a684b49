//! Prices from an open list: what comes, what goes, and what a person wrote stays.

use comity_catalogue::{Catalogue, Import, ImportNote, ImportSource, PriceList};

use crate::{catalogue, day, offering};

const LIST: &str = r#"{
  "sample_spec": {"input_cost_per_token": 0.0, "mode": "one of: chat"},
  "north/model": {"mode": "chat", "input_cost_per_token": 4e-07, "output_cost_per_token": 1.6e-06, "cache_read_input_token_cost": 1e-07,
                  "input_cost_per_token_batches": 2e-07, "output_cost_per_token_batches": 8e-07,
                  "input_cost_per_token_above_200k_tokens": 8e-07, "source": "https://example.org/prices"},
  "embed": {"mode": "embedding", "input_cost_per_token": 1.43e-07},
  "free": {"mode": "chat", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
  "by-the-second": {"mode": "chat", "input_cost_per_second": 0.01},
  "nobody-asks": {"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06}
}"#;

const HEAD: &str = r#"
[operator]
id = "acme"
name = "Acme"
source = "contract"
read = "page 1"
as_of = 2026-01-01
processed_in = "unknown"
"#;

/// Offerings by name of model, key in the list, and further lines.
fn acme(offerings: &[(&str, &str, &str)]) -> String {
    let one = |(model, key, lines): &(&str, &str, &str)| {
        format!("[[offering]]\nid = \"acme/{model}@aa\"\nupstream_model = \"m\"\nsurfaces = [\"chat\"]\nlist_price = \"{key}\"\n{lines}\n")
    };
    format!("{HEAD}{}", offerings.iter().map(one).collect::<String>())
}

fn source() -> ImportSource {
    ImportSource { read: "PyPI litellm 1.2.3".to_owned(), as_of: "2026-03-01".parse().unwrap() }
}

fn list() -> PriceList {
    PriceList::parse(LIST, "USD".parse().unwrap()).unwrap()
}

fn import(catalogue: &Catalogue) -> Import {
    catalogue.import(&list(), &source())
}

fn notes(import: &Import) -> Vec<(&str, ImportNote)> {
    import.prices.iter().map(|price| (price.offering.model(), price.note)).collect()
}

const HAND_MADE: &str = "price = { currency = \"USD\", input_micros_per_mtok = 1, output_micros_per_mtok = 2 }";

#[test]
fn every_listed_price_is_written_down_with_its_source() {
    let files = acme(&[("a", "north/model", ""), ("b", "embed", ""), ("c", "free", ""), ("d", "by-the-second", ""), ("e", "gone", "")]);
    let import = import(&catalogue(&[("operators/acme.toml", &files)]));
    use ImportNote::{New, NotListed};
    assert_eq!(notes(&import), [("a", New), ("b", New), ("c", NotListed), ("d", NotListed), ("e", NotListed)]);
    assert_eq!(import.dearer_when_long.iter().map(|id| id.model()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(import.unused, 1);
    insta::assert_snapshot!(import.file);
}

#[test]
fn the_written_file_loads_and_the_next_import_changes_nothing() {
    let files = acme(&[("a", "north/model", ""), ("b", "embed", "")]);
    let first = import(&catalogue(&[("operators/acme.toml", &files)]));
    let with = catalogue(&[(Import::PATH, &first.file), ("operators/acme.toml", &files)]);
    let world = with.at(day("2026-04-01"));
    let price = offering(&world, "acme/a@aa").price.unwrap();
    assert_eq!((price.input_micros_per_mtok.0, price.batch_output_micros_per_mtok.unwrap().0), (400_000, 800_000));
    let second = import(&with);
    assert_eq!(second.file, first.file);
    assert!(notes(&second).iter().all(|(_, note)| *note == ImportNote::Same));
}

#[test]
fn a_hand_made_price_stays_also_above_an_imported_one() {
    let bare = acme(&[("a", "north/model", ""), ("b", "embed", "")]);
    let imported = import(&catalogue(&[("operators/acme.toml", &bare)])).file;
    let same = "price = { currency = \"USD\", input_micros_per_mtok = 143_000, output_micros_per_mtok = 0 }";
    let files = acme(&[("a", "north/model", HAND_MADE), ("b", "embed", same)]);
    let with = catalogue(&[(Import::PATH, &imported), ("operators/acme.toml", &files)]);
    assert_eq!(offering(&with.at(day("2026-04-01")), "acme/a@aa").price.unwrap().input_micros_per_mtok.0, 1);
    let import = import(&with);
    assert_eq!(notes(&import), [("a", ImportNote::HandMadeDiffers), ("b", ImportNote::HandMadeAgrees)]);
    assert!(!import.file.contains("[[offering]]"), "{}", import.file);
}

#[test]
fn a_price_that_changed_or_went_is_told() {
    let files = acme(&[("a", "north/model", ""), ("b", "embed", "")]);
    let old = import(&catalogue(&[("operators/acme.toml", &files)])).file.replace("400_000", "500_000");
    let moved = acme(&[("a", "north/model", ""), ("b", "gone", "")]);
    let import = import(&catalogue(&[(Import::PATH, &old), ("operators/acme.toml", &moved)]));
    assert_eq!(notes(&import), [("a", ImportNote::Changed), ("b", ImportNote::Gone)]);
    assert!(import.prices[0].before.as_ref().unwrap().starts_with("0.50 in"), "{:?}", import.prices);
}

#[test]
fn dollars_are_not_taken_for_an_operator_that_bills_in_euros() {
    let files = acme(&[("a", "north/model", "")]).replace("name = \"Acme\"", "name = \"Acme\"\nbills_in = \"EUR\"");
    let import = import(&catalogue(&[("operators/acme.toml", &files)]));
    assert_eq!(notes(&import), [("a", ImportNote::OtherCurrency)]);
    assert!(!import.file.contains("[[offering]]"));
}

#[test]
fn what_is_no_price_list_is_refused_with_the_place() {
    let refused = |text: &str| PriceList::parse(text, "USD".parse().unwrap()).unwrap_err().to_string();
    let seen = [
        refused("not json"),
        refused("[]"),
        refused("{\"a\": 1}"),
        refused("{\"a\": {\"input_cost_per_token\": -1e-6}}"),
        refused("{\"a\": {\"input_cost_per_token\": 1e-6, \"output_cost_per_token\": true}}"),
    ];
    insta::assert_snapshot!(seen.join("\n"));
    assert_eq!(list().nearest("north/modle"), Some("north/model"));
}

#[test]
fn a_hand_made_price_counts_wherever_its_file_lies() {
    let bare = acme(&[("a", "north/model", "")]);
    let imported = import(&catalogue(&[("operators/acme.toml", &bare)])).file;
    let own = "[[offering]]\nid = \"acme/a@aa\"\nsource = \"order form\"\nread = \"by us\"\nas_of = 2026-02-01\n".to_owned() + HAND_MADE;
    let files = [("operators/acme.toml", bare.as_str()), ("a-own.toml", &own), ("b/imported/litellm.toml", &imported)];
    let with = catalogue(&files);
    assert_eq!(offering(&with.at(day("2026-04-01")), "acme/a@aa").price.unwrap().input_micros_per_mtok.0, 1);
    assert_eq!(notes(&import(&with)), [("a", ImportNote::HandMadeDiffers)]);
}

#[test]
fn a_price_that_a_person_called_unknown_stays_unknown() {
    let files = acme(&[("a", "north/model", "price = \"unknown\"")]);
    let import = import(&catalogue(&[("operators/acme.toml", &files)]));
    assert_eq!((import.prices[0].note, import.prices[0].before.as_deref()), (ImportNote::HandMadeDiffers, Some("unknown")));
    assert!(!import.file.contains("[[offering]]"));
}

#[test]
fn of_two_hand_made_prices_the_one_that_counts_is_compared() {
    let files = acme(&[("b", "embed", HAND_MADE)]);
    let own = "[[offering]]\nid = \"acme/b@aa\"\nsource = \"s\"\nread = \"r\"\nas_of = 2026-02-01\n\
               price = { currency = \"USD\", input_micros_per_mtok = 143_000, output_micros_per_mtok = 0 }\n";
    let import = import(&catalogue(&[("operators/acme.toml", &files), ("own.toml", own)]));
    assert_eq!(notes(&import), [("b", ImportNote::HandMadeAgrees)]);
}

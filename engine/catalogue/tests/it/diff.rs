//! What two catalogues say differently.

use comity_catalogue::Difference;

use crate::catalogue;

const ACME: &str = r#"
[operator]
id = "acme"
name = "Acme"
source = "contract"
read = "page 1"
as_of = 2026-01-01
processed_in = ["AA"]

[[offering]]
id = "acme/model@aa"
upstream_model = "model"
surfaces = ["chat"]
training = 1

[[offering]]
id = "acme/old@aa"
upstream_model = "old"
surfaces = ["chat"]
"#;

fn line(difference: &Difference) -> String {
    let said = |said: &Option<comity_catalogue::Said>| said.as_ref().map_or("nothing".to_owned(), |said| said.value.clone());
    let fact = difference.fact.as_deref().unwrap_or("itself");
    format!("{} {} {fact}: {} -> {}", difference.kind, difference.id, said(&difference.before), said(&difference.after))
}

#[test]
fn the_same_catalogue_has_no_difference() {
    let one = catalogue(&[("acme.toml", ACME)]);
    assert_eq!(one.diff(&one), []);
}

#[test]
fn every_kind_of_difference_is_named() {
    let own = "[[offering]]\nid = \"acme/model@aa\"\nsource = \"opt-out\"\nread = \"letter\"\nas_of = 2026-02-01\ntraining = 2\nretention = 1\n\
               [bloc.pact]\nsource = \"treaty\"\nread = \"page 2\"\nas_of = 2026-01-01\n\
               members = [{ in = [\"AA\"], until = 2026-03-01 }, { in = [\"CC\"], only_with = \"scc\" }]\n";
    let after = ACME.replace("acme/old@aa", "acme/new@aa");
    let (before, after) = (catalogue(&[("acme.toml", ACME)]), catalogue(&[("acme.toml", &after), ("own.toml", own)]));
    let lines: Vec<String> = before.diff(&after).iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(after.diff(&before).len(), lines.len());
}

//! What two catalogues say differently.

use comity_catalogue::Difference;

use crate::{NOW, catalogue, day};

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
    assert_eq!(one.diff(&one, day(NOW)), []);
}

#[test]
fn every_kind_of_difference_is_named() {
    let own = "[[offering]]\nid = \"acme/model@aa\"\nsource = \"opt-out\"\nread = \"letter\"\nas_of = 2026-02-01\ntraining = 2\nretention = 1\n\
               [bloc.pact]\nsource = \"treaty\"\nread = \"page 2\"\nas_of = 2026-01-01\n\
               members = [{ in = [\"AA\"], until = 2026-03-01 }, { in = [\"CC\"], only_with = \"scc\" }]\n";
    let after = ACME.replace("acme/old@aa", "acme/new@aa");
    let (before, after) = (catalogue(&[("acme.toml", ACME)]), catalogue(&[("acme.toml", &after), ("own.toml", own)]));
    let lines: Vec<String> = before.diff(&after, day(NOW)).iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(after.diff(&before, day(NOW)).len(), lines.len());
}

#[test]
fn what_a_decision_could_turn_on_is_a_difference() {
    let changes = |after: &str| {
        let (before, after) = (catalogue(&[("acme.toml", ACME)]), catalogue(&[("acme.toml", after)]));
        before.diff(&after, day(NOW)).len()
    };
    assert_eq!(changes(&ACME.replace("training = 1", "training = { value = 1, strength = \"contract\" }")), 1);
    assert_eq!(changes(&ACME.replace("upstream_model = \"old\"", "upstream_model = \"older\"")), 1);
    assert_eq!(changes(&ACME.replacen("surfaces = [\"chat\"]", "surfaces = [\"embeddings\"]", 1)), 1);
}

#[test]
fn an_expired_fact_is_unknown() {
    let expiring = ACME.replace("training = 1", "training = { value = 1, expires = 2026-03-01 }");
    let (before, after) = (catalogue(&[("acme.toml", ACME)]), catalogue(&[("acme.toml", &expiring)]));
    let lines: Vec<String> = before.diff(&after, day(NOW)).iter().map(line).collect();
    assert_eq!(lines, ["offering acme/model@aa training: 1 -> unknown, since 1 expired"]);
    let by = |difference: &Difference| difference.after.as_ref().and_then(|said| said.by.clone());
    let until_then = before.diff(&after, day("2026-02-01"));
    assert_eq!(until_then.iter().map(by).collect::<Vec<_>>(), [Some("contract, 2026-01-01, expires 2026-03-01, strength 1".to_owned())]);
}

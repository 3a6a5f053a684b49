//! Terms that were written to have a property, or to lack it.

use comity_prove::{Property, Verdict};

use crate::setting::{prove, terms};

const ANY: &str = "(principal, action in [Action::\"infer\", Action::\"embed\"], resource)";

fn term(id: &str, effect: &str, clauses: &str) -> String {
    format!("@id(\"{id}\") @goal(\"security\") @reason(\"planted\")\n{effect} {ANY} {clauses};\n")
}

/// The terms that a property finds, in principle.
fn found(text: &str, property: &Property) -> (Verdict, Vec<String>) {
    let answer = prove(vec![terms(text)], property).in_principle.unwrap();
    let ids = answer.findings.iter().flat_map(|finding| &finding.terms).map(|term| term.id.to_string()).collect();
    (answer.verdict, ids)
}

#[test]
fn a_term_that_never_matches_is_vacuous() {
    let text = term("open", "permit", "") + &term("never", "forbid", "when { context.purpose == \"a\" && context.purpose == \"b\" }");
    assert_eq!(found(&text, &Property::Vacuous), (Verdict::Violated, vec!["never".to_owned()]));
    assert_eq!(found(&term("open", "permit", ""), &Property::Vacuous), (Verdict::Proved, Vec::new()));
}

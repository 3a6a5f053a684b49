//! The facts that proofs know are those of the schema, each of a fitting sort, and no others.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

/// Every attribute of a type of the schema by path, with its type in the words of this file.
fn flattened(kind: &Value, path: &str, commons: &Value, found: &mut BTreeMap<String, String>) {
    let name = kind.get("name").or_else(|| kind.get("type")).and_then(Value::as_str).unwrap_or_default();
    let record = kind.get("attributes").map(|_| kind).or_else(|| commons.get(name));
    if let Some(attributes) = record.and_then(|record| record.get("attributes")).and_then(Value::as_object) {
        for (attribute, kind) in attributes {
            let path = if path.is_empty() { attribute.clone() } else { format!("{path}.{attribute}") };
            assert!(kind.get("required") != Some(&Value::Bool(false)), "`{path}` may be missing, which proofs do not know");
            flattened(kind, &path, commons, found);
        }
    } else {
        let element = kind.get("element").and_then(|element| element.get("name").or_else(|| element.get("type"))).and_then(Value::as_str);
        let written = element.map_or_else(|| name.to_owned(), |element| format!("Set<{element}>"));
        found.insert(path.to_owned(), written.replace("__cedar::", ""));
    }
}

fn of_schema(of: &str) -> BTreeMap<String, String> {
    let (schema, _) = cedar_policy::SchemaFragment::from_cedarschema_str(comity_terms::SCHEMA).unwrap();
    let json = schema.to_json_value().unwrap();
    let json = json.get("").unwrap();
    let commons = json.get("commonTypes").unwrap();
    let kind = json.get("entityTypes").unwrap().get(of).map_or_else(|| commons.get(of).unwrap(), |entity| entity.get("shape").unwrap());
    let mut found = BTreeMap::new();
    flattened(kind, "", commons, &mut found);
    found
}

fn known(facts: impl Iterator<Item = (String, Sort)>) -> BTreeMap<String, String> {
    let written = |sort| match sort {
        Sort::Flag => "Bool",
        Sort::Number(_) => "Long",
        Sort::Code => "Jurisdiction",
        Sort::Places | Sort::Codes => "Set<Jurisdiction>",
        Sort::Blocs => "Set<Bloc>",
        Sort::Certifications | Sort::Transfers | Sort::Words => "Set<String>",
        Sort::Text => "String",
        Sort::Offering => "Offering",
    };
    facts.map(|(fact, sort)| (fact, written(sort).to_owned())).collect()
}

#[test]
fn proofs_know_the_facts_of_the_schema_and_no_others() {
    assert_eq!(known(of_offering().filter(|(fact, _)| is_in_schema(fact))), of_schema("Offering"));
    assert_eq!(known(of_call()), of_schema("Call"));
    assert_eq!(known(OF_WORKLOAD.into_iter().map(|(fact, sort)| (fact.to_owned(), sort))), of_schema("Workload"));
    assert_eq!(of_schema("Unit"), BTreeMap::from([("sector".to_owned(), "String".to_owned())]), "the search knows a sector alone");
}

#[test]
fn what_is_not_in_the_schema_is_known_by_name() {
    let beside: Vec<String> = of_offering().map(|(fact, _)| fact).filter(|fact| !is_in_schema(fact)).collect();
    assert_eq!(beside, ["id", "compellable_stated"]);
}

#[test]
fn roots_are_facts() {
    let known: Vec<String> = of_offering().chain(of_call()).map(|(fact, _)| fact).collect();
    for fact in &known {
        assert!(roots(fact).iter().all(|root| known.contains(root)), "{fact}: {:?}", roots(fact));
    }
}

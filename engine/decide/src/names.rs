//! Names in terms that the catalogue does not know: a jurisdiction or bloc that is misspelt would match nothing, silently.

use std::collections::BTreeSet;

use comity_catalogue::World;
use comity_terms::{Term, Terms};

/// A name that a term uses and the catalogue does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The term that uses it, when one does (it may stand in several).
    pub term: Option<String>,
    /// `jurisdiction`, `bloc`, `offering`, `certification` or `transfer mechanism`.
    pub kind: &'static str,
    /// The name.
    pub name: String,
    /// The nearest name that exists.
    pub near: Option<String>,
}

/// Every jurisdiction, bloc, offering, certification and transfer mechanism that the terms name and the world does not have.
#[must_use]
pub fn unknown_names(terms: &Terms, world: &World) -> Vec<UnknownName> {
    let thresholds = terms.thresholds();
    let mut found = unknown_words(terms, "certification", (&thresholds.certifications, &world.certifications));
    found.extend(unknown_words(terms, "transfer mechanism", (&thresholds.transfers, &world.transfers)));
    for (kind, name) in &terms.thresholds().entities {
        let (kind, known): (_, Vec<&str>) = match kind.as_str() {
            "Jurisdiction" => ("jurisdiction", world.jurisdictions.iter().map(|j| j.as_str()).chain(["XX"]).collect()),
            "Bloc" => ("bloc", world.blocs.keys().map(|bloc| bloc.as_str()).collect()),
            "Offering" => ("offering", world.offerings.keys().map(|id| id.as_str()).collect()),
            _ => continue,
        };
        if !known.contains(&name.as_str()) {
            let meant = world.mistaken.get(name).map(ToString::to_string).filter(|_| kind == "jurisdiction");
            // Two letters are always near some other two: only the list knows which jurisdiction was meant.
            let near = if kind == "jurisdiction" { meant } else { nearest(name, &known) };
            let term = terms.layers().iter().flat_map(|layer| layer.terms()).find(|term| mentions(term, name));
            found.push(UnknownName { term: term.map(|term| term.id.to_string()), kind, name: name.clone(), near });
        }
    }
    found
}

fn unknown_words(terms: &Terms, kind: &'static str, (named, listed): (&BTreeSet<String>, &BTreeSet<String>)) -> Vec<UnknownName> {
    let known: Vec<&str> = listed.iter().map(String::as_str).collect();
    let unknown = named.difference(listed).map(|name| {
        let term = terms.layers().iter().flat_map(|layer| layer.terms()).find(|term| term.text.contains(&format!("\"{name}\"")));
        UnknownName { term: term.map(|term| term.id.to_string()), kind, name: name.clone(), near: nearest(name, &known) }
    });
    unknown.collect()
}

fn mentions(term: &Term, name: &str) -> bool {
    term.text.contains(&format!("::\"{name}\""))
}

fn nearest(name: &str, known: &[&str]) -> Option<String> {
    let by_distance = known.iter().copied().map(|k| (strsim::damerau_levenshtein(k, name), k)).min()?;
    (by_distance.0 <= 2).then(|| by_distance.1.to_owned())
}

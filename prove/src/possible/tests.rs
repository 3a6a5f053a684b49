//! What is said to be possible leaves out no offering of the shipped catalogue, and no random one that the loader accepts.

use std::sync::Arc;

use comity_catalogue::{Catalogue, shipped};

use crate::cedar::Cedar;
use crate::market;
use crate::offerings::catalogues;
use crate::pinned::Pinned;
use crate::scope::Scope;
use crate::search::Search;
use crate::setting::{CATALOGUE, DAY, unlinted};

/// Reads every fact, and names blocs with conditional members, words and countries.
fn conditions() -> Vec<Cedar> {
    let text = "permit facts: resource.origin == resource.origin && resource.assurance == resource.assurance && resource.open_weights\n\
         permit blocs: resource.origin.processed_within.containsAny([Bloc::\"eu\", Bloc::\"eu_adequate\", Bloc::\"global_cbpr\", Bloc::\"uk_approved\"])\n\
         permit words: resource.assurance.certifications.containsAny([\"soc2\", \"c5:2026\"]) || resource.assurance.transfer.contains(\"scc\")\n\
         permit countries: [Jurisdiction::\"US\", Jurisdiction::\"FR\"].contains(resource.origin.operator)";
    let terms = unlinted(text);
    let rules = crate::rules::Rules::new(&terms).unwrap();
    rules.all().map(|(_, rule)| rule.condition.clone()).collect()
}

/// Ids of offerings that the laws exclude.
fn excluded(catalogue: &Catalogue) -> Vec<String> {
    let pinned = Pinned::new(catalogue, DAY);
    let conditions = conditions();
    let scope = Scope::new(conditions.iter(), &pinned);
    let rows = market::rows(&scope, &pinned, None);
    let mut search = Search::new(&scope, &["a"], &[]).unwrap();
    let known = market::confine(&mut search, &scope, &rows, ("a", &[])).unwrap();
    let impossible = rows.iter().zip(known).filter(|(_, known)| search.find(&[*known]).unwrap().is_none());
    impossible.flat_map(|(row, _)| row.offerings.iter().map(ToString::to_string)).collect()
}

#[test]
fn every_shipped_offering_is_possible() {
    assert!(CATALOGUE.at(DAY).offerings.len() > 100);
    assert_eq!(excluded(&CATALOGUE), Vec::<String>::new());
}

#[test]
fn every_offering_that_the_loader_accepts_is_possible() {
    for catalogue in catalogues(2, 300) {
        let loaded: Arc<Catalogue> = catalogue;
        assert_eq!(loaded.at(DAY).offerings.len(), 300);
        assert_eq!(excluded(&loaded), Vec::<String>::new());
    }
}

/// The same check sees an offering that is none: with a law too many, it would.
#[test]
fn an_impossible_offering_is_excluded() {
    let conditions = conditions();
    let pinned = Pinned::new(&Catalogue::parse(shipped()).unwrap(), DAY);
    let scope = Scope::new(conditions.iter(), &pinned);
    let mut search = Search::new(&scope, &["a"], &[]).unwrap();
    for (path, value) in [("assurance.level.possession", 3), ("assurance.strength.possession", 1)] {
        search.assume(&crate::cedar::equal(&crate::cedar::path(&format!("a.{path}")), &crate::cedar::number(value))).unwrap();
    }
    assert!(search.find(&[]).unwrap().is_none());
}

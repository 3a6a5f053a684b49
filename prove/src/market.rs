//! The offerings of the catalogue as rows of facts, so that a question can be asked of all of them at once: exhaustively, without a solver.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{Jurisdiction, Offering, OfferingId, Places, Scale, Surface};

use crate::cedar;
use crate::facts::Sort;
use crate::failure::GaveUp;
use crate::pinned::Pinned;
use crate::scope::{OTHER, Scope};
use crate::search::{Atom, FactValue, Known, Search};

const UNRETAINED: &str = "means.unretained";

/// Offerings that the terms of a scope cannot tell apart, and what they are to them.
pub(crate) struct Row {
    pub(crate) offerings: Vec<OfferingId>,
    facts: Vec<(String, FactValue)>,
    /// Whether the gateway can perform `unretained` there.
    unretained: bool,
}

/// Every row of the catalogue; of those alone that serve a surface, if one is asked for.
pub(crate) fn rows(scope: &Scope, pinned: &Pinned, surface: Option<Surface>) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let asked = |offering: &&Offering| surface.is_none_or(|surface| offering.surfaces.contains(&surface));
    for offering in pinned.world.offerings.values().filter(asked) {
        let facts: Vec<(String, FactValue)> = scope
            .offering_facts()
            .filter(|(fact, _)| fact != "compellable_stated")
            .map(|(fact, sort)| (fact.clone(), value(offering, (&fact, sort), scope)))
            .collect();
        let unretained = offering.can_be_unretained;
        let key = format!("{unretained} {facts:?}");
        rows.entry(key).or_insert_with(|| Row { offerings: Vec::new(), facts, unretained }).offerings.push(offering.id.clone());
    }
    rows.into_values().collect()
}

/// Requires that the offering at a slot is one of the rows, and gives the condition of each.
/// Means that cannot be performed there are none of the question's.
pub(crate) fn confine(search: &mut Search<'_>, scope: &Scope, rows: &[Row], (slot, calls): (&str, &[&str])) -> Result<Vec<Known>, GaveUp> {
    let calls = calls.iter().filter(|_| scope.reads(UNRETAINED));
    let unretained = calls.map(|call| search.known(&cedar::path(&format!("{call}.{UNRETAINED}")))).collect::<Result<Vec<_>, _>>()?;
    let mut selected = Vec::new();
    for row in rows {
        let chosen = search.fresh();
        for (fact, value) in &row.facts {
            let holds = search.fact_is(&format!("context.{slot}.{fact}"), value)?;
            search.implies(chosen, holds);
        }
        if !row.unretained {
            unretained.iter().for_each(|asked| search.implies(chosen, !*asked));
        }
        selected.push(chosen);
    }
    search.assume_any(&selected);
    Ok(selected)
}

fn value(offering: &Offering, (fact, sort): (&str, Sort), scope: &Scope) -> FactValue {
    let (origin, assurance) = (&offering.origin, &offering.assurance);
    let code = |code: Jurisdiction| FactValue::Single(jurisdiction(scope.stands_for.get(&code).copied().unwrap_or(code)));
    let codes = |codes: &BTreeSet<Jurisdiction>| {
        let standing: BTreeSet<Jurisdiction> = codes.iter().filter_map(|code| scope.stands_for.get(code)).copied().collect();
        FactValue::Set(standing.into_iter().map(jurisdiction).collect())
    };
    let places = |places: &Places| codes(places.known().unwrap_or(&scope.codes));
    let blocs = |blocs: &BTreeSet<comity_vocab::BlocId>| {
        FactValue::Set(blocs.iter().map(|bloc| Atom::Entity("Bloc".to_owned(), bloc.to_string())).collect())
    };
    let words = |words: &BTreeSet<String>, list: &BTreeSet<String>| {
        let other = list.iter().find(|word| !scope.texts.contains(*word) && !scope.is_condition(word));
        let standing = words.iter().filter_map(|word| if list.contains(word) { Some(word) } else { other });
        FactValue::Set(standing.collect::<BTreeSet<_>>().into_iter().cloned().map(Atom::Text).collect())
    };
    match (fact, sort) {
        ("open_weights", _) => FactValue::Flag(offering.open_weights),
        ("id", _) => {
            let id = offering.id.to_string();
            let named = if scope.offerings.contains(&id) { id } else { OTHER.to_owned() };
            FactValue::Single(Atom::Entity("Offering".to_owned(), named))
        }
        ("origin.operator", _) => code(origin.operator),
        ("origin.control", _) => code(origin.control),
        ("origin.developer", _) => code(origin.developer),
        ("origin.governing_law", _) => code(origin.governing_law),
        ("origin.processed_in", _) => places(&origin.processed_in),
        ("origin.stored_in", _) => places(&origin.stored_in),
        ("origin.compellable_by", _) => places(&origin.compellable_by),
        ("origin.hardware", _) => places(&origin.hardware),
        ("origin.processed_within", _) => blocs(&origin.processed_within),
        ("origin.stored_within", _) => blocs(&origin.stored_within),
        ("origin.compellable_within", _) => blocs(&origin.compellable_within),
        ("assurance.certifications", _) => words(&assurance.certifications, &scope.certifications),
        ("assurance.transfer", _) => words(&assurance.transfer, &scope.transfers),
        ("assurance.certified_by", _) => codes(&assurance.certified_by),
        ("assurance.certified_in", _) => blocs(&assurance.certified_in),
        _ => {
            let last = fact.rsplit('.').next().and_then(Scale::named);
            let levels = if fact.starts_with("assurance.strength.") { &assurance.strength } else { &assurance.level };
            FactValue::Single(Atom::Number(last.map_or(0, |scale| levels.get(scale)).into()))
        }
    }
}

fn jurisdiction(code: Jurisdiction) -> Atom {
    Atom::Entity("Jurisdiction".to_owned(), code.to_string())
}

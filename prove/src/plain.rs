//! What makes an example easy to read. Wishes, never conditions: an example that cannot be plain is shown as it is.

use comity_vocab::Jurisdiction;

use crate::cedar::{self, Cedar};
use crate::facts::Sort;
use crate::pinned::Pinned;
use crate::scope::Scope;

/// Most wanted first: nothing stated against what follows, two offerings and two calls alike, nothing found in the call, known and familiar
/// places, levels at 0.
pub(crate) fn wishes(scope: &Scope, (offerings, calls): (&[&str], &[&str]), pinned: &Pinned) -> Vec<Cedar> {
    let stated = offerings.iter().filter(|_| scope.reads("compellable_stated"));
    let mut wishes: Vec<Cedar> = stated.map(|slot| cedar::not(&cedar::path(&format!("{slot}.compellable_stated")))).collect();
    let units = scope
        .units
        .iter()
        .map(|unit| cedar::not(&cedar::binary(cedar_policy::pst::BinaryOp::In, &cedar::principal(), &cedar::entity("Unit", unit))));
    wishes.extend(units);
    if scope.reads("critical") {
        wishes.push(cedar::not(&cedar::attribute(&cedar::principal(), "critical")));
    }
    for slot in calls {
        wishes.extend(scope.call_facts().flat_map(|(fact, sort)| plain(&cedar::path(&format!("{slot}.{fact}")), sort, (scope, pinned))));
    }
    if let [one, other] = offerings {
        let pairs = scope.offering_facts().filter(|(_, sort)| *sort != Sort::Blocs && *sort != Sort::Offering);
        wishes
            .extend(pairs.map(|(fact, _)| cedar::equal(&cedar::path(&format!("{one}.{fact}")), &cedar::path(&format!("{other}.{fact}")))));
    }
    for slot in offerings {
        let facts = scope.offering_facts();
        let derived = |fact: &str| fact.contains("_within") || fact.ends_with("certified_in") || fact == "origin.compellable_by";
        let mut facts: Vec<(String, Sort)> = facts.filter(|(fact, _)| !derived(fact)).collect();
        // No more assurance than is needed comes before a familiar place.
        facts.sort_by_key(|(_, sort)| !matches!(sort, Sort::Number(_) | Sort::Certifications | Sort::Transfers));
        wishes.extend(facts.into_iter().flat_map(|(fact, sort)| plain(&cedar::path(&format!("{slot}.{fact}")), sort, (scope, pinned))));
    }
    if scope.reads("clearance") {
        let clearance = cedar::attribute(&cedar::principal(), "clearance");
        wishes.extend((0..=3).rev().map(|class| cedar::equal(&clearance, &cedar::number(class))));
    }
    wishes
}

fn plain(at: &Cedar, sort: Sort, (scope, pinned): (&Scope, &Pinned)) -> Vec<Cedar> {
    let code = |code: Jurisdiction| cedar::entity("Jurisdiction", code.as_str());
    // The least familiar go first, so that a familiar one stays.
    let unfamiliar = || {
        let known = pinned.familiar.iter().rev().filter(|code| scope.codes.contains(code)).copied();
        [Jurisdiction::UNKNOWN].into_iter().chain(known)
    };
    match sort {
        Sort::Flag => vec![cedar::not(at)],
        Sort::Number(top) => (0..=top).map(|number| cedar::equal(at, &cedar::number(number))).collect(),
        Sort::Code => unfamiliar().map(|one| cedar::not(&cedar::equal(at, &code(one)))).collect(),
        Sort::Places | Sort::Codes => unfamiliar().map(|one| cedar::not(&cedar::contains(at, &code(one)))).collect(),
        Sort::Certifications => scope.certifications.iter().map(|word| cedar::not(&cedar::contains(at, &cedar::text(word)))).collect(),
        Sort::Transfers => scope.transfers.iter().map(|word| cedar::not(&cedar::contains(at, &cedar::text(word)))).collect(),
        Sort::Words => scope.texts.iter().map(|word| cedar::not(&cedar::contains(at, &cedar::text(word)))).collect(),
        Sort::Text => scope.texts.iter().map(|text| cedar::equal(at, &cedar::text(text))).collect(),
        Sort::Blocs | Sort::Offering => Vec::new(),
    }
}

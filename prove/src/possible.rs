//! What can be: which calls a gateway can meet, and which offerings a catalogue can hold. Derived facts follow from the others exactly as the
//! catalogue derives them, so that no impossible offering is a counterexample; a test holds this against every offering of the catalogue.
//!
//! Only facts that decide something are spoken of. What is left out here could only make more things possible, never prove more.

use comity_vocab::{Jurisdiction, Scale};

use crate::cedar::{self, Cedar};
use crate::facts::{self, Sort};
use crate::pinned::Members;
use crate::scope::{OTHER, Scope};

// === impl Scope ===

impl Scope {
    /// What holds of every offering of a catalogue.
    pub(crate) fn possible_offering(&self, slot: &str) -> Cedar {
        let at = |fact: &str| cedar::path(&format!("{slot}.{fact}"));
        let mut laws = Vec::new();
        for (fact, sort) in self.offering_facts() {
            if sort == Sort::Places {
                laws.extend(self.places(&at(&fact)));
            }
        }
        for (within, of, words) in [
            ("origin.processed_within", "origin.processed_in", true),
            ("origin.stored_within", "origin.stored_in", true),
            ("origin.compellable_within", "origin.compellable_by", false),
        ] {
            if self.reads(within) {
                let conditions = words.then_some(slot);
                let law = |(bloc, members): (&String, &Members)| {
                    let inside = self.all_within(&at(of), members, conditions);
                    same(&cedar::contains(&at(within), &cedar::entity("Bloc", bloc)), &inside)
                };
                laws.extend(self.blocs.iter().map(law));
            }
        }
        if self.reads("origin.compellable_by") {
            laws.push(self.compellable(slot));
        }
        let nobody = self.nobody.iter().filter(|(kind, _)| kind == "Offering");
        laws.extend(nobody.map(|(kind, id)| cedar::not(&cedar::equal(&at("id"), &cedar::entity(kind, id)))));
        laws.extend(self.certified(slot));
        laws.extend(self.levels(slot));
        cedar::all(laws)
    }

    /// What holds of every call at a gateway.
    pub(crate) fn possible_call(&self, slot: &str) -> Cedar {
        let at = |fact: &str| cedar::path(&format!("{slot}.{fact}"));
        let mut laws = Vec::new();
        if self.reads("data.subjects") {
            laws.extend(self.places(&at("data.subjects")));
        }
        if self.reads("data.opaque") {
            laws.push(cedar::implies(&at("data.opaque"), &cedar::and(&at("data.personal"), &at("data.special_category"))));
        }
        // What is of a special category is of a person.
        if self.reads("data.special_category") {
            laws.push(cedar::implies(&at("data.special_category"), &at("data.personal")));
        }
        if self.reads("means.pseudonymised") {
            laws.push(cedar::not(&cedar::and(&at("data.opaque"), &at("means.pseudonymised"))));
        }
        cedar::all(laws)
    }

    /// What holds of every workload: it is in one unit, and in all units above that one.
    pub(crate) fn possible_workload(&self) -> Cedar {
        let within = |unit: &String| cedar::binary(cedar_policy::pst::BinaryOp::In, &cedar::principal(), &cedar::entity("Unit", unit));
        let pairs = self.units.iter().flat_map(|one| self.units.iter().map(move |other| (one, other))).filter(|(one, other)| one != other);
        let laws = pairs.map(|(one, other)| {
            if is_above(one, other) {
                cedar::implies(&within(other), &within(one))
            } else if is_above(other, one) {
                cedar::yes()
            } else {
                cedar::not(&cedar::and(&within(one), &within(other)))
            }
        });
        let nobody = self.nobody.iter().filter(|(kind, _)| kind != "Offering").map(|(kind, id)| {
            let named = cedar::entity(kind, id);
            cedar::not(&cedar::binary(cedar_policy::pst::BinaryOp::In, &cedar::principal(), &named))
        });
        cedar::all(laws.chain(nobody))
    }

    /// Never empty; with an unknown one, everything.
    fn places(&self, places: &Cedar) -> [Cedar; 2] {
        let unknown = cedar::contains(places, &code(Jurisdiction::UNKNOWN));
        let everything = cedar::contains_all(places, &cedar::set(self.codes.iter().copied().map(code)));
        [cedar::not(&cedar::is_empty(places)), cedar::implies(&unknown, &everything)]
    }

    /// Whether all places are members, for an offering that has the words that some memberships ask for.
    fn all_within(&self, places: &Cedar, members: &Members, conditions: Option<&str>) -> Cedar {
        let possible = if conditions.is_some() { members.possible() } else { members.always.clone() };
        if possible.is_empty() {
            return cedar::no();
        }
        let inside = cedar::contains_all(&cedar::set(possible.into_iter().map(code)), places);
        let Some(slot) = conditions else { return inside };
        let conditional = members.only_with.iter().filter(|(code, _)| !members.always.contains(code));
        let met = conditional.map(|(place, words)| {
            let has = words.iter().flat_map(|word| self.has_word(slot, word));
            cedar::implies(&cedar::contains(places, &code(*place)), &cedar::any(has))
        });
        cedar::all([inside].into_iter().chain(met))
    }

    /// That an offering has a certification or transfer mechanism of that name.
    fn has_word(&self, slot: &str, word: &str) -> Vec<Cedar> {
        let lists = [("assurance.certifications", &self.certifications), ("assurance.transfer", &self.transfers)];
        let known = lists.into_iter().filter(|(_, list)| list.contains(word));
        known.map(|(fact, _)| cedar::contains(&cedar::path(&format!("{slot}.{fact}")), &cedar::text(word))).collect()
    }

    /// Who runs it, who controls that, and where it is processed and stored; unless a source says otherwise.
    fn compellable(&self, slot: &str) -> Cedar {
        let at = |fact: &str| cedar::path(&format!("{slot}.{fact}"));
        let parts = |place: Jurisdiction| {
            let single = ["origin.operator", "origin.control"].map(|fact| cedar::equal(&at(fact), &code(place)));
            let sets = ["origin.processed_in", "origin.stored_in"].map(|fact| cedar::contains(&at(fact), &code(place)));
            cedar::any(single.into_iter().chain(sets))
        };
        let unknown = parts(Jurisdiction::UNKNOWN);
        let each = self.codes.iter().map(|place| {
            let reached = if place.is_unknown() { unknown.clone() } else { cedar::or(&parts(*place), &unknown) };
            same(&cedar::contains(&at("origin.compellable_by"), &code(*place)), &reached)
        });
        cedar::or(&at("compellable_stated"), &cedar::all(each))
    }

    /// A nation certified only what has a certificate; blocs follow from nations.
    fn certified(&self, slot: &str) -> Vec<Cedar> {
        let at = |fact: &str| cedar::path(&format!("{slot}.{fact}"));
        let mut laws = Vec::new();
        if self.reads("assurance.certified_by") {
            let by = at("assurance.certified_by");
            laws.push(cedar::implies(&cedar::is_empty(&at("assurance.certifications")), &cedar::is_empty(&by)));
            laws.push(cedar::not(&cedar::contains(&by, &code(Jurisdiction::UNKNOWN))));
            laws.push(self.certificate_for_each(&by, &at("assurance.certifications")));
            if self.reads("assurance.certified_in") {
                let law = |(bloc, members): (&String, &Members)| {
                    let nations = cedar::set(members.always.iter().copied().map(code));
                    let any = if members.always.is_empty() { cedar::no() } else { cedar::contains_any(&by, &nations) };
                    same(&cedar::contains(&at("assurance.certified_in"), &cedar::entity("Bloc", bloc)), &any)
                };
                laws.extend(self.blocs.iter().map(law));
            }
        }
        laws
    }

    /// A certificate names one nation, so there are at least as many as nations. One that no term names can stand for several.
    fn certificate_for_each(&self, by: &Cedar, certifications: &Cedar) -> Cedar {
        let nations = self.codes.iter().filter(|place| !place.is_unknown()).map(|place| (cedar::contains(by, &code(*place)), 1));
        let held = self.certifications.iter().map(|word| {
            let stands_for = if self.texts.contains(word) || self.is_condition(word) { 1 } else { 1 + self.certifications_left };
            (cedar::contains(certifications, &cedar::text(word)), stands_for)
        });
        cedar::at_least(&cedar::count(held), &cedar::count(nations))
    }

    /// A level above 0 is known somehow, possession by contract at least; and a sovereignty level is not above one of its objectives.
    fn levels(&self, slot: &str) -> Vec<Cedar> {
        let at = |fact: &str| cedar::path(&format!("{slot}.{fact}"));
        let mut laws = Vec::new();
        for scale in Scale::ALL.into_iter().filter(|scale| self.reads(&facts::level(*scale))) {
            let least = if scale == Scale::Possession { 2 } else { 1 };
            let some = cedar::at_least(&at(&facts::level(scale)), &cedar::number(1));
            laws.push(cedar::implies(&some, &cedar::at_least(&at(&facts::strength(scale)), &cedar::number(least))));
        }
        let seal = facts::level(Scale::Seal);
        for objective in Scale::SEAL_OBJECTIVES.into_iter().filter(|scale| self.reads(&seal) && self.reads(&facts::level(*scale))) {
            let stated = cedar::at_least(&at(&facts::strength(objective)), &cedar::number(1));
            laws.push(cedar::implies(&stated, &cedar::at_least(&at(&facts::level(objective)), &at(&seal))));
        }
        laws
    }

    /// That every fact has one of the values that the question knows: for a solver that would invent others.
    pub(crate) fn known_values(&self, offerings: &[&str], calls: &[&str]) -> Cedar {
        let of_offerings =
            offerings.iter().flat_map(|slot| self.offering_facts().map(move |(fact, sort)| (format!("{slot}.{fact}"), sort)));
        let of_calls = calls.iter().flat_map(|slot| self.call_facts().map(move |(fact, sort)| (format!("{slot}.{fact}"), sort)));
        let placed = of_offerings.chain(of_calls).map(|(fact, sort)| self.known_value(&cedar::path(&fact), sort));
        let clearance = cedar::attribute(&cedar::principal(), "clearance");
        let workload = self.reads("clearance").then(|| self.known_value(&clearance, Sort::Number(3)));
        cedar::all(placed.chain(workload))
    }

    fn known_value(&self, at: &Cedar, sort: Sort) -> Cedar {
        let words = |list: &std::collections::BTreeSet<String>| cedar::set(list.iter().map(|word| cedar::text(word)));
        let codes = || cedar::set(self.codes.iter().copied().map(code));
        let none_but = |list: Cedar, empty: bool| if empty { cedar::is_empty(at) } else { cedar::contains_all(&list, at) };
        match sort {
            Sort::Flag => cedar::yes(),
            Sort::Offering => {
                let named = self.offerings.iter().map(String::as_str).chain([OTHER]);
                cedar::contains(&cedar::set(named.map(|id| cedar::entity("Offering", id))), at)
            }
            Sort::Words | Sort::Text if self.patterns => cedar::yes(),
            Sort::Number(top) => cedar::and(&cedar::at_least(at, &cedar::number(0)), &cedar::at_least(&cedar::number(top), at)),
            Sort::Code => cedar::contains(&codes(), at),
            Sort::Places | Sort::Codes => cedar::contains_all(&codes(), at),
            Sort::Blocs => none_but(cedar::set(self.blocs.keys().map(|bloc| cedar::entity("Bloc", bloc))), self.blocs.is_empty()),
            Sort::Certifications => none_but(words(&self.certifications), self.certifications.is_empty()),
            Sort::Transfers => none_but(words(&self.transfers), self.transfers.is_empty()),
            Sort::Words => cedar::contains_all(&words(&self.texts), at),
            Sort::Text => cedar::contains(&words(&self.texts), at),
        }
    }
}

/// Whether `below` is a part of the unit `above`.
pub(crate) fn is_above(above: &str, below: &str) -> bool {
    below.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

fn same(one: &Cedar, other: &Cedar) -> Cedar {
    match cedar::constant(other) {
        Some(true) => one.clone(),
        Some(false) => cedar::not(one),
        None => cedar::equal(one, other),
    }
}

fn code(code: Jurisdiction) -> Cedar {
    cedar::entity("Jurisdiction", code.as_str())
}

#[cfg(test)]
mod tests;

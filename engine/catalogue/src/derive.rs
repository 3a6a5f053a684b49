//! What follows from the facts at one instant.
//!
//! INVARIANT: unknown is worst. Taking a fact away, or letting it expire, never makes anything that is derived here better.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{Assurance, BlocId, Instant, Jurisdiction, Offering, OfferingId, Origin, Places, Price, Scale, Strength};

use crate::bloc::MembersAt;
use crate::fact::Fact;
use crate::offering::Entry;
use crate::value::{FactName, Value};

/// From here up a certification, a transfer mechanism or possession counts: terms ask for them by name, or for own machines by the level alone,
/// and need not look how that is known.
const COUNTS_FROM: Strength = Strength::Contract;
/// From here up a nation's body is taken to have certified.
const CERTIFIED_FROM: Strength = Strength::Certified;

/// The members of every bloc at one instant.
pub(crate) type Members = BTreeMap<BlocId, MembersAt>;

/// One offering at one instant.
pub(crate) fn offering(id: &OfferingId, entry: &Entry, blocs: &Members, instant: Instant) -> Offering {
    let known = Known { entry, instant };
    let assurance = assurance(&known, blocs);
    Offering {
        id: id.clone(),
        upstream_model: entry.upstream_model.clone(),
        surfaces: entry.surfaces.clone(),
        origin: origin(&known, blocs, &assurance),
        assurance,
        open_weights: known.flag(&FactName::OpenWeights),
        licence: known.text(&FactName::Licence),
        developer_control: known.jurisdiction(&FactName::DeveloperControl),
        price: known.price(),
        can_be_unretained: known.flag(&FactName::UnretainedOnRequest)
            && known.strength(&FactName::UnretainedOnRequest) >= Strength::Contract,
    }
}

/// The facts that count at an instant.
struct Known<'e> {
    entry: &'e Entry,
    instant: Instant,
}

// === impl Known ===

impl<'e> Known<'e> {
    fn fact(&self, name: &FactName) -> Option<&'e Fact> {
        self.entry.facts.get(name).and_then(|facts| facts.last())
    }

    fn value(&self, name: &FactName) -> &'e Value {
        self.fact(name).map_or(&Value::Unknown, |fact| fact.at(self.instant))
    }

    /// How a fact is known; 0 if it is not.
    fn strength(&self, name: &FactName) -> Strength {
        let known = *self.value(name) != Value::Unknown;
        self.fact(name).filter(|_| known).map_or(Strength::Unknown, |fact| fact.provenance.strength())
    }

    fn jurisdiction(&self, name: &FactName) -> Jurisdiction {
        if let Value::Jurisdiction(code) = self.value(name) { *code } else { Jurisdiction::UNKNOWN }
    }

    fn places(&self, name: &FactName) -> Places {
        if let Value::Places(places) = self.value(name) { Places::of(places.clone()) } else { Places::UNKNOWN }
    }

    fn level(&self, scale: Scale) -> u8 {
        if let Value::Level(level) = self.value(&FactName::Level(scale)) { *level } else { 0 }
    }

    fn flag(&self, name: &FactName) -> bool {
        *self.value(name) == Value::Flag(true)
    }

    fn text(&self, name: &FactName) -> Option<String> {
        if let Value::Text(text) = self.value(name) { Some(text.clone()) } else { None }
    }

    fn price(&self) -> Option<Price> {
        if let Value::Price(price) = self.value(&FactName::Price) { Some(*price) } else { None }
    }

    fn transfers(&self) -> BTreeSet<String> {
        let counts = self.strength(&FactName::Transfer) >= COUNTS_FROM;
        if let (Value::Words(words), true) = (self.value(&FactName::Transfer), counts) { words.clone() } else { BTreeSet::new() }
    }

    /// Every certificate that has not expired, with its nation and how it is known.
    fn certificates(&self) -> impl Iterator<Item = (&'e str, Option<Jurisdiction>, Strength)> {
        self.entry.facts.iter().filter_map(|(name, facts)| {
            let FactName::Certificate(certificate) = name else { return None };
            let fact = facts.last()?;
            let Value::Certificate(by) = fact.at(self.instant) else { return None };
            Some((certificate.as_str(), *by, fact.provenance.strength()))
        })
    }

    /// As a source says; else who runs it, who controls that, and where a call is processed and stored. One unknown makes all unknown.
    fn compellable_by(&self) -> Places {
        if self.fact(&FactName::CompellableBy).is_some() {
            return self.places(&FactName::CompellableBy);
        }
        let one = |name: &FactName| Places::from_iter([self.jurisdiction(name)]);
        let parts =
            [one(&FactName::Operator), one(&FactName::Control), self.places(&FactName::ProcessedIn), self.places(&FactName::StoredIn)];
        let union: Option<BTreeSet<_>> =
            parts.iter().try_fold(BTreeSet::new(), |sum, places| Some(sum.union(places.known()?).copied().collect()));
        Places::from(union)
    }
}

fn origin(known: &Known<'_>, blocs: &Members, assurance: &Assurance) -> Origin {
    let [processed_in, stored_in] = [FactName::ProcessedIn, FactName::StoredIn].map(|name| known.places(&name));
    let compellable_by = known.compellable_by();
    let words: BTreeSet<String> = assurance.certifications.union(&assurance.transfer).cloned().collect();
    let within_for = |words: &BTreeSet<String>, places: &Places| within(places, blocs, words);
    let within = |places: &Places| within_for(&words, places);
    Origin {
        operator: known.jurisdiction(&FactName::Operator),
        control: known.jurisdiction(&FactName::Control),
        developer: known.jurisdiction(&FactName::Developer),
        governing_law: known.jurisdiction(&FactName::GoverningLaw),
        processed_within: within(&processed_in),
        stored_within: within(&stored_in),
        // A condition on who receives data says nothing of who can compel it.
        compellable_within: within_for(&BTreeSet::new(), &compellable_by),
        hardware: known.places(&FactName::Hardware),
        processed_in,
        stored_in,
        compellable_by,
    }
}

/// The blocs that contain all of the places, for an offering that has these certifications and transfer mechanisms.
fn within(places: &Places, blocs: &Members, words: &BTreeSet<String>) -> BTreeSet<BlocId> {
    let Some(known) = places.known() else { return BTreeSet::new() };
    let contains_all = |members: &MembersAt| known.iter().all(|place| members.contains(*place, words));
    blocs.iter().filter(|(_, members)| contains_all(members)).map(|(id, _)| id.clone()).collect()
}

fn assurance(known: &Known<'_>, blocs: &Members) -> Assurance {
    let mut assurance = Assurance { transfer: known.transfers(), ..Assurance::default() };
    for scale in Scale::ALL {
        let strength = known.strength(&FactName::Level(scale));
        if scale != Scale::Possession || strength >= COUNTS_FROM {
            assurance.level.set(scale, known.level(scale));
        }
        assurance.strength.set(scale, strength.number());
    }
    for (certificate, by, strength) in known.certificates() {
        if strength >= COUNTS_FROM {
            assurance.certifications.insert(certificate.to_owned());
        }
        if strength >= CERTIFIED_FROM {
            assurance.certified_by.extend(by);
        }
    }
    let certified_in = |members: &MembersAt| !members.always.is_disjoint(&assurance.certified_by);
    assurance.certified_in = blocs.iter().filter(|(_, members)| certified_in(members)).map(|(id, _)| id.clone()).collect();
    assurance
}

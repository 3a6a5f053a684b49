//! The world as the catalogue has it on one day: jurisdictions, the members of blocs, and the words that count. Proofs pin it, so that no
//! counterexample rests on a country or a bloc that does not exist; each says which catalogue and which day it assumes.

use std::collections::{BTreeMap, BTreeSet};

use comity_catalogue::{Catalogue, World};
use comity_vocab::{Instant, Jurisdiction, Offering};

/// The world of one instant.
pub(crate) struct Pinned {
    /// With offerings, jurisdictions and words.
    pub(crate) world: World,
    /// By name; also blocs without members.
    pub(crate) blocs: BTreeMap<String, Members>,
    /// Every jurisdiction, those first that most offerings of the catalogue have to do with: examples read better so.
    pub(crate) familiar: Vec<Jurisdiction>,
}

/// The members of one bloc.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Members {
    pub(crate) always: BTreeSet<Jurisdiction>,
    /// Members for the places of offerings that have one of these certifications or transfer mechanisms.
    pub(crate) only_with: BTreeMap<Jurisdiction, BTreeSet<String>>,
}

// === impl Pinned ===

impl Pinned {
    pub(crate) fn new(catalogue: &Catalogue, instant: Instant) -> Self {
        let world = catalogue.at(instant);
        let mut blocs: BTreeMap<String, Members> = BTreeMap::new();
        for bloc in catalogue.blocs() {
            let members = blocs.entry(bloc.id.to_string()).or_default();
            for member in bloc.members.into_iter().filter(|member| member.since <= instant && instant < member.until) {
                match member.only_with {
                    None => _ = members.always.insert(member.jurisdiction),
                    Some(word) => _ = members.only_with.entry(member.jurisdiction).or_default().insert(word),
                }
            }
        }
        let familiar = familiar(&world);
        Self { world, blocs, familiar }
    }

    pub(crate) fn bloc(&self, name: &str) -> Members {
        self.blocs.get(name).cloned().unwrap_or_default()
    }
}

fn familiar(world: &World) -> Vec<Jurisdiction> {
    let mut often: BTreeMap<Jurisdiction, usize> = BTreeMap::new();
    for code in world.offerings.values().flat_map(touched) {
        *often.entry(code).or_default() += 1;
    }
    let mut all: Vec<Jurisdiction> = world.jurisdictions.iter().copied().collect();
    all.sort_by_key(|code| (std::cmp::Reverse(often.get(code).copied().unwrap_or_default()), *code));
    all
}

fn touched(offering: &Offering) -> impl Iterator<Item = Jurisdiction> {
    let origin = &offering.origin;
    let places = [&origin.processed_in, &origin.stored_in].into_iter().filter_map(|places| places.known()).flatten().copied();
    [origin.operator, origin.control].into_iter().chain(places)
}

// === impl Members ===

impl Members {
    /// All that can be members for somebody.
    pub(crate) fn possible(&self) -> BTreeSet<Jurisdiction> {
        self.always.iter().chain(self.only_with.keys()).copied().collect()
    }
}

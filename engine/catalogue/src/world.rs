//! Everything that holds at one instant, and for how long it stays so.

use std::collections::{BTreeMap, BTreeSet};

use comity_vocab::{BlocId, Instant, Jurisdiction, Offering, OfferingId};

/// The facts of one instant. They are the same for every instant from `valid_from` up to, but not including, `valid_until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The first instant at which this holds.
    pub valid_from: Instant,
    /// The first instant at which it may no longer hold: a fact expires, or a bloc gains or loses a member.
    pub valid_until: Instant,
    /// Every jurisdiction there is, without `XX`.
    pub jurisdictions: BTreeSet<Jurisdiction>,
    /// What people write that is no jurisdiction, and the one that they mean.
    pub mistaken: BTreeMap<String, Jurisdiction>,
    /// Every bloc and its members of the day, without those under a condition; a bloc may be empty.
    pub blocs: BTreeMap<BlocId, BTreeSet<Jurisdiction>>,
    /// Every name that a certification may have.
    pub certifications: BTreeSet<String>,
    /// Every word that stands for a transfer mechanism.
    pub transfers: BTreeSet<String>,
    /// Every offering, with what is derived.
    pub offerings: BTreeMap<OfferingId, Offering>,
}

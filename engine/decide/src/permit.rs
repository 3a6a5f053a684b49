//! The two decisions. A [`Permit`] cannot be made, copied or used twice outside this room: whoever holds one was admitted.

use std::sync::Arc;

use comity_vocab::{Digest, MeansSet, OfferingId, TermId};

use crate::admit::{Refusal, Verdict};
use crate::engine::Admission;

/// Leave to send one call to one offering, under exactly these means. Neither `Clone` nor constructible elsewhere.
#[derive(Debug)]
pub struct Permit {
    decision: Digest,
    offering: OfferingId,
    means: MeansSet,
    terms: Arc<[TermId]>,
    preferred_by: Arc<[TermId]>,
}

/// One offering that the terms refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which offering.
    pub offering: OfferingId,
    /// The means that were tried last: everything that could be performed.
    pub tried: MeansSet,
    /// Each layer that refused, outermost first, and why.
    pub refusals: Arc<[Refusal]>,
}

/// What was decided about one call, for every candidate, in the candidates' order.
#[derive(Debug)]
pub struct Decision {
    /// Names the decision: covers terms, catalogue, facts, performable means, candidates, instant, call id and verdicts.
    pub digest: Digest,
    /// The terms that decided.
    pub terms: Digest,
    /// The catalogue that decided.
    pub catalogue: Digest,
    /// The admitted.
    pub permits: Vec<Permit>,
    /// The refused.
    pub denials: Vec<Denial>,
}

// === impl Permit ===

impl Permit {
    /// The decision that this permit belongs to.
    #[must_use]
    pub fn decision(&self) -> Digest {
        self.decision
    }

    /// Where the call may go.
    #[must_use]
    pub fn offering(&self) -> &OfferingId {
        &self.offering
    }

    /// What must be done to the call first.
    #[must_use]
    pub fn means(&self) -> MeansSet {
        self.means
    }

    /// The terms that permitted, over all layers.
    #[must_use]
    pub fn terms(&self) -> &[TermId] {
        &self.terms
    }

    /// The preferences that matched, over all layers.
    #[must_use]
    pub fn preferred_by(&self) -> &[TermId] {
        &self.preferred_by
    }

    /// How many preferences matched.
    #[must_use]
    pub fn preferred(&self) -> u32 {
        u32::try_from(self.preferred_by.len()).unwrap_or(u32::MAX)
    }
}

// === impl Decision ===

impl Decision {
    pub(crate) fn of(admission: &Admission<'_>, digest: Digest) -> Self {
        let (mut permits, mut denials) = (Vec::new(), Vec::new());
        for (offering, verdict) in admission.verdicts() {
            match verdict {
                Verdict::Permit { means, terms, preferred_by } => permits.push(Permit {
                    decision: digest,
                    offering: offering.clone(),
                    means: *means,
                    terms: Arc::clone(terms),
                    preferred_by: Arc::clone(preferred_by),
                }),
                Verdict::Denial { tried, refusals } => {
                    denials.push(Denial { offering: offering.clone(), tried: *tried, refusals: Arc::clone(refusals) });
                }
            }
        }
        let (terms, catalogue) = admission.generation();
        Self { digest, terms, catalogue, permits, denials }
    }
}

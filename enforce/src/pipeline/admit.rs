//! Step 5: admit. The engine decides on every candidate; nothing here can turn a refusal into a permit.

use comity_decide::{Candidates, Decision, Query};
use comity_ledger::Outcome;
use comity_vocab::Instant;

use super::facts::Facts;
use crate::clock;
use crate::generation::Generation;

/// One attempt at a call: all candidates first, then one for each fallback.
pub(crate) struct Hop {
    pub(crate) number: u32,
    /// What became of the hop before.
    pub(crate) previous: Option<Outcome>,
    pub(crate) candidates: Candidates,
    pub(crate) instant: Instant,
}

/// Decides on the candidates of one hop.
pub(crate) fn admit(generation: &Generation, facts: &Facts<'_>, hop: &Hop, call_id: [u8; 16]) -> Decision {
    let query = query(facts, hop);
    let mut decision = generation.engine.admit(&query).decide(call_id);
    if facts.detectors_failed {
        // INVARIANT: a failed detector denies, whatever the terms say.
        decision.permits.clear();
    }
    decision
}

/// What is asked at one hop.
pub(crate) fn query<'a>(facts: &'a Facts<'_>, hop: &'a Hop) -> Query<'a> {
    Query { call: &facts.call, performable: facts.performable, candidates: &hop.candidates, instant: hop.instant }
}

// === impl Hop ===

impl Hop {
    /// The first: every offering that the caller may mean.
    pub(crate) fn first(facts: &Facts<'_>) -> Self {
        Self { number: 0, previous: None, candidates: facts.candidates.clone(), instant: clock::now() }
    }

    /// The next: one offering, admitted anew at its own instant.
    pub(crate) fn next(&self, offering: comity_vocab::OfferingId, previous: Outcome) -> Self {
        Self {
            number: self.number.saturating_add(1),
            previous: Some(previous),
            candidates: Candidates::new(vec![offering]),
            instant: clock::now(),
        }
    }
}

//! Step 6: the order in which the admitted are tried. Its inputs are recorded; it never admits or refuses.

use std::collections::VecDeque;

use comity_decide::{Permit, RankInput};
use comity_vocab::OfferingId;

use super::admit::Hop;
use super::facts::Facts;
use crate::generation::Generation;

/// The admitted in order.
pub(crate) struct Plan {
    /// What ranking was given: one for each candidate that can be reached from here.
    pub(crate) inputs: Vec<RankInput>,
    /// Those that can be reached first, then the others.
    pub(crate) permits: VecDeque<Permit>,
}

/// Ranks the permits of one hop.
pub(crate) fn rank(generation: &Generation, facts: &Facts<'_>, hop: &Hop, permits: Vec<Permit>) -> Plan {
    let world = generation.engine.world(hop.instant);
    let input = |offering: &OfferingId| {
        let target = generation.targets.get(offering)?;
        Some(RankInput {
            offering: offering.clone(),
            position: facts.choice.position(offering),
            price: world.offerings.get(offering).and_then(|offering| offering.price),
            latency_us: target.latency_us(),
            healthy: target.is_healthy(hop.instant),
        })
    };
    let inputs: Vec<_> = hop.candidates.ids().iter().filter_map(input).collect();
    let (reachable, other): (Vec<_>, Vec<_>) = permits.into_iter().partition(|permit| generation.targets.contains_key(permit.offering()));
    let permits = comity_decide::rank(reachable, &inputs).into_iter().chain(comity_decide::rank(other, &inputs)).collect();
    Plan { inputs, permits }
}

//! The order of the admitted. Its inputs are recorded, since latency and health are not facts that can be looked up later.

use std::cmp::Reverse;

use comity_vocab::{OfferingId, Price, Tier, Usage};
use serde::{Deserialize, Serialize};

use crate::permit::Permit;

/// What ranking is given about one offering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankInput {
    /// Which offering.
    pub offering: OfferingId,
    /// Its place in the route's list; 0 where the route is a selector.
    pub position: u32,
    /// List price, where known.
    pub price: Option<Price>,
    /// Recent time to the first byte, in microseconds, where measured.
    pub latency_us: Option<u64>,
    /// Whether its upstream answers.
    pub healthy: bool,
}

/// Orders permits: healthy first, then what more preferences of the terms matched, the route's order, price, latency and name.
///
/// Prices are compared for a thousand tokens in and a thousand out; an unknown price comes after every known one, an offering without
/// input after all others.
#[must_use]
pub fn rank(mut permits: Vec<Permit>, inputs: &[RankInput]) -> Vec<Permit> {
    let thousand = Usage { input_tokens: 1000, output_tokens: 1000, ..Usage::default() };
    permits.sort_by_cached_key(|permit| {
        let input = inputs.iter().find(|input| input.offering == *permit.offering());
        let healthy = input.is_some_and(|input| input.healthy);
        let position = input.map_or(u32::MAX, |input| input.position);
        let price = input.and_then(|input| input.price).map(|price| (price.currency, price.cost(&thousand, Tier::Standard)));
        let latency = input.and_then(|input| input.latency_us);
        let cheap = (price.is_none(), price);
        let quick = (latency.is_none(), latency);
        (!healthy, Reverse(permit.preferred()), position, cheap, quick, permit.offering().clone())
    });
    permits
}

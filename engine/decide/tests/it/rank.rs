//! The order of the admitted.

use comity_decide::{RankInput, rank};
use comity_vocab::{Micros, Price, Scale};

use crate::world::{Facts, call, candidates, engine, offering, query, uk_public};

fn input(index: usize, change: impl FnOnce(&mut RankInput)) -> RankInput {
    let mut input = RankInput { offering: offering(index), position: 0, price: None, latency_us: None, healthy: true };
    change(&mut input);
    input
}

fn price(micros: u64) -> Option<Price> {
    Some(Price::new("USD".parse().unwrap(), Micros(micros), Micros(micros)))
}

/// The order of three admitted offerings, the second of which the terms prefer if `preferred`.
fn order(preferred: bool, inputs: &[RankInput]) -> Vec<String> {
    let plain = Facts { levels: vec![(Scale::Training, 2)], ..Facts::default() };
    let certified = Facts { certified_by: preferred.then_some("US"), ..plain.clone() };
    let engine = engine(&[&uk_public()], &[plain.clone(), certified, plain]);
    let (call, candidates) = (call(), candidates(3));
    let permits = engine.admit(&query(&call, &candidates)).decide([0; 16]).permits;
    rank(permits, inputs).iter().map(|permit| permit.offering().place().to_owned()).collect()
}

#[test]
fn health_then_preference_then_route_then_price_then_latency() {
    let plain = |index: usize| input(index, |_| {});
    assert_eq!(order(false, &[plain(0), plain(1), plain(2)]), ["0", "1", "2"]);
    assert_eq!(order(true, &[plain(0), plain(1), plain(2)]), ["1", "0", "2"]);
    assert_eq!(order(true, &[plain(0), input(1, |i| i.healthy = false), plain(2)]), ["0", "2", "1"]);
    let placed = |index: usize, position: u32| input(index, |i| i.position = position);
    assert_eq!(order(false, &[placed(0, 2), placed(1, 1), placed(2, 0)]), ["2", "1", "0"]);
    assert_eq!(
        order(false, &[plain(0), input(1, |i| i.price = price(5_000_000)), input(2, |i| i.price = price(4_000_000))]),
        ["2", "1", "0"]
    );
    assert_eq!(order(false, &[plain(0), input(1, |i| i.latency_us = Some(9)), input(2, |i| i.latency_us = Some(3))]), ["2", "1", "0"]);
    assert_eq!(order(false, &[plain(2)]), ["2", "0", "1"]);
}

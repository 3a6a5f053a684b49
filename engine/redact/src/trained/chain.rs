//! The arithmetic of a linear-chain conditional random field: how likely is each label at each token, given all tokens.
//!
//! Forward and backward sums are scaled at each token, so no text is too long. Nothing here may depend on the order of a hash map or on
//! threads: the same weights and tokens always give the same bits on one machine.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

/// Rows of weights by the hash of their feature.
pub(crate) type Rows = HashMap<u64, Range<usize>, BuildHasherDefault<Already>>;

/// The weights: of a feature for a state, and of a state after a state.
#[derive(Default)]
pub(crate) struct Weights {
    pub(crate) rows: Rows,
    pub(crate) cells: Vec<Cell>,
    /// `states × states`, row by row: from, to.
    pub(crate) moves: Vec<f32>,
    pub(crate) states: usize,
}

/// The weight of one feature for one state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) state: u8,
    pub(crate) weight: f32,
}

/// Which state may follow which, and how readily: exponents of the moves' weights, both ways round.
pub(crate) struct Lattice {
    states: usize,
    by_from: Vec<f32>,
    by_to: Vec<f32>,
}

/// Sums over all ways through a sequence. Each is a table `tokens × states`; each row of `forward` adds up to 1.
#[derive(Default)]
pub(crate) struct Sums {
    emissions: Vec<f32>,
    forward: Vec<f32>,
    backward: Vec<f32>,
}

/// Keys are hashes already.
#[derive(Default)]
pub(crate) struct Already(u64);

/// Keeps every way through a sequence possible, so that no sum is ever 0.
const LEAST: f32 = 1e-20;

// === impl Weights ===

impl Weights {
    /// Adds up the scores of each state at one token.
    pub(crate) fn score(&self, features: &[u64], scores: &mut [f32]) {
        for cell in features.iter().filter_map(|feature| self.rows.get(feature)).filter_map(|row| self.cells.get(row.clone())).flatten() {
            if let Some(score) = scores.get_mut(usize::from(cell.state)) {
                *score += cell.weight;
            }
        }
    }
}

// === impl Lattice ===

impl Lattice {
    /// `may_follow(from, to)` says which moves exist at all.
    pub(crate) fn new(weights: &Weights, may_follow: impl Fn(usize, usize) -> bool) -> Self {
        let states = weights.states;
        let mut by_from = Vec::with_capacity(weights.moves.len());
        for (from, row) in weights.moves.chunks_exact(states.max(1)).enumerate() {
            by_from.extend(row.iter().enumerate().map(|(to, weight)| if may_follow(from, to) { weight.exp().max(LEAST) } else { 0.0 }));
        }
        let by_to = (0..states).flat_map(|to| by_from.iter().skip(to).step_by(states.max(1)).copied()).collect();
        Self { states, by_from, by_to }
    }

    /// Makes all sums from the scores in `scores` (`tokens × states`).
    pub(crate) fn sums(&self, scores: &[f32], sums: &mut Sums) {
        let states = self.states.max(1);
        sums.emissions.clear();
        for row in scores.chunks_exact(states) {
            let best = row.iter().copied().fold(f32::MIN, f32::max);
            sums.emissions.extend(row.iter().map(|score| (score - best).exp().max(LEAST)));
        }
        self.forward(sums);
        self.backward(sums);
    }

    fn forward(&self, sums: &mut Sums) {
        let states = self.states.max(1);
        sums.forward.clear();
        let mut row = vec![1.0; states];
        for (token, emission) in sums.emissions.chunks_exact(states).enumerate() {
            if token > 0 {
                row = through(&self.by_from, &row, states);
            }
            row.iter_mut().zip(emission).for_each(|(cell, factor)| *cell *= factor);
            normalise(&mut row);
            sums.forward.extend_from_slice(&row);
        }
    }

    fn backward(&self, sums: &mut Sums) {
        let states = self.states.max(1);
        sums.backward.clear();
        sums.backward.resize(sums.emissions.len(), 0.0);
        let mut row = vec![1.0; states];
        for (place, emission) in sums.backward.chunks_exact_mut(states).zip(sums.emissions.chunks_exact(states)).rev() {
            place.copy_from_slice(&row);
            row.iter_mut().zip(emission).for_each(|(cell, factor)| *cell *= factor);
            row = through(&self.by_to, &row, states);
            normalise(&mut row);
        }
    }

    /// Adds the expected number of each move to `counts` (`states × states`).
    pub(crate) fn count_moves(&self, sums: &Sums, counts: &mut [f32]) {
        let states = self.states.max(1);
        let before = sums.forward.chunks_exact(states);
        let after = sums.emissions.chunks_exact(states).zip(sums.backward.chunks_exact(states)).skip(1);
        let mut raw = vec![0.0_f32; counts.len()];
        for (from, (emission, backward)) in before.zip(after) {
            let to: Vec<f32> = emission.iter().zip(backward).map(|(left, right)| left * right).collect();
            let all: f32 = through(&self.by_to, &to, states).iter().zip(from).map(|(left, right)| left * right).sum();
            for (row, share) in raw.chunks_exact_mut(states).zip(from) {
                let share = share / all;
                if share > 1e-9 {
                    row.iter_mut().zip(&to).for_each(|(cell, weight)| *cell += share * weight);
                }
            }
        }
        for ((count, raw), factor) in counts.iter_mut().zip(raw).zip(&self.by_from) {
            *count += raw * factor;
        }
    }
}

// === impl Sums ===

impl Sums {
    /// How likely each state is at each token: rows that add up to 1.
    pub(crate) fn likelihoods(&self, states: usize) -> impl Iterator<Item = Vec<f32>> {
        let states = states.max(1);
        self.forward.chunks_exact(states).zip(self.backward.chunks_exact(states)).map(|(forward, backward)| {
            let mut row: Vec<f32> = forward.iter().zip(backward).map(|(left, right)| left * right).collect();
            normalise(&mut row);
            row
        })
    }
}

// === impl Already ===

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// The row times the matrix whose rows are `matrix`.
fn through(matrix: &[f32], row: &[f32], states: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; states];
    for (line, share) in matrix.chunks_exact(states).zip(row) {
        if *share > 0.0 {
            sum.iter_mut().zip(line).for_each(|(cell, factor)| *cell += share * factor);
        }
    }
    sum
}

fn normalise(row: &mut [f32]) {
    let sum: f32 = row.iter().sum();
    if sum > 0.0 {
        row.iter_mut().for_each(|cell| *cell /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Weights {
        let moves = vec![0.3, -0.2, 0.0, 0.1, 0.4, -1.0, 0.2, 0.0, 0.5];
        Weights { moves, states: 3, ..Weights::default() }
    }

    const SCORES: [f32; 9] = [0.1, 0.7, -0.3, 1.0, 0.0, 0.2, -0.5, 0.4, 0.6];

    /// All 27 ways through three tokens, one by one.
    fn by_hand(may_follow: impl Fn(usize, usize) -> bool) -> ([[f64; 3]; 3], [[f64; 3]; 3]) {
        let (mut states, mut moves, mut all) = ([[0.0; 3]; 3], [[0.0; 3]; 3], 0.0);
        for way in (0..27).map(|number| [number / 9, number / 3 % 3, number % 3]) {
            if !may_follow(way[0], way[1]) || !may_follow(way[1], way[2]) {
                continue;
            }
            let moved = |from: usize, to: usize| f64::from(weights().moves[from * 3 + to]);
            let scored: f64 = (0..3).map(|at| f64::from(SCORES[at * 3 + way[at]])).sum();
            let weight = (scored + moved(way[0], way[1]) + moved(way[1], way[2])).exp();
            all += weight;
            (0..3).for_each(|at| states[at][way[at]] += weight);
            (0..2).for_each(|at| moves[way[at]][way[at + 1]] += weight);
        }
        states.iter_mut().chain(&mut moves).flatten().for_each(|cell| *cell /= all);
        (states, moves)
    }

    #[test]
    fn sums_are_those_of_all_ways_one_by_one() {
        for forbidden in [(9, 9), (0, 2)] {
            let may_follow = |from, to| (from, to) != forbidden;
            let lattice = Lattice::new(&weights(), may_follow);
            let mut sums = Sums::default();
            lattice.sums(&SCORES, &mut sums);
            let mut counts = [0.0; 9];
            lattice.count_moves(&sums, &mut counts);
            let (states, moves) = by_hand(may_follow);
            let found: Vec<f32> = sums.likelihoods(3).flatten().collect();
            for (found, expected) in found.iter().chain(&counts).zip(states.iter().chain(&moves).flatten()) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
            }
        }
    }

    #[test]
    fn long_and_extreme_sequences_stay_finite() {
        let lattice = Lattice::new(&weights(), |from, to| (from, to) != (0, 2));
        let scores: Vec<f32> = (0..30_000_u16).map(|at| f32::from(at % 7) * 90.0 - 300.0).collect();
        let mut sums = Sums::default();
        lattice.sums(&scores, &mut sums);
        for row in sums.likelihoods(3) {
            assert!(row.iter().all(|cell| cell.is_finite()) && (row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
}

//! The arithmetic of one forward pass on plain slices, and how it is spread over threads.
//!
//! It takes no candle tensor operation: those run on candle's own pool, whose threads spin between calls and would starve the gateway.

use pulp::Simd;
use rayon::prelude::*;

/// Rows of a matrix that one task of a pool computes: some 20 µs, well above the cost of a task.
const ROWS_PER_TASK: usize = 64;

/// Whether work is spread over the pool in which the caller runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    Alone,
    Pool,
}

/// Rows of `width` floats each.
pub(super) struct Rows<'a> {
    pub(super) floats: &'a mut [f32],
    pub(super) width: usize,
}

impl Spread {
    /// Calls `work` with some scratch, the number of each row, and the row.
    pub(super) fn each<S>(self, rows: Rows, scratch: impl Fn() -> S + Sync, work: impl Fn(&mut S, usize, &mut [f32]) + Sync) {
        let Rows { floats, width } = rows;
        let run = |first: usize, floats: &mut [f32]| {
            let mut scratch = scratch();
            floats.chunks_exact_mut(width).enumerate().for_each(|(row, out)| work(&mut scratch, first + row, out));
        };
        match self {
            Spread::Alone => run(0, floats),
            Spread::Pool => {
                floats.par_chunks_mut(width * ROWS_PER_TASK).enumerate().for_each(|(task, floats)| run(task * ROWS_PER_TASK, floats));
            }
        }
    }
}

/// Sum of products, in the machine's widest registers where the caller was dispatched to them.
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = S::as_simd_f32s(left);
    let (right, right_rest) = S::as_simd_f32s(right);
    let (left_fours, left_ones) = left.as_chunks::<4>();
    let (right_fours, right_ones) = right.as_chunks::<4>();
    // Four sums at a time: an addition takes that many steps.
    let mut sums = [simd.splat_f32s(0.0); 4];
    for (left, right) in left_fours.iter().zip(right_fours) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum = simd.mul_add_e_f32s(*left, *right, *sum);
        }
    }
    let [mut sum, second, third, fourth] = sums;
    for (left, right) in left_ones.iter().zip(right_ones) {
        sum = simd.mul_add_e_f32s(*left, *right, sum);
    }
    let sum = simd.add_f32s(simd.add_f32s(sum, second), simd.add_f32s(third, fourth));
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    simd.reduce_sum_f32s(sum) + rest
}

/// `out += scale * row`.
#[inline(always)]
pub(super) fn add_scaled(out: &mut [f32], scale: f32, row: &[f32]) {
    for (out, value) in out.iter_mut().zip(row) {
        *out += scale * value;
    }
}

/// Root mean square normalisation of each row of `weight.len()` floats (Zhang and Sennrich 2019).
pub(super) fn rms_norm(rows: &[f32], weight: &[f32], epsilon: f32) -> Vec<f32> {
    let width = float(weight.len());
    let normalised = rows.chunks_exact(weight.len()).flat_map(|row| {
        let scale = (row.iter().map(|value| value * value).sum::<f32>() / width + epsilon).sqrt().recip();
        row.iter().zip(weight).map(move |(value, weight)| value * scale * weight)
    });
    normalised.collect()
}

/// Turns scores into probabilities that sum to 1.
pub(super) fn softmax(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores.iter_mut() {
        *score = (*score - max).exp();
    }
    let scale = scores.iter().sum::<f32>().recip();
    for score in scores.iter_mut() {
        *score *= scale;
    }
}

/// `gate * sigmoid(gate) * up`, in place of `gate` (SwiGLU, Shazeer 2020).
pub(super) fn swiglu(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + (-*gate).exp()) * up;
    }
}

/// Rotates pairs of neighbours in each head of `head_width` floats by `angles` (RoPE, Su et al. 2021); what `angles` does not reach stays.
pub(super) fn rotate(row: &mut [f32], head_width: usize, angles: &[(f32, f32)]) {
    for head in row.chunks_exact_mut(head_width) {
        let (pairs, _) = head.as_chunks_mut::<2>();
        for ([left, right], (sin, cos)) in pairs.iter_mut().zip(angles) {
            (*left, *right) = (*left * cos - *right * sin, *left * sin + *right * cos);
        }
    }
}

/// A count as a float. Counts here are widths and positions, far below 65,536; a larger one is that.
pub(super) fn float(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

/// [`dot`] without any wide registers.
#[cfg(test)]
pub(super) fn dot_alone(left: &[f32], right: &[f32]) -> f32 {
    dot(pulp::Scalar, left, right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_takes_the_rest_too() {
        struct Dot(Vec<f32>, Vec<f32>);
        impl pulp::WithSimd for Dot {
            type Output = f32;

            fn with_simd<S: Simd>(self, simd: S) -> f32 {
                dot(simd, &self.0, &self.1)
            }
        }
        let ones: Vec<f32> = (0..85).map(|_| 1.0).collect();
        let counting: Vec<f32> = (0..85u8).map(f32::from).collect();
        assert_eq!(dot_alone(&ones, &counting), 3570.0);
        assert_eq!(pulp::Arch::new().dispatch(Dot(ones, counting)), 3570.0);
    }

    #[test]
    fn both_spreads_compute_the_same_rows() {
        let mut alone = vec![0.0; 3 * 1000];
        let mut pool = alone.clone();
        let work = |(): &mut (), row: usize, out: &mut [f32]| out.fill(float(row));
        Spread::Alone.each(Rows { floats: &mut alone, width: 3 }, || (), work);
        Spread::Pool.each(Rows { floats: &mut pool, width: 3 }, || (), work);
        assert_eq!(alone, pool);
        assert_eq!(alone.last(), Some(&999.0));
    }

    #[test]
    fn rotation_by_a_quarter_turn_moves_left_to_right_and_leaves_the_rest() {
        let mut row = [1.0, 0.0, 5.0, 6.0];
        rotate(&mut row, 4, &[(1.0, 0.0)]);
        assert_eq!(row, [0.0, 1.0, 5.0, 6.0]);
    }
}

//! Matrices of eight-bit weights, whatever type the file has, multiplied by plain floats.
//!
//! candle's own product quantises the inputs too, which moves the logits of so small a model by up to 2: enough to turn a right answer
//! into a wrong one. It also runs on a pool that spins, and its Q4_1 has no wide instructions. Here a block of 32 weights is a step and
//! a base, so that four- and five-bit types lose nothing at all.

use pulp::{Arch, Simd, WithSimd};

use super::LocalError;
use super::gguf::Gguf;
use super::kernel::{self, Rows, Spread};

/// Weights in a block, as in every type of GGUF: a row is a whole number of them.
const BLOCK: usize = 32;

/// `rows` x `columns` weights.
pub(super) struct Matrix {
    blocks: Vec<Block>,
    rows: usize,
    columns: usize,
}

/// A weight is `base + step * quant`.
#[derive(Debug, Clone, Copy)]
struct Block {
    step: f32,
    base: f32,
    quants: [u8; BLOCK],
}

// === impl Matrix ===

impl Matrix {
    pub(super) fn load(gguf: &mut Gguf, name: &str, [rows, columns]: [usize; 2]) -> Result<Matrix, LocalError> {
        if !columns.is_multiple_of(BLOCK) {
            return Err(gguf.unsupported(format!("rows of tensor `{name}` have {columns} weights, not a multiple of {BLOCK}")));
        }
        Ok(Matrix::of(&gguf.tensor(name, &[rows, columns])?, columns))
    }

    fn of(floats: &[f32], columns: usize) -> Matrix {
        let blocks = floats.as_chunks().0.iter().map(Block::fit).collect();
        Matrix { blocks, rows: floats.len() / columns, columns }
    }

    /// Row `row` as floats: the embedding of a token.
    pub(super) fn row(&self, row: u32) -> Option<Vec<f32>> {
        let blocks = self.row_blocks(usize::try_from(row).ok()?);
        if blocks.is_empty() { None } else { Some(blocks.iter().flat_map(Block::floats).collect()) }
    }

    /// Multiplies each row of `columns` floats: inputs x `columns` to inputs x `rows`.
    pub(super) fn multiply(&self, inputs: &[f32], spread: Spread) -> Vec<f32> {
        let count = inputs.len() / self.columns;
        let mut by_row = vec![0.0; count * self.rows];
        let arch = Arch::new();
        let scratch = || vec![0.0; self.columns];
        spread.each(Rows { floats: &mut by_row, width: count }, scratch, |weights, row, out| {
            arch.dispatch(Dots { blocks: self.row_blocks(row), weights, inputs, out });
        });
        transpose(by_row, count)
    }

    fn row_blocks(&self, row: usize) -> &[Block] {
        let width = self.columns / BLOCK;
        let start = row.saturating_mul(width);
        self.blocks.get(start..start.saturating_add(width)).unwrap_or_default()
    }
}

/// One row of weights times every input.
struct Dots<'a> {
    blocks: &'a [Block],
    /// Room for the row as floats, so that it is unpacked once for all inputs.
    weights: &'a mut [f32],
    inputs: &'a [f32],
    out: &'a mut [f32],
}

// === impl Dots ===

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (block, weights) in self.blocks.iter().zip(self.weights.as_chunks_mut().0) {
            *weights = block.floats();
        }
        for (out, input) in self.out.iter_mut().zip(self.inputs.chunks_exact(self.weights.len())) {
            *out = kernel::dot(simd, self.weights, input);
        }
    }
}

// === impl Block ===

impl Block {
    /// The better of two grids: from the least to the greatest weight, which is exact for types with a minimum, and symmetric, which is
    /// exact for Q8_0.
    fn fit(floats: &[f32; BLOCK]) -> Block {
        let least = floats.iter().copied().fold(f32::INFINITY, f32::min);
        let greatest = floats.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let widest = greatest.abs().max(least.abs());
        let spanning = Block::on(floats, least, (greatest - least) / 255.0);
        let symmetric = Block::on(floats, -widest, widest / 127.0);
        if spanning.error(floats) <= symmetric.error(floats) { spanning } else { symmetric }
    }

    fn on(floats: &[f32; BLOCK], base: f32, step: f32) -> Block {
        let scale = if step > 0.0 { step.recip() } else { 0.0 };
        Block { step, base, quants: floats.map(|float| nearest((float - base) * scale)) }
    }

    #[inline(always)]
    fn floats(&self) -> [f32; BLOCK] {
        self.quants.map(|quant| self.base + self.step * f32::from(quant))
    }

    fn error(&self, floats: &[f32; BLOCK]) -> f32 {
        self.floats().iter().zip(floats).map(|(left, right)| (left - right) * (left - right)).sum()
    }
}

#[expect(clippy::as_conversions, reason = "the one conversion from float to integer; it saturates, and the rounded value is from 0 to 255")]
fn nearest(float: f32) -> u8 {
    (float + 0.5) as u8
}

/// From one row per output to one row per input.
fn transpose(by_row: Vec<f32>, inputs: usize) -> Vec<f32> {
    if inputs == 1 {
        return by_row;
    }
    (0..inputs).flat_map(|input| by_row.iter().skip(input).step_by(inputs).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{dot_alone, float};
    use super::*;

    fn wave(count: usize, step: f32) -> Vec<f32> {
        (0..count).map(|index| (float(index) * step).sin()).collect()
    }

    #[test]
    fn multiply_agrees_with_floats_for_one_and_for_many_inputs() {
        let (weights, inputs) = (wave(3 * 64, 0.7), wave(2 * 64, 0.3));
        let matrix = Matrix::of(&weights, 64);
        let both = matrix.multiply(&inputs, Spread::Alone);
        let exact: Vec<f32> = inputs.chunks(64).flat_map(|input| weights.chunks(64).map(move |row| dot_alone(row, input))).collect();
        assert_eq!(both.len(), 6);
        assert!(both.iter().zip(&exact).all(|(got, want)| (got - want).abs() < 0.05), "{both:?} {exact:?}");
        assert_eq!(matrix.multiply(&inputs[64..], Spread::Pool), both[3..]);
        assert_eq!(matrix.row(3), None);
    }

    #[test]
    fn four_bits_with_a_minimum_and_eight_symmetric_bits_are_kept() {
        let check = |floats: [f32; BLOCK]| {
            let kept = Block::fit(&floats).floats();
            assert!(kept.iter().zip(&floats).all(|(got, want)| (got - want).abs() < 1e-6), "{floats:?} {kept:?}");
        };
        check(std::array::from_fn(|index| 0.03 + 0.01 * float(index % 16)));
        check(std::array::from_fn(|index| 0.002 * (float(index * 8) - 127.0)));
        check([0.0; BLOCK]);
        check([-0.5; BLOCK]);
    }
}

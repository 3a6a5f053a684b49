//! Draws the next token from logits: the likeliest, or by temperature and top-p from a seed.
//!
//! Randomness comes from the seed alone, so that the same seed gives the same answer.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::limits;
use super::{ChatRequest, LocalError};

/// Both as the authors of SmolLM2 advise.
const TEMPERATURE_DEFAULT: f64 = 0.2;
const TOP_P_DEFAULT: f64 = 0.9;

pub(super) struct Sampling {
    temperature: f64,
    top_p: f64,
    random: ChaCha8Rng,
}

// === impl Sampling ===

impl Sampling {
    /// Checks all of a request that is not its messages.
    pub(super) fn of(request: &ChatRequest) -> Result<Sampling, LocalError> {
        let temperature = request.temperature.unwrap_or(TEMPERATURE_DEFAULT);
        if !(0.0..=2.0).contains(&temperature) {
            return Err(LocalError::field("temperature", "must lie between 0 and 2"));
        }
        let top_p = request.top_p.unwrap_or(TOP_P_DEFAULT);
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(LocalError::field("top_p", "must be above 0 and at most 1"));
        }
        if request.stop.len() > limits::STOP_TEXTS_MAX {
            return Err(LocalError::field("stop", format!("holds more than {} texts", limits::STOP_TEXTS_MAX)));
        }
        if request.stop.iter().any(|stop| stop.is_empty() || stop.len() > limits::STOP_TEXT_BYTES_MAX) {
            return Err(LocalError::field("stop", format!("holds a text that is empty or over {} bytes", limits::STOP_TEXT_BYTES_MAX)));
        }
        let seed = match request.seed {
            Some(seed) => seed,
            None => getrandom::u64().map_err(|error| LocalError::Failed(error.to_string()))?,
        };
        Ok(Sampling { temperature, top_p, random: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// The next token; 0 when there are no logits.
    pub(super) fn next(&mut self, logits: &[f32]) -> u32 {
        let best = (0u32..).zip(logits).max_by(|(_, left), (_, right)| left.total_cmp(right));
        let Some((best, top)) = best else { return 0 };
        if self.temperature == 0.0 {
            return best;
        }
        let weight = |logit: &f32| (f64::from(logit - top) / self.temperature).exp();
        let mut tokens: Vec<(u32, f64)> = (0u32..).zip(logits.iter().map(weight)).collect();
        let total: f64 = tokens.iter().map(|(_, weight)| weight).sum();
        let kept = keep_top(&mut tokens, total, self.top_p);
        let mut left = f64::from(self.random.next_u32()) / (f64::from(u32::MAX) + 1.0) * kept;
        for (token, weight) in tokens {
            left -= weight;
            if left < 0.0 {
                return token;
            }
        }
        best
    }
}

/// Keeps the fewest likeliest tokens that hold `top_p` of the total weight, and gives their weight.
fn keep_top(tokens: &mut Vec<(u32, f64)>, total: f64, top_p: f64) -> f64 {
    if top_p >= 1.0 {
        return total;
    }
    // All tokens below this together hold less than 1 - top_p, so none of them is needed; it spares sorting the whole vocabulary.
    let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    let least = total * (1.0 - top_p) / f64::from(count);
    tokens.retain(|(_, weight)| *weight >= least);
    tokens.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let mut kept = 0.0;
    let mut count = 0;
    for (_, weight) in tokens.iter() {
        kept += weight;
        count += 1;
        if kept >= total * top_p {
            break;
        }
    }
    tokens.truncate(count);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f64, top_p: f64, seed: u64) -> Sampling {
        let request = ChatRequest { temperature: Some(temperature), top_p: Some(top_p), seed: Some(seed), ..ChatRequest::default() };
        Sampling::of(&request).unwrap()
    }

    #[test]
    fn temperature_zero_takes_the_likeliest() {
        assert_eq!(sampling(0.0, 1.0, 1).next(&[0.1, 3.0, -2.0]), 1);
    }

    #[test]
    fn a_seed_repeats_itself_and_draws_in_proportion() {
        let logits = [1.0f32.ln(), 3.0f32.ln()];
        let draw = |seed| {
            let mut sampling = sampling(1.0, 1.0, seed);
            (0..4000).map(|_| sampling.next(&logits)).collect::<Vec<u32>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let ones: u32 = draw(7).iter().sum();
        assert!((2850..3150).contains(&ones), "{ones}");
    }

    #[test]
    fn top_p_never_draws_from_the_tail() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.15f32.ln(), 0.05f32.ln()];
        let mut sampling = sampling(1.0, 0.75, 3);
        let drawn: std::collections::BTreeSet<u32> = (0..2000).map(|_| sampling.next(&logits)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn values_out_of_range_are_named() {
        let check = |request: ChatRequest, expected: &str| assert_eq!(Sampling::of(&request).err().unwrap().to_string(), expected);
        check(ChatRequest { temperature: Some(f64::NAN), ..ChatRequest::default() }, "`temperature` must lie between 0 and 2");
        check(ChatRequest { top_p: Some(0.0), ..ChatRequest::default() }, "`top_p` must be above 0 and at most 1");
        check(ChatRequest { stop: vec!["x".to_owned(); 5], ..ChatRequest::default() }, "`stop` holds more than 4 texts");
        check(ChatRequest { stop: vec![String::new()], ..ChatRequest::default() }, "`stop` holds a text that is empty or over 256 bytes");
    }
}

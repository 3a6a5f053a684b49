//! The tier of trained models: a conditional random field that an organisation trained on its own annotated texts.
//!
//! A few hundred documents of one's own kind beat a general model. No general model is shipped, because a small one finds too little:
//! trained on 1,600 sentences of English web text (Universal NER), it leaves three names in ten in clear, or, at the default
//! certainty, one in eleven with nearly half of its findings in vain. Larger ones are a file that the organisation brings itself.
//! A model file never holds a word of the texts that it was trained on, only hashes and weights; somebody who guesses a word can
//! still test whether the model knows it, so treat the file like the texts' list of words.

mod chain;
mod echo;
mod feature;
mod file;
mod token;
mod train;

use std::ops::Range;

use crate::{Finding, Kind, Kinds, Names, ScanError, Tier};
pub(crate) use chain::Already;
use chain::{Lattice, Sums, Weights};
use feature::Reading;
pub(crate) use feature::mix;
pub(crate) use token::{Sort, Token, tokens};

pub use file::{ModelError, ModelInfo};
pub use train::{Progress, TrainError, TrainOptions, Training};

/// A model, ready to find names.
pub struct Trained {
    info: ModelInfo,
    kinds: Kinds,
    /// What each label of the model means.
    labels: Vec<Kind>,
    weights: Weights,
    lattice: Lattice,
}

/// Longest sequence of tokens that is looked at as one; longer texts are cut, at line breaks where possible.
const SEQUENCE_TOKENS_MAX: usize = 512;
/// A sequence ends at the first line break after so many tokens.
const SEQUENCE_TOKENS_ENOUGH: usize = 40;

// === impl Trained ===

impl Trained {
    /// Reads a model file. Every label of it must mean a kind in `kinds`.
    ///
    /// # Errors
    /// If it is no model, damaged, made by a version that works otherwise, or speaks of unknown kinds.
    pub fn load(bytes: &[u8], kinds: &Kinds) -> Result<Self, ModelError> {
        let (info, weights) = file::read(bytes)?;
        let find = |(_, kind): &(String, String)| kinds.find(kind).ok_or_else(|| ModelError::unknown_kind(kind));
        let labels = info.labels.iter().map(find).collect::<Result<_, _>>()?;
        let lattice = Lattice::new(&weights, State::may_follow);
        Ok(Self { info, kinds: kinds.clone(), labels, weights, lattice })
    }

    /// What the file says of itself.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The same model with another certainty (see [`TrainOptions::certainty`]), between 0 and 1.
    #[must_use]
    pub fn with_certainty(mut self, certainty: f32) -> Self {
        self.info.certainty = certainty.clamp(0.0, 1.0);
        self
    }

    /// Reads one sequence; `mention` is called for each name in it.
    fn decode(&self, reading: &Reading, range: Range<usize>, found: &mut Vec<Mention>) {
        let states = self.weights.states;
        let mut scores = vec![0.0; range.len().saturating_mul(states)];
        let mut features = Vec::new();
        for (at, row) in range.clone().zip(scores.chunks_exact_mut(states.max(1))) {
            features.clear();
            reading.features(at, &mut features);
            self.weights.score(&features, row);
        }
        let mut sums = Sums::default();
        self.lattice.sums(&scores, &mut sums);
        let mut open: Option<Mention> = None;
        for (at, row) in range.zip(sums.likelihoods(states)) {
            let next = self.read_token(at, &row);
            match (&mut open, next) {
                (Some(mention), Some((next, begins))) if mention.label == next.label && !begins => mention.take_in(&next),
                (_, next) => found.extend(std::mem::replace(&mut open, next.map(|(mention, _)| mention))),
            }
        }
        found.extend(open);
    }

    /// What a token is by its likelihoods, and whether a name rather begins than goes on with it; nothing if the model is certain enough
    /// that it is nothing.
    fn read_token(&self, at: usize, row: &[f32]) -> Option<(Mention, bool)> {
        let (nothing, rest) = row.split_first()?;
        if *nothing >= self.info.certainty {
            return None;
        }
        let pairs = rest.chunks_exact(2).map(|pair| (pair.iter().sum::<f32>(), pair.first() > pair.last()));
        let (label, (_, begins)) = pairs.enumerate().max_by(|left, right| left.1.0.total_cmp(&right.1.0))?;
        Some((Mention { label, tokens: at..at.saturating_add(1), likelihood: 1.0 - nothing }, begins))
    }
}

impl Names for Trained {
    fn tier(&self) -> Tier {
        Tier::Trained
    }

    fn names(&self, text: &str, before: &[Finding]) -> Result<Vec<Finding>, ScanError> {
        let reading = Reading::new(text, before, &self.kinds);
        let mut mentions = Vec::new();
        for range in sequences(&reading.tokens) {
            self.decode(&reading, range, &mut mentions);
        }
        echo::add(text, &reading.tokens, &mut mentions);
        let finding = |mention: &Mention| {
            let tokens = reading.tokens.get(mention.tokens.clone())?;
            let first = tokens.iter().find(|token| token.sort != Sort::Break)?;
            let last = tokens.iter().rfind(|token| token.sort != Sort::Break)?;
            Some(Finding { kind: *self.labels.get(mention.label)?, start: first.start, end: last.end, tier: Tier::Trained })
        };
        Ok(mentions.iter().filter_map(finding).collect())
    }
}

/// A name found: its label, its tokens, and how likely its likeliest token is a name.
struct Mention {
    label: usize,
    tokens: Range<usize>,
    likelihood: f32,
}

// === impl Mention ===

impl Mention {
    fn take_in(&mut self, next: &Self) {
        self.tokens.end = next.tokens.end;
        self.likelihood = self.likelihood.max(next.likelihood);
    }
}

/// What a token can be: nothing, or the beginning or a later part of a name with one of the labels. Numbered 0, 1 and 2 for the first
/// label, 3 and 4 for the next.
struct State;

// === impl State ===

impl State {
    fn begin(label: usize) -> usize {
        label.saturating_mul(2).saturating_add(1)
    }

    fn inside(label: usize) -> usize {
        label.saturating_mul(2).saturating_add(2)
    }

    fn count(labels: usize) -> usize {
        labels.saturating_mul(2).saturating_add(1)
    }

    /// A later part follows only the beginning or a later part of the same.
    fn may_follow(from: usize, to: usize) -> bool {
        let is_inside = to > 0 && to.is_multiple_of(2);
        !is_inside || from == to || from.saturating_add(1) == to
    }
}

/// Cuts tokens into sequences that are looked at one by one.
fn sequences(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        let length = at.saturating_sub(start).saturating_add(1);
        if (length >= SEQUENCE_TOKENS_ENOUGH && token.sort == Sort::Break) || length >= SEQUENCE_TOKENS_MAX {
            ranges.push(start..at.saturating_add(1));
            start = at.saturating_add(1);
        }
    }
    if start < tokens.len() {
        ranges.push(start..tokens.len());
    }
    ranges
}

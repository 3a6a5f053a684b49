//! Trains a model on annotated documents: maximum likelihood by stochastic gradients with a step for each weight (AdaGrad).
//!
//! The same documents, detector and options always give the same bytes on one machine: the order of the sequences comes from a fixed
//! seed, and no hash map's order is ever used.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::ops::Range;

use super::chain::{Already, Cell, Lattice, Sums, Weights};
use super::feature::Reading;
use super::file::{self, LABELS_MAX, ModelInfo};
use super::token::Token;
use super::{State, sequences};
use crate::dataset::{Document, Labels, Span};
use crate::{Detector, ScanError};

/// What is needed for training.
pub struct Training<'a> {
    /// The annotated texts.
    pub documents: &'a [Document],
    /// What their labels mean. Labels that mean no kind are not learned.
    pub labels: &'a Labels,
    /// What it finds, the model gets to see: patterns, and lists of names if it has any.
    pub detector: &'a Detector,
    /// How to train.
    pub options: TrainOptions,
}

/// How to train.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// How often all documents are gone through.
    pub epochs: u16,
    /// A token is left in clear only if the model is so certain (0 to 1) that it is nothing. Higher finds more, and more that is wrong.
    pub certainty: f32,
    /// Languages of the texts, as they are written into the model.
    pub languages: Vec<String>,
}

/// How far training has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps done: documents read, then sequences learned from.
    pub done: usize,
    /// Steps in all, as far as known.
    pub all: usize,
}

/// A feature that occurs less often is not learned.
const OCCURRENCES_MIN: u32 = 2;
/// Length of the steps.
const RATE: f32 = 0.1;
/// How strongly weights are held down.
const DECAY: f32 = 1e-3;
/// Gradients smaller than this are not worth a step.
const GRADIENT_MIN: f32 = 1e-3;

/// Training is not possible.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Nothing to learn.
    #[error("the documents have no annotation whose label means a kind; map labels with `--map LABEL=kind`")]
    NothingToLearn,
    /// More labels than a model can have.
    #[error("the documents have {0} labels, a model has {LABELS_MAX} at most")]
    TooManyLabels(usize),
    /// The detector failed on a document.
    #[error("document `{document}`: {source}")]
    Scan {
        /// The document's name.
        document: String,
        /// What failed.
        source: ScanError,
    },
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self { epochs: 10, certainty: 0.95, languages: Vec::new() }
    }
}

// === impl Training ===

impl Training<'_> {
    /// Trains and gives the bytes of a model file. `progress` hears of every step.
    ///
    /// # Errors
    /// If nothing can be learned, or the detector fails on a document.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<u8>, TrainError> {
        let labels = self.model_labels()?;
        let lessons = self.lessons(&labels, progress)?;
        let mut info = ModelInfo::new(labels, self.documents.len());
        info.languages.clone_from(&self.options.languages);
        info.certainty = self.options.certainty.clamp(0.0, 1.0);
        let mut learner = Learner::new(&lessons, State::count(info.labels.len()), self.options.epochs);
        learner.learn(&lessons, self.documents.len(), progress);
        Ok(file::write(&info, &learner.weights(&lessons)))
    }

    /// The labels that occur and mean a kind, with its name.
    fn model_labels(&self) -> Result<Vec<(String, String)>, TrainError> {
        let spans = self.documents.iter().flat_map(|document| &document.spans);
        let kinds = self.detector.kinds();
        let name = |label: &str| Some(kinds.get(self.labels.kind(label)?)?.name.clone());
        let labels: BTreeSet<_> = spans.filter_map(|span| Some((span.label.clone(), name(&span.label)?))).collect();
        match labels.len() {
            0 => Err(TrainError::NothingToLearn),
            many if many > LABELS_MAX => Err(TrainError::TooManyLabels(many)),
            _ => Ok(labels.into_iter().collect()),
        }
    }

    fn lessons(&self, labels: &[(String, String)], progress: &mut dyn FnMut(Progress)) -> Result<Lessons, TrainError> {
        let steps = self.documents.len().saturating_mul(2);
        let mut counts: HashMap<u64, u32, BuildHasherDefault<Already>> = HashMap::default();
        let mut readings = Vec::with_capacity(self.documents.len());
        let mut features = Vec::new();
        for (done, document) in self.documents.iter().enumerate() {
            let before = self.detector.scan(&document.text);
            let before = before.map_err(|source| TrainError::Scan { document: document.name.clone(), source })?;
            let reading = Reading::new(&document.text, &before, self.detector.kinds());
            for at in 0..reading.tokens.len() {
                features.clear();
                reading.features(at, &mut features);
                for feature in &features {
                    let count = counts.entry(*feature).or_default();
                    *count = count.saturating_add(1);
                }
            }
            readings.push(reading);
            progress(Progress { done, all: steps });
        }
        let mut lessons = Lessons::default();
        counts.retain(|_, count| *count >= OCCURRENCES_MIN);
        let mut frequent: Vec<u64> = counts.into_keys().collect();
        frequent.sort_unstable();
        let rows: HashMap<u64, u32, BuildHasherDefault<Already>> = frequent.iter().copied().zip(0..).collect();
        for (reading, document) in readings.iter().zip(self.documents) {
            lessons.add(reading, &states(&reading.tokens, &document.spans, labels), &rows);
        }
        lessons.features = frequent;
        Ok(lessons)
    }
}

/// The right state of each token. Where spans overlap, the first holds.
fn states(tokens: &[Token], spans: &[Span], labels: &[(String, String)]) -> Vec<u8> {
    let mut states = vec![0_u8; tokens.len()];
    for span in spans {
        let Some(label) = labels.iter().position(|(label, _)| *label == span.label) else { continue };
        for part in &span.parts {
            let mut state = State::begin(label);
            let from = tokens.partition_point(|token| token.end <= part.start);
            let inside = tokens.iter().zip(&mut states).skip(from).take_while(|(token, _)| token.start < part.end);
            for (_, right) in inside.filter(|(_, right)| **right == 0) {
                *right = u8::try_from(state).unwrap_or_default();
                state = State::inside(label);
            }
        }
    }
    states
}

/// What is learned from: for each token its right state and its rows of weights.
#[derive(Default)]
struct Lessons {
    /// The features that have a row, in order of the rows.
    features: Vec<u64>,
    states: Vec<u8>,
    /// Rows of all tokens, one after the other, and where each token's begin; one more at the end.
    rows: Vec<u32>,
    begins: Vec<usize>,
    /// Tokens that are learned from as one.
    sequences: Vec<Range<usize>>,
}

// === impl Lessons ===

impl Lessons {
    fn add(&mut self, reading: &Reading, states: &[u8], rows: &HashMap<u64, u32, BuildHasherDefault<Already>>) {
        let offset = self.states.len();
        let shifted = |range: Range<usize>| range.start.saturating_add(offset)..range.end.saturating_add(offset);
        self.sequences.extend(sequences(&reading.tokens).into_iter().map(shifted));
        self.states.extend_from_slice(states);
        let mut features = Vec::new();
        for at in 0..reading.tokens.len() {
            features.clear();
            reading.features(at, &mut features);
            self.begins.push(self.rows.len());
            self.rows.extend(features.iter().filter_map(|feature| rows.get(feature)));
        }
    }

    fn rows(&self, token: usize) -> &[u32] {
        let start = self.begins.get(token).copied().unwrap_or_default();
        let end = self.begins.get(token.saturating_add(1)).copied().unwrap_or(self.rows.len());
        self.rows.get(start..end).unwrap_or_default()
    }
}

/// A weight while it is learned.
#[derive(Clone, Copy)]
struct Learned {
    state: u8,
    weight: f32,
    /// Sum of the squares of its gradients.
    seen: f32,
}

struct Learner {
    epochs: u16,
    states: usize,
    cells: Vec<Learned>,
    /// Where the cells of each row begin; one more at the end.
    begins: Vec<usize>,
    moves: Vec<Learned>,
}

// === impl Learner ===

impl Learner {
    /// A weight for each pair of feature and state that occurs.
    fn new(lessons: &Lessons, states: usize, epochs: u16) -> Self {
        let mut pairs: Vec<(u32, u8)> = Vec::new();
        let mut sorted = 0;
        for (token, state) in lessons.states.iter().enumerate() {
            pairs.extend(lessons.rows(token).iter().map(|row| (*row, *state)));
            if pairs.len() > 4_000_000_usize.max(sorted * 2) {
                pairs.sort_unstable();
                pairs.dedup();
                sorted = pairs.len();
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut begins = Vec::with_capacity(lessons.features.len().saturating_add(1));
        let mut at = 0_usize;
        for row in (0_u32..).take(lessons.features.len()) {
            begins.push(at);
            at = at.saturating_add(pairs.get(at..).unwrap_or_default().partition_point(|pair| pair.0 <= row));
        }
        begins.push(at);
        let cells = pairs.into_iter().map(|(_, state)| Learned { state, weight: 0.0, seen: 0.0 }).collect();
        let moves =
            (0..states).flat_map(|_| (0..states).map(|to| Learned { state: u8::try_from(to).unwrap_or_default(), weight: 0.0, seen: 0.0 }));
        let moves = moves.collect();
        Self { epochs, states, cells, begins, moves }
    }

    fn learn(&mut self, lessons: &Lessons, documents: usize, progress: &mut dyn FnMut(Progress)) {
        let mut order: Vec<&Range<usize>> = lessons.sequences.iter().collect();
        let mut shuffle = 0x5eed_u64;
        let all = documents.saturating_add(order.len().saturating_mul(self.epochs.into()));
        let mut done = documents;
        for _ in 0..self.epochs {
            mix_up(&mut order, &mut shuffle);
            for range in &order {
                self.learn_sequence(lessons, (*range).clone());
                done = done.saturating_add(1);
                progress(Progress { done, all });
            }
        }
    }

    fn learn_sequence(&mut self, lessons: &Lessons, range: Range<usize>) {
        let states = self.states;
        let mut scores = vec![0.0; range.len().saturating_mul(states)];
        for (token, row) in range.clone().zip(scores.chunks_exact_mut(states)) {
            self.score(lessons.rows(token), row);
        }
        let moves = self.moves.iter().map(|cell| cell.weight).collect();
        let lattice = Lattice::new(&Weights { moves, states, ..Weights::default() }, State::may_follow);
        let mut sums = Sums::default();
        lattice.sums(&scores, &mut sums);
        let mut counts = vec![0.0; self.moves.len()];
        lattice.count_moves(&sums, &mut counts);
        let right = lessons.states.get(range.clone()).unwrap_or_default();
        for (from, to) in right.iter().zip(right.iter().skip(1)) {
            let place = usize::from(*from).saturating_mul(states).saturating_add(usize::from(*to));
            counts.get_mut(place).into_iter().for_each(|count| *count -= 1.0);
        }
        for ((token, mut row), state) in range.zip(sums.likelihoods(states)).zip(right) {
            row.get_mut(usize::from(*state)).into_iter().for_each(|likelihood| *likelihood -= 1.0);
            self.step(lessons.rows(token), &row);
        }
        self.moves.iter_mut().zip(counts).for_each(|(cell, gradient)| cell.step(gradient));
    }

    fn cells(&self, row: u32) -> Range<usize> {
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        let begin = |row: usize| self.begins.get(row).copied().unwrap_or_default();
        begin(row)..begin(row.saturating_add(1))
    }

    fn score(&self, rows: &[u32], scores: &mut [f32]) {
        for cell in rows.iter().filter_map(|row| self.cells.get(self.cells(*row))).flatten() {
            if let Some(score) = scores.get_mut(usize::from(cell.state)) {
                *score += cell.weight;
            }
        }
    }

    fn step(&mut self, rows: &[u32], gradients: &[f32]) {
        if gradients.iter().all(|gradient| gradient.abs() < GRADIENT_MIN) {
            return;
        }
        for row in rows {
            let range = self.cells(*row);
            for cell in self.cells.get_mut(range).into_iter().flatten() {
                let gradient = gradients.get(usize::from(cell.state)).copied().unwrap_or_default();
                cell.step(gradient);
            }
        }
    }

    /// What was learned; weights that are next to nothing are left out.
    fn weights(&self, lessons: &Lessons) -> Weights {
        let mut weights = Weights { states: self.states, ..Weights::default() };
        weights.moves = self.moves.iter().map(|cell| cell.weight).collect();
        for (feature, row) in lessons.features.iter().zip(0_u32..) {
            let start = weights.cells.len();
            let cells = self.cells.get(self.cells(row)).unwrap_or_default();
            weights
                .cells
                .extend(cells.iter().filter(|cell| cell.weight.abs() >= 0.02).map(|cell| Cell { state: cell.state, weight: cell.weight }));
            if weights.cells.len() > start {
                weights.rows.insert(*feature, start..weights.cells.len());
            }
        }
        weights
    }
}

// === impl Learned ===

impl Learned {
    fn step(&mut self, gradient: f32) {
        if gradient.abs() >= GRADIENT_MIN {
            let gradient = gradient + DECAY * self.weight;
            self.seen += gradient * gradient;
            self.weight -= RATE * gradient / (self.seen.sqrt() + 1e-3);
        }
    }
}

/// Shuffles with xorshift, so that the order is always the same.
fn mix_up<T>(items: &mut [T], state: &mut u64) {
    for last in (1..items.len()).rev() {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        let range = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        items.swap(last, usize::try_from(*state % range).unwrap_or_default());
    }
}

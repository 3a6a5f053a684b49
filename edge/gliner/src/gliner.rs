//! The tier itself: opens a model, and asks it about a text, look by look. A text that it cannot read in whole is an error.

use std::ops::Range;
use std::path::Path;

use comity_redact::{Finding, Kind, Kinds, Names, ScanError, Tier};

use crate::encoder::Encoder;
use crate::error::GlinerError;
use crate::limits::{LABELS_MAX, TEXT_WORDS_MAX};
use crate::runtime::Model;
use crate::spans::{Unreadable, decode};
use crate::windows::windows;
use crate::words::Splitter;

/// A GLiNER model that is ready to be asked.
pub struct Gliner {
    splitter: Splitter,
    encoder: Encoder,
    model: Model,
    /// What each label of the prompt is found as.
    kinds: Vec<Kind>,
    threshold: f32,
}

/// What a model needs.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// Its ONNX file.
    pub model: &'a Path,
    /// Its `tokenizer.json`.
    pub tokenizer: &'a Path,
    /// The library of ONNX Runtime; without it `ORT_DYLIB_PATH` names one. The first that a process loads stays.
    pub runtime: Option<&'a Path>,
    /// What to ask for, in the model's own words, and what that is found as.
    pub labels: Vec<(String, Kind)>,
    /// The least probability of a finding. Lower finds more.
    pub threshold: f32,
}

const USUAL: [(&str, &str); 5] = [
    ("person", "person"),
    ("organization", "organisation"),
    ("location", "location"),
    ("address", "address"),
    ("date of birth", "date_of_birth"),
];

// === impl Settings ===

impl Settings<'_> {
    /// The threshold that GLiNER itself uses.
    pub const THRESHOLD: f32 = 0.5;

    /// What a model is asked for unless somebody says otherwise: what no pattern finds, in words that GLiNER models are trained with.
    #[must_use]
    pub fn usual_labels(kinds: &Kinds) -> Vec<(String, Kind)> {
        USUAL.iter().filter_map(|(label, kind)| Some(((*label).to_owned(), kinds.find(kind)?))).collect()
    }

    fn check(&self) -> Result<(), GlinerError> {
        if !(self.threshold > 0.0 && self.threshold < 1.0) {
            return Err(GlinerError::Threshold);
        }
        let named = self.labels.iter().all(|(label, _)| !label.trim().is_empty());
        if self.labels.is_empty() || self.labels.len() > LABELS_MAX || !named {
            return Err(GlinerError::Labels);
        }
        Ok(())
    }
}

// === impl Gliner ===

impl Gliner {
    /// Opens a model and tries it once, so that a wrong one is found now.
    ///
    /// # Errors
    /// If model, tokenizer and runtime do not work together. [`GlinerError::hint`] says what to do.
    pub fn open(settings: Settings<'_>) -> Result<Self, GlinerError> {
        settings.check()?;
        let encoder = Encoder::open(settings.tokenizer, settings.labels.iter().map(|(label, _)| label.as_str()))?;
        let model = Model::open(settings.model, settings.runtime)?;
        let kinds = settings.labels.iter().map(|(_, kind)| *kind).collect();
        let gliner = Self { splitter: Splitter::new()?, encoder, model, kinds, threshold: settings.threshold };
        let wrong = |reason| GlinerError::NotSpanMode { path: settings.model.to_owned(), reason };
        gliner.find("Two words").map_err(wrong)?;
        Ok(gliner)
    }

    /// Everything that the model finds, or why nobody knows, without anything of the text.
    fn find(&self, text: &str) -> Result<Vec<Finding>, String> {
        let too_long = || "the text is longer than the model can be asked about in a sensible time".to_owned();
        let words = self.splitter.split(text, TEXT_WORDS_MAX).ok_or_else(too_long)?;
        let encoded = self.encoder.encode(words.iter().map(|word| text.get(word.clone()).unwrap_or_default()).collect());
        let encoded = encoded.ok_or("the tokenizer failed")?;
        let mut found = Vec::new();
        for window in windows(&encoded.lengths()).ok_or_else(too_long)? {
            let look = self.encoder.look(encoded.words(window.clone()));
            let scores = self.model.run(look, self.kinds.len())?;
            let words = words.get(window).unwrap_or_default();
            self.read(&scores, words, &mut found)?;
        }
        Ok(found)
    }

    /// Adds what the scores of a look at `words` say.
    fn read(&self, scores: &[f32], words: &[Range<usize>], found: &mut Vec<Finding>) -> Result<(), String> {
        let spans = decode(scores, (words.len(), self.kinds.len()), self.threshold).map_err(|unreadable| match unreadable {
            Unreadable::Shape => "the model's scores have another shape than its spans",
            Unreadable::NotANumber => "a score of the model is not a number",
        })?;
        for span in spans {
            let place = words.get(span.first).zip(words.get(span.last)).zip(self.kinds.get(span.label));
            let ((first, last), kind) = place.ok_or("a span of the model is outside the text")?;
            found.push(Finding { kind: *kind, start: first.start, end: last.end, tier: Tier::Gliner });
        }
        Ok(())
    }
}

impl Names for Gliner {
    fn tier(&self) -> Tier {
        Tier::Gliner
    }

    fn names(&self, text: &str, _before: &[Finding]) -> Result<Vec<Finding>, ScanError> {
        self.find(text).map_err(|reason| ScanError { tier: Tier::Gliner, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_labels_are_of_shipped_kinds() {
        assert_eq!(Settings::usual_labels(&Kinds::shipped()).len(), USUAL.len());
    }
}

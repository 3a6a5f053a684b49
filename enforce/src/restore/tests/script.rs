//! What a model says in a test, and in which pieces: texts made of words, pseudonyms in every spelling, and beginnings of them.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::name;

/// One text of an answer.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) kind: Kind,
    /// As the model says it; JSON for [`Kind::Function`].
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thought,
    Refusal,
    Function,
    Custom,
}

/// Chance for what does not matter to a client: cuts, order, spelling of JSON, line ends.
pub(super) struct Dice(fastrand::Rng);

// === impl Dice ===

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// The text in pieces, cut between any two characters; sometimes an empty one is among them.
    pub(super) fn pieces(&mut self, text: &str) -> Vec<String> {
        let often = [3, 12, 40][self.below(3)];
        let mut pieces = vec![String::new()];
        for letter in text.chars() {
            while self.once_in(often) {
                pieces.push(String::new());
            }
            pieces.last_mut().unwrap().push(letter);
        }
        pieces
    }
}

/// A text with everything that is hard about texts.
fn text() -> impl Strategy<Value = String> {
    let words = ["Hello ", "P", "PI", "pii_", "PII_EML_", "😀", "\"", "\\", "\n", "\\_", "_", " ", "é", "0", "\u{1}", "} "];
    let word = (0..words.len()).prop_map(move |word| words[word].to_owned());
    let pseudonym = (0..3_usize, 0..5_u8, 1..24_usize).prop_map(|(value, spelling, length)| match spelling {
        0 => name(value).to_lowercase(),
        1 => name(value).replace('_', "\\_"),
        2 => name(value).chars().take(length).collect(),
        _ => name(value),
    });
    prop::collection::vec(prop_oneof![word, pseudonym], 0..5).prop_map(|words| words.concat())
}

pub(super) fn part(kinds: &'static [Kind]) -> impl Strategy<Value = Part> {
    (0..kinds.len(), prop::collection::vec((text(), text()), 1..3)).prop_map(|(kind, texts)| {
        let (kind, text) = (kinds[kind], texts[0].0.clone());
        let object = || Value::Object(texts.into_iter().map(|(key, value)| (key, Value::from(value))).collect::<Map<_, _>>());
        Part { kind, text: if kind == Kind::Function { object().to_string() } else { text } }
    })
}

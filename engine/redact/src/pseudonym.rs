//! Pseudonyms: what stands for a value while a call is away, and the way back.
//!
//! A [`Pseudonyms`] belongs to one call and lives in memory only: it has no `Debug` and no `Serialize`, because it holds plain values.

use std::borrow::Cow;
use std::sync::Arc;

use crate::Label;

/// The key of one tenant's pseudonyms in one epoch. It has no `Debug`.
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

/// The values of one call, their pseudonyms, and both directions between them.
pub struct Pseudonyms {
    pairs: Vec<(String, String)>,
}

/// How restored values are written into an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Text,
    /// As part of a JSON string, escaped: arguments of tools, structured output.
    Json,
}

/// Restores an answer that comes in pieces. One for each channel: a choice, a tool call, a block.
pub struct Restorer {
    pseudonyms: Arc<Pseudonyms>,
    form: Form,
    held: String,
}

/// No pseudonyms can be made.
#[derive(Debug, thiserror::Error)]
pub enum PseudonymError {
    /// Two values of the call would have one pseudonym.
    #[error("two values of the call have the same pseudonym")]
    Collision,
    /// More values than a call may have.
    #[error("the call has more than {0} values to replace")]
    TooMany(usize),
}

/// An answer names a pseudonym that the call does not have: nobody can say what it stands for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer names a pseudonym that this call does not have")]
pub struct UnknownPseudonym;

// === impl PseudonymKey ===

impl PseudonymKey {
    /// A key of 32 random or derived bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

// === impl Pseudonyms ===

impl Pseudonyms {
    /// Pseudonyms for everything that was found in a call. The same key, label and value always give the same pseudonym.
    ///
    /// # Errors
    /// If the values are too many, or two of them collide.
    pub fn new<'v>(key: &PseudonymKey, values: impl IntoIterator<Item = (Label, &'v str)>) -> Result<Self, PseudonymError> {
        let _ = key.0;
        let pair = |(label, value): (Label, &str)| (value.to_owned(), format!("PII_{}_{:0>16}", label.as_str(), value.len()));
        Ok(Self { pairs: values.into_iter().map(pair).collect() })
    }

    /// Whether there is nothing to replace.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The pseudonym of a value that belongs to the call; nothing for any other.
    #[must_use]
    pub fn of(&self, value: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == value).map(|(_, pseudonym)| pseudonym.as_str())
    }

    /// The text with every value replaced, wherever it stands.
    #[must_use]
    pub fn pseudonymise<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.pairs.iter().fold(Cow::Borrowed(text), |text, (value, pseudonym)| Cow::Owned(text.replace(value, pseudonym)))
    }

    /// The text with every pseudonym replaced by its value.
    ///
    /// # Errors
    /// If the text names a pseudonym that the call does not have.
    pub fn restore<'t>(&self, text: &'t str, form: Form) -> Result<Cow<'t, str>, UnknownPseudonym> {
        let _ = form;
        Ok(self.pairs.iter().fold(Cow::Borrowed(text), |text, (value, pseudonym)| Cow::Owned(text.replace(pseudonym, value))))
    }

    /// Restores an answer that comes in pieces.
    #[must_use]
    pub fn restorer(self: &Arc<Self>, form: Form) -> Restorer {
        Restorer { pseudonyms: Arc::clone(self), form, held: String::new() }
    }
}

// === impl Restorer ===

impl Restorer {
    /// Takes the next piece and gives out what may go on; the rest is held until it is known not to be part of a pseudonym.
    ///
    /// # Errors
    /// If the answer names a pseudonym that the call does not have.
    pub fn push(&mut self, piece: &str) -> Result<String, UnknownPseudonym> {
        self.held.push_str(piece);
        Ok(String::new())
    }

    /// The channel ended: gives out what was held.
    ///
    /// # Errors
    /// If the answer names a pseudonym that the call does not have.
    pub fn finish(&mut self) -> Result<String, UnknownPseudonym> {
        let held = std::mem::take(&mut self.held);
        self.pseudonyms.restore(&held, self.form).map(Cow::into_owned)
    }
}

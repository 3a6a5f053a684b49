//! Annotated texts, as others publish them, in one form: for measuring detectors and for training them.
//!
//! The readers take texts and give texts; they open nothing. A document holds personal data in clear, so it has neither `Debug` nor
//! `Serialize`, and no error here says anything of a text but a place in it.

mod brat;
mod iob2;
mod labels;
mod presidio;

use std::ops::Range;

pub use brat::read_brat;
pub use iob2::read_iob2;
pub use labels::{Labels, LabelsError};
pub use presidio::read_presidio;

/// A text with its annotations.
#[derive(Clone)]
pub struct Document {
    /// What it is called, for messages.
    pub name: String,
    /// Its language as in BCP 47, or empty where nobody said.
    pub language: String,
    /// The text.
    pub text: String,
    /// What is marked in it, sorted by place.
    pub spans: Vec<Span>,
}

/// One entity: its label in the words of the data set, and where it stands, as byte offsets. Most have one part.
#[derive(Clone)]
pub struct Span {
    /// The label as the data set says it.
    pub label: String,
    /// Its parts in order, none of them empty.
    pub parts: Vec<Range<usize>>,
}

/// A data set that cannot be read. It never says anything of the text.
#[derive(Debug, thiserror::Error)]
#[error("{document}: {place}: {reason}")]
pub struct DatasetError {
    /// The document's name.
    pub document: String,
    /// Where in it: `line 3`, `sentence 7`.
    pub place: String,
    /// What is wrong there.
    pub reason: &'static str,
    /// What to look for, where that can be said.
    pub hint: Option<&'static str>,
}

// === impl Document ===

impl Document {
    /// Checks the spans and sorts them.
    fn checked(name: &str, text: String, mut spans: Vec<Span>) -> Result<Self, DatasetError> {
        let fits = |part: &Range<usize>| text.get(part.clone()).is_some_and(|value| !value.is_empty());
        if let Some(index) = spans.iter().position(|span| span.parts.is_empty() || !span.parts.iter().all(fits)) {
            let place = format!("span {}", index.saturating_add(1));
            return Err(DatasetError { document: name.to_owned(), place, reason: "it is empty or ends beyond the text", hint: None });
        }
        spans.iter_mut().for_each(|span| span.parts.sort_by_key(|part| part.start));
        spans.sort_by_key(|span| span.parts.first().map(|part| (part.start, part.end)));
        Ok(Self { name: name.to_owned(), language: String::new(), text, spans })
    }
}

/// Byte offsets of characters, for data sets that count characters.
struct Characters(Vec<usize>);

impl Characters {
    fn of(text: &str) -> Self {
        Self(text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect())
    }

    /// The bytes of characters `start..end`; nothing beyond the text.
    fn bytes(&self, start: usize, end: usize) -> Option<Range<usize>> {
        Some(*self.0.get(start)?..*self.0.get(end)?).filter(|range| range.start < range.end)
    }
}

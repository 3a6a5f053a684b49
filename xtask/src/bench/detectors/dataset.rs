//! The annotated texts that both sides are measured on. They are read once, by the detectors' own readers (`comity.rs`), and given to both,
//! so that nobody reads another text than the other. Offsets are in characters, as Presidio counts them. Changes no text.

use std::ops::Range;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::labels::SetSpec;

/// One data set.
pub(super) struct Set {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) texts: Vec<Text>,
}

#[derive(Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) gold: Vec<Gold>,
}

/// A text as the detectors' readers say it, with offsets in bytes.
#[derive(Deserialize)]
pub(super) struct Document {
    text: String,
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    label: String,
    parts: Vec<Range<usize>>,
}

/// What people say stands there. Offsets in characters; `start < end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gold {
    pub(super) label: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

// === impl Set ===

impl Set {
    /// Takes the documents of a set, and holds that each label stands in a row.
    pub(super) fn new(spec: &SetSpec, documents: Vec<Document>) -> anyhow::Result<Set> {
        let texts = documents.into_iter().map(Text::new).collect::<anyhow::Result<Vec<_>>>();
        let texts = texts.with_context(|| format!("in `{}`", spec.name))?;
        for gold in texts.iter().flat_map(|text| &text.gold) {
            ensure!(spec.row_of(&gold.label).is_some(), "label `{}` of `{}` stands in no row of labels.toml", gold.label, spec.name);
        }
        ensure!(!texts.is_empty(), "`{}` holds no text", spec.path);
        Ok(Set { name: spec.name.clone(), language: spec.language.clone(), texts })
    }

    pub(super) fn plain_texts(&self) -> Vec<&str> {
        self.texts.iter().map(|text| text.text.as_str()).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        self.texts.iter().map(|text| text.text.len()).sum()
    }

    pub(super) fn characters(&self) -> usize {
        self.texts.iter().map(|text| text.text.chars().count()).sum()
    }
}

// === impl Text ===

impl Text {
    /// The scorer takes an entity for one run of characters, as all entities of the sets in labels.toml are.
    fn new(document: Document) -> anyhow::Result<Text> {
        let mut text = Text { text: document.text, gold: Vec::new() };
        for Span { label, parts } in document.spans {
            let [Range { start, end }] = parts.as_slice() else { bail!("a span labelled `{label}` has {} parts", parts.len()) };
            let (start, end) = (text.in_characters(*start), text.in_characters(*end));
            text.gold.push(Gold { label, start, end });
        }
        Ok(text)
    }

    /// An offset in bytes as one in characters.
    pub(super) fn in_characters(&self, at: usize) -> usize {
        self.text.get(..at).map_or(usize::MAX, |before| before.chars().count())
    }

    /// The words that a span covers.
    pub(super) fn value(&self, gold: &Gold) -> String {
        self.text.chars().skip(gold.start).take(gold.end.saturating_sub(gold.start)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> anyhow::Result<Text> {
        Text::new(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn offsets_become_characters() {
        let text = read(r#"{"text": "Zoë met Ann", "spans": [{"label": "PER", "parts": [{"start": 9, "end": 12}]}]}"#).unwrap();
        assert_eq!(text.gold, [Gold { label: "PER".to_owned(), start: 8, end: 11 }]);
        assert_eq!(text.value(&text.gold[0]), "Ann");
    }

    #[test]
    fn a_span_in_parts_is_refused() {
        let parts = r#"{"text": "Ann B. Lee", "spans": [{"label": "PER", "parts": [{"start": 0, "end": 3}, {"start": 7, "end": 10}]}]}"#;
        assert!(read(parts).err().unwrap().to_string().contains("`PER` has 2 parts"));
    }
}

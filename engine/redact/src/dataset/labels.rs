//! What the labels of data sets are called here. The table is `labels.toml`; a caller may add to it and override it.
//!
//! A label that means none of our kinds is named to whoever asks, never dropped without a word.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Document;
use crate::{Kind, Kinds};

const TABLE: &str = include_str!("labels.toml");

/// Kinds by label.
#[derive(Clone, Debug)]
pub struct Labels {
    kinds: Kinds,
    names: BTreeMap<String, String>,
}

/// A table of labels that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// The table of this crate is not in its form.
    #[error("the table of labels: {0}")]
    Table(#[from] toml::de::Error),
    /// A mapping names a kind that there is not.
    #[error("`{label}` is mapped to unknown kind `{kind}`; `comity detect kinds` lists all kinds")]
    UnknownKind {
        /// The label.
        label: String,
        /// What it was to be.
        kind: String,
    },
}

#[derive(Deserialize)]
struct Family {
    labels: BTreeMap<String, String>,
}

// === impl Labels ===

impl Labels {
    /// The labels of known data sets, with the kinds of `kinds`.
    ///
    /// # Errors
    /// If the table of this crate is not in its form.
    pub fn known(kinds: &Kinds) -> Result<Self, LabelsError> {
        let families: BTreeMap<String, Family> = toml::from_str(TABLE)?;
        Ok(Self { kinds: kinds.clone(), names: families.into_values().flat_map(|family| family.labels).collect() })
    }

    /// Says what a label means, over what the table says.
    ///
    /// # Errors
    /// If there is no such kind.
    pub fn map(&mut self, label: &str, kind: &str) -> Result<(), LabelsError> {
        if self.kinds.find(kind).is_none() {
            return Err(LabelsError::UnknownKind { label: label.to_owned(), kind: kind.to_owned() });
        }
        self.names.insert(label.to_owned(), kind.to_owned());
        Ok(())
    }

    /// The kind that `label` means: as mapped, or because a kind has that very name; nothing where there is none.
    #[must_use]
    pub fn kind(&self, label: &str) -> Option<Kind> {
        self.kinds.find(self.names.get(label).map_or(label, String::as_str))
    }

    /// The labels in `documents` that mean no kind.
    #[must_use]
    pub fn unknown(&self, documents: &[Document]) -> BTreeSet<String> {
        let labels = documents.iter().flat_map(|document| &document.spans).map(|span| &span.label);
        labels.filter(|label| self.kind(label).is_none()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_labels_own_names_and_overrides() {
        let mut labels = Labels::known(&Kinds::built_in()).unwrap();
        assert_eq!(labels.kind("NOMBRE_SUJETO_ASISTENCIA"), Some(Kind::PERSON));
        assert_eq!((labels.kind("email"), labels.kind("MISC")), (Some(Kind::EMAIL), None));
        labels.map("MISC", "organisation").unwrap();
        assert_eq!(labels.kind("MISC"), Some(Kind::ORGANISATION));
        assert_eq!(
            labels.map("MISC", "thing").unwrap_err().to_string(),
            "`MISC` is mapped to unknown kind `thing`; `comity detect kinds` lists all kinds"
        );
    }
}

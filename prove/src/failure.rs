//! Why an answer cannot be had. Nothing in here is ever shown as a proof.

/// What a search or a solver could not do; in words that end a sentence "unknown: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GaveUp(String);

impl GaveUp {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

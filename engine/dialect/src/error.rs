//! Two errors: the caller asked for something that the other dialect cannot say; an upstream's answer is not in its dialect.

/// A field that cannot be said in the upstream's dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {why}")]
pub struct CannotHonour {
    field: String,
    why: String,
    /// The field is not merely impossible elsewhere, it is wrong in the caller's own dialect.
    invalid: bool,
}

/// An answer that is not in its upstream's dialect. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAnswer(pub &'static str);

/// An error that an upstream answered with, read from its dialect so that it can be said in the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamProblem {
    /// Its kind in the upstream's words (`overloaded_error`, `RESOURCE_EXHAUSTED`); may be empty.
    pub kind: String,
    /// Its message: for the caller only, it may repeat the call.
    pub message: String,
}

impl CannotHonour {
    /// `why` completes a sentence that begins with the field: "cannot be said to a Gemini upstream: leave it out".
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into(), invalid: false }
    }

    /// The field is not what its own dialect allows: "is not a list".
    pub fn invalid(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { field: field.into(), why: why.into(), invalid: true }
    }

    /// The field, as a path in the caller's dialect.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Whether the call is wrong in its own dialect (400), not only impossible in the other (422).
    #[must_use]
    pub const fn is_invalid(&self) -> bool {
        self.invalid
    }
}

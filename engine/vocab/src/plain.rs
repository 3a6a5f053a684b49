//! A wrapper for secret and personal values.

/// A value in clear. It has no `Debug`, no `Display` and no `Serialize`, so it cannot slip into a log line, metric, error or ledger file.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain<T>(T);

impl<T> Plain<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value; every use of this is a place to look at in a review.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

//! What the ledger must survive: power cuts, kills, disks that fail or are full, clocks that jump.
//!
//! The binary `crash` puts its own file functions in front of the C library's, so everything that SQLite and the store do to their files is
//! recorded here, and can be failed, torn and forgotten. Nothing in here is ever linked into what is shipped.

pub mod check;
pub mod clock;
pub mod disk;
pub mod faults;
pub mod journal;
pub mod kill;
pub mod ledger;
pub mod model;
pub mod planted;
pub mod sabotage;
pub mod workload;

/// Why a run ended badly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrashError {
    /// The store broke a promise.
    #[error("{0}")]
    Broken(String),
    /// The harness itself could not do its work.
    #[error("the crash harness failed: {0}")]
    Harness(String),
}

// === impl CrashError ===

impl CrashError {
    /// The store broke a promise.
    pub(crate) fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }

    /// The harness could not do its work.
    pub(crate) fn harness(what: impl std::fmt::Display) -> Self {
        Self::Harness(what.to_string())
    }
}

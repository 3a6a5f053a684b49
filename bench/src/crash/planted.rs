//! Bugs put in on purpose, to show that the harness would find them.
//!
//! A harness that has never found anything proves nothing.

use std::path::Path;

use super::CrashError;
use super::model::{Failed, Plan, run};

/// Each of them must be caught within so many seeds.
pub const SEEDS_MAX: u64 = 100;

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// Flushes are forgotten.
    SkipFlush,
    /// A write that was cut short is taken for whole.
    IgnoreShortWrite,
    /// Leaves are acknowledged before their commit.
    AcknowledgeEarly,
    /// Checkpoints are shown to others before their leaves are durable.
    PublishEarly,
    /// After a restart the last index is given again.
    ReuseIndex,
}

// === impl Bug ===

impl Bug {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::SkipFlush, Self::IgnoreShortWrite, Self::AcknowledgeEarly, Self::PublishEarly, Self::ReuseIndex];

    /// Whether the store must be built with its seams for bugs.
    #[must_use]
    pub const fn needs_seam(self) -> bool {
        match self {
            Self::AcknowledgeEarly | Self::ReuseIndex => true,
            Self::SkipFlush | Self::IgnoreShortWrite | Self::PublishEarly => false,
        }
    }
}

/// Plants `bug` and gives the seed that caught it, counted from 1, and how.
///
/// # Errors
/// That none did.
pub fn catch(bug: Bug, folder: &Path) -> Result<(u64, String), CrashError> {
    if bug.needs_seam() && !cfg!(feature = "planted-bugs") {
        return Err(CrashError::harness("this bug lies in the store: build with `--features planted-bugs`"));
    }
    let plan = Plan { first: 0, seeds: SEEDS_MAX, bug: Some(bug), folder: folder.to_owned() };
    match run(&plan, |_| {}) {
        Err(Failed { seed, error: CrashError::Broken(how), .. }) => Ok((seed + 1, how)),
        Err(Failed { error: error @ CrashError::Harness(_), .. }) => Err(error),
        Ok(_) => Err(CrashError::broken(format!("the planted bug {bug:?} was not caught within {SEEDS_MAX} seeds"))),
    }
}

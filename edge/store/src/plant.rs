//! Bugs on purpose, for the crash harness in `bench/`: it must find each of them. Compiled with the feature `planted-bugs` only.
//!
//! Nothing here may ever be reached from a configuration, or be linked into what is shipped.

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::writer::{Decide, Job};

/// A bug in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plant {
    /// None.
    #[default]
    None,
    /// Decisions are answered before their commit.
    AcknowledgeEarly,
    /// After a restart the last index is given again.
    ReuseIndex,
}

// === impl Plant ===

impl Plant {
    /// What the bug does to a store that is being opened.
    pub(crate) fn at_open(self, db: &Connection) -> rusqlite::Result<()> {
        match self {
            Self::None | Self::AcknowledgeEarly => Ok(()),
            Self::ReuseIndex => forget_last_leaf(db),
        }
    }

    /// Whether `job`, of a call with this key, is to be answered now, and written under another name.
    pub(crate) fn twin(self, job: &mut Job) -> Option<(String, Job)> {
        match (self, job) {
            (Self::AcknowledgeEarly, Job::Decide(decide)) => twin(decide),
            (
                Self::None | Self::ReuseIndex | Self::AcknowledgeEarly,
                Job::Decide(_)
                | Job::Outcome { .. }
                | Job::OutcomeLater(..)
                | Job::Event { .. }
                | Job::Keep { .. }
                | Job::PseudonymKey { .. }
                | Job::Remember
                | Job::SizeMax { .. }
                | Job::Apart(_),
            ) => None,
        }
    }
}

/// As if the counter of indices lay apart from the leaves and lagged behind by one.
fn forget_last_leaf(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE;
         DELETE FROM contents WHERE leaf = (SELECT MAX(idx) FROM leaves);
         DELETE FROM records WHERE leaf = (SELECT MAX(idx) FROM leaves);
         DELETE FROM open_calls WHERE decision_leaf = (SELECT MAX(idx) FROM leaves);
         DELETE FROM outcomes WHERE leaf = (SELECT MAX(idx) FROM leaves);
         DELETE FROM decisions WHERE leaf = (SELECT MAX(idx) FROM leaves);
         DELETE FROM leaves WHERE idx = (SELECT MAX(idx) FROM leaves);
         DELETE FROM roots WHERE size > (SELECT COALESCE(MAX(idx) + 1, 0) FROM leaves);
         COMMIT; PRAGMA foreign_keys = ON;",
    )
}

fn twin(decide: &mut Decide) -> Option<(String, Job)> {
    let slot = decide.slot.split(0)?;
    let (ack, answer) = oneshot::channel();
    // Whoever waits was answered already; dropping this one would look as if they had gone.
    std::mem::forget(answer);
    let twin = Job::Decide(Box::new(Decide { draft: decide.draft.clone(), ack, slot }));
    Some((decide.draft.sequence.key.clone(), twin))
}

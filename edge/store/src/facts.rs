//! What a store notes about itself beside its leaves: under which name others know it, and which keys the last leaves about keys told of.
//!
//! Nothing here is secret, and nothing here is proven: leaves and checkpoints are.

use rusqlite::{Connection, OptionalExtension, params};

use crate::writer::{Apart, Job, Writer};
use crate::{Reader, Store, StoreError};

/// Something that a store notes about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The origin in its checkpoints.
    Origin,
    /// The public key that signed them last.
    Signer,
    /// The digest of the API keys that the last leaf about them told of ([`crate::KeyList::digest`]).
    ApiKeys,
}

// === impl Fact ===

impl Fact {
    const fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Signer => "signer",
            Self::ApiKeys => "api_keys",
        }
    }
}

// === impl Store ===

impl Store {
    /// Notes a fact in the place of what was noted before. Blocks for a commit.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be written now.
    pub fn note(&self, fact: Fact, value: Vec<u8>) -> Result<(), StoreError> {
        self.ask(|ack| Job::Apart(Apart::Note { fact, value, ack }))
    }
}

// === impl Reader ===

impl Reader {
    /// What was noted, if it was.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`].
    pub fn noted(&self, fact: Fact) -> Result<Option<Vec<u8>>, StoreError> {
        noted(self.db(), fact).map_err(StoreError::unreadable)
    }
}

// === impl Writer ===

impl Writer {
    pub(crate) fn note(&mut self, fact: Fact, value: &[u8]) -> Result<(), StoreError> {
        self.synced(|db| {
            let sql = "INSERT OR REPLACE INTO facts_about_store (name, value) VALUES (?1, ?2)";
            db.execute(sql, params![fact.name(), value]).map(|_| Ok(()))
        })
    }
}

fn noted(db: &Connection, fact: Fact) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT value FROM facts_about_store WHERE name = ?1")?.query_row([fact.name()], |row| row.get(0)).optional()
}

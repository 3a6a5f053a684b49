//! Every generation of terms, catalogue and schema by its digest, so that old decisions can be explained and replayed years later.
//!
//! A generation is never changed and never deleted.

use comity_vocab::Digest;
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;

/// What a generation is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// Layers of terms.
    Terms,
    /// Files of the catalogue.
    Catalogue,
    /// The Cedar schema.
    Schema,
}

// === impl Generation ===

impl Generation {
    /// The name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Catalogue => "catalogue",
            Self::Schema => "schema",
        }
    }
}

/// Keeps a generation; the same one again is fine. The outer error is the database's.
pub(crate) fn keep(db: &Connection, (kind, digest): (Generation, Digest), bytes: &[u8]) -> rusqlite::Result<Result<(), StoreError>> {
    if let Some(kept) = find(db, kind, digest)? {
        return Ok(if kept == bytes { Ok(()) } else { Err(StoreError::GenerationDiffers(digest)) });
    }
    db.prepare_cached("INSERT INTO generations (kind, digest, bytes) VALUES (?1, ?2, ?3)")?.execute(params![
        kind.name(),
        digest.as_bytes(),
        bytes
    ])?;
    Ok(Ok(()))
}

/// The bytes of a generation, if it was kept.
pub(crate) fn find(db: &Connection, kind: Generation, digest: Digest) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT bytes FROM generations WHERE kind = ?1 AND digest = ?2")?
        .query_row(params![kind.name(), digest.as_bytes()], |row| row.get(0))
        .optional()
}

//! The store as a log that serves tiles and entry bundles (C2SP tlog-tiles), for export and for auditors.
//!
//! It gives what is asked for, also of leaves that no checkpoint covers yet: whoever shows it to others must ask for published tiles only.

use comity_ledger::{BundleAt, Served, StoredAt, TILE_WIDTH, TileAt};

use crate::{Reader, StoreError};

impl Served for Reader {
    fn tile(&self, at: TileAt) -> Result<Vec<u8>, String> {
        let first = StoredAt { level: at.level().saturating_mul(8), number: at.number().saturating_mul(u64::from(TILE_WIDTH)) };
        let hashes = self.hashes(first, at.width()).map_err(|error| error.to_string())?;
        Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }

    fn entries(&self, at: BundleAt) -> Result<Vec<u8>, String> {
        let first = at.number().saturating_mul(u64::from(TILE_WIDTH));
        let minimum = self.minimum().map_err(|error| error.to_string())?;
        if first < minimum {
            return Err(StoreError::Pruned { index: first, minimum }.to_string());
        }
        let entries = self.entries(first, usize::from(at.width())).map_err(|error| error.to_string())?;
        at.encode(entries.iter().map(Vec::as_slice)).map_err(|error| error.to_string())
    }
}

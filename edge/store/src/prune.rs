//! Retention: takes away the first leaves of the log and what is kept beside them. Later proofs and every root stay as they were.
//!
//! Only what a published checkpoint covers and no running call needs is ever taken away, in whole entry bundles (C2SP tlog-tiles, "Pruning"). The
//! tree's hashes stay: they are small, and hold nothing.

use comity_ledger::Leaf;
use rusqlite::{Connection, params};

use crate::StoreError;
use crate::checkpoint::last_published;
use crate::limits::PRUNE_BATCH_MAX;
use crate::writer::Writer;

/// Leaves in one entry bundle.
const BUNDLE: u64 = 256;

// === impl Writer ===

impl Writer {
    /// Prunes leaves before `minimum`, rounded down to whole bundles; at most one batch of them. Gives the first leaf that is left.
    pub(crate) fn prune(&mut self, minimum: u64) -> Result<u64, StoreError> {
        self.refresh()?;
        self.synced(|db| {
            let (now, most) = (minimum_of(db)?, prunable(db)?);
            if minimum > most {
                return Ok(Err(StoreError::NotPrunable { minimum, most }));
            }
            let next = (minimum / BUNDLE * BUNDLE).min(now.saturating_add(PRUNE_BATCH_MAX));
            if next > now {
                take_away(db, (now, next))?;
            }
            Ok(Ok(next.max(now)))
        })
    }
}

/// The first leaf that was not pruned.
pub(crate) fn minimum_of(db: &Connection) -> rusqlite::Result<u64> {
    db.prepare_cached("SELECT value FROM counters WHERE name = 'minimum'")?.query_row([], |row| row.get(0))
}

/// Up to where leaves may go: none that is not published, and none of a call under way.
fn prunable(db: &Connection) -> rusqlite::Result<u64> {
    let published = last_published(db)?.map_or(0, |checkpoint| checkpoint.head.size);
    let open: Option<u64> = db.query_row("SELECT MIN(decision_leaf) FROM open_calls", [], |row| row.get(0))?;
    Ok(open.map_or(published, |open| open.min(published)))
}

fn take_away(db: &Connection, (from, to): (u64, u64)) -> rusqlite::Result<()> {
    let range = params![from, to];
    db.execute("DELETE FROM contents WHERE leaf >= ?1 AND leaf < ?2", range)?;
    db.execute("DELETE FROM records WHERE leaf >= ?1 AND leaf < ?2", range)?;
    take_outcomes_away(db, (from, to))?;
    db.execute("DELETE FROM decisions WHERE leaf >= ?1 AND leaf < ?2", range)?;
    db.execute("UPDATE leaves SET bytes = x'' WHERE idx >= ?1 AND idx < ?2", range)?;
    db.execute("UPDATE counters SET value = ?1 WHERE name = 'minimum'", [to]).map(|_| ())
}

/// Outcomes are found by their call, which the leaf names: their table has no index on leaves, since every new one would pay for it.
fn take_outcomes_away(db: &Connection, (from, to): (u64, u64)) -> rusqlite::Result<()> {
    let mut leaves = db.prepare_cached("SELECT bytes FROM leaves WHERE idx >= ?1 AND idx < ?2")?;
    let mut outcome = db.prepare_cached("DELETE FROM outcomes WHERE call = ?1")?;
    let mut rows = leaves.query(params![from, to])?;
    while let Some(row) = rows.next()? {
        if let Ok(Leaf::Outcome(leaf)) = Leaf::from_bytes(&row.get::<_, Vec<u8>>(0)?) {
            outcome.execute([leaf.call.as_bytes()])?;
        }
    }
    Ok(())
}

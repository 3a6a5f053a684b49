//! Brings a store that an older program made to the schema of this one, in place.
//!
//! Only the sequencer does it, under its lock, in one transaction: a store has one schema or the other, never half of each.

use rusqlite::{Connection, TransactionBehavior};

use crate::connection::{SCHEMA, STATES, schema_of};

/// Stores made early in schema 1 have a reference here that made SQLite read the whole table at every new leaf.
const OUTCOMES: &str = "
    CREATE TABLE outcomes_anew (call BLOB PRIMARY KEY, leaf INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO outcomes_anew SELECT call, leaf FROM outcomes ORDER BY call;
    DROP TABLE outcomes;
    ALTER TABLE outcomes_anew RENAME TO outcomes;
";

/// Upgrades an older store; leaves a current one alone. A newer one was refused when `db` was opened.
pub(crate) fn upgrade(db: &mut Connection) -> rusqlite::Result<()> {
    if schema_of(db)? >= SCHEMA {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if outcomes_refer(&transaction)? {
        transaction.execute_batch(OUTCOMES)?;
    }
    transaction.execute_batch(STATES)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()
}

fn outcomes_refer(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_list('outcomes'))", [], |row| row.get(0))
}

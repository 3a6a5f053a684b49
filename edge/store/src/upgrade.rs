//! Brings a store that an older program made to the schema of this one, in place.
//!
//! Only the sequencer does it, under its lock, in one transaction: a store has one schema or the other, never half of each.

use comity_ledger::Leaf;
use rusqlite::{Connection, TransactionBehavior, params};

use crate::connection::{LEDGER, STATES, STORE, schema_of};
use crate::data_keys::DataKeys;
use crate::{StoreError, Whose};

/// Stores made early in schema 1 have a reference here that made SQLite read the whole table at every new leaf.
const OUTCOMES: &str = "
    CREATE TABLE outcomes_anew (call BLOB PRIMARY KEY, leaf INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO outcomes_anew SELECT call, leaf FROM outcomes ORDER BY call;
    DROP TABLE outcomes;
    ALTER TABLE outcomes_anew RENAME TO outcomes;
";

/// Upgrades an older store; leaves a current one alone. A newer one was refused when `db` was opened.
pub(crate) fn upgrade(db: &mut Connection, keys: &mut DataKeys) -> Result<(), StoreError> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
    let found = schema_of(&transaction).map_err(StoreError::unavailable)?;
    if found >= STORE.schema {
        return Ok(());
    }
    let tables = || -> rusqlite::Result<()> {
        if found < 2 {
            if outcomes_refer(&transaction)? {
                transaction.execute_batch(OUTCOMES)?;
            }
            transaction.execute_batch(STATES)?;
        }
        transaction.execute_batch(LEDGER)?;
        transaction.pragma_update(None, "user_version", STORE.schema)
    };
    tables().map_err(StoreError::unavailable)?;
    move_keys(&transaction, keys)?;
    move_records(&transaction, keys)?;
    // INVARIANT: the keys are on the disk before what is encrypted under them.
    keys.commit()?;
    transaction.commit().map_err(StoreError::unavailable)
}

/// Tenants' keys lay in the ledger's own database; now they lie in the file of keys.
fn move_keys(db: &Connection, keys: &mut DataKeys) -> Result<(), StoreError> {
    let read = || -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
        let mut statement = db.prepare("SELECT name, wrapped FROM tenants WHERE wrapped IS NOT NULL")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    for (name, wrapped) in read().map_err(StoreError::unavailable)? {
        keys.adopt(&name, &wrapped)?;
    }
    db.execute("UPDATE tenants SET wrapped = NULL", []).map(|_| ()).map_err(StoreError::unavailable)
}

/// Records lay under their tenant's key; now they lie under one for their month. Which workload they are of is not known here, so they are
/// erased by month or with their tenant. One that does not open is left as it is: it is erased, or somebody changed it.
fn move_records(db: &Connection, keys: &mut DataKeys) -> Result<(), StoreError> {
    let failed = StoreError::unavailable;
    let mut statement = db
        .prepare(
            "SELECT r.leaf, t.name, r.sealed, l.bytes FROM records r JOIN tenants t ON t.id = r.tenant JOIN leaves l ON l.idx = r.leaf",
        )
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let read = || -> rusqlite::Result<(u64, String, Vec<u8>, Vec<u8>)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)) };
        let (index, tenant, sealed, bytes) = read().map_err(failed)?;
        let Ok(Leaf::Decision(leaf)) = Leaf::from_bytes(&bytes) else { continue };
        let id = (leaf.decision, leaf.hop);
        let Ok(Some(record)) = keys.tenant(&tenant).map(|key| key.open_old(id, &sealed)) else { continue };
        let key = keys.data_key(&Whose { tenant, workload: String::new(), subject: None }, leaf.minute)?;
        // No number was kept with it.
        let sealed = key.key.seal(id, &[&[0; 8], record.as_slice()].concat())?;
        db.prepare_cached("UPDATE records SET key = ?2, sealed = ?3 WHERE leaf = ?1")
            .and_then(|mut statement| statement.execute(params![index, key.id, sealed]))
            .map_err(failed)?;
    }
    Ok(())
}

fn outcomes_refer(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_list('outcomes'))", [], |row| row.get(0))
}

//! Connections to the database, and its creation: the file appears whole, with its schema, or not at all.
//!
//! Never hand out a connection to a file that is not ours or that a newer program wrote.

use std::fs;
use std::path::Path;
use std::time::Duration;

use comity_vocab::Digest;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use crate::file::{beside, create_private, draft_of, folder_of, publish, write_again};
use crate::limits::{BUSY_TIMEOUT, CACHE_KIBIBYTES, CLOSE_TIMEOUT, STATEMENTS, WAL_BYTES_IDLE_MAX, WAL_PAGES};
use crate::{Durability, StoreError};

/// One kind of database.
pub(crate) struct Kind {
    /// `PRAGMA application_id`.
    application_id: i64,
    /// The newest schema that this program knows; `PRAGMA user_version` of the file.
    pub(crate) schema: i64,
    /// What makes a new one.
    tables: &'static [&'static str],
}

/// The ledger and what is kept beside it: the letters `Cmty`.
pub(crate) const STORE: Kind = Kind { application_id: 0x436d_7479, schema: 3, tables: &[TABLES, STATES, LEDGER] };

/// The keys of private records: the letters `CmtK`.
pub(crate) const KEYS: Kind = Kind { application_id: 0x436d_744b, schema: 1, tables: &[include_str!("keys.sql")] };

/// SQLite's own upper bound of `PRAGMA max_page_count`.
const PAGES_MAX: u64 = 4_294_967_294;

const TABLES: &str = include_str!("schema.sql");

/// What schema 2 added to [`TABLES`].
pub(crate) const STATES: &str = include_str!("states.sql");

/// What schema 3 added.
pub(crate) const LEDGER: &str = include_str!("ledger.sql");

/// The sequencer's connection. It is handed out only together with what a commit is to wait for.
pub(crate) struct WriterDb {
    db: Connection,
    durability: Durability,
    now: Durability,
    /// A lax commit may lie in the write-ahead log without having been flushed.
    unflushed: bool,
}

/// Creates the database if there is none.
pub(crate) fn create_if_missing(path: &Path, kind: &Kind) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    let failed = |error: std::io::Error| StoreError::file(path, error);
    refuse_orphan(path)?;
    fs::create_dir_all(folder_of(path)).map_err(failed)?;
    let draft = draft_of(path);
    drop(create_private(&draft).map_err(failed)?);
    if let Err(error) = write_schema(&draft, kind) {
        // The draft is useless; that it cannot be removed is not what the caller needs to hear.
        let _ = fs::remove_file(&draft);
        return Err(StoreError::unavailable(error));
    }
    publish(&draft, path).map_err(failed)
}

/// SQLite would take a log that was left behind for the new database's own: what somebody destroyed would come back.
fn refuse_orphan(path: &Path) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    let holds_something = fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    // Looked for again: another process may have made the database in between, and its log after it.
    if holds_something && !path.exists() {
        return Err(StoreError::file(&log, "it belongs to a database that is not here; put that back, or move both away"));
    }
    Ok(())
}

/// A connection that writes. `Os` leaves flushing to the operating system.
pub(crate) fn for_writing((path, kind): (&Path, &Kind), durability: Durability) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = open((path, kind), flags)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    let configure = || -> rusqlite::Result<()> {
        set_durability(&db, durability)?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
        db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
        db.pragma_update(None, "journal_size_limit", WAL_BYTES_IDLE_MAX)
    };
    configure().map_err(StoreError::unavailable)?;
    Ok(db)
}

/// A connection that cannot write.
pub(crate) fn for_reading((path, kind): (&Path, &Kind)) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::NotFound(path.to_owned()));
    }
    open((path, kind), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// Bounds the database to `bytes` (rounded down to whole pages); none lifts the bound.
pub(crate) fn set_size_max(db: &Connection, bytes: Option<u64>) -> rusqlite::Result<()> {
    let page: u64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = bytes.map_or(PAGES_MAX, |bytes| (bytes / page.max(1)).clamp(1, PAGES_MAX));
    db.pragma_update(None, "max_page_count", pages)
}

/// Folds the write-ahead log into the database and empties it; false while a reader keeps it for longer than `patience`: others' writes wait
/// meanwhile. Where a flush failed before, the log must have been flushed again: of one that is on the disk in part, a loss of power would put old
/// pages over new ones. An error is such a failure too.
pub(crate) fn fold(db: &Connection, patience: Duration) -> Result<bool, StoreError> {
    let fold = || -> rusqlite::Result<bool> {
        db.busy_timeout(patience)?;
        let folded = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map(|busy: bool| !busy);
        db.busy_timeout(BUSY_TIMEOUT)?;
        folded
    };
    fold().map_err(StoreError::unavailable)
}

/// Puts the whole write-ahead log of `db` on the disk. Linux takes pages that it could not flush for clean: a later flush succeeds without them.
/// So the log is written again, in place, as the system has it in memory, and flushed. SQLite has rewritten or undone all else itself, but for
/// the log's name: it does not look whether the folder was flushed.
pub(crate) fn flush_again(db: &mut Connection) -> Result<(), StoreError> {
    // Nobody else writes the log meanwhile. SQLite has no locks on this file that closing it would lose.
    let held = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::unavailable)?;
    let log = beside(Path::new(held.path().unwrap_or_default()), "-wal");
    write_again(&log).map_err(|error| StoreError::unavailable(format!("`{}` cannot be flushed: {error}", log.display())))?;
    held.rollback().map_err(StoreError::unavailable)
}

/// The schema of the file.
pub(crate) fn schema_of(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The check value of the master key that this store was made with.
pub(crate) fn master_check(db: &Connection) -> rusqlite::Result<Option<Digest>> {
    db.query_row("SELECT value FROM facts_about_store WHERE name = 'master_check'", [], |row| row.get(0).map(Digest::from_bytes)).optional()
}

// === impl WriterDb ===

impl WriterDb {
    /// Wraps a connection made by [`for_writing`] with the same durability. What an earlier process left in the log may be unflushed.
    pub(crate) const fn new(db: Connection, durability: Durability) -> Self {
        Self { db, durability, now: durability, unflushed: true }
    }

    /// For what must reach the disk whatever the store's durability: checkpoints, cosignatures, erasures.
    pub(crate) fn synced(&mut self) -> rusqlite::Result<&mut Connection> {
        self.with(Durability::Commit)
    }

    /// For leaves: a commit is as durable as the store says.
    // INVARIANT: leaves are written through this alone, so none is acknowledged before what its own text promises.
    pub(crate) fn durable(&mut self) -> rusqlite::Result<&mut Connection> {
        self.with(self.durability)
    }

    /// For what may be lost: a commit leaves flushing to the operating system, or to the next durable commit.
    pub(crate) fn lax(&mut self) -> rusqlite::Result<&mut Connection> {
        self.with(Durability::Os)
    }

    /// Whether every commit of leaves is on the disk when it is answered.
    pub(crate) fn commits_reach_the_disk(&self) -> bool {
        self.durability == Durability::Commit
    }

    /// A lax commit has succeeded.
    pub(crate) const fn committed_lax(&mut self) {
        self.unflushed = true;
    }

    /// To be called after a failure, before anything else is written: a commit that was flushed may lie behind a lax one that is not on the
    /// disk, where no recovery reaches it.
    pub(crate) fn flush_again(&mut self) -> Result<(), StoreError> {
        if self.unflushed {
            flush_again(&mut self.db)?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// For reading, and for settings.
    pub(crate) const fn as_is(&self) -> &Connection {
        &self.db
    }

    fn with(&mut self, durability: Durability) -> rusqlite::Result<&mut Connection> {
        if self.now != durability {
            set_durability(&self.db, durability)?;
            // A lax commit does not fold the log: a flush that fails in folding is told to nobody.
            let pages = if durability == self.durability { WAL_PAGES } else { 0 };
            self.db.pragma_update(None, "wal_autocheckpoint", pages)?;
            self.now = durability;
        }
        Ok(&mut self.db)
    }
}

fn set_durability(db: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Commit => "FULL",
        Durability::Os => "NORMAL",
    };
    db.pragma_update(None, "synchronous", synchronous)
}

/// The write-ahead log comes last: closing would pass over a flush that fails in folding it, and the schema would stay behind in the draft's.
fn write_schema(path: &Path, kind: &Kind) -> rusqlite::Result<()> {
    let db = Connection::open(path)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    let Kind { application_id, schema, tables } = kind;
    let tables = tables.concat();
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE; {tables} PRAGMA application_id = {application_id}; PRAGMA user_version = {schema}; COMMIT;"
    ))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.close().map_err(|(_, error)| error)
}

fn open((path, kind): (&Path, &Kind), flags: OpenFlags) -> Result<Connection, StoreError> {
    let db = Connection::open_with_flags(path, flags).map_err(StoreError::unreadable)?;
    let configure = || -> rusqlite::Result<()> {
        db.busy_timeout(BUSY_TIMEOUT)?;
        // Closing a connection leaves the write-ahead log alone; see `delete_log_on_close`.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        db.pragma_update(None, "trusted_schema", false)?;
        // What is erased is overwritten, not only forgotten; copies made by readers hold no remains either.
        db.pragma_update(None, "secure_delete", true)
    };
    configure().map_err(StoreError::unreadable)?;
    identify(&db, (path, kind))?;
    Ok(db)
}

/// As [`fold`], for the last time; a log that is empty then is deleted with the connection.
pub(crate) fn fold_for_close(db: &Connection) -> Result<bool, StoreError> {
    let folded = fold(db, CLOSE_TIMEOUT)?;
    if folded {
        delete_log_on_close(db).map_err(StoreError::unavailable)?;
    }
    Ok(folded)
}

/// Lets SQLite delete the write-ahead log when `db` is closed, as the last one: only of a log that was folded. SQLite 3.53 would do so with one
/// whose index it could not open to write, which it takes for folded: a connection that a failing disk keeps from opening would take committed
/// leaves along.
fn delete_log_on_close(db: &Connection) -> rusqlite::Result<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(|_| ())
}

fn identify(db: &Connection, (path, kind): (&Path, &Kind)) -> Result<(), StoreError> {
    let application = || db.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    let (application, found) = match application().and_then(|id| Ok((id, schema_of(db)?))) {
        Ok(numbers) => numbers,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => return Err(StoreError::Foreign(path.to_owned())),
        Err(error) => return Err(StoreError::unreadable(error)),
    };
    if application != kind.application_id {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if found > kind.schema {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: kind.schema });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_flushed_whatever_was_written_before_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        create_if_missing(&path, &STORE).unwrap();
        let check = |durability, durable: i64| {
            let mut db = WriterDb::new(for_writing((&path, &STORE), durability).unwrap(), durability);
            let synchronous = |db: &Connection| db.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap();
            for _ in 0..2 {
                assert_eq!(synchronous(db.durable().unwrap()), durable);
                assert_eq!(synchronous(db.lax().unwrap()), 1);
                assert_eq!(synchronous(db.synced().unwrap()), 2);
            }
            assert_eq!(synchronous(db.durable().unwrap()), durable);
        };
        check(Durability::Commit, 2);
        check(Durability::Os, 1);
    }

    #[test]
    fn closing_deletes_no_log_that_was_not_folded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        create_if_missing(&path, &STORE).unwrap();
        let log = beside(&path, "-wal");
        let db = for_writing((&path, &STORE), Durability::Commit).unwrap();
        db.execute("UPDATE counters SET value = 7", []).unwrap();
        drop(db);
        assert!(std::fs::metadata(&log).unwrap().len() > 0);
        let db = for_writing((&path, &STORE), Durability::Commit).unwrap();
        assert_eq!(db.query_row("SELECT value FROM counters", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        delete_log_on_close(&db).unwrap();
        drop(db);
        assert!(!log.exists());
    }

    #[test]
    fn what_may_not_have_been_flushed_is_written_again_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        create_if_missing(&path, &STORE).unwrap();
        let mut db = WriterDb::new(for_writing((&path, &STORE), Durability::Commit).unwrap(), Durability::Commit);
        assert!(db.unflushed, "nobody knows what an earlier process left");
        db.lax().unwrap().execute("UPDATE counters SET value = 7", []).unwrap();
        let before = std::fs::read(beside(&path, "-wal")).unwrap();
        db.flush_again().unwrap();
        assert!(!db.unflushed && before.len() > 4096 && std::fs::read(beside(&path, "-wal")).unwrap() == before);
        db.committed_lax();
        assert!(db.unflushed);
        assert_eq!(db.as_is().query_row("SELECT value FROM counters", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    }
}

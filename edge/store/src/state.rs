//! What the gateway remembers of things that an upstream keeps under an id, so that they stay with the workload that made them.
//!
//! States wait in a bounded map until the sequencer's thread writes them, and are read back from the map or from the database. Nobody waits for
//! them, and losing one is safe: what is not remembered is nobody's, and an older state never stands in for a lost one. Never log their bytes.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comity_vocab::{Digest, Instant};
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::connection::{STORE, for_reading};
use crate::custody::Custody;
use crate::data_keys::DataKeyReader;
use crate::limits::{EXPIRED_BATCH_MAX, NAME_BYTES_MAX, STATE_BYTES_MAX, STATES_BATCH_MAX, STATES_LOST_MAX, STATES_PENDING_MAX};

/// Something that an upstream keeps under an id, as the gateway remembers it. It has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    /// The gateway's digest of all that tells it from others: its kind, the upstream's id, the workload.
    pub id: Digest,
    /// The root unit under whose key `bytes` are encrypted.
    pub tenant: String,
    /// What is remembered, at most 4 KiB; the store does not look into it.
    pub bytes: Vec<u8>,
    /// From when on it is forgotten.
    pub expires: Instant,
}

/// The states of one store: those that wait, and a connection that reads those that were written.
pub(crate) struct States {
    path: PathBuf,
    custody: Arc<dyn Custody>,
    memory: Mutex<Memory>,
    /// None until the first use, and after a failure.
    db: Mutex<Option<Stored>>,
}

#[derive(Default)]
struct Memory {
    /// What is not written yet.
    pending: HashMap<Digest, Arc<State>>,
    /// What was given up: an older state of the same id may still be in the database, and must not be taken for the newer one. Full, it
    /// stands for every id, until the store opens anew.
    lost: HashSet<Digest>,
}

/// Where a state is to be found.
enum Place {
    Pending(Arc<State>),
    Stored,
    Lost,
}

/// What reads the states that were written.
struct Stored {
    db: Connection,
    keys: Option<DataKeyReader>,
}

/// A state as it is stored: tenant, sealed bytes, expiry.
struct StoredState {
    tenant: String,
    sealed: Vec<u8>,
    expires: Instant,
}

// === impl States ===

impl States {
    /// Nothing waits yet.
    pub(crate) fn new(path: PathBuf, custody: Arc<dyn Custody>) -> Self {
        Self { path, custody, memory: Mutex::default(), db: Mutex::default() }
    }

    /// Lets `states` wait; a later one takes the place of an earlier one of its id. True when nothing waited before: then the writer must be
    /// told.
    pub(crate) fn push(&self, states: Vec<State>) -> bool {
        let mut memory = self.memory();
        let idle = memory.pending.is_empty();
        let mut dropped = 0_usize;
        for state in states {
            if !memory.push(state) {
                dropped += 1;
            }
        }
        let tell = idle && !memory.pending.is_empty();
        drop(memory);
        if dropped > 0 {
            tracing::warn!(states = dropped, "upstream states are forgotten: too large, or too many wait to be written");
        }
        tell
    }

    /// At most one batch of those that wait. They go on waiting until they are written or given up, so that they can be recalled.
    pub(crate) fn batch(&self) -> Vec<Arc<State>> {
        self.memory().pending.values().take(STATES_BATCH_MAX).cloned().collect()
    }

    /// `batch` waits no more: those of it in `lost` could not be written, the others are committed. True when others still wait.
    pub(crate) fn settle(&self, batch: &[Arc<State>], lost: &[Arc<State>]) -> bool {
        let mut memory = self.memory();
        for state in batch {
            memory.find(&state.id);
            memory.settle(state);
        }
        for state in lost {
            memory.lose(state.id);
        }
        !memory.pending.is_empty()
    }

    /// The bytes under each of `ids` that has not expired at `now`.
    pub(crate) fn recall(&self, ids: &[Digest], now: Instant) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let places: Vec<_> = {
            let memory = self.memory();
            ids.iter().map(|id| memory.place(id)).collect()
        };
        // INVARIANT: the database is read after the map. What left the map in between is committed by then.
        let mut db = self.db.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |(id, place): (&Digest, Place)| match place {
            Place::Pending(state) => Ok((state.expires > now).then(|| state.bytes.clone())),
            Place::Stored => self.stored(&mut db, *id, now),
            Place::Lost => Ok(None),
        };
        let found: Result<_, StoreError> = ids.iter().zip(places).map(read).collect();
        if found.is_err() {
            // The next recall tries anew.
            *db = None;
        }
        found
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored(&self, stored: &mut Option<Stored>, id: Digest, now: Instant) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = match stored {
            Some(stored) => stored,
            None => {
                let keys = DataKeyReader::open(&self.path, Arc::clone(&self.custody))?;
                stored.insert(Stored { db: for_reading((&self.path, &STORE))?, keys })
            }
        };
        let state = stored_state(&stored.db, id).map_err(StoreError::unreadable)?;
        let Some((state, keys)) = state.filter(|state| state.expires > now).zip(stored.keys.as_ref()) else { return Ok(None) };
        open(keys, id, &state)
    }

    /// Forgets what waits of a tenant: its key is destroyed.
    pub(crate) fn forget(&self, tenant: &str) {
        self.memory().pending.retain(|_, state| state.tenant != tenant);
    }
}

/// None when the tenant's key was destroyed, or when somebody changed what is stored.
fn open(keys: &DataKeyReader, id: Digest, stored: &StoredState) -> Result<Option<Vec<u8>>, StoreError> {
    let key = match keys.tenant(&stored.tenant) {
        Ok(Some(key)) => Some(key),
        Ok(None) => return Ok(None),
        Err(StoreError::Encryption) => None,
        Err(error) => return Err(error),
    };
    let bytes = key.and_then(|key| key.open_state((id, stored.expires), &stored.sealed));
    if bytes.is_none() {
        tracing::warn!(state = %id.short(), "an upstream state is forgotten: what is stored is not what was written");
    }
    Ok(bytes)
}

// === impl Memory ===

impl Memory {
    /// False when there is no place for `state`, which is lost then.
    fn push(&mut self, state: State) -> bool {
        let small = state.bytes.len() <= STATE_BYTES_MAX && state.tenant.len() <= NAME_BYTES_MAX;
        let place = small && (self.pending.len() < STATES_PENDING_MAX || self.pending.contains_key(&state.id));
        if place {
            self.pending.insert(state.id, Arc::new(state));
        } else {
            self.pending.remove(&state.id);
            self.lose(state.id);
        }
        place
    }

    fn lose(&mut self, id: Digest) {
        if self.lost.len() < STATES_LOST_MAX {
            self.lost.insert(id);
        }
    }

    /// What is in the database under `id` is the newest again, unless too many were lost to know which.
    fn find(&mut self, id: &Digest) {
        if self.lost.len() < STATES_LOST_MAX {
            self.lost.remove(id);
        }
    }

    /// `state` waits no more. A newer one of the same id goes on waiting.
    fn settle(&mut self, state: &Arc<State>) {
        if self.pending.get(&state.id).is_some_and(|waiting| Arc::ptr_eq(waiting, state)) {
            self.pending.remove(&state.id);
        }
    }

    fn place(&self, id: &Digest) -> Place {
        if let Some(state) = self.pending.get(id) {
            return Place::Pending(Arc::clone(state));
        }
        if self.lost.len() >= STATES_LOST_MAX || self.lost.contains(id) { Place::Lost } else { Place::Stored }
    }
}

/// Takes away at most one batch of those that expired at `now`.
pub(crate) fn sweep(db: &Connection, now: Instant) -> rusqlite::Result<usize> {
    db.prepare_cached("DELETE FROM states WHERE id IN (SELECT id FROM states WHERE expires <= ?1 ORDER BY expires LIMIT ?2)")?
        .execute(params![now.0, EXPIRED_BATCH_MAX])
}

/// Whether any expired at `now`.
pub(crate) fn any_expired(db: &Connection, now: Instant) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM states WHERE expires <= ?1")?.exists([now.0])
}

fn stored_state(db: &Connection, id: Digest) -> rusqlite::Result<Option<StoredState>> {
    db.prepare_cached("SELECT t.name, s.sealed, s.expires FROM states s JOIN tenants t ON t.id = s.tenant WHERE s.id = ?1")?
        .query_row([id.as_bytes()], |row| Ok(StoredState { tenant: row.get(0)?, sealed: row.get(1)?, expires: Instant(row.get(2)?) }))
        .optional()
}

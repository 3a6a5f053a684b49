//! What upstreams keep, by whom it was made: ids of answers, parts, containers and files, and seals that only the upstream can read.
//!
//! INVARIANT: what one workload made, no other can name. The workload is part of the digest under which a thing is remembered, so a foreign
//! id is simply not there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comity_store::{State, Store, StoreError};
use comity_upstream::Kept;
use comity_vocab::{Data, Digest, Instant, OfferingId, Workload};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::limits::{KEPT_CACHED_MAX, KEPT_FOR};

/// What is remembered of a thing that an upstream keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// The offering that keeps it.
    pub(crate) offering: OfferingId,
    /// The upstream of that offering: another has other credentials, and does not know it.
    pub(crate) upstream: String,
    /// The worst that was in the calls that led to it.
    pub(crate) data: Data,
    /// The epoch of the pseudonyms that it was made with; nothing where the call left without.
    #[serde(default)]
    pub(crate) pseudonyms: Option<u32>,
}

/// Everything remembered; the newest in memory, all of it in the store.
pub(crate) struct States {
    recent: Cache<Digest, Arc<Made>>,
    /// Grows whenever what is in memory is forgotten.
    forgotten: Mutex<u64>,
}

/// By whom and by what call a thing was made.
pub(crate) struct Maker {
    pub(crate) workload: Workload,
    pub(crate) made: Arc<Made>,
}

// === impl States ===

impl States {
    pub(crate) fn new() -> Self {
        Self { recent: Cache::new(KEPT_CACHED_MAX), forgotten: Mutex::new(0) }
    }

    /// Remembers what an answer showed. In memory at once, in the store soon after; what is lost in a crash between is answered with 404.
    pub(crate) fn remember(&self, store: &Store, maker: &Maker, (kept, now): (&[Kept], Instant)) {
        let lasts = i64::try_from(KEPT_FOR.as_micros()).unwrap_or(i64::MAX);
        let expires = Instant(now.0.saturating_add(lasts));
        let tenant = maker.workload.unit.tenant();
        let states = kept.iter().filter_map(|kept| {
            let id = digest(&maker.workload, kept);
            let made = self.joined(id, &maker.made);
            let bytes = serde_json::to_vec(made.as_ref()).ok()?;
            self.recent.insert(id, made);
            Some(State { id, tenant: tenant.to_owned(), bytes, expires })
        });
        store.remember_later(states.collect());
    }

    /// Forgets what is in memory, after a tenant's were erased in the store. The others are read again.
    pub(crate) fn forget(&self) {
        let mut forgotten = self.forgotten();
        *forgotten = forgotten.saturating_add(1);
        self.recent.clear();
    }

    /// The same id again stays where it was, and never gets better.
    fn joined(&self, id: Digest, made: &Arc<Made>) -> Arc<Made> {
        match self.recent.get(&id) {
            Some(before) if before != *made => Arc::new(Made { data: before.data.worst(&made.data), ..before.as_ref().clone() }),
            Some(_) | None => Arc::clone(made),
        }
    }

    /// What is in memory, in the order of `kept`.
    pub(crate) fn recent(&self, workload: &Workload, kept: &[Kept]) -> Vec<Option<Arc<Made>>> {
        kept.iter().map(|kept| self.recent.get(&digest(workload, kept))).collect()
    }

    /// The same from the store. Blocks.
    pub(crate) fn stored(
        &self,
        (store, workload): (&Store, &Workload),
        kept: &[Kept],
        now: Instant,
    ) -> Result<Vec<Option<Arc<Made>>>, StoreError> {
        let ids: Vec<_> = kept.iter().map(|kept| digest(workload, kept)).collect();
        let before = *self.forgotten();
        let found = store.recall(&ids, now)?;
        // What was read before an erasure is not kept after it.
        let forgotten = self.forgotten();
        let read = |(id, bytes): (&Digest, Option<Vec<u8>>)| {
            let made = Arc::new(serde_json::from_slice::<Made>(&bytes?).ok()?);
            if *forgotten == before {
                self.recent.insert(*id, Arc::clone(&made));
            }
            Some(made)
        };
        Ok(ids.iter().zip(found).map(read).collect())
    }

    fn forgotten(&self) -> MutexGuard<'_, u64> {
        self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(workload: &Workload, kept: &Kept) -> Digest {
    let (kind, id) = match kept {
        Kept::Response(id) => ("response", id),
        Kept::Item(id) => ("item", id),
        Kept::Container(id) => ("container", id),
        Kept::File(id) => ("file", id),
        Kept::Sealed(seal) => ("sealed", seal),
    };
    let parts = [workload.unit.tenant().as_bytes(), workload.id.as_str().as_bytes(), kind.as_bytes(), id.as_bytes()];
    Digest::of("comity state v1", &parts)
}

#[cfg(test)]
mod tests {
    use comity_vocab::Classification;

    use super::*;

    #[test]
    fn workload_kind_and_id_all_count() {
        let workload = |id: &str, unit: &str| Workload {
            id: id.parse().unwrap(),
            unit: unit.parse().unwrap(),
            sector: String::new(),
            clearance: Classification::Public,
            critical: false,
        };
        let response = Kept::Response("x".to_owned());
        let mine = digest(&workload("a", "t/u"), &response);
        assert_eq!(mine, digest(&workload("a", "t/other"), &response));
        assert_ne!(mine, digest(&workload("b", "t/u"), &response));
        assert_ne!(mine, digest(&workload("a", "s/u"), &response));
        assert_ne!(mine, digest(&workload("a", "t/u"), &Kept::Item("x".to_owned())));
        assert_ne!(mine, digest(&workload("a", "t/u"), &Kept::Response("y".to_owned())));
    }
}

//! The keys of pseudonyms that were used lately, so that no call waits for the store but the first of its tenant and epoch.
//!
//! Never written or logged. A key that cannot be had is an error, never another key.

use std::sync::{Mutex, MutexGuard, PoisonError};

use comity_redact::PseudonymKey;
use comity_store::{Store, StoreError};
use quick_cache::sync::Cache;

use crate::limits::PSEUDONYM_KEYS_MAX;

/// Keys by tenant and epoch.
pub(crate) struct PseudonymKeys {
    known: Cache<(String, u32), PseudonymKey>,
    /// Grows whenever keys are forgotten.
    forgotten: Mutex<u64>,
}

// === impl PseudonymKeys ===

impl PseudonymKeys {
    pub(crate) fn new() -> Self {
        Self { known: Cache::new(PSEUDONYM_KEYS_MAX), forgotten: Mutex::new(0) }
    }

    /// The key of a tenant in one epoch.
    pub(crate) async fn get(&self, store: &Store, (tenant, epoch): (&str, u32)) -> Result<PseudonymKey, StoreError> {
        let id = (tenant.to_owned(), epoch);
        if let Some(known) = self.known.get(&id) {
            return Ok(known);
        }
        let before = *self.forgotten();
        let key = PseudonymKey::new(*store.pseudonym_key(tenant, epoch).await?.expose());
        self.keep((id, key.clone()), before);
        Ok(key)
    }

    /// Forgets every key, after one was destroyed in the store. The others are asked for again.
    pub(crate) fn forget(&self) {
        let mut forgotten = self.forgotten();
        *forgotten = forgotten.saturating_add(1);
        self.known.clear();
    }

    // INVARIANT: a key that was asked for before others were forgotten is not kept after it: it may be the one that was destroyed.
    fn keep(&self, (id, key): ((String, u32), PseudonymKey), before: u64) {
        let forgotten = self.forgotten();
        if *forgotten == before {
            self.known.insert(id, key);
        }
    }

    fn forgotten(&self) -> MutexGuard<'_, u64> {
        self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_asked_for_before_an_erasure_is_not_kept_after_it() {
        let keys = PseudonymKeys::new();
        let id = ("ministry".to_owned(), 3);
        let key = || PseudonymKey::new([7; 32]);
        let before = *keys.forgotten();
        keys.keep((id.clone(), key()), before);
        assert!(keys.known.get(&id).is_some());
        keys.forget();
        assert!(keys.known.get(&id).is_none());
        keys.keep((id.clone(), key()), before);
        assert!(keys.known.get(&id).is_none());
        let now = *keys.forgotten();
        keys.keep((id.clone(), key()), now);
        assert!(keys.known.get(&id).is_some());
    }
}

//! The keys of pseudonyms that were used lately, so that no call waits for the store but the first of its tenant and epoch.
//!
//! Never written or logged. A key that cannot be had is an error, never another key.

use comity_redact::PseudonymKey;
use comity_store::{Store, StoreError};
use quick_cache::sync::Cache;

use crate::limits::PSEUDONYM_KEYS_MAX;

/// Keys by tenant and epoch.
pub(crate) struct PseudonymKeys(Cache<(String, u32), PseudonymKey>);

// === impl PseudonymKeys ===

impl PseudonymKeys {
    pub(crate) fn new() -> Self {
        Self(Cache::new(PSEUDONYM_KEYS_MAX))
    }

    /// The key of a tenant in one epoch.
    pub(crate) async fn get(&self, store: &Store, (tenant, epoch): (&str, u32)) -> Result<PseudonymKey, StoreError> {
        let id = (tenant.to_owned(), epoch);
        if let Some(known) = self.0.get(&id) {
            return Ok(known);
        }
        let key = PseudonymKey::new(*store.pseudonym_key(tenant, epoch).await?.expose());
        self.0.insert(id, key.clone());
        Ok(key)
    }
}

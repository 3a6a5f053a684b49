//! The offerings that one call may go to, before the terms have spoken.

use std::sync::Arc;

use comity_vocab::{Digest, Hasher, OfferingId};

const DIGEST_DOMAIN: &str = "comity candidates v1";

/// An ordered set of offerings; cheap to clone. Make one per route, not per call: its digest is computed once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidates {
    digest: Digest,
    ids: Arc<[OfferingId]>,
}

impl Candidates {
    /// These offerings, in this order.
    #[must_use]
    pub fn new(ids: Vec<OfferingId>) -> Self {
        let mut hasher = Hasher::new(DIGEST_DOMAIN);
        for id in &ids {
            hasher.part(id.as_str().as_bytes());
        }
        Self { digest: hasher.finish(), ids: ids.into() }
    }

    /// The offerings.
    #[must_use]
    pub fn ids(&self) -> &[OfferingId] {
        &self.ids
    }

    /// Covers the ids and their order.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl FromIterator<OfferingId> for Candidates {
    fn from_iter<I: IntoIterator<Item = OfferingId>>(ids: I) -> Self {
        Self::new(ids.into_iter().collect())
    }
}

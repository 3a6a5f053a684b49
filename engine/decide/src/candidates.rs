//! The offerings that one call may go to, before the terms have spoken.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use comity_vocab::{Digest, OfferingId};

const DIGEST_DOMAIN: &str = "comity candidates v1";

/// An ordered set of offerings; cheap to clone. Make one per route, not per call: its digest is computed once.
#[derive(Debug, Clone)]
pub struct Candidates {
    digest: Digest,
    ids: Arc<[OfferingId]>,
}

impl Candidates {
    /// These offerings, in this order.
    #[must_use]
    pub fn new(ids: Vec<OfferingId>) -> Self {
        let mut hasher = comity_vocab::Hasher::new(DIGEST_DOMAIN);
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

/// Equal digests are equal candidates: a table with a hundred of them in its keys never compares ids.
impl PartialEq for Candidates {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Candidates {}

impl Hash for Candidates {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl FromIterator<OfferingId> for Candidates {
    fn from_iter<I: IntoIterator<Item = OfferingId>>(ids: I) -> Self {
        Self::new(ids.into_iter().collect())
    }
}

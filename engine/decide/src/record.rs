//! The fact record: exactly what admit and rank were given for one hop of one call, so that the decision can be made again years later.
//!
//! It may hold personal data only in the sense of who asked; the call's content is never in it. It is stored encrypted and can be erased.

use comity_vocab::{Call, Instant, MeansSet, OfferingId};
use serde::{Deserialize, Serialize};

use crate::candidates::Candidates;
use crate::engine::Query;
use crate::rank::RankInput;

/// The version that this code writes.
pub const RECORD_VERSION: u32 = 2;

/// What one decision was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactRecord {
    /// [`RECORD_VERSION`]
    pub version: u32,
    /// Joins the hops of one call; part of the decision's digest.
    pub call_id: [u8; 16],
    /// 0 first, then each fallback.
    pub hop: u32,
    /// The instant of the decision.
    pub instant: Instant,
    /// The `model` that the caller asked for.
    pub model: String,
    /// The facts of the call.
    pub call: Call,
    /// A detector failed, which denies whatever the terms say.
    pub detector_failed: bool,
    /// What the gateway could have done to it.
    pub performable: MeansSet,
    /// Where it could have gone, in order.
    pub candidates: Vec<OfferingId>,
    /// What ranking was given. An offering without an upstream and credential here is missing, and cannot be sent to.
    pub rank: Vec<RankInput>,
    /// Openings of the leaf's commitments.
    pub salts: Salts,
    /// The key that was presented; empty for open development.
    pub key: String,
}

/// 32 random bytes for each commitment of the leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salts {
    /// Of the body.
    pub call: [u8; 32],
    /// Of the workload.
    pub workload: [u8; 32],
    /// Of the key.
    pub caller: [u8; 32],
    /// Of the number of the call among those of its key, which the store keeps beside this record.
    pub sequence: [u8; 32],
    /// Of the answer; none in records of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<[u8; 32]>,
}

/// A stored fact record that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not JSON of this shape.
    #[error("the fact record cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Written by a newer Comity.
    #[error("the fact record has version {0}, and this Comity reads up to version {RECORD_VERSION}")]
    Newer(u32),
}

impl FactRecord {
    /// The bytes to store; their digest stands in the leaf.
    ///
    /// # Errors
    /// Never for a record of valid names; kept as an error so that a fault cannot become a permit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When they are no fact record, or a newer one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let record: Self = serde_json::from_slice(bytes)?;
        if record.version > RECORD_VERSION { Err(RecordError::Newer(record.version)) } else { Ok(record) }
    }

    /// The candidates, ready for a [`Query`].
    #[must_use]
    pub fn candidates(&self) -> Candidates {
        Candidates::new(self.candidates.clone())
    }

    /// The question again.
    #[must_use]
    pub fn query<'a>(&'a self, candidates: &'a Candidates) -> Query<'a> {
        Query { call: &self.call, performable: self.performable, candidates, instant: self.instant }
    }
}

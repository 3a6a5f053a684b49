//! A call that is ready to leave. Together with a permit and a receipt for the same decision it may be sent.

use bytes::Bytes;
use comity_vocab::{Digest, MeansSet, OfferingId, Surface};

/// A call with its means applied. The three first fields must be those of the permit, or nothing is sent.
pub struct Prepared {
    /// The decision that it was prepared for.
    pub decision: Digest,
    /// The offering that it was prepared for.
    pub offering: OfferingId,
    /// The means that were applied to it.
    pub means: MeansSet,
    /// Which API of the upstream it is for.
    pub surface: Surface,
    /// Whether the answer comes as events, and what to do with their usage.
    pub stream: Option<UsageFrames>,
    /// The JSON that leaves, exactly.
    pub body: Bytes,
}

/// What to do with the event of a stream that carries usage and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageFrames {
    /// The caller asked for it.
    Keep,
    /// Only the gateway asked for it.
    Strip,
}

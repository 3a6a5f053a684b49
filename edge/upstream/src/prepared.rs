//! A call that is ready to leave. Together with a permit and a receipt for the same decision it may be sent.

use bytes::Bytes;
use comity_dialect::{Api, Stamp};
use comity_vocab::{Digest, MeansSet, OfferingId};
use http::HeaderMap;

use crate::dialect::Endpoint;

/// A call with its means applied. The three first fields must be those of the permit, or nothing is sent.
pub struct Prepared {
    /// The decision that it was prepared for.
    pub decision: Digest,
    /// The offering that it was prepared for.
    pub offering: OfferingId,
    /// The means that were applied to it.
    pub means: MeansSet,
    /// Which API of the upstream it is for.
    pub endpoint: Endpoint,
    /// The model as the upstream knows it, for dialects that have it in the address.
    pub model: String,
    /// Headers of the caller that go along (`anthropic-beta`).
    pub headers: HeaderMap,
    /// Whether the answer comes as events, and what to do with their usage.
    pub stream: Option<UsageFrames>,
    /// How the answer is said in the caller's dialect; nothing where it is the upstream's own.
    pub translation: Option<Translation>,
    /// The JSON that leaves, exactly.
    pub body: Bytes,
}

/// How an answer is said in another dialect than its own.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The caller's API.
    pub api: Api,
    /// Ids and times for what the upstream does not name.
    pub stamp: Stamp,
}

/// What to do with the event of a stream that carries usage and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageFrames {
    /// The caller asked for it, or gets it always.
    Keep,
    /// Only the gateway asked for it.
    Strip,
}

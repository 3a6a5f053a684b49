//! The leaf that says how a call ended. A call that was permitted has exactly one, also after a crash.

use std::fmt;

use comity_vocab::{Currency, Digest, MeansSet, Micros};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Minute;

/// How one call ended.
///
/// Token counts and cost are exact, since bills are settled by them; entries are therefore for auditors, and only checkpoints are public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeLeaf {
    /// [`crate::call_digest`].
    pub call: Digest,
    /// The decision of the hop that served, or of the last one tried.
    pub decision: Digest,
    /// That hop.
    pub hop: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status that the upstream answered; 0 when there was none.
    pub status: u16,
    /// Tokens read.
    pub tokens_in: Option<u32>,
    /// Tokens written.
    pub tokens_out: Option<u32>,
    /// The upstream did not count: tokens and cost are the gateway's estimate.
    pub estimated: bool,
    /// What the call cost, where a price is known.
    pub cost: Option<Cost>,
    /// [`crate::coarse`] of the milliseconds from accepting the call to its end.
    pub latency_class: u8,
    /// What the gateway did to the call before it went.
    pub performed: Performed,
    /// Commitment (domain `answer`) to the SHA-256 of the answer's bytes as they went to the client.
    pub answer: Option<Digest>,
    /// When, to the minute.
    pub minute: Minute,
}

/// The means that were performed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Performed {
    /// A leaf of version 1, which did not say.
    #[default]
    Unsaid,
    /// Nobody knows: the gateway stopped in the middle.
    Unknown,
    /// These, also when there are none.
    Did(MeansSet),
}

/// The end of a call or of one hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer reached the client.
    Ok,
    /// The client went away.
    ClientGone,
    /// The upstream could not be reached, reset, or answered with a failure of its own.
    UpstreamFailed,
    /// The upstream took too long.
    UpstreamTimeout,
    /// The upstream refused the call, or a means could not be performed.
    Refused,
    /// The upstream answered, and the gateway failed at the answer: the client got none of it, or not all.
    Withheld,
    /// The gateway stopped before it could say.
    Unknown,
}

/// Money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Of this currency.
    pub currency: Currency,
    /// Millionths; written as text, because RFC 8785 numbers are doubles and end at 2^53.
    #[serde(with = "decimal_text")]
    pub micros: Micros,
}

/// The fields as they are written: sorted by name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomeWire {
    answer: Option<Digest>,
    call: Digest,
    cost: Option<Cost>,
    decision: Digest,
    // Written only when true: older leaves have no such field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    estimated: bool,
    hop: u32,
    kind: OutcomeKind,
    latency_class: u8,
    // Since version 2.
    #[serde(default, skip_serializing_if = "Performed::is_unsaid")]
    means: Performed,
    minute: Minute,
    outcome: Outcome,
    status: u16,
    tokens_in: Option<u32>,
    tokens_out: Option<u32>,
    v: u32,
}

/// The version that is written.
pub(crate) const OUTCOME_VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
enum OutcomeKind {
    #[serde(rename = "outcome")]
    Outcome,
}

// === impl Performed ===

impl Performed {
    const fn is_unsaid(&self) -> bool {
        matches!(self, Self::Unsaid)
    }
}

impl Serialize for Performed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unsaid | Self::Unknown => serializer.serialize_none(),
            Self::Did(means) => means.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Performed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Unknown, Self::Did))
    }
}

// === impl Outcome ===

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 7] =
        [Self::Ok, Self::ClientGone, Self::UpstreamFailed, Self::UpstreamTimeout, Self::Refused, Self::Withheld, Self::Unknown];

    /// The name in the leaf.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientGone => "client_gone",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Refused => "refused",
            Self::Withheld => "withheld",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl OutcomeLeaf ===

impl OutcomeLeaf {
    /// A call of which only the end is known: no status, tokens, cost, latency or answer. Named by call, decision and hop.
    #[must_use]
    pub const fn bare((call, decision, hop): (Digest, Digest, u32), outcome: Outcome, minute: Minute) -> Self {
        Self {
            call,
            decision,
            hop,
            outcome,
            status: 0,
            tokens_in: None,
            tokens_out: None,
            estimated: false,
            cost: None,
            latency_class: 0,
            performed: Performed::Unknown,
            answer: None,
            minute,
        }
    }
}

// === impl OutcomeWire ===

impl OutcomeWire {
    pub(crate) const fn version(&self) -> u32 {
        self.v
    }
}

impl From<&OutcomeLeaf> for OutcomeWire {
    fn from(leaf: &OutcomeLeaf) -> Self {
        Self {
            answer: leaf.answer,
            call: leaf.call,
            cost: leaf.cost,
            decision: leaf.decision,
            estimated: leaf.estimated,
            hop: leaf.hop,
            kind: OutcomeKind::Outcome,
            latency_class: leaf.latency_class,
            means: leaf.performed,
            minute: leaf.minute,
            outcome: leaf.outcome,
            status: leaf.status,
            tokens_in: leaf.tokens_in,
            tokens_out: leaf.tokens_out,
            v: if leaf.performed.is_unsaid() { 1 } else { OUTCOME_VERSION },
        }
    }
}

impl From<OutcomeWire> for OutcomeLeaf {
    fn from(wire: OutcomeWire) -> Self {
        Self {
            call: wire.call,
            decision: wire.decision,
            hop: wire.hop,
            outcome: wire.outcome,
            status: wire.status,
            tokens_in: wire.tokens_in,
            tokens_out: wire.tokens_out,
            estimated: wire.estimated,
            cost: wire.cost,
            latency_class: wire.latency_class,
            performed: wire.means,
            answer: wire.answer,
            minute: wire.minute,
        }
    }
}

mod decimal_text {
    use comity_vocab::Micros;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(micros: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&micros.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Micros, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Micros).map_err(serde::de::Error::custom)
    }
}

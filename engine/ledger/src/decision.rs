//! The leaf that says what was decided for one hop of a call. It is durable before a byte goes upstream.

use std::fmt;
use std::str::FromStr;

use comity_vocab::{Digest, MeansSet, OfferingId, TermId};
use serde::{Deserialize, Serialize};

use crate::limits::CANDIDATES_NAMED_MAX;
use crate::{Classes, Minute, Outcome};

/// One decision about one hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionLeaf {
    /// [`crate::call_digest`]: joins the hops of one call.
    pub call: Digest,
    /// 0 for the first attempt, then one more for each fallback.
    pub hop: u32,
    /// What became of the hop before; none at hop 0.
    pub previous: Option<Outcome>,
    /// Digest of the decision: `Permit`, `Receipt` and prepared call must agree on it.
    pub decision: Digest,
    /// Digest of the generation of terms.
    pub terms: Digest,
    /// Digest of the generation of the catalogue.
    pub catalogue: Digest,
    /// [`crate::facts_digest`] of the private fact record.
    pub facts: Digest,
    /// The offerings that were considered; none in leaves of version 1, which did not say.
    pub candidates: Option<Candidates>,
    /// The offering of a permit; of a denial, the one asked for, or none when nothing was admitted.
    pub offering: Option<OfferingId>,
    /// Permit or denial.
    pub verdict: Verdict,
    /// What the gateway must do to the call.
    pub means: MeansSet,
    /// The terms that decided, in the order of the decision.
    pub term_ids: Vec<TermId>,
    /// What was in the call, as bits.
    pub classes: Classes,
    /// [`crate::coarse`] of the body's bytes.
    pub size_class: u8,
    /// Salted commitments to what the leaf must not hold.
    pub commitments: Commitments,
    /// How durable the ledger was asked to be.
    pub durability: Durability,
    /// When, to the minute.
    pub minute: Minute,
}

/// The offerings that a decision considered, in the order of the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidates {
    /// The first [`CANDIDATES_NAMED_MAX`] of them.
    pub first: Vec<OfferingId>,
    /// How many there were.
    pub total: u32,
}

/// Salted commitments (see [`crate::commitment`]), each with a salt of its own so that one can be opened without the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitments {
    /// To the body of the call.
    pub call: Digest,
    /// To the caller's key.
    pub caller: Digest,
    /// To the number of this call among those of its key.
    pub sequence: Digest,
    /// To the workload.
    pub workload: Digest,
}

/// Permit or denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The call may go to the offering.
    Permit,
    /// It may not.
    Denial,
}

/// What "written" means for this ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Flushed to the disk: survives a loss of power.
    #[default]
    Commit,
    /// Handed to the operating system: survives a crash of the gateway; a loss of power may take the last milliseconds.
    Os,
}

/// The fields as they are written: sorted by name, which is the whole of RFC 8785 for ASCII names, short integers and plain text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionWire {
    call: Digest,
    // Since version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    candidates: Option<Candidates>,
    catalogue: Digest,
    classes: Classes,
    commitments: Commitments,
    decision: Digest,
    durability: Durability,
    facts: Digest,
    hop: u32,
    kind: DecisionKind,
    means: MeansSet,
    minute: Minute,
    offering: Option<OfferingId>,
    previous: Option<Outcome>,
    size_class: u8,
    term_ids: Vec<TermId>,
    terms: Digest,
    v: u32,
    verdict: Verdict,
}

/// The version that is written.
pub(crate) const DECISION_VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
enum DecisionKind {
    #[serde(rename = "decision")]
    Decision,
}

// === impl Candidates ===

impl Candidates {
    /// Those of a question, of which only the first are named.
    #[must_use]
    pub fn of(ids: &[OfferingId]) -> Self {
        Self { first: ids.iter().take(CANDIDATES_NAMED_MAX).cloned().collect(), total: u32::try_from(ids.len()).unwrap_or(u32::MAX) }
    }
}

// === impl Verdict ===

impl Verdict {
    /// The name in the leaf.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Denial => "denial",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl Durability ===

impl Durability {
    /// The name in the leaf and in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Os => "os",
        }
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "commit" => Ok(Self::Commit),
            "os" => Ok(Self::Os),
            _ => Err(format!("unknown durability `{text}`: use commit or os")),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl DecisionWire ===

impl DecisionWire {
    pub(crate) const fn version(&self) -> u32 {
        self.v
    }
}

impl From<&DecisionLeaf> for DecisionWire {
    fn from(leaf: &DecisionLeaf) -> Self {
        Self {
            call: leaf.call,
            candidates: leaf.candidates.clone(),
            catalogue: leaf.catalogue,
            classes: leaf.classes,
            commitments: leaf.commitments,
            decision: leaf.decision,
            durability: leaf.durability,
            facts: leaf.facts,
            hop: leaf.hop,
            kind: DecisionKind::Decision,
            means: leaf.means,
            minute: leaf.minute,
            offering: leaf.offering.clone(),
            previous: leaf.previous,
            size_class: leaf.size_class,
            term_ids: leaf.term_ids.clone(),
            terms: leaf.terms,
            v: if leaf.candidates.is_some() { DECISION_VERSION } else { 1 },
            verdict: leaf.verdict,
        }
    }
}

impl From<DecisionWire> for DecisionLeaf {
    fn from(wire: DecisionWire) -> Self {
        Self {
            call: wire.call,
            hop: wire.hop,
            previous: wire.previous,
            decision: wire.decision,
            terms: wire.terms,
            catalogue: wire.catalogue,
            facts: wire.facts,
            candidates: wire.candidates,
            offering: wire.offering,
            verdict: wire.verdict,
            means: wire.means,
            term_ids: wire.term_ids,
            classes: wire.classes,
            size_class: wire.size_class,
            commitments: wire.commitments,
            durability: wire.durability,
            minute: wire.minute,
        }
    }
}

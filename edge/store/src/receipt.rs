//! The proof that a decision leaf is durable. Nothing may go upstream without one.
//!
//! Only the sequencer makes receipts, after COMMIT; they cannot be copied.

use comity_ledger::{DecisionLeaf, Verdict};
use comity_vocab::{Digest, OfferingId};

use crate::append::Decided;

/// One decision is in the ledger. Used up by sending the call.
///
/// It cannot be made elsewhere:
///
/// ```compile_fail,E0451
/// fn forge(decision: comity_vocab::Digest) -> comity_store::Receipt {
///     comity_store::Receipt { decision, call: decision, hop: 0, leaf: 0, sequence: 0, offering: None }
/// }
/// ```
///
/// And it cannot be used twice:
///
/// ```compile_fail,E0382
/// fn twice(receipt: comity_store::Receipt) -> [comity_store::Receipt; 2] {
///     [receipt, receipt]
/// }
/// ```
#[derive(Debug)]
pub struct Receipt {
    decision: Digest,
    call: Digest,
    hop: u32,
    leaf: u64,
    sequence: u64,
    offering: Option<OfferingId>,
}

// === impl Receipt ===

impl Receipt {
    // INVARIANT: called by the writer only, after COMMIT. A denial's receipt names no offering, so it opens no way.
    pub(crate) fn after_commit(leaf: &DecisionLeaf, decided: Decided) -> Self {
        let offering = match leaf.verdict {
            Verdict::Permit => leaf.offering.clone(),
            Verdict::Denial => None,
        };
        Self { decision: leaf.decision, call: leaf.call, hop: leaf.hop, leaf: decided.index, sequence: decided.sequence, offering }
    }

    /// The digest that permit and prepared call must bear too.
    #[must_use]
    pub const fn decision(&self) -> Digest {
        self.decision
    }

    /// The digest of the call's id.
    #[must_use]
    pub const fn call(&self) -> Digest {
        self.call
    }

    /// The hop of the call.
    #[must_use]
    pub const fn hop(&self) -> u32 {
        self.hop
    }

    /// The index of the leaf.
    #[must_use]
    pub const fn leaf(&self) -> u64 {
        self.leaf
    }

    /// The number of the call among those of its API key, from 1 without gaps.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The offering that the leaf permits; none for a denial.
    #[must_use]
    pub const fn offering(&self) -> Option<&OfferingId> {
        self.offering.as_ref()
    }
}

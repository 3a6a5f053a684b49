//! A decision on its way into the ledger: its leaf, and what is kept beside it, encrypted and erasable.

use comity_ledger::{DecisionLeaf, commitment};

use crate::Whose;

/// A decision to be written. It has no `Debug`: it holds private facts.
#[derive(Clone)]
pub struct Draft {
    /// The leaf. The store sets its durability and its commitment to the sequence number.
    pub leaf: DecisionLeaf,
    /// The private fact record, of which the leaf names the digest; the store does not look into it.
    pub record: Vec<u8>,
    /// Whose it is: says under which key it is encrypted.
    pub whose: Whose,
    /// Which number the call gets.
    pub sequence: Sequence,
    /// The body of the call, where it is to be kept.
    pub content: Option<Vec<u8>>,
}

/// The number of a call among those of its API key.
#[derive(Clone)]
pub struct Sequence {
    /// The key's public part; empty for calls without a key, which share one sequence.
    pub key: String,
    /// The salt of the leaf's commitment to the number.
    pub salt: [u8; 32],
    /// At later hops, the number that the first one got; else the store gives out the next.
    pub number: Option<u64>,
}

// === impl Draft ===

impl Draft {
    /// The leaf with the commitment to its number: 8 bytes, big-endian, domain `sequence`.
    pub(crate) fn leaf(&self, sequence: u64) -> DecisionLeaf {
        let mut leaf = self.leaf.clone();
        leaf.commitments.sequence = commitment("sequence", &self.sequence.salt, &sequence.to_be_bytes());
        leaf
    }
}

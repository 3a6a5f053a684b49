//! One entry of the ledger and its canonical bytes (RFC 8785): the bytes are what the tree hashes, so one leaf has exactly one form.
//!
//! Never accept other bytes for the same leaf: a second form would be a second hash.

use serde::{Deserialize, Serialize};

use crate::decision::{DecisionLeaf, DecisionWire};
use crate::outcome::{OutcomeLeaf, OutcomeWire};

/// What one entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// What was decided for one hop.
    Decision(DecisionLeaf),
    /// How a call ended.
    Outcome(OutcomeLeaf),
}

/// Bytes that are not a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not the JSON of a leaf.
    #[error("not a leaf: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error("leaf of version {found}, this program reads version {VERSION}")]
    Version {
        /// The version in the bytes.
        found: u32,
    },
    /// A kind that this program does not know.
    #[error("leaf of unknown kind `{0}`")]
    Kind(String),
    /// A leaf in other bytes than its canonical ones.
    #[error("leaf is not in canonical form")]
    NotCanonical,
}

/// The version of both kinds of leaf.
pub(crate) const VERSION: u32 = 1;

/// What every leaf of every version has.
#[derive(Deserialize)]
struct Head {
    kind: String,
    v: u32,
}

// === impl Leaf ===

impl Leaf {
    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Decision(leaf) => leaf.to_bytes(),
            Self::Outcome(leaf) => leaf.to_bytes(),
        }
    }

    /// Reads a leaf back, from its canonical bytes only.
    ///
    /// # Errors
    /// [`LeafError`] for anything that [`Leaf::to_bytes`] would not have written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LeafError> {
        let leaf = parse(bytes)?;
        if leaf.to_bytes() == bytes { Ok(leaf) } else { Err(LeafError::NotCanonical) }
    }
}

impl DecisionLeaf {
    /// The canonical bytes of the leaf.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(&DecisionWire::from(self))
    }
}

impl OutcomeLeaf {
    /// The canonical bytes of the leaf.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(&OutcomeWire::from(self))
    }
}

impl From<DecisionLeaf> for Leaf {
    fn from(leaf: DecisionLeaf) -> Self {
        Self::Decision(leaf)
    }
}

impl From<OutcomeLeaf> for Leaf {
    fn from(leaf: OutcomeLeaf) -> Self {
        Self::Outcome(leaf)
    }
}

fn parse(bytes: &[u8]) -> Result<Leaf, LeafError> {
    let head: Head = read(bytes)?;
    if head.v != VERSION {
        return Err(LeafError::Version { found: head.v });
    }
    match head.kind.as_str() {
        "decision" => Ok(Leaf::Decision(read::<DecisionWire>(bytes)?.into())),
        "outcome" => Ok(Leaf::Outcome(read::<OutcomeWire>(bytes)?.into())),
        _ => Err(LeafError::Kind(head.kind)),
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, LeafError> {
    serde_json::from_slice(bytes).map_err(|error| LeafError::Malformed(error.to_string()))
}

// INVARIANT: field names are ASCII and declared in sorted order, numbers are integers below 2^53. Then serde_json's compact form is
// RFC 8785; `tests/it/leaf.rs` holds it equal to an independent implementation.
#[expect(clippy::expect_used, reason = "a struct of plain fields with text keys always serialises to memory")]
fn canonical<T: Serialize>(wire: &T) -> Vec<u8> {
    serde_json::to_vec(wire).expect("plain fields serialise")
}

//! Leaf, tree, commitment, proof: the pure part of the ledger.
//!
//! A leaf is what an outsider may check for ever, so it never holds personal data: only digests, salted commitments, names of offerings and
//! terms, and coarse sizes and times. Nothing here reads a clock, a disk or randomness; salts and instants come in as arguments.

mod coarse;
mod commitment;
mod decision;
mod event;
mod leaf;
mod limits;
mod outcome;
mod tree;

pub use coarse::{Classes, Minute, Month, coarse};
pub use commitment::{AnswerCommitment, call_digest, commitment, facts_digest};
pub use decision::{Candidates, Commitments, DecisionLeaf, Durability, Verdict};
pub use event::{Changed, Drill, DrillPhase, Erased, ErasureReason, ErasureScope, Event, EventLeaf, KeyChanged, KeyKind, Started, Stopped};
pub use leaf::{Leaf, LeafError};
pub use limits::{CANDIDATES_NAMED_MAX, LEAF_BYTES_MAX, PROOF_HASHES_MAX, TREE_SIZE_MAX};
pub use outcome::{Cost, Outcome, OutcomeLeaf, Performed};
pub use tree::{
    EMPTY_ROOT, Hashes, StoredAt, Tree, TreeError, check_consistency, check_inclusion, leaf_hash, prove_consistency, prove_inclusion,
};

//! Leaf, tree, commitment, proof: the pure part of the ledger.
//!
//! A leaf is what an outsider may check for ever, so it never holds personal data: only digests, salted commitments, names of offerings and
//! terms, and coarse sizes and times. Nothing here reads a clock, a disk or randomness; salts and instants come in as arguments.

mod audit;
mod census;
mod checkpoint;
mod coarse;
mod commitment;
mod cosignature;
mod decision;
mod event;
mod key;
mod leaf;
mod limits;
mod line;
mod note;
mod outcome;
mod policy;
mod proof_file;
mod spot;
mod tile;
mod tree;
mod witness;

pub use audit::{AuditError, Audited, Auditor, ExpectedTile, HashedBundle, Served, Visit, audit, check_root};
pub use census::{Census, CensusError, Counts};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use coarse::{Classes, Minute, Month, coarse};
pub use commitment::{AnswerCommitment, call_digest, commitment, facts_digest};
pub use cosignature::{PosixSeconds, cosign, cosigned_message};
pub use decision::{Candidates, Commitments, DecisionLeaf, Durability, Verdict};
pub use event::{
    Changed, ChangedKeys, Drill, DrillPhase, Erased, ErasureReason, ErasureScope, Event, EventLeaf, KeyChanged, ProofDone, ProofVerdict,
    PropertyName, Started, Stopped,
};
pub use key::{KeyError, KeyKind, SigningSeed, VerifierKey};
pub use leaf::{Leaf, LeafError};
pub use limits::{
    CANDIDATES_NAMED_MAX, LEAF_BYTES_MAX, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, POLICY_BYTES_MAX, POLICY_LINES_MAX, PROOF_EXTRA_BYTES_MAX,
    PROOF_FILE_BYTES_MAX, PROOF_HASHES_MAX, TILE_LEVEL_MAX, TILES_KEPT_MAX, TREE_SIZE_MAX, WITNESS_HASHES_MAX,
};
pub use note::{Note, NoteError, SignatureLine, Verified, signature_lines};
pub use outcome::{Cost, Outcome, OutcomeLeaf, Performed};
pub use policy::{Lack, MemberName, Party, Policy, PolicyError, PolicyProblem, Satisfied, Unsatisfied};
pub use proof_file::{ProofFile, ProofFileError};
pub use spot::{ServedHashes, check_growth, check_leaf};
pub use tile::{BundleAt, TILE_WIDTH, TileAt, TileError, bundles, new_bundles, new_tiles, tiles};
pub use tree::{
    EMPTY_ROOT, Hashes, StoredAt, Tree, TreeError, check_consistency, check_inclusion, leaf_hash, prove_consistency, prove_inclusion,
};
pub use witness::{AddCheckpoint, WitnessRefusal, judge};

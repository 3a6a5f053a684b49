//! Proof files (C2SP tlog-proof): all that an outsider needs to check one leaf offline, but the leaf and the keys that he trusts.
//!
//! The extra data is not authenticated; nothing here reads it.

use std::fmt;
use std::str::FromStr;

use comity_vocab::Digest;

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::limits::{PROOF_EXTRA_BYTES_MAX, PROOF_FILE_BYTES_MAX, PROOF_HASHES_MAX};
use crate::line;
use crate::policy::{Policy, Satisfied, Unsatisfied};
use crate::tree::{self, TreeError};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// An inclusion proof and the checkpoint that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// Opaque and not authenticated.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub hashes: Vec<Digest>,
    /// The checkpoint, cosigned or not.
    pub checkpoint: SignedCheckpoint,
}

/// A file that is not a proof, or one that proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFileError {
    /// Longer than any proof.
    #[error("the proof has {0} bytes, at most {PROOF_FILE_BYTES_MAX} are read")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the proof is not UTF-8")]
    NotUtf8,
    /// A line is not what it should be.
    #[error("line {line} of the proof: {expected} is expected")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The checkpoint in it is not one.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The policy does not accept the checkpoint.
    #[error(transparent)]
    Unsatisfied(#[from] Unsatisfied),
    /// The leaf is not where the proof says.
    #[error(transparent)]
    Proof(#[from] TreeError),
}

// === impl ProofFile ===

impl ProofFile {
    /// Reads a proof file.
    ///
    /// # Errors
    /// [`ProofFileError`] for anything that is not exactly one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofFileError> {
        if bytes.len() > PROOF_FILE_BYTES_MAX {
            return Err(ProofFileError::TooLong(bytes.len()));
        }
        std::str::from_utf8(bytes).map_err(|_| ProofFileError::NotUtf8)?.parse()
    }

    /// Checks that `leaf` (its bytes) is in the log, under a checkpoint that `policy` accepts.
    ///
    /// # Errors
    /// [`ProofFileError::Unsatisfied`] or [`ProofFileError::Proof`].
    pub fn verify(&self, leaf: &[u8], policy: &Policy) -> Result<Satisfied, ProofFileError> {
        let satisfied = policy.satisfied_by(&self.checkpoint)?;
        let head = self.checkpoint.unverified();
        tree::check_inclusion(&self.hashes, (head.size(), head.root()), (self.index, tree::leaf_hash(leaf)))?;
        Ok(satisfied)
    }
}

/// The file.
impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", line::to_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", line::hash_text(*hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for ProofFile {
    type Err = ProofFileError;

    fn from_str(text: &str) -> Result<Self, ProofFileError> {
        if text.len() > PROOF_FILE_BYTES_MAX {
            return Err(ProofFileError::TooLong(text.len()));
        }
        // The first empty line ends the proof; lines before it cannot be empty, the checkpoint behind it has its own.
        let (proof, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| wrong(text.split('\n').count(), "an empty line and a checkpoint"))?;
        let mut lines = (1..).zip(proof.split('\n')).peekable();
        if lines.next().map(|(_, line)| line) != Some(HEADER) {
            return Err(wrong(1, "`c2sp.org/tlog-proof@v1`"));
        }
        let extra = lines.next_if(|(_, line)| line.starts_with("extra ")).map(extra).transpose()?;
        let index = lines.next().and_then(|(_, line)| line::decimal(line.strip_prefix("index ")?));
        let index = index.ok_or_else(|| wrong(if extra.is_some() { 3 } else { 2 }, "`index` and a number without leading zeros"))?;
        let hashes = lines.map(|(number, line)| line::hash(line).ok_or_else(|| wrong(number, "a hash, 32 bytes in base64")));
        let hashes: Vec<Digest> = hashes.collect::<Result<_, _>>()?;
        if hashes.len() > PROOF_HASHES_MAX {
            return Err(TreeError::Invalid.into());
        }
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.parse()? })
    }
}

fn extra((number, line): (usize, &str)) -> Result<Vec<u8>, ProofFileError> {
    let bytes = line.strip_prefix("extra ").and_then(line::from_base64).filter(|bytes| bytes.len() <= PROOF_EXTRA_BYTES_MAX);
    bytes.ok_or_else(|| wrong(number, "`extra` and base64 of at most 65536 bytes"))
}

const fn wrong(line: usize, expected: &'static str) -> ProofFileError {
    ProofFileError::Line { line, expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::key::{KeyKind, SigningSeed};

    const LEAF: &[u8] = b"a leaf";

    fn policy() -> Policy {
        let key = SigningSeed::new(&[1; 32]).verifier("log.example", KeyKind::Ed25519).unwrap();
        Policy::from_bytes(format!("log {key}\nquorum none\n").as_bytes()).unwrap()
    }

    /// A proof for the second of three leaves.
    fn proof() -> ProofFile {
        let leaves = [b"first".as_slice(), LEAF, b"third"].map(tree::leaf_hash);
        let root = tree::node_hash(tree::node_hash(leaves[0], leaves[1]), leaves[2]);
        let checkpoint = Checkpoint::new("log.example", 3, root).unwrap();
        let line = checkpoint.sign(&SigningSeed::new(&[1; 32])).unwrap();
        let checkpoint = SignedCheckpoint::new(checkpoint, line).unwrap();
        ProofFile { extra: Some(b"salt".to_vec()), index: 1, hashes: vec![leaves[0], leaves[2]], checkpoint }
    }

    #[test]
    fn a_proof_is_read_back_and_verifies() {
        for proof in [proof(), ProofFile { extra: None, ..proof() }, ProofFile { extra: Some(Vec::new()), ..proof() }] {
            let text = proof.to_string();
            assert_eq!(text.parse(), Ok(proof.clone()));
            assert_eq!(ProofFile::from_bytes(text.as_bytes()).unwrap().verify(LEAF, &policy()).unwrap().log.name(), "log.example");
        }
        assert!(proof().to_string().starts_with("c2sp.org/tlog-proof@v1\nextra c2FsdA==\nindex 1\n"));
    }

    #[test]
    fn another_leaf_index_hash_or_log_is_refused() {
        let invalid = Err(ProofFileError::Proof(TreeError::Invalid));
        assert_eq!(proof().verify(b"another", &policy()), invalid);
        assert_eq!(ProofFile { index: 0, ..proof() }.verify(LEAF, &policy()), invalid);
        assert_eq!(ProofFile { index: 3, ..proof() }.verify(LEAF, &policy()), Err(ProofFileError::Proof(TreeError::Outside(3, 3))));
        assert_eq!(ProofFile { hashes: Vec::new(), ..proof() }.verify(LEAF, &policy()), invalid);
        let stranger = SigningSeed::new(&[2; 32]).verifier("log.example", KeyKind::Ed25519).unwrap();
        assert!(matches!(proof().verify(LEAF, &policy().for_log(stranger)), Err(ProofFileError::Unsatisfied(_))));
    }

    #[test]
    fn every_flipped_byte_but_those_of_the_extra_data_is_refused() {
        let bytes = ProofFile { extra: None, ..proof() }.to_string().into_bytes();
        for at in 0..bytes.len() {
            for flip in [1, 0x80] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                let read = ProofFile::from_bytes(&bad);
                assert!(!read.is_ok_and(|proof| proof.verify(LEAF, &policy()).is_ok()), "byte {at}");
            }
        }
    }

    #[test]
    fn what_is_not_a_proof_names_the_line() {
        let check = |from: &str, to: &str, expected: &str| {
            let text = proof().to_string().replacen(from, to, 1);
            assert_eq!(text.parse::<ProofFile>().unwrap_err().to_string(), expected, "{text}");
        };
        check("@v1", "@v2", "line 1 of the proof: `c2sp.org/tlog-proof@v1` is expected");
        check("c2FsdA==", "c2FsdA=", "line 2 of the proof: `extra` and base64 of at most 65536 bytes is expected");
        check("index 1", "index 01", "line 3 of the proof: `index` and a number without leading zeros is expected");
        check("index 1\n", "index 1\nAAAA\n", "line 4 of the proof: a hash, 32 bytes in base64 is expected");
        check("\n\n", "\n", "line 6 of the proof: a hash, 32 bytes in base64 is expected");
        assert_eq!(HEADER.parse::<ProofFile>(), Err(wrong(1, "an empty line and a checkpoint")));
    }

    #[test]
    fn its_length_is_bounded() {
        let hashes = vec![Digest::from_bytes([0; 32]); PROOF_HASHES_MAX + 1];
        assert_eq!(ProofFile { hashes, ..proof() }.to_string().parse::<ProofFile>(), Err(ProofFileError::Proof(TreeError::Invalid)));
        assert!(ProofFile { extra: Some(vec![0; PROOF_EXTRA_BYTES_MAX + 1]), ..proof() }.to_string().parse::<ProofFile>().is_err());
        let long = vec![b'a'; PROOF_FILE_BYTES_MAX + 1];
        assert_eq!(ProofFile::from_bytes(&long), Err(ProofFileError::TooLong(long.len())));
    }
}

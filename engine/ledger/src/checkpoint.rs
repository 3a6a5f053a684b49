//! Checkpoints (C2SP tlog-checkpoint): the size and root of a log at one moment, as a signed note.
//!
//! Extension lines are accepted when read and stay in the signed text, but nothing here writes or believes them.

use std::fmt;
use std::str::FromStr;

use comity_vocab::Digest;

use crate::key::{KeyKind, SigningSeed, VerifierKey};
use crate::limits::TREE_SIZE_MAX;
use crate::line;
use crate::note::{Note, NoteError, SignatureLine, Verified};

/// What a log says about itself: this many leaves, this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Digest,
}

/// A checkpoint and who signed it. Nothing is verified by reading one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// A text that is not a checkpoint, or one that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note, or its signatures do not hold.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line is not what it should be.
    #[error("line {line} of the checkpoint: {expected} is expected")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A checkpoint of another log.
    #[error("the checkpoint is of log `{found}`, the key is of log `{expected}`")]
    Origin {
        /// The origin in the checkpoint.
        found: String,
        /// The name of the key.
        expected: String,
    },
}

// === impl Checkpoint ===

impl Checkpoint {
    /// A checkpoint of the log `origin`, which is also the name of the log's key.
    ///
    /// # Errors
    /// [`CheckpointError::Line`] when the origin is empty or more than a line, or the size is beyond [`TREE_SIZE_MAX`].
    pub fn new(origin: &str, size: u64, root: Digest) -> Result<Self, CheckpointError> {
        if origin.is_empty() || origin.bytes().any(|byte| byte < 0x20) {
            return Err(CheckpointError::Line { line: 1, expected: "the name of a log" });
        }
        if size > TREE_SIZE_MAX {
            return Err(CheckpointError::Line { line: 2, expected: "a number of leaves up to 2^61" });
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Reads the text of a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Line`] for the first line that is not as the specification says.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |line, expected| CheckpointError::Line { line, expected };
        let body = text.strip_suffix('\n').ok_or_else(|| wrong(text.lines().count().max(1), "a newline at the end"))?;
        let lines: Vec<&str> = body.split('\n').collect();
        let [origin, size, root, extensions @ ..] = lines.as_slice() else {
            return Err(wrong(lines.len() + 1, "one of the lines origin, size and root"));
        };
        let size = line::decimal(size).ok_or_else(|| wrong(2, "a number of leaves, without leading zeros"))?;
        let root = line::hash(root).ok_or_else(|| wrong(3, "a root hash, 32 bytes in base64"))?;
        if let Some(at) = extensions.iter().position(|line| line.is_empty()) {
            return Err(wrong(at + 4, "an extension line that is not empty"));
        }
        Self::new(origin, size, root)
    }

    /// The name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// The bytes that the log's key signs: the text. What comes back goes into [`SignatureLine::ed25519`].
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// The checkpoint signed with a seed, under its origin as the key's name.
    ///
    /// # Errors
    /// [`crate::KeyError::Name`] when the origin cannot be the name of a key.
    pub fn sign(&self, seed: &SigningSeed) -> Result<SignatureLine, crate::KeyError> {
        let key = seed.verifier(&self.origin, KeyKind::Ed25519)?;
        Ok(SignatureLine::ed25519(&key, &seed.sign(&self.message())))
    }
}

/// The text: three lines.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, line::hash_text(self.root))
    }
}

// === impl SignedCheckpoint ===

impl SignedCheckpoint {
    /// A checkpoint with its first signature.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] when the origin is too long for a note.
    pub fn new(checkpoint: Checkpoint, line: SignatureLine) -> Result<Self, CheckpointError> {
        let note = Note::new(&checkpoint.to_string(), line)?;
        Ok(Self { checkpoint, note })
    }

    /// The same with one more signature.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] when it has too many already.
    pub fn with(self, line: SignatureLine) -> Result<Self, CheckpointError> {
        Ok(Self { checkpoint: self.checkpoint, note: self.note.with(line)? })
    }

    /// Reads a signed checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] for anything that is not exactly one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Self::from_note(Note::from_bytes(bytes)?)
    }

    fn from_note(note: Note) -> Result<Self, CheckpointError> {
        Ok(Self { checkpoint: Checkpoint::from_text(note.text())?, note })
    }

    /// What it says, believed or not: to choose keys and to show. Believe [`SignedCheckpoint::verify`].
    #[must_use]
    pub const fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, with the exact signed text and all signatures.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The checkpoint, if the log's `key` signed it and bears its name.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] or [`CheckpointError::Note`].
    pub fn verify(&self, key: &VerifierKey) -> Result<&Checkpoint, CheckpointError> {
        if self.checkpoint.origin != key.name() {
            return Err(CheckpointError::Origin { found: self.checkpoint.origin.clone(), expected: key.name().to_owned() });
        }
        self.note.verify(&[key])?;
        Ok(&self.checkpoint)
    }

    /// Takes over from `lines` (a witness's answer) the cosignatures that hold and are of `keys`; others are dropped. Says whose and when.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] when a cosignature of one of `keys` does not hold, or none is there.
    pub fn with_cosignatures<'a>(
        self,
        lines: &[SignatureLine],
        keys: &[&'a VerifierKey],
    ) -> Result<(Self, Vec<Verified<'a>>), CheckpointError> {
        let known: Vec<&SignatureLine> = lines.iter().filter(|line| keys.iter().any(|key| line.claims(key))).collect();
        let Some((first, others)) = known.split_first() else {
            return Err(NoteError::Unknown(crate::note::names(lines)).into());
        };
        let first = Note::new(self.note.text(), (*first).clone())?;
        let answer = others.iter().try_fold(first, |note, line| note.with((*line).clone()))?;
        let verified = answer.verify(keys)?;
        let all = answer.lines().iter().try_fold(self, |checkpoint, line| checkpoint.with(line.clone()))?;
        Ok((all, verified))
    }
}

/// The signed note, byte for byte as it was read.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

impl FromStr for SignedCheckpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        Self::from_note(text.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosignature::{PosixSeconds, cosign};
    use crate::note::signature_lines;

    /// The specification's example.
    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    const LINES: &str = "— example.com/behind-the-sofa \
        Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 \
        jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    fn seed() -> SigningSeed {
        SigningSeed::new(&[1; 32])
    }

    fn signed() -> (VerifierKey, SignedCheckpoint) {
        let checkpoint = Checkpoint::new("log.example/1", 3, Digest::from_bytes([4; 32])).unwrap();
        let line = checkpoint.sign(&seed()).unwrap();
        (seed().verifier("log.example/1", KeyKind::Ed25519).unwrap(), SignedCheckpoint::new(checkpoint, line).unwrap())
    }

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let text = format!("{TEXT}\n{LINES}");
        let signed: SignedCheckpoint = text.parse().unwrap();
        assert_eq!((signed.unverified().origin(), signed.unverified().size()), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(signed.unverified().to_string(), TEXT);
        assert_eq!(signed.to_string(), text);
    }

    #[test]
    fn a_checkpoint_verifies_under_the_key_of_its_own_log_only() {
        let (key, signed) = signed();
        assert_eq!(signed.verify(&key), Ok(signed.unverified()));
        let other = seed().verifier("log.example/2", KeyKind::Ed25519).unwrap();
        assert_eq!(
            signed.verify(&other).unwrap_err().to_string(),
            "the checkpoint is of log `log.example/1`, the key is of log `log.example/2`"
        );
        let stranger = SigningSeed::new(&[2; 32]).verifier("log.example/1", KeyKind::Ed25519).unwrap();
        assert!(matches!(signed.verify(&stranger), Err(CheckpointError::Note(NoteError::Unknown(_)))));
    }

    #[test]
    fn every_flipped_byte_is_refused() {
        let (key, signed) = signed();
        let bytes = signed.to_string().into_bytes();
        for at in 0..bytes.len() {
            for flip in [1, 0x20, 0x80] {
                let mut bad = bytes.clone();
                bad[at] ^= flip;
                let read = SignedCheckpoint::from_bytes(&bad);
                assert!(!read.is_ok_and(|read| read.verify(&key).is_ok()), "byte {at} ^ {flip}");
            }
        }
    }

    #[test]
    fn extension_lines_are_kept_in_the_signed_text() {
        let text = format!("log.example/1\n0\n{}\nextension\n", line::hash_text(Digest::from_bytes([4; 32])));
        let key = seed().verifier("log.example/1", KeyKind::Ed25519).unwrap();
        let note = Note::new(&text, SignatureLine::ed25519(&key, &seed().sign(text.as_bytes()))).unwrap();
        let read: SignedCheckpoint = note.to_string().parse().unwrap();
        read.verify(&key).unwrap();
        assert_eq!((read.note().text(), read.to_string()), (text.as_str(), note.to_string()));
    }

    #[test]
    fn what_is_not_a_checkpoint_names_the_line() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Checkpoint::from_text(text).unwrap_err().to_string(), expected, "{text:?}");
        };
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        check("", "line 1 of the checkpoint: a newline at the end is expected");
        check("a\n1\n", "line 3 of the checkpoint: one of the lines origin, size and root is expected");
        check(&format!("\n1\n{root}\n"), "line 1 of the checkpoint: the name of a log is expected");
        check(&format!("a\n01\n{root}\n"), "line 2 of the checkpoint: a number of leaves, without leading zeros is expected");
        check(&format!("a\n2305843009213693953\n{root}\n"), "line 2 of the checkpoint: a number of leaves up to 2^61 is expected");
        check("a\n1\nAAAA\n", "line 3 of the checkpoint: a root hash, 32 bytes in base64 is expected");
        check(&format!("a\n1\n{root}\nx\n\n"), "line 5 of the checkpoint: an extension line that is not empty is expected");
    }

    #[test]
    fn a_witness_answer_is_taken_over_when_it_holds() {
        let (key, signed) = signed();
        let witness = SigningSeed::new(&[5; 32]);
        let verifier = witness.verifier("w", KeyKind::Cosignature).unwrap();
        let time = PosixSeconds::new(9).unwrap();
        let line = cosign(&witness, "w", (signed.note().text(), time)).unwrap();
        let answer = format!("— stranger AAAAAAA=\n{line}");
        let (both, verified) = signed.clone().with_cosignatures(&signature_lines(&answer).unwrap(), &[&verifier]).unwrap();
        assert_eq!(verified, [Verified { key: &verifier, time: Some(time) }]);
        assert_eq!(both.to_string(), format!("{signed}{line}"));
        both.verify(&key).unwrap();
        let other = cosign(&witness, "w", ("another text\n", time)).unwrap();
        assert!(signed.clone().with_cosignatures(&[other], &[&verifier]).is_err());
        assert!(signed.with_cosignatures(&[], &[&verifier]).is_err());
    }
}

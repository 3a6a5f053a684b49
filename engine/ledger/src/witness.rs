//! What a log asks of a witness (C2SP tlog-witness, add-checkpoint), and the witness's judgement.
//!
//! Judging is pure and changes nothing: the witness must persist the new head, in one step with comparing the old one, before it answers. A
//! head that was judged against anything but the latest one rolls a log back.

use std::fmt;
use std::str::FromStr;

use comity_vocab::Digest;

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::key::VerifierKey;
use crate::limits::{NOTE_BYTES_MAX, WITNESS_HASHES_MAX};
use crate::line;
use crate::tree::{EMPTY_ROOT, check_consistency};

/// The body of an add-checkpoint request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the log believes the witness saw last.
    pub old: u64,
    /// A consistency proof from there.
    pub proof: Vec<Digest>,
    /// The new head.
    pub checkpoint: SignedCheckpoint,
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// Not a request (400).
    #[error("not an add-checkpoint request: {0}")]
    Malformed(String),
    /// A log that the witness does not follow (404).
    #[error("the log `{0}` is not known here")]
    UnknownOrigin(String),
    /// Not signed by a key of that log, or falsely (403).
    #[error(transparent)]
    Unsigned(CheckpointError),
    /// A head smaller than what it is said to follow (400).
    #[error("the old size {old} is above the size {size} of the checkpoint")]
    Backwards {
        /// As asked.
        old: u64,
        /// Of the checkpoint.
        size: u64,
    },
    /// The witness saw another size last (409).
    #[error("the latest size cosigned here is {latest}")]
    Conflict {
        /// The size of the latest checkpoint cosigned; 0 for none.
        latest: u64,
    },
    /// The new head does not follow from the latest (422).
    #[error("the checkpoint is not consistent with the latest one cosigned here")]
    Inconsistent,
}

/// Judges `request`. `keys` are those that the witness trusts for the request's origin, none for a log that it does not follow; `latest` is
/// the head that it cosigned last, if any. The checkpoint that comes back may be cosigned once it is persisted.
///
/// # Errors
/// [`WitnessRefusal`], in the order of the specification.
pub fn judge<'r>(
    request: &'r AddCheckpoint,
    keys: &[&VerifierKey],
    latest: Option<(u64, Digest)>,
) -> Result<&'r Checkpoint, WitnessRefusal> {
    let new = request.checkpoint.unverified();
    if keys.is_empty() {
        return Err(WitnessRefusal::UnknownOrigin(new.origin().to_owned()));
    }
    request.checkpoint.note().verify(keys).map_err(|error| WitnessRefusal::Unsigned(error.into()))?;
    if request.old > new.size() {
        return Err(WitnessRefusal::Backwards { old: request.old, size: new.size() });
    }
    let latest = latest.unwrap_or((0, EMPTY_ROOT));
    if request.old != latest.0 {
        return Err(WitnessRefusal::Conflict { latest: latest.0 });
    }
    // Covers the empty checkpoint's root, an empty proof from size zero, and equal roots at equal sizes.
    check_consistency(&request.proof, (new.size(), new.root()), latest).map_err(|_| WitnessRefusal::Inconsistent)?;
    Ok(new)
}

// === impl AddCheckpoint ===

impl AddCheckpoint {
    /// Reads a request.
    ///
    /// # Errors
    /// [`WitnessRefusal::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WitnessRefusal> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(WitnessRefusal::Malformed(format!("more than {NOTE_BYTES_MAX} bytes")));
        }
        std::str::from_utf8(bytes).map_err(|_| WitnessRefusal::Malformed("not UTF-8".to_owned()))?.parse()
    }
}

/// The body.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", line::hash_text(*hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for AddCheckpoint {
    type Err = WitnessRefusal;

    fn from_str(text: &str) -> Result<Self, WitnessRefusal> {
        let malformed = |reason: &str| WitnessRefusal::Malformed(reason.to_owned());
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(|| malformed("no empty line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line::decimal(line.strip_prefix("old ")?));
        let old = old.ok_or_else(|| malformed("the first line is `old` and a size without leading zeros"))?;
        let hashes: Option<Vec<Digest>> = lines.take(WITNESS_HASHES_MAX + 1).map(line::hash).collect();
        let proof = hashes.ok_or_else(|| malformed("a line of the proof is not a hash, 32 bytes in base64"))?;
        if proof.len() > WITNESS_HASHES_MAX {
            return Err(malformed("more than 63 lines of proof"));
        }
        let checkpoint = checkpoint.parse().map_err(|error: CheckpointError| WitnessRefusal::Malformed(error.to_string()))?;
        Ok(Self { old, proof, checkpoint })
    }
}

// === impl WitnessRefusal ===

impl WitnessRefusal {
    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Backwards { .. } => 400,
            Self::Unsigned(_) => 403,
            Self::UnknownOrigin(_) => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent => 422,
        }
    }

    /// The body of the answer and its `Content-Type`.
    #[must_use]
    pub fn body(&self) -> (String, &'static str) {
        match self {
            Self::Conflict { latest } => (format!("{latest}\n"), "text/x.tlog.size"),
            Self::Malformed(_) | Self::Backwards { .. } | Self::Unsigned(_) | Self::UnknownOrigin(_) | Self::Inconsistent => {
                (format!("{self}\n"), "text/plain; charset=utf-8")
            }
        }
    }
}

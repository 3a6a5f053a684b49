//! What can go wrong in the store, in words that a person can act on.
//!
//! Messages never hold a secret, a fact record or a key's secret part.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use comity_ledger::TreeError;
use comity_vocab::{Digest, KeyId};

use crate::custody::{LOCKED, OPEN_TO_OTHERS, WRONG_PASSPHRASE};

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another gateway holds the store.
    #[error("the store `{}` is in use by another gateway{}", .path.display(), .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The database.
        path: PathBuf,
        /// Who holds it, where known.
        pid: Option<u32>,
    },
    /// The ledger cannot be written now; the next write tries again. Callers get 503 `ledger_unavailable`.
    #[error("the ledger cannot be written: {0}")]
    Unavailable(Arc<str>),
    /// The database could not be read.
    #[error("the store cannot be read: {0}")]
    Unreadable(Arc<str>),
    /// A file beside the database could not be made or read.
    #[error("`{}` cannot be used: {reason}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// There is no store.
    #[error("there is no store at `{}`", .0.display())]
    NotFound(PathBuf),
    /// A file that is something else.
    #[error("`{}` is not a store of comity", .0.display())]
    Foreign(PathBuf),
    /// Written by a newer program.
    #[error("the store `{}` has schema {found}, this program knows schemas up to {known}", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// Written by an older program, and not upgraded yet.
    #[error("the store `{}` has schema {found}, and cannot be read before it is upgraded", .path.display())]
    Older {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// The key that wraps all tenants' keys is missing, open to others or another one.
    #[error("the master key `{}` {reason}", .path.display())]
    MasterKey {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// What is stored is not what was written.
    #[error("the ledger was changed at leaf {index}: {what}")]
    Tampered {
        /// The first leaf that is wrong.
        index: u64,
        /// What is wrong with it.
        what: String,
    },
    /// This decision or this hop of the call has its leaf already.
    #[error("decision `{}`, hop {hop}, is in the ledger already", .decision.short())]
    Duplicate {
        /// The decision.
        decision: Digest,
        /// The hop of its call.
        hop: u32,
    },
    /// The call has its outcome already.
    #[error("call `{}` has its outcome already", .call.short())]
    Ended {
        /// Digest of the call's id.
        call: Digest,
    },
    /// An outcome that names no permit of its call.
    #[error("decision `{}`, hop {hop}, is no permit of this call", .decision.short())]
    NoSuchPermit {
        /// The decision.
        decision: Digest,
        /// The hop of its call.
        hop: u32,
    },
    /// Something larger than its bound.
    #[error("{what} of {bytes} bytes is over the bound of {max}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The fact record is not the one that the leaf names.
    #[error("the fact record does not have the digest that its leaf names")]
    WrongRecord,
    /// Another text is kept under this digest.
    #[error("generation `{}` is kept with other bytes", .0.short())]
    GenerationDiffers(Digest),
    /// No decision begins so.
    #[error("no decision begins with `{prefix}`{}", pruned(*minimum))]
    NoSuchDecision {
        /// The first digits.
        prefix: String,
        /// The first leaf that was not pruned.
        minimum: u64,
    },
    /// More than one decision begins so.
    #[error("more than one decision begins with `{0}`")]
    AmbiguousDecision(String),
    /// Not the beginning of a decision's digest.
    #[error("`{0}` is not the beginning of a decision")]
    BadPrefix(String),
    /// A checkpoint that is not one of this ledger, or older than what others saw.
    #[error("a checkpoint of {size} leaves is not one of this ledger, or covers fewer leaves than the last")]
    NotOurs {
        /// What it covers.
        size: u64,
    },
    /// Another checkpoint of that log was cosigned in between.
    #[error("a checkpoint of {size} leaves was cosigned in between")]
    WitnessedMore {
        /// What the latest covers.
        size: u64,
    },
    /// Leaves that must stay.
    #[error("leaves before {minimum} cannot be pruned: only those before {most} can")]
    NotPrunable {
        /// What was asked.
        minimum: u64,
        /// What could be.
        most: u64,
    },
    /// The leaf is there no more; its hash is.
    #[error("leaf {index} was pruned: the first that is left is {minimum}")]
    Pruned {
        /// The leaf.
        index: u64,
        /// The first that is left.
        minimum: u64,
    },
    /// No such leaf or tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// No such API key.
    #[error("there is no key `{0}`")]
    UnknownKey(KeyId),
    /// A key that nobody could use.
    #[error("{0}")]
    BadKey(String),
    /// Encryption or the system's randomness failed.
    #[error("encryption failed")]
    Encryption,
}

// === impl StoreError ===

impl StoreError {
    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InUse { path, pid } => Some(in_use_hint(path, *pid)),
            Self::Unavailable(_) => Some("free some space on the disk or raise the size limit; writing goes on by itself".to_owned()),
            Self::File { path, .. } => Some(format!("check that the folder of `{}` exists, is writable and has space", path.display())),
            Self::NotFound(_) => Some("start a gateway with `comity up`, or create a key with `comity keys create`".to_owned()),
            Self::Foreign(_) => Some("name another file, or move this one away".to_owned()),
            Self::Newer { .. } => Some("use the program that wrote it, or a newer one".to_owned()),
            Self::Older { .. } => Some("start the gateway once with `comity up`: it upgrades the store in place".to_owned()),
            Self::MasterKey { path, reason } => Some(master_key_hint(path, reason)),
            Self::Tampered { .. } => {
                Some("keep this file as it is, and compare it with a copy or with a root that others have seen".to_owned())
            }
            Self::NoSuchDecision { .. } => Some("list the last decisions with `comity ledger show`".to_owned()),
            Self::AmbiguousDecision(_) => Some("give more digits".to_owned()),
            Self::BadPrefix(_) => Some("give the first 4 to 64 hex digits of the decision, as in the header `comity-decision`".to_owned()),
            Self::NotPrunable { .. } => Some("a published checkpoint must cover them, and no call may be under way before".to_owned()),
            Self::UnknownKey(_) => Some("list the keys with `comity keys list`".to_owned()),
            Self::Unreadable(_)
            | Self::Duplicate { .. }
            | Self::Ended { .. }
            | Self::NoSuchPermit { .. }
            | Self::TooLarge { .. }
            | Self::WrongRecord
            | Self::GenerationDiffers(_)
            | Self::NotOurs { .. }
            | Self::WitnessedMore { .. }
            | Self::Pruned { .. }
            | Self::Tree(_)
            | Self::BadKey(_)
            | Self::Encryption => None,
        }
    }

    /// Whether the same write may succeed later without anybody's doing anything to the call.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(crate) fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable(reason.to_string().into())
    }

    pub(crate) fn unreadable(reason: impl std::fmt::Display) -> Self {
        Self::Unreadable(reason.to_string().into())
    }

    pub(crate) fn file(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::File { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn tampered(index: u64, what: impl Into<String>) -> Self {
        Self::Tampered { index, what: what.into() }
    }
}

fn in_use_hint(path: &Path, pid: Option<u32>) -> String {
    let stop = pid.map_or_else(|| "stop the other gateway".to_owned(), |pid| format!("stop it with `kill {pid}`"));
    format!("{stop}, or give this one a store of its own (another path than `{}`)", path.display())
}

fn master_key_hint(path: &Path, reason: &str) -> String {
    if reason == OPEN_TO_OTHERS {
        format!("run `chmod 600 {}`", path.display())
    } else if reason == WRONG_PASSPHRASE {
        "check the passphrase that `passphrase` under `[store]` in `comity.toml` leads to; upper and lower case count".to_owned()
    } else if reason == LOCKED {
        "say where the passphrase is: `passphrase = { env = \"COMITY_PASSPHRASE\" }` under `[store]` in `comity.toml`".to_owned()
    } else {
        format!("put the key that belongs to this store back to `{}`: without it no fact record can be read", path.display())
    }
}

fn pruned(minimum: u64) -> String {
    if minimum == 0 { String::new() } else { format!("; leaves before {minimum} were pruned") }
}

//! Leaves about the gateway itself: started and stopped, new terms, catalogue or keys, drills, and what was erased.
//!
//! They tell an auditor why decisions changed and why something no longer opens. Like all leaves they never hold personal data: whom an erasure
//! was about is a salted commitment, of which only the person who asked for it gets the salt.

use std::fmt;
use std::str::FromStr;

use comity_vocab::Digest;
use serde::{Deserialize, Serialize};

use crate::{Durability, Minute};

/// Something that happened to the gateway, to the minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLeaf {
    /// What.
    pub event: Event,
    /// When.
    pub minute: Minute,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Keys of private records were destroyed; proofs stay as they were.
    Erased(Erased),
    /// Another generation of terms decides from here on.
    TermsChanged(Changed),
    /// Another generation of the catalogue is read from here on.
    CatalogueChanged(Changed),
    /// Keys changed.
    KeyChanged(KeyChanged),
    /// A drill began or ended.
    Drill(Drill),
    /// A property of terms was proved, or a counterexample was found.
    Proof(ProofDone),
    /// The gateway started.
    Started(Started),
    /// The gateway stopped by itself; after a crash there is no such leaf.
    Stopped(Stopped),
}

/// One erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// For [`ErasureScope::Before`]: records before this minute.
    pub before: Option<Minute>,
    /// Keys that were destroyed.
    pub keys: u64,
    /// Why.
    pub reason: ErasureReason,
    /// What was named.
    pub scope: ErasureScope,
    /// Commitment (domain `erased`) to the name that was given, a data subject's or a workload's.
    pub selector: Digest,
}

/// What an erasure names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureScope {
    /// All of a time.
    Before,
    /// All about one person.
    DataSubject,
    /// All of a root unit, its pseudonyms too.
    Tenant,
    /// All of one workload.
    Workload,
}

/// Why something was erased. A list, since free text ends up holding names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureReason {
    /// A court or an authority ordered it.
    Order,
    /// None of the others.
    #[default]
    Other,
    /// A person asked (GDPR, article 17).
    Request,
    /// The time to keep it was over.
    Retention,
}

/// One generation after another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// Digest of the new one.
    pub after: Digest,
    /// Digest of the old one.
    pub before: Digest,
}

/// Keys after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyChanged {
    /// Digest of what there is now: of the list of API keys with their hashes and times, or of the public key.
    pub digest: Digest,
    /// Which keys.
    pub what: ChangedKeys,
}

/// Which keys changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedKeys {
    /// Those of callers: made, revoked, expired.
    ApiKeys,
    /// The one that signs checkpoints.
    Signer,
}

/// A drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Digest of what is drilled: which country, operator or price is taken away.
    pub digest: Digest,
    /// Begun or ended.
    pub phase: DrillPhase,
}

/// How far a drill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillPhase {
    /// From here on.
    Begun,
    /// Up to here.
    Ended,
}

/// What came out when a property of terms was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofDone {
    /// Digest of the catalogue.
    pub catalogue: Digest,
    /// SHA-256 of the proof's `proof.json`.
    pub proof: Digest,
    /// Which.
    pub property: PropertyName,
    /// Digest of each of the terms: one, or two that were compared.
    pub terms: Vec<Digest>,
    /// What came out.
    pub verdict: ProofVerdict,
}

/// The name of a property, `equal-treatment`: short and plain, since a leaf may hold no text that somebody else wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PropertyName(String);

/// What came out of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofVerdict {
    /// There is no counterexample.
    Proved,
    /// Nobody knows.
    Unknown,
    /// There is a counterexample.
    Violated,
}

/// A gateway's start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Digest of the generation of the catalogue.
    pub catalogue: Digest,
    /// How durable the ledger is asked to be.
    pub durability: Durability,
    /// The program's version: `0.1.0`.
    pub program: String,
    /// Digest of the generation of terms.
    pub terms: Digest,
}

/// A gateway's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// False when calls were cut off.
    pub complete: bool,
}

/// The fields as they are written: sorted by name, here and in each `detail`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventWire<D> {
    detail: D,
    kind: String,
    minute: Minute,
    v: u32,
}

/// The version of these kinds of leaf.
pub(crate) const EVENT_VERSION: u32 = 1;

// === impl Event ===

impl Event {
    /// The kind in the leaf.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Erased(_) => "erased",
            Self::TermsChanged(_) => "terms_changed",
            Self::CatalogueChanged(_) => "catalogue_changed",
            Self::KeyChanged(_) => "key_changed",
            Self::Drill(_) => "drill",
            Self::Proof(_) => "proof",
            Self::Started(_) => "started",
            Self::Stopped(_) => "stopped",
        }
    }
}

// === impl PropertyName ===

/// The longest name of a property.
const PROPERTY_BYTES_MAX: usize = 64;

impl PropertyName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PropertyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if plain && (1..=PROPERTY_BYTES_MAX).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("the name of a property is 1 to {PROPERTY_BYTES_MAX} of a-z and `-`"))
        }
    }
}

impl TryFrom<String> for PropertyName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PropertyName> for String {
    fn from(name: PropertyName) -> Self {
        name.0
    }
}

// === impl ProofVerdict ===

impl ProofVerdict {
    /// The name in the leaf.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Unknown => "unknown",
            Self::Violated => "violated",
        }
    }
}

// === impl ErasureScope ===

impl ErasureScope {
    /// The name in the leaf.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::DataSubject => "data_subject",
            Self::Tenant => "tenant",
            Self::Workload => "workload",
        }
    }
}

impl fmt::Display for ErasureScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl ErasureReason ===

impl ErasureReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Request, Self::Retention, Self::Order, Self::Other];

    /// The name in the leaf and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Other => "other",
            Self::Request => "request",
            Self::Retention => "retention",
        }
    }
}

impl FromStr for ErasureReason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|reason| reason.name() == text);
        known.ok_or_else(|| format!("unknown reason `{text}`: use request, retention, order or other"))
    }
}

impl fmt::Display for ErasureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

// === impl EventWire ===

impl<D> EventWire<D> {
    pub(crate) fn new(detail: D, kind: &str, minute: Minute) -> Self {
        Self { detail, kind: kind.to_owned(), minute, v: EVENT_VERSION }
    }

    pub(crate) fn leaf(self, event: impl FnOnce(D) -> Event) -> EventLeaf {
        EventLeaf { event: event(self.detail), minute: self.minute }
    }
}

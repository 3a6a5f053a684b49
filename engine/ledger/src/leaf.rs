//! One entry of the ledger and its canonical bytes (RFC 8785): the bytes are what the tree hashes, so one leaf has exactly one form.
//!
//! Never accept other bytes for the same leaf: a second form would be a second hash.

use memchr::memmem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Minute;
use crate::decision::{DECISION_VERSION, DecisionLeaf, DecisionWire};
use crate::event::{EVENT_VERSION, Event, EventLeaf, EventWire};
use crate::outcome::{OUTCOME_VERSION, OutcomeLeaf, OutcomeWire};

/// What one entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "leaves are read one by one, and most are decisions: a box would only cost")]
pub enum Leaf {
    /// What was decided for one hop.
    Decision(DecisionLeaf),
    /// How a call ended.
    Outcome(OutcomeLeaf),
    /// What happened to the gateway.
    Event(EventLeaf),
}

/// Bytes that are not a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not the JSON of a leaf.
    #[error("not a leaf: {0}")]
    Malformed(String),
    /// Written by a newer program.
    #[error("`{kind}` leaf of version {found}, this program reads versions up to {known}")]
    Version {
        /// Its kind.
        kind: &'static str,
        /// The version in the bytes.
        found: u32,
        /// The newest that this program reads.
        known: u32,
    },
    /// A kind that this program does not know.
    #[error("leaf of unknown kind `{0}`")]
    Kind(String),
    /// A leaf in other bytes than its canonical ones.
    #[error("leaf is not in canonical form")]
    NotCanonical,
}

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
            Self::Event(leaf) => leaf.to_bytes(),
        }
    }

    /// When, to the minute.
    #[must_use]
    pub const fn minute(&self) -> Minute {
        match self {
            Self::Decision(leaf) => leaf.minute,
            Self::Outcome(leaf) => leaf.minute,
            Self::Event(leaf) => leaf.minute,
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

impl EventLeaf {
    /// The canonical bytes of the leaf.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, minute) = (self.event.kind(), self.minute);
        match &self.event {
            Event::Erased(detail) => canonical(&EventWire::new(detail, kind, minute)),
            Event::TermsChanged(detail) | Event::CatalogueChanged(detail) => canonical(&EventWire::new(detail, kind, minute)),
            Event::KeyChanged(detail) => canonical(&EventWire::new(detail, kind, minute)),
            Event::Drill(detail) => canonical(&EventWire::new(detail, kind, minute)),
            Event::Proof(detail) => canonical(&EventWire::new(detail, kind, minute)),
            Event::Started(detail) => canonical(&EventWire::new(detail, kind, minute)),
            Event::Stopped(detail) => canonical(&EventWire::new(detail, kind, minute)),
        }
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

impl From<EventLeaf> for Leaf {
    fn from(leaf: EventLeaf) -> Self {
        Self::Event(leaf)
    }
}

fn parse(bytes: &[u8]) -> Result<Leaf, LeafError> {
    if let Some(leaf) = guess(bytes) {
        return Ok(leaf);
    }
    let head: Head = read(bytes)?;
    match head.kind.as_str() {
        "decision" => {
            known("decision", head.v, DECISION_VERSION)?;
            Ok(Leaf::Decision(read::<DecisionWire>(bytes)?.into()))
        }
        "outcome" => {
            known("outcome", head.v, OUTCOME_VERSION)?;
            Ok(Leaf::Outcome(read::<OutcomeWire>(bytes)?.into()))
        }
        _ => parse_event(&head, bytes).map(Leaf::Event),
    }
}

/// Most leaves in one pass over them: in canonical form the kind stands there like this. The second pass is for the others, and to say what is
/// wrong.
fn guess(bytes: &[u8]) -> Option<Leaf> {
    if memmem::find(bytes, br#""kind":"decision""#).is_some() {
        let wire: DecisionWire = read(bytes).ok()?;
        return (wire.version() <= DECISION_VERSION).then(|| Leaf::Decision(wire.into()));
    }
    let wire: OutcomeWire = read(bytes).ok()?;
    (wire.version() <= OUTCOME_VERSION).then(|| Leaf::Outcome(wire.into()))
}

fn parse_event(head: &Head, bytes: &[u8]) -> Result<EventLeaf, LeafError> {
    let leaf = match head.kind.as_str() {
        "erased" => read_event(bytes, head.v, Event::Erased)?,
        "terms_changed" => read_event(bytes, head.v, Event::TermsChanged)?,
        "catalogue_changed" => read_event(bytes, head.v, Event::CatalogueChanged)?,
        "key_changed" => read_event(bytes, head.v, Event::KeyChanged)?,
        "drill" => read_event(bytes, head.v, Event::Drill)?,
        "proof" => read_event(bytes, head.v, Event::Proof)?,
        "started" => read_event(bytes, head.v, Event::Started)?,
        "stopped" => read_event(bytes, head.v, Event::Stopped)?,
        _ => return Err(LeafError::Kind(head.kind.clone())),
    };
    Ok(leaf)
}

fn read_event<D: DeserializeOwned>(bytes: &[u8], version: u32, event: impl FnOnce(D) -> Event) -> Result<EventLeaf, LeafError> {
    known("event", version, EVENT_VERSION)?;
    Ok(read::<EventWire<D>>(bytes)?.leaf(event))
}

fn known(kind: &'static str, found: u32, known: u32) -> Result<(), LeafError> {
    if found <= known { Ok(()) } else { Err(LeafError::Version { kind, found, known }) }
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

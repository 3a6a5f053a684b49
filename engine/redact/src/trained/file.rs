//! The form of a model file, and how it is read and refused.
//!
//! `comity-names` and a line feed; the length of the head (4 bytes); the head in JSON; then rows of weights (feature, number of cells,
//! cells of state and weight), each move's weight, and SHA-256 of all before it. Numbers are little-endian. No length is
//! believed before the bytes are there.

use serde::{Deserialize, Serialize};
use sha2_next::{Digest as _, Sha256};

use super::chain::{Cell, Weights};
use super::{State, feature};

const MAGIC: &[u8] = b"comity-names\n";
const FORMAT: u32 = 1;
const DIGEST_BYTES: usize = 32;
/// States are numbered in a byte.
pub(super) const LABELS_MAX: usize = 127;

/// What a model file says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    /// Version of the form of the file.
    pub format: u32,
    /// Version of the set of features.
    pub features: u32,
    /// Languages of the texts that it was trained on (BCP 47).
    pub languages: Vec<String>,
    /// How many documents it was trained on.
    pub documents: usize,
    /// A token is left in clear only if the model is so certain (0 to 1) that it is nothing.
    pub certainty: f32,
    /// The labels that it finds, each with the name of its kind.
    pub labels: Vec<(String, String)>,
}

/// A file that cannot be used as a model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Something else.
    #[error("this is not a model of names; `comity detect train` makes one")]
    NotAModel,
    /// A part is missing or changed.
    #[error("the model is damaged: {0}; copy it again, or train it again")]
    Damaged(&'static str),
    /// It was made by a version that works otherwise.
    #[error("the model has {part} {found}, this program reads {expected}; train it again with this program")]
    OtherVersion {
        /// What differs.
        part: &'static str,
        /// What the file has.
        found: u32,
        /// What is read here.
        expected: u32,
    },
    /// It finds kinds that are not known.
    #[error("the model finds kind `{0}`, which is not known; load the file of kinds that it was trained with")]
    UnknownKind(String),
}

// === impl ModelError ===

impl ModelError {
    pub(super) fn unknown_kind(name: &str) -> Self {
        Self::UnknownKind(name.to_owned())
    }
}

// === impl ModelInfo ===

impl ModelInfo {
    /// The head of a new model.
    pub(super) fn new(labels: Vec<(String, String)>, documents: usize) -> Self {
        Self { format: FORMAT, features: feature::VERSION, languages: Vec::new(), documents, certainty: 0.5, labels }
    }

    fn check(&self) -> Result<(), ModelError> {
        for (part, found, expected) in [("format", self.format, FORMAT), ("set of features", self.features, feature::VERSION)] {
            if found != expected {
                return Err(ModelError::OtherVersion { part, found, expected });
            }
        }
        if self.labels.is_empty() || self.labels.len() > LABELS_MAX || !(0.0..=1.0).contains(&self.certainty) {
            return Err(ModelError::Damaged("its head makes no sense"));
        }
        Ok(())
    }
}

/// Writes a model.
pub(super) fn write(info: &ModelInfo, weights: &Weights) -> Vec<u8> {
    let head = serde_json::to_vec(info).unwrap_or_default();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(length(head.len()));
    bytes.extend(head);
    let mut rows: Vec<_> = weights.rows.iter().collect();
    rows.sort_by_key(|(feature, _)| **feature);
    bytes.extend(length(rows.len()));
    for (feature, range) in rows {
        let cells = weights.cells.get(range.clone()).unwrap_or_default();
        bytes.extend(feature.to_le_bytes());
        bytes.push(u8::try_from(cells.len()).unwrap_or(u8::MAX));
        for cell in cells.iter().take(u8::MAX.into()) {
            bytes.push(cell.state);
            bytes.extend(cell.weight.to_le_bytes());
        }
    }
    weights.moves.iter().for_each(|weight| bytes.extend(weight.to_le_bytes()));
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// Reads a model.
pub(super) fn read(bytes: &[u8]) -> Result<(ModelInfo, Weights), ModelError> {
    if !bytes.starts_with(MAGIC) {
        return Err(ModelError::NotAModel);
    }
    let (all, digest) = bytes.split_last_chunk::<DIGEST_BYTES>().ok_or(ModelError::Damaged("it is cut off"))?;
    if Sha256::digest(all).as_slice() != digest {
        return Err(ModelError::Damaged("its checksum is wrong"));
    }
    let mut rest = Rest(all.get(MAGIC.len()..).unwrap_or_default());
    let length = rest.length()?;
    let info: ModelInfo = serde_json::from_slice(rest.take(length)?).map_err(|_| ModelError::Damaged("its head cannot be read"))?;
    info.check()?;
    let weights = rest.weights(State::count(info.labels.len()))?;
    if rest.0.is_empty() { Ok((info, weights)) } else { Err(ModelError::Damaged("something follows its end")) }
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

// === impl Rest ===

impl<'b> Rest<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], ModelError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ModelError::Damaged("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], ModelError> {
        self.take(LENGTH)?.try_into().map_err(|_| ModelError::Damaged("it is cut off"))
    }

    fn length(&mut self) -> Result<usize, ModelError> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| ModelError::Damaged("a length makes no sense"))
    }

    fn weight(&mut self) -> Result<f32, ModelError> {
        let weight = f32::from_le_bytes(self.array()?);
        if weight.is_finite() { Ok(weight) } else { Err(ModelError::Damaged("a weight is not a number")) }
    }

    fn weights(&mut self, states: usize) -> Result<Weights, ModelError> {
        let mut weights = Weights { states, ..Weights::default() };
        for _ in 0..self.length()? {
            let feature = u64::from_le_bytes(self.array()?);
            let [cells] = self.array()?;
            let start = weights.cells.len();
            for _ in 0..cells {
                let [state] = self.array()?;
                if usize::from(state) >= states {
                    return Err(ModelError::Damaged("a state makes no sense"));
                }
                weights.cells.push(Cell { state, weight: self.weight()? });
            }
            weights.rows.insert(feature, start..weights.cells.len());
        }
        for _ in 0..states.saturating_mul(states) {
            weights.moves.push(self.weight()?);
        }
        Ok(weights)
    }
}

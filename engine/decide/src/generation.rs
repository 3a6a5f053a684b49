//! A generation as bytes: what is kept by digest so that a decision of any age can be made again.

use std::sync::Arc;

use comity_catalogue::{Catalogue, SourceFile};
use comity_terms::{LayerSource, Terms};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// The sources of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// The layers of terms, for the terms' digest.
    pub terms: Vec<u8>,
    /// The files of the catalogue, for the catalogue's digest.
    pub catalogue: Vec<u8>,
}

/// Kept bytes that no longer make an engine.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// Not JSON of this shape.
    #[error("the kept generation cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The terms were valid when they were kept, and are not for this Comity.
    #[error("the kept terms no longer load: {0}")]
    Terms(String),
    /// Likewise the catalogue.
    #[error("the kept catalogue no longer loads: {0}")]
    Catalogue(String),
}

#[derive(Serialize, Deserialize)]
struct KeptLayer {
    name: String,
    path: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
struct KeptFile {
    path: String,
    text: String,
}

impl Engine {
    /// The sources to keep.
    ///
    /// # Errors
    /// Never for loaded sources; kept as an error so that nothing is lost silently.
    pub fn generation(&self) -> Result<Generation, GenerationError> {
        let layers = self.terms().sources().into_iter().map(|s| KeptLayer { name: s.name, path: s.path, text: s.text });
        let files = self.catalogue().files().iter().map(|f| KeptFile { path: f.path.clone(), text: f.text.clone() });
        Ok(Generation {
            terms: serde_json::to_vec(&layers.collect::<Vec<_>>())?,
            catalogue: serde_json::to_vec(&files.collect::<Vec<_>>())?,
        })
    }

    /// The engine that was kept. Its digests are those of the sources, so compare them with the leaf's.
    ///
    /// # Errors
    /// When the bytes are damaged, or this Comity refuses what an older one accepted.
    pub fn restore(kept: &Generation) -> Result<Self, GenerationError> {
        let layers: Vec<KeptLayer> = serde_json::from_slice(&kept.terms)?;
        let files: Vec<KeptFile> = serde_json::from_slice(&kept.catalogue)?;
        let layers = layers.into_iter().map(|l| LayerSource { name: l.name, path: l.path, text: l.text }).collect();
        let files = files.into_iter().map(|f| SourceFile { path: f.path, text: f.text }).collect();
        let first = |problems: Vec<String>| problems.into_iter().next().unwrap_or_default();
        let terms =
            Terms::load(layers).map_err(|problems| GenerationError::Terms(first(problems.iter().map(ToString::to_string).collect())))?;
        let catalogue = Catalogue::parse(files)
            .map_err(|problems| GenerationError::Catalogue(first(problems.iter().map(ToString::to_string).collect())))?;
        Ok(Self::new(Arc::new(terms), Arc::new(catalogue)))
    }
}

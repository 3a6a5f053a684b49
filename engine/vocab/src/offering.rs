//! What is known about one offering at one instant: whose and where, and what protects.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{BlocId, Jurisdiction, Levels, OfferingId, Places, Price};

/// Facts about whose and where. The `…_within` and `certified_in` facts are derived when the catalogue loads.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Where the operating company is established.
    pub operator: Jurisdiction,
    /// Where its ultimate parent is established.
    pub control: Jurisdiction,
    /// Where the developer who trained the model is established.
    pub developer: Jurisdiction,
    /// The law of the contract.
    pub governing_law: Jurisdiction,
    /// Where calls are processed.
    pub processed_in: Places,
    /// Where anything of a call is stored.
    pub stored_in: Places,
    /// Whose authorities can compel access.
    pub compellable_by: Places,
    /// Where the hardware was designed or made.
    pub hardware: Places,
    /// Blocs that contain all of `processed_in`.
    pub processed_within: BTreeSet<BlocId>,
    /// Blocs that contain all of `stored_in`.
    pub stored_within: BTreeSet<BlocId>,
    /// Blocs that contain all of `compellable_by`.
    pub compellable_within: BTreeSet<BlocId>,
}

impl Origin {
    /// Nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            operator: Jurisdiction::UNKNOWN,
            control: Jurisdiction::UNKNOWN,
            developer: Jurisdiction::UNKNOWN,
            governing_law: Jurisdiction::UNKNOWN,
            processed_in: Places::UNKNOWN,
            stored_in: Places::UNKNOWN,
            compellable_by: Places::UNKNOWN,
            hardware: Places::UNKNOWN,
            processed_within: BTreeSet::new(),
            stored_within: BTreeSet::new(),
            compellable_within: BTreeSet::new(),
        }
    }
}

/// Facts about what protects; all 0 and empty unless known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assurance {
    /// The level on each scale.
    pub level: Levels,
    /// How each level is known, 0 unknown to 4 verified by us.
    pub strength: Levels,
    /// Certifications, as listed in the catalogue: `iso27001`, `c5:2026`.
    pub certifications: BTreeSet<String>,
    /// Legal transfer mechanisms that the contract carries.
    pub transfer: BTreeSet<String>,
    /// Nations whose accredited bodies certified this offering.
    pub certified_by: BTreeSet<Jurisdiction>,
    /// Derived: blocs with at least one such nation.
    pub certified_in: BTreeSet<BlocId>,
}

/// An API surface that an offering serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// Chat and text generation.
    Chat,
    /// Embeddings.
    Embeddings,
}

impl Surface {
    /// As files and commands name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }
}

/// Everything that the decision may know about an offering.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Offering {
    /// `operator/model@place`.
    pub id: OfferingId,
    /// The name that its upstream knows the model by.
    pub upstream_model: String,
    /// What it serves.
    pub surfaces: BTreeSet<Surface>,
    /// Whose and where.
    pub origin: Origin,
    /// What protects.
    pub assurance: Assurance,
    /// Whether anyone may run the weights.
    pub open_weights: bool,
    /// The licence of the model, an SPDX identifier where it has one.
    pub licence: Option<String>,
    /// Where the ultimate parent of the developer is established. No term reads it; drills and studies do.
    pub developer_control: Jurisdiction,
    /// List price, where known.
    pub price: Option<Price>,
    /// Whether a contract-strength fact says that nothing of a call with `unretained` is kept.
    pub can_be_unretained: bool,
}

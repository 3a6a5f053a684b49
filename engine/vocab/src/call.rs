//! Facts about one call, always as it came in, before any means.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Places, Surface, UnitId, WorkloadId};

/// How far the data may travel, lowest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classification {
    /// 0
    #[default]
    Public,
    /// 1
    Internal,
    /// 2
    Confidential,
    /// 3
    Secret,
}

impl Classification {
    /// Every class, lowest first.
    pub const ALL: [Self; 4] = [Self::Public, Self::Internal, Self::Confidential, Self::Secret];

    /// 0 to 3, as terms compare it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Public => 0,
            Self::Internal => 1,
            Self::Confidential => 2,
            Self::Secret => 3,
        }
    }

    /// The name that callers and configuration use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Secret => "secret",
        }
    }
}

impl FromStr for Classification {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|class| class.name() == text)
            .ok_or_else(|| format!("unknown classification `{text}`: use public, internal, confidential or secret"))
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Generate text.
    Infer,
    /// Make embeddings.
    Embed,
}

impl Action {
    /// The name in the schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Infer => "infer",
            Self::Embed => "embed",
        }
    }

    /// The surface that an offering must serve for this.
    #[must_use]
    pub const fn surface(self) -> Surface {
        match self {
            Self::Infer => Surface::Chat,
            Self::Embed => Surface::Embeddings,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// Its name.
    pub id: WorkloadId,
    /// The unit that it belongs to; the units above are in the name.
    pub unit: UnitId,
    /// The sector of the unit, for example `public`; empty when not said.
    pub sector: String,
    /// The highest class that it may send.
    pub clearance: Classification,
    /// Whether others depend on it.
    pub critical: bool,
}

/// What is in the call. The default is a call that nobody looked at: opaque and of detector tier 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Data {
    /// The highest of the workload's floor, the caller's declaration and the findings' classes.
    pub classification: Classification,
    /// Personal data was found, or parts are opaque.
    pub personal: bool,
    /// Special categories of personal data were found, or parts are opaque.
    pub special_category: bool,
    /// Credentials or keys were found.
    pub secrets: bool,
    /// Parts that no detector could read.
    pub opaque: bool,
    /// What would make the upstream reach out: `web_search`, `mcp`, `url`, `file`.
    pub remote: BTreeSet<String>,
    /// Tier that looked: 0 none, 1 patterns, 2 and names, 3 and a trained model.
    pub detector: u8,
    /// Kinds of findings: `email`, `iban`.
    pub kinds: BTreeSet<String>,
    /// Whose personal data.
    pub subjects: Places,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            classification: Classification::Secret,
            personal: true,
            special_category: true,
            secrets: true,
            opaque: true,
            remote: BTreeSet::new(),
            detector: 0,
            kinds: BTreeSet::new(),
            subjects: Places::UNKNOWN,
        }
    }
}

// === impl Data ===

impl Data {
    /// The worst of both: what holds of a call together with another that it continues.
    #[must_use]
    pub fn worst(&self, other: &Self) -> Self {
        Self {
            classification: self.classification.max(other.classification),
            personal: self.personal || other.personal,
            special_category: self.special_category || other.special_category,
            secrets: self.secrets || other.secrets,
            opaque: self.opaque || other.opaque,
            remote: self.remote.union(&other.remote).cloned().collect(),
            detector: self.detector.min(other.detector),
            kinds: self.kinds.union(&other.kinds).cloned().collect(),
            subjects: self.subjects.union(&other.subjects),
        }
    }
}

/// Everything that the decision may know about a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Call {
    /// Who asks.
    pub workload: Workload,
    /// To do what.
    pub action: Action,
    /// With what data.
    pub data: Data,
    /// For what purpose, out of the key's list; empty when not said.
    pub purpose: String,
}

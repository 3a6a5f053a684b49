//! Kinds of calls that people compare terms by, each a whole call: so that "personal data" means the same in every table.
//!
//! Each is a call of a workload that is cleared for everything and belongs to nobody in particular: no credentials, nothing opaque,
//! nothing that reaches out, and the first tier of detectors looked.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use comity_vocab::{Action, Call, Classification, Data, Places, UnitId, Workload, WorkloadId};

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataClass {
    /// Public data.
    Public,
    /// Internal data.
    Internal,
    /// Internal data with personal data in it.
    Personal,
    /// Internal data with special categories of personal data in it.
    SpecialCategory,
    /// Confidential data.
    Confidential,
    /// Confidential data with personal data in it.
    ConfidentialPersonal,
    /// Secret data.
    Secret,
    /// Internal data of a workload that others depend on.
    Critical,
}

/// A text that names no kind of call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown data class `{given}`: use one of {}", DataClass::ALL.map(DataClass::name).join(", "))]
pub struct UnknownDataClass {
    given: String,
}

/// Who asks in these calls; no unit or workload of terms is called so.
const NOBODY: &str = "any";

// === impl DataClass ===

impl DataClass {
    /// Every class.
    pub const ALL: [Self; 8] = [
        Self::Public,
        Self::Internal,
        Self::Personal,
        Self::SpecialCategory,
        Self::Confidential,
        Self::ConfidentialPersonal,
        Self::Secret,
        Self::Critical,
    ];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Personal => "personal",
            Self::SpecialCategory => "special category",
            Self::Confidential => "confidential",
            Self::ConfidentialPersonal => "confidential personal",
            Self::Secret => "secret",
            Self::Critical => "critical",
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Public => "public data",
            Self::Internal => "internal data",
            Self::Personal => "internal data with personal data",
            Self::SpecialCategory => "internal data with special categories of personal data",
            Self::Confidential => "confidential data",
            Self::ConfidentialPersonal => "confidential data with personal data",
            Self::Secret => "secret data",
            Self::Critical => "internal data of a critical workload",
        }
    }

    /// A call of this kind.
    #[must_use]
    pub fn call(self, action: Action) -> Call {
        let data = Data {
            classification: self.classification(),
            personal: matches!(self, Self::Personal | Self::SpecialCategory | Self::ConfidentialPersonal),
            special_category: self == Self::SpecialCategory,
            secrets: false,
            opaque: false,
            remote: BTreeSet::new(),
            detector: 1,
            kinds: BTreeSet::new(),
            subjects: Places::UNKNOWN,
        };
        Call { workload: self.workload(), action, data, purpose: String::new() }
    }

    const fn classification(self) -> Classification {
        match self {
            Self::Public => Classification::Public,
            Self::Internal | Self::Personal | Self::SpecialCategory | Self::Critical => Classification::Internal,
            Self::Confidential | Self::ConfidentialPersonal => Classification::Confidential,
            Self::Secret => Classification::Secret,
        }
    }

    fn workload(self) -> Workload {
        #[expect(clippy::expect_used, reason = "the name is part of the program, and a test makes it")]
        let (id, unit) = (NOBODY.parse::<WorkloadId>().expect("a name"), NOBODY.parse::<UnitId>().expect("a name"));
        Workload { id, unit, sector: String::new(), clearance: Classification::Secret, critical: self == Self::Critical }
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DataClass {
    type Err = UnknownDataClass;

    /// The name; `-` and `_` stand for a space, so that no quotes are needed on a command line.
    fn from_str(text: &str) -> Result<Self, UnknownDataClass> {
        let spaced = text.replace(['-', '_'], " ");
        Self::ALL.into_iter().find(|class| class.name() == spaced).ok_or_else(|| UnknownDataClass { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for class in DataClass::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
            assert_eq!(class.name().replace(' ', "-").parse(), Ok(class));
        }
        let message = "private".parse::<DataClass>().unwrap_err().to_string();
        assert!(message.starts_with("unknown data class `private`: use one of public, internal,"), "{message}");
    }

    #[test]
    fn no_two_classes_are_the_same_call() {
        let calls: BTreeSet<_> = DataClass::ALL.into_iter().map(|class| class.call(Action::Infer)).collect();
        assert_eq!(calls.len(), DataClass::ALL.len());
        assert!(calls.iter().all(|call| call.workload.clearance == Classification::Secret && !call.data.secrets));
    }
}

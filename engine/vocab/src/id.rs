//! Names of things, each its own type: a unit can never be passed where a workload is meant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name that is empty, too long or has characters outside its alphabet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{given}` is not a valid name: {rule}")]
pub struct InvalidName {
    what: &'static str,
    given: String,
    rule: &'static str,
}

const NAME_RULE: &str = "use 1 to 128 of a-z, A-Z, 0-9, `.`, `_`, `-`, `:` and `/`";
const OFFERING_RULE: &str = "write `operator/model@place`";
const NAME_BYTES_MAX: usize = 128;

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.chars().all(allowed)
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_name(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { what: $what, given: text.to_owned(), rule: NAME_RULE })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A dated set of jurisdictions, for example `global_cbpr`.
    BlocId, "bloc"
);
name!(
    /// The `@id` of one policy, for example `personal-needs-protection`.
    TermId, "term"
);
name!(
    /// Who calls: an application or service of the organisation.
    WorkloadId, "workload"
);
name!(
    /// A part of the organisation; `a/b` lies within `a`.
    UnitId, "unit"
);
name!(
    /// The public part of an API key, safe to show and log.
    KeyId, "key"
);

impl UnitId {
    /// The tenant: the root unit, which is the border of keys, pseudonyms and erasure.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.as_str().split('/').next().unwrap_or_default()
    }

    /// The unit and those above it, nearest first: `a/b/c`, `a/b`, `a`.
    pub fn lineage(&self) -> impl Iterator<Item = &str> {
        let text = self.as_str();
        let above = text.rmatch_indices('/').filter_map(|(at, _)| text.get(..at));
        std::iter::once(text).chain(above)
    }
}

/// One model, run by one operator, in one named place: `operator/model@place`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OfferingId(Arc<str>);

impl OfferingId {
    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first `/`.
    #[must_use]
    pub fn operator(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The part between the first `/` and the last `@`.
    #[must_use]
    pub fn model(&self) -> &str {
        let after = self.0.split_once('/').map_or("", |(_, rest)| rest);
        after.rsplit_once('@').map_or(after, |(model, _)| model)
    }

    /// The part after the last `@`.
    #[must_use]
    pub fn place(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, place)| place)
    }
}

impl FromStr for OfferingId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let id = Self(text.into());
        let well_formed = text.matches('@').count() == 1
            && is_name(&text.replace('@', "."))
            && !id.operator().is_empty()
            && !id.model().is_empty()
            && !id.place().is_empty();
        if well_formed { Ok(id) } else { Err(InvalidName { what: "offering", given: text.to_owned(), rule: OFFERING_RULE }) }
    }
}

impl TryFrom<String> for OfferingId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<OfferingId> for String {
    fn from(id: OfferingId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for OfferingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offering_id_has_three_parts() {
        let id: OfferingId = "self/org/model-1@here".parse().unwrap();
        assert_eq!((id.operator(), id.model(), id.place()), ("self", "org/model-1", "here"));
        for bad in ["a/b", "a@c", "/b@c", "a/b@", "a/b@c@d", "a b/c@d", ""] {
            assert!(bad.parse::<OfferingId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn lineage_runs_from_the_unit_to_its_tenant() {
        let unit: UnitId = "ministry/health/lab".parse().unwrap();
        assert_eq!(unit.lineage().collect::<Vec<_>>(), ["ministry/health/lab", "ministry/health", "ministry"]);
        assert_eq!(unit.tenant(), "ministry");
    }
}

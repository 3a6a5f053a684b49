//! A country's law, and sets of places. Code never names a country: jurisdictions are data.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// ISO 3166-1 alpha-2 in capitals; `XX` is unknown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jurisdiction([u8; 2]);

/// Text that is not two capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a jurisdiction: write two capital letters as in ISO 3166-1, or `XX` for unknown")]
pub struct InvalidJurisdiction(String);

impl Jurisdiction {
    /// `XX`: nobody knows, which is treated as the worst.
    pub const UNKNOWN: Self = Self(*b"XX");

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // INVARIANT: `from_str` admits ASCII capitals only.
        std::str::from_utf8(&self.0).unwrap_or("XX")
    }

    /// Whether this is `XX`.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self == Self::UNKNOWN
    }
}

impl FromStr for Jurisdiction {
    type Err = InvalidJurisdiction;

    fn from_str(text: &str) -> Result<Self, InvalidJurisdiction> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([*a, *b])),
            _ => Err(InvalidJurisdiction(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Jurisdiction {
    type Error = InvalidJurisdiction;

    fn try_from(text: String) -> Result<Self, InvalidJurisdiction> {
        text.parse()
    }
}

impl From<Jurisdiction> for String {
    fn from(jurisdiction: Jurisdiction) -> Self {
        jurisdiction.as_str().to_owned()
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where something happens. Unknown means *everywhere and `XX`*, never nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Option<BTreeSet<Jurisdiction>>", into = "Option<BTreeSet<Jurisdiction>>")]
pub struct Places(Option<BTreeSet<Jurisdiction>>);

impl Places {
    /// Nobody knows: every jurisdiction and `XX`.
    pub const UNKNOWN: Self = Self(None);

    /// These places; an empty set, or one with `XX` in it, is unknown.
    #[must_use]
    pub fn of(places: BTreeSet<Jurisdiction>) -> Self {
        let known = !places.is_empty() && !places.contains(&Jurisdiction::UNKNOWN);
        Self(known.then_some(places))
    }

    /// The places, or nothing when they are unknown.
    #[must_use]
    pub fn known(&self) -> Option<&BTreeSet<Jurisdiction>> {
        self.0.as_ref()
    }

    /// Whether all of the places lie among `members`; unknown places lie within nothing.
    #[must_use]
    pub fn within(&self, members: &BTreeSet<Jurisdiction>) -> bool {
        self.0.as_ref().is_some_and(|places| places.is_subset(members))
    }

    /// All places of both; unknown with anything is unknown.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.as_ref().zip(other.0.as_ref()).map(|(one, two)| one.union(two).copied().collect()))
    }
}

impl From<Option<BTreeSet<Jurisdiction>>> for Places {
    fn from(places: Option<BTreeSet<Jurisdiction>>) -> Self {
        places.map_or(Self::UNKNOWN, Self::of)
    }
}

impl From<Places> for Option<BTreeSet<Jurisdiction>> {
    fn from(places: Places) -> Self {
        places.0
    }
}

impl FromIterator<Jurisdiction> for Places {
    fn from_iter<I: IntoIterator<Item = Jurisdiction>>(places: I) -> Self {
        Self::of(places.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_or_partly_unknown_places_are_unknown() {
        let gb: Jurisdiction = "GB".parse().unwrap();
        assert_eq!(Places::of(BTreeSet::new()), Places::UNKNOWN);
        assert_eq!(Places::from_iter([gb, Jurisdiction::UNKNOWN]), Places::UNKNOWN);
        assert!(!Places::UNKNOWN.within(&BTreeSet::from([gb, Jurisdiction::UNKNOWN])));
        assert!(Places::from_iter([gb]).within(&BTreeSet::from([gb])));
    }

    #[test]
    fn only_two_capitals_are_a_jurisdiction() {
        for bad in ["gb", "GBR", "G1", "", "Ğ"] {
            assert!(bad.parse::<Jurisdiction>().is_err(), "{bad}");
        }
    }
}

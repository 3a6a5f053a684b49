//! What the gateway itself does to a call so that it becomes admissible.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One means; the order is the fixed cost order, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Means {
    /// Ask the operator to keep nothing, where a contract-strength fact says that it then does not.
    Unretained,
    /// Replace personal data by pseudonyms and restore them in the answer.
    Pseudonymised,
    /// Send only over a channel bound to fresh attestation evidence.
    Attested,
    /// Encrypt the call to an attested enclave.
    Sealed,
}

impl Means {
    /// Every means, cheapest first.
    pub const ALL: [Self; 4] = [Self::Unretained, Self::Pseudonymised, Self::Attested, Self::Sealed];

    /// The name that terms use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unretained => "unretained",
            Self::Pseudonymised => "pseudonymised",
            Self::Attested => "attested",
            Self::Sealed => "sealed",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Unretained => 1,
            Self::Pseudonymised => 2,
            Self::Attested => 4,
            Self::Sealed => 8,
        }
    }
}

/// A set of means. Written as a list of names; empty is `none` for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeansSet(u8);

impl MeansSet {
    /// Nothing is done to the call.
    pub const NONE: Self = Self(0);

    /// Whether `means` is in the set.
    #[must_use]
    pub const fn contains(self, means: Means) -> bool {
        self.0 & means.bit() != 0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set with `means` added.
    #[must_use]
    pub const fn with(self, means: Means) -> Self {
        Self(self.0 | means.bit())
    }

    /// Whether every means of this set is in `other`.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The means in the set, cheapest first.
    pub fn iter(self) -> impl Iterator<Item = Means> {
        Means::ALL.into_iter().filter(move |means| self.contains(*means))
    }

    /// All subsets, least first: none, then each alone, then unions; within one size by the cost order.
    pub fn subsets(self) -> impl Iterator<Item = Self> {
        let mut sets: Vec<Self> = (0..16).map(Self).filter(|set| set.is_subset(self)).collect();
        sets.sort_by_key(|set| (set.0.count_ones(), set.0));
        sets.into_iter()
    }
}

impl FromIterator<Means> for MeansSet {
    fn from_iter<I: IntoIterator<Item = Means>>(means: I) -> Self {
        means.into_iter().fold(Self::NONE, Self::with)
    }
}

impl FromStr for Means {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|means| means.name() == text)
            .ok_or_else(|| format!("unknown means `{text}`: use unretained, pseudonymised, attested or sealed"))
    }
}

impl fmt::Display for MeansSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<_> = self.iter().map(Means::name).collect();
        f.write_str(&names.join("+"))
    }
}

impl Serialize for MeansSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Means::name))
    }
}

impl<'de> Deserialize<'de> for MeansSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse::<Means>().map_err(serde::de::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_come_least_first() {
        let set = MeansSet::from_iter([Means::Sealed, Means::Unretained, Means::Attested]);
        let order: Vec<_> = set.subsets().map(|s| s.to_string()).collect();
        assert_eq!(
            order,
            [
                "none",
                "unretained",
                "attested",
                "sealed",
                "unretained+attested",
                "unretained+sealed",
                "attested+sealed",
                "unretained+attested+sealed"
            ]
        );
    }
}

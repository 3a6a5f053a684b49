//! Money is whole micro-units of a currency, never a float.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Millionths of a currency unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

/// ISO 4217, three capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Text that is not three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency: write three capital letters as in ISO 4217")]
pub struct InvalidCurrency(String);

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z', c @ b'A'..=b'Z'] => Ok(Self([*a, *b, *c])),
            _ => Err(InvalidCurrency(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("XXX"))
    }
}

/// What an offering costs, per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Price {
    /// The currency of both numbers.
    pub currency: Currency,
    /// For a million input tokens.
    pub input_micros_per_mtok: Micros,
    /// For a million output tokens.
    pub output_micros_per_mtok: Micros,
}

impl Price {
    /// The cost of one call, rounded up to a whole micro-unit.
    #[must_use]
    pub fn cost(&self, input_tokens: u64, output_tokens: u64) -> Micros {
        let part = |price: Micros, tokens: u64| u128::from(price.0) * u128::from(tokens);
        let sum = part(self.input_micros_per_mtok, input_tokens) + part(self.output_micros_per_mtok, output_tokens);
        Micros(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_rounds_up_and_never_overflows() {
        let price =
            Price { currency: "USD".parse().unwrap(), input_micros_per_mtok: Micros(150_000), output_micros_per_mtok: Micros(600_000) };
        assert_eq!(price.cost(1, 0), Micros(1));
        assert_eq!(price.cost(1_000_000, 1_000_000), Micros(750_000));
        assert_eq!(price.cost(u64::MAX, u64::MAX), Micros(13_835_058_055_282_163_712));
        let dear = Price { input_micros_per_mtok: Micros(u64::MAX), ..price };
        assert_eq!(dear.cost(u64::MAX, 0), Micros(u64::MAX));
    }
}

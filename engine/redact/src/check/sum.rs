//! Weighted sums: nearly all check digits of the world are one, with a modulus and a rule for the digit.
//!
//! Everything is computed in 128 bits with remainders never negative, so that no file can make it overflow.

use super::number;

/// A sum of characters times weights, or a number they write, and what its remainder must be.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub(super) terms: Terms,
    pub(super) plus: i64,
    /// At least 2.
    pub(super) modulus: i64,
    pub(super) expect: Expect,
}

/// What is summed.
#[derive(Clone, Debug)]
pub(super) enum Terms {
    Weighted {
        weights: Vec<i64>,
        from: usize,
        alphabet: Vec<u8>,
        products: Products,
    },
    /// The number written by the characters `from..to`.
    Number {
        from: usize,
        to: usize,
    },
}

/// What of each product is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Products {
    Whole,
    Digits,
}

/// What must come out.
#[derive(Clone, Debug)]
pub(super) enum Expect {
    Remainder(i64),
    /// The character at `at` is the one in the table; `_` and what lies beyond it does not exist.
    Character {
        at: usize,
        digit: Digit,
        table: Vec<u8>,
    },
    /// The `width` characters at `at` write it in decimal.
    Decimal {
        at: usize,
        digit: Digit,
        width: usize,
    },
}

/// How the check digit follows from the remainder `r` of modulus `m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digit {
    Remainder,
    /// `m - r`: 1 to m.
    Rest,
    /// `(m - r) mod m`: 0 to m - 1.
    Negative,
}

// === impl Sum ===

impl Sum {
    /// Nothing where the characters do not suffice.
    pub(super) fn holds(&self, characters: &[u8]) -> Option<bool> {
        let modulus = i128::from(self.modulus);
        let remainder = (self.terms.sum(characters)? + i128::from(self.plus)).checked_rem_euclid(modulus)?;
        let of = |digit: &Digit| match digit {
            Digit::Remainder => remainder,
            Digit::Rest => modulus - remainder,
            Digit::Negative => (modulus - remainder) % modulus,
        };
        Some(match &self.expect {
            Expect::Remainder(expected) => remainder == i128::from(*expected),
            Expect::Character { at, digit, table } => {
                let expected = table.get(usize::try_from(of(digit)).ok()?)?;
                *expected != b'_' && characters.get(*at) == Some(expected)
            }
            Expect::Decimal { at, digit, width } => i128::try_from(number(characters, *at, *width)?).ok()? == of(digit),
        })
    }
}

// === impl Terms ===

impl Terms {
    fn sum(&self, characters: &[u8]) -> Option<i128> {
        match self {
            Terms::Number { from, to } => i128::try_from(number(characters, *from, to.checked_sub(*from)?)?).ok(),
            Terms::Weighted { weights, from, alphabet, products } => {
                let weighted = characters.get(*from..from.checked_add(weights.len())?)?;
                weighted.iter().zip(weights).map(|(byte, weight)| Some(products.of(value(*byte, alphabet)? * i128::from(*weight)))).sum()
            }
        }
    }
}

fn value(byte: u8, alphabet: &[u8]) -> Option<i128> {
    if byte.is_ascii_digit() {
        return Some(i128::from(byte - b'0'));
    }
    alphabet.iter().position(|letter| *letter == byte).and_then(|place| i128::try_from(place).ok())
}

// === impl Products ===

impl Products {
    fn of(self, product: i128) -> i128 {
        match self {
            Self::Whole => product,
            Self::Digits => decimal_digits(product.abs()),
        }
    }
}

fn decimal_digits(number: i128) -> i128 {
    if number < 10 { number } else { number % 10 + decimal_digits(number / 10) }
}

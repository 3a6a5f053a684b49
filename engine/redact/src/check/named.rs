//! Checks that have a name of their own because no weighted sum says them: Luhn, Verhoeff, Damm, the ISO 7064 systems, and a few
//! national ones.
//!
//! Sources: ISO/IEC 7064:2003; J. Verhoeff 1969; H. M. Damm 2004; ISO 3779 and 49 CFR 565.15 (VIN); Decreto 23 dicembre 1976 (Italy);
//! Orden EHA/451/2008 (Spain).

use super::value;

/// A check by its name in data files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Luhn,
    Luhn36,
    Verhoeff,
    Damm,
    Mod97_10,
    Mod11_10,
    Mod11_2,
    Mod37_36,
    Mod37_2,
    Iban,
    ItFiscalCode,
    EsCif,
    Vin,
}

const NAMES: [(&str, Named); 13] = [
    ("luhn", Named::Luhn),
    ("luhn36", Named::Luhn36),
    ("verhoeff", Named::Verhoeff),
    ("damm", Named::Damm),
    ("mod97_10", Named::Mod97_10),
    ("mod11_10", Named::Mod11_10),
    ("mod11_2", Named::Mod11_2),
    ("mod37_36", Named::Mod37_36),
    ("mod37_2", Named::Mod37_2),
    ("iban", Named::Iban),
    ("it_fiscal_code", Named::ItFiscalCode),
    ("es_cif", Named::EsCif),
    ("vin", Named::Vin),
];

// === impl Named ===

impl Named {
    pub(super) fn find(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, named)| *named)
    }

    /// All names, for a message.
    pub(super) fn names() -> String {
        NAMES.map(|(name, _)| format!("`{name}`")).join(", ")
    }

    pub(super) fn holds(self, characters: &[u8]) -> bool {
        // A check digit alone checks nothing; of nothing, most sums are right.
        if characters.len() < 2 {
            return false;
        }
        let holds = match self {
            Self::Luhn => luhn(characters, 10),
            Self::Luhn36 => luhn(characters, 36),
            Self::Verhoeff => verhoeff(characters),
            Self::Damm => damm(characters),
            Self::Mod97_10 => mod97_10(characters),
            Self::Mod11_10 => hybrid(&digits(characters), 10),
            Self::Mod37_36 => hybrid(characters, 36),
            Self::Mod11_2 => pure(characters, 11),
            Self::Mod37_2 => pure(characters, 37),
            Self::Iban => std::str::from_utf8(characters).ok().map(|iban| iban.parse::<iban::Iban>().is_ok()),
            Self::ItFiscalCode => it_fiscal_code(characters),
            Self::EsCif => es_cif(characters),
            Self::Vin => vin(characters),
        };
        holds.unwrap_or(false)
    }
}

/// Without letters: a VAT number's country is no part of what it checks.
fn digits(characters: &[u8]) -> Vec<u8> {
    characters.iter().copied().filter(u8::is_ascii_digit).collect()
}

/// A value below `base`.
fn below(byte: u8, base: u32) -> Option<u32> {
    value(byte).filter(|value| *value < base)
}

fn luhn(characters: &[u8], base: u32) -> Option<bool> {
    let term = |(index, byte): (usize, &u8)| {
        let value = below(*byte, base)? << (index % 2);
        Some(value / base + value % base)
    };
    let sum: u32 = characters.iter().rev().enumerate().map(term).sum::<Option<u32>>()?;
    Some(sum.is_multiple_of(base))
}

/// ISO 7064 pure system of radix 2; the last character may be `X` for 10 where the modulus is 11.
fn pure(characters: &[u8], modulus: u32) -> Option<bool> {
    let (last, front) = characters.split_last()?;
    let base = modulus - 1;
    let rest = front.iter().try_fold(0, |rest, byte| Some((rest + below(*byte, base)?) * 2 % modulus))?;
    let last = if modulus == 11 && *last == b'X' { 10 } else { below(*last, base)? };
    Some((rest + last) % modulus == 1)
}

/// ISO 7064 hybrid system of modulus `base + 1`, `base`.
fn hybrid(characters: &[u8], base: u32) -> Option<bool> {
    let (last, front) = characters.split_last()?;
    let step = |rest: u32, byte: &u8| {
        let sum = (rest + below(*byte, base)?) % base;
        Some(if sum == 0 { base } else { sum } * 2 % (base + 1))
    };
    let rest = front.iter().try_fold(base, step)?;
    Some((rest + below(*last, base)?) % base == 1)
}

fn mod97_10(characters: &[u8]) -> Option<bool> {
    let step = |rest: u32, byte: &u8| {
        let value = value(*byte)?;
        Some((rest * if value < 10 { 10 } else { 100 } + value) % 97)
    };
    Some(characters.iter().try_fold(0, step)? == 1)
}

/// The dihedral group of order 10, and powers of the permutation.
const VERHOEFF_PRODUCT: [&[u8; 10]; 10] = [
    b"0123456789",
    b"1234067895",
    b"2340178956",
    b"3401289567",
    b"4012395678",
    b"5987604321",
    b"6598710432",
    b"7659821043",
    b"8765932104",
    b"9876543210",
];
const VERHOEFF_POWER: [&[u8; 10]; 8] =
    [b"0123456789", b"1576283094", b"5803796142", b"8916043527", b"9453126870", b"4286573901", b"2793806415", b"7046913258"];
const DAMM: [&[u8; 10]; 10] = [
    b"0317598642",
    b"7092154863",
    b"4206871359",
    b"1750983426",
    b"6123045978",
    b"3674209581",
    b"5869720134",
    b"8945362017",
    b"9438617205",
    b"2581436790",
];

fn lookup(table: &[&[u8; 10]], row: u32, column: u32) -> Option<u32> {
    let cell = table.get(usize::try_from(row).ok()?)?.get(usize::try_from(column).ok()?)?;
    below(*cell, 10)
}

fn verhoeff(characters: &[u8]) -> Option<bool> {
    let step = |state: u32, (row, byte): (u32, &u8)| {
        let digit = lookup(&VERHOEFF_POWER, row, below(*byte, 10)?)?;
        lookup(&VERHOEFF_PRODUCT, state, digit)
    };
    Some((0..8).cycle().zip(characters.iter().rev()).try_fold(0, step)? == 0)
}

fn damm(characters: &[u8]) -> Option<bool> {
    Some(characters.iter().try_fold(0, |state, byte| lookup(&DAMM, state, below(*byte, 10)?))? == 0)
}

/// What the characters at odd places (the first is one) count; digits count as the first ten letters.
const IT_ODD: [u32; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

fn it_fiscal_code(characters: &[u8]) -> Option<bool> {
    let (last, front) = characters.split_last()?;
    let term = |(index, byte): (usize, &u8)| {
        let value = value(*byte)?;
        let place = if value >= 10 { value - 10 } else { value };
        if index % 2 == 0 { IT_ODD.get(usize::try_from(place).ok()?).copied() } else { Some(place) }
    };
    let sum: u32 = front.iter().enumerate().map(term).sum::<Option<u32>>()?;
    Some(characters.len() == 16 && value(*last)? == 10 + sum % 26)
}

/// A letter, seven digits, and a check that is a digit or a letter.
fn es_cif(characters: &[u8]) -> Option<bool> {
    let [_, digits @ .., last] = characters else { return None };
    let term = |(index, byte): (usize, &u8)| {
        let value = below(*byte, 10)? << ((index + 1) % 2);
        Some(value / 10 + value % 10)
    };
    let sum: u32 = digits.iter().enumerate().map(term).sum::<Option<u32>>()?;
    let check = usize::try_from((10 - sum % 10) % 10).ok()?;
    let is = |table: &[u8; 10]| table.get(check) == Some(last);
    Some(characters.len() == 9 && (is(b"0123456789") || is(b"JABCDEFGHI")))
}

fn vin(characters: &[u8]) -> Option<bool> {
    const LETTERS: &[u8; 36] = b"012345678912345678_12345_7_923456789";
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let term = |(byte, weight): (&u8, u32)| {
        let place = usize::try_from(value(*byte)?).ok()?;
        Some(below(*LETTERS.get(place)?, 10)? * weight)
    };
    if characters.len() != WEIGHTS.len() {
        return Some(false);
    }
    let sum: u32 = characters.iter().zip(WEIGHTS).map(term).sum::<Option<u32>>()?;
    let check = b"0123456789X".get(usize::try_from(sum % 11).ok()?);
    Some(characters.get(8) == check)
}

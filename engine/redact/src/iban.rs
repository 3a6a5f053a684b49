//! International bank account numbers (ISO 13616), whole or in groups: structure and checksum by `iban_validate`.
//!
//! The checksum is the evidence, so an IBAN is found in either case, with spaces, hyphens or no-break spaces, and glued to its label.

use iban::{Iban, ParseIbanError};

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit};
use crate::{Finding, Kind};

/// The longest IBAN (ISO 13616); the shortest, Norway's, has 15.
const LENGTH_MAX: usize = 34;
const LENGTH_MIN: usize = 15;

/// The characters of a candidate without separators, in upper case, and where each one ended in the text.
struct Candidate {
    letters: String,
    ends: Vec<usize>,
}

/// Looks at two letters, two digits and eight more. The scan always goes on behind the first letter: where a checksum fits by
/// chance, the IBAN or card that really stands there begins inside.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    if begins(scan.text, hit.start)
        && let Some(end) = collect(scan.text, hit.start).longest_valid(scan.text)
    {
        scan.record(Finding::by_pattern(Kind::IBAN, hit.start, end));
        // Its groups of digits are no identifiers of anything else.
        scan.walked_to = scan.walked_to.max(end);
    }
    hit.start + 1
}

/// Not in the middle of a word, except after a word in the other case (`payGB29…`) or its own label (`IBANGB29…`).
fn begins(text: Haystack<'_>, start: usize) -> bool {
    match text.byte_before(start) {
        Some(byte) if byte.is_ascii_digit() => false,
        Some(byte) if byte.is_ascii_alphabetic() => {
            let other_case = byte.is_ascii_lowercase() && text.byte(start).is_some_and(|first| first.is_ascii_uppercase());
            other_case || text.before(start, 4).eq_ignore_ascii_case("iban")
        }
        Some(_) | None => true,
    }
}

fn collect(text: Haystack<'_>, start: usize) -> Candidate {
    let mut candidate = Candidate { letters: String::with_capacity(LENGTH_MAX), ends: Vec::with_capacity(LENGTH_MAX) };
    let mut at = start;
    while candidate.ends.len() < LENGTH_MAX {
        match text.char_at(at) {
            Some(character) if character.is_ascii_alphanumeric() => {
                at += 1;
                candidate.letters.push(character.to_ascii_uppercase());
                candidate.ends.push(at);
            }
            Some(gap @ (' ' | '-' | '\u{A0}' | '\u{202F}')) if candidate.ends.last() == Some(&at) => at += gap.len_utf8(),
            Some(_) | None => break,
        }
    }
    candidate
}

// === impl Candidate ===

impl Candidate {
    /// The end in the text of the longest beginning that is an IBAN and ends where a word ends.
    fn longest_valid(&self, text: Haystack<'_>) -> Option<usize> {
        let lengths = (LENGTH_MIN..=self.ends.len()).rev();
        lengths.filter_map(|length| Some((length, *self.ends.get(length - 1)?))).find_map(|(length, end)| {
            let valid = ends(text, end) && is_iban(self.letters.get(..length)?);
            valid.then_some(end)
        })
    }
}

/// Structure of its country and checksum. For a country that the crate's edition of the registry lacks (Pakistan, say), the
/// checksum and the commonest structure: at most four letters, then at least twelve digits.
fn is_iban(letters: &str) -> bool {
    match letters.parse::<Iban>() {
        Ok(_) => true,
        Err(ParseIbanError::UnknownCountry(_)) => {
            let account = letters.get(4..).unwrap_or("").trim_start_matches(|character: char| character.is_ascii_uppercase());
            account.len() >= 12 && letters.len() - account.len() <= 8 && account.bytes().all(|byte| byte.is_ascii_digit())
        }
        Err(ParseIbanError::InvalidBaseIban { .. } | ParseIbanError::InvalidBban(_)) => false,
    }
}

/// Not before a letter or digit, except a small letter after a capital or digit (`…6819and`).
fn ends(text: Haystack<'_>, end: usize) -> bool {
    match text.byte(end) {
        Some(byte) if byte.is_ascii_lowercase() => text.byte_before(end).is_some_and(|last| !last.is_ascii_lowercase()),
        Some(byte) => !byte.is_ascii_alphanumeric(),
        None => true,
    }
}

//! AWS access keys: ids by their form, secret keys only beside their name or their id, because 40 base64 characters alone could
//! be anything.
//!
//! Forms: IAM User Guide, "IAM identifiers", table of unique id prefixes.

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit, is_word};
use crate::limits::{ASSIGNMENT_GAP_MAX, AWS_SECRET_DISTANCE_MAX};
use crate::{Finding, Kind};

const SECRET_LENGTH: usize = 40;

/// Looks at `AKIA…` and its kin, and for the secret that often follows.
pub(crate) fn examine_id(scan: &mut Scan<'_>, hit: Hit) -> usize {
    if scan.text.byte_before(hit.start).is_some_and(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return hit.start + 1;
    }
    scan.record(Finding::by_pattern(Kind::AWS_KEY, hit.start, hit.end));
    if let Some(secret) = secret_near(scan.text, hit.end) {
        scan.record(secret);
    }
    hit.end
}

/// Looks at `secret_access_key` and its spellings.
pub(crate) fn examine_name(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let start = value_after(scan.text, hit.end);
    match secret_at(scan.text, start) {
        Some(secret) => scan.record(secret),
        None => hit.start + 1,
    }
}

/// Where the value of an assignment begins: after `": "`, `' => "`, `=`.
pub(crate) fn value_after(text: Haystack<'_>, name_end: usize) -> usize {
    text.run(name_end, ASSIGNMENT_GAP_MAX, |byte| {
        matches!(byte, b' ' | b'\t' | b':' | b'=' | b'>' | b'"' | b'\'' | b'`' | b'\\' | b'(' | b'[')
    })
}

/// The first secret within reach, one run of its alphabet after the other.
fn secret_near(text: Haystack<'_>, id_end: usize) -> Option<Finding> {
    let mut at = id_end;
    while at < text.len().min(id_end + AWS_SECRET_DISTANCE_MAX) {
        let end = text.run(at, AWS_SECRET_DISTANCE_MAX, is_base64);
        if let Some(secret) = secret_at(text, at) {
            return Some(secret);
        }
        at = end + 1;
    }
    None
}

/// Exactly 40 characters of base64 with both cases and a digit: a SHA-1 in hex, also 40 long, is not one.
fn secret_at(text: Haystack<'_>, start: usize) -> Option<Finding> {
    let end = text.run(start, SECRET_LENGTH + 1, is_base64);
    let secret = text.bytes(start, end);
    let mixed =
        secret.iter().any(u8::is_ascii_uppercase) && secret.iter().any(u8::is_ascii_lowercase) && secret.iter().any(u8::is_ascii_digit);
    let whole = secret.len() == SECRET_LENGTH && !(is_word(text.byte_before(start)) && is_word(text.byte(start)));
    (mixed && whole).then_some(Finding::by_pattern(Kind::AWS_KEY, start, end))
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

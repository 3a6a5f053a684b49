//! Keys of AI providers that put no prefix on them (Mistral, Cohere, AI21, Together, Azure OpenAI): found only beside their name.
//!
//! Without the name they are 32 or more letters and digits, which an id or a hash is too.

use crate::aws::value_after;
use crate::detector::Scan;
use crate::haystack::Hit;
use crate::{Finding, Kind};

/// Mistral and Azure: 32; Cohere: 40; Together: 64; Azure's newer keys: 84.
const LENGTH: std::ops::RangeInclusive<usize> = 32..=96;

/// Looks at `MISTRAL_API_KEY` and its kin.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let start = value_after(scan.text, hit.end);
    let end = scan.text.run(start, *LENGTH.end(), |byte| byte.is_ascii_alphanumeric());
    let key = scan.text.bytes(start, end);
    let random = key.iter().any(u8::is_ascii_digit) && key.iter().any(u8::is_ascii_alphabetic);
    if start == hit.end || !random || !LENGTH.contains(&key.len()) {
        return hit.start + 1;
    }
    scan.record(Finding::by_pattern(Kind::AI_PROVIDER_KEY, start, end))
}

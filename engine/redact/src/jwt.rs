//! JSON Web Tokens: base64url parts joined by dots, the first of which decodes to a JSON object with `alg` (RFC 7515, 7516).
//!
//! `eyJ` alone proves nothing: it is only how `{"` looks in base64.

use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::read::DecoderReader;
use serde::Deserialize;

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit, is_base64url};
use crate::limits::{JWT_HEADER_MAX, JWT_PART_MAX};
use crate::{Finding, Kind};

/// A run of base64url: where it ends, and where the token ends that it would begin, if the parts after it are there.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    end: usize,
    signed: Option<usize>,
    encrypted: Option<usize>,
}

/// The JOSE header, as much of it as makes it one.
#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: Option<serde::de::IgnoredAny>,
}

/// Looks at `eyJ…`.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let run = match scan.jwt_run {
        Some(run) if hit.start < run.end => run,
        _ => measure(scan.text, hit.start),
    };
    scan.jwt_run = Some(run);
    match token_end(scan.text, hit.start, run) {
        Some(end) => scan.record(Finding::by_pattern(Kind::JWT, hit.start, end)),
        None => hit.start + 1,
    }
}

fn token_end(text: Haystack<'_>, start: usize, run: Run) -> Option<usize> {
    let signed = run.signed?;
    let header = header(text.bytes(start, run.end))?;
    let whole = if header.enc.is_some() { run.encrypted.unwrap_or(signed) } else { signed };
    (!header.alg.is_empty()).then_some(whole)
}

/// Three parts make a signed token, five an encrypted one. The payload is never empty; a signature is, under `alg: none`.
fn measure(text: Haystack<'_>, start: usize) -> Run {
    let end = text.run(start, JWT_HEADER_MAX, is_base64url);
    let part = |dot: usize| (text.byte(dot) == Some(b'.')).then(|| text.run(dot + 1, JWT_PART_MAX, is_base64url));
    let payload = part(end).filter(|payload| *payload > end + 1);
    let signed = payload.and_then(part);
    let encrypted = signed.and_then(part).and_then(part);
    Run { end, signed, encrypted }
}

/// Decodes as it reads, so that what is not JSON costs a few bytes, not the whole run.
fn header(part: &[u8]) -> Option<Header> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&URL_SAFE, config);
    serde_json::from_reader(DecoderReader::new(part, &engine)).ok()
}

//! Private key blocks (RFC 7468, OpenSSH, PGP). Only blocks that hold key material count: the mere name of a block is prose.
//!
//! A block whose end was cut off is found as far as its base64 goes.

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit};
use crate::limits::{PEM_BODY_MIN, PEM_MAX};
use crate::{Finding, Kind};

/// Looks at `-----BEGIN … PRIVATE KEY`. The scan goes on inside the block, so that what its end touches is found whole.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let Some(body) = ["-----", " BLOCK-----"].iter().find(|rest| scan.text.starts_with(hit.end, rest)).map(|rest| hit.end + rest.len())
    else {
        return hit.start + 1;
    };
    let end = block_end(scan.text, body);
    let material = scan.text.bytes(body, end).iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    if material < PEM_BODY_MIN {
        return hit.start + 1;
    }
    scan.record(Finding::by_pattern(Kind::PRIVATE_KEY, hit.start, end));
    body
}

/// After the END line; without one, after the last byte that can belong to the body. The next `-----` ends it in any case,
/// so that many beginnings without an end stay linear.
fn block_end(text: Haystack<'_>, body: usize) -> usize {
    let ahead = text.ahead(body, PEM_MAX);
    let Some(offset) = ahead.windows(5).position(|dashes| dashes == b"-----") else { return body_end(text, body, ahead.len()) };
    end_line(text, body + offset).unwrap_or_else(|| body_end(text, body, offset))
}

/// After `-----END … PRIVATE KEY-----`.
fn end_line(text: Haystack<'_>, at: usize) -> Option<usize> {
    let name = text.starts_with(at, "-----END ").then_some(at + "-----END ".len())?;
    let dashes = text.run(name, 60, |byte| byte == b' ' || byte.is_ascii_uppercase());
    text.starts_with(dashes, "-----").then_some(dashes + 5)
}

/// Base64 with line breaks, also escaped ones (`\n`), cut after its last base64 character.
fn body_end(text: Haystack<'_>, body: usize, max: usize) -> usize {
    let end = text
        .run(body, max, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b'\r' | b'\n' | b' ' | b'\t'));
    let trailing = text.bytes(body, end).iter().rev().take_while(|byte| byte.is_ascii_whitespace() || **byte == b'\\').count();
    end - trailing
}

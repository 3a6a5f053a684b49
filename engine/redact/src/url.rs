//! Web addresses: `https://…`, `http://…` and `www.…` as far as one goes. By itself an address concerns nobody; what it names may.

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit};
use crate::limits::URL_MAX;
use crate::script::is_compact;
use crate::{Finding, Kind};

/// Looks at the beginning of an address. The scan goes on behind it: what else is found in an address is found instead of it.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    // One inside another adds nothing.
    if hit.start >= scan.address_to {
        let end = end(scan.text, hit.end);
        if end > hit.end && scan.text.is_edge_before(hit.start) {
            scan.record(Finding::by_pattern(Kind::URL, hit.start, end));
            scan.address_to = end;
        }
    }
    hit.end
}

/// Where the address that began before `at` ends. Punctuation at its end belongs to the sentence around it.
fn end(text: Haystack<'_>, at: usize) -> usize {
    let (mut place, mut end) = (at, at);
    while let Some(character) = text.char_at(place).filter(|character| is_inside(*character)) {
        if place - at >= URL_MAX {
            break;
        }
        place += character.len_utf8();
        if !matches!(character, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '\'' | '*' | '_') {
            end = place;
        }
    }
    end
}

/// RFC 3986 and RFC 3987, without what sets addresses apart from text.
fn is_inside(character: char) -> bool {
    let sets_apart =
        character.is_whitespace() || character.is_control() || matches!(character, '"' | '<' | '>' | '`' | '|' | '\\' | '^' | '{');
    !sets_apart && (character.is_ascii() || (character.is_alphanumeric() && !is_compact(character)))
}

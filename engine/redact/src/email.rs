//! E-mail addresses: from each `@` outwards to both sides, which is linear and needs no guess about word edges.
//!
//! Letters of other alphabets belong to an address (RFC 6531); scripts that are written without spaces end it, because the words
//! around it would otherwise become part of it.

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit};
use crate::limits::{EMAIL_DOMAIN_MAX, EMAIL_LOCAL_MAX};
use crate::script::is_compact;
use crate::{Finding, Kind};

/// Looks at `@`.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let start = local_start(scan.text, hit.start);
    let end = match start {
        Some(_) => domain_end(scan.text, hit.end),
        None => None,
    };
    match (start, end) {
        (Some(start), Some(end)) if !is_repository(scan.text, start, end) => scan.record(Finding::by_pattern(Kind::EMAIL, start, end)),
        (Some(_) | None, Some(_) | None) => hit.end,
    }
}

/// Where the local part that ends at `at` begins. Leading punctuation is not part of it, nor is what stands before
/// three dots; some operators do allow two, or one at the end.
fn local_start(text: Haystack<'_>, at: usize) -> Option<usize> {
    let compact = text.char_before(at).is_some_and(is_compact);
    let mut start = None;
    let mut place = at;
    while let Some(character) = text.char_before(place) {
        let letter = character == '_' || is_letter(character, compact);
        let leader = character == '.' && start.is_some() && text.starts_with(place, "..");
        if !(letter || is_inside(character)) || leader || at - place >= EMAIL_LOCAL_MAX {
            break;
        }
        place -= character.len_utf8();
        if letter {
            start = Some(place);
        }
    }
    start
}

/// Where the domain that begins at `at` ends: after its last label that can be a top-level domain, with a dot before it.
fn domain_end(text: Haystack<'_>, at: usize) -> Option<usize> {
    let compact = text.char_at(at).is_some_and(is_compact);
    let mut labels: Vec<(usize, usize)> = Vec::new();
    let mut label = at;
    while label < at + EMAIL_DOMAIN_MAX {
        let end = label_end(text, label, compact);
        if end == label {
            break;
        }
        labels.push((label, end));
        if text.byte(end) != Some(b'.') {
            break;
        }
        label = end + 1;
    }
    let numeric = |index: usize| labels.get(index).is_some_and(|(start, end)| text.bytes(*start, *end).iter().all(u8::is_ascii_digit));
    if numeric(0) && numeric(1) {
        return None; // `package@18.2.0-beta.next`
    }
    labels.iter().skip(1).rev().find_map(|(start, end)| top_level_end(text, *start, *end))
}

/// A label without leading or trailing hyphen; empty if there is none.
fn label_end(text: Haystack<'_>, start: usize, compact: bool) -> usize {
    let mut end = start;
    let mut place = start;
    while let Some(character) = text.char_at(place) {
        let letter = is_letter(character, compact);
        if !(letter || (character == '-' && place > start)) || place - start > 63 * 3 {
            break;
        }
        place += character.len_utf8();
        if letter {
            end = place;
        }
    }
    end
}

/// A top-level domain has at least two letters and begins with one; what is glued to its end is left out.
fn top_level_end(text: Haystack<'_>, start: usize, end: usize) -> Option<usize> {
    let label = text.slice(start, end);
    if label.starts_with("xn--") {
        return Some(end);
    }
    let letters: usize = label.chars().take_while(|character| character.is_alphabetic()).map(char::len_utf8).sum();
    let count = text.slice(start, start + letters).chars().count();
    (count >= 2).then_some(start + letters)
}

/// `git@host.org:path` is where a repository is, and `logo@2x.png` a picture.
fn is_repository(text: Haystack<'_>, start: usize, end: usize) -> bool {
    let address = text.slice(start, end);
    let remote = address.starts_with("git@") && text.byte(end) == Some(b':');
    let picture = ["@2x.", "@3x."].iter().any(|scale| address.contains(scale));
    remote || picture
}

/// Letters and digits of any alphabet that puts spaces between words; of the others only if the part itself is in such a script.
fn is_letter(character: char, compact: bool) -> bool {
    character.is_ascii_alphanumeric() || (!character.is_ascii() && character.is_alphanumeric() && (compact || !is_compact(character)))
}

/// Punctuation inside a local part (RFC 5322 atext without what quotes, brackets and assignments use).
fn is_inside(character: char) -> bool {
    matches!(character, '.' | '-' | '+' | '%' | '\'' | '&' | '!' | '#' | '$' | '*' | '~' | '^')
}

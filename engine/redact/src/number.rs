//! Numbers as they are written: groups of digits and what separates them. Cards and phones are read from this, cards first.
//!
//! One look takes in at most `NUMBER_GROUPS_MAX` groups, and the scan then goes on behind the first of them (or behind what was
//! found), so a table of numbers costs a bounded multiple of its length.

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit};
use crate::limits::{NUMBER_GROUPS_MAX, PHONE_DIGITS_MIN, PHONE_GROUPS_MAX};
use crate::{card, phone};

/// What stands between two groups of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// One space, also a no-break one.
    Space,
    /// One hyphen, also U+2010, U+2011, U+2013.
    Dash,
    Dot,
    Slash,
    /// A closing or opening parenthesis, with at most one other separator.
    Paren,
}

/// A run of digits. `gap` separates it from the group before it; the first group of a window has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) gap: Option<Gap>,
}

/// Looks at a run of digits that may be the first of a number; gives where the next number may begin.
pub(crate) fn examine(scan: &mut Scan<'_>, start: usize, end: usize) -> usize {
    if !has_digits_of_a_number(scan.text, start) || uuid_around(scan.text, start, end).is_some() {
        return end;
    }
    let groups = read(scan.text, start);
    let Some(first) = groups.first() else { return end };
    let card = (0..groups.len()).find_map(|index| Some((index, card::find(scan.text, groups.get(index..)?)?)));
    let before_card = match card {
        Some((0, card)) => {
            scan.record(card);
            return first.end; // another card may begin inside: `4008 4111 1111 1111 1111`
        }
        Some((before, _)) => before,
        None => groups.len(),
    };
    let groups = groups.get(..before_card.min(PHONE_GROUPS_MAX)).unwrap_or(&[]);
    match phone::find(scan, groups) {
        Some(phone) => scan.record_phone(phone),
        None => first.end,
    }
}

/// Seven digits with at most one separator between each two, or a closing parenthesis, one, and an opening one. Everything else is too
/// short for a phone number or a card.
fn has_digits_of_a_number(text: Haystack<'_>, start: usize) -> bool {
    let mut at = start + 1;
    for _ in 1..PHONE_DIGITS_MIN {
        at += usize::from(text.byte(at) == Some(b')'));
        at += match text.byte(at) {
            Some(b' ' | b'.' | b'/' | b'-') => 1,
            Some(byte) if !byte.is_ascii() => text.char_at(at).filter(|gap| separator(*gap).is_some()).map_or(0, char::len_utf8),
            Some(_) | None => 0,
        };
        at += usize::from(text.byte(at) == Some(b'('));
        if !text.byte(at).is_some_and(|byte| byte.is_ascii_digit()) {
            return false;
        }
        at += 1;
    }
    true
}

// === impl Group ===

impl Group {
    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }
}

/// The groups from `start` on, at most `NUMBER_GROUPS_MAX` of them.
fn read(text: Haystack<'_>, start: usize) -> Vec<Group> {
    let mut groups = Vec::with_capacity(NUMBER_GROUPS_MAX);
    let mut next = Some((start, None));
    while let Some((start, gap)) = next {
        let end = text.run(start, text.len(), |byte| byte.is_ascii_digit());
        groups.push(Group { start, end, gap });
        next = if groups.len() < NUMBER_GROUPS_MAX { gap_after(text, end) } else { None };
    }
    groups
}

/// The separator at `end` and where the group behind it starts, if a digit follows.
pub(crate) fn gap_after(text: Haystack<'_>, end: usize) -> Option<(usize, Option<Gap>)> {
    let mut at = end;
    let mut gap = None;
    for _ in 0..2 {
        let Some(character) = text.char_at(at) else { break };
        gap = match (gap, separator(character)) {
            (None, Some(Gap::Paren)) | (Some(Gap::Paren), Some(Gap::Space | Gap::Dash | Gap::Dot | Gap::Slash)) => Some(Gap::Paren),
            (Some(Gap::Space | Gap::Dash), Some(Gap::Paren)) if character == '(' => Some(Gap::Paren),
            (None, Some(other)) => Some(other),
            (Some(_), Some(_)) => return None,
            (_, None) => break,
        };
        at += character.len_utf8();
    }
    (gap.is_some() && text.byte(at).is_some_and(|byte| byte.is_ascii_digit())).then_some((at, gap))
}

pub(crate) fn separator(character: char) -> Option<Gap> {
    match character {
        ' ' | '\u{A0}' | '\u{202F}' => Some(Gap::Space),
        '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' => Some(Gap::Dash),
        '.' => Some(Gap::Dot),
        '/' => Some(Gap::Slash),
        '(' | ')' => Some(Gap::Paren),
        _ => None,
    }
}

/// The UUID (8-4-4-4-12 hexadecimal digits) that some of its digits stand in: they say nothing then.
pub(crate) fn uuid_around(text: Haystack<'_>, start: usize, end: usize) -> Option<Hit> {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let edge = |byte: Option<u8>| byte.is_some_and(is_part);
    if end - start > 12 || !(edge(text.byte_before(start)) || edge(text.byte(end))) {
        return None;
    }
    let start = text.run_back(start, 36, is_part);
    let end = text.run(start, 37, is_part);
    let dashed = || text.bytes(start, end).iter().enumerate().all(|(index, byte)| matches!(index, 8 | 13 | 18 | 23) == (*byte == b'-'));
    (end - start == 36 && dashed()).then_some(Hit { start, end })
}

//! Numbers as they are written: groups of digits and what separates them. Cards and phones are read from this, cards first.
//!
//! One look takes in at most `NUMBER_GROUPS_MAX` groups, and the scan then goes on behind the first of them (or behind what was
//! found), so a table of numbers costs a bounded multiple of its length.

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit};
use crate::limits::{NUMBER_GROUPS_MAX, PHONE_GROUPS_MAX};
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

/// Looks at seven or more digits.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let groups = read(scan.text, hit.start);
    let Some(first) = groups.first() else { return hit.end };
    if in_uuid(scan.text, *first) {
        return first.end;
    }
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
        Some(phone) => scan.record(phone),
        None => first.end,
    }
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

/// Whether the group is part of a UUID (8-4-4-4-12 hexadecimal digits): its digits say nothing then.
fn in_uuid(text: Haystack<'_>, group: Group) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let left = text.bytes(group.start.saturating_sub(36), group.start).iter().rev().take_while(|byte| is_part(**byte)).count();
    let start = group.start - left;
    let end = text.run(start, 37, is_part);
    end - start == 36 && text.bytes(start, end).iter().enumerate().all(|(index, byte)| matches!(index, 8 | 13 | 18 | 23) == (*byte == b'-'))
}

//! Kinds that are data: which places to look at, and what makes a match of a shape a finding.
//!
//! A value begins where a word begins: a word that holds a digit, or one of the few before it. Every such place is walked from at most
//! once in a scan.

use crate::check::Check;
use crate::detector::Scan;
use crate::found::{Found, Strength};
use crate::haystack::{Haystack, Hit};
use crate::kind_file::{Needs, Shape};
use crate::limits::{LEADING_MAX, LEADING_WORDS_MAX, TOKEN_LEAD_MAX, TOKEN_MAX};
use crate::number::uuid_around;
use crate::shape::{At, Match};
use crate::words::{Nearness, Window};
use crate::{Finding, ScanError};

/// Looks at a digit: at the word that it stands in and at the words before it. What comes before the end of that word is done then.
pub(crate) fn examine_digit(scan: &mut Scan<'_>, digit: usize) -> Result<(), ScanError> {
    let text = scan.text;
    let start = text.run_back(digit, TOKEN_LEAD_MAX + 1, |byte| byte.is_ascii_alphanumeric());
    let end = text.run(digit, text.len(), |byte| byte.is_ascii_alphanumeric());
    let walked_to = scan.walked_to;
    scan.walked_to = end;
    if digit - start > TOKEN_LEAD_MAX || end - start > TOKEN_MAX {
        return Ok(());
    }
    let uuid = uuid_around(text, start, end);
    if let Some(uuid) = uuid {
        return if start == uuid.start { look_from(scan, (start, At::Digit), Some(uuid.end)) } else { Ok(()) };
    }
    let mut starts = [None; LEADING_WORDS_MAX + 1];
    leading_words(text, start, walked_to, &mut starts);
    for place in starts.iter().rev().flatten() {
        look_from(scan, *place, None)?;
    }
    look_from(scan, (start, At::Digit), None)
}

/// Looks at the literal beginning of a credential; gives where the scan goes on.
pub(crate) fn examine_prefix(scan: &mut Scan<'_>, hit: Hit) -> Result<usize, ScanError> {
    let before = scan.found.len();
    look_from(scan, (hit.start, At::Prefix), None)?;
    let end = scan.found.get(before..).and_then(|found| found.iter().map(|found| found.finding.end).max());
    Ok(end.unwrap_or(hit.start + 1))
}

/// Where the words before `start` begin, the nearest first: in the same line, without digits, after what was looked at already.
fn leading_words(text: Haystack<'_>, start: usize, walked_to: usize, starts: &mut [Option<(usize, At)>]) {
    // What was looked at may reach into this word: a credential glued to a number.
    let floor = start.saturating_sub(LEADING_MAX).max(walked_to).min(start);
    let mut at = start;
    // What is glued to the front of the word: `straße 12` is one word, whatever its bytes.
    let glued = text.run_back(at, at - floor, is_letter);
    let mut places = starts.iter_mut();
    if glued < at
        && let Some(place) = places.next()
    {
        *place = Some((glued, At::Digit));
        at = glued;
    }
    let mut kind = At::Digit;
    for place in places {
        let gap = text.run_back(at, at - floor, |byte| !is_letter(byte) && !byte.is_ascii_digit() && byte != b'\n');
        let word = text.run_back(gap, gap - floor, is_letter);
        if word == gap || gap == at {
            return;
        }
        if text.bytes(gap, at).contains(&b' ') {
            kind = At::Phrase;
        }
        // A word cut off by the floor does not begin there.
        if word > floor || !text.byte_before(word).is_some_and(is_letter) {
            *place = Some((word, kind));
        }
        at = word;
    }
}

/// A letter, as far as a byte tells: of ASCII, or a part of a longer character.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || !byte.is_ascii()
}

/// Walks from one place and records what holds. With `whole`, only what reaches that far counts.
fn look_from(scan: &mut Scan<'_>, (start, at): (usize, At), whole: Option<usize>) -> Result<(), ScanError> {
    let text = scan.text;
    if !begins(text, start) {
        return Ok(());
    }
    let mut matches = std::mem::take(&mut scan.matches);
    matches.clear();
    scan.shapes.walk(&mut scan.walker, (text, start, at), &mut matches)?;
    matches.retain(|found| whole.is_none_or(|end| found.end >= end) && (at == At::Prefix || ends(text, start, found.end)));
    judge(scan, start, &matches);
    scan.matches = matches;
    Ok(())
}

/// The longest match of each kind that holds.
fn judge(scan: &mut Scan<'_>, start: usize, matches: &[Match]) {
    if matches.is_empty() {
        return;
    }
    let mut characters = std::mem::take(&mut scan.characters);
    let mut window = None;
    let first = scan.found.len();
    for found in matches.iter().rev() {
        let Some(shape) = scan.kinds.shapes().get(found.shape) else { continue };
        let recorded = scan.found.get(first..).unwrap_or(&[]);
        if recorded.iter().any(|earlier| earlier.finding.kind == shape.kind && earlier.finding.end > found.end) {
            continue;
        }
        let around = match window {
            Some((end, around)) if end == found.end => around,
            Some(_) | None => {
                read_characters(scan.text.bytes(start, found.end), &mut characters);
                Window::around(scan.text, start, found.end)
            }
        };
        window = Some((found.end, around));
        let candidate = Candidate { shape, around, characters: &characters };
        if let Some(strength) = candidate.strength(scan) {
            let finding = Finding::by_pattern(shape.kind, start, found.end);
            let (secret, national) =
                scan.kinds.get(shape.kind).map_or((false, false), |info| (info.class.is_secret(), info.country.is_some()));
            scan.found.push(Found { finding, strength: if secret { Strength::Secret } else { strength }, national });
        }
    }
    scan.characters = characters;
}

/// The letters and digits of a match, in capitals.
fn read_characters(value: &[u8], characters: &mut Vec<u8>) {
    characters.clear();
    characters.extend(value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase));
}

/// A match of a shape.
struct Candidate<'s> {
    shape: &'s Shape,
    around: Window,
    characters: &'s [u8],
}

// === impl Candidate ===

impl Candidate<'_> {
    /// What speaks for it; nothing if that is too little. Words are looked for first where one is needed, because most texts with
    /// many numbers have none.
    fn strength(&self, scan: &mut Scan<'_>) -> Option<Strength> {
        let nearness = match self.shape.needs {
            Needs::Word => Some(self.nearness(scan)?),
            Needs::Shape | Needs::Check => None,
        };
        let holds = self.shape.checks.iter().all(|check: &Check| check.holds(self.characters));
        let distinct = !self.shape.distinct || self.characters.windows(2).any(|pair| pair.first() != pair.last());
        if !holds || !distinct {
            return None;
        }
        let nearness = nearness.or_else(|| self.nearness(scan));
        Some(match (nearness, self.shape.checks.is_empty()) {
            (Some(_), false) => Strength::CheckAndWord,
            (Some(Nearness::Beside), true) => Strength::WordBeside,
            (Some(Nearness::Near), true) => Strength::Word,
            (None, false) => Strength::Check,
            (None, true) => Strength::Shape,
        })
    }

    fn nearness(&self, scan: &mut Scan<'_>) -> Option<Nearness> {
        scan.words.nearness(scan.text, &mut scan.nearby, (self.around, self.shape.kind))
    }
}

/// Where a value may begin: not inside a word, not behind a decimal point, not behind the `+` of a phone number.
fn begins(text: Haystack<'_>, start: usize) -> bool {
    let decimal =
        text.byte_before(start) == Some(b'.') && start > 1 && text.byte_before(start - 1).is_some_and(|byte| byte.is_ascii_digit());
    text.is_edge_before(start) && text.byte_before(start) != Some(b'+') && !decimal
}

/// Where a value may end: not before a decimal point, if it is of digits alone. Edges of words are the walk's work.
fn ends(text: Haystack<'_>, start: usize, end: usize) -> bool {
    let decimals = text.byte(end) == Some(b'.') && text.byte(end + 1).is_some_and(|byte| byte.is_ascii_digit());
    !decimals || text.bytes(start, end).iter().any(u8::is_ascii_alphabetic)
}

//! Text in other forms than plain ASCII: digits of all scripts, fullwidth forms, invisible characters, no-break spaces, typographic hyphens,
//! HTML entities, percent-encoding, escapes of JSON. What is in such a form is scanned a second time in its plain form.
//!
//! Nothing here changes what is sent: a normal form lives for one scan, and every place in it leads back to a place in the text. Only
//! the parts of a text that hold such forms are copied; most texts hold none, and one fast look tells.

mod character;
mod escape;

use character::{Effect, effect};

use crate::haystack::Hit;
use crate::limits::{DIGITS_MIN, DIGITS_NEAR, NORMAL_AFTER, NORMAL_BEFORE, NORMAL_EDGE, NORMAL_STEP, NORMAL_STRETCH};

/// A part of a text in its plain form.
pub(crate) struct Normal {
    pub(crate) text: String,
    /// In order and without gaps in the plain form.
    runs: Vec<Run>,
    /// The part of the text that this is, and whether it was cut there.
    part: Hit,
    cut: (bool, bool),
}

/// Bytes of the plain form and where they come from.
#[derive(Clone, Copy)]
struct Run {
    normal: usize,
    original: usize,
    original_end: usize,
    /// Whether they are the same bytes.
    same: bool,
}

/// The parts of a text whose plain form must be scanned, in order.
pub(crate) struct Parts<'t> {
    text: &'t str,
    /// Everything before was looked at.
    looked_to: usize,
    /// Where the last part ended.
    done_to: usize,
}

/// Works out what becomes of each character, so that the first text does not wait for it.
pub(crate) fn load() {
    let _known = effect('é');
}

// === impl Parts ===

impl<'t> Parts<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text, looked_to: 0, done_to: 0 }
    }

    /// The next place whose plain form differs in a way that may hide a value.
    fn next_place(&mut self) -> Option<usize> {
        const BLOCK: usize = 32;
        loop {
            let rest = self.text.as_bytes().get(self.looked_to..)?;
            // In a text of another script the next byte is one as a rule; else whole blocks are compared at once.
            let place = if is_special(*rest.first()?) {
                self.looked_to
            } else {
                let block = rest.get(..BLOCK).unwrap_or(rest);
                if !block.iter().fold(false, |any, byte| any | is_special(*byte)) {
                    self.looked_to += block.len();
                    continue;
                }
                self.looked_to + block.iter().position(|byte| is_special(*byte))?
            };
            let rest = self.text.get(place..)?;
            self.looked_to = place + rest.chars().next().map_or(1, char::len_utf8);
            if hides(self.text, place) {
                return Some(place);
            }
        }
    }
}

impl Iterator for Parts<'_> {
    type Item = Normal;

    fn next(&mut self) -> Option<Normal> {
        let first = self.next_place()?;
        let start = begin(self.text, first, self.done_to);
        let mut end = finish(self.text, first);
        // Another place near makes the part longer; one right behind the last does not make it much longer.
        let mut finished = first;
        while let Some(place) = self.next_place() {
            if place >= end + NORMAL_BEFORE {
                self.looked_to = place;
                break;
            }
            if place > finished + NORMAL_STEP && place + 4 * NORMAL_AFTER > end {
                end = end.max(finish(self.text, place));
                finished = place;
            }
        }
        self.done_to = end;
        Some(Normal::new(self.text, Hit { start, end }))
    }
}

/// A byte that a character or an escape with an effect may begin with. Latin letters with accents, Greek, Cyrillic and Chinese begin with
/// others, so a text in them is looked at in blocks too; a test holds them to it.
fn is_special(byte: u8) -> bool {
    let plain = matches!(byte, 0xC3 | 0xC6 | 0xCE..=0xD1 | 0xE4..=0xE9);
    (byte >= 0xC0 && !plain) | (byte == b'&') | (byte == b'%') | (byte == b'\\')
}

/// Whether the character or escape at `place` may be part of a value once it is plain.
fn hides(text: &str, place: usize) -> bool {
    let Some((before, rest)) = text.split_at_checked(place) else { return false };
    match rest.chars().next() {
        Some('&' | '%' | '\\') => escape::read(rest).is_some_and(|escape| escape.hides),
        Some(character) if !character.is_ascii() => match effect(character) {
            Effect::Keeps => false,
            Effect::Hides if character::is_digit(character) => is_in_number(before, rest),
            Effect::Hides => true,
            // Between letters and digits only: these are common in ordinary text.
            Effect::Joins => {
                let joined = |character: Option<char>| character.is_some_and(|c| c.is_ascii_graphic());
                joined(before.chars().next_back()) && joined(rest.chars().nth(1))
            }
        },
        Some(_) | None => false,
    }
}

/// Whether a digit has company: a lone age, dose or floor in its own script hides nothing.
fn is_in_number(before: &str, rest: &str) -> bool {
    let glued = |character: Option<char>| character.is_some_and(|character| character.is_ascii_graphic());
    if glued(before.chars().next_back()) {
        return true;
    }
    let digits = |characters: &mut dyn Iterator<Item = char>| characters.take(DIGITS_NEAR).filter(|c| character::is_digit(*c)).count();
    let behind = rest.chars().take(DIGITS_NEAR).find(|character| !character::is_digit(*character));
    glued(behind) || digits(&mut before.chars().rev()) + digits(&mut rest.chars()) >= DIGITS_MIN
}

/// Where the part around a place begins: some way before it, where no word of ASCII is cut, and not before `floor`.
fn begin(text: &str, place: usize, floor: usize) -> usize {
    let before = text.get(floor..place).unwrap_or("");
    let at = before.char_indices().rev().nth(NORMAL_BEFORE - 1).map_or(floor.min(place), |(offset, _)| floor + offset);
    let stretch = text.as_bytes().get(floor.max(at.saturating_sub(NORMAL_STRETCH))..at).unwrap_or(&[]);
    at - stretch.iter().rev().take_while(|byte| byte.is_ascii_graphic()).count()
}

/// Where it ends: some way behind it, where no word of ASCII is cut.
fn finish(text: &str, place: usize) -> usize {
    let rest = text.get(place..).unwrap_or("");
    let at = place + rest.char_indices().nth(NORMAL_AFTER).map_or(rest.len(), |(offset, _)| offset);
    let stretch = text.as_bytes().get(at..).unwrap_or(&[]);
    at + stretch.iter().take_while(|byte| byte.is_ascii_graphic()).count()
}

// === impl Normal ===

impl Normal {
    fn new(text: &str, part: Hit) -> Self {
        let original = text.get(part.start..part.end).unwrap_or("");
        let cut = (part.start > 0, part.end < text.len());
        let mut normal = Self { text: String::with_capacity(original.len()), runs: Vec::new(), part, cut };
        let mut at = 0;
        while let Some(rest) = original.get(at..).filter(|rest| !rest.is_empty()) {
            let plain = rest.bytes().take_while(|byte| !is_special(*byte)).count();
            normal.push_same(part.start + at, rest.get(..plain).unwrap_or(""));
            at += plain;
            at += normal.push_special(part.start + at, rest.get(plain..).unwrap_or(""));
        }
        normal
    }

    /// Adds the plain form of the first character or escape; gives its length in the text.
    fn push_special(&mut self, original: usize, rest: &str) -> usize {
        let Some(character) = rest.chars().next() else { return 0 };
        let length = character.len_utf8();
        if let Some(escape) = escape::read(rest) {
            self.start_run(original, original + escape.length, false);
            character::push(&mut self.text, escape.character);
            return escape.length;
        }
        let changes = character::changes(character);
        let last = if changes { self.text.chars().next_back() } else { None };
        let composed = last.and_then(|last| character::compose(last, character));
        if let (Some(composed), Some(run)) = (composed, self.runs.last_mut()) {
            // The mark joins the letter before it, so the two are one place from now on.
            let letter = self.text.pop().map_or(0, char::len_utf8);
            let at = self.text.len();
            if run.same && run.normal < at {
                let split = Run { normal: at, original: run.original_end - letter, original_end: original + length, same: false };
                run.original_end = split.original;
                self.runs.push(split);
            } else {
                (run.original_end, run.same) = (original + length, false);
            }
            self.text.push(composed);
        } else if !changes {
            self.push_same(original, rest.get(..length).unwrap_or(""));
        } else {
            self.start_run(original, original + length, false);
            character::push(&mut self.text, character);
        }
        length
    }

    fn push_same(&mut self, original: usize, same: &str) {
        if same.is_empty() {
            return;
        }
        match self.runs.last_mut() {
            Some(run) if run.same && run.original_end == original => run.original_end += same.len(),
            Some(_) | None => self.start_run(original, original + same.len(), true),
        }
        self.text.push_str(same);
    }

    fn start_run(&mut self, original: usize, original_end: usize, same: bool) {
        self.runs.push(Run { normal: self.text.len(), original, original_end, same });
    }

    /// The place in the text of a place in the plain form: all of every character and escape that it touches. Nothing for what lies at
    /// an edge where the part was cut and holds nothing that was made plain: the text itself tells more of that.
    pub(crate) fn original(&self, normal: Hit) -> Option<Hit> {
        let first = self.runs.partition_point(|run| run.normal <= normal.start).checked_sub(1)?;
        let last = self.runs.partition_point(|run| run.normal < normal.end).checked_sub(1)?;
        let (from, to) = (self.runs.get(first)?, self.runs.get(last)?);
        let start = if from.same { from.original + (normal.start - from.normal) } else { from.original };
        let end = if to.same { to.original + (normal.end - to.normal) } else { to.original_end };
        let unchanged = first == last && from.same;
        let at_edge = (self.cut.0 && start < self.part.start + NORMAL_EDGE) || (self.cut.1 && end + NORMAL_EDGE > self.part.end);
        (start < end && !(unchanged && at_edge)).then_some(Hit { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_are_skipped_in_blocks_have_no_effect() {
        for character in ('\u{80}'..'\u{20000}').filter(|character| !is_special(character.to_string().as_bytes()[0])) {
            assert_eq!(effect(character), Effect::Keeps, "{character:?}");
        }
    }

    #[test]
    fn places_lead_back_to_whole_characters() {
        let text = "é ＡＤＡ%40x.org e\u{301}\u{200B}!";
        let normal = Normal::new(text, Hit { start: 0, end: text.len() });
        assert_eq!(normal.text, "é ADA@x.org é!");
        let back = |part: &str| {
            let start = normal.text.find(part).unwrap();
            let place = normal.original(Hit { start, end: start + part.len() }).unwrap();
            text.get(place.start..place.end).unwrap()
        };
        assert_eq!([back("DA@x"), back("@"), back("é!"), back("é ADA")], ["ＤＡ%40x", "%40", "e\u{301}\u{200B}!", "é ＡＤＡ"]);
        assert_eq!(normal.original(Hit { start: 0, end: normal.text.len() }).map(|place| place.end), Some(text.len()));
    }
}

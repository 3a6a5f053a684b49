//! How an opaque pseudonym is spelled, and how one is read that a model wrote in other letters or with escapes.
//!
//! `PII_`, three of `A-Z0-9`, `_`, sixteen of Crockford's base 32 (no I, L, O, U). Ours never hold a P behind the label, so that no
//! pseudonym ends in what another begins with: two that touch, or one behind a broken one, can be told apart in one way only.

use crate::{Form, Label};

/// Characters of a pseudonym.
pub(super) const LENGTH: usize = 24;

/// A pseudonym as we spell it.
pub(super) type Spelling = [u8; LENGTH];

/// What ours are written with: 16 of these 31 hold 79 bits.
const LETTERS: [u8; 31] = *b"0123456789ABCDEFGHJKMNQRSTVWXYZ";

/// The pseudonym that a digest stands for. The digest's first half is enough: what it lacks in evenness is below 2^-48.
pub(super) fn spell(label: Label, digest: &[u8; 32]) -> Spelling {
    let mut spelling = *b"PII_000_0000000000000000";
    for (place, letter) in spelling.iter_mut().skip(4).zip(label.as_str().bytes()) {
        *place = letter;
    }
    let mut number = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    for place in spelling.iter_mut().skip(8) {
        let letter = usize::try_from(number % 31).ok().and_then(|index| LETTERS.get(index));
        *place = letter.copied().unwrap_or(b'0');
        number /= 31;
    }
    spelling
}

/// A pseudonym being read, one byte at a time.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    letters: Spelling,
    count: usize,
    backslashes: u8,
}

/// Shapes of pseudonyms in what goes past, whoever made them. It keeps no text: two readings at most are open at a time.
#[derive(Default)]
pub(super) struct Watch {
    open: Vec<Reading>,
}

// === impl Reading ===

impl Reading {
    pub(super) const fn new() -> Self {
        Self { letters: [0; LENGTH], count: 0, backslashes: 0 }
    }

    /// Whether the byte goes on with the pseudonym; if not, the reading is over.
    pub(super) fn take(&mut self, byte: u8, form: Form) -> bool {
        if byte == b'\\' && matches!(self.count, 3 | 7) {
            self.backslashes += 1;
            return self.backslashes <= escapes_max(form);
        }
        let letter = byte.to_ascii_uppercase();
        let fits = match self.count {
            0 => letter == b'P',
            1 | 2 => letter == b'I',
            3 | 7 => letter == b'_',
            4..=6 => letter.is_ascii_alphanumeric(),
            _ => letter.is_ascii_alphanumeric() && !matches!(letter, b'I' | b'L' | b'O' | b'U'),
        };
        let Some(place) = self.letters.get_mut(self.count).filter(|_| fits) else { return false };
        *place = letter;
        self.count += 1;
        self.backslashes = 0;
        true
    }

    /// The letters so far, as we spell them.
    pub(super) fn letters(&self) -> &[u8] {
        self.letters.get(..self.count).unwrap_or_default()
    }

    /// The whole of it, if nothing is missing.
    pub(super) fn whole(&self) -> Option<Spelling> {
        (self.count == LENGTH).then_some(self.letters)
    }
}

/// How many backslashes may stand before an underscore: markdown writes `\_`, and JSON writes that as `\\_`.
const fn escapes_max(form: Form) -> u8 {
    match form {
        Form::Text => 1,
        Form::Json => 2,
    }
}

// === impl Watch ===

impl Watch {
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Forgets what was begun: it was part of something that is known.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// A shape that is whole and alone now that this byte comes after it: one that is no letter or digit.
    pub(super) fn settle(&mut self, next: u8) -> Option<Spelling> {
        let whole = self.end();
        whole.filter(|_| !next.is_ascii_alphanumeric())
    }

    /// A shape that is whole and alone because nothing comes after it. Only one can be: two of the same end have the same begin.
    pub(super) fn end(&mut self) -> Option<Spelling> {
        let index = self.open.iter().position(|reading| reading.whole().is_some())?;
        self.open.swap_remove(index).whole()
    }

    /// Reads on. Call [`Watch::settle`] with the same byte before.
    pub(super) fn take(&mut self, byte: u8, form: Form) {
        self.open.retain_mut(|reading| reading.take(byte, form));
        let mut begun = Reading::new();
        if begun.take(byte, form) {
            self.open.push(begun);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_has_its_label_and_no_letter_that_could_begin_another() {
        let label = Label::parse("EML").unwrap();
        for byte in 0..=255_u8 {
            let spelling = spell(label, &[byte; 32]);
            let text = std::str::from_utf8(&spelling).unwrap();
            assert!(text.starts_with("PII_EML_"), "{text}");
            assert!(spelling[8..].iter().all(|letter| LETTERS.contains(letter) && !b"ILOUP".contains(letter)), "{text}");
        }
    }

    #[test]
    fn the_watch_sees_shapes_that_begin_inside_a_broken_one() {
        let shape = b"PII_EML_ABCDEFGHJKMNPQRS";
        for before in ["", "PII_", "PII_P", "PII_PII_", "PII\\_", "pii_pii_pii_", "PII_EML_ABCDEFGHJKMNPQR "] {
            let mut watch = Watch::default();
            for byte in before.bytes().chain(*shape) {
                assert!(watch.settle(byte).is_none(), "{before}");
                watch.take(byte, Form::Text);
                assert!(watch.open.len() <= 3);
            }
            assert!(watch.settle(b'.') == Some(*shape), "{before}");
        }
    }
}

//! What a detector is shown of an answer: pseudonyms of the call blanked and, where the answer is JSON, its escapes.
//!
//! A view has the same length as its text, so every place in one is that place in the other. It never decodes: what an escape stands for
//! is not seen.

use std::borrow::Cow;
use std::ops::Range;

use crate::Form;

/// Where in JSON a place is.
#[derive(Clone, Copy, Default)]
pub(super) struct Inside {
    string: bool,
    escaped: bool,
}

/// The text with blanks in place of pseudonyms of the call and of escapes.
pub(super) fn view<'t>(text: &'t str, form: Form, ours: &[Range<usize>]) -> Cow<'t, str> {
    let escapes = form == Form::Json && text.contains('\\');
    if ours.is_empty() && !escapes {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    if escapes {
        blank_escapes(&mut bytes);
    }
    for place in ours {
        bytes.get_mut(place.clone()).into_iter().flatten().for_each(|byte| *byte = 0);
    }
    // Only ASCII was put in place of ASCII.
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// An escape becomes spaces; that of a line's end keeps one.
fn blank_escapes(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let start = at + found;
        let (length, last) = match bytes.get(start + 1) {
            Some(b'u') => {
                let digits = bytes.get(start + 2..).unwrap_or_default().iter().take(4).take_while(|byte| byte.is_ascii_hexdigit());
                (2 + digits.count(), b' ')
            }
            Some(b'n' | b'r') => (2, b'\n'),
            Some(letter) if letter.is_ascii() => (2, b' '),
            Some(_) | None => (1, b' '),
        };
        at = start + length;
        bytes.get_mut(start..at).into_iter().flatten().for_each(|byte| *byte = b' ');
        if let Some(byte) = bytes.get_mut(at - 1) {
            *byte = last;
        }
    }
}

// === impl Inside ===

impl Inside {
    /// Where it is behind more text.
    pub(super) fn after(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.string,
                b'"' => self.string = !self.string,
                _ => {}
            }
        }
        self
    }

    /// In a string and not amid an escape.
    pub(super) fn is_string(self) -> bool {
        self.string && !self.escaped
    }

    /// Whether a text that begins in a string goes beyond its end.
    pub(super) fn leaves_in(mut self, text: &str) -> bool {
        text.char_indices().any(|(at, letter)| {
            self = self.after(text.get(at..at + letter.len_utf8()).unwrap_or_default());
            !self.string
        }) || self.escaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_has_the_length_of_its_text() {
        let check = |text: &str, expected: &str| assert_eq!(view(text, Form::Json, &[]), expected);
        check(r"\nada@x.org", " \nada@x.org");
        check(r#"a\u00e9b\n\"c\"#, "a      b \n  c ");
        check("\\é\\u00é", " é    é");
        let ours = std::slice::from_ref(&(2..5));
        assert_eq!(view("a PII b", Form::Text, ours), "a \0\0\0 b");
    }
}

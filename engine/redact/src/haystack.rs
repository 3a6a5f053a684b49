//! The text being scanned, with the few questions that validators ask of it.
//!
//! Offsets may be anything: what lies outside answers `None` or an empty slice, never a panic.

use crate::script::is_compact;

/// The text of one scan.
#[derive(Clone, Copy)]
pub(crate) struct Haystack<'t> {
    text: &'t str,
}

/// Where a pattern matched: offsets of its first byte and after its last.
#[derive(Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'t> Haystack<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text }
    }

    pub(crate) fn len(self) -> usize {
        self.text.len()
    }

    /// The byte at an offset.
    pub(crate) fn byte(self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The byte before an offset.
    pub(crate) fn byte_before(self, at: usize) -> Option<u8> {
        self.byte(at.checked_sub(1)?)
    }

    /// The character that starts at an offset.
    pub(crate) fn char_at(self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }

    /// The character that ends at an offset.
    pub(crate) fn char_before(self, at: usize) -> Option<char> {
        self.text.get(..at)?.chars().next_back()
    }

    pub(crate) fn slice(self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or("")
    }

    pub(crate) fn bytes(self, start: usize, end: usize) -> &'t [u8] {
        self.text.as_bytes().get(start..end).unwrap_or(&[])
    }

    /// From `at` to the end of the text, or `max` bytes, whichever is less.
    pub(crate) fn ahead(self, at: usize, max: usize) -> &'t [u8] {
        self.bytes(at, at.saturating_add(max).min(self.len()))
    }

    /// At most `max` bytes before `at`, cut to whole characters.
    pub(crate) fn before(self, at: usize, max: usize) -> &'t str {
        self.slice(self.text.floor_char_boundary(at.saturating_sub(max)), at)
    }

    /// At most `max` bytes from `at` on, cut to whole characters.
    pub(crate) fn after(self, at: usize, max: usize) -> &'t str {
        self.slice(at, self.text.floor_char_boundary(at.saturating_add(max).min(self.len())))
    }

    pub(crate) fn starts_with(self, at: usize, prefix: &str) -> bool {
        self.ahead(at, prefix.len()) == prefix.as_bytes()
    }

    /// At most so many characters before `at`.
    pub(crate) fn characters_before(self, at: usize, count: usize) -> &'t str {
        let bytes = self.before(at, count);
        if bytes.is_ascii() {
            return bytes;
        }
        let before = self.before(at, 4 * count);
        before.char_indices().rev().nth(count.saturating_sub(1)).and_then(|(offset, _)| before.get(offset..)).unwrap_or(before)
    }

    /// At most so many characters from `at` on.
    pub(crate) fn characters_after(self, at: usize, count: usize) -> &'t str {
        let bytes = self.after(at, count);
        if bytes.is_ascii() {
            return bytes;
        }
        let after = self.after(at, 4 * count);
        after.char_indices().nth(count).and_then(|(offset, _)| after.get(..offset)).unwrap_or(after)
    }

    /// Whether a value may begin there: not behind a letter or digit, except of a script without spaces.
    pub(crate) fn is_edge_before(self, at: usize) -> bool {
        match self.byte_before(at) {
            Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
            Some(_) => self.char_before(at).is_some_and(is_edge),
            None => true,
        }
    }

    /// Whether a value may end there: not before a letter or digit, except of a script without spaces, and not inside a character.
    pub(crate) fn is_edge_after(self, at: usize) -> bool {
        match self.byte(at) {
            Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
            Some(_) => self.char_at(at).is_some_and(is_edge),
            None => true,
        }
    }

    /// The first ASCII digit from `at` on. Most text has few: it is looked at in blocks that a processor compares at once.
    pub(crate) fn next_digit(self, at: usize) -> Option<usize> {
        const BLOCK: usize = 32;
        let bytes = self.text.as_bytes();
        let mut from = at;
        loop {
            let rest = bytes.get(from..)?;
            let block = rest.get(..BLOCK).unwrap_or(rest);
            if block.iter().fold(false, |any, byte| any | byte.is_ascii_digit()) {
                return block.iter().position(u8::is_ascii_digit).map(|offset| from + offset);
            }
            if block.len() < BLOCK {
                return None;
            }
            from += BLOCK;
        }
    }

    /// Where a run of allowed bytes that ends at `at` begins; looks at no more than `max` bytes.
    pub(crate) fn run_back(self, at: usize, max: usize, allowed: fn(u8) -> bool) -> usize {
        at - self.bytes(at.saturating_sub(max), at).iter().rev().take_while(|byte| allowed(**byte)).count()
    }

    /// Where a run of allowed bytes that begins at `at` ends; looks at no more than `max` bytes.
    pub(crate) fn run(self, at: usize, max: usize, allowed: fn(u8) -> bool) -> usize {
        at + self.ahead(at, max).iter().take_while(|byte| allowed(**byte)).count()
    }
}

fn is_edge(character: char) -> bool {
    !character.is_alphanumeric() || is_compact(character)
}

/// The base64url alphabet (RFC 4648 section 5).
pub(crate) fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether an ASCII letter or digit stands there: the only word edge that secrets and numbers know.
pub(crate) fn is_word(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric())
}

//! The text being scanned, with the few questions that validators ask of it.
//!
//! Offsets may be anything: what lies outside answers `None` or an empty slice, never a panic.

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

    /// Where a run of allowed bytes that begins at `at` ends; looks at no more than `max` bytes.
    pub(crate) fn run(self, at: usize, max: usize, allowed: fn(u8) -> bool) -> usize {
        at + self.ahead(at, max).iter().take_while(|byte| allowed(**byte)).count()
    }
}

/// The base64url alphabet (RFC 4648 section 5).
pub(crate) fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether an ASCII letter or digit stands there: the only word edge that secrets and numbers know.
pub(crate) fn is_word(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric())
}

//! The values of a call, so that an answer may repeat them. It has no `Debug`, because it holds plain values.
//!
//! A value in other separators or case is the same value; a part of a name is that name. Nothing else is.

use std::collections::BTreeSet;

/// What was found in a call.
#[derive(Default)]
pub struct CallValues {
    canonical: BTreeSet<String>,
    /// The words of every value, each value between zero bytes and each word between spaces.
    words: String,
}

// === impl CallValues ===

impl CallValues {
    /// The values as they are spelled in the call.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut known = Self::default();
        for value in values {
            known.canonical.insert(canonical(value));
            known.words.push_str(&words(value));
            known.words.push('\0');
        }
        known
    }

    /// Whether a text was found in the call.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        let canonical = canonical(text);
        // An address or a number is never part of another; a name is: `Ada` of `Ada Lovelace`.
        let is_name = !text.contains(|letter: char| letter.is_numeric() || letter == '@');
        !canonical.is_empty() && (self.canonical.contains(&canonical) || (is_name && self.words.contains(&words(text))))
    }
}

/// Letters and digits alone, in small letters; in an address every sign counts.
pub(super) fn canonical(text: &str) -> String {
    let is_address = text.contains('@');
    let letters = text.chars().filter(|letter| letter.is_alphanumeric() || (is_address && !letter.is_whitespace()));
    letters.flat_map(char::to_lowercase).collect()
}

fn words(text: &str) -> String {
    let mut words = " ".to_owned();
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        words.extend(word.chars().flat_map(char::to_lowercase));
        words.push(' ');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spelling_is_the_same_value_and_a_part_only_of_a_name() {
        let values = CallValues::new(["Ada Lovelace", "GB29 NWBK 6016 1331 9268 19", "ada@example.org", "+44 7911 123456"]);
        for ours in ["Lovelace", "ADA LOVELACE", "GB29NWBK60161331926819", "Ada@Example.org", "+44-7911-123456"] {
            assert!(values.has(ours), "{ours}");
        }
        for other in ["Love", "Lovelace Ada", "6016 1331", "ada@example.or.g", "a.da@example.org", "7911 123456", "", " "] {
            assert!(!values.has(other), "{other}");
        }
    }
}

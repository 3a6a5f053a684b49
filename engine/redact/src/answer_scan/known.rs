//! The values of a call, so that an answer may repeat them. It has no `Debug`, because it holds plain values.
//!
//! A value in other separators or case is the same value; a part of a name is that name. Nothing else is.

use std::collections::BTreeSet;

/// Words of a part of a name. A longer part of a value is a finding.
const NAME_WORDS_MAX: usize = 8;

/// What was found in a call.
#[derive(Default)]
pub struct CallValues {
    canonical: BTreeSet<String>,
    /// Every run of words of a value, of so many words at most.
    names: BTreeSet<String>,
}

// === impl CallValues ===

impl CallValues {
    /// The values as they are spelled in the call.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut known = Self::default();
        for value in values {
            known.canonical.insert(canonical(value));
            let words = words(value);
            for first in 0..words.len() {
                let run = words.get(first..).unwrap_or_default().iter().take(NAME_WORDS_MAX);
                known.names.extend((1..=run.len()).map(|count| run.clone().take(count).map(String::as_str).collect::<Vec<_>>().join(" ")));
            }
        }
        known
    }

    /// Whether a text was found in the call.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        let canonical = canonical(text);
        // An address or a number is never part of another; a name is: `Ada` of `Ada Lovelace`.
        let is_name = !text.contains(|letter: char| letter.is_numeric() || letter == '@');
        !canonical.is_empty() && (self.canonical.contains(&canonical) || (is_name && self.names.contains(&words(text).join(" "))))
    }
}

/// Letters and digits alone, in small letters; in an address every sign counts.
pub(super) fn canonical(text: &str) -> String {
    let is_address = text.contains('@');
    let letters = text.chars().filter(|letter| letter.is_alphanumeric() || (is_address && !letter.is_whitespace()));
    letters.flat_map(char::to_lowercase).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
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

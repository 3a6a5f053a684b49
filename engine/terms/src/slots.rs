//! Finds the slots of a text of terms: `?name`, where a parameter's value will stand.
//!
//! Cedar's own slots, `?principal` and `?resource`, are not among them, and what stands in a string or a comment is text.

use std::ops::Range;

/// Names that Cedar keeps for itself.
pub(crate) const RESERVED: [&str; 2] = ["principal", "resource"];

/// One `?name` in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot<'t> {
    /// Without the `?`.
    pub(crate) name: &'t str,
    /// With the `?`, in bytes.
    pub(crate) range: Range<usize>,
}

/// What the scanner is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Code,
    Text,
    /// In a text, after a backslash: the next character is part of the text whatever it is.
    Escape,
    Comment,
}

/// Every slot, in the order of the text.
pub(crate) fn slots(text: &str) -> Vec<Slot<'_>> {
    let mut found = Vec::new();
    let mut within = Within::Code;
    let next = text.chars().skip(1).map(Some).chain([None]);
    for ((at, c), next) in text.char_indices().zip(next) {
        if within == Within::Code && c == '?' {
            found.extend(slot_at(text, at));
        }
        within = match (within, c) {
            (Within::Code, '"') => Within::Text,
            (Within::Code, '/') if next == Some('/') => Within::Comment,
            (Within::Text, '\\') => Within::Escape,
            (Within::Text, '"') | (Within::Comment, '\n' | '\r') => Within::Code,
            (Within::Escape, _) => Within::Text,
            (Within::Code | Within::Text | Within::Comment, _) => within,
        };
    }
    found
}

/// The text with each slot replaced by what `value` gives for it, in order.
pub(crate) fn replace<'t>(text: &'t str, mut value: impl FnMut(&Slot<'t>) -> String) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut from = 0;
    for slot in slots(text) {
        filled.push_str(text.get(from..slot.range.start).unwrap_or_default());
        filled.push_str(&value(&slot));
        from = slot.range.end;
    }
    filled.push_str(text.get(from..).unwrap_or_default());
    filled
}

/// Whether a parameter may have this name.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(is_part) && !RESERVED.contains(&text)
}

fn slot_at(text: &str, at: usize) -> Option<Slot<'_>> {
    let rest = text.get(at + 1..)?;
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| is_name(name))?;
    Some(Slot { name, range: at..at + 1 + end })
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(slots(text).iter().map(|slot| slot.name).collect::<Vec<_>>(), expected, "{text}");
        assert!(slots(text).iter().all(|slot| text.get(slot.range.clone()) == Some(&format!("?{}", slot.name))));
    }

    #[test]
    fn slots_stand_in_code_alone() {
        check("a == ?home && ?homes.containsAll(b)", &["home", "homes"]);
        check("@reason(\"what ?home says\") // and ?home\n?after", &["after"]);
        check(r#""a \" ?no \\" ?yes"#, &["yes"]);
        check("4 / ?x // ?y\r?z", &["x", "z"]);
        check("?principal ?resource ?principals", &["principals"]);
        check("? ?9 ??a é?b", &["a", "b"]);
        check("\"never ended ?x", &[]);
    }

    #[test]
    fn only_slots_are_replaced() {
        assert_eq!(replace("?a \"?a\"?b", |slot| slot.name.to_uppercase()), "A \"?a\"B");
        assert_eq!(replace("none", |_| String::new()), "none");
    }
}

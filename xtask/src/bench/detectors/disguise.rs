//! The structured values of a data set as people and programs also write them: in other digits, with invisible characters, encoded.
//! Made from the set itself, value by value; the words around stay as they were.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::dataset::{Gold, Set, Text};
use super::labels::{Group, SetSpec};

/// One way to write a value.
pub(super) struct Disguise {
    pub(super) title: &'static str,
    write: fn(&str) -> String,
}

pub(super) const DISGUISES: [Disguise; 7] = [
    Disguise { title: "fullwidth letters and digits", write: fullwidth },
    Disguise { title: "Arabic-Indic digits", write: arabic_indic },
    Disguise { title: "no-break spaces and hyphens", write: no_break },
    Disguise { title: "a zero-width space after each third character", write: zero_width },
    Disguise { title: "HTML entities for digits and signs", write: html_entities },
    Disguise { title: "percent-encoded signs and digits", write: percent },
    Disguise { title: "base64", write: base64 },
];

// === impl Disguise ===

impl Disguise {
    /// Texts with structured values, each value disguised. Values that look the same as before do not count, and stand in no entity.
    pub(super) fn of(&self, set: &Set, spec: &SetSpec) -> Set {
        let texts = set.texts.iter().map(|text| self.text(text, spec)).filter(|text| !text.gold.is_empty()).collect();
        Set { name: format!("{}, {}", set.name, self.title), language: set.language.clone(), texts }
    }

    fn text(&self, text: &Text, spec: &SetSpec) -> Text {
        let structured = |gold: &&Gold| spec.row_of(&gold.label).is_some_and(|row| row.group == Group::Structured);
        let mut values: Vec<&Gold> = text.gold.iter().filter(structured).collect();
        values.sort_by_key(|gold| gold.start);
        let characters: Vec<char> = text.text.chars().collect();
        let between = |start: usize, end: usize| characters.get(start..end).unwrap_or_default().iter().collect::<String>();
        let (mut written, mut length, mut at, mut gold) = (String::new(), 0_usize, 0, Vec::new());
        for value in values.into_iter().filter(|value| !(self.write)(&text.value(value)).eq(&text.value(value))) {
            let before = between(at, value.start);
            let disguised = (self.write)(&text.value(value));
            let start = length.saturating_add(before.chars().count());
            length = start.saturating_add(disguised.chars().count());
            gold.push(Gold { label: value.label.clone(), start, end: length });
            written.push_str(&before);
            written.push_str(&disguised);
            at = value.end;
        }
        written.push_str(&between(at, characters.len()));
        Text { text: written, gold }
    }
}

// === Ways ===

fn each(value: &str, write: impl Fn(char) -> String) -> String {
    value.chars().map(write).collect()
}

/// Moved by a fixed distance in Unicode.
fn moved(c: char, distance: u32) -> String {
    u32::from(c).checked_add(distance).and_then(char::from_u32).unwrap_or(c).to_string()
}

fn fullwidth(value: &str) -> String {
    each(value, |c| if c.is_ascii_graphic() { moved(c, 0xFEE0) } else { c.to_string() })
}

fn arabic_indic(value: &str) -> String {
    each(value, |c| if c.is_ascii_digit() { moved(c, 0x0630) } else { c.to_string() })
}

fn no_break(value: &str) -> String {
    value.replace(' ', "\u{A0}").replace('-', "\u{2011}")
}

fn zero_width(value: &str) -> String {
    let mut written = String::new();
    for (index, c) in value.chars().enumerate() {
        if index > 0 && index % 3 == 0 {
            written.push('\u{200B}');
        }
        written.push(c);
    }
    written
}

fn html_entities(value: &str) -> String {
    each(value, |c| if c.is_ascii_digit() || c.is_ascii_punctuation() { format!("&#{};", u32::from(c)) } else { c.to_string() })
}

fn percent(value: &str) -> String {
    each(
        value,
        |c| if c.is_ascii_digit() || c.is_ascii_punctuation() || c == ' ' { format!("%{:02X}", u32::from(c)) } else { c.to_string() },
    )
}

fn base64(value: &str) -> String {
    BASE64_STANDARD.encode(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_change_and_the_words_around_stay() {
        assert_eq!(fullwidth("a@1 b"), "ａ＠１ ｂ");
        assert_eq!(arabic_indic("a 60"), "a ٦٠");
        assert_eq!(zero_width("123456"), "123\u{200B}456");
        assert_eq!((html_entities("a@1").as_str(), percent("a@1").as_str()), ("a&#64;&#49;", "a%40%31"));
        let labels: super::super::labels::Labels = toml::from_str(include_str!("../../../../bench/detectors/labels.toml")).unwrap();
        let gold = |start, end| Gold { label: "US_SSN".to_owned(), start, end };
        let text = Text { text: "é 12 and a and 34.".to_owned(), gold: vec![gold(15, 17), gold(9, 10), gold(2, 4)] };
        let disguise = Disguise { title: "", write: html_entities };
        let made = disguise.text(&text, &labels.set[0]);
        assert_eq!(made.text, "é &#49;&#50; and a and &#51;&#52;.");
        assert_eq!(made.gold.iter().map(|gold| made.value(gold)).collect::<Vec<_>>(), ["&#49;&#50;", "&#51;&#52;"]);
    }
}

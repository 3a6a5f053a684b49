//! What becomes of single characters: NFKC (Unicode standard annex 15), decimal digits of all scripts (general category Nd), and what is
//! invisible.
//!
//! A table of bits over the first two planes answers for nearly all characters in one step, because a text in Arabic or Chinese asks for
//! each of its characters.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{compose as compose_pair, is_combining_mark};

/// What making a character plain may bring to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Keeps,
    /// A part of a value.
    Hides,
    /// A part of a value, if it stands between its letters or digits.
    Joins,
}

/// The characters that have an effect.
static EFFECTS: LazyLock<Effects> = LazyLock::new(Effects::new);

struct Effects {
    hides: Vec<u64>,
    joins: Vec<u64>,
    /// All that change, with or without an effect.
    changes: Vec<u64>,
}

/// The table ends with the second plane; behind it only tags and some ideographs change.
const TABLE_END: u32 = 0x2_0000;

pub(super) fn effect(character: char) -> Effect {
    let place = u32::from(character);
    if place >= TABLE_END {
        return work_out(character);
    }
    match (bit(&EFFECTS.hides, place), bit(&EFFECTS.joins, place)) {
        (true, _) => Effect::Hides,
        (_, true) => Effect::Joins,
        (false, false) => Effect::Keeps,
    }
}

/// Whether the plain form of a character is another, or joins the letter before it.
pub(super) fn changes(character: char) -> bool {
    let place = u32::from(character);
    place >= TABLE_END || bit(&EFFECTS.changes, place)
}

/// Whether it is a decimal digit of any script, ASCII too.
pub(super) fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || (!character.is_ascii() && effect(character) == Effect::Hides && digit(character).is_some())
}

/// Adds the plain form of a character; nothing for one that is invisible.
pub(super) fn push(plain: &mut String, character: char) {
    if is_invisible(character) {
        return;
    }
    if let Some(digit) = digit(character) {
        plain.push(digit);
    } else if is_hyphen(character) {
        plain.push('-');
    } else if character.is_whitespace() && !character.is_ascii() && !matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}') {
        plain.push(' ');
    } else {
        plain.extend(std::iter::once(character).nfkc());
    }
}

/// A letter and the mark behind it as one character, if there is one.
pub(super) fn compose(letter: char, mark: char) -> Option<char> {
    if is_combining_mark(mark) { compose_pair(letter, mark) } else { None }
}

// === impl Effects ===

impl Effects {
    fn new() -> Self {
        let words = usize::try_from(TABLE_END / 64).unwrap_or(0);
        let none = || vec![0; words];
        let mut effects = Self { hides: none(), joins: none(), changes: none() };
        let mut plain = String::new();
        for character in ('\u{80}'..).take_while(|character| u32::from(*character) < TABLE_END) {
            plain.clear();
            push(&mut plain, character);
            if is_combining_mark(character) || !plain.chars().eq([character]) {
                set(&mut effects.changes, character);
            }
            match work_out(character) {
                Effect::Keeps => {}
                Effect::Hides => set(&mut effects.hides, character),
                Effect::Joins => set(&mut effects.joins, character),
            }
        }
        effects
    }
}

fn set(table: &mut [u64], character: char) {
    if let Some(word) = usize::try_from(u32::from(character) / 64).ok().and_then(|index| table.get_mut(index)) {
        *word |= 1 << (u32::from(character) % 64);
    }
}

fn bit(table: &[u64], place: u32) -> bool {
    let word = usize::try_from(place / 64).ok().and_then(|index| table.get(index));
    word.is_some_and(|word| word >> (place % 64) & 1 == 1)
}

fn work_out(character: char) -> Effect {
    if digit(character).is_some() {
        return Effect::Hides;
    }
    if is_invisible(character) || is_hyphen(character) || is_combining_mark(character) || character.is_whitespace() || is_common(character)
    {
        return Effect::Joins;
    }
    let mut plain = String::new();
    push(&mut plain, character);
    let valuable = |plain: char| plain.is_ascii_alphanumeric() || matches!(plain, '@' | '.' | '_' | '%' | '+' | '-' | '&' | '/' | '#');
    if plain.chars().any(valuable) { Effect::Hides } else { Effect::Keeps }
}

/// Signs of ordinary text whose plain form has letters, digits or dots: º ª ² ³ ¹ ¼ ½ ¾ … ™ ℃ ℉ №, and units squared for Asian text.
fn is_common(character: char) -> bool {
    matches!(
        character,
        '\u{AA}' | '\u{B2}' | '\u{B3}' | '\u{B9}' | '\u{BA}' | '\u{BC}'..='\u{BE}' | '\u{2026}' | '\u{2103}' | '\u{2109}' | '\u{2116}'
            | '\u{2122}' | '\u{3300}'..='\u{33FF}'
    )
}

/// Characters without a width: soft hyphen, joiners, directions, byte order mark, variation selectors, tags.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Hyphens and dashes, and the minus sign.
fn is_hyphen(character: char) -> bool {
    matches!(character, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

/// The zeros of the scripts that have decimal digits of their own, ten in a row each (Unicode 16).
#[rustfmt::skip]
const ZEROS: [u32; 73] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0,
    0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730,
    0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC,
    0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// The ASCII digit of a decimal digit of any script.
fn digit(character: char) -> Option<char> {
    let place = u32::from(character);
    let zero = ZEROS.get(ZEROS.partition_point(|zero| *zero <= place).checked_sub(1)?)?;
    char::from_digit(place - zero, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut plain = String::new();
        text.chars().for_each(|character| push(&mut plain, character));
        plain
    }

    #[test]
    fn digits_of_all_scripts_are_read() {
        assert_eq!(plain("٠١٢٣٤٥٦٧٨٩ ۰۱۲ ०१२३ ๐๑๒ ０１２３ 𝟎𝟏𝟗"), "0123456789 012 0123 012 0123 019");
        assert!(ZEROS.is_sorted() && ZEROS.windows(2).all(|pair| pair[1] - pair[0] >= 10));
    }

    #[test]
    fn what_is_invisible_goes_and_what_is_wide_becomes_narrow() {
        assert_eq!(plain("a\u{200B}d\u{AD}a＠ｅｘａｍｐｌｅ．ｏｒｇ\u{A0}\u{202F}‑–"), "ada@example.org  --");
    }

    #[test]
    fn ordinary_letters_have_no_effect() {
        for character in "éßñçøЖяعربي漢字かな한글ไทยहिन्दी。、€「」".chars() {
            assert_ne!(effect(character), Effect::Hides, "{character}");
        }
        assert_eq!(
            [effect('٣'), effect('＠'), effect('\u{A0}'), effect('，')],
            [Effect::Hides, Effect::Hides, Effect::Joins, Effect::Keeps]
        );
    }
}

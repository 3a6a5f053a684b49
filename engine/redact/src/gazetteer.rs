//! The tier of lists: names that the organisation gave, found wherever they stand as whole words.
//!
//! Names are looked up token by token in a table of hashes, so half a million of them cost some tens of megabytes and the same time as
//! ten. Accents do not matter, spaces and line breaks between the words neither. Case does: a name is found as its line has it
//! and in capitals; only a line without capitals is found in any case. Not found: other spellings (`Mueller` for `Müller`), inflected
//! forms, initials. The list itself is not kept.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::limits::{GAZETTEER_NAMES_MAX, GAZETTEER_TOKENS_MAX};
use crate::trained::{Already, Sort, Token, mix, tokens};
use crate::{Finding, Kind, Names, ScanError, Tier};

/// Lists of names, ready to be looked up.
#[derive(Default)]
pub struct Gazetteer {
    /// Kinds by the hash of the whole name, one key for each way to write it.
    names: HashMap<u64, Kind, BuildHasherDefault<Already>>,
    /// First tokens, and each beginning of a name of several tokens.
    beginnings: HashSet<u64, BuildHasherDefault<Already>>,
    lines: usize,
    passed_over: usize,
}

/// A list that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum GazetteerError {
    /// More names than would still be found quickly.
    #[error("the lists have more than {GAZETTEER_NAMES_MAX} names")]
    TooMany,
    /// That list, counted from 0, has none: it would count as a tier, and nothing be looked for.
    #[error("a list has no name in it")]
    NoName(usize),
}

// === impl Gazetteer ===

impl Gazetteer {
    /// Takes lines with one name each. Empty lines and those that begin with `#` are none; a name of one character, or of more than 16
    /// tokens, is passed over and counted.
    ///
    /// # Errors
    /// If there are too many.
    pub fn build<'l>(lines: impl IntoIterator<Item = (Kind, &'l str)>) -> Result<Self, GazetteerError> {
        let mut gazetteer = Self::default();
        gazetteer.take(lines)?;
        Ok(gazetteer.shrunk())
    }

    /// Takes whole lists, each with the kind of its names.
    ///
    /// # Errors
    /// If there are too many names, or none in one of the lists.
    pub fn of_lists<'l>(lists: impl IntoIterator<Item = (Kind, &'l str)>) -> Result<Self, GazetteerError> {
        let mut gazetteer = Self::default();
        for (place, (kind, text)) in lists.into_iter().enumerate() {
            let before = gazetteer.lines;
            gazetteer.take(text.lines().map(|line| (kind, line)))?;
            if gazetteer.lines == before {
                return Err(GazetteerError::NoName(place));
            }
        }
        Ok(gazetteer.shrunk())
    }

    fn take<'l>(&mut self, lines: impl IntoIterator<Item = (Kind, &'l str)>) -> Result<(), GazetteerError> {
        for (kind, line) in lines {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if self.lines >= GAZETTEER_NAMES_MAX {
                return Err(GazetteerError::TooMany);
            }
            if self.add(kind, line) {
                self.lines = self.lines.saturating_add(1);
            } else {
                self.passed_over = self.passed_over.saturating_add(1);
            }
        }
        Ok(())
    }

    fn shrunk(mut self) -> Self {
        self.names.shrink_to_fit();
        self.beginnings.shrink_to_fit();
        self
    }

    /// How many names it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// How many lines were too short or too long to be a name.
    #[must_use]
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }

    fn add(&mut self, kind: Kind, line: &str) -> bool {
        let tokens = tokens(line);
        if tokens.len() > GAZETTEER_TOKENS_MAX || line.chars().filter(|character| character.is_alphanumeric()).count() < 2 {
            return false;
        }
        let mut writing = Writing::default();
        for token in &tokens {
            writing.take_in(line, *token);
            self.beginnings.insert(writing.folded);
        }
        for key in writing.keys_of_line() {
            self.names.entry(key).or_insert(kind);
        }
        true
    }

    /// The longest name that begins with the first of `tokens`: its kind, and how many tokens it has.
    fn longest(&self, text: &str, tokens: &[Token]) -> Option<(Kind, usize)> {
        let mut writing = Writing::default();
        let mut longest = None;
        for (length, token) in (1_usize..).zip(tokens) {
            if token.sort == Sort::Break {
                continue;
            }
            writing.take_in(text, *token);
            if !self.beginnings.contains(&writing.folded) {
                break;
            }
            longest = writing.keys_of_text().into_iter().find_map(|key| self.names.get(&key)).map(|kind| (*kind, length)).or(longest);
        }
        longest
    }
}

impl Names for Gazetteer {
    fn tier(&self) -> Tier {
        Tier::Gazetteer
    }

    fn names(&self, text: &str, _before: &[Finding]) -> Result<Vec<Finding>, ScanError> {
        let tokens = tokens(text);
        let mut found = Vec::new();
        let mut at = 0;
        while let Some((first, rest)) = tokens.get(at..).and_then(<[Token]>::split_first) {
            let longest = if first.sort == Sort::Break { None } else { self.longest(text, tokens.get(at..).unwrap_or_default()) };
            at = at.saturating_add(1);
            if let Some((kind, length)) = longest {
                let last = rest.get(..length.saturating_sub(1)).and_then(<[Token]>::last).unwrap_or(first);
                found.push(Finding { kind, start: first.start, end: last.end, tier: Tier::Gazetteer });
                at = at.saturating_add(length.saturating_sub(1));
            }
        }
        Ok(found)
    }
}

/// How a run of tokens is written: hashes without accents, once as written and once in small letters.
#[derive(Default)]
struct Writing {
    exact: u64,
    folded: u64,
    has_small: bool,
    has_capital: bool,
}

// Marks that keep the three ways to be found apart.
const AS_WRITTEN: u64 = 1;
const IN_CAPITALS: u64 = 2;
const IN_ANY_CASE: u64 = 3;

// === impl Writing ===

impl Writing {
    fn take_in(&mut self, text: &str, token: Token) {
        let word = text.get(token.start..token.end).unwrap_or_default();
        (self.exact, self.folded) = (mix(self.exact, AS_WRITTEN), mix(self.folded, AS_WRITTEN));
        if word.is_ascii() {
            word.chars().for_each(|character| self.take_in_character(character));
        } else {
            word.nfd().filter(|character| !is_combining_mark(*character)).for_each(|character| self.take_in_character(character));
        }
    }

    fn take_in_character(&mut self, character: char) {
        // All apostrophes are one: `O’Neil`.
        let character = if matches!(character, '’' | '‘' | 'ʼ' | '´' | '`') { '\'' } else { character };
        self.has_small |= character.is_lowercase();
        self.has_capital |= character.is_uppercase();
        self.exact = fold_in(self.exact, character);
        if character.is_ascii() {
            self.folded = fold_in(self.folded, character.to_ascii_lowercase());
        } else {
            character.to_lowercase().for_each(|small| self.folded = fold_in(self.folded, small));
        }
    }

    fn keys_of_line(&self) -> Vec<u64> {
        if self.has_capital {
            vec![mix(self.exact, AS_WRITTEN), mix(self.folded, IN_CAPITALS)]
        } else {
            vec![mix(self.folded, IN_ANY_CASE)]
        }
    }

    fn keys_of_text(&self) -> [u64; 3] {
        let in_capitals = if self.has_small { 0 } else { mix(self.folded, IN_CAPITALS) };
        [mix(self.exact, AS_WRITTEN), in_capitals, mix(self.folded, IN_ANY_CASE)]
    }
}

/// Cheap, because it runs for each character of every text; [`mix`] comes after each word.
fn fold_in(state: u64, character: char) -> u64 {
    (state ^ u64::from(u32::from(character))).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "# names\nAda Lovelace\nLovelace\nMüller & Söhne\nNúñez\nO'Neil\nde Gaulle\nwiesbaden\nMay\nX\n李明\n";

    fn check(text: &str, expected: &[&str]) {
        let gazetteer = Gazetteer::build(LINES.lines().map(|line| (Kind::PERSON, line))).unwrap();
        assert_eq!((gazetteer.len(), gazetteer.passed_over()), (9, 1));
        let found = gazetteer.names(text, &[]).unwrap();
        let found: Vec<&str> = found.iter().map(|finding| text.get(finding.start..finding.end).unwrap()).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn each_list_has_a_name() {
        let lists = |texts: &[&'static str]| Gazetteer::of_lists(texts.iter().map(|text| (Kind::PERSON, *text))).map(|names| names.len());
        assert_eq!(lists(&["Ada\nGrace", "# ours\nX\nZoë"]).ok(), Some(3));
        for empty in ["", "\n", "\u{feff}# ours", "X"] {
            assert!(matches!(lists(&["Ada", empty, ""]), Err(GazetteerError::NoName(1))), "{empty:?}");
        }
    }

    #[test]
    fn whole_words_as_written_or_in_capitals() {
        check("Ada Lovelace met Lovelace.", &["Ada Lovelace", "Lovelace"]);
        check("ADA LOVELACE, (LOVELACE)", &["ADA LOVELACE", "LOVELACE"]);
        check("ada lovelace, Lovelaces, LoveLace, MyLovelace, Ada", &[]);
        check("In May I may, MAY I?", &["May", "MAY"]);
        check("Charles de Gaulle, CHARLES DE GAULLE, De Gaulle", &["de Gaulle", "DE GAULLE"]);
        check("wiesbaden Wiesbaden WIESBADEN", &["wiesbaden", "Wiesbaden", "WIESBADEN"]);
    }

    #[test]
    fn accents_spaces_and_line_breaks_do_not_matter() {
        check("Nunez, Nu\u{301}n\u{303}ez, NÚÑEZ, Muller &Söhne", &["Nunez", "Nu\u{301}n\u{303}ez", "NÚÑEZ", "Muller &Söhne"]);
        check("Ada\n  Lovelace", &["Ada\n  Lovelace"]);
        check("我叫李明。", &["李明"]);
        check("O'Neil O’Neil", &["O'Neil", "O’Neil"]);
    }
}

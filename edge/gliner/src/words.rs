//! The words of a text, as GLiNER splits it: runs of word characters, joined by single `-` or `_`, and every other character alone.
//!
//! Words never overlap and leave out white space only. A run that is longer than a word may be is several words without a gap.

use std::ops::Range;

use regex_automata::meta::Regex;

use crate::error::GlinerError;
use crate::limits::WORD_CHARS_MAX;

/// The expression of the `WhitespaceTokenSplitter` of the `gliner` package.
const WORD: &str = r"\w+(?:[-_]\w+)*|\S";

/// Splits texts.
pub(crate) struct Splitter(Regex);

// === impl Splitter ===

impl Splitter {
    pub(crate) fn new() -> Result<Self, GlinerError> {
        Regex::new(WORD).map(Self).map_err(|_| GlinerError::Splitter)
    }

    /// The places of the words in bytes; nothing where there are more than `words_max`.
    pub(crate) fn split(&self, text: &str, words_max: usize) -> Option<Vec<Range<usize>>> {
        let mut words = Vec::new();
        for found in self.0.find_iter(text) {
            push(&mut words, text, found.range());
            if words.len() > words_max {
                return None;
            }
        }
        Some(words)
    }
}

fn push(words: &mut Vec<Range<usize>>, text: &str, run: Range<usize>) {
    let mut start = run.start;
    let characters = text.get(run.clone()).unwrap_or_default().char_indices();
    for (offset, _) in characters.step_by(WORD_CHARS_MAX).skip(1) {
        let end = run.start.saturating_add(offset);
        words.push(start..end);
        start = end;
    }
    words.push(start..run.end);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<&str> {
        Splitter::new().unwrap().split(text, usize::MAX).unwrap().into_iter().map(|word| text.get(word).unwrap()).collect()
    }

    #[test]
    fn words_are_those_of_the_published_expression() {
        assert_eq!(split("Jean-Luc's e-mail: a_b--c!"), ["Jean-Luc", "'", "s", "e-mail", ":", "a_b", "-", "-", "c", "!"]);
        assert_eq!(split("Zoë Müller,\n\tÅrhus"), ["Zoë", "Müller", ",", "Århus"]);
        assert_eq!(split("<<ENT>>"), ["<", "<", "ENT", ">", ">"]);
        assert!(split(" \n").is_empty() && split("").is_empty());
    }

    #[test]
    fn a_long_run_is_several_words() {
        let run = "é".repeat(2 * WORD_CHARS_MAX + 1);
        assert_eq!(split(&run).iter().map(|word| word.chars().count()).collect::<Vec<_>>(), [WORD_CHARS_MAX, WORD_CHARS_MAX, 1]);
        assert_eq!(split(&"x".repeat(WORD_CHARS_MAX)).len(), 1);
    }

    #[test]
    fn too_many_words_are_refused() {
        let splitter = Splitter::new().unwrap();
        assert!(splitter.split("a b c", 3).is_some() && splitter.split("a b c d", 3).is_none());
    }

    proptest! {
        #[test]
        fn words_and_white_space_are_the_whole_text(text in any::<String>()) {
            let words = Splitter::new().unwrap().split(&text, usize::MAX).unwrap();
            let mut end = 0;
            for word in words {
                prop_assert!(word.start >= end && word.start < word.end);
                prop_assert!(text.get(end..word.start).unwrap().trim().is_empty());
                end = word.end;
            }
            prop_assert!(text.get(end..).unwrap().trim().is_empty());
        }
    }
}

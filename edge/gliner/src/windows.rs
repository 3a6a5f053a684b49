//! Cuts a text into looks that a model can take, each overlapping the next. Every word is in a look; nothing is cut off unseen.

use std::ops::Range;

use crate::limits::{WINDOW_OVERLAP_WORDS, WINDOW_TOKENS_MAX, WINDOW_WORDS_MAX, WINDOWS_MAX};

/// The looks at a text whose words have so many tokens each, as ranges of words; nothing where they would be too many.
pub(crate) fn windows(tokens: &[usize]) -> Option<Vec<Range<usize>>> {
    let mut windows = Vec::new();
    let mut start = 0_usize;
    while start < tokens.len() {
        if windows.len() >= WINDOWS_MAX {
            return None;
        }
        let end = start.saturating_add(fitting(tokens.get(start..).unwrap_or_default()));
        windows.push(start..end);
        if end >= tokens.len() {
            break;
        }
        // INVARIANT: half of a window at most, so the next begins later than this one.
        let shared = WINDOW_OVERLAP_WORDS.min((end - start) / 2);
        start = end - shared;
    }
    Some(windows)
}

/// How many of the next words fit: always one, since a word's length has a bound of its own.
fn fitting(tokens: &[usize]) -> usize {
    let mut sum = 0_usize;
    let fits = tokens.iter().take(WINDOW_WORDS_MAX).take_while(|count| {
        sum = sum.saturating_add(**count);
        sum <= WINDOW_TOKENS_MAX
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::SPAN_WORDS_MAX;

    #[test]
    fn short_texts_are_one_look_and_long_ones_overlap() {
        assert!(windows(&[]).unwrap().is_empty());
        assert_eq!(windows(&[1; 384]).unwrap(), std::slice::from_ref(&(0..384)));
        assert_eq!(windows(&[1; 385]).unwrap(), [0..384, 320..385]);
        assert_eq!(windows(&[2; 1024]).unwrap(), [0..384, 320..704, 640..1024]);
    }

    #[test]
    fn tokens_bound_a_look_too() {
        assert_eq!(windows(&[256; 6]).unwrap(), [0..4, 2..6]);
        assert_eq!(windows(&[5000; 2]).unwrap(), [0..1, 1..2]);
    }

    #[test]
    fn too_long_a_text_is_refused_and_never_cut() {
        let words = (WINDOW_WORDS_MAX - WINDOW_OVERLAP_WORDS) * WINDOWS_MAX + WINDOW_OVERLAP_WORDS;
        assert_eq!(windows(&vec![1; words]).unwrap().len(), WINDOWS_MAX);
        assert!(windows(&vec![1; words + 1]).is_none());
    }

    proptest! {
        #[test]
        fn every_span_of_usual_words_is_in_one_look(tokens in prop::collection::vec(0_usize..9, 1..2000)) {
            let windows = windows(&tokens).unwrap();
            for start in 0..tokens.len() {
                let end = (start + SPAN_WORDS_MAX).min(tokens.len());
                prop_assert!(windows.iter().any(|window| window.start <= start && end <= window.end));
            }
            for window in windows {
                prop_assert!(window.len() <= WINDOW_WORDS_MAX && tokens[window].iter().sum::<usize>() <= WINDOW_TOKENS_MAX);
            }
        }
    }
}

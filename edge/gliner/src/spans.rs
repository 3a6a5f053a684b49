//! The spans of a look: those that the model is asked for, and what its scores say of them.
//!
//! A score that is not a number is an error: read as "below the threshold" it would be a name that leaks.

use crate::limits::SPAN_WORDS_MAX;

/// A span of words that the model gave a label, in words of its look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) first: usize,
    /// The last word; it belongs to the span.
    pub(crate) last: usize,
    /// The label's place in the prompt.
    pub(crate) label: usize,
    probability: f32,
}

/// Why scores could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// They are not as many as the spans times the labels.
    Shape,
    /// One is not a number.
    NotANumber,
}

/// First and last word of every span, and whether it lies within the text: for each word, spans of 1 to 12 words.
pub(crate) fn asked(words: usize) -> (Vec<i64>, Vec<bool>) {
    let mut places = Vec::with_capacity(words.saturating_mul(2 * SPAN_WORDS_MAX));
    let mut within = Vec::with_capacity(words.saturating_mul(SPAN_WORDS_MAX));
    for first in 0..words {
        for last in first..first.saturating_add(SPAN_WORDS_MAX) {
            let place = if last < words { (i64::try_from(first), i64::try_from(last)) } else { (Ok(0), Ok(0)) };
            places.extend([place.0.unwrap_or_default(), place.1.unwrap_or_default()]);
            within.push(last < words);
        }
    }
    (places, within)
}

/// The spans of a look with a probability of at least `threshold`: the likeliest first, and none that overlaps a likelier one.
///
/// `logits` holds, for each word and each of 12 widths, one number per label.
pub(crate) fn decode(logits: &[f32], (words, labels): (usize, usize), threshold: f32) -> Result<Vec<Span>, Unreadable> {
    if labels == 0 || logits.len() != words.saturating_mul(SPAN_WORDS_MAX).saturating_mul(labels) {
        return Err(Unreadable::Shape);
    }
    let mut likely = Vec::new();
    for (place, scores) in logits.chunks_exact(labels).enumerate() {
        let (first, width) = (place / SPAN_WORDS_MAX, place % SPAN_WORDS_MAX);
        let last = first.saturating_add(width);
        if last >= words {
            continue;
        }
        for (label, logit) in scores.iter().enumerate() {
            if logit.is_nan() {
                return Err(Unreadable::NotANumber);
            }
            let probability = sigmoid(*logit);
            if probability >= threshold {
                likely.push(Span { first, last, label, probability });
            }
        }
    }
    Ok(greedy(likely))
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The likeliest, then the likeliest of those that do not overlap it, and so on; of equals the longer, so that less stays in clear.
fn greedy(mut likely: Vec<Span>) -> Vec<Span> {
    likely.sort_by(|a, b| b.probability.total_cmp(&a.probability).then((b.last - b.first).cmp(&(a.last - a.first))));
    let mut taken = vec![false; likely.iter().map(|span| span.last.saturating_add(1)).max().unwrap_or_default()];
    let free = |span: &Span| match taken.get_mut(span.first..=span.last) {
        Some(words) if !words.contains(&true) => {
            words.fill(true);
            true
        }
        Some(_) | None => false,
    };
    let mut chosen = likely;
    chosen.retain(free);
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Scores of `words` words and two labels: those given, and no for everything else.
    fn logits(words: usize, given: &[(usize, usize, usize, f32)]) -> Vec<f32> {
        let mut logits = vec![-9.0; words * SPAN_WORDS_MAX * 2];
        for (first, last, label, logit) in given {
            logits[(first * SPAN_WORDS_MAX + last - first) * 2 + label] = *logit;
        }
        logits
    }

    fn found(words: usize, given: &[(usize, usize, usize, f32)]) -> Vec<(usize, usize, usize)> {
        let spans = decode(&logits(words, given), (words, 2), 0.5).unwrap();
        spans.iter().map(|span| (span.first, span.last, span.label)).collect()
    }

    #[test]
    fn every_word_begins_twelve_spans_of_which_those_within_count() {
        let (places, within) = asked(2);
        assert_eq!((places.len(), within.len()), (48, 24));
        assert_eq!(places[..6], [0, 0, 0, 1, 0, 0]);
        assert_eq!(places[24..28], [1, 1, 0, 0]);
        assert_eq!(within.iter().filter(|within| **within).count(), 3);
        assert!(within[0] && within[1] && !within[2] && within[12] && !within[13]);
    }

    #[test]
    fn the_likeliest_of_overlapping_spans_is_taken() {
        assert_eq!(found(5, &[(0, 1, 0, 1.0), (1, 2, 1, 2.0), (3, 3, 0, 0.5)]), [(1, 2, 1), (3, 3, 0)]);
        assert_eq!(found(5, &[(0, 0, 0, 3.0), (0, 1, 0, 3.0)]), [(0, 1, 0)]);
        assert_eq!(found(5, &[(0, 0, 0, -0.1)]), []);
        assert_eq!(found(5, &[(0, 0, 0, 0.0)]), [(0, 0, 0)]);
    }

    #[test]
    fn spans_beyond_the_text_do_not_count() {
        assert_eq!(found(2, &[(1, 2, 0, 9.0)]), []);
    }

    #[test]
    fn what_cannot_be_read_is_not_nothing() {
        assert_eq!(decode(&[0.0; 7], (1, 2), 0.5), Err(Unreadable::Shape));
        assert_eq!(decode(&[], (0, 0), 0.5), Err(Unreadable::Shape));
        assert_eq!(decode(&logits(1, &[(0, 0, 1, f32::NAN)]), (1, 2), 0.5), Err(Unreadable::NotANumber));
        assert_eq!(found(1, &[(0, 0, 1, f32::INFINITY)]), [(0, 0, 1)]);
    }

    proptest! {
        #[test]
        fn spans_never_overlap_and_every_likely_word_is_in_one_or_beside_a_likelier(scores in prop::collection::vec(-3.0_f32..3.0, 20 * SPAN_WORDS_MAX)) {
            let spans = decode(&scores, (20, 1), 0.5).unwrap();
            for (place, span) in spans.iter().enumerate() {
                prop_assert!(span.first <= span.last && span.last < 20);
                prop_assert!(spans[..place].iter().all(|before| before.last < span.first || span.last < before.first));
            }
            for (place, score) in scores.iter().enumerate().filter(|(_, score)| **score >= 0.0) {
                let (first, last) = (place / SPAN_WORDS_MAX, place / SPAN_WORDS_MAX + place % SPAN_WORDS_MAX);
                let likelier = |span: &Span| span.first <= last && first <= span.last && span.probability >= sigmoid(*score);
                prop_assert!(last >= 20 || spans.iter().any(likelier));
            }
        }
    }
}

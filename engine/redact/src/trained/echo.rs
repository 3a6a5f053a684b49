//! A name that the model found once is found everywhere in the same text, and each part of it that looks like a name, too.
//!
//! Only what looks like a name or a number is looked for, so that one wrong `de` does not cover every `de`.

use std::collections::{BTreeMap, BTreeSet};

use super::Mention;
use super::token::{Sort, Token};

/// Least number of letters of a name that is looked for again, and of digits of a number.
const LETTERS_MIN: usize = 4;
const DIGITS_MIN: usize = 5;
/// A name that the model doubts is not looked for again.
const LIKELIHOOD_MIN: f32 = 0.8;

/// A name of more tokens is not looked for again.
const TOKENS_MAX: usize = 16;

/// Names by their tokens with their labels, and the lengths of those that begin with a token.
#[derive(Default)]
struct Known<'t> {
    names: BTreeMap<Vec<&'t str>, usize>,
    lengths: BTreeMap<&'t str, BTreeSet<usize>>,
}

/// Adds mentions of what is in `mentions` already.
pub(super) fn add(text: &str, tokens: &[Token], mentions: &mut Vec<Mention>) {
    let known = known(text, tokens, mentions);
    let mut taken: Vec<bool> = vec![false; tokens.len()];
    for mention in mentions.iter() {
        taken.get_mut(mention.tokens.clone()).into_iter().flatten().for_each(|taken| *taken = true);
    }
    for at in 0..tokens.len() {
        // The longest first.
        for length in known.lengths.get(word(text, tokens.get(at))).into_iter().flatten().rev() {
            let range = at..at.saturating_add(*length);
            let free = taken.get(range.clone()).is_some_and(|taken| !taken.iter().any(|taken| *taken));
            let label = || known.names.get(&words(text, tokens.get(range.clone())?)).copied();
            if let Some(label) = free.then(label).flatten() {
                taken.get_mut(range.clone()).into_iter().flatten().for_each(|taken| *taken = true);
                mentions.push(Mention { label, tokens: range, likelihood: 0.0 });
                break;
            }
        }
    }
}

fn known<'t>(text: &'t str, tokens: &[Token], mentions: &[Mention]) -> Known<'t> {
    let mut known = Known::default();
    for mention in mentions.iter().filter(|mention| mention.likelihood >= LIKELIHOOD_MIN && mention.tokens.len() <= TOKENS_MAX) {
        let name = tokens.get(mention.tokens.clone()).unwrap_or_default();
        if !name.iter().any(|token| is_telling(text, *token)) {
            continue;
        }
        let words = words(text, name);
        if let Some(first) = words.first() {
            known.lengths.entry(first).or_default().insert(words.len());
            known.names.insert(words, mention.label);
        }
    }
    known
}

fn words<'t>(text: &'t str, tokens: &[Token]) -> Vec<&'t str> {
    tokens.iter().map(|token| word(text, Some(token))).collect()
}

/// Whether a token alone is enough to know a name by.
fn is_telling(text: &str, token: Token) -> bool {
    let word = word(text, Some(&token));
    match token.sort {
        Sort::Word => {
            word.chars().next().is_some_and(|first| first.is_uppercase() || !first.is_lowercase()) && word.chars().count() >= LETTERS_MIN
        }
        Sort::Digits => word.chars().count() >= DIGITS_MIN,
        Sort::Mark | Sort::Break => false,
    }
}

fn word<'t>(text: &'t str, token: Option<&Token>) -> &'t str {
    token.and_then(|token| text.get(token.start..token.end)).unwrap_or_default()
}

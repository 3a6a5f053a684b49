//! What the model is told of each token: the word and its form, its neighbours, its line, and what lower tiers found there.
//!
//! Features are 64-bit hashes, so a model file never holds a word of the texts that it was trained on. Any change here changes
//! what a model means: raise [`VERSION`].

use super::token::{Sort, Token, tokens};
use crate::{Finding, Kinds};

/// Version of the set of features; a model works only with the one that it was trained with.
pub(crate) const VERSION: u32 = 1;

/// A text, cut into tokens, with what is known of each.
pub(crate) struct Reading {
    pub(crate) tokens: Vec<Token>,
    views: Vec<View>,
}

/// What is known of a token by itself, as hashes; 0 where there is nothing.
#[derive(Clone, Copy, Default)]
struct View {
    /// The word in small letters, with digits replaced where it is a number.
    lower: u64,
    /// `Xxxx`, `dddd`: every letter and digit by its class, up to eight of them.
    shape: u64,
    /// `Xx`, `d`: the same without repeats.
    brief: u64,
    prefix: [u64; 4],
    suffix: [u64; 4],
    /// What a lower tier found here.
    known: u64,
    /// 1 where no space stands before it.
    glued: u64,
    /// First and second token of its line, and the first of the line above.
    first: u64,
    second: u64,
    above: u64,
    /// The last word before the last colon in the line, and how many tokens ago that was (at most 6).
    key: u64,
    since: u64,
}

// === impl Reading ===

impl Reading {
    /// Reads `text`; `before` is what lower tiers found in it, sorted by place.
    pub(crate) fn new(text: &str, before: &[Finding], kinds: &Kinds) -> Self {
        let tokens = tokens(text);
        let mut views: Vec<View> =
            tokens.iter().map(|token| View::of(text.get(token.start..token.end).unwrap_or_default(), token.sort)).collect();
        mark_known(&tokens, &mut views, before, kinds);
        mark_glued(&tokens, &mut views);
        mark_lines(&tokens, &mut views);
        Self { tokens, views }
    }

    /// Appends the features of token `at` to `keys`.
    pub(crate) fn features(&self, at: usize, keys: &mut Vec<u64>) {
        let near = |offset: isize| at.checked_add_signed(offset).and_then(|place| self.views.get(place)).copied().unwrap_or(OUTSIDE);
        let [three, two, one, here, next, after, third] = [-3, -2, -1, 0, 1, 2, 3].map(near);
        let mut template = 0_u64;
        let mut add = |first: u64, second: u64| {
            template = template.wrapping_add(1);
            keys.push(mix(mix(template, first), second));
        };
        add(0, 0);
        for word in [three, two, one, here, next, after, third] {
            add(word.lower, 0);
        }
        for word in [two, one, here, next, after] {
            add(word.shape, 0);
            add(word.known, 1);
        }
        for (left, right) in [(two, one), (one, here), (here, next), (next, after)] {
            add(left.lower, right.lower);
            add(left.brief, right.brief);
        }
        for affix in here.prefix.into_iter().chain(here.suffix) {
            add(affix, 0);
        }
        add(one.suffix[2], one.brief);
        add(next.suffix[2], next.brief);
        add(mix(one.brief, here.shape), next.brief);
        add(mix(two.brief, one.brief), mix(here.brief, next.brief));
        add(mix(one.lower, here.brief), next.lower);
        add(mix(two.lower, one.lower), here.brief);
        add(here.known, here.shape);
        add(here.key, 0);
        add(here.key, here.since);
        add(here.key, here.shape);
        add(here.key, one.lower);
        add(here.first, here.brief);
        add(here.first, here.second);
        add(here.above, here.brief);
        add(here.since, here.brief);
        add(mix(here.glued, next.glued), here.brief);
        add(here.lower, here.shape);
    }
}

// === impl View ===

/// Beyond the ends of the text.
const OUTSIDE: View = View {
    lower: 1,
    shape: 1,
    brief: 1,
    prefix: [1; 4],
    suffix: [1; 4],
    known: 0,
    glued: 0,
    first: 0,
    second: 0,
    above: 0,
    key: 0,
    since: 0,
};

impl View {
    fn of(word: &str, sort: Sort) -> Self {
        if sort == Sort::Break {
            return Self { lower: 2, shape: 2, brief: 2, ..Self::default() };
        }
        let lower: Vec<char> = word.chars().flat_map(char::to_lowercase).take(64).collect();
        let mut prefix = [0; 4];
        let mut suffix = [0; 4];
        for (length, (front, back)) in (1_usize..).zip(prefix.iter_mut().zip(&mut suffix)) {
            *front = hash(lower.iter().take(length).copied());
            *back = mix(3, hash(lower.iter().rev().take(length).copied()));
        }
        let classes = word.chars().map(class);
        let mut last = None;
        let brief = classes.clone().filter(|class| last.replace(*class) != Some(*class)).take(8);
        Self { lower: hash(lower.iter().copied()), shape: hash(classes.take(8)), brief: hash(brief), prefix, suffix, ..Self::default() }
    }
}

fn class(character: char) -> char {
    match character {
        _ if character.is_uppercase() => 'X',
        _ if character.is_alphabetic() => 'x',
        _ if character.is_numeric() => 'd',
        _ => character,
    }
}

fn mark_known(tokens: &[Token], views: &mut [View], before: &[Finding], kinds: &Kinds) {
    let mut findings = before.iter().peekable();
    for (token, view) in tokens.iter().zip(views) {
        while findings.next_if(|finding| finding.end <= token.start).is_some() {}
        if let Some(finding) = findings.peek().filter(|finding| finding.start < token.end) {
            let name = kinds.get(finding.kind).map_or("", |info| &info.name);
            let begins = u64::from(finding.start >= token.start);
            view.known = mix(mix(hash(name.chars()), hash(finding.tier.name().chars())), begins);
        }
    }
}

fn mark_glued(tokens: &[Token], views: &mut [View]) {
    let mut end = None;
    for (token, view) in tokens.iter().zip(views) {
        view.glued = u64::from(end == Some(token.start));
        end = Some(token.end);
    }
}

/// Forms and letterheads are read line by line: `Name: …`.
fn mark_lines(tokens: &[Token], views: &mut [View]) {
    let mut line = View::default();
    let mut word = 0;
    for (token, view) in tokens.iter().zip(views) {
        if token.sort == Sort::Break {
            line = View { above: line.first, ..View::default() };
            continue;
        }
        if line.first == 0 {
            line.first = view.lower;
        } else if line.second == 0 {
            line.second = view.lower;
        }
        (view.first, view.second, view.above, view.key, view.since) = (line.first, line.second, line.above, line.key, line.since);
        line.since = line.since.saturating_add(1).min(6);
        if token.sort == Sort::Word {
            word = view.lower;
        } else if view.lower == colon() {
            (line.key, line.since) = (word, 0);
        }
    }
}

fn colon() -> u64 {
    hash([':'].into_iter())
}

// Hashing. Not for secrecy against guessing: who guesses a word can see whether the model knows it.

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

fn hash(characters: impl Iterator<Item = char>) -> u64 {
    characters.fold(SEED, |state, character| mix(state, u64::from(u32::from(character))))
}

/// One round of splitmix64 over both values.
pub(crate) fn mix(state: u64, value: u64) -> u64 {
    let mut mixed = state.rotate_left(23).wrapping_add(SEED) ^ value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

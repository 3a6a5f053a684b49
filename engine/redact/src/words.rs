//! The words that announce kinds that are data, all of them in one automaton, looked for only around candidates.
//!
//! INVARIANT: a scan looks for words from no place of the text twice, however many candidates there are.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;

use crate::haystack::Haystack;
use crate::limits::{WORD_BESIDE_MAX, WORDS_AFTER, WORDS_BEFORE};
use crate::script::is_compact;
use crate::{Kind, Kinds};

/// All words of all kinds.
pub(crate) struct Words {
    /// Walked from where a word may begin, for most of them a step or two: a table of all steps is 30 times as large.
    search: NFA,
    start: StateID,
    /// The kinds that each pattern of `search` announces, one bit each.
    kinds: Vec<Vec<u64>>,
    /// Numbers of 64 bits that all kinds take.
    kinds_words: usize,
    longest: usize,
}

/// The words that one scan has come across, as far as it has looked.
#[derive(Default)]
pub(crate) struct Nearby {
    looked_to: usize,
    words: VecDeque<Place>,
    /// The kinds announced in one window, one bit each, so that many shapes of one candidate cost one look.
    window: Option<Window>,
    near: Vec<u64>,
    beside: Vec<u64>,
}

#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    pattern: usize,
}

/// How near a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearness {
    Near,
    /// Right before the value, with nothing between them but signs or a short word.
    Beside,
}

/// Where words of a candidate may stand: from the first to the second offset before it, from the third to the fourth behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    from: usize,
    start: usize,
    end: usize,
    to: usize,
}

// === impl Words ===

impl Words {
    pub(crate) fn new(kinds: &Kinds) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let kinds_words = kinds.iter().count().div_ceil(64);
        let mut announced: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (kind, _) in kinds.iter() {
            for spelling in kinds.words(kind).iter().flat_map(|word| spellings(word)) {
                let bits = announced.entry(spelling).or_insert_with(|| vec![0; kinds_words]);
                if let Some(bits) = bits.get_mut(kind.place() / 64) {
                    *bits |= 1 << (kind.place() % 64);
                }
            }
        }
        let search = NFA::builder().ascii_case_insensitive(true).prefilter(false).build(announced.keys())?;
        let start = search.start_state(Anchored::Yes)?;
        let longest = announced.keys().map(String::len).max().unwrap_or(0);
        Ok(Self { search, start, kinds: announced.into_values().collect(), kinds_words, longest })
    }

    /// How near a word that announces `kind` stands, if one stands in the window. Windows come in the order of their beginnings.
    pub(crate) fn nearness(&self, text: Haystack<'_>, nearby: &mut Nearby, (window, kind): (Window, Kind)) -> Option<Nearness> {
        if nearby.window != Some(window) {
            self.look(text, nearby, window);
            self.sum_up(text, nearby, window);
        }
        let place = kind.place();
        let announced = |kinds: &[u64]| kinds.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1);
        match (announced(&nearby.beside), announced(&nearby.near)) {
            (true, _) => Some(Nearness::Beside),
            (_, true) => Some(Nearness::Near),
            (false, false) => None,
        }
    }

    /// Looks for all words of a window, as far as that has not been done.
    fn look(&self, text: Haystack<'_>, nearby: &mut Nearby, window: Window) {
        while nearby.words.front().is_some_and(|place| place.end + self.longest + 4 * WORDS_BEFORE < window.from) {
            nearby.words.pop_front();
        }
        if window.to <= nearby.looked_to {
            return;
        }
        let from = nearby.looked_to.max(window.from);
        let mut before = text.byte_before(from).unwrap_or_default();
        for (start, first) in (from..).zip(text.bytes(from, window.to)) {
            if begins(text, start, (before, *first)) {
                self.walk(text, nearby, start);
            }
            before = *first;
        }
        nearby.looked_to = window.to;
    }

    /// Notes the words that begin at `start`.
    fn walk(&self, text: Haystack<'_>, nearby: &mut Nearby, start: usize) {
        let mut state = self.start;
        for (at, byte) in (start..).zip(text.ahead(start, self.longest)) {
            state = self.search.next_state(Anchored::Yes, state, *byte);
            if self.search.is_dead(state) {
                return;
            }
            if self.search.is_match(state) && ends(text, at + 1) {
                let end = at + 1;
                let patterns = (0..self.search.match_len(state)).map(|index| self.search.match_pattern(state, index));
                // Others end here, too, that begin later.
                let whole = patterns.filter(|pattern| self.search.pattern_len(*pattern) == end - start);
                nearby.words.extend(whole.map(|pattern| Place { start, end, pattern: pattern.as_usize() }));
            }
        }
    }

    /// Notes which kinds the words of a window announce.
    fn sum_up(&self, text: Haystack<'_>, nearby: &mut Nearby, window: Window) {
        let Nearby { words, near, beside, .. } = nearby;
        for bits in [&mut *near, &mut *beside] {
            bits.clear();
            bits.resize(self.kinds_words, 0);
        }
        if words.iter().any(|place| window.holds(place)) {
            let window = window.in_two_lines(text);
            for place in words.iter().filter(|place| window.holds(place)) {
                let bits = match window.nearness(text, *place) {
                    Nearness::Near => &mut *near,
                    Nearness::Beside => &mut *beside,
                };
                for (bits, announced) in bits.iter_mut().zip(self.kinds.get(place.pattern).into_iter().flatten()) {
                    *bits |= announced;
                }
            }
        }
        nearby.window = Some(window);
    }
}

/// A word as it is written in text: the automaton folds the case of ASCII only.
fn spellings(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned()];
    if !word.is_ascii() {
        let mut characters = word.chars();
        let title = characters.next().map(|first| first.to_uppercase().chain(characters).collect());
        all.extend([Some(word.to_uppercase()), title].into_iter().flatten());
    }
    all
}

/// Whether a word may begin there: it is not part of a longer one. Digits, `_` and the humps of `userCpf` part words; scripts without
/// spaces have no parts. The two bytes are those before and behind it.
fn begins(text: Haystack<'_>, at: usize, (before, first): (u8, u8)) -> bool {
    if before.is_ascii() && first.is_ascii() {
        let joins = before.is_ascii_alphabetic() && first.is_ascii_alphanumeric();
        return !joins || (before.is_ascii_lowercase() && first.is_ascii_uppercase());
    }
    // Amid a character there is none.
    let edge = |first| text.char_before(at).is_none_or(|before| !joins(first, before) || is_hump(before, first));
    text.char_at(at).is_some_and(edge)
}

/// Whether a word may end there.
fn ends(text: Haystack<'_>, at: usize) -> bool {
    text.char_before(at).is_some_and(|last| text.char_at(at).is_none_or(|after| !joins(last, after) || is_hump(last, after)))
}

/// Whether a character of a word and the one outside it would be one word.
fn joins(inner: char, outer: char) -> bool {
    outer.is_alphabetic() && !is_compact(outer) && inner.is_alphanumeric() && !is_compact(inner)
}

fn is_hump(left: char, right: char) -> bool {
    left.is_lowercase() && right.is_uppercase()
}

// === impl Window ===

impl Window {
    /// The window around a candidate, so many characters at most.
    pub(crate) fn around(text: Haystack<'_>, start: usize, end: usize) -> Self {
        let from = start - text.characters_before(start, WORDS_BEFORE).len();
        let to = end + text.characters_after(end, WORDS_AFTER).len();
        Self { from, start, end, to }
    }

    /// Only this line and the one before it.
    fn in_two_lines(self, text: Haystack<'_>) -> Self {
        let before = text.bytes(self.from, self.start).iter().enumerate().rev();
        let second_end = before.filter(|(_, byte)| **byte == b'\n').nth(1).map(|(offset, _)| self.from + offset + 1);
        let line_end = text.bytes(self.end, self.to).iter().position(|byte| *byte == b'\n').map(|offset| self.end + offset);
        Self { from: second_end.unwrap_or(self.from), to: line_end.unwrap_or(self.to), ..self }
    }

    fn holds(&self, place: &Place) -> bool {
        (place.start >= self.from && place.end <= self.start) || (place.start >= self.end && place.end <= self.to)
    }

    fn nearness(&self, text: Haystack<'_>, place: Place) -> Nearness {
        let gap = text.bytes(place.end, self.start);
        let beside = place.end <= self.start && gap.len() <= WORD_BESIDE_MAX && !gap.iter().any(u8::is_ascii_digit);
        if beside { Nearness::Beside } else { Nearness::Near }
    }
}

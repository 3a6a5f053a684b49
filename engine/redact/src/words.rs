//! The words that announce kinds that are data, all of them in one automaton, looked for only around candidates.
//!
//! INVARIANT: a scan looks at no place of the text twice but for the length of one word, however many candidates there are.

use std::collections::{BTreeMap, VecDeque};

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, StartKind};

use crate::haystack::{Haystack, is_compact};
use crate::limits::{WORD_BESIDE_MAX, WORDS_AFTER, WORDS_BEFORE};
use crate::{Kind, Kinds};

/// All words of all kinds.
pub(crate) struct Words {
    search: AhoCorasick,
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
    pub(crate) fn new(kinds: &Kinds) -> Result<Self, BuildError> {
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
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .start_kind(StartKind::Unanchored)
            .build(announced.keys())?;
        let longest = announced.keys().map(String::len).max().unwrap_or(0);
        Ok(Self { search, kinds: announced.into_values().collect(), kinds_words, longest })
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
        let from = nearby.looked_to.saturating_sub(self.longest).max(window.from);
        for found in self.search.find_overlapping_iter(text.bytes(from, window.to)) {
            let (start, end) = (from + found.start(), from + found.end());
            if end > nearby.looked_to && is_whole(text, start, end) {
                nearby.words.push_back(Place { start, end, pattern: found.pattern().as_usize() });
            }
        }
        nearby.looked_to = window.to;
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

/// Whether a word is not part of a longer one. Digits, `_` and the humps of `userCpf` part words; scripts without spaces have no parts.
fn is_whole(text: Haystack<'_>, start: usize, end: usize) -> bool {
    let (Some(first), Some(last)) = (text.char_at(start), text.char_before(end)) else { return false };
    let joins = |inner: char, outer: Option<char>| {
        outer.is_some_and(|outer| outer.is_alphabetic() && !is_compact(outer)) && inner.is_alphanumeric() && !is_compact(inner)
    };
    let (before, after) = (text.char_before(start), text.char_at(end));
    let hump = |left: Option<char>, right: Option<char>| left.is_some_and(char::is_lowercase) && right.is_some_and(char::is_uppercase);
    let begins = !joins(first, before) || hump(before, Some(first));
    let ends = !joins(last, after) || hump(Some(last), after);
    begins && ends
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

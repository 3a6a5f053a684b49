//! With which bytes a match may begin: a look at two or three of them spares most walks.
//!
//! Where the automaton does not say, everything may begin.

use regex_automata::Anchored;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::util::start;

use crate::haystack::Haystack;

/// The beginnings of all shapes of an automaton.
pub(super) struct Beginnings {
    /// For each first byte the ASCII characters that may follow it, one bit each; not zero where anything may.
    pairs: Vec<u128>,
    /// For each two small letters the small letters that may follow them, one bit each: hardly any shape begins as a word of prose does.
    words: Vec<u32>,
}

// === impl Beginnings ===

impl Beginnings {
    pub(super) fn new(dfa: &DFA, cache: &mut Cache) -> Self {
        let mut alive = |bytes: &[u8]| is_alive(dfa, cache, bytes);
        let pairs: Vec<u128> = (0..=u8::MAX)
            .map(|first| {
                if !alive(&[first]) {
                    return 0;
                }
                let followers = (0..128_u8).filter(|second| alive(&[first, *second]));
                // A non-ASCII character may follow, too, where no ASCII one does.
                followers.fold(0, |bits, second| bits | 1_u128 << second).max(1)
            })
            .collect();
        let small = || b'a'..=b'z';
        let words = small().flat_map(|first| small().map(move |second| (first, second))).map(|(first, second)| {
            let follows = pairs.get(usize::from(first)).is_some_and(|followers| followers >> second & 1 == 1);
            let thirds = small().filter(|third| follows && alive(&[first, second, *third]));
            thirds.fold(0, |bits, third| bits | 1_u32 << (third - b'a'))
        });
        Self { words: words.collect(), pairs }
    }

    /// Whether a match may begin at an offset.
    pub(super) fn hold(&self, text: Haystack<'_>, at: usize) -> bool {
        let (Some(first), Some(second)) = (text.byte(at), text.byte(at + 1)) else { return false };
        let followers = self.pairs.get(usize::from(first)).copied().unwrap_or(u128::MAX);
        let follows = if second.is_ascii() { followers >> second & 1 == 1 } else { followers != 0 };
        follows && self.may_begin_word([Some(first), Some(second), text.byte(at + 2)].map(small))
    }

    fn may_begin_word(&self, letters: [Option<u8>; 3]) -> bool {
        let [Some(first), Some(second), Some(third)] = letters else { return true };
        self.words.get(26 * usize::from(first) + usize::from(second)).is_none_or(|thirds| thirds >> third & 1 == 1)
    }
}

/// The place of a small letter in the alphabet.
fn small(byte: Option<u8>) -> Option<u8> {
    byte?.checked_sub(b'a').filter(|place| *place < 26)
}

fn is_alive(dfa: &DFA, cache: &mut Cache, bytes: &[u8]) -> bool {
    // The start is asked for anew each time, because a step may clear the cache.
    let Ok(mut state) = dfa.start_state(cache, &start::Config::new().anchored(Anchored::Yes)) else { return true };
    for byte in bytes {
        match dfa.next_state(cache, state, *byte) {
            Ok(next) => state = next,
            Err(_) => return true,
        }
    }
    !state.is_dead()
}

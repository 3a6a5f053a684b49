//! The pseudonyms of one call, found in text, and the walk over a text that meets them and the shapes of others.
//!
//! INVARIANT: what is decided of a text's beginning stays so, whatever comes after it. So an answer in pieces is read as it is whole.

use super::spelling::{Reading, Spelling, Watch};
use crate::Form;

/// What stands for values in one call. The numbers are those of the entries.
pub(super) struct Known {
    opaque: Vec<(Spelling, usize)>,
    /// Numbers that kept their shape: ASCII only.
    surrogates: Vec<(Vec<u8>, usize)>,
    /// For each byte whether a surrogate, or the shape of a pseudonym, begins with it.
    first_bytes: [bool; 256],
}

/// A walk over one piece of text.
pub(super) struct Walk<'k, 't> {
    known: &'k Known,
    text: &'t [u8],
    at: usize,
    how: How,
}

/// How a text is read.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) form: Form,
    pub(super) rest: Rest,
}

/// Whether more text may come after this.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    MayCome,
    Never,
}

/// What a walk meets.
pub(super) enum Event {
    /// What stands for an entry.
    Known { start: usize, end: usize, entry: usize },
    /// The shape of a pseudonym that is not of this call, standing alone.
    Foreign(Spelling),
    /// There is no more to read before this place; what comes after it may be the beginning of something known.
    Stop(usize),
}

/// What begins at a place, as far as the text goes.
#[derive(Default)]
struct Seen {
    /// Length and entry of the longest that is whole.
    whole: Option<(usize, usize)>,
    /// Whether more text could make it a longer one.
    begun: bool,
}

// === impl Known ===

impl Known {
    pub(super) fn new(mut opaque: Vec<(Spelling, usize)>, mut surrogates: Vec<(Vec<u8>, usize)>) -> Self {
        opaque.sort_unstable();
        surrogates.sort_unstable();
        let mut first_bytes = [false; 256];
        for first in surrogates.iter().filter_map(|(surrogate, _)| surrogate.first()).chain(b"Pp") {
            if let Some(begins) = first_bytes.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        Self { opaque, surrogates, first_bytes }
    }

    /// Whether two entries have one pseudonym.
    pub(super) fn collides(&self) -> bool {
        fn twice<T: PartialEq>(sorted: &[(T, usize)]) -> bool {
            sorted.windows(2).any(|pair| matches!(pair, [(first, _), (second, _)] if first == second))
        }
        twice(&self.opaque) || twice(&self.surrogates)
    }

    /// The next place where something known, or the shape of a pseudonym, could begin.
    fn next_start(&self, text: &[u8], at: usize) -> usize {
        let rest = text.get(at..).unwrap_or_default();
        let found =
            if self.surrogates.is_empty() { memchr::memchr2(b'P', b'p', rest) } else { rest.iter().position(|byte| self.may_begin(*byte)) };
        found.map_or(text.len(), |found| at + found)
    }

    fn may_begin(&self, byte: u8) -> bool {
        self.first_bytes.get(usize::from(byte)).is_some_and(|begins| *begins)
    }

    fn see(&self, text: &[u8], form: Form) -> Seen {
        let opaque = self.see_opaque(text, form);
        let surrogate = self.see_surrogate(text);
        Seen { whole: opaque.whole.or(surrogate.whole), begun: opaque.begun || surrogate.begun }
    }

    fn see_opaque(&self, text: &[u8], form: Form) -> Seen {
        let mut reading = Reading::new();
        let read = text.iter().take_while(|byte| reading.whole().is_none() && reading.take(**byte, form)).count();
        if reading.whole().is_none() && read < text.len() {
            return Seen::default();
        }
        let letters = reading.letters();
        let from = self.opaque.partition_point(|(spelling, _)| spelling.as_slice() < letters);
        let entry = self.opaque.get(from).filter(|(spelling, _)| spelling.starts_with(letters)).map(|(_, entry)| *entry);
        match entry {
            Some(entry) if reading.whole().is_some() => Seen { whole: Some((read, entry)), begun: false },
            Some(_) => Seen { whole: None, begun: true },
            None => Seen::default(),
        }
    }

    fn see_surrogate(&self, text: &[u8]) -> Seen {
        let (mut range, mut whole) = (self.surrogates.as_slice(), None);
        for (depth, byte) in text.iter().enumerate() {
            range = narrow(range, depth, *byte);
            match range.first() {
                None => return Seen { whole, begun: false },
                Some((surrogate, entry)) if surrogate.len() == depth + 1 => whole = Some((depth + 1, *entry)),
                Some(_) => {}
            }
        }
        Seen { whole, begun: range.last().is_some_and(|(surrogate, _)| surrogate.len() > text.len()) }
    }
}

/// Those of sorted surrogates, all alike up to `depth`, that go on with `byte`.
fn narrow(range: &[(Vec<u8>, usize)], depth: usize, byte: u8) -> &[(Vec<u8>, usize)] {
    let from = range.partition_point(|(surrogate, _)| surrogate.get(depth).copied() < Some(byte));
    let to = range.partition_point(|(surrogate, _)| surrogate.get(depth).copied() <= Some(byte));
    range.get(from..to).unwrap_or_default()
}

// === impl Walk ===

impl<'k, 't> Walk<'k, 't> {
    pub(super) const fn new(known: &'k Known, text: &'t str, how: How) -> Self {
        Self { known, text: text.as_bytes(), at: 0, how }
    }

    /// Walks on to the next event. After [`Event::Stop`] there are no more.
    pub(super) fn next(&mut self, watch: &mut Watch) -> Event {
        loop {
            if watch.is_idle() {
                self.at = self.known.next_start(self.text, self.at);
            }
            let Some(byte) = self.text.get(self.at).copied() else { return self.end(watch) };
            if let Some(foreign) = watch.settle(byte) {
                return Event::Foreign(foreign);
            }
            if self.known.may_begin(byte) {
                let seen = self.known.see(self.text.get(self.at..).unwrap_or_default(), self.how.form);
                if seen.begun && self.how.rest == Rest::MayCome {
                    return Event::Stop(self.at);
                }
                if let Some((length, entry)) = seen.whole {
                    watch.clear();
                    let start = self.at;
                    self.at += length;
                    return Event::Known { start, end: self.at, entry };
                }
            }
            watch.take(byte, self.how.form);
            self.at += 1;
        }
    }

    fn end(&self, watch: &mut Watch) -> Event {
        let foreign = if self.how.rest == Rest::Never { watch.end() } else { None };
        foreign.map_or(Event::Stop(self.at), Event::Foreign)
    }
}

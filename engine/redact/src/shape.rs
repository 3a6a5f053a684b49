//! All shapes of all kinds as one lazy automaton: one walk from one place says which of them match and where they end.
//!
//! INVARIANT: a walk is anchored and bounded, so many places cost a bounded multiple of the text, whatever the files say.

mod beginnings;

use std::panic::{RefUnwindSafe, UnwindSafe};

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::hybrid::{BuildError, LazyStateID};
use regex_automata::util::pool::{Pool, PoolGuard};
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

use beginnings::Beginnings;

use crate::haystack::Haystack;
use crate::kind_file::Shape;
use crate::limits::{CREDENTIAL_MAX, SHAPE_CACHE, SHAPE_MAX};
use crate::{ScanError, Tier};

/// Three automata, because most places need a small one only.
pub(crate) struct Shapes {
    /// All but credentials: at words that hold a digit.
    values: Automaton,
    /// Those of them that may hold a space: at words of which a space divides the digit. Hardly any begins as a word of prose does.
    phrases: Automaton,
    /// At their prefixes.
    credentials: Automaton,
}

/// An automaton and caches for as many scans as run at the same time.
struct Automaton {
    dfa: DFA,
    caches: Caches,
    /// The place in the table of each of its patterns.
    shapes: Vec<usize>,
    beginnings: Beginnings,
}

/// Which shapes a place may be the beginning of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The word that holds a digit, or one glued to it.
    Digit,
    /// A word before it, behind a space.
    Phrase,
    /// The prefix of a credential.
    Prefix,
}

type NewCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;
type Caches = Pool<Cache, NewCache>;

/// The caches of one scan, each taken when it is first needed.
#[derive(Default)]
pub(crate) struct Walker<'s> {
    values: Option<Guard<'s>>,
    phrases: Option<Guard<'s>>,
    credentials: Option<Guard<'s>>,
}

type Guard<'s> = PoolGuard<'s, Cache, NewCache>;

/// A shape, as its place in the table, and the end of what it matches.
#[derive(Clone, Copy)]
pub(crate) struct Match {
    pub(crate) shape: usize,
    pub(crate) end: usize,
}

// === impl Shapes ===

impl Shapes {
    pub(crate) fn new(shapes: &[Shape]) -> Result<Self, Box<BuildError>> {
        Ok(Self {
            values: Automaton::new(shapes, |shape| shape.prefixes.is_empty())?,
            phrases: Automaton::new(shapes, |shape| shape.prefixes.is_empty() && shape.spaced)?,
            credentials: Automaton::new(shapes, |shape| !shape.prefixes.is_empty())?,
        })
    }

    /// Adds every match that begins at `from` and ends where a value may end.
    pub(crate) fn walk<'s>(
        &'s self,
        walker: &mut Walker<'s>,
        (text, from, at): (Haystack<'_>, usize, At),
        matches: &mut Vec<Match>,
    ) -> Result<(), ScanError> {
        let (automaton, cache, max) = match at {
            At::Digit => (&self.values, &mut walker.values, SHAPE_MAX),
            At::Phrase => (&self.phrases, &mut walker.phrases, SHAPE_MAX),
            At::Prefix => (&self.credentials, &mut walker.credentials, CREDENTIAL_MAX),
        };
        if !automaton.beginnings.hold(text, from) {
            return Ok(());
        }
        automaton.walk(cache.get_or_insert_with(|| automaton.caches.get()), (text, from, max), matches)
    }
}

// === impl Automaton ===

impl Automaton {
    fn new(all: &[Shape], belongs: fn(&Shape) -> bool) -> Result<Self, Box<BuildError>> {
        let (shapes, patterns): (Vec<usize>, Vec<&str>) =
            all.iter().enumerate().filter(|(_, shape)| belongs(shape)).map(|(place, shape)| (place, shape.pattern.as_str())).unzip();
        let config = DFA::config().match_kind(MatchKind::All).cache_capacity(SHAPE_CACHE).skip_cache_capacity_check(true);
        let dfa = DFA::builder()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .build_many(&patterns)
            .map_err(Box::new)?;
        let caches = {
            let dfa = dfa.clone();
            let new: NewCache = Box::new(move || dfa.create_cache());
            Pool::new(new)
        };
        let beginnings = Beginnings::new(&dfa, &mut caches.get());
        Ok(Self { dfa, caches, shapes, beginnings })
    }

    /// Walks from `from` over at most `max` bytes.
    fn walk(&self, cache: &mut Cache, (text, from, max): (Haystack<'_>, usize, usize), matches: &mut Vec<Match>) -> Result<(), ScanError> {
        let start = start::Config::new().anchored(Anchored::Yes);
        let mut state = self.dfa.start_state(cache, &start).map_err(|_| failed())?;
        let bytes = text.ahead(from, max);
        for (end, byte) in (from..).zip(bytes) {
            state = self.dfa.next_state(cache, state, *byte).map_err(|_| failed())?;
            if state.is_tagged() {
                if state.is_dead() {
                    return Ok(());
                }
                if state.is_quit() {
                    return Err(failed());
                }
                // A match is known one byte later: this byte stands behind it.
                if state.is_match() && text.is_edge_after(end) {
                    self.collect(cache, (state, end), matches);
                }
            }
        }
        let end = from + bytes.len();
        if end == text.len() {
            state = self.dfa.next_eoi_state(cache, state).map_err(|_| failed())?;
            if state.is_match() {
                self.collect(cache, (state, end), matches);
            }
        }
        Ok(())
    }

    fn collect(&self, cache: &Cache, (state, end): (LazyStateID, usize), matches: &mut Vec<Match>) {
        for index in 0..self.dfa.match_len(cache, state) {
            let pattern = self.dfa.match_pattern(cache, state, index).as_usize();
            matches.extend(self.shapes.get(pattern).map(|shape| Match { shape: *shape, end }));
        }
    }
}

fn failed() -> ScanError {
    ScanError { tier: Tier::Patterns, reason: "the automaton of all shapes could not go on".to_owned() }
}

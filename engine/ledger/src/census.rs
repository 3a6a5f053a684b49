//! What the entries of a log say as a whole: how many of each kind, and whether every permitted call has exactly one outcome.
//!
//! That is completeness, which hashes cannot show: a log whose every hash is right may still lack the end of a call. Every entry must be a leaf in
//! canonical form, so nothing can hide in one. It remembers 17 bytes for each call.

use std::collections::{BTreeMap, HashMap};

use comity_vocab::Digest;

use crate::{DecisionLeaf, Leaf, Outcome, OutcomeLeaf, Verdict};

/// A count over entries, added one by one from the first on.
#[derive(Debug, Clone, Default)]
pub struct Census {
    counts: Counts,
    /// Permitted calls without outcome: their permits so far, by decision and hop.
    open: HashMap<Digest, Vec<(Digest, u32)>>,
    /// Calls that are over: ended, or denied. By half of their digest, which is enough to tell them apart.
    over: HashMap<u128, Over>,
    /// The entries before were pruned: calls may have begun there.
    is_pruned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Ended,
    /// At its first hop: nothing follows.
    Denied,
}

/// How many of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decisions to permit, one for each hop.
    pub permits: u64,
    /// Decisions to deny.
    pub denials: u64,
    /// Ends of calls.
    pub outcomes: u64,
    /// Ends that nobody knows, among them: the gateway had stopped in the middle.
    pub unknown_outcomes: u64,
    /// Calls that were permitted and have no outcome yet.
    pub open: u64,
    /// Outcomes of calls that began among pruned leaves.
    pub begun_before: u64,
    /// Other leaves by their kind: `started`, `erased` and so on.
    pub events: BTreeMap<&'static str, u64>,
}

/// An entry that does not fit those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("leaf {index}: {what}")]
pub struct CensusError {
    /// The entry.
    pub index: u64,
    /// What is wrong with it.
    pub what: String,
}

// === impl Census ===

impl Census {
    /// Nothing was counted yet. `first` is the index of the first entry that will be: 0 unless the log is pruned.
    #[must_use]
    pub fn from(first: u64) -> Self {
        Self { is_pruned: first > 0, ..Self::default() }
    }

    /// Counts the next entry.
    ///
    /// # Errors
    /// [`CensusError`] for an entry that is no leaf, and for one that cannot come after those before it.
    pub fn count(&mut self, index: u64, entry: &[u8]) -> Result<(), CensusError> {
        let wrong = |what: String| CensusError { index, what };
        match Leaf::from_bytes(entry).map_err(|error| wrong(error.to_string()))? {
            Leaf::Decision(leaf) => self.decided(&leaf).map_err(wrong),
            Leaf::Outcome(leaf) => self.ended(&leaf).map_err(wrong),
            Leaf::Event(leaf) => self.happened(leaf.event.kind()).map_err(wrong),
        }
    }

    /// The counts over all entries.
    #[must_use]
    pub fn finish(self) -> Counts {
        Counts { open: u64::try_from(self.open.len()).unwrap_or(u64::MAX), ..self.counts }
    }

    fn decided(&mut self, leaf: &DecisionLeaf) -> Result<(), String> {
        if self.over.contains_key(&half(leaf.call)) {
            return Err(format!("a decision about call `{}`, which was over", leaf.call.short()));
        }
        let hops = self.open.get(&leaf.call).map(Vec::as_slice).unwrap_or_default();
        if hops.iter().any(|(_, hop)| *hop >= leaf.hop) {
            return Err(format!("another decision about hop {} of call `{}`", leaf.hop, leaf.call.short()));
        }
        match leaf.verdict {
            Verdict::Permit => {
                self.counts.permits += 1;
                self.open.entry(leaf.call).or_default().push((leaf.decision, leaf.hop));
            }
            Verdict::Denial => {
                self.counts.denials += 1;
                // A call that was permitted before still gets its outcome.
                if hops.is_empty() && leaf.hop == 0 {
                    self.over.insert(half(leaf.call), Over::Denied);
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, leaf: &OutcomeLeaf) -> Result<(), String> {
        let call = leaf.call.short();
        match self.open.remove(&leaf.call) {
            Some(permits) if permits.contains(&(leaf.decision, leaf.hop)) => {}
            Some(_) if self.is_pruned => {}
            Some(_) => return Err(format!("the outcome of call `{call}` names no permit of it")),
            None if self.is_pruned && !self.over.contains_key(&half(leaf.call)) => self.counts.begun_before += 1,
            None if self.over.get(&half(leaf.call)) == Some(&Over::Ended) => return Err(format!("a second outcome of call `{call}`")),
            None => return Err(format!("an outcome of call `{call}`, which nobody permitted before")),
        }
        self.over.insert(half(leaf.call), Over::Ended);
        self.counts.outcomes += 1;
        self.counts.unknown_outcomes += u64::from(leaf.outcome == Outcome::Unknown);
        Ok(())
    }

    fn happened(&mut self, kind: &'static str) -> Result<(), String> {
        *self.counts.events.entry(kind).or_default() += 1;
        // Whoever opens a store ends what was cut off before it writes anything else.
        match self.open.len() {
            open if kind == "started" && open > 0 => Err(format!("the gateway started, and {open} calls from before have no outcome")),
            _ => Ok(()),
        }
    }
}

fn half(call: Digest) -> u128 {
    let (half, _) = call.as_bytes().split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    u128::from_be_bytes(*half)
}

#[cfg(test)]
mod tests {
    use comity_vocab::{Data, Instant, MeansSet};

    use super::*;
    use crate::{Classes, Commitments, Durability, Event, EventLeaf, Minute, Started, Stopped};

    const ZERO: Digest = Digest::from_bytes([0; 32]);
    const MINUTE: Minute = Minute::of(Instant(0));

    fn decision(verdict: Verdict, (call, hop): (u8, u32)) -> Vec<u8> {
        let decision = Digest::from_bytes([call; 32]);
        let leaf = DecisionLeaf {
            call: decision,
            hop,
            previous: None,
            decision,
            terms: ZERO,
            catalogue: ZERO,
            facts: ZERO,
            candidates: None,
            offering: None,
            verdict,
            means: MeansSet::NONE,
            term_ids: Vec::new(),
            classes: Classes::of(&Data::default()),
            size_class: 0,
            commitments: Commitments { call: ZERO, caller: ZERO, sequence: ZERO, workload: ZERO },
            durability: Durability::Commit,
            minute: MINUTE,
        };
        leaf.to_bytes()
    }

    fn permit(call: u8) -> Vec<u8> {
        decision(Verdict::Permit, (call, 0))
    }

    fn end(call: u8, hop: u32) -> Vec<u8> {
        let digest = Digest::from_bytes([call; 32]);
        OutcomeLeaf::bare((digest, digest, hop), Outcome::Unknown, MINUTE).to_bytes()
    }

    fn started() -> Vec<u8> {
        let started = Started { catalogue: ZERO, durability: Durability::Commit, program: "1".to_owned(), terms: ZERO };
        EventLeaf { event: Event::Started(started), minute: MINUTE }.to_bytes()
    }

    fn census(first: u64, entries: &[Vec<u8>]) -> Result<Counts, String> {
        let mut census = Census::from(first);
        for (index, entry) in (first..).zip(entries) {
            census.count(index, entry).map_err(|error| error.to_string())?;
        }
        Ok(census.finish())
    }

    #[test]
    fn every_permitted_call_has_one_outcome() {
        let stopped = EventLeaf { event: Event::Stopped(Stopped { complete: true }), minute: MINUTE }.to_bytes();
        let whole = [started(), permit(1), decision(Verdict::Permit, (1, 1)), end(1, 1), decision(Verdict::Denial, (2, 0)), stopped];
        let counts = census(0, &whole).unwrap();
        assert_eq!((counts.permits, counts.denials, counts.outcomes, counts.unknown_outcomes, counts.open), (2, 1, 1, 1, 0));
        assert_eq!(counts.events, [("started", 1), ("stopped", 1)].into());
        assert_eq!(census(0, &[permit(1)]).unwrap().open, 1);
        assert_eq!(census(0, &[permit(1), decision(Verdict::Denial, (1, 1)), end(1, 0)]).unwrap().open, 0);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let check = |entries: &[Vec<u8>], expected: &str| assert_eq!(census(0, entries).unwrap_err(), expected);
        check(&[permit(1), end(1, 0), end(1, 0)], "leaf 2: a second outcome of call `010101010101`");
        check(&[end(1, 0), permit(1)], "leaf 0: an outcome of call `010101010101`, which nobody permitted before");
        let denied = decision(Verdict::Denial, (1, 0));
        check(&[denied.clone(), end(1, 0)], "leaf 1: an outcome of call `010101010101`, which nobody permitted before");
        check(&[denied.clone(), denied], "leaf 1: a decision about call `010101010101`, which was over");
        check(&[permit(1), permit(1)], "leaf 1: another decision about hop 0 of call `010101010101`");
        check(&[permit(1), end(1, 0), decision(Verdict::Permit, (1, 1))], "leaf 2: a decision about call `010101010101`, which was over");
        check(&[permit(1), end(1, 7)], "leaf 1: the outcome of call `010101010101` names no permit of it");
        check(&[permit(1), started()], "leaf 1: the gateway started, and 1 calls from before have no outcome");
    }

    #[test]
    fn of_pruned_calls_the_end_counts_once() {
        assert_eq!(census(256, &[end(1, 0)]).unwrap().begun_before, 1);
        assert_eq!(census(256, &[end(1, 0), end(1, 0)]).unwrap_err(), "leaf 257: a second outcome of call `010101010101`");
    }

    #[test]
    fn what_is_no_leaf_is_refused() {
        let named = String::from_utf8(permit(1)).unwrap().replace(r#""offering""#, r#""name":"Ada Example","offering""#);
        for bad in ["", "{}", "[]", r#"{"kind":"decision","v":1}"#, r#"{"kind":"elected","v":1}"#, &named] {
            assert!(census(0, &[bad.as_bytes().to_vec()]).is_err(), "{bad}");
        }
    }
}

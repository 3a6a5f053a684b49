//! What the entries of a log say as a whole: how many of each kind, and whether every permitted call has exactly one outcome.
//!
//! That is completeness, which hashes cannot show: a log whose every hash is right may still lack the end of a call. It reads only what it
//! needs of each leaf, since an audit reads millions; whether the bytes are those that were committed to is the audit's question, not this one's.

use std::collections::{BTreeMap, HashMap};

use comity_vocab::Digest;
use serde::Deserialize;

use crate::{Outcome, Verdict};

/// A count over entries, added one by one from the first on.
#[derive(Debug, Clone, Default)]
pub struct Census {
    counts: Counts,
    /// Permitted calls without outcome, and the index of their last permit.
    open: HashMap<Digest, u64>,
    /// The entries before were pruned: calls may have begun there.
    is_pruned: bool,
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
    pub events: BTreeMap<String, u64>,
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

/// What is read of a leaf. Other fields are skipped.
#[derive(Deserialize)]
struct View<'a> {
    kind: &'a str,
    call: Option<Digest>,
    verdict: Option<Verdict>,
    outcome: Option<Outcome>,
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
    /// [`CensusError`] for an entry that is no leaf, and for an outcome of a call that has none due.
    pub fn count(&mut self, index: u64, entry: &[u8]) -> Result<(), CensusError> {
        let wrong = |what: String| CensusError { index, what };
        let view: View<'_> = serde_json::from_slice(entry).map_err(|error| wrong(format!("not a leaf: {error}")))?;
        match (view.kind, view.call, view.verdict, view.outcome) {
            ("decision", Some(call), Some(Verdict::Permit), _) => {
                self.counts.permits += 1;
                self.open.insert(call, index);
                Ok(())
            }
            ("decision", Some(_), Some(Verdict::Denial), _) => {
                self.counts.denials += 1;
                Ok(())
            }
            ("outcome", Some(call), _, Some(outcome)) => self.ended(call, outcome).map_err(wrong),
            ("decision" | "outcome", ..) => Err(wrong(format!("a {} lacks its call or what became of it", view.kind))),
            (kind, ..) => {
                *self.counts.events.entry(kind.to_owned()).or_default() += 1;
                Ok(())
            }
        }
    }

    /// The counts over all entries.
    #[must_use]
    pub fn finish(self) -> Counts {
        Counts { open: u64::try_from(self.open.len()).unwrap_or(u64::MAX), ..self.counts }
    }

    fn ended(&mut self, call: Digest, outcome: Outcome) -> Result<(), String> {
        match self.open.remove(&call) {
            Some(_) => {}
            None if self.is_pruned => self.counts.begun_before += 1,
            None => return Err(format!("an outcome of call `{}`, which has no permit before it or has its outcome already", call.short())),
        }
        self.counts.outcomes += 1;
        self.counts.unknown_outcomes += u64::from(outcome == Outcome::Unknown);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

    fn entry(kind: &str, more: &str) -> String {
        format!(r#"{{"call":"{CALL}","kind":"{kind}",{more},"v":2}}"#)
    }

    fn census(first: u64, entries: &[String]) -> Result<Counts, String> {
        let mut census = Census::from(first);
        for (index, entry) in (first..).zip(entries) {
            census.count(index, entry.as_bytes()).map_err(|error| error.to_string())?;
        }
        Ok(census.finish())
    }

    #[test]
    fn every_permitted_call_has_one_outcome() {
        let [permit, denial] = ["permit", "denial"].map(|verdict| entry("decision", &format!(r#""verdict":"{verdict}""#)));
        let end = entry("outcome", r#""outcome":"unknown""#);
        let started = r#"{"detail":{},"kind":"started","minute":1,"v":1}"#.to_owned();
        let whole = [started, permit.clone(), permit.clone(), end.clone(), denial.clone()];
        let counts = census(0, &whole).unwrap();
        assert_eq!((counts.permits, counts.denials, counts.outcomes, counts.unknown_outcomes, counts.open), (2, 1, 1, 1, 0));
        assert_eq!(counts.events, [("started".to_owned(), 1)].into());
        assert_eq!(census(0, std::slice::from_ref(&permit)).unwrap().open, 1);
        let twice = "leaf 2: an outcome of call `000000000000`, which has no permit before it or has its outcome already";
        assert_eq!(census(0, &[permit, end.clone(), end.clone()]).unwrap_err(), twice);
        assert!(census(0, &[denial, end.clone()]).is_err());
        assert_eq!(census(256, &[end]).unwrap().begun_before, 1);
    }

    #[test]
    fn what_is_no_leaf_is_refused() {
        for bad in ["", "{}", "[]", r#"{"kind":"decision","v":1}"#, r#"{"kind":"outcome","call":"x"}"#] {
            assert!(census(0, &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}

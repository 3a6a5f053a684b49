//! The decision table: verdicts over all candidates, by exactly the facts that the terms read.
//!
//! INVARIANT: two calls with equal keys get equal verdicts from a fresh evaluation (a property test holds it). A table belongs to one
//! generation and one epoch of it, and dies with them.

use std::sync::Arc;

use comity_terms::Reads;
use comity_vocab::{Action, Call, Classification, Data, Digest, MeansSet, OfferingId, Places, Workload};
use quick_cache::sync::Cache;

use crate::admit::Verdict;
use crate::candidates::Candidates;

/// Entries a table may hold. An entry of 15 candidates is about 2 KB, so a full table is about 16 MB.
const ENTRIES_MAX: usize = 8192;

pub(crate) struct Table(Cache<Key, Arc<Verdicts>>);

/// The verdicts on a set of candidates, in their order, with the digest of their bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) list: Vec<(OfferingId, Verdict)>,
    pub(crate) digest: Digest,
}

/// A call with every fact that no term reads set to one fixed value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    candidates: Candidates,
    performable: MeansSet,
    action: Action,
    who: Option<Workload>,
    clearance: Option<Classification>,
    critical: Option<bool>,
    data: Data,
    purpose: String,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self(Cache::new(ENTRIES_MAX))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Verdicts>> {
        self.0.get(key)
    }

    pub(crate) fn put(&self, key: Key, verdicts: Arc<Verdicts>) {
        self.0.insert(key, verdicts);
    }
}

/// Which facts make a key; worked out once per generation.
#[derive(Debug, Clone)]
pub(crate) struct Slicing {
    who: bool,
    clearance: bool,
    critical: bool,
    purpose: bool,
    classification: bool,
    personal: bool,
    special_category: bool,
    secrets: bool,
    opaque: bool,
    remote: bool,
    detector: bool,
    kinds: bool,
    subjects: bool,
}

impl Slicing {
    pub(crate) fn new(reads: &Reads) -> Self {
        let data = |fact: &str| reads.reads(&format!("context.data.{fact}"));
        Self {
            // `reads` also answers for the bare `principal`, which stands for the workload's name and units.
            who: reads.reads("principal"),
            clearance: reads.reads("principal.clearance"),
            critical: reads.reads("principal.critical"),
            purpose: reads.reads("context.purpose"),
            classification: data("classification"),
            personal: data("personal"),
            special_category: data("special_category"),
            secrets: data("secrets"),
            opaque: data("opaque"),
            remote: data("remote"),
            detector: data("detector"),
            kinds: data("kinds"),
            subjects: data("subjects"),
        }
    }

    pub(crate) fn key(&self, call: &Call, performable: MeansSet, candidates: &Candidates) -> Key {
        let data = &call.data;
        Key {
            candidates: candidates.clone(),
            performable,
            action: call.action,
            who: self.who.then(|| call.workload.clone()),
            clearance: self.clearance.then_some(call.workload.clearance),
            critical: self.critical.then_some(call.workload.critical),
            data: Data {
                classification: if self.classification { data.classification } else { Classification::Public },
                personal: self.personal && data.personal,
                special_category: self.special_category && data.special_category,
                secrets: self.secrets && data.secrets,
                opaque: self.opaque && data.opaque,
                remote: if self.remote { data.remote.clone() } else { Default::default() },
                detector: if self.detector { data.detector } else { 0 },
                kinds: if self.kinds { data.kinds.clone() } else { Default::default() },
                subjects: if self.subjects { data.subjects.clone() } else { Places::UNKNOWN },
            },
            purpose: if self.purpose { call.purpose.clone() } else { String::new() },
        }
    }
}

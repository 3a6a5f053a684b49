//! Who could have served a call, and why or why not: read from the private fact record and decided again.
//!
//! The decision made again must be the one in the ledger; if it is not, the demo fails.

use std::path::Path;
use std::sync::Arc;

use comity_decide::{Engine, Explanation, FactRecord, Query, RankInput, Verdict, all_means, rank};
use comity_store::Reader;
use comity_vocab::{Call, Digest, MeansSet, OfferingId, TermId};

use crate::exit::{Exit, Failure};
use crate::{past, place};

use super::call::Outcome;

/// Everything about one decision.
pub(super) struct Account {
    pub(super) call: Call,
    /// In the order in which they would be asked.
    pub(super) admitted: Vec<Admitted>,
    pub(super) denied: Vec<Explanation>,
    pub(super) engine: Arc<Engine>,
    /// What has an upstream with a credential, or a model, here.
    here: Vec<OfferingId>,
}

/// An offering that the terms admit.
pub(super) struct Admitted {
    pub(super) offering: OfferingId,
    pub(super) means: MeansSet,
    pub(super) terms: Vec<TermId>,
    pub(super) preferred_by: Vec<TermId>,
    /// Whether there is an upstream with a credential, or a model, for it here.
    pub(super) reachable: bool,
}

// === impl Account ===

impl Account {
    /// Of a call that was just made, from the store at `store`.
    pub(super) fn of(store: &Path, outcome: &Outcome) -> anyhow::Result<Self> {
        let reader = Reader::open(store).map_err(place::failure)?;
        let found = reader.find_decision(&outcome.decision).map_err(place::failure)?;
        let comity_store::FactRecord::Open(bytes) = &found.record else {
            anyhow::bail!("the fact record of a call that was just made is not there")
        };
        let record = FactRecord::from_bytes(bytes.expose())?;
        let engine = Arc::new(past::engine(&reader, &found.leaf)?);
        Self::again(&record, engine, found.leaf.decision)
    }

    fn again(record: &FactRecord, engine: Arc<Engine>, expected: Digest) -> anyhow::Result<Self> {
        let candidates = record.candidates();
        let query = record.query(&candidates);
        let decision = engine.admit(&query).decide(record.call_id);
        if decision.digest != expected {
            return Err(Failure::new(Exit::VerificationFailed, "the decision made again is not the one in the ledger").into());
        }
        let here: Vec<OfferingId> = record.rank.iter().map(|input| input.offering.clone()).collect();
        let admitted = rank(decision.permits, &inputs(&engine, record)).into_iter().map(|permit| Admitted {
            offering: permit.offering().clone(),
            means: permit.means(),
            terms: permit.terms().to_vec(),
            preferred_by: permit.preferred_by().to_vec(),
            reachable: here.contains(permit.offering()),
        });
        let mut denied = engine.obstacles(&query, &decision.denials);
        // Looking for ways out takes long: for what is here, and for one of the others, best one that some means would admit.
        let by_means = engine.admit(&Query { performable: all_means(), ..query });
        let admitted_by_means = |offering: &OfferingId| {
            by_means.verdicts().iter().any(|(id, verdict)| id == offering && matches!(verdict, Verdict::Permit { .. }))
        };
        let elsewhere = denied.iter().position(|denied| admitted_by_means(&denied.offering)).unwrap_or_default();
        for (at, explanation) in denied.iter_mut().enumerate() {
            if at == elsewhere || here.contains(&explanation.offering) {
                *explanation = engine.explain(&query, &explanation.offering);
            }
        }
        let admitted = admitted.collect();
        Ok(Self { call: record.call.clone(), admitted, denied, engine, here })
    }

    pub(super) fn is_here(&self, offering: &OfferingId) -> bool {
        self.here.contains(offering)
    }
}

/// The order that the terms and list prices would give if there were a credential for every offering.
fn inputs(engine: &Engine, record: &FactRecord) -> Vec<RankInput> {
    let world = engine.world(record.instant);
    let input = |id: &OfferingId| RankInput {
        offering: id.clone(),
        position: 0,
        price: world.offerings.get(id).and_then(|offering| offering.price),
        latency_us: None,
        healthy: true,
    };
    record.candidates.iter().map(input).collect()
}

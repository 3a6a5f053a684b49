//! Step 7: the decision leaf and the private fact record. Nothing leaves before they are durable; if they cannot be written, nothing leaves.

use comity_decide::{Decision, FactRecord, Permit, RECORD_VERSION, Salts};
use comity_ledger::{Classes, Commitments, DecisionLeaf, Durability, Minute, Verdict, call_digest, coarse, commitment, facts_digest};
use comity_store::{Receipt, Store};
use comity_vocab::{MeansSet, TermId};

use super::admit::Hop;
use super::caller::Caller;
use super::facts::Facts;
use super::rank::Plan;
use crate::error::CallError;
use crate::limits::LEAF_TERMS_MAX;

/// What is written of one call whatever becomes of it.
pub(crate) struct Notes {
    pub(crate) call_id: [u8; 16],
    model: String,
    salts: Salts,
    commitments: Commitments,
    size_class: u8,
    key: String,
    sequence: u64,
    tenant: String,
}

/// What was decided at one hop.
pub(crate) struct Entry<'a> {
    pub(crate) facts: &'a Facts<'a>,
    pub(crate) hop: &'a Hop,
    pub(crate) decision: &'a Decision,
    pub(crate) plan: &'a Plan,
}

/// Writes one hop; resolves when it is durable.
pub(crate) async fn record(store: &Store, notes: &Notes, entry: Entry<'_>) -> Result<Receipt, CallError> {
    let record = notes.fact_record(&entry).to_bytes().map_err(|error| {
        tracing::error!(%error, "a fact record cannot be written");
        CallError::Internal("the decision could not be recorded")
    })?;
    let leaf = notes.leaf(&entry, &record);
    store.decide(leaf, record, &notes.tenant).await.map_err(|error| {
        tracing::error!(%error, hint = error.hint(), "a decision could not be recorded: the call is refused");
        CallError::LedgerUnavailable("the decision could not be recorded")
    })
}

// === impl Notes ===

impl Notes {
    /// Draws the call's id and the salts of its commitments.
    pub(crate) fn new(caller: &Caller, model: &str, body: &[u8]) -> Result<Self, CallError> {
        // One request for all of it: each costs a call to the operating system.
        let mut drawn = [[0; 32]; 5];
        getrandom::fill(drawn.as_flattened_mut()).map_err(|_| CallError::Internal("the operating system gave no random numbers"))?;
        let [call, workload, of_caller, sequence, id] = drawn;
        let salts = Salts { call, workload, caller: of_caller, sequence };
        let mut call_id = [0; 16];
        call_id.iter_mut().zip(id).for_each(|(byte, drawn)| *byte = drawn);
        let key = caller.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let commitments = Commitments {
            call: commitment("call", &salts.call, body),
            workload: commitment("workload", &salts.workload, caller.workload.id.as_str().as_bytes()),
            caller: commitment("caller", &salts.caller, key.as_bytes()),
            sequence: commitment("sequence", &salts.sequence, &caller.sequence.to_be_bytes()),
        };
        Ok(Self {
            call_id,
            model: model.to_owned(),
            salts,
            commitments,
            size_class: coarse(u64::try_from(body.len()).unwrap_or(u64::MAX)),
            key,
            sequence: caller.sequence,
            tenant: caller.workload.unit.tenant().to_owned(),
        })
    }

    /// Letters and digits that are this call's alone, for ids that an upstream does not give.
    pub(crate) fn seed(&self) -> String {
        call_digest(&self.call_id).to_string().chars().filter(char::is_ascii_alphanumeric).take(24).collect()
    }

    fn fact_record(&self, entry: &Entry<'_>) -> FactRecord {
        FactRecord {
            version: RECORD_VERSION,
            call_id: self.call_id,
            hop: entry.hop.number,
            instant: entry.hop.instant,
            model: self.model.clone(),
            call: entry.facts.call.clone(),
            detector_failed: entry.facts.detectors_failed,
            performable: entry.facts.performable,
            candidates: entry.hop.candidates.ids().to_vec(),
            rank: entry.plan.inputs.clone(),
            salts: self.salts.clone(),
            sequence: self.sequence,
            key: self.key.clone(),
        }
    }

    fn leaf(&self, entry: &Entry<'_>, record: &[u8]) -> DecisionLeaf {
        let permit = entry.plan.permits.front();
        let asked_for_one = || match entry.hop.candidates.ids() {
            [only] => Some(only.clone()),
            _ => None,
        };
        DecisionLeaf {
            call: call_digest(&self.call_id),
            hop: entry.hop.number,
            previous: entry.hop.previous,
            decision: entry.decision.digest,
            terms: entry.decision.terms,
            catalogue: entry.decision.catalogue,
            facts: facts_digest(record),
            offering: permit.map_or_else(asked_for_one, |permit| Some(permit.offering().clone())),
            verdict: if permit.is_some() { Verdict::Permit } else { Verdict::Denial },
            means: permit.map_or(MeansSet::NONE, Permit::means),
            term_ids: permit
                .map_or_else(|| forbids(entry.decision), |permit| permit.terms().iter().take(LEAF_TERMS_MAX).cloned().collect()),
            classes: Classes::of(&entry.facts.call.data),
            size_class: self.size_class,
            commitments: self.commitments,
            // The store writes its own.
            durability: Durability::default(),
            minute: Minute::of(entry.hop.instant),
        }
    }
}

/// The forbids that matched, over all candidates.
fn forbids(decision: &Decision) -> Vec<TermId> {
    let refusals = decision.denials.iter().flat_map(|denial| denial.refusals.iter());
    let mut ids: Vec<TermId> = refusals.flat_map(|refusal| refusal.forbids.iter().chain(&refusal.errors)).cloned().collect();
    ids.sort();
    ids.dedup();
    ids.truncate(LEAF_TERMS_MAX);
    ids
}

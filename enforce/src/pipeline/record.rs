//! Step 7: the decision leaf and the private fact record. Nothing leaves before they are durable; if they cannot be written, nothing leaves.

use std::sync::OnceLock;

use bytes::Bytes;
use comity_decide::{Decision, FactRecord, Permit, RECORD_VERSION, Salts};
use comity_ledger::{
    Candidates, Classes, Commitments, DecisionLeaf, Durability, Minute, Verdict, call_digest, coarse, commitment, facts_digest,
};
use comity_store::{CONTENT_BYTES_MAX, Draft, Receipt, Sequence, Store, Whose};
use comity_vocab::{MeansSet, Plain, TermId};

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
    whose: Whose,
    /// The body, where it is to be kept.
    content: Option<Bytes>,
    /// The number that the first hop got.
    sequence: OnceLock<u64>,
}

/// Of whom a call is, and what of it is to be kept.
pub(crate) struct Keeping<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) subject: Option<Plain<String>>,
    pub(crate) body: &'a Bytes,
    pub(crate) content: bool,
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
    let sequence = Sequence { key: notes.key.clone(), salt: notes.salts.sequence, number: notes.sequence.get().copied() };
    // One body, however many hops.
    let content = notes.content.as_ref().filter(|_| entry.hop.number == 0).map(|body| body.to_vec());
    let draft = Draft { leaf, record, whose: notes.whose.clone(), sequence, content };
    let receipt = store.decide(draft).await.map_err(|error| {
        tracing::error!(%error, hint = error.hint(), "a decision could not be recorded: the call is refused");
        CallError::LedgerUnavailable("the decision could not be recorded")
    })?;
    // Later hops keep the number of the first.
    notes.sequence.get_or_init(|| receipt.sequence());
    Ok(receipt)
}

// === impl Notes ===

impl Notes {
    /// Draws the call's id and the salts of its commitments.
    pub(crate) fn new(keeping: Keeping<'_>, model: &str) -> Result<Self, CallError> {
        let Keeping { caller, subject, body, content } = keeping;
        // One request for all of it: each costs a call to the operating system.
        let mut drawn = [[0; 32]; 6];
        getrandom::fill(drawn.as_flattened_mut()).map_err(|_| CallError::Internal("the operating system gave no random numbers"))?;
        let [call, workload, of_caller, sequence, answer, id] = drawn;
        let salts = Salts { call, workload, caller: of_caller, sequence, answer: Some(answer) };
        let mut call_id = [0; 16];
        call_id.iter_mut().zip(id).for_each(|(byte, drawn)| *byte = drawn);
        let key = caller.key.as_ref().map(ToString::to_string).unwrap_or_default();
        let commitments = Commitments {
            call: commitment("call", &salts.call, body),
            workload: commitment("workload", &salts.workload, caller.workload.id.as_str().as_bytes()),
            caller: commitment("caller", &salts.caller, key.as_bytes()),
            // The store gives out the number, and commits to it.
            sequence: commitment("sequence", &salts.sequence, &[]),
        };
        Ok(Self {
            call_id,
            model: model.to_owned(),
            salts,
            commitments,
            size_class: coarse(u64::try_from(body.len()).unwrap_or(u64::MAX)),
            key,
            whose: Whose { tenant: caller.workload.unit.tenant().to_owned(), workload: caller.workload.id.as_str().to_owned(), subject },
            content: (content && body.len() <= CONTENT_BYTES_MAX).then(|| body.clone()),
            sequence: OnceLock::new(),
        })
    }

    /// The salt of the commitment to the answer, and whether the answer is to be kept.
    pub(crate) fn answer(&self) -> (Option<[u8; 32]>, bool) {
        (self.salts.answer, self.content.is_some())
    }

    /// The salt of the commitment to the call's number, for the caller's receipt.
    pub(crate) fn sequence_salt(&self) -> [u8; 32] {
        self.salts.sequence
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
            candidates: Some(Candidates::of(entry.hop.candidates.ids())),
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

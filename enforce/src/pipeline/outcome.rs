//! Step 12: how the call ended. A permitted call has exactly one outcome leaf, also when its caller goes away in the middle.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use comity_dialect::Api;
use comity_ledger::{AnswerCommitment, Minute, Outcome, OutcomeLeaf, Performed, coarse};
use comity_store::{CONTENT_BYTES_MAX, Receipt};
use comity_upstream::{Kept, Transcript};
use comity_vocab::{Call, Digest, MeansSet, OfferingId, Plain, Price};
use tokio::sync::OwnedSemaphorePermit;

use super::accept::Accepted;
use super::answer::Served;
use super::record::Notes;
use crate::clock;
use crate::error::{Decided, LeafReceipt};
use crate::generation::Pass;
use crate::shared::Shared;
use crate::spend::{Count, Effort, Spent};
use crate::states::{Made, Maker};

/// What is owed to the ledger. Dropped without an end, it says that the client is gone.
pub(crate) struct Ending {
    shared: Arc<Shared>,
    begun: Instant,
    api: Api,
    billed: bool,
    /// An attempt was begun.
    is_sent: bool,
    decided: Decided,
    owed: Option<Owed>,
    maker: Option<Maker>,
    /// The salt of the caller's receipt.
    sequence_salt: [u8; 32],
    answer: Said,
    /// The body with the room that it takes, for an estimate where the upstream counts no tokens.
    accepted: Option<Accepted>,
    /// The call's place at its upstream.
    pass: Option<Pass>,
    /// The call's place among the calls at once.
    _slot: OwnedSemaphorePermit,
}

struct Owed {
    call: Digest,
    decision: Digest,
    hop: u32,
    offering: OfferingId,
    means: MeansSet,
    price: Option<Price>,
}

/// What went to the client.
#[derive(Default)]
struct Said {
    /// None while nothing did.
    commitment: Option<AnswerCommitment>,
    salt: Option<[u8; 32]>,
    /// Where the answer is to be kept, as long as it is not too long.
    kept: Option<Vec<u8>>,
}

/// How it ended.
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// What the upstream answered; 0 for nothing.
    pub(crate) status: u16,
    pub(crate) count: Count,
}

/// What a leaf says, all but the tokens.
struct Ended {
    owed: Owed,
    outcome: Outcome,
    status: u16,
    elapsed: Duration,
    answer: Said,
}

// === impl Ending ===

impl Ending {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        (begun, api): (Instant, Api),
        (slot, accepted): (OwnedSemaphorePermit, Accepted),
        notes: &Notes,
    ) -> Self {
        let (salt, kept) = notes.answer();
        Self {
            shared: Arc::clone(shared),
            begun,
            api,
            billed: true,
            is_sent: false,
            decided: Decided::default(),
            owed: None,
            maker: None,
            sequence_salt: notes.sequence_salt(),
            answer: Said { commitment: None, salt, kept: kept.then(Vec::new) },
            accepted: Some(accepted),
            pass: None,
            _slot: slot,
        }
    }

    /// Some of the answer goes to the client.
    pub(crate) fn says(&mut self, bytes: &[u8]) {
        self.answer.say(bytes);
    }

    /// Notes a hop that is in the ledger. For a permit an outcome is owed from here on.
    pub(crate) fn recorded(&mut self, receipt: &Receipt, (means, price): (MeansSet, Option<Price>)) {
        let entry = LeafReceipt { leaf: receipt.leaf(), sequence: receipt.sequence(), salt: self.sequence_salt };
        self.decided = Decided { decision: Some(receipt.decision()), leaf: Some(entry) };
        self.shared.metrics.decided(receipt.offering().is_some());
        if let Some(offering) = receipt.offering() {
            let offering = offering.clone();
            self.owed = Some(Owed { call: receipt.call(), decision: receipt.decision(), hop: receipt.hop(), offering, means, price });
        }
    }

    /// Notes by whom the answer was made, and from what.
    pub(crate) fn answers_to(&mut self, call: &Call, served: &Served) {
        let (offering, upstream) = (served.offering.clone(), served.upstream.clone());
        let made = Arc::new(Made { offering, upstream, data: call.data.clone(), pseudonyms: served.epoch });
        self.maker = Some(Maker { workload: call.workload.clone(), made });
    }

    /// From here on the call may be on its way.
    pub(crate) fn attempted(&mut self) {
        self.is_sent = self.is_billed();
    }

    /// The answer was charged before.
    pub(crate) fn not_billed(&mut self) {
        self.billed = false;
    }

    /// The call keeps its place at its upstream until it ends.
    pub(crate) fn hold(&mut self, pass: Pass) {
        self.pass = Some(pass);
    }

    /// The answer broke off: that counts against the upstream.
    pub(crate) fn upstream_broke(&self) {
        if let Some(pass) = &self.pass {
            pass.broke(clock::now());
        }
    }

    /// Remembers what the upstream keeps of the answer, before its caller can name it.
    pub(crate) fn keep(&self, kept: &[Kept]) {
        if let Some(maker) = self.maker.as_ref().filter(|_| !kept.is_empty()) {
            self.shared.states.remember(&self.shared.store, maker, (kept, clock::now()));
        }
    }

    /// The upstream has counted: nobody needs the body any more.
    pub(crate) fn counted(&mut self) {
        self.accepted = None;
    }

    /// What is known of the decision.
    pub(crate) fn decided(&self) -> Decided {
        self.decided
    }

    /// The caller's API.
    pub(crate) fn api(&self) -> Api {
        self.api
    }

    /// Time since the call was accepted.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether the operator charges for the answer: not for counting, nor for what it kept of an answer that was charged before.
    pub(crate) fn is_billed(&self) -> bool {
        self.api != Api::CountTokens && self.billed
    }

    /// Whether the end is still to be said.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    /// What happened to a call that nobody ended: its client went away, or the gateway cut it off.
    pub(crate) fn dropped(&self) -> Outcome {
        if self.shared.cut_off.load(Ordering::Relaxed) { Outcome::Unknown } else { Outcome::ClientGone }
    }

    /// The call is over.
    pub(crate) fn end(&mut self, end: End) {
        let elapsed = self.begun.elapsed();
        self.pass = None;
        let (Some(owed), accepted) = (self.owed.take(), self.accepted.take()) else { return };
        self.shared.metrics.ended((self.api, end.outcome), elapsed);
        let answer = std::mem::take(&mut self.answer);
        let ended = Ended { owed, outcome: end.outcome, status: end.status, elapsed, answer };
        let shared = Arc::clone(&self.shared);
        let needs_time = end.count.takes_time();
        let write = move |effort| {
            let body = accepted.map(|accepted| accepted.body).unwrap_or_default();
            ended.write(&shared, end.count.spent(&body, effort));
        };
        // Other calls on this thread must not wait while tokens are counted.
        if needs_time { self.shared.late.run(write) } else { write(Effort::BySize) }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Nobody knows whether the operator read the call before its client was gone: it is charged for what it was sent.
        let count = if self.is_sent { Count::Missing(Transcript::default()) } else { Count::Nothing };
        self.end(End { outcome: self.dropped(), status: 0, count });
    }
}

// === impl Said ===

impl Said {
    fn say(&mut self, bytes: &[u8]) {
        let Some(salt) = self.salt.filter(|_| !bytes.is_empty()) else { return };
        self.commitment.get_or_insert_with(|| AnswerCommitment::new(salt)).say(bytes);
        // One that is too long is not kept at all, rather than in part.
        self.kept = self.kept.take().filter(|kept| kept.len().saturating_add(bytes.len()) <= CONTENT_BYTES_MAX);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
    }
}

// === impl End ===

impl End {
    /// Nothing was answered.
    pub(crate) fn without_answer(outcome: Outcome) -> Self {
        Self { outcome, status: 0, count: Count::Nothing }
    }
}

// === impl Ended ===

impl Ended {
    fn write(self, shared: &Shared, spent: Option<Spent>) {
        let cost = spent.and_then(|spent| spent.cost(self.owed.price));
        if let Some(spent) = spent {
            shared.metrics.spent(self.owed.offering.as_str(), (&spent, cost));
        }
        let tokens = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let leaf = OutcomeLeaf {
            call: self.owed.call,
            decision: self.owed.decision,
            hop: self.owed.hop,
            outcome: self.outcome,
            status: self.status,
            tokens_in: spent.map(|spent| tokens(spent.usage.input_tokens)),
            tokens_out: spent.map(|spent| tokens(spent.usage.output_tokens)),
            estimated: spent.is_some_and(|spent| spent.estimated),
            cost,
            latency_class: coarse(u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX)),
            performed: Performed::Did(self.owed.means),
            answer: self.answer.commitment.map(AnswerCommitment::finish),
            minute: Minute::of(clock::now()),
        };
        match self.answer.kept.filter(|kept| !kept.is_empty()) {
            Some(kept) => shared.store.outcome_later_with(leaf, Plain::new(kept)),
            None => shared.store.outcome_later(leaf),
        }
    }
}

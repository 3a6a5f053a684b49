//! Step 12: how the call ended. A permitted call has exactly one outcome leaf, also when its caller goes away in the middle.

use std::sync::Arc;
use std::time::Instant;

use comity_ledger::{Cost, Minute, Outcome, OutcomeLeaf, coarse};
use comity_store::Receipt;
use comity_upstream::Usage;
use comity_vocab::{Action, Digest, OfferingId, Price};
use tokio::sync::OwnedSemaphorePermit;

use crate::clock;
use crate::error::Decided;
use crate::shared::Shared;

/// What is owed to the ledger. Dropped without an end, it says that the client is gone.
pub(crate) struct Ending {
    shared: Arc<Shared>,
    begun: Instant,
    action: Action,
    decided: Decided,
    owed: Option<Owed>,
    /// The call's place among the calls at once.
    _slot: OwnedSemaphorePermit,
}

struct Owed {
    call: Digest,
    decision: Digest,
    hop: u32,
    offering: OfferingId,
    price: Option<Price>,
}

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// What the upstream answered; 0 for nothing.
    pub(crate) status: u16,
    pub(crate) usage: Option<Usage>,
}

// === impl Ending ===

impl Ending {
    pub(crate) fn new(shared: &Arc<Shared>, (begun, action): (Instant, Action), slot: OwnedSemaphorePermit) -> Self {
        Self { shared: Arc::clone(shared), begun, action, decided: Decided::default(), owed: None, _slot: slot }
    }

    /// Notes a hop that is in the ledger. For a permit an outcome is owed from here on.
    pub(crate) fn recorded(&mut self, receipt: &Receipt, price: Option<Price>) {
        self.decided = Decided { decision: Some(receipt.decision()), leaf: Some(receipt.leaf()) };
        self.shared.metrics.decided(receipt.offering().is_some());
        if let Some(offering) = receipt.offering() {
            let offering = offering.clone();
            self.owed = Some(Owed { call: receipt.call(), decision: receipt.decision(), hop: receipt.hop(), offering, price });
        }
    }

    /// What is known of the decision.
    pub(crate) fn decided(&self) -> Decided {
        self.decided
    }

    /// Time since the call was accepted.
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.begun.elapsed()
    }

    /// The call is over.
    pub(crate) fn end(&mut self, end: End) {
        let elapsed = self.begun.elapsed();
        let Some(owed) = self.owed.take() else { return };
        self.shared.metrics.ended((self.action, end.outcome), elapsed);
        if let Some(usage) = end.usage {
            self.shared.metrics.tokens(owed.offering.as_str(), usage);
        }
        self.shared.store.outcome_later(owed.leaf(end, elapsed));
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.end(End { outcome: Outcome::ClientGone, status: 0, usage: None });
    }
}

// === impl Owed ===

impl Owed {
    fn leaf(&self, end: End, elapsed: std::time::Duration) -> OutcomeLeaf {
        let tokens = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let cost = self
            .price
            .zip(end.usage)
            .map(|(price, usage)| Cost { currency: price.currency, micros: price.cost(usage.input_tokens, usage.output_tokens) });
        OutcomeLeaf {
            call: self.call,
            decision: self.decision,
            hop: self.hop,
            outcome: end.outcome,
            status: end.status,
            tokens_in: end.usage.map(|usage| tokens(usage.input_tokens)),
            tokens_out: end.usage.map(|usage| tokens(usage.output_tokens)),
            cost,
            latency_class: coarse(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
            answer: None,
            minute: Minute::of(clock::now()),
        }
    }
}

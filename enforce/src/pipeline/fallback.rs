//! What happens when one offering gives no answer: the next in the plan, each with its own decision. Never after the first byte of an answer.

use std::collections::VecDeque;

use comity_ledger::Outcome;
use comity_upstream::SendError;
use comity_vocab::OfferingId;

use super::means::CannotPerform;
use super::outcome::End;
use super::rank::Plan;
use super::send;
use crate::error::CallError;

/// One attempt that gave no answer.
pub(crate) struct Failure {
    error: CallError,
    end: End,
    may_fall_back: bool,
}

/// What is left to try.
pub(crate) struct Fallback {
    hops_left: u32,
    others: Option<VecDeque<OfferingId>>,
    /// The last attempt that was sent.
    last: Option<(CallError, End)>,
}

// === impl Fallback ===

impl Fallback {
    /// `hops_max` counts the first attempt too.
    pub(crate) fn new(hops_max: u32) -> Self {
        Self { hops_left: hops_max.saturating_sub(1), others: None, last: None }
    }

    /// Takes over what the first plan left, once. Later plans are for one offering only.
    pub(crate) fn plan(&mut self, plan: &Plan) {
        let reachable = |offering: &OfferingId| plan.inputs.iter().any(|input| input.offering == *offering);
        let rest = || plan.permits.iter().map(|permit| permit.offering().clone()).filter(reachable).collect();
        self.others.get_or_insert_with(rest);
    }

    /// A fallback that the terms no longer permit: what failed before stays the reason.
    pub(crate) fn refused_now(&mut self) -> Failure {
        let end = End { outcome: Outcome::Refused, status: 0, usage: None };
        let (error, end) = self.last.take().unwrap_or((CallError::Internal("no attempt was made"), end));
        Failure { error, end, may_fall_back: true }
    }

    /// The next offering and what became of the hop before, or the end of the call.
    pub(crate) fn next(&mut self, failure: Failure) -> Result<(OfferingId, Outcome), (CallError, End)> {
        let next = self.others.as_mut().filter(|_| failure.may_fall_back && self.hops_left > 0).and_then(VecDeque::pop_front);
        let Some(offering) = next else { return Err((failure.error, failure.end)) };
        self.hops_left = self.hops_left.saturating_sub(1);
        let outcome = failure.end.outcome;
        self.last = Some((failure.error, failure.end));
        Ok((offering, outcome))
    }
}

// === impl Failure ===

impl Failure {
    /// The terms admit an offering that nobody configured an upstream for.
    pub(crate) fn no_upstream(offering: &OfferingId) -> Self {
        let message =
            format!("the terms admit `{offering}`, but this gateway has no upstream for it: name it in the `serves` of an `[[upstream]]`");
        let end = End { outcome: Outcome::UpstreamFailed, status: 0, usage: None };
        Self { error: CallError::NoOffering(message), end, may_fall_back: false }
    }

    /// A means that the permit names cannot be performed: the call fails.
    pub(crate) fn cannot_perform(cannot: &CannotPerform) -> Self {
        tracing::error!(means = cannot.0.name(), "a permit names a means that cannot be performed");
        let end = End { outcome: Outcome::Refused, status: 0, usage: None };
        Self { error: CallError::Internal("a means that the terms ask for cannot be performed"), end, may_fall_back: false }
    }

    /// Sending failed.
    pub(crate) fn sending(error: SendError, offering: &OfferingId) -> Self {
        let end = End { outcome: send::outcome(&error), status: send::status(&error), usage: None };
        Self { end, may_fall_back: error.may_fall_back(), error: send::failure(error, offering) }
    }
}

//! What happens when an offering gives no answer: the next in the plan, or the same once more where the failure may pass. Each attempt has its
//! own decision. Never after the first byte of an answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use comity_ledger::Outcome;
use comity_upstream::{SendError, Transcript};
use comity_vocab::OfferingId;

use super::means::Unready;
use super::outcome::End;
use super::rank::Plan;
use super::send;
use crate::error::CallError;
use crate::generation::{Closed, Health};
use crate::limits::{Limits, RETRY_PAUSE, RETRY_PAUSE_MAX};
use crate::spend::Count;

/// One attempt that gave no answer.
pub(crate) struct Failure {
    error: CallError,
    end: End,
    may_fall_back: bool,
    again: Option<Again>,
}

/// The same offering may be tried again.
struct Again {
    offering: OfferingId,
    /// What its upstream asks to wait.
    wait: Duration,
    health: Arc<Health>,
}

/// The next attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) offering: OfferingId,
    /// What became of the attempt before.
    pub(crate) previous: Outcome,
    /// How long to wait first.
    pub(crate) pause: Duration,
}

/// What is left to try.
pub(crate) struct Fallback {
    hops_left: u32,
    retries_left: u32,
    retries: u32,
    others: Option<VecDeque<OfferingId>>,
    /// The last attempt that was sent.
    last: Option<(CallError, End)>,
}

// === impl Fallback ===

impl Fallback {
    pub(crate) fn new(limits: &Limits) -> Self {
        // The first attempt counts too.
        Self { hops_left: limits.hops_max.saturating_sub(1), retries_left: limits.retries_max, retries: 0, others: None, last: None }
    }

    /// Takes over what the first plan left, once. Later plans are for one offering only.
    pub(crate) fn plan(&mut self, plan: &Plan) {
        let reachable = |offering: &OfferingId| plan.inputs.iter().any(|input| input.offering == *offering);
        let rest = || plan.permits.iter().map(|permit| permit.offering().clone()).filter(reachable).collect();
        self.others.get_or_insert_with(rest);
    }

    /// A fallback that the terms no longer permit: what failed before stays the reason.
    pub(crate) fn refused_now(&mut self) -> Failure {
        let (error, end) = self.last.take().unwrap_or((CallError::Internal("no attempt was made"), End::without_answer(Outcome::Refused)));
        Failure { error, end, may_fall_back: true, again: None }
    }

    /// The next attempt, or the end of the call.
    pub(crate) fn next(&mut self, failure: Failure) -> Result<Next, Box<(CallError, End)>> {
        let other = self.others.as_mut().filter(|_| failure.may_fall_back && self.hops_left > 0).and_then(VecDeque::pop_front);
        let next = match other {
            Some(offering) => Some((offering, Duration::ZERO)),
            None => failure.again.as_ref().and_then(|again| Some((again.offering.clone(), self.pause(again)?))),
        };
        let Some((offering, pause)) = next else { return Err(Box::new((failure.error, failure.end))) };
        self.hops_left = self.hops_left.saturating_sub(1);
        let previous = failure.end.outcome;
        self.last = Some((failure.error, failure.end));
        Ok(Next { offering, previous, pause })
    }

    /// How long to wait before the same offering is tried again; nothing when it is not.
    fn pause(&mut self, again: &Again) -> Option<Duration> {
        if self.retries_left == 0 || self.hops_left == 0 || again.wait > RETRY_PAUSE_MAX || !again.health.may_retry() {
            return None;
        }
        let longest = RETRY_PAUSE.saturating_mul(1 << self.retries.min(8));
        self.retries_left = self.retries_left.saturating_sub(1);
        self.retries = self.retries.saturating_add(1);
        // Callers that failed together must not come back together.
        let drawn = longest.mul_f64(fastrand::f64());
        Some(drawn.max(again.wait).min(RETRY_PAUSE_MAX))
    }
}

// === impl Failure ===

impl Failure {
    fn ended(error: CallError, outcome: Outcome) -> Self {
        Self { error, end: End::without_answer(outcome), may_fall_back: false, again: None }
    }

    /// The terms admit an offering that nobody configured an upstream for.
    pub(crate) fn no_upstream(offering: &OfferingId) -> Self {
        let message =
            format!("the terms admit `{offering}`, but this gateway has no upstream for it: name it in the `serves` of an `[[upstream]]`");
        Self::ended(CallError::NoOffering(message), Outcome::UpstreamFailed)
    }

    /// No upstream of the offering takes calls now.
    pub(crate) fn closed(closed: Closed, offering: &OfferingId) -> Self {
        Self { may_fall_back: true, ..Self::ended(send::closed(closed, offering), Outcome::UpstreamFailed) }
    }

    /// The call cannot be made ready for this offering; another may take it.
    pub(crate) fn unready(unready: Unready, offering: &OfferingId) -> Self {
        let error = match unready {
            Unready::Means(means) => {
                tracing::error!(means = means.name(), "a permit names a means that cannot be performed");
                return Self::ended(CallError::Internal("a means that the terms ask for cannot be performed"), Outcome::Refused);
            }
            Unready::Plain(not_hidden) => not_hidden.into_error(),
            Unready::NoEndpoint(api) => {
                let message = format!("the upstream of `{offering}` has nothing like `{}`: ask for another offering", api.name());
                CallError::cannot_honour("model", message)
            }
            Unready::Dialect(cannot) if cannot.is_invalid() => CallError::invalid_field(cannot.field(), cannot.to_string()),
            Unready::Dialect(cannot) => CallError::cannot_honour(cannot.field(), cannot.to_string()),
        };
        Self { may_fall_back: true, ..Self::ended(error, Outcome::Refused) }
    }

    /// The means `pseudonymised` failed; another offering may not need it.
    pub(crate) fn not_hidden(error: CallError) -> Self {
        Self { may_fall_back: true, ..Self::ended(error, Outcome::Refused) }
    }

    /// The operator no longer keeps what it kept.
    pub(crate) fn gone() -> Self {
        let end = End { status: 404, ..End::without_answer(Outcome::Refused) };
        Self { end, ..Self::ended(CallError::UnknownId("response_id"), Outcome::Refused) }
    }

    /// Sending failed.
    pub(crate) fn sending(error: SendError, offering: &OfferingId, health: &Arc<Health>) -> Self {
        let count = if send::was_read(&error) { Count::Missing(Transcript::default()) } else { Count::Nothing };
        let end = End { outcome: send::outcome(&error), status: send::status(&error), count };
        let again = |wait| Again { offering: offering.clone(), wait, health: Arc::clone(health) };
        let again = send::may_pass(&error).map(again);
        Self { end, may_fall_back: error.may_fall_back(), again, error: send::failure(error, offering) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(offering: &str, wait: Duration) -> Failure {
        let again = Again { offering: offering.parse().unwrap(), wait, health: Arc::default() };
        let ended = Failure::ended(CallError::UpstreamFailed("busy".to_owned()), Outcome::UpstreamFailed);
        Failure { may_fall_back: true, again: Some(again), ..ended }
    }

    fn fallback(others: &[&str]) -> Fallback {
        let others = others.iter().map(|id| id.parse().unwrap()).collect();
        Fallback { others: Some(others), ..Fallback::new(&Limits { hops_max: 4, ..Limits::default() }) }
    }

    #[test]
    fn others_come_first_then_the_same_again() {
        let mut fallback = fallback(&["b/m@b"]);
        let next = fallback.next(busy("a/m@a", Duration::ZERO)).ok().unwrap();
        assert_eq!((next.offering.as_str(), next.pause), ("b/m@b", Duration::ZERO));
        for _ in 0..2 {
            let next = fallback.next(busy("b/m@b", Duration::from_millis(700))).ok().unwrap();
            assert_eq!(next.offering.as_str(), "b/m@b");
            assert!(next.pause >= Duration::from_millis(700) && next.pause <= RETRY_PAUSE_MAX);
        }
        assert!(fallback.next(busy("b/m@b", Duration::ZERO)).is_err(), "the attempts are used up");
    }

    #[test]
    fn what_cannot_pass_or_takes_too_long_is_not_tried_again() {
        let lasting = Failure::ended(CallError::UpstreamFailed("no".to_owned()), Outcome::UpstreamFailed);
        assert!(fallback(&[]).next(lasting).is_err());
        assert!(fallback(&[]).next(busy("a/m@a", RETRY_PAUSE_MAX * 2)).is_err());
        assert!(Fallback { retries_left: 0, ..fallback(&[]) }.next(busy("a/m@a", Duration::ZERO)).is_err());
        let spent = busy("a/m@a", Duration::ZERO);
        while spent.again.as_ref().is_some_and(|again| again.health.may_retry()) {}
        assert!(fallback(&[]).next(spent).is_err(), "the budget is spent");
    }
}

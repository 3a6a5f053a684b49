//! Step 9: send. The permit and the receipt are used up here; what comes back is an answer or the reason why there is none.

use std::time::{Duration, Instant};

use comity_decide::Permit;
use comity_ledger::Outcome;
use comity_store::Receipt;
use comity_upstream::{Answer, Prepared, SendError, UpstreamStatus, Via};
use comity_vocab::OfferingId;
use http::header::RETRY_AFTER;

use crate::clock;
use crate::error::{CallError, Passed};
use crate::generation::Target;
use crate::shared::Worker;

/// What came of sending one call.
pub(crate) struct Sent {
    pub(crate) result: Result<Answer, SendError>,
    /// How long the upstream took to its first byte.
    pub(crate) waited: Duration,
}

/// Sends one call and notes how its upstream did.
pub(crate) async fn send(worker: &Worker, (permit, receipt): (Permit, Receipt), prepared: Prepared, target: &Target) -> Sent {
    let begun = Instant::now();
    let offering = permit.offering().clone();
    let result = comity_upstream::send(permit, receipt, prepared, Via { client: &worker.client, upstream: &target.upstream }).await;
    let waited = begun.elapsed();
    match &result {
        Ok(_) => target.health.answered(waited),
        Err(error) => {
            tracing::warn!(%offering, upstream = %target.upstream.name, %error, "no answer");
            worker.shared.metrics.upstream_failed(&target.upstream.name);
            if !error.is_blamed_on_call() {
                target.health.failed(clock::now());
            }
        }
    }
    Sent { result, waited }
}

/// What the ledger says of a failed hop.
pub(crate) fn outcome(error: &SendError) -> Outcome {
    if error.is_timeout() {
        return Outcome::UpstreamTimeout;
    }
    if error.is_blamed_on_call() { Outcome::Refused } else { Outcome::UpstreamFailed }
}

/// The status that the upstream answered; 0 for none.
pub(crate) fn status(error: &SendError) -> u16 {
    if let SendError::Status(status) = error { status.code.as_u16() } else { 0 }
}

/// What the caller is told when no other offering is left.
pub(crate) fn failure(error: SendError, offering: &OfferingId) -> CallError {
    match error {
        SendError::Refused(_) => CallError::Internal("permit, receipt and call did not belong together"),
        SendError::Connect(_) => {
            CallError::UpstreamFailed(format!("`{offering}` cannot be reached: try again later or ask for another offering"))
        }
        SendError::FirstByteTimeout(_) | SendError::IdleTimeout(_) | SendError::TotalTimeout(_) => {
            CallError::UpstreamTimeout(format!("`{offering}`: {error}; ask for less, or raise the times under `[limits]` in `comity.toml`"))
        }
        SendError::Reset(_) => CallError::UpstreamFailed(format!("`{offering}` broke the connection off: try again")),
        SendError::TooLarge(_) | SendError::BadAnswer(_) => CallError::UpstreamFailed(format!("`{offering}`: {error}")),
        SendError::Busy => {
            CallError::UpstreamBusy { message: format!("`{offering}`: {error}; try again in a moment"), retry_after: Some(1.into()) }
        }
        SendError::CannotHonour { field, message } => CallError::CannotHonour { message, param: field },
        SendError::BadCall(message) => CallError::invalid(message),
        SendError::Status(status) => refused_by_upstream(*status, offering),
    }
}

/// The upstream's words go to the caller only where the call itself is at fault; ours may name our credential.
fn refused_by_upstream(status: UpstreamStatus, offering: &OfferingId) -> CallError {
    if status.is_blamed_on_call() {
        return CallError::Passed(Box::new(Passed { status: status.code, headers: status.headers, body: status.body }));
    }
    let code = status.code.as_u16();
    match code {
        429 => CallError::UpstreamBusy {
            message: format!("`{offering}` limits the rate of its calls: try again later"),
            retry_after: status.headers.get(RETRY_AFTER).cloned(),
        },
        300..=399 => {
            CallError::UpstreamFailed(format!("`{offering}` redirects elsewhere, which is never followed: correct its `base_url`"))
        }
        401 | 403 => CallError::UpstreamFailed(format!("`{offering}` refuses the gateway's credential: its operator must set a valid one")),
        404 => CallError::UpstreamFailed(format!("`{offering}` is not known to its upstream: correct `base_url` or the catalogue")),
        _ => CallError::UpstreamFailed(format!("`{offering}` answered with status {code}: try again later")),
    }
}

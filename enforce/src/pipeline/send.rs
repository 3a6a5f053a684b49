//! Step 9: send. The permit and the receipt are used up here; what comes back is an answer or the reason why there is none.

use std::time::{Duration, Instant};

use bytes::Bytes;
use comity_decide::Permit;
use comity_dialect::UpstreamProblem;
use comity_ledger::Outcome;
use comity_store::Receipt;
use comity_upstream::{Answer, Prepared, SendError, UpstreamStatus, Via};
use comity_vocab::{OfferingId, Plain};
use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::clock;
use crate::error::{CallError, Passed, Said};
use crate::generation::{Closed, Way};
use crate::restore::Restoring;
use crate::shared::Worker;

/// What came of sending one call.
pub(crate) struct Sent {
    pub(crate) result: Result<Answer, SendError>,
    /// How long the upstream took to its first byte.
    pub(crate) waited: Duration,
}

/// Sends one call and notes how its upstream did.
pub(crate) async fn send(worker: &Worker, (permit, receipt): (Permit, Receipt), prepared: Prepared, way: &Way) -> Sent {
    let begun = Instant::now();
    let offering = permit.offering().clone();
    let result = comity_upstream::send(permit, receipt, prepared, Via { client: &worker.client, upstream: &way.upstream }).await;
    let waited = begun.elapsed();
    match &result {
        Ok(_) => way.health.answered(waited),
        Err(error) => {
            tracing::warn!(%offering, upstream = %way.upstream.name, %error, "no answer");
            worker.shared.metrics.upstream_failed(&way.upstream.name);
            if is_failure(error) {
                way.health.failed(clock::now());
            } else {
                way.health.refused();
            }
        }
    }
    Sent { result, waited }
}

/// Whether the upstream is in trouble: not when the call is at fault, nor when it only asks for patience. One that does not know a model may
/// serve all others.
fn is_failure(error: &SendError) -> bool {
    let well = matches!(error, SendError::Status(status) if matches!(status.code.as_u16(), 404 | 408 | 409 | 429));
    !error.is_blamed_on_call() && !well
}

/// What the ledger says of a failed hop.
pub(crate) fn outcome(error: &SendError) -> Outcome {
    if error.is_timeout() {
        return Outcome::UpstreamTimeout;
    }
    if error.is_blamed_on_call() { Outcome::Refused } else { Outcome::UpstreamFailed }
}

/// Whether the call had been sent, so that its input may be charged though no answer came.
pub(crate) fn was_read(error: &SendError) -> bool {
    error.is_timeout() || matches!(error, SendError::BadAnswer(_) | SendError::TooLarge(_))
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

/// Why no call may go to an upstream now.
pub(crate) fn closed(closed: Closed, offering: &OfferingId) -> CallError {
    match closed {
        Closed::Open => CallError::UpstreamFailed(format!(
            "the upstream of `{offering}` failed several times in a row and is given a rest of some seconds: try again soon"
        )),
        Closed::Gone => {
            CallError::UpstreamFailed(format!("the upstream of `{offering}` that keeps what the call continues is no longer configured"))
        }
        Closed::Full => CallError::UpstreamBusy {
            message: format!("`{offering}` serves as many calls of this gateway at once as it may: try again in a moment"),
            retry_after: Some(1.into()),
        },
    }
}

/// Whether the failure may pass, and how long the upstream asks to wait.
pub(crate) fn may_pass(error: &SendError) -> Option<Duration> {
    match error {
        SendError::Connect(_) | SendError::Reset(_) | SendError::Busy => Some(Duration::ZERO),
        SendError::Status(status) if matches!(status.code.as_u16(), 408 | 409 | 429 | 500..) => Some(asked_to_wait(&status.headers)),
        SendError::Status(_)
        | SendError::Refused(_)
        | SendError::FirstByteTimeout(_)
        | SendError::IdleTimeout(_)
        | SendError::TotalTimeout(_)
        | SendError::TooLarge(_)
        | SendError::BadAnswer(_)
        | SendError::CannotHonour { .. }
        | SendError::BadCall(_) => None,
    }
}

/// `retry-after-ms`, or `retry-after` in seconds; a date there is as good as no word.
fn asked_to_wait(headers: &HeaderMap) -> Duration {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let ms = number("retry-after-ms").or_else(|| number(RETRY_AFTER.as_str()).map(|seconds| seconds.saturating_mul(1000)));
    Duration::from_millis(ms.unwrap_or_default())
}

/// An upstream may repeat the call where it refuses it: what it says is restored and searched as an answer is, or left out.
pub(crate) fn restored(error: SendError, restoring: Option<&Restoring>) -> SendError {
    match (error, restoring) {
        (SendError::Status(status), Some(restoring)) => SendError::Status(Box::new(restored_status(*status, restoring))),
        (error, _) => error,
    }
}

fn restored_status(status: UpstreamStatus, restoring: &Restoring) -> UpstreamStatus {
    let said = match &status.problem {
        _ if !status.translated => restoring.refusal(status.body.expose()).map(|body| (body, None)),
        Some(problem) => restoring.sentence(&problem.expose().message).map(|message| {
            let problem = UpstreamProblem { message, ..problem.expose().clone() };
            (Bytes::new(), Some(Plain::new(problem)))
        }),
        None => Ok((Bytes::new(), None)),
    };
    match said {
        Ok((body, problem)) => UpstreamStatus { body: Plain::new(body), problem, ..status },
        Err(why) => {
            tracing::warn!(error = %why, "what an upstream says of a call cannot be restored, and is left out");
            UpstreamStatus { body: Plain::new(Bytes::new()), translated: true, problem: None, ..status }
        }
    }
}

/// The upstream's words go to the caller only where the call itself is at fault; ours may name our credential.
fn refused_by_upstream(status: UpstreamStatus, offering: &OfferingId) -> CallError {
    if status.is_blamed_on_call() {
        let said = match (status.translated, status.problem) {
            (false, _) => Said::AsItIs { headers: status.headers, body: status.body },
            (true, Some(problem)) => Said::InWords(Plain::new(problem.expose().message.clone())),
            (true, None) => Said::InWords(Plain::new(format!("`{offering}` refused the call"))),
        };
        return CallError::Passed(Box::new(Passed { status: status.code, said }));
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

//! Step 11: the answer, streamed as it comes, with the headers that name the decision. The outcome is written when its last byte is given out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use comity_dialect::Api;
use comity_ledger::Outcome;
use comity_upstream::{Answer, AnswerBody, AnswerStream, StreamError, Transcript};
use comity_vocab::{MeansSet, OfferingId};
use futures_util::Stream;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};

use super::facts::EPOCH;
use super::outcome::{End, Ending};
use crate::error::CallError;
use crate::generation::Pass;
use crate::restore::{EventRestorer, Restoring, Stopped, Unrestorable};
use crate::spend::Count;

/// Who answered, and under which means.
pub(crate) struct Served {
    pub(crate) offering: OfferingId,
    /// Through which upstream of its.
    pub(crate) upstream: String,
    pub(crate) means: MeansSet,
    /// The epoch of the call's pseudonyms, where it has any.
    pub(crate) epoch: Option<u32>,
    /// The way back from pseudonyms.
    pub(crate) restoring: Option<Restoring>,
    /// How long the upstream took to its first byte: not our overhead.
    pub(crate) waited: Duration,
    /// The call's place at its upstream.
    pub(crate) pass: Pass,
}

/// Hands the answer on. From here a fallback is no longer possible.
///
/// # Errors
/// The answer names a pseudonym that the call does not have; its outcome is written.
pub(crate) fn answer(answer: Answer, served: Served, mut ending: Ending) -> Result<Response, CallError> {
    let mut headers = answer.headers;
    mark(&mut headers, &served, &ending);
    ending.hold(served.pass);
    let status = answer.status;
    let body = match answer.body {
        AnswerBody::Whole(whole) => {
            ending.keep(&whole.kept);
            let said = || if ending.api() == Api::Embeddings { Transcript::default() } else { Transcript::of_whole(&whole.bytes) };
            let count = if ending.is_billed() { Count::of(whole.usage, said) } else { Count::Nothing };
            let restored = match &served.restoring {
                Some(restoring) if ending.api() != Api::Embeddings => restoring.whole(whole.bytes),
                Some(_) | None => Ok(whole.bytes),
            };
            let bytes = match restored {
                Ok(bytes) => bytes,
                Err(error) => {
                    ending.end(End { outcome: Outcome::UpstreamFailed, status: status.as_u16(), count });
                    return Err(unrestorable(&error));
                }
            };
            Body::new(WholeBody { bytes: Some(bytes), status: status.as_u16(), count, ending })
        }
        AnswerBody::Stream(stream) => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            // Proxies in front must not collect events.
            headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
            let restorer = served.restoring.as_ref().map(Restoring::events);
            Body::new(EventsBody { stream, restorer, status: status.as_u16(), ending, over: false })
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// What the caller is told of an answer that cannot be restored.
fn unrestorable(error: &Unrestorable) -> CallError {
    CallError::UpstreamFailed(format!("the answer cannot be given out: {error}; try again"))
}

fn mark(headers: &mut HeaderMap, served: &Served, ending: &Ending) {
    ending.decided().mark(headers);
    let text = |text: String| HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    headers.insert("comity-offering", text(served.offering.to_string()));
    headers.insert("comity-means", text(served.means.to_string()));
    if let Some(epoch) = served.epoch {
        headers.insert(EPOCH, HeaderValue::from(epoch));
    }
    let overhead = ending.elapsed().saturating_sub(served.waited);
    headers.insert("comity-overhead-us", HeaderValue::from(u64::try_from(overhead.as_micros()).unwrap_or(u64::MAX)));
}

/// A complete answer: its outcome is `ok` once the connection took it.
struct WholeBody {
    bytes: Option<Bytes>,
    status: u16,
    count: Count,
    ending: Ending,
}

impl http_body::Body for WholeBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let taken = this.bytes.take();
        if taken.is_some() {
            let count = std::mem::replace(&mut this.count, Count::Nothing);
            this.ending.end(End { outcome: Outcome::Ok, status: this.status, count });
        }
        Poll::Ready(taken.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

/// An answer as events. A stream that breaks off ends with an event that says so, never like a complete one.
struct EventsBody {
    stream: AnswerStream,
    /// Puts values back in place of pseudonyms.
    restorer: Option<EventRestorer>,
    status: u16,
    ending: Ending,
    over: bool,
}

impl http_body::Body for EventsBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        let next = ready!(Pin::new(&mut this.stream).poll_next(context));
        let bytes = match next {
            Some(Ok(bytes)) => {
                let restored = this.restorer.as_mut().map_or_else(|| Ok(bytes.clone()), |restorer| restorer.push(bytes.clone()));
                let bytes = match restored {
                    Ok(bytes) => bytes,
                    Err(stopped) => return Poll::Ready(Some(Ok(Frame::data(this.unrestorable(&stopped))))),
                };
                let kept = this.stream.take_kept();
                this.ending.keep(&kept);
                if this.stream.usage().is_some() {
                    this.ending.counted();
                }
                // Complete from here on, whatever the client does next.
                if this.stream.is_done() {
                    this.end(Outcome::Ok);
                }
                Some(bytes)
            }
            None => {
                this.over = true;
                match this.rest() {
                    Ok(rest) => {
                        this.end(if this.stream.has_failed() { Outcome::UpstreamFailed } else { Outcome::Ok });
                        rest
                    }
                    Err(why) => Some(this.unrestorable(&Stopped { before: Bytes::new(), why })),
                }
            }
            Some(Err(error)) => {
                this.over = true;
                Some(this.broke(&error))
            }
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

impl EventsBody {
    fn end(&mut self, outcome: Outcome) {
        let usage = self.stream.usage();
        let count = if self.stream.is_done() {
            Count::of(usage, || self.stream.take_transcript())
        } else {
            Count::of_broken(usage, self.stream.take_transcript())
        };
        self.ending.end(End { outcome, status: self.status, count });
    }

    fn broke(&mut self, error: &StreamError) -> Bytes {
        tracing::warn!(%error, "an answer broke off");
        self.ending.upstream_broke();
        let late = matches!(error, StreamError::Idle(_) | StreamError::Total(_));
        self.end(if late { Outcome::UpstreamTimeout } else { Outcome::UpstreamFailed });
        // What cannot be restored is left out: the answer ends with an error in any case.
        let rest = self.rest().ok().flatten().unwrap_or_default();
        let message = format!("the answer is not complete: {error}");
        let error = if late { CallError::UpstreamTimeout(message) } else { CallError::UpstreamFailed(message) };
        [rest, error.into_event(self.ending.decided(), self.ending.api())].concat().into()
    }

    /// What was held back: as the beginning of a pseudonym, and was none, or until it was looked at.
    fn rest(&mut self) -> Result<Option<Bytes>, Unrestorable> {
        let rest = self.restorer.take().map_or_else(|| Ok(Bytes::new()), |mut restorer| restorer.finish())?;
        Ok(Some(rest).filter(|rest| !rest.is_empty()))
    }

    fn unrestorable(&mut self, stopped: &Stopped) -> Bytes {
        tracing::warn!(error = %stopped.why, "an answer cannot be restored");
        self.over = true;
        self.restorer = None;
        self.end(Outcome::UpstreamFailed);
        [stopped.before.clone(), unrestorable(&stopped.why).into_event(self.ending.decided(), self.ending.api())].concat().into()
    }
}

impl Drop for EventsBody {
    /// Tokens that were answered were spent, also when nobody waited for the rest.
    fn drop(&mut self) {
        if self.ending.is_owed() {
            self.end(self.ending.dropped());
        }
    }
}

impl Drop for WholeBody {
    /// The upstream counted, also when the client was gone before it got anything.
    fn drop(&mut self) {
        if self.ending.is_owed() {
            let count = std::mem::replace(&mut self.count, Count::Nothing);
            self.ending.end(End { outcome: self.ending.dropped(), status: self.status, count });
        }
    }
}

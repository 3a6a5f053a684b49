//! Step 11: the answer, streamed as it comes, with the headers that name the decision. The outcome is written when its last byte is given out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use comity_dialect::Api;
use comity_ledger::Outcome;
use comity_redact::OutputError;
use comity_upstream::{Answer, AnswerBody, AnswerStream, StreamError, Transcript, Whole};
use comity_vocab::{MeansSet, OfferingId};
use futures_util::Stream;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};

use super::facts::EPOCH;
use super::outcome::{End, Ending};
use crate::apart::apart;
use crate::error::CallError;
use crate::generation::Pass;
use crate::limits::INLINE_BYTES_MAX;
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
/// The answer may not be given out, or could not be worked on; its outcome is written.
pub(crate) async fn answer(answer: Answer, served: Served, mut ending: Ending) -> Result<Response, CallError> {
    let mut headers = answer.headers;
    mark(&mut headers, &served, &ending);
    ending.hold(served.pass);
    let status = answer.status;
    let body = match answer.body {
        AnswerBody::Whole(whole) => Body::new(WholeBody::of(whole, status.as_u16(), (served.restoring, ending)).await?),
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

/// A whole answer with its values. At a large one another thread works.
async fn restored(bytes: Bytes, restoring: Option<Restoring>) -> Result<Bytes, Unrestorable> {
    let Some(restoring) = restoring else { return Ok(bytes) };
    if bytes.len() <= INLINE_BYTES_MAX {
        return restoring.whole(bytes);
    }
    let work = apart("an answer could not be restored: it is withheld", move || restoring.whole(bytes));
    work.await.unwrap_or(Err(Unrestorable::BrokeOff))
}

/// What is logged, told and written of an answer that cannot be given out. A detector's reason is for the log alone.
fn unrestorable(why: &Unrestorable) -> (Outcome, CallError) {
    match why {
        Unrestorable::Found(OutputError::Scan(_)) => {
            tracing::error!(error = %why, "a detector failed on an answer: it is withheld");
            (Outcome::Withheld, CallError::Withheld("the answer could not be searched for personal data"))
        }
        // What happened was logged by whoever saw it.
        Unrestorable::BrokeOff => (Outcome::Withheld, CallError::Withheld("the answer could not be restored")),
        Unrestorable::Found(OutputError::Refused(_) | OutputError::Ended) | Unrestorable::UnknownPseudonym | Unrestorable::Malformed => {
            tracing::warn!(error = %why, "an answer cannot be restored");
            (Outcome::UpstreamFailed, CallError::UpstreamFailed(format!("the answer cannot be given out: {why}; try again")))
        }
    }
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

impl WholeBody {
    /// From here on the answer counts, also when its client goes away while it is worked on.
    async fn of(whole: Whole, status: u16, (restoring, ending): (Option<Restoring>, Ending)) -> Result<Self, CallError> {
        ending.keep(&whole.kept);
        let has_text = ending.api() != Api::Embeddings;
        let said = || if has_text { Transcript::of_whole(&whole.bytes) } else { Transcript::default() };
        let count = if ending.is_billed() { Count::of(whole.usage, said) } else { Count::Nothing };
        let mut body = Self { bytes: None, status, count, ending };
        match restored(whole.bytes, restoring.filter(|_| has_text)).await {
            Ok(bytes) => {
                body.bytes = Some(bytes);
                Ok(body)
            }
            Err(why) => {
                let (outcome, error) = unrestorable(&why);
                body.end(outcome);
                Err(error)
            }
        }
    }

    fn end(&mut self, outcome: Outcome) {
        let count = std::mem::replace(&mut self.count, Count::Nothing);
        self.ending.end(End { outcome, status: self.status, count });
    }
}

impl http_body::Body for WholeBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let taken = this.bytes.take();
        if let Some(bytes) = &taken {
            this.ending.says(bytes);
            this.end(Outcome::Ok);
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
                this.ending.says(&bytes);
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
                        this.ending.says(rest.as_deref().unwrap_or_default());
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
        // What cannot be restored is left out: the answer ends with an error in any case.
        let rest = self
            .rest()
            .inspect_err(|why| tracing::warn!(error = %why, "the rest of an answer that broke off cannot be restored"))
            .ok()
            .flatten()
            .unwrap_or_default();
        let message = format!("the answer is not complete: {error}");
        let error = if late { CallError::UpstreamTimeout(message) } else { CallError::UpstreamFailed(message) };
        self.last(rest, error, if late { Outcome::UpstreamTimeout } else { Outcome::UpstreamFailed })
    }

    /// The end of an answer that is not complete: what is left of it, and an event that says so.
    fn last(&mut self, rest: Bytes, error: CallError, outcome: Outcome) -> Bytes {
        let bytes: Bytes = [rest, error.into_event(self.ending.decided(), self.ending.api())].concat().into();
        self.ending.says(&bytes);
        self.end(outcome);
        bytes
    }

    /// What was held back: as the beginning of a pseudonym, and was none, or until it was looked at.
    fn rest(&mut self) -> Result<Option<Bytes>, Unrestorable> {
        let rest = self.restorer.take().map_or_else(|| Ok(Bytes::new()), |mut restorer| restorer.finish())?;
        Ok(Some(rest).filter(|rest| !rest.is_empty()))
    }

    fn unrestorable(&mut self, stopped: &Stopped) -> Bytes {
        let (outcome, error) = unrestorable(&stopped.why);
        self.over = true;
        self.restorer = None;
        self.last(stopped.before.clone(), error, outcome)
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
            self.end(self.ending.dropped());
        }
    }
}

#[cfg(test)]
mod tests {
    use comity_redact::{CallValues, Form, Kinds, OutputMode, OutputRules};
    use futures_util::FutureExt as _;

    use super::*;
    use crate::logged::logged;
    use crate::restore::Watch;

    fn answer(bytes: usize) -> Bytes {
        Bytes::from(format!("{{\"choices\":[{{\"message\":{{\"content\":\"{}\"}}}}]}}", " x".repeat(bytes / 2)))
    }

    #[tokio::test]
    async fn a_large_answer_is_restored_by_another_thread() {
        let restoring = || Some(Restoring::new(None, (Api::Chat, Form::Text)));
        let (small, large) = (answer(1000), answer(40 * INLINE_BYTES_MAX));
        assert_eq!(restored(small.clone(), restoring()).now_or_never(), Some(Ok(small)));
        assert_eq!(restored(large.clone(), restoring()).now_or_never(), None, "nobody waits on this thread");
        assert_eq!(restored(large.clone(), restoring()).await, Ok(large.clone()));
        assert_eq!(restored(large.clone(), None).now_or_never(), Some(Ok(large)), "there is nothing to do");
    }

    /// What is logged and told of an answer at which a look goes wrong.
    async fn told(bytes: usize, look: fn() -> Result<Vec<comity_redact::Finding>, String>) -> (Outcome, CallError, String) {
        let rules = OutputRules {
            look: Box::new(move |_| look()),
            kinds: Kinds::built_in(),
            pseudonyms: None,
            values: CallValues::default(),
            mode: OutputMode::Report,
        };
        let restoring = Restoring::new(None, (Api::Chat, Form::Text)).watched(Watch::new(rules, std::sync::Arc::new(|_, _| {})));
        let (told, log) = logged(async { unrestorable(&restored(answer(bytes), Some(restoring)).await.unwrap_err()) }).await;
        (told.0, told.1, log)
    }

    #[tokio::test]
    async fn what_fails_at_an_answer_is_ours_and_is_logged() {
        for bytes in [1000, 2 * INLINE_BYTES_MAX] {
            let (outcome, error, log) = told(bytes, || Err("planted".to_owned())).await;
            assert!(matches!(error, CallError::Withheld("the answer could not be searched for personal data")), "{error:?}");
            assert!(outcome == Outcome::Withheld && log.contains("a detector failed on an answer") && log.contains("planted"), "{log}");
        }
        let (outcome, error, log) = told(2 * INLINE_BYTES_MAX, || panic!("planted")).await;
        assert!(matches!(error, CallError::Withheld("the answer could not be restored")) && outcome == Outcome::Withheld, "{error:?}");
        assert!(log.contains("an answer could not be restored: it is withheld panicked=true") && !log.contains("planted"), "{log}");
        for why in [Unrestorable::UnknownPseudonym, Unrestorable::Malformed, Unrestorable::Found(OutputError::Refused("email".to_owned()))]
        {
            let ((outcome, error), log) = logged(async { unrestorable(&why) }).await;
            assert!(matches!(error, CallError::UpstreamFailed(_)) && outcome == Outcome::UpstreamFailed);
            assert!(log.contains("an answer cannot be restored") && log.contains(&why.to_string()), "{log}");
        }
    }
}

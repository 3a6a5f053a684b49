//! An answer as server-sent events: whole frames, byte for byte, with usage and the terminal event read on the way.
//!
//! The only change ever made is to leave out a usage event that the caller did not ask for. A stream that ends without `[DONE]` is an error,
//! never a short success.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};

use crate::error::{SendError, StreamError, UpstreamStatus};
use crate::limits::{FRAME_BYTES_MAX, PREAMBLE_BYTES_MAX};
use crate::prepared::UsageFrames;
use crate::sse::{Splitter, data};
use crate::usage::{self, Usage};

type Source = Pin<Box<dyn Stream<Item = Result<Bytes, StreamError>> + Send>>;

/// The events of an answer. Dropping it cancels the upstream call.
pub struct AnswerStream {
    source: Source,
    splitter: Splitter,
    usage_frames: UsageFrames,
    usage: Option<Usage>,
    state: State,
    /// Read while waiting for the first event, not yet given out.
    held: BytesMut,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No event with data yet.
    Waiting,
    /// At least one event.
    Running,
    /// The upstream said in the stream that it failed.
    Failed,
    /// The terminal event came.
    Done,
    /// The source ended before the terminal event, or broke.
    Broken,
}

// === impl AnswerStream ===

impl AnswerStream {
    /// Reads raw bytes of server-sent events from `source`.
    pub(crate) fn new(source: impl Stream<Item = Result<Bytes, StreamError>> + Send + 'static) -> Self {
        Self {
            source: Box::pin(source),
            splitter: Splitter::new(FRAME_BYTES_MAX),
            usage_frames: UsageFrames::Keep,
            usage: None,
            state: State::Waiting,
            held: BytesMut::new(),
        }
    }

    /// What to do with the event that carries usage and nothing else.
    pub(crate) fn set_usage_frames(&mut self, usage_frames: UsageFrames) {
        self.usage_frames = usage_frames;
    }

    /// What the upstream counted, once it said so.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether the terminal event came: from then on the answer is complete, whatever happens to the connection.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the upstream said in the stream that it failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Waits for the first event and keeps it, so that a fallback is still possible when it is an error.
    pub(crate) async fn wait_for_first_event(&mut self) -> Result<(), SendError> {
        while self.state == State::Waiting {
            let Some(frames) = self.next().await else {
                return Err(SendError::BadAnswer("the stream was empty"));
            };
            self.held.extend_from_slice(&frames?);
            if self.state == State::Waiting && self.held.len() > PREAMBLE_BYTES_MAX {
                return Err(SendError::TooLarge(PREAMBLE_BYTES_MAX));
            }
        }
        match self.state {
            State::Failed => Err(self.failed_at_once()),
            State::Waiting | State::Running | State::Done | State::Broken => Ok(()),
        }
    }

    /// An error event in place of an answer counts as an answer with status 502.
    fn failed_at_once(&mut self) -> SendError {
        let held = self.held.split().freeze();
        let body = data(&held).map(|data| Bytes::copy_from_slice(&data)).unwrap_or_default();
        SendError::Status(Box::new(UpstreamStatus {
            code: http::StatusCode::BAD_GATEWAY,
            headers: http::HeaderMap::new(),
            body: comity_vocab::Plain::new(body),
        }))
    }

    /// All whole frames that have arrived, without those to leave out.
    fn frames(&mut self) -> Result<BytesMut, StreamError> {
        let mut out = BytesMut::new();
        loop {
            match self.splitter.next_frame() {
                Ok(Some(frame)) => {
                    if self.look_at(&frame) {
                        // Frames that lie side by side are joined without a copy.
                        out.unsplit(frame);
                    }
                }
                Ok(None) => return Ok(out),
                Err(_) => return Err(StreamError::TooLarge(FRAME_BYTES_MAX)),
            }
        }
    }

    /// Reads usage, errors and the end off one frame; whether the caller gets it.
    fn look_at(&mut self, frame: &[u8]) -> bool {
        let Some(data) = data(frame) else { return true };
        if self.state == State::Waiting {
            self.state = State::Running;
        }
        if data.as_ref() == b"[DONE]" {
            self.state = State::Done;
            return true;
        }
        if !worth_parsing(&data) {
            return true;
        }
        let Some(read) = usage::read(&data) else { return true };
        self.usage = read.usage.or(self.usage);
        if read.error {
            self.state = State::Failed;
        }
        !(read.usage_only && self.usage_frames == UsageFrames::Strip)
    }

    /// The source ended: the rest, the end, or an error.
    fn end(&mut self) -> Option<Result<Bytes, StreamError>> {
        self.source = Box::pin(stream::empty());
        let rest = self.splitter.finish().filter(|frame| self.look_at(frame));
        match (self.state, rest) {
            (State::Done | State::Failed, Some(rest)) => Some(Ok(rest.freeze())),
            (State::Done | State::Failed | State::Broken, _) => None,
            (State::Waiting | State::Running, _) => {
                self.state = State::Broken;
                Some(Err(StreamError::Truncated))
            }
        }
    }

    /// The source broke: it is let go at once, which cancels the upstream call.
    fn broke(&mut self, error: StreamError) -> Option<Result<Bytes, StreamError>> {
        self.source = Box::pin(stream::empty());
        if self.state == State::Done {
            return None;
        }
        self.state = State::Broken;
        Some(Err(error))
    }
}

impl Stream for AnswerStream {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.state != State::Waiting && !this.held.is_empty() {
            return Poll::Ready(Some(Ok(this.held.split().freeze())));
        }
        loop {
            match ready!(this.source.as_mut().poll_next(context)) {
                None => return Poll::Ready(this.end()),
                Some(Err(error)) => return Poll::Ready(this.broke(error)),
                Some(Ok(bytes)) => this.splitter.push(&bytes),
            }
            match this.frames() {
                Err(error) => return Poll::Ready(this.broke(error)),
                Ok(frames) if frames.is_empty() => {}
                Ok(frames) => return Poll::Ready(Some(Ok(frames.freeze()))),
            }
        }
    }
}

/// Most events carry neither usage nor an error: a search is far cheaper than parsing.
fn worth_parsing(data: &[u8]) -> bool {
    let has_usage = memchr::memmem::find(data, b"\"usage\"").is_some() && memchr::memmem::find(data, b"\"usage\":null").is_none();
    has_usage || memchr::memmem::find(data, b"\"error\"").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    async fn check(chunks: &[&str], usage_frames: UsageFrames) -> (String, Option<StreamError>, AnswerStream) {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from((*chunk).to_owned()))).collect();
        let mut answer = AnswerStream::new(stream::iter(chunks));
        answer.set_usage_frames(usage_frames);
        let (mut text, mut error) = (String::new(), None);
        while let Some(item) = answer.next().await {
            match item {
                Ok(bytes) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
                Err(err) => error = Some(err),
            }
        }
        (text, error, answer)
    }

    #[tokio::test]
    async fn bytes_pass_unchanged_and_usage_is_read() {
        let whole = [CHUNK, USAGE, DONE].concat();
        let (text, error, answer) = check(&whole.split_inclusive("content").collect::<Vec<_>>(), UsageFrames::Keep).await;
        assert_eq!(text, whole);
        assert!(error.is_none() && answer.is_done());
        assert_eq!(answer.usage(), Some(Usage { input_tokens: 3, output_tokens: 2 }));
    }

    #[tokio::test]
    async fn a_usage_event_nobody_asked_for_is_left_out() {
        let (text, _, answer) = check(&[&[CHUNK, USAGE, DONE].concat()], UsageFrames::Strip).await;
        assert_eq!(text, [CHUNK, DONE].concat());
        assert!(answer.usage().is_some());
    }

    #[tokio::test]
    async fn an_end_without_done_is_truncated() {
        let (text, error, answer) = check(&[CHUNK, "data: {\"half"], UsageFrames::Keep).await;
        assert_eq!((text.as_str(), error, answer.is_done()), (CHUNK, Some(StreamError::Truncated), false));
    }

    #[tokio::test]
    async fn what_breaks_after_done_does_not_matter() {
        let source = stream::iter([Ok(Bytes::from(DONE)), Err(StreamError::Reset("late".to_owned()))]);
        let items: Vec<_> = AnswerStream::new(source).collect().await;
        assert_eq!(items, [Ok(Bytes::from(DONE))]);
    }

    #[tokio::test]
    async fn an_error_in_place_of_the_first_event_is_no_answer() {
        let source = stream::iter([Ok(Bytes::from(": wait\n\n")), Ok(Bytes::from("data: {\"error\":{\"message\":\"overloaded\"}}\n\n"))]);
        let mut answer = AnswerStream::new(source);
        let error = answer.wait_for_first_event().await.unwrap_err();
        assert!(error.may_fall_back());
        let SendError::Status(status) = error else { panic!("{error}") };
        assert_eq!(status.body.expose().as_ref(), b"{\"error\":{\"message\":\"overloaded\"}}");
    }

    #[tokio::test]
    async fn what_was_held_back_is_given_out_first() {
        let source = stream::iter([Ok(Bytes::from(": wait\n\n")), Ok(Bytes::from(CHUNK)), Ok(Bytes::from(DONE))]);
        let mut answer = AnswerStream::new(source);
        answer.wait_for_first_event().await.unwrap();
        let items: Vec<_> = answer.map(|item| String::from_utf8(item.unwrap().to_vec()).unwrap()).collect().await;
        assert_eq!(items.concat(), [": wait\n\n", CHUNK, DONE].concat());
    }
}

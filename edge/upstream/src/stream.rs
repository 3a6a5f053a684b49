//! An answer as events: read off whole frames, and given out byte for byte, or in the caller's dialect where that is another.
//!
//! In its own dialect the only change ever made is to leave out a usage event that the caller did not ask for. A stream that ends without
//! its terminal event is an error, never a short success.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use comity_dialect::{Frame, StreamTranslator, Usage, Wire};
use futures_util::{Stream, StreamExt, stream};

use crate::error::{SendError, StreamError, UpstreamStatus};
use crate::eventstream::{BadFrame, Decoder};
use crate::limits::{FRAME_BYTES_MAX, PREAMBLE_BYTES_MAX};
use crate::prepared::{Translation, UsageFrames};
use crate::sse::{Splitter, data, event_name};
use crate::transcript::Transcript;
use crate::watch::{self, Kept};

type Source = Pin<Box<dyn Stream<Item = Result<Bytes, StreamError>> + Send>>;

/// The events of an answer. Dropping it cancels the upstream call.
pub struct AnswerStream {
    source: Source,
    flow: Flow,
    usage: Option<Usage>,
    transcript: Transcript,
    kept: Vec<Kept>,
    state: State,
    /// Read while waiting for the first event, not yet given out.
    held: BytesMut,
    /// Damage that was read behind frames which are given out first.
    damage: Option<StreamError>,
}

/// How frames become what the caller gets.
enum Flow {
    /// As they are.
    Same { wire: Wire, splitter: Splitter, usage_frames: UsageFrames },
    /// Said in another dialect.
    Translated { frames: Frames, translator: Box<StreamTranslator> },
}

enum Frames {
    Sse(Splitter),
    Aws(Decoder),
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
    /// Reads raw bytes of server-sent events from `source`, which stay in their dialect.
    pub(crate) fn same(
        source: impl Stream<Item = Result<Bytes, StreamError>> + Send + 'static,
        wire: Wire,
        usage_frames: UsageFrames,
    ) -> Self {
        Self::new(Box::pin(source), Flow::Same { wire, splitter: Splitter::new(FRAME_BYTES_MAX), usage_frames })
    }

    /// Reads raw bytes of a stream in the format `wire` and says it in the caller's dialect; nothing where that has no streams.
    pub(crate) fn translated(
        source: impl Stream<Item = Result<Bytes, StreamError>> + Send + 'static,
        wire: Wire,
        translation: &Translation,
    ) -> Option<Self> {
        let translator = Box::new(StreamTranslator::new((wire, translation.api), &translation.stamp)?);
        let frames = match wire {
            Wire::Bedrock => Frames::Aws(Decoder::new(FRAME_BYTES_MAX)),
            Wire::Chat | Wire::Responses | Wire::Messages | Wire::CountTokens | Wire::Embeddings | Wire::Gemini => {
                Frames::Sse(Splitter::new(FRAME_BYTES_MAX))
            }
        };
        Some(Self::new(Box::pin(source), Flow::Translated { frames, translator }))
    }

    fn new(source: Source, flow: Flow) -> Self {
        Self {
            source,
            flow,
            usage: None,
            transcript: Transcript::default(),
            kept: Vec::new(),
            state: State::Waiting,
            held: BytesMut::new(),
            damage: None,
        }
    }

    /// What the upstream counted, once it said so.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        watch::counted(self.usage)
    }

    /// What the answer said so far, for an estimate where the upstream counts nothing.
    pub fn take_transcript(&mut self) -> Transcript {
        std::mem::take(&mut self.transcript)
    }

    /// What the upstream keeps, as far as seen since the last time somebody asked.
    pub fn take_kept(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.kept)
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
            translated: false,
            problem: None,
        }))
    }

    /// Takes what arrived and gives out what the caller gets of it; may be nothing.
    fn advance(&mut self, bytes: &[u8]) -> Result<BytesMut, StreamError> {
        let Self { flow, usage, kept, state, damage, .. } = self;
        match flow {
            Flow::Same { wire, splitter, usage_frames } => {
                splitter.push(bytes);
                let mut look = Look { wire: *wire, usage_frames: *usage_frames, usage, kept, state };
                frames(splitter, &mut look)
            }
            Flow::Translated { frames, translator } => {
                let mut out = Vec::new();
                let read = frames.translate(bytes, translator, &mut out);
                settle(translator, (usage, kept, state), !out.is_empty());
                match read {
                    Err(now) if out.is_empty() => return Err(now),
                    Err(later) => *damage = Some(later),
                    Ok(()) => {}
                }
                Ok(BytesMut::from(out.as_slice()))
            }
        }
    }

    /// The source ended: the rest, the end, or an error.
    fn end(&mut self) -> Option<Result<Bytes, StreamError>> {
        self.source = Box::pin(stream::empty());
        let Self { flow, usage, kept, state, .. } = self;
        let rest = match flow {
            Flow::Same { wire, splitter, usage_frames } => {
                let mut look = Look { wire: *wire, usage_frames: *usage_frames, usage, kept, state };
                splitter.finish().filter(|frame| look.at(frame))
            }
            Flow::Translated { translator, .. } => {
                let mut out = Vec::new();
                translator.finish(&mut out);
                settle(translator, (usage, kept, state), !out.is_empty());
                (!out.is_empty()).then(|| BytesMut::from(out.as_slice()))
            }
        };
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
        if let Some(damage) = this.damage.take() {
            return Poll::Ready(this.broke(damage));
        }
        loop {
            let advanced = match ready!(this.source.as_mut().poll_next(context)) {
                None => return Poll::Ready(this.end()),
                Some(Err(error)) => return Poll::Ready(this.broke(error)),
                Some(Ok(bytes)) => this.advance(&bytes),
            };
            match advanced {
                Err(error) => return Poll::Ready(this.broke(error)),
                Ok(frames) if frames.is_empty() => {}
                Ok(frames) => {
                    this.transcript.push(&frames);
                    return Poll::Ready(Some(Ok(frames.freeze())));
                }
            }
        }
    }
}

/// All whole frames that have arrived, without those to leave out.
fn frames(splitter: &mut Splitter, look: &mut Look<'_>) -> Result<BytesMut, StreamError> {
    let mut out = BytesMut::new();
    loop {
        match splitter.next_frame() {
            Ok(Some(frame)) if std::str::from_utf8(&frame).is_err() => return Err(StreamError::BadAnswer("the stream is not UTF-8")),
            Ok(Some(frame)) => {
                if look.at(&frame) {
                    // Frames that lie side by side are joined without a copy.
                    out.unsplit(frame);
                }
            }
            Ok(None) => return Ok(out),
            Err(_) => return Err(StreamError::TooLarge(FRAME_BYTES_MAX)),
        }
    }
}

/// Takes over what a translator has seen.
fn settle(translator: &mut StreamTranslator, (usage, kept, state): (&mut Option<Usage>, &mut Vec<Kept>, &mut State), wrote: bool) {
    *usage = translator.usage().or(*usage);
    kept.extend(translator.take_sealed().into_iter().map(Kept::Sealed));
    if *state == State::Waiting && wrote {
        *state = State::Running;
    }
    if translator.has_failed() {
        *state = State::Failed;
    } else if translator.is_done() {
        *state = State::Done;
    }
}

/// Reads usage, errors and the end off frames that pass untouched.
struct Look<'a> {
    wire: Wire,
    usage_frames: UsageFrames,
    usage: &'a mut Option<Usage>,
    kept: &'a mut Vec<Kept>,
    state: &'a mut State,
}

impl Look<'_> {
    /// Looks at one frame; whether the caller gets it.
    fn at(&mut self, frame: &[u8]) -> bool {
        let Some(data) = data(frame) else { return true };
        if *self.state == State::Waiting {
            *self.state = State::Running;
        }
        let Some(seen) = watch::event(self.wire, &data) else { return true };
        if let Some(usage) = seen.usage {
            *self.usage = Some(self.usage.unwrap_or_default().updated_by(usage));
        }
        self.kept.extend(seen.kept);
        // Some servers end a failed stream like any other.
        if seen.done && *self.state != State::Failed {
            *self.state = State::Done;
        }
        if seen.error {
            *self.state = State::Failed;
        }
        !(seen.usage_only && self.usage_frames == UsageFrames::Strip)
    }
}

// === impl Frames ===

impl Frames {
    fn translate(&mut self, bytes: &[u8], translator: &mut StreamTranslator, out: &mut Vec<u8>) -> Result<(), StreamError> {
        let bad = |error: comity_dialect::BadAnswer| StreamError::BadAnswer(error.0);
        match self {
            Self::Sse(splitter) => {
                splitter.push(bytes);
                while let Some(frame) = splitter.next_frame().map_err(|_| StreamError::TooLarge(FRAME_BYTES_MAX))? {
                    let Some(data) = data(&frame) else { continue };
                    translator.frame(Frame { event: event_name(&frame), data: &data }, out).map_err(bad)?;
                }
            }
            Self::Aws(decoder) => {
                decoder.push(bytes);
                while let Some(event) = decoder.next_event().map_err(StreamError::from)? {
                    translator.frame(Frame { event: Some(&event.kind), data: &event.payload }, out).map_err(bad)?;
                }
            }
        }
        Ok(())
    }
}

impl From<BadFrame> for StreamError {
    fn from(bad: BadFrame) -> Self {
        match bad {
            BadFrame::TooLarge => Self::TooLarge(FRAME_BYTES_MAX),
            BadFrame::Damaged => Self::BadAnswer("a frame of the stream is damaged"),
            BadFrame::Failed => Self::BadAnswer("the upstream says that its stream failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    fn chat(source: impl Stream<Item = Result<Bytes, StreamError>> + Send + 'static) -> AnswerStream {
        AnswerStream::same(source, Wire::Chat, UsageFrames::Keep)
    }

    async fn check(chunks: &[&str], (wire, usage_frames): (Wire, UsageFrames)) -> (String, Option<StreamError>, AnswerStream) {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from((*chunk).to_owned()))).collect();
        let mut answer = AnswerStream::same(stream::iter(chunks), wire, usage_frames);
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
        let (text, error, answer) = check(&whole.split_inclusive("content").collect::<Vec<_>>(), (Wire::Chat, UsageFrames::Keep)).await;
        assert_eq!(text, whole);
        assert!(error.is_none() && answer.is_done());
        assert_eq!(answer.usage(), Some(Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() }));
    }

    #[tokio::test]
    async fn messages_pass_with_pings_and_comments() {
        let whole = concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n",
            ": a comment\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":7}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        );
        let (text, error, mut answer) = check(&whole.split_inclusive('_').collect::<Vec<_>>(), (Wire::Messages, UsageFrames::Keep)).await;
        assert_eq!(text, whole);
        assert!(error.is_none() && answer.is_done());
        assert_eq!(answer.usage(), Some(Usage { input_tokens: 9, output_tokens: 7, ..Usage::default() }));
        assert_eq!(answer.take_kept(), [Kept::Sealed("c2ln".to_owned())]);
    }

    #[tokio::test]
    async fn a_usage_event_nobody_asked_for_is_left_out() {
        let (text, _, answer) = check(&[&[CHUNK, USAGE, DONE].concat()], (Wire::Chat, UsageFrames::Strip)).await;
        assert_eq!(text, [CHUNK, DONE].concat());
        assert!(answer.usage().is_some());
    }

    #[tokio::test]
    async fn an_end_without_its_terminal_event_is_truncated() {
        let (text, error, answer) = check(&[CHUNK, "data: {\"half"], (Wire::Chat, UsageFrames::Keep)).await;
        assert_eq!((text.as_str(), error, answer.is_done()), (CHUNK, Some(StreamError::Truncated), false));
        let start = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n";
        let (text, error, mut answer) = check(&[start], (Wire::Responses, UsageFrames::Keep)).await;
        assert_eq!((text.as_str(), error), (start, Some(StreamError::Truncated)));
        assert_eq!(answer.take_kept(), [Kept::Response("resp_1".to_owned())]);
    }

    #[tokio::test]
    async fn what_breaks_after_done_does_not_matter() {
        let source = stream::iter([Ok(Bytes::from(DONE)), Err(StreamError::Reset("late".to_owned()))]);
        let items: Vec<_> = chat(source).collect().await;
        assert_eq!(items, [Ok(Bytes::from(DONE))]);
    }

    #[tokio::test]
    async fn an_error_in_place_of_the_first_event_is_no_answer() {
        let source = stream::iter([Ok(Bytes::from(": wait\n\n")), Ok(Bytes::from("data: {\"error\":{\"message\":\"overloaded\"}}\n\n"))]);
        let mut answer = chat(source);
        let error = answer.wait_for_first_event().await.unwrap_err();
        assert!(error.may_fall_back());
        let SendError::Status(status) = error else { panic!("{error}") };
        assert_eq!(status.body.expose().as_ref(), b"{\"error\":{\"message\":\"overloaded\"}}");
    }

    #[tokio::test]
    async fn a_failed_stream_is_never_done() {
        let failed = "data: {\"error\":{\"message\":\"gone\"}}\n\n";
        let (text, error, answer) = check(&[&[CHUNK, failed, DONE].concat()], (Wire::Chat, UsageFrames::Keep)).await;
        assert_eq!((text, error), ([CHUNK, failed, DONE].concat(), None));
        assert!(answer.has_failed() && !answer.is_done());
        let mut at_once = chat(stream::iter([Ok(Bytes::from([failed, DONE].concat()))]));
        assert!(at_once.wait_for_first_event().await.unwrap_err().may_fall_back());
    }

    #[tokio::test]
    async fn what_was_held_back_is_given_out_first() {
        let source = stream::iter([Ok(Bytes::from(": wait\n\n")), Ok(Bytes::from(CHUNK)), Ok(Bytes::from(DONE))]);
        let mut answer = chat(source);
        answer.wait_for_first_event().await.unwrap();
        let items: Vec<_> = answer.map(|item| String::from_utf8(item.unwrap().to_vec()).unwrap()).collect().await;
        assert_eq!(items.concat(), [": wait\n\n", CHUNK, DONE].concat());
    }
}

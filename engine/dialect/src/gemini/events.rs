//! Reads a stream. Every frame is a whole [`Chunk`]; there is no last one, so the end is said when the source ends.
//!
//! A stream that ends without a reason to finish was cut: then nothing is said, and the answer stays open.

use super::chunk::{Chunk, Ending, Piece};
use super::problem::problem;
use crate::error::BadAnswer;
use crate::event::{Delta, Event, PartStart};
use crate::limits;
use crate::reply::{Stamp, Stop, call_id};
use crate::usage::Usage;
use crate::wire::Frame;

/// Turns frames into events.
pub struct EventReader {
    stamp: Stamp,
    started: bool,
    /// The part that is open, and whether it is a thought.
    open: Option<Open>,
    parts: usize,
    calls: usize,
    stop: Option<Stop>,
    usage: Usage,
    done: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thought,
}

// === impl EventReader ===

impl EventReader {
    /// A reader of one stream.
    #[must_use]
    pub fn new(stamp: &Stamp) -> Self {
        Self { stamp: stamp.clone(), started: false, open: None, parts: 0, calls: 0, stop: None, usage: Usage::default(), done: false }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// It is not Gemini's, or holds what no other dialect could show.
    pub fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        if self.done || frame.data.trim_ascii().is_empty() {
            return Ok(());
        }
        let mut chunk = Chunk::parse(frame.data)?;
        if let Some(error) = &chunk.error {
            let found = problem(error).ok_or(BadAnswer("an error of the stream has no message"))?;
            self.fail(found.kind, found.message, out);
            return Ok(());
        }
        self.start(&mut chunk, out);
        for piece in chunk.pieces()? {
            self.piece(piece, out);
        }
        if let Some(reason) = chunk.blocked() {
            self.refuse(reason, out);
        }
        if let Some(usage) = chunk.usage() {
            self.count(usage, out);
        }
        match chunk.ending() {
            Some(Ending::Stop(stop)) => {
                self.close(out);
                self.stop = Some(stop);
            }
            Some(Ending::Failed { kind, message }) => self.fail(kind, message, out),
            None => {}
        }
        limits::parts(self.parts)
    }

    /// Whether the end or an error was said.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The source ended: so did the answer, if it gave a reason.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if let Some(stop) = self.stop.take() {
            self.close(out);
            out.push(Event::End { stop: stop.or_tool_calls(self.calls > 0) });
            self.done = true;
        }
    }

    fn start(&mut self, chunk: &mut Chunk, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let id = chunk.response_id.take().unwrap_or_default();
            out.push(Event::Start { id, model: chunk.model_version.take().unwrap_or_default() });
        }
    }

    fn piece(&mut self, piece: Piece, out: &mut Vec<Event>) {
        match piece {
            Piece::Text { thought: false, text, .. } if text.is_empty() => {}
            Piece::Text { thought: false, text, .. } => {
                let index = self.opened(Open::Text, out);
                out.push(Event::Delta { index, delta: Delta::Text(text) });
            }
            Piece::Text { thought: true, text, signature } => self.thought(text, signature, out),
            Piece::Call { id, name, arguments, signature } => {
                let id = id.unwrap_or_else(|| call_id(&self.stamp.seed, self.calls));
                self.calls = self.calls.saturating_add(1);
                let deltas = [Some(Delta::Arguments(arguments)), signature.map(Delta::Signature)];
                self.whole(PartStart::ToolCall { id, name }, deltas.into_iter().flatten(), out);
            }
        }
    }

    fn thought(&mut self, text: String, signature: Option<String>, out: &mut Vec<Event>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        let index = self.opened(Open::Thought, out);
        if !text.is_empty() {
            out.push(Event::Delta { index, delta: Delta::Text(text) });
        }
        if let Some(signature) = signature {
            out.push(Event::Delta { index, delta: Delta::Signature(signature) });
            self.close(out);
        }
    }

    fn refuse(&mut self, reason: String, out: &mut Vec<Event>) {
        self.whole(PartStart::Refusal, [Delta::Text(reason)].into_iter(), out);
        self.stop = Some(Stop::Refused);
    }

    fn count(&mut self, counted: Usage, out: &mut Vec<Event>) {
        let usage = self.usage.updated_by(counted);
        if usage != self.usage {
            self.usage = usage;
            out.push(Event::Usage(usage));
        }
    }

    fn fail(&mut self, kind: String, message: String, out: &mut Vec<Event>) {
        self.done = true;
        out.push(Event::Error { kind, message });
    }

    /// A part that comes at once.
    fn whole(&mut self, part: PartStart, deltas: impl Iterator<Item = Delta>, out: &mut Vec<Event>) {
        self.close(out);
        let index = self.parts;
        self.parts = index.saturating_add(1);
        out.push(Event::PartStart { index, part });
        out.extend(deltas.map(|delta| Event::Delta { index, delta }));
        out.push(Event::PartStop { index });
    }

    /// The number of the part that is open, which is a new one if another kind was open.
    fn opened(&mut self, kind: Open, out: &mut Vec<Event>) -> usize {
        if self.open == Some(kind) {
            return self.parts.saturating_sub(1);
        }
        self.close(out);
        let index = self.parts;
        self.parts = index.saturating_add(1);
        self.open = Some(kind);
        let part = match kind {
            Open::Text => PartStart::Text,
            Open::Thought => PartStart::Thinking,
        };
        out.push(Event::PartStart { index, part });
        index
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if self.open.take().is_some() {
            out.push(Event::PartStop { index: self.parts.saturating_sub(1) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was said, a line an event, and whether the reader is done.
    fn said(frames: &[&str], ended: bool) -> (String, bool) {
        let stamp = Stamp { created: 0, seed: "s".into(), model: "m".into(), wants_usage: false };
        let (mut reader, mut out) = (EventReader::new(&stamp), Vec::new());
        for data in frames {
            reader.read(Frame { event: None, data: data.as_bytes() }, &mut out).unwrap();
        }
        if ended {
            reader.finish(&mut out);
        }
        let lines: Vec<String> = out.iter().map(|event| format!("{event:?}")).collect();
        (lines.join("\n"), reader.is_done())
    }

    #[track_caller]
    fn check(frames: &[&str], expected: &[&str], done: bool) {
        assert_eq!(said(frames, true), (expected.join("\n"), done));
    }

    const STOP: &str = r#"{"candidates":[{"finishReason":"STOP"}]}"#;

    #[test]
    fn the_end_is_said_when_the_source_ends() {
        let frames = [r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"responseId":"r"}"#, STOP];
        let (before, done) = said(&frames, false);
        assert!(!before.contains("End") && !done);
        let (after, done) = said(&frames, true);
        assert!(after.ends_with("PartStop { index: 0 }\nEnd { stop: End }") && done, "{after}");
    }

    #[test]
    fn a_stream_that_was_cut_has_no_end() {
        check(
            &[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#],
            &[r#"Start { id: "", model: "" }"#, "PartStart { index: 0, part: Text }", r#"Delta { index: 0, delta: Text("a") }"#],
            false,
        );
        check(&[], &[], false);
    }

    #[test]
    fn parts_never_interleave() {
        check(
            &[
                r#"{"candidates":[{"content":{"parts":[{"text":"t","thought":true}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"","thought":true,"thoughtSignature":"c2ln"},{"text":"a"}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"Y2Fs"},{"text":"b"}]}}]}"#,
                STOP,
            ],
            &[
                r#"Start { id: "", model: "" }"#,
                "PartStart { index: 0, part: Thinking }",
                r#"Delta { index: 0, delta: Text("t") }"#,
                r#"Delta { index: 0, delta: Signature("c2ln") }"#,
                "PartStop { index: 0 }",
                "PartStart { index: 1, part: Text }",
                r#"Delta { index: 1, delta: Text("a") }"#,
                "PartStop { index: 1 }",
                r#"PartStart { index: 2, part: ToolCall { id: "call_s_0", name: "f" } }"#,
                r#"Delta { index: 2, delta: Arguments("{\"x\":1}") }"#,
                r#"Delta { index: 2, delta: Signature("Y2Fs") }"#,
                "PartStop { index: 2 }",
                "PartStart { index: 3, part: Text }",
                r#"Delta { index: 3, delta: Text("b") }"#,
                "PartStop { index: 3 }",
                "End { stop: ToolCalls }",
            ],
            true,
        );
    }

    #[test]
    fn errors_end_a_stream() {
        check(
            &[r#"{"error":{"code":503,"message":"later","status":"UNAVAILABLE"}}"#, STOP],
            &[r#"Error { kind: "UNAVAILABLE", message: "later" }"#],
            true,
        );
        check(
            &[r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"bad"}]}"#],
            &[r#"Start { id: "", model: "" }"#, r#"Error { kind: "MALFORMED_FUNCTION_CALL", message: "bad" }"#],
            true,
        );
    }

    #[test]
    fn a_blocked_prompt_is_a_refusal() {
        check(
            &[r#"{"promptFeedback":{"blockReason":"SPII"}}"#],
            &[
                r#"Start { id: "", model: "" }"#,
                "PartStart { index: 0, part: Refusal }",
                r#"Delta { index: 0, delta: Text("The operator blocked the prompt: SPII.") }"#,
                "PartStop { index: 0 }",
                "End { stop: Refused }",
            ],
            true,
        );
    }

    #[test]
    fn usage_is_said_when_it_changes() {
        let counted = |n: u64| format!(r#"{{"usageMetadata":{{"promptTokenCount":4,"candidatesTokenCount":{n}}}}}"#);
        let (text, _) = said(&[&counted(1), &counted(1), &counted(2)], false);
        assert_eq!(text.matches("Usage(").count(), 2, "{text}");
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let call = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#;
        let mut reader = EventReader::new(&Stamp { created: 0, seed: "s".into(), model: "m".into(), wants_usage: false });
        let mut read = || reader.read(Frame { event: None, data: call.as_bytes() }, &mut Vec::new());
        assert!((0..limits::PARTS_MAX).all(|_| read().is_ok()));
        assert!(read().is_err());
    }

    #[test]
    fn nothing_panics() {
        let stamp = Stamp { created: 0, seed: String::new(), model: String::new(), wants_usage: false };
        for data in ["", "x", "[]", "null", "1", r#"{"candidates":[{"content":{"parts":[1]}}]}"#, r#"{"error":1}"#] {
            let mut reader = EventReader::new(&stamp);
            let _ = reader.read(Frame { event: Some("any"), data: data.as_bytes() }, &mut Vec::new());
            reader.finish(&mut Vec::new());
        }
    }
}

//! Reads a stream. A frame's name is in its header: an event of `ConverseStream`, or an exception.
//!
//! Blocks of text and thoughts begin without a word, only calls of functions announce themselves. `messageStop` says why the model stopped,
//! `metadata` follows with the counts and is the last.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::answer::{Ending, TokenUsage, ending};
use super::problem::read_problem;
use super::reply::is_server_call;
use crate::error::BadAnswer;
use crate::event::{Delta, Event, PartStart};
use crate::limits;
use crate::reply::{Stamp, Stop};
use crate::wire::Frame;

const OTHER: &str = "the answer holds something other than text, thoughts and calls of functions";

/// Turns frames into events.
#[derive(Default)]
pub struct EventReader {
    started: bool,
    open: Option<Open>,
    redacted: Option<Redacted>,
    parts: usize,
    called: bool,
    stop: Option<Stop>,
    done: bool,
}

/// The part that is open.
struct Open {
    /// Bedrock's number.
    block: u64,
    /// Ours.
    index: usize,
    part: PartStart,
    /// Kept until the part ends, so that it is said whole.
    signature: String,
    /// Whether anything of a call's arguments was said.
    has_arguments: bool,
}

/// Redacted thoughts, which are said whole, but come in pieces.
struct Redacted {
    block: u64,
    data: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart {
    start: Map<String, Value>,
    content_block_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta {
    delta: Map<String, Value>,
    content_block_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    content_block_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop {
    stop_reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    usage: Option<TokenUsage>,
}

// === impl EventReader ===

impl EventReader {
    /// A reader of one stream.
    #[must_use]
    pub fn new(_stamp: &Stamp) -> Self {
        Self::default()
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// It is not Bedrock's, or holds what no other dialect could show.
    pub fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        if self.done {
            return Ok(());
        }
        let name = frame.event.ok_or(BadAnswer("a frame of the stream has no name"))?;
        if name.to_ascii_lowercase().ends_with("exception") {
            let message = read_problem(frame.data).map(|found| found.message).unwrap_or_default();
            self.fail(name, message, out);
            return Ok(());
        }
        match name {
            "messageStart" => self.start(out),
            "contentBlockStart" => self.block_start(parse(frame.data)?, out)?,
            "contentBlockDelta" => self.block_delta(parse(frame.data)?, out)?,
            "contentBlockStop" => self.block_stop(&parse(frame.data)?, out),
            "messageStop" => self.message_stop(&parse(frame.data)?, out),
            "metadata" => self.metadata(&parse(frame.data)?, out),
            _ => {}
        }
        limits::parts(self.parts)
    }

    /// Whether the end or an error was said.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The source ended: so did the answer, if the model said why it stopped.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if let Some(stop) = self.stop.take() {
            out.push(Event::End { stop: stop.or_tool_calls(self.called) });
            self.done = true;
        }
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start { id: String::new(), model: String::new() });
        }
    }

    fn block_start(&mut self, frame: BlockStart, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let Some(call) = frame.start.get("toolUse") else {
            return if frame.start.is_empty() { Ok(()) } else { Err(BadAnswer(OTHER)) };
        };
        let text = |name| call.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(id), Some(name)) = (text("toolUseId"), text("name")) else {
            return Err(BadAnswer("a call of a function has no id or no name"));
        };
        if is_server_call(call) {
            return Err(BadAnswer("the model called a function of the operator, for which nobody asked"));
        }
        self.called = true;
        self.open(frame.content_block_index, PartStart::ToolCall { id, name }, out);
        Ok(())
    }

    fn block_delta(&mut self, frame: BlockDelta, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let BlockDelta { delta, content_block_index: block } = frame;
        for (name, value) in delta {
            match (name.as_str(), value) {
                ("text", Value::String(text)) if text.is_empty() => {}
                ("text", Value::String(text)) => {
                    let index = self.opened(block, PartStart::Text, out);
                    out.push(Event::Delta { index, delta: Delta::Text(text) });
                }
                ("toolUse", call) => self.arguments(block, &call, out)?,
                ("reasoningContent", Value::Object(reasoning)) => self.thought(block, reasoning, out)?,
                // Where a text comes from: nobody could ask for it.
                ("citation", _) => {}
                _ => return Err(BadAnswer(OTHER)),
            }
        }
        Ok(())
    }

    fn arguments(&mut self, block: u64, call: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let open = self.open.as_mut().filter(|open| open.block == block && open.is_call());
        let open = open.ok_or(BadAnswer("arguments came for a call that is not open"))?;
        let input = call.get("input").and_then(Value::as_str).ok_or(BadAnswer("the arguments of a function are not text"))?;
        if !input.is_empty() {
            open.has_arguments = true;
            out.push(Event::Delta { index: open.index, delta: Delta::Arguments(input.to_owned()) });
        }
        Ok(())
    }

    fn thought(&mut self, block: u64, reasoning: Map<String, Value>, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        for (name, value) in reasoning {
            match (name.as_str(), value) {
                ("text", Value::String(text)) if text.is_empty() => {}
                ("text", Value::String(text)) => {
                    let index = self.opened(block, PartStart::Thinking, out);
                    out.push(Event::Delta { index, delta: Delta::Text(text) });
                }
                ("signature", Value::String(signature)) => {
                    self.opened(block, PartStart::Thinking, out);
                    if let Some(open) = &mut self.open {
                        open.signature.push_str(&signature);
                    }
                }
                ("redactedContent", Value::String(data)) => self.redacted(block, &data, out)?,
                _ => return Err(BadAnswer("a thought is neither text nor redacted")),
            }
        }
        Ok(())
    }

    /// Pieces of base64 may each be padded, so only their bytes can be joined.
    fn redacted(&mut self, block: u64, data: &str, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let mut bytes = STANDARD.decode(data).map_err(|_| BadAnswer("redacted thoughts are not base64"))?;
        match &mut self.redacted {
            Some(before) if before.block == block => before.data.append(&mut bytes),
            Some(_) | None => {
                self.close(out);
                self.redacted = Some(Redacted { block, data: bytes });
            }
        }
        Ok(())
    }

    fn block_stop(&mut self, frame: &BlockStop, out: &mut Vec<Event>) {
        let open = self.open.as_ref().map(|open| open.block).or(self.redacted.as_ref().map(|redacted| redacted.block));
        if open == Some(frame.content_block_index) {
            self.close(out);
        }
    }

    fn message_stop(&mut self, frame: &MessageStop, out: &mut Vec<Event>) {
        self.start(out);
        self.close(out);
        match ending(&frame.stop_reason) {
            Ending::Stop(stop) => self.stop = Some(stop),
            Ending::Malformed => self.fail(&frame.stop_reason, "what the model wrote is not well-formed".to_owned(), out),
        }
    }

    fn metadata(&mut self, frame: &Metadata, out: &mut Vec<Event>) {
        self.start(out);
        out.extend(frame.usage.as_ref().map(|counted| Event::Usage(counted.usage())));
        self.finish(out);
    }

    fn fail(&mut self, kind: &str, message: String, out: &mut Vec<Event>) {
        self.done = true;
        out.push(Event::Error { kind: kind.to_owned(), message });
    }

    /// The number of the part that is open, which is a new one if another block or another kind was open.
    fn opened(&mut self, block: u64, part: PartStart, out: &mut Vec<Event>) -> usize {
        match &self.open {
            Some(open) if open.block == block && open.part == part => open.index,
            Some(_) | None => self.open(block, part, out),
        }
    }

    fn open(&mut self, block: u64, part: PartStart, out: &mut Vec<Event>) -> usize {
        self.close(out);
        let index = self.begin(part.clone(), out);
        self.open = Some(Open { block, index, part, signature: String::new(), has_arguments: false });
        index
    }

    fn begin(&mut self, part: PartStart, out: &mut Vec<Event>) -> usize {
        self.start(out);
        let index = self.parts;
        self.parts = index.saturating_add(1);
        out.push(Event::PartStart { index, part });
        index
    }

    /// Closes what is open: a part, or redacted thoughts, which are said only now. Never both are there.
    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some(redacted) = self.redacted.take() {
            let index = self.begin(PartStart::RedactedThinking(STANDARD.encode(redacted.data)), out);
            out.push(Event::PartStop { index });
        }
        let Some(open) = self.open.take() else { return };
        let index = open.index;
        if open.is_call() && !open.has_arguments {
            out.push(Event::Delta { index, delta: Delta::Arguments("{}".to_owned()) });
        }
        if !open.signature.is_empty() {
            out.push(Event::Delta { index, delta: Delta::Signature(open.signature) });
        }
        out.push(Event::PartStop { index });
    }
}

// === impl Open ===

impl Open {
    const fn is_call(&self) -> bool {
        matches!(self.part, PartStart::ToolCall { .. })
    }
}

fn parse<T: DeserializeOwned>(data: &[u8]) -> Result<T, BadAnswer> {
    serde_json::from_slice(data).map_err(|_| BadAnswer("a frame of the stream is not in the form of Bedrock's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> EventReader {
        EventReader::new(&Stamp { created: 0, seed: "s".into(), model: "m".into(), wants_usage: false })
    }

    #[track_caller]
    fn check(frames: &[(&str, &str)], expected: &[&str], done: bool) {
        let (mut reader, mut out) = (reader(), Vec::new());
        for (event, data) in frames {
            reader.read(Frame { event: Some(event), data: data.as_bytes() }, &mut out).unwrap();
        }
        let lines: Vec<String> = out.iter().map(|event| format!("{event:?}")).collect();
        assert_eq!((lines.join("\n"), reader.is_done()), (expected.join("\n"), done));
    }

    const START: (&str, &str) = ("messageStart", r#"{"role":"assistant","p":"abcdef"}"#);
    const SAID_START: &str = r#"Start { id: "", model: "" }"#;

    #[test]
    fn a_call_after_a_text() {
        check(
            &[
                START,
                ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"b"},"p":"x"}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
                ("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"1","name":"f"}}}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"x\""}}}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":":1}"}}}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
                ("contentBlockStart", r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"2","name":"g"}}}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
                ("messageStop", r#"{"stopReason":"tool_use"}"#),
                ("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":9}}"#),
                ("messageStart", "ignored after the end"),
            ],
            &[
                SAID_START,
                "PartStart { index: 0, part: Text }",
                r#"Delta { index: 0, delta: Text("a") }"#,
                r#"Delta { index: 0, delta: Text("b") }"#,
                "PartStop { index: 0 }",
                r#"PartStart { index: 1, part: ToolCall { id: "1", name: "f" } }"#,
                r#"Delta { index: 1, delta: Arguments("{\"x\"") }"#,
                r#"Delta { index: 1, delta: Arguments(":1}") }"#,
                "PartStop { index: 1 }",
                r#"PartStart { index: 2, part: ToolCall { id: "2", name: "g" } }"#,
                r#"Delta { index: 2, delta: Arguments("{}") }"#,
                "PartStop { index: 2 }",
                "Usage(Usage { input_tokens: 3, cache_read_tokens: 0, cache_write_tokens: 0, cache_write_hour_tokens: 0, output_tokens: 4, reasoning_tokens: 0 })",
                "End { stop: ToolCalls }",
            ],
            true,
        );
    }

    #[test]
    fn thoughts_are_signed_at_their_end() {
        check(
            &[
                START,
                ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s1"}}}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s2"}}}"#),
                ("contentBlockDelta", r#"{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"AA=="}}}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
                ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
            ],
            &[
                SAID_START,
                "PartStart { index: 0, part: Thinking }",
                r#"Delta { index: 0, delta: Text("hm") }"#,
                r#"Delta { index: 0, delta: Signature("s1s2") }"#,
                "PartStop { index: 0 }",
                r#"PartStart { index: 1, part: RedactedThinking("AA==") }"#,
                "PartStop { index: 1 }",
            ],
            false,
        );
    }

    #[test]
    fn redacted_thoughts_come_in_pieces() {
        let redacted = |block: u64, data: &str| {
            format!(r#"{{"contentBlockIndex":{block},"delta":{{"reasoningContent":{{"redactedContent":"{data}"}}}}}}"#)
        };
        // "a", "bc" and "d", each padded; then another block, which nothing closes but the end.
        let frames = [redacted(0, "YQ=="), redacted(0, "YmM="), redacted(0, "ZA=="), redacted(1, "YQ==")];
        let frames = frames.iter().map(|data| ("contentBlockDelta", data.as_str()));
        check(
            &frames.chain([("messageStop", r#"{"stopReason":"end_turn"}"#)]).collect::<Vec<_>>(),
            &[
                SAID_START,
                r#"PartStart { index: 0, part: RedactedThinking("YWJjZA==") }"#,
                "PartStop { index: 0 }",
                r#"PartStart { index: 1, part: RedactedThinking("YQ==") }"#,
                "PartStop { index: 1 }",
            ],
            false,
        );
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let mut reader = reader();
        let mut read = |block: usize| {
            let data = format!(r#"{{"contentBlockIndex":{block},"delta":{{"text":"a"}}}}"#);
            reader.read(Frame { event: Some("contentBlockDelta"), data: data.as_bytes() }, &mut Vec::new())
        };
        assert!((0..limits::PARTS_MAX).all(|block| read(block).is_ok()));
        assert!(read(limits::PARTS_MAX).is_err());
    }

    #[test]
    fn exceptions_end_a_stream() {
        check(
            &[START, ("throttlingException", r#"{"message":"slow"}"#), START],
            &[SAID_START, r#"Error { kind: "throttlingException", message: "slow" }"#],
            true,
        );
        check(&[("modelStreamErrorException", "no JSON")], &[r#"Error { kind: "modelStreamErrorException", message: "" }"#], true);
        check(
            &[START, ("messageStop", r#"{"stopReason":"malformed_tool_use"}"#)],
            &[SAID_START, r#"Error { kind: "malformed_tool_use", message: "what the model wrote is not well-formed" }"#],
            true,
        );
    }

    #[test]
    fn a_stream_without_counts_ends_too_and_a_cut_one_does_not() {
        for (event, data, done) in [("messageStop", r#"{"stopReason":"end_turn"}"#, true), ("newEvent", "{}", false)] {
            let (mut reader, mut out) = (reader(), Vec::new());
            reader.read(Frame { event: Some(event), data: data.as_bytes() }, &mut out).unwrap();
            assert!(!reader.is_done());
            reader.finish(&mut out);
            assert_eq!((reader.is_done(), out.contains(&Event::End { stop: Stop::End })), (done, done));
        }
    }

    #[test]
    fn what_a_caller_would_miss_is_a_bad_answer() {
        for (event, data) in [
            (None, "{}"),
            (Some("contentBlockDelta"), "{}"),
            (Some("contentBlockDelta"), r#"{"contentBlockIndex":0,"delta":{"image":{}}}"#),
            (Some("contentBlockDelta"), r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}"#),
            (Some("contentBlockDelta"), r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"new":1}}}"#),
            (Some("contentBlockDelta"), r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"é"}}}"#),
            (Some("contentBlockStart"), r#"{"contentBlockIndex":0,"start":{"image":{"format":"png"}}}"#),
            (
                Some("contentBlockStart"),
                r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"1","name":"f","type":"server_tool_use"}}}"#,
            ),
            (Some("messageStop"), "x"),
        ] {
            assert!(reader().read(Frame { event, data: data.as_bytes() }, &mut Vec::new()).is_err(), "{data}");
        }
    }
}

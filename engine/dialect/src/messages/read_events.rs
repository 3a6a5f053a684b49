//! Reads the stream of an Anthropic upstream. The terminal event is `message_stop` or `error`: a stream that ends without one was cut.

use serde_json::Value;

use super::problem::read_error;
use super::reply::{some_text, text, tool_id};
use super::stop;
use super::usage::Counts;
use crate::error::{BadAnswer, UpstreamProblem};
use crate::event::{Delta, Event, PartStart};
use crate::limits;
use crate::reply::{Stamp, Stop};
use crate::wire::Frame;

/// Reads Anthropic's events one by one.
pub struct EventReader {
    stamp: Stamp,
    counts: Counts,
    started: bool,
    done: bool,
    /// Parts begun so far.
    parts: usize,
    open: Option<Open>,
    called: bool,
    stop: Stop,
}

/// The part that is open.
struct Open {
    index: usize,
    /// Its number at the upstream.
    block: Option<u64>,
    kind: Kind,
    /// Arguments that came with the start of a call: they count if no more follow.
    arguments: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Redacted,
    ToolCall,
}

// === impl EventReader ===

impl EventReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(stamp: &Stamp) -> Self {
        Self {
            stamp: stamp.clone(),
            counts: Counts::default(),
            started: false,
            done: false,
            parts: 0,
            open: None,
            called: false,
            stop: Stop::End,
        }
    }

    /// Reads one frame and adds what it says to `out`.
    ///
    /// # Errors
    /// A frame that is not in the dialect, or that begins a block which only hosted tools make.
    pub fn read(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        if self.done || frame.event == Some("ping") || frame.data.is_empty() {
            return Ok(());
        }
        let event: Value = serde_json::from_slice(frame.data).map_err(|_| BadAnswer("an event is not JSON"))?;
        let kind = event.get("type").and_then(Value::as_str).or(frame.event).unwrap_or_default();
        if kind == "error" || (kind.is_empty() && event.get("error").is_some()) {
            self.fail(&event, out);
            return Ok(());
        }
        if kind == "message_start" {
            return self.message_start(&event, out);
        }
        if !self.started && matches!(kind, "content_block_start" | "content_block_delta" | "message_delta" | "message_stop") {
            return Err(BadAnswer("the stream does not begin with `message_start`"));
        }
        match kind {
            "content_block_start" => self.block_start(&event, out),
            "content_block_delta" => self.block_delta(&event, out),
            "content_block_stop" => {
                self.close(out);
                Ok(())
            }
            "message_delta" => self.message_delta(&event, out),
            "message_stop" => {
                self.end(out);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the answer has ended, well or badly.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The source ended. A stream without its terminal event was cut, so there is nothing to add.
    pub const fn finish(&mut self, _out: &mut Vec<Event>) {}

    fn fail(&mut self, event: &Value, out: &mut Vec<Event>) {
        let nameless = || UpstreamProblem { kind: "api_error".to_owned(), message: "the upstream failed in mid-stream".to_owned() };
        let UpstreamProblem { kind, message } = read_error(event).unwrap_or_else(nameless);
        self.done = true;
        out.push(Event::Error { kind, message });
    }

    fn message_start(&mut self, event: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let message = event.get("message").filter(|message| message.is_object()).ok_or(BadAnswer("`message_start` has no message"))?;
        if self.started {
            return Err(BadAnswer("the stream begins twice"));
        }
        if message.get("content").and_then(Value::as_array).is_some_and(|content| !content.is_empty()) {
            return Err(BadAnswer("`message_start` has content already"));
        }
        self.started = true;
        out.push(Event::Start { id: text(message, "id"), model: text(message, "model") });
        self.count(message, out);
        Ok(())
    }

    fn count(&mut self, holder: &Value, out: &mut Vec<Event>) {
        if let Some(usage) = holder.get("usage").filter(|usage| usage.is_object()) {
            self.counts.read(usage);
            out.push(Event::Usage(self.counts.usage()));
        }
    }

    fn block_start(&mut self, event: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let block = event.get("content_block").ok_or(BadAnswer("`content_block_start` has no block"))?;
        // An upstream that forgets to close a block has closed it by beginning the next.
        self.close(out);
        let (kind, part) = self.part(block)?;
        let index = self.parts;
        self.parts += 1;
        limits::parts(self.parts)?;
        out.push(Event::PartStart { index, part });
        let arguments = (kind == Kind::ToolCall).then(|| block.get("input").map_or_else(|| "{}".to_owned(), Value::to_string));
        self.open = Some(Open { index, block: block_number(event), kind, arguments });
        let first = match kind {
            Kind::Text => some_text(block, "text"),
            Kind::Thinking => some_text(block, "thinking"),
            Kind::Redacted | Kind::ToolCall => None,
        };
        out.extend(first.map(|text| Event::Delta { index, delta: Delta::Text(text) }));
        let signature = some_text(block, "signature").filter(|_| kind == Kind::Thinking);
        out.extend(signature.map(|signature| Event::Delta { index, delta: Delta::Signature(signature) }));
        Ok(())
    }

    fn part(&mut self, block: &Value) -> Result<(Kind, PartStart), BadAnswer> {
        match block.get("type").and_then(Value::as_str) {
            Some("text") => Ok((Kind::Text, PartStart::Text)),
            Some("thinking") => Ok((Kind::Thinking, PartStart::Thinking)),
            Some("redacted_thinking") => Ok((Kind::Redacted, PartStart::RedactedThinking(text(block, "data")))),
            Some("tool_use") => {
                self.called = true;
                let id = some_text(block, "id").unwrap_or_else(|| tool_id(&self.stamp, self.parts));
                let name = some_text(block, "name").ok_or(BadAnswer("a call names no function"))?;
                Ok((Kind::ToolCall, PartStart::ToolCall { id, name }))
            }
            Some(_) | None => Err(BadAnswer("the answer has a block of a type that was not asked for")),
        }
    }

    fn block_delta(&mut self, event: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        let open = self.open.as_mut().ok_or(BadAnswer("a delta belongs to no block"))?;
        if open.block != block_number(event) {
            return Err(BadAnswer("a delta belongs to a block that is not open"));
        }
        let delta = event.get("delta").ok_or(BadAnswer("`content_block_delta` has no delta"))?;
        let kind = delta.get("type").and_then(Value::as_str).unwrap_or_default();
        let read = match (kind, open.kind) {
            ("text_delta", Kind::Text) => some_text(delta, "text").map(Delta::Text),
            ("thinking_delta", Kind::Thinking) => some_text(delta, "thinking").map(Delta::Text),
            ("signature_delta", Kind::Thinking) => some_text(delta, "signature").map(Delta::Signature),
            ("input_json_delta", Kind::ToolCall) => some_text(delta, "partial_json").map(Delta::Arguments),
            ("text_delta" | "thinking_delta" | "signature_delta" | "input_json_delta", _) => {
                return Err(BadAnswer("a delta does not fit its block"));
            }
            // Citations, which were not asked for, and whatever is told about a block besides its content.
            _ => None,
        };
        if matches!(read, Some(Delta::Arguments(_))) {
            open.arguments = None;
        }
        let index = open.index;
        out.extend(read.map(|delta| Event::Delta { index, delta }));
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        let Some(open) = self.open.take() else { return };
        if let Some(arguments) = open.arguments {
            out.push(Event::Delta { index: open.index, delta: Delta::Arguments(arguments) });
        }
        out.push(Event::PartStop { index: open.index });
    }

    fn message_delta(&mut self, event: &Value, out: &mut Vec<Event>) -> Result<(), BadAnswer> {
        self.close(out);
        if let Some(delta) = event.get("delta") {
            if delta.get("stop_reason").is_some_and(Value::is_string) {
                self.stop = stop::read(delta);
            }
            if let Some(words) = stop::refusal(delta) {
                self.refuse(words, out);
            }
        }
        self.count(event, out);
        limits::parts(self.parts)
    }

    fn refuse(&mut self, words: &str, out: &mut Vec<Event>) {
        let index = self.parts;
        self.parts += 1;
        out.push(Event::PartStart { index, part: PartStart::Refusal });
        out.push(Event::Delta { index, delta: Delta::Text(words.to_owned()) });
        out.push(Event::PartStop { index });
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.close(out);
        self.done = true;
        out.push(Event::End { stop: self.stop.clone().or_tool_calls(self.called) });
    }
}

fn block_number(event: &Value) -> Option<u64> {
    event.get("index").and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"m","content":[]}}"#;

    fn read(frames: &[&str]) -> Result<Vec<Event>, BadAnswer> {
        let stamp = Stamp { created: 7, seed: "seed".to_owned(), model: "route".to_owned(), wants_usage: false };
        let mut reader = EventReader::new(&stamp);
        let mut out = Vec::new();
        for data in frames {
            reader.read(Frame { event: None, data: data.as_bytes() }, &mut out)?;
        }
        reader.finish(&mut out);
        Ok(out)
    }

    /// What follows the start.
    fn check(frames: &[&str], expected: &[Event]) {
        let frames: Vec<_> = [START].into_iter().chain(frames.iter().copied()).collect();
        assert_eq!(read(&frames).unwrap().get(1..), Some(expected));
    }

    #[test]
    fn a_call_has_arguments_once() {
        let start = Event::PartStart { index: 0, part: PartStart::ToolCall { id: "a".to_owned(), name: "f".to_owned() } };
        let arguments = |text: &str| Event::Delta { index: 0, delta: Delta::Arguments(text.to_owned()) };
        let call = |input: &str| {
            format!(
                r#"{{"type":"content_block_start","index":3,"content_block":{{"type":"tool_use","id":"a","name":"f","input":{input}}}}}"#
            )
        };
        let delta = r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"b\":1}"}}"#;
        let empty = r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}"#;
        let stop = r#"{"type":"content_block_stop","index":3}"#;
        let closed = Event::PartStop { index: 0 };
        check(&[&call("{}"), empty, delta, stop], &[start.clone(), arguments("{\"b\":1}"), closed.clone()]);
        check(&[&call("{}"), empty, stop], &[start.clone(), arguments("{}"), closed.clone()]);
        check(&[&call(r#"{"c":2}"#), stop], &[start.clone(), arguments(r#"{"c":2}"#), closed.clone()]);
        let end = [r#"{"type":"message_delta","delta":{"stop_reason":null}}"#, r#"{"type":"message_stop"}"#];
        check(&[&call("{}"), end[0], end[1]], &[start, arguments("{}"), closed, Event::End { stop: Stop::ToolCalls }]);
    }

    #[test]
    fn an_error_is_the_last_event() {
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let event = Event::Error { kind: "overloaded_error".to_owned(), message: "Overloaded".to_owned() };
        check(&[error, r#"{"type":"message_stop"}"#], std::slice::from_ref(&event));
        assert_eq!(read(&[error]).unwrap(), [event]);
    }

    #[test]
    fn pings_and_the_unknown_are_passed_over_and_a_cut_stream_has_no_end() {
        check(&[r#"{"type":"ping"}"#, r#"{"type":"new_event","x":1}"#, "", r#"{"type":"content_block_stop","index":9}"#], &[]);
    }

    #[test]
    fn a_refusal_keeps_its_words() {
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"no"}}}"#;
        let expected = [
            Event::PartStart { index: 0, part: PartStart::Refusal },
            Event::Delta { index: 0, delta: Delta::Text("no".to_owned()) },
            Event::PartStop { index: 0 },
            Event::End { stop: Stop::Refused },
        ];
        check(&[delta, r#"{"type":"message_stop"}"#], &expected);
    }

    #[test]
    fn an_end_that_nobody_knows_looks_like_no_complete_answer() {
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"new"}}"#;
        check(&[delta, r#"{"type":"message_stop"}"#], &[Event::End { stop: Stop::Refused }]);
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let block = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
        let mut frames = vec![block; limits::PARTS_MAX + 1];
        frames.insert(0, START);
        assert!(read(&frames).is_err());
        frames.pop();
        assert!(read(&frames).is_ok());
        frames.push(r#"{"type":"message_delta","delta":{"stop_details":{"type":"refusal","explanation":"no"}}}"#);
        assert!(read(&frames).is_err());
    }

    #[test]
    fn what_is_not_in_the_dialect_is_bad() {
        let text = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
        for frames in [
            &[text][..],
            &[START, START],
            &[START, "{"],
            &[START, r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#],
            &[START, text, r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}"#],
            &[START, r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"x"}}"#],
            &[START, text, r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}"#],
            &[r#"{"type":"message_start"}"#],
        ] {
            assert!(read(frames).is_err(), "{frames:?}");
        }
    }
}

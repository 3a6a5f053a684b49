//! Writes the stream for the caller: Anthropic's events, each with its name, in Anthropic's order.
//!
//! `message_start` goes out at once, with what was counted by then, which is nothing; `message_delta` at the end has every count, and
//! Anthropic's clients take those over the first.

use serde_json::{Value, json};

use super::reply::{head, tool_id};
use super::{problem, stop, usage};
use crate::event::{Delta, Event, PartStart};
use crate::reply::{Stamp, Stop};
use crate::usage::Usage;
use crate::wire::sse;

/// Writes Anthropic's events one by one.
pub struct EventWriter {
    stamp: Stamp,
    usage: Usage,
    refused: bool,
    /// What the part that is open is: deltas are named for it.
    open: Open,
}

#[derive(Clone, Copy)]
enum Open {
    Text,
    Thinking,
    ToolCall,
}

// === impl EventWriter ===

impl EventWriter {
    /// A writer at the start of a stream.
    #[must_use]
    pub fn new(stamp: Stamp) -> Self {
        Self { stamp, usage: Usage::default(), refused: false, open: Open::Text }
    }

    /// Appends the frames that say `event`.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model } => self.start(id, model, out),
            Event::PartStart { index, part } => self.part_start(*index, part, out),
            Event::Delta { index, delta } => self.delta(*index, delta, out),
            Event::PartStop { index } => frame(out, "content_block_stop", json!({ "index": index })),
            Event::Usage(usage) => self.usage = self.usage.updated_by(*usage),
            Event::End { stop } => self.end(stop, out),
            Event::Error { kind, message } => sse(out, Some("error"), &problem::write_error(kind, message)),
        }
    }

    fn start(&self, id: &str, model: &str, out: &mut Vec<u8>) {
        let mut message = head(id, model, &self.stamp);
        message.insert("usage".to_owned(), usage::write_so_far(self.usage));
        frame(out, "message_start", json!({ "message": message }));
    }

    fn part_start(&mut self, index: usize, part: &PartStart, out: &mut Vec<u8>) {
        let (open, block) = match part {
            PartStart::Text => (Open::Text, json!({ "type": "text", "text": "" })),
            PartStart::Refusal => {
                self.refused = true;
                (Open::Text, json!({ "type": "text", "text": "" }))
            }
            PartStart::Thinking => (Open::Thinking, json!({ "type": "thinking", "thinking": "", "signature": "" })),
            PartStart::RedactedThinking(data) => (Open::Text, json!({ "type": "redacted_thinking", "data": data })),
            PartStart::ToolCall { id, name } => {
                let id = if id.is_empty() { tool_id(&self.stamp, index) } else { id.clone() };
                (Open::ToolCall, json!({ "type": "tool_use", "id": id, "name": name, "input": {} }))
            }
        };
        self.open = open;
        frame(out, "content_block_start", json!({ "index": index, "content_block": block }));
    }

    fn delta(&self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        let delta = match (delta, self.open) {
            (Delta::Text(text), Open::Thinking) => json!({ "type": "thinking_delta", "thinking": text }),
            (Delta::Text(text), Open::Text | Open::ToolCall) => json!({ "type": "text_delta", "text": text }),
            (Delta::Arguments(text), _) => json!({ "type": "input_json_delta", "partial_json": text }),
            (Delta::Signature(signature), Open::Thinking) => json!({ "type": "signature_delta", "signature": signature }),
            // Gemini's signature of a call: the dialect has no place for it.
            (Delta::Signature(_), Open::Text | Open::ToolCall) => return,
        };
        frame(out, "content_block_delta", json!({ "index": index, "delta": delta }));
    }

    fn end(&self, stop: &Stop, out: &mut Vec<u8>) {
        let (stop_reason, stop_sequence) = stop::write(stop, self.refused);
        let delta = json!({ "stop_reason": stop_reason, "stop_sequence": stop_sequence });
        frame(out, "message_delta", json!({ "delta": delta, "usage": usage::write_so_far(self.usage) }));
        frame(out, "message_stop", json!({}));
    }
}

/// One frame: the name of the event is also its `type`, which comes first.
fn frame(out: &mut Vec<u8>, event: &str, rest: Value) {
    let mut data = json!({ "type": event });
    if let (Some(members), Value::Object(rest)) = (data.as_object_mut(), rest) {
        members.extend(rest);
    }
    sse(out, Some(event), &data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(events: &[Event], expected: &str) {
        let stamp = Stamp { created: 7, seed: "seed".to_owned(), model: "route".to_owned(), wants_usage: false };
        let mut writer = EventWriter::new(stamp);
        let mut out = Vec::new();
        events.iter().for_each(|event| writer.write(event, &mut out));
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(expected), "{out}");
    }

    #[test]
    fn ids_and_model_come_from_the_stamp_where_the_upstream_gave_none() {
        let start = Event::Start { id: String::new(), model: String::new() };
        check(
            &[start],
            r#"{"type":"message_start","message":{"id":"msg_seed","type":"message","role":"assistant","model":"route","content":[]"#,
        );
        let call = Event::PartStart { index: 2, part: PartStart::ToolCall { id: String::new(), name: "f".to_owned() } };
        check(&[call], r#""content_block":{"type":"tool_use","id":"toolu_seed_2","name":"f","input":{}}"#);
    }

    #[test]
    fn a_refusal_ends_as_one() {
        let refusal = Event::PartStart { index: 0, part: PartStart::Refusal };
        check(&[refusal, Event::End { stop: Stop::End }], r#""delta":{"stop_reason":"refusal","stop_sequence":null}"#);
    }

    #[test]
    fn errors_have_names_that_anthropic_has() {
        let error = Event::Error { kind: "UNAVAILABLE".to_owned(), message: "later".to_owned() };
        let expected = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"later\"}}\n\n";
        check(&[error], expected);
    }

    #[test]
    fn counts_come_last_and_in_anthropics_counting() {
        let usage = Usage { input_tokens: 50, cache_read_tokens: 20, output_tokens: 3, reasoning_tokens: 1, ..Usage::default() };
        check(
            &[Event::Usage(usage), Event::End { stop: Stop::StopSequence(Some("#".to_owned())) }],
            concat!(
                r##""delta":{"stop_reason":"stop_sequence","stop_sequence":"#"},"usage":{"input_tokens":30,"##,
                r#""cache_creation_input_tokens":0,"cache_read_input_tokens":20,"output_tokens":3,"#,
                r#""output_tokens_details":{"thinking_tokens":1}}}"#
            ),
        );
    }
}

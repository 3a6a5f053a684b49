//! Writes a streamed answer for a caller: OpenAI's chunks, then `[DONE]`. After a failure there is no `[DONE]`: the SDKs raise the error,
//! and a client that looks only for the end must not take half an answer for a whole one.

use serde_json::{Value, json};

use super::write_reply::{id, model, redacted};
use super::{finish, tokens};
use crate::event::{Delta, Event, PartStart};
use crate::reply::{Stamp, Stop};
use crate::usage::Usage;
use crate::wire::sse;

/// Writes the frames of a streamed answer.
#[derive(Debug)]
pub struct EventWriter {
    stamp: Stamp,
    id: String,
    model: String,
    open: Open,
    thoughts: usize,
    calls: usize,
    refused: bool,
    usage: Option<Usage>,
}

/// The part that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Refusal,
    Call {
        has_arguments: bool,
    },
    /// Nothing, or what was complete at once.
    Nothing,
}

// === impl EventWriter ===

impl EventWriter {
    /// A writer for one answer.
    #[must_use]
    pub fn new(stamp: Stamp) -> Self {
        let (id, model) = (id("", &stamp), stamp.model.clone());
        Self { stamp, id, model, open: Open::Nothing, thoughts: 0, calls: 0, refused: false, usage: None }
    }

    /// Appends what the caller reads of an event.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id: upstream, model: name } => {
                self.id = id(upstream, &self.stamp);
                self.model = model(name, &self.stamp).to_owned();
                self.delta(json!({"role": "assistant", "content": "", "refusal": null}), out);
            }
            Event::PartStart { index: _, part } => self.part(part, out),
            Event::Delta { index: _, delta } => self.more(delta, out),
            Event::PartStop { index: _ } => self.part_stop(out),
            Event::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().updated_by(*usage)),
            Event::End { stop } => self.end(stop, out),
            Event::Error { kind, message } => {
                let kind = if kind.is_empty() { "server_error" } else { kind };
                sse(out, None, &json!({"error": {"message": message, "type": kind, "param": null, "code": null}}));
            }
        }
    }

    fn part(&mut self, part: &PartStart, out: &mut Vec<u8>) {
        self.open = match part {
            PartStart::Text => Open::Text,
            PartStart::Refusal => {
                self.refused = true;
                Open::Refusal
            }
            PartStart::Thinking => {
                self.thoughts = self.thoughts.saturating_add(1);
                // All thoughts share one member; the same line break stands between them as in a whole answer.
                if self.thoughts > 1 {
                    self.delta(json!({"reasoning_content": "\n"}), out);
                }
                Open::Thinking
            }
            PartStart::RedactedThinking(data) => {
                self.delta(json!({"reasoning_details": [redacted(data)]}), out);
                Open::Nothing
            }
            PartStart::ToolCall { id, name } => {
                let index = self.calls;
                self.calls = self.calls.saturating_add(1);
                let call = json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                self.delta(json!({"tool_calls": [call]}), out);
                Open::Call { has_arguments: false }
            }
        };
    }

    fn more(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        match (delta, self.open) {
            (Delta::Text(text), Open::Text) => self.delta(json!({"content": text}), out),
            (Delta::Text(text), Open::Thinking) => self.delta(json!({"reasoning_content": text}), out),
            (Delta::Text(text), Open::Refusal) => self.delta(json!({"refusal": text}), out),
            (Delta::Arguments(text), Open::Call { has_arguments }) => {
                self.open = Open::Call { has_arguments: has_arguments || !text.trim().is_empty() };
                self.arguments(text, out);
            }
            // The first is sent before it is known whether others follow; a whole answer with several thoughts has none.
            (Delta::Signature(signature), Open::Thinking) if self.thoughts == 1 => {
                self.delta(json!({"reasoning_signature": signature}), out);
            }
            // Signatures that the dialect has no place for (see `write_reply`), and what readers promise not to do.
            (Delta::Text(_) | Delta::Arguments(_) | Delta::Signature(_), _) => {}
        }
    }

    /// A function without arguments gets an empty object, because callers parse what they collected.
    fn part_stop(&mut self, out: &mut Vec<u8>) {
        if self.open == (Open::Call { has_arguments: false }) {
            self.arguments("{}", out);
        }
        self.open = Open::Nothing;
    }

    fn arguments(&self, text: &str, out: &mut Vec<u8>) {
        let index = self.calls.saturating_sub(1);
        self.delta(json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]}), out);
    }

    fn end(&self, stop: &Stop, out: &mut Vec<u8>) {
        self.chunk(&json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": finish::write(stop, self.refused)}]), None, out);
        if let Some(usage) = self.usage.as_ref().filter(|_| self.stamp.wants_usage) {
            self.chunk(&json!([]), Some(usage), out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn delta(&self, delta: Value, out: &mut Vec<u8>) {
        self.chunk(&json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}]), None, out);
    }

    /// Where the caller wants usage, every chunk has the member, and all but the last say null.
    fn chunk(&self, choices: &Value, usage: Option<&Usage>, out: &mut Vec<u8>) {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.stamp.created,
            "model": self.model,
            "choices": choices,
        });
        if let Some(chunk) = chunk.as_object_mut().filter(|_| self.stamp.wants_usage) {
            chunk.insert("usage".to_owned(), usage.map_or(Value::Null, tokens::write));
        }
        sse(out, None, &chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(events: &[Event], wants_usage: bool) -> Vec<Value> {
        let stamp = Stamp { created: 1, seed: "s".into(), model: "m".into(), wants_usage };
        let (mut writer, mut out) = (EventWriter::new(stamp), Vec::new());
        events.iter().for_each(|event| writer.write(event, &mut out));
        let text = String::from_utf8(out).unwrap();
        let data = |frame: &str| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap_or(Value::Null);
        text.split_terminator("\n\n").map(data).collect()
    }

    /// The deltas that the events become.
    #[track_caller]
    fn check(events: &[Event], expected: &[Value]) {
        let deltas: Vec<_> = write(events, false).into_iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect();
        assert_eq!(deltas, expected);
    }

    fn start(index: usize, part: PartStart) -> Event {
        Event::PartStart { index, part }
    }

    fn delta(index: usize, delta: Delta) -> Event {
        Event::Delta { index, delta }
    }

    #[test]
    fn a_function_without_arguments_gets_an_empty_object() {
        let call = start(0, PartStart::ToolCall { id: "i".into(), name: "f".into() });
        let announced = json!({"tool_calls": [{"index": 0, "id": "i", "type": "function", "function": {"name": "f", "arguments": ""}}]});
        let arguments = |text: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]});
        check(&[call.clone(), Event::PartStop { index: 0 }], &[announced.clone(), arguments("{}")]);
        let given = delta(0, Delta::Arguments("{\"a\":1}".into()));
        check(&[call, given, Event::PartStop { index: 0 }], &[announced, arguments("{\"a\":1}")]);
    }

    #[test]
    fn calls_are_counted_apart_from_parts() {
        let call = |index| start(index, PartStart::ToolCall { id: format!("i{index}"), name: "f".into() });
        let chunks = write(&[start(0, PartStart::Text), call(1), Event::PartStop { index: 1 }, call(2)], false);
        let indices: Vec<_> = chunks.iter().map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64()).collect();
        assert_eq!(indices, [Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn thoughts_have_their_members() {
        check(
            &[
                start(0, PartStart::Thinking),
                delta(0, Delta::Text("t".into())),
                delta(0, Delta::Signature("s".into())),
                start(1, PartStart::RedactedThinking("x".into())),
                start(2, PartStart::Thinking),
                delta(2, Delta::Text("u".into())),
                delta(2, Delta::Signature("v".into())),
            ],
            &[
                json!({"reasoning_content": "t"}),
                json!({"reasoning_signature": "s"}),
                json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}),
                json!({"reasoning_content": "\n"}),
                json!({"reasoning_content": "u"}),
            ],
        );
    }

    #[test]
    fn usage_only_for_callers_who_want_it() {
        let usage = |output_tokens| Event::Usage(Usage { input_tokens: 3, output_tokens, ..Usage::default() });
        let events = [Event::Start { id: "i".into(), model: String::new() }, usage(1), usage(5), Event::End { stop: Stop::End }];
        let silent = write(&events, false);
        assert!(silent.iter().all(|chunk| chunk.get("usage").is_none()), "{silent:?}");
        let told = write(&events, true);
        assert_eq!((told.len(), &told[0]["usage"], &told[2]["choices"]), (4, &Value::Null, &json!([])));
        assert_eq!(told[2]["usage"]["total_tokens"], 8);
        assert_eq!(told[3], Value::Null, "[DONE]");
    }

    #[test]
    fn a_refusal_in_words_ends_as_any_answer() {
        let last = |events: &[Event]| write(events, false).iter().rev().nth(1).unwrap()["choices"][0]["finish_reason"].clone();
        let end = Event::End { stop: Stop::Refused };
        assert_eq!(
            last(&[start(0, PartStart::Refusal), delta(0, Delta::Text("no".into())), Event::PartStop { index: 0 }, end.clone()]),
            "stop"
        );
        assert_eq!(last(&[start(0, PartStart::Text), Event::PartStop { index: 0 }, end]), "content_filter");
    }

    #[test]
    fn after_a_failure_there_is_no_done() {
        let error = Event::Error { kind: String::new(), message: "busy".into() };
        assert_eq!(write(&[error], true), [json!({"error": {"message": "busy", "type": "server_error", "param": null, "code": null}})]);
    }
}

//! Writes an answer for a caller as it streams: OpenAI's exact sequence, on which its SDKs build the response up and check it. An item stays
//! open until the next one begins or the answer ends, because only then is it known whether the item is complete.

use serde_json::{Map, Value, json};

use super::mark;
use super::shape::{self, Call, Response, State};
use super::write_reply::{item_id, response_id, state};
use crate::event::{Delta, Event, PartStart};
use crate::reply::Stamp;
use crate::usage::Usage;
use crate::wire::sse;

/// Makes the caller's frames.
#[derive(Debug)]
pub struct EventWriter {
    stamp: Stamp,
    /// The response's id; empty before `Start`.
    id: String,
    model: String,
    frames: Frames,
    /// The items that are closed.
    output: Vec<Value>,
    open: Option<Item>,
    usage: Option<Usage>,
    refused: bool,
}

/// The item after those in `output`.
#[derive(Debug)]
enum Item {
    Message {
        id: String,
        content: Vec<Value>,
        part: Option<Part>,
    },
    /// Announced at its first text or signature: an item of empty thoughts would come back as a reference to something that no one keeps.
    Thoughts {
        id: String,
        text: String,
        encrypted: Option<String>,
        announced: bool,
    },
    Call {
        id: String,
        call_id: String,
        name: String,
        arguments: String,
    },
}

/// The part of a message that is open.
#[derive(Debug)]
struct Part {
    kind: PartKind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartKind {
    Text,
    Refusal,
}

/// Numbers the frames.
#[derive(Debug, Default)]
struct Frames {
    sequence: u64,
}

/// Frames about the item at one place of `output`.
struct ItemFrames<'a> {
    at: usize,
    frames: &'a mut Frames,
    out: &'a mut Vec<u8>,
}

// === impl EventWriter ===

impl EventWriter {
    /// Before the first event.
    #[must_use]
    pub fn new(stamp: Stamp) -> Self {
        let model = stamp.model.clone();
        Self { stamp, id: String::new(), model, frames: Frames::default(), output: Vec::new(), open: None, usage: None, refused: false }
    }

    /// Appends the frames of one event; some have none.
    pub fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, model } => self.start(id, model, out),
            Event::PartStart { part, .. } => self.part_start(part, out),
            Event::Delta { delta, .. } => self.delta(delta, out),
            Event::PartStop { .. } => self.part_stop(out),
            Event::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().updated_by(*usage)),
            Event::End { stop } => self.end(&state(stop, self.refused), out),
            Event::Error { kind, message } => self.fail(kind, message, out),
        }
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Vec<u8>) {
        self.id = response_id(id, &self.stamp);
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
        for name in ["response.created", "response.in_progress"] {
            let response = self.response(&State::InProgress, Vec::new());
            self.frames.push(out, name, json!({"response": response}));
        }
    }

    fn response(&self, state: &State, output: Vec<Value>) -> Value {
        let created = self.stamp.created;
        Response { id: &self.id, model: &self.model, created, state, output, usage: self.usage }.into_value()
    }

    fn part_start(&mut self, part: &PartStart, out: &mut Vec<u8>) {
        match part {
            PartStart::Text => self.message_part(PartKind::Text, out),
            PartStart::Refusal => {
                self.refused = true;
                self.message_part(PartKind::Refusal, out);
            }
            PartStart::Thinking => self.open_thoughts(None, out),
            PartStart::RedactedThinking(data) => self.open_thoughts(Some(mark::redacted(data)), out),
            PartStart::ToolCall { id, name } => self.open_call(id, name, out),
        }
    }

    fn message_part(&mut self, kind: PartKind, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Item::Message { .. })) {
            self.close("completed", out);
            let id = self.next_id("msg");
            self.added(shape::message(&id, "in_progress", Vec::new()), out);
            self.open = Some(Item::Message { id, content: Vec::new(), part: None });
        }
        let mut item = ItemFrames { at: self.output.len(), frames: &mut self.frames, out };
        if let Some(Item::Message { id, content, part }) = &mut self.open {
            item.push("response.content_part.added", id, json!({"content_index": content.len(), "part": kind.content("")}));
            *part = Some(Part { kind, text: String::new() });
        }
    }

    fn open_thoughts(&mut self, encrypted: Option<String>, out: &mut Vec<u8>) {
        self.close("completed", out);
        self.open = Some(Item::Thoughts { id: self.next_id("rs"), text: String::new(), encrypted, announced: false });
    }

    fn open_call(&mut self, call_id: &str, name: &str, out: &mut Vec<u8>) {
        self.close("completed", out);
        let id = self.next_id("fc");
        self.added(shape::function_call(&id, "in_progress", &Call { call_id, name }, ""), out);
        self.open = Some(Item::Call { id, call_id: call_id.to_owned(), name: name.to_owned(), arguments: String::new() });
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let mut frames = ItemFrames { at: self.output.len(), frames: &mut self.frames, out };
        match (delta, &mut self.open) {
            (Delta::Text(more) | Delta::Arguments(more), Some(item)) if !more.is_empty() => item.add(more, &mut frames),
            (Delta::Signature(signature), Some(Item::Thoughts { encrypted, .. })) => *encrypted = Some(signature.clone()),
            // The signature of a call has no place in this dialect, and Gemini takes calls without it when they come from other dialects.
            (Delta::Signature(_) | Delta::Text(_) | Delta::Arguments(_), _) => {}
        }
    }

    fn part_stop(&mut self, out: &mut Vec<u8>) {
        let mut frames = ItemFrames { at: self.output.len(), frames: &mut self.frames, out };
        if let Some(item) = &mut self.open {
            item.stop_part(&mut frames);
        }
    }

    /// Closes the open item, if there is one that was announced.
    fn close(&mut self, status: &str, out: &mut Vec<u8>) {
        let Some(item) = self.open.take().and_then(|item| item.into_value(status)) else { return };
        let at = self.output.len();
        self.frames.push(out, "response.output_item.done", json!({"output_index": at, "item": item}));
        self.output.push(item);
    }

    fn end(&mut self, state: &State, out: &mut Vec<u8>) {
        self.close(state.of_last_item(), out);
        let name = if *state == State::Completed { "response.completed" } else { "response.incomplete" };
        let response = self.response(state, self.output.clone());
        self.frames.push(out, name, json!({"response": response}));
    }

    fn fail(&mut self, kind: &str, message: &str, out: &mut Vec<u8>) {
        if self.id.is_empty() {
            self.frames.push(out, "error", json!({"code": code(kind), "message": message, "param": null}));
            return;
        }
        let state = State::Failed { code: code(kind), message: message.to_owned() };
        let mut output = std::mem::take(&mut self.output);
        output.extend(self.open.take().and_then(|item| item.into_value(state.of_last_item())));
        let response = self.response(&state, output);
        self.frames.push(out, "response.failed", json!({"response": response}));
    }

    fn next_id(&self, kind: &str) -> String {
        item_id(kind, &self.stamp, self.output.len())
    }

    fn added(&mut self, item: Value, out: &mut Vec<u8>) {
        ItemFrames { at: self.output.len(), frames: &mut self.frames, out }.added(item);
    }
}

// === impl Item ===

impl Item {
    fn add(&mut self, more: &str, item: &mut ItemFrames<'_>) {
        match self {
            Self::Message { id, content, part: Some(part) } => {
                part.text.push_str(more);
                let members = json!({"content_index": content.len(), "delta": more});
                item.push(part.kind.delta_name(), id, part.kind.with_logprobs(members));
            }
            Self::Message { part: None, .. } => {}
            Self::Thoughts { id, text, announced, .. } => {
                if text.is_empty() {
                    announce(id, announced, item);
                    item.push("response.reasoning_summary_part.added", id, json!({"summary_index": 0, "part": shape::summary_text("")}));
                }
                text.push_str(more);
                item.push("response.reasoning_summary_text.delta", id, json!({"summary_index": 0, "delta": more}));
            }
            Self::Call { id, arguments, .. } => {
                arguments.push_str(more);
                item.push("response.function_call_arguments.delta", id, json!({"delta": more}));
            }
        }
    }

    fn stop_part(&mut self, item: &mut ItemFrames<'_>) {
        match self {
            Self::Message { id, content, part } => {
                let Some(Part { kind, text }) = part.take() else { return };
                let (index, value) = (content.len(), kind.content(&text));
                item.push(kind.done_name(), id, kind.with_logprobs(json!({"content_index": index, kind.text_name(): text})));
                item.push("response.content_part.done", id, json!({"content_index": index, "part": value}));
                content.push(value);
            }
            Self::Thoughts { id, text, encrypted, announced } => {
                if !text.is_empty() {
                    item.push("response.reasoning_summary_text.done", id, json!({"summary_index": 0, "text": text}));
                    item.push("response.reasoning_summary_part.done", id, json!({"summary_index": 0, "part": shape::summary_text(text)}));
                } else if encrypted.is_some() {
                    announce(id, announced, item);
                }
            }
            Self::Call { .. } => self.stop_call(item),
        }
    }

    fn stop_call(&mut self, item: &mut ItemFrames<'_>) {
        if matches!(self, Self::Call { arguments, .. } if arguments.is_empty()) {
            self.add("{}", item);
        }
        if let Self::Call { id, arguments, .. } = self {
            item.push("response.function_call_arguments.done", id, json!({"arguments": arguments}));
        }
    }

    /// The whole item; nothing for one that was never announced.
    fn into_value(self, status: &str) -> Option<Value> {
        match self {
            Self::Message { id, mut content, part } => {
                content.extend(part.map(|part| part.kind.content(&part.text)));
                Some(shape::message(&id, status, content))
            }
            Self::Thoughts { announced: false, .. } => None,
            Self::Thoughts { id, text, encrypted, announced: true } => Some(shape::reasoning(&id, &text, encrypted.as_deref())),
            Self::Call { id, call_id, name, arguments } => {
                Some(shape::function_call(&id, status, &Call { call_id: &call_id, name: &name }, &arguments))
            }
        }
    }
}

fn announce(id: &str, announced: &mut bool, item: &mut ItemFrames<'_>) {
    if !*announced {
        *announced = true;
        item.added(shape::reasoning(id, "", None));
    }
}

// === impl PartKind ===

impl PartKind {
    fn content(self, text: &str) -> Value {
        match self {
            Self::Text => shape::output_text(text),
            Self::Refusal => shape::refusal(text),
        }
    }

    /// What the whole text is called when it is done.
    const fn text_name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Refusal => "refusal",
        }
    }

    /// Events of text have a list of probabilities, which is empty unless they were asked for.
    fn with_logprobs(self, mut members: Value) -> Value {
        if let (Self::Text, Some(members)) = (self, members.as_object_mut()) {
            members.insert("logprobs".to_owned(), json!([]));
        }
        members
    }

    const fn delta_name(self) -> &'static str {
        match self {
            Self::Text => "response.output_text.delta",
            Self::Refusal => "response.refusal.delta",
        }
    }

    const fn done_name(self) -> &'static str {
        match self {
            Self::Text => "response.output_text.done",
            Self::Refusal => "response.refusal.done",
        }
    }
}

// === impl Frames ===

impl Frames {
    /// One frame, which bears its name twice, as OpenAI's do.
    fn push(&mut self, out: &mut Vec<u8>, name: &str, members: Value) {
        let mut data = Map::from_iter([("type".to_owned(), name.into()), ("sequence_number".to_owned(), self.sequence.into())]);
        if let Value::Object(members) = members {
            data.extend(members);
        }
        self.sequence = self.sequence.saturating_add(1);
        sse(out, Some(name), &Value::Object(data));
    }
}

// === impl ItemFrames ===

impl ItemFrames<'_> {
    fn added(&mut self, item: Value) {
        self.frames.push(self.out, "response.output_item.added", json!({"output_index": self.at, "item": item}));
    }

    fn push(&mut self, name: &str, item_id: &str, members: Value) {
        let mut place = json!({"item_id": item_id, "output_index": self.at});
        if let (Some(place), Value::Object(members)) = (place.as_object_mut(), members) {
            place.extend(members);
        }
        self.frames.push(self.out, name, place);
    }
}

/// The nearest of the codes that a response may fail with.
fn code(kind: &str) -> &'static str {
    match kind {
        "rate_limit_exceeded" | "rate_limit_error" | "RESOURCE_EXHAUSTED" | "throttlingException" | "ThrottlingException" => {
            "rate_limit_exceeded"
        }
        "invalid_prompt" | "invalid_request_error" | "INVALID_ARGUMENT" | "validationException" | "ValidationException" => "invalid_prompt",
        _ => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Stop;

    /// The names of the frames that these events after `Start` become.
    fn check(events: &[Event], expected: &[&str]) {
        let mut writer = EventWriter::new(Stamp { created: 7, seed: "seed".into(), model: "asked".into(), wants_usage: false });
        let mut out = Vec::new();
        writer.write(&Event::Start { id: String::new(), model: String::new() }, &mut out);
        out.clear();
        events.iter().for_each(|event| writer.write(event, &mut out));
        let text = String::from_utf8(out).unwrap();
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: response.")).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn empty_thoughts_are_not_told() {
        let thinking = Event::PartStart { index: 0, part: PartStart::Thinking };
        let empty = Event::Delta { index: 0, delta: Delta::Text(String::new()) };
        check(&[thinking, empty, Event::PartStop { index: 0 }, Event::End { stop: Stop::End }], &["completed"]);
    }

    #[test]
    fn an_item_stays_open_until_it_is_known_whether_it_is_complete() {
        let call = Event::PartStart { index: 0, part: PartStart::ToolCall { id: "c".into(), name: "f".into() } };
        let arguments = Event::Delta { index: 0, delta: Delta::Arguments("{\"a".into()) };
        let told = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done"];
        check(&[call.clone(), arguments.clone(), Event::PartStop { index: 0 }], &told);
        let end = Event::End { stop: Stop::Length };
        check(&[call, arguments, Event::PartStop { index: 0 }, end], &[told.as_slice(), &["output_item.done", "incomplete"]].concat());
    }

    #[test]
    fn codes_are_those_of_the_dialect() {
        assert_eq!(code("rate_limit_error"), "rate_limit_exceeded");
        assert_eq!(code("overloaded_error"), "server_error");
        assert_eq!(code(""), "server_error");
    }
}

//! Writes answers as the three APIs stream them, with all that JSON and server-sent events leave open left to chance.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use serde_json::{Value, json};

use super::script::{Dice, Kind, Part};

/// The frames of one answer.
pub(super) struct Frames {
    dice: Dice,
    pub(super) frames: Vec<String>,
}

// === impl Frames ===

impl Frames {
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), frames: Vec::new() }
    }

    /// The frames in pushes of some at a time.
    pub(super) fn pushes(mut self) -> Vec<String> {
        let mut pushes: Vec<String> = Vec::new();
        for frame in self.frames {
            match pushes.last_mut() {
                Some(last) if self.dice.once_in(3) => last.push_str(&frame),
                Some(_) | None => pushes.push(frame),
            }
        }
        pushes
    }

    /// The choices of a chat completion, each with its texts at the same time.
    pub(super) fn chat(&mut self, choices: &[Vec<Part>]) {
        let mut waiting: BTreeMap<usize, BTreeMap<usize, VecDeque<String>>> = BTreeMap::new();
        for (choice, parts) in choices.iter().enumerate() {
            self.chunk(json!([{"index": choice, "delta": {"role": "assistant", "content": "", "refusal": null}, "finish_reason": null}]));
            for (at, part) in parts.iter().enumerate() {
                if let Kind::Function | Kind::Custom = part.kind {
                    let (kind, member) = tool(part.kind);
                    let call =
                        json!({"index": at, "id": format!("call_{at}"), "type": kind, kind: {"name": format!("f_{at}"), member: ""}});
                    self.chunk(json!([{"index": choice, "delta": {"tool_calls": [call]}, "finish_reason": null}]));
                }
                waiting.entry(choice).or_default().insert(at, self.dice.pieces(&part.text).into());
            }
        }
        while !waiting.is_empty() {
            let at = self.dice.below(waiting.len());
            let (choice, texts) = waiting.iter_mut().nth(at).unwrap();
            let choice = *choice;
            let mut delta = json!({});
            for (at, pieces) in texts.iter_mut() {
                if self.dice.once_in(2) {
                    pieces.pop_front().into_iter().for_each(|piece| say(&mut delta, (*at, choices[choice][*at].kind), &piece));
                }
            }
            texts.retain(|_, pieces| !pieces.is_empty());
            let ended = texts.is_empty();
            // The last text may come with the reason, or before it.
            let apart = ended && self.dice.once_in(2);
            let reason = if ended && !apart { json!("stop") } else { Value::Null };
            self.chunk(json!([{"index": choice, "delta": delta, "finish_reason": reason}]));
            if apart {
                self.chunk(json!([{"index": choice, "delta": {}, "finish_reason": "stop"}]));
            }
            if ended {
                waiting.remove(&choice);
            }
        }
        self.chunk(json!([]));
        self.frames.push("data: [DONE]\n\n".to_owned());
    }

    fn chunk(&mut self, choices: Value) {
        let usage = if choices == json!([]) { json!({"total_tokens": 3}) } else { Value::Null };
        self.frame(
            None,
            &json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "choices": choices, "usage": usage, "obfuscation": "PII_"}),
        );
    }

    /// The blocks of a message, one after the other.
    pub(super) fn messages(&mut self, parts: &[Part]) {
        self.event(json!({"type": "message_start", "message": {"id": "m", "content": [], "usage": {"output_tokens": 1}}}));
        for (index, part) in parts.iter().enumerate() {
            let mut pieces = VecDeque::from(self.dice.pieces(&part.text));
            let begin = if self.dice.once_in(4) { pieces.pop_front().unwrap() } else { String::new() };
            let (block, delta, member) = match part.kind {
                Kind::Thought => (json!({"type": "thinking", "thinking": begin, "signature": ""}), "thinking_delta", "thinking"),
                Kind::Function => {
                    pieces.push_front(begin);
                    (json!({"type": "tool_use", "id": format!("t_{index}"), "name": "f", "input": {}}), "input_json_delta", "partial_json")
                }
                Kind::Text | Kind::Refusal | Kind::Custom => (json!({"type": "text", "text": begin}), "text_delta", "text"),
            };
            self.event(json!({"type": "content_block_start", "index": index, "content_block": block}));
            for piece in pieces {
                self.event(json!({"type": "content_block_delta", "index": index, "delta": {"type": delta, member: piece}}));
                if self.dice.once_in(8) {
                    self.event(json!({"type": "ping"}));
                }
            }
            if part.kind == Kind::Thought {
                self.event(
                    json!({"type": "content_block_delta", "index": index, "delta": {"type": "signature_delta", "signature": "UElJ"}}),
                );
            }
            self.event(json!({"type": "content_block_stop", "index": index}));
        }
        self.event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}));
        self.event(json!({"type": "message_stop"}));
    }

    /// The items of a response, one after the other, each said in pieces and then three times in whole.
    pub(super) fn responses(&mut self, parts: &[Part]) {
        self.event(json!({"type": "response.created", "response": {"id": "r", "output": []}}));
        let items: Vec<Value> = parts.iter().enumerate().map(|(index, part)| item(index, part)).collect();
        for (index, part) in parts.iter().enumerate() {
            let (stem, member, place) = match part.kind {
                Kind::Text => ("response.output_text", "text", Some("content_index")),
                Kind::Refusal => ("response.refusal", "refusal", Some("content_index")),
                Kind::Thought => ("response.reasoning_summary_text", "text", Some("summary_index")),
                Kind::Function => ("response.function_call_arguments", "arguments", None),
                Kind::Custom => ("response.custom_tool_call_input", "input", None),
            };
            let event = |kind: &str, member: &str, text: &str| {
                let mut event =
                    json!({"type": format!("{stem}.{kind}"), "item_id": format!("i_{index}"), "output_index": index, member: text});
                place.into_iter().for_each(|place| event[place] = json!(0));
                event
            };
            self.event(json!({"type": "response.output_item.added", "output_index": index, "item": {"id": format!("i_{index}")}}));
            for piece in self.dice.pieces(&part.text) {
                let mut event = event("delta", "delta", &piece);
                if part.kind == Kind::Text {
                    event["logprobs"] = json!([{"token": "PII_EML_0000000000000000", "logprob": -0.1}]);
                    event["obfuscation"] = json!("PII_EML_0000000000000000");
                }
                self.event(event);
            }
            self.event(event("done", member, &part.text));
            self.event(json!({"type": "response.output_item.done", "output_index": index, "item": items[index]}));
        }
        self.event(json!({"type": "response.completed", "response": {"id": "r", "output": items}}));
    }

    fn event(&mut self, event: Value) {
        let name = event["type"].as_str().unwrap().to_owned();
        self.frame(Some(&name), &event);
    }

    fn frame(&mut self, event: Option<&str>, data: &Value) {
        let mut json = String::new();
        write(data, &mut self.dice, &mut json);
        let name = event.map(|event| format!("event: {event}\n")).unwrap_or_default();
        let comment = if self.dice.once_in(20) { ": a comment\n\n" } else { "" };
        let frame = format!("{comment}{name}data: {}\n\n", json.replace('\n', "\ndata: "));
        self.frames.push(if self.dice.once_in(5) { frame.replace('\n', "\r\n") } else { frame });
    }
}

/// An item of a finished response.
pub(super) fn item(index: usize, part: &Part) -> Value {
    let id = format!("i_{index}");
    let text = &part.text;
    match part.kind {
        Kind::Text => json!({"id": id, "type": "message", "content": [{"type": "output_text", "text": text, "annotations": []}]}),
        Kind::Refusal => json!({"id": id, "type": "message", "content": [{"type": "refusal", "refusal": text}]}),
        Kind::Thought => {
            json!({"id": id, "type": "reasoning", "summary": [{"type": "summary_text", "text": text}], "encrypted_content": "PII_"})
        }
        Kind::Function => json!({"id": id, "type": "function_call", "call_id": "call", "name": "f", "arguments": text}),
        Kind::Custom => json!({"id": id, "type": "custom_tool_call", "call_id": "call", "name": "f", "input": text}),
    }
}

/// Type and member of a tool call.
pub(super) fn tool(kind: Kind) -> (&'static str, &'static str) {
    if kind == Kind::Custom { ("custom", "input") } else { ("function", "arguments") }
}

fn say(delta: &mut Value, (at, kind): (usize, Kind), piece: &str) {
    match kind {
        Kind::Text => delta["content"] = json!(piece),
        Kind::Thought => delta["reasoning_content"] = json!(piece),
        Kind::Refusal => delta["refusal"] = json!(piece),
        Kind::Function | Kind::Custom => {
            let (kind, member) = tool(kind);
            let mut calls = delta["tool_calls"].as_array().cloned().unwrap_or_default();
            calls.push(json!({"index": at, kind: {member: piece}}));
            delta["tool_calls"] = Value::from(calls);
        }
    }
}

/// JSON with space, line ends and escapes where JSON allows them.
fn write(value: &Value, dice: &mut Dice, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => spell(text, dice, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write(item, dice, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            if dice.once_in(2) {
                members.reverse();
            }
            out.push('{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(["", " ", "\n"][dice.below(20).saturating_sub(17)]);
                spell(name, dice, out);
                out.push(':');
                write(member, dice, out);
            }
            out.push('}');
        }
    }
}

fn spell(text: &str, dice: &mut Dice, out: &mut String) {
    let rarely = [1000, 1000, 8][dice.below(3)];
    out.push('"');
    for letter in text.chars() {
        if dice.once_in(rarely) {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            let quoted = serde_json::to_string(&letter).unwrap();
            out.push_str(quoted.get(1..quoted.len() - 1).unwrap());
        }
    }
    out.push('"');
}

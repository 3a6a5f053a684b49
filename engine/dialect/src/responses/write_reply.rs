//! Writes a whole answer for a caller. Texts and refusals in a row are one message, as OpenAI gives them: agents take the last message as
//! the answer.

use serde_json::Value;

use super::mark;
use super::shape::{Call, Response, State, function_call, message, output_text, reasoning, refusal};
use crate::reply::{Reply, ReplyPart, Stamp, Stop};
use crate::wire::arguments_text;

/// The body of the answer.
#[must_use]
pub fn write_reply(reply: &Reply, stamp: &Stamp) -> Vec<u8> {
    let refused = reply.parts.iter().any(|part| matches!(part, ReplyPart::Refusal(_)));
    let state = state(&reply.stop, refused);
    let id = response_id(&reply.id, stamp);
    let response = Response {
        id: &id,
        model: if reply.model.is_empty() { &stamp.model } else { &reply.model },
        created: stamp.created,
        state: &state,
        output: output(&reply.parts, &state, stamp),
        usage: reply.usage,
    };
    response.into_value().to_string().into_bytes()
}

/// The upstream's id, or one made here.
pub(super) fn response_id(id: &str, stamp: &Stamp) -> String {
    if id.is_empty() { format!("resp_{}", stamp.seed) } else { id.to_owned() }
}

/// The id of the item at this place of `output`; `kind` is OpenAI's prefix.
pub(super) fn item_id(kind: &str, stamp: &Stamp, at: usize) -> String {
    format!("{kind}_{}_{at}", stamp.seed)
}

/// How a response ends that stopped for this reason. A model that `refused` in words has said everything; a filter cuts the answer off.
pub(super) fn state(stop: &Stop, refused: bool) -> State {
    match stop {
        Stop::End | Stop::ToolCalls | Stop::StopSequence(_) => State::Completed,
        // A paused answer is cut as well and can be continued in the same way; there is no nearer word.
        Stop::Length | Stop::Paused => State::Incomplete("max_output_tokens"),
        Stop::Refused if refused => State::Completed,
        Stop::Refused => State::Incomplete("content_filter"),
    }
}

/// What is written as one item.
enum Item<'a> {
    Message(Vec<Value>),
    Other(&'a ReplyPart),
}

fn output(parts: &[ReplyPart], state: &State, stamp: &Stamp) -> Vec<Value> {
    let items = group(parts);
    let last = items.len().saturating_sub(1);
    let status = |at: usize| if at == last { state.of_last_item() } else { "completed" };
    items.into_iter().enumerate().map(|(at, item)| write_item(item, status(at), at, stamp)).collect()
}

fn group(parts: &[ReplyPart]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for part in parts {
        match (content(part), items.last_mut()) {
            (Some(content), Some(Item::Message(message))) => message.push(content),
            (Some(content), _) => items.push(Item::Message(vec![content])),
            (None, _) if says_something(part) => items.push(Item::Other(part)),
            (None, _) => {}
        }
    }
    items
}

fn content(part: &ReplyPart) -> Option<Value> {
    match part {
        ReplyPart::Text(text) => Some(output_text(text)),
        ReplyPart::Refusal(text) => Some(refusal(text)),
        ReplyPart::Thinking { .. } | ReplyPart::RedactedThinking(_) | ReplyPart::ToolCall { .. } => None,
    }
}

/// An item of empty thoughts would come back as a reference to something that no one keeps.
fn says_something(part: &ReplyPart) -> bool {
    !matches!(part, ReplyPart::Thinking { text, signature: None } if text.is_empty())
}

fn write_item(item: Item<'_>, status: &str, at: usize, stamp: &Stamp) -> Value {
    match item {
        Item::Message(content) => message(&item_id("msg", stamp, at), status, content),
        Item::Other(ReplyPart::Thinking { text, signature }) => reasoning(&item_id("rs", stamp, at), text, signature.as_deref()),
        Item::Other(ReplyPart::RedactedThinking(data)) => reasoning(&item_id("rs", stamp, at), "", Some(&mark::redacted(data))),
        // The signature of a call has no place in this dialect, and Gemini takes calls without it when they come from other dialects.
        Item::Other(ReplyPart::ToolCall { id, name, arguments, signature: _ }) => {
            function_call(&item_id("fc", stamp, at), status, &Call { call_id: id, name }, arguments_text(arguments))
        }
        Item::Other(ReplyPart::Text(text)) => message(&item_id("msg", stamp, at), status, vec![output_text(text)]),
        Item::Other(ReplyPart::Refusal(text)) => message(&item_id("msg", stamp, at), status, vec![refusal(text)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(parts: Vec<ReplyPart>, stop: Stop) -> Value {
        let stamp = Stamp { created: 7, seed: "seed".into(), model: "asked".into(), wants_usage: false };
        let reply = Reply { id: String::new(), model: String::new(), parts, stop, usage: None };
        serde_json::from_slice(&write_reply(&reply, &stamp)).unwrap()
    }

    /// The types of the items that these parts become.
    fn check(parts: Vec<ReplyPart>, expected: &[&str]) {
        let answer = write(parts, Stop::End);
        let types: Vec<_> = answer["output"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!(types, expected);
    }

    #[test]
    fn texts_in_a_row_are_one_message() {
        let text = || ReplyPart::Text("a".into());
        let call = ReplyPart::ToolCall { id: "c".into(), name: "f".into(), arguments: String::new(), signature: None };
        check(vec![text(), text(), ReplyPart::Refusal("no".into()), call, text()], &["message", "function_call", "message"]);
        check(vec![text(), ReplyPart::Thinking { text: String::new(), signature: None }, text()], &["message"]);
    }

    #[test]
    fn only_the_last_item_is_incomplete() {
        let call = |id: &str| ReplyPart::ToolCall { id: id.into(), name: "f".into(), arguments: String::new(), signature: None };
        let answer = write(vec![call("a"), call("b")], Stop::Length);
        assert_eq!((&answer["status"], &answer["incomplete_details"]["reason"]), (&"incomplete".into(), &"max_output_tokens".into()));
        assert_eq!((&answer["output"][0]["status"], &answer["output"][1]["status"]), (&"completed".into(), &"incomplete".into()));
        assert_eq!(answer["output"][0]["arguments"], "{}");
        assert_eq!((&answer["id"], &answer["model"]), (&"resp_seed".into(), &"asked".into()));
    }
}

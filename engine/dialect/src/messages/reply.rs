//! A whole answer, both ways.

use serde_json::{Map, Value, json};

use super::{stop, usage};
use crate::error::BadAnswer;
use crate::limits;
use crate::reply::{Reply, ReplyPart, Stamp};
use crate::wire::arguments_object;

/// Reads the answer of an Anthropic upstream.
///
/// # Errors
/// An answer that is no message, or that has blocks which only hosted tools make: none was asked for.
pub fn read_reply(body: &[u8], stamp: &Stamp) -> Result<Reply, BadAnswer> {
    let message: Value = serde_json::from_slice(body).map_err(|_| BadAnswer("the answer is not JSON"))?;
    let content = message.get("content").and_then(Value::as_array).ok_or(BadAnswer("the answer has no content"))?;
    let mut parts = content.iter().enumerate().map(|(at, block)| read_block(block, at, stamp)).collect::<Result<Vec<_>, _>>()?;
    let called = parts.iter().any(|part| matches!(part, ReplyPart::ToolCall { .. }));
    parts.extend(stop::refusal(&message).map(|words| ReplyPart::Refusal(words.to_owned())));
    limits::parts(parts.len())?;
    Ok(Reply {
        id: text(&message, "id"),
        model: text(&message, "model"),
        parts,
        stop: stop::read(&message).or_tool_calls(called),
        usage: message.get("usage").filter(|usage| usage.is_object()).map(usage::read),
    })
}

fn read_block(block: &Value, at: usize, stamp: &Stamp) -> Result<ReplyPart, BadAnswer> {
    match block.get("type").and_then(Value::as_str) {
        // Its citations, if any, are lost: no dialect has a place for them, and they were not asked for.
        Some("text") => Ok(ReplyPart::Text(text(block, "text"))),
        Some("thinking") => Ok(ReplyPart::Thinking { text: text(block, "thinking"), signature: some_text(block, "signature") }),
        Some("redacted_thinking") => Ok(ReplyPart::RedactedThinking(text(block, "data"))),
        Some("tool_use") => Ok(ReplyPart::ToolCall {
            id: some_text(block, "id").unwrap_or_else(|| tool_id(stamp, at)),
            name: some_text(block, "name").ok_or(BadAnswer("a call names no function"))?,
            arguments: block.get("input").map_or_else(|| "{}".to_owned(), Value::to_string),
            signature: None,
        }),
        Some(_) | None => Err(BadAnswer("the answer has a block of a type that was not asked for")),
    }
}

/// A text; empty where it is absent.
pub(super) fn text(holder: &Value, name: &str) -> String {
    some_text(holder, name).unwrap_or_default()
}

/// A text that is not empty.
pub(super) fn some_text(holder: &Value, name: &str) -> Option<String> {
    holder.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The id of a call that has none.
pub(super) fn tool_id(stamp: &Stamp, at: usize) -> String {
    format!("toolu_{}_{at}", stamp.seed)
}

/// Writes an answer for the caller.
#[must_use]
pub fn write_reply(reply: &Reply, stamp: &Stamp) -> Vec<u8> {
    let refused = reply.parts.iter().any(|part| matches!(part, ReplyPart::Refusal(_)));
    let (stop_reason, stop_sequence) = stop::write(&reply.stop, refused);
    let mut message = head(&reply.id, &reply.model, stamp);
    let content: Vec<_> = reply.parts.iter().enumerate().map(|(at, part)| write_part(part, at, stamp)).collect();
    message.insert("content".to_owned(), content.into());
    message.insert("stop_reason".to_owned(), stop_reason.into());
    message.insert("stop_sequence".to_owned(), stop_sequence.into());
    message.insert("usage".to_owned(), usage::write(reply.usage));
    Value::Object(message).to_string().into_bytes()
}

/// A message without content: as it is at the start of a stream.
pub(super) fn head(id: &str, model: &str, stamp: &Stamp) -> Map<String, Value> {
    let id = if id.is_empty() { format!("msg_{}", stamp.seed) } else { id.to_owned() };
    let model = if model.is_empty() { &stamp.model } else { model };
    Map::from_iter([
        ("id".to_owned(), id.into()),
        ("type".to_owned(), "message".into()),
        ("role".to_owned(), "assistant".into()),
        ("model".to_owned(), model.into()),
        ("content".to_owned(), Value::Array(Vec::new())),
        ("stop_reason".to_owned(), Value::Null),
        ("stop_sequence".to_owned(), Value::Null),
    ])
}

fn write_part(part: &ReplyPart, at: usize, stamp: &Stamp) -> Value {
    match part {
        ReplyPart::Text(text) | ReplyPart::Refusal(text) => json!({ "type": "text", "text": text }),
        // Anthropic's clients insist on a signature; an empty one is none.
        ReplyPart::Thinking { text, signature } => {
            json!({ "type": "thinking", "thinking": text, "signature": signature.as_deref().unwrap_or_default() })
        }
        ReplyPart::RedactedThinking(data) => json!({ "type": "redacted_thinking", "data": data }),
        // The dialect has no place for Gemini's signature of a call.
        ReplyPart::ToolCall { id, name, arguments, signature: _ } => {
            let id = if id.is_empty() { tool_id(stamp, at) } else { id.clone() };
            json!({ "type": "tool_use", "id": id, "name": name, "input": input(arguments) })
        }
    }
}

/// Arguments that are no object stand in one, under the name that Anthropic recommends for them ("Fine-grained tool streaming").
fn input(arguments: &str) -> Value {
    arguments_object("", arguments).map_or_else(|_| json!({ "INVALID_JSON": arguments }), Value::Object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Stop;

    fn stamp() -> Stamp {
        Stamp { created: 7, seed: "seed".to_owned(), model: "route".to_owned(), wants_usage: false }
    }

    fn check(content: &str, expected: Result<Vec<ReplyPart>, BadAnswer>) {
        let body = format!(r#"{{"id":"msg_1","type":"message","model":"m","content":{content},"stop_reason":"end_turn","new":1}}"#);
        assert_eq!(read_reply(body.as_bytes(), &stamp()).map(|reply| reply.parts), expected);
    }

    #[test]
    fn blocks() {
        check(r#"[{"type":"text","text":"a","citations":[{"type":"x"}]}]"#, Ok(vec![ReplyPart::Text("a".to_owned())]));
        check(
            r#"[{"type":"thinking","thinking":"","signature":"s"}]"#,
            Ok(vec![ReplyPart::Thinking { text: String::new(), signature: Some("s".to_owned()) }]),
        );
        let call = ReplyPart::ToolCall {
            id: "toolu_seed_0".to_owned(),
            name: "f".to_owned(),
            arguments: r#"{"b":1,"a":2}"#.to_owned(),
            signature: None,
        };
        check(r#"[{"type":"tool_use","name":"f","input":{"b":1,"a":2}}]"#, Ok(vec![call]));
        let hosted = BadAnswer("the answer has a block of a type that was not asked for");
        check(r#"[{"type":"server_tool_use","id":"x","name":"web_search","input":{}}]"#, Err(hosted));
        check("7", Err(BadAnswer("the answer has no content")));
    }

    #[test]
    fn words_of_a_refusal_are_kept() {
        let body = br#"{"content":[],"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":"no"}}"#;
        let reply = read_reply(body, &stamp()).unwrap();
        assert_eq!((reply.stop.clone(), reply.parts.clone()), (Stop::Refused, vec![ReplyPart::Refusal("no".to_owned())]));
        let written = String::from_utf8(write_reply(&reply, &stamp())).unwrap();
        assert!(written.starts_with(r#"{"id":"msg_seed","type":"message","role":"assistant","model":"route","content""#), "{written}");
        assert!(written.contains(r#""content":[{"type":"text","text":"no"}],"stop_reason":"refusal""#), "{written}");
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let read = |blocks: usize| {
            let content = vec![r#"{"type":"text"}"#; blocks].join(",");
            read_reply(format!(r#"{{"content":[{content}]}}"#).as_bytes(), &stamp())
        };
        assert!(read(limits::PARTS_MAX).is_ok() && read(limits::PARTS_MAX + 1).is_err());
    }

    #[test]
    fn arguments_that_are_no_object_are_not_lost() {
        assert_eq!(
            (input("null"), input("{\"a"), input("[1]")),
            (json!({}), json!({ "INVALID_JSON": "{\"a" }), json!({ "INVALID_JSON": "[1]" }))
        );
    }
}

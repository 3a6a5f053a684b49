//! Reads an upstream's whole answer. Tolerant of members it does not know, but not of items whose content the caller would miss.

use serde_json::Value;

use super::mark;
use crate::error::BadAnswer;
use crate::limits;
use crate::reply::{Reply, ReplyPart, Stamp, Stop, call_id};
use crate::usage::Usage;
use crate::wire;

/// The answer.
///
/// # Errors
/// When it is not in this dialect, failed, is not complete, or holds items of tools that no one asked for.
pub fn read_reply(body: &[u8], stamp: &Stamp) -> Result<Reply, BadAnswer> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| BadAnswer("the answer is not JSON"))?;
    let stop = stop(&answer)?;
    let output = answer.get("output").and_then(Value::as_array).ok_or(BadAnswer("the answer has no `output`"))?;
    let mut parts = Vec::new();
    for (at, item) in output.iter().enumerate() {
        parts.extend(item_parts(item, at, stamp)?);
    }
    limits::parts(parts.len())?;
    let called = parts.iter().any(|part| matches!(part, ReplyPart::ToolCall { .. }));
    let refused = parts.iter().any(|part| matches!(part, ReplyPart::Refusal(_)));
    Ok(Reply {
        id: text(&answer, "id").to_owned(),
        model: text(&answer, "model").to_owned(),
        parts,
        stop: stop.settled(called, refused),
        usage: usage(&answer),
    })
}

/// A member that is text; empty where it is absent or something else.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is a list; empty where it is absent or something else.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Why the model stopped, apart from what it said.
pub(super) fn stop(answer: &Value) -> Result<Stop, BadAnswer> {
    match text(answer, "status") {
        // Some servers leave the status out.
        "completed" | "" => Ok(Stop::End),
        "incomplete" => Ok(match answer.pointer("/incomplete_details/reason").and_then(Value::as_str) {
            Some("content_filter") => Stop::Refused,
            Some(_) | None => Stop::Length,
        }),
        "failed" => Err(BadAnswer("the answer says that it failed")),
        _ => Err(BadAnswer("the answer is not complete")),
    }
}

/// What was counted.
pub(super) fn usage(answer: &Value) -> Option<Usage> {
    read_usage(answer.get("usage")?)
}

/// Reads a `usage` object; nothing where it is none.
pub(crate) fn read_usage(usage: &Value) -> Option<Usage> {
    let usage = Some(usage).filter(|usage| usage.is_object())?;
    let count = |path: &str| wire::count(usage.pointer(path)).unwrap_or(0);
    Some(Usage {
        input_tokens: count("/input_tokens"),
        cache_read_tokens: count("/input_tokens_details/cached_tokens"),
        cache_write_tokens: count("/input_tokens_details/cache_write_tokens"),
        cache_write_hour_tokens: 0,
        output_tokens: count("/output_tokens"),
        reasoning_tokens: count("/output_tokens_details/reasoning_tokens"),
    })
}

/// The parts in one item of `output`.
pub(super) fn item_parts(item: &Value, at: usize, stamp: &Stamp) -> Result<Vec<ReplyPart>, BadAnswer> {
    match text(item, "type") {
        "message" => list(item, "content").iter().map(content_part).collect(),
        "function_call" => {
            let (id, name) = call_names(item, at, stamp)?;
            Ok(vec![ReplyPart::ToolCall { id, name, arguments: text(item, "arguments").to_owned(), signature: None }])
        }
        "reasoning" => Ok(thoughts(item).map(|(text, signature)| ReplyPart::Thinking { text, signature }).into_iter().collect()),
        _ => Err(BadAnswer("the answer has an item of a tool that was not asked for")),
    }
}

/// A part of a message. Annotations belong to tools that OpenAI runs, and those are refused above.
pub(super) fn content_part(part: &Value) -> Result<ReplyPart, BadAnswer> {
    match text(part, "type") {
        "output_text" => Ok(ReplyPart::Text(text(part, "text").to_owned())),
        "refusal" => Ok(ReplyPart::Refusal(text(part, "refusal").to_owned())),
        _ => Err(BadAnswer("a message of the answer is neither text nor refusal")),
    }
}

/// The id and name of a call.
pub(super) fn call_names(item: &Value, at: usize, stamp: &Stamp) -> Result<(String, String), BadAnswer> {
    let name = text(item, "name");
    if name.is_empty() {
        return Err(BadAnswer("a call of the answer names no function"));
    }
    let id = [text(item, "call_id"), text(item, "id")].into_iter().find(|id| !id.is_empty());
    Ok((id.map_or_else(|| call_id(&stamp.seed, at), str::to_owned), name.to_owned()))
}

/// The text and signature of thoughts; nothing where an item has neither.
pub(super) fn thoughts(item: &Value) -> Option<(String, Option<String>)> {
    let texts = list(item, "summary").iter().chain(list(item, "content")).map(|part| text(part, "text"));
    let joined = texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
    let encrypted = Some(text(item, "encrypted_content")).filter(|encrypted| !encrypted.is_empty());
    let signature = encrypted.map(|encrypted| mark::signature(text(item, "id"), encrypted));
    (!joined.is_empty() || signature.is_some()).then_some((joined, signature))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stamp() -> Stamp {
        Stamp { created: 7, seed: "seed".into(), model: "asked".into(), wants_usage: false }
    }

    fn check(answer: Value, expected: Result<(Vec<ReplyPart>, Stop), &str>) {
        let read = read_reply(answer.to_string().as_bytes(), &stamp());
        assert_eq!(read.map(|reply| (reply.parts, reply.stop)).map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn items_become_parts() {
        let call = json!({"type": "function_call", "name": "f", "arguments": "{}"});
        let thought =
            json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "enc", "summary": [{"text": "a"}, {"text": ""}, {"text": "b"}]});
        let nothing = json!({"type": "reasoning", "id": "rs_2", "summary": []});
        let parts = vec![
            ReplyPart::Thinking { text: "a\n\nb".into(), signature: Some("rs_1:enc".into()) },
            ReplyPart::ToolCall { id: "call_seed_2".into(), name: "f".into(), arguments: "{}".into(), signature: None },
        ];
        check(json!({"status": "completed", "output": [thought, nothing, call]}), Ok((parts, Stop::ToolCalls)));
    }

    #[test]
    fn an_incomplete_answer_says_why() {
        let answer = |reason| json!({"status": "incomplete", "incomplete_details": {"reason": reason}, "output": []});
        check(answer("max_output_tokens"), Ok((vec![], Stop::Length)));
        check(answer("content_filter"), Ok((vec![], Stop::Refused)));
        check(json!({"status": "in_progress", "output": []}), Err("the answer is not complete"));
        check(json!({"status": "failed", "output": []}), Err("the answer says that it failed"));
    }

    #[test]
    fn what_a_caller_would_miss_is_an_error() {
        check(json!({"output": [{"type": "web_search_call"}]}), Err("the answer has an item of a tool that was not asked for"));
        let audio = json!({"type": "message", "content": [{"type": "output_audio"}]});
        check(json!({"output": [audio]}), Err("a message of the answer is neither text nor refusal"));
        check(json!({"output": [{"type": "function_call"}]}), Err("a call of the answer names no function"));
        check(json!([]), Err("the answer has no `output`"));
    }
}

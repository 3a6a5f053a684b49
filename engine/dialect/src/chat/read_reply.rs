//! Reads a whole answer of an upstream: tolerant of what it adds, but never silent about content that the caller would miss.
//!
//! Left out on purpose: annotations (the text stands without them), probabilities of tokens, texts in `reasoning_details` (they repeat
//! `reasoning`), and answers beyond the first, which nobody asks for across dialects.

use serde_json::Value;

use super::{finish, problem, tokens};
use crate::error::BadAnswer;
use crate::limits;
use crate::reply::{Reply, ReplyPart, Stamp, call_id};

/// Reads the body of a successful answer.
///
/// # Errors
/// The body is no chat completion, or carries something that cannot be given to the caller.
pub fn read_reply(body: &[u8], stamp: &Stamp) -> Result<Reply, BadAnswer> {
    let body: Value = serde_json::from_slice(body).map_err(|_| BadAnswer("the upstream's answer is not JSON"))?;
    if problem::in_chunk(&body).is_some() {
        return Err(BadAnswer("the upstream answered with an error and a status of success"));
    }
    let choice = body.get("choices").and_then(Value::as_array).and_then(|choices| choices.first());
    let choice = choice.ok_or(BadAnswer("the upstream's answer has no `choices`"))?;
    let message = choice.get("message").filter(|message| message.is_object());
    let message = message.ok_or(BadAnswer("the upstream's answer has no `message`"))?;
    refuse_foreign_content(message)?;
    let parts = parts(message, stamp)?;
    limits::parts(parts.len())?;
    let called = parts.iter().any(|part| matches!(part, ReplyPart::ToolCall { .. }));
    let refused = parts.iter().any(|part| matches!(part, ReplyPart::Refusal(_)));
    let stop = finish::of_whole(choice)?;
    Ok(Reply {
        id: word(&body, "id").to_owned(),
        model: word(&body, "model").to_owned(),
        parts,
        stop: stop.settled(called, refused),
        // Moonshot counts in the choice.
        usage: tokens::read(body.get("usage")).or_else(|| tokens::read(choice.get("usage"))),
    })
}

/// Pieces of `content`: text as text, or Mistral's list of texts and thoughts. Calls `each` with whether the piece is a thought.
pub(super) fn each_piece(content: Option<&Value>, each: &mut dyn FnMut(bool, &str)) -> Result<(), BadAnswer> {
    match content {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) => {
            each(false, text);
            Ok(())
        }
        Some(Value::Array(pieces)) => pieces.iter().try_for_each(|piece| match word(piece, "type") {
            "text" | "output_text" => {
                each(false, word(piece, "text"));
                Ok(())
            }
            "thinking" => each_piece(piece.get("thinking"), &mut |_, text| each(true, text)),
            // Marks in Mistral's text, like annotations.
            "reference" => Ok(()),
            _ => Err(BadAnswer("the upstream's answer has content that is neither text nor thoughts")),
        }),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(BadAnswer("the upstream's `content` is no text")),
    }
}

/// Thoughts beside the content: `reasoning_content`, or `reasoning` where the server calls it so; never both, which would double them.
pub(super) fn thoughts(message: &Value) -> &str {
    match word(message, "reasoning_content") {
        "" => word(message, "reasoning"),
        text => text,
    }
}

/// Thoughts that only their operator can read, in OpenRouter's shape.
pub(super) fn redacted(message: &Value) -> impl Iterator<Item = &str> {
    let details = message.get("reasoning_details").and_then(Value::as_array).into_iter().flatten();
    let encrypted = details.filter(|detail| word(detail, "type") == "reasoning.encrypted");
    encrypted.map(|detail| word(detail, "data")).filter(|data| !data.is_empty())
}

/// Pictures, sounds and calls of old that the caller did not ask for and could not be given.
pub(super) fn refuse_foreign_content(message: &Value) -> Result<(), BadAnswer> {
    let says_something = |name: &str| match message.get(name) {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(_)) => true,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    };
    if says_something("audio") || says_something("images") {
        return Err(BadAnswer("the upstream answered with pictures or sounds, which nobody asked for"));
    }
    if says_something("function_call") {
        return Err(BadAnswer("the upstream answered with the deprecated `function_call`"));
    }
    Ok(())
}

/// A text member; empty where there is none.
pub(super) fn word<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn parts(message: &Value, stamp: &Stamp) -> Result<Vec<ReplyPart>, BadAnswer> {
    let mut thinking = thoughts(message).to_owned();
    let mut text = String::new();
    each_piece(message.get("content"), &mut |is_thought, piece| {
        if is_thought { &mut thinking } else { &mut text }.push_str(piece);
    })?;
    let signature = Some(word(message, "reasoning_signature").to_owned()).filter(|signature| !signature.is_empty());
    let refusal = word(message, "refusal");
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let thinking = (!thinking.is_empty() || signature.is_some()).then_some(ReplyPart::Thinking { text: thinking, signature });
    let redacted = redacted(message).map(|data| ReplyPart::RedactedThinking(data.to_owned()));
    let text = (!text.is_empty()).then_some(ReplyPart::Text(text));
    let refusal = (!refusal.is_empty()).then(|| ReplyPart::Refusal(refusal.to_owned()));
    let calls = calls.enumerate().map(|(nth, call)| tool_call(call, &call_id(&stamp.seed, nth)));
    let words = [text, refusal].into_iter().flatten();
    thinking.into_iter().chain(redacted).chain(words).map(Ok).chain(calls).collect()
}

fn tool_call(call: &Value, made_id: &str) -> Result<ReplyPart, BadAnswer> {
    let function = call.get("function").ok_or(BadAnswer("the upstream called a tool that is no function"))?;
    let name = word(function, "name");
    if name.is_empty() {
        return Err(BadAnswer("the upstream called a function without a name"));
    }
    let id = if word(call, "id").is_empty() { made_id } else { word(call, "id") };
    // Some servers write the word `null` where the function takes nothing.
    let arguments = arguments(function).filter(|text| text.trim() != "null").unwrap_or_default();
    Ok(ReplyPart::ToolCall { id: id.to_owned(), name: name.to_owned(), arguments, signature: None })
}

/// JSON as text; some servers give the object itself.
pub(super) fn arguments(function: &Value) -> Option<String> {
    match function.get("arguments")? {
        Value::String(text) => Some(text.clone()),
        object @ Value::Object(_) => Some(object.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reply::Stop;

    fn read(choice: Value) -> Result<Reply, BadAnswer> {
        let stamp = Stamp { created: 1, seed: "s".into(), model: "asked".into(), wants_usage: false };
        read_reply(json!({"id": "i", "model": "m", "choices": [choice]}).to_string().as_bytes(), &stamp)
    }

    #[track_caller]
    fn check(choice: Value, parts: &[ReplyPart], stop: &Stop) {
        let reply = read(choice).unwrap();
        assert_eq!((reply.parts.as_slice(), &reply.stop), (parts, stop));
    }

    fn text(text: &str) -> ReplyPart {
        ReplyPart::Text(text.to_owned())
    }

    fn thinking(text: &str, signature: Option<&str>) -> ReplyPart {
        ReplyPart::Thinking { text: text.to_owned(), signature: signature.map(str::to_owned) }
    }

    #[test]
    fn words_and_thoughts_wherever_they_stand() {
        check(json!({"message": {"content": "a"}, "finish_reason": "stop"}), &[text("a")], &Stop::End);
        check(
            json!({"message": {"content": "a", "reasoning_content": "t", "reasoning_signature": "s"}, "finish_reason": "length"}),
            &[thinking("t", Some("s")), text("a")],
            &Stop::Length,
        );
        check(
            json!({"message": {"content": "a", "reasoning_content": "t", "reasoning": "t"}}),
            &[thinking("t", None), text("a")],
            &Stop::End,
        );
        check(
            json!({"message": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, {"type": "text", "text": "a"},
                {"type": "reference", "reference_ids": [1]}]}, "finish_reason": "stop"}),
            &[thinking("t", None), text("a")],
            &Stop::End,
        );
        check(
            json!({"message": {"content": null, "refusal": "no"}, "finish_reason": "stop"}),
            &[ReplyPart::Refusal("no".into())],
            &Stop::Refused,
        );
        check(json!({"message": {"content": ""}, "finish_reason": "length"}), &[], &Stop::Length);
        check(
            json!({"message": {"content": "a", "reasoning": "t", "reasoning_details": [{"type": "reasoning.text", "text": "t"},
                {"type": "reasoning.encrypted", "data": "AA==", "id": "rs_1"}]}, "finish_reason": "tool_calls"}),
            &[thinking("t", None), ReplyPart::RedactedThinking("AA==".into()), text("a")],
            &Stop::End,
        );
    }

    #[test]
    fn calls_of_servers_that_differ() {
        let call = |id: &str, arguments: &str| ReplyPart::ToolCall {
            id: id.into(),
            name: "f".into(),
            arguments: arguments.into(),
            signature: None,
        };
        check(
            json!({"message": {"content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                {"function": {"name": "f", "arguments": {"x": 1}}},
                {"id": "", "function": {"name": "f"}},
                {"id": "d", "function": {"name": "f", "arguments": "null"}}]}, "finish_reason": "stop"}),
            &[call("a", "{\"x\": 1}"), call("call_s_1", "{\"x\":1}"), call("call_s_2", ""), call("d", "")],
            &Stop::ToolCalls,
        );
    }

    #[test]
    fn what_the_caller_would_miss_is_an_error() {
        for choice in [
            json!({"message": {"content": "a", "audio": {"id": "x"}}}),
            json!({"message": {"content": "a", "images": [{}]}}),
            json!({"message": {"content": null, "function_call": {"name": "f", "arguments": "{}"}}}),
            json!({"message": {"content": [{"type": "image_url"}]}}),
            json!({"message": {"tool_calls": [{"id": "a", "type": "custom", "custom": {}}]}}),
            json!({"message": {"content": "half"}, "finish_reason": "error"}),
            json!({"text": "an old completion"}),
        ] {
            assert!(read(choice.clone()).is_err(), "{choice}");
        }
        let stamp = Stamp { created: 1, seed: "s".into(), model: "m".into(), wants_usage: false };
        for body in ["", "[]", "{}", "null", r#"{"choices":[]}"#, r#"{"error":{"message":"busy"}}"#] {
            assert!(read_reply(body.as_bytes(), &stamp).is_err(), "{body}");
        }
    }
}

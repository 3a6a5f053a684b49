//! Reads a whole answer.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::{Ending, TokenUsage, ending};
use crate::error::BadAnswer;
use crate::limits;
use crate::reply::{Reply, ReplyPart, Stamp};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    output: Output,
    stop_reason: String,
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct Output {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Vec<Map<String, Value>>>,
}

/// Reads an answer of `Converse`. It names neither itself nor the model.
///
/// # Errors
/// It is not Bedrock's, or holds what no other dialect could show.
pub fn read_reply(body: &[u8], _stamp: &Stamp) -> Result<Reply, BadAnswer> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| BadAnswer("the answer is not in the form of Bedrock's"))?;
    let blocks = answer.output.message.content.unwrap_or_default();
    let parts = blocks.into_iter().filter_map(|block| part(block).transpose()).collect::<Result<Vec<_>, _>>()?;
    limits::parts(parts.len())?;
    let called = parts.iter().any(|part| matches!(part, ReplyPart::ToolCall { .. }));
    let Ending::Stop(stop) = ending(&answer.stop_reason) else {
        return Err(BadAnswer("what the model wrote is not well-formed"));
    };
    let usage = answer.usage.as_ref().map(TokenUsage::usage);
    Ok(Reply { id: String::new(), model: String::new(), parts, stop: stop.or_tool_calls(called), usage })
}

fn part(mut block: Map<String, Value>) -> Result<Option<ReplyPart>, BadAnswer> {
    if let Some(text) = block.remove("text") {
        let text = owned(Some(text)).ok_or(BadAnswer("a text of the answer is not text"))?;
        return Ok((!text.is_empty()).then_some(ReplyPart::Text(text)));
    }
    if let Some(call) = block.remove("toolUse") {
        return tool_call(call).map(Some);
    }
    if let Some(reasoning) = block.remove("reasoningContent") {
        return thinking(reasoning).map(Some);
    }
    if let Some(cited) = block.remove("citationsContent") {
        return Ok(Some(ReplyPart::Text(cited_text(&cited)?)));
    }
    match block.keys().all(|name| name == "cachePoint") {
        true => Ok(None),
        false => Err(BadAnswer("the answer holds something other than text, thoughts and calls of functions")),
    }
}

fn tool_call(mut call: Value) -> Result<ReplyPart, BadAnswer> {
    if is_server_call(&call) {
        return Err(BadAnswer("the model called a function of the operator, for which nobody asked"));
    }
    let mut take = |name| call.get_mut(name).map(Value::take);
    let (Some(id), Some(name)) = (owned(take("toolUseId")), owned(take("name"))) else {
        return Err(BadAnswer("a call of a function has no id or no name"));
    };
    let arguments = match take("input") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(input @ Value::Object(_)) => input.to_string(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(BadAnswer("the arguments of a function are not an object"));
        }
    };
    Ok(ReplyPart::ToolCall { id, name, arguments, signature: None })
}

/// Whether the operator itself runs the function.
pub(super) fn is_server_call(call: &Value) -> bool {
    call.get("type").and_then(Value::as_str) == Some("server_tool_use")
}

fn thinking(mut reasoning: Value) -> Result<ReplyPart, BadAnswer> {
    if let Some(data) = owned(reasoning.get_mut("redactedContent").map(Value::take)) {
        return Ok(ReplyPart::RedactedThinking(data));
    }
    let mut take = |name| reasoning.get_mut("reasoningText").and_then(|text| text.get_mut(name)).map(Value::take);
    let text = owned(take("text")).ok_or(BadAnswer("a thought is neither text nor redacted"))?;
    let signature = owned(take("signature")).filter(|signature| !signature.is_empty());
    Ok(ReplyPart::Thinking { text, signature })
}

/// The text alone: citations come only to those who ask for them, and no caller can.
fn cited_text(cited: &Value) -> Result<String, BadAnswer> {
    let pieces = cited.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Option<Vec<&str>> = pieces.iter().map(|piece| piece.get("text").and_then(Value::as_str)).collect();
    texts.map(|texts| texts.concat()).ok_or(BadAnswer("a text with citations is not text"))
}

fn owned(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Stop;

    fn read(body: &str) -> Result<Reply, BadAnswer> {
        let stamp = Stamp { created: 0, seed: "s".into(), model: "m".into(), wants_usage: false };
        read_reply(body.as_bytes(), &stamp)
    }

    fn body(content: &str, reason: &str) -> String {
        format!(
            r#"{{"output":{{"message":{{"role":"assistant","content":{content}}}}},"stopReason":"{reason}","metrics":{{"latencyMs":1}}}}"#
        )
    }

    #[track_caller]
    fn check(content: &str, expected: &[ReplyPart]) {
        assert_eq!(read(&body(content, "end_turn")).unwrap().parts, expected);
    }

    #[test]
    fn every_part_is_read() {
        check(
            r#"[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"reasoningContent":{"redactedContent":"AA=="}},{"text":""},{"text":"a"},{"cachePoint":{"type":"default"}}]"#,
            &[
                ReplyPart::Thinking { text: "hm".into(), signature: Some("s".into()) },
                ReplyPart::RedactedThinking("AA==".into()),
                ReplyPart::Text("a".into()),
            ],
        );
        check(r#"[{"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[]}}]"#, &[ReplyPart::Text("ab".into())]);
        let call = ReplyPart::ToolCall { id: "1".into(), name: "f".into(), arguments: r#"{"b":1,"a":2}"#.into(), signature: None };
        check(r#"[{"toolUse":{"toolUseId":"1","name":"f","input":{"b":1,"a":2}}}]"#, &[call]);
    }

    #[test]
    fn every_end_has_a_meaning() {
        for (reason, stop) in [
            ("end_turn", Stop::End),
            ("tool_use", Stop::ToolCalls),
            ("max_tokens", Stop::Length),
            ("model_context_window_exceeded", Stop::Length),
            ("stop_sequence", Stop::StopSequence(None)),
            ("guardrail_intervened", Stop::Refused),
            ("content_filtered", Stop::Refused),
            ("new_word", Stop::Refused),
        ] {
            assert_eq!(read(&body("[]", reason)).unwrap().stop, stop, "{reason}");
        }
        let called = read(&body(r#"[{"toolUse":{"toolUseId":"1","name":"f"}}]"#, "end_turn")).unwrap();
        assert_eq!(called.stop, Stop::ToolCalls);
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let read = |blocks: usize| read(&body(&format!("[{}]", vec![r#"{"text":"a"}"#; blocks].join(",")), "end_turn"));
        assert!(read(limits::PARTS_MAX).is_ok() && read(limits::PARTS_MAX + 1).is_err());
    }

    #[test]
    fn what_a_caller_would_miss_is_a_bad_answer() {
        for content in [
            r#"[{"image":{"format":"png"}}]"#,
            r#"[{"toolUse":{"name":"f"}}]"#,
            r#"[{"toolUse":{"toolUseId":"1","name":"f","input":1}}]"#,
            r#"[{"toolUse":{"toolUseId":"1","name":"f","type":"server_tool_use"}}]"#,
            r#"[{"reasoningContent":{}}]"#,
            r#"[{"text":1}]"#,
        ] {
            assert!(read(&body(content, "end_turn")).is_err(), "{content}");
        }
        for other in ["", "[]", "{}", r#"{"output":{}}"#, &body("[]", "malformed_tool_use")] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}

//! Writes a whole answer for a caller, in OpenAI's shape; thoughts as the de facto members say them.
//!
//! Left out on purpose: the signature of a call (Gemini's), because the dialect's callers have no place to hand it back from; the
//! signatures of several thoughts, because all thoughts share one member and a signature proves only its own.

use serde_json::{Map, Value, json};

use super::{finish, tokens};
use crate::reply::{Reply, ReplyPart, Stamp};
use crate::wire::arguments_text;

/// Writes the body of an answer.
#[must_use]
pub fn write_reply(reply: &Reply, stamp: &Stamp) -> Vec<u8> {
    let refused = reply.parts.iter().any(|part| matches!(part, ReplyPart::Refusal(_)));
    let finish_reason = finish::write(&reply.stop, refused);
    let mut body = json!({
        "id": id(&reply.id, stamp),
        "object": "chat.completion",
        "created": stamp.created,
        "model": model(&reply.model, stamp),
        "choices": [{"index": 0, "message": message(&reply.parts), "logprobs": null, "finish_reason": finish_reason}],
    });
    if let (Some(body), Some(usage)) = (body.as_object_mut(), &reply.usage) {
        body.insert("usage".to_owned(), tokens::write(usage));
    }
    body.to_string().into_bytes()
}

/// OpenAI's ids begin with `chatcmpl-`; what follows is the upstream's, so that both logs can be matched.
pub(super) fn id(upstream: &str, stamp: &Stamp) -> String {
    match upstream {
        "" => format!("chatcmpl-{}", stamp.seed),
        id if id.starts_with("chatcmpl-") => id.to_owned(),
        id => format!("chatcmpl-{id}"),
    }
}

/// The model as the upstream names it, or as the caller did.
pub(super) fn model<'a>(upstream: &'a str, stamp: &'a Stamp) -> &'a str {
    if upstream.is_empty() { &stamp.model } else { upstream }
}

/// Thoughts that only their operator can read, in OpenRouter's shape; [`super::read_ask`] takes them back.
pub(super) fn redacted(data: &str) -> Value {
    json!({"type": "reasoning.encrypted", "data": data})
}

fn message(parts: &[ReplyPart]) -> Value {
    let mut said = Said::default();
    for part in parts {
        said.add(part);
    }
    let nothing_else = said.refusal.is_none() && said.calls.is_empty();
    let content = said.text.or_else(|| nothing_else.then(String::new));
    let mut message = Map::from_iter([
        ("role".to_owned(), "assistant".into()),
        ("content".to_owned(), content.into()),
        ("refusal".to_owned(), said.refusal.into()),
        ("annotations".to_owned(), json!([])),
    ]);
    let signature = said.signatures.pop().filter(|_| said.thoughts.len() == 1);
    let thoughts = (!said.thoughts.is_empty()).then(|| said.thoughts.join("\n"));
    let mut put = |name: &str, value: Option<Value>| message.extend(value.map(|value| (name.to_owned(), value)));
    put("reasoning_content", thoughts.map(Value::from));
    put("reasoning_signature", signature.map(Value::from));
    put("reasoning_details", Some(said.redacted).filter(|list| !list.is_empty()).map(Value::from));
    put("tool_calls", Some(said.calls).filter(|list| !list.is_empty()).map(Value::from));
    message.into()
}

/// The parts by the members that they go to.
#[derive(Default)]
struct Said {
    text: Option<String>,
    refusal: Option<String>,
    thoughts: Vec<String>,
    signatures: Vec<String>,
    redacted: Vec<Value>,
    calls: Vec<Value>,
}

// === impl Said ===

impl Said {
    fn add(&mut self, part: &ReplyPart) {
        match part {
            ReplyPart::Text(text) => self.text.get_or_insert_default().push_str(text),
            ReplyPart::Refusal(text) => self.refusal.get_or_insert_default().push_str(text),
            ReplyPart::Thinking { text, signature } => {
                self.thoughts.push(text.clone());
                self.signatures.extend(signature.clone());
            }
            ReplyPart::RedactedThinking(data) => self.redacted.push(redacted(data)),
            ReplyPart::ToolCall { id, name, arguments: text, signature: _ } => {
                self.calls.push(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments_text(text)}}));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &[ReplyPart], expected: Value) {
        let mut whole = json!({"role": "assistant", "content": null, "refusal": null, "annotations": []});
        whole.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
        assert_eq!(message(parts), whole);
    }

    fn thinking(text: &str, signature: &str) -> ReplyPart {
        ReplyPart::Thinking { text: text.to_owned(), signature: Some(signature.to_owned()) }
    }

    #[test]
    fn every_part_has_its_member() {
        check(&[], json!({"content": ""}));
        check(&[ReplyPart::Text("a".into()), ReplyPart::Text("b".into())], json!({"content": "ab"}));
        check(&[ReplyPart::Refusal("no".into())], json!({"refusal": "no"}));
        check(&[thinking("t", "s")], json!({"content": "", "reasoning_content": "t", "reasoning_signature": "s"}));
        check(
            &[ReplyPart::RedactedThinking("x".into())],
            json!({"content": "", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}),
        );
        check(
            &[ReplyPart::ToolCall { id: "i".into(), name: "f".into(), arguments: String::new(), signature: Some("g".into()) }],
            json!({"tool_calls": [{"id": "i", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
        );
    }

    #[test]
    fn a_signature_never_stands_beside_thoughts_that_it_does_not_prove() {
        check(&[thinking("t", "s"), thinking("u", "v")], json!({"content": "", "reasoning_content": "t\nu"}));
    }

    #[test]
    fn ids_look_like_openai() {
        let stamp = Stamp { created: 1, seed: "seed".into(), model: "m".into(), wants_usage: false };
        assert_eq!(id("", &stamp), "chatcmpl-seed");
        assert_eq!(id("msg_1", &stamp), "chatcmpl-msg_1");
        assert_eq!(id("chatcmpl-1", &stamp), "chatcmpl-1");
    }
}

//! Reads a whole answer.

use super::chunk::{Chunk, Ending, Piece};
use crate::error::BadAnswer;
use crate::limits;
use crate::reply::{Reply, ReplyPart, Stamp, Stop, call_id};

/// Reads an answer of `generateContent`.
///
/// # Errors
/// It is not Gemini's, not complete, or holds what no other dialect could show.
pub fn read_reply(body: &[u8], stamp: &Stamp) -> Result<Reply, BadAnswer> {
    let mut answer = Chunk::parse(body)?;
    let mut said = Said::default();
    for piece in answer.pieces()? {
        said.add(piece, stamp);
    }
    let Said { mut parts, calls } = said;
    limits::parts(parts.len())?;
    let called = calls > 0;
    let stop = match (answer.ending(), answer.blocked()) {
        (Some(Ending::Stop(stop)), _) => stop.or_tool_calls(called),
        (Some(Ending::Failed { .. }), _) => return Err(BadAnswer("the model failed: it called a function wrongly or broke off")),
        (None, Some(reason)) => {
            parts.push(ReplyPart::Refusal(reason));
            Stop::Refused
        }
        (None, None) => return Err(BadAnswer("the answer has no end")),
    };
    let usage = answer.usage();
    Ok(Reply { id: answer.response_id.unwrap_or_default(), model: answer.model_version.unwrap_or_default(), parts, stop, usage })
}

/// What was said so far.
#[derive(Default)]
struct Said {
    parts: Vec<ReplyPart>,
    /// How many of them are calls.
    calls: usize,
}

// === impl Said ===

impl Said {
    /// Adds a piece; text goes on from text, and a thought from a thought that is not yet signed.
    fn add(&mut self, piece: Piece, stamp: &Stamp) {
        match (piece, self.parts.last_mut()) {
            (Piece::Text { thought: false, text, .. }, Some(ReplyPart::Text(before))) => before.push_str(&text),
            (Piece::Text { thought: false, text, .. }, _) if text.is_empty() => {}
            (Piece::Text { thought: false, text, .. }, _) => self.parts.push(ReplyPart::Text(text)),
            (Piece::Text { thought: true, text, signature }, Some(ReplyPart::Thinking { text: before, signature: open @ None })) => {
                before.push_str(&text);
                *open = signature;
            }
            (Piece::Text { thought: true, text, signature }, _) => self.parts.push(ReplyPart::Thinking { text, signature }),
            (Piece::Call { id, name, arguments, signature }, _) => {
                let id = id.unwrap_or_else(|| call_id(&stamp.seed, self.calls));
                self.calls = self.calls.saturating_add(1);
                self.parts.push(ReplyPart::ToolCall { id, name, arguments, signature });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Usage;

    fn read(body: &str) -> Result<Reply, BadAnswer> {
        let stamp = Stamp { created: 0, seed: "s".into(), model: "m".into(), wants_usage: false };
        read_reply(body.as_bytes(), &stamp)
    }

    #[track_caller]
    fn check(parts: &str, reason: &str, expected: &[ReplyPart], stop: &Stop) {
        let body = format!(r#"{{"candidates":[{{"content":{{"parts":{parts}}},"finishReason":"{reason}"}}]}}"#);
        let reply = read(&body).unwrap();
        assert_eq!((reply.parts.as_slice(), &reply.stop), (expected, stop));
    }

    #[test]
    fn neighbours_of_one_kind_are_joined() {
        check(
            r#"[{"text":"a","thought":true},{"text":"b","thought":true,"thoughtSignature":"c2ln"},{"text":"x"},{"text":"y","thoughtSignature":"no"},{"text":""}]"#,
            "STOP",
            &[ReplyPart::Thinking { text: "ab".into(), signature: Some("c2ln".into()) }, ReplyPart::Text("xy".into())],
            &Stop::End,
        );
    }

    #[test]
    fn calls_get_ids_and_keep_their_signature() {
        let call = |id: &str, arguments: &str, signature: Option<&str>| ReplyPart::ToolCall {
            id: id.into(),
            name: "f".into(),
            arguments: arguments.into(),
            signature: signature.map(str::to_owned),
        };
        check(
            r#"[{"functionCall":{"name":"f","args":{"b":1,"a":2}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"own","name":"f"}},{"functionCall":{"id":"","name":"f"}}]"#,
            "STOP",
            &[call("call_s_0", r#"{"b":1,"a":2}"#, Some("c2ln")), call("own", "{}", None), call("call_s_2", "{}", None)],
            &Stop::ToolCalls,
        );
    }

    #[test]
    fn an_answer_has_no_end_of_parts() {
        let body = |calls: usize| {
            let parts = vec![r#"{"functionCall":{"name":"f"}}"#; calls].join(",");
            read(&format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}},"finishReason":"STOP"}}]}}"#))
        };
        assert_eq!(body(limits::PARTS_MAX).unwrap().parts.len(), limits::PARTS_MAX);
        assert!(body(limits::PARTS_MAX + 1).is_err());
    }

    #[test]
    fn every_end_has_a_meaning() {
        for (reason, stop) in [("STOP", Stop::End), ("MAX_TOKENS", Stop::Length), ("SAFETY", Stop::Refused), ("NEW_WORD", Stop::Refused)] {
            check("[]", reason, &[], &stop);
        }
        let blocked = read(r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#).unwrap();
        assert_eq!(blocked.parts, [ReplyPart::Refusal("The operator blocked the prompt: SAFETY.".into())]);
        assert_eq!((blocked.stop, blocked.usage.unwrap().input_tokens), (Stop::Refused, 4));
    }

    #[test]
    fn counts_are_ours() {
        let body = r#"{"candidates":[{"finishReason":"STOP"}],"responseId":"r","modelVersion":"gemini","usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":6,"toolUsePromptTokenCount":1,"candidatesTokenCount":3,"thoughtsTokenCount":5,"totalTokenCount":19}}"#;
        let reply = read(body).unwrap();
        assert_eq!((reply.id.as_str(), reply.model.as_str()), ("r", "gemini"));
        let expected = Usage { input_tokens: 11, cache_read_tokens: 6, output_tokens: 8, reasoning_tokens: 5, ..Usage::default() };
        assert_eq!(reply.usage, Some(expected));
    }

    #[test]
    fn what_a_caller_would_miss_is_a_bad_answer() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"candidates":[]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"cut"}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":1}]},"finishReason":"STOP"}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},"finishReason":"STOP"}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"executableCode":{"code":"1"}}]},"finishReason":"STOP"}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"args":{}}}]},"finishReason":"STOP"}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":[]}}]},"finishReason":"STOP"}]}"#,
            r#"{"candidates":[{"content":{"parts":[]},"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
        check(r#"[{"thoughtSignature":"c2ln"},{"thought":true,"partMetadata":{}}]"#, "STOP", &[], &Stop::End);
    }
}

//! What an answer said, kept only so that its tokens can be estimated when the upstream counts none. Bounded, and never written anywhere.

use bytes::Bytes;
use comity_dialect::estimate::{OutputEstimate, estimate_by_size};
use serde_json::Value;

use crate::limits::{TRANSCRIPT_BYTES_MAX, WHOLE_BYTES_MAX};
use crate::sse::{Splitter, data};

/// The beginning of an answer as its caller got it, and how long it was. It has no text form: it is what a person may read of the answer.
#[derive(Default)]
pub struct Transcript {
    /// Frames of a stream.
    kept: Vec<u8>,
    /// The JSON of a whole answer.
    whole: Bytes,
    bytes: u64,
}

// === impl Transcript ===

impl Transcript {
    /// Of a whole answer.
    #[must_use]
    pub fn of_whole(answer: &Bytes) -> Self {
        let kept = if answer.len() <= WHOLE_BYTES_MAX { answer.clone() } else { Bytes::new() };
        Self { whole: kept, bytes: length(answer.len()), ..Self::default() }
    }

    pub(crate) fn push(&mut self, frames: &[u8]) {
        self.bytes = self.bytes.saturating_add(length(frames.len()));
        if self.kept.len().saturating_add(frames.len()) <= TRANSCRIPT_BYTES_MAX {
            self.kept.extend_from_slice(frames);
        }
    }

    /// Estimates the tokens of the answer: what was kept is counted, the rest taken to be like it. Takes milliseconds.
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        let mut estimate = OutputEstimate::new();
        let mut splitter = Splitter::new(TRANSCRIPT_BYTES_MAX);
        splitter.push(&self.kept);
        while let Ok(Some(frame)) = splitter.next_frame() {
            let json = data(&frame).and_then(|data| serde_json::from_slice::<Value>(&data).ok());
            json.iter().for_each(|event| said(event, &["choices", "delta"], &mut estimate));
        }
        if let Ok(answer) = serde_json::from_slice::<Value>(&self.whole) {
            said(&answer, &["choices", "output", "content"], &mut estimate);
        }
        let looked_at = self.kept.len().saturating_add(self.whole.len());
        if looked_at == 0 {
            return estimate_by_size(self.bytes);
        }
        let tokens = u128::from(estimate.tokens()).saturating_mul(u128::from(self.bytes)).div_ceil(u128::from(length(looked_at)));
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }

    /// How long the answer was.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Everything that the model said below some members of an object.
fn said(object: &Value, members: &[&str], estimate: &mut OutputEstimate) {
    members.iter().filter_map(|name| object.get(name)).for_each(|value| texts(value, true, estimate));
}

fn texts(value: &Value, is_text: bool, estimate: &mut OutputEstimate) {
    const SAID: [&str; 12] = [
        "content",
        "text",
        "arguments",
        "thinking",
        "reasoning_content",
        "reasoning",
        "partial_json",
        "refusal",
        "name",
        "delta",
        "summary",
        "input",
    ];
    const BETWEEN: [&str; 5] = ["message", "tool_calls", "function", "output", "custom"];
    match value {
        Value::String(text) if is_text => estimate.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, is_text, estimate)),
        Value::Object(members) => {
            for (name, member) in members {
                let is_said = SAID.contains(&name.as_str());
                if is_said || BETWEEN.contains(&name.as_str()) {
                    texts(member, is_said, estimate);
                }
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_counts() {
        let whole = |json: &'static str| Transcript::of_whole(&Bytes::from(json)).estimated_tokens();
        let chat = whole(r#"{"id":"a long id that does not count","choices":[{"message":{"role":"assistant","content":"hello world"}}]}"#);
        assert_eq!(chat, 2);
        assert_eq!(whole(r#"{"type":"message","content":[{"type":"text","text":"hello world"}],"usage":null}"#), 2);
        assert_eq!(
            whole(r#"{"instructions":"no","output":[{"type":"message","content":[{"type":"output_text","text":"hello world"}]}]}"#),
            2
        );
        assert_eq!(whole("{}"), 0);
    }

    #[test]
    fn what_was_not_kept_is_like_the_rest() {
        let frame = "data: {\"choices\":[{\"delta\":{\"content\":\"hello world\"}}]}\n\n";
        let estimate = |frames: usize| {
            let mut transcript = Transcript::default();
            (0..frames).for_each(|_| transcript.push(frame.as_bytes()));
            transcript.estimated_tokens()
        };
        let kept = TRANSCRIPT_BYTES_MAX / frame.len();
        let (full, double) = (estimate(kept), estimate(kept * 2));
        assert!(full > 0 && double.abs_diff(full * 2) <= full / 10, "{full} {double}");
    }
}

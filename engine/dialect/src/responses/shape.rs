//! The objects that callers get: a response and its items, whole or in a stream. What the call asked for is not known here, so the members
//! that repeat it say null or the default.

use serde_json::{Value, json};

use super::mark::UNSIGNED;
use crate::usage::Usage;

/// A response as far as it has come.
pub(super) struct Response<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) created: u64,
    pub(super) state: &'a State,
    pub(super) output: Vec<Value>,
    pub(super) usage: Option<Usage>,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    InProgress,
    Completed,
    /// With the reason, in the words of the dialect.
    Incomplete(&'static str),
    Failed {
        code: &'static str,
        message: String,
    },
}

// === impl Response ===

impl Response<'_> {
    pub(super) fn into_value(self) -> Value {
        let (error, incomplete_details) = match self.state {
            State::InProgress | State::Completed => (Value::Null, Value::Null),
            State::Incomplete(reason) => (Value::Null, json!({"reason": reason})),
            State::Failed { code, message } => (json!({"code": code, "message": message}), Value::Null),
        };
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": self.state.name(),
            "background": false,
            "error": error,
            "incomplete_details": incomplete_details,
            "instructions": null,
            "max_output_tokens": null,
            "model": self.model,
            "output": self.output,
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "store": false,
            "temperature": null,
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "truncation": "disabled",
            "usage": self.usage.map(usage),
            "metadata": {},
        })
    }
}

// === impl State ===

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }

    /// The status of the last item; those before it are complete.
    pub(super) const fn of_last_item(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::InProgress => "in_progress",
            Self::Incomplete(_) | Self::Failed { .. } => "incomplete",
        }
    }
}

/// A text of a message.
pub(super) fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

/// A refusal in a message.
pub(super) fn refusal(text: &str) -> Value {
    json!({"type": "refusal", "refusal": text})
}

/// A message.
pub(super) fn message(id: &str, status: &str, content: Vec<Value>) -> Value {
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
}

/// Thoughts.
pub(super) fn reasoning(id: &str, text: &str, encrypted: Option<&str>) -> Value {
    let summary = if text.is_empty() { vec![] } else { vec![summary_text(text)] };
    let encrypted = encrypted.or((!text.is_empty()).then_some(UNSIGNED));
    json!({"id": id, "type": "reasoning", "summary": summary, "encrypted_content": encrypted})
}

/// A text of thoughts.
pub(super) fn summary_text(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

/// A call without its id, status and arguments.
pub(super) struct Call<'a> {
    pub(super) call_id: &'a str,
    pub(super) name: &'a str,
}

/// A call of a function.
pub(super) fn function_call(id: &str, status: &str, call: &Call<'_>, arguments: &str) -> Value {
    json!({"id": id, "type": "function_call", "status": status, "arguments": arguments, "call_id": call.call_id, "name": call.name})
}

fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cache_write_tokens": usage.cache_write_tokens.saturating_add(usage.cache_write_hour_tokens),
            "cached_tokens": usage.cache_read_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
    })
}

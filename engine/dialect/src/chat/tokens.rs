//! The `usage` of an answer, both ways.

use serde_json::{Value, json};

use crate::usage::Usage;
use crate::wire;

/// Reads a `usage` object; nothing where it is absent or null.
pub(crate) fn read(usage: Option<&Value>) -> Option<Usage> {
    let usage = usage.filter(|usage| usage.is_object())?;
    let input = usage.get("prompt_tokens_details");
    // Where it stands: OpenAI; DeepSeek; Moonshot.
    let cached = [count(input, "cached_tokens"), count(Some(usage), "prompt_cache_hit_tokens"), count(Some(usage), "cached_tokens")];
    let reasoning_tokens = count(usage.get("completion_tokens_details"), "reasoning_tokens");
    Some(Usage {
        input_tokens: count(Some(usage), "prompt_tokens"),
        cache_read_tokens: cached.into_iter().max().unwrap_or(0),
        cache_write_tokens: count(input, "cache_write_tokens"),
        cache_write_hour_tokens: 0,
        output_tokens: output_tokens(usage, reasoning_tokens),
        reasoning_tokens,
    })
}

/// Writes a `usage` object. A sum of writes is all that the dialect knows, however long they are kept.
pub(super) fn write(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens.saturating_add(usage.cache_write_hour_tokens),
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// Thinking is part of `completion_tokens` at OpenAI. Some servers (xAI) count it beside them, which their total gives away.
fn output_tokens(usage: &Value, reasoning_tokens: u64) -> u64 {
    let completion = count(Some(usage), "completion_tokens");
    let both = completion.saturating_add(reasoning_tokens);
    let counted_beside = count(Some(usage), "total_tokens") == count(Some(usage), "prompt_tokens").saturating_add(both);
    if counted_beside { both } else { completion }
}

fn count(object: Option<&Value>, name: &str) -> u64 {
    wire::count(object.and_then(|object| object.get(name))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(usage: &Value, expected: Usage) {
        assert_eq!(read(Some(usage)), Some(expected));
    }

    #[test]
    fn as_openai_counts() {
        check(
            &json!({"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2}, "completion_tokens_details": {"reasoning_tokens": 5}}),
            Usage {
                input_tokens: 9,
                cache_read_tokens: 4,
                cache_write_tokens: 2,
                output_tokens: 12,
                reasoning_tokens: 5,
                ..Usage::default()
            },
        );
    }

    #[test]
    fn as_others_count() {
        check(
            &json!({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 1}),
            Usage { input_tokens: 9, cache_read_tokens: 8, output_tokens: 1, ..Usage::default() },
        );
        check(
            &json!({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 110, "completion_tokens_details": {"reasoning_tokens": 100}}),
            Usage { input_tokens: 9, output_tokens: 101, reasoning_tokens: 100, ..Usage::default() },
        );
        check(&json!({"prompt_tokens": null, "completion_tokens": -1}), Usage::default());
    }

    #[test]
    fn absent_is_not_zero() {
        assert_eq!(read(None), None);
        assert_eq!(read(Some(&Value::Null)), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let usage = Usage { input_tokens: 9, cache_read_tokens: 4, cache_write_tokens: 2, output_tokens: 3, ..Usage::default() };
        check(&write(&usage), usage);
    }
}

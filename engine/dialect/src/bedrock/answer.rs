//! What whole answers and streams share: why a model stopped, and what was counted.

use serde::Deserialize;

use crate::reply::Stop;
use crate::usage::Usage;

/// How an answer ended.
pub(super) enum Ending {
    /// It is complete, or was cut for a reason that callers know.
    Stop(Stop),
    /// What the model wrote was not well-formed.
    Malformed,
}

/// Bedrock's counts: those of the cache stand beside `inputTokens`, not within.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
    cache_details: Option<Vec<CacheDetail>>,
}

/// Of what was written to the cache, how much for how long.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CacheDetail {
    ttl: Option<String>,
    input_tokens: Option<u64>,
}

/// Why it stopped.
pub(super) fn ending(reason: &str) -> Ending {
    match reason {
        "end_turn" => Ending::Stop(Stop::End),
        "tool_use" => Ending::Stop(Stop::ToolCalls),
        "max_tokens" | "model_context_window_exceeded" => Ending::Stop(Stop::Length),
        "stop_sequence" => Ending::Stop(Stop::StopSequence(None)),
        "malformed_model_output" | "malformed_tool_use" => Ending::Malformed,
        // `guardrail_intervened` and `content_filtered`; what Bedrock adds must not look like an answer that is complete.
        _ => Ending::Stop(Stop::Refused),
    }
}

// === impl TokenUsage ===

impl TokenUsage {
    /// In our way of counting.
    pub(super) fn usage(&self) -> Usage {
        let read = self.cache_read_input_tokens.unwrap_or_default();
        let written = self.cache_write_input_tokens.unwrap_or_default();
        let details = self.cache_details.iter().flatten().filter(|detail| detail.ttl.as_deref() == Some("1h"));
        let hour = details.fold(0_u64, |sum, detail| sum.saturating_add(detail.input_tokens.unwrap_or_default())).min(written);
        Usage {
            input_tokens: self.input_tokens.unwrap_or_default().saturating_add(read).saturating_add(written),
            cache_read_tokens: read,
            cache_write_tokens: written.saturating_sub(hour),
            cache_write_hour_tokens: hour,
            output_tokens: self.output_tokens.unwrap_or_default(),
            reasoning_tokens: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(counted: &str, expected: Usage) {
        assert_eq!(serde_json::from_str::<TokenUsage>(counted).unwrap().usage(), expected);
    }

    #[test]
    fn cached_tokens_are_added_to_the_input() {
        check(
            r#"{"inputTokens":18,"outputTokens":386,"totalTokens":7906,"cacheReadInputTokens":2,"cacheWriteInputTokens":7500,"cacheDetails":[{"ttl":"1h","inputTokens":500},{"ttl":"5m","inputTokens":7000}]}"#,
            Usage {
                input_tokens: 7520,
                cache_read_tokens: 2,
                cache_write_tokens: 7000,
                cache_write_hour_tokens: 500,
                output_tokens: 386,
                reasoning_tokens: 0,
            },
        );
        check(r#"{"inputTokens":1,"outputTokens":2}"#, Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() });
        check("{}", Usage::default());
    }
}

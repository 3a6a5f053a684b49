//! Why an answer ended, both ways.

use serde_json::Value;

use crate::reply::Stop;

/// Reads `stop_reason`, with the `stop_sequence` beside it. Without a reason it is a plain end.
pub(super) fn read(holder: &Value) -> Stop {
    match holder.get("stop_reason").and_then(Value::as_str) {
        None | Some("end_turn") => Stop::End,
        Some("max_tokens" | "model_context_window_exceeded") => Stop::Length,
        Some("stop_sequence") => Stop::StopSequence(holder.get("stop_sequence").and_then(Value::as_str).map(str::to_owned)),
        Some("tool_use") => Stop::ToolCalls,
        Some("pause_turn") => Stop::Paused,
        // `refusal`; what Anthropic adds must not look like an answer that is complete.
        Some(_) => Stop::Refused,
    }
}

/// The operator's words about a refusal, in `stop_details` beside the reason.
pub(super) fn refusal(holder: &Value) -> Option<&str> {
    let details = holder.get("stop_details").filter(|details| details.get("type").and_then(Value::as_str) == Some("refusal"))?;
    details.get("explanation").and_then(Value::as_str).filter(|words| !words.is_empty())
}

/// Writes `stop_reason` and `stop_sequence`. Words of a refusal have no block of their own here: the reason says what they are.
pub(super) fn write(stop: &Stop, refused: bool) -> (&'static str, Option<&str>) {
    match stop {
        Stop::End if refused => ("refusal", None),
        Stop::End => ("end_turn", None),
        Stop::Length => ("max_tokens", None),
        Stop::ToolCalls => ("tool_use", None),
        Stop::StopSequence(which) => ("stop_sequence", which.as_deref()),
        Stop::Refused => ("refusal", None),
        Stop::Paused => ("pause_turn", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(reason: &str, stop: Stop) {
        let (written, sequence) = write(&stop, false);
        assert_eq!(written, reason);
        assert_eq!(read(&json!({ "stop_reason": reason, "stop_sequence": sequence })), stop);
    }

    #[test]
    fn every_reason() {
        check("end_turn", Stop::End);
        check("max_tokens", Stop::Length);
        check("stop_sequence", Stop::StopSequence(Some("###".to_owned())));
        check("tool_use", Stop::ToolCalls);
        check("refusal", Stop::Refused);
        check("pause_turn", Stop::Paused);
        assert_eq!(read(&json!({ "stop_reason": "model_context_window_exceeded" })), Stop::Length);
        assert_eq!(read(&json!({ "stop_reason": null })), Stop::End);
        assert_eq!(read(&json!({ "stop_reason": "new" })), Stop::Refused);
        assert_eq!(write(&Stop::End, true).0, "refusal");
    }
}

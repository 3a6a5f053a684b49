//! Errors: what an Anthropic upstream says, and the names that Anthropic's callers know.

use serde_json::{Value, json};

use crate::error::UpstreamProblem;

/// Reads the body of an error: `{"type": "error", "error": {"type", "message"}}`.
#[must_use]
pub fn read_problem(body: &[u8]) -> Option<UpstreamProblem> {
    read_error(&serde_json::from_slice(body).ok()?)
}

/// Reads the object that holds `error`.
pub(super) fn read_error(holder: &Value) -> Option<UpstreamProblem> {
    let error = holder.get("error")?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let problem = UpstreamProblem { kind: text("type"), message: text("message") };
    (!problem.kind.is_empty() || !problem.message.is_empty()).then_some(problem)
}

/// Writes an error of any upstream.
pub(super) fn write_error(kind: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": name(kind), "message": message } })
}

/// Anthropic's name for a kind of error in any upstream's words. Whether the gateway's own credential is good is none of the caller's
/// business, so such errors are the API's.
fn name(kind: &str) -> &'static str {
    match kind {
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" | "throttlingException" | "ThrottlingException" => {
            "rate_limit_error"
        }
        "overloaded_error" | "overloaded" | "UNAVAILABLE" | "serviceUnavailableException" | "ServiceUnavailableException" => {
            "overloaded_error"
        }
        "invalid_request_error" | "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "validationException" | "ValidationException" => {
            "invalid_request_error"
        }
        "request_too_large" => "request_too_large",
        "timeout_error" | "DEADLINE_EXCEEDED" | "modelTimeoutException" | "ModelTimeoutException" => "timeout_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(kind, message)| UpstreamProblem { kind: kind.to_owned(), message: message.to_owned() });
        assert_eq!(read_problem(body.as_bytes()), expected);
    }

    #[test]
    fn problems() {
        check(
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
            Some(("overloaded_error", "Overloaded")),
        );
        check(r#"{"error":{"message":"no"}}"#, Some(("", "no")));
        for none in ["", "[]", "{}", r#"{"error":"no"}"#, "<html>"] {
            check(none, None);
        }
    }

    #[test]
    fn kinds_get_names_that_anthropic_has() {
        for (kind, expected) in [
            ("RESOURCE_EXHAUSTED", "rate_limit_error"),
            ("overloaded_error", "overloaded_error"),
            ("authentication_error", "api_error"),
            ("", "api_error"),
        ] {
            assert_eq!(name(kind), expected);
        }
    }
}

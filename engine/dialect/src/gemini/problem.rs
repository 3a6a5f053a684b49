//! Reads an error: `{"error": {"code", "message", "status"}}`, which streams put into a list.

use serde_json::Value;

use crate::error::UpstreamProblem;

/// Reads an error's body; nothing where it is not Gemini's.
#[must_use]
pub fn read_problem(body: &[u8]) -> Option<UpstreamProblem> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(&body);
    problem(body.get("error")?)
}

/// Reads what stands under `error`.
pub(super) fn problem(error: &Value) -> Option<UpstreamProblem> {
    let text = |name| error.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(UpstreamProblem { kind: text("status").unwrap_or_default(), message: text("message")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<(&str, &str)>) {
        let found = read_problem(body.as_bytes());
        assert_eq!(found.as_ref().map(|found| (found.kind.as_str(), found.message.as_str())), expected);
    }

    #[test]
    fn errors_alone_or_in_a_list() {
        check(r#"{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}"#, Some(("INVALID_ARGUMENT", "no")));
        check(r#"[{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED","details":[]}}]"#, Some(("RESOURCE_EXHAUSTED", "no")));
        check(r#"{"error":{"message":"no"}}"#, Some(("", "no")));
        for other in ["", "<html>", "[]", "{}", r#"{"error":"no"}"#, r#"{"error":{"code":400}}"#] {
            check(other, None);
        }
    }
}

//! Reads an upstream's error: the body of a refused call, an answer whose status is `failed`, or the events `error` and `response.failed`.

use serde_json::Value;

use super::read_reply::text;
use crate::error::UpstreamProblem;

/// The error in a body, if there is one.
#[must_use]
pub fn read_problem(body: &[u8]) -> Option<UpstreamProblem> {
    problem(&serde_json::from_slice(body).ok()?)
}

/// The error in an answer, an event or an error body.
pub(super) fn problem(body: &Value) -> Option<UpstreamProblem> {
    let holder = body.get("response").unwrap_or(body);
    match holder.get("error") {
        Some(Value::String(message)) => Some(UpstreamProblem { kind: String::new(), message: message.clone() }),
        Some(error @ Value::Object(_)) => described(error),
        // Flat, as in the event `error` and at some servers of this dialect.
        Some(_) | None => described(holder),
    }
}

fn described(error: &Value) -> Option<UpstreamProblem> {
    let message = error.get("message")?.as_str()?.to_owned();
    // In events `type` is the event's, and in answers there is only `code`.
    let kind = [text(error, "type"), text(error, "code")].into_iter().find(|kind| !["", "error"].contains(kind));
    Some(UpstreamProblem { kind: kind.unwrap_or_default().to_owned(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(kind, message)| UpstreamProblem { kind: kind.into(), message: message.into() });
        assert_eq!(read_problem(body.as_bytes()), expected, "{body}");
    }

    #[test]
    fn every_shape_is_read() {
        check(r#"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":null}}"#, Some(("invalid_request_error", "m")));
        check(r#"{"object":"response","status":"failed","error":{"code":"server_error","message":"m"}}"#, Some(("server_error", "m")));
        check(r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"m"}}}"#, Some(("server_error", "m")));
        check(r#"{"type":"error","code":"rate_limit_exceeded","message":"m","param":null}"#, Some(("rate_limit_exceeded", "m")));
        check(r#"{"type":"error","error":{"type":"server_error","message":"m"}}"#, Some(("server_error", "m")));
        check(r#"{"error":"m"}"#, Some(("", "m")));
        check(r#"{"object":"response","status":"completed","error":null}"#, None);
        check("<html>", None);
    }
}

//! Errors of upstreams: OpenAI's `error` object, and the shapes of servers that have their own.

use serde_json::Value;

use crate::error::UpstreamProblem;

/// Reads the body of an answer with an error status; nothing where it has none of the known shapes.
pub fn read_problem(body: &[u8]) -> Option<UpstreamProblem> {
    let body: Value = serde_json::from_slice(body).ok()?;
    // Gemini's compatible API puts its errors in a list.
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(&body);
    in_chunk(body).or_else(|| flat(body))
}

/// The error in a chunk or an answer that came with a status of success; nothing where it is none.
pub(super) fn in_chunk(body: &Value) -> Option<UpstreamProblem> {
    match body.get("error") {
        Some(Value::String(message)) => Some(UpstreamProblem { kind: String::new(), message: message.clone() }),
        Some(error @ Value::Object(_)) => Some(UpstreamProblem { kind: kind(error), message: message(error).unwrap_or_default() }),
        // `{"object": "error", "message": …}`: Mistral (at times `Error`), and vLLM and SGLang of 2024.
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {
            let named = body.get("object").and_then(Value::as_str).is_some_and(|object| object.eq_ignore_ascii_case("error"));
            if named { flat(body) } else { None }
        }
    }
}

/// An error without a wrapper: `{"message": …, "type": …}`, FastAPI's `{"detail": …}`.
pub(super) fn flat(body: &Value) -> Option<UpstreamProblem> {
    Some(UpstreamProblem { kind: kind(body), message: message(body)? })
}

fn kind(error: &Value) -> String {
    let word = |name: &str| error.get(name).map(plain).filter(|word| !word.is_empty());
    word("type").or_else(|| word("code")).unwrap_or_default()
}

fn message(error: &Value) -> Option<String> {
    let said = error.get("message").filter(|message| !message.is_null()).or_else(|| error.get("detail"))?;
    Some(plain(said)).filter(|message| !message.is_empty())
}

/// Text as it is, anything else as JSON: some servers give codes as numbers and messages as lists of faults.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(kind, message)| UpstreamProblem { kind: kind.to_owned(), message: message.to_owned() });
        assert_eq!(read_problem(body.as_bytes()), expected, "{body}");
    }

    #[test]
    fn shapes_of_errors() {
        check(
            r#"{"error":{"message":"no such model","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            Some(("invalid_request_error", "no such model")),
        );
        check(r#"{"error":{"message":"slow down","type":null,"code":429}}"#, Some(("429", "slow down")));
        check(r#"{"error":"model not found"}"#, Some(("", "model not found")));
        check(r#"{"object":"error","message":"busy","type":"overloaded","code":503}"#, Some(("overloaded", "busy")));
        check(r#"{"detail":[{"loc":["body","user"],"msg":"extra"}]}"#, Some(("", r#"[{"loc":["body","user"],"msg":"extra"}]"#)));
        check(r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#, Some(("400", "bad")));
    }

    #[test]
    fn what_is_no_error() {
        check("<html>", None);
        check("[]", None);
        check(r#"{"choices":[],"error":null}"#, None);
    }
}

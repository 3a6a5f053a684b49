//! Reads an error: `{"message"}`, for some `{"Message"}`. Its kind stands in the header `x-amzn-errortype`, rarely in the body as `__type`.

use serde_json::Value;

use crate::error::UpstreamProblem;

/// Reads an error's body; nothing where it is not Bedrock's.
#[must_use]
pub fn read_problem(body: &[u8]) -> Option<UpstreamProblem> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |name| body.get(name).and_then(Value::as_str);
    let kind = text("__type").map(|kind| kind.rsplit_once('#').map_or(kind, |(_, name)| name));
    let message = ["message", "Message", "originalMessage"].into_iter().find_map(text);
    if kind.is_none() && message.is_none() {
        return None;
    }
    Some(UpstreamProblem { kind: kind.unwrap_or_default().to_owned(), message: message.unwrap_or_default().to_owned() })
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
    fn messages_with_and_without_a_kind() {
        check(r#"{"message":"no"}"#, Some(("", "no")));
        check(r#"{"Message":"no"}"#, Some(("", "no")));
        check(r#"{"__type":"com.amazon.coral#ThrottlingException","message":"no"}"#, Some(("ThrottlingException", "no")));
        check(r#"{"__type":"UnknownOperationException"}"#, Some(("UnknownOperationException", "")));
        for other in ["", "<html>", "[]", "{}", r#"{"message":1}"#] {
            check(other, None);
        }
    }
}

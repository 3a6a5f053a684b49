//! What a gateway's error body says, read once for `ask` and `demo`.
//!
//! It reads the gateway's own words and invents none: what is absent stays absent.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// One refused or failed call.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) decision: Option<String>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) would_help: Vec<String>,
}

/// One term that refused.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reason {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) goal: String,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) basis: Option<String>,
}

// === impl Refusal ===

impl Refusal {
    /// Reads the body of an answer that is no success.
    pub(crate) fn read(status: StatusCode, body: &Value) -> Self {
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let comity = body.get("comity").or_else(|| body.pointer("/error/comity")).cloned().unwrap_or_default();
        let list = |name: &str| comity.get(name).cloned().unwrap_or_default();
        Self {
            status,
            code: text("/error/code").unwrap_or_default(),
            message: text("/error/message").unwrap_or_default(),
            decision: comity.get("decision").and_then(Value::as_str).map(str::to_owned),
            reasons: serde_json::from_value(list("reasons")).unwrap_or_default(),
            would_help: serde_json::from_value(list("would_help")).unwrap_or_default(),
        }
    }

    /// Whether the terms refused, rather than something failing.
    pub(crate) fn is_denial(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.code == "terms_refused"
    }

    /// One sentence for a person.
    pub(crate) fn sentence(&self) -> String {
        let said = if self.message.is_empty() { format!("the gateway answered {}", self.status) } else { self.message.clone() };
        said.trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_is_read_and_nothing_else_is_one() {
        let body = json!({
            "error": { "message": "no.", "code": "terms_refused" },
            "comity": { "decision": "ab", "reasons": [{ "id": "clearance", "goal": "security", "reason": "r" }], "would_help": ["w"] },
        });
        let refusal = Refusal::read(StatusCode::FORBIDDEN, &body);
        assert!(refusal.is_denial());
        assert_eq!((refusal.sentence().as_str(), refusal.reasons.len(), refusal.would_help.len()), ("no", 1, 1));
        let failed = Refusal::read(StatusCode::BAD_GATEWAY, &Value::Null);
        assert!(!failed.is_denial());
        assert_eq!(failed.sentence(), "the gateway answered 502 Bad Gateway");
    }
}

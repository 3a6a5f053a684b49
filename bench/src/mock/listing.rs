//! Lists of models and single ones, in the shape of each dialect.

use serde_json::{Value, json};

use super::answer::CREATED;
use super::call::{Call, Dialect};
use super::errors::JSON;
use super::score::Score;

const NAME: &str = "mock-echo";

pub(crate) fn all(call: &Call) -> Score {
    let model = shaped(call.dialect, NAME);
    let list = match call.dialect {
        Dialect::OpenAi | Dialect::Azure | Dialect::Bedrock => json!({ "object": "list", "data": [model] }),
        Dialect::Anthropic => json!({ "data": [model], "first_id": NAME, "last_id": NAME, "has_more": false }),
        Dialect::Gemini => json!({ "models": [model] }),
    };
    Score::whole(200, JSON, list.to_string())
}

pub(crate) fn one(call: &Call) -> Score {
    Score::whole(200, JSON, shaped(call.dialect, &call.model).to_string())
}

fn shaped(dialect: Dialect, name: &str) -> Value {
    match dialect {
        Dialect::OpenAi | Dialect::Azure | Dialect::Bedrock => {
            json!({ "id": name, "object": "model", "created": CREATED, "owned_by": "mock" })
        }
        Dialect::Anthropic => json!({
            "type": "model",
            "id": name,
            "display_name": "Mock",
            "created_at": "2025-01-01T00:00:00Z",
            "lifecycle": "active",
        }),
        Dialect::Gemini => json!({
            "name": format!("models/{name}"),
            "displayName": "Mock",
            "inputTokenLimit": 8192,
            "outputTokenLimit": 8192,
            "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
        }),
    }
}

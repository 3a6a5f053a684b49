//! What an upstream speaks, and where each of its APIs is.

use std::collections::BTreeSet;

use comity_dialect::{Api, Wire};
use http::Method;

/// What an upstream speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI, and everything compatible.
    OpenAi,
    /// OpenAI's models on Azure: deployments and versions in the address.
    Azure {
        /// `api-version` of the addresses below `/openai/deployments`; nothing for the newer ones below `/openai/v1`.
        version: Option<String>,
    },
    /// Anthropic.
    Anthropic,
    /// Google's own.
    Gemini,
    /// Amazon's `Converse`.
    Bedrock,
}

/// The APIs that an upstream of OpenAI's dialect has.
pub type Apis = BTreeSet<Api>;

/// One API of an upstream, as one call uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `chat/completions`
    Chat,
    /// `responses`
    Responses,
    /// `responses/{id}`: what the upstream keeps.
    Kept {
        /// The upstream's id.
        id: String,
        /// GET or DELETE.
        method: Method,
    },
    /// `embeddings`
    Embeddings,
    /// `messages`
    Messages,
    /// `messages/count_tokens`
    CountTokens,
    /// `models/{model}:generateContent`, or `:streamGenerateContent`
    Gemini,
    /// `model/{model}/converse`, or `converse-stream`
    Bedrock,
}

/// What stands in an address beside its base.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address<'a> {
    pub(crate) endpoint: &'a Endpoint,
    /// The model as the upstream knows it.
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
}

// === impl Dialect ===

impl Dialect {
    /// The API of this upstream that carries a call made through `api`; nothing when none can. The caller's own dialect comes first,
    /// because a call that stays in it leaves byte for byte.
    #[must_use]
    pub fn endpoint(&self, api: Api, apis: &Apis) -> Option<Endpoint> {
        let has = |api| apis.contains(&api);
        match (self, api) {
            (Self::OpenAi | Self::Azure { .. }, Api::Embeddings) => has(Api::Embeddings).then_some(Endpoint::Embeddings),
            (Self::OpenAi | Self::Azure { .. }, Api::Responses) if has(Api::Responses) => Some(Endpoint::Responses),
            (Self::OpenAi | Self::Azure { .. }, Api::Chat | Api::Messages | Api::Responses) if has(Api::Chat) => Some(Endpoint::Chat),
            (Self::OpenAi | Self::Azure { .. }, Api::Chat | Api::Messages) if has(Api::Responses) => Some(Endpoint::Responses),
            (Self::Anthropic, Api::CountTokens) => Some(Endpoint::CountTokens),
            (Self::Anthropic, Api::Chat | Api::Responses | Api::Messages) => Some(Endpoint::Messages),
            (Self::Gemini, Api::Chat | Api::Responses | Api::Messages) => Some(Endpoint::Gemini),
            (Self::Bedrock, Api::Chat | Api::Responses | Api::Messages) => Some(Endpoint::Bedrock),
            (Self::OpenAi | Self::Azure { .. }, Api::Chat | Api::Responses | Api::Messages | Api::CountTokens)
            | (Self::Anthropic | Self::Gemini | Self::Bedrock, Api::Embeddings)
            | (Self::Gemini | Self::Bedrock, Api::CountTokens) => None,
        }
    }

    /// Path below the base address, and query.
    pub(crate) fn path(&self, address: Address<'_>) -> String {
        let Address { endpoint, model, stream } = address;
        let model = escaped(model);
        if let Self::Azure { version } = self {
            return azure(version.as_deref(), (endpoint, &model));
        }
        match (endpoint, stream) {
            (Endpoint::Chat, _) => "chat/completions".to_owned(),
            (Endpoint::Responses, _) => "responses".to_owned(),
            (Endpoint::Kept { id, .. }, _) => format!("responses/{}", escaped(id)),
            (Endpoint::Embeddings, _) => "embeddings".to_owned(),
            (Endpoint::Messages, _) => "messages".to_owned(),
            (Endpoint::CountTokens, _) => "messages/count_tokens".to_owned(),
            (Endpoint::Gemini, false) => format!("models/{model}:generateContent"),
            (Endpoint::Gemini, true) => format!("models/{model}:streamGenerateContent?alt=sse"),
            (Endpoint::Bedrock, false) => format!("model/{model}/converse"),
            (Endpoint::Bedrock, true) => format!("model/{model}/converse-stream"),
        }
    }

    /// The header that carries the credential, and what stands before it.
    pub(crate) const fn credential_header(&self) -> (&'static str, &'static str) {
        match self {
            Self::OpenAi | Self::Bedrock => ("authorization", "Bearer "),
            Self::Azure { .. } => ("api-key", ""),
            Self::Anthropic => ("x-api-key", ""),
            Self::Gemini => ("x-goog-api-key", ""),
        }
    }
}

fn azure(version: Option<&str>, (endpoint, deployment): (&Endpoint, &str)) -> String {
    let name = match endpoint {
        Endpoint::Chat => "chat/completions".to_owned(),
        Endpoint::Embeddings => "embeddings".to_owned(),
        Endpoint::Responses => "responses".to_owned(),
        Endpoint::Kept { id, .. } => format!("responses/{}", escaped(id)),
        Endpoint::Messages | Endpoint::CountTokens | Endpoint::Gemini | Endpoint::Bedrock => String::new(),
    };
    match (version, endpoint) {
        (None, _) => format!("openai/v1/{name}"),
        // Responses name the deployment in their body.
        (Some(version), Endpoint::Responses | Endpoint::Kept { .. }) => format!("openai/{name}?api-version={}", escaped(version)),
        (Some(version), _) => format!("openai/deployments/{deployment}/{name}?api-version={}", escaped(version)),
    }
}

/// Percent-encoded as one segment of a path.
pub(crate) fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, UNRESERVED).to_string()
}

/// All but the unreserved characters of RFC 3986, section 2.3.
const UNRESERVED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

// === impl Endpoint ===

impl Endpoint {
    /// The wire format spoken there.
    #[must_use]
    pub const fn wire(&self) -> Wire {
        match self {
            Self::Chat => Wire::Chat,
            Self::Responses | Self::Kept { .. } => Wire::Responses,
            Self::Embeddings => Wire::Embeddings,
            Self::Messages => Wire::Messages,
            Self::CountTokens => Wire::CountTokens,
            Self::Gemini => Wire::Gemini,
            Self::Bedrock => Wire::Bedrock,
        }
    }

    /// Whether the model stands in the address and not in the body.
    #[must_use]
    pub const fn has_model_in_body(&self) -> bool {
        match self {
            Self::Chat | Self::Responses | Self::Embeddings | Self::Messages | Self::CountTokens => true,
            Self::Kept { .. } | Self::Gemini | Self::Bedrock => false,
        }
    }

    pub(crate) fn method(&self) -> Method {
        if let Self::Kept { method, .. } = self { method.clone() } else { Method::POST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: &Dialect, endpoint: &Endpoint, expected: [&str; 2]) {
        let path = |stream| dialect.path(Address { endpoint, model: "a/b:0", stream });
        assert_eq!([path(false).as_str(), path(true).as_str()], expected, "{dialect:?} {endpoint:?}");
    }

    #[test]
    fn every_api_is_where_its_operator_has_it() {
        let kept = Endpoint::Kept { id: "resp_1/..".to_owned(), method: Method::GET };
        check(&Dialect::OpenAi, &Endpoint::Chat, ["chat/completions"; 2]);
        check(&Dialect::OpenAi, &kept, ["responses/resp_1%2F.."; 2]);
        check(&Dialect::Anthropic, &Endpoint::CountTokens, ["messages/count_tokens"; 2]);
        check(&Dialect::Gemini, &Endpoint::Gemini, ["models/a%2Fb%3A0:generateContent", "models/a%2Fb%3A0:streamGenerateContent?alt=sse"]);
        check(&Dialect::Bedrock, &Endpoint::Bedrock, ["model/a%2Fb%3A0/converse", "model/a%2Fb%3A0/converse-stream"]);
        let dated = Dialect::Azure { version: Some("2024-10-21".to_owned()) };
        check(&dated, &Endpoint::Chat, ["openai/deployments/a%2Fb%3A0/chat/completions?api-version=2024-10-21"; 2]);
        check(&dated, &Endpoint::Responses, ["openai/responses?api-version=2024-10-21"; 2]);
        check(&Dialect::Azure { version: None }, &Endpoint::Chat, ["openai/v1/chat/completions"; 2]);
    }

    #[test]
    fn the_callers_own_dialect_comes_first() {
        let all: Apis = [Api::Chat, Api::Responses, Api::Embeddings].into();
        let chat: Apis = [Api::Chat].into();
        for (dialect, api, apis, expected) in [
            (Dialect::OpenAi, Api::Responses, &all, Some(Endpoint::Responses)),
            (Dialect::OpenAi, Api::Responses, &chat, Some(Endpoint::Chat)),
            (Dialect::OpenAi, Api::Messages, &all, Some(Endpoint::Chat)),
            (Dialect::OpenAi, Api::CountTokens, &all, None),
            (Dialect::OpenAi, Api::Embeddings, &chat, None),
            (Dialect::Anthropic, Api::Chat, &all, Some(Endpoint::Messages)),
            (Dialect::Bedrock, Api::Embeddings, &all, None),
        ] {
            assert_eq!(dialect.endpoint(api, apis), expected, "{dialect:?} {api:?}");
        }
    }
}

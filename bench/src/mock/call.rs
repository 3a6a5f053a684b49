//! Reads from method and path what a call asks for: which dialect, which operation, which model, and how its stream is framed.
//! It never looks into the body, so that load modes need not parse one.

use http::Method;

/// Whose API a path belongs to: it decides the shape of errors and the credential that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI and everything compatible: `/v1/chat/completions`, `/v1/responses`, `/v1/embeddings`, `/v1/models`.
    OpenAi,
    /// Azure OpenAI: the same below `/openai/deployments/{deployment}/` and `/openai/v1/`.
    Azure,
    /// Anthropic: `/v1/messages`, `/v1/messages/count_tokens`.
    Anthropic,
    /// Google Gemini: `/v1beta/models/{model}:generateContent` and its neighbours.
    Gemini,
    /// AWS Bedrock: `/model/{id}/converse`, `/model/{id}/converse-stream`, `/model/{id}/count-tokens`.
    Bedrock,
}

/// The five ways to ask a model for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Chat,
    Responses,
    Messages,
    Gemini,
    Converse,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Generate(Api),
    CountTokens(Api),
    Embed,
    EmbedContent,
    EmbedContents,
    Models,
    Model,
    /// A response by its id: read it.
    ReadResponse(String),
    /// A response by its id: forget it.
    DeleteResponse(String),
    /// What a stored response was asked.
    InputItems(String),
    Unknown,
}

/// How the answer is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One JSON text, or server-sent events if the body says `"stream": true`.
    ByBody,
    Whole,
    Events,
    /// Gemini without `alt=sse`: the elements of one JSON array.
    Array,
    /// AWS event stream messages.
    Binary,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) dialect: Dialect,
    pub(crate) operation: Operation,
    /// From the path, percent-decoded; empty where the body names the model.
    pub(crate) model: String,
    pub(crate) framing: Framing,
    /// Azure's `api-version`, if given.
    pub(crate) api_version: Option<String>,
}

// === impl Call ===

impl Call {
    /// `path` without the mode's segment. `anthropic` is true if the call carries `anthropic-version`, which decides about `/v1/models`.
    pub(crate) fn read(method: &Method, path: &str, query: &str, anthropic: bool) -> Call {
        let segments: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let azure = words.first() == Some(&"openai");
        let plain = if azure { Dialect::Azure } else { Dialect::OpenAi };
        let listing = if anthropic { Dialect::Anthropic } else { plain };
        let call = |dialect: Dialect, operation: Operation| Call {
            dialect,
            operation,
            model: String::new(),
            framing: Framing::ByBody,
            api_version: parameter(query, "api-version").map(str::to_owned),
        };
        match words.as_slice() {
            ["openai", "deployments", deployment, "chat", "completions"] => call(plain, Operation::Generate(Api::Chat)).of(deployment),
            ["openai", "deployments", deployment, "embeddings"] => call(plain, Operation::Embed).of(deployment),
            [.., "chat", "completions"] => call(plain, Operation::Generate(Api::Chat)),
            [.., "embeddings"] => call(plain, Operation::Embed),
            [.., "responses"] => call(plain, Operation::Generate(Api::Responses)),
            [.., "responses", id] if method == Method::DELETE => call(plain, Operation::DeleteResponse((*id).to_owned())),
            [.., "responses", id] => call(plain, Operation::ReadResponse((*id).to_owned())),
            [.., "responses", id, "input_items"] => call(plain, Operation::InputItems((*id).to_owned())),
            [.., "messages"] => call(Dialect::Anthropic, Operation::Generate(Api::Messages)),
            [.., "messages", "count_tokens"] => call(Dialect::Anthropic, Operation::CountTokens(Api::Messages)),
            ["v1beta", .., "models"] => call(Dialect::Gemini, Operation::Models),
            ["v1beta", .., "models", name] => gemini(call(Dialect::Gemini, Operation::Model), name, query),
            [.., "models"] => call(listing, Operation::Models),
            [.., "models", name] => call(listing, Operation::Model).of(name),
            [.., "model", id, verb] => bedrock(call(Dialect::Bedrock, Operation::Unknown).of(id), verb),
            _ => call(plain, Operation::Unknown),
        }
    }

    fn of(mut self, model: &str) -> Call {
        self.model = model.to_owned();
        self
    }

    /// `said` is what the body says of streaming.
    pub(crate) fn framing(&self, said: bool) -> Framing {
        match self.framing {
            Framing::ByBody if said => Framing::Events,
            Framing::ByBody => Framing::Whole,
            framing @ (Framing::Whole | Framing::Events | Framing::Array | Framing::Binary) => framing,
        }
    }
}

fn gemini(call: Call, name: &str, query: &str) -> Call {
    let (model, verb) = name.split_once(':').unwrap_or((name, ""));
    let events = if parameter(query, "alt") == Some("sse") { Framing::Events } else { Framing::Array };
    let (operation, framing) = match verb {
        "" => (Operation::Model, Framing::Whole),
        "generateContent" => (Operation::Generate(Api::Gemini), Framing::Whole),
        "streamGenerateContent" => (Operation::Generate(Api::Gemini), events),
        "countTokens" => (Operation::CountTokens(Api::Gemini), Framing::Whole),
        "embedContent" => (Operation::EmbedContent, Framing::Whole),
        "batchEmbedContents" => (Operation::EmbedContents, Framing::Whole),
        _ => (Operation::Unknown, Framing::Whole),
    };
    Call { operation, framing, ..call.of(model) }
}

fn bedrock(call: Call, verb: &str) -> Call {
    let (operation, framing) = match verb {
        "converse" => (Operation::Generate(Api::Converse), Framing::Whole),
        "converse-stream" => (Operation::Generate(Api::Converse), Framing::Binary),
        "count-tokens" => (Operation::CountTokens(Api::Converse), Framing::Whole),
        _ => (Operation::Unknown, Framing::Whole),
    };
    Call { operation, framing, ..call }
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Percent-decoding; what is not a valid escape stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|two| hex::decode(two).ok());
        match escape {
            Some(byte) => {
                bytes.extend(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, dialect: Dialect, operation: Operation) -> Call {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let call = Call::read(&Method::POST, path, query, false);
        assert_eq!((call.dialect, &call.operation), (dialect, &operation), "{target}");
        call
    }

    #[test]
    fn every_dialect_is_known_by_its_paths() {
        check("/v1/chat/completions", Dialect::OpenAi, Operation::Generate(Api::Chat));
        check("/v1/responses", Dialect::OpenAi, Operation::Generate(Api::Responses));
        check("/v1/responses/resp_1", Dialect::OpenAi, Operation::ReadResponse("resp_1".to_owned()));
        check("/v1/messages/count_tokens", Dialect::Anthropic, Operation::CountTokens(Api::Messages));
        check("/openai/v1/responses", Dialect::Azure, Operation::Generate(Api::Responses));
        let azure = check("/openai/deployments/d/chat/completions?api-version=1", Dialect::Azure, Operation::Generate(Api::Chat));
        assert_eq!((azure.model.as_str(), azure.api_version.as_deref()), ("d", Some("1")));
        let gemini = check("/v1beta/models/g-1:streamGenerateContent?alt=sse", Dialect::Gemini, Operation::Generate(Api::Gemini));
        assert_eq!((gemini.model.as_str(), gemini.framing(false)), ("g-1", Framing::Events));
        let bedrock = check("/model/a.b-v1%3A0/converse-stream", Dialect::Bedrock, Operation::Generate(Api::Converse));
        assert_eq!((bedrock.model.as_str(), bedrock.framing(false)), ("a.b-v1:0", Framing::Binary));
        check("/v1/images", Dialect::OpenAi, Operation::Unknown);
    }

    #[test]
    fn the_list_of_models_is_anthropics_if_the_call_is() {
        assert_eq!(Call::read(&Method::GET, "/v1/models", "", true).dialect, Dialect::Anthropic);
        assert_eq!(Call::read(&Method::GET, "/v1/models/m", "", false).operation, Operation::Model);
    }

    #[test]
    fn a_broken_escape_stays() {
        assert_eq!(decoded("a%3Ab%zz%4"), "a:b%zz%4");
    }
}

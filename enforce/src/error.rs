//! Turns what went wrong with a call into the answer of that dialect. The only file that knows status codes of refusals.
//!
//! What the caller may know and what the log must know are two messages: nothing here shows an upstream's trouble with our credential,
//! a path, or anything of another call.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use comity_dialect::Api;
use comity_vocab::{Digest, Plain};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

/// Why a call got no answer.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The caller sent something that is not a call. The field, where it is one.
    Invalid { message: String, param: Option<String> },
    /// A body over its bound, in bytes.
    TooLarge(usize),
    /// A body that did not come in time.
    TooSlow,
    /// No key that opens anything.
    UnknownKey(String),
    /// Nothing is behind the name.
    NoOffering(String),
    /// The field names something that this workload's calls never made.
    UnknownId(&'static str),
    /// A field whose meaning cannot be kept.
    CannotHonour { message: String, param: String },
    /// The terms refuse.
    Refused(Box<Refused>),
    /// A bound on calls at once.
    Busy(&'static str),
    /// Decisions cannot be written, or keys not be read.
    LedgerUnavailable(&'static str),
    /// The upstream refuses the call itself; its own words, which may repeat the call, go to the caller only.
    Passed(Box<Passed>),
    /// The upstream limits us.
    UpstreamBusy { message: String, retry_after: Option<HeaderValue> },
    /// The upstream failed.
    UpstreamFailed(String),
    /// The upstream took too long.
    UpstreamTimeout(String),
    /// The upstream answered, and we failed at the answer.
    Withheld(&'static str),
    /// Our own fault.
    Internal(&'static str),
}

/// An upstream's own answer.
pub(crate) struct Passed {
    pub(crate) status: StatusCode,
    pub(crate) said: Said,
}

/// In which form an upstream's answer reaches the caller.
pub(crate) enum Said {
    /// Byte for byte: both speak the same dialect.
    AsItIs {
        /// The filtered headers.
        headers: HeaderMap,
        /// The body.
        body: Plain<Bytes>,
    },
    /// Its words in the shape of the caller's dialect.
    InWords(Plain<String>),
}

/// A refusal by the terms, with what a caller can do about it.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) would_help: Vec<String>,
}

/// One term that stood in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Reason {
    pub(crate) id: String,
    pub(crate) goal: String,
    pub(crate) reason: String,
    pub(crate) basis: Option<String>,
    pub(crate) layer: String,
}

/// What is known of the decision when a call ends: shown with every answer and refusal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Decided {
    pub(crate) decision: Option<Digest>,
    pub(crate) leaf: Option<LeafReceipt>,
}

/// What a caller keeps to show later that the ledger lacks none of its calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafReceipt {
    /// The index of the leaf.
    pub(crate) leaf: u64,
    /// The number of the call among those of its API key.
    pub(crate) sequence: u64,
    /// The salt of the leaf's commitment to that number.
    pub(crate) salt: [u8; 32],
}

/// OpenAI's shape.
#[derive(Serialize)]
struct OpenAiWire<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'static str,
    comity: WireComity<'a>,
}

/// The event that ends a stream of `/v1/responses`.
#[derive(Serialize)]
struct ResponsesErrorEvent<'a> {
    r#type: &'static str,
    code: &'static str,
    message: &'a str,
    param: Option<&'a str>,
    sequence_number: u64,
    comity: WireComity<'a>,
}

/// Anthropic's shape.
#[derive(Serialize)]
struct AnthropicWire<'a> {
    r#type: &'static str,
    error: AnthropicError<'a>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    r#type: &'static str,
    message: &'a str,
    code: &'static str,
    param: Option<&'a str>,
    comity: WireComity<'a>,
}

#[derive(Serialize)]
struct WireComity<'a> {
    decision: Option<Digest>,
    reasons: &'a [Reason],
    would_help: &'a [String],
}

/// Status, type and code of an error, as OpenAI's SDKs sort them.
struct Shape {
    status: StatusCode,
    r#type: &'static str,
    code: &'static str,
}

// === impl CallError ===

impl CallError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: None }
    }

    pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), param: Some(field.to_owned()) }
    }

    pub(crate) fn cannot_honour(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::CannotHonour { message: message.into(), param: field.into() }
    }

    /// The code for metrics and for callers.
    pub(crate) fn code(&self) -> &'static str {
        self.shape().code
    }

    fn shape(&self) -> Shape {
        let shape = |status, r#type, code| Shape { status, r#type, code };
        match self {
            Self::Invalid { .. } => shape(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_request"),
            Self::TooLarge(_) => shape(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", "too_large"),
            Self::TooSlow => shape(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", "too_slow"),
            Self::UnknownKey(_) => shape(StatusCode::UNAUTHORIZED, "authentication_error", "unknown_key"),
            Self::NoOffering(_) => shape(StatusCode::NOT_FOUND, "invalid_request_error", "no_offering"),
            Self::UnknownId(_) => shape(StatusCode::NOT_FOUND, "invalid_request_error", "unknown_id"),
            Self::CannotHonour { .. } => shape(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", "cannot_honour"),
            Self::Refused(_) => shape(StatusCode::FORBIDDEN, "permission_error", "terms_refused"),
            Self::Busy(_) | Self::UpstreamBusy { .. } => shape(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limited"),
            Self::LedgerUnavailable(_) => shape(StatusCode::SERVICE_UNAVAILABLE, "api_error", "ledger_unavailable"),
            Self::Passed(passed) => shape(passed.status, "invalid_request_error", "upstream_refused"),
            Self::UpstreamFailed(_) => shape(StatusCode::BAD_GATEWAY, "api_error", "upstream_failed"),
            Self::UpstreamTimeout(_) => shape(StatusCode::GATEWAY_TIMEOUT, "api_error", "upstream_timeout"),
            Self::Withheld(_) => shape(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "answer_withheld"),
            Self::Internal(_) => shape(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "internal"),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Invalid { message, .. }
            | Self::CannotHonour { message, .. }
            | Self::UnknownKey(message)
            | Self::NoOffering(message)
            | Self::UpstreamFailed(message)
            | Self::UpstreamTimeout(message)
            | Self::UpstreamBusy { message, .. } => message.clone(),
            Self::TooLarge(max) => format!("the body is larger than {max} bytes: send less, or raise `body_bytes_max` in `comity.toml`"),
            Self::TooSlow => "the body did not arrive in time: send it again over a faster connection".to_owned(),
            Self::Refused(refused) => refused.message.clone(),
            Self::Busy(what) => format!("{what}: try again in a moment"),
            Self::LedgerUnavailable(what) => format!("{what}: nothing was sent; try again in a moment"),
            Self::UnknownId(field) => {
                format!(
                    "`{field}` names something that no call of this workload made here, that is older than 30 days, or that its upstream \
                     does not keep: send what it stands for"
                )
            }
            Self::Passed(passed) => match &passed.said {
                Said::AsItIs { .. } => "the upstream refused the call".to_owned(),
                Said::InWords(words) => words.expose().clone(),
            },
            Self::Withheld(why) => format!("{why}, so it is withheld; the gateway's log says more"),
            Self::Internal(what) => format!("{what}: nothing was sent; the gateway's log says more"),
        }
    }

    /// The answer for the caller, in the shape of its dialect.
    pub(crate) fn into_response(self, decided: Decided, api: Api) -> Response {
        let retry_after = self.retry_after();
        let mut response = match self.into_passed() {
            Ok(passed) => passed,
            Err(error) => error.own_response(decided, api),
        };
        if let Some(value) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        decided.mark(response.headers_mut());
        response
    }

    /// An upstream's own answer, where both speak the same dialect.
    fn into_passed(self) -> Result<Response, Self> {
        let Self::Passed(passed) = self else { return Err(self) };
        match *passed {
            Passed { status, said: Said::AsItIs { headers, body } } => {
                let mut response = Response::new(Body::from(body.expose().clone()));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                Ok(response)
            }
            Passed { status, said: Said::InWords(words) } => Err(Self::Passed(Box::new(Passed { status, said: Said::InWords(words) }))),
        }
    }

    fn own_response(self, decided: Decided, api: Api) -> Response {
        let status = self.shape().status;
        let mut response = Response::new(Body::from(self.json(decided, api)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// The error as JSON of the caller's dialect.
    fn json(&self, decided: Decided, api: Api) -> String {
        let (shape, message, param) = (self.shape(), self.message(), self.param());
        let comity = self.comity(decided);
        let json = if api.is_anthropic() {
            let error = AnthropicError { r#type: shape.anthropic_type(), message: &message, code: shape.code, param, comity };
            serde_json::to_string(&AnthropicWire { r#type: "error", error })
        } else {
            let error = OpenAiError { message: &message, r#type: shape.r#type, param, code: shape.code, comity };
            serde_json::to_string(&OpenAiWire { error })
        };
        json.unwrap_or_default()
    }

    fn comity(&self, decided: Decided) -> WireComity<'_> {
        let (reasons, would_help): (&[Reason], &[String]) =
            if let Self::Refused(refused) = self { (&refused.reasons, &refused.would_help) } else { (&[], &[]) };
        WireComity { decision: decided.decision, reasons, would_help }
    }

    /// The field at fault.
    fn param(&self) -> Option<&str> {
        if let Self::CannotHonour { param, .. } = self {
            return Some(param);
        }
        if let Self::UnknownId(field) = self {
            return Some(field);
        }
        if let Self::Invalid { param, .. } = self { param.as_deref() } else { None }
    }

    fn retry_after(&self) -> Option<HeaderValue> {
        if let Self::UpstreamBusy { retry_after, .. } = self {
            return Some(retry_after.clone().unwrap_or(HeaderValue::from_static("1")));
        }
        let soon = matches!(self, Self::Busy(_) | Self::LedgerUnavailable(_));
        soon.then(|| HeaderValue::from_static("1"))
    }

    /// The event that ends a stream which broke off: SDKs raise it as an error, or show it as one.
    pub(crate) fn into_event(self, decided: Decided, api: Api) -> Bytes {
        let text = match api {
            Api::Chat | Api::Embeddings => format!("data: {}\n\n", self.json(decided, api)),
            Api::Messages | Api::CountTokens => format!("event: error\ndata: {}\n\n", self.json(decided, api)),
            Api::Responses => {
                let (code, message, comity) = (self.shape().code, self.message(), self.comity(decided));
                let event = ResponsesErrorEvent { r#type: "error", code, message: &message, param: None, sequence_number: LAST, comity };
                format!("event: error\ndata: {}\n\n", serde_json::to_string(&event).unwrap_or_default())
            }
        };
        Bytes::from(text)
    }
}

/// The gateway does not count the events that pass; nothing comes after this one.
const LAST: u64 = 2_147_483_647;

// === impl Shape ===

impl Shape {
    /// As Anthropic's SDKs sort errors.
    fn anthropic_type(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            503 | 529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        }
    }
}

// === impl Passed ===

impl std::fmt::Debug for Passed {
    /// Without the body, which may repeat the call.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Passed({})", self.status.as_u16())
    }
}

// === impl Decided ===

impl Decided {
    /// Writes the headers that name the decision.
    pub(crate) fn mark(self, headers: &mut HeaderMap) {
        if let Some(value) = self.decision.and_then(|decision| HeaderValue::from_str(&decision.to_string()).ok()) {
            headers.insert("comity-decision", value);
        }
        if let Some(leaf) = self.leaf {
            // Structured as an item with parameters (RFC 8941), so that a plain reader finds the index first.
            let text = format!("{}; sequence={}; salt={}", leaf.leaf, leaf.sequence, hex::encode(leaf.salt));
            headers.extend(HeaderValue::from_str(&text).ok().map(|value| (HeaderName::from_static("comity-leaf"), value)));
        }
    }
}

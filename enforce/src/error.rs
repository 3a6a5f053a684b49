//! Turns what went wrong with a call into the answer of that dialect. The only file that knows status codes of refusals.
//!
//! What the caller may know and what the log must know are two messages: nothing here shows an upstream's trouble with our credential,
//! a path, or anything of another call.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use comity_vocab::{Digest, Plain};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
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
    /// Our own fault.
    Internal(&'static str),
}

/// An upstream's own answer.
pub(crate) struct Passed {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Plain<Bytes>,
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
    pub(crate) leaf: Option<u64>,
}

#[derive(Serialize)]
struct Wire<'a> {
    error: WireError<'a>,
}

#[derive(Serialize)]
struct WireError<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'static str,
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
            Self::CannotHonour { .. } => shape(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", "cannot_honour"),
            Self::Refused(_) => shape(StatusCode::FORBIDDEN, "permission_error", "terms_refused"),
            Self::Busy(_) | Self::UpstreamBusy { .. } => shape(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limited"),
            Self::LedgerUnavailable(_) => shape(StatusCode::SERVICE_UNAVAILABLE, "api_error", "ledger_unavailable"),
            Self::Passed(passed) => shape(passed.status, "invalid_request_error", "upstream_refused"),
            Self::UpstreamFailed(_) => shape(StatusCode::BAD_GATEWAY, "api_error", "upstream_failed"),
            Self::UpstreamTimeout(_) => shape(StatusCode::GATEWAY_TIMEOUT, "api_error", "upstream_timeout"),
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
            Self::Passed(_) => "the upstream refused the call".to_owned(),
            Self::Internal(what) => format!("{what}: nothing was sent; the gateway's log says more"),
        }
    }

    /// The answer for the caller.
    pub(crate) fn into_response(self, decided: Decided) -> Response {
        let retry_after = self.retry_after();
        let mut response = if let Self::Passed(passed) = self { passed.into_response() } else { self.own_response(decided) };
        if let Some(value) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        decided.mark(response.headers_mut());
        response
    }

    fn own_response(self, decided: Decided) -> Response {
        let (shape, message) = (self.shape(), self.message());
        let (reasons, would_help): (&[Reason], &[String]) =
            if let Self::Refused(refused) = &self { (&refused.reasons, &refused.would_help) } else { (&[], &[]) };
        let param = self.param();
        let comity = WireComity { decision: decided.decision, reasons, would_help };
        let wire = Wire { error: WireError { message: &message, r#type: shape.r#type, param, code: shape.code, comity } };
        let body = serde_json::to_vec(&wire).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = shape.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// The field at fault.
    fn param(&self) -> Option<&str> {
        if let Self::CannotHonour { param, .. } = self {
            return Some(param);
        }
        if let Self::Invalid { param, .. } = self { param.as_deref() } else { None }
    }

    fn retry_after(&self) -> Option<HeaderValue> {
        if let Self::UpstreamBusy { retry_after, .. } = self {
            return retry_after.clone();
        }
        let soon = matches!(self, Self::Busy(_) | Self::LedgerUnavailable(_));
        soon.then(|| HeaderValue::from_static("1"))
    }

    /// The event that ends a stream which broke off: SDKs raise it as an error.
    pub(crate) fn into_event(self, decided: Decided) -> Bytes {
        let (shape, message) = (self.shape(), self.message());
        let comity = WireComity { decision: decided.decision, reasons: &[], would_help: &[] };
        let wire = Wire { error: WireError { message: &message, r#type: shape.r#type, param: None, code: shape.code, comity } };
        Bytes::from(format!("data: {}\n\n", serde_json::to_string(&wire).unwrap_or_default()))
    }
}

// === impl Passed ===

impl Passed {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body.expose().clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

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
            headers.insert("comity-leaf", HeaderValue::from(leaf));
        }
    }
}

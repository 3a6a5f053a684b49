//! Errors in each dialect's own shape: whole answers with a status, and events in mid-stream. Which error is due is decided elsewhere.

use bytes::Bytes;
use serde_json::{Value, json};

use super::binary;
use super::call::{Api, Call, Dialect, Framing};
use super::score::Score;

pub(crate) const JSON: &str = "application/json";

/// What the upstream does not like, before it is put into a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// The field, where the dialect names one.
    pub(crate) param: Option<String>,
    /// The code, where the dialect has one of its own for this.
    pub(crate) code: Option<&'static str>,
}

// === impl Complaint ===

impl Complaint {
    pub(crate) fn bad(message: impl Into<String>) -> Complaint {
        Complaint { status: 400, message: message.into(), param: None, code: None }
    }

    pub(crate) fn status(status: u16, message: impl Into<String>) -> Complaint {
        Complaint { status, ..Complaint::bad(message) }
    }

    pub(crate) fn of(mut self, param: &str) -> Complaint {
        self.param = Some(param.to_owned());
        self
    }

    pub(crate) fn coded(mut self, code: &'static str) -> Complaint {
        self.code = Some(code);
        self
    }
}

/// 404 for a path or thing that is not there.
pub(crate) fn not_found(call: &Call, message: &str) -> Score {
    refused(call, &Complaint::status(404, message).coded("not_found"))
}

/// A status that a mode asks for, with the text that the dialect usually has for it.
pub(crate) fn status(call: &Call, code: u16) -> Score {
    let message = match code {
        400 => "Invalid value: 'mock'.",
        401 => "Incorrect API key provided.",
        403 => "You are not allowed to use this model.",
        404 => "The model does not exist or you do not have access to it.",
        429 => "Rate limit reached for requests.",
        503 | 529 => "The engine is currently overloaded, please try again later.",
        _ => "The server had an error while processing your request.",
    };
    let score = refused(call, &Complaint::status(code, message));
    if matches!(code, 429 | 503 | 529) { score.header("retry-after", "1") } else { score }
}

/// A complaint as a whole answer.
pub(crate) fn refused(call: &Call, complaint: &Complaint) -> Score {
    let score = Score::whole(complaint.status, JSON, body(call.dialect, complaint).to_string());
    match call.dialect {
        Dialect::Anthropic => score.header("request-id", "req_mock"),
        Dialect::Bedrock => score.header("x-amzn-errortype", bedrock_name(complaint.status)).header("x-amzn-requestid", "mock"),
        Dialect::OpenAi | Dialect::Azure | Dialect::Gemini => score,
    }
}

fn body(dialect: Dialect, complaint: &Complaint) -> Value {
    let Complaint { status, message, param, code } = complaint;
    match dialect {
        Dialect::Azure if *status == 401 => json!({ "error": { "code": "401", "message": message } }),
        Dialect::Azure if *status == 404 && code.is_none() => json!({ "error": { "code": "DeploymentNotFound", "message": message } }),
        Dialect::OpenAi | Dialect::Azure => {
            let (kind, usual) = openai_names(*status);
            json!({ "error": { "message": message, "type": kind, "param": param, "code": code.unwrap_or(usual) } })
        }
        Dialect::Anthropic => anthropic(*status, message),
        Dialect::Gemini => json!({ "error": { "code": status, "message": message, "status": gemini_name(*status) } }),
        Dialect::Bedrock => json!({ "message": message }),
    }
}

fn openai_names(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("invalid_request_error", "invalid_value"),
        401 => ("invalid_request_error", "invalid_api_key"),
        403 => ("invalid_request_error", "forbidden"),
        404 => ("invalid_request_error", "model_not_found"),
        429 => ("requests", "rate_limit_exceeded"),
        503 => ("server_error", "overloaded"),
        _ => ("server_error", "mock_error"),
    }
}

fn anthropic(status: u16, message: &str) -> Value {
    let kind = match status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "req_mock" })
}

fn gemini_name(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

fn bedrock_name(status: u16) -> &'static str {
    match status {
        400 => "ValidationException",
        401 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    }
}

/// An error as an event of a stream that began with status 200.
pub(crate) fn event(call: &Call, api: Api, framing: Framing) -> Bytes {
    let complaint = Complaint::status(500, "The server had an error while processing your request.");
    let shape = body(call.dialect, &complaint);
    let text = match api {
        Api::Chat => {
            let error = json!({ "message": complaint.message, "type": "server_error", "param": null, "code": null });
            format!("data: {}\n\n", json!({ "error": error }))
        }
        Api::Responses => {
            let error =
                json!({ "type": "error", "code": "server_error", "message": complaint.message, "param": null, "sequence_number": 0 });
            format!("event: error\ndata: {error}\n\n")
        }
        Api::Messages => {
            let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
            format!("event: error\ndata: {error}\n\n")
        }
        Api::Gemini if framing == Framing::Array => format!(",\r\n{shape}"),
        Api::Gemini => format!("data: {shape}\r\n\r\n"),
        Api::Converse => return binary::exception("internalServerException", &shape),
    };
    Bytes::from(text)
}

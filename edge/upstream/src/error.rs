//! What can go wrong between a permit and an answer.
//!
//! Messages are for the log and name no content: an upstream's error body may repeat the call, so it wears `Plain`.

use std::fmt;

use bytes::Bytes;
use comity_dialect::UpstreamProblem;
use comity_vocab::Plain;
use http::{HeaderMap, StatusCode};

/// Which of permit, receipt and prepared call do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The receipt is for another decision or offering: the leaf of this one may not be durable.
    #[error("the receipt is for another decision or offering")]
    Receipt,
    /// The call was prepared for another decision.
    #[error("the call was prepared for another decision")]
    Decision,
    /// The call was prepared for another offering.
    #[error("the call was prepared for another offering")]
    Offering,
    /// The credential is bound to another origin, or cannot sign the call.
    #[error("the credential is bound to another address, or cannot sign the call")]
    Credential,
    /// Not exactly the means that the permit names were applied.
    #[error("the means of the permit were not applied")]
    Means,
}

/// No answer, and nothing of one was given out.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing was sent: permit, receipt and call do not belong together.
    #[error("not sent: {0}")]
    Refused(Mismatch),
    /// No connection: name, TCP, TLS or the connect timeout.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// Nothing came in time.
    #[error("no answer within {0} ms")]
    FirstByteTimeout(u128),
    /// The answer stopped coming.
    #[error("the answer paused for longer than {0} ms")]
    IdleTimeout(u128),
    /// The whole took too long.
    #[error("the answer was not complete within {0} ms")]
    TotalTimeout(u128),
    /// The connection broke before the answer was complete.
    #[error("the connection broke: {0}")]
    Reset(String),
    /// An answer that is not a success.
    #[error("the upstream answered with status {}", .0.code.as_u16())]
    Status(Box<UpstreamStatus>),
    /// The answer is over its bound.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Not the kind of answer that was asked for.
    #[error("not a usable answer: {0}")]
    BadAnswer(&'static str),
    /// The local model's queue is full.
    #[error("the local model's queue is full")]
    Busy,
    /// The local model cannot do what a field asks for.
    #[error("{message}")]
    CannotHonour {
        /// The field.
        field: String,
        /// Why, as a sentence that names the field.
        message: String,
    },
    /// The local model cannot read the call.
    #[error("{0}")]
    BadCall(String),
}

/// An upstream's answer that is not a success.
pub struct UpstreamStatus {
    /// The status code.
    pub code: StatusCode,
    /// The filtered headers.
    pub headers: HeaderMap,
    /// The body, cut at a bound. It may repeat parts of the call.
    pub body: Plain<Bytes>,
    /// The caller's dialect is another than that of the body.
    pub translated: bool,
    /// What the body says, for such a caller, where it can be read.
    pub problem: Option<Plain<UpstreamProblem>>,
}

// === impl SendError ===

impl SendError {
    /// Whether another offering may succeed where this one failed. What is wrong with the call itself stays wrong elsewhere.
    #[must_use]
    pub fn may_fall_back(&self) -> bool {
        matches!(self, Self::CannotHonour { .. }) || !self.is_blamed_on_call()
    }

    /// Whether the call is at fault, and not the upstream.
    #[must_use]
    pub fn is_blamed_on_call(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::FirstByteTimeout(_)
            | Self::IdleTimeout(_)
            | Self::TotalTimeout(_)
            | Self::Reset(_)
            | Self::TooLarge(_)
            | Self::BadAnswer(_)
            | Self::Busy => false,
            Self::Refused(_) | Self::BadCall(_) | Self::CannotHonour { .. } => true,
            Self::Status(status) => status.is_blamed_on_call(),
        }
    }

    /// Whether time ran out, as opposed to a failure.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::FirstByteTimeout(_) | Self::IdleTimeout(_) | Self::TotalTimeout(_))
    }
}

// === impl UpstreamStatus ===

impl UpstreamStatus {
    /// Whether the call itself is at fault: its shape or size. Credential, model name, rate and the operator's own trouble are not its fault.
    #[must_use]
    pub fn is_blamed_on_call(&self) -> bool {
        matches!(self.code.as_u16(), 400 | 413 | 415 | 422)
    }
}

impl fmt::Debug for UpstreamStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamStatus({})", self.code.as_u16())
    }
}

/// A stream of an answer broke off. What was given out before stays valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Nothing came for too long.
    #[error("the answer paused for longer than {0} ms")]
    Idle(u128),
    /// The whole took too long.
    #[error("the answer was not complete within {0} ms")]
    Total(u128),
    /// The connection or the generation broke; the text is for the log.
    #[error("the connection broke: {0}")]
    Reset(String),
    /// One event is over its bound.
    #[error("an event of the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// A piece of the answer is not in its upstream's dialect.
    #[error("not a usable answer: {0}")]
    BadAnswer(&'static str),
    /// The stream ended without its terminal event.
    #[error("the answer ended without its terminal event")]
    Truncated,
}

impl From<StreamError> for SendError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Idle(ms) => Self::IdleTimeout(ms),
            StreamError::Total(ms) => Self::TotalTimeout(ms),
            StreamError::Reset(why) => Self::Reset(why),
            StreamError::TooLarge(bytes) => Self::TooLarge(bytes),
            StreamError::BadAnswer(what) => Self::BadAnswer(what),
            StreamError::Truncated => Self::Reset("the answer ended before its first event".to_owned()),
        }
    }
}

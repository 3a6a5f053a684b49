//! An answer as it streams, in no dialect. Readers make these events from an upstream's frames, writers make the caller's frames from them.
//!
//! Order, which every reader keeps and every writer may rely on: `Start`; then parts, one after the other, never interleaved, each
//! `PartStart`, any number of `Delta`, `PartStop`; then `End`. `Error` may come at any time and is the last event. `Usage` may come at any
//! time between `Start` and `End`.

use crate::reply::Stop;
use crate::usage::Usage;

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The upstream accepted the call.
    Start {
        /// Its id; empty where it gave none.
        id: String,
        /// The model as it names it; empty where it did not say.
        model: String,
    },
    /// A part begins; parts are counted from 0.
    PartStart {
        /// Its number.
        index: usize,
        /// What it is.
        part: PartStart,
    },
    /// More of the part that is open.
    Delta {
        /// The part's number.
        index: usize,
        /// What is added.
        delta: Delta,
    },
    /// The part is complete.
    PartStop {
        /// Its number.
        index: usize,
    },
    /// What has been counted so far; later counts replace earlier ones ([`Usage::updated_by`]).
    Usage(Usage),
    /// Nothing is open, and the answer is complete. All usage came before.
    End {
        /// Why it ended.
        stop: Stop,
    },
    /// The upstream failed in mid-stream.
    Error {
        /// Its kind in the upstream's words (`overloaded_error`); may be empty.
        kind: String,
        /// Its message, for the caller.
        message: String,
    },
}

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartStart {
    /// Text.
    Text,
    /// Thoughts.
    Thinking,
    /// Thoughts that only the operator can read: complete at once, as base64.
    RedactedThinking(String),
    /// A refusal in words.
    Refusal,
    /// A call of a function; its arguments follow.
    ToolCall {
        /// Links it with its result.
        id: String,
        /// The function.
        name: String,
    },
}

/// What is added to a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// Text, thoughts, or words of a refusal, as the part is.
    Text(String),
    /// More of a function's arguments, as JSON text.
    Arguments(String),
    /// The operator's proof of the thoughts in this part (or, with Gemini, of the thought behind this call); whole.
    Signature(String),
}

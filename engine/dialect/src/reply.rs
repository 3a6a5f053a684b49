//! A whole answer, in no dialect.

use crate::usage::Usage;

/// A complete answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The upstream's own id; empty where it gave none.
    pub id: String,
    /// The model as the upstream names it; empty where it did not say.
    pub model: String,
    /// What the model said, in order.
    pub parts: Vec<ReplyPart>,
    /// Why it stopped.
    pub stop: Stop,
    /// What was counted; nothing where the upstream did not say.
    pub usage: Option<Usage>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyPart {
    /// Text.
    Text(String),
    /// Thoughts, or their summary.
    Thinking {
        /// The text; may be empty.
        text: String,
        /// The operator's proof that the text is its own, needed to hand it back.
        signature: Option<String>,
    },
    /// Thoughts that only the operator can read, as base64.
    RedactedThinking(String),
    /// The model refused, in these words.
    Refusal(String),
    /// The model calls a function.
    ToolCall {
        /// The upstream's id, or one that the reader made from [`Stamp`] where the dialect has none (Gemini).
        id: String,
        /// The function.
        name: String,
        /// A JSON object as text.
        arguments: String,
        /// Gemini's proof of the thought behind the call, needed to hand it back.
        signature: Option<String>,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It had said everything.
    End,
    /// The most tokens were reached, or the context is full.
    Length,
    /// It waits for the results of functions.
    ToolCalls,
    /// A text of `stop` came; which, where the upstream says so.
    StopSequence(Option<String>),
    /// The operator's filter, or the model, refused.
    Refused,
    /// The operator paused a long turn; the caller may continue it.
    Paused,
}

/// What the reader and writer of an answer need from outside: they have no clock and no randomness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Seconds since 1970, for `created` and `created_at`.
    pub created: u64,
    /// Unique for this call, letters and digits: ids that a dialect wants and the upstream did not give are made from it.
    pub seed: String,
    /// The name that the caller asked for as `model`, for answers of upstreams that do not name theirs.
    pub model: String,
    /// For streams in the chat dialect: whether the caller wants the event that carries usage.
    pub wants_usage: bool,
}

/// The id of a call that its upstream gave none, made from [`Stamp::seed`] and the call's number in the answer.
pub(crate) fn call_id(seed: &str, number: usize) -> String {
    format!("call_{seed}_{number}")
}

// === impl Stop ===

impl Stop {
    /// The same, unless functions were called: some dialects end such an answer like any other.
    #[must_use]
    pub fn or_tool_calls(self, called: bool) -> Self {
        if called && self == Self::End { Self::ToolCalls } else { self }
    }

    /// The same, unless what was said decides: dialects and servers differ in what they say after calls and refusals.
    #[must_use]
    pub(crate) fn settled(self, called: bool, refused: bool) -> Self {
        let stop = if self == Self::ToolCalls { Self::End } else { self }.or_tool_calls(called);
        if refused && stop == Self::End { Self::Refused } else { stop }
    }
}

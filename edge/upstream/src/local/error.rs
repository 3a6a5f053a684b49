//! What can go wrong with the demonstration model, in words that a person can act on. It never quotes a message's text.

use std::path::PathBuf;

/// Why a model was not loaded or a chat not answered.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The file cannot be opened or read.
    #[error("cannot read the model file `{path}`")]
    Read {
        /// As it was given.
        path: PathBuf,
        /// From the operating system.
        source: std::io::Error,
    },
    /// Not GGUF, or cut short.
    #[error("`{path}` is not a whole GGUF file: {problem}")]
    Damaged {
        /// As it was given.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// GGUF, but of a kind that this model cannot run.
    #[error("the demonstration model cannot run `{path}`: {problem}")]
    Unsupported {
        /// As it was given.
        path: PathBuf,
        /// What is not supported.
        problem: String,
    },
    /// The threads could not be started.
    #[error("cannot start the threads of the demonstration model")]
    Threads(#[source] std::io::Error),
    /// The queue is full: 429.
    #[error("the demonstration model is busy and its queue is full")]
    Busy,
    /// The threads are gone: 502.
    #[error("the demonstration model has stopped")]
    Stopped,
    /// The model broke while it answered: 502.
    #[error("the demonstration model failed: {0}")]
    Failed(String),
    /// The chat does not fit: 400.
    #[error("the chat has {prompt} tokens and asks for {completion} more, but the context of the demonstration model is {context} tokens")]
    Context {
        /// Tokens of the messages, or a lower bound where that suffices.
        prompt: usize,
        /// Tokens asked for.
        completion: u32,
        /// Tokens of both together.
        context: usize,
    },
    /// The body is not JSON: 400.
    #[error("the body is not a JSON object: {0}")]
    Json(String),
    /// A field's value is wrong: 400.
    #[error("`{field}` {problem}")]
    Field {
        /// Path, such as `messages[2].content`.
        field: String,
        /// What is wrong, as the end of a sentence.
        problem: String,
    },
    /// The field means something that this model cannot do: `cannot_honour`, 422.
    #[error("the demonstration model cannot honour `{field}`: {problem}")]
    CannotHonour {
        /// Path, such as `messages[2].content[0]`.
        field: String,
        /// Why.
        problem: String,
    },
}

// === impl LocalError ===

impl LocalError {
    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> LocalError {
        LocalError::Field { field: field.into(), problem: problem.into() }
    }

    pub(super) fn cannot_honour(field: impl Into<String>, problem: impl Into<String>) -> LocalError {
        LocalError::CannotHonour { field: field.into(), problem: problem.into() }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            LocalError::Read { .. } => "get the demonstration model with `comity model install smollm2`",
            LocalError::Damaged { .. } => "get the file again, for example with `comity model install smollm2`",
            LocalError::Unsupported { .. } | LocalError::CannotHonour { .. } => {
                "serve a larger model with any OpenAI-compatible server, such as llama.cpp's, and name it as an upstream in `comity.toml`"
            }
            LocalError::Busy => "try again later, or raise `queue` of the local model in `comity.toml`",
            LocalError::Context { .. } => "shorten the messages or lower `max_tokens`",
            LocalError::Threads(_) | LocalError::Stopped | LocalError::Failed(_) | LocalError::Json(_) | LocalError::Field { .. } => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

//! Why a model is not taken. These errors arise before any text is read, so they may say all that they know.

use std::path::PathBuf;

use crate::limits::LABELS_MAX;

/// A model, tokenizer or runtime that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GlinerError {
    /// Nobody says where the ONNX Runtime is.
    #[error("no ONNX Runtime is named")]
    NoRuntime,
    /// The runtime does not load, or is too old.
    #[error("the ONNX Runtime `{}` cannot be used: {reason}", path.display())]
    Runtime {
        /// Its file.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// The tokenizer does not load.
    #[error("the tokenizer `{}` cannot be used: {reason}", path.display())]
    Tokenizer {
        /// Its file.
        path: PathBuf,
        /// What its reader says.
        reason: String,
    },
    /// The model does not load.
    #[error("the model `{}` cannot be used: {reason}", path.display())]
    Model {
        /// Its file.
        path: PathBuf,
        /// What the runtime says.
        reason: String,
    },
    /// The model is another one than is needed.
    #[error("the model `{}` is not one of GLiNER in span mode: {reason}", path.display())]
    NotSpanMode {
        /// Its file.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
    },
    /// The threshold is no probability.
    #[error("the threshold must be above 0 and below 1")]
    Threshold,
    /// No labels, too many, or one without letters.
    #[error("a model is asked for 1 to {LABELS_MAX} labels, none of them empty")]
    Labels,
    /// The expression for words does not compile.
    #[error("the expression for words does not compile")]
    Splitter,
}

// === impl GlinerError ===

impl GlinerError {
    /// What to do, where a person can do something.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoRuntime => Some("install ONNX Runtime 1.17 or newer and name its library in `runtime`, or in `ORT_DYLIB_PATH`"),
            Self::Runtime { .. } => {
                Some("name the library itself, of this machine's architecture and of version 1.17 or newer: `libonnxruntime.so.1.…`")
            }
            Self::Tokenizer { .. } => Some("take the `tokenizer.json` that belongs to the model; it knows `<<ENT>>` and `<<SEP>>`"),
            Self::Model { .. } => Some("name the `.onnx` file; where it has a file of weights beside it, keep both in one folder"),
            Self::NotSpanMode { .. } => {
                Some("take an ONNX export of a GLiNER v1 or v2.1 model in span mode, not in token mode, and not GLiNER2")
            }
            Self::Threshold => Some("leave it out for 0.5; lower finds more and leaks less"),
            Self::Labels => Some("leave `labels` out for the usual ones, or write some like `labels = { person = \"person\" }`"),
            Self::Splitter => None,
        }
    }
}
